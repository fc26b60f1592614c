"""Linear models on standardised embeddings: ridge regression and logistic regression.

Penalties count per sample: they weigh the squared weights against the mean loss, so that the same
penalty means the same with more samples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..types import Bools, Floats

# Largest part of the gradient at which logistic weights count as found.
TOLERANCE = 1e-6
_NEWTON_STEPS = 100
_CONJUGATE_STEPS = 250
# Armijo's condition, and how often a step is halved.
_DECREASE = 1e-4
_HALVINGS = 40
# Directions with less of the largest variance than this are rounding errors.
_RANK = 1e-12


@dataclass(frozen=True)
class Linear:
    """Scores of embeddings: ((e - mean) / deviation) · weights + offsets.

    Attributes:
        mean: (dim,) of the embeddings it was fitted on.
        deviation: (dim,) their standard deviation, 1 where there is none.
        weights: (dim, outputs).
        offsets: (outputs,).
    """

    mean: Floats
    deviation: Floats
    weights: Floats
    offsets: Floats

    def __call__(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """(..., dim) -> (..., outputs) in the same dtype; NaN stays NaN."""
        dtype = embeddings.dtype
        weights = (self.weights / self.deviation[:, None]).astype(dtype)
        # The mean first: it is large against what the weights make of the differences.
        centred = embeddings.reshape(-1, embeddings.shape[-1]) - self.mean.astype(dtype)
        scores = product(centred, weights)
        scores += self.offsets.astype(dtype)
        return scores.reshape(*embeddings.shape[:-1], len(self.offsets))

    @property
    def directions(self) -> Floats:
        """(outputs, dim), whose products with an embedding are its scores but for `constant`."""
        directions: Floats = (self.weights / self.deviation[:, None]).T
        return directions

    @property
    def constant(self) -> Floats:
        """(outputs,), what is added to the products."""
        constant: Floats = self.offsets - self.directions @ self.mean
        return constant

    def tempered(self, heat: float) -> Linear:
        """The same with scores divided by a number."""
        return replace(self, weights=self.weights / heat, offsets=self.offsets / heat)


class Ridge:
    """Ridge regression: least mean squared error + penalty · |weights|², any penalty at once.

    Embeddings are standardised; the offset is not penalised. scikit-learn's `alpha` is
    penalty · N.

    Args:
        embeddings: (N, dim), finite.
        targets: (N,) or (N, outputs), finite.
        weights: (N,) of the samples, above 0, 1 in the mean; all 1 where None.
        sizes: (dim,) what dimensions are multiplied by once they are standardised: a large one is
            penalised less; all 1 where None.
        standardise: whether dimensions are standardised, as in `Logistic`.
    """

    def __init__(
        self,
        embeddings: ArrayLike,
        targets: ArrayLike,
        weights: Floats | None = None,
        sizes: Floats | None = None,
        *,
        standardise: bool = True,
    ) -> None:
        values = np.asarray(targets, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        data = np.asarray(embeddings, np.float64)
        self.mean, self.deviation = standard_of(data, weights, sizes)
        if not standardise:
            self.deviation = np.ones_like(self.mean)
        scaled = (data - self.mean) / self.deviation
        self._offsets = np.average(values, axis=0, weights=weights)
        self._count = len(scaled)
        weighed = scaled if weights is None else scaled * weights[:, None]
        self._variances, self._axes = np.linalg.eigh(product(weighed.T, scaled) / len(scaled))
        response = product(weighed.T, values - self._offsets) / len(scaled)
        self._response = self._axes.T @ response

    def solve(self, penalty: float, tolerance: float = 0.0) -> Linear:
        """The model for one penalty above 0; exact, whatever the tolerance."""
        damped = self._variances.clip(min=0) + penalty
        weights = self._axes @ (self._response / damped[:, None])
        return Linear(self.mean, self.deviation, weights, self._offsets)

    def root(self, penalty: float) -> Floats:
        """What makes standard errors of standardised embeddings z, for one penalty above 0.

        Ridge regression is a Gaussian process whose weights have the variance 1 / (penalty · N) in
        units of the noise's: a new sample then has the variance 1 + 1 / N + |z · root|² (Rasmussen
        & Williams 2006, section 2.1).

        Returns:
            (dim, dim).
        """
        damped = (self._variances.clip(min=0) + penalty) * self._count
        root: Floats = self._axes / np.sqrt(damped)
        return root


class Logistic:
    """Multinomial logistic regression: least mean cross-entropy + penalty / 2 · |weights|².

    Newton's method, whose steps conjugate gradients solve in the principal axes of the data;
    the loss is convex and each step lowers it. Embeddings are standardised, offsets are not
    penalised. scikit-learn's `C` is 1 / (penalty · N), for three classes and more.

    Args:
        embeddings: (N, dim), finite.
        classes: (N,) integers 0..count-1; a class without samples gets probability near 0.
        count: number of classes.
        weights: (N,) of the samples, as in `Ridge`.
        sizes: (dim,) of the dimensions, as in `Ridge`.
        standardise: whether dimensions are standardised; else they keep their size about their
            mean, as the vectors of a kernel have to.
    """

    def __init__(
        self,
        embeddings: ArrayLike,
        classes: ArrayLike,
        count: int,
        weights: Floats | None = None,
        sizes: Floats | None = None,
        *,
        standardise: bool = True,
    ) -> None:
        data = np.asarray(embeddings, np.float64)
        self.mean, self.deviation = standard_of(data, weights, sizes)
        if not standardise:
            self.deviation = np.ones_like(self.mean)
        scaled = (data - self.mean) / self.deviation
        variances, axes = np.linalg.eigh(product(scaled.T, scaled) / len(scaled))
        self._own = np.ones((len(scaled), 1)) if weights is None else weights[:, None]
        self._axes = axes[:, variances > _RANK * max(variances[-1], 1e-300)]
        # The last column carries the offset.
        self._data = np.hstack([product(scaled, self._axes), np.ones((len(scaled), 1))])
        wanted = np.asarray(classes, np.int64)
        self._wanted = (wanted[:, None] == np.arange(count)).astype(np.float64)
        self._weights = np.zeros((self._data.shape[1], count))
        shares = (self._wanted.sum(axis=0) + 0.5) / (len(wanted) + 0.5 * count)
        self._weights[-1] = np.log(shares) - np.log(shares).mean()

    def solve(self, penalty: float, tolerance: float = TOLERANCE) -> Linear:
        """The model for one penalty above 0, starting from the last one solved for.

        Args:
            penalty: weight of the squares of the weights.
            tolerance: largest part of the gradient that is left.
        """
        penalties = np.full((len(self._weights), 1), penalty)
        penalties[-1] = 0
        scores = product(self._data, self._weights)
        for _ in range(_NEWTON_STEPS):
            chances = softmax(scores)
            off = self._own * (chances - self._wanted)
            gradient = product(self._data.T, off) / len(scores)
            gradient += penalties * self._weights
            if np.abs(gradient).max() <= tolerance:
                break
            step = self._newton_step(gradient, chances, penalties)
            moved = product(self._data, step)
            length = self._step_length(scores, moved, step, gradient, penalties)
            if length == 0:
                break
            self._weights = self._weights + length * step
            scores = scores + length * moved
        weights = self._axes @ self._weights[:-1]
        return Linear(self.mean, self.deviation, weights, self._weights[-1].copy())

    def _newton_step(self, gradient: Floats, chances: Floats, penalties: Floats) -> Floats:
        count = len(chances)

        def hessian(step: Floats) -> Floats:
            change = chances * product(self._data, step)
            change -= chances * change.sum(axis=1, keepdims=True)
            curved: Floats = product(self._data.T, self._own * change) / count + penalties * step
            return curved

        spread = self._own * chances * (1 - chances)
        diagonal = product((self._data**2).T, spread) / count + penalties
        # As exact as the gradient is small: fast convergence near the end, little work far
        # from it (Nocedal & Wright 2006, section 7.1).
        norm = float(np.linalg.norm(gradient))
        return conjugate_gradients(
            hessian, -gradient, np.maximum(diagonal, 1e-12), min(0.5, norm**0.5) * norm
        )

    def _step_length(
        self,
        scores: Floats,
        moved: Floats,
        step: Floats,
        gradient: Floats,
        penalties: Floats,
    ) -> float:
        """1, or the first of its halves that lowers the loss enough; 0 if none does."""

        def loss(length: float) -> float:
            weights = self._weights + length * step
            entropy = _cross_entropy(scores + length * moved, self._wanted * self._own)
            return entropy + float((penalties * weights**2).sum()) / 2

        start, slope = loss(0.0), float((gradient * step).sum())
        for halvings in range(_HALVINGS):
            length = 0.5**halvings
            if loss(length) <= start + _DECREASE * length * slope:
                return length
        return 0.0


def conjugate_gradients(
    image_of: Callable[[Floats], Floats], right: Floats, diagonal: Floats, tolerance: float
) -> Floats:
    """Solve A x = b for a positive semidefinite A that is known by its products.

    Args:
        image_of: x -> A x, of the shape of `right`.
        right: b.
        diagonal: of A, above 0, to precondition with.
        tolerance: norm of b - A x that is left.
    """
    solution = np.zeros_like(right)
    rest = right.copy()
    scaled = rest / diagonal
    direction, size = scaled, float((rest * scaled).sum())
    for _ in range(_CONJUGATE_STEPS):
        if np.linalg.norm(rest) <= tolerance:
            break
        image = image_of(direction)
        curvature = float((direction * image).sum())
        if curvature <= 0:
            break
        solution = solution + size / curvature * direction
        rest = rest - size / curvature * image
        scaled = rest / diagonal
        last, size = size, float((rest * scaled).sum())
        direction = scaled + size / last * direction
    return solution


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Probabilities (..., classes) of scores, in their dtype; NaN stays NaN."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    chances: NDArray[Any] = raised / raised.sum(axis=-1, keepdims=True)
    return chances


def _cross_entropy(scores: Floats, wanted: Floats) -> float:
    """Of scores (N, k), with each sample's weight where its class is and 0 elsewhere."""
    highest = scores.max(axis=1, keepdims=True)
    logs = np.log(np.exp(scores - highest).sum(axis=1, keepdims=True)) + highest
    return float(((logs - scores) * wanted).sum() / len(scores))


