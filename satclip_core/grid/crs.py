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
from typing import Callable

import numpy as np

from ..errors import missing
from ..types import Floats
from .crs_backend import NOTATIONS, Backend, Bounds, Transform, brief
from .sphere import unit_vectors

LONLAT = "EPSG:4326"
_LONLAT_NAMES = frozenset({"EPSG:4326", "OGC:CRS84", "CRS84", "WGS84", "WGS 84"})
# Degrees by which a place may be off when it comes back from a CRS, 2 km: more than the datum
# shifts that are chosen on the two ways ever differ by, less than any way to where a projection
# takes what it has no room for.
_BACK_DEGREES = 0.02
# Longitudes and latitudes at which a map is tried for being cylindrical, and the share of its
# width by which it may miss being so.
_TRIED_LONS, _TRIED_LATS = np.arange(-180.0, 180.0, 15.0), (-40.0, 0.0, 40.0)
_CYLINDRICAL = 1e-9


def check_crs(crs: str) -> str:
    """The CRS in the form that all libraries read.

    Args:
        crs: EPSG code ("EPSG:32632" or "32632"), WKT, PROJ string, or with pyproj its name
            ("WGS 84 / UTM zone 32N").

    Raises:
        InputError: it is not known.
    """
    text = str(crs).strip()
    if re.fullmatch(r"\d+", text):
        text = f"EPSG:{text}"
    if is_lonlat(text):
        return LONLAT
    backend = _backend(text)
    backend.half_turn(text)
    return text if NOTATIONS.match(text) else backend.code(text) or backend.wkt(text)


def short_crs(crs: str) -> str:
    """The CRS in few words: its code where it has one, else what stands for exactly it.

    Raises:
        InputError: it is not known.
    """
    if is_lonlat(crs):
        return LONLAT
    return _backend(crs).code(crs) or crs


def to_wkt(crs: str) -> str:
    """The CRS in full, as WKT2, so that a library with another database reads the same.

    Raises:
        InputError: it is not known.
    """
    return _backend(crs).wkt(crs)


def area_of_use(crs: str) -> Bounds | None:
    """Where the CRS is meant to be used, as its authority says.

    Returns:
        (west, south, east, north) in degrees, west > east across the antimeridian; None where
        nothing is said.

    Raises:
        InputError: it is not known.
    """
    return _backend(crs).area(crs)


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


def transform(source: str, target: str) -> Transform:
    """A function (x, y) in one CRS -> (x, y) in another; not finite where there is no answer.

    Raises:
        InputError: a CRS is not known, or there is no way between them.
    """
    if source == target or (is_lonlat(source) and is_lonlat(target)):
        return _identity
    return _backend(target).transform(source, target)


def onto_map(crs: str) -> Transform:
    """A function (lon, lat) -> (x, y) for places that the CRS shows; inf for the others.

    Most projections give numbers for places on the other side of the Earth too, which may lie
    among those of its own area: Krovak's takes a part of the Arctic to Bohemia. Such places do
    not come back.

    Raises:
        InputError: the CRS is not known.
    """
    there, back = from_lonlat(crs), to_lonlat(crs)
    if half_turn(crs) is not None:
        return there

    def project(lons: Floats, lats: Floats) -> tuple[Floats, Floats]:
        x, y = there(lons, lats)
        with np.errstate(invalid="ignore"):
            apart = unit_vectors(*back(x, y)) - unit_vectors(lons, lats)
            shown = np.linalg.norm(apart, axis=0) <= np.deg2rad(_BACK_DEGREES)
        return np.where(shown, x, np.inf), np.where(shown, y, np.inf)

    return project


@lru_cache(maxsize=64)
def period(crs: str) -> float | None:
    """Width of the world where x goes round: geographic and cylindrical CRSs; None elsewhere.

    Returns:
        A whole turn in units of the CRS: what may be added to x without another place being
        meant.

    Raises:
        InputError: the CRS is not known.
    """
    half = half_turn(crs)
    if half is not None:
        return 2 * half
    lons, lats = np.meshgrid(_TRIED_LONS, _TRIED_LATS)
    x, y = from_lonlat(crs)(lons.ravel(), lats.ravel())
    x, y = x.reshape(lons.shape), y.reshape(lons.shape)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    # All steps are one width, but for the one over the edge of the map.
    steps = np.diff(x[0])
    width = float(np.median(steps)) * len(_TRIED_LONS)
    off = np.abs(x - x[0, 0] - width * (lons - lons[0, 0]) / 360)
    meridians = np.minimum(off, np.abs(off - abs(width))).max()
    parallels = np.ptp(y, axis=1).max()
    return abs(width) if max(meridians, parallels) <= _CYLINDRICAL * abs(width) else None


def _identity(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    return x, y


def _pyproj() -> Backend:
    from .crs_pyproj import Pyproj

    return Pyproj()


def _osr() -> Backend:
    from .crs_osr import Osr

    return Osr()


# By the module each one imports.
_BACKENDS: dict[str, Callable[[], Backend]] = {"pyproj": _pyproj, "osgeo.osr": _osr}


def _backend(crs: str) -> Backend:
    backend = _first_backend()
    if backend is None:
        what = f"the CRS {brief(crs)!r} needs pyproj, which is not installed"
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
