"""Parquet tables, plain or with a geometry: GeoParquet, Parquet's own types, GeoArrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from .columns import listing
from .embedder import ROWS
from .request import PointsRequest, parquet_files
from .table import PURPOSE, Table, arrow, crs_of, guarded, reading

_CRS84 = "OGC:CRS84"
# Names of Arrow's extension types for geometries, and how their values are written.
_ENCODINGS = {
    "geoarrow.wkb": "WKB",
    "ogc.wkb": "WKB",
    "geoarrow.wkt": "WKT",
    "ogc.wkt": "WKT",
    "geoarrow.point": "point",
}
_EXTENSION = b"ARROW:extension:name"
_EXTENSION_METADATA = b"ARROW:extension:metadata"
# Taken before others where a table has several geometries and does not say which is its own.
_USUAL = ("geometry", "geom")


@dataclass(frozen=True)
class Geometry:
    """The column of a Parquet table that holds its geometries.

    Attributes:
        name: of the column.
        crs: None where the file does not say.
        kind: as GDAL names the type of geometry.
        encoding: "WKB", "WKT" or "point" (its coordinates as numbers).
        described: the metadata of GeoParquet says so; it is written as it was.
    """

    name: str
    crs: str | None
    kind: str = "Unknown"
    encoding: str = "WKB"
    described: bool = False


@contextmanager
def open_parquet(request: PointsRequest) -> Iterator[Table]:
    """Open a Parquet table: a file, or a folder of files of one kind.

    Raises:
        InputError: not readable, of unknown CRS, a geometry in an encoding that is not known.
    """
    arrow()
    from pyarrow import parquet

    paths = parquet_files(request.path) or [Path(request.path)]
    with reading(request.source):
        first = parquet.ParquetFile(paths[0])
    with first:
        geometry = _geometry(first, request) if request.lon_column is None else None
        stored = first.schema_arrow

    def read(columns: Sequence[str] | None = None) -> Iterator[Any]:
        for path in paths:
            with parquet.ParquetFile(path) as file:
                if file.schema_arrow != stored:
                    raise InputError(f"{path} has other columns than {paths[0]}: keep them apart")
                yield from file.iter_batches(batch_size=ROWS, columns=columns)

    batches, schema = read(), stored
    if geometry is not None and not geometry.described:
        schema = _with_wkb(stored, geometry.name)
        batches = (_as_wkb(batch, geometry, schema) for batch in batches)
    own = None if geometry is None else geometry.crs
    with reading(request.source):
        total = sum(parquet.read_metadata(path).num_rows for path in paths)
    yield Table(
        request.source,
        schema,
        guarded(batches, request.source),
        geometry=None if geometry is None else geometry.name,
        geometry_type="Unknown" if geometry is None else geometry.kind,
        crs=crs_of(request, own, geometry is not None),
        total=total,
        second_look=lambda names: guarded(read(list(names)), request.source),
    )


def _geometry(file: Any, request: PointsRequest) -> Geometry | None:
    """By GeoParquet's metadata, else by Parquet's own types, else by GeoArrow's names."""
    described = _described(file.schema_arrow, request)
    if described is not None:
        return described
    found = {**_extensions(file.schema_arrow, request), **_native(file)}
    usual = [name for name in _USUAL if name in found]
    return found[(usual or list(found))[0]] if found else None


def _described(schema: Any, request: PointsRequest) -> Geometry | None:
    """What the metadata of GeoParquet says."""
    raw = (schema.metadata or {}).get(b"geo")
    if raw is None:
        return None
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        column = geo["columns"][name]
        types = column.get("geometry_types") or []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{request.source}: its GeoParquet metadata is malformed") from error
    if name not in schema.names:
        raise InputError(f"{request.source}: its geometry column {name!r} is missing")
    # Absent means CRS84, null that it is unknown.
    crs = _crs_name(column["crs"]) if "crs" in column else _CRS84
    kind = types[0] if len(types) == 1 else "Unknown"
    return Geometry(name, crs, kind, described=True)


