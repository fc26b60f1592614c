"""What predicts classes from place and embedding, with probabilities that mean what they say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, Logistic
from ..analysis.calibration import held_out_chances, reliability, temperature
from ..analysis.gaussian import ATTEMPTS, Kernel, Sites, choose_kernel, features
from ..analysis.linear import TOLERANCE, standard_of
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
_TOGETHER = tuple(10.0 ** (exponent / 2) for exponent in range(0, -8, -1))
# Ratio of mean log-losses within which the simpler method is as good.
_AS_GOOD = 1.005
_STEPS = 60
# Samples up to which one thread is fastest.
_SMALL = 2000


class _KernelProblem:
    """Some samples, known by the vectors of a kernel that are made of these alone.

    Of a kernel that is short a vector tells whether a place was among the points that vectors are
    made of: left-out samples may not be.
    """

    def __init__(self, task: _KernelClasses, rows: Integers) -> None:
        self._sites = task.sites
        self.vectors = task.vectors(rows)
        data = self.vectors.of_sites(task.sites[rows])
        self._logistic = Logistic(data, *task.known(rows), standardise=False)

    def solve(self, penalty: float, tolerance: float = TOLERANCE) -> _KernelLinear:
        """The model for one penalty."""
        linear = self._logistic.solve(penalty, tolerance)
        return _KernelLinear(linear, self.vectors, self._sites)


@dataclass(frozen=True)
class _KernelLinear:
    """Scores of samples by their rows."""

    linear: Linear
    vectors: KernelVectors
    sites: Sites

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """(n, 1) numbers of rows -> (n, classes)."""
        return self.linear(self.vectors.of_sites(self.sites[rows[:, 0]]))


class _KernelClasses(Classes):
    """Classes by logistic regression on the vectors of a kernel, of samples by their rows.

    Args:
        kernel: of the vectors.
        sites: N samples.
        standard: mean and deviation that made their features.
        seed: of draws where there are many samples.
        classes: (N,).
        count: number of classes.
        weights: (N,) as in `Classes`.
    """

    def __init__(
        self,
        kernel: Kernel,
        sites: Sites,
        standard: tuple[Floats, Floats],
        seed: int,
        classes: Integers,
        count: int,
        weights: Floats | None,
    ) -> None:
        super().__init__(classes, count, weights)
        self.sites = sites
        self._kernel, self._standard, self._seed = kernel, standard, seed
        self.penalties: Sequence[float] = [one / len(classes) for one in _TOGETHER]

    def vectors(self, rows: Integers) -> KernelVectors:
        """Of some of the samples."""
        return kernel_vectors(self._kernel, self.sites[rows], self._standard, seed=self._seed)

    def known(self, rows: Integers) -> tuple[Integers, int, Floats | None]:
        """Classes, their number, and weights of some of the samples."""
        own = None if self._weights is None else self._weights[rows] / self._weights[rows].mean()
        return self._classes[rows], self._count, own

    def problem(self, embeddings: Floats, rows: Integers) -> _KernelProblem:
        """Logistic regression on vectors, which are not standardised."""
        return _KernelProblem(self, rows)


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
        linear, vectors = self._solved(best, choice.penalty)
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
            **_kernel_report(vectors),
            **reliability(chances, self._classes),
        }
        self._tell(1, 1, 2)
        return FittedClasses(ClassModel(best, linear, vectors), choice.outputs, report)

    def _accuracy(self, choice: Choice) -> float:
        return float((choice.outputs.argmax(axis=1) == self._classes).mean())

    def _choice(self, method: str) -> Choice:
        """The penalty, with the scores of left-out samples."""
        if method not in self._choices:
            self._choices[method] = self._chosen(method)
        return self._choices[method]

    def _chosen(self, method: str) -> Choice:
        stage = 0 if method == LINEAR else 2
        hooks: dict[str, Any] = {"cancelled": self._cancelled}
        if self._progress is not None:
            hooks["progress"] = lambda done, total: self._tell(done, total, stage)
        return choose_penalty(self._task(method), self._data(method), self._folds, **hooks)

    def _solved(self, method: str, penalty: float) -> tuple[Linear, KernelVectors | None]:
        """The model of all samples."""
        rows = np.arange(len(self._classes))
        problem = self._task(method).problem(self._data(method), rows)
        found = problem.solve(penalty)
        if isinstance(found, _KernelLinear):
            return found.linear, found.vectors
        return cast("Linear", found), None

    def _task(self, method: str) -> Classes:
        own = self._classes, self._count, self._weights
        if method == LINEAR:
            return Classes(*own, self._sizes)
        kernel = self._kernels[0 if method == KRIGING else 1]
        return _KernelClasses(kernel, self._sites, self._standard, self._seed, *own)

    def _data(self, method: str) -> NDArray[Any]:
        """What a task knows samples by: embeddings, or their rows."""
        if method == LINEAR:
            return self._embeddings
        return np.arange(len(self._classes))[:, None]

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


def _kernel_report(vectors: KernelVectors | None) -> dict[str, Any]:
    """The kernel, with what stands for the samples."""
    if vectors is None:
        return {}
    values = {name: float(value) for name, value in vars(vectors.kernel).items()}
    return {"kernel": values, "inducing_points": len(vectors.points)}
