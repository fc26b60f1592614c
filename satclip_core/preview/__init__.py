"""The view of a map canvas, coarse first."""

from __future__ import annotations

from .preview import REDUCTIONS, STEPS, Field, Preview, Stage, combine, similarity_of

__all__ = ["REDUCTIONS", "STEPS", "Field", "Preview", "Stage", "combine", "similarity_of"]
