"""The grid path of a two-part encoder: strips of pixels, in pieces that stay in a core's cache.

For a strip of rows the field is read once, by its rows of cells, and the lattice of the smooth part
is brought to the rows once. Then, piece by piece: hidden layer and interpolation along the row are
one product, of what the field says beside the weights of the nodes with the field's layer above the
nodes; the units that are silent all over a piece, on average half, are left out of the last layer.

This is written again for speed; a test holds it to `TwoPartEncoder.encode`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import local

import numpy as np

from ..compute.blas import product, products
from ..types import Bools, Float32, Floats
from .encoder import GridPart
from .field import Level
from .smooth_lattice import SmoothLattice, lagrange_matrix

# Rows and columns of a strip, and of a piece of it: 512 pixels of 256 hidden units are 0.5 MB.
_ROWS, _COLUMNS = 16, 256
_PIECE_ROWS, _PIECE_COLUMNS = 8, 64

_THREAD = local()


class LastLayer:
    """From the hidden layer, and what the smooth part gives, to the values that are wanted.

    Args:
        out: (hidden, leading values), of which all that are no leading ones are the smooth part's.
        dim: number of values.
        directions: (dim of the embedding, values), what is wanted of what the smooth part gives;
            all of it where None.
    """

    def __init__(self, out: Float32, dim: int, directions: Float32 | None = None) -> None:
        self.out, self.dim, self._directions = np.ascontiguousarray(out), dim, directions

    def of(self, given: Float32) -> Float32:
        """What the smooth part gives, (..., hidden + dim): (..., hidden + values)."""
        if self._directions is None:
            return given
        width = len(self.out)
        flat = given.reshape(-1, given.shape[-1])
        values = product(np.ascontiguousarray(flat[:, width:]), self._directions)
        return np.concatenate([flat[:, :width], values], axis=1).reshape(*given.shape[:-1], -1)


class FineGrid:
    """A field, a hidden layer and a lattice of the smooth part, prepared for grids.

    Args:
        levels: of the field.
        layer: (channels, hidden), what the field gives to the hidden layer.
        lattice: of what the smooth part gives to hidden layer and embedding, biases in it.
    """

    def __init__(self, levels: Sequence[Level], layer: Float32, lattice: SmoothLattice) -> None:
        self._levels, self._layer, self._lattice = levels, layer, lattice
        self._channels, self._width = layer.shape

    def parts(
        self, lons: Floats, lats: Floats, last: LastLayer, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """Pieces of a grid in which a pixel is wanted.

        Args:
            lons: (cols,) degrees in -180..180.
            lats: (rows,) degrees.
            last: what gives the values.
            wanted: (rows, cols), which pixels are; all where None.

        Yields:
            where the piece lies, and its values, (rows, cols, values).
        """
        for top in range(0, len(lats), _ROWS):
            for left in range(0, len(lons), _COLUMNS):
                at = slice(top, top + _ROWS), slice(left, left + _COLUMNS)
                some = None if wanted is None else wanted[at]
                if some is not None and not some.any():
                    continue
                for (rows, cols), values in self._strip(lons[at[1]], lats[at[0]], last, some):
                    yield (_moved(rows, top), _moved(cols, left)), values

    def _strip(
        self, lons: Floats, lats: Floats, last: LastLayer, wanted: Bools | None
    ) -> Iterator[GridPart]:
        field = self._read(lons, lats)
        x = lons[0] + np.remainder(lons - lons[0] + 180, 360) - 180
        positions = (x + 180) / self._lattice.step
        west, rows = self._rows_of_nodes(positions, lats, last)
        for left in range(0, len(lons), _PIECE_COLUMNS):
            cols = slice(left, left + _PIECE_COLUMNS)
            along, start, stop = lagrange_matrix(positions[cols])
            nodes = rows[:, start - west : stop - west]
            for top in range(0, len(lats), _PIECE_ROWS):
                at = slice(top, top + _PIECE_ROWS), cols
                if wanted is None or wanted[at].any():
                    yield at, self._piece(field[at], along, nodes[at[0]], last)

    def _read(self, lons: Floats, lats: Floats) -> Float32:
        """What the field says, (rows, cols, channels)."""
        field = np.empty((len(lats), len(lons), self._channels), np.float32)
        start = 0
        for level in self._levels:
            level.read_grid(lons, lats, field[..., start : start + level.channels])
            start += level.channels
        return field

    def _rows_of_nodes(
        self, positions: Floats, lats: Floats, last: LastLayer
    ) -> tuple[int, Float32]:
        """The first column of nodes, and (rows, nodes, hidden + values) at latitudes."""
        _, west, east = lagrange_matrix(positions[[positions.argmin(), positions.argmax()]])
        up, south, north = lagrange_matrix((lats + 90) / self._lattice.step)
        nodes = last.of(self._lattice.nodes(south, north, west, east))
        rows = product(up, nodes.reshape(len(nodes), -1))
        return west, rows.reshape(len(lats), *nodes.shape[1:])

    def _piece(self, field: Float32, along: Float32, nodes: Float32, last: LastLayer) -> Float32:
        """Values of a piece, (rows, cols, values).

        Args:
            field: (rows, cols, channels).
            along: (cols, nodes) weights.
            nodes: (rows, nodes, hidden + values).
            last: what gives the values.
        """
        (rows, cols, channels), width = field.shape, self._width
        inputs = _room("inputs", (rows, cols, channels + along.shape[1]))
        inputs[..., :channels] = field
        inputs[..., channels:] = along
        layers = _room("layers", (rows, inputs.shape[2], width))
        layers[:, :channels] = self._layer
        layers[:, channels:] = nodes[..., :width]
        # Units by pixels: those that are silent can then be left out at once.
        hidden = _room("hidden", (width, rows, cols))
        products(layers.transpose(0, 2, 1), inputs.transpose(0, 2, 1), hidden.transpose(1, 0, 2))
        hidden = hidden.reshape(width, -1)
        active = np.flatnonzero(hidden.max(axis=1) > 0)
        loud = _room("loud", (len(active), rows * cols))
        np.maximum(np.take(hidden, active, axis=0, out=loud, mode="clip"), 0, out=loud)
        values = np.empty((rows, cols, last.dim), np.float32)
        products(along, nodes[..., width:], values)
        lead = last.out.shape[1]
        fine = product(loud.T, last.out[active], _room("fine", (rows * cols, lead)))
        values.reshape(-1, last.dim)[:, :lead] += fine
        return values


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _room(name: str, shape: tuple[int, ...]) -> Float32:
    """Room of a thread, the same each time: allocating anew costs page faults."""
    size = int(np.prod(shape))
    found: Float32 | None = getattr(_THREAD, name, None)
    if found is None or found.size < size:
        found = np.empty(size, np.float32)
        setattr(_THREAD, name, found)
    return found[:size].reshape(shape)
