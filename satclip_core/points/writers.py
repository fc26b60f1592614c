"""Streams of Arrow record batches into files (the extra `points`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, SatclipError, require
from .csvtable import csv_header, csv_lines
from .places import to_text
from .request import GEOJSON, GPKG, PARQUET
from .sources import arrow

_PURPOSE = "a table of points that is not CSV"


@dataclass(frozen=True)
class Layout:
    """How the result is laid out.

    Attributes:
        kind: format of the target.
        schema: of the batches to write (pyarrow).
        geometry: name of the geometry column; None for a table without.
        geometry_type: as GDAL names it.
        crs: of the geometry.
        fid: name of the column of feature ids, if any.
    """

    kind: str
    schema: Any
    geometry: str | None
    geometry_type: str
    crs: str
    fid: str | None


def value_columns(
    values: NDArray[Any], names: list[str], kind: str, *, array: bool
) -> list[tuple[Any, Any]]:
    """Embeddings as Arrow fields and columns; null where they are NaN.

    An array column is a list in GeoParquet and GeoJSON; a GeoPackage has no lists, there it is
    JSON text.

    Args:
        values: (N, dim) float32 or float16.
        names: of the columns.
        kind: format of the target.
        array: one column for all dimensions.
    """
    pa = arrow()
    empty = np.isnan(values[:, 0]) if len(values) else np.zeros(0, bool)
    if array and kind == GPKG:
        texts = [f"[{text}]" if text else None for text in to_text(values)]
        return [(pa.field(names[0], pa.string()), pa.array(texts, pa.string()))]
    if kind == GEOJSON:
        values = _short_decimals(values)
    if array:
        # A null starts where the next list does, so that its neighbour ends there too.
        offsets = np.append(0, np.cumsum(np.where(empty, 0, values.shape[1])))
        starts = pa.array(offsets.astype(np.int32), mask=np.append(empty, False))
        column = pa.ListArray.from_arrays(starts, pa.array(values[~empty].ravel()))
        return [(pa.field(names[0], column.type), column)]
    columns = [pa.array(np.ascontiguousarray(column), mask=empty) for column in values.T]
    return [(pa.field(name, column.type), column) for name, column in zip(names, columns)]


def plain_column(column: Any, kind: str) -> Any:
    """A column that GDAL can take: dictionaries decoded, columns of nothing as text."""
    pa = arrow()
    if kind != PARQUET and pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if kind != PARQUET and pa.types.is_null(column.type):
        return column.cast(pa.string())
    return column


def write_table(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    """Write batches to a GeoParquet, GeoPackage or GeoJSON file.

    Raises:
        OutputError: the format cannot hold the table, or the system says no.
    """
    pa = arrow()
    failures: list[BaseException] = []
    try:
        if layout.kind == PARQUET:
            _write_parquet(path, layout, batches)
        else:
            _write_ogr(path, layout, _remembering(batches, failures))
    except (pa.ArrowException, RuntimeError, OSError, ValueError) as error:
        if failures:  # what went wrong while GDAL was asking for the next batch
            raise failures[0] from None
        if isinstance(error, SatclipError):
            raise
        text = " ".join(str(error).split())[:300]
        raise OutputError(f"cannot write the table as {layout.kind}: {text}") from error


def write_csv(target: IO[str], batches: Iterator[tuple[Any, NDArray[Any]]], **options: Any) -> None:
    """Write batches and their embeddings as CSV.

    Args:
        target: text stream opened with newline="".
        batches: (Arrow columns, (N, dim) values).
        options: `header` (all names), `delimiter`, `array` (one JSON array column).
    """
    delimiter, array = options["delimiter"], options["array"]
    target.write(csv_header(options["header"], delimiter))
    for columns, values in batches:
        texts = [_texts(column) for column in columns]
        rows = list(zip(*texts)) if texts else [()] * len(values)
        target.writelines(csv_lines(rows, values, delimiter, array=array))


def _write_ogr(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    pa = arrow()
    pyogrio = require("pyogrio", extra="points", purpose=_PURPOSE)
    names = [name.lower() for name in layout.schema.names]
    options = {}
    if layout.kind == GPKG and layout.fid is None and "fid" in names:
        options["FID"] = "ogc_fid"  # the table's own column of that name stays a plain one
    reader = pa.RecordBatchReader.from_batches(layout.schema, batches)
    pyogrio.write_arrow(
        reader,
        path,
        driver=layout.kind,
        layer=path.stem,
        geometry_name=layout.geometry,
        geometry_type=layout.geometry_type,
        crs=layout.crs,
        layer_options=options,
    )


def _write_parquet(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    arrow()
    from pyarrow import parquet

    schema = layout.schema
    metadata = dict(schema.metadata or {})
    if layout.geometry is not None and b"geo" not in metadata:
        metadata[b"geo"] = json.dumps(_geo_metadata(layout)).encode()
    schema = schema.with_metadata(metadata)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(metadata))


def _geo_metadata(layout: Layout) -> dict[str, Any]:
    """GeoParquet 1.0 metadata for one column of WKB."""
    pyproj = require("pyproj", purpose="GeoParquet")
    known = layout.geometry_type not in (None, "Unknown")
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [layout.geometry_type] if known else [],
        "crs": pyproj.CRS.from_user_input(layout.crs).to_json_dict(),
    }
    return {
        "version": "1.0.0",
        "primary_column": layout.geometry,
        "columns": {layout.geometry: column},
    }


def _remembering(batches: Iterator[Any], failures: list[BaseException]) -> Iterator[Any]:
    """Keep what goes wrong: GDAL only passes on that something did."""
    try:
        yield from batches
    except GeneratorExit:
        raise
    except BaseException as error:
        failures.append(error)
        raise


def _short_decimals(values: NDArray[Any]) -> NDArray[np.float64]:
    """The nearest doubles to 9 (float16: 5) significant digits, which GeoJSON then writes short.

    Both count and power of ten are exact in float64, so the quotient is the decimal's own double.
    """
    precision = 9 if values.dtype == np.float32 else 5
    exact = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = precision - 1 - np.floor(np.log10(np.abs(exact)))
    usable = np.isfinite(exponent) & (exponent >= 0) & (exponent <= 22)
    power = np.power(10.0, np.where(usable, exponent, 0))
    return np.where(usable, np.rint(exact * power) / power, exact)


def _texts(column: Any) -> list[str]:
    """A column as CSV fields; "" for null."""
    pa = arrow()
    values = getattr(column, "storage", column).to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [value or "" for value in values]
    if pa.types.is_float32(column.type):
        return ["" if value is None else f"{value:.9g}" for value in values]
    return ["" if value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
