"""What cross-validation says of maps of clustered surveys, and what is true.

    python tests/benchmarks/maps/surveys.py --data shared/data

Fields that are known everywhere (mean temperature and rain of ERA5, elevation of ETOPO5, the share
of forest of MODIS) are sampled in clusters round a few towns of a region; the map is of the whole
region. The R² that random folds, blocks and kNNDM promise stands beside the true one, in
docs/maps.md and docs/results/surveys.png.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page import replace_part
from tasks import forest_share, read_at

import satclip_core as sc
from satclip_core.analysis.folds import KINDS, choose_folds
from satclip_core.grid.sphere import unit_vectors
from satclip_core.products.regression import Regression
from satclip_core.products.training_set import TrainingSet

# West, south, east, north.
REGIONS = {
    "Europe": (-5.0, 40.0, 30.0, 60.0),
    "South America": (-70.0, -30.0, -45.0, 0.0),
    "Central Africa": (10.0, -15.0, 35.0, 15.0),
    "North America": (-120.0, 32.0, -85.0, 52.0),
}
SAMPLES, TOWNS, PIXELS = 200, 25, 1000
# Degrees within which samples lie round their town.
SPREAD = 0.7


def fields(data: Path) -> dict[str, Callable[[NDArray[Any]], NDArray[Any]]]:
    """Functions of places, (N, 2) degrees -> (N,); NaN over sea."""
    with np.load(data / "climate" / "era5_monthly_2000_2025_0p5deg.npz") as file:
        monthly = [file[name].astype(float) for name in file.files if file[name].ndim == 3]
    warmth, rain = monthly[0].mean(axis=0), np.log1p(monthly[1].sum(axis=0))
    with np.load(data / "relief" / "etopo5_elevation.npz") as file:
        height = file["elevation_m"].astype(float)
    forest = forest_share(data / "landcover")

    def land(lonlat: NDArray[Any]) -> NDArray[Any]:
        return np.where(read_at(height, lonlat) > 0, 1.0, np.nan)

    return {
        "temperature": lambda at: read_at(warmth, at) * land(at),
        "rain, log": lambda at: read_at(rain, at) * land(at),
        "elevation": lambda at: read_at(height, at) * land(at),
        "forest share": lambda at: read_at(forest, at),
    }


def survey(
    field: Callable[[NDArray[Any]], NDArray[Any]], box: tuple[float, ...], seed: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Clustered samples, and places all over the box: (N, 2) degrees, on land."""
    random = np.random.default_rng(seed)

    def on_land(lonlat: NDArray[Any], count: int) -> NDArray[Any]:
        return lonlat[np.isfinite(field(lonlat))][:count]

    low, high = np.array(box[:2]), np.array(box[2:])
    towns = on_land(random.uniform(low + 1, high - 1, (20 * TOWNS, 2)), TOWNS)
    around = towns[random.integers(0, len(towns), 5 * SAMPLES)]
    samples = around + random.normal(0, SPREAD, around.shape)
    return on_land(samples, SAMPLES), on_land(random.uniform(low, high, (5 * PIXELS, 2)), PIXELS)


def promised(
    encoder: Any, field: Callable[[NDArray[Any]], NDArray[Any]], box: tuple[float, ...], seed: int
) -> dict[str, float]:
    """R² by each kind of folds, and the true one of the model with folds that match the map."""
    samples, pixels = survey(field, box, seed)
    values, truth = field(samples), field(pixels)
    spread = float(((truth - truth.mean()) ** 2).mean())
    xyz, at = unit_vectors(*samples.T).T, unit_vectors(*pixels.T).T
    embeddings = encoder.encode(samples).astype(np.float64)
    everywhere = encoder.encode(pixels)
    found: dict[str, float] = {}
    for kind in KINDS:
        folds = choose_folds(kind, samples, pixels, seed=seed).folds
        fitted = Regression(TrainingSet(embeddings, xyz, folds, seed=seed), values).fit()
        error = float(((fitted.predicted - values) ** 2).mean())
        off = float(((fitted.model.mean(everywhere, at) - truth) ** 2).mean())
        # Of the map's own variance: that of clustered samples is another.
        found[kind], found[f"true, {kind}"] = 1 - error / spread, 1 - off / spread
    return found


def main() -> None:
    """All surveys, the table and the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("SATCLIP_DATA", "shared/data"))
    parser.add_argument("--model", help="a model or a file of one; the bundled one by default")
    parser.add_argument("--surveys", type=int, default=3, help="of each field and region")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    encoder = sc.load_encoder(*([options.model] if options.model else []))
    rows = []
    for name, field in fields(Path(options.data)).items():
        for region, box in REGIONS.items():
            for seed in range(options.surveys):
                rows.append(promised(encoder, field, box, seed))
                shown = ", ".join(f"{key} {value:.3f}" for key, value in rows[-1].items())
                print(f"{name}, {region}: {shown}", flush=True)
    model = f"{encoder.name}, {encoder.sha256[:12]}"
    replace_part(options.docs / "maps.md", "surveys", summary(rows, model))
    draw(rows, options.docs / "results" / "surveys.png")


def summary(rows: list[dict[str, float]], model: str) -> str:
    """How far each kind of folds is from the truth."""
    lines = [
        "![What folds say of R² and what is true](results/surveys.png)",
        "",
        f"{len(rows)} surveys of {SAMPLES} samples round {TOWNS} towns (model: {model}):",
        "",
        "| folds | R² promised − true, median | mean | median absolute | within 0.05 |",
        "|---|---|---|---|---|",
    ]
    for kind in KINDS:
        off = np.array([row[kind] - row[f"true, {kind}"] for row in rows])
        lines.append(
            f"| {kind} | {np.median(off):+.3f} | {off.mean():+.3f} | {np.median(np.abs(off)):.3f} "
            f"| {100 * np.mean(np.abs(off) <= 0.05):.0f} % |"
        )
    return "\n".join(lines)


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Promised against true R², a panel for each kind of folds."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(KINDS), figsize=(9, 3.3), sharex=True, sharey=True)
    for axes, kind in zip(panels, KINDS):
        true = [max(row[f"true, {kind}"], -0.5) for row in rows]
        said = [max(row[kind], -0.5) for row in rows]
        axes.plot([-0.5, 1], [-0.5, 1], color="0.6", lw=0.8)
        axes.fill_between([-0.5, 1], [-0.55, 0.95], [-0.45, 1.05], color="0.9", lw=0)
        axes.plot(true, said, "o", color="#0072B2", ms=4, alpha=0.8)
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("true R² of the map", fontsize=9)
    panels[0].set_ylabel("R² by cross-validation", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
