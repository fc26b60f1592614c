"""The places of a grid that are most like some others."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..encoder import LocationEncoder
from ..errors import InputError
from ..grid import Grid, Window
from ..grid.pixels import Locator
from ..grid.sphere import EARTH_KM, wrap_longitudes
from ..products import Similarity
from ..types import Bools, Cancelled, Float32, Floats, Integers, Mask, Progress
from .blocks import blocks

# What is kept of a grid while its blocks pass.
MOST_PLACES = 1_000_000


@dataclass(frozen=True)
class SimilarPlaces:
    """Pixels of a grid, the most similar first.

    Attributes:
        lonlat: (n, 2) lon, lat of their centres in degrees.
        similarity: (n,) cosine similarity, -1..1.
        pixels: (n, 2) row and column.
    """

    lonlat: Floats
    similarity: Float32
    pixels: Integers

    def __len__(self) -> int:
        return len(self.similarity)


def similar_places(
    grid: Grid,
    encoder: LocationEncoder,
    lonlat: ArrayLike,
    count: int = 100,
    *,
    reduce: str = "mean",
    away_km: float = 0.0,
    threads: int | None = None,
    mask: Mask | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SimilarPlaces:
    """The pixels of a grid that are most like some places, in memory that does not grow with it.

    Args:
        grid: where to look; its pixel centres are compared.
        encoder: what embeds.
        lonlat: (k, 2) lon, lat in degrees of the places to compare with.
        count: number of pixels wanted; fewer come where the grid has fewer that are valid.
        reduce: "mean" or "max" of the similarities to several places.
        away_km: leave out pixels nearer than this to any of the places, in kilometres.
        threads: number of threads; all available processors where None.
        mask: which places are wanted.
        progress: called with (pixels done, pixels in all) after each block.
        cancelled: asked before each block.

    Raises:
        InputError: a count, distance or place that is none.
        CancelledError: `cancelled` said so.
    """
    if not 1 <= count <= MOST_PLACES:
        raise InputError(f"{count} similar places: give a number from 1 to {MOST_PLACES}")
    if not away_km >= 0:
        raise InputError(f"{away_km:g} km away from the places: give 0 or more")
    product = Similarity.to(encoder, lonlat, reduce=reduce)
    locator = Locator(grid, mask)
    best = _Best(count)
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    with closing(blocks(locator, encoder, product, threads=threads, **hooks)) as made:
        for window, bands in made:
            values = bands[0]
            if away_km > 0:
                values = np.where(_far(locator, window, product.places, away_km), values, np.nan)
            best.add(values, window)
    lons, lats, _ = locator.at(best.pixels[:, 0], best.pixels[:, 1])
    lonlat = np.stack([wrap_longitudes(lons), lats], axis=1)
    return SimilarPlaces(lonlat, best.values, best.pixels)


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
