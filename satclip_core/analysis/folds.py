"""Which samples are left out together: as far from the others as a map's pixels are, by default.

The error of a map is that of predictions at the distances that its pixels have to the samples.
Of many ways to part the samples that one is taken whose held-out samples have distances to the
nearest training sample distributed most like those, by Wasserstein's distance (kNNDM, Linnenbrink
et al. 2024, Geoscientific Model Development 17: 5897-5912). Whole blocks, and folds drawn place by
place, are there beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..errors import Argument, InputError
from ..grid.sphere import EARTH_KM, unit_vectors
from ..types import Floats, Integers
from .kmeans import kmeans
from .validation import BLOCKS as BLOCK_COUNT
from .validation import FOLDS, different_places, folds_of_blocks, spatial_blocks

KNNDM, BLOCKS, RANDOM = "knndm", "blocks", "random"
KINDS = (KNNDM, BLOCKS, RANDOM)
# Granularities tried, from one cluster a fold to each place by itself.
_TRIALS = 9
# Samples that clusters are found on: four times as many as clusters at most, short of
# each place by itself.
_CLUSTERED = 2000
# Held-out samples whose distances are looked at.
_LOOKED_AT = 1000
# Distances held at a time.
_ELEMENTS = 2**21
# Places whose nearest is sought together.
_TOGETHER = 64


@dataclass(frozen=True)
class Folds:
    """Which samples are left out together.

    Attributes:
        kind: "knndm", "blocks" or "random".
        folds: (N,) number of the fold of each sample, 0..
        clusters: number of clusters of near places that the folds were merged from.
        distances: how well they match the pixels, as JSON has it; {} where none were looked at.
    """

    kind: str
    folds: Integers
    clusters: int
    distances: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.folds.max()) + 1

    @property
    def words(self) -> str:
        """What they are, after "cross-validated on"."""
        if self.kind == KNNDM:
            return f"{self.count} folds as far apart as pixels are from samples, kNNDM"
        if self.kind == RANDOM:
            return f"{self.count} random folds"
        return f"{self.count} folds of {self.clusters} spatial blocks"


def check_kind(kind: str) -> None:
    """Refuse an unknown kind of folds.

    Raises:
        InputError: it is none of `KINDS`.
    """
    if kind not in KINDS:
        raise InputError(f"unknown folds {kind!r}: give one of {', '.join(KINDS)} as ", _FOLDS)


_FOLDS = Argument("folds")


def choose_folds(
    kind: str,
    lonlat: ArrayLike,
    pixels: ArrayLike | None = None,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Folds:
    """Folds of a kind; those of blocks where they cannot be matched to pixels.

    Args:
        kind: of `KINDS`.
        lonlat: (N, 2) degrees of the samples, at two different places at least.
        pixels: (M, 2) degrees of places of the map, drawn at random; None where there is no map.
        seed: of all that is drawn.
        groups: (N,) number of the group of each sample; none of them is parted, whatever the kind.

    Raises:
        InputError: an unknown kind, or samples that all hang together.
    """
    check_kind(kind)
    if kind == KNNDM and pixels is not None and len(np.asarray(pixels)):
        return matched_folds(lonlat, pixels, seed=seed, groups=groups)
    units, index = _units(lonlat, groups)
    if kind == RANDOM:
        own = np.random.default_rng(seed).permutation(len(units))[index]
        return Folds(RANDOM, folds_of_blocks(own), len(units))
    if groups is None:
        blocks = spatial_blocks(lonlat, seed=seed)
    else:
        blocks = _clusters(units, min(BLOCK_COUNT, len(units)), np.random.default_rng(seed))[index]
    return Folds(BLOCKS, folds_of_blocks(blocks), len(np.unique(blocks)))


def _units(lonlat: ArrayLike, groups: ArrayLike | None) -> tuple[Floats, Integers]:
    """What is never parted: samples at one place, and those of one group.

    Returns:
        (k, 3) the places, or the middles of groups, as unit vectors; (N,) which each sample is in.
    """
    places, index = different_places(lonlat)
    if groups is None:
        return places, index
    index = _joined(index, np.asarray(groups))
    if index.max() == 0:
        raise InputError(
            "all samples are of one group, or share places with others of it: there is nothing to "
            "test them on; give two groups at least, or leave out ",
            Argument("groups"),
        )
    xyz = unit_vectors(*np.asarray(lonlat, np.float64).T).T
    middles = np.stack([np.bincount(index, axis) for axis in xyz.T], axis=1)
    lengths = np.linalg.norm(middles, axis=1, keepdims=True)
    # A group all round the Earth has no middle: any of its places will do.
    first = xyz[np.unique(index, return_index=True)[1]]
    return np.where(lengths > 1e-9, middles / np.maximum(lengths, 1e-9), first), index


def _joined(ones: Integers, others: NDArray[Any]) -> Integers:
    """Numbers 0.. of what hangs together by either of two partitions (N,)."""
    others = np.unique(others, return_inverse=True)[1].reshape(-1)
    labels = np.unique(ones, return_inverse=True)[1].reshape(-1)
    while True:  # the least label goes round, by one partition and the other
        last = labels
        for part in (others, ones):
            least = np.full(part.max() + 1, len(labels))
            np.minimum.at(least, part, labels)
            labels = least[part]
        if (labels == last).all():
            return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64).reshape(-1)


def nearest_km(places: Floats, samples: Floats) -> Floats:
    """Great-circle distance from each place to the nearest sample, exactly.

    Places are taken in groups as they come: no sample can be nearest to one of a group of radius
    r that lies more than 2 r beyond the sample nearest to its middle.

    Args:
        places: (N, 3) unit vectors, best with neighbours in a row.
        samples: (M, 3) unit vectors, M >= 1.

    Returns:
        (N,) kilometres.
    """
    chords = np.empty(len(places))
    for start in range(0, len(places), _TOGETHER):
        group = places[start : start + _TOGETHER]
        middle = group.mean(axis=0)
        radius = np.sqrt(((group - middle) ** 2).sum(axis=1).max())
        away = np.sqrt(((samples - middle) ** 2).sum(axis=1))
        # A hair more than 2 r, for rounding.
        near = samples[away <= away.min() + 2.001 * radius + 1e-9]
        chords[start : start + _TOGETHER] = _least_chords(group, near)
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1)))


def wasserstein(ones: ArrayLike, others: ArrayLike) -> float:
    """Wasserstein-1 distance of two samples of numbers: ∫ |F - G|, of their distributions."""
    one, other = np.sort(np.asarray(ones, np.float64)), np.sort(np.asarray(others, np.float64))
    ends = np.sort(np.concatenate([one, other]))
    below = np.searchsorted(one, ends[:-1], side="right") / len(one)
    beneath = np.searchsorted(other, ends[:-1], side="right") / len(other)
    return float((np.abs(below - beneath) * np.diff(ends)).sum())


def matched_folds(
    lonlat: ArrayLike,
    pixels: ArrayLike,
    count: int = FOLDS,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Folds:
    """Folds whose held-out samples are as far from the others as pixels are from all samples.

    Clusters of near places, few to many, are merged to folds of like size; those whose distances
    match best are kept. Samples at one place are never parted. `distances` holds Wasserstein's
    distance and the quartiles of both distributions.

    Args:
        lonlat: (N, 2) degrees of the samples, at two different places at least.
        pixels: (M, 2) degrees of places of the map, drawn at random.
        count: number of folds, at most.
        seed: of clusters and draws; equal input and seed give equal folds.
        groups: (N,) number of the group of each sample, as in `choose_folds`.
    """
    xyz = unit_vectors(*np.asarray(lonlat, np.float64).T).T
    wanted = nearest_km(unit_vectors(*np.asarray(pixels, np.float64).T).T, xyz)
    places, index = _units(lonlat, groups)
    count = min(count, len(places))
    rng = np.random.default_rng(seed)
    looked_at = np.arange(len(xyz))
    if len(xyz) > _LOOKED_AT:
        looked_at = np.sort(rng.choice(len(xyz), _LOOKED_AT, replace=False))
    found = []
    for clusters in _granularities(count, len(places)):
        folds = folds_of_blocks(_clusters(places, clusters, rng)[index], count)
        away = held_out_km(xyz, folds, looked_at)
        found.append((wasserstein(away, wanted), folds, clusters, away))
    mismatch, folds, clusters, away = min(found, key=lambda one: one[0])
    distances = {
        "mismatch_km": mismatch,
        "mismatch_of_random_folds_km": found[-1][0],
        "held_out_to_nearest_km": _quartiles(away),
        "pixels_to_nearest_km": _quartiles(wanted),
    }
    return Folds(KNNDM, folds, clusters, distances)


def _granularities(count: int, places: int) -> list[int]:
    """Numbers of clusters; the last is that of places, which makes the folds random."""
    most = max(count, min(places // 2, _CLUSTERED // 4))
    sizes = np.unique(np.rint(np.geomspace(count, most, _TRIALS)).astype(int)).tolist()
    return [*(size for size in sizes if size < places), places]


def _clusters(places: Floats, count: int, rng: np.random.Generator) -> Integers:
    """The cluster of each place (N,), in an order that says nothing."""
    if count == len(places):
        return rng.permutation(count)
    some = places
    if len(places) > _CLUSTERED:
        some = places[np.sort(rng.choice(len(places), _CLUSTERED, replace=False))]
    try:
        found = kmeans(some, count, seed=int(rng.integers(2**31)), starts=1, iterations=30)
    except InputError:  # places less than a metre apart are one to k-means
        return rng.permutation(len(places))
    if some is places:
        return found.labels
    labels = np.empty(len(places), np.int64)
    step = max(1, _ELEMENTS // count)
    half = np.einsum("ij,ij->i", found.centres, found.centres) / 2
    for start in range(0, len(places), step):
        closeness = product(places[start : start + step], found.centres.T) - half
        labels[start : start + step] = closeness.argmax(axis=1)
    return labels


def held_out_km(xyz: Floats, folds: Integers, rows: Integers) -> Floats:
    """Distances of some samples, (n,) rows, to the nearest of other folds, kilometres.

    Args:
        xyz: (N, 3) unit vectors.
        folds: (N,) number of the fold of each, two at least.
        rows: (n,) which are asked for.
    """
    away = np.empty(len(rows))
    for fold in range(int(folds.max()) + 1):
        own = folds[rows] == fold
        away[own] = nearest_km(xyz[rows[own]], xyz[folds != fold])
    return away


def nearest_other_km(xyz: Floats, rows: Integers) -> Floats:
    """Distances of some samples, (n,) rows, to the nearest other sample, kilometres.

    Args:
        xyz: (N, 3) unit vectors, N >= 2.
        rows: (n,) which are asked for.
    """
    chords = np.empty(len(rows))
    for index, row in enumerate(rows):
        squares = ((xyz - xyz[row]) ** 2).sum(axis=1)
        squares[row] = np.inf
        chords[index] = np.sqrt(squares.min())
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1)))


def _least_chords(places: Floats, samples: Floats) -> Floats:
    """Least chords (N,), by differences, which do not cancel."""
    least = np.full(len(places), np.inf)
    step = max(1, _ELEMENTS // (3 * max(len(places), 1)))
    for start in range(0, len(samples), step):
        apart = places[:, None] - samples[None, start : start + step]
        squares = np.einsum("ijk,ijk->ij", apart, apart)
        np.minimum(least, squares.min(axis=1), out=least)
    return np.asarray(np.sqrt(least))


def _quartiles(values: Floats) -> list[float]:
    return [float(value) for value in np.percentile(values, (25, 50, 75))]
