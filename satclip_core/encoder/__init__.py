"""Degrees to embeddings: positional encodings, networks, the fast path for grids."""

from __future__ import annotations

from .encoder import EncoderConfig, LocationEncoder, ModelInfo

__all__ = ["EncoderConfig", "LocationEncoder", "ModelInfo"]
