"""From a lattice of longitudes and latitudes to the pixels of a map view, by cubic splines."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from ..compute.blas import product
from ..errors import InputError, Noun
from ..grid import Grid, Window
from ..grid.pixels import Locator
from ..types import Bools, Float32, Floats, Integers
from .view import scattered_places

# Nodes beyond the view: a spline forgets its ends by a factor of 3.7 for each.
_MARGIN = 4
# Values of the refined lattice for each node, where pixels are looked up one by one.
_FINEST = 8
# A step of a pixel, but for rounding.
_AS_A_PIXEL = 1.01
# Part of a step, or of a pixel, within which two nodes are the same.
_SAME = 1e-4
_SAME_STEP = 1e-9


@dataclass(frozen=True)
class Lattice:
    """Nodes at whole multiples of a step, wide enough for a spline over a view.

    Attributes:
        step: degrees between nodes; a whole number of steps makes a turn.
        west: number of the first meridian, counted from Greenwich.
        south: number of the first parallel, counted from the equator.
        shape: (rows, cols).
    """

    step: float
    west: int
    south: int
    shape: tuple[int, int]

    @classmethod
    def around(cls, lons: Floats, lats: Floats, step: float) -> Lattice:
        """The lattice around places, (N,) degrees each, lons without a jump at 180."""
        step = 90 / ceil(90 / step - 1e-9)
        west, south = floor(lons.min() / step) - _MARGIN, floor(lats.min() / step) - _MARGIN
        east, north = ceil(lons.max() / step) + _MARGIN, ceil(lats.max() / step) + _MARGIN
        return cls(step, west, south, (north - south + 1, east - west + 1))

    @property
    def lons(self) -> Floats:
        """(cols,) degrees, going on past 180."""
        return self.step * (self.west + np.arange(self.shape[1], dtype=np.float64))

    @property
    def lats(self) -> Floats:
        """(rows,) degrees from the south, going on past the poles."""
        return self.step * (self.south + np.arange(self.shape[0], dtype=np.float64))

    @property
    def turn(self) -> int:
        """Number of meridians that differ."""
        return min(self.shape[1], round(360 / self.step))

    @property
    def nodes(self) -> int:
        """Number of places to embed."""
        return self.shape[0] * self.turn


@dataclass(frozen=True)
class PixelLattice:
    """The pixels themselves, where columns are meridians and rows parallels.

    Attributes:
        step: degrees between pixels in the middle.
        lons: (cols,) degrees.
        lats: (rows,) degrees.
    """

    step: float
    lons: Floats
    lats: Floats

    @property
    def turn(self) -> int:
        """Number of columns: each is embedded."""
        return len(self.lons)

    @property
    def nodes(self) -> int:
        """Number of places to embed."""
        return len(self.lons) * len(self.lats)


@dataclass(frozen=True)
class PlaceLattice:
    """The pixels themselves, wherever they lie.

    Attributes:
        step: degrees between pixels in the middle.
        places: (N, 2) degrees of the pixels on the map.
        view: the pixels.
        valid: (rows, cols), which of them are on the map.
    """

    step: float
    places: Floats
    view: Grid
    valid: Bools

    @property
    def nodes(self) -> int:
        """Number of places to embed."""
        return len(self.places)

    def among(self, known: PlaceLattice) -> Integers:
        """Which of the places of another view each is, (N,): -1 where it is none of them.

        They are where the map was moved by whole pixels.
        """
        found = np.full(self.valid.shape, -1)
        mine, other = self.view.transform, known.view.transform
        across, down = (other[2] - mine[2]) / mine[0], (other[5] - mine[5]) / mine[4]
        col, row = round(across), round(down)
        same = self.view.crs == known.view.crs and np.allclose(
            np.array(mine)[[0, 1, 3, 4]], np.array(other)[[0, 1, 3, 4]], rtol=1e-9
        )
        if same and max(abs(across - col), abs(down - row)) < _SAME:
            numbers = np.where(
                known.valid, np.cumsum(known.valid).reshape(known.valid.shape) - 1, -1
            )
            here, there = _overlap(row, self.view.shape[0], known.view.shape[0])
            part, from_there = _overlap(col, self.view.shape[1], known.view.shape[1])
            found[here, part] = numbers[there, from_there]
        return found[self.valid]


def _overlap(shift: int, length: int, other: int) -> tuple[slice, slice]:
    """Where two rows of pixels overlap of which the other begins so many pixels further on."""
    start, stop = max(shift, 0), max(min(shift + other, length), max(shift, 0))
    return slice(start, stop), slice(start - shift, stop - shift)


def among(
    lattice: Lattice | PixelLattice, known: Lattice | PixelLattice | PlaceLattice
) -> tuple[Integers, Integers]:
    """Which rows, and which of the meridians that differ, another lattice has too.

    Returns:
        (rows,) and (turn,) numbers of its rows and columns; -1 where it has none.
    """
    rows, cols = np.full(len(lattice.lats), -1), np.full(lattice.turn, -1)
    if type(known) is not type(lattice) or isinstance(known, PlaceLattice):
        return rows, cols
    # Steps are whole parts of a right angle, of which 10,000 and 10,001 are not the same.
    if isinstance(lattice, Lattice) and abs(known.step / lattice.step - 1) > _SAME_STEP:
        return rows, cols
    mine = (lattice.lons[: lattice.turn] + 180) % 360
    other = (known.lons[: known.turn] + 180) % 360
    tolerance = _SAME * lattice.step
    return _found(lattice.lats, known.lats, tolerance), _found(mine, other, tolerance)


def _found(wanted: Floats, known: Floats, tolerance: float) -> Integers:
    """Number of the known value that each is, -1 where it is none."""
    order = np.argsort(known)
    at = np.clip(np.searchsorted(known[order], wanted - tolerance), 0, len(known) - 1)
    found: Integers = np.where(np.abs(known[order][at] - wanted) <= tolerance, order[at], -1)
    return found


def make_sampler(view: Grid, step: float, *, at_pixels: bool = False) -> Sampler:
    """The way from a lattice to the pixels of a view.

    Args:
        view: the pixels.
        step: degrees between nodes.
        at_pixels: whether the nodes may be the pixels themselves, where `step` is no wider: nothing
            is then interpolated.

    Raises:
        InputError: the CRS is not known, or nothing of the Earth is in view.
    """
    locator = Locator(view)
    pixel = locator.pixel_degrees()
    if at_pixels and pixel is not None and step <= pixel * _AS_A_PIXEL:
        return (AtPixels if locator.separable else AtPlaces)(locator, step)
    return Separable(locator, step) if locator.separable else Scattered(locator, step)


class Sampler:
    """From values on a lattice to the pixels of a view."""

    view: Grid
    lattice: Lattice | PixelLattice | PlaceLattice

    def sample(self, values: Float32) -> Float32:
        """Values on the lattice -> (rows, cols) of the view, NaN off the map.

        Args:
            values: (rows, cols), (N,) of a `PlaceLattice`.
        """
        raise NotImplementedError


class ByMeridians(Sampler):
    """Views whose columns are meridians and rows parallels; what is on the map of one world.

    Args:
        locator: of the view.

    Raises:
        InputError: nothing of the Earth is in view.
    """

    def __init__(self, locator: Locator) -> None:
        self.view = locator.grid
        height, width = self.view.shape
        places = locator.places(Window(0, 0, height, width))
        lons = np.unwrap(places.lons, period=360)
        lons -= 360 * np.round(np.median(lons) / 360)
        self._rows = np.ones(height, bool) if places.valid is None else places.valid[:, 0]
        if not self._rows.any():
            raise InputError("nothing of the Earth is in view: give another ", Noun("view"))
        self._cols = _one_world(lons)
        self._lons, self._lats = lons[self._cols], places.lats[self._rows]

    def _placed(self, inside: Float32) -> Float32:
        """What is on the map, within the view: NaN elsewhere."""
        if self._rows.all() and self._cols.all():
            return inside
        out = np.full(self.view.shape, np.nan, np.float32)
        out[np.ix_(self._rows, self._cols)] = inside
        return out


class AtPixels(ByMeridians):
    """Views whose columns are meridians and rows parallels, embedded pixel by pixel.

    Args:
        locator: of the view.
        step: degrees between pixels in the middle.
    """

    def __init__(self, locator: Locator, step: float) -> None:
        super().__init__(locator)
        self.lattice = PixelLattice(step, self._lons, self._lats)

    def sample(self, values: Float32) -> Float32:
        """(rows, cols) on the lattice -> (rows, cols) of the view, NaN off the map."""
        return self._placed(values)


class AtPlaces(Sampler):
    """Any other view, embedded pixel by pixel.

    Args:
        locator: of the view.
        step: degrees between pixels in the middle.

    Raises:
        InputError: nothing of the Earth is in view.
    """

    def __init__(self, locator: Locator, step: float) -> None:
        self.view = locator.grid
        places = scattered_places(locator, every=1)
        if not places.valid.any():
            raise InputError("nothing of the Earth is in view: give another ", Noun("view"))
        self._valid = places.valid
        lonlat = np.stack([places.lons, places.lats], axis=1)
        self.lattice = PlaceLattice(step, lonlat, self.view, places.valid)

    def sample(self, values: Float32) -> Float32:
        """(N,) at the places -> (rows, cols) of the view, NaN off the map."""
        out = np.full(self.view.shape, np.nan, np.float32)
        out[self._valid] = values
        return out


class Separable(ByMeridians):
    """Views whose columns are meridians and rows parallels: two matrix products.

    Args:
        locator: of the view.
        step: degrees between nodes.
    """

    def __init__(self, locator: Locator, step: float) -> None:
        super().__init__(locator)
        self.lattice = lattice = Lattice.around(self._lons, self._lats, step)
        self._down = spline_matrix(lattice.shape[0], self._lats / lattice.step - lattice.south)
        across = self._lons / lattice.step - lattice.west
        self._across = np.ascontiguousarray(spline_matrix(lattice.shape[1], across).T)

    def sample(self, values: Float32) -> Float32:
        """(rows, cols) on the lattice -> (rows, cols) of the view, NaN off the map."""
        inside: Float32 = product(product(self._down, values), self._across)
        return self._placed(inside)


class Scattered(Sampler):
    """Any other view: a spline to a finer lattice, and each second pixel looked up there.

    Args:
        locator: of the view.
        step: degrees between nodes.
    """

    def __init__(self, locator: Locator, step: float) -> None:
        self.view = locator.grid
        places = scattered_places(locator, every=2)
        if not places.valid.any():
            raise InputError("nothing of the Earth is in view: give another ", Noun("view"))
        self._valid = places.valid
        self.lattice = lattice = Lattice.around(places.lons, places.lats, step)
        pixel = locator.pixel_degrees() or lattice.step
        finer = int(np.clip(ceil(lattice.step / pixel), 2, _FINEST))
        rows, cols = ((n - 1) * finer + 1 for n in lattice.shape)
        self._down = spline_matrix(lattice.shape[0], np.arange(rows) / finer)
        self._across = np.ascontiguousarray(
            spline_matrix(lattice.shape[1], np.arange(cols) / finer).T
        )
        y = (places.lats / lattice.step - lattice.south) * finer
        x = (places.lons / lattice.step - lattice.west) * finer
        # For each pixel the node to the south-west in the flattened finer lattice, the number of
        # nodes in its rows, and how far the pixel lies on to the next node in north and east.
        row, col = y.astype(np.int64), x.astype(np.int64)
        self._at = (row * cols + col, cols)
        self._parts = (y - row).astype(np.float32), (x - col).astype(np.float32)

    def sample(self, values: Float32) -> Float32:
        """(rows, cols) on the lattice -> (rows, cols) of the view, NaN off the map."""
        fine = product(product(self._down, values), self._across).ravel()
        at, row = self._at
        up, right = self._parts
        # Bilinear: along the row to the north, along the pixel's own, then between the two. In
        # place and by `take`, since this is most of what a picture costs.
        north = fine.take(at + row)
        north += right * (fine.take(at + (row + 1)) - north)
        found = fine.take(at)
        found += right * (fine.take(at + 1) - found)
        found += up * (north - found)
        half = np.full(self._valid.shape, np.nan, np.float32)
        half[self._valid] = found
        height, width = self.view.shape
        whole: Float32 = _doubled(_doubled(half).T).T[:height, :width]
        return whole


def spline_matrix(nodes: int, at: Floats) -> Float32:
    """Cubic spline interpolation (not-a-knot ends) as a matrix.

    de Boor, A Practical Guide to Splines, chapter IV: second derivatives from the tridiagonal
    system of continuity, here with unit spacing.

    Args:
        nodes: number of values, at 0, 1, …; at least 4.
        at: (N,) where the spline is wanted.

    Returns:
        (N, nodes): times the values at the nodes it gives the spline.
    """
    # Of the second derivatives m and values v: m[i-1] + 4 m[i] + m[i+1] =
    # 6 v[i-1] - 12 v[i] + 6 v[i+1]; at the ends the third derivative does not jump,
    # m[0] - 2 m[1] + m[2] = 0. Solved for all unit vectors v at once, `bends` takes values to m.
    system, right = np.zeros((nodes, nodes)), np.zeros((nodes, nodes))
    inner = np.arange(1, nodes - 1)
    for offset, bend, value in ((-1, 1, 6), (0, 4, -12), (1, 1, 6)):
        system[inner, inner + offset] = bend
        right[inner, inner + offset] = value
    system[0, :3] = system[-1, -3:] = 1, -2, 1
    bends = np.linalg.solve(system, right)
    # Between two nodes, a and b = 1 - a from them: a v + b v' + (a³ - a) m / 6 + (b³ - b) m' / 6.
    left = np.clip(np.floor(at).astype(np.int64), 0, nodes - 2)
    b = at - left
    a = 1 - b
    matrix = ((a**3 - a) / 6)[:, None] * bends[left] + ((b**3 - b) / 6)[:, None] * bends[left + 1]
    index = np.arange(len(at))
    matrix[index, left] += a
    matrix[index, left + 1] += b
    weights: Float32 = matrix.astype(np.float32)
    return weights


def _doubled(values: Float32) -> Float32:
    """A row between each two, their mean; a copy where the one below is missing."""
    below = np.concatenate([values[1:], values[-1:]])
    between = (values + below) / 2
    np.copyto(between, values, where=np.isnan(below))
    out = np.empty((2 * len(values), values.shape[1]), values.dtype)
    out[::2], out[1::2] = values, between
    return out


def _one_world(lons: Floats) -> Bools:
    """Which columns to draw: all, but of a view wider than the world one turn about Greenwich."""
    if np.ptp(lons) <= 360:
        return np.ones(len(lons), bool)
    return np.abs(lons) <= 180
