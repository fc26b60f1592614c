"""Where a map of classes may be believed: dissimilarity of places, as for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Ridge
from ..analysis.applicability import Applicability, fit_applicability
from ..analysis.folds import nearest_km
from ..grid.sphere import unit_vectors
from ..types import Floats, Integers
from .covariates import sizes_of
from .regression import predictors as weighed
from .samples import Samples

# Penalty of the linear model that says what a predictor is worth for telling classes apart.
_PENALTY = 1e-2


@dataclass(frozen=True)
class ClassArea:
    """The area of applicability of a model of classes.

    Attributes:
        applicability: dissimilarity of places.
        standard: (3, dim) mean, deviation and weight of the predictors.
        samples: (N, 3) unit vectors.
    """

    applicability: Applicability
    standard: Floats
    samples: Floats

    def outside(self, predictors: NDArray[Any], xyz: Floats) -> float:
        """The share of places outside, of (N, dim) predictors without NaN."""
        return float((self.unlike(predictors) > self.applicability.threshold).mean())

    def unlike(self, predictors: NDArray[Any]) -> NDArray[Any]:
        """The dissimilarity index (N,) of (N, dim) predictors without NaN."""
        return self.applicability(weighed(predictors, np.empty((0, 3)), self.standard))

    def known_of(self, predictors: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Dissimilarity index, 1 inside and 0 outside, and kilometres to the nearest sample.

        Args:
            predictors: (N, dim) without NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (3, N) float32.
        """
        unlike = self.unlike(predictors)
        inside = unlike <= self.applicability.threshold
        return np.stack([unlike, inside, nearest_km(xyz, self.samples)]).astype(np.float32)


def class_area(
    samples: Samples, predictors: Floats, folds: Integers, covariates: int, seed: int
) -> ClassArea:
    """The area of a model of classes that was tested on folds.

    Predictors are weighed by the size of their weights in ridge regression to indicators of the
    classes.

    Args:
        samples: with classes.
        predictors: (N, dim) of the samples, covariates last.
        folds: (N,) number of the fold of each sample.
        covariates: number of covariates.
        seed: of the draw where there are many samples.
    """
    indicators = (samples.values[:, None] == np.unique(samples.values)).astype(np.float64)
    sizes = sizes_of(predictors.shape[1], covariates)
    ridge = Ridge(predictors, indicators, samples.weights, sizes)
    weights = np.sqrt((ridge.solve(_PENALTY).weights ** 2).sum(axis=1))
    size = np.sqrt((weights**2).mean())
    weights = weights / size if size > 0 else np.ones_like(weights)
    standard = np.stack([ridge.mean, ridge.deviation, weights])
    xyz = unit_vectors(*samples.lonlat.T).T
    area = fit_applicability(weighed(predictors, xyz, standard), folds, seed)
    return ClassArea(area, standard, xyz)
