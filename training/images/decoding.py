"""Rasters decoded once into arrays, from which pixels are gathered by longitude and latitude.

Any raster that rasterio opens (GeoTIFF, MBTiles, VRT, any CRS), or a plain image whose bounds
are stated. A decoded raster lives in memory when it is small and in a memory map when it is
not, so a 3 GB mosaic costs page cache, which the system takes back when it needs to.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, require
from satclip_core.raster.datasets import use_rasterio
from satclip_core.types import Bools, Floats, Integers

IN_MEMORY_BYTES = 256_000_000
STRIP_BYTES = 64_000_000
LATTICE = 101
"""Places along each side of a raster at which its bounds are looked for."""
MOST_GAP = 10.0
"""Degrees between neighbouring meridians of a raster that goes around the globe."""
UNEVEN = 0.25
"""Cells by which the axis of a grid may leave even steps."""
WEB_MERCATOR_RADIUS = 6378137.0
"""EPSG:3857, metres."""
WEB_MERCATOR_LIMIT = 85.0511287798066
# Row and column of what no raster shows: outside also where half a pixel beyond the edge counts.
_NOWHERE = -9.0
_KINDS = {4326: "geographic", 3857: "mercator"}


# `warnings.catch_warnings` changes the filters of the whole process: where two threads are inside
# at once, the first to leave lets the other's warning through, or the last leaves its filter on.
_FILTERS = threading.Lock()


@contextmanager
def opened(rasterio: Any, path: Path) -> Iterator[Any]:
    """A dataset of rasterio, opened without its warning where the file is not georeferenced.

    Args:
        rasterio: the package, which need not be installed.
        path: any raster or plain image.

    Raises:
        rasterio.errors.RasterioError: not readable.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        dataset = rasterio.open(path)
    with dataset:
        yield dataset


@dataclass(frozen=True)
class DecodeRequest:
    """How a raster is to be read.

    Attributes:
        path: the file.
        bounds: west, south, east, north in degrees, for files that are not georeferenced, which
            are refused where it is None.
        bands: band numbers from 1; None reads every band but alpha.
        nodata: value that means "nothing here" in all bands; None takes the file's own.
        reduce: decode at 1/reduce of the resolution, by area means.
    """

    path: Path
    bounds: tuple[float, ...] | None = None
    bands: tuple[int, ...] | None = None
    nodata: float | None = None
    reduce: int = 1


