"""Pictures of what is measured here: smoothed images, similarity and systems side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, require
from satclip_core.files import written_whole
from satclip_core.types import Bools, Float32, Floats

from .linear_probe import Embed

_PURPOSE = "a picture"
_STRETCH = (2.0, 98.0)
_INCHES = 3.2


def smoothing_picture(
    path: Path, image: Float32, attention: Float32, causal: Bools, smoothed: Float32, title: str
) -> None:
    """Write one image, the attention it gets, the patches that are not causal, and it smoothed.

    Args:
        path: PNG to write, in place of what is there.
        image: (bands, n, n).
        attention: (rows, columns).
        causal: (rows, columns).
        smoothed: (bands, n, n).
        title: over the picture.
    """
    pyplot = agg_pyplot()
    figure, axes = pyplot.subplots(1, 4, figsize=(4 * _INCHES, _INCHES + 0.6), layout="constrained")
    low, high = _limits(image)
    side = image.shape[-1]
    extent = (0, side, side, 0)
    axes[0].imshow(_colours(image, low, high), extent=extent)
    shown = axes[1].imshow(attention, cmap="viridis", extent=extent)
    figure.colorbar(shown, ax=axes[1], shrink=0.75)
    axes[2].imshow(_colours(image, low, high), extent=extent)
    hidden = np.zeros((*causal.shape, 4))
    hidden[~causal] = (0.8, 0.1, 0.1, 0.65)
    axes[2].imshow(hidden, extent=extent, interpolation="nearest")
    axes[3].imshow(_colours(smoothed, low, high), extent=extent)
    share = 1 - float(causal.mean())
    names = ("image", "attention", f"not causal ({share:.0%})", "smoothed")
    for axis, name in zip(axes, names):
        axis.set_title(name, fontsize=10)
        axis.set_axis_off()
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def _limits(image: Float32) -> tuple[Floats, Floats]:
    """Stretch of the bands that are shown: of the original, for the smoothed image too."""
    shown = _shown(image)
    low, high = np.percentile(shown, _STRETCH, axis=(1, 2))
    return low, np.maximum(high, low + 1e-9)


def _shown(image: Float32) -> Float32:
    """Three bands: red, green and blue of Sentinel-2's twelve or thirteen, else the first ones."""
    if len(image) >= 12:
        return image[[3, 2, 1]]
    return image[:3] if len(image) >= 3 else image[[0, 0, 0]]


def _colours(image: Float32, low: Floats, high: Floats) -> NDArray[Any]:
    scaled = (_shown(image) - low[:, None, None]) / (high - low)[:, None, None]
    return np.moveaxis(scaled.clip(0, 1), 0, -1)


def similarity_picture(
    path: Path,
    models: Mapping[str, Embed],
    place: tuple[float, float],
    *,
    degrees: float = 8.0,
    pixels: int = 160,
) -> None:
    """Write the cosine similarity to a place around it, a map for each model (SatCLE, fig. 8).

    Args:
        path: PNG to write, in place of what is there.
        models: embeddings, functions of (N, 2) degrees, by name.
        place: lon, lat of the reference.
        degrees: height of the map; its width is as far on the ground.
        pixels: rows and columns.

    Raises:
        InputError: the map would go over a pole.
    """
    lon, lat = place
    if abs(lat) + degrees / 2 > 89:
        raise InputError(f"a map of {degrees:g}° around latitude {lat:g} goes over a pole")
    half = (np.arange(pixels) - (pixels - 1) / 2) / pixels * degrees
    lons, lats = lon + half / np.cos(np.radians(lat)), lat - half
    grid = np.stack(np.meshgrid(lons, lats), -1).reshape(-1, 2)
    pyplot = agg_pyplot()
    width = _INCHES * len(models) + 0.8
    figure, axes = pyplot.subplots(
        1, len(models), figsize=(width, _INCHES + 0.5), squeeze=False, layout="constrained"
    )
    extent = (lons[0], lons[-1], lats[-1], lats[0])
    for axis, (name, embed) in zip(axes[0], models.items()):
        similar = similarity_map(embed, grid, place).reshape(pixels, pixels)
        shown = axis.imshow(similar, extent=extent, cmap="viridis", aspect="auto")
        axis.plot(lon, lat, "*", color="white", markeredgecolor="black", markersize=11)
        figure.colorbar(shown, ax=axis, shrink=0.8)
        axis.set_title(name, fontsize=10)
    save_figure(figure, path)


def similarity_map(embed: Embed, lonlat: Floats, place: tuple[float, float]) -> Floats:
    """Cosine similarity (N,) of the embeddings of places (N, 2) to that of one."""
    values = np.asarray(embed(np.vstack([[place], lonlat])), np.float64)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    similar: Floats = values[1:] @ values[0]
    return similar


def continuity_picture(path: Path, rows: Sequence[tuple[str, str, float, float]]) -> None:
    """Write change per kilometre by distance, a line for each model, near and far."""
    pyplot = agg_pyplot()
    figure, axes = pyplot.subplots(figsize=(5.2, 3.8), layout="constrained")
    models = list(dict.fromkeys(row[0] for row in rows))
    for number, model in enumerate(models):
        for where, style in (("near", "-o"), ("far", "--s")):
            own = [(km, change) for name, at, km, change in rows if (name, at) == (model, where)]
            label = f"{model}, {where} training places"
            axes.loglog(*zip(*own), style, color=f"C{number}", label=label, markersize=4)
    axes.set_xlabel("distance, km")
    axes.set_ylabel("change of the unit embedding per km")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def systems_picture(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write what systems reach on each task by both protocols, and what they find again.

    Args:
        path: PNG to write, in place of what is there.
        rows: system, measure, item, runs, mean, sd: see `run.systems.system_rows`.
    """
    pyplot = agg_pyplot()
    panels = {"probe": "linear probes", "range": "linear probes, RANGE", "retrieval": "recall"}
    tall = max((len({row[2] for row in rows if row[1] == name}) for name in panels), default=1)
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(13.5, 1.2 + 0.32 * tall), layout="constrained"
    )
    systems = list(dict.fromkeys(row[0] for row in rows))
    for axis, (measure, title) in zip(axes, panels.items()):
        shown = [
            row
            for row in rows
            if row[1] == measure and (measure != "retrieval" or "recall" in row[2])
        ]
        items = list(dict.fromkeys(row[2] for row in shown))
        for number, system in enumerate(systems):
            own = [row for row in shown if row[0] == system]
            height = [items.index(row[2]) + 0.18 * (number - (len(systems) - 1) / 2) for row in own]
            spread = [float(row[5] or 0) for row in own]
            axis.errorbar(
                [float(row[4]) for row in own], height, xerr=spread, fmt="o", color=f"C{number}",
                markersize=5, capsize=2, label=system,
            )  # fmt: skip
        axis.set_yticks(range(len(items)), items, fontsize=8)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=10)
        axis.grid(alpha=0.25)
    axes[0].legend(fontsize=8)
    save_figure(figure, path)


def agg_pyplot() -> Any:
    """matplotlib's pyplot, drawing to files."""
    require("matplotlib", extra="reproduce", purpose=_PURPOSE).use("Agg")
    return require("matplotlib.pyplot", extra="reproduce", purpose=_PURPOSE)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG, in place of what is there, and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=110, format="png", pil_kwargs={"optimize": True})
    agg_pyplot().close(figure)
