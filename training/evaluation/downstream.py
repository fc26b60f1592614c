"""SatCLE's downstream tasks (WWW 2025): a small network on frozen embeddings, and continents apart.

70/10/20 into training, validation and test; numbers are scored by squared and absolute error in
units of their standard deviation, classes by accuracy. Few-shot: a continent is left out but for a
small share of its samples, and the rest of it is tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.errors import InputError
from satclip_core.types import Bools, Cancelled, Progress

from .continents import Continents
from .kept_scores import KeptScores, Values, in_order
from .linear_probe import Embed
from .mlp_head import HeadSettings, Parts, predicted
from .over_runs import mean_and_deviation
from .protocol.cell_scores import scores_of
from .protocol.splits import RANDOM, satcle_parts
from .tasks import Task, tasks_digest

CONTINENTS = ("North America", "Africa", "Oceania")
"""Held out in the paper."""
LEAST_TEST = 10


@dataclass(frozen=True)
class DownstreamPlan:
    """What is asked of each model.

    Attributes:
        seeds: of splits and initial weights.
        continents: left out, one at a time, besides the random split.
        few_share: share of a continent's samples that is trained on all the same.
        head: of the network.
    """

    seeds: Sequence[int] = (0, 1, 2)
    continents: Sequence[str] = CONTINENTS
    few_share: float = 0.01
    head: HeadSettings = field(default_factory=HeadSettings)


@dataclass(frozen=True)
class Outcome:
    """Scores of one model on one task by one split, of each seed.

    Attributes:
        model: its name.
        task: name of the task.
        split: `random`, or the continent that was left out.
        runs: scores by measure, a mapping for each seed.
    """

    model: str
    task: str
    split: str
    runs: tuple[Values, ...]


def head_scores(
    embeddings: ArrayLike, task: Task, parts: Parts, settings: HeadSettings, seed: int
) -> Values:
    """`mse` and `mae` in units of the target's deviation, or `accuracy`, on the test part."""
    if not task.classes:
        numbers = task.target.astype(np.float64)
        task = replace(task, target=(numbers - numbers.mean()) / max(numbers.std(), 1e-12))
    said = predicted(embeddings, task.target, parts, settings, classes=task.classes, seed=seed)
    scores = scores_of(task, said, parts.test)
    if task.classes:
        return {"accuracy": scores["accuracy"]}
    return {"mse": scores["rmse"] ** 2, "mae": scores["mae"]}


def run_downstream(
    models: Mapping[str, Embed],
    identities: Mapping[str, str],
    tasks: Sequence[Task],
    continents: Continents | None,
    plan: DownstreamPlan,
    kept: KeptScores,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> list[Outcome]:
    """Score every model on every task by every split.

    Args:
        models: functions of (N, 2) degrees, by name.
        identities: what tells each from others, as the hash of its file.
        tasks: that were read.
        continents: where they lie; None where none is left out.
        plan: splits, seeds and head.
        kept: scores that are there already, and where new ones go.
        progress: told (fits done, fits in all).
        cancelled: asked before every fit.

    Raises:
        InputError: an unknown continent, or one without enough samples of a task.
        CancelledError: stopped; the same call goes on from there.
    """
    splits = [RANDOM, *(plan.continents if continents is not None else ())]
    # Of all tasks before the first is scored: a continent that cannot be left out is named at once.
    inside = {
        (task.name, name): within
        for task in tasks
        if continents is not None
        for name, within in _inside(task, continents, splits[1:]).items()
    }
    kinds = [(name, task.name, split) for task in tasks for name in models for split in splits]

    def fits() -> Iterator[Callable[[], Values]]:
        for task in tasks:
            for name, embed in models.items():
                embeddings = _Once(embed, task)
                for split, seed in product(splits, plan.seeds):
                    within = inside.get((task.name, split))
                    parts = satcle_parts(len(task.target), seed, within, plan.few_share)
                    fit = partial(_fitted, embeddings, task, parts, plan, seed)
                    key = _key(identities[name], task, split, plan, seed)
                    yield partial(kept.get, key, fit)

    count = len(kinds) * len(plan.seeds)
    found = iter(in_order(fits(), count, progress=progress, cancelled=cancelled))
    return [Outcome(*kind, tuple(next(found) for _ in plan.seeds)) for kind in kinds]


class _Once:
    """Embeddings of a task's places, computed when they are asked for the first time."""

    def __init__(self, embed: Embed, task: Task) -> None:
        self._embed, self._task = embed, task
        self._values: ArrayLike | None = None

    def __call__(self) -> ArrayLike:
        if self._values is None:
            self._values = self._embed(self._task.lonlat)
        return self._values


def _fitted(embeddings: _Once, task: Task, parts: Parts, plan: DownstreamPlan, seed: int) -> Values:
    return head_scores(embeddings(), task, parts, plan.head, seed)


def _inside(task: Task, continents: Continents, names: Sequence[str]) -> dict[str, Bools]:
    """(N,) which samples lie on each continent, on which and beside which there must be some."""
    found = {}
    for name in names:
        within = continents.within(task.lonlat, name)
        if within.sum() < LEAST_TEST or (~within).sum() < LEAST_TEST:
            raise InputError(
                f"tasks.{task.name}: {int(within.sum())} of {len(within)} samples lie in {name}: "
                "too few there or elsewhere to leave it out; name other continents"
            )
        found[name] = within
    return found


def _key(
    identity: str, task: Task, split: str, plan: DownstreamPlan, seed: int
) -> dict[str, object]:
    return {
        "model": identity,
        "task": task.name,
        "data": tasks_digest([task]),
        "split": split,
        "few_share": None if split == RANDOM else plan.few_share,
        "head": asdict(plan.head),
        "seed": seed,
    }


def outcome_rows(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    """Rows model, task, split, measure, runs, mean, sd (of a sample; empty for one run)."""
    for one in outcomes:
        for measure in one.runs[0]:
            values = [run[measure] for run in one.runs]
            mean, sd = mean_and_deviation(values)
            yield [one.model, one.task, one.split, measure, str(len(values)), mean, sd]


def outcome_table(
    outcomes: Sequence[Outcome], leaks: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Markdown: a row for each split, task and measure, a column for each model."""
    leaks = leaks or {}
    names = list(dict.fromkeys(one.model for one in outcomes))
    lines = [
        f"| split | task | measure | {' | '.join(names)} |",
        f"|---|---|---|{'---:|' * len(names)}",
    ]
    cells = {
        (row[2], row[1], row[3], row[0]): f"{row[5][:-1]}" + (f" ± {row[6][:-1]}" if row[6] else "")
        for row in outcome_rows(outcomes)
    }
    for split, task, measure in dict.fromkeys(key[:3] for key in cells):
        marks = (" †" if task in leaks.get(name, ()) else "" for name in names)
        own = [cells[split, task, measure, name] + mark for name, mark in zip(names, marks)]
        lines.append(f"| {split} | {task} | {measure} | {' | '.join(own)} |")
    return "\n".join(lines)
