"""What can be said of an embedding without any labels: dimension, rank, smoothness.

Intrinsic dimension by TwoNN (Facco et al. 2017, Scientific Reports 7: 12140), over all land and
around places; effective rank (Roy & Vetterli 2007, EUSIPCO); and how much two places differ by the
kilometres between them, whose increments say at which scales the embedding varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_core.compute.blas import product
from satclip_core.grid.land import land_places
from satclip_core.grid.sphere import EARTH_KM, unit_vectors
from satclip_core.types import Floats

PLACES = 4000
"""On land, at random; the first of them are the sample of the rank and the spectrum."""
KILOMETRES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
AROUND = 150
"""Places nearest to one, of which its own dimension is that of the embeddings."""
_BASES, _CENTRES, _RANKED, _ROWS = 400, 400, 4000, 1024
# Of the ratios of distances, the largest part, which follow the law least (Facco et al.).
_DISCARDED = 0.1


@dataclass(frozen=True)
class Intrinsic:
    """What is known of an embedding without labels.

    Attributes:
        dimension: TwoNN over all land; NaN where most places share their embedding with others.
        effective_rank: of the centred embeddings.
        dim: numbers of the embedding.
        semivariance: at each of `KILOMETRES` half the mean squared difference, as a share of the
            variance over land; 1 where places have nothing more in common.
        half_km: where it reaches one half, by interpolation over the logarithm; NaN where beyond.
        lonlat: (n, 2) places that have a dimension of their own.
        local: (n,) it.
    """

    dimension: float
    effective_rank: float
    dim: int
    semivariance: tuple[float, ...]
    half_km: float
    lonlat: Floats
    local: Floats

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "dimension": _or_none(self.dimension),
            "effective_rank": self.effective_rank,
            "dim": self.dim,
            "kilometres": list(KILOMETRES),
            "semivariance": list(self.semivariance),
            "half_km": _or_none(self.half_km),
            "lonlat": np.round(self.lonlat, 2).tolist(),
            "local": [_or_none(round(float(value), 2)) for value in self.local],
        }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def look_into(embed: Callable[[Floats], ArrayLike], seed: int = 0) -> Intrinsic:
    """Measure an embedding, a function of (N, 2) degrees."""
    places = land_places(PLACES, seed)
    values = np.asarray(embed(places), np.float64)
    some = values[:_RANKED]
    steps = _shifted(places[:_BASES], np.random.default_rng(seed))
    moved = np.asarray(embed(steps.reshape(-1, 2)), np.float64).reshape(len(KILOMETRES), _BASES, -1)
    variance = max(float(some.var(0).sum()), 1e-30)
    halves = ((moved - values[:_BASES]) ** 2).sum(2).mean(1) / 2 / variance
    centres = places[np.linspace(0, len(places) - 1, _CENTRES).astype(int)]
    return Intrinsic(
        two_nn(values),
        effective_rank(some),
        values.shape[1],
        tuple(float(value) for value in halves),
        _half(halves),
        centres,
        local_dimensions(places, values, centres),
    )


def two_nn(values: Floats) -> float:
    """Intrinsic dimension from the ratio of distances to the second and the first neighbour.

    -log(1 - F(µ)) = d log µ, F the empirical distribution of µ = r₂ / r₁; d is the slope through
    the origin (Facco et al. 2017, eq. 6), the largest tenth of µ left out.

    Args:
        values: (N, dim); of equal rows one is taken.

    Returns:
        d; NaN for fewer than ten different rows, or where the half of all are repetitions.
    """
    different = np.unique(np.asarray(values, np.float64), axis=0)
    if len(different) < max(10, len(values) / 2):
        return float("nan")
    ratios = np.sort(_ratios(different))
    share = np.arange(1, len(ratios) + 1) / len(ratios)
    kept = slice(0, int((1 - _DISCARDED) * len(ratios)))
    x, y = np.log(ratios[kept]), -np.log(1 - share[kept])
    return float((x * y).sum() / max((x * x).sum(), 1e-30))


def _ratios(values: Floats) -> Floats:
    """r₂ / r₁ of each of (N, dim) different rows; pairs as near as rounding are left out."""
    values = values - values.mean(0)
    squares = np.einsum("ij,ij->i", values, values)
    found = []
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS]
        away = squares + squares[start : start + _ROWS, None] - 2 * product(part, values.T.copy())
        away[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        near = np.partition(away, 1, axis=1)[:, :2]
        found.append(np.maximum(near, 0))
    both = np.concatenate(found)
    good = both[:, 0] > 1e-12 * squares.mean()
    return np.asarray(np.sqrt(both[good, 1] / both[good, 0]))


def effective_rank(values: Floats) -> float:
    """exp of the entropy of the singular values, each as a share of their sum."""
    centred = values - values.mean(0)
    variances = np.maximum(np.linalg.eigvalsh(product(centred.T.copy(), centred)), 0)
    share = np.sqrt(variances) / max(np.sqrt(variances).sum(), 1e-30)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def local_dimensions(places: Floats, values: Floats, centres: Floats) -> Floats:
    """TwoNN of the embeddings of the places around each of (n, 2) centres: (n,)."""
    xyz = unit_vectors(*places.T).T
    made = np.empty(len(centres))
    for index, centre in enumerate(unit_vectors(*centres.T).T):
        near: NDArray[Any] = np.argpartition(-(xyz @ centre), AROUND)[:AROUND]
        made[index] = two_nn(values[near])
    return made


def _shifted(places: Floats, rng: np.random.Generator) -> Floats:
    """(kilometres, N, 2): places so far from each, in a direction drawn at random."""
    xyz = unit_vectors(*places.T).T
    drawn = rng.normal(size=xyz.shape)
    across = drawn - (drawn * xyz).sum(1, keepdims=True) * xyz
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    made = []
    for kilometres in KILOMETRES:
        angle = kilometres / EARTH_KM
        there = np.cos(angle) * xyz + np.sin(angle) * across
        lon = np.degrees(np.arctan2(there[:, 1], there[:, 0]))
        made.append(np.column_stack([lon, np.degrees(np.arcsin(np.clip(there[:, 2], -1, 1)))]))
    return np.stack(made)


def _half(halves: NDArray[Any]) -> float:
    """The distance at which the semivariance reaches one half."""
    above = np.flatnonzero(halves >= 0.5)
    if len(above) == 0:
        return float("nan")
    first = int(above[0])
    if first == 0:
        return KILOMETRES[0]
    low, high = halves[first - 1], halves[first]
    share = (0.5 - low) / max(high - low, 1e-12)
    logs = np.log(KILOMETRES[first - 1 : first + 1])
    return float(np.exp(logs[0] + share * (logs[1] - logs[0])))