def _native(file: Any) -> dict[str, Geometry]:
    """Columns of Parquet's own types GEOMETRY and GEOGRAPHY."""
    found = {}
    for index in range(len(file.schema)):
        column = file.schema.column(index)
        # The type's name, as pyarrow gives it, is not known to all of its versions.
        described = json.loads(column.logical_type.to_json())
        if described.get("Type") in ("Geometry", "Geography") and "." not in column.path:
            crs = _native_crs(described.get("crs", ""), file.metadata.metadata or {})
            found[column.path] = Geometry(column.path, crs)
    return found


def _native_crs(text: str, metadata: dict[bytes, bytes]) -> str | None:
    """A CRS as Parquet writes it: nothing for CRS84, a code, or the name of PROJJSON elsewhere."""
    kind, _, rest = text.partition(":")
    if kind == "projjson":
        text = metadata.get(rest.encode(), b"").decode()
    elif kind == "srid":
        text = rest
    return _crs_name(text) if text else _CRS84


def _extensions(schema: Any, request: PointsRequest) -> dict[str, Geometry]:
    """Columns of GeoArrow's types, whether pyarrow was taught them or not."""
    found = {}
    for field in schema:
        metadata = field.metadata or {}
        name, raw = metadata.get(_EXTENSION, b""), metadata.get(_EXTENSION_METADATA, b"")
        if isinstance(field.type, arrow().BaseExtensionType):
            name = field.type.extension_name.encode()
            raw = getattr(field.type, "__arrow_ext_serialize__", bytes)()
        if not name.startswith((b"geoarrow.", b"ogc.wk")):
            continue
        if name.decode() not in _ENCODINGS:
            known = listing(list(_ENCODINGS))
            raise InputError(
                f"{request.source}: its column {field.name!r} is {name.decode()}: write the "
                f"geometries as one of {known}"
            )
        try:
            described = json.loads(raw or b"{}")
        except ValueError:
            described = {}
        crs = described.get("crs") if isinstance(described, dict) else None
        encoding = _ENCODINGS[name.decode()]
        found[field.name] = Geometry(field.name, _crs_name(crs), encoding=encoding)
    return found


def _crs_name(crs: object) -> str | None:
    """A CRS in a form that all libraries read: its code if it has one, else all of it."""
    if isinstance(crs, str):
        text = crs.strip()
        if not text.startswith("{"):
            return f"EPSG:{text}" if text.isdigit() else text or None
        try:
            crs = json.loads(text)
        except ValueError:
            return text
    if not isinstance(crs, dict):
        return None
    known = crs.get("id")
    if isinstance(known, dict) and {"authority", "code"} <= set(known):
        return f"{known['authority']}:{known['code']}"
    return json.dumps(crs)


def _with_wkb(schema: Any, name: str) -> Any:
    """The schema with one column as WKB, of which nothing else is said."""
    index = schema.get_field_index(name)
    return schema.set(index, arrow().field(name, arrow().binary()))


def _as_wkb(batch: Any, geometry: Geometry, schema: Any) -> Any:
    """A batch with its geometries as WKB."""
    pa = arrow()
    columns = list(batch.columns)
    index = schema.get_field_index(geometry.name)
    column = getattr(columns[index], "storage", columns[index])
    if geometry.encoding == "WKB":
        column = column.cast(pa.binary())
    else:
        shapely = require("shapely", extra="points", purpose=PURPOSE)
        if geometry.encoding == "WKT":
            shapes = shapely.from_wkt(column.to_numpy(zero_copy_only=False))
        else:
            shapes = _points(column)
        column = pa.array(shapely.to_wkb(shapes), pa.binary())
    columns[index] = column
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _points(column: Any) -> Any:
    """Points of GeoArrow: a struct of x, y (z, m), or as many numbers in a row."""
    shapely = require("shapely", extra="points", purpose=PURPOSE)
    rows = column.to_pylist()
    values = [list(row.values()) if isinstance(row, dict) else row for row in rows]
    return [None if row is None or None in row else shapely.Point(row[:3]) for row in values]
