"""Coordinate reference systems: any CRS to longitude and latitude, vectorised, and back.

Coordinates are always in the order x, y and lon, lat, whatever the authority says. WGS 84
degrees need no library. The rest is done by a backend: pyproj, or osgeo.osr (`crs_osr`), of
which QGIS brings a copy of its own. Where one is loaded already that one is taken: two copies
of PROJ in a process may not get on.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from math import pi
from typing import Any, Callable, Protocol

import numpy as np

from ..errors import InputError, Noun, missing
from ..types import Floats

Transform = Callable[[Floats, Floats], tuple[Floats, Floats]]
Bounds = tuple[float, float, float, float]

LONLAT = "EPSG:4326"
_LONLAT_NAMES = frozenset({"EPSG:4326", "OGC:CRS84", "CRS84", "WGS84", "WGS 84"})
# Points along each edge when a bbox is taken to another CRS: every half degree of a full circle,
# so that the extremes of a circle of latitude in a polar CRS are among them.
_EDGE_POINTS = 719
# Metres or degrees by which two ends of the antimeridian may differ and still be one line.
_SAME_LINE = 1e-6


class Backend(Protocol):
    """What a library of CRSs has to offer; each method raises InputError on an unknown CRS."""

    def half_turn(self, crs: str) -> float | None:
        """180 degrees in units of a geographic CRS; None where it is projected."""

    def unit(self, crs: str) -> str:
        """Name of the unit of the axes."""

    def transform(self, source: str, target: str) -> Transform:
        """Coordinates to coordinates; inf or NaN where there is no answer."""

    def bounds(self, source: str, target: str, bounds: Bounds) -> Bounds:
        """The smallest box around a box; west > east where it crosses the antimeridian."""


def check_crs(crs: str) -> str:
    """The CRS in the form that all libraries read.

    Args:
        crs: EPSG code ("EPSG:32632" or "32632"), WKT or PROJ string.

    Raises:
        InputError: it is not known.
    """
    text = str(crs).strip()
    if re.fullmatch(r"\d+", text):
        text = f"EPSG:{text}"
    if is_lonlat(text):
        return LONLAT
    _backend(text).half_turn(text)
    return text


def is_lonlat(crs: str) -> bool:
    """Whether the name says WGS 84 in degrees, lon first: what an encoder takes."""
    return crs.strip().upper() in _LONLAT_NAMES


def half_turn(crs: str) -> float | None:
    """180 degrees in units of a geographic CRS (180, or 200 for grads); None if projected.

    Raises:
        InputError: the CRS is not known.
    """
    return 180.0 if is_lonlat(crs) else _backend(crs).half_turn(crs)


def unit_name(crs: str) -> str:
    """Name of the unit of the axes, e.g. "degree", "metre".

    Raises:
        InputError: the CRS is not known.
    """
    return "degree" if is_lonlat(crs) else _backend(crs).unit(crs)


def to_lonlat(crs: str) -> Transform:
    """A function (x, y) -> (lon, lat).

    Args:
        crs: any CRS.

    Returns:
        A function of two float64 arrays of one shape, in units of the CRS, to two of that
        shape, in degrees; not finite where a point lies outside the domain of the CRS.

    Raises:
        InputError: the CRS is not known.
    """
    return _identity if is_lonlat(crs) else _backend(crs).transform(crs, LONLAT)


def from_lonlat(crs: str) -> Transform:
    """A function (lon, lat) -> (x, y), the inverse of `to_lonlat`."""
    return _identity if is_lonlat(crs) else _backend(crs).transform(LONLAT, crs)


def transform_bounds(bounds: Bounds, source: str, target: str) -> Bounds:
    """The smallest box in `target` around a box in `source`, its edges densified.

    A box across the antimeridian (east beyond half a turn) runs on past it in a cylindrical
    CRS too.

    Returns:
        (west, south, east, north); west > east across the antimeridian of a geographic CRS.

    Raises:
        InputError: a CRS is not known, or the box does not lie in the domain of `target`.
    """
    if source == target or (is_lonlat(source) and is_lonlat(target)):
        return bounds
    half = half_turn(source)
    west, south, east, north = bounds
    if half is None or half_turn(target) is not None or not west < half < east:
        return _bounds(bounds, source, target)
    left = _bounds((west, south, half, north), source, target)
    right = _bounds((-half, south, east - 2 * half, north), source, target)
    shift = _period(half, (south, north), source, target)
    return (
        min(left[0], right[0] + shift),
        min(left[1], right[1]),
        max(left[2], right[2] + shift),
        max(left[3], right[3]),
    )


def _bounds(bounds: Bounds, source: str, target: str) -> Bounds:
    result = _backend(target).bounds(source, target, bounds)
    if not np.isfinite(result).all():
        box = " ".join(f"{value:g}" for value in bounds)
        raise InputError(Noun("bounds"), f" {box} ({source}) lies outside the domain of {target}")
    return result


def _period(half: float, lats: tuple[float, float], source: str, target: str) -> float:
    """Width of the world on a cylindrical map, between its two images of the antimeridian.

    0 where they are one, as in a map centred on the Pacific or a pole, and where they are no
    vertical lines.
    """
    transform = _backend(target).transform(source, target)
    y = np.linspace(*lats, 5)
    last, first = (transform(np.full(5, lon), y)[0] for lon in (half, -half))
    vertical = np.isfinite(last).all() and np.ptp(last) <= _SAME_LINE
    return float(last[0] - first[0]) if vertical else 0.0


def _identity(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    return x, y


class _Pyproj:
    """pyproj, with the axes always in the order x, y."""

    def __init__(self) -> None:
        import pyproj

        self._pyproj: Any = pyproj

    def half_turn(self, crs: str) -> float | None:
        known = self._crs(crs)
        # A CRS bound to a datum shift, or with heights, is as geographic as what it is made of.
        if not known.is_geographic:
            return None
        return float(pi / known.axis_info[0].unit_conversion_factor)

    def unit(self, crs: str) -> str:
        return str(self._crs(crs).axis_info[0].unit_name)

    def transform(self, source: str, target: str) -> Transform:
        transformer = self._transformer(source, target)

        def apply(x: Floats, y: Floats) -> tuple[Floats, Floats]:
            lon, lat = transformer.transform(x, y)
            return np.asarray(lon, np.float64), np.asarray(lat, np.float64)

        return apply

    def bounds(self, source: str, target: str, bounds: Bounds) -> Bounds:
        transformer = self._transformer(source, target)
        try:
            west, south, east, north = transformer.transform_bounds(
                *bounds, densify_pts=_EDGE_POINTS
            )
        except self._pyproj.exceptions.ProjError:
            return (np.nan,) * 4
        return float(west), float(south), float(east), float(north)

    def _transformer(self, source: str, target: str) -> Any:
        known = [self._crs(source), self._crs(target)]
        try:
            return self._pyproj.Transformer.from_crs(*known, always_xy=True)
        except self._pyproj.exceptions.ProjError as error:
            raise InputError(f"there is no way from {source} to {target}: {error}") from error

    def _crs(self, crs: str) -> Any:
        try:
            known = self._pyproj.CRS.from_user_input(crs)
        except self._pyproj.exceptions.CRSError as error:
            raise InputError(
                f"unknown CRS {_short(crs)!r}: give an EPSG code such as EPSG:3857, WKT or a "
                "PROJ string"
            ) from error
        if not (known.is_geographic or known.is_projected):
            raise InputError(
                f"CRS {_short(crs)!r} ({known.type_name}) is no map of the Earth's surface: "
                "give a geographic or projected one"
            )
        return known


def _short(crs: str) -> str:
    return crs if len(crs) <= 60 else f"{crs[:57]}..."


def _osr() -> Backend:
    from .crs_osr import Osr

    return Osr()


# By the module each one imports.
_BACKENDS: dict[str, Callable[[], Backend]] = {"pyproj": _Pyproj, "osgeo.osr": _osr}


def _backend(crs: str) -> Backend:
    backend = _first_backend()
    if backend is None:
        what = f"the CRS {_short(crs)!r} needs pyproj, which is not installed"
        raise missing("pyproj", what, otherwise=f", or work in {LONLAT}")
    return backend


@lru_cache(maxsize=1)
def _first_backend() -> Backend | None:
    for name in sorted(_BACKENDS, key=lambda name: name not in sys.modules):
        try:
            return _BACKENDS[name]()
        except ImportError:
            continue
    return None
