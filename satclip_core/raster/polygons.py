"""Polygons as a land mask: read from GeoJSON, and a test of many points at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require
from ..types import Bools, Floats

_GEOJSON = frozenset({".geojson", ".json"})
_OTHERS = frozenset({".gpkg", ".shp", ".fgb", ".parquet", ".geoparquet", ".kml", ".gml"})
VECTOR_SUFFIXES = _GEOJSON | _OTHERS
# Pairs of an edge and a place at the same latitude that are looked at together.
_PAIRS = 2**21
_LONLAT_NAMES = ("CRS84", "EPSG::4326", "EPSG:4326")


def read_polygons(path: Path) -> Polygons:
    """The polygons of a file, in lon and lat.

    Args:
        path: GeoJSON, or another format, which GeoPandas then reads.

    Raises:
        InputError: it cannot be read, or holds no polygon.
        MissingDependencyError: it needs GeoPandas, which is not installed.
    """
    content = _geojson(path) if path.suffix.lower() in _GEOJSON else _by_geopandas(path)
    try:
        rings = [[_ring(ring) for ring in polygon] for polygon in _polygons(content)]
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise InputError(f"the polygons in {path} are damaged: {error}") from error
    if not rings:
        raise InputError(f"the land mask {path} holds no polygon: give one that does")
    return Polygons(rings)


class Polygons:
    """Polygons with holes, in lon and lat.

    Args:
        polygons: each a list of rings (N, 2), the first its outline, the others its holes.
    """

    def __init__(self, polygons: Sequence[Sequence[Floats]]) -> None:
        self._edges = [
            np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in polygon])
            for polygon in polygons
            if len(polygon)
        ]
        self._boxes = [
            (edges[:, 0].min(), edges[:, 1].min(), edges[:, 0].max(), edges[:, 1].max())
            for edges in self._edges
        ]

    def __call__(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places (N,) lon, (N,) lat lie in a polygon."""
        order = np.argsort(lats)
        x, y = np.remainder(lons[order] + 180, 360) - 180, lats[order]
        inside = np.zeros(len(x), bool)
        for edges, (west, south, east, north) in zip(self._edges, self._boxes):
            start, stop = np.searchsorted(y, [south, north])
            stop = np.searchsorted(y, north, side="right")
            for turn in (0.0, 360.0, -360.0):  # polygons may run on past 180
                near = x[start:stop] + turn
                index = start + np.flatnonzero((near >= west) & (near <= east))
                if len(index):
                    inside[index] |= _is_inside(edges, x[index] + turn, y[index])
        out = np.empty(len(x), bool)
        out[order] = inside
        return out


def _is_inside(edges: Floats, x: Floats, y: Floats) -> Bools:
    """Whether a ray east from each place, sorted by y, crosses an odd number of edges."""
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    # Half open: a vertex at the height of a place counts for one of its two edges.
    first, last = np.searchsorted(y, low), np.searchsorted(y, high)
    counts = last - first
    crossings = np.zeros(len(x), np.int64)
    for part in _parts(counts):
        count = counts[part]
        x1, y1, x2, y2 = np.repeat(edges[part], count, axis=0).T
        starts = np.repeat(first[part] - np.cumsum(count) + count, count)
        place = starts + np.arange(len(starts))
        crossed = x[place] < x1 + (y[place] - y1) / (y2 - y1) * (x2 - x1)
        crossings += np.bincount(place[crossed], minlength=len(x))
    odd: Bools = crossings % 2 == 1
    return odd


def _parts(counts: Any) -> Iterator[Any]:
    """Indices of edges that meet a place, in groups of bounded size."""
    index = np.flatnonzero(counts)
    groups = np.cumsum(counts[index]) // _PAIRS
    yield from (part for part in np.split(index, np.flatnonzero(np.diff(groups)) + 1) if len(part))


def _geojson(path: Path) -> Any:
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the land mask {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the land mask {path} is no GeoJSON: {error}") from error
    if not isinstance(content, dict) or "type" not in content:
        raise InputError(f"the land mask {path} is no GeoJSON: it has no type")
    # GeoJSON of before RFC 7946 could name a CRS.
    crs = content.get("crs")
    name = str(crs.get("properties", {}).get("name", "")) if isinstance(crs, dict) else ""
    if name and not name.endswith(_LONLAT_NAMES):
        return _by_geopandas(path)
    return content


def _by_geopandas(path: Path) -> Any:
    geopandas = require("geopandas", extra="points", purpose=f"reading {path.name}")
    try:
        reader = geopandas.read_parquet if "parquet" in path.suffix else geopandas.read_file
        table = reader(path)
    except Exception as error:  # pyogrio, fiona and pyarrow each have errors of their own
        raise InputError(f"cannot read the land mask {path}: {error}") from error
    if table.crs is None:
        raise InputError(f"the land mask {path} has no CRS: give it one")
    return table.to_crs("EPSG:4326").geometry.__geo_interface__


def _polygons(content: Any) -> Iterator[Any]:
    """The coordinates of each polygon, wherever it stands; other kinds are passed over."""
    kind = content["type"] if content else None
    if kind == "Polygon":
        yield content["coordinates"]
    elif kind == "MultiPolygon":
        yield from content["coordinates"]
    elif kind == "Feature":
        yield from _polygons(content["geometry"])
    elif kind in ("FeatureCollection", "GeometryCollection"):
        for member in content["features" if kind == "FeatureCollection" else "geometries"]:
            yield from _polygons(member)


def _ring(coordinates: Any) -> Floats:
    ring = np.array([position[:2] for position in coordinates], np.float64)
    if ring.ndim != 2 or len(ring) < 4 or not np.isfinite(ring).all():
        raise ValueError("a ring needs four positions, lon and lat")
    return ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]])
