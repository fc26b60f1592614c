"""Large tables made in parts: interrupted they go on, on a cluster each part is a task.

What is made in parts and kept (see `resumable`) depends on the target:

- of a folder its files: GeoParquet tables of some ten thousand rows with all their columns,
  NAME/part-00017.parquet, beside NAME/_about.json, which says what they are;
- of a single file the numbers of each batch of rows, with which it is written in one go in the end.

This process alone reads the table, so that rows keep their order whatever its format is; a task is
handed those of its part. Workers need this package, the model and the folder of the target.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..compute.cluster import check_dask, run_tasks
from ..compute.threads import available_threads
from ..encoder import on_device
from ..errors import InputError, ModelError, OutputError
from ..files import put_folder, sync_folder, written_whole
from ..models.registry import load_encoder, name_of
from ..resumable import Kept, kept_mark, kept_work, open_kept, source_fact
from ..types import Floats, Progress
from ..version import __version__
from .adding import Adding, adding_of
from .csvtable import batches, coordinate_columns, open_csv
from .embed import extended
from .embedder import ROWS, Embedder, values_at
from .layout import Composer, joined
from .locate import Place
from .request import CSV, FOLDER_MARK, STANDARD_STREAM, PointsRequest, PointsResult
from .sources import open_table
from .writers import write_table

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .layout import Layout
    from .table import Table

_TABLE = "table"
# Rows of a file of a folder, which ends with the batch that brings as many: 67 MB of float32 at 256
# dimensions before compression.
_PART_ROWS = 2 * ROWS
# What decides no byte of the parts, or is told by other facts.
_NO_FACTS = (
    "source",
    "target",
    "overwrite",
    "strict",
    "threads",
    "local",
    "local_format",
    "resume",
)

_opened: dict[str, Adding] = {}
_opening = Lock()


@dataclass(frozen=True)
class Making:
    """What all parts of a table have in common, to be pickled.

    Attributes:
        request: as it was asked.
        target: the file or folder, in full.
        model: what workers call it, or its file.
        sha256: of the model.
        device: on which it computes.
        layout: of the files of a folder; None where the parts are numbers.
        names: of the new columns.
    """

    request: PointsRequest
    target: Path
    model: str
    sha256: str
    device: str
    layout: Layout | None = None
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Portion:
    """The rows of a part.

    Attributes:
        index: of the part.
        places: of each batch (N, 2) degrees, NaN in rows that stay empty.
        columns: the batches (Arrow) without the new columns; none where the parts are numbers.
    """

    index: int
    places: Sequence[Floats]
    columns: Sequence[Any] = ()


def check_parts(request: PointsRequest, scheduler: str | None) -> None:
    """Refuse what cannot be made in parts, before anything is read.

    Raises:
        InputError: standard input or output.
        MissingDependencyError: there is no Dask.
    """
    if STANDARD_STREAM in (request.source, request.target):
        raise InputError(
            "what is made in parts is kept, and its source read again: give files in place of "
            "standard input and output"
        )
    if scheduler is not None:
        check_dask()


def folder_in_parts(
    encoder: LocationEncoder, request: PointsRequest, hooks: dict[str, Any], scheduler: str | None
) -> PointsResult:
    """Write a folder of GeoParquet tables, or go on with one that was begun.

    Args:
        encoder: the model.
        request: source, on disk, and target.
        hooks: `progress` and `cancelled` of `embed_points`.
        scheduler: of Dask; in this process where None.

    Raises:
        as `embed_points` does.
    """
    adding, making = adding_of(encoder, request), _making(encoder, request, scheduler)
    with (
        open_table(request, ids=True) as table,
        kept_work(making.target, _TABLE, _facts(encoder, request)) as kept,
    ):
        composer = Composer(table, request, adding)
        making = replace(making, layout=composer.layout, names=tuple(composer.added))
        embedder = _embedder(adding, request, hooks, crs=table.crs, total=table.total)
        portions = _portions(table, composer, embedder)
        count = _Run(making, kept, adding, hooks, scheduler).make(portions, table.total)
        try:
            result = embedder.result()
        except InputError:  # no row has a place: there is nothing to go on with
            kept.clear()
            raise
        about = {"model": encoder.name, "rows": result.rows, "files": count}
        _finish_folder(kept, making, about)
        return replace(result, notes=(*table.notes, *composer.notes, *result.notes))


def file_in_parts(
    encoder: LocationEncoder, request: PointsRequest, hooks: dict[str, Any], scheduler: str | None
) -> PointsResult:
    """Write a single file of numbers that are kept while they are made; as `folder_in_parts`."""
    adding, making = adding_of(encoder, request), _making(encoder, request, scheduler)
    with kept_work(making.target, _TABLE, _facts(encoder, request)) as kept:
        with _places(request, adding, hooks) as (places, total):
            found = (place for place in places if not np.isnan(place[:, 0]).all())
            portions = (Portion(index, [place]) for index, place in enumerate(found))
            _Run(making, kept, adding, hooks, scheduler).make(portions, total)
        remembering = cast("Adding", _Remembering(adding, kept))
        result = extended(request, remembering, {**hooks, "progress": None})
        kept.clear()
    return result


class _Remembering:
    """An `Adding` whose numbers were made before, in the order in which rows come.

    Args:
        adding: what they are; all but the numbers is its own.
        kept: where they are.
    """

    def __init__(self, adding: Adding, kept: Kept) -> None:
        self._adding, self._kept, self._calls = adding, kept, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adding, name)

    def __call__(self, lonlat: Floats) -> NDArray[Any]:
        values: NDArray[Any] = np.load(_numbers(self._kept, self._calls), allow_pickle=False)
        self._calls += 1
        if len(values) != len(lonlat):
            raise OutputError(
                f"the table has changed since {self._kept.folder} was made: remove that folder"
            )
        return values


class _Account:
    """How many rows are through, whatever the order of their parts.

    Args:
        kept: what was done before.
        total: rows in all, 0 where unknown.
        progress: called with (rows done, total).
    """

    def __init__(self, kept: Kept, total: int, progress: Progress | None) -> None:
        self._before, self._total, self._progress = kept.done, total, progress
        self._rows: list[int] = []
        self._through = 0

    @property
    def parts(self) -> int:
        """How many there were."""
        return len(self._rows)

    def left(self, portions: Iterable[Portion]) -> Iterator[Portion]:
        """Those that are not done yet."""
        for portion in portions:
            self._rows.append(sum(map(len, portion.places)))
            if portion.index in self._before:
                self.through(portion.index)
            else:
                yield portion

    def through(self, index: int) -> None:
        """A part is done."""
        self._through += self._rows[index]
        if self._progress is not None:
            self._progress(self._through, max(self._total, self._through) if self._total else 0)


@dataclass(frozen=True)
class _Run:
    """What makes the parts that are not there yet.

    Attributes:
        making: what they have in common.
        kept: where they go.
        adding: makes the new columns here.
        hooks: `progress` and `cancelled` of `embed_points`.
        scheduler: of Dask; in this process where None.
    """

    making: Making
    kept: Kept
    adding: Adding
    hooks: Mapping[str, Any]
    scheduler: str | None

    def make(self, portions: Iterable[Portion], total: int) -> int:
        """Make them; gives how many parts there are in all.

        Args:
            portions: all rows.
            total: how many rows that is, 0 where unknown.
        """
        account = _Account(self.kept, total, self.hooks.get("progress"))
        if self.scheduler is None:
            for portion in account.left(portions):
                _put(self.kept, self.making, self.adding, portion)
                account.through(portion.index)
            return account.parts
        request = self.making.request
        run_tasks(
            self.scheduler,
            _task,
            # One thread each: the cluster has one task for each of its threads.
            replace(self.making, request=replace(request, threads=1)),
            ((portion,) for portion in account.left(portions)),
            name=self.making.target.name,
            threads=request.threads or available_threads(),
            done=account.through,
            cancelled=self.hooks.get("cancelled"),
        )
        return account.parts


def _task(making: Making, portion: Portion) -> int:
    """What a worker does: make a part, if nobody else has; gives its number."""
    kept = open_kept(making.target, _TABLE)
    if portion.index not in kept.done:
        _put(kept, making, _adding(making), portion)
    return portion.index


def _adding(making: Making) -> Adding:
    """What makes the new columns, opened once in each worker.

    Raises:
        ModelError: the model is another here.
    """
    mark = kept_mark(making.target)
    with _opening:
        if mark not in _opened:
            encoder = load_encoder(making.model)
            if encoder.sha256 != making.sha256:
                raise ModelError(
                    f"the model {making.model} ({encoder.sha256[:12]}…) is not the one of the "
                    f"request ({making.sha256[:12]}…): use one model everywhere"
                )
            _opened.clear()  # one table at a time: models are large
            _opened[mark] = adding_of(on_device(encoder, making.device), making.request)
        return _opened[mark]


def _put(kept: Kept, making: Making, adding: Adding, portion: Portion) -> None:
    """Write a part, so that it outlasts a power cut, and put it down as done."""
    if making.layout is None:
        (places,) = portion.places
        path = _numbers(kept, portion.index)
        with written_whole(path, overwrite=True) as temporary:
            np.save(temporary, adding(places[~np.isnan(places[:, 0])]))
            _sync(temporary)
    else:
        layout, names = making.layout, list(making.names)
        path = kept.content / f"part-{portion.index:05d}.parquet"
        rows = (
            joined(columns, values_at(adding, places), names, layout.kind, adding)
            for columns, places in zip(portion.columns, portion.places)
        )
        with written_whole(path, overwrite=True) as temporary:
            write_table(temporary, layout, rows)
            _sync(temporary)
    sync_folder(kept.content)
    kept.put_down(portion.index)


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _numbers(kept: Kept, index: int) -> Path:
    return kept.content / f"{index:05d}.npy"


def _portions(table: Table, composer: Composer, embedder: Embedder) -> Iterator[Portion]:
    """The rows of the files of a folder; at least one file, without rows where there are none."""
    columns: list[Any] = []
    places: list[Floats] = []
    index = 0
    for batch in table.batches:
        x, y, found = embedder.batch_places(table, batch)
        columns.append(composer.kept_columns(batch, x, y))
        places.append(found)
        if sum(map(len, places)) >= _PART_ROWS:
            yield Portion(index, places, columns)
            index, columns, places = index + 1, [], []
    if places or not index:
        yield Portion(index, places, columns)


@contextmanager
def _places(
    request: PointsRequest, adding: Adding, hooks: dict[str, Any]
) -> Iterator[tuple[Iterator[Floats], int]]:
    """The places of each batch of rows, as the table is written later; and how many rows."""
    if request.source_format == request.target_format == CSV:
        with open_csv(request) as source:
            columns = coordinate_columns(source)
            embedder = _embedder(adding, request, hooks)
            rows = batches(source.rows())
            yield (
                (embedder.places(*source.coordinates(some, columns)) for some in rows),
                source.total,
            )
    else:
        with open_table(request, ids=True) as table:
            embedder = _embedder(adding, request, hooks, crs=table.crs)
            yield (embedder.batch_places(table, batch)[2] for batch in table.batches), table.total


def _embedder(
    adding: Adding, request: PointsRequest, hooks: dict[str, Any], **of_table: Any
) -> Embedder:
    """What keeps account of rows; their progress is that of the parts."""
    of_table.setdefault("crs", request.crs or "EPSG:4326")
    return Embedder(adding, request, cancelled=hooks.get("cancelled"), **of_table)


def _making(encoder: LocationEncoder, request: PointsRequest, scheduler: str | None) -> Making:
    target = Path(request.target).absolute()
    model = encoder.name if scheduler is None else name_of(encoder)
    return Making(request, target, model, encoder.sha256, encoder.device)


def _facts(encoder: LocationEncoder, request: PointsRequest) -> dict[str, str]:
    """What decides the bytes of the parts, each thing as a short text."""
    place = Place.of(request.source)
    asked = [one.name for one in fields(request) if one.name not in _NO_FACTS]
    return {
        "source": " ".join([source_fact(place.container), place.member or ""]),
        **{name: repr(getattr(request, name)) for name in asked},
        "format": request.target_format,
        "model": encoder.sha256,
        "device": encoder.device,
        "software": __version__,
    }


def _finish_folder(kept: Kept, making: Making, about: dict[str, Any]) -> None:
    """Say what the files are, and give their folder its name."""
    software = f"satclip-embeddings {__version__}"
    about = {"software": software, "weights_sha256": making.sha256, **about}
    with written_whole(kept.content / FOLDER_MARK, overwrite=True) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    for left in kept.content.glob(".*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        put_folder(kept.content, making.target, FOLDER_MARK, overwrite=making.request.overwrite)
    except OSError as error:
        raise OutputError(f"cannot write {making.target}: {error.strerror or error}") from error
    kept.clear()
