"""Longitudes and latitudes on the sphere: checked, wrapped, as unit vectors, spread evenly."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..types import Floats

# Mean radius of the Earth, kilometres (IUGG R1).
EARTH_KM = 6371.0088


def check_lonlat(lonlat: ArrayLike) -> Floats:
    """Validate points and wrap their longitudes to [-180, 180).

    Args:
        lonlat: (N, 2) degrees, longitude first.

    Returns:
        (N, 2) float64.

    Raises:
        InputError: wrong shape, a value that is not finite, a latitude out of range.
    """
    try:
        points = np.array(lonlat, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"points must be numbers of shape (N, 2), lon first: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            f"points have shape {points.shape}: give (N, 2), one row of lon, lat for each place"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        lon, lat = points[bad[0]]
        raise InputError(
            f"{len(bad)} of {len(points)} points are not finite, the first in row {bad[0]}: "
            f"lon {lon}, lat {lat}; leave them out"
        )
    check_latitudes(points[:, 1])
    points[:, 0] = wrap_longitudes(points[:, 0])
    return points


def wrap_longitudes(lons: Floats) -> Floats:
    """The same meridians in [-180, 180); values already there are kept bit by bit."""
    inside = (lons >= -180) & (lons < 180)
    return np.where(inside, lons, np.remainder(lons + 180, 360) - 180)


def check_latitudes(lats: Floats) -> None:
    """Refuse latitudes (N,) beyond a pole.

    Raises:
        InputError: one is outside -90..90; the message names the first.
    """
    bad = np.flatnonzero(np.abs(lats) > 90)
    if len(bad):
        raise InputError(
            f"latitude {lats[bad[0]]:g} (row {bad[0]}) is outside -90..90; "
            "coordinates are lon, lat in degrees: are the two swapped?"
        )


def unit_vectors(lons: Any, lats: Any, xp: Any = np) -> Any:
    """Places as unit vectors: cos λ cos φ, sin λ cos φ, sin φ.

    Args:
        lons: degrees, of any shape.
        lats: degrees, of the same shape.
        xp: the array module, numpy or torch.

    Returns:
        (3, ...) x, y, z.
    """
    lon, lat = xp.deg2rad(lons), xp.deg2rad(lats)
    return xp.stack([xp.cos(lat) * xp.cos(lon), xp.cos(lat) * xp.sin(lon), xp.sin(lat)])


def great_circle_km(one: Floats, other: Floats) -> Floats:
    """Distances along great circles, of rows that belong together.

    By the chord, which is exact for near places too.

    Args:
        one: (..., 2) lon, lat in degrees.
        other: of a shape that goes with it.

    Returns:
        (...) kilometres; NaN where a coordinate is not finite.
    """
    ends = (unit_vectors(places[..., 0], places[..., 1]) for places in (one, other))
    chords = np.linalg.norm(np.subtract(*ends), axis=0)
    distances: Floats = 2 * EARTH_KM * np.arcsin(np.clip(chords / 2, 0, 1))
    return distances


def fibonacci_lattice(count: int) -> Floats:
    """Places spread evenly over the globe, (count, 2) lon, lat in degrees.

    A spiral in which each place lies a golden angle on from the last (González 2010).
    """
    index = np.arange(count) + 0.5
    lats = np.rad2deg(np.arcsin(1 - 2 * index / count))
    golden_angle = pi * (3 - sqrt(5))
    lons = np.rad2deg(index * golden_angle) % 360 - 180
    return np.stack([lons, lats], axis=1)
