"""Tables of any format as streams of Arrow record batches (the extra `points`)."""

from __future__ import annotations

import codecs
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Argument, InputError, require
from ..grid.crs import LONLAT
from .columns import find_coordinates, listing
from .csvtable import CsvSource, open_bytes, standard_input
from .csvtypes import settle_types
from .embedder import ROWS
from .request import CSV, GPKG, PARQUET, STANDARD_STREAM, PointsRequest

_PURPOSE = "a table of points that is not CSV"
# Earlier ones refuse a column of feature ids (OSGeo/gdal #11527); there the ids start at 1 again.
_WRITES_FID = (3, 10, 1)


@dataclass
class Table:
    """A table being read.

    Attributes:
        name: for messages.
        schema: of its batches (pyarrow).
        batches: of at most a few thousand rows.
        geometry: name of the geometry column; None where columns hold the coordinates.
        geometry_type: as GDAL names it.
        columns: positions of longitude and latitude, where there is no geometry.
        crs: of the coordinates.
        total: rows to come, 0 where unknown.
        fid: name of the column of feature ids, where they are to be kept.
        decimal_comma: whether "12,5" means 12.5 in its text.
    """

    name: str
    schema: Any
    batches: Iterator[Any]
    geometry: str | None = None
    geometry_type: str = "Point"
    columns: tuple[int, int] | None = None
    crs: str = LONLAT
    total: int = 0
    fid: str | None = None
    decimal_comma: bool = False


def arrow() -> Any:
    """pyarrow, or what to install."""
    return require("pyarrow", extra="points", purpose=_PURPOSE)


