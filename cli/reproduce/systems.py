"""`satclip reproduce systems`: SatCLIP, SatCLE and UniGeoCLIP on the same data, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..long_runs import (
    Study,
    data_root_option,
    folder_option,
    seeds_option,
    set_option,
    table_option,
)
from ..options import combined, packed, verbosity_options
from .continuity import BEIJING

if TYPE_CHECKING:
    from satclip_training.evaluation.tasks import Task
    from satclip_training.run.pretraining import RunOptions
    from satclip_training.run.systems import Cell
    from satclip_training.settings.config import TrainConfig

SYSTEMS = ("satclip", "satcle", "unigeoclip")


_study_options = packed(
    Study,
    combined(
        data_root_option("the configurations name"),
        seeds_option("Runs of each system"),
        set_option(" of all"),
        folder_option("runs/systems", "runs and measures"),
        table_option(
            "docs/results/systems.csv",
            ", with the same as Markdown (.md), a figure (.png), "
            "continuity (-continuity.png) and similarity (-similarity.png) beside it",
        ),
    ),
)


@click.command("systems")
@click.argument("configs", nargs=-1, metavar="[CONFIG]...",
                type=click.Path(dir_okay=False, exists=True, path_type=Path))  # fmt: skip
@_study_options
@verbosity_options
def command(study: Study, configs: tuple[Path, ...]) -> None:
    """SatCLIP, SatCLE and UniGeoCLIP on the same places, imagery and number of samples.

    Trains each CONFIG (YAML; by default three small ones of the package) with each seed, and
    measures it: linear probes by both protocols, retrieval between places and imagery that were
    held out, continuity, pixels a second, size. Mean and standard deviation over the seeds.
    """
    study.check("satclip reproduce systems", "pandas", "geopandas", "matplotlib")
    from satclip_training.run.systems import check_systems, run_systems
    from satclip_training.settings.config import load_config

    files = configs or _shipped()
    settings = [load_config(file, study.overrides) for file in files]
    check_systems(settings)
    with study.running(files[0]) as options:
        tasks = _tasks(settings[0], options)
        cells = run_systems(settings, options, range(study.seeds), tasks)
    written = _write(cells, tasks, settings, options, study.output)
    click.echo(written[1].read_text(encoding="utf-8").rstrip())
    click.echo("\n".join(str(path) for path in written))


def _shipped() -> tuple[Path, ...]:
    """The configurations of the package."""
    import satclip_training

    folder = Path(satclip_training.__file__).parent / "configs"
    return tuple(folder / f"systems-{name}.yaml" for name in SYSTEMS)


def _tasks(config: TrainConfig, options: RunOptions) -> list[Task]:
    """The probe tasks of a configuration, and MODIS' land cover where its file is there."""
    import satclip_training
    from satclip_training.evaluation.tasks import load_tasks

    tasks: list[Task] = []
    if config.probe.tasks is not None:
        path = options.places.find(config.probe.tasks, "probe.tasks")
        tasks = load_tasks(path, data_root=options.data_root, names=config.probe.names)
    vegetation = Path(satclip_training.__file__).parent / "configs" / "satcle-tasks.yaml"
    names = ("land_vegetation",)
    return [*tasks, *load_tasks(vegetation, data_root=options.data_root, names=names)]


def _write(
    cells: Sequence[Cell],
    tasks: Sequence[Task],
    configs: Sequence[TrainConfig],
    options: RunOptions,
    output: Path,
) -> list[Path]:
    """The tables and pictures; their paths, the CSV and the Markdown first."""
    from satclip_training.evaluation.linear_probe import embedder
    from satclip_training.evaluation.similarity_figures import (
        continuity_picture,
        similarity_picture,
        systems_picture,
    )
    from satclip_training.run.systems import facts, model_files, system_rows, system_table
    from satclip_training.zoo.tables import write_csv

    rows = list(system_rows(cells))
    markdown, figure = output.with_suffix(".md"), output.with_suffix(".png")
    continuity, maps = (
        output.with_name(f"{output.stem}-{name}.png") for name in ("continuity", "similarity")
    )
    write_csv(output, ["system", "measure", "item", "runs", "mean", "sd"], rows)
    text = "\n".join([*(f"- {fact}" for fact in facts(configs)), "", system_table(cells, tasks)])
    markdown.write_text(text + "\n", encoding="utf-8")
    systems_picture(figure, rows)
    continuity_picture(continuity, [_change(row) for row in rows if row[1] == "continuity"])
    models = model_files(options.output, configs, seed=0)
    similarity_picture(maps, {name: embedder(str(path)) for name, path in models.items()}, BEIJING)
    return [output, markdown, figure, continuity, maps]


def _change(row: list[str]) -> tuple[str, str, float, float]:
    """A row of continuity as its picture takes it: model, where, km, change."""
    where, _, km = row[2].partition(", ")
    return row[0], where, float(km.partition(" ")[0]), float(row[4])
