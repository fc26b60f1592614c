"""How unlike numbers are at places so far apart: the empirical variogram (Matheron 1962)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..grid.sphere import EARTH_KM
from ..types import Floats

# Steps of distance, and the share of the largest distance that they reach to: beyond a third of
# it pairs all join opposite edges (as gstat has it, Pebesma 2004).
STEPS = 15
_REACH = 1 / 3
# Steps grow with the distance, since a variogram bends near its beginning.
_GROWTH = 1.5
# Pairs below which a mean says nothing.
_LEAST_PAIRS = 30
_ELEMENTS = 2**20


@dataclass(frozen=True)
class Variogram:
    """Half the mean squared difference of numbers, by distance.

    Attributes:
        km: (k,) mean great-circle distance of the pairs of each step that has enough.
        semivariance: (k,) of each.
        pairs: (k,) number of each.
        reach: the distance looked at, kilometres.
    """

    km: Floats
    semivariance: Floats
    pairs: Floats
    reach: float


def variogram(xyz: Floats, values: Floats) -> Variogram:
    """The empirical variogram of numbers at places.

    Time grows with the square of N: draw from more than some thousand.

    Args:
        xyz: (N, 3) unit vectors.
        values: (N,).
    """
    centre = xyz - xyz.mean(axis=0)
    # Twice the largest distance from the middle is at least that of any two.
    most = min(2 * float(np.sqrt((centre**2).sum(axis=1).max())), 2.0)
    reach = _REACH * 2 * EARTH_KM * float(np.arcsin(most / 2))
    edges = reach * (np.arange(STEPS + 1) / STEPS) ** _GROWTH
    sums, count = np.zeros((2, STEPS + 1)), np.zeros(STEPS + 1)
    step = max(1, _ELEMENTS // max(len(xyz), 1))
    for start in range(0, len(xyz), step):
        one, other = np.triu_indices(min(step, len(xyz) - start), 1, len(xyz) - start)
        apart = xyz[start + one] - xyz[start + other]
        chords = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        km = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1))
        # Pairs at one place belong to the first step; those beyond the reach to one of their own.
        which = np.minimum(np.searchsorted(edges[1:], km), STEPS)
        squares = (values[start + one] - values[start + other]) ** 2 / 2
        count += np.bincount(which, minlength=STEPS + 1)
        for row, weights in zip(sums, (km, squares)):
            row += np.bincount(which, weights, STEPS + 1)
    known = np.flatnonzero(count[:STEPS] >= _LEAST_PAIRS)
    means = sums[:, known] / count[known]
    return Variogram(means[0], means[1], count[known], reach)
