"""Land or not, by an array, a raster or polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError, require
from satclip_core.raster.datasets import use_rasterio
from satclip_core.raster.mask import wanted_pixels
from satclip_core.types import Bools, Floats

from ..images.decoding import is_georeferenced, opened
from .reading import read_arrays, read_shapes

VECTOR_STEP = 0.025
"""Degrees at which polygons are burnt into a mask (2.8 km at the equator)."""


class LandMask:
    """Land or not, on a plate-carrée grid from (-180, 90) to (180, -90)."""

    def __init__(self, land: Bools, *, inverted: bool = False) -> None:
        self._cells, self._inverted = land, inverted

    def __call__(self, lonlat: Floats) -> Bools:
        """Whether points are on land: (N, 2) degrees -> (N,) bool."""
        rows, cols = self._cells.shape
        row = ((90.0 - lonlat[:, 1]) * (rows / 180.0)).astype(np.int64).clip(0, rows - 1)
        col = ((lonlat[:, 0] + 180.0) * (cols / 360.0)).astype(np.int64) % cols
        found: Bools = self._cells[row, col]
        if self._inverted:
            found = ~found
        return found


def read_land_mask(path: Path, water_value: Any = None) -> LandMask:
    """Read a land mask.

    Args:
        path: `.npz` (first 2-D array; True or non-zero = water, as in global-land-mask), a vector
            file of land polygons, or a global raster (neither 0 nor nodata = land, as in the core).
        water_value: the code of water in a raster or array, where the rule above does not fit.

    Raises:
        InputError: no such file, no 2-D array in it, or not readable.
    """
    if not path.is_file():
        raise InputError(f"land mask {path}: no such file")
    if path.suffix in (".npz", ".npy"):
        return _from_array(path, water_value)
    if path.suffix.lower() in (".geojson", ".json", ".gpkg", ".shp", ".fgb"):
        return LandMask(_burn(path))
    rasterio = use_rasterio("reading a land mask")
    try:
        with opened(rasterio, path) as dataset:
            _check_global(dataset, path)
            cells, valid = dataset.read(1), dataset.read_masks(1) > 0
    except rasterio.errors.RasterioError as error:
        raise InputError(f"land mask {path}: not a readable raster ({error})") from None
    if water_value is None:
        return LandMask(wanted_pixels(cells, valid))
    return LandMask(valid & (cells != water_value))


def _check_global(dataset: Any, path: Path) -> None:
    """A mask covers the globe in degrees; one that does not say where it lies has to look so."""
    if not is_georeferenced(dataset):
        if dataset.width != 2 * dataset.height:
            raise InputError(
                f"land mask {path}: does not say where it lies, and {dataset.width} x "
                f"{dataset.height} pixels are not the globe's 2 : 1; give it a CRS and extent"
            )
        return
    off = max(abs(a - b) for a, b in zip(dataset.bounds, (-180, -90, 180, 90)))
    if not dataset.crs.is_geographic or off > abs(dataset.transform.a):
        bounds = ", ".join(f"{edge:g}" for edge in dataset.bounds)
        raise InputError(
            f"land mask {path}: is not a grid of the whole globe in degrees from -180 to 180 "
            f"(it is {dataset.crs.to_string()[:40]}, {bounds}); "
            "reproject it (gdalwarp -t_srs EPSG:4326 -te -180 -90 180 90), or give polygons"
        )


def _from_array(path: Path, water_value: Any) -> LandMask:
    arrays = read_arrays(path, "land mask")
    for cells in (arrays[name] for name in arrays):
        if cells.ndim == 2:
            if water_value is not None:
                return LandMask(cells != water_value)
            # The inversion is left to the look-up: the mask at 30" takes 0.9 GB already.
            return LandMask(cells if cells.dtype == bool else cells != 0, inverted=True)
    raise InputError(f"land mask {path}: holds no two-dimensional array")


def _burn(path: Path) -> Bools:
    features = require("rasterio.features", purpose="reading a vector land mask")
    transform = require("rasterio.transform", purpose="reading a vector land mask")
    shapes = read_shapes(path, "land mask").geometry
    shapes = shapes[shapes.notna() & ~shapes.is_empty]
    if not len(shapes):
        raise InputError(f"land mask {path}: holds no polygons")
    size = (round(180 / VECTOR_STEP), round(360 / VECTOR_STEP))
    corner = transform.from_origin(-180, 90, VECTOR_STEP, VECTOR_STEP)
    burnt = features.rasterize(shapes, out_shape=size, transform=corner, fill=0, dtype="uint8")
    return np.asarray(burnt).astype(bool)
