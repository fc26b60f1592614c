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

from ..errors import InputError, missing
from ..types import Floats
from .sphere import unit_vectors

Transform = Callable[[Floats, Floats], tuple[Floats, Floats]]
Bounds = tuple[float, float, float, float]

LONLAT = "EPSG:4326"
_LONLAT_NAMES = frozenset({"EPSG:4326", "OGC:CRS84", "CRS84", "WGS84", "WGS 84"})
# Code, URN, PROJ string, WKT or PROJJSON: what every library reads, unlike names of CRSs.
NOTATIONS = re.compile(r"[a-z]+:\w+$|urn:ogc:|\+|[a-z0-9_]+\s*\[|\{", re.IGNORECASE)
# Degrees by which a place may be off when it comes back from a CRS, 2 km: more than the datum
# shifts that are chosen on the two ways ever differ by, less than any way to where a projection
# takes what it has no room for.
_BACK_DEGREES = 0.02
# Longitudes and latitudes at which a map is tried for being cylindrical, and the share of its
# width by which it may miss being so.
_TRIED_LONS, _TRIED_LATS = np.arange(-180.0, 180.0, 15.0), (-40.0, 0.0, 40.0)
_CYLINDRICAL = 1e-9


class Backend(Protocol):
    """What a library of CRSs has to offer; each method raises InputError on an unknown CRS."""

    def half_turn(self, crs: str) -> float | None:
        """180 degrees in units of a geographic CRS; None where it is projected."""

    def unit(self, crs: str) -> str:
        """Name of the unit of the axes."""

    def transform(self, source: str, target: str) -> Transform:
        """Coordinates to coordinates; inf or NaN where there is no answer."""

    def area(self, crs: str) -> Bounds | None:
        """Where the CRS is meant to be used: west, south, east, north in degrees; west > east
        across the antimeridian, None where it does not say."""

    def wkt(self, crs: str) -> str:
        """The CRS in full, WKT2: needs no other library's database to be read."""

    def code(self, crs: str) -> str | None:
        """Its code, "EPSG:32632", where one stands for exactly this CRS."""


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


def rounded(half: float) -> float:
    """Half a turn without the rounding of its unit: 200 grads, not 199.9999999999998."""
    return float(f"{half:.12g}")


def _identity(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    return x, y


class _Pyproj:
    """pyproj, with the axes always in the order x, y."""

    def __init__(self) -> None:
        import pyproj

        self._pyproj: Any = pyproj
        # Making one can take half a second, where datum shifts are chosen; all threads may use it.
        self._transformer = lru_cache(maxsize=64)(self._make_transformer)
        try:
            pyproj.CRS.from_epsg(4326)
        except pyproj.exceptions.ProjError as error:  # CRSError and DataDirError are such
            raise InputError(
                f"pyproj cannot use PROJ's database ({error}): unset PROJ_LIB and PROJ_DATA, which "
                "may name that of another program"
            ) from error

    def half_turn(self, crs: str) -> float | None:
        known = self._crs(crs)
        # A CRS bound to a datum shift, or with heights, is as geographic as what it is made of.
        if not known.is_geographic:
            return None
        return rounded(pi / known.axis_info[0].unit_conversion_factor)

    def unit(self, crs: str) -> str:
        return str(self._crs(crs).axis_info[0].unit_name)

    def transform(self, source: str, target: str) -> Transform:
        transformer = self._transformer(source, target)

        def apply(x: Floats, y: Floats) -> tuple[Floats, Floats]:
            lon, lat = transformer.transform(x, y)
            return np.asarray(lon, np.float64), np.asarray(lat, np.float64)

        return apply

    def area(self, crs: str) -> Bounds | None:
        area = self._crs(crs).area_of_use
        if area is None:
            return None
        return float(area.west), float(area.south), float(area.east), float(area.north)

    def wkt(self, crs: str) -> str:
        return str(self._crs(crs).to_wkt())

    def code(self, crs: str) -> str | None:
        known = self._crs(crs)
        if known.is_bound:  # to a datum shift of its own: more than its code says
            return None
        found = known.to_authority(min_confidence=100)
        return self._claimed(known) if found is None else ":".join(found)

    def _claimed(self, known: Any) -> str | None:
        """The code that a CRS says it has, where no more than names of its datum speak against it.

        Editions of the registry differ in these: rasterio's may call EUREF-FIN what is ETRS89 in
        pyproj's.
        """
        claimed = known.to_json_dict().get("id")
        if not isinstance(claimed, dict):
            return None
        code = f"{claimed.get('authority')}:{claimed.get('code')}"
        try:
            return code if _numbers(self._crs(code)) == _numbers(known) else None
        except InputError:
            return None

    def _make_transformer(self, source: str, target: str) -> Any:
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
                f"unknown CRS {brief(crs)!r}: give an EPSG code such as EPSG:3857, WKT or a "
                "PROJ string"
            ) from error
        if not (known.is_geographic or known.is_projected):
            raise InputError(
                f"CRS {brief(crs)!r} ({known.type_name}) is no map of the Earth's surface: "
                "give a geographic or projected one"
            )
        return known


def _numbers(known: Any) -> list[tuple[str, str]]:
    """All that a CRS of pyproj computes with: ellipsoid, meridian, units, projection."""
    ellipsoid, operation = known.ellipsoid, known.coordinate_operation
    numbers = [
        ("a", ellipsoid.semi_major_metre),
        ("1/f", ellipsoid.inverse_flattening),
        ("meridian", known.prime_meridian.longitude),
        *((axis.direction, axis.unit_conversion_factor) for axis in known.axis_info),
        *((parameter.name, parameter.value) for parameter in getattr(operation, "params", ())),
    ]
    # To the digits that survive WKT; in any order, as that of the axes does not count here.
    return sorted((str(name), f"{value:.9g}") for name, value in numbers)


def brief(crs: str) -> str:
    """A CRS for a message: WKT is cut."""
    return crs if len(crs) <= 60 else f"{crs[:57]}..."


def _osr() -> Backend:
    from .crs_osr import Osr

    return Osr()


# By the module each one imports.
_BACKENDS: dict[str, Callable[[], Backend]] = {"pyproj": _Pyproj, "osgeo.osr": _osr}


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
