"""Image chips: equal-area squares of ground around points, cut from rasters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM
from satclip_core.types import Bools, Float32, Floats, Integers

from ..settings.config import SourceSettings
from ..settings.modality import ChipSettings
from ..settings.run_files import Locations
from .decoding import DecodeRequest, Raster, open_raster
from .imagery import Images, Shares, empty, pieces

POLAR_LATITUDE = 80.0
"""Beyond it a chip follows the tangent plane; below, meridians are parallel within a chip."""

CHUNK = 4096
"""Points of a view whose chips are cut and encoded at a time."""


def offsets(count: int, chip: ChipSettings, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Kilometres east (count, n) and north (count, n) of the point, for columns and rows.

    Shifts move a chip by up to `chip.shift` of its side either way; flips mirror it.
    """
    step = chip.kilometres / chip.pixels
    line = (np.arange(chip.pixels) - (chip.pixels - 1) / 2) * step
    reach = chip.shift * chip.kilometres
    shift = rng.uniform(-reach, reach, (2, count)) if chip.shift else np.zeros((2, count))
    mirror = rng.choice([-1.0, 1.0], (2, count)) if chip.flip else np.ones((2, count))
    east = shift[0][:, None] + mirror[0][:, None] * line
    north = shift[1][:, None] - mirror[1][:, None] * line
    return east, north


