"""Whether one encoder is better than another, on the same splits.

Scores of several random splits are no independent samples: the splits share most of their data, and
an ordinary paired t-test finds differences that are not there. Nadeau and Bengio (2003, Machine
Learning 52: 239-281) widen the variance by the share of test to training samples: with differences
d of J runs t = mean(d) / sqrt((1/J + n_test/n_train) var(d)), J - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.errors import InputError, require

LEVEL = 0.05
"""Below it a difference is called one."""


@dataclass(frozen=True)
class Difference:
    """How far one encoder is ahead of another.

    Attributes:
        mean: of the scores' differences over the runs.
        t: the statistic; infinite where all runs differ by the same amount, 0 where by none.
        p: chance of a statistic at least as large, either way, where there is no difference.
    """

    mean: float
    t: float
    p: float


def corrected_t_test(ones: ArrayLike, others: ArrayLike, test_to_train: float) -> Difference:
    """The corrected resampled t-test, two-sided.

    Args:
        ones: (J,) scores of one encoder, J >= 2.
        others: (J,) scores of the other on the same splits.
        test_to_train: samples tested on for each one fitted to.

    Raises:
        InputError: fewer than two runs, or not as many of both.
    """
    one, other = np.asarray(ones, np.float64), np.asarray(others, np.float64)
    if one.shape != other.shape or one.ndim != 1 or len(one) < 2:
        raise InputError(
            f"{one.shape} and {other.shape} scores: give as many of both, two at least"
        )
    differences = one - other
    mean, count = float(differences.mean()), len(differences)
    spread = math.sqrt((1 / count + test_to_train) * float(differences.var(ddof=1)))
    if spread < 1e-12:
        return Difference(mean, 0.0, 1.0) if abs(mean) < 1e-12 else Difference(
            mean, math.copysign(math.inf, mean), 0.0
        )  # fmt: skip
    stats = require("scipy.stats", extra="train", purpose="significance")
    t = mean / spread
    return Difference(mean, t, float(2 * stats.t.sf(abs(t), count - 1)))


def holm(chances: Sequence[float]) -> list[float]:
    """Chances of several tests at once, so that any false one is as rare as `LEVEL` (Holm 1979)."""
    order = np.argsort(chances)
    adjusted, least = np.empty(len(chances)), 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, (len(chances) - place) * chances[index]))
        adjusted[index] = least
    return [float(value) for value in adjusted]
