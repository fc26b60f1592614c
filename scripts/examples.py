"""How well few examples find the places of a class, by cosines and by the classifier.

    python scripts/examples.py shared/data
    python scripts/examples.py shared/data --within -10 36 30 60

For classes of MODIS land cover and Koeppen-Geiger zones: examples are drawn from one class, and
counter-examples from the places of others that are most like them, as somebody who looks at a
picture would choose them. Held-out land then says how well the class comes first (area under the
ROC curve), and whether the chances are right (expected calibration error, the class weighing as
much as everything else). With `--within` all of these lie in a box, and the classifier is held
against all land, and against the land of the box (`SimilarityTo.within`). Both rasters lie in the
project's development data.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import rasterio

from satclip_core.analysis import unit
from satclip_core.grid import Grid
from satclip_core.grid.land import land_places, land_within
from satclip_core.models.registry import load_encoder
from satclip_core.products import SimilarityTo
from satclip_core.products.similarity import background

COVER = "landcover/modis_mcd12c1_2019_igbp_0p05deg.tif"
ZONES = "tasks/koppen_geiger_5arcmin.png"
# Examples and counter-examples.
CASES = ((1, 2), (3, 0), (3, 3), (10, 0), (10, 5), (30, 10))
_HELD_OUT, _POOL = 8000, 16000
_LEAST = 60
_HARD = 0.03
_STEPS = 10
# Degrees: of the model's finest cells.
_BOX_PIXEL = 1 / 32


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--within", type=float, nargs=4, metavar=("W", "S", "E", "N"), help="a box in degrees"
    )
    given = parser.parse_args()
    folder, encoder = given.data, load_encoder()
    lands, draw = {"classifier": background(encoder)}, land_places
    if given.within:
        box = Grid.from_bounds(given.within, _BOX_PIXEL)
        lands = {"all land": background(encoder), "the box": background(encoder, box)}
        draw = partial(land_within, box)
    test, pool = draw(_HELD_OUT, 1), draw(_POOL, 2)
    embedded = [unit(encoder.encode(places, single=True)) for places in (test, pool)]
    tasks = [
        (classes[0] == code, classes[1] == code)
        for name in (COVER, ZONES)
        for classes in ([values_at(folder / name, places) for places in (test, pool)],)
        for code in np.unique(classes[0])
        if min((part == code).sum() for part in classes) >= _LEAST
    ]
    print(f"{len(tasks)} classes")
    names = "".join(f"  AUC, {land}  calibration error" for land in lands)
    print(f"examples  counter  AUC, mean cosine{names}")
    for count, others in CASES:
        rows = [
            scores(embedded, pool, task, count, others, lands, np.random.default_rng(number))
            for number, task in enumerate(tasks)
        ]
        cosine, *learnt = np.mean(rows, axis=0)
        print(
            f"{count:8} {others:8} {cosine:17.3f}", *(f"{one:17.3f}" for one in learnt), flush=True
        )


def values_at(path: Path, places: np.ndarray) -> np.ndarray:
    """The classes of a raster of the whole world at places."""
    with rasterio.open(path) as dataset:
        values = dataset.read(1)
    rows, cols = values.shape
    row = np.clip((90 - places[:, 1]) / 180 * rows, 0, rows - 1).astype(int)
    return values[row, np.clip((places[:, 0] + 180) / 360 * cols, 0, cols - 1).astype(int)]


def scores(embedded, pool, task, count, others, lands, random) -> list[float]:
    """AUC of the mean cosine; AUC and calibration error of the classifier, for each of the lands.

    All of one class.
    """
    (test, drawn), (is_class, drawable) = embedded, task
    examples = random.choice(np.flatnonzero(drawable), count, replace=False)
    cosines = drawn @ drawn[examples].mean(axis=0)
    not_class = np.flatnonzero(~drawable)
    alike = not_class[np.argsort(-cosines[not_class])][: int(_HARD * len(not_class))]
    counter = random.choice(alike, others, replace=False)
    wanted = SimilarityTo.of(pool[examples], unlike=pool[counter] if others else ())
    made = np.concatenate([drawn[examples], drawn[counter]])
    found = [auc(test @ drawn[examples].mean(axis=0), is_class)]
    for land in lands.values():
        chances = wanted.made(made, land)(test[None])[0, 0].astype(float)
        found += [auc(chances, is_class), calibration_error(chances, is_class)]
    return found


def auc(values: np.ndarray, wanted: np.ndarray) -> float:
    """Chance that a place of the class has more than another one."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values)] = np.arange(len(values))
    count = wanted.sum()
    return float((ranks[wanted].sum() - count * (count - 1) / 2) / count / (~wanted).sum())


def calibration_error(chances: np.ndarray, wanted: np.ndarray) -> float:
    """Mean of |chance - share of the class| over steps of chance; the class weighs half of all."""
    weights = np.where(wanted, 0.5 / wanted.sum(), 0.5 / (~wanted).sum())
    steps = np.minimum((chances * _STEPS).astype(int), _STEPS - 1)
    off = np.bincount(steps, weights * (chances - wanted), _STEPS)
    return float(np.abs(off).sum())


if __name__ == "__main__":
    main()
