"""An evaluation as a whole: what is asked, its cells, and the results put together.

Everything that is finished is kept in the run folder: embeddings, splits, scores of each cell. The
same call goes on from there.
"""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.analysis.folds import KNNDM
from satclip_core.errors import InputError
from satclip_core.files import written_whole
from satclip_core.grid.land import land_places
from satclip_core.types import Cancelled, Float32, Floats, Progress

from ...settings.run_files import read_yaml
from ...settings.schema import (
    build,
    integer,
    mapping,
    real,
    section,
    sequence,
    setting,
    text,
)
from ..continents import Continents
from ..kept_scores import Values, in_order, stopped
from ..tasks import Task, TaskSettings, tasks_digest
from .candidates import Candidate, EncoderSettings
from .cell_scores import CURVE, Cell, TaskFile, compute_cell, kept_of, write_splits
from .mlp_search import SearchPlan
from .predictors import GAUSSIAN, HEADS, KNN, MLP, RANGE, RIDGE
from .splits import FEW, RANDOM, ZERO, Split, split_parts

log = logging.getLogger("satclip_training")

LEAST_HELD_OUT = 30
"""Samples within and beyond a continent that a task needs to be adapted."""
_ADAPTING = (MLP, RIDGE)
_LAND_PLACES = 2000


@dataclasses.dataclass(frozen=True)
class AdaptationSettings:
    """Continents held out, one at a time: of which tasks, with a few of their samples or none.

    A task of `few` alone has classes that occur nowhere else.
    """

    continents: tuple[str, ...] = setting(sequence(text()), ("Asia", "Africa"))
    few_share: float = setting(real(0, 0.5), 0.01)
    few: tuple[str, ...] = setting(sequence(text()), ())
    zero: tuple[str, ...] = setting(sequence(text()), ())


@dataclasses.dataclass(frozen=True)
class SuiteSettings:
    """An evaluation, as its YAML file has it.

    `tasks` are files of tasks, beside the file or below the data root; `names` those of their tasks
    that are scored, all where empty. `countries` are polygons with CONTINENT. `imagery` are images
    of the globe, from which is read what an encoder resolves. `compared` are the encoders, `globes`
    further ones of which globes are drawn.
    """

    tasks: tuple[str, ...] = setting(sequence(text(), least=1), ("tasks.yaml",))
    names: tuple[str, ...] = setting(sequence(text()), ())
    most: int = setting(integer(low=40), 3200)
    seeds: int = setting(integer(low=2), 5)
    splits: tuple[str, ...] = setting(sequence(text(), least=1), (RANDOM, "blocks-10"))
    heads: tuple[str, ...] = setting(
        sequence(text(*HEADS), least=1), (MLP, RIDGE, KNN, GAUSSIAN, RANGE)
    )
    countries: str = setting(text(), "tasks/ne_50m_admin_0_countries.gpkg")
    adaptation: AdaptationSettings = setting(section(AdaptationSettings), AdaptationSettings)
    imagery: tuple[str, ...] = setting(sequence(text()), ())
    compared: tuple[str, ...] = setting(sequence(text()), ())
    globes: tuple[str, ...] = setting(sequence(text()), ())
    encoders: dict[str, EncoderSettings] = setting(mapping(section(EncoderSettings)), {})


