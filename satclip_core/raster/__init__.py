"""Rasters: one writer interface and what stands behind it.

Importing this package imports no GDAL; `write_raster`, `grid_like` and `open_mask` do when
they are called.
"""

from __future__ import annotations

from .covariates import open_covariates
from .formats import FORMATS, raster_target
from .like import grid_like
from .mask import open_mask
from .region import open_region
from .request import RasterJob, RasterRequest, WriteOptions, raster_array, write_raster
from .spec import RasterSpec, RasterWriter
from .writer import open_writer

__all__ = [
    "FORMATS",
    "RasterJob",
    "RasterRequest",
    "RasterSpec",
    "RasterWriter",
    "WriteOptions",
    "grid_like",
    "open_covariates",
    "open_mask",
    "open_region",
    "open_writer",
    "raster_array",
    "raster_target",
    "write_raster",
]
