"""The places of a grid that are most like some others, a distance apart."""

from __future__ import annotations

import heapq
import logging
import os
import struct
from contextlib import closing
from dataclasses import dataclass, field, replace
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..encoder import LocationEncoder
from ..errors import CancelledError, InputError, OutputError
from ..grid import Grid, Window
from ..grid.pixels import Locator
from ..grid.sphere import EARTH_KM, unit_vectors, wrap_longitudes
from ..products import SimilarityTo, SimilarityToWords
from ..types import Bools, Cancelled, Float32, Floats, Integers, Mask, Progress
from .blocks import blocks
from .mask import opened_mask

log = logging.getLogger(__name__)

# What is kept of a grid while its blocks pass.
MOST_PLACES = 1_000_000
# Pixels whose similarity is held in memory (128 MB); that of more goes to a temporary file.
_IN_MEMORY = 2**25
# Places held against a block's pixels at a time: 8 MB for each.
_TOGETHER = 16
_WKB_POINT = 1


@dataclass(frozen=True)
class SimilarPlaces:
    """Pixels of a grid, the most similar first.

    Attributes:
        lonlat: (n, 2) lon, lat of their centres in degrees.
        similarity: (n,) cosine similarity, -1..1, or the chance of a classifier, 0..1.
        pixels: (n, 2) row and column.
    """

    lonlat: Floats
    similarity: Float32
    pixels: Integers

    def __len__(self) -> int:
        return len(self.similarity)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What is told of each, by the name of its field: rank, similarity, lon, lat."""
        lon, lat = self.lonlat.T
        rank = np.arange(1, len(self) + 1)
        return {"rank": rank, "similarity": self.similarity, "lon": lon, "lat": lat}

    def wkb(self, grid: Grid) -> list[bytes]:
        """The places as well-known bytes of points, in the CRS of their grid."""
        x, y = grid.centres(self.pixels[:, 0], self.pixels[:, 1])
        return [struct.pack("<BIdd", 1, _WKB_POINT, *at) for at in zip(x.tolist(), y.tolist())]


def similar_places(
    grid: Grid,
    encoder: LocationEncoder,
    wanted: SimilarityTo | SimilarityToWords | ArrayLike,
    count: int = 100,
    *,
    away_km: float = 0.0,
    spacing_km: float | None = None,
    threads: int | None = None,
    mask: str | os.PathLike[str] | Mask | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SimilarPlaces:
    """The pixels of a grid that are most like some places, in memory that does not grow with it.

    They are chosen one after the other, each the most similar one of those at least `spacing_km`
    away from all chosen before: without that the most similar pixels are neighbours of one.

    Args:
        grid: where to look; its pixel centres are compared.
        encoder: what embeds.
        wanted: what they are to be like, places or words; (k, 2) lon, lat in degrees will do.
        count: number of pixels wanted; fewer come where the grid has fewer that are valid and
            far enough apart.
        away_km: leave out pixels nearer than this to any of the places, in kilometres.
        spacing_km: least distance between the pixels found, in kilometres; 0 for none, None for
            the model's effective resolution: nearer places are hardly two to it.
        threads: number of threads; all available processors where None.
        mask: which places are wanted: a function, a file, or "land" as in a `RasterRequest`.
        progress: called with (pixels done, pixels in all) after each block.
        cancelled: asked before each block.

    Raises:
        InputError: a count, distance or place that is none.
        OutputError: there is no room for the temporary file of a large grid.
        CancelledError: `cancelled` said so.
    """
    if not away_km >= 0:
        raise InputError(f"{away_km:g} km away from the places: give 0 or more")
    if spacing_km is None:
        spacing_km = default_spacing(encoder)
    if not isinstance(wanted, (SimilarityTo, SimilarityToWords)):
        wanted = SimilarityTo.of(wanted)
    search = PlaceSearch(Locator(grid, opened_mask(mask)), count, spacing_km)
    product = wanted.by(encoder)
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    with closing(blocks(search.locator, encoder, product, threads=threads, **hooks)) as made:
        for window, bands in made:
            if away_km > 0:
                far = _far(search.locator, window, product.places, away_km)
                bands = np.where(far, bands, np.nan)
            search.add(window, bands)
    return search.finish(cancelled)


class PlaceSearch:
    """The pixels of a grid with the largest values, a distance apart, found as blocks pass.

    Args:
        locator: of the pixels.
        count: number of pixels wanted.
        spacing_km: least distance between them; 0 for none.

    Raises:
        InputError: a count or a distance that is none.
        OutputError: there is no room for the temporary file of a large grid.
    """

    def __init__(self, locator: Locator, count: int, spacing_km: float) -> None:
        if not 1 <= count <= MOST_PLACES:
            raise InputError(f"{count} similar places: give a number from 1 to {MOST_PLACES}")
        if not 0 <= spacing_km < np.inf:
            raise InputError(f"a spacing of {spacing_km:g} km: give 0 or more")
        self.locator = locator
        self._best: _Spread | _Best
        self._best = _Spread(locator, count, spacing_km) if spacing_km > 0 else _Best(count)

    def add(self, window: Window, bands: NDArray[Any]) -> None:
        """Take the first of the bands (bands, rows, cols) of a window; NaN is none.

        Raises:
            OutputError: the disk is full.
        """
        self._best.add(bands[0], window)

    def finish(self, cancelled: Cancelled | None = None) -> SimilarPlaces:
        """Choose, once all blocks have passed.

        Raises:
            CancelledError: `cancelled` said so.
        """
        best = self._best
        best.finish(cancelled)
        lons, lats, _ = self.locator.at(best.pixels[:, 0], best.pixels[:, 1])
        lonlat = np.stack([wrap_longitudes(lons), lats], axis=1)
        return SimilarPlaces(lonlat, best.values, best.pixels)


def default_spacing(encoder: LocationEncoder) -> float:
    """Kilometres along a great circle that the model's effective resolution spans; 0 unknown."""
    return float(np.deg2rad(encoder.resolution_degrees or 0.0) * EARTH_KM)


