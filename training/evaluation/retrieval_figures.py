"""Figures of retrieval and geolocation: who finds whom, how near, where, and what is worth what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from satclip_core.grid.land import land_mask

from .retrieval_tables import (
    JOIN,
    WHOLE,
    CellRow,
    GeolocationRow,
    RunResult,
    Summary,
    measures_of,
    summary,
)
from .similarity_figures import agg_pyplot, save_figure

_LEAST_QUERIES = 3
"""Of a geocell, to be shown: the median of one or two says little."""
_MOST_LINES = 10


def retrieval_figure(path: Path, runs: Sequence[RunResult], k: int = 10) -> None:
    """Write recall at k of every ordered pair, queries down and targets across.

    Args:
        path: PNG to write, in place of what is there.
        runs: of one variant; their mean is shown.
        k: of the recall.
    """
    names = list(dict.fromkeys(pair.query for pair in runs[0].pairs))
    numbers = [measures_of(run) for run in runs]
    shares = np.full((len(names), len(names)), np.nan)
    for pair in runs[0].pairs:
        key = ("retrieval", f"{pair.query} > {pair.target}", f"recall@{k}")
        shares[names.index(pair.query), names.index(pair.target)] = fmean(
            run[key] for run in numbers if key in run
        )
    pyplot = agg_pyplot()
    side = 1.1 + 0.8 * len(names)
    figure, axes = pyplot.subplots(figsize=(side + 1.2, side), layout="constrained")
    highest = max(float(np.nanmax(shares)), 1e-6)
    shown = axes.imshow(100 * shares, cmap="viridis", vmin=0, vmax=100 * highest)
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        if np.isfinite(share):
            ink = "black" if share > 0.6 * highest else "white"
            axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("target")
    axes.set_ylabel("query")
    most = max(pair.candidates for pair in runs[0].pairs)
    axes.set_title(f"recall at {k}, %, among {most:,} places at most", fontsize=10)
    figure.colorbar(shown, ax=axes, shrink=0.75)
    save_figure(figure, path)


def geolocation_figure(
    path: Path, rows: Sequence[GeolocationRow], cells: Sequence[CellRow]
) -> None:
    """Write how many queries land how near, by modality and together, and where they miss.

    Args:
        path: PNG to write, in place of what is there.
        rows: of one run: single modalities, the best pairs and all together are drawn.
        cells: of all modalities together.
    """
    pyplot = agg_pyplot()
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(13, 5.0), width_ratios=(2, 3), layout="constrained"
    )
    everything = max(len(row.modalities) for row in rows)
    for number, row in enumerate(_drawn(rows)):
        limits = list(row.score.within)
        shares = [100 * row.score.within[km] for km in limits]
        single = len(row.modalities) == 1
        together = 1 < everything == len(row.modalities)
        name = f"all {everything} together" if together else JOIN.join(row.modalities)
        label = f"{name} ({row.score.median_km:,.0f} km)"
        style = "o-" if single else "s--"
        left.plot(limits, shares, style, color=f"C{number}", label=label, markersize=4)
    left.set_xscale("log")
    left.set_xticks(limits, [f"{km:g}" for km in limits])
    left.minorticks_off()
    left.set_ylim(0, 100)
    left.set_xlabel("within, km")
    left.set_ylabel("queries, %")
    left.set_title("query (median distance)", fontsize=10)
    left.grid(alpha=0.25)
    # Beside the lines, which leave no corner free.
    left.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    _cell_map(figure, right, cells)
    save_figure(figure, path)


def _drawn(rows: Sequence[GeolocationRow]) -> list[GeolocationRow]:
    """Each modality, all together, and of the other choices the best of each size."""
    by_size: dict[int, list[GeolocationRow]] = {}
    for row in rows:
        by_size.setdefault(len(row.modalities), []).append(row)
    chosen = sorted(by_size.pop(1, []), key=lambda row: row.score.median_km)
    for size in sorted(by_size):
        chosen.append(min(by_size[size], key=lambda row: row.score.median_km))
    return chosen if len(chosen) <= _MOST_LINES else [*chosen[: _MOST_LINES - 1], chosen[-1]]


def _cell_map(figure: Any, axes: Any, cells: Sequence[CellRow]) -> None:
    """Median distance by geocell, on land."""
    rectangle = agg_pyplot().Rectangle
    shown = [cell for cell in cells if cell.queries >= _LEAST_QUERIES] or list(cells)
    lons, lats = np.arange(-179.5, 180), np.arange(-89.5, 90)
    x, y = np.meshgrid(lons, lats)
    land = land_mask()(x.ravel(), y.ravel()).reshape(x.shape)
    axes.contour(lons, lats, land, levels=[0.5], colors="0.4", linewidths=0.5)
    logs = np.log10(np.maximum([cell.median_km for cell in shown], 1.0))
    low, high = float(logs.min()), max(float(logs.max()), float(logs.min()) + 1e-6)
    colours = agg_pyplot().get_cmap("viridis_r")
    for cell, value in zip(shown, logs):
        west, south, east, north = cell.bounds
        colour = colours((value - low) / (high - low))
        axes.add_patch(
            rectangle((west, south), east - west, north - south, color=colour, alpha=0.8, lw=0)
        )
    mapped = agg_pyplot().cm.ScalarMappable(agg_pyplot().Normalize(low, high), colours)
    bar = figure.colorbar(mapped, ax=axes, shrink=0.85)
    ticks = np.linspace(low, high, 4)
    bar.set_ticks(ticks, labels=[f"{10**tick:,.0f}" for tick in ticks])
    bar.set_label("median km")
    axes.set_xlim(-180, 180)
    axes.set_ylim(-60, 85)
    axes.set_title("all modalities together, median distance by geocell", fontsize=10)


def ablation_picture(path: Path, results: Mapping[str, Sequence[RunResult]]) -> None:
    """Write a line for each variant: recall, distance and probes, a mark for each run.

    Args:
        path: PNG to write, in place of what is there.
        results: by variant, the whole among them, all asked at the same places.
    """
    pyplot = agg_pyplot()
    variants = list(results)[::-1]
    whole = results[WHOLE]
    sums = {variant: [summary(run, whole) for run in results[variant]] for variant in variants}
    panels: list[tuple[str, Callable[[Summary], float]]] = [
        ("recall at 10 gained over the whole,\nsame pairs, points", lambda one: 100 * one.gained),
        ("the same, pairs that ask\nfor coordinates", lambda one: 100 * one.to_places),
        ("median km,\nall modalities together", lambda one: one.median_km),
        ("mean score\nof the probes", lambda one: one.probe),
    ]
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(13, 1.1 + 0.3 * len(variants)), sharey=True, layout="constrained"
    )
    for axis, (title, value) in zip(axes, panels):
        for height, variant in enumerate(variants):
            own = [value(one) for one in sums[variant]]
            colour = "C3" if variant == WHOLE else "C0"
            axis.plot(own, [height] * len(own), "o", color=colour, alpha=0.6, markersize=4)
            axis.plot([fmean(own)], [height], "|", color=colour, markersize=14)
        axis.axvline(fmean(value(one) for one in sums[WHOLE]), color="C3", lw=0.6, alpha=0.6)
        axis.set_title(title, fontsize=9)
        axis.grid(axis="x", alpha=0.25)
    axes[0].set_yticks(range(len(variants)), variants)
    save_figure(figure, path)
