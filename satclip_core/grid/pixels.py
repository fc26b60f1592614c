"""Where the pixels of a grid lie on the Earth: their centres in longitude and latitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import numpy as np

from ..errors import InputError, Noun
from ..types import Bools, Floats, Integers, Mask
from .crs import from_lonlat, half_turn, to_lonlat
from .grid import Grid, Window
from .sphere import unit_vectors

Positions = Union[Integers, Floats]
"""Numbers of rows or columns, or what lies between."""

# Rows and columns looked at to see whether lon depends on the column alone, lat on the row.
_LATTICE = 9
# Degrees by which they may differ: 0.1 mm on the ground.
_SAME_DEGREES = 1e-9
# Degrees by which rounding may carry a centre beyond a pole.
_POLE_TOLERANCE = 1e-9
# Part of a pixel, or of the distance from the origin, by which a place may miss its pixel when it
# is projected back: some inverses are approximate (Robinson's by 1e-7).
_BACK_PIXELS = 0.5
_BACK_SHARE = 1e-6
# Chord, in radii of the Earth (600 m), by which a place may miss itself there and back.
_SAME_PLACE = 1e-4
# Draws of a random sample before giving up on finding more pixels that are wanted, and the size
# of all but the first.
_DRAWS = 50
_DRAW = 2**16


@dataclass(frozen=True)
class Places:
    """The pixel centres of a window.

    Attributes:
        lons: degrees, (cols,) where `separable`, else (rows, cols).
        lats: degrees, (rows,) where `separable`, else (rows, cols).
        valid: (rows, cols), whether a pixel is on the map and wanted; None where all are.
    """

    lons: Floats
    lats: Floats
    valid: Bools | None

    @property
    def separable(self) -> bool:
        """Whether lon depends on the column alone and lat on the row."""
        return self.lons.ndim == 1


class Locator:
    """Finds the pixel centres of one grid.

    Args:
        grid: the pixels.
        mask: which places are wanted; all where None.

    Raises:
        InputError: the CRS is not known.
    """

    def __init__(self, grid: Grid, mask: Mask | None = None) -> None:
        self.grid = grid
        self.mask = mask
        self._to_lonlat = to_lonlat(grid.crs)
        self._from_lonlat = from_lonlat(grid.crs)
        self.separable = self._is_separable()

    def places(self, window: Window) -> Places:
        """The pixel centres of a window."""
        rows = window.row + np.arange(window.height)
        cols = window.col + np.arange(window.width)
        if not self.separable:
            lons, lats, valid = self.at(rows[:, None], cols)
            return Places(lons, lats, None if valid.all() else valid)
        lons, lats, on_map = self._axes(rows, cols)
        valid = np.broadcast_to(on_map[:, None], (len(rows), len(cols)))
        if self.mask is not None:
            x, y = np.broadcast_arrays(lons, lats[:, None])
            valid = valid & self._wanted(x, y, valid)
        return Places(lons, lats, None if valid.all() else valid)

    def axes(self, rows: Positions, cols: Positions) -> tuple[Floats, Floats]:
        """Longitudes of columns and latitudes of rows, where the grid is `separable`.

        Args:
            rows: (rows,) row numbers, of centres; parts of a row are allowed.
            cols: (cols,) column numbers likewise.

        Returns:
            (cols,) and (rows,) degrees; NaN for rows off the map.
        """
        lons, lats, on_map = self._axes(rows, cols)
        return lons, np.where(on_map, lats, np.nan)

    def lonlat(self, rows: Positions, cols: Positions) -> tuple[Floats, Floats]:
        """Places of positions on the grid, or beside it, whether they are wanted or not.

        Args:
            rows: row numbers, of centres, of any shape; parts of a row are allowed.
            cols: column numbers likewise, of a shape that goes with it.

        Returns:
            lon and lat in degrees, of the common shape; NaN off the map.
        """
        lons, lats, on_map = self._lonlat(rows, cols)
        lons, lats = np.broadcast_arrays(lons, lats)
        return np.where(on_map, lons, np.nan), np.where(on_map, lats, np.nan)

    def at(self, rows: Integers, cols: Integers) -> tuple[Floats, Floats, Bools]:
        """Centres of single pixels.

        Args:
            rows: row numbers, of any shape.
            cols: column numbers, of a shape that goes with it.

        Returns:
            lon and lat in degrees and whether the pixel is on the map and wanted, all of the
            common shape.
        """
        lons, lats, valid = self._lonlat(rows, cols)
        if not self.separable:
            valid = valid & self._comes_back(lons, lats, rows, cols)
        if self.mask is not None:
            valid = valid & self._wanted(lons, lats, valid)
        return lons, lats, valid

    def sample(self, count: int, seed: int = 0) -> Floats:
        """Places of pixels drawn at random, all pixels where there are no more than `count`.

        Returns:
            (N, 2) lon, lat in degrees, N at most `count`; fewer where few pixels are valid.

        Raises:
            InputError: no pixel is valid.
        """
        if self.grid.pixels <= count:
            return _some(self._lonlats_of(np.arange(self.grid.pixels)))
        random = np.random.default_rng(seed)
        found: list[Floats] = []
        for draw in range(_DRAWS):
            size = max(count, _DRAW) if draw else count
            found.append(self._lonlats_of(random.integers(0, self.grid.pixels, size)))
            if sum(map(len, found)) >= count:
                break
        return _some(np.concatenate(found)[:count])

    def finds_any(self) -> bool:
        """Whether the mask wants any pixel, as far as a random search finds; True without one."""
        if self.mask is None:
            return True
        try:
            self.sample(1)
        except InputError:
            return False
        return True

    def holds(self, lonlat: Floats) -> Bools:
        """Whether places lie on the grid, wanted or not.

        Args:
            lonlat: (N, 2) degrees.

        Returns:
            (N,), False for places that the CRS does not show.
        """
        return np.isfinite(self.cells(lonlat)[:, 0])

    def cells(self, lonlat: Floats) -> Floats:
        """Where places lie on the grid, in pixels from its top left corner.

        Args:
            lonlat: (N, 2) degrees.

        Returns:
            (N, 2) column and row, 0.5 in the middle of the first; NaN for places that do not lie
            on it.
        """
        lons, lats = np.asarray(lonlat, np.float64).reshape(-1, 2).T
        x, y = self._from_lonlat(lons, lats)
        # A projection may put the other side of the Earth there too: it does not come back.
        back_lons, back_lats = self._to_lonlat(x, y)
        with np.errstate(invalid="ignore"):
            chords = unit_vectors(lons, lats) - unit_vectors(back_lons, back_lats)
            same: Bools = np.sqrt((chords**2).sum(axis=0)) <= _SAME_PLACE
        half = half_turn(self.grid.crs)
        turns = [0.0] if half is None else [2 * half * turn for turn in range(-2, 3)]
        found = np.full((len(lons), 2), np.nan)
        for turn in turns:
            at = self._cells(x + turn, y)
            with np.errstate(invalid="ignore"):
                inside = same & (at >= 0).all(axis=1) & (at <= self.grid.shape[::-1]).all(axis=1)
            found[inside] = at[inside]
        return found

    def _cells(self, x: Floats, y: Floats) -> Floats:
        """Columns and rows (N, 2) of coordinates, on the grid or off it."""
        a, b, c, d, e, f = self.grid.transform
        across, down = x - c, y - f
        area = a * e - b * d
        with np.errstate(invalid="ignore"):
            return np.stack([e * across - b * down, a * down - d * across], axis=1) / area

    def pixel_degrees(self) -> float | None:
        """Size of the pixel in the middle, degrees of a great circle; None if it is off the map."""
        row, col = (size // 2 for size in self.grid.shape)
        rows, cols = np.array([row, row, row + 1]), np.array([col, col + 1, col])
        lons, lats, valid = self._lonlat(rows, cols)
        if not valid.all():
            return None
        xyz = unit_vectors(lons, lats)
        chords = np.linalg.norm(xyz[:, 1:] - xyz[:, :1], axis=0)
        return float(np.rad2deg(2 * np.arcsin(chords / 2)).max())

    def _lonlats_of(self, pixels: Integers) -> Floats:
        rows, cols = np.divmod(pixels, self.grid.shape[1])
        lons, lats, valid = self.at(rows, cols)
        return np.stack([lons[valid], lats[valid]], axis=1)

    def _lonlat(self, rows: Positions, cols: Positions) -> tuple[Floats, Floats, Bools]:
        lons, lats = self._to_lonlat(*self.grid.centres(rows, cols))
        valid = np.isfinite(lons) & np.isfinite(lats)
        valid &= np.abs(np.where(valid, lats, 0)) <= 90 + _POLE_TOLERANCE
        return lons, np.clip(lats, -90, 90), valid

    def _axes(self, rows: Positions, cols: Positions) -> tuple[Floats, Floats, Bools]:
        """Longitudes of columns, latitudes of rows, and whether a row is on the map."""
        middle = self.grid.shape[0] // 2, self.grid.shape[1] // 2
        lons, _, _ = self._lonlat(np.full(len(cols), middle[0]), cols)
        _, lats, on_map = self._lonlat(rows, np.full(len(rows), middle[1]))
        return lons, lats, on_map

    def _comes_back(self, lons: Floats, lats: Floats, rows: Integers, cols: Integers) -> Bools:
        """Whether a place projects back to its pixel: outside the globe's outline it does not."""
        a, b, _, d, e, _ = self.grid.transform
        x, y = self.grid.centres(rows, cols)
        back_x, back_y = self._from_lonlat(lons, lats)
        with np.errstate(invalid="ignore"):
            off = np.hypot(back_x - x, back_y - y)
            pixel = min(np.hypot(a, d), np.hypot(b, e))
            inside: Bools = off <= np.maximum(_BACK_PIXELS * pixel, _BACK_SHARE * np.hypot(x, y))
        return inside

    def _wanted(self, lons: Floats, lats: Floats, valid: Bools) -> Bools:
        wanted = np.zeros(valid.shape, bool)
        if self.mask is not None and valid.any():
            wanted[valid] = self.mask(lons[valid], lats[valid])
        return wanted

    def _is_separable(self) -> bool:
        """Whether every column is a meridian and every row a parallel, as in cylindrical CRSs."""
        height, width = self.grid.shape
        rows = np.linspace(0, height - 1, _LATTICE).round().astype(np.int64)
        cols = np.linspace(0, width - 1, _LATTICE).round().astype(np.int64)
        lons, lats, valid = self._lonlat(rows[:, None], cols)
        on_map = valid.any(axis=1)
        if not on_map.any() or not valid[on_map].all():
            return False
        lons, lats = lons[on_map], lats[on_map]
        turned = np.remainder(lons - lons[0] + 180, 360) - 180
        apart = max(np.abs(turned).max(), np.ptp(lats, axis=1).max())
        return bool(apart <= _SAME_DEGREES)


def _some(lonlat: Floats) -> Floats:
    if len(lonlat) == 0:
        raise InputError(
            "no pixel of the raster is valid: all lie outside the map or the land mask; check the ",
            Noun("bounds"),
            ", its CRS and the mask",
        )
    return lonlat
