"""A table of points in, the same table with embeddings out."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError
from ..files import check_target, is_same, written_whole
from ..grid.crs import LONLAT, check_crs
from ..types import Cancelled, Progress
from .columns import first_free, new_columns
from .csvtable import embed_csv, open_csv
from .embedder import Embedder
from .request import CSV, STANDARD_STREAM, PointsRequest, PointsResult

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .sources import Table

_log = logging.getLogger(__name__)

# What longitude and latitude are called where CSV takes the place of a geometry.
_LONLAT = (("lon", "lat"), ("longitude", "latitude"), ("point_lon", "point_lat"))


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
    if target.exists() and is_same(target, Path(request.source)):
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
    lonlat = [] if table.geometry is None else list(first_free(names, _LONLAT))
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
    from .geometry import coordinates
    from .layout import Composer
    from .writers import write_table

    composer = Composer(table, request, embedder.encoder.dim)

    def batches() -> Iterator[Any]:
        for batch in table.batches:
            x, y, describe = coordinates(
                table, batch, first_row=embedder.rows + 1, centroid=request.centroid
            )
            yield composer.compose(batch, embedder.embed(x, y, describe), x, y)

    with written_whole(request.target, overwrite=request.overwrite) as temporary:
        write_table(temporary, composer.layout, batches())
        return embedder.result()


@contextmanager
def _text_target(request: PointsRequest) -> Iterator[IO[str]]:
    """The target as a text stream: a file that appears whole, or standard output."""
    if request.target != STANDARD_STREAM:
        whole = written_whole(request.target, overwrite=request.overwrite)
        with whole as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    if sys.stdout is None:
        raise OutputError("standard output is closed: write to a file")
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
