"""A table of points in, the same table with embeddings out."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..crs import LONLAT, check_crs
from ..errors import OutputError, require
from ..files import check_target, written_whole
from .columns import new_columns
from .csvtable import embed_csv, open_csv
from .places import Embedder
from .request import (
    CSV,
    GEOJSON,
    PARQUET,
    STANDARD_STREAM,
    Cancelled,
    PointsRequest,
    PointsResult,
    Progress,
)

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .sources import Table
    from .writers import Layout

_log = logging.getLogger(__name__)

# What longitude and latitude are called where CSV takes the place of a geometry.
_LONLAT = (("lon", "lat"), ("longitude", "latitude"), ("point_lon", "point_lat"))
_GEOMETRY = ("geometry", "geom", "point_geometry")


def embed_points(
    encoder: LocationEncoder,
    request: PointsRequest,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> PointsResult:
    """Add the embedding of its place to each row of a table.

    Rows, columns and CRS of the table are kept; the target appears whole or not at all. CSV to
    CSV needs nothing beyond the plain install; other formats need the extra `points`. Memory
    does not grow with the table.

    Args:
        encoder: the model.
        request: source, target and how.
        progress: called with (rows done, rows in all; 0 where unknown).
        cancelled: asked every few thousand rows.

    Raises:
        InputError: the table cannot be used: missing, unreadable, no coordinates, columns that
            are there already, no usable row (`strict`: any unusable row).
        OutputError: the target exists or cannot be written.
        CancelledError: `cancelled` said so; nothing was written.
        MissingDependencyError: a format needs the extra `points`.
    """
    _check(request)
    if request.crs is not None:
        request = replace(request, crs=check_crs(request.crs))
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    if request.source_format == request.target_format == CSV:
        result = _csv_to_csv(request, encoder, hooks)
    else:
        from .sources import open_table

        with open_table(request) as table:
            embedder = Embedder(encoder, request, crs=table.crs, total=table.total, **hooks)
            work = _table_to_csv if request.target_format == CSV else _table_to_file
            result = work(table, request, embedder)
    if result.warning:
        _log.warning(result.warning)
    return result


def _check(request: PointsRequest) -> None:
    """Refuse what cannot come out well before anything is read."""
    kind = request.target_format
    target = Path(request.target)
    if request.target == STANDARD_STREAM:
        return
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise OutputError(f"{target} is no regular file")
    source = Path(request.source)
    if target.exists() and source.exists() and os.path.samefile(source, target):
        raise OutputError(f"{target} is the {kind} table that is read: write to another file")
    check_target(target, overwrite=request.overwrite)


def _csv_to_csv(
    request: PointsRequest, encoder: LocationEncoder, hooks: dict[str, Any]
) -> PointsResult:
    with open_csv(request) as source:
        embedder = Embedder(
            encoder, request, crs=request.crs or LONLAT, total=source.total, **hooks
        )
        with _text_target(request) as target:
            embed_csv(source, target, embedder)
            return embedder.result()


def _table_to_csv(table: Table, request: PointsRequest, embedder: Embedder) -> PointsResult:
    """Attributes and embeddings; longitude and latitude take the place of a geometry."""
    from .geometry import coordinates
    from .sources import arrow
    from .writers import write_csv

    pa = arrow()
    names = [name for name in table.schema.names if name != table.geometry]
    lonlat = [] if table.geometry is None else list(_free(names, _LONLAT))
    header = names + lonlat
    added = new_columns(header, embedder.encoder.dim, array=request.array, prefix=request.prefix)

    def batches() -> Iterator[Any]:
        for batch in table.batches:
            x, y, describe = coordinates(
                table, batch, first_row=embedder.rows + 1, centroid=request.centroid
            )
            columns = [batch.column(table.schema.get_field_index(name)) for name in names]
            if lonlat:
                columns += [pa.array(a, mask=~np.isfinite(a)) for a in embedder.lonlat(x, y)]
            yield columns, embedder.embed(x, y, describe)

    with _text_target(request) as target:
        delimiter = "\t" if Path(request.target).suffix.lower() == ".tsv" else ","
        array = request.array is not None
        write_csv(target, batches(), header=header + added, delimiter=delimiter, array=array)
        return embedder.result()


def _table_to_file(table: Table, request: PointsRequest, embedder: Embedder) -> PointsResult:
    from .writers import write_table

    layout, batches = _laid_out(table, request, embedder)
    with written_whole(request.target, overwrite=request.overwrite) as temporary:
        write_table(temporary, layout, batches)
        return embedder.result()


def _laid_out(
    table: Table, request: PointsRequest, embedder: Embedder
) -> tuple[Layout, Iterator[Any]]:
    """The result's layout, and its batches: the table's columns, a geometry, the embedding."""
    from .geometry import coordinates, points_wkb, struct_to_wkb
    from .sources import arrow
    from .writers import Layout, plain_column, value_columns

    pa = arrow()
    kind, array, dim = request.target_format, request.array is not None, embedder.encoder.dim
    crs = _coded(table) if kind == GEOJSON else table.crs
    names = list(table.schema.names)
    added = new_columns(names, dim, array=request.array, prefix=request.prefix)
    geometry = table.geometry
    # A plain Parquet table stays plain; every other result is a layer with points.
    make_points = geometry is None and not (kind == request.source_format == PARQUET)
    if make_points:
        (geometry,) = _free([*names, *added], tuple((name,) for name in _GEOMETRY))
    native = kind != PARQUET and table.geometry is not None and _is_struct(table)

    def lay_out(batch: Any, values: Any, x: Any, y: Any) -> Any:
        columns = dict(zip(names, (plain_column(column, kind) for column in batch.columns)))
        if table.columns is not None and request.source_format == CSV:
            for axis, position in zip((x, y), table.columns):
                columns[names[position]] = pa.array(axis, mask=np.isnan(axis))
        if native:
            columns[geometry] = struct_to_wkb(columns[geometry])
        if make_points:
            columns[geometry] = points_wkb(x, y)
        fields = [_field(table, name, column) for name, column in columns.items()]
        new = value_columns(values, added, kind, array=array)
        return pa.RecordBatch.from_arrays(
            [*columns.values(), *(column for _, column in new)],
            schema=pa.schema([*fields, *(field for field, _ in new)], table.schema.metadata),
        )

    def batches() -> Iterator[Any]:
        for batch in table.batches:
            x, y, describe = coordinates(
                table, batch, first_row=embedder.rows + 1, centroid=request.centroid
            )
            yield lay_out(batch, embedder.embed(x, y, describe), x, y)

    nothing = np.empty(0)
    empty = table.schema.empty_table().combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=table.schema)
    ]
    schema = lay_out(empty[0], np.empty((0, dim), request.dtype), nothing, nothing).schema
    kind_of = "Point" if make_points else table.geometry_type
    return Layout(kind, schema, geometry, kind_of, crs, table.fid), batches()


def _coded(table: Table) -> str:
    """The CRS as AUTHORITY:CODE, the only thing that GeoJSON can say about one."""
    if re.fullmatch(r"[A-Za-z]+:\w+", table.crs):
        return table.crs
    pyproj = require("pyproj", purpose="a table in another CRS")
    authority = pyproj.CRS.from_user_input(table.crs).to_authority(min_confidence=100)
    if authority is None:
        raise OutputError(
            f"the CRS of {table.name} has no code, and GeoJSON names a CRS by its code: write a "
            "GeoPackage or GeoParquet"
        )
    return ":".join(authority)


def _is_struct(table: Table) -> bool:
    from .sources import arrow

    return bool(arrow().types.is_struct(table.schema.field(table.geometry).type))


def _field(table: Table, name: str, column: Any) -> Any:
    """A column's field: the table's own where its type was kept."""
    from .sources import arrow

    own = table.schema.field(name) if name in table.schema.names else None
    return own if own is not None and own.type == column.type else arrow().field(name, column.type)


def _free(names: list[str], choices: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The first choice of names that are not taken; the last one if all are."""
    taken = {name.lower() for name in names}
    return next((choice for choice in choices if not taken & set(choice)), choices[-1])


@contextmanager
def _text_target(request: PointsRequest) -> Iterator[IO[str]]:
    """The target as a text stream: a file that appears whole, or standard output."""
    if request.target != STANDARD_STREAM:
        whole = written_whole(request.target, overwrite=request.overwrite)
        with whole as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield stream
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error
    finally:
        with suppress(OSError, ValueError):
            stream.detach()
