"""Grids of pixels: a CRS, an affine transform and a shape; everything else follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import NamedTuple

import numpy as np

from ..errors import Argument, InputError, Noun
from ..types import Floats, Integers
from .crs import LONLAT, check_crs, half_turn, unit_name
from .crs_backend import Bounds, brief
from .extent import transform_bounds

Affine = tuple[float, float, float, float, float, float]

# Part of a pixel by which a bbox may exceed a whole number of pixels without getting one more:
# 3 / 0.1 is 30.000000000000004.
_PIXEL_TOLERANCE = 1e-6
# GDAL counts rows and columns in 32-bit integers.
_MOST_PIXELS = 2**31 - 1
# Half turns by which a longitude may lie away from Greenwich: a raster may run on past 180.
_MOST_HALF_TURNS = 3


class Window(NamedTuple):
    """A rectangle of pixels: first row and column, height and width."""

    row: int
    col: int
    height: int
    width: int


@dataclass(frozen=True)
class Grid:
    """Pixels on a map.

    Attributes:
        crs: EPSG code, WKT or PROJ string.
        transform: Affine order (a, b, c, d, e, f): x = a·col + b·row + c, y = d·col + e·row + f,
            of the corners of pixels; a centre lies half a pixel further.
        shape: (height, width) in pixels.
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]

    @classmethod
    def from_bounds(
        cls,
        bounds: Sequence[float],
        res: float | Sequence[float],
        crs: str = LONLAT,
        *,
        bounds_crs: str | None = None,
        tap: bool | None = None,
    ) -> Grid:
        """A top-down grid over a bbox.

        West and north are kept. Where the bbox is no whole number of pixels, the last column and
        row reach beyond east and south. With target-aligned pixels (`tap`, as gdalwarp has it)
        all edges are multiples of the pixel size instead, and reach beyond the bbox by less than
        a pixel each: neighbours then share one grid. In a geographic CRS, west > east crosses the
        antimeridian: the grid then runs on past 180, in one piece.

        Args:
            bounds: (west, south, east, north), in units of `bounds_crs`.
            res: pixel size, one number or (x, y), in units of `crs`.
            crs: of the grid.
            bounds_crs: of the bounds; `crs` where None. A part that `crs` has no room for, such
                as a pole in Mercator's, is cut off with a warning.
            tap: whether all edges are multiples of the pixel size; where None, they are if the
                bounds come from another CRS, in which their edges mean nothing.

        Raises:
            InputError: bounds or res that make no raster, or an unknown CRS.
        """
        crs = check_crs(crs)
        box = _check_numbers(bounds)
        xres, yres = _check_res(res)
        given = crs if bounds_crs is None else check_crs(bounds_crs)
        box = _unrolled(box, given)
        if bounds_crs is None:
            _check_unit(box, crs)
        elif given != crs:
            box = _unrolled(transform_bounds(box, given, crs), crs)
        west, south, east, north = box
        rows = _count(north - south, yres, "height", crs)
        cols = _count(east - west, xres, "width", crs)
        if given != crs if tap is None else tap:
            (west, cols), (south, rows) = _aligned(west, east, xres), _aligned(south, north, yres)
            north = (round(south / yres) + rows) * yres
        return cls(crs, (xres, 0.0, west, 0.0, -yres, north), (rows, cols))

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) of the outer edges of the pixels."""
        height, width = self.shape
        x, y = self._apply(np.array([0.0, 0.0, width, width]), np.array([0.0, height, 0.0, height]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    def centres(self, rows: Integers | Floats, cols: Integers | Floats) -> tuple[Floats, Floats]:
        """Coordinates of pixel centres, in units of the CRS.

        Args:
            rows: row numbers, of any shape.
            cols: column numbers, of a shape that goes with it.

        Returns:
            x and y, of the common shape.
        """
        return self._apply(np.asarray(cols, np.float64) + 0.5, np.asarray(rows, np.float64) + 0.5)

    def corners(self, rows: Integers, cols: Integers) -> tuple[Floats, Floats]:
        """Coordinates of the corners where rows and columns begin, in units of the CRS.

        Args:
            rows: row numbers, of any shape; that of the last row and one more is the lower edge.
            cols: column numbers, of a shape that goes with it.

        Returns:
            x and y, of the common shape.
        """
        return self._apply(np.asarray(cols, np.float64), np.asarray(rows, np.float64))

    def windows(self, size: int) -> Iterator[Window]:
        """Squares of `size` pixels from the top left, row by row, cut at the edges."""
        height, width = self.shape
        for row in range(0, height, size):
            for col in range(0, width, size):
                yield Window(row, col, min(size, height - row), min(size, width - col))

    def part(self, window: Window) -> Grid:
        """The grid of a window: its pixels are those of this one."""
        a, b, c, d, e, f = self.transform
        x, y = a * window.col + b * window.row + c, d * window.col + e * window.row + f
        return Grid(self.crs, (a, b, x, d, e, y), (window.height, window.width))

    def _apply(self, col: Floats, row: Floats) -> tuple[Floats, Floats]:
        a, b, c, d, e, f = self.transform
        col, row = np.broadcast_arrays(col, row)
        return a * col + b * row + c, d * col + e * row + f


def _check_numbers(values: Sequence[float]) -> Bounds:
    text = _text(values)
    if len(values) != 4:
        raise InputError(
            Noun("bounds"), f" {text} has {len(values)} numbers: give west south east north"
        )
    if not all(isfinite(value) for value in values):
        raise InputError(
            Noun("bounds"), f" {text} is not finite: give west south east north as numbers"
        )
    west, south, east, north = (float(value) for value in values)
    return west, south, east, north


def _check_res(res: float | Sequence[float]) -> tuple[float, float]:
    values = tuple(float(value) for value in np.ravel(res))
    if len(values) not in (1, 2):
        raise InputError(
            Noun("res"), f" {_text(values)} has {len(values)} numbers: give one or two"
        )
    if not all(isfinite(value) and value > 0 for value in values):
        raise InputError(
            Noun("res"), f" {_text(values)} is not above 0 and finite: give a pixel size"
        )
    return values[0], values[-1]


def _unrolled(box: Bounds, crs: str) -> Bounds:
    """The box with west < east; where it crosses the antimeridian, east beyond half a turn."""
    west, south, east, north = box
    half = half_turn(crs)
    if south > north:
        raise InputError(
            Noun("bounds"),
            f" {_text(box)}: south ({south:g}) lies above north ({north:g}); "
            "give west south east north",
        )
    if half is not None:
        _check_geographic(box, half)
        east += 2 * half if west > east else 0.0
    if west > east:
        raise InputError(
            Noun("bounds"),
            f" {_text(box)}: west ({west:g}) lies east of east ({east:g}); "
            "give west south east north",
        )
    if west == east or south == north:
        side = "west and east" if west == east else "south and north"
        raise InputError(Noun("bounds"), f" {_text(box)} is empty: {side} are the same")
    return west, south, east, north


def _check_geographic(box: Bounds, half: float) -> None:
    west, south, east, north = box
    for lat in (south, north):
        if abs(lat) > half / 2:
            raise InputError(
                Noun("bounds"),
                f" {_text(box)}: latitude {lat:g} is outside {-half / 2:g}..{half / 2:g}; "
                "the order is west south east north, and what is not in degrees needs its ",
                Argument("bounds_crs"),
            )
    for lon in (west, east):
        if abs(lon) > _MOST_HALF_TURNS * half:
            raise InputError(Noun("bounds"), f" {_text(box)}: there is no longitude {lon:g}")
    if east - west > 2 * half * (1 + 1e-9):
        raise InputError(
            Noun("bounds"),
            f" {_text(box)} spans {east - west:g} of longitude: {2 * half:g} is all there is",
        )


def _check_unit(box: Bounds, crs: str) -> None:
    """Refuse a bbox in degrees for a CRS in metres."""
    west, south, east, north = box
    degrees = max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 90
    if half_turn(crs) is None and degrees:
        raise InputError(
            Noun("bounds"),
            f" {_text(box)} looks like degrees, but {crs} counts in {unit_name(crs)}: "
            "say what it is in with ",
            Argument("bounds_crs", LONLAT),
        )


def _count(span: float, res: float, side: str, crs: str) -> int:
    if res > span * (1 + _PIXEL_TOLERANCE):
        raise InputError(
            Noun("res"),
            f" {res:g} is coarser than the {side} of the ",
            Noun("bounds"),
            f" ({span:g}, unit {unit_name(crs)}): give at most {span:g}, or enlarge the ",
            Noun("bounds"),
        )
    pixels = span / res
    if pixels > _MOST_PIXELS:
        raise InputError(
            Noun("res"),
            f" {res:g} makes {pixels:.3g} pixels of {side}, more than a raster can have: "
            "give a coarser one, or narrow the ",
            Noun("bounds"),
        )
    return ceil(pixels - _PIXEL_TOLERANCE)


def _aligned(low: float, high: float, res: float) -> tuple[float, int]:
    """The multiple of a pixel size at or below a side of a bbox, and pixels up to the other."""
    first = floor(low / res + _PIXEL_TOLERANCE)
    return first * res, ceil(high / res - _PIXEL_TOLERANCE) - first


def said_extent(grid: Grid, bounds: Sequence[float], bounds_crs: str | None = None) -> str | None:
    """What a grid covers, in a line, where that is not just the bbox that was asked for.

    Args:
        grid: made of it by `Grid.from_bounds`.
        bounds: the bbox, as given there.
        bounds_crs: as given there.
    """
    given = grid.crs if bounds_crs is None else check_crs(bounds_crs)
    xres, yres = grid.transform[0], -grid.transform[4]
    if given == grid.crs:
        box = _unrolled(_check_numbers(bounds), given)
        tolerance = _PIXEL_TOLERANCE * np.array([xres, yres, xres, yres])
        if (np.abs(np.subtract(box, grid.bounds)) <= 2 * tolerance).all():
            return None
    size = f"{xres:.10g}" if xres == yres else f"{xres:.10g} x {yres:.10g}"
    return (
        f"the raster covers {_text(grid.bounds)} ({brief(grid.crs)}): whole pixels of {size} "
        f"around {_text(bounds)}"
    )


def _text(values: Sequence[float]) -> str:
    return " ".join(f"{value:.10g}" for value in values)
