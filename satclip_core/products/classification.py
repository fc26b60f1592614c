"""What predicts classes from place and embedding, with probabilities that mean what they say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, Logistic
from ..analysis.calibration import held_out_chances, reliability, temperature
from ..analysis.gaussian import ATTEMPTS, Kernel, Sites, choose_kernel, features
from ..analysis.linear import standard_of
from ..analysis.nystrom import KernelVectors, kernel_vectors
from ..analysis.tuning import Choice, Classes, choose_penalty
from ..compute.threads import one_blas_thread
from ..errors import CancelledError
from ..types import Cancelled, Floats, Integers, Progress
from .covariates import sizes_of
from .regression import AUTO, GAUSSIAN, KRIGING, LINEAR

log = logging.getLogger(__name__)

CLASS_WORDS = {
    LINEAR: "logistic regression on the embedding",
    KRIGING: "kernel logistic regression on the place",
    GAUSSIAN: "kernel logistic regression on place and embedding",
}
# Penalties of kernel models, per sample: that of N samples together, the strongest first. The
# standard deviation of scores beforehand is the inverse of their root.
_TOGETHER = tuple(10.0 ** (exponent / 2) for exponent in range(1, -7, -1))
# Ratio of mean log-losses within which the simpler method is as good.
_AS_GOOD = 1.005
_STEPS = 60
# Samples up to which one thread is fastest.
_SMALL = 2000


class _KernelClasses(Classes):
    """Classes by logistic regression on the vectors of a kernel, as long as they are."""

    patience = 1

    def __init__(self, classes: Integers, count: int, weights: Floats | None) -> None:
        super().__init__(classes, count, weights)
        self.penalties: Sequence[float] = [one / len(classes) for one in _TOGETHER]

    def problem(self, embeddings: Floats, rows: Integers) -> Logistic:
        """Logistic regression on vectors that are not standardised."""
        own = None if self._weights is None else self._weights[rows] / self._weights[rows].mean()
        wanted = self._classes[rows]
        return Logistic(embeddings[rows], wanted, self._count, own, standardise=False)


@dataclass(frozen=True)
class ClassModel:
    """A model of classes.

    Attributes:
        method: "linear", "kriging" or "gaussian".
        linear: from embeddings, or the vectors of the kernel, to the scores of the classes, whose
            softmax are probabilities.
        vectors: of the kernel; None where there is none.
    """

    method: str
    linear: Linear
    vectors: KernelVectors | None = None

    def scores(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Scores of the classes at places.

        Args:
            embeddings: (N, dim), without NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (N, classes) in the type of the embeddings.
        """
        if self.vectors is None:
            return self.linear(embeddings)
        return self.linear(self.vectors(embeddings, xyz))


@dataclass(frozen=True)
class FittedClasses:
    """A model of classes and how it was found.

    Attributes:
        model: the model.
        outputs: (N, classes) scores of the samples, each without its fold, before they are
            calibrated.
        report: method and errors, as JSON has it.
    """

    model: ClassModel
    outputs: Floats
    report: dict[str, Any]


