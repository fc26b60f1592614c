"""Probabilities that mean what they say: one temperature for all scores, and how well it fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Floats, Integers
from .linear import softmax

# Logarithms of temperatures looked at: from four times as sure to eight times less.
_LOWEST, _HIGHEST = -np.log(4.0), np.log(8.0)
_STEPS = 40
_GOLDEN = (5**0.5 - 1) / 2
# Classes of like confidence for reliability.
_BINS = 10


def temperature(scores: Floats, classes: Integers) -> float:
    """What to divide scores by so that their softmax fits left-out samples best.

    The least mean negative log-likelihood, by golden section: it has one minimum (Guo et al. 2017,
    "On calibration of modern neural networks", section 4.2). The class of most probability stays.
    The only sample of a class says nothing: a model that did not see it cannot name it, however
    sure it is.

    Args:
        scores: (N, k) of models that did not see the samples.
        classes: (N,) the true ones, 0..k-1.
    """

    alone = np.bincount(classes)[classes] == 1
    if not alone.all():
        scores, classes = scores[~alone], classes[~alone]

    def loss(log: float) -> float:
        chances = softmax(scores / np.exp(log))[np.arange(len(classes)), classes]
        return float(-np.log(np.maximum(chances, 1e-300)).mean())

    low, high = _LOWEST, _HIGHEST
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def held_out_chances(scores: Floats, classes: Integers, folds: Integers) -> Floats:
    """Probabilities (N, k), each fold's with the temperature of the others.

    Args:
        scores: (N, k) of models that did not see the samples.
        classes: (N,) the true ones.
        folds: (N,) number of the fold of each, two at least.
    """
    chances = np.empty_like(scores)
    for fold in np.unique(folds):
        test = folds == fold
        chances[test] = softmax(scores[test] / temperature(scores[~test], classes[~test]))
    return chances


def reliability(chances: Floats, classes: Integers) -> dict[str, Any]:
    """Whether the most probable class is right as often as its probability says.

    Args:
        chances: (N, k) probabilities.
        classes: (N,) the true ones.

    Returns:
        "expected_calibration_error": mean of |probability - share that was right| over ten equal
        steps of probability, weighed by samples (Naeini et al. 2015); "reliability": for each step
        with samples its mean probability, the share that was right, and their number.
    """
    said, right = chances.max(axis=1), chances.argmax(axis=1) == classes
    step = np.minimum((said * _BINS).astype(int), _BINS - 1)
    rows = [
        [
            float(said[step == one].mean()),
            float(right[step == one].mean()),
            int((step == one).sum()),
        ]
        for one in np.unique(step)
    ]
    error = sum(abs(mean - share) * count for mean, share, count in rows) / len(classes)
    return {"expected_calibration_error": float(error), "reliability": rows}
