"""Where a model may be believed: the dissimilarity index and the area of applicability.

How unlike all samples a place is, in the space of the predictors, each weighed by what the model
makes of it. Beyond the unlikeness that cross-validation has met, its error says nothing (Meyer &
Pebesma 2021, Methods in Ecology and Evolution 12: 1620-1633).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..types import Floats, Integers

# Samples that places are held against; more are drawn from, which makes places look more unlike.
MOST_REFERENCES = 2000
# Samples of which the mean distance is taken.
_PAIRED = 2000
_ELEMENTS = 2**18
# Whiskers of a box plot (Tukey 1977), in quartile distances.
_WHISKER = 1.5


@dataclass(frozen=True)
class Applicability:
    """Samples in the space of weighed predictors.

    Attributes:
        references: (m, d) float32, of the samples.
        unit: mean distance between two samples.
        threshold: the largest dissimilarity index at which the model's error holds.
    """

    references: NDArray[Any]
    unit: float
    threshold: float

    def __call__(self, predictors: NDArray[Any]) -> NDArray[Any]:
        """The dissimilarity index of places.

        Args:
            predictors: (N, d) weighed, without NaN.

        Returns:
            (N,) distance to the nearest sample / mean distance of two samples, float32.
        """
        found = _nearest(predictors.astype(np.float32), self.references)
        return np.asarray(found / np.float32(self.unit), np.float32)


def fit_applicability(predictors: Floats, folds: Integers, seed: int = 0) -> Applicability:
    """The area of applicability of a model that was tested on folds.

    The threshold is the largest index of a held-out sample that is no outlier: none beyond the
    upper quartile by more than 1.5 quartile distances.

    Args:
        predictors: (N, d) of the samples, standardised and weighed.
        folds: (N,) number of the fold of each, two at least.
        seed: of the draw where there are many samples.
    """
    rows = np.arange(len(predictors))
    rng = np.random.default_rng(seed)
    if len(rows) > MOST_REFERENCES:
        rows = np.sort(rng.choice(len(rows), MOST_REFERENCES, replace=False))
    references, own = predictors[rows].astype(np.float32), folds[rows]
    unit = _mean_distance(predictors[rows])
    index = np.full(len(rows), np.nan)
    for fold in np.unique(own):
        inside = own == fold
        if not inside.all():
            index[inside] = _nearest(references[inside], references[~inside]) / unit
    index = index[np.isfinite(index)]
    low, high = np.percentile(index, (25, 75))
    threshold = float(index[index <= high + _WHISKER * (high - low)].max())
    return Applicability(references, unit, threshold)


def _mean_distance(points: Floats) -> float:
    """Mean distance of two different ones of points (N, d)."""
    centred = points - points.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    total = 0.0
    step = max(1, _ELEMENTS // len(points))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        apart = squares[rows, None] + squares - 2 * product(centred[rows], centred.T)
        part = np.sqrt(np.maximum(apart, 0))
        # To itself a point has no distance, whatever rounding says.
        part[np.arange(len(part)), np.arange(start, start + len(part))] = 0
        total += part.sum()
    mean = float(total) / (len(points) * (len(points) - 1))
    return mean if mean > 0 else 1.0


def _nearest(places: NDArray[Any], references: NDArray[Any]) -> NDArray[Any]:
    """Distance (N,) of places (N, d) to the nearest of references (m, d)."""
    middle = references.mean(axis=0)
    references = references - middle
    halves = np.einsum("ij,ij->i", references, references) / np.float32(2)
    least = np.empty(len(places), np.float32)
    step = max(1, _ELEMENTS // len(references))
    for start in range(0, len(places), step):
        part = places[start : start + step] - middle
        closeness = product(part, references.T)
        closeness -= halves
        # The distance itself by differences, since the short form cancels for a twin.
        apart = part - references[closeness.argmax(axis=1)]
        least[start : start + step] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return least
