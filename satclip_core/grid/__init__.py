"""Where: grids of pixels, coordinate reference systems, places on the sphere."""

from __future__ import annotations

from .grid import Bounds, Grid, Window

__all__ = ["Bounds", "Grid", "Window"]