class Raster:
    """A decoded raster: `array` (rows, cols, bands), and how to find a place in it."""

    def __init__(self, array: NDArray[Any], transform: Any, crs: Any, nodata: float | None) -> None:
        self.array, self.nodata = array, nodata
        self._inverse = ~transform
        epsg = 4326 if crs is None or crs.is_geographic else crs.to_epsg()
        self._kind = _KINDS.get(epsg, "projected") if transform.is_rectilinear else "projected"
        self._project = _projector(crs, self._kind)
        turn = 360.0 if epsg == 4326 else 2 * np.pi * WEB_MERCATOR_RADIUS
        around = abs(transform.a) * array.shape[1]
        self._turn_pixels = None
        if self._kind != "projected" and abs(around - turn) < 0.5 * abs(transform.a):
            self._turn_pixels = array.shape[1]

    def lonlat_bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees of all pixels; a west above the east crosses 180.

        By places along the edges and inside, so to a fraction of a pixel of a small raster, and to
        a hundredth of the side of a large one; a raster that holds a pole has all longitudes.
        """
        rows, cols = self.array.shape[:2]
        y, x = np.meshgrid(np.linspace(0, rows, LATTICE), np.linspace(0, cols, LATTICE))
        lon, lat = self._lonlat(y.ravel(), x.ravel())
        lon, lat = lon[np.isfinite(lon + lat)], lat[np.isfinite(lon + lat)]
        south, north = float(lat.min()), float(lat.max())
        for pole in (-90.0, 90.0):
            row, col = self.place(np.zeros(1), np.full(1, pole))
            if 0 <= row[0] <= rows and (self.separable or 0 <= col[0] <= cols):
                south, north = min(south, pole), max(north, pole)
        # The largest gap between neighbouring meridians is what the raster leaves out.
        around = np.sort(np.remainder(lon + 180, 360) - 180)
        gaps = np.diff(around, append=around[0] + 360)
        if gaps.max() < MOST_GAP or (not self.separable and {south, north} & {-90.0, 90.0}):
            return -180.0, south, 180.0, north
        widest = int(gaps.argmax())
        return float(around[(widest + 1) % len(around)]), south, float(around[widest]), north

    def _lonlat(self, row: Floats, col: Floats) -> tuple[Floats, Floats]:
        """Degrees of fractional (row, col): the way back from `place`."""
        forward = ~self._inverse
        x = forward.a * col + forward.b * row + forward.c
        y = forward.d * col + forward.e * row + forward.f
        if self._kind == "geographic":
            return x, y
        if self._kind == "mercator":
            lat = np.degrees(np.arctan(np.sinh(y / WEB_MERCATOR_RADIUS)))
            return np.degrees(x / WEB_MERCATOR_RADIUS), lat
        lon, lat = self._project(x, y, direction="INVERSE")
        return np.asarray(lon), np.asarray(lat)

    @property
    def separable(self) -> bool:
        """Whether a row depends on latitude alone and a column on longitude alone."""
        return self._kind != "projected"

    def place(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Fractional (row, col), pixel corners at whole numbers, of places in degrees.

        On a separable raster the two may have different shapes, and rows follow `lat`.
        """
        if self._kind == "geographic":
            x, y = self._unwrap(lon), lat
        elif self._kind == "mercator":
            x = np.radians(lon) * WEB_MERCATOR_RADIUS
            held = np.clip(lat, -WEB_MERCATOR_LIMIT, WEB_MERCATOR_LIMIT)
            y = WEB_MERCATOR_RADIUS * np.arcsinh(np.tan(np.radians(held)))
        else:
            x, y = self._project(lon, lat)
        inverse = self._inverse
        if self.separable:
            return inverse.e * y + inverse.f, inverse.a * x + inverse.c
        shown = np.isfinite(x) & np.isfinite(y)  # a map does not show all of the Earth
        x, y = np.where(shown, x, 0.0), np.where(shown, y, 0.0)
        row = inverse.d * x + inverse.e * y + inverse.f
        col = inverse.a * x + inverse.b * y + inverse.c
        return np.where(shown, row, _NOWHERE), np.where(shown, col, _NOWHERE)

    def _unwrap(self, lon: Floats) -> Floats:
        """Longitudes on the turn that the raster lies on (it may run from 0 to 360)."""
        forward = ~self._inverse
        middle = forward.c + forward.a * self.array.shape[1] / 2
        return np.asarray((lon - middle + 180.0) % 360.0 - 180.0 + middle)

    def gather(self, row: Floats, col: Floats, *, bilinear: bool) -> tuple[Any, Bools]:
        """Pixels at fractional places.

        Args:
            row: (N, n, 1) on a separable raster, else (N, n, n).
            col: (N, 1, n) on a separable raster, else (N, n, n).
            bilinear: interpolate between pixel centres instead of taking the nearest pixel.

        Returns:
            Pixels (N, n, n, bands), float32 when interpolated, and (N, n, n) bool: valid.
        """
        if not bilinear:
            return self._take(_pixel(row, self.array.shape[0]), _pixel(col, self.array.shape[1]))
        row, col = row - 0.5, col - 0.5
        top, left = np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)
        down, right = row - top, col - left
        total: Any = 0.0
        valid = np.ones(np.broadcast_shapes(row.shape, col.shape), bool)
        for drow, wrow in ((0, 1 - down), (1, down)):
            for dcol, wcol in ((0, 1 - right), (1, right)):
                pixels, good = self._take(top + drow, left + dcol, clamp=True)
                weight = (wrow * wcol).astype(np.float32)
                total = total + pixels * np.broadcast_to(weight, valid.shape)[..., None]
                valid &= good
        return total, valid

    def _take(self, row: Integers, col: Integers, clamp: bool = False) -> tuple[Any, Bools]:
        rows, cols, _ = self.array.shape
        if self._turn_pixels:
            col = col % self._turn_pixels
        reach = 1 if clamp else 0  # half a pixel beyond the edge still belongs to the edge pixel
        inside_row = (row >= -reach) & (row < rows + reach)
        inside_col = (col >= -reach) & (col < cols + reach)
        pixels = self.array[row.clip(0, rows - 1), col.clip(0, cols - 1)]
        valid = np.broadcast_to(inside_row & inside_col, pixels.shape[:-1])
        if self.nodata is not None and not math.isnan(self.nodata):
            valid = valid & (pixels != self.nodata).any(-1)
        if pixels.dtype.kind == "f":  # NaN is no data, whatever else is
            valid = valid & np.isfinite(pixels).all(-1)
        return pixels, valid


