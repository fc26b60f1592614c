"""Degrees to embeddings: encodings, networks, the fine field, the fast path for grids."""

from __future__ import annotations

from .devices import DEVICES, on_device
from .encoder import EncoderConfig, LocationEncoder, ModelInfo, Projection
from .modal import COORDINATES, ModalEncoder, Modalities
from .two_part import TwoPartConfig, TwoPartEncoder

__all__ = [
    "COORDINATES",
    "DEVICES",
    "EncoderConfig",
    "LocationEncoder",
    "ModalEncoder",
    "Modalities",
    "ModelInfo",
    "Projection",
    "TwoPartConfig",
    "TwoPartEncoder",
    "on_device",
]
