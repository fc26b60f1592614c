"""What predicts classes from place and embedding, with probabilities that mean what they say."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, Logistic, softmax
from ..analysis.calibration import held_out_chances, reliability, temperature
from ..analysis.gaussian import ATTEMPTS, Kernel, Sites, choose_kernel, features
from ..analysis.indicators import IndicatorRidge, Indicators
from ..analysis.linear import TOLERANCE, standard_of
from ..analysis.nystrom import KernelVectors, kernel_vectors
from ..analysis.stacking import pooling_weights
from ..analysis.tuning import Choice, Classes, choose_penalty
from ..compute.threads import one_blas_thread
from ..types import Bools, Floats, Integers
from .regression import AUTO, GAUSSIAN, KRIGING, LINEAR, STACK
from .training_set import Stages, TrainingSet

log = logging.getLogger(__name__)

# A member of the mean of classes alone.
INDICATOR = "indicator"
CLASS_WORDS = {
    LINEAR: "logistic regression on the embedding",
    KRIGING: "kernel logistic regression on the place",
    GAUSSIAN: "kernel logistic regression on place and embedding",
    INDICATOR: "indicator kriging on place and embedding",
    STACK: "the mean of probabilities of several methods, by weights",
}
# Weights that the mean is drawn to where samples are few.
_BEFOREHAND = {LINEAR: 0.2, GAUSSIAN: 0.4, INDICATOR: 0.4}
# Penalties of kernel models, per sample: that of N samples together, the strongest first. The
# standard deviation of scores beforehand is the inverse of their root.
_TOGETHER = tuple(10.0 ** (exponent / 2) for exponent in range(0, -8, -1))
# Probability that a class is taken to have at least.
_LEAST_CHANCE = 1e-6
# Of a fit: penalties of three methods, and the kernel.
_STAGES = 4
# Samples up to which one thread is fastest.
_SMALL = 2000


class _Vectors:
    """Vectors of a kernel that some samples make, and of those samples, each found once."""

    def __init__(self, kernel: Kernel, sites: Sites, standard: tuple[Floats, Floats], seed: int):
        self._kernel, self._standard, self._seed = kernel, standard, seed
        self.sites = sites
        self._known: dict[bytes, tuple[KernelVectors, Floats]] = {}

    def of(self, rows: Integers) -> tuple[KernelVectors, Floats]:
        """What some samples, (n,) rows, make, and theirs (n, dim)."""
        key = rows.tobytes()
        if key not in self._known:
            own = self.sites[rows]
            vectors = kernel_vectors(self._kernel, own, self._standard, seed=self._seed)
            self._known[key] = vectors, vectors.of_sites(own)
        return self._known[key]


class _KernelProblem:
    """Some samples, known by the vectors of a kernel that are made of these alone.

    Of a kernel that is short a vector tells whether a place was among the points that vectors are
    made of: left-out samples may not be.
    """

    def __init__(self, task: _KernelClasses, rows: Integers) -> None:
        self._sites = task.vectors.sites
        self.vectors, data = task.vectors.of(rows)
        self._problem: Logistic | IndicatorRidge
        if task.indicators:
            self._problem = IndicatorRidge(data, *task.known(rows))
        else:
            self._problem = Logistic(data, *task.known(rows), standardise=False)

    def solve(self, penalty: float, tolerance: float = TOLERANCE) -> _KernelHead:
        """The model for one penalty."""
        return _KernelHead(self._problem.solve(penalty, tolerance), self.vectors, self._sites)


@dataclass(frozen=True)
class _KernelHead:
    """Scores of samples by their rows."""

    head: Linear | Indicators
    vectors: KernelVectors
    sites: Sites

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """(n, 1) numbers of rows -> (n, classes)."""
        return self.head(self.vectors.of_sites(self.sites[rows[:, 0]]))


class _KernelClasses(Classes):
    """Classes by a linear model of the vectors of a kernel, of samples by their rows.

    Args:
        vectors: of the samples.
        indicators: whether by least squares of indicators; else by logistic regression.
        classes: (N,).
        count: number of classes.
        weights: (N,) as in `Classes`.
    """

    def __init__(
        self,
        vectors: _Vectors,
        indicators: bool,
        classes: Integers,
        count: int,
        weights: Floats | None,
    ) -> None:
        super().__init__(classes, count, weights)
        self.vectors, self.indicators = vectors, indicators
        self.penalties: Sequence[float] = [one / len(classes) for one in _TOGETHER]

    def known(self, rows: Integers) -> tuple[Integers, int, Floats | None]:
        """Classes, their number, and weights of some of the samples."""
        own = None if self._weights is None else self._weights[rows] / self._weights[rows].mean()
        return self._classes[rows], self._count, own

    def problem(self, embeddings: Floats, rows: Integers) -> _KernelProblem:
        """A linear model of vectors, which are not standardised."""
        return _KernelProblem(self, rows)


@dataclass(frozen=True)
class ClassModel:
    """A model of classes.

    Attributes:
        method: "linear", "kriging", "gaussian" or "indicator".
        linear: from embeddings, or the vectors of the kernel, to the scores of the classes, whose
            softmax are probabilities.
        vectors: of the kernel; None where there is none.
    """

    method: str
    linear: Linear | Indicators
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
class ClassStack:
    """The weighted mean of the probabilities of several models.

    Attributes:
        weights: name -> weight, above 0, 1 in all.
        heads: name -> scores of the classes, of embeddings ("linear") or of vectors (the others).
        vectors: of the kernel on place and embedding.
        heat: what the logarithms of the mean are divided by to be scores.
        method: "stack".
    """

    weights: dict[str, float]
    heads: dict[str, Linear | Indicators]
    vectors: KernelVectors
    heat: float
    method: str = STACK

    def scores(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Scores of the classes at places, as those of `ClassModel`."""
        made = self.vectors(embeddings, xyz)
        heads = self.heads.items()
        scores = {name: head(embeddings if name == LINEAR else made) for name, head in heads}
        mean = pooled(scores, self.weights)
        mean /= mean.dtype.type(self.heat)
        return mean


