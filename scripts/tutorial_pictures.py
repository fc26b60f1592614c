"""Make the pictures of docs/tutorials: run their commands, and draw what comes out.

    .venv/bin/pip install matplotlib
    .venv/bin/python scripts/tutorial_pictures.py [TUTORIAL...]

The pictures of QGIS in them are made by scripts/qgis_tour.py.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas
import matplotlib
import numpy as np
import rasterio

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
EXAMPLE = ROOT / "qgis_plugin" / "example" / "example.gpkg"
FARM = (10.5, 45.1)
MEANT, NOT_MEANT = ((-120.5, 37), (75.5, 31)), ((-77, 40), (80, 31))
_OUTLINE = {"color": "0.35", "linewidth": 0.4}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="TUTORIAL", help="all, if none is named")
    names = parser.parse_args().names or list(DRAWN)
    countries = geopandas.read_file(EXAMPLE, layer="countries").boundary
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            shutil.copy(EXAMPLE, folder)
            text = (ROOT / "docs" / "tutorials" / f"{name}.md").read_text("utf-8")
            for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
                for line in block.replace("\\\n", "").splitlines():
                    print(line, flush=True)
                    words = shlex.split(line)[1:]
                    subprocess.run([sys.executable, "-m", "satclip_cli", *words], check=True)
            for draw in DRAWN[name]:
                draw(countries)
            os.chdir(ROOT)


def similarity(countries) -> None:
    """The cosine, and the chance with a second example and a counter-example."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 7.6), layout="constrained")
    for axes, name, label in (
        (above, "like-farm.tif", "cosine similarity to the farm"),
        (below, "like-farms.tif", "chance of being like the farms"),
    ):
        drawn = show(axes, name, 1, vmin=0)
        figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)
        axes.plot(*FARM, "r*", markersize=11, markeredgecolor="white")
        outline(axes, countries, (-180, 180, -60, 75))
    for place in MEANT:
        below.plot(*place, "r*", markersize=11, markeredgecolor="white")
    for place in NOT_MEANT:
        below.plot(*place, "kX", markersize=8, markeredgecolor="white")
    save(figure, "tutorial-similarity")


def places(countries) -> None:
    """The best places over the areas."""
    figure, axes = plt.subplots(figsize=(9, 3.9), layout="constrained")
    geopandas.read_file("areas.gpkg").plot(ax=axes, color="#7ad151")
    geopandas.read_file("best.gpkg").plot(ax=axes, color="#440154", markersize=22)
    axes.plot(*FARM, "r*", markersize=11, markeredgecolor="white")
    outline(axes, countries, (-180, 180, -60, 75))
    save(figure, "tutorial-places")


def greenness(countries) -> None:
    """The map with its plots, and the standard error."""
    plots = geopandas.read_file(EXAMPLE, layer="plots")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    drawn = show(left, "greenness.tif", 1)
    figure.colorbar(drawn, ax=left, label="greenness (NDVI)", shrink=0.8)
    limits = {"vmin": drawn.norm.vmin, "vmax": drawn.norm.vmax, "cmap": "viridis"}
    plots.plot("greenness", ax=left, markersize=16, edgecolor="white", linewidth=0.6, **limits)
    drawn = show(right, "greenness.tif", 2, cmap="magma_r", vmax=0.12)
    figure.colorbar(drawn, ax=right, label="standard error", shrink=0.8, extend="max")
    plots.plot(ax=right, color="black", markersize=3)
    for axes in (left, right):
        outline(axes, countries, (-9.7, 4.5, 35.8, 44))
    save(figure, "tutorial-map")


def regions(countries) -> None:
    """Groups of two countries in the same colours."""
    figure, axes = plt.subplots(figsize=(8, 4.9), layout="constrained")
    for name in ("spain.tif", "portugal.tif"):
        show(axes, name, 1, cmap="Set2", vmin=1, vmax=8)
    outline(axes, countries, (-9.7, 4.5, 35.8, 44))
    save(figure, "tutorial-regions")


def show(axes, name: str, band: int, **how):
    """A band of a raster where it lies, nodata left out."""
    with rasterio.open(name) as dataset:
        values, bounds = dataset.read(band, masked=True).astype(float), dataset.bounds
    values = np.ma.masked_invalid(values)
    extent = (bounds.left, bounds.right, bounds.bottom, bounds.top)
    return axes.imshow(values, extent=extent, interpolation="nearest", **{"cmap": "viridis", **how})


def outline(axes, countries, view: tuple[float, float, float, float]) -> None:
    """Borders over a view: west, east, south, north."""
    countries.plot(ax=axes, **_OUTLINE)
    axes.set(xlim=view[:2], ylim=view[2:], xlabel="", ylabel="")
    axes.tick_params(labelsize=7)


def save(figure, name: str) -> None:
    """A picture in docs/images."""
    figure.savefig(IMAGES / f"{name}.png", dpi=90)
    plt.close(figure)


DRAWN = {
    "similar-places": (similarity, places),
    "field-plots": (greenness,),
    "regions": (regions,),
}


if __name__ == "__main__":
    main()