def read_suite(path: Path) -> SuiteSettings:
    """The settings of an evaluation.

    Raises:
        InputError: no YAML, or a bad setting.
    """
    settings: SuiteSettings = build(SuiteSettings, read_yaml(path), f"{path}: ")
    for name in settings.splits:
        if Split.named(name).continent:
            raise InputError(f"{path}: splits: {name} belongs under adaptation")
    return settings


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be evaluated, all of it read or found.

    Attributes:
        settings: splits, heads, adaptation.
        candidates: the encoders; the first is the one that others are tested against.
        tasks: the samples.
        about: of each task, what its file says.
        continents: where they lie; None where no polygons are there.
        source: the file of settings, beside which files are looked for.
        plan: of the MLP.
        drawn: encoders of which globes are drawn beside those of the candidates.
        command: that makes it again.
    """

    settings: SuiteSettings
    candidates: Sequence[Candidate]
    tasks: Sequence[Task]
    about: dict[str, TaskSettings]
    continents: Continents | None
    source: Path
    plan: SearchPlan = dataclasses.field(default_factory=SearchPlan)
    drawn: Sequence[Candidate] = ()
    command: str = "satclip evaluate --data-root DATA"


def evaluate(
    asked: Asked,
    folder: Path,
    *,
    jobs: int = 1,
    finished: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> dict[str, Any]:
    """Score every encoder on every task by every split.

    Args:
        asked: what.
        folder: keeps embeddings, splits and scores.
        jobs: processes at a time.
        finished: take what is kept, and compute no scores.
        progress: told (cells done, cells in all).
        cancelled: asked between cells.

    Returns:
        Plain values: `records`, one for each encoder, task, split and head; `tasks`; `encoders`;
        `settings`. Also written to `folder/results.json`.

    Raises:
        InputError: a task with too few samples to be split; nothing is kept of what is `finished`.
        CancelledError: stopped; the same call goes on from there.
    """
    files = [_TaskFiles(asked, task, folder) for task in asked.tasks]
    cells = []
    for candidate in asked.candidates:
        embedded = Embedded(candidate, folder / "embeddings")
        for one in files:
            if cancelled is not None and cancelled():
                raise stopped()
            path = embedded(one.task.lonlat)
            for split in one.splits:
                cells += _cells(asked, candidate, path, one, split, folder)
    cells.sort(key=_stage)  # what all need first: an early stop leaves a whole part
    if finished:
        records = [record for cell in cells for record in kept_of(cell)]
        if not records:
            raise InputError(f"{folder} keeps no score of these encoders, tasks and splits")
    else:
        records = _computed(cells, jobs, progress, cancelled)
    results = {
        "settings": dataclasses.asdict(asked.settings),
        "mlp": dataclasses.asdict(asked.plan),
        "encoders": [
            {
                "name": one.name,
                "words": one.words,
                "leaks": list(one.leaks),
                "identity": one.identity,
            }
            for one in asked.candidates
        ],
        "tasks": [_task_facts(one, asked.about.get(one.task.name)) for one in files],
        "records": records,
    }
    with written_whole(folder / "results.json", overwrite=True) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return results


def _task_facts(files: _TaskFiles, about: TaskSettings | None) -> dict[str, Any]:
    task = files.task
    return {
        "name": task.name,
        "classes": len(np.unique(task.target)) if task.classes else 0,
        "count": len(task.target),
        "source": about.source if about else "",
        "licence": about.licence if about else "",
        "splits": list(files.splits),
    }


class _TaskFiles:
    """A task's samples and splits in the run folder.

    A split that its samples do not allow is left out, with a word.

    Raises:
        InputError: it cannot be split at random.
    """

    def __init__(self, asked: Asked, task: Task, folder: Path) -> None:
        self.task = task
        digest = tasks_digest([task])
        names = asked.continents.names if asked.continents is not None else ()
        numbers = np.full(len(task.target), -1, np.int64)
        if asked.continents is not None:
            numbers = asked.continents.numbers(task.lonlat)
        root = folder / "tasks"
        root.mkdir(parents=True, exist_ok=True)
        path = root / f"{task.name}.npz"
        np.savez_compressed(path, lonlat=task.lonlat, target=task.target, continent=numbers)
        self.file = TaskFile(path, task.name, task.classes, digest, tuple(names))
        self.splits: dict[str, Path] = {}
        land: Floats | None = None
        for name in self._names(asked, numbers, names):
            split = Split.named(RANDOM if name == CURVE else name)
            inside = None
            if split.continent is not None:
                inside = numbers == names.index(split.continent)
            if split.name == KNNDM and land is None:
                land = land_places(_LAND_PLACES)
            try:
                runs = split_parts(
                    split, task.lonlat, range(asked.settings.seeds), pixels=land, inside=inside,
                    few_share=asked.settings.adaptation.few_share,
                )  # fmt: skip
            except InputError as error:
                if split.name == RANDOM:
                    raise InputError(f"{task.name}: ", error) from error
                log.warning("%s is not split by %s", task.name, error)
                continue
            codes = hashlib.sha256(digest.encode())
            for one in runs:
                for part in (one.training, one.validation, one.test):
                    codes.update(np.asarray(part, np.int32).tobytes())
            stem = f"{task.name}--{split.name.replace(':', '-')}--{codes.hexdigest()[:12]}"
            file = folder / "splits" / f"{stem}.npz"
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_file():
                write_splits(file, runs)
            self.splits[name] = file

    def _names(self, asked: Asked, numbers: Any, names: Sequence[str]) -> Iterator[str]:
        """Splits of this task, the random one first."""
        yield RANDOM
        yield from (name for name in asked.settings.splits if name != RANDOM)
        yield CURVE
        adaptation = asked.settings.adaptation
        for continent in adaptation.continents if names else ():
            if continent not in names:
                raise InputError(f"continent {continent!r} is none of {', '.join(names)}")
            within = numbers == names.index(continent)
            if min(within.sum(), (~within).sum()) < LEAST_HELD_OUT:
                continue
            for shots, tasks in ((FEW, adaptation.few), (ZERO, adaptation.zero)):
                if self.task.name in tasks:
                    yield f"{shots}:{continent}"


def _stage(cell: Cell) -> int:
    if cell.heads == (GAUSSIAN,):
        return 4
    if cell.split == CURVE:
        return 1
    split = Split.named(cell.split)
    return 0 if split.name == RANDOM else 2 if split.continent is not None else 3


def _cells(
    asked: Asked, candidate: Candidate, path: Path, files: _TaskFiles, split: str, folder: Path
) -> list[Cell]:
    """The cell of a split, and one of its own for the Gaussian process, which takes longest."""
    heads = asked.settings.heads
    if split != CURVE and Split.named(split).continent is not None:
        heads = tuple(head for head in heads if head in _ADAPTING)
    elif split != RANDOM:  # RANGE has splits of its own, once
        heads = tuple(head for head in heads if head != RANGE)
    quick = tuple(head for head in heads if head != GAUSSIAN)
    groups = [quick] if quick else []
    if GAUSSIAN in heads and split != CURVE and not files.task.classes:
        groups.append((GAUSSIAN,))
    return [
        Cell(
            candidate.name, candidate.identity, path, files.file, split, files.splits[split],
            files.splits[RANDOM], own, tuple(range(asked.settings.seeds)), asked.plan,
            folder / "scores", folder / "predictions",
        )
        for own in groups
    ]  # fmt: skip


class Embedded:
    """Embeddings of places by one encoder, kept in a folder."""

    def __init__(self, candidate: Candidate, folder: Path) -> None:
        self._candidate, self._folder = candidate, folder
        self._embed: Any = None

    def __call__(self, lonlat: Floats) -> Path:
        """The file of (N, dim) float32 embeddings."""
        found = hashlib.sha256(self._candidate.identity.encode())
        found.update(np.ascontiguousarray(lonlat).tobytes())
        path = self._folder / f"{found.hexdigest()[:20]}.npy"
        if path.is_file():
            return path
        self._folder.mkdir(parents=True, exist_ok=True)
        values = self.values(lonlat)
        if not np.isfinite(values).all():
            raise InputError(f"{self._candidate.name}: some places have no embedding")
        with written_whole(path, overwrite=True) as partial, open(partial, "wb") as file:
            np.save(file, values)
        return path

    def values(self, lonlat: Floats) -> Float32:
        """(N, 2) degrees -> (N, dim), not kept."""
        if self._embed is None:
            self._embed = self._candidate.open()
        log.debug("%s embeds %s places", self._candidate.name, len(lonlat))
        return np.asarray(self._embed(lonlat), np.float32)


def _computed(
    cells: Sequence[Cell], jobs: int, progress: Progress | None, cancelled: Cancelled | None
) -> list[Values]:
    """Scores of all cells, in their order."""

    def stop() -> bool:
        return cancelled is not None and cancelled()

    if jobs == 1:
        work = (partial(compute_cell, cell) for cell in cells)
        made = in_order(work, len(cells), progress=progress, cancelled=cancelled)
        return [record for records in made for record in records]
    found: dict[int, list[Values]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        going = {pool.submit(compute_cell, cell): index for index, cell in enumerate(cells)}
        left = set(going)
        while left:
            finished, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
            for future in finished:
                found[going[future]] = future.result()
            if finished and progress is not None:
                progress(len(found), len(cells))
            if stop():
                pool.shutdown(cancel_futures=True)
                raise stopped()
    return [record for index in range(len(cells)) for record in found[index]]