class _Best:
    """The largest values of all blocks so far, in order; the first pixel of equal ones."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.values = np.empty(0, np.float32)
        self.pixels = np.empty((0, 2), np.int64)

    def add(self, values: Float32, window: Window) -> None:
        """Take (rows, cols) of a window; NaN is none."""
        candidates = np.isfinite(values)
        if len(self.values) == self.count:
            candidates &= values >= self.values[-1]
        rows, cols = np.nonzero(candidates)
        found = np.concatenate([self.values, values[rows, cols]])
        pixels = np.stack([rows + window.row, cols + window.col], axis=1)
        pixels = np.concatenate([self.pixels, pixels])
        order = np.lexsort((pixels[:, 1], pixels[:, 0], -found))[: self.count]
        self.values, self.pixels = found[order], pixels[order]

    def finish(self, cancelled: Cancelled | None) -> None:
        """Nothing is left to do."""


@dataclass(order=True)
class _Candidate:
    """The best pixel of a window, as far as is known: in this order they are looked at.

    Attributes:
        loss: its similarity, negative.
        row: its row.
        col: its column.
        window: that it is the best of.
        met: number of chosen places that it has been held against.
        cleared: number of chosen places around which the window has been cleared.
    """

    loss: float
    row: int
    col: int
    window: Window = field(compare=False)
    met: int = field(compare=False)
    cleared: int = field(compare=False)


class _Spread:
    """The largest values of all blocks, each at a distance from those chosen before it.

    Greedy and lazy: a window's best pixel is chosen if it is the best of all windows and no chosen
    place is near. If one is, the window is cleared around the chosen places and waits with the
    best pixel that is left. What is chosen is what choosing from all pixels would give.

    Args:
        locator: of the grid.
        count: number of pixels wanted.
        spacing_km: least distance between them.
    """

    def __init__(self, locator: Locator, count: int, spacing_km: float) -> None:
        self.count = count
        self.values = np.empty(0, np.float32)
        self.pixels = np.empty((0, 2), np.int64)
        self._locator = locator
        self._spacing_km = spacing_km
        self._cosine = float(np.cos(min(spacing_km / EARTH_KM, np.pi)))
        self._similarity = pixel_room(locator.grid)
        self._waiting: list[_Candidate] = []
        self._chosen = np.empty((0, 3))

    def add(self, values: Float32, window: Window) -> None:
        """Take (rows, cols) of a window; NaN is none.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self._part(window)[:] = values
        except OSError as error:
            raise _no_room(error) from error
        self._wait(window, 0, 0)

    def finish(self, cancelled: Cancelled | None) -> None:
        """Choose.

        Raises:
            CancelledError: `cancelled` said so.
        """
        self._chosen = np.empty((self.count, 3))
        found: list[_Candidate] = []
        while self._waiting and len(found) < self.count:
            if cancelled is not None and cancelled():
                raise CancelledError("stopped on request: nothing was left behind")
            best = heapq.heappop(self._waiting)
            place = self._places(Window(best.row, best.col, 1, 1))[0]
            if (self._chosen[best.met : len(found)] @ place > self._cosine).any():
                self._clear(best.window, self._chosen[best.cleared : len(found)])
                self._wait(best.window, len(found), len(found))
                continue
            self._chosen[len(found)] = place
            found.append(best)
            # It is near itself: the window is cleared when its turn comes.
            best = replace(best, met=len(found) - 1)
            heapq.heappush(self._waiting, best)
        if 0 < len(found) < self.count:
            log.warning(
                "%d of %d places wanted: all others lie nearer than %.4g km to one of them",
                len(found),
                self.count,
                self._spacing_km,
            )
        self.values = np.array([-best.loss for best in found], np.float32)
        self.pixels = np.array([(best.row, best.col) for best in found], np.int64).reshape(-1, 2)

    def _wait(self, window: Window, met: int, cleared: int) -> None:
        """Put the best pixel of a window in the queue, the first one of equals."""
        values = self._part(window)
        loss = np.where(np.isfinite(values), -values, np.inf)
        row, col = np.unravel_index(loss.argmin(), loss.shape)
        if loss[row, col] < np.inf:
            at = window.row + int(row), window.col + int(col)
            heapq.heappush(
                self._waiting, _Candidate(float(loss[row, col]), *at, window, met, cleared)
            )

    def _clear(self, window: Window, chosen: Floats) -> None:
        """Take the pixels near chosen places, (n, 3) unit vectors, out of a window."""
        places = self._places(window)
        middle = places.mean(axis=0)
        middle /= max(float(np.linalg.norm(middle)), 1e-12)
        reach = np.arccos(np.clip((places @ middle).min(), -1, 1)) + np.arccos(self._cosine)
        near = chosen if reach >= np.pi else chosen[chosen @ middle >= np.cos(reach) - 1e-9]
        taken = np.zeros(len(places), bool)
        for start in range(0, len(near), _TOGETHER):
            taken |= (places @ near[start : start + _TOGETHER].T > self._cosine).any(axis=1)
        self._part(window)[taken.reshape(window.height, window.width)] = np.nan

    def _places(self, window: Window) -> Floats:
        """The pixels of a window, (n, 3) unit vectors."""
        centres = self._locator.places(window)
        lons, lats = centres.lons, centres.lats
        if centres.separable:
            lons, lats = np.meshgrid(lons, lats)
        lons, lats = (np.where(np.isfinite(at), at, 0.0) for at in (lons, lats))
        places: Floats = unit_vectors(lons, lats).reshape(3, -1).T
        return places

    def _part(self, window: Window) -> Float32:
        row, col, height, width = window
        part: Float32 = self._similarity[row : row + height, col : col + width]
        return part


