"""One cell of an evaluation: an encoder, a task, a split; all heads on it, run by run.

Cells are plain data with the names of files, so that they are computed in any process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.analysis.validation import class_scores, number_scores
from satclip_core.types import Floats, Integers

from ..kept_scores import KeptScores, Values
from ..linear_probe import RANGE_TRAINING_SHARE, range_scores
from ..mlp_head import Parts
from ..tasks import Task
from .mlp_search import MlpSettings, Runs, SearchPlan, final_predictions, search
from .predictors import GAUSSIAN, KNN, MLP, RANGE, RIDGE, gaussian, nearest_neighbours, ridge
from .splits import RANDOM, Split, fewer_labels, largest_share

CURVE = "curve"
LEAST_OF_CONTINENT = 20
"""Test samples that a continent needs to have a score of its own."""
_PARTS = ("training", "validation", "test")
_LABELS = (20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class TaskFile:
    """A task in a file of its own, so that a process reads what it needs.

    Attributes:
        path: `.npz` of lonlat (N, 2), target (N,), continent (N,) numbers into `continents`, -1
            where none; and of each split `SPLIT/RUN/part`.
        name: of the task.
        classes: whether it is of classes.
        digest: of places and labels.
        continents: their names.
    """

    path: Path
    name: str
    classes: bool
    digest: str
    continents: tuple[str, ...] = ()

    def read(self) -> tuple[Task, Integers]:
        """The task, and the continent of each sample."""
        with np.load(self.path) as file:
            task = Task(self.name, file["lonlat"], file["target"], self.classes)
            return task, file["continent"]


@dataclass(frozen=True)
class Cell:
    """What is computed together.

    Attributes:
        encoder: name.
        identity: what tells the encoder from all others.
        embeddings: `.npy` of (N, dim).
        task: the samples.
        split: name of the split, or `curve`: learning curves on the random one.
        splits: `.npz` of the parts of each run.
        base: `.npz` of the random split, on which the MLP's settings are searched where `split`
            holds a continent out.
        heads: that are scored.
        seeds: of the runs.
        plan: of the MLP.
        kept: folder of scores.
        predictions: folder that what the first run says of all samples goes to.
    """

    encoder: str
    identity: str
    embeddings: Path
    task: TaskFile
    split: str
    splits: Path
    base: Path
    heads: tuple[str, ...]
    seeds: tuple[int, ...]
    plan: SearchPlan
    kept: Path
    predictions: Path

    def key(self, head: str) -> dict[str, Any]:
        """All that the scores follow from."""
        settings = asdict(self.plan) if head == MLP else {}
        return {
            "encoder": self.identity,
            "task": self.task.name,
            "data": self.task.digest,
            "split": self.split,
            "splits": self.splits.stem,
            "head": head,
            "seeds": list(self.seeds),
            "plan": settings,
        }

    @property
    def scored(self) -> tuple[str, ...]:
        """Its heads; of learning curves that one."""
        return (CURVE,) if self.split == CURVE else self.heads

    def named(self, head: str) -> dict[str, str]:
        """What a record begins with."""
        return {
            "encoder": self.encoder, "task": self.task.name, "split": self.split, "head": head
        }  # fmt: skip

    @property
    def file(self) -> str:
        """Name of files that belong to it, without a suffix."""
        words = f"{self.encoder}--{self.task.name}--{self.split}"
        return "".join(c if c.isalnum() or c in "-._" else "_" for c in words)


@dataclass
class _Opened:
    """The arrays of a cell, read when a score has to be computed."""

    cell: Cell
    _read: dict[str, Any] = field(default_factory=dict)

    def values(self) -> Floats:
        """(N, dim) embeddings without dimensions that say nothing of these samples."""
        if "values" not in self._read:
            values = np.load(self.cell.embeddings)
            self._read["values"] = np.ascontiguousarray(values[:, values.std(0) > 0])
        found: Floats = self._read["values"]
        return found

    def task(self) -> tuple[Task, Integers]:
        if "task" not in self._read:
            self._read["task"] = self.cell.task.read()
        found: tuple[Task, Integers] = self._read["task"]
        return found

    def parts(self, path: Path | None = None) -> list[Parts]:
        return read_splits(path or self.cell.splits)


def write_splits(path: Path, runs: Sequence[Parts]) -> None:
    """Keep the parts of each run."""
    arrays = {
        f"{number}/{part}": np.asarray(getattr(one, part), np.int32)
        for number, one in enumerate(runs)
        for part in _PARTS
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def read_splits(path: Path) -> list[Parts]:
    """The parts of each run."""
    with np.load(path) as file:
        count = len(file.files) // 3
        return [
            Parts(*(file[f"{number}/{part}"].astype(np.int64) for part in _PARTS))
            for number in range(count)
        ]


def compute_cell(cell: Cell) -> list[Values]:
    """Score all heads of a cell, or find their scores where they are kept.

    Returns:
        For each head: encoder, task, split, head, `runs` (scores of each run), `test_to_train`,
        `seconds` of the processor, and what was chosen.
    """
    import torch

    torch.set_num_threads(1)
    kept, opened = KeptScores(cell.kept), _Opened(cell)
    return [
        {**cell.named(head), **kept.get(cell.key(head), partial(_scored, opened, head, kept))}
        for head in cell.scored
    ]


def kept_of(cell: Cell) -> list[Values]:
    """What `compute_cell` has kept of a cell."""
    kept = KeptScores(cell.kept)
    found = [(head, kept.find(cell.key(head))) for head in cell.scored]
    return [{**cell.named(head), **values} for head, values in found if values is not None]


def _scored(opened: _Opened, head: str, kept: KeptScores) -> Values:
    start = time.process_time()
    if head == RANGE:
        made = _range(opened)
    elif head == CURVE:
        made = _curve(opened)
    else:
        made = _on_splits(opened, head, kept)
    return {**made, "seconds": round(time.process_time() - start, 3)}


def _range(opened: _Opened) -> Values:
    task, _ = opened.task()
    scores = range_scores(opened.values(), task.target, classes=task.classes)
    measure = "accuracy" if task.classes else "r2"
    ratio = (1 - RANGE_TRAINING_SHARE) / RANGE_TRAINING_SHARE
    return {"runs": [{measure: score} for score in scores], "test_to_train": ratio}


def _curve(opened: _Opened) -> Values:
    """Ridge regression with few labels to many: scores of each run by their number."""
    task, _ = opened.task()
    runs = opened.parts()
    most = largest_share(runs)
    counts = [count for count in _LABELS if count < 0.9 * most] + [most]
    measure = "accuracy" if task.classes else "r2"
    scores: dict[str, list[float]] = {}
    for count in counts:
        own = []
        for one in runs:
            part = fewer_labels(one, count)
            said = ridge(opened.values(), task, part)
            own.append(scores_of(task, said, part.test)[measure])
        scores[str(count)] = own
    return {"measure": measure, "labels": scores}


def _on_splits(opened: _Opened, head: str, kept: KeptScores) -> Values:
    (task, continents), runs, cell = opened.task(), opened.parts(), opened.cell
    chosen: dict[str, Any] = {}
    if head == MLP:
        said, chosen = _mlp(opened, kept)
    elif head == GAUSSIAN:
        apart = cell.split != RANDOM
        said = gaussian(opened.values(), task, runs, apart=apart)
    else:
        one_run: Callable[[Floats, Task, Parts], NDArray[Any]] = {
            RIDGE: ridge, KNN: nearest_neighbours
        }[head]  # fmt: skip
        said = [one_run(opened.values(), task, one) for one in runs]
    cell.predictions.mkdir(parents=True, exist_ok=True)
    np.save(cell.predictions / f"{cell.file}--{head}.npy", said[0].astype(np.float32))
    scored = []
    for values, one in zip(said, runs):
        own = scores_of(task, values, one.test)
        own["continents"] = _by_continent(task, values, one.test, continents, cell.task.continents)
        scored.append(own)
    ratio = float(np.mean([len(one.test) / len(one.training) for one in runs]))
    sizes = [len(getattr(runs[0], part)) for part in ("training", "validation", "test")]
    return {"runs": scored, "test_to_train": ratio, "sizes": sizes, "chosen": chosen}


def _mlp(opened: _Opened, kept: KeptScores) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    cell = opened.cell
    task, _ = opened.task()

    def looked_for() -> Values:
        base = Runs(opened.values(), task.target, opened.parts(base_file)[:1], classes=task.classes)
        return asdict(search(base, cell.plan))

    # With a continent held out, the samples elsewhere are as many and as near as at random.
    base_file = cell.base if Split.named(cell.split).continent else cell.splits
    at = replace(cell, splits=base_file, split=RANDOM if base_file == cell.base else cell.split)
    chosen = kept.get({**at.key(MLP), "head": "search"}, looked_for)
    runs = Runs(opened.values(), task.target, opened.parts(), classes=task.classes)
    return final_predictions(runs, MlpSettings(**chosen), cell.plan, cell.seeds), chosen


def scores_of(task: Task, said: NDArray[Any], rows: Integers) -> dict[str, Any]:
    """Scores of some samples: R² and errors of numbers, accuracies of classes."""
    right, got = task.target[rows], said[rows]
    if task.classes:
        count = int(max(right.max(), got.max())) + 1
        found = class_scores(right, got, count)
        return {key: found[key] for key in ("accuracy", "balanced_accuracy")}
    return number_scores(right, got)


def _by_continent(
    task: Task, said: NDArray[Any], rows: Integers, continents: Integers, names: Sequence[str]
) -> dict[str, Mapping[str, float]]:
    """Scores of the test samples of each continent with enough of them; errors in the task's
    standard deviations."""
    unit = 1.0 if task.classes else max(float(task.target.std()), 1e-12)
    found: dict[str, Mapping[str, float]] = {}
    for number, name in enumerate(names):
        own = rows[continents[rows] == number]
        if len(own) < LEAST_OF_CONTINENT:
            continue
        scores = scores_of(task, said, own)
        if task.classes:
            found[name] = {"count": len(own), "accuracy": scores["accuracy"]}
        else:
            found[name] = {"count": len(own), "r2": scores["r2"], "error": scores["mae"] / unit}
    return found
