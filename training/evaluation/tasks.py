"""Downstream tasks: places with a number or a class, read from files named in YAML."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, require
from satclip_core.types import Bools, Floats, Integers

from ..places.land_mask import read_land_mask
from ..places.reading import (
    check_columns,
    coordinates,
    numbers,
    read_cells,
    read_shapes,
    read_table,
)
from ..places.sampling import sample_points
from ..settings.run_files import Locations, locations, read_yaml
from ..settings.schema import (
    anything,
    build,
    flag,
    integer,
    mapping,
    optional,
    real,
    section,
    sequence,
    setting,
    text,
)

log = logging.getLogger("satclip_training")

NO_LEAKS = "none known"
"""What a run's facts say where no task's label was among the inputs."""


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """One task: a table of points, or a grid or polygons read at points uniform over land.

    `positive` lists the codes that make one class of two, all others being the other one.
    `leaks` are patterns of file names: imagery that gives the label away. `bounds` (west, south,
    east, north in degrees) says where a grid lies that is not georeferenced. An `optional` task is
    left out, with a word, where its file is not there. `source` and `licence` are said in reports.
    """

    kind: str = setting(text("table", "grid", "polygons"))
    file: str = setting(text())
    target: str | None = setting(optional(text()), None)
    classes: bool = setting(flag, False)
    positive: tuple[Any, ...] = setting(sequence(anything), ())
    lon: str | None = setting(optional(text()), None)
    lat: str | None = setting(optional(text()), None)
    transform: str = setting(text("none", "log1p"), "none")
    minimum: float | None = setting(optional(real()), None)
    maximum: float | None = setting(optional(real()), None)
    ignore: tuple[Any, ...] = setting(sequence(anything), ())
    south: float = setting(real(-90, 90), -90.0)
    bounds: tuple[float, ...] | None = setting(optional(sequence(real(), length=4)), None)
    leaks: tuple[str, ...] = setting(sequence(text()), ())
    source: str = setting(text(), "see the data's own documentation")
    licence: str = setting(text(), "")
    optional: bool = setting(flag, False)


@dataclasses.dataclass(frozen=True)
class TasksFile:
    """A tasks file: the tasks, and where points over land come from."""

    tasks: dict[str, TaskSettings] = setting(mapping(section(TaskSettings), least=1))
    land_mask: str | None = setting(optional(text()), None)
    land_points: int = setting(integer(low=10), 20_000)
    land_seed: int = setting(integer(low=0), 777)
    most: int = setting(integer(low=10), 8_000)


@dataclasses.dataclass(frozen=True)
class Task:
    """A task that was read: `lonlat` (N, 2), `target` (N,) numbers or class codes."""

    name: str
    lonlat: Floats
    target: NDArray[Any]
    classes: bool
    leaks: tuple[str, ...] = ()


def leaked(tasks: Iterable[Task], files: Iterable[str]) -> dict[str, list[str]]:
    """The tasks whose label an encoder has seen, and in which of its training files.

    Args:
        tasks: their `leaks` are compared with the files' names, whatever the case.
        files: names or patterns of the imagery that the encoder was trained on.
    """
    names = list(files)
    found = {
        task.name: [
            name
            for name in names
            if any(fnmatchcase(name.lower(), pattern.lower()) for pattern in task.leaks)
        ]
        for task in tasks
    }
    return {task: seen for task, seen in found.items() if seen}


def tasks_digest(tasks: Iterable[Task]) -> str:
    """SHA-256 of tasks: their names, places and labels."""
    found = hashlib.sha256()
    for task in tasks:
        labels = task.target.astype(str) if task.target.dtype == object else task.target
        found.update(task.name.encode())
        found.update(np.ascontiguousarray(task.lonlat).tobytes())
        found.update(np.ascontiguousarray(labels).tobytes())
    return found.hexdigest()


def read_tasks(file: Path) -> TasksFile:
    """What a file of tasks says, none of their data read.

    Raises:
        InputError: no YAML, or a bad setting.
    """
    settings: TasksFile = build(TasksFile, read_yaml(file), f"{file}: ")
    return settings


def load_tasks(
    path: str | os.PathLike[str],
    *,
    data_root: str | os.PathLike[str] | None = None,
    names: tuple[str, ...] | None = None,
    most: int | None = None,
) -> list[Task]:
    """Read the tasks of a YAML file, at most `most` points of each, drawn with a fixed seed.

    Args:
        path: the file.
        data_root: folder of the files that it names; SATCLIP_DATA where None.
        names: only these tasks.
        most: points of each task, in place of what the file says.

    Raises:
        InputError: a bad setting, a missing file, column or array, an unknown name.
    """
    file = Path(path)
    settings = read_tasks(file)
    for name in names or ():
        if name not in settings.tasks:
            raise InputError(f"{file}: no task {name!r}; there are {', '.join(settings.tasks)}")
    places = locations(file, data_root)
    land: list[Floats] = []

    def land_points() -> Floats:
        if not land:
            mask = settings.land_mask and read_land_mask(
                places.find(settings.land_mask, f"{file}: land_mask")
            )
            land.append(
                sample_points(settings.land_points, seed=settings.land_seed, is_land=mask or None)
            )
        return land[0]

    chosen = [
        name
        for name in names or tuple(settings.tasks)
        if not settings.tasks[name].optional or _is_there(name, settings.tasks[name], places)
    ]
    return [
        _load(name, settings.tasks[name], most or settings.most, places, land_points)
        for name in chosen
    ]


def _is_there(name: str, task: TaskSettings, places: Locations) -> bool:
    try:
        places.find(task.file, f"tasks.{name}.file")
    except InputError as error:
        log.warning("the task %s is left out: %s", name, error)
        return False
    return True


def _load(
    name: str, task: TaskSettings, most: int, places: Locations, land_points: Callable[[], Floats]
) -> Task:
    path = places.find(task.file, f"tasks.{name}.file")
    if task.kind == "table":
        lonlat, target = _from_table(name, task, path)
    elif task.kind == "grid":
        lonlat = land_points()
        target = read_cells(path, lonlat, f"tasks.{name}:", array=task.target, bounds=task.bounds)
    else:
        lonlat, target = _from_polygons(name, task, path, land_points())
    keep = _usable(task, lonlat, target)
    lonlat, target = lonlat[keep], target[keep]
    if task.transform == "log1p":
        target = numbers(target, f"tasks.{name}.transform: log1p")
        if (target <= -1).any():
            raise InputError(
                f"tasks.{name}.transform: there is no log1p of {target.min():g}; set minimum: 0"
            )
        target = np.log1p(target)
    if len(target) > most:
        drawn = np.random.RandomState(0).permutation(len(target))[:most]
        lonlat, target = lonlat[drawn], target[drawn]
    if len(target) < 10:
        raise InputError(f"tasks.{name}: only {len(target)} usable points in {path}")
    if task.positive:
        target = _is_positive(name, task, target)
    elif task.classes:
        target = np.unique(target, return_inverse=True)[1]
    return Task(name, lonlat, target, task.classes or bool(task.positive), task.leaks)


def _is_positive(name: str, task: TaskSettings, target: NDArray[Any]) -> Integers:
    """1 where a code is one of `positive`, 0 elsewhere; both have to occur."""
    positive = np.isin(target, task.positive)
    if positive.all() or not positive.any():
        share = "all" if positive.any() else "none"
        wanted = ", ".join(map(str, task.positive))
        raise InputError(f"tasks.{name}.positive: {share} of the points are one of {wanted}")
    return positive.astype(np.int64)


def _usable(task: TaskSettings, lonlat: Floats, target: NDArray[Any]) -> Bools:
    keep = np.isfinite(lonlat).all(1) & (lonlat[:, 1] > task.south)
    if target.dtype.kind in "OUS":
        keep &= np.array([value is not None and value == value for value in target])
    else:
        keep &= np.isfinite(target.astype(np.float64))
        if task.minimum is not None:
            keep &= target >= task.minimum
        if task.maximum is not None:
            keep &= target <= task.maximum
    for value in task.ignore:
        keep &= target != value
    return keep


def _from_table(name: str, task: TaskSettings, path: Path) -> tuple[Floats, NDArray[Any]]:
    if task.target is None:
        raise InputError(f"tasks.{name}.target: missing; it names a column of {path}")
    table = read_table(path, f"tasks.{name}:")
    check_columns(table, (task.target,), f"tasks.{name}: {path}")
    columns = coordinates(table, f"tasks.{name}: {path}", task.lon, task.lat)
    lonlat = numbers(columns, f"tasks.{name}: {path}, lon and lat")
    target = table[task.target].to_numpy()
    if not (task.classes or task.positive):
        target = numbers(target, f"tasks.{name}: {path}, {task.target} (classes: true for text)")
    return lonlat, target


def _from_polygons(
    name: str, task: TaskSettings, path: Path, lonlat: Floats
) -> tuple[Floats, NDArray[Any]]:
    polygons = read_shapes(path, f"tasks.{name}:")
    if task.target is not None and task.target not in polygons:
        raise InputError(f"tasks.{name}: {path} has no attribute {task.target!r}")
    polygons["code"] = polygons[task.target] if task.target else np.arange(len(polygons))
    rows, codes = shapes_at(polygons, lonlat, "code")
    return lonlat[rows], codes


def shapes_at(polygons: Any, lonlat: Floats, column: str) -> tuple[Integers, NDArray[Any]]:
    """What polygons say of the places that lie within one.

    Args:
        polygons: a geopandas data frame in longitudes and latitudes.
        lonlat: (N, 2) degrees.
        column: of the data frame.

    Returns:
        Numbers (M,) of those places, ascending, and the column's values there (M,); of polygons
        that overlap, one's.
    """
    geopandas = require("geopandas", extra="train", purpose="reading polygons")
    points = geopandas.GeoDataFrame(
        geometry=geopandas.points_from_xy(lonlat[:, 0], lonlat[:, 1]), crs=4326
    )
    joined = points.sjoin(polygons[[column, "geometry"]], predicate="within")
    joined = joined[~joined.index.duplicated()]
    return joined.index.to_numpy(), joined[column].to_numpy()
