"""Points that lie near one another, from a lattice between them.

Where many points share a few nodes of a lattice, the nodes cost less than the points. Errors are
measured: some points of each group are embedded by themselves, and where they are off the others of
the group are too.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Callable

import numpy as np

from ..compute.blas import product
from ..compute.threads import for_each
from ..types import Float32, Floats, Integers
from .smooth_lattice import SmoothLattice, lagrange_matrix

if TYPE_CHECKING:
    from .encoder import LocationEncoder

# Points at a time.
CHUNK = 2048
# Nodes of the lattice for each of the effective resolutions, 180° / 2L. For the smooth part of the
# bundled model 4, at L = 30 every 0.75°, where components of deviation 1 are off by 5e-5 at most
# (measured, at the equator). Trained encoders of L 10 and 40 are off by 3e-4 and 4e-4 deviations
# there, by 2e-5 with 6 nodes and 5e-6 with 8.
_NODES_RESOLVED, _NODES_OF_ALL = 4, 8
# Squares of so many steps of the lattice in which points count as near one another, and how many
# of them cost more than the square's nodes do: a tile's is 64.
_NEAR = (2, 8)
_LEAST_NEAR = 48
# Latitude beyond which squares are no wider.
_NARROWEST = 86.0
# Error that is allowed, in standard deviations of the embedding over the globe, and the share of it
# that points which are looked at may show: others may be off by more.
_TOLERANCE, _SHOWN = 1e-4, 0.5
# Points of a group that are looked at, and one more for so many.
_LOOKED_AT, _ONE_IN = 2, 128


class Nearby:
    """Embeds points of a smooth encoder, those near one another from a lattice.

    Args:
        encoder: of harmonics alone.
    """

    def __init__(self, encoder: LocationEncoder) -> None:
        self._encoder = encoder

        def evaluate(lons: Floats, lats: Floats) -> Float32:
            return encoder.encode_grid(lons, lats, threads=1)

        self._lattice = SmoothLattice(
            evaluate, lattice_steps(encoder.resolution_degrees, _NODES_OF_ALL)
        )

    def encode(self, points: Floats, threads: int | None) -> Float32:
        """(N, 2) degrees, lons in -180..180 -> (N, dim)."""
        groups, alone = near_groups(points, self._lattice.step)
        out = np.empty((len(points), self._encoder.dim), np.float32)
        failed: list[Integers] = []

        def work(batch: list[Integers]) -> None:
            looked_at = [_some_of(group) for group in batch]
            exact = self._encoder.encode(points[np.concatenate(looked_at)], threads=1)
            start = 0
            for group, some in zip(batch, looked_at):
                out[group] = lattice_at(self._lattice, points[group])
                off = np.abs(out[some] - exact[start : start + len(some)])
                start += len(some)
                if not off.max() <= self._bound:
                    failed.append(group)

        for_each(work, batches(groups), threads)
        left = np.concatenate([alone, *failed])
        if len(left):
            out[left] = self._encoder.encode(points[left], threads=threads)
        return out

    @cached_property
    def _bound(self) -> float:
        deviation = np.sqrt(self._encoder.everywhere.astype(np.float64).var(axis=0).mean())
        return float(_SHOWN * _TOLERANCE * deviation)


def lattice_steps(resolved: float | None, nodes: int = _NODES_RESOLVED) -> int:
    """Steps of a lattice from pole to pole: so many nodes for the degrees that are resolved."""
    return 4 * max(1, round(180 / (resolved or 1.0) * nodes / 4))


def lattice_at(
    lattice: SmoothLattice, points: Floats, of: Callable[[Float32], Float32] | None = None
) -> Float32:
    """Values at points near one another.

    Args:
        lattice: of the values.
        points: (N, 2) degrees, lons in -180..180.
        of: what is made of the nodes (rows, cols, values) first.

    Returns:
        (N, values).
    """
    along, west, east = lagrange_matrix((points[:, 0] + 180) / lattice.step)
    up, south, north = lagrange_matrix((points[:, 1] + 90) / lattice.step)
    nodes = lattice.nodes(south, north, west, east)
    nodes = nodes if of is None else of(nodes)
    weights = (up[:, :, None] * along[:, None]).reshape(len(points), -1)
    return product(weights, nodes.reshape(-1, nodes.shape[2]))


def near_groups(points: Floats, step: float) -> tuple[list[Integers], Integers]:
    """Points that have many others near, for which nodes of a lattice cost less than themselves.

    Which these are depends on the points alone, so that equal points have equal embeddings.

    Args:
        points: (N, 2) degrees, lons in -180..180.
        step: degrees between the nodes.

    Returns:
        indices of points near one another, at most so many as are worked on at a time; and of the
        others.
    """
    left = numbered(points)
    groups: list[Integers] = []
    for steps in _NEAR:
        keys = _squares(points[left], steps * step)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        found = np.split(left[order], starts[1:])
        few = [group for group in found if len(group) < _LEAST_NEAR]
        for group in found:
            if len(group) >= _LEAST_NEAR:
                groups += [group[start : start + CHUNK] for start in range(0, len(group), CHUNK)]
        left = np.concatenate(few) if few else left[:0]
    return groups, np.sort(left)


def batches(groups: list[Integers]) -> list[list[Integers]]:
    """Groups that follow one another, together about as many points as are worked on at a time."""
    batches: list[list[Integers]] = []
    size = CHUNK
    for group in groups:
        if size + len(group) > CHUNK:
            batches.append([])
            size = 0
        batches[-1].append(group)
        size += len(group)
    return batches


def _squares(points: Floats, side: float) -> Integers:
    """(N, 2) degrees -> (N,) numbers of squares, of more degrees of longitude towards the poles."""
    row = np.floor((points[:, 1] + 90) / side)
    middle = np.clip((row + 0.5) * side - 90, -_NARROWEST, _NARROWEST)
    width = side * 2 ** np.floor(-np.log2(np.cos(np.deg2rad(middle))))
    keys: Integers = (row * 2**32 + np.floor((points[:, 0] + 180) / width)).astype(np.int64)
    return keys


def numbered(points: Floats) -> Integers:
    """(N,) the number of each."""
    return np.arange(len(points))


def _some_of(group: Integers) -> Integers:
    """Points of a group that are looked at, the same each time."""
    count = min(len(group), _LOOKED_AT + len(group) // _ONE_IN)
    return np.random.default_rng(len(group)).choice(group, count, replace=False)
