"""k-means: groups of points around centres, the best of several starts."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..errors import CancelledError, InputError
from ..types import Floats, Integers

STARTS = 4
ITERATIONS = 300
# Share of the variance by which centres may still move when they count as settled.
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Grouping:
    """Points in groups.

    Attributes:
        centres: (k, dim), the largest group first.
        labels: (N,) index of the group of each point.
        inertia: sum of the squared distances of the points to their centres.
    """

    centres: Floats
    labels: Integers
    inertia: float


def kmeans(
    points: ArrayLike,
    k: int,
    *,
    seed: int = 0,
    starts: int = STARTS,
    iterations: int = ITERATIONS,
    cancelled: Callable[[], bool] | None = None,
) -> Grouping:
    """The best of several runs of Lloyd's iteration, each from k-means++ (Arthur 2007).

    Equal points, k and seed give equal groups. No group is empty.

    Args:
        points: (N, dim), finite.
        k: number of groups.
        seed: of the random starts.
        starts: number of runs.
        iterations: of one run, at most.
        cancelled: asked before each iteration.

    Raises:
        InputError: fewer different points than groups.
        CancelledError: `cancelled` said so.
    """
    data = np.asarray(points, np.float64)
    if k < 1 or starts < 1:
        raise InputError(f"{k} clusters from {starts} starts: give at least 1 of each")
    # Distances cancel less around the middle.
    middle = data.mean(axis=0)
    data = data - middle
    rng = np.random.default_rng(seed)
    runs = (_lloyd(data, _plus_plus(data, k, rng), iterations, cancelled) for _ in range(starts))
    best = min(runs, key=lambda run: run.inertia)
    sizes = np.bincount(best.labels, minlength=k)
    order = np.argsort(-sizes, kind="stable")
    rank = np.argsort(order)
    return Grouping(best.centres[order] + middle, rank[best.labels], best.inertia)


def nearest(points: NDArray[Any], centres: NDArray[Any]) -> Integers:
    """Index of the centre that is nearest to each point.

    Args:
        points: (..., dim).
        centres: (k, dim).

    Returns:
        (...) integers; the first of several that are equally near.
    """
    flat = points.reshape(-1, points.shape[-1])
    closeness = product(flat, 2 * centres.T) - np.einsum("ij,ij->i", centres, centres)
    labels: Integers = closeness.argmax(axis=-1)
    return labels.reshape(points.shape[:-1])


def _plus_plus(data: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k points as first centres, each drawn by its squared distance to those before.

    Of a few candidates the one that leaves the least distance is taken (greedy k-means++).
    """
    trials = 2 + int(log(k))
    squares = np.einsum("ij,ij->i", data, data)
    chosen = [int(rng.integers(len(data)))]
    left = _distances(data, squares, data[chosen])[:, 0]
    left[chosen] = 0
    # What is left of equal points by rounding is no distance.
    left[left <= 1e-14 * squares.max()] = 0
    for _ in range(k - 1):
        total = left.cumsum()
        if total[-1] <= 0:
            raise InputError(
                f"{len(chosen)} of the points differ, which is fewer than {k} clusters: "
                f"give at most {len(chosen)}"
            )
        drawn = np.searchsorted(total, rng.random(trials) * total[-1], side="right")
        candidates = np.minimum(drawn, len(data) - 1)
        distances = np.minimum(left[:, None], _distances(data, squares, data[candidates]))
        best = int(distances.sum(axis=0).argmin())
        left = distances[:, best]
        left[left <= 1e-14 * squares.max()] = 0
        chosen.append(int(candidates[best]))
    return data[chosen]


def _lloyd(
    data: Floats, centres: Floats, iterations: int, cancelled: Callable[[], bool] | None
) -> Grouping:
    squares = np.einsum("ij,ij->i", data, data)
    enough = _TOLERANCE * squares.mean()
    labels = np.full(len(data), -1)
    for _ in range(iterations):
        if cancelled is not None and cancelled():
            raise CancelledError("stopped on request: nothing was left behind")
        distances = _distances(data, squares, centres)
        found = distances.argmin(axis=1)
        if (found == labels).all():
            break
        labels = _without_empty(found, distances)
        moved = _means(data, labels, len(centres))
        shift = ((moved - centres) ** 2).sum()
        centres = moved
        if shift <= enough:
            break
    distances = _distances(data, squares, centres)
    labels = _without_empty(distances.argmin(axis=1), distances)
    inertia = float(((data - centres[labels]) ** 2).sum())
    return Grouping(centres, labels, inertia)


def _without_empty(labels: Integers, distances: Floats) -> Integers:
    """Give each group without points the point that lies furthest from its centre."""
    k = distances.shape[1]
    sizes = np.bincount(labels, minlength=k)
    for group in np.flatnonzero(sizes == 0):
        own = distances[np.arange(len(labels)), labels]
        furthest = int(np.where(sizes[labels] > 1, own, -1).argmax())
        sizes[labels[furthest]] -= 1
        labels[furthest], sizes[group] = group, 1
        distances[furthest] = 0
    return labels


def _means(data: Floats, labels: Integers, k: int) -> Floats:
    members = np.zeros((k, len(data)))
    members[labels, np.arange(len(data))] = 1
    means: Floats = product(members, data) / members.sum(axis=1)[:, None]
    return means


def _distances(data: Floats, squares: Floats, centres: Floats) -> Floats:
    """Squared distances (N, k)."""
    own = np.einsum("ij,ij->i", centres, centres)
    distances: Floats = np.maximum(squares[:, None] - 2 * product(data, centres.T) + own, 0)
    return distances
