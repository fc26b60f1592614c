"""What the experiments on the encoder zoo share: options, the run folder, progress."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from satclip_core.encoder.encodings import ZOO
from satclip_core.errors import InputError, require

from ..long_runs import check_can_be_written, check_named_csv, folder_option, table_option
from ..options import combined
from ..progress import progress

if TYPE_CHECKING:
    from satclip_training.zoo.cell_settings import CellSettings
    from satclip_training.zoo.cell_training import Problem
    from satclip_training.zoo.study import Cell, Result, Study

NETWORKS = ("linear", "fcnet", "siren")
LAND_FILE = "masks/ne_50m_land.geojson"
_DATA_ROOT_VARIABLE = "SATCLIP_DATA"


class Range(click.FloatRange):
    """A range that NaN, which is neither below nor above any number, lies outside of."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Text to a finite float in the range."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def encoding_option(default: Sequence[str]) -> Callable[[Any], Any]:
    """`--encoding`, repeatable, and what it is by default."""
    return click.option(
        "-E",
        "--encoding",
        "encodings",
        multiple=True,
        default=tuple(default),
        show_default=len(default) < len(ZOO),
        type=click.Choice([*ZOO]),
        help="Positional encoding; may be given again."
        + ("  [default: all]" if len(default) == len(ZOO) else ""),
    )


def network_option(default: Sequence[str]) -> Callable[[Any], Any]:
    """`--network`, repeatable, and what it is by default."""
    return click.option(
        "-N",
        "--network",
        "networks",
        multiple=True,
        default=tuple(default),
        show_default=True,
        type=click.Choice(NETWORKS),
        help="Network; may be given again.",
    )


land_option = click.option(
    "--land",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Polygons of land, e.g. Natural Earth's.  [default: {LAND_FILE} in SATCLIP_DATA]",
)


def run_options(folder: str, output: str, *, seeds: int) -> Callable[[Any], Any]:
    """How many runs and trials, how long, and where they go: the fields of `RunOptions`."""
    return combined(
        click.option(
            "--seeds", default=seeds, show_default=True, type=click.IntRange(min=1), metavar="N",
            help="Runs of each cell, with the seeds 0 to N - 1.",
        ),
        click.option(
            "--epochs", default=500, show_default=True, type=click.IntRange(min=1), metavar="N",
            help="At most so many; a run stops 30 after its best.",
        ),
        click.option(
            "--trials", default=100, show_default=True, type=click.IntRange(min=1), metavar="N",
            help="Optuna trials of a search.",
        ),
        click.option(
            "--trial-epochs", default=100, show_default=True, type=click.IntRange(min=1),
            metavar="N", help="Epochs of a trial, never more than --epochs.",
        ),
        click.option(
            "--no-pruning", is_flag=True,
            help="Let each trial run to its end: slower, and fairer to what learns slowly.",
        ),
        click.option(
            "--threads", default=1, show_default=True, type=click.IntRange(min=1), metavar="N",
            help="Threads of torch.",
        ),
        folder_option(folder, "runs and trials"),
        table_option(output, ", with a figure (PNG) beside it"),
    )  # fmt: skip


@dataclass(frozen=True)
class RunOptions:
    """The values of `run_options`."""

    seeds: int
    epochs: int
    trials: int
    trial_epochs: int
    no_pruning: bool
    threads: int
    folder: Path
    output: Path

    def prepare(self, purpose: str) -> None:
        """Check what can be checked at once, and set torch's threads."""
        check_named_csv(self.output)
        for module in ("matplotlib", "yaml"):
            require(module, extra="reproduce", purpose=purpose)
        torch = require("torch", extra="reproduce", purpose=purpose)
        torch.set_num_threads(self.threads)
        check_can_be_written(self.output, self.figure)

    @property
    def figure(self) -> Path:
        """The PNG beside the CSV."""
        return self.output.with_suffix(".png")

    def study(self, **budget: Any) -> Study:
        """The study that these options ask for."""
        from satclip_training.zoo.cell_training import Budget
        from satclip_training.zoo.study import Study

        return Study(self.folder, self.seeds, Budget(epochs=self.epochs, **budget))


def land_file(given: Path | None) -> Path:
    """The land polygons: given, or in the data root.

    Raises:
        InputError: neither is there.
    """
    if given is not None:
        return given
    root = os.environ.get(_DATA_ROOT_VARIABLE)
    found = Path(root) / LAND_FILE if root else None
    if found is None or not found.is_file():
        where = f" (no {LAND_FILE} in {root})" if root else ""
        raise InputError(f"no land polygons{where}: give --land FILE or set {_DATA_ROOT_VARIABLE}")
    return found


def search_for(
    task: Problem, cells: Sequence[Cell], run: RunOptions, **budget: Any
) -> dict[Cell, CellSettings]:
    """Settings of cells by a search, with its progress."""
    from dataclasses import replace

    from satclip_training.zoo.search import SEARCH_BUDGET, SearchPlan
    from satclip_training.zoo.study import searched_settings

    if not cells:
        return {}
    require("optuna", extra="reproduce", purpose="searching settings")
    length = min(run.trial_epochs, run.epochs)
    lengths = replace(SEARCH_BUDGET, epochs=length, **budget)
    plan = SearchPlan(run.folder, run.trials, lengths, pruning=not run.no_pruning)
    with progress(f"{task.name}: search", "trials") as report:
        found: dict[Cell, CellSettings] = searched_settings(task, cells, plan, report)
        return found


def run_all(
    task: Problem, settings: dict[Cell, CellSettings], study: Study, label: str | None = None
) -> list[Result]:
    """Run every cell, with its progress, called `label` or after the task."""
    from satclip_training.zoo.study import run_cells

    with progress(label or task.name, "runs") as report:
        results: list[Result] = run_cells(task, settings, study, report)
        return results
