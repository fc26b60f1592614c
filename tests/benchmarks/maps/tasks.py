"""Ten tasks of real data, and how samples and places to predict are drawn from each.

Numbers: air temperature, two elevations, house prices, precipitation, cloud, population, forest;
classes: Köppen's climates, land cover. `shared/data/SOURCES.md` says where each file comes from.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.analysis.validation import different_places
from satclip_core.grid.sphere import fibonacci_lattice

SPLITS = {"random": 0.0, "2° blocks": 2.0, "10° blocks": 10.0}
SIZES = (100, 500, 2000, 20_000)
# A task with fewer places left than wanted counts as large enough with this share of them.
_ENOUGH = 0.75
# Places that are predicted, at most, and the share of blocks that is kept for them.
_TESTED, _KEPT = 2000, 0.2
# Points of the lattice that rasters are read at; half of them or more lie in the sea.
_LATTICE = 120_000


@dataclass(frozen=True)
class Task:
    """Places with a value each.

    Attributes:
        name: for tables.
        lonlat: (N, 2) degrees; a place may have several values, each once.
        values: (N,) numbers, or classes 0..classes-1.
        classes: number of classes; 0 for numbers.
    """

    name: str
    lonlat: NDArray[Any]
    values: NDArray[Any]
    classes: int = 0


def read_tasks(data: Path) -> dict[str, Task]:
    """All tasks, by name, from the folder of development data."""
    tables = data / "tasks"
    station = tables / "gsod_stations_chelsa_cloud_snow.csv"
    columns: dict[str, Callable[[], tuple[Any, Any]]] = {
        "air temperature": lambda: _table(
            tables / "air_temperature_stationDataAll.csv", "Lon", "Lat", "meanT"
        ),
        "elevation": lambda: _table(
            tables / "mosaiks_elevation_points.csv", "lon", "lat", "labels"
        ),
        "station elevation": lambda: _stations(tables / "weather_stations_elevation.csv"),
        "house prices": lambda: _table(
            tables / "california_housing.csv", "longitude", "latitude", "median_house_value"
        ),
        "precipitation, log": lambda: _logged(_table(station, "lon", "lat", "chelsa_bio12")),
        "cloud cover": lambda: _table(station, "lon", "lat", "MODCF_meanannual"),
        "population, log": lambda: _population(tables / "gpw_popdensity_2015_0p1deg.npz"),
        "forest share": lambda: _forest(data / "landcover"),
    }
    found = {name: _numbers(name, *read()) for name, read in columns.items()}
    for name, read in (
        ("Köppen climate", lambda: _koppen(tables / "koppen_geiger_5arcmin.png")),
        ("land cover", lambda: _land_cover(data / "landcover")),
    ):
        found[name] = _classes(name, *read())
    return found


@dataclass(frozen=True)
class Draw:
    """Rows of a task: to learn from, and to predict."""

    train: NDArray[Any]
    test: NDArray[Any]


def draw(task: Task, size: int, split: str, seed: int) -> Draw | None:
    """Samples and places to predict; None where the task has not so many.

    With blocks, a fifth of the cells of a grid in degrees is kept for the places to predict.
    """
    random = np.random.default_rng([seed, size, list(SPLITS).index(split)])
    order = random.permutation(len(task.values))
    degrees = SPLITS[split]
    if degrees:
        cells = np.floor(task.lonlat / degrees).astype(np.int64) @ np.array([1, 1000])
        different = np.unique(cells)
        # Of a task in few cells there is nothing to leave out.
        if len(different) < 10:
            return None
        kept = random.choice(different, max(1, round(_KEPT * len(different))), replace=False)
        held = np.isin(cells[order], kept)
        test, train = order[held][:_TESTED], order[~held][:size]
    else:
        count = min(_TESTED, max(len(order) - size, len(order) // 10))
        test, train = order[:count], order[count:][:size]
    if len(train) < _ENOUGH * size or len(test) < 100:
        return None
    return Draw(np.sort(train), np.sort(test))


def _table(path: Path, lon: str, lat: str, value: str) -> tuple[Any, Any]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row[lon], row[lat], row[value]) for row in csv.DictReader(file)]
    numbers = np.array([[_number(text) for text in row] for row in rows])
    return numbers[:, :2], numbers[:, 2]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _stations(path: Path) -> tuple[Any, Any]:
    lonlat, metres = _table(path, "lon", "lat", "elevation_m")
    return lonlat, np.where(metres < -400, np.nan, metres)


def _logged(table: tuple[Any, Any]) -> tuple[Any, Any]:
    return table[0], np.log1p(table[1])


def _lattice() -> Any:
    """Places of an equal-area lattice, without Antarctica."""
    lonlat = fibonacci_lattice(_LATTICE)
    return lonlat[lonlat[:, 1] > -60]


def _population(path: Path) -> tuple[Any, Any]:
    with np.load(path) as file:
        density = file[next(name for name in file.files if file[name].ndim == 2)]
    lonlat = _lattice()
    people = read_at(density.astype(np.float64), lonlat)
    land = read_at(_igbp(path.parents[1] / "landcover"), lonlat)
    return lonlat, np.where((land > 0) & (land < 255), np.log1p(people), np.nan)


def _igbp(folder: Path) -> Any:
    import rasterio

    with rasterio.open(folder / "modis_mcd12c1_2019_igbp_0p05deg.tif") as file:
        return file.read(1)


def forest_share(folder: Path) -> NDArray[Any]:
    """The share of forest (IGBP 1-5) among the land of boxes of 0.25°, (720, 1440)."""
    codes = _igbp(folder)
    boxes = codes.reshape(720, 5, 1440, 5)
    land = ((boxes > 0) & (boxes < 255)).sum(axis=(1, 3))
    forest = ((boxes >= 1) & (boxes <= 5)).sum(axis=(1, 3))
    return np.asarray(np.where(land > 5, forest / np.maximum(land, 1), np.nan))


def _forest(folder: Path) -> tuple[Any, Any]:
    lonlat = _lattice()
    return lonlat, read_at(forest_share(folder), lonlat)


def _land_cover(folder: Path) -> tuple[Any, Any]:
    lonlat = _lattice()
    codes = read_at(_igbp(folder), lonlat).astype(np.float64)
    return lonlat, np.where((codes > 0) & (codes < 255), codes, np.nan)


def _koppen(path: Path) -> tuple[Any, Any]:
    from PIL import Image

    lonlat = _lattice()
    codes = read_at(np.asarray(Image.open(path)), lonlat).astype(np.float64)
    return lonlat, np.where(codes < 32, codes, np.nan)


def read_at(field: NDArray[Any], lonlat: NDArray[Any]) -> NDArray[Any]:
    """Nearest cells of a global raster in plate carrée, rows from north to south."""
    rows, columns = field.shape
    row = np.floor((90 - lonlat[:, 1]) * rows / 180).astype(int).clip(0, rows - 1)
    column = np.floor((lonlat[:, 0] + 180) * columns / 360).astype(int) % columns
    return np.asarray(field[row, column])


def _numbers(name: str, lonlat: Any, values: Any) -> Task:
    """Each value of each place once, where there is one."""
    known = np.isfinite(values) & np.isfinite(lonlat).all(axis=1)
    lonlat, values = lonlat[known], values[known]
    _, place = different_places(lonlat)
    first = np.unique(np.stack([place, values]), axis=1, return_index=True)[1]
    return Task(name, lonlat[first], values[first])


def _classes(name: str, lonlat: Any, values: Any) -> Task:
    """Classes of one in a thousand places and more."""
    task = _numbers(name, lonlat, values)
    _, index, sizes = np.unique(task.values, return_inverse=True, return_counts=True)
    frequent = sizes >= len(index) / 1000
    kept = frequent[index]
    number = np.cumsum(frequent) - 1
    return Task(name, task.lonlat[kept], number[index[kept]], int(frequent.sum()))
