"""The packaged field of land and sea, and random places on it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.grid.land import (
    CELLS_PER_DEGREE,
    FIELD,
    LandMask,
    land_mask,
    land_places,
    land_within,
)
from satclip_core.models.registry import load_encoder
from satclip_core.products import EmbeddingOf
from satclip_core.raster import RasterRequest, open_mask

LAND = {
    "Munich": (11.57, 48.14),
    "South Pole": (123.4, -90),
    "ice of Antarctica": (80, -75),
    "Caspian Sea": (51, 41),
    "Lake Victoria": (33, -1),
    "Fiji, west of 180": (178.0, -17.8),
    "Chukotka, east of 180": (-175, 67),
    "Wrangel Island at 180": (180, 71.1),
}
# Countries of an island or a few; the middle of one.
ISLANDS = {
    "Nauru": (166.93, -0.53),
    "Malta": (14.4, 35.9),
    "Barbados": (-59.55, 13.18),
    "Niue": (-169.87, -19.05),
    "Singapore": (103.82, 1.35),
    "Bermuda": (-64.75, 32.31),
    "Saint Helena": (-5.71, -15.97),
    "Easter Island": (-109.35, -27.12),
    "Tongatapu": (-175.2, -21.18),
    "Rarotonga": (-159.78, -21.23),
}
SEA = {
    "North Pole": (0, 90),
    "Gulf of Guinea": (0, 0),
    "Pacific at 180": (180, 0),
    "Mediterranean": (18, 35),
    "Drake Passage": (-60, -58),
    "Ross Sea": (180, -75),
}


@pytest.mark.parametrize(("place", "lonlat"), {**LAND, **ISLANDS}.items())
def test_land(place, lonlat):
    assert land_mask()(*np.array([lonlat], float).T)


@pytest.mark.parametrize(("place", "lonlat"), SEA.items())
def test_sea(place, lonlat):
    assert not land_mask()(*np.array([lonlat], float).T)


def test_any_turn_is_the_same_and_no_place_is_none():
    lons = np.random.default_rng(0).uniform(-180, 180, 5000)
    lats = np.random.default_rng(1).uniform(-90, 90, 5000)
    here = land_mask()(lons, lats)
    np.testing.assert_array_equal(land_mask()(lons + 360, lats), here)
    np.testing.assert_array_equal(land_mask()(lons - 720, lats), here)
    edge = np.linspace(-90, 90, 999)
    west, east = (land_mask()(np.full(999, lon), edge) for lon in (-180.0, 180.0))
    np.testing.assert_array_equal(west, east)
    assert not land_mask()(np.array([np.nan, 10, np.inf]), np.array([50, np.nan, 50])).any()


def test_a_bit_is_the_cell_it_stands_for():
    packed = np.zeros((900, 14400), np.uint8)
    packed[450, 7200] = 0b0010_0000  # the third row south of the equator, just east of Greenwich
    lats = -(np.arange(8) + 0.5) / CELLS_PER_DEGREE
    found = LandMask(packed)(np.full(8, 0.01), lats)
    assert found.tolist() == [False, False, True, *[False] * 5]


def test_it_is_small_and_agrees_with_globe(shared_data):
    """Measured by scripts/land_mask.py on all cells: 99.80 % agree; here on random ones."""
    assert FIELD.stat().st_size < 200_000
    path = shared_data / "masks" / "ne_50m_land.geojson"
    other = open_mask(path)
    rng = np.random.default_rng(3)
    lons = rng.uniform(-180, 180, 20_000)
    lats = np.rad2deg(np.arcsin(rng.uniform(-1, 1, 20_000)))
    land, drawn = land_mask()(lons, lats), other(lons, lats)
    assert 0.985 < float(np.mean(land == drawn)) < 1  # another map of the coast, with lakes


def test_every_country_of_the_world_has_land(shared_data):
    path = shared_data / "tasks" / "ne_10m_populated_places.csv"
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    lon, lat, country = (_column(rows[0], start) for start in ("lon", "lat", "adm0name"))
    lonlat = np.array([[float(row[lon]), float(row[lat])] for row in rows]).T
    countries = np.array([row[country] for row in rows])
    near = np.zeros(lonlat.shape[1], bool)
    for east in (-1, 0, 1):  # a town at the shore may stand a cell beside
        for north in (-1, 0, 1):
            cell = 1 / CELLS_PER_DEGREE
            near |= land_mask()(lonlat[0] + east * cell, lonlat[1] + north * cell)
    without = {name for name in set(countries.tolist()) if not near[countries == name].any()}
    assert without == set()


def _column(row, start):
    return next(name for name in row if name.lower().startswith(start))


def test_random_places_are_the_same_everywhere():
    places = land_places()
    assert places.shape == (4000, 2)
    assert land_mask()(*places.T).all()
    assert places[:, 1].min() > -60
    # Drawn with numpy 1.24 and 2.4; every release has to draw the same.
    np.testing.assert_array_equal(places[:3], [[112.78, 38.2], [113.71, 28.65], [-116.76, 60.05]])
    # Even over the sphere: a third of the land north of 60 S lies south of 15 N or so.
    sines = np.sin(np.deg2rad(places[:, 1]))
    assert 0.2 < float(np.mean(sines < 0)) < 0.35
    with pytest.raises(ValueError, match="read-only"):
        places[0] = 0


def test_a_request_names_it_and_can_be_carried_elsewhere(small_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "land").write_text(json.dumps({"type": "Polygon", "coordinates": []}))
    grid = Grid.from_bounds((-30, -20, 30, 20), 1)
    request = RasterRequest(grid, EmbeddingOf(dims=1), str(small_model), mask="land")
    job = request.prepare(encoder=load_encoder(small_model))
    assert job.request.mask == "land"  # the field, not the file that happens to lie there
    lons, lats = np.meshgrid(np.arange(-29.5, 30), np.arange(19.5, -20, -1))
    want = land_mask()(lons.ravel(), lats.ravel()).reshape(lons.shape)
    np.testing.assert_array_equal(np.isfinite(job.array()[0]), want)
    assert 0.3 < want.mean() < 0.7


def test_an_empty_raster_is_said(small_model, caplog):
    grid = Grid.from_bounds((-30, -20, -25, -15), 1)
    request = RasterRequest(grid, EmbeddingOf(dims=1), str(small_model), mask="land")
    request.prepare(encoder=load_encoder(small_model))
    assert "no pixel was found that the mask 'land' wants" in caplog.text


def test_the_packaged_field_lies_beside_its_reader():
    assert FIELD.parent == Path(__file__).resolve().parents[2] / "satclip_core" / "grid"


# Grids of unlike projections, the least latitude and the edges of bands of about as much land.
DRAWN = {
    "degrees": (Grid.from_bounds((-10, 36, 30, 60), 0.1), (36, 41, 45, 49, 53, 60)),
    "Mercator": (
        Grid.from_bounds((-1.2e7, 0, 1.2e7, 1.5e7), 2e4, "EPSG:3857"),
        (0, 15, 30, 45, 55, 65, 85),
    ),
    "polar": (Grid.from_bounds((-4e6, -4e6, 4e6, 4e6), 2e4, "EPSG:3995"), (40, 50, 60, 65, 70, 90)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_land_of_a_grid_is_drawn_evenly_over_the_ground(name):
    pyproj = pytest.importorskip("pyproj")
    grid, bands = DRAWN[name]
    places = land_within(grid, 4000, seed=3)
    assert places.shape == (4000, 2)
    assert land_mask()(*places.T).all()
    # Land on a lattice of degrees, each node worth the cosine of its latitude.
    lons, lats = np.meshgrid(np.arange(-179.95, 180, 0.1), np.arange(-89.95, 90, 0.1))
    to_map = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    x, y = to_map.transform(lons, lats)
    west, south, east, north = grid.bounds
    inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    inside[inside] = land_mask()(lons[inside], lats[inside])
    weights = np.where(inside, np.cos(np.deg2rad(lats)), 0)
    want = np.histogram(lats, bands, weights=weights)[0] / weights.sum()
    found = np.histogram(places[:, 1], bands)[0] / len(places)
    # Four standard deviations of shares of 4,000 places.
    np.testing.assert_allclose(found, want, atol=4 * 0.5 / np.sqrt(4000))


def test_land_of_a_grid_is_the_same_again_and_none_at_sea():
    island = Grid.from_bounds((14.1, 35.7, 14.7, 36.2), 0.01)  # Malta
    places = land_within(island, 500)
    np.testing.assert_array_equal(places, land_within(island, 500))
    assert len(places) == 500
    assert len(land_within(Grid.from_bounds((-30, 30, -28, 32), 0.01), 500)) == 0