class Classification:
    """Samples of classes, ready to be learnt from by several methods.

    Args:
        embeddings: (N, dim), or embeddings with covariates after them.
        xyz: (N, 3) unit vectors.
        classes: (N,) 0..count-1.
        count: number of classes.
        folds: (N,) number of the fold of each, two at least.
        weights: (N,) of the samples, 1 in the mean; all 1 where None.
        covariates: number of covariates.
        seed: of draws where there are many samples.
        progress: called with (steps done, steps in all).
        cancelled: asked before each step.
    """

    def __init__(
        self,
        embeddings: Floats,
        xyz: Floats,
        classes: Integers,
        count: int,
        folds: Integers,
        *,
        weights: Floats | None = None,
        covariates: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> None:
        self._embeddings, self._xyz, self._classes, self._count = embeddings, xyz, classes, count
        self._folds, self._weights, self._seed = folds, weights, seed
        self._progress, self._cancelled, self._done = progress, cancelled, 0
        self._sizes = sizes_of(embeddings.shape[1], covariates)
        self._standard = standard_of(embeddings, weights, self._sizes)
        self._choices: dict[str, Choice] = {}
        self._known: dict[str, tuple[KernelVectors, Floats]] = {}

    def fit(self, method: str = AUTO) -> FittedClasses:
        """The model of one method, or of that with the most likely left-out samples.

        Raises:
            CancelledError: `cancelled` said so.
        """
        # Small matrices are slower on several threads, and on a busy machine far slower.
        with one_blas_thread() if len(self._classes) <= _SMALL else nullcontext():
            return self._fit((LINEAR, GAUSSIAN) if method == AUTO else (method,))

    def _fit(self, wanted: tuple[str, ...]) -> FittedClasses:
        """The best of some methods, the simplest first."""
        choices = {name: self._choice(name) for name in wanted}
        losses = {name: choice.errors[choice.penalty] for name, choice in choices.items()}
        least = min(losses.values())
        best = next(name for name in wanted if losses[name] <= _AS_GOOD * least)
        choice = choices[best]
        linear = self._solved(best, choice.penalty)
        heat = temperature(choice.outputs, self._classes)
        linear = replace(linear, weights=linear.weights / heat, offsets=linear.offsets / heat)
        chances = held_out_chances(choice.outputs, self._classes, self._folds)
        report = {
            "method": best,
            "methods": {
                name: {"log_loss": losses[name], "accuracy": self._accuracy(found)}
                for name, found in choices.items()
            },
            "penalty": choice.penalty,
            "error_by_penalty": [list(pair) for pair in choice.errors.items()],
            "temperature": heat,
            **self._report(best),
            **reliability(chances, self._classes),
        }
        self._tell(1, 1, 2)
        model = ClassModel(best, linear, None if best == LINEAR else self._vectors(best)[0])
        return FittedClasses(model, choice.outputs, report)

    def _accuracy(self, choice: Choice) -> float:
        return float((choice.outputs.argmax(axis=1) == self._classes).mean())

    def _report(self, method: str) -> dict[str, Any]:
        """The kernel, with what stands for the samples."""
        if method == LINEAR:
            return {}
        vectors = self._vectors(method)[0]
        values = {name: float(value) for name, value in vars(vectors.kernel).items()}
        return {"kernel": values, "inducing_points": len(vectors.points)}

    def _choice(self, method: str) -> Choice:
        """The penalty, with the scores of left-out samples."""
        if method not in self._choices:
            self._choices[method] = self._chosen(method)
        return self._choices[method]

    def _chosen(self, method: str) -> Choice:
        stage = 0 if method == LINEAR else 2
        data, task = self._data(method), self._task(method)
        hooks: dict[str, Any] = {"cancelled": self._cancelled}
        if self._progress is not None:
            hooks["progress"] = lambda done, total: self._tell(done, total, stage)
        return choose_penalty(task, data, self._folds, **hooks)

    def _solved(self, method: str, penalty: float) -> Linear:
        rows = np.arange(len(self._classes))
        found: Linear = self._task(method).problem(self._data(method), rows).solve(penalty)
        return found

    def _task(self, method: str) -> Classes:
        if method == LINEAR:
            return Classes(self._classes, self._count, self._weights, self._sizes)
        return _KernelClasses(self._classes, self._count, self._weights)

    def _data(self, method: str) -> Floats:
        return self._embeddings if method == LINEAR else self._vectors(method)[1]

    def _vectors(self, method: str) -> tuple[KernelVectors, Floats]:
        """Of the kernel of a method, and those of the samples, (N, m)."""
        if method not in self._known:
            kernel = self._kernels[0 if method == KRIGING else 1]
            found = kernel_vectors(kernel, self._sites, self._standard, seed=self._seed)
            self._known[method] = found, found(self._embeddings, self._xyz)
        return self._known[method]

    @cached_property
    def _sites(self) -> Sites:
        noises = None if self._weights is None else 1 / self._weights
        return Sites(features(self._embeddings, *self._standard), self._xyz, noises)

    @cached_property
    def _kernels(self) -> tuple[Kernel, Kernel]:
        """Kernels whose Gaussian processes tell the classes best, as numbers 0 and 1."""
        wanted = (self._classes[:, None] == np.arange(self._count)).astype(np.float64)
        done = iter(range(2 * ATTEMPTS + 1))

        def step() -> None:
            if self._cancelled is not None and self._cancelled():
                raise CancelledError("stopped on request: nothing was left behind")
            self._tell(next(done), 2 * ATTEMPTS, 1)

        with one_blas_thread():
            return choose_kernel(self._sites, wanted, self._folds, step=step, seed=self._seed)

    def _tell(self, done: int, total: int, stage: int) -> None:
        """Steps done, which never go back; each of three stages takes as many."""
        now = _STEPS * stage + _STEPS * done // max(total, 1)
        if self._progress is not None and now > self._done:
            self._done = now
            self._progress(now, 3 * _STEPS)
