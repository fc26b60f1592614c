"""How continuous an embedding is: its change per kilometre, near to and far from where it learnt.

SatCLE (WWW 2025) claims continuity; this measures it, for any encoder. Embeddings are compared as
unit vectors, as similarities compare them, so that models of different lengths stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM, check_lonlat, unit_vectors, wrap_longitudes
from satclip_core.types import Floats

from .linear_probe import Embed

STEPS_KM = (1.0, 5.0, 25.0, 100.0)
NEAR_KM, FAR_KM = 5.0, 50.0
CANDIDATES = 64
"""Rounds of places drawn to find enough far ones before that is given up."""
ROWS = 256


@dataclass(frozen=True)
class Probed:
    """Places at which change is measured, the same for every model.

    Attributes:
        near: (N, 2) degrees, within `near_km` of a training place.
        far: (M, 2), at least `far_km` from all of them, and at most three times as far.
    """

    near: Floats
    far: Floats


def destinations(lonlat: Floats, km: Floats, bearing: Floats) -> Floats:
    """Where great circles lead: (N, 2) degrees, N kilometres, N radians from north -> (N, 2)."""
    lon, lat = np.radians(lonlat).T
    angle = np.asarray(km) / EARTH_KM
    here = unit_vectors(lonlat[:, 0], lonlat[:, 1])
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)])
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    ahead = np.cos(bearing) * north + np.sin(bearing) * east
    x, y, z = np.cos(angle) * here + np.sin(angle) * ahead
    lons = wrap_longitudes(np.degrees(np.arctan2(y, x)))
    return np.column_stack([lons, np.degrees(np.arctan2(z, np.hypot(x, y)))])


def nearest_km(lonlat: Floats, others: Floats) -> Floats:
    """Great-circle distance (N,) from places (N, 2) to the nearest of others (M, 2)."""
    theirs = unit_vectors(others[:, 0], others[:, 1])
    ours = unit_vectors(lonlat[:, 0], lonlat[:, 1]).T
    nearest = np.concatenate(
        [(ours[i : i + ROWS] @ theirs).argmax(1) for i in range(0, len(ours), ROWS)]
    )
    chords = np.linalg.norm(ours - theirs.T[nearest], axis=1)
    distances: Floats = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1))
    return distances


def probed_places(
    training: Floats,
    count: int = 2000,
    *,
    near_km: float = NEAR_KM,
    far_km: float = FAR_KM,
    seed: int = 0,
) -> Probed:
    """Draw places near to and far from training places.

    Args:
        training: (N, 2) degrees.
        count: how many of each; fewer far ones where hardly any are found.
        near_km: bound of the near ones.
        far_km: bound of the far ones.
        seed: of the draw.

    Raises:
        InputError: no far place was found: the training places are too dense.
    """
    training = check_lonlat(training)
    if len(training) == 0:
        raise InputError("no training places to be near to or far from")
    rng = np.random.default_rng(seed)

    def around(low: float, high: float) -> Floats:
        start = training[rng.integers(0, len(training), count)]
        km = np.sqrt(rng.uniform(low**2, high**2, count))  # evenly over the ring's area
        return destinations(start, km, rng.uniform(0, 2 * np.pi, count))

    near, far = around(0, near_km), np.empty((0, 2))
    for _ in range(CANDIDATES):
        drawn = around(far_km, 3 * far_km)
        far = np.concatenate([far, drawn[nearest_km(drawn, training) >= far_km]])[:count]
        if len(far) == count:
            break
    if len(far) == 0:
        raise InputError(
            f"no place lies {far_km:g} km or more from all {len(training):,} training places and "
            f"within {3 * far_km:g} km of one; take a smaller distance"
        )
    return Probed(near, far)


def change_per_km(embed: Embed, lonlat: Floats, km: float, seed: int = 0) -> float:
    """Mean |u(x) - u(x')| / km over places x, x' at that distance in a random direction.

    Args:
        embed: (N, 2) degrees to (N, dim).
        lonlat: (N, 2) degrees.
        km: distance of x' from x.
        seed: of the directions, the same for every model.
    """
    rng = np.random.default_rng([seed, 1])
    there = destinations(lonlat, np.full(len(lonlat), km), rng.uniform(0, 2 * np.pi, len(lonlat)))
    step = np.linalg.norm(_units(embed, lonlat) - _units(embed, there), axis=1)
    return float(step.mean() / km)


def _units(embed: Embed, lonlat: Floats) -> Floats:
    values = np.asarray(embed(lonlat), np.float64)
    units: Floats = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return units


def continuity_rows(
    name: str, embed: Embed, places: Probed, steps: Sequence[float] = STEPS_KM
) -> list[tuple[str, str, float, float]]:
    """Rows (model, near or far, km, change per km) of one model."""
    return [
        (name, where, km, change_per_km(embed, lonlat, km))
        for where, lonlat in (("near", places.near), ("far", places.far))
        for km in steps
    ]