def pooled(scores: Mapping[str, NDArray[Any]], weights: Mapping[str, float]) -> NDArray[Any]:
    """Logarithms of the weighted mean of probabilities, (N, classes), from scores of each model."""
    mean: NDArray[Any] = np.zeros_like(next(iter(scores.values())))
    for name, share in weights.items():
        mean += mean.dtype.type(share) * softmax(scores[name])
    return np.asarray(np.log(np.maximum(mean, _LEAST_CHANCE, out=mean), out=mean))


@dataclass(frozen=True)
class FittedClasses:
    """A model of classes and how it was found.

    Attributes:
        model: the model.
        outputs: (N, classes) scores of the samples, each without its fold, before they are
            calibrated.
        report: method and errors, as JSON has it.
    """

    model: ClassModel | ClassStack
    outputs: Floats
    report: dict[str, Any]


class Classification:
    """Samples of classes, ready to be learnt from by several methods.

    Args:
        samples: N of them.
        classes: (N,) 0..count-1.
        count: number of classes.
        stages: what is told while it is learnt.
    """

    def __init__(
        self, samples: TrainingSet, classes: Integers, count: int, stages: Stages | None = None
    ) -> None:
        self._samples, self._classes, self._count = samples, classes, count
        self._stages = stages or Stages()
        self._embeddings, self._xyz, self._folds = samples.embeddings, samples.xyz, samples.folds
        self._weights, self._sizes, self._seed = samples.weights, samples.sizes, samples.seed
        self._standard = standard_of(self._embeddings, self._weights, self._sizes)
        self._choices: dict[str, Choice] = {}

    def fit(self, method: str = AUTO) -> FittedClasses:
        """The model of one method, or the mean under which left-out samples are likeliest.

        Raises:
            CancelledError: `cancelled` said so.
        """
        # Small matrices are slower on several threads, and on a busy machine far slower.
        with one_blas_thread() if len(self._classes) <= _SMALL else nullcontext():
            return self._fit((LINEAR, GAUSSIAN, INDICATOR) if method == AUTO else (method,))

    def _fit(self, wanted: tuple[str, ...]) -> FittedClasses:
        """The mean of some methods, or the only one."""
        choices = {name: self._choice(name) for name in wanted}
        outputs = {name: self._cooled(choice.outputs) for name, choice in choices.items()}
        shares = self._shares(outputs)
        main = max(shares, key=lambda name: shares[name])
        found = self._mixed(outputs) if len(wanted) > 1 else choices[main].outputs
        model, heat = self._model(shares, found)
        chances = held_out_chances(found, self._classes, self._folds)
        report = {
            "method": model.method,
            "methods": {
                name: {
                    "log_loss": choice.errors[choice.penalty],
                    "accuracy": self._accuracy(choice),
                }
                for name, choice in choices.items()
            },
            "weights": shares,
            "penalty": choices[main].penalty,
            "error_by_penalty": [list(pair) for pair in choices[main].errors.items()],
            "temperature": heat,
            **_kernel_report(model.vectors),
            **reliability(chances, self._classes),
        }
        self._stages.tell(1, 1, _STAGES - 1, _STAGES)
        return FittedClasses(model, found, report)

    def _model(
        self, shares: dict[str, float], outputs: Floats
    ) -> tuple[ClassModel | ClassStack, float]:
        """The model of all samples, and the temperature that its scores were divided by."""
        heat = temperature(outputs, self._classes)
        if len(shares) == 1:
            (method,) = shares
            head, vectors = self._solved(method)
            return ClassModel(method, head.tempered(heat), vectors), heat
        heads: dict[str, Linear | Indicators] = {}
        made = None
        for name in shares:
            head, vectors = self._solved(name)
            heads[name] = head.tempered(temperature(self._choice(name).outputs, self._classes))
            made = vectors or made
        return ClassStack(shares, heads, cast("KernelVectors", made), heat), heat

    def _cooled(self, scores: Floats) -> Floats:
        """Scores (N, classes) for left-out samples at the temperature that fits the others.

        By folds: the mean must not gain from a member that knows how sure to be of these samples.
        """
        chances = held_out_chances(scores, self._classes, self._folds)
        return np.asarray(np.log(np.maximum(chances, _LEAST_CHANCE)))

    def _shares(self, scores: dict[str, Floats], rows: Any = slice(None)) -> dict[str, float]:
        """Weights of methods, by what they say of (some) left-out samples."""
        if len(scores) == 1:
            return dict.fromkeys(scores, 1.0)
        classes, own = self._classes[rows], self._weights
        chances = [softmax(one[rows])[np.arange(len(classes)), classes] for one in scores.values()]
        # A class that no other fold has is beyond them all.
        told = self._taught[rows]
        prior = np.array([_BEFOREHAND[name] for name in scores])
        if own is not None and told.any():
            own = own[rows][told] / own[rows][told].mean()
        found = pooling_weights(np.stack(chances, axis=1)[told], prior, own)
        return {name: float(share) for name, share in zip(scores, found) if share > 0}

    def _mixed(self, scores: dict[str, Floats]) -> Floats:
        """Scores (N, classes) of the mean, each fold's by weights that the others gave."""
        mean = np.empty_like(next(iter(scores.values())))
        for fold in range(int(self._folds.max()) + 1):
            test, others = np.flatnonzero(self._folds == fold), np.flatnonzero(self._folds != fold)
            shares = self._shares(scores, others)
            mean[test] = pooled({name: scores[name][test] for name in shares}, shares)
        return mean

    @cached_property
    def _taught(self) -> Bools:
        """Whether a class has samples in other folds than the sample's own."""
        pairs = np.zeros((int(self._folds.max()) + 1, self._count))
        np.add.at(pairs, (self._folds, self._classes), 1)
        own = pairs[self._folds, self._classes]
        return np.asarray(pairs.sum(axis=0)[self._classes] > own)

    def _accuracy(self, choice: Choice) -> float:
        return float((choice.outputs.argmax(axis=1) == self._classes).mean())

    def _choice(self, method: str) -> Choice:
        """The penalty, with the scores of left-out samples."""
        if method not in self._choices:
            self._choices[method] = self._chosen(method)
        return self._choices[method]

    def _chosen(self, method: str) -> Choice:
        stage = {LINEAR: 0, INDICATOR: 3}.get(method, 2)
        return choose_penalty(
            self._task(method),
            self._data(method),
            self._folds,
            progress=self._stages.of(stage, _STAGES),
            cancelled=self._stages.cancelled,
        )

    def _solved(self, method: str) -> tuple[Linear | Indicators, KernelVectors | None]:
        """The model of all samples."""
        rows = np.arange(len(self._classes))
        problem = self._task(method).problem(self._data(method), rows)
        found = problem.solve(self._choice(method).penalty)
        if isinstance(found, _KernelHead):
            return found.head, found.vectors
        return cast("Linear", found), None

    def _task(self, method: str) -> Classes:
        own = self._classes, self._count, self._weights
        if method == LINEAR:
            return Classes(*own, self._sizes)
        vectors = self._vectors[KRIGING if method == KRIGING else GAUSSIAN]
        return _KernelClasses(vectors, method == INDICATOR, *own)

    def _data(self, method: str) -> NDArray[Any]:
        """What a task knows samples by: embeddings, or their rows."""
        if method == LINEAR:
            return self._embeddings
        return np.arange(len(self._classes))[:, None]

    @cached_property
    def _vectors(self) -> dict[str, _Vectors]:
        """Of the kernel on the place, and of that on place and embedding."""
        own = self._sites, self._standard, self._seed
        return {
            name: _Vectors(kernel, *own) for name, kernel in zip((KRIGING, GAUSSIAN), self._kernels)
        }

    @cached_property
    def _sites(self) -> Sites:
        seen = features(self._embeddings, *self._standard)
        return Sites(seen, self._xyz, self._samples.noises)

    @cached_property
    def _kernels(self) -> tuple[Kernel, Kernel]:
        """Kernels whose Gaussian processes tell the classes best, as numbers 0 and 1."""
        wanted = (self._classes[:, None] == np.arange(self._count)).astype(np.float64)
        done = iter(range(2 * ATTEMPTS + 1))

        def step() -> None:
            self._stages.ask()
            self._stages.tell(next(done), 2 * ATTEMPTS, 1, _STAGES)

        with one_blas_thread():
            return choose_kernel(self._sites, wanted, self._folds, step=step, seed=self._seed)


def _kernel_report(vectors: KernelVectors | None) -> dict[str, Any]:
    """The kernel, with what stands for the samples."""
    if vectors is None:
        return {}
    values = {name: float(value) for name, value in vars(vectors.kernel).items()}
    return {"kernel": values, "inducing_points": len(vectors.points)}
