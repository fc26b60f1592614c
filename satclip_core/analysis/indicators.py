"""Classes by least squares: each as a number, 1 where it is and 0 elsewhere, and a mean of these.

In the vectors of a kernel this is indicator kriging (Journel 1983, Mathematical Geology 15:
445-468) with all that the kernel sees. From few samples it often tells more classes right than
logistic regression does, but its probabilities need more help.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Floats
from .linear import Linear, Ridge

# Weight of the shares that classes have among all samples: no class is impossible.
_FLOOR = 0.02


@dataclass(frozen=True)
class Indicators:
    """Scores of classes whose softmax are probabilities, from the mean of their indicators.

    Attributes:
        linear: from vectors to the mean of each class's indicator.
        shares: (classes,) of all samples, 1 in all.
        heat: what scores are divided by.
    """

    linear: Linear
    shares: Floats
    heat: float = 1.0

    def __call__(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """(N, dim) -> (N, classes) in the same dtype.

        A mean below 0 counts as 0; the rest is scaled to 1 in all.
        """
        means = np.maximum(self.linear(vectors), 0)
        total = means.sum(axis=1, keepdims=True)
        means /= np.maximum(total, np.finfo(means.dtype).tiny)
        means *= means.dtype.type(1 - _FLOOR)
        means += (_FLOOR * self.shares).astype(means.dtype)
        scores: NDArray[Any] = np.log(means) / means.dtype.type(self.heat)
        return scores

    def tempered(self, heat: float) -> Indicators:
        """The same with other probabilities of the same classes."""
        return replace(self, heat=self.heat * heat)


class IndicatorRidge:
    """Ridge regression of the indicators of classes, for any penalty.

    Args:
        vectors: (N, dim), finite; not standardised.
        classes: (N,) integers 0..count-1.
        count: number of classes.
        weights: (N,) of the samples, as in `Ridge`.
    """

    def __init__(
        self, vectors: ArrayLike, classes: ArrayLike, count: int, weights: Floats | None = None
    ) -> None:
        wanted = (np.asarray(classes)[:, None] == np.arange(count)).astype(np.float64)
        self._ridge = Ridge(vectors, wanted, weights, standardise=False)
        shares = wanted.sum(axis=0) + 0.5
        self._shares = shares / shares.sum()

    def solve(self, penalty: float, tolerance: float = 0.0) -> Indicators:
        """The model for one penalty above 0; exact, whatever the tolerance."""
        return Indicators(self._ridge.solve(penalty), self._shares)
