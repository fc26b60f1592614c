"""`satclip reproduce land-ocean`: the encoder zoo on land or ocean, beside the paper's table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_core.encoder.encodings import ZOO

from ..options import verbosity_options
from .zoo_options import (
    NETWORKS,
    RunOptions,
    encoding_option,
    land_file,
    land_option,
    network_option,
    run_all,
    run_options,
    search_for,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satclip_training.zoo.cell_settings import CellSettings
    from satclip_training.zoo.cell_training import Problem
    from satclip_training.zoo.records import Records
    from satclip_training.zoo.study import Result

STORED = {"published": "land-ocean", "searched": "land-ocean-searched"}


@click.command("land-ocean")
@encoding_option(ZOO)
@network_option(NETWORKS)
@land_option
@click.option(
    "--settings",
    "source",
    default="published",
    show_default=True,
    metavar="published|searched|FILE",
    help="Settings of the cells: the authors', those found by our search, or a file's.",
)
@click.option("--search", is_flag=True, help="Search settings again instead of reading any.")
@run_options("runs/land-ocean", "docs/results/land-ocean.csv", seeds=5)
@verbosity_options
def command(
    encodings: tuple[str, ...],
    networks: tuple[str, ...],
    land: Path | None,
    source: str,
    search: bool,
    **values: Any,
) -> None:
    """Land or ocean from lon and lat: every encoding with every network.

    Trains on 5,000 random places, stops on 5,000 others, and tests on an equal-area grid of
    51,156 (Rußwurm et al., ICLR 2024, table 1). Cells without settings are searched with Optuna.
    """
    from satclip_training.zoo.paper import LAND_OCEAN
    from satclip_training.zoo.problems import land_ocean
    from satclip_training.zoo.study import Cell, known_settings
    from satclip_training.zoo.tables import land_ocean_rows, versus_paper, write_csv

    run = RunOptions(**values)
    run.prepare("satclip reproduce land-ocean")
    stored = {} if search else _stored(source)
    task = land_ocean(land_file(land))
    cells = [Cell(encoding, network) for encoding in encodings for network in networks]
    known = known_settings(cells, stored)
    found = search_for(task, [cell for cell in cells if cell not in known], run)
    settings = {cell: {**known, **found}[cell] for cell in cells}
    results = run_all(task, settings, run.study())
    header = ["encoding", "network", "mean", "sd", "paper"]
    write_csv(run.output, header, land_ocean_rows(results, LAND_OCEAN))
    _draw(task, results, run)
    click.echo(versus_paper(results, LAND_OCEAN))
    click.echo(f"{run.output}\n{run.figure}")


def _stored(source: str) -> dict[str, CellSettings]:
    from satclip_training.zoo.cell_settings import read_settings, stored_settings

    named = source in STORED
    found: dict[str, CellSettings] = (
        stored_settings(STORED[source]) if named else read_settings(Path(source))
    )
    return found


def _draw(task: Problem, results: Sequence[Result], run: RunOptions) -> None:
    from satclip_training.zoo.figures import land_ocean_figure
    from satclip_training.zoo.paper import LAND_OCEAN
    from satclip_training.zoo.problems import land_grid
    from satclip_training.zoo.records import Records

    shape = land_grid()[1]
    maps = _maps(Records(run.folder), results, shape)
    truth = task.test.target.reshape(shape)
    land_ocean_figure(run.figure, results, maps, truth, LAND_OCEAN)


def _maps(
    records: Records, results: Sequence[Result], shape: tuple[int, int]
) -> dict[tuple[str, str], Any]:
    """Logits of the first seed of each cell, as a map."""
    maps = {}
    for result in results:
        kept = records.prediction(result.keys[0])
        if kept is not None:
            maps[result.cell.encoding, result.cell.network] = kept[:, 0].reshape(shape)
    return maps
