"""One prediction of several: the weighted mean that errs least on what was left out.

Models err in different places, so that a mean of them errs less than the best; its weights are
found on predictions for left-out samples, and none is negative (Breiman 1996, Machine Learning 24:
49-64).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Floats

# Weights are drawn to those given beforehand as strongly as by so many samples.
_PRIOR = 30.0
# A weight below is none: the others take it over.
_LEAST = 0.02
# Steps towards weights of probabilities at most, and the largest that is none.
_ROUNDS, _SETTLED = 1000, 1e-5


class Predictor(Protocol):
    """Means and standard errors of numbers at places: see `Gaussian`."""

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """(N, dim) and (N, 3) -> (N,)."""

    def with_error(
        self, embeddings: NDArray[Any], xyz: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """(N, dim) and (N, 3) -> (N,) and (N,)."""


@dataclass(frozen=True)
class Stack:
    """The weighted mean of predictors; its errors vary as those of the weightiest.

    Attributes:
        weights: name -> weight, above 0, 1 in all.
        members: name -> predictor.
    """

    weights: dict[str, float]
    members: dict[str, Predictor]

    @property
    def main(self) -> str:
        """Name of the weightiest."""
        return max(self.weights, key=lambda name: self.weights[name])

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Means (N,) at places: (N, dim) and (N, 3) unit vectors."""
        mean = np.zeros(len(embeddings), embeddings.dtype)
        for name, weight in self.weights.items():
            mean += mean.dtype.type(weight) * self.members[name](embeddings, xyz)
        return mean

    def with_error(
        self, embeddings: NDArray[Any], xyz: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Means (N,), and standard errors (N,) in units of the weightiest's noise."""
        main = self.main
        own, errors = self.members[main].with_error(embeddings, xyz)
        mean = own * own.dtype.type(self.weights[main])
        for name, weight in self.weights.items():
            if name != main:
                mean += mean.dtype.type(weight) * self.members[name](embeddings, xyz)
        return mean, errors


def stacking_weights(
    predictions: Floats, values: Floats, prior: Floats, weights: Floats | None = None
) -> Floats:
    """Weights of the mean with the least squared error, none negative, 1 in all.

    The few subsets of models are gone through, each with its exact optimum (quadratic programming
    by its Karush-Kuhn-Tucker conditions).

    Args:
        predictions: (N, k) for samples, each without its fold; k is small.
        values: (N,) the truth.
        prior: (k,) weights to be drawn to, 1 in all, as if thirty samples said so.
        weights: (N,) of the samples, 1 in the mean; all 1 where None.

    Returns:
        (k,); 0 where a model would have less than two per cent.
    """
    errors = predictions - values[:, None]
    own = errors if weights is None else errors * weights[:, None]
    products = own.T @ errors / len(values)
    # In units of the errors themselves: beside squares of large numbers, the condition that
    # weights add up to 1 would be lost to rounding.
    products = products / max(float(np.trace(products)), 1e-300)
    # As much error as thirty samples of the best model have.
    pull = _PRIOR / len(values) * float(np.diag(products).min())
    curvature = products + pull * np.eye(len(prior))
    found = _on_the_simplex(curvature, pull * prior)
    found[found < _LEAST] = 0
    shares: Floats = found / found.sum()
    return shares


def pooling_weights(chances: Floats, prior: Floats, weights: Floats | None = None) -> Floats:
    """Weights of the mean of probabilities under which what came true is likeliest.

    None is negative, 1 in all. Found by expectation and maximisation, each step of which makes it
    likelier: the loss has one minimum (Dempster, Laird & Rubin 1977, section 4.3).

    Args:
        chances: (N, k) probability above 0 that each of k models gave the true class of samples,
            each without its fold.
        prior: (k,) as in `stacking_weights`.
        weights: (N,) of the samples, 1 in the mean; all 1 where None.

    Returns:
        (k,); 0 where a model would have less than two per cent.
    """
    own = np.ones((len(chances), 1)) if weights is None else weights[:, None]
    shares = prior
    for _ in range(_ROUNDS):
        parts = shares * chances
        parts = parts / parts.sum(axis=1, keepdims=True)
        last, shares = shares, (own * parts).sum(axis=0) + _PRIOR * prior
        shares = shares / shares.sum()
        if np.abs(shares - last).max() < _SETTLED:
            break
    shares = np.where(shares < _LEAST, 0, shares)
    found: Floats = shares / shares.sum()
    return found


def _on_the_simplex(curvature: Floats, slope: Floats) -> Floats:
    """The least ½ wᵀ C w - sᵀ w of all w >= 0 that add up to 1."""
    count = len(slope)
    ridge = 1e-12 * float(np.trace(curvature))
    best, least = np.full(count, 1 / count), np.inf
    for size in range(1, count + 1):
        for rows in map(list, combinations(range(count), size)):
            system = np.ones((size + 1, size + 1))
            system[:size, :size] = curvature[np.ix_(rows, rows)] + ridge * np.eye(size)
            system[size, size] = 0
            right = np.append(slope[rows], 1.0)
            solution = np.linalg.lstsq(system, right, rcond=None)[0][:size]
            if solution.min() < 0:
                continue
            tried = np.zeros(count)
            tried[rows] = solution / solution.sum()
            loss = float(tried @ curvature @ tried / 2 - slope @ tried)
            if loss < least:
                best, least = tried, loss
    return best
