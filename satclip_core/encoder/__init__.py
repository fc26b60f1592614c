"""Degrees to embeddings: encodings, networks, the fine field, the fast path for grids."""

from __future__ import annotations

from .encoder import EncoderConfig, LocationEncoder, ModelInfo, Projection
from .two_part import TwoPartConfig, TwoPartEncoder

__all__ = [
    "EncoderConfig",
    "LocationEncoder",
    "ModelInfo",
    "Projection",
    "TwoPartConfig",
    "TwoPartEncoder",
]
