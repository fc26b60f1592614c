"""Coordinate reference systems by osgeo.osr, where it is at hand and pyproj is not: in QGIS."""

from __future__ import annotations

import threading
from contextlib import suppress
from math import pi
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Floats
from .crs_backend import NOTATIONS, Bounds, brief, rounded


class Osr:
    """osgeo.osr, with the axes always in the order x, y."""

    def __init__(self) -> None:
        from osgeo import gdal, osr

        self._gdal: Any = gdal
        self._osr: Any = osr
        # A transformation may be used by one thread at a time.
        self._own = threading.local()

    def half_turn(self, crs: str) -> float | None:
        """180 degrees in units of a geographic CRS; None where it is projected."""
        known = self._crs(crs)
        return rounded(pi / known.GetAngularUnits()) if known.IsGeographic() else None

    def unit(self, crs: str) -> str:
        """Name of the unit of the axes."""
        known = self._crs(crs)
        if known.IsGeographic():
            return str(known.GetAngularUnitsName())
        return str(known.GetLinearUnitsName())

    def transform(self, source: str, target: str) -> Any:
        """Coordinates to coordinates; inf or NaN where there is no answer."""
        self._transformation(source, target)

        def apply(x: Floats, y: Floats) -> tuple[Floats, Floats]:
            x, y = np.broadcast_arrays(x, y)
            points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
            out = np.full(points.shape, np.inf)
            finite = np.isfinite(points).all(axis=1)
            if finite.any():
                with self._quiet():
                    out[finite] = _moved(self._transformation(source, target), points[finite])
            out[~np.isfinite(out).all(axis=1)] = np.inf
            return out[:, 0].reshape(x.shape), out[:, 1].reshape(x.shape)

        return apply

    def area(self, crs: str) -> Bounds | None:
        """Where the CRS is meant to be used, in degrees; None where it does not say."""
        area = self._crs(crs).GetAreaOfUse()
        if area is None:
            return None
        return (
            float(area.west_lon_degree),
            float(area.south_lat_degree),
            float(area.east_lon_degree),
            float(area.north_lat_degree),
        )

    def wkt(self, crs: str) -> str:
        """The CRS in full, WKT2."""
        with self._quiet():
            return str(self._crs(crs).ExportToWkt(["FORMAT=WKT2_2019"]))

    def code(self, crs: str) -> str | None:
        """The code that the CRS says it has."""
        known = self._crs(crs)
        name, number = known.GetAuthorityName(None), known.GetAuthorityCode(None)
        return f"{name}:{number}" if name and number else None

    def _transformation(self, source: str, target: str) -> Any:
        kept = self._own.__dict__.setdefault("kept", {})
        if (source, target) not in kept:
            with self._quiet():
                try:
                    made = self._osr.CoordinateTransformation(self._crs(source), self._crs(target))
                except RuntimeError:
                    made = None
            if made is None or not made.this:
                raise InputError(f"there is no way from {brief(source)} to {brief(target)}")
            kept[source, target] = made
        return kept[source, target]

    def _crs(self, crs: str) -> Any:
        known = self._osr.SpatialReference()
        with self._quiet():
            try:
                failed = not NOTATIONS.match(crs) or known.SetFromUserInput(crs)
            except RuntimeError:
                failed = True
        if failed:
            raise InputError(
                f"unknown CRS {brief(crs)!r}: give an EPSG code such as EPSG:3857, WKT or a "
                "PROJ string"
            )
        if not (known.IsGeographic() or known.IsProjected()):
            raise InputError(
                f"CRS {brief(crs)!r} is no map of the Earth's surface: give a geographic or "
                "projected one"
            )
        known.SetAxisMappingStrategy(self._osr.OAMS_TRADITIONAL_GIS_ORDER)
        return known

    def _quiet(self) -> Any:
        return _Quiet(self._gdal)


def _moved(transformation: Any, points: Floats) -> Floats:
    """Points (N, 2) moved; inf where there is no answer.

    Where GDAL is set to raise, one point without an answer spoils all: then one by one.
    """
    try:
        return np.array(transformation.TransformPoints(points), np.float64)[:, :2]
    except RuntimeError:
        out = np.full(points.shape, np.inf)
    for index, (x, y) in enumerate(points.tolist()):
        with suppress(RuntimeError):
            out[index] = transformation.TransformPoint(x, y)[:2]
    return out


class _Quiet:
    """GDAL's messages held back in this thread: what they say is raised here."""

    def __init__(self, gdal: Any) -> None:
        self._gdal = gdal

    def __enter__(self) -> None:
        self._gdal.PushErrorHandler("CPLQuietErrorHandler")

    def __exit__(self, *_: object) -> None:
        self._gdal.PopErrorHandler()