def pixel_room(grid: Grid) -> Float32:
    """Room for a number for each pixel, in memory or in a file that goes by itself.

    Raises:
        OutputError: there is no room for the file.
    """
    if grid.pixels <= _IN_MEMORY:
        return np.empty(grid.shape, np.float32)
    try:
        with TemporaryFile(prefix="satclip-") as file:
            return np.memmap(file, np.float32, "w+", shape=grid.shape)
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> OutputError:
    return OutputError(
        f"no room for a temporary file: {error.strerror or error}; give a coarser grid, no "
        "spacing, or another folder for temporary files (TMPDIR)"
    )


def _far(locator: Locator, window: Window, places: Floats, away_km: float) -> Bools:
    """(rows, cols), whether a pixel is that far from all the places."""
    centres = locator.places(window)
    lats = centres.lats[:, None] if centres.separable else centres.lats
    lons, lats = np.deg2rad(centres.lons), np.deg2rad(lats)
    nearest = np.full((window.height, window.width), np.inf)
    for lon, lat in np.deg2rad(places):
        # Haversines: exact for near places too.
        half = np.sin((lats - lat) / 2) ** 2
        half = half + np.cos(lats) * np.cos(lat) * np.sin((lons - lon) / 2) ** 2
        with np.errstate(invalid="ignore"):
            nearest = np.fmin(nearest, half)
    distance = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(nearest, 0, 1)))
    far: Bools = distance >= away_km
    return far
