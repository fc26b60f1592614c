"""Retrieval across modalities: which sample of one belongs to a sample of another.

UniGeoCLIP (EarthVision 2026) scores every ordered pair of modalities by recall at k and the median
rank. Embeddings are (N, dim) arrays by name, row i of the place i; a row of NaN says that the place
lacks the modality. They are compared by their cosine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.analysis import unit
from satclip_core.errors import InputError
from satclip_core.types import Bools, Floats, Integers

RECALLS = (1, 5, 10)
ROWS = 512
"""Queries compared at a time, which bounds memory."""

Modalities = Mapping[str, Floats]
"""Embeddings (N, dim) by the name of the modality, NaN where a place lacks it."""


@dataclass(frozen=True)
class Ranks:
    """Where the right candidate of each query stands among all.

    Attributes:
        better: (N,) candidates that are more alike than the right one.
        equal: (N,) that are exactly as alike, the right one among them: at least 1.
        candidates: how many there are.
    """

    better: Integers
    equal: Integers
    candidates: int

    @property
    def expected(self) -> Floats:
        """(N,) rank, 1 the best, in the mean over all orders of equals."""
        ranks: Floats = self.better + (self.equal + 1) / 2
        return ranks

    @property
    def median(self) -> float:
        """Median of the expected ranks."""
        return float(np.median(self.expected))

    def recall(self, k: int) -> float:
        """The share of queries with the right candidate among the first k, equals in any order.

        Of e equals behind b better ones, k - b come in: the right one with chance (k - b) / e. So
        a modality that gives all places one embedding scores k / N, as chance does, and not 1.
        """
        return float(np.clip((k - self.better) / self.equal, 0, 1).mean())


def matching_ranks(queries: ArrayLike, candidates: ArrayLike) -> Ranks:
    """Rank, for each query, of the candidate of the same row.

    Args:
        queries: (N, dim), no NaN.
        candidates: (N, dim), no NaN.

    Raises:
        InputError: other shapes, none at all, or a row that has no direction.
    """
    asked, found = _directions(queries, "queries"), _directions(candidates, "candidates")
    if asked.shape != found.shape or len(asked) == 0:
        raise InputError(
            f"queries {asked.shape} and candidates {found.shape}: give as many of the same "
            "dimensions, at least one"
        )
    # Equal rows count as one column: products of equal rows need not be equal to the last digit.
    different, column, times = _distinct(found)
    better, equal = np.empty(len(asked), np.int64), np.empty(len(asked), np.int64)
    for part in _parts(len(asked)):
        similar = asked[part] @ different.T
        right = np.take_along_axis(similar, column[part, None], axis=1)
        better[part] = (similar > right) @ times
        equal[part] = (similar == right) @ times
    return Ranks(better, equal, len(found))


def present(embeddings: Floats) -> Bools:
    """(N,) whether a place has the modality."""
    there: Bools = np.logical_and.reduce(np.isfinite(embeddings), axis=1)
    return there


@dataclass(frozen=True)
class PairScore:
    """How well one modality finds another.

    Attributes:
        query: name of the modality that asks.
        target: name of the modality that is asked for.
        candidates: places that have both.
        recall: share found among the first k, by k.
        median_rank: of the right one; (candidates + 1) / 2 is chance.
    """

    query: str
    target: str
    candidates: int
    recall: Mapping[int, float]
    median_rank: float


def score_pairs(modalities: Modalities, recalls: Sequence[int] = RECALLS) -> list[PairScore]:
    """Every ordered pair of modalities, over the places that have both.

    Args:
        modalities: (N, dim) by name.
        recalls: the k of recall at k.

    Returns:
        Scores in the order of the names; pairs that no place has are left out.

    Raises:
        InputError: arrays of several lengths or widths.
    """
    check_modalities(modalities)
    scores = []
    for query, target in permutations(modalities, 2):
        both = present(modalities[query]) & present(modalities[target])
        if both.any():
            ranks = matching_ranks(modalities[query][both], modalities[target][both])
            recall = {k: ranks.recall(k) for k in recalls}
            scores.append(PairScore(query, target, ranks.candidates, recall, ranks.median))
    return scores


def ensemble(modalities: Modalities, names: Iterable[str]) -> Floats:
    """One query of several modalities, for which similarity is the mean of theirs.

    The mean of cosines to a candidate is the product of the mean of the unit vectors with it; a
    modality that a place lacks is left out of its mean.

    Args:
        modalities: (N, dim) by name.
        names: of those that are joined, at least one.

    Returns:
        (N, dim), not of norm 1; NaN where a place has none of them.

    Raises:
        InputError: no name, or an unknown one.
    """
    wanted = list(names)
    unknown = [name for name in wanted if name not in modalities]
    if unknown or not wanted:
        asked = repr(unknown[0]) if unknown else "none"
        raise InputError(
            f"modalities to be joined: {asked}; there are {', '.join(modalities) or 'none'}"
        )
    stacked = np.stack([unit(np.asarray(modalities[name], np.float64)) for name in wanted])
    there = np.isfinite(stacked).all(axis=2, keepdims=True)
    count = there.sum(axis=0)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All choices of at least one name, small ones first, in the order of the names."""
    for size in range(1, len(names) + 1):
        yield from combinations(names, size)


def check_modalities(modalities: Modalities) -> None:
    """Refuse arrays that do not belong together.

    Raises:
        InputError: arrays that are not (N, dim) with one N and one dim.
    """
    shapes = {name: np.shape(values) for name, values in modalities.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(f"modalities are arrays (N, dim) of one shape, not {said}")


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def _directions(values: ArrayLike, what: str) -> Floats:
    given = np.asarray(values, np.float64)
    if given.ndim != 2:
        raise InputError(f"{what} have shape {given.shape}: give (N, dim)")
    directions: Floats = unit(given)
    if not np.isfinite(directions).all():
        row = int(np.flatnonzero(~np.isfinite(directions).all(axis=1))[0])
        raise InputError(f"{what}, row {row}, is missing or 0 and has no direction")
    return directions


def _distinct(rows: Floats) -> tuple[Floats, Integers, Integers]:
    """Different rows (M, dim), the one that each row is (N,), and how often each comes (M,)."""
    whole = np.ascontiguousarray(rows) + 0.0  # no -0, whose bytes differ
    keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    _, first, column, times = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return whole[first], column.reshape(-1), times
