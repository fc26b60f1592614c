"""Layers of whatever GDAL reads, through pyogrio: ids, times and geometries as they are."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Argument, InputError, require
from .columns import first_free, listing
from .embedder import ROWS
from .geometry import wkb_kinds
from .locate import is_path
from .request import GEOJSON, PARQUET, PointsRequest
from .table import PURPOSE, Table, arrow, crs_of, guarded, reading

# Kinds of WKB that only GDAL draws: arcs and what is made of them.
_CURVED = (8, 9, 10, 11, 12, 13, 14)
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
_IS_TIME = b"GDAL:OGR:type"
_FIRST_FEATURE = 1 << 20


@contextmanager
def open_layer(request: PointsRequest, *, ids: bool) -> Iterator[Table]:
    """Open a layer.

    Args:
        request: names the source, and the layer where it has several.
        ids: give the feature ids as a column, where the source has any of its own.

    Raises:
        InputError: not readable, several layers and none chosen, of unknown CRS.
    """
    pyogrio = require("pyogrio", extra="points", purpose=PURPOSE)
    path = request.source
    options: dict[str, Any] = {"use_pyarrow": True, "batch_size": ROWS}
    # As text, times keep their offsets; as numbers, those of a GeoPackage all become UTC.
    if "datetime_as_string" in inspect.signature(pyogrio.open_arrow).parameters:
        options["datetime_as_string"] = pyogrio.__gdal_version__ >= (3, 11, 0)
    with reading(path):
        layer = _layer(pyogrio.list_layers(path), request)
        info = pyogrio.read_info(path, layer=layer)
        options["return_fids"] = ids and _has_ids(path, layer, info)
        opened = pyogrio.open_arrow(path, layer=layer, **options)
        # Entered by hand: what goes wrong while others read from it is not a reading error.
        meta, reader = opened.__enter__()
    try:
        has_geometry = meta["geometry_type"] is not None and request.lon_column is None
        geometry = (meta["geometry_name"] or "wkb_geometry") if has_geometry else None
        table = Table(
            path,
            reader.schema,
            guarded(reader, path),
            geometry=geometry,
            geometry_type=meta["geometry_type"] or "Unknown",
            crs=crs_of(request, meta["crs"], has_geometry),
            total=max(info["features"], 0),
        )
        if geometry is not None:
            table.batches = _straightened(table, table.batches, partial(_linear, path, layer))
        if options["return_fids"]:
            _name_ids(table, meta["fid_column"] or "OGC_FID", info["driver"])
        elif ids and info["driver"] == "GeoJSON" and request.target_format == GEOJSON:
            feature = _first_feature(path) or {}
            table.fid = "id" if isinstance(feature.get("id"), str) else None
        if request.target_format == PARQUET:
            _settle_times(table, lambda names: _columns(path, layer, names))
        yield table
    finally:
        opened.__exit__(None, None, None)


def _layer(layers: Any, request: PointsRequest) -> str:
    """The layer to read: the one asked for, or the only one that holds places.

    Args:
        layers: (name, type of geometry or None) of each.
        request: may name one.
    """
    names = [str(name) for name, _ in layers]
    if not names:
        raise InputError(f"{request.source} has no layers: it is empty")
    if request.layer is not None:
        if request.layer not in names:
            raise InputError(f"{request.source} has no layer {request.layer!r}: {listing(names)}")
        return request.layer
    # A GeoPackage also holds the styles and projects of QGIS, and tables of attributes.
    choices = [str(name) for name, kind in layers if kind is not None] or names
    if len(choices) > 1:
        raise InputError(
            f"{request.source} has {len(choices)} layers: choose one by ",
            Argument("layer"),
            f": {listing(choices)}",
        )
    return choices[0]


def _has_ids(path: str, layer: str, info: dict[str, Any]) -> bool:
    """Whether feature ids are the file's own, and not GDAL's count of its rows."""
    if info["fid_column"]:
        return True
    if info["driver"] != "GeoJSON":
        return False
    feature = _first_feature(path)
    if feature is not None:
        return isinstance(feature.get("id"), int)  # of a text GDAL makes a column
    # An archive or an address: GDAL counts from 0.
    pyogrio = require("pyogrio", extra="points", purpose=PURPOSE)
    options = {"columns": [], "read_geometry": False, "return_fids": True, "max_features": 1}
    first = pyogrio.read_arrow(path, layer=layer, **options)[1].column(0).to_pylist()
    return first not in ([], [0])


def _first_feature(path: str) -> dict[str, Any] | None:
    """The first feature of a GeoJSON file on disk; None where it cannot be made out."""
    if not is_path(path) or not Path(path).is_file():
        return None
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        text = file.read(_FIRST_FEATURE)
    begin = re.search(r'"features"\s*:\s*\[', text)
    try:
        feature = json.JSONDecoder().raw_decode(text, text.index("{", begin.end() if begin else 0))
    except ValueError:
        return None
    return feature[0] if isinstance(feature[0], dict) else None


def _name_ids(table: Table, own: str, driver: str) -> None:
    """Give the column of ids, the first, a name: GeoJSON's is "id", GDAL's word is of no use."""
    pa = arrow()
    names = table.schema.names[1:]
    wanted = "id" if driver == "GeoJSON" else own
    (table.fid,) = first_free(names, ((wanted,), ("fid",), ("feature_id",)))
    schema = table.schema.set(0, table.schema.field(0).with_name(table.fid))
    batches = table.batches
    table.schema = schema
    table.batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches)


def _straightened(table: Table, batches: Iterator[Any], linear: Any) -> Iterator[Any]:
    """Batches whose arcs are lines, as GDAL draws them: nothing else here knows arcs."""
    position = table.schema.get_field_index(table.geometry)
    begin = curved = 0
    for batch in batches:
        column = batch.column(position)
        storage = getattr(column, "storage", column)
        arcs = int(np.isin(wkb_kinds(storage)[0], _CURVED).sum())
        if arcs:
            curved += arcs
            straight = arrow().array(linear(begin, batch.num_rows), storage.type)
            if storage is not column:
                straight = arrow().ExtensionArray.from_storage(column.type, straight)
            columns = [*batch.columns[:position], straight, *batch.columns[position + 1 :]]
            batch = arrow().RecordBatch.from_arrays(columns, schema=batch.schema)
        begin += batch.num_rows
        yield batch
    if curved:
        table.notes.append(f"{curved:,} geometries with arcs were made of lines, 4° of arc each")


def _linear(path: str, layer: str, begin: int, count: int) -> Any:
    """Geometries of some features in a row as WKB, without arcs."""
    pyogrio = require("pyogrio", extra="points", purpose=PURPOSE)
    with reading(path):
        return pyogrio.raw.read(
            path, layer=layer, columns=[], skip_features=begin, max_features=count
        )[2]


def _columns(path: str, layer: str, names: Sequence[str]) -> Iterator[Any]:
    """Some columns of a layer, times as text."""
    pyogrio = require("pyogrio", extra="points", purpose=PURPOSE)
    options = {"columns": list(names), "read_geometry": False, "datetime_as_string": True}
    with pyogrio.open_arrow(path, layer=layer, batch_size=ROWS, use_pyarrow=True, **options) as (
        _,
        reader,
    ):
        yield from guarded(reader, path)


@dataclass
class _Offsets:
    """The offsets to UTC that the times of a column have; "" for none."""

    seen: set[str]

    def type(self) -> Any:
        """Of timestamps that keep them, or text where some have one and some have none."""
        pa = arrow()
        if not self.seen - {""}:
            return pa.timestamp("ms")
        if "" in self.seen:
            return pa.string()
        if self.seen == {"Z"} or len(self.seen) > 1:
            return pa.timestamp("ms", "UTC")
        (offset,) = self.seen
        return pa.timestamp("ms", offset if ":" in offset else f"{offset[:3]}:{offset[3:]}")


def _settle_times(table: Table, columns: Any) -> None:
    """Give columns of times, which come as text, a type that keeps what all rows say."""
    pa = arrow()
    names = [field.name for field in table.schema if _IS_TIME in (field.metadata or {})]
    if not names:
        return
    offsets = {name: _Offsets(set()) for name in names}
    for batch in columns(names):
        for name in names:
            for text in batch.column(batch.schema.get_field_index(name)).to_pylist():
                if text is not None:
                    found = _OFFSET.search(text)
                    offsets[name].seen.add(found[1] if found else "")
    types = {name: offsets[name].type() for name in names}
    mixed = [repr(name) for name in names if len(offsets[name].seen - {""}) > 1]
    if mixed:
        table.notes.append(f"times with several offsets are written in UTC: {', '.join(mixed)}")
    fields = [
        pa.field(field.name, types[field.name]) if field.name in types else field
        for field in table.schema
    ]
    table.schema = pa.schema(fields, table.schema.metadata)
    table.batches = _cast(table.batches, table.schema)


def _cast(batches: Iterator[Any], schema: Any) -> Iterator[Any]:
    pa = arrow()
    for batch in batches:
        columns = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(batch.columns, schema)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
