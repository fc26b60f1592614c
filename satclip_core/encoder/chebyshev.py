"""A smooth function of the sphere in cells of longitude and latitude, each a Chebyshev series.

What a network makes of spherical harmonics of low degree is smooth at its own scale. In a cell
that is small beside that scale it is a polynomial to many digits: its values at Chebyshev nodes, so
many along each side, give the terms of a series in both coordinates, and a point then costs a
product with these terms. Of the terms T_i T_j those of i² + j² < n² are kept, which do as much as
all n² (Trefethen 2017, Multivariate polynomial approximation in the hypercube). The cells are those
of the whole Earth, whoever asks, and each is evaluated by itself: what it holds depends on the
function and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import ceil, pi
from threading import Lock
from typing import Callable

import numpy as np

from ..compute.blas import product
from ..types import Float32, Floats, Integers

# (lons, lats) in degrees -> (rows, cols, values).
Evaluate = Callable[[Floats, Floats], Float32]

# Height of a cell, in effective resolutions, 180 / 2L degrees, and in degrees at the most.
_RESOLVED, _HIGHEST = 2.5, 9.0
# Cells in a row at the least: near a pole what a circle of latitude shows of a wave is no slower
# than the wave (measured: cells of 24° of longitude are as exact there as others).
_FEWEST = 15
# Nodes along a side that are tried, fewest first, where an error is allowed; else so many. Measured
# with a seeded encoder of L 40, 16 are off by 1e-5 deviations; with the trained one of L 30, 14 are
# off by 3e-5.
_ORDERS, _ORDER = (8, 10, 12, 14, 16, 18, 20, 24), 14
# Places in whose cells these are tried, and places of a cell that are looked at, along each side.
# Others may be off by more: of what is allowed, those looked at may show so much.
_TRIED = ((10.0, 1.0), (100.0, 40.0), (-60.0, -25.0))
_LOOKED_AT, _SHOWN, _SHOWN_WHEN_TRIED = 4, 0.5, 0.25
# Points of a cell from which on its nodes cost less than they do by themselves in float32; and
# where a table's next batches may lie there too.
LEAST_ONCE, LEAST = 48, 16
# Points at a time.
CHUNK = 2048
# Bytes of series that are kept: all of the Earth at L 40 and 256 dimensions.
_MOST_BYTES = 320 * 2**20


@dataclass(frozen=True)
class Batch:
    """Points that are read together, cell by cell.

    Attributes:
        index: (N,) which points they are.
        cells: the number of each cell, and the first of its points among these and the one after
            its last.
    """

    index: Integers
    cells: tuple[tuple[int, int, int], ...]

    @property
    def counts(self) -> list[int]:
        """How many points each cell has."""
        return [stop - start for _, start, stop in self.cells]


@dataclass(frozen=True)
class Series:
    """What a function is in a cell.

    Attributes:
        order: nodes along a side.
        terms: (terms, values).
    """

    order: int
    terms: Float32


class Cells:
    """Series of a smooth function, made where they are asked for, and kept.

    Args:
        evaluate: the function on a lon/lat grid.
        resolved: degrees of the finest that it resolves.
        bound: gives the error that is allowed; where None, none is looked at.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        resolved: float | None,
        bound: Callable[[], float] | None = None,
    ) -> None:
        self._evaluate, self._allowed = evaluate, bound
        self._rows = ceil(180 / min(_HIGHEST, _RESOLVED * (resolved or 180.0)))
        self._height = 180 / self._rows
        edges = np.deg2rad(np.arange(self._rows + 1) * self._height - 90)
        widest = np.maximum(np.cos(edges[:-1]), np.cos(edges[1:]))
        if self._rows % 2:
            widest[self._rows // 2] = 1.0
        self._across = np.maximum(_FEWEST, np.ceil(2 * self._rows * widest)).astype(np.int64)
        self._first = np.concatenate([[0], np.cumsum(self._across)])
        self._series: dict[int, Series | None] = {}
        self._bytes, self._random = 0, np.random.default_rng(0)
        self._lock = Lock()

    def batches(self, points: Floats, least: int = LEAST) -> tuple[list[Batch], Integers]:
        """Points that have others in their cell, enough for it to be worth while.

        Which these are depends on the points alone, so that equal points have equal values.

        Args:
            points: (N, 2) degrees, lons in -180..180.
            least: how many are enough.

        Returns:
            batches of at most so many as are worked on at a time; and which points are left.
        """
        numbers = self._numbers(points)
        order = np.argsort(numbers, kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
        counts = np.diff(starts, append=len(points))
        left = np.repeat(counts < least, counts)
        index = order[~left]
        made: list[Batch] = []
        of_index = numbers[index]
        for start in range(0, len(index), CHUNK):
            part = of_index[start : start + CHUNK]
            edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
            cells = tuple((int(part[a]), a, b) for a, b in zip(edges, edges[1:]))
            made.append(Batch(index[start : start + CHUNK], cells))
        return made, np.sort(order[left])

    def read(
        self,
        points: Floats,
        batch: Batch,
        out: Float32,
        of: Callable[[Float32], Float32] | None = None,
    ) -> Integers:
        """Values at the points of a batch.

        Args:
            points: (N, 2) degrees, those of the batch.
            batch: says in which cells they lie.
            out: (N, k), written into.
            of: a linear function of values, (..., values) -> (..., k), what is wanted of them.

        Returns:
            which of them lie where the error is too large, (M,); nothing was written for these.
        """
        failed: list[Integers] = []
        by_order: dict[int, list[tuple[int, int, Float32]]] = {}
        for number, start, stop in batch.cells:
            made = self._of(number)
            if made is None:
                failed.append(np.arange(start, stop))
            else:
                series = made.terms if of is None else of(made.terms)
                by_order.setdefault(made.order, []).append((start, stop, series))
        boxes = np.repeat([self._box(cell[0]) for cell in batch.cells], batch.counts, axis=0)
        for order, cells in by_order.items():
            at = np.concatenate([np.arange(start, stop) for start, stop, _ in cells])
            weights, begin = _weights(points[at], boxes[at], order), 0
            for start, stop, series in cells:
                end = begin + stop - start
                product(weights[:, begin:end].T, series, out[start:stop])
                begin = end
        return np.concatenate(failed) if failed else np.zeros(0, np.int64)

    def _numbers(self, points: Floats) -> Integers:
        """(N, 2) degrees -> (N,) the number of the cell of each, row by row from the south-west."""
        row = np.floor((points[:, 1] + 90) / self._height).astype(np.int64)
        np.minimum(row, self._rows - 1, out=row)
        across = self._across[row]
        column = np.floor((points[:, 0] + 180) / 360 * across).astype(np.int64)
        np.minimum(column, across - 1, out=column)
        numbers: Integers = self._first[row] + column
        return numbers

    def _box(self, number: int) -> tuple[float, float, float, float]:
        """West, south, width and height of a cell, degrees."""
        row = int(np.searchsorted(self._first, number, side="right")) - 1
        width = 360 / float(self._across[row])
        west = (number - int(self._first[row])) * width - 180
        return west, row * self._height - 90, width, self._height

    def _of(self, number: int) -> Series | None:
        """The series of a cell; None where its error is too large."""
        with self._lock:
            if number in self._series:
                return self._series[number]
        kept = None
        for order in self._orders:
            made, error = self._made(number, order)
            if error <= _SHOWN * self._bound:
                kept = made
                break
        with self._lock:
            if number not in self._series:
                self._series[number] = kept
                self._bytes += _bytes(kept)
            while self._bytes > _MOST_BYTES and len(self._series) > 1:
                # Any, not the oldest: tables go over the Earth again and again.
                gone = list(self._series)[self._random.integers(len(self._series))]
                self._bytes -= _bytes(self._series.pop(gone))
        return kept

    def _made(self, number: int, order: int) -> tuple[Series, float]:
        """The series of a cell, and its largest error where it is looked at."""
        box = self._box(number)
        west, south, width, height = box
        nodes = (np.cos((np.arange(order) + 0.5) * pi / order) + 1) / 2
        values = self._evaluate(west + width * nodes, south + height * nodes)
        terms = _terms_of_nodes(order)
        halfway = product(terms, values.reshape(order, -1)).reshape(order, order, -1)
        every = np.stack([product(terms, part) for part in halfway])  # (up, along, values)
        kept = enumerate(_lengths(order))
        series = Series(order, np.concatenate([every[:length, term] for term, length in kept]))
        if self._allowed is None:
            return series, 0.0
        # Cells side by side are looked at in the same latitudes, whose harmonics are then known.
        up = np.random.default_rng(int(np.searchsorted(self._first, number, side="right")))
        lats = south + height * up.random(_LOOKED_AT)
        lons = west + width * np.random.default_rng(number).random(_LOOKED_AT)
        exact = self._evaluate(lons, lats).reshape(_LOOKED_AT**2, -1)
        points = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
        weights = _weights(points, np.tile(box, (len(points), 1)), order)
        return series, float(np.abs(product(weights.T, series.terms) - exact).max())

    @cached_property
    def _bound(self) -> float:
        return np.inf if self._allowed is None else self._allowed()

    @cached_property
    def _orders(self) -> tuple[int, ...]:
        """Nodes along a side that are tried in a cell: from so many on as do in some cells."""
        if self._allowed is None:
            return (_ORDER,)
        most = _SHOWN_WHEN_TRIED * self._bound
        tried = self._numbers(np.array(_TRIED)).tolist()
        for place, order in enumerate(_ORDERS):
            if all(self._made(number, order)[1] <= most for number in tried):
                return _ORDERS[place:]
        return ()


def _weights(points: Floats, boxes: Floats, order: int) -> Float32:
    """What each term counts for at each point.

    Args:
        points: (N, 2) degrees.
        boxes: (N, 4) the cell of each: west, south, width, height.
        order: nodes along a side.

    Returns:
        (terms, N).
    """
    west, south, width, height = boxes.T
    along = _polynomials((points[:, 0] - west) * (2 / width) - 1, order)
    up = _polynomials((points[:, 1] - south) * (2 / height) - 1, order)
    lengths = _lengths(order)
    weights = np.empty((sum(lengths), len(points)), np.float32)
    start = 0
    for term, length in zip(along, lengths):
        np.multiply(up[:length], term, out=weights[start : start + length])
        start += length
    return weights


def _bytes(series: Series | None) -> int:
    return 0 if series is None else series.terms.nbytes


def _polynomials(at: Floats, count: int) -> Float32:
    """Chebyshev polynomials T_0, T_1, … at (N,) within -1..1 -> (count, N)."""
    made = np.empty((count, len(at)))
    made[0], made[1] = 1.0, at
    for degree in range(2, count):
        np.multiply(made[degree - 1], 2 * at, out=made[degree])
        made[degree] -= made[degree - 2]
    return made.astype(np.float32)


@cache
def _lengths(order: int) -> tuple[int, ...]:
    """How many terms T_0 T_i, T_1 T_i, … of a series are kept, for each i."""
    return tuple(int((((order - 1) ** 2 + 1) - i * i) ** 0.5) + 1 for i in range(order))


@cache
def _terms_of_nodes(order: int) -> Float32:
    """(terms, nodes), from values at Chebyshev nodes of the first kind to the terms of a series."""
    degrees = np.arange(order)[:, None]
    matrix = np.cos(degrees * (np.arange(order) + 0.5) * pi / order) * (2 / order)
    matrix[0] /= 2
    return matrix.astype(np.float32)
