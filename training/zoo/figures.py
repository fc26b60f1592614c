"""Figures of the zoo: the land-ocean maps, the checkerboard's lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import require
from satclip_core.files import written_whole

from .cell_training import band_edges
from .study import Result
from .tables import Paper, is_far, make_folder

_OCEAN, _COAST, _LAND = "#2b5c8a", "#f4f1e8", "#8a6d3b"
_FAR = "#b3261e"
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
_PURPOSE = "a figure"
# Inches that the longest title of a map takes, and the table's header above one column.
_LEAST_WIDTH = 6.0

Maps = Mapping[tuple[str, str], NDArray[np.floating]]
"""Logits on the test grid: (encoding, network) -> (rows, columns), north on top."""


def land_ocean_figure(
    path: Path, results: Sequence[Result], maps: Maps, truth: NDArray[np.floating], paper: Paper
) -> None:
    """Write a map of every cell's predictions with its accuracy, and the table under them."""
    pyplot = _pyplot()
    networks = list(dict.fromkeys(result.cell.network for result in results))
    encodings = list(dict.fromkeys(result.cell.encoding for result in results))
    by_cell = {(r.cell.encoding, r.cell.network): r for r in results}
    rows = len(encodings)
    width = max(_LEAST_WIDTH, 4.1 * len(networks))
    figure = pyplot.figure(figsize=(width, 1.95 * rows + 0.31 * rows + 0.5))
    heights = [*[1.95] * rows, 0.31 * rows + 0.5]
    grid = figure.add_gridspec(
        rows + 1, len(networks), height_ratios=heights, hspace=0.24, wspace=0.03,
        left=0.01, right=0.99, top=0.985, bottom=0.005,
    )  # fmt: skip
    for row, encoding in enumerate(encodings):
        for column, network in enumerate(networks):
            axes = figure.add_subplot(grid[row, column])
            axes.set_axis_off()
            if (encoding, network) in by_cell:
                result = by_cell[encoding, network]
                _land_map(axes, maps.get((encoding, network)), truth)
                axes.set_title(_title(result, paper), fontsize=9, pad=3,
                               color=_FAR if is_far(result, paper) else "black")  # fmt: skip
    _table(figure.add_subplot(grid[rows, :]), encodings, networks, by_cell, paper)
    _save(figure, path, dpi=75)


def _land_map(axes: Any, logits: NDArray[np.floating] | None, truth: NDArray[np.floating]) -> None:
    """Probability of land in colour, the true coast as a line."""
    colours = require("matplotlib.colors", extra="reproduce", purpose=_PURPOSE)
    scale = colours.LinearSegmentedColormap.from_list("land", [_OCEAN, _COAST, _LAND])
    if logits is not None:
        values = np.asarray(logits, np.float64).clip(-30, 30)
        axes.imshow(1 / (1 + np.exp(-values)), cmap=scale, vmin=0, vmax=1)
    axes.contour(truth, levels=[0.5], colors="black", linewidths=0.35)


def _title(result: Result, paper: Paper) -> str:
    wanted = paper.get((result.cell.encoding, result.cell.network))
    ours = f"{result.cell.encoding} · {result.cell.network}  {100 * result.mean:.1f} %"
    return ours if wanted is None else f"{ours}  (paper {wanted:.1f})"


def _table(
    axes: Any,
    encodings: Sequence[str],
    networks: Sequence[str],
    by_cell: Mapping[tuple[str, str], Result],
    paper: Paper,
) -> None:
    axes.set_axis_off()
    header = ["accuracy %", *(f"{name}: ours ± sd (paper)" for name in networks)]
    cells, colours = [], []
    for encoding in encodings:
        row, shades = [encoding], ["white"]
        for network in networks:
            result = by_cell.get((encoding, network))
            row.append("–" if result is None else _entry(result, paper))
            shades.append("#f6d6d3" if result is not None and is_far(result, paper) else "white")
        cells.append(row)
        colours.append(shades)
    table = axes.table(
        cells, cellColours=colours, colLabels=header, loc="upper center", cellLoc="center"
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.45)


def _entry(result: Result, paper: Paper) -> str:
    wanted = paper.get((result.cell.encoding, result.cell.network))
    beside = "" if wanted is None else f" ({wanted:.1f})"
    return f"{100 * result.mean:.1f} ± {100 * result.deviation:.1f}{beside}"


def checkerboard_figure(
    path: Path,
    spacing: Mapping[float, float],
    by_scale: Mapping[str, Mapping[float, float]],
    by_band: Mapping[str, NDArray[np.floating]],
    band_spacing: float,
) -> None:
    """Write accuracy by the spacing of centres, and by latitude at one of them; a line each.

    Args:
        path: of the PNG.
        spacing: scale -> mean distance between neighbouring centres, degrees.
        by_scale: encoder -> scale -> accuracy.
        by_band: encoder -> accuracy of each latitude band, south to north.
        band_spacing: of the board that the bands are from, degrees.
    """
    pyplot = _pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.8), width_ratios=(3, 2))
    for number, (name, scores) in enumerate(by_scale.items()):
        colour = _LINES[number % len(_LINES)]
        scales = sorted(scores, key=lambda scale: spacing[scale])
        x, y = [spacing[s] for s in scales], [100 * scores[s] for s in scales]
        left.plot(x, y, "o-", color=colour, label=name, markersize=4)
        if name in by_band:
            edges = band_edges(len(by_band[name]))
            middles = (edges[1:] + edges[:-1]) / 2
            right.plot(100 * by_band[name], middles, "o-", color=colour, markersize=4)
    ticks = sorted(spacing.values())
    left.set_xscale("log")
    left.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=8)
    left.minorticks_off()
    left.set_xlabel("mean distance between neighbouring centres, degrees")
    left.set_ylabel("accuracy, %")
    left.legend(frameon=False, fontsize=9)
    right.set_xlabel("accuracy, %")
    right.set_ylabel("latitude, degrees")
    right.set_yticks(range(-80, 81, 40))
    right.set_title(f"by latitude, centres {band_spacing:.3g}° apart", fontsize=10)
    left.set_title("checkerboard of 16 classes", fontsize=10)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    _save(figure, path, dpi=120)


def ablation_figure(path: Path, results: Sequence[Result], measure: str) -> None:
    """Write the score by L, a line for each network."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(6.4, 4.4))
    networks = list(dict.fromkeys(result.cell.network for result in results))
    for colour, network in zip(_LINES, networks):
        own = sorted(
            (r for r in results if r.cell.network == network),
            key=lambda r: r.settings.legendre_polys,
        )
        x = [r.settings.legendre_polys for r in own]
        y, spread = [r.mean for r in own], [r.deviation for r in own]
        axes.errorbar(x, y, yerr=spread, fmt="o-", color=colour, capsize=3, label=network)
    axes.set_xticks(sorted({r.settings.legendre_polys for r in results}))
    axes.set_xlabel("L, the number of Legendre polynomials")
    axes.set_ylabel(measure)
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    _save(figure, path, dpi=120)


def _pyplot() -> Any:
    require("matplotlib", extra="reproduce", purpose=_PURPOSE).use("Agg")
    return require("matplotlib.pyplot", extra="reproduce", purpose=_PURPOSE)


def _save(figure: Any, path: Path, dpi: int) -> None:
    make_folder(path)
    with written_whole(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=dpi, pil_kwargs={"optimize": True})
    _pyplot().close(figure)
