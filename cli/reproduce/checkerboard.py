"""`satclip reproduce checkerboard`: how fine a pattern an encoder learns, and at which latitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..options import verbosity_options
from .zoo_options import (
    Range,
    RunOptions,
    encoding_option,
    network_option,
    run_all,
    run_options,
    search_for,
)

if TYPE_CHECKING:
    from satclip_training.zoo.fit import Task
    from satclip_training.zoo.settings import CellSettings
    from satclip_training.zoo.study import Cell, Result

# As published: times 200 centres.
SCALES = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 16.0)
ENCODERS = ("cartesian3d", "grid", "theory", "spherecplus", "sphericalharmonics")


@click.command("checkerboard")
@encoding_option(ENCODERS)
@network_option(("siren",))
@click.option(
    "--scale", "scales", multiple=True, default=SCALES, show_default=True, metavar="S",
    type=Range(min=0.02, max=50),
    help="S x 200 centres; may be given again.",
)  # fmt: skip
@click.option(
    "-L", "--legendre-polys", "degrees", multiple=True, metavar="L",
    type=click.IntRange(1, 100),
    help="L of the spherical harmonics in place of the stored one; may be given again.",
)  # fmt: skip
@run_options("runs/checkerboard", "docs/results/checkerboard.csv", seeds=1)
@verbosity_options
def command(
    encodings: tuple[str, ...],
    networks: tuple[str, ...],
    scales: tuple[float, ...],
    degrees: tuple[int, ...],
    **values: Any,
) -> None:
    """Sixteen classes around the centres of a Fibonacci lattice, coarse to fine.

    Trains on 10,000 random places, stops on 10,000 others, tests on a lattice of 10,000
    (Rußwurm et al., ICLR 2024, section 4 and figure 4). Settings are the authors', made for scale
    1. The CSV holds accuracy for each scale, in all and in nine bands of latitude.
    """
    run = RunOptions(**values)
    run.prepare("satclip reproduce checkerboard")
    scales = tuple(sorted(set(scales)))
    tables = {
        scale: _at_scale(scale, _cells(encodings, networks, degrees), run) for scale in scales
    }
    _write(tables, run)
    click.echo(_as_text(tables))
    click.echo(f"{run.output}\n{run.figure}")


def _cells(
    encodings: tuple[str, ...], networks: tuple[str, ...], degrees: tuple[int, ...]
) -> list[Cell]:
    from satclip_training.zoo.study import Cell

    cells = []
    for network in networks:
        for encoding in encodings:
            own = degrees if encoding == "sphericalharmonics" and degrees else (None,)
            cells += [Cell(encoding, network, degree) for degree in own]
    return cells


def _at_scale(
    scale: float, cells: list[Cell], run: RunOptions
) -> tuple[float, list[tuple[Result, Any]]]:
    """Spacing of the centres, and of each cell the result and the accuracy by band of latitude."""
    from satclip_training.zoo.bands import band_accuracy
    from satclip_training.zoo.records import Records
    from satclip_training.zoo.tasks import CENTRES, checkerboard, mean_spacing

    centres = round(CENTRES * scale)
    task = checkerboard(centres=centres)
    settings = _settings(task, cells, run)
    results = run_all(task, settings, run.study(), f"checkerboard of {centres} centres")
    records = Records(run.folder)
    rows = []
    for result in results:
        kept = records.prediction(result.keys[0])
        rows.append((result, None if kept is None else band_accuracy(kept, task.test)))
    return mean_spacing(centres), rows


def _settings(task: Task, cells: list[Cell], run: RunOptions) -> dict[Cell, CellSettings]:
    from satclip_training.zoo.settings import stored_settings
    from satclip_training.zoo.study import known_settings

    known = known_settings(cells, stored_settings("checkerboard"))
    return {**known, **search_for(task, [cell for cell in cells if cell not in known], run)}


def _write(tables: dict[float, tuple[float, list[tuple[Result, Any]]]], run: RunOptions) -> None:
    from satclip_training.zoo.bands import band_edges
    from satclip_training.zoo.figures import checkerboard_figure
    from satclip_training.zoo.tables import write_csv

    edges = band_edges()
    names = [f"lat_{low:g}_{high:g}" for low, high in zip(edges, edges[1:])]
    rows = []
    by_scale: dict[str, dict[float, float]] = {}
    for scale, (spacing, cells) in tables.items():
        for result, bands in cells:
            by_scale.setdefault(result.cell.label, {})[scale] = result.mean
            shares = ["" if bands is None else f"{100 * value:.2f}" for value in bands]
            score = [f"{100 * result.mean:.2f}", f"{100 * result.deviation:.2f}"]
            rows.append([result.cell.label, f"{scale:g}", f"{spacing:.2f}", *score, *shares])
    write_csv(run.output, ["encoder", "scale", "spacing", "mean", "sd", *names], rows)
    shown = 1.0 if 1.0 in tables else next(iter(tables))
    by_band = {r.cell.label: bands for r, bands in tables[shown][1] if bands is not None}
    spacings = {scale: table[0] for scale, table in tables.items()}
    checkerboard_figure(run.figure, spacings, by_scale, by_band, spacings[shown])


def _as_text(tables: dict[float, tuple[float, list[tuple[Result, Any]]]]) -> str:
    """Accuracy in percent: encoders down, scales across."""
    from satclip_training.zoo.tables import aligned

    rows = [["ENCODER", *(f"x{scale:g} ({table[0]:.1f}°)" for scale, table in tables.items())]]
    labels = [result.cell.label for result, _ in next(iter(tables.values()))[1]]
    for number, label in enumerate(labels):
        row = [f"{100 * table[1][number][0].mean:.1f}" for table in tables.values()]
        rows.append([label, *row])
    text: str = aligned(rows)
    return text
