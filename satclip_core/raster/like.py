"""The grid of a raster that exists."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import Argument, InputError, require
from ..grid import Grid

_BY_BOUNDS = ("make the grid from ", Argument("bounds"), " and ", Argument("res"))


def grid_like(path: str | os.PathLike[str]) -> Grid:
    """CRS, transform and shape of a raster file.

    Args:
        path: anything that GDAL reads.

    Raises:
        InputError: it cannot be read, or has no CRS or georeferencing.
    """
    rasterio = require("rasterio", purpose="reading a raster")
    file = Path(path)
    if not file.exists():
        raise InputError(f"the raster {file} does not exist: give an existing one")
    try:
        with rasterio.open(file) as dataset:
            crs, transform, shape = dataset.crs, dataset.transform, dataset.shape
            points = len(dataset.gcps[0])
    except (rasterio.errors.RasterioError, OSError) as error:
        raise InputError(f"cannot read {file} as a raster: {error}") from error
    if points and transform.is_identity:
        raise InputError(
            f"{file} has {points} ground control points in place of a grid: warp it first "
            "(gdalwarp), or ",
            *_BY_BOUNDS,
        )
    if crs is None:
        raise InputError(f"{file} has no CRS: give it one, or ", *_BY_BOUNDS)
    if transform.is_identity:
        raise InputError(f"{file} is not georeferenced: ", *_BY_BOUNDS)
    code = crs.to_epsg()
    return Grid(f"EPSG:{code}" if code else crs.to_wkt(), tuple(transform)[:6], shape)
