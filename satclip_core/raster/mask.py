"""Land masks: which places are wanted, by a raster, by polygons, or by the field of land."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, SatclipError
from ..grid.crs import onto_map, period
from ..grid.land import LAND, land_mask
from ..types import Bools, Floats, Integers, Mask
from .datasets import dataset_crs, gdal_name, open_dataset
from .polygons import is_vector, read_polygons

_Opener = Callable[[str], Mask]

# Pixels of a mask read at a time; places further apart are looked up in smaller groups.
_LARGEST_READ = 2**22


def open_mask(path: str | os.PathLike[str]) -> Mask:
    """A function (lon, lat) -> whether the place is wanted.

    Args:
        path: a raster, in which pixels that are neither 0 nor nodata are wanted, or polygons:
            GeoJSON, or any format of pyogrio where that is installed. Either may lie wherever GDAL
            finds it, as in `open_dataset`, in zip archives too. "land" is the field that comes with
            the package; a file of that name is ./land.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    if path == LAND:
        return land_mask()
    source = gdal_name(path)
    # Names mislead: a GeoPackage may hold a raster, and more formats hold polygons than say so.
    likely: _Opener = RasterMask
    other: _Opener = read_polygons
    if is_vector(source):
        likely, other = other, likely
    try:
        return likely(source)
    except InputError:
        with suppress(SatclipError):
            return other(source)
        raise


def opened_mask(mask: str | os.PathLike[str] | Mask | None) -> Mask | None:
    """The same where it is one already, or none is wanted.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    return mask if mask is None or callable(mask) else open_mask(mask)


class RasterMask:
    """A raster in which pixels that are neither 0 nor nodata are wanted; the first band counts.

    Args:
        path: anything that GDAL reads, in any CRS.

    Raises:
        InputError: it cannot be read, or is not georeferenced.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._dataset: Any = open_dataset(path, "the land mask")
        crs = dataset_crs(self._dataset)
        if crs is None or self._dataset.transform.is_identity:
            raise InputError(f"the land mask {path} is not georeferenced: give it a CRS and extent")
        self._turn = period(crs)
        self._project = onto_map(crs)

    def __call__(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places (N,) lon, (N,) lat are wanted; outside the raster they are not."""
        x, y = self._project(lons, lats)
        wanted = np.zeros(len(x), bool)
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(finite, x, 0), np.where(finite, y, 0)
        if self._turn is not None:  # whether the mask runs from -180 or from 0
            west = self._dataset.bounds.left
            x = west + np.remainder(x - west, self._turn)
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
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        window = Window(int(first[1]), int(first[0]), int(extent[1]), int(extent[0]))
        try:
            values = self._dataset.read(1, window=window)
            valid = self._dataset.read_masks(1, window=window) > 0
        except (RasterioError, OSError) as error:
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
