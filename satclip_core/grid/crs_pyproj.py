"""Coordinate reference systems by pyproj."""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Floats
from .crs_backend import Bounds, Transform, brief, rounded


class Pyproj:
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
        """180 degrees in units of a geographic CRS; None where it is projected."""
        known = self._crs(crs)
        # A CRS bound to a datum shift, or with heights, is as geographic as what it is made of.
        if not known.is_geographic:
            return None
        return rounded(pi / known.axis_info[0].unit_conversion_factor)

    def unit(self, crs: str) -> str:
        """Name of the unit of the axes."""
        return str(self._crs(crs).axis_info[0].unit_name)

    def transform(self, source: str, target: str) -> Transform:
        """Coordinates to coordinates; inf where there is no answer."""
        transformer = self._transformer(source, target)

        def apply(x: Floats, y: Floats) -> tuple[Floats, Floats]:
            lon, lat = transformer.transform(x, y)
            return np.asarray(lon, np.float64), np.asarray(lat, np.float64)

        return apply

    def area(self, crs: str) -> Bounds | None:
        """Where the CRS is meant to be used; None where it does not say."""
        area = self._crs(crs).area_of_use
        if area is None:
            return None
        return float(area.west), float(area.south), float(area.east), float(area.north)

    def wkt(self, crs: str) -> str:
        """The CRS in full, WKT2."""
        return str(self._crs(crs).to_wkt())

    def code(self, crs: str) -> str | None:
        """Its code, where one stands for exactly this CRS."""
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
