"""The view of a map canvas, coarse first."""

from __future__ import annotations

from .preview import REDUCTIONS, STEPS, Field, Preview, Stage, combine, similarity_of
from .view import land_in_view

__all__ = [
    "REDUCTIONS",
    "STEPS",
    "Field",
    "Preview",
    "Stage",
    "combine",
    "land_in_view",
    "similarity_of",
]
