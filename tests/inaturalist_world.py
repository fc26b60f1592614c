"""A small iNaturalist: eight species with ranges on the real globe, four pairs that look alike.

Written in the form of the published annotations. Each image's logits cannot tell the species from
its double, which lives elsewhere; so a prior of places is worth nearly half of all images.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

# Name, west, south, east, north; species 2k and 2k + 1 look alike. The Arctic fox lives on both
# sides of the date line.
SPECIES: tuple[tuple[str, float, float, float, float], ...] = (
    ("Loxodonta africana", 12, -30, 38, 10),
    ("Elephas maximus", 76, 8, 104, 27),
    ("Erithacus rubecula", -8, 40, 35, 62),
    ("Turdus migratorius", -122, 32, -70, 55),
    ("Vulpes lagopus", 150, 66, 215, 80),
    ("Vulpes macrotis", -118, 20, -102, 38),
    ("Osphranter rufus", 118, -34, 146, -18),
    ("Lama guanicoe", -75, -54, -65, -22),
)
NAMES = tuple(species[0] for species in SPECIES)
WITHOUT_PLACE = 0.05


def write_world(folder: Path, *, train: int = 100, val: int = 30, year: int = 2018) -> Path:
    """Write annotations and locations of both splits, so many images a species; gives the folder.

    `val_logits.npy` holds the image logits, rows as in `images` of the val file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(year)
    first = 0
    for split, count in (("train", train), ("val", val)):
        labels = rng.permutation(np.repeat(np.arange(len(SPECIES)), count))
        ids = first + rng.permutation(2 * len(labels))[: len(labels)]
        first += 2 * len(labels)
        _write_split(folder, f"{split}{year}", ids, labels, _places(labels, rng))
        if split == "val":
            np.save(folder / "val_logits.npy", image_logits(labels, rng))
    return folder


def image_logits(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Logits that see the pair and not which of the two: (N, 8)."""
    logits = rng.normal(0, 0.3, (len(labels), len(SPECIES)))
    rows = np.arange(len(labels))
    logits[rows, labels] += 4
    logits[rows, labels ^ 1] += 4
    return logits


def _places(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uniform over each species' range, NaN for some: (N, 2)."""
    west, south, east, north = np.array([SPECIES[label][1:] for label in labels]).T
    lon = (rng.uniform(west, east) + 180) % 360 - 180
    sines = rng.uniform(np.sin(np.radians(south)), np.sin(np.radians(north)))
    lonlat = np.column_stack([lon, np.degrees(np.arcsin(sines))])
    lonlat[rng.random(len(labels)) < WITHOUT_PLACE] = np.nan
    return lonlat


def _write_split(
    folder: Path, name: str, ids: np.ndarray, labels: np.ndarray, lonlat: np.ndarray
) -> None:
    identifiers = [int(i) for i in ids]
    content = {
        "info": {"year": 2018},
        "images": [{"id": i, "file_name": f"{name}/{i}.jpg", "license": 0} for i in identifiers],
        "annotations": [
            {"id": i, "image_id": i, "category_id": int(label)}
            for i, label in zip(identifiers, labels)
        ],
        "categories": [{"id": i, "name": n, "supercategory": "x"} for i, n in enumerate(NAMES)],
        "licenses": [],
    }
    write_json(folder / f"{name}.json", content)
    places = [
        {"id": i, "lat": _or_null(lat), "lon": _or_null(lon), "loc_uncert": None,
         "date": "2017-06-01 12:00:00", "date_c": 0.42, "user_id": 7}
        for i, (lon, lat) in zip(identifiers, lonlat)
    ]  # fmt: skip
    write_json(folder / f"{name}_locations.json", places[::-1])


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
