"""Where: grids of pixels, coordinate reference systems, places on the sphere."""

from __future__ import annotations

from .grid import Bounds, Grid, Window, said_extent

__all__ = ["Bounds", "Grid", "Window", "said_extent"]
