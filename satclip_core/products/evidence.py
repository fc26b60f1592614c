"""What a map was tested on, sample by sample: what a report of it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..analysis.folds import Folds
from ..analysis.transforms import Transform
from ..types import Floats, Integers
from .regression import FittedNumbers, Regression
from .samples import Samples

# Samples whose differences are looked at, pair by pair; more are drawn from.
MOST_PAIRED = 2000
# Samples named as suspects: by each of two measures of numbers; of wrong classes.
_NAMED = 7
_WRONG = 12


@dataclass(frozen=True)
class LeftOutAlone:
    """What a model says of some samples without them, in closed form or without their fold.

    Attributes:
        rows: (m,) which samples.
        without: (m,) what is predicted for each.
        steps: (m,) how far the sample is from that, in standard errors, on the scale that was
            learnt on.
        moved: (m,) root mean square by which leaving it out changes the map at other samples;
            None where that has no closed form, and predictions are those without the whole fold.
    """

    rows: Integers
    without: Floats
    steps: Floats
    moved: Floats | None


@dataclass(frozen=True)
class Pairing:
    """Some samples, to be held against each other, on the scale that was learnt on.

    Attributes:
        rows: (n,) which samples.
        values: (n,) of these.
        errors: (n,) values less what is predicted without the fold.
        remainder: (n,) values less what embedding and covariates explain; None where the model has
            no part of the place.
    """

    rows: Integers
    values: Floats
    errors: Floats
    remainder: Floats | None


@dataclass(frozen=True)
class NumberEvidence:
    """Samples of numbers, with what models that did not see them said of each.

    Attributes:
        samples: that the map was learnt from.
        folds: (N,) number of the fold of each.
        predicted: (N,) what was said of each without its fold.
        steps: (N,) how far each is from that, in standard errors.
        alone: samples without themselves.
        pairing: some of the samples.
    """

    samples: Samples
    folds: Integers
    predicted: Floats
    steps: Floats
    alone: LeftOutAlone
    pairing: Pairing

    @property
    def suspects(self) -> Integers:
        """The samples that hurt most, (m,) positions in `alone`, those furthest off first.

        They disagree most with all others, or change the map most.
        """
        off = np.abs(self.alone.steps)
        chosen = np.argsort(-off, kind="stable")[:_NAMED]
        if self.alone.moved is not None:
            moving = np.argsort(-self.alone.moved, kind="stable")[:_NAMED]
            chosen = np.union1d(chosen, moving)
        return np.asarray(chosen[np.argsort(-off[chosen], kind="stable")])


@dataclass(frozen=True)
class ClassEvidence:
    """The same of classes.

    Attributes:
        samples: that the map was learnt from.
        folds: (N,) number of the fold of each.
        predicted: (N,) index of the class that was said of each without its fold.
        chances: (N, 2) the probability of that, and of the true one.
    """

    samples: Samples
    folds: Integers
    predicted: Integers
    chances: Floats

    @property
    def suspects(self) -> Integers:
        """The wrong samples whose own class is thought least likely, (m,) rows, such ones first."""
        wrong = np.flatnonzero(self.predicted != self.samples.values.astype(np.int64))
        return np.asarray(wrong[np.argsort(self.chances[wrong, 1], kind="stable")][:_WRONG])


def number_evidence(
    samples: Samples,
    folds: Folds,
    regression: Regression,
    fitted: FittedNumbers,
    transform: Transform,
) -> NumberEvidence:
    """Of a model of numbers.

    Args:
        samples: N of them.
        folds: of the cross-validation.
        regression: of these samples, transformed.
        fitted: what it found.
        transform: of the numbers.
    """
    values = transform.there(samples.values)
    steps = (values - fitted.predicted) / fitted.errors
    rows = _paired(len(samples))
    return NumberEvidence(
        samples=samples,
        folds=folds.folds,
        predicted=transform.back(fitted.predicted),
        steps=steps,
        alone=_alone(values, steps, regression, fitted, transform),
        pairing=Pairing(
            rows=rows,
            values=values[rows],
            errors=values[rows] - fitted.predicted[rows],
            remainder=regression.remainder(fitted, rows),
        ),
    )


def _alone(
    values: Floats,
    steps: Floats,
    regression: Regression,
    fitted: FittedNumbers,
    transform: Transform,
) -> LeftOutAlone:
    found = regression.influence(fitted)
    if found is None:
        return LeftOutAlone(np.arange(len(values)), transform.back(fitted.predicted), steps, None)
    # To first order, and nothing at all without a transform.
    moved = found.moved(transform.slope(values[found.others]))
    off = (values[found.rows] - found.without) / fitted.model.spread(found.errors)
    return LeftOutAlone(found.rows, transform.back(found.without), off, moved)


def class_evidence(samples: Samples, folds: Folds, chances: Floats) -> ClassEvidence:
    """Of a model of classes.

    Args:
        samples: N of them.
        folds: of the cross-validation.
        chances: (N, classes) probabilities for each without its fold.
    """
    rows, said = np.arange(len(samples)), chances.argmax(axis=1)
    own = samples.values.astype(np.int64)
    both = np.stack([chances[rows, said], chances[rows, own]], axis=1)
    return ClassEvidence(samples, folds.folds, said, both)


def _paired(count: int) -> Integers:
    if count <= MOST_PAIRED:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_PAIRED, replace=False))
