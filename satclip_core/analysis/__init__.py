"""What embeddings are used for, as mathematics: arrays in, arrays out."""

from __future__ import annotations

from .kmeans import Grouping, kmeans, nearest
from .vectors import (
    INT8_NODATA,
    cosine_loss,
    cosine_similarity,
    dequantise,
    principal_components,
    quantise,
    unit,
)

__all__ = [
    "INT8_NODATA",
    "Grouping",
    "cosine_loss",
    "cosine_similarity",
    "dequantise",
    "kmeans",
    "nearest",
    "principal_components",
    "quantise",
    "unit",
]
