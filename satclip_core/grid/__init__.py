"""Where: grids of pixels, coordinate reference systems, places on the sphere."""

from __future__ import annotations

from .crs_backend import Bounds
from .grid import Grid, Window, said_extent

__all__ = ["Bounds", "Grid", "Window", "said_extent"]
