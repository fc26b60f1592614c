"""SatCLE's downstream tasks (WWW 2025): a small network on frozen embeddings, and continents apart.

70/10/20 into training, validation and test; numbers are scored by squared and absolute error in
units of their standard deviation, classes by accuracy. Few-shot: a continent is left out but for a
small share of its samples, and the rest of it is tested on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.errors import CancelledError, InputError
from satclip_core.types import Bools, Cancelled, Floats, Integers, Progress

from ..places.reading import check_columns, read_shapes
from .kept_scores import KeptScores, Values
from .linear_probe import Embed
from .mlp_head import HeadSettings, Parts, predicted
from .tasks import Task, shapes_at, tasks_digest

TRAINING_SHARE, VALIDATION_SHARE = 0.7, 0.1
CONTINENTS = ("North America", "Africa", "Oceania")
"""Held out in the paper."""
RANDOM = "random"
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


def random_parts(count: int, seed: int) -> Parts:
    """70/10/20 of so many samples."""
    order = np.random.default_rng([seed, 70]).permutation(count)
    first = int(TRAINING_SHARE * count)
    second = first + int(VALIDATION_SHARE * count)
    return Parts(order[:first], order[first:second], order[second:])


def few_shot_parts(within: Bools, share: float, seed: int) -> Parts:
    """Trained outside and on a share of what is within, tested on the rest of that.

    Args:
        within: (N,) which samples lie on the continent that is left out.
        share: of them, at least one, that is trained on.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, 71])
    inside, outside = (rng.permutation(np.flatnonzero(part)) for part in (within, ~within))
    few = max(1, round(share * len(inside)))
    cut = round(len(outside) * TRAINING_SHARE / (TRAINING_SHARE + VALIDATION_SHARE))
    return Parts(np.concatenate([outside[:cut], inside[:few]]), outside[cut:], inside[few:])


def head_scores(
    embeddings: ArrayLike, task: Task, parts: Parts, settings: HeadSettings, seed: int
) -> Values:
    """`mse` and `mae` in units of the target's deviation, or `accuracy`, on the test part."""
    target = task.target
    if not task.classes:
        numbers = target.astype(np.float64)
        target = (numbers - numbers.mean()) / max(numbers.std(), 1e-12)
    said = predicted(embeddings, target, parts, settings, classes=task.classes, seed=seed)
    said, right = said[parts.test], target[parts.test]
    if task.classes:
        return {"accuracy": float((said == right).mean())}
    missed = said.astype(np.float64) - right
    return {"mse": float(np.square(missed).mean()), "mae": float(np.abs(missed).mean())}


class Continents:
    """On which continent places lie.

    Args:
        path: polygons with an attribute CONTINENT, Natural Earth's countries.
    """

    def __init__(self, path: Path) -> None:
        self._polygons = read_shapes(path, "continents:")
        check_columns(self._polygons, ("CONTINENT",), f"continents: {path}")
        self.names = tuple(sorted(set(self._polygons["CONTINENT"].dropna())))

    def within(self, lonlat: Floats, name: str) -> Bools:
        """(N, 2) degrees -> (N,) whether a place lies on a continent.

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.names:
            raise InputError(f"continent {name!r} is none of {', '.join(self.names)}")
        inside: Bools = self.numbers(lonlat) == self.names.index(name)
        return inside

    def numbers(self, lonlat: Floats) -> Integers:
        """(N, 2) degrees -> (N,) index into `names` of each place's continent, -1 where none is."""
        rows, found = shapes_at(self._polygons, lonlat, "CONTINENT")
        known = np.full(len(lonlat), -1, np.int64)
        known[rows] = [self.names.index(name) if name in self.names else -1 for name in found]
        return known


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
    total = len(models) * len(tasks) * len(splits) * len(plan.seeds)
    # Of all tasks before the first is scored: a continent that cannot be left out is named at once.
    inside = {
        (task.name, name): within
        for task in tasks
        if continents is not None
        for name, within in _inside(task, continents, splits[1:]).items()
    }
    done, outcomes = 0, []
    for task in tasks:
        for name, embed in models.items():
            embeddings = _Once(embed, task)
            for split in splits:
                runs = []
                for seed in plan.seeds:
                    if cancelled is not None and cancelled():
                        raise CancelledError("stopped; the same command goes on from here")
                    parts = _parts(task, inside.get((task.name, split)), plan, seed)
                    key = _key(identities[name], task, split, plan, seed)
                    fit = partial(_fitted, embeddings, task, parts, plan, seed)
                    runs.append(kept.get(key, fit))
                    done += 1
                    if progress is not None:
                        progress(done, total)
                outcomes.append(Outcome(name, task.name, split, tuple(runs)))
    return outcomes


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


def _parts(task: Task, within: Bools | None, plan: DownstreamPlan, seed: int) -> Parts:
    if within is None:
        return random_parts(len(task.target), seed)
    return few_shot_parts(within, plan.few_share, seed)


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


def mean_and_deviation(values: Sequence[float], digits: int = 4) -> tuple[str, str]:
    """Mean and standard deviation of a sample as text, the latter empty for one value."""
    deviation = f"{stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}", deviation


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
