"""What embeddings are used for, as mathematics: arrays in, arrays out."""

from __future__ import annotations

from .kmeans import Grouping, kmeans, nearest
from .linear import Linear, Logistic, Ridge, softmax
from .presence import Background, Chance, logistic
from .validation import class_scores, folds_of_blocks, number_scores, spatial_blocks
from .vectors import (
    STEPS,
    Quantisation,
    cosine_loss,
    cosine_similarity,
    mean_embeddings,
    principal_components,
    unit,
)

__all__ = [
    "STEPS",
    "Background",
    "Chance",
    "Grouping",
    "Linear",
    "Logistic",
    "Quantisation",
    "Ridge",
    "class_scores",
    "cosine_loss",
    "cosine_similarity",
    "folds_of_blocks",
    "kmeans",
    "logistic",
    "mean_embeddings",
    "nearest",
    "number_scores",
    "principal_components",
    "softmax",
    "spatial_blocks",
    "unit",
]
