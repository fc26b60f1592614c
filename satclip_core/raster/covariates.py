"""Covariates from rasters: their values at any places, read as they are asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, Protocol, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError, require
from ..grid import Window
from ..grid.crs import LONLAT, onto_map, period, short_crs, to_lonlat
from ..grid.sphere import EARTH_KM
from ..types import Bools, Floats, Integers
from .datasets import dataset_crs, gdal_name, is_path, open_dataset
from .geotiff import library

# A raster, or a name and a raster.
Given = Union[str, "os.PathLike[str]", tuple[str, str]]

_WHAT = "the covariate"
# Bands of all rasters together, at most.
MOST = 64
# Pixels of a raster read at a time; places further apart are looked up in smaller groups.
_LARGEST_READ = 2**22
# Part of a pixel by which a raster may miss going round the Earth, and places may miss its edge.
_SEAM, _EDGE = 0.01, 1e-6


def open_covariates(sources: Iterable[Given]) -> RasterCovariates | None:
    """Rasters as covariates.

    Each is called as its file is, without folder and extension; where it has several bands each
    is a covariate, with the name of the band, or its number, after that of the raster.

    Args:
        sources: files, or whatever else GDAL opens (see `open_dataset`); as (name, file) where
            the name is to be another.

    Returns:
        None where there are no sources.

    Raises:
        InputError: one cannot be read, is not georeferenced or holds classes; two names are equal.
    """
    rasters = []
    for source in sources:
        name, path = source if isinstance(source, tuple) else (None, os.fspath(source))
        rasters.append(RasterCovariate(os.path.abspath(path) if is_path(path) else path, name))
    if not rasters:
        return None
    found = RasterCovariates(tuple(rasters))
    names = found.names
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise InputError(
            f"several covariates are called {min(repeated)!r}: give each a name of its own in ",
            Argument("covariates"),
        )
    if len(names) > MOST:
        raise InputError(
            f"{len(names)} covariates: give at most {MOST} bands of rasters as ",
            Argument("covariates"),
        )
    return found


class RasterCovariates:
    """The bands of some rasters, one after the other.

    Args:
        rasters: the rasters.
    """

    def __init__(self, rasters: Sequence[RasterCovariate]) -> None:
        self._rasters = tuple(rasters)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each band."""
        return tuple(name for raster in self._rasters for name in raster.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """The raster of each band."""
        return tuple(raster.path for raster in self._rasters for _ in raster.names)

    def __call__(self, lons: Floats, lats: Floats) -> Floats:
        """Degrees (...) -> (..., bands), NaN where one has no value."""
        lons, lats = np.broadcast_arrays(lons, lats)
        found = [raster(lons.ravel(), lats.ravel()) for raster in self._rasters]
        return np.concatenate(found, axis=1).reshape(*lons.shape, -1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RasterCovariates) and other._rasters == self._rasters

    def __hash__(self) -> int:
        return hash(self._rasters)


class RasterCovariate:
    """The bands of one raster, at any places.

    Between the centres of pixels values are interpolated (bilinear); where some of the four around
    a place have none they are left out, and where the pixel that it lies in has none there is none.
    Where scale and offset are stated they are applied.

    Args:
        path: what GDAL opens.
        name: of the raster; that of its file where None.
        what: its role, for messages.
        width_km: ground that the width of a raster spans which is not georeferenced: it then lies
            around longitude and latitude 0. Such a raster is refused where None.

    Raises:
        InputError: it cannot be read, is not georeferenced, or holds classes.
    """

    def __init__(
        self,
        path: str,
        name: str | None = None,
        *,
        what: str = _WHAT,
        width_km: float | None = None,
    ) -> None:
        self.path, self._name = path, name
        self._what, self._width_km = what, width_km
        self._lock = Lock()
        self.names = _names(name or _stem(path), self._raster.bands)
        self._turn = period(self._raster.crs)
        self._project = onto_map(self._raster.crs)

    @cached_property
    def _raster(self) -> Bands:
        opened = _by_gdal if library() == "osgeo" else _by_rasterio
        raster = opened(self.path, self._what, self._width_km)
        if raster.classes:
            raise InputError(
                f"{self._what} {self.path} holds classes, which have a table of colours: give "
                "rasters of numbers",
                *((" as ", Argument("covariates")) if self._what == _WHAT else ()),
            )
        return raster

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._raster.shape

    @property
    def located(self) -> bool:
        """Whether it says itself where it lies."""
        return self._raster.located

    def lonlat(self, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
        """Degrees of fractional rows and columns (N,), 0 at the top left corner."""
        a, b, c, d, e, f = self._raster.transform
        lons, lats = to_lonlat(self._raster.crs)(a * cols + b * rows + c, d * cols + e * rows + f)
        return lons, lats

    def __reduce__(self) -> tuple[Any, ...]:
        return RasterCovariate, (self.path, self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RasterCovariate) and other.__reduce__() == self.__reduce__()

    def __hash__(self) -> int:
        return hash(self.path)

    def __call__(self, lons: Floats, lats: Floats) -> Floats:
        """Places (N,) lon, (N,) lat -> (N, bands) float64, NaN where there is no value."""
        rows, cols, inside = self._pixels(lons, lats)
        found = np.full((len(rows), len(self.names)), np.nan)
        index = np.flatnonzero(inside)
        found[index] = self._look_up(rows[index], cols[index])
        return found

    def _pixels(self, lons: Floats, lats: Floats) -> tuple[Floats, Floats, Bools]:
        """Fractional rows and columns of places, and whether they lie in the raster."""
        x, y = self._project(lons, lats)
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(finite, x, 0), np.where(finite, y, 0)
        a, b, c, d, e, f = self._raster.transform
        height, width = self._raster.shape
        if self._turn is not None:  # whether the raster runs from -180 or from 0
            west = min(c, c + a * width)
            x = west + np.remainder(x - west, self._turn)
        area = a * e - b * d
        across, down = x - c, y - f
        cols, rows = (e * across - b * down) / area, (a * down - d * across) / area
        inside = (cols >= -_EDGE) & (cols <= width + _EDGE)
        inside &= (rows >= -_EDGE) & (rows <= height + _EDGE)
        return np.clip(rows, 0, height), np.clip(cols, 0, width), finite & inside

    @cached_property
    def _goes_round(self) -> bool:
        """Whether the last column has the first as its neighbour."""
        a, b, _, d, _, _ = self._raster.transform
        if self._turn is None or b != 0 or d != 0:
            return False
        return abs(abs(a) * self._raster.shape[1] - self._turn) <= _SEAM * abs(a)

    def _look_up(self, rows: Floats, cols: Floats) -> Floats:
        """Values (N, bands); read in one piece, or by halves where places lie far apart."""
        if len(rows) == 0:
            return np.empty((0, len(self.names)))
        spans = np.array([np.ptp(rows) + 2, np.ptp(cols) + 2])
        if spans.prod() <= _LARGEST_READ or len(rows) == 1:
            return self._interpolated(rows, cols)
        along = rows if spans[0] >= spans[1] else cols
        near = along < (along.min() + along.max()) / 2
        out = np.empty((len(rows), len(self.names)))
        out[near] = self._look_up(rows[near], cols[near])
        out[~near] = self._look_up(rows[~near], cols[~near])
        return out

    def _interpolated(self, rows: Floats, cols: Floats) -> Floats:
        top = np.floor(rows - 0.5).astype(np.int64)
        left = np.floor(cols - 0.5).astype(np.int64)
        down, right = rows - 0.5 - top, cols - 0.5 - left
        values = self._values(top.min(), top.max() + 2, left.min(), left.max() + 2)
        top, left = top - top.min(), left - left.min()
        total = np.zeros((len(self.names), len(rows)))
        weight = np.zeros_like(total)
        for row, col in ((0, 0), (0, 1), (1, 0), (1, 1)):
            part = values[:, top + row, left + col]
            share = (down if row else 1 - down) * (right if col else 1 - right)
            known = ~np.isnan(part)
            total += np.where(known, part * share, 0)
            weight += known * share
        own = values[:, top + (down >= 0.5), left + (right >= 0.5)]
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(np.isnan(own), np.nan, total / weight).T
        return found

    def _values(self, top: int, bottom: int, left: int, right: int) -> Floats:
        """Pixels of some rows and columns, (bands, rows, cols).

        Beyond the edges are the pixels at them, or those of the other side where the raster goes
        round the Earth.
        """
        height, width = self._raster.shape
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        cols = np.arange(left, right)
        if not self._goes_round:
            return self._read(rows, np.clip(cols, 0, width - 1))
        parts = [self._read(rows, some % width) for some in _runs(cols, width)]
        return np.concatenate(parts, axis=2)

    def _read(self, rows: Integers, cols: Integers) -> Floats:
        """Pixels of rows and columns that ascend, without gaps but for repetitions."""
        row, col = int(rows[0]), int(cols[0])
        window = Window(row, col, int(rows[-1]) - row + 1, int(cols[-1]) - col + 1)
        with self._lock:  # GDAL reads a raster in one thread at a time
            found = self._raster.read(window)
        return found[:, rows - row][:, :, cols - col]


def _runs(cols: Integers, width: int) -> list[Integers]:
    """Columns that go on past the edges of a raster, in runs that do not."""
    cuts = np.flatnonzero(cols % width == 0)
    return [run for run in np.split(cols, cuts[cuts > 0]) if len(run)]


def _stem(path: str) -> str:
    """What a raster is called: its file without folder and extension, its variable in netCDF."""
    last = re.split(r"[/\\:]", path.rstrip("/\\"))[-1].strip('"')
    return PurePosixPath(last).stem or last


def _names(name: str, bands: Sequence[str]) -> tuple[str, ...]:
    if len(bands) == 1:
        return (name,)
    return tuple(f"{name} {band or number}" for number, band in enumerate(bands, 1))


# --- rasters, by the GDAL that is there -----------------------------------------------------


class Bands(Protocol):
    """An open raster of numbers.

    Attributes:
        crs: in a form that the core takes.
        transform: affine, six numbers.
        shape: (height, width).
        bands: their descriptions, "" where there is none.
        classes: whether it has a table of colours.
        located: whether CRS and transform are its own.
    """

    crs: str
    transform: tuple[float, ...]
    shape: tuple[int, int]
    bands: tuple[str, ...]
    classes: bool
    located: bool

    def read(self, window: Window) -> Floats:
        """(bands, rows, cols) float64, NaN where there is no data.

        Raises:
            InputError: it cannot be read.
        """


class _ByRasterio:
    def __init__(self, path: str, what: str, width_km: float | None) -> None:
        self._path, self._what, self._dataset = path, what, open_dataset(path, what)
        dataset = self._dataset
        crs = dataset_crs(dataset)
        self.shape = dataset.shape
        self.located = crs is not None and not dataset.transform.is_identity
        self.crs = crs if self.located and crs is not None else LONLAT
        self.transform: tuple[float, ...] = tuple(dataset.transform)[:6]
        if not self.located:
            self.transform = _placed(path, what, self.shape, width_km)
        kinds = [kind.name for kind in dataset.colorinterp]
        self._index = [number + 1 for number, kind in enumerate(kinds) if kind != "alpha"]
        self.bands = tuple(dataset.descriptions[number - 1] or "" for number in self._index)
        self.classes = "palette" in kinds

    def read(self, window: Window) -> Floats:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as Part

        part = Part(window.col, window.row, window.width, window.height)
        try:
            values = self._dataset.read(self._index, window=part).astype(np.float64)
            valid = self._dataset.read_masks(self._index, window=part) > 0
        except (RasterioError, OSError) as error:
            raise _unreadable(self._path, self._what, error) from error
        scales = [self._dataset.scales[number - 1] for number in self._index]
        offsets = [self._dataset.offsets[number - 1] for number in self._index]
        return _scaled(values, valid, scales, offsets)


def _by_rasterio(path: str, what: str, width_km: float | None) -> Bands:
    return _ByRasterio(path, what, width_km)


class _ByGdal:
    def __init__(self, path: str, what: str, width_km: float | None) -> None:
        gdal = require("osgeo.gdal", purpose="reading a raster")
        name = gdal_name(path)
        if is_path(name) and not Path(name).exists():
            raise InputError(f"{what} {name} does not exist: give an existing raster")
        self._gdal, self._path, self._what = gdal, path, what
        self._dataset = self._heard(lambda: gdal.OpenEx(name, gdal.OF_RASTER))
        found = self._dataset.GetGeoTransform(can_return_null=True)
        crs = self._dataset.GetSpatialRef()
        self.shape = (self._dataset.RasterYSize, self._dataset.RasterXSize)
        self.located = crs is not None and found is not None
        if self.located:
            self.crs = short_crs(crs.ExportToWkt(["FORMAT=WKT2_2019"]))
            c, a, b, f, d, e = found
            self.transform: tuple[float, ...] = (a, b, c, d, e, f)
        else:
            self.crs, self.transform = LONLAT, _placed(path, what, self.shape, width_km)
        every = [self._dataset.GetRasterBand(n + 1) for n in range(self._dataset.RasterCount)]
        if not every:
            raise _unreadable(path, what, "it holds several rasters: give one of them")
        self._bands = [b for b in every if b.GetColorInterpretation() != gdal.GCI_AlphaBand]
        self.bands = tuple(band.GetDescription() for band in self._bands)
        kinds = {band.GetColorInterpretation() for band in self._bands}
        self.classes = gdal.GCI_PaletteIndex in kinds

    def read(self, window: Window) -> Floats:
        size = (window.col, window.row, window.width, window.height)
        values = [self._heard(lambda b=band: b.ReadAsArray(*size)) for band in self._bands]
        valid = [
            self._heard(lambda b=band: b.GetMaskBand().ReadAsArray(*size)) for band in self._bands
        ]
        scales = [band.GetScale() for band in self._bands]
        offsets = [band.GetOffset() for band in self._bands]
        made = np.stack(values).astype(np.float64)
        return _scaled(
            made,
            np.stack(valid) > 0,
            [1.0 if scale is None else scale for scale in scales],
            [0.0 if offset is None else offset for offset in offsets],
        )

    def _heard(self, work: Any) -> Any:
        """What GDAL gives, whether it is set to raise or to return nothing."""
        self._gdal.PushErrorHandler("CPLQuietErrorHandler")
        try:
            found = work()
            said = self._gdal.GetLastErrorMsg()
        except RuntimeError as error:
            raise _unreadable(self._path, self._what, error) from error
        finally:
            self._gdal.PopErrorHandler()
        if found is None:
            raise _unreadable(self._path, self._what, said or "GDAL does not say why")
        return found


def _by_gdal(path: str, what: str, width_km: float | None) -> Bands:
    return _ByGdal(path, what, width_km)


def _scaled(
    values: Floats, valid: Bools, scales: Sequence[float], offsets: Sequence[float]
) -> NDArray[Any]:
    for band, (scale, offset) in enumerate(zip(scales, offsets)):
        if (scale, offset) != (1.0, 0.0):
            values[band] = values[band] * scale + offset
    values[~valid | ~np.isfinite(values)] = np.nan
    return values


def _placed(
    path: str, what: str, shape: tuple[int, int], width_km: float | None
) -> tuple[float, ...]:
    """The transform of a raster that is not georeferenced: square pixels around 0, 0.

    Raises:
        InputError: its width on the ground is not known.
    """
    if width_km is None:
        raise InputError(f"{what} {path} is not georeferenced: give it a CRS and extent")
    height, width = shape
    size = float(np.rad2deg(width_km / EARTH_KM)) / width
    return size, 0.0, -size * width / 2, 0.0, -size, size * height / 2


def _unreadable(path: str, what: str, reason: object) -> InputError:
    return InputError(f"cannot read {what} {path} as a raster: {' '.join(str(reason).split())}")
