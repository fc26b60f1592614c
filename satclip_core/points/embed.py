"""A table of points in, the same table with embeddings out."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..errors import OutputError
from ..files import check_folder, check_target, is_same, written_whole
from ..grid.crs import LONLAT, check_crs
from ..types import Cancelled, Floats, Progress
from .adding import Adding, adding_of
from .csvtable import embed_csv, open_csv
from .embedder import Embedder
from .locate import brought
from .request import CSV, FOLDER_MARK, STANDARD_STREAM, PointsRequest, PointsResult

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .table import Table

_log = logging.getLogger(__name__)


def embed_points(
    encoder: LocationEncoder,
    request: PointsRequest,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    scheduler: str | None = None,
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
        scheduler: address of a Dask scheduler whose workers embed the rows, or "local" for workers
            on this machine; in this process where None. What is done is kept as with `resume`.

    Raises:
        InputError: the table cannot be used: missing, unreadable, no coordinates, columns that
            are there already, no usable row (`strict`: any unusable row).
        OutputError: the target exists or cannot be written, or another table was begun there.
        CancelledError: `cancelled` said so; nothing was written but what is kept.
        MissingDependencyError: a format needs the extra `points`, a scheduler `dask`.
    """
    check_request(request, folders=True)
    in_parts = request.is_folder or request.resume or scheduler is not None
    if in_parts:
        from .part_tables import check_parts, file_in_parts, folder_in_parts

        check_parts(request, scheduler)
    if request.crs is not None:
        request = replace(request, crs=check_crs(request.crs))
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    with brought(request) as here:
        if in_parts:
            make = folder_in_parts if request.is_folder else file_in_parts
            result = make(encoder, here, hooks, scheduler)
        else:
            result = extended(here, adding_of(encoder, request), hooks)
    say(result)
    return result


def say(result: PointsResult) -> None:
    """What a user should know of a result, as warnings."""
    for line in (*result.notes, *([result.warning] if result.warning else [])):
        _log.warning(line)


def extended(request: PointsRequest, adding: Adding, hooks: dict[str, Any]) -> PointsResult:
    """Write a table with more columns.

    Args:
        request: source, on disk or standard input, and target.
        adding: makes the columns.
        hooks: `progress` and `cancelled` of `embed_points`.

    Raises:
        as `embed_points` does.
    """
    if request.source_format == request.target_format == CSV:
        return _csv_to_csv(request, adding, hooks)
    from .sources import open_table

    with open_table(request, ids=True) as table:
        return written(table, Embedder(adding, request, crs=table.crs, total=table.total, **hooks))


def written(table: Table, embedder: Embedder) -> PointsResult:
    """Write a table that is open, with more columns.

    Raises:
        as `embed_points` does.
    """
    request = embedder.request
    work = _table_to_csv if request.target_format == CSV else _table_to_file
    return work(table, request, embedder)


def check_request(request: PointsRequest, *, folders: bool = False) -> None:
    """Refuse what cannot come out well before anything is read.

    Args:
        request: what is asked.
        folders: whether it may be a folder of tables.

    Raises:
        OutputError: the target cannot be written, or is what is read.
    """
    kind = request.target_format
    target = Path(request.target)
    if request.target == STANDARD_STREAM:
        return
    if request.is_folder and folders:
        check_folder(target, FOLDER_MARK, overwrite=request.overwrite)
        return
    if request.is_folder:
        raise OutputError(f"{request.target} is a folder by its name: give a file name")
    if target.exists() and is_same(target, Path(request.source)):
        raise OutputError(f"{target} is the {kind} table that is read: write to another file")
    check_target(target, overwrite=request.overwrite)


def _csv_to_csv(request: PointsRequest, adding: Adding, hooks: dict[str, Any]) -> PointsResult:
    with open_csv(request) as source:
        crs = request.crs or LONLAT
        embedder = Embedder(adding, request, crs=crs, total=source.total, **hooks)
        with _text_target(request) as target:
            embed_csv(source, target, embedder)
            return embedder.result()


def _table_to_csv(table: Table, request: PointsRequest, embedder: Embedder) -> PointsResult:
    """Attributes and embeddings; longitude and latitude take the place of a geometry."""
    from .layout import PlaceColumns
    from .writers import write_csv

    places = None if table.geometry is None else PlaceColumns(table, embedder.lonlat)
    names = [name for name in table.schema.names if name != table.geometry]
    header = names + ([] if places is None else places.names(names))
    adding = embedder.adding
    added = adding.names(header)

    def batches() -> Iterator[Any]:
        for batch, x, y, values in _embedded_batches(table, embedder):
            columns = [batch.column(table.schema.get_field_index(name)) for name in names]
            if places is not None:
                columns += places.columns(batch, x, y)
            yield columns, values

    with _text_target(request) as target:
        delimiter = "\t" if Path(request.target).suffix.lower() == ".tsv" else ","
        write_csv(target, batches(), header=header + added, delimiter=delimiter, adding=adding)
        notes = table.notes + ([] if places is None else places.notes)
        return _noted(embedder.result(), notes)


def _table_to_file(table: Table, request: PointsRequest, embedder: Embedder) -> PointsResult:
    from .layout import Composer
    from .writers import write_table

    composer = Composer(table, request, embedder.adding)
    batches = (
        composer.compose(batch, values, x, y)
        for batch, x, y, values in _embedded_batches(table, embedder)
    )
    with written_whole(request.target, overwrite=request.overwrite) as temporary:
        write_table(temporary, composer.layout, batches)
        return _noted(embedder.result(), [*table.notes, *composer.notes])


def _noted(result: PointsResult, notes: Sequence[str]) -> PointsResult:
    """A result with what its formats have to say before it."""
    return replace(result, notes=(*notes, *result.notes))


def _embedded_batches(
    table: Table, embedder: Embedder
) -> Iterator[tuple[Any, Floats, Floats, NDArray[Any]]]:
    """Each batch with its x and y in the table's CRS, and its embeddings."""
    for batch in table.batches:
        yield (batch, *embedder.batch(table, batch))


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
