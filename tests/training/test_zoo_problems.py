"""The zoo's tasks: the published places and labels, the test grid, tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_training.zoo.cell_training import Split, band_accuracy
from satclip_training.zoo.problems import (
    checkerboard,
    from_table,
    land_grid,
    land_ocean,
    mean_spacing,
    published_lattice,
    sphere_points,
)


def test_training_places_are_the_published_ones() -> None:
    # The first two of the authors' own file of training places.
    published = [(9.958219026561439, -6.438545512058178), (-61.51493333832628, -44.801392389616076)]
    np.testing.assert_allclose(sphere_points(5000, 0)[:2], published, atol=1e-9)


def test_places_are_uniform_on_the_sphere() -> None:
    lon, lat = sphere_points(20_000, 3).T
    assert np.histogram(np.sin(np.radians(lat)), 4, (-1, 1))[0] == pytest.approx(5000, rel=0.06)
    assert np.histogram(lon, 4, (-180, 180))[0] == pytest.approx(5000, rel=0.06)


def test_the_test_grid_is_the_published_one() -> None:
    lonlat, shape = land_grid()
    assert shape == (147, 348)
    assert len(lonlat) == 51_156
    grid = lonlat.reshape(*shape, 2)
    assert grid[0, 0, 1] > 80 > -80 > grid[-1, 0, 1]  # north on top
    assert grid[0, 0, 0] < -179 < 179 < grid[0, -2, 0]
    assert abs(grid[0, -1, 0]) == pytest.approx(180)  # drawn back to the edge
    # Equal areas: equal steps of the sine of latitude, but for the flattening (up to 2 %).
    steps = np.diff(np.sin(np.radians(grid[1:, 0, 1])))
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.02)


def test_land_is_what_the_polygons_hold(world: Path) -> None:
    task = land_ocean(world / "land.geojson", points=400, res=1e6)
    ring = json.loads((world / "land.geojson").read_text())["features"][0]["geometry"]
    west, south = np.min(ring["coordinates"][0], axis=0)
    east, north = np.max(ring["coordinates"][0], axis=0)
    for part in (task.train, task.validation, task.test):
        lon, lat = part.lonlat.T
        wanted = (lon > west) & (lon < east) & (lat > south) & (lat < north)
        np.testing.assert_array_equal(part.target, wanted)
    assert not np.array_equal(task.train.lonlat, task.validation.lonlat)


def test_the_share_of_land_on_the_real_map(shared_data: Path) -> None:
    task = land_ocean(shared_data / "masks" / "ne_50m_land.geojson")
    assert task.test.target.mean() == pytest.approx(0.29, abs=0.01)


def test_missing_land_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.geojson: no such file"):
        land_ocean(tmp_path / "none.geojson")


def test_the_lattice_covers_the_sphere_evenly() -> None:
    lon, lat = published_lattice(1000).T
    assert len(lat) == 1000
    assert np.abs(lon).max() <= 180
    assert np.histogram(np.sin(np.radians(lat)), 10, (-1, 1))[0] == pytest.approx(100, abs=1)
    # 200 centres on a sphere of 41,253 square degrees.
    assert 11 < mean_spacing(200) < 14.4
    assert mean_spacing(800) == pytest.approx(mean_spacing(200) / 2, rel=0.05)


def test_the_published_lattice_is_that_of_the_core_turned() -> None:
    """One formula: all but the northernmost place of the core's of one more, centre 0 at 0, 0."""
    lattice = published_lattice(200)
    turned = fibonacci_lattice(201)[:0:-1]
    turned[:, 0] -= turned[100, 0]
    off = np.remainder(lattice[:, 0] - turned[:, 0] + 180, 360) - 180
    np.testing.assert_allclose(off, 0, atol=1e-9)
    np.testing.assert_allclose(lattice[:, 1], turned[:, 1], atol=1e-12)
    np.testing.assert_array_equal(lattice[100], 0)


def test_a_place_has_the_class_of_the_nearest_centre() -> None:
    task = checkerboard(centres=30, points=200)
    lattice = np.radians(published_lattice(30))
    labels = np.arange(-15, 15) % 16
    for (lon, lat), label in zip(np.radians(task.train.lonlat), task.train.target):
        a = np.sin((lattice[:, 1] - lat) / 2) ** 2
        a += np.cos(lat) * np.cos(lattice[:, 1]) * np.sin((lattice[:, 0] - lon) / 2) ** 2
        assert labels[a.argmin()] == label
    assert set(task.test.target) == set(range(16))


def test_accuracy_by_latitude() -> None:
    lonlat = np.column_stack([np.zeros(4), (-85.0, -84.0, 0.0, 85.0)])
    split = Split(lonlat, np.array([0.0, 1.0, 1.0, 0.0]))
    bands = band_accuracy(np.array([[1.0, 0.0]] * 4), split)
    assert bands[[0, 4, 8]].tolist() == [0.5, 0.0, 1.0]
    assert np.isnan(bands[[1, 2, 3, 5, 6, 7]]).all()


def table(folder: Path, rows: int = 100, header: str = "lon,lat,kelvin,zone") -> Path:
    rng = np.random.default_rng(0)
    lines = [header]
    for lon, lat in rng.uniform((-180, -90), (180, 90), (rows, 2)):
        lines.append(f"{lon:.4f},{lat:.4f},{300 - abs(lat):.3f},{'north' if lat > 0 else 'south'}")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder / "table.csv"


def test_a_table_is_split_and_standardised(tmp_path: Path) -> None:
    task = from_table(table(tmp_path), "kelvin")
    assert (len(task.train), len(task.validation), len(task.test)) == (30, 10, 60)
    assert (task.kind, task.dim_out) == ("numbers", 1)
    assert task.train.target.mean() == pytest.approx(0, abs=1e-9)
    assert task.train.target.std() == pytest.approx(1)


def test_texts_of_a_table_are_classes(tmp_path: Path) -> None:
    task = from_table(table(tmp_path), "zone")
    assert (task.kind, task.dim_out) == ("classes", 2)
    np.testing.assert_array_equal(task.test.target, task.test.lonlat[:, 1] < 0)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'celsius'; it has lon, lat, kelvin, zone"):
        from_table(table(tmp_path), "celsius")


def test_too_small_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="6 rows of 'kelvin' are too few"):
        from_table(table(tmp_path, rows=6), "kelvin")