def along_axes(lonlat: Floats, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Longitudes (N, 1, n) and latitudes (N, n, 1) of a chip, its width corrected by 1/cos lat."""
    degree = np.pi / 180 * EARTH_KM
    lat = lonlat[:, 1, None] + north / degree
    lon = lonlat[:, 0, None] + east / (degree * np.cos(np.radians(lonlat[:, 1, None])))
    return lon[:, None, :], lat[:, :, None]


def on_tangent_plane(lonlat: Floats, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Longitudes and latitudes (N, n, n) of a chip by the inverse azimuthal equidistant projection.

    Right at the poles too (Snyder 1987, equations 20-14 and 20-15).
    """
    x, y = np.broadcast_arrays(east[:, None, :], north[:, :, None])
    distance = np.hypot(x, y)
    c = distance / EARTH_KM
    lat0 = np.radians(lonlat[:, 1])[:, None, None]
    scale = np.where(distance > 0, np.sin(c) / np.where(distance > 0, distance, 1), 0)
    sine = np.cos(c) * np.sin(lat0) + y * scale * np.cos(lat0)
    across = np.arctan2(x * scale, np.cos(lat0) * np.cos(c) - y * scale * np.sin(lat0))
    lon = lonlat[:, 0][:, None, None] + np.degrees(across)
    return lon, np.degrees(np.arcsin(np.clip(sine, -1, 1)))


class ChipSource:
    """Chips of one source: every chip comes from one alternative, drawn at random.

    Args:
        alternatives: each a list of rasters whose bands are put together.
        settings: the source's settings.
    """

    def __init__(self, alternatives: Sequence[Sequence[Raster]], settings: SourceSettings) -> None:
        if settings.chip is None:
            raise InputError("a source of rasters needs chip")
        self.alternatives, self.settings, self._chip = alternatives, settings, settings.chip
        widths = {sum(r.array.shape[2] for r in rasters) for rasters in alternatives}
        if len(widths) != 1:
            raise InputError(f"the alternatives of a source differ in bands: {sorted(widths)}")
        self.channels = widths.pop()

    def cut(self, lonlat: Floats, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Cut one chip around each point.

        Args:
            lonlat: (N, 2) degrees.
            rng: draws the alternative, the shift and the flips.

        Returns:
            Chips (N, bands, n, n) float32, where invalid pixels hold the chip's own mean, and
            the valid share of each (N,) float32.
        """
        return self.cut_drawn(lonlat, *self.draw(len(lonlat), rng))

    @property
    def side(self) -> int:
        """Rows and columns of a chip."""
        return self._chip.pixels

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Integers]:
        """Offsets east and north (count, n) in kilometres, and alternatives (count,)."""
        east, north = offsets(count, self._chip, rng)
        return east, north, rng.integers(0, len(self.alternatives), count)

    def best_shares(self, lonlat: Floats) -> Float32:
        """Valid share of a place's chip, unshifted, in the alternative that has most: (N,)."""
        still = dataclasses.replace(self._chip, shift=0.0, flip=False)
        east, north = offsets(len(lonlat), still, np.random.default_rng(0))
        shares = [
            self._cut_from(lonlat, east, north, np.full(len(lonlat), number))[1]
            for number in range(len(self.alternatives))
        ]
        best: Float32 = np.maximum.reduce(shares)
        return best

    def cut_drawn(
        self, lonlat: Floats, east: Floats, north: Floats, choice: Integers
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Cut chips whose offsets and alternatives were drawn: see `cut`.

        Where the alternative that was drawn has no imagery, the next one that has takes its place,
        so that rasters side by side (tiles) are as good as rasters of the same ground (dates).
        """
        chips, share = self._cut_from(lonlat, east, north, choice)
        for step in range(1, len(self.alternatives)):
            blank = np.flatnonzero(share < self.settings.least_valid)
            if len(blank) == 0:
                break
            other = (choice[blank] + step) % len(self.alternatives)
            cut = self._cut_from(lonlat[blank], east[blank], north[blank], other)
            chips[blank], share[blank] = cut
        return chips, share

    def _cut_from(
        self, lonlat: Floats, east: Floats, north: Floats, choice: Integers
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Chips from the alternatives of these numbers (N,), blank or not."""
        chip = self._chip
        chips = np.empty((len(lonlat), self.channels, chip.pixels, chip.pixels), np.float32)
        share = np.empty(len(lonlat), np.float32)
        polar = np.abs(lonlat[:, 1]) > POLAR_LATITUDE
        for number, rasters in enumerate(self.alternatives):
            for beyond in (False, True):
                which = np.flatnonzero((choice == number) & (polar == beyond))
                if len(which):
                    cut = self._cut(rasters, lonlat[which], east[which], north[which], beyond)
                    chips[which], share[which] = cut
        return chips, share

    def _cut(
        self, rasters: Sequence[Raster], lonlat: Floats, east: Floats, north: Floats, polar: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        bilinear = self._chip.resampling == "bilinear"
        locate = on_tangent_plane if polar else along_axes
        lon, lat = locate(lonlat, east, north)
        pixels, valid = [], []
        for raster in rasters:
            if raster.separable:
                row, col = raster.place(lon, lat)
            else:
                row, col = raster.place(*np.broadcast_arrays(lon, lat))
            values, good = raster.gather(row, col, bilinear=bilinear)
            pixels.append(np.moveaxis(values, -1, 1).astype(np.float32))
            valid.append(good)
        every = np.logical_and.reduce(valid)
        return _fill(np.concatenate(pixels, 1), every), every.mean((1, 2), dtype=np.float32)


class RasterImagery:
    """Images of a run's points, cut from rasters.

    Args:
        source: the rasters.
        lonlat: (N, 2) degrees.
        views: views of each point.
        seed: of all views.
    """

    def __init__(self, source: ChipSource, lonlat: Floats, views: int, seed: int) -> None:
        self._source, self._lonlat, self._views, self._seed = source, lonlat, views, seed
        self.channels, self.side = source.channels, source.side

    def chunk(self, number: int) -> Iterator[tuple[int, slice, Images, Shares]]:
        """One view of the next `CHUNK` points."""
        parts = pieces(len(self._lonlat), CHUNK)
        view, part = number // len(parts), parts[number % len(parts)]
        # A generator of its own for every chunk: a resumed cache is the same as a whole one.
        rng = np.random.default_rng([self._seed, 1, number])
        yield view, part, *self._source.cut(self._lonlat[part], rng)

    def take(self, view: Integers, points: Integers) -> tuple[Images, Shares]:
        """Views (B,) of points (B,); not those of `chunk`, which draws for many at a time."""
        if len(points) == 0:
            return empty(self.channels, self.side)
        keys = [[self._seed, 2, int(v), int(p)] for v, p in zip(view, points)]
        drawn = [self._source.draw(1, np.random.default_rng(key)) for key in keys]
        east, north, choice = (np.concatenate(column) for column in zip(*drawn))
        return self._source.cut_drawn(self._lonlat[points], east, north, choice)

    def sample(self, size: int) -> Iterator[tuple[Images, Shares]]:
        """Chips of at most `size` points, all at once."""
        rng = np.random.default_rng([self._seed, 0])
        count = len(self._lonlat)
        chosen = np.sort(rng.choice(count, min(size, count), replace=False))
        yield self._source.cut(self._lonlat[chosen], rng)


def _fill(chips: NDArray[Any], valid: Bools) -> NDArray[Any]:
    """Put the mean of a chip's valid pixels where it has none (zero where it has none at all)."""
    partial = np.flatnonzero(~valid.all((1, 2)))
    if len(partial) == 0:
        return chips
    good = valid[partial, None]
    known = np.where(good, chips[partial], 0)
    mean = known.sum((2, 3), keepdims=True) / np.maximum(good.sum((2, 3), keepdims=True), 1)
    chips[partial] = np.where(good, known, mean)
    return chips


def alternatives(settings: SourceSettings, places: Locations, what: str) -> list[list[Path]]:
    """The files of a source: one list for each alternative; a glob pattern stands for several."""
    found: list[list[Path]] = []
    for entry in settings.files:
        if isinstance(entry, str):
            found += [[path] for path in places.find_all(entry, what)]
        else:
            found.append([places.find(name, what) for name in entry])
    return found


def open_source(
    files: Sequence[Sequence[Path]], settings: SourceSettings, scratch: Path
) -> ChipSource:
    """Decode every raster of a source; what is too large for memory goes to `scratch`."""

    def opened(path: Path) -> Raster:
        request = DecodeRequest(
            path, settings.bounds, settings.bands, settings.nodata, settings.reduce
        )
        return open_raster(request, scratch)

    return ChipSource([[opened(path) for path in group] for group in files], settings)
