"""What reads a target from embeddings, beside the MLP: ridge, neighbours, Gaussian process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.analysis.folds import BLOCKS, RANDOM, choose_folds
from satclip_core.analysis.gaussian import Sites, choose_kernel, features, fit_gaussian
from satclip_core.analysis.linear import standard_of
from satclip_core.compute.blas import product
from satclip_core.grid.sphere import unit_vectors
from satclip_core.types import Floats

from ..linear_probe import ridge_predictions, wanted_numbers
from ..mlp_head import Parts
from ..tasks import Task

RIDGE, KNN, GAUSSIAN, MLP, RANGE = "ridge", "knn", "gaussian", "mlp", "range"
HEADS = (MLP, RIDGE, KNN, GAUSSIAN, RANGE)
WORDS = {
    MLP: "MLP, random search",
    RIDGE: "ridge",
    KNN: "k nearest neighbours",
    GAUSSIAN: "Gaussian process",
    RANGE: "RANGE's ridge",
}
NEIGHBOURS = (1, 3, 5, 10, 20, 50)
# Rows of the table of similarities held at a time.
_ROWS = 1024


def ridge(values: Floats, task: Task, one: Parts) -> NDArray[Any]:
    """Ridge regression on standardised embeddings, of classes by indicators: (N,) for all."""
    wanted = wanted_numbers(task.target, task.classes)
    split = one.training, one.validation, one.test
    said = ridge_predictions(values.astype(np.float64), wanted, split, classes=task.classes)
    if not task.classes:
        return said[:, 0]
    named: NDArray[Any] = np.unique(task.target)[said.argmax(1)]
    return named


def nearest_neighbours(values: Floats, task: Task, one: Parts) -> NDArray[Any]:
    """Mean or vote of the nearest in standardised embeddings; how many, validation says.

    Returns:
        (N,), of samples that are neither validation nor test without meaning.
    """
    mean, deviation = values[one.training].mean(0), values[one.training].std(0)
    scaled = ((values - mean) / np.where(deviation > 1e-9, deviation, np.inf)).astype(np.float32)
    asked = np.concatenate([one.validation, one.test])
    near = _nearest(scaled[asked], scaled[one.training], min(max(NEIGHBOURS), len(one.training)))
    targets = task.target[one.training][near]
    check = slice(0, len(one.validation))
    best: tuple[float, NDArray[Any]] | None = None
    for count in (k for k in NEIGHBOURS if k <= near.shape[1]):
        said = _vote(targets[:, :count]) if task.classes else targets[:, :count].mean(1)
        right = task.target[one.validation]
        off = (said[check] != right) if task.classes else (said[check] - right) ** 2
        if best is None or float(off.mean()) < best[0]:
            best = float(off.mean()), said
    assert best is not None
    out = np.zeros(len(values), best[1].dtype)
    out[asked] = best[1]
    return out


def _nearest(rows: NDArray[Any], others: NDArray[Any], count: int) -> NDArray[Any]:
    """Indices (n, count) of the nearest others, nearest first."""
    half = np.einsum("ij,ij->i", others, others) / 2
    found = np.empty((len(rows), count), np.int64)
    for start in range(0, len(rows), _ROWS):
        away = half - product(rows[start : start + _ROWS], np.ascontiguousarray(others.T))
        some = np.argpartition(away, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(away, some, 1), axis=1, kind="stable")
        found[start : start + _ROWS] = np.take_along_axis(some, order, 1)
    return found


def _vote(codes: NDArray[Any]) -> NDArray[Any]:
    """The most frequent code of each row; of equals that of the nearest."""
    counts = (codes[:, :, None] == codes[:, None, :]).sum(2)
    picked: NDArray[Any] = np.take_along_axis(codes, counts.argmax(1)[:, None], 1)[:, 0]
    return picked


def gaussian(
    values: Floats, task: Task, runs: Sequence[Parts], *, apart: bool
) -> list[NDArray[Any]]:
    """The project's Gaussian process on place and embedding, for numbers: (N,) for each run.

    Its kernel is chosen once, by folds of the first run's training samples.

    Args:
        values: (N, dim) embeddings.
        task: of numbers.
        runs: parts of the samples.
        apart: whether test samples lie apart in space: folds are then of blocks.
    """
    xyz = unit_vectors(*task.lonlat.T).T
    kernel, made = None, []
    for one in runs:
        # Training and validation together: it needs no set to stop by.
        known = np.concatenate([one.training, one.validation])
        mean, deviation = standard_of(values[known].astype(np.float64))
        rows = features(values.astype(np.float64), mean, deviation)
        target = task.target.astype(np.float64)
        unit = max(float(target[known].std()), 1e-12)
        sites = Sites(rows[known], xyz[known])
        if kernel is None:
            kind = BLOCKS if apart else RANDOM
            folds = choose_folds(kind, task.lonlat[known]).folds
            kernel = choose_kernel(sites, target[known] / unit, folds, step=lambda: None)[1]
        fitted = fit_gaussian(kernel, sites, target[known] / unit, (mean, deviation))
        made.append(np.asarray(fitted(values.astype(np.float64), xyz)) * unit)
    return made
