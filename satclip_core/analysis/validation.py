"""Cross-validation in space: blocks of near samples, folds of whole blocks, and scores.

Near samples are alike, so a sample among its own neighbours is no test. Whole blocks are left out
instead (Roberts et al. 2017, Ecography 40: 913-929).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..grid.sphere import unit_vectors
from ..types import Floats, Integers
from .kmeans import kmeans

BLOCKS = 25
FOLDS = 5
# Degrees within which places count as one.
_SAME_PLACE = 1e-7


def spatial_blocks(lonlat: ArrayLike, count: int = BLOCKS, *, seed: int = 0) -> Integers:
    """Blocks of near places: k-means on the sphere, so that poles and dateline are ordinary.

    Args:
        lonlat: (N, 2) degrees.
        count: number of blocks; as many as there are different places, where those are fewer.
        seed: of k-means.

    Returns:
        (N,) number of the block of each place, 0..; equal places are in one block.
    """
    different, index = different_places(lonlat)
    if len(different) <= count:
        return index
    return kmeans(different, count, seed=seed, starts=2).labels[index]


def different_places(lonlat: ArrayLike) -> tuple[Floats, Integers]:
    """Places without repetitions.

    Args:
        lonlat: (N, 2) degrees.

    Returns:
        (k, 3) unit vectors to a centimetre, and (N,) which of them each place is.
    """
    xyz = unit_vectors(*np.asarray(lonlat, np.float64).T).T
    cells = np.rint(xyz / np.deg2rad(_SAME_PLACE)).astype(np.int64)
    different, index = np.unique(cells, axis=0, return_inverse=True)
    return different * np.deg2rad(_SAME_PLACE), np.asarray(index, np.int64).reshape(-1)


def folds_of_blocks(blocks: ArrayLike, count: int = FOLDS) -> Integers:
    """Folds of whole blocks, as equal in size as may be: large blocks first, each to the smallest.

    Args:
        blocks: (N,) number of the block of each sample.
        count: number of folds; as many as there are blocks, where those are fewer.

    Returns:
        (N,) number of the fold of each sample, 0..
    """
    _, index, sizes = np.unique(np.asarray(blocks), return_inverse=True, return_counts=True)
    filled = np.zeros(min(count, len(sizes)), np.int64)
    fold = np.empty(len(sizes), np.int64)
    for block in np.argsort(-sizes, kind="stable"):
        fold[block] = filled.argmin()
        filled[fold[block]] += sizes[block]
    return fold[np.asarray(index).reshape(-1)]


def number_scores(
    truth: ArrayLike, predicted: ArrayLike, weights: Floats | None = None
) -> dict[str, float]:
    """R², root mean squared error, mean absolute error and bias of numbers (N,).

    The bias is the mean of predicted minus true values. All means are those of the samples times
    their weights (N,), where there are any.
    """
    wanted, got = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)

    def mean(values: Floats) -> float:
        return float(np.average(values, weights=weights))

    square, total = mean((got - wanted) ** 2), mean((wanted - mean(wanted)) ** 2)
    return {
        "r2": 1 - square / total if total > 0 else float("nan"),
        "rmse": float(np.sqrt(square)),
        "mae": mean(np.abs(got - wanted)),
        "bias": mean(got - wanted),
    }


def class_scores(
    truth: ArrayLike, predicted: ArrayLike, count: int, weights: Floats | None = None
) -> dict[str, Any]:
    """Accuracy, balanced accuracy and macro F1 of classes.

    Args:
        truth: (N,) integers 0..count-1.
        predicted: (N,) integers 0..count-1.
        count: number of classes.
        weights: (N,) of the samples, which then count by these; each as one where None.

    Returns:
        "accuracy"; "balanced_accuracy": mean recall of the classes that occur; "macro_f1": mean F1
        of the classes that occur or are predicted; "confusion": rows of true classes, columns of
        predicted ones.
    """
    pairs = np.asarray(truth, np.int64) * count + np.asarray(predicted, np.int64)
    confusion = np.bincount(pairs, weights, count * count).reshape(count, count)
    right, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    known = true + said > 0
    return {
        "accuracy": float(right.sum() / confusion.sum()),
        "balanced_accuracy": float((right[true > 0] / true[true > 0]).mean()),
        "macro_f1": float((2 * right[known] / (true + said)[known]).mean()),
        "confusion": confusion.tolist(),
    }