def standard_of(
    embeddings: ArrayLike, weights: Floats | None = None, sizes: Floats | None = None
) -> tuple[Floats, Floats]:
    """Mean and deviation (dim,) by which embeddings (N, dim) are standardised.

    Args:
        embeddings: (N, dim), finite.
        weights: (N,) of the samples, as in `Ridge`.
        sizes: (dim,) of the dimensions, as in `Ridge`.
    """
    data = np.asarray(embeddings, np.float64)
    mean = np.average(data, axis=0, weights=weights)
    deviation = np.sqrt(np.average((data - mean) ** 2, axis=0, weights=weights))
    flat = _flat(mean, deviation, np.ones_like(mean) if sizes is None else sizes)
    if sizes is not None:
        deviation = deviation / sizes
    # A dimension that does not vary is rounding; scaled up it would drown the others.
    deviation[flat] = 1.0
    return mean, deviation


def _flat(mean: Floats, deviation: Floats, sizes: Floats) -> Bools:
    """Which dimensions do not vary: against their own mean, and the others of their size."""
    largest = np.empty_like(deviation)
    for size in np.unique(sizes):
        same = sizes == size
        largest[same] = deviation[same].max()
    flat: Bools = deviation <= 1e-7 * (np.abs(mean) + largest)
    return flat
