"""Choosing the penalty of a linear model by cross-validation on folds of whole blocks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Protocol

import numpy as np

from ..errors import CancelledError, InputError
from ..types import Floats, Integers
from .calibration import temperature
from .linear import Logistic, Ridge, softmax
from .validation import class_scores, number_scores

log = logging.getLogger(__name__)


# Penalties tried, per sample, the strongest first: each fit then starts near the next.
NUMBER_PENALTIES = tuple(10.0 ** (exponent / 4) for exponent in range(12, -25, -1))
CLASS_PENALTIES = tuple(10.0 ** (exponent / 2) for exponent in range(1, -11, -1))
# Penalties in a row that may be worse than the best before weaker ones, which take long, are
# given up.
_PATIENCE = 2
# A test needs no more exact weights than this (the final ones have `linear.TOLERANCE`).
_TEST_TOLERANCE = 1e-4
# Probability that what came true is taken to have had at least.
_LEAST_CHANCE = 1e-6


class Problem(Protocol):
    """Data that a linear model can be fitted to, for any penalty."""

    def solve(self, penalty: float, tolerance: float = ...) -> Callable[[Any], Any]:
        """The model for one penalty: from what samples are known by to outputs."""


class Task(Protocol):
    """What is to be learnt: how to fit it, and how to judge what was fitted."""

    penalties: Sequence[float]
    patience: int

    def problem(self, embeddings: Floats, rows: Integers) -> Problem:
        """The problem that some of the samples, (N, dim), pose."""

    def settled(self, outputs: Floats) -> Floats:
        """What becomes of outputs (N, k) for left-out samples before they are judged."""

    def errors(self, outputs: Floats, rows: Integers, train: Integers) -> Floats:
        """What outputs (n, k) for samples `rows` are off by, (n,); NaN where that says nothing."""

    def scores(self, outputs: Floats) -> dict[str, Any]:
        """Scores for people, of outputs for all samples."""


class Numbers:
    """Numbers (N,), by ridge regression; the error is squared.

    Args:
        values: (N,).
        weights: (N,) of the samples, 1 in the mean; all 1 where None.
        sizes: (dim,) of the dimensions, as in `Ridge`.
    """

    penalties: Sequence[float] = NUMBER_PENALTIES
    patience = len(NUMBER_PENALTIES)

    def __init__(
        self, values: Floats, weights: Floats | None = None, sizes: Floats | None = None
    ) -> None:
        self._values, self._weights, self._sizes = values, weights, sizes

    def problem(self, embeddings: Floats, rows: Integers) -> Problem:
        """Ridge regression."""
        own = _relative(self._weights, rows)
        return Ridge(embeddings[rows], self._values[rows], own, self._sizes)

    def settled(self, outputs: Floats) -> Floats:
        """As they are."""
        return outputs

    def errors(self, outputs: Floats, rows: Integers, train: Integers) -> Floats:
        """Squared errors, times the weight of the sample."""
        squares: Floats = (outputs[:, 0] - self._values[rows]) ** 2
        return squares if self._weights is None else squares * self._weights[rows]

    def scores(self, outputs: Floats) -> dict[str, Any]:
        """R² and the like."""
        return dict(number_scores(self._values, outputs[:, 0], self._weights))


class Classes:
    """Classes (N,) 0..count-1, by logistic regression; the error is minus the log-likelihood.

    Args:
        classes: (N,).
        count: number of classes.
        weights: (N,) of the samples, 1 in the mean; all 1 where None.
        sizes: (dim,) of the dimensions, as in `Ridge`.
    """

    penalties: Sequence[float] = CLASS_PENALTIES
    patience = _PATIENCE

    def __init__(
        self,
        classes: Integers,
        count: int,
        weights: Floats | None = None,
        sizes: Floats | None = None,
    ) -> None:
        self._classes, self._count = classes, count
        self._weights, self._sizes = weights, sizes

    def problem(self, embeddings: Floats, rows: Integers) -> Problem:
        """Logistic regression."""
        own = _relative(self._weights, rows)
        return Logistic(embeddings[rows], self._classes[rows], self._count, own, self._sizes)

    def settled(self, outputs: Floats) -> Floats:
        """Scores at the temperature that fits best, as those of the model that is kept will be."""
        scaled: Floats = outputs / temperature(outputs, self._classes)
        return scaled

    def errors(self, outputs: Floats, rows: Integers, train: Integers) -> Floats:
        """Minus log-likelihoods; NaN for a class that no fold but the left-out one has."""
        wanted = self._classes[rows]
        chances = softmax(outputs)[np.arange(len(rows)), wanted]
        taught = np.isin(wanted, self._classes[train])
        entropy = -np.log(np.maximum(chances, _LEAST_CHANCE))
        if self._weights is not None:
            entropy = entropy * self._weights[rows]
        return np.where(taught, entropy, np.nan)

    def scores(self, outputs: Floats) -> dict[str, Any]:
        """Accuracy and the like."""
        return class_scores(self._classes, outputs.argmax(axis=1), self._count, self._weights)


def _relative(weights: Floats | None, rows: Integers) -> Floats | None:
    """The weights of some samples, 1 in their own mean."""
    if weights is None:
        return None
    own: Floats = weights[rows] / weights[rows].mean()
    return own


@dataclass(frozen=True)
class Choice:
    """A penalty, and what speaks for it.

    Attributes:
        penalty: with the least error.
        errors: penalty -> mean error on left-out samples, of all that were tried.
        outputs: (N, k) for each sample, of the model that did not see its block.
    """

    penalty: float
    errors: dict[float, float]
    outputs: Floats


def choose_penalty(
    task: Task,
    embeddings: Floats,
    folds: Integers,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Choice:
    """The penalty whose models are least wrong on the folds they did not see.

    Args:
        task: what is to be learnt.
        embeddings: (N, dim).
        folds: (N,) number of the fold of each sample, two folds at least.
        progress: called with (fits done, fits in all at most).
        cancelled: asked before each fit.

    Raises:
        CancelledError: `cancelled` said so.
    """
    steps = _Steps((int(folds.max()) + 1) * len(task.penalties), progress, cancelled)
    problems = list(_problems(task, embeddings, folds, steps))
    errors: dict[float, float] = {}
    best: tuple[float, Floats] | None = None
    worse = 0
    for penalty in task.penalties:
        outputs, errors[penalty] = _attempt(task, embeddings, problems, penalty, steps)
        log.debug("penalty %.3g: error %.5g", penalty, errors[penalty])
        if best is None or errors[penalty] < errors[best[0]]:
            best, worse = (penalty, outputs), 0
        else:
            worse += 1
        if worse == task.patience:
            break
    if best is None:
        raise InputError("there are no penalties to choose from")
    steps.finish()
    return Choice(best[0], errors, best[1])


class _Steps:
    """Counts fits, and asks before each whether to go on."""

    def __init__(
        self,
        total: int,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._progress, self._cancelled = progress, cancelled
        self._done, self._total = 0, total

    def ask(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("stopped on request: nothing was left behind")

    def count(self, done: int = 1) -> None:
        self._done += done
        if self._progress is not None:
            self._progress(self._done, self._total)

    def finish(self) -> None:
        if self._done < self._total:
            self.count(self._total - self._done)


_Fold = tuple[Problem, Integers, Integers]


def _problems(task: Task, embeddings: Floats, folds: Integers, steps: _Steps) -> Iterator[_Fold]:
    for fold in range(int(folds.max()) + 1):
        steps.ask()
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        yield task.problem(embeddings, train), train, test


def _attempt(
    task: Task, embeddings: Floats, problems: Sequence[_Fold], penalty: float, steps: _Steps
) -> tuple[Floats, float]:
    """Outputs (N, k) for left-out samples, and their mean error."""
    outputs = []
    for problem, _, test in problems:
        steps.ask()
        outputs.append(problem.solve(penalty, _TEST_TOLERANCE)(embeddings[test]))
        steps.count()
    order = np.argsort(np.concatenate([test for _, _, test in problems]))
    found = np.concatenate(outputs)[order]
    settled, errors = task.settled(found), np.full(len(embeddings), np.nan)
    for _, train, test in problems:
        errors[test] = task.errors(settled[test], test, train)
    known = errors[np.isfinite(errors)]
    return found, float(known.mean()) if len(known) else 0.0
