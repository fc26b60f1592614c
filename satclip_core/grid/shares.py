"""Which pixels a polygon covers, and how much of each; through which a line goes, and how far.

All is exact in the plane of pixels, where edges are straight: an edge is cut wherever it goes from
one pixel into the next. A piece then lies in one pixel, and the area between it and the right side
of that pixel is a trapezium; all pixels right of it in its row lie wholly beside it. Summed along
rows with the sign of its direction, pieces of a ring give the part of each pixel within (the
scan conversion by signed areas of FreeType's smooth rasteriser).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..types import Floats, Integers

# Pixels held at a time: 8 MB for each array.
_TOGETHER = 2**20
# Parts of a pixel that are rounding.
_NOTHING = 1e-12


class Covered(NamedTuple):
    """Pixels of a polygon: (N,) row, column, and the part of each that it covers, 0..1."""

    rows: Integers
    cols: Integers
    shares: Floats


class Pieces(NamedTuple):
    """Pieces of lines, each within one pixel.

    Attributes:
        rows: (N,) of the pixels.
        cols: (N,) of the pixels.
        starts: (N, 2) column and row where a piece begins, in parts of pixels.
        ends: (N, 2) where it ends.
    """

    rows: Integers
    cols: Integers
    starts: Floats
    ends: Floats


def covered(polygon: Sequence[Floats], shape: tuple[int, int]) -> Iterator[Covered]:
    """Pixels of a raster that a polygon covers, in strips of rows.

    A ring that crosses or overlaps itself covers what it goes round, whichever way; a hole takes
    away from its polygon alone.

    Args:
        polygon: its rings, (N, 2) column and row in parts of pixels, 0, 0 the corner of the first
            pixel; the outer one first. Open ones are closed.
        shape: rows and columns; the polygon may reach beyond them nowhere.
    """
    height, width = shape
    rings = [_Ring.of(ring, height) for ring in polygon]
    step = max(1, _TOGETHER // (width + 1))
    for top in range(0, height, step):
        bottom = min(top + step, height)
        shares = rings[0].within(top, bottom, width)
        for hole in rings[1:]:
            shares -= hole.within(top, bottom, width)
        rows, cols = np.nonzero(shares > _NOTHING)
        yield Covered(rows + top, cols, shares[rows, cols])


def pieces(line: Floats) -> Pieces:
    """A line cut at the borders of pixels, without pieces of no length.

    Args:
        line: (N, 2) column and row in parts of pixels.
    """
    starts, ends = _cut(line)
    keep = (starts != ends).any(axis=1)
    starts, ends = starts[keep], ends[keep]
    middles = np.floor((starts + ends) / 2).astype(np.int64)
    return Pieces(middles[:, 1], middles[:, 0], starts, ends)


class _Ring(NamedTuple):
    """The pieces of a ring by rows, from the top.

    Attributes:
        firsts: (rows + 1,) index of the first piece of each row.
        cols: (N,) of the pixels.
        rows: (N,) of the pixels.
        rises: (N,) how far down each piece goes, in pixels, negative for up.
        beside: (N,) part of the pixel's width that lies right of its middle.
    """

    firsts: Integers
    cols: Integers
    rows: Integers
    rises: Floats
    beside: Floats

    @classmethod
    def of(cls, ring: Floats, height: int) -> _Ring:
        closed = ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]])
        starts, ends = _cut(closed)
        rises = ends[:, 1] - starts[:, 1]
        middles = (starts + ends)[rises != 0] / 2
        rises = rises[rises != 0]
        cols, rows = np.floor(middles).astype(np.int64).T
        order = np.argsort(rows, kind="stable")
        cols, rows, rises, x = cols[order], rows[order], rises[order], middles[order, 0]
        return cls(np.searchsorted(rows, np.arange(height + 1)), cols, rows, rises, cols + 1 - x)

    def within(self, top: int, bottom: int, width: int) -> Floats:
        """(bottom - top, width), part of each pixel that the ring goes round."""
        part = slice(self.firsts[top], self.firsts[bottom])
        cells = (self.rows[part] - top) * (width + 1) + self.cols[part]
        rises, beside = self.rises[part], self.beside[part]
        size = (bottom - top) * (width + 1)
        sums = np.bincount(cells, rises * beside, size)
        sums += np.bincount(cells + 1, rises * (1 - beside), size + 1)[:size]
        sums = np.cumsum(sums.reshape(-1, width + 1), axis=1)[:, :width]
        # By its direction a ring counts as positive or negative, each time that it goes round.
        shares: Floats = np.minimum(np.abs(sums), 1)
        return shares


def _cut(line: Floats) -> tuple[Floats, Floats]:
    """Both ends (N, 2) of each piece of a line, cut at whole columns and rows."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    edges = [np.repeat(np.arange(len(starts)), 2)]
    parts = [np.tile([0.0, 1.0], len(starts))]
    for axis in (0, 1):
        low = np.minimum(starts[:, axis], line[1:, axis])
        high = np.maximum(starts[:, axis], line[1:, axis])
        first = np.floor(low).astype(np.int64) + 1
        counts = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
        edge = np.repeat(np.arange(len(starts)), counts)
        within = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
        parts.append((first[edge] + within - starts[edge, axis]) / steps[edge, axis])
        edges.append(edge)
    edge, at = np.concatenate(edges), np.clip(np.concatenate(parts), 0, 1)
    order = np.lexsort((at, edge))
    edge, at = edge[order], at[order, None]
    places = starts[edge] + at * steps[edge]
    # The very end, which a start and its step may miss by rounding.
    last = at[:, 0] == 1
    places[last] = line[edge[last] + 1]
    same = edge[:-1] == edge[1:]
    return places[:-1][same], places[1:][same]
