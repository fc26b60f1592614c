"""Tables of any format as streams of Arrow record batches (the extra `points`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..grid.crs import LONLAT
from .columns import find_coordinates, listing
from .csvtable import CsvSource, coordinate_columns, open_csv
from .csvtypes import UNITS, settle_types, text_batches, typed
from .embedder import ROWS
from .geoparquet import open_parquet
from .layers import open_layer
from .locate import is_path
from .request import CSV, PARQUET, PointsRequest
from .table import Table, arrow


@contextmanager
def open_table(request: PointsRequest, *, ids: bool = False) -> Iterator[Table]:
    """Open the table of a request.

    Args:
        request: names it.
        ids: give feature ids as a column, where the source has any of its own.

    Raises:
        InputError: missing, not readable, without coordinates, or of unknown CRS.
        MissingDependencyError: pyarrow or pyogrio is not installed.
    """
    kind, source = request.source_format, request.source
    if kind != CSV and is_path(source) and not Path(request.path).exists():
        raise InputError(f"there is no {source}")
    if kind == CSV:
        opened = _open_csv(request)
    else:
        opened = open_parquet(request) if kind == PARQUET else open_layer(request, ids=ids)
    with opened as table:
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
def _open_csv(request: PointsRequest) -> Iterator[Table]:
    """Read twice: once for the types that all rows have, and whether all rows are sound."""
    pa = require("pyarrow", extra="points", purpose="CSV to another format")
    with open_csv(request, twice=True) as source:
        pair = coordinate_columns(source)
        types, total = _csv_types(source)
        for index in pair:  # text until they are parsed, so that a bad one costs its row only
            types[index] = pa.string()
        names = _named(source.header)
        schema = pa.schema(list(zip(names, types)))
        source.again()
        yield Table(
            source.name,
            schema,
            _csv_batches(source, schema),
            columns=pair,
            crs=request.crs or LONLAT,
            total=total,
            number=source.number,
            notes=_renamed(source.header, names),
        )


def _csv_types(source: CsvSource) -> tuple[list[Any], int]:
    """A type for each column that all of its rows have, and how many rows there are."""
    counts = [0]

    def counted() -> Iterator[list[Any]]:
        for batch in text_batches(source.rows(), ROWS):
            counts.append(len(batch[0]))
            yield batch

    # GDAL rounds times to milliseconds.
    units = UNITS if source.request.target_format == PARQUET else UNITS[:2]
    return settle_types(counted(), len(source.header), units), sum(counts)


def _csv_batches(source: CsvSource, schema: Any) -> Iterator[Any]:
    for batch in text_batches(source.rows(), ROWS):
        columns = [typed(column, kind) for column, kind in zip(batch, schema.types)]
        yield arrow().RecordBatch.from_arrays(columns, schema=schema)


def _named(header: list[str]) -> list[str]:
    """A name for each column, for formats in which each has one of its own.

    One without a name, as pandas leaves that of its index, is called by its place; the second of a
    name gets a number.
    """
    names: list[str] = []
    for place, name in enumerate(header, 1):
        plain = name if name.strip() else f"column_{place}"
        choices = (plain, *(f"{plain}_{count}" for count in range(2, len(header) + 2)))
        taken = {*names, *(other for other in header if other != name)}
        names.append(next(choice for choice in choices if choice not in taken))
    return names


def _renamed(header: list[str], names: list[str]) -> list[str]:
    """A line that says which columns got another name, where any that had one did."""
    others = [f"{new!r}" for old, new in zip(header, names) if old.strip() and old != new]
    return [f"columns of one name were numbered: {', '.join(others)}"] if others else []