def _pixel(place: Floats, count: int) -> Integers:
    """The pixel of a place; the raster's far edge (the south pole, say) belongs to the last one."""
    pixel: Integers = np.floor(place).astype(np.int64) - (place == count)
    return pixel


def _projector(crs: Any, kind: str) -> Any:
    if kind != "projected":
        return None
    pyproj = require("pyproj", purpose="reading a projected raster")
    source = "EPSG:4326" if crs is None else crs.to_wkt()
    return pyproj.Transformer.from_crs("EPSG:4326", source, always_xy=True).transform


def open_raster(request: DecodeRequest, scratch: Path) -> Raster:
    """Decode a raster, in memory where it is small, else into a memory map in `scratch`.

    An `.npz` of arrays lon (cols,), lat (rows,) in even steps and grids is a raster too: grids of
    (rows, cols) are a band each, those of (n, rows, cols) n bands (months, say).

    Raises:
        InputError: no such file, not a raster, a band that is not there, or not georeferenced and
            no bounds given.
    """
    if not request.path.is_file():
        raise InputError(f"imagery {request.path}: no such file")
    if request.path.suffix == ".npz":
        return _from_grids(request)
    rasterio = use_rasterio("reading imagery")
    try:
        with opened(rasterio, request.path) as dataset:
            return _decode(dataset, request, scratch)
    except rasterio.errors.RasterioError as error:
        raise InputError(f"imagery {request.path}: not readable as a raster ({error})") from None


def band_names(path: Path, bands: Sequence[int] | None = None) -> list[str]:
    """What the bands of a file are called: by its arrays, or its name, and a number from 1.

    Args:
        path: a raster, or an npz of grids.
        bands: which; all where None.

    Raises:
        InputError: the file cannot be read.
    """
    if path.suffix == ".npz":
        _, _, grids = _grids(path)
        names = [
            f"{name} {month + 1}" if grid.ndim == 3 else name
            for name, grid in grids.items()
            for month in range(len(grid) if grid.ndim == 3 else 1)
        ]
        return [names[band - 1] for band in bands or range(1, len(names) + 1)]
    rasterio = use_rasterio("reading imagery")
    try:
        with opened(rasterio, path) as dataset:
            chosen, _ = _choose_bands(
                dataset, DecodeRequest(path, bands=tuple(bands or ()) or None)
            )
    except rasterio.errors.RasterioError as error:
        raise InputError(f"imagery {path}: not readable as a raster ({error})") from None
    return [path.stem if len(chosen) == 1 else f"{path.stem} {band}" for band in chosen]


