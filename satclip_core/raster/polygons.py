"""Polygons as a land mask: read in their own CRS, and a test of many points at once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require
from ..grid.crs import LONLAT, check_crs, half_turn, onto_map, period, short_crs
from ..grid.crs_backend import Bounds, brief
from ..types import Bools, Floats, Integers
from .datasets import archive_members, in_archive, is_archive, is_path

log = logging.getLogger(__name__)

_GEOJSON = frozenset({".geojson", ".json"})
_PARQUET = frozenset({".parquet", ".geoparquet"})
_OTHERS = frozenset({".gpkg", ".shp", ".shz", ".fgb", ".kml", ".kmz", ".gml"})
VECTOR_SUFFIXES = _GEOJSON | _PARQUET | _OTHERS
LAYER = "|layername="
"""What QGIS has between a file of several layers and the one that is meant."""
# Pairs of an edge and a place at the same latitude that are looked at together.
_PAIRS = 2**21
_LONLAT_NAMES = ("CRS84", "EPSG::4326", "EPSG:4326")
# Geometries, as GDAL names them, among which there may be polygons.
_AREAS = ("Polygon", "Surface", "Unknown", "GeometryCollection")
# Positions of a ring, its first again at the end: a triangle has four.
_LEAST_POSITIONS = 4
# Share of half a turn by which a coordinate may lie beyond a pole: rounding.
_BEYOND = 1e-6


def is_vector(source: str) -> bool:
    """Whether a source is polygons by its name, or by the names in it where it is an archive."""
    if LAYER in source or Path(source).suffix.lower() in VECTOR_SUFFIXES:
        return True
    return is_archive(source) and bool(archive_members(source, VECTOR_SUFFIXES))


def read_polygons(
    source: str | os.PathLike[str],
    what: str = "the land mask",
    *,
    instead: str = "a raster or polygons",
) -> Polygons:
    """The polygons of a file, in its own CRS.

    Args:
        source: GeoJSON, or another format, which pyogrio then reads; of several layers with
            polygons one is given as FILE|layername=NAME.
        what: its role, for messages.
        instead: what may be given in that role.

    Raises:
        InputError: it cannot be read, or holds no polygon.
        MissingDependencyError: it needs pyogrio or GeoPandas, which is not installed.
    """
    name, _, layer = os.fspath(source).partition(LAYER)
    if is_path(name) and not Path(name).exists():
        raise InputError(f"{what} {name} does not exist: give {instead}")
    if is_archive(name) and Path(name).suffix.lower() not in VECTOR_SUFFIXES:
        name = in_archive(name, VECTOR_SUFFIXES, what)
    plain = is_path(name) and Path(name).suffix.lower() in _GEOJSON
    content, crs = _geojson(name, what) if plain else _by_pyogrio(name, layer, what)
    try:
        polygons, left_out = _usable(_polygons(content))
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise InputError(f"the polygons in {name} are damaged: {error}") from error
    if not polygons:
        if left_out:
            raise InputError(
                f"the polygons in {name} are damaged: no ring has {_LEAST_POSITIONS} positions"
            )
        raise InputError(f"{what} {name} holds no polygon: give one that does")
    if left_out:
        log.warning(
            "%s: %d of its rings are no areas (fewer than %d positions, or no numbers); left out",
            name,
            left_out,
            _LEAST_POSITIONS,
        )
    _check_degrees(polygons, crs, name, what)
    return Polygons(polygons, crs)


class Polygons:
    """Polygons with holes, their edges straight lines in their own CRS.

    Args:
        polygons: each a list of rings (N, 2), the first its outline, the others its holes.
        crs: of their coordinates.

    Attributes:
        crs: the same.

    Raises:
        InputError: the CRS is not known.
    """

    def __init__(self, polygons: Sequence[Sequence[Floats]], crs: str = LONLAT) -> None:
        self.crs = crs
        self._edges = [
            np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in polygon])
            for polygon in polygons
            if len(polygon)
        ]
        self._boxes = [
            (edges[:, 0].min(), edges[:, 1].min(), edges[:, 0].max(), edges[:, 1].max())
            for edges in self._edges
        ]
        self._project = onto_map(crs)
        self._half = half_turn(crs)
        turn = period(crs)
        # Polygons may run on past 180, or the edge of a map that goes round.
        self._turns = (0.0,) if turn is None else (0.0, turn, -turn)

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) in units of the CRS; west > east across the antimeridian.

        Of degrees it is the narrowest that holds all polygons, whichever turn they are in.
        """
        west, south, east, north = np.array(self._boxes).T
        if self._half is None:
            return float(west.min()), float(south.min()), float(east.max()), float(north.max())
        left, right = _narrowest(west, east, self._half)
        return left, float(south.min()), right, float(north.max())

    def __call__(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places (N,) lon, (N,) lat lie in a polygon.

        The places are brought to the polygons, not the polygons to degrees: a straight edge in one
        CRS is a curve in another, and one round a pole is none in degrees.
        """
        x, y = self._project(lons, lats)
        if self._half is not None:
            x = np.remainder(x + self._half, 2 * self._half) - self._half
        shown = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        order = shown[np.argsort(y[shown])]
        out = np.zeros(len(x), bool)
        out[order] = self._inside(x[order], y[order])
        return out

    def _inside(self, x: Floats, y: Floats) -> Bools:
        """Whether places, sorted by y, lie in a polygon."""
        inside = np.zeros(len(x), bool)
        for edges, (west, south, east, north) in zip(self._edges, self._boxes):
            start = np.searchsorted(y, south)
            stop = np.searchsorted(y, north, side="right")
            for turn in self._turns:
                near = x[start:stop] + turn
                index = start + np.flatnonzero((near >= west) & (near <= east))
                if len(index):
                    inside[index] |= _is_inside(edges, x[index] + turn, y[index])
        return inside


def _narrowest(west: Floats, east: Floats, half: float) -> tuple[float, float]:
    """The ends of the narrowest stretch of a circle that holds all others; west > east past 180.

    Args:
        west: (N,) where stretches begin.
        east: (N,) where they end, east of that.
        half: half a turn, in their unit.
    """
    turn = 2 * half
    if (east - west).max() >= turn * (1 - _BEYOND):
        return -half, half
    starts = np.remainder(west + half, turn) - half
    order = np.argsort(starts)
    starts, ends = starts[order], starts[order] + (east - west)[order]
    reached = np.maximum.accumulate(ends)
    # The first comes again after a turn, from what lies furthest beyond it.
    gaps = np.append(starts[1:], starts[0] + turn) - reached
    widest = int(gaps.argmax())
    if gaps[widest] <= turn * _BEYOND:
        return -half, half
    first = float(starts[(widest + 1) % len(starts)])
    last = float(reached[widest])
    if widest < len(starts) - 1:  # what lies east of the gap comes before it, a turn on
        last = max(last, float(ends.max() - turn) if ends.max() > half else last)
    return first, last - turn if last > half else last


def _is_inside(edges: Floats, x: Floats, y: Floats) -> Bools:
    """Whether a ray east from each place crosses an odd number of edges.

    Args:
        edges: (E, 4) x1, y1, x2, y2.
        x: (N,) of the places.
        y: (N,), rising.
    """
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    # The places level with an edge follow one another, since y rises. Half open: a vertex at the
    # height of a place counts for one of its two edges.
    first, last = np.searchsorted(y, low), np.searchsorted(y, high)
    counts = last - first
    crossings = np.zeros(len(x), np.int64)
    for part in _parts(counts):
        # One row for each pair of an edge and a place level with it.
        x1, y1, x2, y2 = np.repeat(edges[part], counts[part], axis=0).T
        place = _runs(first[part], counts[part])
        crossed = x[place] < x1 + (y[place] - y1) / (y2 - y1) * (x2 - x1)
        crossings += np.bincount(place[crossed], minlength=len(x))
    odd: Bools = crossings % 2 == 1
    return odd


def _runs(starts: Integers, lengths: Integers) -> Integers:
    """Numbers that count up from each start: (3, 7) with lengths (2, 3) gives 3 4 7 8 9."""
    ends = np.cumsum(lengths)
    before = ends - lengths  # numbers in all earlier runs
    numbers: Integers = np.arange(ends[-1]) + np.repeat(starts - before, lengths)
    return numbers


def _parts(counts: Integers) -> Iterator[Integers]:
    """Indices of edges that meet a place, in groups of about `_PAIRS` pairs."""
    index = np.flatnonzero(counts)
    # An edge belongs to the group in which its last pair falls.
    groups = np.cumsum(counts[index]) // _PAIRS
    yield from (part for part in np.split(index, np.flatnonzero(np.diff(groups)) + 1) if len(part))


def _geojson(name: str, what: str) -> tuple[Any, str]:
    """The content of a GeoJSON file and its CRS."""
    try:
        content = json.loads(Path(name).read_bytes())  # bytes may have a mark of their order
    except OSError as error:
        raise InputError(f"cannot read {what} {name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} {name} is no GeoJSON: {error}") from error
    if not isinstance(content, dict) or "type" not in content:
        raise InputError(f"{what} {name} is no GeoJSON: it has no type")
    return content, _geojson_crs(content, name, what)


def _geojson_crs(content: dict[str, Any], name: str, what: str) -> str:
    """The CRS that GeoJSON of before RFC 7946 could name."""
    crs = content.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    if not isinstance(properties, dict):
        return LONLAT
    named = str(properties.get("name") or properties.get("code") or "")
    if not named:
        raise InputError(f"{what} {name} refers to its CRS by {properties}: give its name")
    return LONLAT if named.endswith(_LONLAT_NAMES) else check_crs(named)


def _by_pyogrio(name: str, layer: str, what: str) -> tuple[Any, str]:
    """The content of another format, as GeoJSON has it, and its CRS."""
    geopandas = require("geopandas", extra="points", purpose=f"reading {Path(name).name}")
    pyogrio = require("pyogrio", extra="points", purpose=f"reading {Path(name).name}")
    try:
        if Path(name).suffix.lower() in _PARQUET:
            table = geopandas.read_parquet(name)
        else:
            meant = _layer(pyogrio, name, layer, what)
            table = pyogrio.read_dataframe(name, layer=meant, columns=[])
    except InputError:
        raise
    except Exception as error:  # pyogrio and pyarrow each have errors of their own
        raise InputError(f"cannot read {what} {name}: {error}") from error
    if table.crs is None:
        raise InputError(f"{what} {name} has no CRS: give it one")
    return table.geometry.__geo_interface__, short_crs(table.crs.to_wkt())


def _layer(pyogrio: Any, name: str, wanted: str, what: str) -> str:
    """The layer of polygons that is meant, by its name or as the only one.

    Styles and tables that programs keep beside it do not count.
    """
    found = _layers(pyogrio, name)
    if not found:
        raise InputError(f"{what} {name} holds no polygon: give one that does")
    if wanted and wanted not in found:
        raise InputError(f"{what} {name} has no polygons {wanted!r}: there are {', '.join(found)}")
    if len(found) > 1 and not wanted:
        raise InputError(
            f"{what} {name} has {len(found)} layers of polygons ({', '.join(found)}): give "
            f"the one that is meant, e.g. '{name}{LAYER}{found[0]}'"
        )
    return wanted or found[0]


def _layers(pyogrio: Any, name: str) -> list[str]:
    return [
        str(layer)
        for layer, kind in pyogrio.list_layers(name)
        if kind is not None and any(area in kind for area in _AREAS)
    ]


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


def _usable(polygons: Iterator[Any]) -> tuple[list[list[Floats]], int]:
    """Each polygon as rings (N, 2), without those that are no areas, and how many these are.

    Where that is an outline its holes go too; an empty polygon is none.
    """
    kept, left_out = [], 0
    for polygon in polygons:
        rings = [_ring(ring) for ring in polygon]
        left_out += sum(ring is None for ring in rings)
        if rings and rings[0] is not None:
            kept.append([ring for ring in rings if ring is not None])
    return kept, left_out


def _ring(coordinates: Any) -> Floats | None:
    """A closed ring (N, 2); None where it is no area."""
    ring = np.array([position[:2] for position in coordinates], np.float64)
    if len(ring) < _LEAST_POSITIONS or not np.isfinite(ring).all():
        return None
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise ValueError("a position needs two numbers, x and y")
    return ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]])


def _check_degrees(polygons: list[list[Floats]], crs: str, name: str, what: str) -> None:
    """Refuse metres where degrees are meant."""
    half = half_turn(crs)
    if half is None:
        return
    for polygon in polygons:
        most = np.abs(polygon[0]).max(axis=0)
        if most[1] > half / 2 * (1 + _BEYOND) or most[0] > 3 * half:
            x, y = polygon[0][0]
            raise InputError(
                f"{what} {name} has coordinates such as {x:.10g}, {y:.10g}, which are none "
                f"of {brief(crs)}: give polygons that name their CRS"
            )
