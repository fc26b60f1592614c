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
    Featherstone 2002, eq. 11-13), all orders at once, with each basis' own constant: sqrt(2) for
    m > 0; m = 0 carries pi in `analytic`; (-1)^m multiplies `closed-form`.

    Args:
        lats: (N,) degrees.
        degree: L, the number of degrees; l runs over 0..L-1.
        basis: one of `BASES`.
        xp: array module of `lats`.

    Returns:
        L arrays, for each degree l one (l + 1, N), orders m = 0..l.
    """
    if basis not in BASES:
        raise ValueError(f"unknown basis {basis!r}: use one of {', '.join(BASES)}")
    radians = xp.deg2rad(lats)
    cos_theta = -xp.sin(radians)
    # cos(90 degrees) is 6e-17 in floating point; at a pole every longitude is one place.
    sin_theta = xp.where(xp.abs(lats) >= 90, xp.zeros_like(lats), xp.cos(radians))
    rows = _legendre_rows(cos_theta, sin_theta, degree, xp)
    constants = [_order_constant(m, basis) for m in range(degree)]
    return [row * _column(constants[: l + 1], lats) for l, row in enumerate(rows)]


def _order_constant(m: int, basis: str) -> float:
    if m == 0:
        return _ANALYTIC_ZONAL_FACTOR if basis == "analytic" else 1.0
    return sqrt(2.0) * ((-1.0) ** m if basis == "closed-form" else 1.0)


def _legendre_rows(cos_theta: Any, sin_theta: Any, degree: int, xp: Any) -> list[Any]:
    """P(l, m), m = 0..l, for each l: the two rows before give the next, sectoral terms aside."""
    rows = [xp.ones_like(cos_theta)[None] * sqrt(1 / (4 * pi))]
    for l in range(1, degree):
        before = rows[-1]
        a = [sqrt((4 * l * l - 1) / (l * l - m * m)) for m in range(l)]
        inner = cos_theta * before
        if l > 1:
            b = [sqrt(((l - 1) ** 2 - m * m) / (4 * (l - 1) ** 2 - 1)) for m in range(l - 1)]
            last = inner[-1:]
            inner = xp.concatenate([inner[:-1] - rows[-2] * _column(b, cos_theta), last])
        sectoral = before[-1:] * sin_theta * sqrt((2 * l + 1) / (2 * l))
        rows.append(xp.concatenate([inner * _column(a, cos_theta), sectoral]))
    return rows


def _column(values: list[float], like: Any) -> Any:
    """Numbers as (n, 1), an array of the module, dtype and device of `like`."""
    if hasattr(like, "new_tensor"):
        return like.new_tensor(values)[:, None]
    return np.array(values, like.dtype)[:, None]


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
    lon = xp.stack(longitude_factors(lonlat[:, 0], degree, xp))
    rows = []
    for l, row in enumerate(lat):
        descending = list(range(l, 0, -1))
        if l:
            rows.append(row[descending] * lon[[degree - 1 + m for m in descending]])
        rows.append(row * lon[: l + 1])
    return xp.concatenate(rows).T
