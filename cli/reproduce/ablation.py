"""`satclip reproduce ablation`: networks on spherical harmonics by L."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import verbosity_options
from .zoo_options import (
    NETWORKS,
    RunOptions,
    land_file,
    land_option,
    network_option,
    run_all,
    run_options,
    search_for,
)

if TYPE_CHECKING:
    from satclip_training.zoo.cell_settings import CellSettings
    from satclip_training.zoo.cell_training import Problem
    from satclip_training.zoo.study import Cell, Result

# Of a table, whose training part may be smaller than one published batch of 2,000.
_TABLE_BATCH = 256


@click.command("ablation")
@click.argument(
    "table", required=False, metavar="[TABLE]", type=click.Path(dir_okay=False, path_type=Path)
)
@click.option("--target", metavar="COLUMN", help="What is predicted, a column of TABLE.")
@click.option("--lon", default="lon", show_default=True, metavar="COLUMN", help="Longitude.")
@click.option("--lat", default="lat", show_default=True, metavar="COLUMN", help="Latitude.")
@click.option("--classes", is_flag=True, help="The target's numbers are classes.")
@network_option(NETWORKS)
@click.option(
    "-L", "--legendre-polys", "degrees", multiple=True, default=(10, 20, 40), show_default=True,
    type=click.IntRange(1, 100), metavar="L", help="May be given again.",
)  # fmt: skip
@land_option
@run_options("runs/ablation", "docs/results/ablation.csv", seeds=5)
@verbosity_options
def command(
    table: Path | None,
    target: str | None,
    lon: str,
    lat: str,
    classes: bool,
    networks: tuple[str, ...],
    degrees: tuple[int, ...],
    land: Path | None,
    **values: Any,
) -> None:
    """Networks on spherical harmonics by L: what resolution and what the network are worth.

    On TABLE, a CSV of lon, lat and --target, split 30/10/60 into training, validation and test,
    with settings searched for each cell; without one on land or ocean, with the authors' settings
    of each network (the idea of SatCLIP's table 3). Scores are accuracy, or R² for numbers.
    """
    from satclip_training.zoo.study import Cell

    run = RunOptions(**values)
    run.prepare("satclip reproduce ablation")
    if table is not None and target is None:
        raise click.UsageError(f"{table} needs --target, the column to predict")
    task = _task(table, target, lon, lat, classes, land)
    degrees = tuple(sorted(set(degrees)))
    cells = [Cell("sphericalharmonics", name, degree) for degree in degrees for name in networks]
    results = run_all(task, *_plan(task, cells, run, searched=table is not None))
    measure = "R²" if task.kind == "numbers" else "accuracy"
    _write(results, run, task.name, measure)
    click.echo(_as_text(results, measure))
    click.echo(f"{run.output}\n{run.figure}")


def _task(
    table: Path | None, target: str | None, lon: str, lat: str, classes: bool, land: Path | None
) -> Problem:
    from satclip_training.zoo.problems import from_table, land_ocean

    if table is None or target is None:
        return land_ocean(land_file(land))
    return from_table(table, target, lon=lon, lat=lat, classes=classes or None)


def _plan(
    task: Problem, cells: list[Cell], run: RunOptions, *, searched: bool
) -> tuple[dict[Cell, CellSettings], Any]:
    from satclip_training.zoo.cell_settings import stored_settings
    from satclip_training.zoo.study import known_settings

    if searched:
        found = search_for(task, cells, run, batch_size=_TABLE_BATCH)
        return found, run.study(batch_size=_TABLE_BATCH)
    return known_settings(cells, stored_settings("land-ocean")), run.study()


def _write(results: list[Result], run: RunOptions, name: str, measure: str) -> None:
    from satclip_training.zoo.figures import ablation_figure
    from satclip_training.zoo.tables import write_csv

    header = ["task", "measure", "network", "legendre_polys", "mean", "sd"]
    rows = [
        [
            name,
            measure,
            r.cell.network,
            r.cell.legendre_polys,
            f"{r.mean:.4f}",
            f"{r.deviation:.4f}",
        ]
        for r in results
    ]
    write_csv(run.output, header, rows)
    ablation_figure(run.figure, results, f"{measure}, {name}")


def _as_text(results: list[Result], measure: str) -> str:
    """Scores: L down, networks across."""
    from satclip_training.zoo.tables import aligned

    networks = list(dict.fromkeys(result.cell.network for result in results))
    cells = {(r.cell.legendre_polys, r.cell.network): r for r in results}
    rows = [[f"L ({measure})", *(name.upper() for name in networks)]]
    for degree in dict.fromkeys(result.cell.legendre_polys for result in results):
        own = [cells[degree, name] for name in networks]
        rows.append([str(degree), *(f"{r.mean:.3f} ± {r.deviation:.3f}" for r in own)])
    text: str = aligned(rows)
    return text
