"""Land masks: which places are wanted, by a raster or by polygons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, require
from ..grid.crs import from_lonlat, half_turn
from ..types import Bools, Floats, Integers, Mask
from .polygons import VECTOR_SUFFIXES, read_polygons

# Pixels of a mask read at a time; places further apart are looked up in smaller groups.
_LARGEST_READ = 2**22


def open_mask(path: str | os.PathLike[str]) -> Mask:
    """A function (lon, lat) -> whether the place is wanted.

    Args:
        path: a raster, in which pixels that are neither 0 nor nodata are wanted, or polygons:
            GeoJSON, or any format of GeoPandas where that is installed.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(f"the land mask {file} does not exist: give a raster or polygons")
    if file.suffix.lower() in VECTOR_SUFFIXES:
        return read_polygons(file)
    return RasterMask(file)


class RasterMask:
    """A raster in which pixels that are neither 0 nor nodata are wanted; the first band counts.

    Args:
        path: anything that GDAL reads, in any CRS.

    Raises:
        InputError: it cannot be read, or is not georeferenced.
    """

    def __init__(self, path: Path) -> None:
        self._rasterio: Any = require("rasterio", purpose="reading a land mask")
        self._path = path
        try:
            self._dataset = self._rasterio.open(path)
        except (self._rasterio.errors.RasterioError, OSError) as error:
            raise InputError(
                f"cannot read the land mask {path}: {error}; give a raster, or polygons as GeoJSON"
            ) from error
        if self._dataset.crs is None or self._dataset.transform.is_identity:
            raise InputError(f"the land mask {path} is not georeferenced: give it a CRS and extent")
        crs = self._dataset.crs.to_wkt()
        code = self._dataset.crs.to_epsg()
        crs = f"EPSG:{code}" if code else crs
        half = half_turn(crs)
        self._turn = None if half is None else 2 * half
        self._project = from_lonlat(crs)

    def __call__(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places (N,) lon, (N,) lat are wanted; outside the raster they are not."""
        x, y = self._project(lons, lats)
        if self._turn is not None:  # whether the mask runs from -180 or from 0
            west = self._dataset.bounds.left
            x = west + np.remainder(x - west, self._turn)
        wanted = np.zeros(len(x), bool)
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(finite, x, 0), np.where(finite, y, 0)
        a, b, c, d, e, f = tuple(~self._dataset.transform)[:6]
        cols, rows = a * x + b * y + c, d * x + e * y + f
        height, width = self._dataset.shape
        inside = finite & (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
        index = np.flatnonzero(inside)
        pixels = np.floor(np.stack([rows[index], cols[index]], axis=1)).astype(np.int64)
        wanted[index] = self._look_up(pixels)
        return wanted

    def _look_up(self, pixels: Integers) -> Bools:
        """Pixels (N, 2) row, col; read in one piece, or by halves where they lie far apart."""
        if len(pixels) == 0:
            return np.zeros(0, bool)
        first, last = pixels.min(axis=0), pixels.max(axis=0)
        extent = last - first + 1
        if extent.prod() <= _LARGEST_READ:
            wanted: Bools = self._read(first, extent)[tuple((pixels - first).T)]
            return wanted
        axis = int(extent.argmax())
        near = pixels[:, axis] < first[axis] + extent[axis] // 2
        out = np.empty(len(pixels), bool)
        out[near], out[~near] = self._look_up(pixels[near]), self._look_up(pixels[~near])
        return out

    def _read(self, first: Integers, extent: Integers) -> Bools:
        from rasterio.windows import Window

        window = Window(int(first[1]), int(first[0]), int(extent[1]), int(extent[0]))
        try:
            values = self._dataset.read(1, window=window)
            valid = self._dataset.read_masks(1, window=window) > 0
        except (self._rasterio.errors.RasterioError, OSError) as error:
            raise InputError(f"cannot read the land mask {self._path}: {error}") from error
        return wanted_pixels(values, valid)


def wanted_pixels(values: NDArray[Any], valid: Bools) -> Bools:
    """Which pixels of a mask are wanted: those that are neither 0 nor nodata nor NaN.

    Args:
        values: of any shape.
        valid: of the same shape, whether a pixel is not nodata.
    """
    with np.errstate(invalid="ignore"):
        wanted: Bools = valid & (values != 0) & ~np.isnan(values)
    return wanted
