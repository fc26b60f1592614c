"""The problems of the zoo: land or ocean, a checkerboard on the sphere, a table of points."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, require
from satclip_core.grid.sphere import unit_vectors
from satclip_core.products import Samples
from satclip_core.raster.polygons import read_polygons
from satclip_core.types import Floats, Integers, Mask

from ..places.reading import check_columns, read_table
from .cell_training import Problem, Split

# Land-ocean task: places in each of training and validation, and the test grid (the published
# code; the extents of EPSG:6933, in metres).
POINTS = 5000
TEST_RES = 100_000.0
TEST_EXTENT = (17_367_530.45, 7_324_184.56)
# Checkerboard task, as published.
CENTRES = 200
CLASSES = 16
CHECKERBOARD_POINTS = 10_000
_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


def sphere_points(count: int, seed: int) -> Floats:
    """The published random places, uniform on the sphere: directions of normal vectors."""
    x, y, z = np.random.RandomState(seed).normal(size=(3, count))
    lonlat: Floats = np.column_stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])
    return np.degrees(lonlat)


def land_grid(res: float = TEST_RES) -> tuple[Floats, tuple[int, int]]:
    """Centres of the cells of the test grid, equal in area (EPSG:6933).

    The last row and column stick out where the extent is no multiple of `res`; their centres are
    drawn back to the edge of the map.

    Returns:
        (N, 2) degrees, rows from north to south, and the shape: 147 rows x 348 columns at 100 km.
    """
    pyproj = require("pyproj", purpose="the test grid of the land-ocean task")
    (right, top), axes = TEST_EXTENT, []
    for half in (right, top):
        starts = np.arange(-half, half, res)
        axes.append(np.minimum(starts + res / 2, half))
    x, y = np.meshgrid(axes[0], axes[1][::-1])
    project = pyproj.Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True)
    lon, lat = project.transform(x.ravel(), y.ravel())
    return np.column_stack([lon, lat]), x.shape


def land_ocean(land: Path, *, points: int = POINTS, res: float = TEST_RES) -> Problem:
    """Land (1) or ocean (0), by polygons of land.

    Training places by seed 0, validation by seed 1, test on an equal-area grid.

    Raises:
        InputError: the polygons cannot be read, or nothing or everything is land.
    """
    if not land.is_file():
        raise InputError(f"land polygons {land}: no such file (--land)")
    polygons = read_polygons(land)
    splits = [_labelled(sphere_points(points, seed), polygons) for seed in (0, 1)]
    test = _labelled(land_grid(res)[0], polygons)
    share = splits[0].target.mean()
    if not 0 < share < 1:
        raise InputError(f"{land}: {share:.0%} of the training places are land: nothing to learn")
    return Problem("land-ocean", "binary", 1, splits[0], splits[1], test)


def _labelled(lonlat: Floats, polygons: Mask) -> Split:
    return Split(lonlat, polygons(lonlat[:, 0], lonlat[:, 1]).astype(np.float64))


def published_lattice(count: int) -> Floats:
    """The lattice of the published code (González 2010, arXiv:0912.4540): (count, 2) degrees.

    It is the core's of one place more, turned about the axis and without its northernmost place;
    kept apart since centre 0 has to lie at 0, 0 and labels count from there. `count` is made even,
    as published.
    """
    half = count // 2
    index = np.arange(-half, half)
    lat = np.degrees(np.arcsin(2 * index / (2 * half + 1)))
    lon = np.remainder(index, _GOLDEN_RATIO) * 360 / _GOLDEN_RATIO
    return np.column_stack([np.where(lon > 180, lon - 360, lon), lat])


def checkerboard(
    *, centres: int = CENTRES, classes: int = CLASSES, points: int = CHECKERBOARD_POINTS
) -> Problem:
    """Which of 16 classes the nearest centre of a Fibonacci lattice has.

    The centre at place i of the lattice, counted from its middle, has the class i mod 16, as
    published.
    """
    lattice = published_lattice(centres)
    half = len(lattice) // 2
    labels = np.arange(-half, half) % classes

    def labelled(lonlat: Floats) -> Split:
        return Split(lonlat, labels[_nearest(lattice, lonlat)].astype(np.float64))

    train, validation = (labelled(sphere_points(points, seed)) for seed in (0, 1))
    test = labelled(published_lattice(points))
    return Problem("checkerboard", "classes", classes, train, validation, test)


def _nearest(centres: Floats, lonlat: Floats) -> Integers:
    """Index of the nearest centre by great-circle distance: the largest cosine of the angle."""
    targets = unit_vectors(*centres.T)
    parts = np.array_split(unit_vectors(*lonlat.T), max(1, len(lonlat) // 2000), axis=1)
    return np.concatenate([(part.T @ targets).argmax(1) for part in parts])


def mean_spacing(centres: int) -> float:
    """Mean distance from a centre of the lattice to the nearest other one, degrees."""
    vectors = unit_vectors(*published_lattice(centres).T)
    cosines = vectors.T @ vectors
    np.fill_diagonal(cosines, -1)
    return float(np.degrees(np.arccos(cosines.max(1).clip(-1, 1))).mean())


def from_table(
    path: Path,
    target: str,
    *,
    lon: str = "lon",
    lat: str = "lat",
    classes: bool | None = None,
    seed: int = 0,
) -> Problem:
    """A problem from a CSV of lon, lat and a target, split 30/10/60 as SatCLIP's downstream tasks.

    Numbers are standardised by the training part's mean and deviation.

    Raises:
        InputError: no such file or column, or values of no use.
    """
    pandas = require("pandas", extra="train", purpose="reading a table")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    table = read_table(path, "the table")
    check_columns(table, (lon, lat, target), str(path))
    places = table[[lon, lat]].apply(pandas.to_numeric, errors="coerce").to_numpy(np.float64)
    samples = Samples.of(places, table[target].to_numpy(), name=target, classes=classes)
    return _divided(samples, seed)


def _divided(samples: Samples, seed: int) -> Problem:
    order = np.random.RandomState(seed).permutation(len(samples))
    first, second = int(0.3 * len(samples)), int(0.4 * len(samples))
    if first < 2 or second == first:
        raise InputError(f"{len(samples)} rows of {samples.name!r} are too few to split")
    values: NDArray[Any] = samples.values
    kind, dim_out = "numbers", 1
    if samples.legend is None:
        part = values[order[:first]]
        values = (values - part.mean()) / max(part.std(), 1e-12)
    else:
        kind, dim_out = "classes", len(samples.legend.names)
    parts = (order[:first], order[first:second], order[second:])
    splits = [Split(samples.lonlat[rows], values[rows]) for rows in parts]
    return Problem(samples.name, kind, dim_out, *splits)
