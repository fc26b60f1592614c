"""Image prediction and prior together, and what that is worth: top-k accuracy, AUC."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import require
from satclip_core.types import Bools, Floats, Integers

TOP = (1, 3, 5)
RULES = ("product", "sum")

# Species whose ranks are taken at once: a block of (images, species) float64.
RANK_BLOCK = 64


def combined(image: Floats, prior: NDArray[Any], located: Bools, rule: str = "product") -> Floats:
    """Scores of species given image and place, to be ranked: logarithms up to a constant a row.

    `product` is P(y | image, place) ∝ P(y | image) · P(y | place) with the sigmoid of the prior's
    logit (Mac Aodha et al. 2019, eq. 2); `sum` adds the prior's logit itself, as the published
    code of Rußwurm et al. 2024 does, which makes the factor the odds P / (1 - P). An image
    without a place keeps its prediction.

    Args:
        image: (N, C) log P(y | image).
        prior: (N, C) logits of the prior; rows without a place may hold anything.
        located: (N,) whether the image has a place.
        rule: one of `RULES`.
    """
    logits = np.where(located[:, None], prior, 0.0).astype(np.float64)
    factor = -np.logaddexp(0.0, -logits) if rule == "product" else logits
    return np.where(located[:, None], image + factor, image)


def ranks(scores: NDArray[Any], labels: Integers) -> Integers:
    """Rank of the true species of each row, 1 the best: (N, C), (N,) -> (N,).

    Ties count against it, so that a score that says nothing earns nothing.
    """
    own = np.take_along_axis(scores, labels[:, None], 1)
    found: Integers = (scores >= own).sum(1)
    return found


def accuracies(found: Integers) -> dict[int, float]:
    """Top-k accuracy in percent, by k, from the ranks of the true species."""
    return {k: float(100 * (found <= k).mean()) for k in TOP}


def mean_auc(scores: NDArray[Any], labels: Integers) -> float:
    """Area under the ROC curve of each species, averaged over those seen and not seen somewhere.

    For one species: how often a place where it was seen scores higher than a place where another
    was (Mann-Whitney; ties count half).

    Args:
        scores: (N, C), of places.
        labels: (N,) the species seen there.

    Returns:
        0.5 is chance; NaN where all places are of one species.
    """
    rankdata = require("scipy.stats", extra="train", purpose="the AUC").rankdata
    areas: list[float] = []
    count = len(labels)
    seen = np.bincount(labels, minlength=scores.shape[1])
    wanted = np.flatnonzero((seen > 0) & (seen < count))
    for start in range(0, len(wanted), RANK_BLOCK):
        species = wanted[start : start + RANK_BLOCK]
        place_ranks = rankdata(scores[:, species], axis=0)
        own = labels[:, None] == species
        positives = seen[species].astype(np.float64)
        above = (place_ranks * own).sum(0) - positives * (positives + 1) / 2
        areas.extend(above / (positives * (count - positives)))
    return float(np.mean(areas)) if areas else float("nan")
