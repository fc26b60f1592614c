"""What a map was tested on, sample by sample: what a report of it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..analysis.folds import Folds
from ..analysis.influence import Influence
from ..types import Floats, Integers
from .regression import FittedNumbers, Regression
from .samples import Samples

# Samples whose differences are looked at, pair by pair; more are drawn from.
MOST_PAIRED = 2000


@dataclass(frozen=True)
class Evidence:
    """Samples, with what models that did not see them said of each.

    Attributes:
        samples: that the map was learnt from.
        folds: (N,) number of the fold of each.
        predicted: (N,) what was said of each without its fold: numbers, or indices of classes.
        errors: (N,) standard errors of that, of numbers; None for classes.
        chances: (N, 2) probability of the class that was said, and of the true one; None for
            numbers.
        influence: of samples on a model of numbers; None for classes.
        paired: (n,) samples whose differences are looked at.
        remainder: (n,) values of these less what the embedding explains; None where the model
            has no term of the place.
    """

    samples: Samples
    folds: Integers
    predicted: Floats
    errors: Floats | None
    chances: Floats | None
    influence: Influence | None
    paired: Integers
    remainder: Floats | None


def number_evidence(
    samples: Samples, folds: Folds, regression: Regression, fitted: FittedNumbers
) -> Evidence:
    """Of a model of numbers.

    Args:
        samples: N of them.
        folds: of the cross-validation.
        regression: of these samples.
        fitted: what it found.
    """
    paired = _paired(len(samples))
    return Evidence(
        samples=samples,
        folds=folds.folds,
        predicted=fitted.predicted,
        errors=fitted.errors,
        chances=None,
        influence=regression.influence(fitted),
        paired=paired,
        remainder=regression.remainder(fitted, paired),
    )


def class_evidence(samples: Samples, folds: Folds, chances: Floats) -> Evidence:
    """Of a model of classes.

    Args:
        samples: N of them.
        folds: of the cross-validation.
        chances: (N, classes) probabilities for each without its fold.
    """
    rows = np.arange(len(samples))
    said = chances.argmax(axis=1)
    own = samples.values.astype(np.int64)
    return Evidence(
        samples=samples,
        folds=folds.folds,
        predicted=said.astype(np.float64),
        errors=None,
        chances=np.stack([chances[rows, said], chances[rows, own]], axis=1),
        influence=None,
        paired=_paired(len(samples)),
        remainder=None,
    )


def _paired(count: int) -> Integers:
    if count <= MOST_PAIRED:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_PAIRED, replace=False))
