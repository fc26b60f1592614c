"""Rasters: one writer interface and what stands behind it.

Importing this package imports no GDAL; `write_raster`, `grid_like` and `open_mask` do when
they are called.
"""

from __future__ import annotations

from .like import grid_like
from .mask import open_mask
from .spec import RasterSpec, RasterWriter
from .write import WriteOptions, raster_array, write_raster
from .writer import open_writer

__all__ = [
    "RasterSpec",
    "RasterWriter",
    "WriteOptions",
    "grid_like",
    "open_mask",
    "open_writer",
    "raster_array",
    "write_raster",
]