def _grids(path: Path) -> tuple[Floats, Floats, dict[str, NDArray[Any]]]:
    """Axes and grids of an npz."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            lon, lat = (np.asarray(arrays[axis], np.float64) for axis in ("lon", "lat"))
            shape = (len(lat), len(lon))
            grids = {
                name: arrays[name]
                for name in arrays.files
                if arrays[name].ndim in (2, 3) and arrays[name].shape[-2:] == shape
            }
    except Exception as error:  # zip's and numpy's many errors
        raise InputError(
            f"imagery {path}: cannot be read as grids with arrays lon and lat ({error})"
        ) from None
    if not grids:
        raise InputError(f"imagery {path}: holds no grid of {shape[0]} x {shape[1]} (lat x lon)")
    return lon, lat, grids


def _from_grids(request: DecodeRequest) -> Raster:
    affine = require("affine", purpose="reading grids")
    lon, lat, grids = _grids(request.path)
    for name, axis in (("lon", lon), ("lat", lat)):
        even = np.linspace(axis[0], axis[-1], len(axis))
        if len(axis) < 2 or np.abs(axis - even).max() > UNEVEN * abs(even[1] - even[0]):
            raise InputError(f"imagery {request.path}: {name} does not go in even steps")
    layers = [layer for grid in grids.values() for layer in (grid if grid.ndim == 3 else [grid])]
    for band in request.bands or ():
        if band > len(layers):
            raise InputError(f"imagery {request.path}: has {len(layers)} bands, no band {band}")
    array = np.stack([layers[band - 1] for band in request.bands or range(1, len(layers) + 1)], -1)
    east, north = np.diff(lon).mean(), np.diff(lat).mean()
    transform = affine.Affine(east, 0, lon[0] - east / 2, 0, north, lat[0] - north / 2)
    if request.reduce > 1:
        raise InputError(f"imagery {request.path}: grids are not reduced; leave out reduce")
    return Raster(array, transform, None, request.nodata)


def _decode(dataset: Any, request: DecodeRequest, scratch: Path) -> Raster:
    transform, crs = _georeference(dataset, request)
    bands, alpha = _choose_bands(dataset, request)
    height, width = dataset.height // request.reduce, dataset.width // request.reduce
    dtype = np.dtype(dataset.dtypes[bands[0] - 1])
    array = _allocate((height, width, len(bands)), dtype, scratch, request.path.stem)
    strip = max(1, STRIP_BYTES // max(1, width * request.reduce**2 * len(bands) * dtype.itemsize))
    for start in range(0, height, strip):
        stop = min(start + strip, height)
        pixels = _read_strip(dataset, request.reduce, start, stop, width, [*bands, *alpha])
        if alpha:
            pixels = pixels[..., :-1] * (pixels[..., -1:] != 0)
        if pixels.any():  # leave empty strips of a memory map as holes in the file
            array[start:stop] = pixels
    nodata = request.nodata if request.nodata is not None else dataset.nodata
    if nodata is None and alpha:
        nodata = 0.0
    return Raster(array, transform, crs, nodata)


def _read_strip(
    dataset: Any, reduce: int, start: int, stop: int, width: int, bands: list[int]
) -> NDArray[Any]:
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    window = Window(0, start * reduce, width * reduce, (stop - start) * reduce)
    shape = (len(bands), stop - start, width)
    read = dataset.read(bands, window=window, out_shape=shape, resampling=Resampling.average)
    return np.moveaxis(read, 0, -1)


def _choose_bands(dataset: Any, request: DecodeRequest) -> tuple[list[int], list[int]]:
    from rasterio.enums import ColorInterp

    alpha = [i for i, c in enumerate(dataset.colorinterp, start=1) if c is ColorInterp.alpha]
    bands = request.bands or [i for i in range(1, dataset.count + 1) if i not in alpha]
    for band in bands:
        if band > dataset.count:
            raise InputError(f"imagery {request.path}: has {dataset.count} bands, no band {band}")
    return list(bands), alpha[:1]


def is_georeferenced(dataset: Any) -> bool:
    """Whether a dataset says where its pixels lie: it has a CRS, and a transform to it."""
    return dataset.crs is not None and not dataset.transform.is_identity


def _georeference(dataset: Any, request: DecodeRequest) -> tuple[Any, Any]:
    """Transform of the reduced pixels, and the CRS; None for degrees on WGS 84."""
    from rasterio.transform import from_bounds

    made, crs = dataset.transform, dataset.crs
    if not is_georeferenced(dataset):
        if request.bounds is None:
            missing = "CRS" if dataset.crs is None else "transform"
            raise InputError(
                f"imagery {request.path}: has no {missing}, so where it lies is not known; say it "
                "by bounds: [west, south, east, north] in degrees ([-180, -90, 180, 90] for the "
                "whole globe), or give the file a CRS"
            )
        made, crs = from_bounds(*request.bounds, dataset.width, dataset.height), None
    return made * made.scale(request.reduce), crs


def _allocate(shape: tuple[int, ...], dtype: Any, scratch: Path, name: str) -> NDArray[Any]:
    if int(np.prod(shape)) * dtype.itemsize <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    scratch.mkdir(parents=True, exist_ok=True)
    # Unlinked at once: the map lives as long as the raster, and a crash leaves nothing behind.
    file = scratch / f"{name}.raster"
    mapped = np.memmap(file, dtype, "w+", shape=shape)
    file.unlink()
    return mapped
