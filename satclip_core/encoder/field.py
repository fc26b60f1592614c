"""A sparse multi-resolution feature grid over the sphere, read by quadratic B-splines.

Multi-resolution feature grids as an encoding are Müller et al. 2022 (Instant Neural Graphics
Primitives); theirs hashes the cells of a cube, this one keeps those of the sphere that have
something to say. A level is rows of equal latitude, each cut into fewer cells towards the poles,
so that cells are about as wide as high everywhere; the row at a pole is one cell. Cells are kept in
runs of `RUN` along a row, and a run that was not kept reads as zeros.

Reading is a quadratic B-spline along the row for each of three rows and then across them: C1 along
a row, continuous everywhere, over row ends, the antimeridian, the poles and the edges of what is
kept. What gives cells and weights (`taps`) is written over an array module ``xp`` (numpy or torch);
`Level` reads three cells of a row at once, and each row of cells once for all pixels of a grid,
which tests hold to the plain reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..errors import ModelError
from ..types import Bools, Float32, Floats, Integers

# Cells kept together along a row.
RUN = 32
# Rows and columns that a place is read from.
_TAPS = 3
# Runs copied at a time.
_COPIED = 4096
# 180° in rows of 0.02°: more is no location encoder.
_MOST_ROWS = 9_000


@dataclass(frozen=True)
class Rows:
    """The rows of a level and their cells, as arrays of one module.

    Attributes:
        count: number of rows from pole to pole.
        cells: (count,) cells in each row, from the south.
        first: (count,) number of the first run of each row.
        slots: (runs,) where a run is kept, from 1; 0 where it is not.
    """

    count: int
    cells: Any
    first: Any
    slots: Any


def cells_of_rows(rows: int) -> Integers:
    """Cells in each of `rows` rows from the south pole on: as wide as high, one at a pole."""
    lats = (np.arange(rows) + 0.5) * (180 / rows) - 90
    cells = np.maximum(1, np.round(2 * rows * np.cos(np.deg2rad(lats)))).astype(np.int64)
    cells[[0, -1]] = 1
    counted: Integers = cells
    return counted


def runs_of_rows(rows: int) -> Integers:
    """(rows + 1,) the number of the first run of each row, and of all runs."""
    ends: Integers = np.cumsum(-(-cells_of_rows(rows) // RUN))
    return np.concatenate([np.zeros(1, np.int64), ends])


def rows_of(rows: int, kept: Bools) -> Rows:
    """The rows of a level of which the runs (runs,) are kept."""
    slots = np.where(kept, np.cumsum(kept), 0).astype(np.int64)
    return Rows(rows, cells_of_rows(rows), runs_of_rows(rows)[:-1], slots)


def spline_weights(offset: Any) -> tuple[Any, Any, Any]:
    """The quadratic B-spline at -1, 0, 1 for an offset in -0.5..0.5 from the middle one.

    de Boor, A Practical Guide to Splines, chapter IX; the three sum to one.
    """
    return 0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2


def taps(lons: Any, lats: Any, rows: Rows, xp: Any = np) -> tuple[Any, Any]:
    """Which kept cells a place is read from, and with what weights.

    Args:
        lons: (N,) degrees in -180..180.
        lats: (N,) degrees in -90..90.
        rows: of the level, of the same module.
        xp: numpy or torch.

    Returns:
        (N, 9) positions among the kept cells, of which the first `RUN` are the zeros of what is
        not kept; (N, 9) weights, which sum to one.
    """
    row, across = _nearest((lats + 90) * (rows.count / 180), rows.count - 1, xp)
    cells, weights = [], []
    for step, down in zip((-1, 0, 1), spline_weights(across)):
        # Beyond a pole lies the row of the pole once more, half a turn away; it is one cell.
        beside = xp.clip(row + step, 0, rows.count - 1)
        count, first = rows.cells[beside], rows.first[beside]
        cell, along = _nearest((lons + 180) / 360 * count, None, xp)
        for aside, weight in zip((-1, 0, 1), spline_weights(along)):
            turned = xp.remainder(cell + aside, count)
            cells.append(rows.slots[first + turned // RUN] * RUN + turned % RUN)
            weights.append(down * weight)
    return xp.stack(cells).T, xp.stack(weights).T


def _nearest(position: Any, most: int | None, xp: Any) -> tuple[Any, Any]:
    """The number of the cell that a position lies in, and its offset from that cell's middle."""
    floor = xp.floor(position)
    if most is not None:
        floor = xp.clip(floor, 0, most)
    whole = floor.astype(np.int64) if isinstance(floor, np.ndarray) else floor.long()
    return whole, position - floor - 0.5


