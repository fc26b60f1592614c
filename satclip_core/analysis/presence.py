"""Few examples against a background: presences, absences, and what there is in general.

The question is that of species distribution models: a few places where something is, perhaps a few
where it is not, and many drawn at random about which nothing is said. A penalised logistic
regression tells them apart (presence-background, Phillips & Elith 2013, "On estimating probability
of presence from use-availability or presence-background data"), each side weighing half. Its score
becomes a chance by what examples that were left out score: with k of them the regression itself is
far too sure of those it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..errors import InputError
from ..types import Bools, Floats

# The penalty for one example, for k of them k times smaller: with it the ranks of held-out places
# were best, for classes of land cover and climate and 1 to 30 examples (scripts/examples.py).
_PENALTY, _LEAST_PENALTY = 30.0, 1.0
# Weight of all absences together, of ½ for everything that is no presence, and the share of the
# penalty that is left. The first suits the ranks of places in general; where an absence is still
# likelier than not, the second does more for what somebody says is not meant, at a small cost.
_STRENGTHS = ((0.1, 1.0), (0.2, 0.5))
# Standard deviations of the background by which a place that is like k examples, but none of them,
# scores higher than the background, in the mean of those classes; it counts as so many examples.
_TYPICAL, _TYPICAL_WEIGHT = 1.3, 3.0
# It is never less than this: the order of places is that of the score whatever was left out.
_LEAST = 0.3
# Every so manieth place of the background is learnt from, the others say how it scores.
_LEARNT = 8
# Principal axes of the background that are looked at: of 256 dimensions they hold 95 % of the
# variance of the bundled model's, and Newton's steps take milliseconds.
_AXES = 128
# Groups of examples left out in turn.
_FOLDS = 5
_NEWTON_STEPS = 20
_TOLERANCE, _ROUGH = 1e-6, 1e-3
# Armijo's condition, and how often a step is halved.
_DECREASE, _HALVINGS = 1e-4, 30


@dataclass(frozen=True)
class Chance:
    """Chance that a place is one like the examples: 1 / (1 + exp(-(e · weights + offset))).

    It is that of a place drawn from those like the examples as often as from the background: 0.5
    means that neither is likelier.

    Attributes:
        weights: (dim,).
        offset: of the score.
    """

    weights: Floats
    offset: float

    def score(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """(..., dim) of norm 1 -> (...,), the logarithm of the odds, in their dtype."""
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        scores = product(flat, self.weights[:, None].astype(flat.dtype))[:, 0]
        scores += flat.dtype.type(self.offset)
        return scores.reshape(embeddings.shape[:-1])

    def __call__(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """(..., dim) of norm 1 -> (...,) within [0, 1], in their dtype; NaN stays NaN."""
        return logistic(self.score(embeddings))


class Background:
    """What there is in general, ready to tell examples from.

    Args:
        embeddings: (N, dim) of norm 1, of places drawn at random; N at least 8.
    """

    def __init__(self, embeddings: ArrayLike) -> None:
        known = np.asarray(embeddings, np.float64)
        self._mean = known.mean(axis=0)
        # One scale for all dimensions: with each on its own, noise would say as much as what the
        # model learnt, and ranks are worse.
        self._scale = float(np.sqrt(((known - self._mean) ** 2).mean())) or 1.0
        scaled = (known - self._mean) / self._scale
        _, axes = np.linalg.eigh(product(scaled.T, scaled) / len(scaled))
        self._axes: Floats = np.ascontiguousarray(axes[:, ::-1][:, :_AXES])
        scaled = product(scaled, self._axes)
        learnt = np.arange(len(scaled)) % _LEARNT == 0
        self._learnt, self._rest = np.ascontiguousarray(scaled[learnt]), scaled[~learnt]

    def chance(self, presences: ArrayLike, absences: ArrayLike | None = None) -> Chance:
        """What tells presences from absences and the background; the same for the same places.

        Args:
            presences: (k, dim) of norm 1, k at least 1.
            absences: (m, dim) of norm 1.

        Raises:
            InputError: no presence.
        """
        wanted = self._scaled(np.asarray(presences, np.float64))
        if len(wanted) == 0:
            raise InputError("examples of what is wanted are missing: give one at least")
        others = np.empty((0, len(self._mean))) if absences is None else absences
        others = self._scaled(np.asarray(others, np.float64))
        found, strength = self._strong_enough(wanted, others)
        left_out = self._left_out(wanted, others, found, strength)
        # Two normal distributions of deviation 1 whose means lie a distance apart have the log odds
        # distance · (z - distance / 2) at z, where each is as likely.
        total = float(left_out.sum()) + _TYPICAL_WEIGHT * _TYPICAL
        distance = max(total / (len(left_out) + _TYPICAL_WEIGHT), _LEAST)
        mean, deviation = self._spread(found)
        weights = self._axes @ found * (distance / deviation / self._scale)
        offset = -distance * (mean / deviation + distance / 2) - float(weights @ self._mean)
        return Chance(weights, offset)

    def _scaled(self, embeddings: Floats) -> Floats:
        """On the axes, (…, axes)."""
        scaled: Floats = ((embeddings - self._mean) / self._scale) @ self._axes
        return scaled

    def _spread(self, weights: Floats) -> tuple[float, float]:
        """Mean and deviation of the scores of the background that was not learnt from."""
        scores = self._rest @ weights
        return float(scores.mean()), float(scores.std()) or 1.0

    def _strong_enough(self, wanted: Floats, others: Floats) -> tuple[Floats, tuple[float, float]]:
        """Weights, with the first of the strengths that no absence is likelier than not by."""
        found = np.zeros(wanted.shape[1])
        for strength in _STRENGTHS:
            found = self._fit(wanted, others, found, _TOLERANCE, strength)
            mean, deviation = self._spread(found)
            if not ((others @ found - mean) / deviation > _TYPICAL / 2).any():
                break
        return found, strength

    def _left_out(
        self, wanted: Floats, others: Floats, near: Floats, strength: tuple[float, float]
    ) -> Floats:
        """Scores of examples that were left out, in deviations of the background; () of one."""
        if len(wanted) == 1:
            return np.empty(0)
        folds = np.arange(len(wanted)) % _FOLDS
        found = np.empty(len(wanted))
        for fold in np.unique(folds):
            out: Bools = folds == fold
            weights = self._fit(wanted[~out], others, near, _ROUGH, strength)
            mean, deviation = self._spread(weights)
            found[out] = (wanted[out] @ weights - mean) / deviation
        return found

    def _fit(
        self,
        wanted: Floats,
        others: Floats,
        start: Floats,
        tolerance: float,
        strength: tuple[float, float],
    ) -> Floats:
        """Weights (dim,) of the penalised logistic regression; its offset is of no use."""
        counts = (len(wanted), len(others), len(self._learnt))
        absent, share_of_penalty = strength
        absent = absent if len(others) else 0.0
        shares = (0.5, absent, 0.5 - absent)
        places = np.concatenate([wanted, others, self._learnt])
        loss = _Loss(
            places,
            np.arange(len(places)) < len(wanted),
            np.repeat([share / max(n, 1) for share, n in zip(shares, counts)], counts),
            share_of_penalty * max(_PENALTY / len(wanted), _LEAST_PENALTY),
        )
        weights: Floats = loss.least(np.append(start, 0.0), tolerance)[:-1]
        return weights


@dataclass(frozen=True)
class _Loss:
    """Weighed cross-entropy + penalty / 2 · |weights|², of (dim + 1,) weights and an offset.

    Attributes:
        places: (N, dim).
        wanted: (N,) which are presences.
        weighed: (N,) their weights.
        penalty: of the squares of the weights; the offset has none.
    """

    places: Floats
    wanted: Bools
    weighed: Floats
    penalty: float

    def least(self, found: Floats, tolerance: float) -> Floats:
        """Where it is least, from a start, by Newton's method."""
        count = self.places.shape[1]
        penalties = np.append(np.full(count, self.penalty), 0.0)
        # An offset that nothing penalises is lost where all chances are 0 or 1.
        curvatures = np.append(penalties[:-1], 1e-9)
        for _ in range(_NEWTON_STEPS):
            chances = logistic(self._scores(found))
            gradient = self._gathered(self.weighed * (chances - self.wanted)) + penalties * found
            if np.linalg.norm(gradient) <= tolerance:
                break
            curved = self.weighed * chances * (1 - chances)
            hessian = np.empty((count + 1, count + 1))
            hessian[:-1, :-1] = product(self.places.T * curved, self.places)
            hessian[-1, :-1] = hessian[:-1, -1] = curved @ self.places
            hessian[-1, -1] = curved.sum()
            hessian += np.diag(curvatures)
            step = np.asarray(np.linalg.solve(hessian, -gradient), np.float64)
            length = self._length(found, step, float(gradient @ step))
            if length == 0:
                break
            found = found + length * step
        return found

    def _length(self, found: Floats, step: Floats, slope: float) -> float:
        """1, or the first of its halves that lowers the loss enough; 0 if none does."""
        scores, moved = self._scores(found), self._scores(step)

        def loss(length: float) -> float:
            now, weights = scores + length * moved, (found + length * step)[:-1]
            entropy = float(self.weighed @ (np.logaddexp(0, now) - self.wanted * now))
            return entropy + self.penalty / 2 * float(weights @ weights)

        start = loss(0.0)
        for halvings in range(_HALVINGS):
            if loss(0.5**halvings) <= start + _DECREASE * 0.5**halvings * slope:
                return 0.5**halvings
        return 0.0

    def _scores(self, weights: Floats) -> Floats:
        scores: Floats = self.places @ weights[:-1] + weights[-1]
        return scores

    def _gathered(self, values: Floats) -> Floats:
        """(N,) -> (dim + 1,): the sums of values times places, and of values."""
        return np.append(values @ self.places, values.sum())


def logistic(scores: NDArray[Any]) -> NDArray[Any]:
    """1 / (1 + exp(-scores)), in their dtype, without overflow; NaN stays NaN."""
    chances: NDArray[Any] = 0.5 * (1 + np.tanh(0.5 * scores))
    return chances
