"""The grid of a raster that exists."""

from __future__ import annotations

import os

from ..errors import Argument, InputError
from ..grid import Grid
from .datasets import dataset_crs, open_dataset

_BY_BOUNDS = ("make the grid from ", Argument("bounds"), " and ", Argument("res"))


def grid_like(path: str | os.PathLike[str]) -> Grid:
    """CRS, transform and shape of a raster.

    Args:
        path: anything that GDAL reads, as in `open_dataset`.

    Raises:
        InputError: it cannot be read, holds several rasters, or has no CRS or georeferencing.
    """
    with open_dataset(path, "the raster") as dataset:
        crs, transform, shape = dataset_crs(dataset), dataset.transform, dataset.shape
        points = len(dataset.gcps[0])
    if points and transform.is_identity:
        raise InputError(
            f"{path} has {points} ground control points in place of a grid: warp it first "
            "(gdalwarp), or ",
            *_BY_BOUNDS,
        )
    if crs is None:
        raise InputError(f"{path} has no CRS: give it one, or ", *_BY_BOUNDS)
    if transform.is_identity:
        raise InputError(f"{path} is not georeferenced: ", *_BY_BOUNDS)
    return Grid(crs, tuple(transform)[:6], shape)