class Level:
    """One level of the field: whole numbers for the cells that are kept, and what they stand for.

    Args:
        rows: number of rows from pole to pole; a cell is 180 / rows degrees high.
        kept: (runs,) which runs are kept, row by row from the south.
        values: (kept runs * RUN, channels) int8.
        scale: (channels,) value of one step.

    Raises:
        ModelError: the arrays do not fit one another.
    """

    def __init__(self, rows: int, kept: Bools, values: NDArray[np.int8], scale: Float32) -> None:
        if not _TAPS <= rows <= _MOST_ROWS:
            raise ModelError(f"a level of {rows} rows: {_TAPS} to {_MOST_ROWS} can be read")
        runs = int(runs_of_rows(rows)[-1])
        wanted = (int(kept.sum()) * RUN, len(scale))
        if kept.shape != (runs,) or values.shape != wanted:
            raise ModelError(
                f"a level of {rows} rows has {runs} runs; {len(kept)} are marked, and the values "
                f"have shape {values.shape} where the marks and scales want {wanted}"
            )
        self.kept, self.scale = kept, np.asarray(scale, np.float32)
        self.rows = rows_of(rows, kept)
        self.values = np.concatenate([np.zeros((RUN, len(scale)), np.int8), values])
        self.values.flags.writeable = False

    @property
    def channels(self) -> int:
        """Numbers for each place."""
        return len(self.scale)

    @property
    def step(self) -> float:
        """Height of a cell, degrees."""
        return 180 / self.rows.count

    def prepare(self) -> None:
        """Make now what the first reading would have to wait for."""
        _ = self._triples

    def read(self, lonlat: Floats) -> Float32:
        """(N, 2) degrees -> (N, channels)."""
        share = (lonlat[:, 0] + 180) / 360
        beside, weights = self._beside(lonlat[:, 1])
        read = np.zeros((len(lonlat), self.channels), np.float32)
        for row, weight in zip(beside.T, weights.T):
            read += self._along(row, share) * weight[:, None]
        return read * self.scale

    def read_grid(self, lons: Floats, lats: Floats, out: Float32 | None = None) -> Float32:
        """(cols,) and (rows,) degrees, lons in -180..180 -> (rows, cols, channels).

        Every row of cells is brought to the columns once, however many rows of pixels lie near it.
        """
        if out is None:
            out = np.empty((len(lats), len(lons), self.channels), np.float32)
        beside, weights = self._beside(lats)
        numbers, inverse = np.unique(beside, return_inverse=True)
        along = self._along(numbers[:, None], ((lons + 180) / 360)[None])
        along *= self.scale
        # Which rows of cells a row of pixels is made of, as a matrix.
        across = np.zeros((len(lats), len(numbers)), np.float32)
        places = inverse.reshape(beside.shape)  # numpy 2.0 gives another shape than the others
        np.add.at(across, (np.arange(len(lats))[:, None], places), weights)
        out[:] = product(across, along.reshape(len(numbers), -1)).reshape(out.shape)
        return out

    def _beside(self, lats: Floats) -> tuple[Integers, Float32]:
        """(N,) degrees -> the three rows of cells about each and their weights, (N, 3)."""
        last = self.rows.count - 1
        row, offset = _nearest((lats + 90) * (self.rows.count / 180), last, np)
        weights = np.stack(spline_weights(offset), axis=1).astype(np.float32)
        return np.clip(row[:, None] + np.array([-1, 0, 1]), 0, last), weights

    def _along(self, row: Integers, share: Floats) -> Float32:
        """Rows of cells at shares (0..1) of their length, of one shape -> (..., channels) steps."""
        count = self.rows.cells[row]
        position = share * count
        cell = position.astype(np.int32)
        offset = position - cell
        offset -= 0.5
        cell %= count.astype(np.int32)  # the antimeridian from the west is that from the east
        slots, triples = self._triples
        cell += slots[self._first[row] + cell // RUN]
        three = triples[cell].astype(np.float32)
        weights = [weight[..., None] for weight in spline_weights(offset.astype(np.float32))]
        read: Float32 = three[..., 0, :] * weights[0]
        read += three[..., 1, :] * weights[1]
        read += three[..., 2, :] * weights[2]
        return read

    @cached_property
    def _first(self) -> NDArray[np.int32]:
        first: NDArray[np.int32] = self.rows.first.astype(np.int32)
        return first

    @cached_property
    def _triples(self) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Each cell between its neighbours, (cells, 3, channels), a view; and where runs begin.

        Cell j of run r, in the middle, is at slots[r] + j once j is counted within its row.
        """
        rows, ends = self.rows, runs_of_rows(self.rows.count)
        # What lies beside a kept run reads its first or last cell, too.
        kept = rows.slots > 0
        near = kept.copy()
        near[1:] |= kept[:-1]
        near[:-1] |= kept[1:]
        near[ends[:-1]] |= kept[ends[1:] - 1]
        near[ends[1:] - 1] |= kept[ends[:-1]]
        wanted = np.flatnonzero(near)
        row = np.searchsorted(ends, wanted, side="right") - 1
        before = np.where(wanted == ends[row], ends[row + 1], wanted) - 1
        behind = np.where(wanted + 1 == ends[row + 1], ends[row], wanted + 1)
        begin = (wanted - ends[row]) * RUN
        length = np.minimum(rows.cells[row] - begin, RUN)
        last = np.minimum(rows.cells[row] - (before - ends[row]) * RUN, RUN) - 1
        runs = self.values.reshape(-1, RUN, self.channels)
        padded = np.zeros((len(wanted) + 1, RUN + 2, self.channels), np.int8)
        for start in range(0, len(wanted), _COPIED):  # a copy of all would take as much again
            part = rows.slots[wanted[start : start + _COPIED]]
            padded[1 + start : 1 + start + len(part), 1:-1] = runs[part]
        padded[1:, 0] = runs[rows.slots[before], last]
        number = np.arange(1, len(wanted) + 1, dtype=np.int32)
        padded[number, length + 1] = runs[rows.slots[behind], 0]
        # Of a run that is not kept, cells are counted from -begin, within the zeros.
        slots = np.repeat(ends[:-1].astype(np.int32), np.diff(ends))
        slots -= np.arange(ends[-1], dtype=np.int32)
        slots *= RUN
        slots[wanted] += number * (RUN + 2)
        values = padded.reshape(-1, self.channels)
        triples = np.lib.stride_tricks.as_strided(
            values,
            (len(values) - _TAPS + 1, _TAPS, self.channels),
            (values.strides[0], *values.strides),
            writeable=False,
        )
        return slots, triples
