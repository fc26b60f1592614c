"""A sparse multi-resolution feature grid over the sphere, read by quadratic B-splines.

Multi-resolution feature grids as an encoding are Müller et al. 2022 (Instant Neural Graphics
Primitives); theirs hashes the cells of a cube, this one keeps those of the sphere that have
something to say. A level is rows of equal latitude, each cut into fewer cells towards the poles,
so that cells are about as wide as high everywhere; the row at a pole is one cell. Cells are kept in
runs of `RUN` along a row, and a run that was not kept reads as zeros.

Reading is a quadratic B-spline along the row for each of three rows and then across them: C1 along
a row, continuous everywhere, over row ends, the antimeridian, the poles and the edges of what is
kept. What gives cells and weights is written over an array module ``xp`` (numpy or torch); the rows
of a lon/lat grid share their taps (`FieldRows`), which a test holds to the plain reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..types import Bools, Float32, Floats, Integers

# Cells kept together along a row.
RUN = 32
# Rows and columns that a place is read from.
_TAPS = 3
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

    def read(self, lonlat: Floats) -> Float32:
        """(N, 2) degrees -> (N, channels)."""
        cells, weights = taps(lonlat[:, 0], lonlat[:, 1], self.rows)
        found = self.values[cells].astype(np.float32)
        read: Float32 = np.einsum("nt,ntc->nc", weights.astype(np.float32), found)
        return read * self.scale


class FieldRows:
    """A level along the columns of a lon/lat grid, row after row.

    Every row of cells is brought to the columns once, however many rows of pixels lie near it.

    Args:
        level: what is read.
        lons: (cols,) degrees in -180..180.
    """

    def __init__(self, level: Level, lons: Floats) -> None:
        self._level = level
        self._share = (lons + 180) / 360
        self._rows: dict[int, Float32] = {}

    def read(self, lats: Floats) -> Float32:
        """(rows,) degrees -> (rows, cols, channels)."""
        count = self._level.rows.count
        row, offset = _nearest((lats + 90) * (count / 180), count - 1, np)
        weights = np.stack(spline_weights(offset), axis=1).astype(np.float32)
        beside = np.clip(row[:, None] + np.array([-1, 0, 1]), 0, count - 1)
        self._forget(int(beside.min()), int(beside.max()))
        out = np.empty((len(lats), len(self._share), self._level.channels), np.float32)
        room = np.empty(out.shape[1:], np.float32)
        for target, cells, weight in zip(out, beside, weights):
            np.multiply(self._along(int(cells[0])), weight[0], out=target)
            for number, part in zip(cells[1:], weight[1:]):
                target += np.multiply(self._along(int(number)), part, out=room)
        return out

    def _forget(self, south: int, north: int) -> None:
        for number in [n for n in self._rows if not south <= n <= north]:
            del self._rows[number]

    def _along(self, row: int) -> Float32:
        """A row of cells at the columns, (cols, channels)."""
        if row not in self._rows:
            rows = self._level.rows
            count = int(rows.cells[row])
            cell, offset = _nearest(self._share * count, None, np)
            read = np.zeros((len(cell), self._level.channels), np.float32)
            near = self._near(row, count, int(cell.min()) - 1, int(cell.max()) + 1)
            if near is not None:
                cell -= int(cell.min())
                for aside, weight in enumerate(spline_weights(offset)):
                    read += near[cell + aside] * weight.astype(np.float32)[:, None]
            self._rows[row] = read
        return self._rows[row]

    def _near(self, row: int, count: int, first: int, last: int) -> Float32 | None:
        """Cells first..last of a row as numbers, going on past its ends; None where none is kept.

        (last - first + 1, channels)
        """
        level = self._level
        turned = np.arange(first, last + 1) % count
        slots = level.rows.slots[level.rows.first[row] + turned // RUN]
        if not slots.any():
            return None
        numbers: Float32 = level.values[slots * RUN + turned % RUN] * level.scale
        return numbers
