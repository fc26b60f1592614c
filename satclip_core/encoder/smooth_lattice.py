"""A smooth encoder on a lattice, remembered, and interpolated to the columns and rows of a grid.

An encoder of harmonics is smooth at its own scale: embedded at the nodes of a lattice and
interpolated with polynomials of degree 5, it costs a fraction of the evaluations. The lattice and
the polynomials are those of the whole Earth, so that two grids agree where they overlap.
"""

from __future__ import annotations

from collections import OrderedDict
from math import factorial
from threading import Lock
from typing import Callable

import numpy as np

from ..types import Float32, Floats, Integers

# Nodes of the polynomial along each axis.
NODES = 6
# Nodes along the side of a tile, and tiles kept: 40 MB at 512 values a node.
_TILE = 12
_MOST_TILES = 160

# (lons, lats) in degrees -> (rows, cols, values).
Evaluate = Callable[[Floats, Floats], Float32]


class SmoothLattice:
    """Values of a smooth function of the sphere at the nodes of a lattice.

    Args:
        evaluate: the function on a lon/lat grid.
        per_degree: nodes for each degree.
    """

    def __init__(self, evaluate: Evaluate, per_degree: int) -> None:
        self._evaluate = evaluate
        self.per_degree = per_degree
        self.turn = 360 * per_degree
        self.rows = 180 * per_degree + 1
        self._tiles: OrderedDict[tuple[int, int], Float32] = OrderedDict()
        self._lock = Lock()

    def nodes(self, south: int, north: int, west: int, east: int) -> Float32:
        """Rows south..north - 1 and columns west..east - 1, which may go on past a turn.

        Rows are counted from the south pole, columns from the antimeridian.

        Returns:
            (rows, cols, values).
        """
        bands = []
        for row in range(south // _TILE, (north - 1) // _TILE + 1):
            tiles = [
                self._tile(row, col % (self.turn // _TILE))
                for col in range(west // _TILE, (east - 1) // _TILE + 1)
            ]
            band = np.concatenate(tiles, axis=1)
            bands.append(band[max(south - row * _TILE, 0) : north - row * _TILE])
        left = west - west // _TILE * _TILE
        return np.concatenate(bands)[:, left : left + east - west]

    def _tile(self, row: int, col: int) -> Float32:
        key = row, col
        with self._lock:
            found = self._tiles.get(key)
            if found is not None:
                self._tiles.move_to_end(key)
                return found
        numbers = np.arange(_TILE)
        lats = (row * _TILE + numbers).clip(max=self.rows - 1) / self.per_degree - 90
        made = self._evaluate((col * _TILE + numbers) / self.per_degree - 180, lats)
        with self._lock:
            self._tiles[key] = made
            while len(self._tiles) > _MOST_TILES:
                self._tiles.popitem(last=False)
        return made


def lagrange_matrix(positions: Floats, lowest: int, highest: int) -> tuple[Float32, int, int]:
    """Interpolation from whole numbers to positions by polynomials of degree `NODES` - 1.

    Args:
        positions: (N,) in units of nodes.
        lowest: first node there is.
        highest: last node there is; near an end the polynomial is that of the last nodes.

    Returns:
        (N, nodes) weights, the first node, and the one after the last.
    """
    first = np.floor(positions).astype(np.int64) - (NODES // 2 - 1)
    first = np.clip(first, lowest, highest - NODES + 1)
    start, stop = int(first.min()), int(first.max()) + NODES
    matrix = np.zeros((len(positions), stop - start), np.float32)
    rows: Integers = np.arange(len(positions))
    for node in range(NODES):
        matrix[rows, first - start + node] = _lagrange(positions - first, node)
    return matrix, start, stop


def _lagrange(at: Floats, node: int) -> Floats:
    """The polynomial that is 1 at `node` and 0 at the others of 0..NODES - 1."""
    others = [other for other in range(NODES) if other != node]
    value = np.prod([at - other for other in others], axis=0)
    sign = (-1) ** (NODES - 1 - node)
    scaled: Floats = value / (sign * factorial(node) * factorial(NODES - 1 - node))
    return scaled
