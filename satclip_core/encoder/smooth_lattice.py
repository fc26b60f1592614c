"""A smooth encoder on a lattice, remembered, and interpolated to grids and to points.

An encoder of harmonics is smooth at its own scale: embedded at the nodes of a lattice and
interpolated with polynomials of degree 9, it costs a fraction of the evaluations. The lattice and
the polynomials are those of the whole Earth, so that two grids agree where they overlap; beyond a
pole the lattice goes on down the other side.
"""

from __future__ import annotations

from collections import OrderedDict
from math import factorial
from threading import Lock
from typing import Callable

import numpy as np

from ..types import Float32, Floats, Integers

# Nodes of the polynomial along each axis.
NODES = 10
# Nodes along the side of a tile, and tiles kept: 92 MB at 512 values a node, as many as it takes
# for a third of the Earth. All about a pole are needed at once.
_TILE = 8
_MOST_TILES = 700

# Nodes of the lattice for the effective resolution, 180° / 2L: at L = 30 every 0.75°, where
# components of deviation 1 are off by 5e-5 at most (measured, at the equator).
_NODES_RESOLVED = 4

# (lons, lats) in degrees -> (rows, cols, values).
Evaluate = Callable[[Floats, Floats], Float32]

_WEIGHTS = np.array(
    [
        (-1) ** (NODES - 1 - node) / (factorial(node) * factorial(NODES - 1 - node))
        for node in range(NODES)
    ]
)


class SmoothLattice:
    """Values of a smooth function of the sphere at the nodes of a lattice.

    Args:
        evaluate: the function on a lon/lat grid.
        steps: from pole to pole, a multiple of 4; as many again and as many make a turn.

    Attributes:
        step: degrees between nodes.
    """

    def __init__(self, evaluate: Evaluate, steps: int) -> None:
        self._evaluate = evaluate
        self._steps = steps
        self.step = 180 / steps
        self._tiles: OrderedDict[tuple[int, int], Float32] = OrderedDict()
        self._lock = Lock()

    def nodes(self, south: int, north: int, west: int, east: int) -> Float32:
        """Rows south..north - 1 and columns west..east - 1, which may go on past a turn or a pole.

        Rows are counted from the south pole, columns from the antimeridian.

        Returns:
            (rows, cols, values).
        """
        bands = []
        for row in range(south // _TILE, (north - 1) // _TILE + 1):
            across = range(west // _TILE, (east - 1) // _TILE + 1)
            tiles = self._row_of_tiles(row, [col % (2 * self._steps // _TILE) for col in across])
            band = np.concatenate(tiles, axis=1)
            bands.append(band[max(south - row * _TILE, 0) : north - row * _TILE])
        left = west - west // _TILE * _TILE
        return np.concatenate(bands)[:, left : left + east - west]

    def _row_of_tiles(self, row: int, cols: list[int]) -> list[Float32]:
        """Tiles of a row, those not known evaluated together: they share their latitudes."""
        with self._lock:
            known = {col: self._tiles[row, col] for col in cols if (row, col) in self._tiles}
            for col in known:
                self._tiles.move_to_end((row, col))
        missing = [col for col in dict.fromkeys(cols) if col not in known]
        if missing:
            made = self._made(row, missing)
            for number, col in enumerate(missing):
                known[col] = made[:, number * _TILE : (number + 1) * _TILE].copy()
            with self._lock:
                self._tiles.update({(row, col): known[col] for col in missing})
                while len(self._tiles) > _MOST_TILES:
                    self._tiles.popitem(last=False)
        return [known[col] for col in cols]

    def _made(self, row: int, cols: list[int]) -> Float32:
        numbers = row * _TILE + np.arange(_TILE)
        columns = np.concatenate([col * _TILE + np.arange(_TILE) for col in cols])
        lons: Floats = columns * self.step - 180.0
        lats: Floats = np.clip(numbers * self.step - 90, -90, 90)
        beyond = (numbers < 0) | (numbers > self._steps)
        if not beyond.any():
            return self._evaluate(lons, lats)
        mirrored = np.where(numbers < 0, -numbers, 2 * self._steps - numbers)
        folded: Floats = mirrored * self.step - 90.0
        parts = [self._evaluate(lons + 180, folded[beyond])]
        if not beyond.all():
            parts.insert(0 if numbers[0] >= 0 else 1, self._evaluate(lons, lats[~beyond]))
        return np.concatenate(parts)


def lattice_steps(resolved: float | None) -> int:
    """Steps of a lattice from pole to pole, for so many degrees that are resolved."""
    return 4 * max(1, round(180 / (resolved or 1.0) * _NODES_RESOLVED / 4))


def lagrange_matrix(positions: Floats) -> tuple[Float32, int, int]:
    """Interpolation from whole numbers to positions by polynomials of degree `NODES` - 1.

    Args:
        positions: (N,) in units of nodes.

    Returns:
        (N, nodes) weights, the first node, and the one after the last.
    """
    first = np.floor(positions).astype(np.int64) - (NODES // 2 - 1)
    start, stop = int(first.min()), int(first.max()) + NODES
    matrix = np.zeros((len(positions), stop - start), np.float32)
    rows: Integers = np.arange(len(positions))
    columns = (first - start)[:, None] + np.arange(NODES)
    matrix[rows[:, None], columns] = _lagrange(positions - first)
    return matrix, start, stop


def _lagrange(at: Floats) -> Floats:
    """(N,) within 0..NODES - 1 -> (N, NODES), each polynomial that is 1 at its own node.

    The product of the distances to all other nodes: those before times those behind.
    """
    apart = at[:, None] - np.arange(NODES)
    product = np.ones((len(at), NODES))
    np.cumprod(apart[:, :-1], axis=1, out=product[:, 1:])
    behind = np.cumprod(apart[:, :0:-1], axis=1)
    product[:, :-1] *= behind[:, ::-1]
    product *= _WEIGHTS
    return product
