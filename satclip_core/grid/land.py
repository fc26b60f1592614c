"""Land and sea: a coarse field of the whole Earth that comes with the package, and places on it.

`scripts/land_mask.py` derives it from NOAA's GLOBE (1999, public domain; 30 arc-seconds): a cell of
1/40 degree, 2.8 km at the equator, is land where any of its nine cells there is, and where there is
a town of Natural Earth (public domain), since GLOBE lacks atolls. Small islands stay, and a coast
is at most a cell too wide. Lakes and inland seas are land: it is of the ocean.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Bools, Floats
from .grid import Grid
from .pixels import Locator
from .sphere import unit_vectors

LAND = "land"
"""The name by which a request asks for the packaged field as its mask."""

CELLS_PER_DEGREE = 40
FIELD = Path(__file__).with_name("land.npz")
_SHAPE = (180 * CELLS_PER_DEGREE, 360 * CELLS_PER_DEGREE)
# Bits of a byte, 2 ** 3, the northernmost row first, as numpy packs them.
_BITS_LOG2, _FIRST_BIT = 3, np.uint8(128)
# South of it there is ice alone: no image of it trained the models.
_SOUTH = -60.0
# Places drawn at a time; 27 % of the sphere north of 60 degrees south is land.
_DRAW = 4096
# The same for the land of a grid, and how often: what has none by then counts as sea.
_DRAW_WITHIN, _DRAWS_WITHIN = 8192, 24
# Rows and columns of a grid whose pixels are looked at for the largest, on the ground.
_LATTICE = 33


class LandMask:
    """Whether places lie on land, by a field of cells of 1/40 degree.

    Args:
        packed: (rows / 8, cols) bytes, each of eight cells from north to south; rows from 90 N,
            columns from 180 W.
    """

    def __init__(self, packed: NDArray[np.uint8]) -> None:
        self._packed = packed

    def __call__(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places are on land.

        Args:
            lons: (N,) degrees, any turn.
            lats: (N,) degrees.

        Returns:
            (N,); False where a coordinate is not finite.
        """
        finite = np.isfinite(lons) & np.isfinite(lats)
        if not finite.all():
            lons, lats = np.where(finite, lons, 0.0), np.where(finite, lats, 0.0)
        rows = np.floor((90 - lats) * CELLS_PER_DEGREE).astype(np.int32)
        np.clip(rows, 0, _SHAPE[0] - 1, out=rows)
        cols = np.floor((lons + 180) * CELLS_PER_DEGREE).astype(np.int32)
        cols %= _SHAPE[1]
        # By shifts: a view has a million pixels, and a division of each takes as long as all else.
        cells = self._packed[rows >> _BITS_LOG2, cols]
        bits = _FIRST_BIT >> (rows & (2**_BITS_LOG2 - 1)).astype(np.uint8)
        wanted: Bools = finite & ((cells & bits) != 0)
        return wanted


@lru_cache(maxsize=1)
def land_mask() -> LandMask:
    """The packaged field, read once: 13 MB in memory."""
    with np.load(FIELD) as file:
        return LandMask(file["land"])


@lru_cache(maxsize=4)
def land_places(count: int = 4000, seed: int = 0) -> Floats:
    """Places drawn evenly over the land north of 60 degrees south.

    Args:
        count: how many.
        seed: of the random numbers; the same places come for the same seed.

    Returns:
        (count, 2) lon, lat in degrees, of two decimals; not to be written to.
    """
    rng, on_land = np.random.default_rng(seed), land_mask()
    found = np.empty((0, 2))
    lowest = np.sin(np.deg2rad(_SOUTH))
    while len(found) < count:
        # By `random` alone, whose numbers no release of numpy has changed.
        turn, height = rng.random((2, _DRAW))
        lats = np.rad2deg(np.arcsin(lowest + (1 - lowest) * height)).round(2)
        lons = (360 * turn - 180).round(2)
        wanted = on_land(lons, lats)
        found = np.concatenate([found, np.stack([lons[wanted], lats[wanted]], axis=1)])
    places: Floats = found[:count].copy()
    places.flags.writeable = False
    return places


@lru_cache(maxsize=4)
def land_within(grid: Grid, count: int = 4000, seed: int = 0) -> Floats:
    """Places drawn evenly over the land of a grid: as many of each square kilometre.

    Args:
        grid: its pixel centres are drawn, by their size on the ground.
        count: how many.
        seed: of the random numbers; the same places come for the same seed.

    Returns:
        (N, 2) lon, lat in degrees, N at most `count`: fewer where hardly any of the grid is land,
        none where nothing is; not to be written to.

    Raises:
        InputError: the CRS is not known.
    """
    rng, locator = np.random.default_rng(seed), Locator(grid, land_mask())
    height, width = grid.shape
    lattice = (np.linspace(0, length - 1, _LATTICE).round() for length in grid.shape)
    rows, cols = (one.ravel() for one in np.meshgrid(*lattice, indexing="ij"))
    sizes = _ground(locator, rows, cols)
    largest = sizes.max(initial=0, where=np.isfinite(sizes))
    found: list[Floats] = []
    for _ in range(_DRAWS_WITHIN):
        row, col, kept = rng.random((3, _DRAW_WITHIN))
        rows, cols = (height * row).astype(np.int64), (width * col).astype(np.int64)
        lons, lats, valid = locator.at(rows, cols)
        sizes = _ground(locator, rows[valid], cols[valid])
        with np.errstate(invalid="ignore"):
            wanted = np.flatnonzero(valid)[kept[valid] * largest <= sizes]
        found.append(np.stack([lons[wanted], lats[wanted]], axis=1))
        if sum(map(len, found)) >= count:
            break
    places: Floats = np.concatenate(found)[:count]
    places.flags.writeable = False
    return places


def _ground(locator: Locator, rows: NDArray[Any], cols: NDArray[Any]) -> Floats:
    """Size of pixels (N,) on the unit sphere, (N,): the parallelogram of their middle lines."""

    def side(down: float, across: float) -> Floats:
        ends = [
            unit_vectors(*locator.lonlat(rows + sign * down, cols + sign * across))
            for sign in (0.5, -0.5)
        ]
        found: Floats = ends[0] - ends[1]
        return found

    sizes: Floats = np.linalg.norm(np.cross(side(1, 0), side(0, 1), axis=0), axis=0)
    return sizes
