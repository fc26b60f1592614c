"""Many cells with many seeds: settings known or searched, runs done once and kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from satclip_core.types import Progress

from ..evaluation.over_runs import deviation
from .cell_settings import CellSettings, add_settings
from .cell_training import Budget, Problem, fit, grade, predict
from .records import Record, Records, problem_digest, run_key
from .search import SearchPlan, search

logger = logging.getLogger("satclip_training.zoo")


@dataclass(frozen=True)
class Cell:
    """An encoding with a network; `legendre_polys` sets L in place of what is stored or found."""

    encoding: str
    network: str
    legendre_polys: int | None = None

    @property
    def name(self) -> str:
        """As in a settings file."""
        return f"{self.encoding}-{self.network}"

    @property
    def label(self) -> str:
        """With L where it was set."""
        return self.name if self.legendre_polys is None else f"{self.name}-L{self.legendre_polys}"

    def sized(self, settings: CellSettings) -> CellSettings:
        """Settings with this cell's own L."""
        if self.legendre_polys is None:
            return settings
        return replace(settings, legendre_polys=self.legendre_polys)


@dataclass(frozen=True)
class Result:
    """One cell over its seeds: scores in test (shares or R²), and the keys of its runs."""

    cell: Cell
    settings: CellSettings
    scores: tuple[float, ...]
    keys: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds (n - 1); 0 for one seed."""
        return deviation(self.scores)


@dataclass(frozen=True)
class Study:
    """How cells are run: the folder that keeps runs, the seeds 0..n-1, the budget of a run."""

    folder: Path
    seeds: int = 5
    budget: Budget = field(default_factory=Budget)


def known_settings(
    cells: Sequence[Cell], stored: Mapping[str, CellSettings]
) -> dict[Cell, CellSettings]:
    """Stored settings of those cells that have any."""
    return {cell: cell.sized(stored[cell.name]) for cell in cells if cell.name in stored}


def searched_settings(
    problem: Problem, cells: Sequence[Cell], plan: SearchPlan, progress: Progress | None = None
) -> dict[Cell, CellSettings]:
    """Settings of cells by a search for each; kept in `plan.folder`, and as `settings.yaml` there.

    The file also keeps what earlier calls found for other cells of the same problem.

    Raises:
        MissingDependencyError: Optuna is not installed.
        InputError: no trial of a cell ended with a finite loss.
    """
    found: dict[Cell, CellSettings] = {}
    total = len(cells) * plan.trials
    source = (
        f"found by {plan.trials} {'' if plan.pruning else 'unpruned '}Optuna trials of "
        f"{plan.budget.epochs} epochs, {problem.name} ({problem_digest(problem)})"
    )

    def report(done: int) -> None:
        if progress is not None:
            progress(len(found) * plan.trials + done, total)

    for cell in cells:
        found[cell] = search(
            problem, cell.encoding, cell.network, plan, report, legendre_polys=cell.legendre_polys
        )
        logger.info("%s: %s", cell.label, found[cell])
        plain = {c.name: s for c, s in found.items() if c.legendre_polys is None}
        if plain:
            add_settings(plan.folder / "settings.yaml", plain, source)
    return found


def run_cells(
    problem: Problem,
    settings: Mapping[Cell, CellSettings],
    study: Study,
    progress: Progress | None = None,
) -> list[Result]:
    """Train and test every cell with every seed, or take it from the run folder.

    The outputs of the first seed at the test places are kept for a map. `progress` counts the
    runs that were not there yet.
    """
    records = Records(study.folder)
    keys = {
        (cell, seed): run_key(problem, cell.encoding, cell.network, chosen, study.budget, seed)
        for cell, chosen in settings.items()
        for seed in range(study.seeds)
    }
    missing = [run for run, key in keys.items() if records.get(key) is None]
    for done, (cell, seed) in enumerate(missing, start=1):
        key = keys[cell, seed]
        made = _run(problem, cell, settings[cell], study.budget, seed, key, records)
        logger.info("%s, seed %d: %.4f", cell.label, seed, made["score"])
        if progress is not None:
            progress(done, len(missing))
    results = []
    for cell, chosen in settings.items():
        own = [keys[cell, seed] for seed in range(study.seeds)]
        scores = [entry["score"] for key in own if (entry := records.get(key)) is not None]
        results.append(Result(cell, chosen, tuple(scores), tuple(own)))
    return results


def _run(
    problem: Problem,
    cell: Cell,
    settings: CellSettings,
    budget: Budget,
    seed: int,
    key: str,
    records: Records,
) -> Record:
    fitted = fit(problem, cell.encoding, cell.network, settings, seed=seed, budget=budget)
    predicted = predict(fitted, problem.test.lonlat)
    if seed == 0:
        records.keep_prediction(key, predicted)
    entry = {
        "task": problem.name,
        "cell": cell.label,
        "seed": seed,
        "score": grade(problem, predicted, problem.test),
        "validation_loss": fitted.validation_loss,
        "epochs": fitted.epochs,
        "seconds": round(fitted.seconds, 2),
    }
    return records.add(key, entry)
