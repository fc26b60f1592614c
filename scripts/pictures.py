"""Make the pictures of README.md and unigeoclip.md with the command line and the models shipped.

    .venv/bin/pip install matplotlib
    .venv/bin/python scripts/pictures.py --land-mask ne_50m_land.geojson

The land mask, here Natural Earth's polygons, keeps the sea from taking most of the colours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import rasterio

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
WORLD = ["--bbox", "-180", "-60", "180", "84", "--res", "0.25"]
AFRICA = ["--bbox", "-20", "-37", "55", "40", "--res", "0.1"]
CONGO = (23.6, -2.9)
REGIONS = {
    "Egypt": (24, 21, 37, 32.5),
    "Ganges plain": (74, 21, 92, 31),
    "Netherlands": (1, 49.5, 10, 55),
    "Arc of deforestation, Amazon": (-62, -14, -46, -2),
}
SEARCHES = ("hot desert", "rainforest", "high mountains", "city of a million", "tundra coast",
            "mediterranean climate")  # fmt: skip


def satclip(*words: str) -> None:
    """Run the command line; a failure ends this script too."""
    subprocess.run([sys.executable, "-m", "satclip_cli", *words], check=True)


def rgb(name: str, extent: list[str], width: float) -> None:
    """Three principal components of an extent, with alpha, as a picture with degrees beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rgb.tif"
        satclip("rgb", *extent, "-o", str(path))
        with rasterio.open(path) as dataset:
            image, bounds = dataset.read().transpose(1, 2, 0), dataset.bounds
    _draw(name, image, bounds, width)


def bands(extent: tuple[float, ...], resolution: str) -> np.ndarray:
    """The first three bands of an embedding raster, each stretched: (rows, cols, 3) in 0..1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "embedding.tif"
        box = [str(edge) for edge in extent]
        satclip("raster", "--bbox", *box, "--res", resolution, "--dims", "3", "-o", str(path))
        with rasterio.open(path) as dataset:
            image = dataset.read().transpose(1, 2, 0)
    low, high = np.percentile(image.reshape(-1, 3), [2, 98], axis=0)
    return ((image - low) / (high - low)).clip(0, 1)


def first_three() -> None:
    """The first three bands as colours: of README's first command, and of four regions."""
    west, south, east, north = alps = (5, 44, 17, 48.5)
    bounds = rasterio.coords.BoundingBox(west, south, east, north)
    _draw("rgb-alps", bands(alps, "0.05"), bounds, 9)
    figure, all_axes = plt.subplots(2, 2, figsize=(11, 9), layout="constrained")
    for axes, (name, extent) in zip(all_axes.flat, REGIONS.items()):
        west, south, east, north = extent
        axes.imshow(bands(extent, "0.05"), extent=(west, east, south, north))
        axes.set(title=name)
    figure.savefig(FOLDER / "rgb-regions.png", dpi=90)
    plt.close(figure)


def similarity(name: str, extent: list[str], width: float) -> None:
    """Cosine similarity to a place in the Congo Basin, with the place and a scale."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "similarity.tif"
        satclip("similarity", "--to", *map(str, CONGO), *extent, "-o", str(path))
        with rasterio.open(path) as dataset:
            values, bounds = dataset.read(1), dataset.bounds
    _draw(name, values, bounds, width, mark=CONGO)


def searches() -> None:
    """The similarity of all land to some words, each scaled between its 5 % and its 99.5 %."""
    figure, all_axes = plt.subplots(3, 2, figsize=(11, 7.2), layout="constrained")
    for axes, words in zip(all_axes.flat, SEARCHES):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "search.tif"
            satclip("search", words, "-q", "-o", str(path))
            with rasterio.open(path) as dataset:
                values, bounds = dataset.read(1), dataset.bounds
        low, high = np.nanpercentile(values, [5, 99.5])
        extent = (bounds.left, bounds.right, bounds.bottom, bounds.top)
        axes.imshow(values, extent=extent, cmap="viridis", vmin=low, vmax=high)
        axes.set(title=words, xticks=[], yticks=[])
    figure.savefig(FOLDER / "search-words.png", dpi=64)
    plt.close(figure)


def _draw(
    name: str,
    image: np.ndarray,
    bounds: rasterio.coords.BoundingBox,
    width: float,
    mark: tuple[float, float] | None = None,
) -> None:
    height = width * (bounds.top - bounds.bottom) / (bounds.right - bounds.left)
    figure, axes = plt.subplots(figsize=(width, height + 0.4), layout="constrained")
    extent = (bounds.left, bounds.right, bounds.bottom, bounds.top)
    shown = axes.imshow(image, extent=extent, cmap="viridis", vmin=-0.2 if mark else None)
    if mark:
        axes.plot(*mark, "r*", markersize=12, markeredgecolor="white")
        figure.colorbar(shown, ax=axes, label="cosine similarity", shrink=0.8)
    axes.set(xlabel="longitude", ylabel="latitude")
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--land-mask", metavar="FILE", required=True)
    land = ["--land-mask", parser.parse_args().land_mask]
    first_three()
    rgb("rgb-world", [*WORLD, *land], 10)
    rgb("rgb-africa", [*AFRICA, *land], 6)
    similarity("similarity-congo", WORLD, 10)
    searches()
