"""`satclip reproduce checkerboard`: how fine a pattern an encoder learns, and at which latitude."""

from __future__ import annotations

from dataclasses import dataclass
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
    from satclip_training.zoo.cell_settings import CellSettings
    from satclip_training.zoo.cell_training import Problem
    from satclip_training.zoo.study import Cell, Result

# As published: times 200 centres.
SCALES = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 16.0)
ENCODERS = ("cartesian3d", "grid", "theory", "spherecplus", "sphericalharmonics")


@dataclass(frozen=True)
class Board:
    """What the encoders reach on one checkerboard.

    Attributes:
        spacing: mean distance between neighbouring centres, degrees.
        results: of each encoder.
        bands: accuracy by band of latitude of each encoder, south to north; None where the outputs
            of its run are lost.
    """

    spacing: float
    results: list[Result]
    bands: list[Any]


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
    cells = _cells(encodings, networks, degrees)
    boards = {scale: _at_scale(scale, cells, run) for scale in scales}
    _write(boards, run)
    click.echo(_as_text(boards))
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


def _at_scale(scale: float, cells: list[Cell], run: RunOptions) -> Board:
    """Train and test the cells on the board of one scale."""
    from satclip_training.zoo.cell_training import band_accuracy
    from satclip_training.zoo.problems import CENTRES, checkerboard, mean_spacing
    from satclip_training.zoo.records import Records

    centres = round(CENTRES * scale)
    task = checkerboard(centres=centres)
    settings = _settings(task, cells, run)
    results = run_all(task, settings, run.study(), f"checkerboard of {centres} centres")
    records = Records(run.folder)
    kept = [records.prediction(result.keys[0]) for result in results]
    bands = [None if outputs is None else band_accuracy(outputs, task.test) for outputs in kept]
    return Board(mean_spacing(centres), results, bands)


def _settings(task: Problem, cells: list[Cell], run: RunOptions) -> dict[Cell, CellSettings]:
    from satclip_training.zoo.cell_settings import stored_settings
    from satclip_training.zoo.study import known_settings

    known = known_settings(cells, stored_settings("checkerboard"))
    return {**known, **search_for(task, [cell for cell in cells if cell not in known], run)}


def _write(boards: dict[float, Board], run: RunOptions) -> None:
    """The CSV, a row for each scale and encoder, and the figure beside it."""
    from satclip_training.zoo.cell_training import band_edges
    from satclip_training.zoo.figures import checkerboard_figure
    from satclip_training.zoo.tables import write_csv

    edges = band_edges()
    names = [f"lat_{low:g}_{high:g}" for low, high in zip(edges, edges[1:])]
    rows = [
        _row(scale, board.spacing, result, bands)
        for scale, board in boards.items()
        for result, bands in zip(board.results, board.bands)
    ]
    write_csv(run.output, ["encoder", "scale", "spacing", "mean", "sd", *names], rows)
    by_scale: dict[str, dict[float, float]] = {}
    for scale, board in boards.items():
        for result in board.results:
            by_scale.setdefault(result.cell.label, {})[scale] = result.mean
    spacings = {scale: board.spacing for scale, board in boards.items()}
    # The bands of latitude are shown of the published board.
    shown = boards.get(1.0) or next(iter(boards.values()))
    by_band = {
        result.cell.label: bands
        for result, bands in zip(shown.results, shown.bands)
        if bands is not None
    }
    checkerboard_figure(run.figure, spacings, by_scale, by_band, shown.spacing)


def _row(scale: float, spacing: float, result: Result, bands: Any) -> list[str]:
    """A row of the CSV, accuracy in percent; bands are left empty where they are lost."""
    from satclip_training.zoo.cell_training import BANDS

    shares = [""] * BANDS if bands is None else [f"{100 * value:.2f}" for value in bands]
    score = [f"{100 * result.mean:.2f}", f"{100 * result.deviation:.2f}"]
    return [result.cell.label, f"{scale:g}", f"{spacing:.2f}", *score, *shares]


def _as_text(boards: dict[float, Board]) -> str:
    """Accuracy in percent: encoders down, scales across."""
    from satclip_training.zoo.tables import aligned

    rows = [["ENCODER", *(f"x{scale:g} ({board.spacing:.1f}°)" for scale, board in boards.items())]]
    for number, result in enumerate(next(iter(boards.values())).results):
        shares = [f"{100 * board.results[number].mean:.1f}" for board in boards.values()]
        rows.append([result.cell.label, *shares])
    text: str = aligned(rows)
    return text
