"""What embeddings are used for, as mathematics: arrays in, arrays out."""

from __future__ import annotations

from .kmeans import Grouping, kmeans, nearest
from .linear import Linear, Logistic, Ridge, softmax
from .validation import class_scores, folds_of_blocks, number_scores, spatial_blocks
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
    "Linear",
    "Logistic",
    "Ridge",
    "class_scores",
    "cosine_loss",
    "cosine_similarity",
    "dequantise",
    "folds_of_blocks",
    "kmeans",
    "nearest",
    "number_scores",
    "principal_components",
    "quantise",
    "softmax",
    "spatial_blocks",
    "unit",
]