@contextmanager
def open_table(request: PointsRequest) -> Iterator[Table]:
    """Open the table of a request.

    Raises:
        InputError: missing, not readable, without coordinates, or of unknown CRS.
        MissingDependencyError: pyarrow or pyogrio is not installed.
    """
    readers = {CSV: _open_csv, PARQUET: _open_parquet}
    if request.source_format != CSV and not Path(request.source).exists():
        raise InputError(f"there is no {request.source}")
    with readers.get(request.source_format, _open_ogr)(request) as table:
        repeated = {name for name in table.schema.names if table.schema.names.count(name) > 1}
        if repeated:
            raise InputError(f"{table.name} has several columns called {listing(sorted(repeated))}")
        if table.geometry is None and table.columns is None:
            table.columns = find_coordinates(
                table.schema.names,
                request.lon_column,
                request.lat_column,
                projected=request.crs is not None,
            )
        yield table


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what pyarrow and GDAL raise into one line."""
    pa = arrow()
    try:
        yield
    except (pa.ArrowException, OSError, RuntimeError) as error:
        raise InputError(f"cannot read {name}: {_one_line(error)}") from error


@contextmanager
def _open_csv(request: PointsRequest) -> Iterator[Table]:
    require("pyarrow", extra="points", purpose="CSV to another format")

    with _csv_path(request) as path:
        with open_bytes(path) as stream:
            source = CsvSource(stream, request)
            pair = find_coordinates(
                source.header,
                request.lon_column,
                request.lat_column,
                projected=request.crs is not None,
            )
            for _ in source.rows():  # pyarrow takes a quote that is never closed for one long field
                pass
        types = _csv_types(path, source, pair)
        with open_bytes(path) as stream:
            reader = _csv_reader(stream, source, types)
            yield Table(
                source.name,
                reader.schema,
                _guarded(reader, source.name),
                columns=pair,
                crs=request.crs or LONLAT,
                total=source.total,
                decimal_comma=source.decimal_comma,
            )


def _csv_types(path: str, source: CsvSource, pair: tuple[int, int]) -> dict[str, Any]:
    """A type for each column that all of its rows have."""
    from pyarrow import csv, string

    # Coordinates stay text until they are parsed, so that a bad one costs its row only.
    fixed = {source.header[index]: string() for index in pair}
    with open_bytes(path) as stream, _csv_reader(stream, source, fixed) as reader:
        guessed = reader.schema
    text = {name: string() for name in guessed.names}
    with open_bytes(path) as stream, _csv_reader(stream, source, text) as reader:
        kinds = settle_types(
            _guarded(reader, source.name), guessed.types, csv.ConvertOptions().null_values
        )
    return dict(zip(guessed.names, kinds))


def _csv_reader(stream: Any, source: CsvSource, types: dict[str, Any]) -> Any:
    from pyarrow import csv

    encoding = source.request.encoding
    utf8 = codecs.lookup(encoding).name == "utf-8"
    with reading(source.name):
        return csv.open_csv(
            stream,
            csv.ReadOptions(block_size=1 << 22, encoding="utf8" if utf8 else encoding),
            csv.ParseOptions(delimiter=source.delimiter, newlines_in_values=True),
            csv.ConvertOptions(column_types=types),
        )


@contextmanager
def _csv_path(request: PointsRequest) -> Iterator[str]:
    """The CSV as a file that can be read several times: a copy of what is a stream."""
    path = Path(request.source)
    if request.source != STANDARD_STREAM and (path.is_file() or not path.exists()):
        yield request.source
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "table.csv")
        with open(copy, "wb") as target:
            if request.source == STANDARD_STREAM:
                shutil.copyfileobj(standard_input(), target)
            else:
                with open_bytes(request.source) as stream:
                    shutil.copyfileobj(stream, target)
        yield str(copy)


@contextmanager
def _open_parquet(request: PointsRequest) -> Iterator[Table]:
    arrow()
    from pyarrow import parquet

    with reading(request.source):
        file = parquet.ParquetFile(request.source)
    with file:
        schema = file.schema_arrow
        geo = _geo_metadata(schema, request)
        geometry = geo.get("primary_column") if geo else None
        if geometry is not None and geometry not in schema.names:
            raise InputError(f"{request.source}: its geometry column {geometry!r} is missing")
        described = geo.get("columns", {}).get(geometry, {}) if geo else {}
        types = described.get("geometry_types") or []
        yield Table(
            request.source,
            schema,
            _guarded(file.iter_batches(batch_size=ROWS), request.source),
            geometry=geometry,
            geometry_type=types[0] if len(types) == 1 else "Unknown",
            crs=_crs(request, _geoparquet_crs(described), geometry is not None),
            total=file.metadata.num_rows,
        )


@contextmanager
def _open_ogr(request: PointsRequest) -> Iterator[Table]:
    arrow()
    pyogrio = require("pyogrio", extra="points", purpose=_PURPOSE)
    path = request.source
    both_gpkg = Path(path).suffix.lower() == ".gpkg" and request.target_format == GPKG
    keep_fid = both_gpkg and pyogrio.__gdal_version__ >= _WRITES_FID
    with reading(path):
        layer = _layer([str(name) for name, _ in pyogrio.list_layers(path)], request)
        total = pyogrio.read_info(path, layer=layer)["features"]
        opened = pyogrio.open_arrow(
            path, layer=layer, batch_size=ROWS, use_pyarrow=True, return_fids=keep_fid
        )
        # Entered by hand: what goes wrong while others read from it is not a reading error.
        meta, reader = opened.__enter__()
    try:
        has_geometry = meta["geometry_type"] is not None and request.lon_column is None
        yield Table(
            path,
            reader.schema,
            _guarded(reader, path),
            geometry=(meta["geometry_name"] or "wkb_geometry") if has_geometry else None,
            geometry_type=meta["geometry_type"] or "Unknown",
            crs=_crs(request, meta["crs"], has_geometry),
            total=max(total, 0),
            fid=(meta["fid_column"] or "OGC_FID") if keep_fid else None,
        )
    finally:
        opened.__exit__(None, None, None)


def _layer(layers: list[str], request: PointsRequest) -> str:
    if not layers:
        raise InputError(f"{request.source} has no layers: it is empty")
    if request.layer is None:
        if len(layers) > 1:
            raise InputError(
                f"{request.source} has {len(layers)} layers: choose one by ",
                Argument("layer"),
                f": {listing(layers)}",
            )
        return layers[0]
    if request.layer not in layers:
        raise InputError(f"{request.source} has no layer {request.layer!r}: {listing(layers)}")
    return request.layer


def _crs(request: PointsRequest, own: str | None, has_geometry: bool) -> str:
    """The CRS of a geometry, or of columns of coordinates."""
    if not has_geometry:
        return request.crs or LONLAT
    if own is None and request.crs is None:
        raise InputError(
            f"{request.source} does not say its CRS: give it, e.g. ",
            Argument("crs", LONLAT),
        )
    if own is not None and request.crs not in (None, own):
        raise InputError(
            f"{request.source} has a CRS of its own: leave ",
            Argument("crs", request.crs),
            " out",
        )
    return own or request.crs or LONLAT


def _geoparquet_crs(column: dict[str, Any]) -> str | None:
    """The CRS of a GeoParquet column: PROJJSON; absent means CRS84, null means unknown."""
    if "crs" not in column:
        return "OGC:CRS84"
    own = column["crs"]
    if not isinstance(own, dict):
        return None if own is None else str(own)
    known = own.get("id")
    if isinstance(known, dict) and {"authority", "code"} <= set(known):
        return f"{known['authority']}:{known['code']}"
    return json.dumps(own)


def _geo_metadata(schema: Any, request: PointsRequest) -> dict[str, Any] | None:
    raw = (schema.metadata or {}).get(b"geo")
    if raw is None or request.lon_column is not None:
        return None
    try:
        geo = json.loads(raw)
        if isinstance(geo, dict) and isinstance(geo["columns"][geo["primary_column"]], dict):
            return geo
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{request.source}: its GeoParquet metadata is malformed")


def _guarded(batches: Any, name: str) -> Iterator[Any]:
    iterator = iter(batches)
    while True:
        with reading(name):
            batch = next(iterator, None)
        if batch is None:
            return
        if batch.num_rows:
            yield batch


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
