"""Streams of Arrow record batches into files (the extra `points`)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from ..errors import OutputError, SatclipError, require
from .csvtable import csv_header, csv_lines
from .layout import Layout
from .request import GPKG, PARQUET
from .table import PURPOSE, arrow, log_warnings
from .values import texts

# Earlier ones refuse a column of feature ids (OSGeo/gdal #11527); there it is a plain column.
_WRITES_FID = (3, 10, 1)


def write_table(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    """Write batches to a GeoParquet, GeoPackage or GeoJSON file.

    Args:
        path: the file.
        layout: what it holds.
        batches: of that layout.

    Raises:
        OutputError: the format cannot hold the table, or the system says no.
    """
    pa = arrow()
    failures: list[BaseException] = []
    try:
        if layout.kind == PARQUET:
            _write_parquet(path, layout, batches)
        else:
            remembering = _remembering(batches, failures)
            next(remembering)
            _write_ogr(path, layout, remembering)
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
        options: `header` (all names), `delimiter`, `adding` (what the values are).
    """
    delimiter, adding = options["delimiter"], options["adding"]
    target.write(csv_header(options["header"], delimiter))
    for columns, values in batches:
        fields = [[text or "" for text in texts(column)] for column in columns]
        rows = list(zip(*fields)) if fields else [()] * len(values)
        target.writelines(csv_lines(rows, values, delimiter, adding))


def _write_ogr(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    pa = arrow()
    pyogrio = require("pyogrio", extra="points", purpose=PURPOSE)
    reader = pa.RecordBatchReader.from_batches(layout.schema, batches)
    options = _layer_options(layout, pyogrio.__gdal_version__)
    if layout.description:
        options["DESCRIPTION"] = layout.description
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
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
    log_warnings(caught)


def _layer_options(layout: Layout, gdal: tuple[int, ...]) -> dict[str, str]:
    """What GDAL is told of the layer: where ids and geometries go."""
    names = [name.lower() for name in layout.schema.names]
    options = {}
    if layout.fid is not None and (layout.kind != GPKG or gdal >= _WRITES_FID):
        options["FID" if layout.kind == GPKG else "ID_FIELD"] = layout.fid
    elif layout.kind == GPKG and "fid" in names:
        options["FID"] = "ogc_fid"  # the table's own column of that name stays a plain one
    if layout.kind == GPKG and layout.geometry not in (None, "geom") and "geom" in names:
        options["GEOMETRY_NAME"] = str(layout.geometry)  # geom by default: the same
    return options


def _write_parquet(path: Path, layout: Layout, batches: Iterator[Any]) -> None:
    arrow()
    from pyarrow import parquet

    schema = layout.schema
    metadata = dict(schema.metadata or {})
    if layout.geometry is not None and b"geo" not in metadata:
        metadata[b"geo"] = json.dumps(_geo_metadata(layout)).encode()
    if layout.description:
        metadata[b"description"] = layout.description.encode()
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
    """Keep what goes wrong: GDAL only passes on that something did.

    Goes first to where it keeps: Ctrl-C while GDAL makes the file is raised when it asks here.
    """
    try:
        yield None
        yield from batches
    except GeneratorExit:
        raise
    except BaseException as error:
        failures.append(error)
        raise
