"""`satclip reproduce downstream`: SatCLE's downstream tasks, for any models."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click

from satclip_core.errors import require

from ..long_runs import (
    StopOnInterrupt,
    check_can_be_written,
    check_named_csv,
    data_root_option,
    folder_option,
    seeds_option,
    table_option,
    tell_lines,
)
from ..options import verbosity_options
from ..progress import progress
from .zoo_options import Range

COUNTRIES = "tasks/ne_50m_admin_0_countries.gpkg"
CONTINENTS = ("North America", "Africa", "Oceania")


@click.command("downstream")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--tasks", "tasks_file", metavar="FILE",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Tasks (YAML).  [default: satcle-tasks.yaml of the package]",
)  # fmt: skip
@click.option("--task", "names", multiple=True, metavar="NAME", help="Only this task; repeatable.")
@data_root_option("the tasks name")
@click.option(
    "--continent", "continents", multiple=True, default=CONTINENTS, show_default=True,
    metavar="NAME", help="Left out but for a few samples; may be given again.",
)  # fmt: skip
@click.option("--random-only", is_flag=True, help="Leave no continent out.")
@click.option(
    "--few", "few_share", default=0.01, show_default=True, type=Range(0, 0.5, min_open=True),
    metavar="SHARE", help="Share of a continent's samples that is trained on.",
)  # fmt: skip
@seeds_option("Splits and initial weights")
@click.option(
    "--steps", default=2000, show_default=True, type=click.IntRange(min=1), metavar="N",
    help="Of a head at most (the paper: 50,000); it ends 100 after its best.",
)  # fmt: skip
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1), metavar="N",
              help="Threads of torch.")  # fmt: skip
@folder_option("runs/downstream", "fits")
@table_option("downstream.csv", ", with the same as Markdown beside it")
@verbosity_options
def command(
    models: tuple[str, ...],
    tasks_file: Path | None,
    names: tuple[str, ...],
    data_root: Path | None,
    continents: tuple[str, ...],
    random_only: bool,
    threads: int,
    folder: Path,
    output: Path,
    **values: Any,
) -> None:
    """SatCLE's downstream tasks: a small network on embeddings, continents left out but for a few.

    MODELs are names or files; `identity`, `geoclip`, `onehot` (UTM zones) and `sinusoid` are there
    too. 70/10/20 of each task: population, elevation, carbon where you have a table, country, land
    vegetation; squared and absolute error in standard deviations, or accuracy.
    """
    check_named_csv(output)
    for module in ("torch", "yaml", "pandas", "geopandas"):
        require(module, extra="train", purpose="satclip reproduce downstream")
    import torch

    from satclip_training.evaluation.downstream import outcome_rows, outcome_table
    from satclip_training.evaluation.linear_probe import LEAK_NOTE, column_names, known_leaks
    from satclip_training.zoo.tables import write_csv

    torch.set_num_threads(threads)
    check_can_be_written(output)
    tell_lines()
    labels = column_names(models)
    left_out = () if random_only else continents
    outcomes = _run(labels, tasks_file, names, data_root, left_out, folder, **values)
    write_csv(
        output, ["model", "task", "split", "measure", "runs", "mean", "sd"], outcome_rows(outcomes)
    )
    leaks = {label: known_leaks(name) for name, label in labels.items()}
    text = outcome_table(outcomes, leaks)
    text += f"\n\n{LEAK_NOTE}" if "†" in text else ""
    markdown = output.with_suffix(".md")
    markdown.write_text(text + "\n", encoding="utf-8")
    click.echo(text)
    click.echo(f"{output}\n{markdown}")


def _run(
    labels: dict[str, str],
    tasks_file: Path | None,
    names: tuple[str, ...],
    data_root: Path | None,
    continents: tuple[str, ...],
    folder: Path,
    **values: Any,
) -> Any:
    """Read what is asked for, and score it with progress."""
    import satclip_training
    from satclip_training.evaluation.continents import Continents
    from satclip_training.evaluation.downstream import DownstreamPlan, run_downstream
    from satclip_training.evaluation.kept_scores import KeptScores
    from satclip_training.evaluation.linear_probe import embedder
    from satclip_training.evaluation.mlp_head import HeadSettings
    from satclip_training.evaluation.tasks import load_tasks
    from satclip_training.settings.run_files import locations

    file = tasks_file or Path(satclip_training.__file__).parent / "configs" / "satcle-tasks.yaml"
    tasks = load_tasks(file, data_root=data_root, names=names or None)
    embeds = {label: embedder(name) for name, label in labels.items()}
    plan = DownstreamPlan(
        tuple(range(values["seeds"])), continents, values["few_share"],
        HeadSettings(steps=values["steps"]),
    )  # fmt: skip
    where = None
    if continents:
        where = Continents(locations(file, data_root).find(COUNTRIES, "continents"))
    stop = StopOnInterrupt(tells=True)
    with stop, progress("downstream", "fits") as report:
        return run_downstream(
            embeds, {label: _identity(name) for name, label in labels.items()}, tasks, where, plan,
            KeptScores(folder), progress=report, cancelled=stop.asked,
        )  # fmt: skip


def _identity(model: str) -> str:
    """A model by the hash of its file, an encoder that has none by its name and this version."""
    from satclip_core import __version__
    from satclip_core.models.registry import find_model
    from satclip_training.evaluation.baselines import BASELINES

    if model in BASELINES:
        return f"{model} {__version__}"
    return hashlib.sha256(find_model(model).read_bytes()).hexdigest()
