"""Real spherical harmonics by a stable recurrence, and their separable form on lon/lat grids.

A feature is a product of a latitude factor and a longitude factor. The same two functions
give the features of scattered points (`spherical_harmonics`) and the folded first layer of a
grid (`encoder`), so the two cannot disagree.

Everything is written over an array module ``xp`` (numpy or torch) and keeps its dtype;
hand in float64. Features are ordered l = 0..L-1, m = -l..l, index l² + l + m.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

BASES = ("analytic", "closed-form")

# The published generator wrote sqrt((2l+1)/4*pi) for m = 0, which is pi times the
# orthonormal factor sqrt((2l+1)/(4*pi)); released weights were trained with it.
_ANALYTIC_ZONAL_FACTOR = pi


def latitude_factors(lats: Any, degree: int, basis: str = "analytic", xp: Any = np) -> list[Any]:
    """Latitude factors of all harmonics below `degree`.

    The fully normalised associated Legendre functions of cos(theta), theta = lat + 90 degrees,
    without the Condon-Shortley sign, by the standard forward recurrence in l (Holmes and
    Featherstone 2002, eq. 11-13), with each basis' own constant: sqrt(2) for m > 0;
    m = 0 carries pi in `analytic`; (-1)^m multiplies `closed-form`.

    Args:
        lats: (N,) degrees.
        degree: L, the number of degrees; l runs over 0..L-1.
        basis: one of `BASES`.
        xp: array module of `lats`.

    Returns:
        L lists, one for each order m, holding L - m arrays (N,), for l = m..L-1.
    """
    if basis not in BASES:
        raise ValueError(f"unknown basis {basis!r}: use one of {', '.join(BASES)}")
    radians = xp.deg2rad(lats)
    cos_theta = -xp.sin(radians)
    # cos(90 degrees) is 6e-17 in floating point; at a pole every longitude is one place.
    sin_theta = xp.where(xp.abs(lats) >= 90, xp.zeros_like(lats), xp.cos(radians))
    sectoral = xp.ones_like(lats) * sqrt(1 / (4 * pi))
    factors = []
    for m in range(degree):
        if m > 0:
            sectoral = sectoral * sin_theta * sqrt((2 * m + 1) / (2 * m))
        constant = _order_constant(m, basis)
        column = _legendre_column(sectoral, cos_theta, m, degree)
        factors.append([value * constant for value in column])
    return factors


def _order_constant(m: int, basis: str) -> float:
    if m == 0:
        return _ANALYTIC_ZONAL_FACTOR if basis == "analytic" else 1.0
    return sqrt(2.0) * ((-1.0) ** m if basis == "closed-form" else 1.0)


def _legendre_column(sectoral: Any, cos_theta: Any, m: int, degree: int) -> list[Any]:
    """P(l, m) for l = m..degree-1, from P(m, m)."""
    column = [sectoral]
    previous_a = 1.0
    for l in range(m + 1, degree):
        a = sqrt((4 * l * l - 1) / (l * l - m * m))
        value = cos_theta * column[-1]
        if l > m + 1:
            value = value - column[-2] / previous_a
        column.append(value * a)
        previous_a = a
    return column


def longitude_factors(lons: Any, degree: int, xp: Any = np) -> list[Any]:
    """Longitude factors cos(m phi) for m = 0..L-1, then sin(m phi) for m = 1..L-1.

    phi = lon + 180 degrees, reduced to one turn, so that lon 180 and -180 agree exactly.

    Args:
        lons: (N,) degrees.
        degree: L.
        xp: array module of `lons`.

    Returns:
        2L - 1 arrays (N,).
    """
    phi = xp.deg2rad(xp.remainder(lons + 180, 360))
    cosines = [xp.cos(m * phi) if m else xp.ones_like(phi) for m in range(degree)]
    return cosines + [xp.sin(m * phi) for m in range(1, degree)]


def feature_index(l: int, m: int) -> int:
    """Position of the harmonic of degree l and order m among the features."""
    return l * l + l + m


def spherical_harmonics(lonlat: Any, degree: int, basis: str = "analytic", xp: Any = np) -> Any:
    """Spherical-harmonics features of points (SatCLIP, Klemmer et al. 2025; Rußwurm et al. 2024).

    Args:
        lonlat: (N, 2) degrees, longitude first.
        degree: L; harmonics of degree l = 0..L-1.
        basis: `analytic` (published: every m = 0 feature times pi) or `closed-form`
            (orthonormal times (-1)^m).
        xp: numpy or torch, whichever `lonlat` belongs to.

    Returns:
        (N, L²) features in the dtype of `lonlat`.
    """
    lat = latitude_factors(lonlat[:, 1], degree, basis, xp)
    lon = longitude_factors(lonlat[:, 0], degree, xp)
    rows: list[Any] = [None] * (degree * degree)
    for m in range(degree):
        for l in range(m, degree):
            rows[feature_index(l, m)] = lat[m][l - m] * lon[m]
            if m > 0:
                rows[feature_index(l, -m)] = lat[m][l - m] * lon[degree - 1 + m]
    return xp.stack(rows).T
