"""Regions: countries by name, polygons by file, and what they make of bounds and pixels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.products import EmbeddingOf
from satclip_core.raster import RasterRequest, open_region
from satclip_core.raster.countries import FILE, country_names, find_country
from satclip_core.raster.polygons import Polygons


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Switzerland", "Switzerland"),
        ("ch", "Switzerland"),
        ("CHE", "Switzerland"),
        ("cote d'ivoire", "Ivory Coast"),
        ("Côte d’Ivoire", "Ivory Coast"),
        ("THE NETHERLANDS", "Netherlands"),
        ("uk", "United Kingdom"),
        ("FR", "France"),
        ("NOR", "Norway"),
        ("Congo-Kinshasa", "Democratic Republic of the Congo"),
        ("Turkiye", "Turkey"),
    ],
)
def test_a_country_by_any_of_its_names(given, name):
    assert find_country(given).name == name


@pytest.mark.parametrize(
    ("given", "offered"),
    [("Swizerland", "Switzerland"), ("german", "Germany"), ("Untied Kingdom", "United Kingdom")],
)
def test_a_misspelt_country_is_offered_the_nearest(given, offered):
    with pytest.raises(InputError, match=f"called '{given}': did you mean {offered}"):
        open_region(given)


def test_the_file_of_countries_is_small_and_whole():
    assert FILE.stat().st_size < 100_000
    names = country_names()
    assert len(names) == len(set(names)) == 241
    for name in names:
        for polygon in find_country(name).polygons:
            for ring in polygon:
                assert (ring[0] == ring[-1]).all()
                assert np.abs(ring).max(axis=0) == pytest.approx([90, 45], abs=90.01)


# Places well inside, from gazetteers: capitals and other towns.
@pytest.mark.parametrize(
    ("country", "inside", "outside"),
    [
        ("Switzerland", (7.45, 46.95), (9.19, 45.46)),
        ("LS", (27.48, -29.31), (26.22, -29.12)),
        ("ZA", (26.22, -29.12), (28.0, -29.5)),  # Lesotho is a hole in it
        ("Fiji", (178.44, -18.1), (175.0, -18.1)),
        ("Russia", (-176.0, 66.5), (-160.0, 66.5)),
        ("Malta", (14.4, 35.9), (14.4, 36.5)),
    ],
)
def test_places_lie_in_countries(country, inside, outside):
    polygons = open_region(country).polygons
    lons, lats = np.array([inside, outside]).T
    assert polygons(lons, lats).tolist() == [True, False]


@pytest.mark.parametrize(
    ("country", "bounds"),
    [
        ("CHE", (5.97, 45.83, 10.46, 47.77)),
        ("FJI", (174.59, -21.71, -178.2, -12.47)),
        ("NZL", (165.9, -52.6, -171.19, -8.55)),  # with Tokelau
        ("RUS", (19.6, 41.2, -169.78, 81.85)),
        ("USA", (172.6, 18.9, -66.98, 71.4)),
        ("ATA", (-180, -90, 180, -60.5)),
    ],
)
def test_bounds_are_the_narrowest_over_the_antimeridian(country, bounds):
    assert open_region(country).bounds == pytest.approx(bounds, abs=0.2)


def squares(*boxes):
    """Polygons that are boxes."""
    rings = [np.array([(w, s), (e, s), (e, n), (w, n), (w, s)], np.float64) for w, s, e, n in boxes]
    return [[ring] for ring in rings]


@pytest.mark.parametrize(
    ("boxes", "ends"),
    [
        ([(10, 0, 20, 1)], (10, 20)),
        ([(170, 0, 190, 1)], (170, -170)),
        ([(170, 0, 200, 1), (-175, 0, -170, 1)], (170, -160)),
        ([(-10, 0, 10, 1), (350, 0, 365, 1)], (-10, 10)),
        ([(-180, 0, 180, 1)], (-180, 180)),
        ([(179, 0, 180, 1), (-180, 0, -179, 1), (100, 0, 101, 1)], (100, -179)),
    ],
)
def test_the_narrowest_bounds_of_degrees(boxes, ends):
    west, _, east, _ = Polygons(squares(*boxes)).bounds
    assert (west, east) == pytest.approx(ends)


def test_a_projected_file_gives_its_bounds_and_pixels(small_model, tmp_path):
    box = [(4e5, 5e6), (6e5, 5e6), (6e5, 5.2e6), (4e5, 5.2e6), (4e5, 5e6)]
    file = tmp_path / "utm.geojson"
    crs = {"type": "name", "properties": {"name": "EPSG:32632"}}
    file.write_text(json.dumps({"type": "Polygon", "crs": crs, "coordinates": [box]}))
    region = open_region(str(file))
    assert region.bounds == (4e5, 5e6, 6e5, 5.2e6)
    grid = Grid.from_bounds((3e5, 4.9e6, 7e5, 5.3e6), 2e4, "EPSG:32632")
    request = RasterRequest(grid, EmbeddingOf(dims=1), small_model, region=str(file))
    inside = np.isfinite(request.prepare().array()[0])
    assert inside[5:15, 5:15].all()
    assert inside.sum() == 100


def test_mask_and_region_are_both_kept(small_model):
    grid = Grid.from_bounds((5, 35, 20, 48), 0.5)
    italy = RasterRequest(grid, EmbeddingOf(dims=1), small_model, region="Italy")
    held = np.isfinite(italy.prepare().array()[0])
    both = np.isfinite(replace(italy, mask="land").prepare().array()[0])
    land = np.isfinite(replace(italy, region=None, mask="land").prepare().array()[0])
    np.testing.assert_array_equal(both, held & land)
    assert 0 < both.sum() < land.sum()


@pytest.mark.parametrize("name", ["none.geojson", "folder/Italy"])
def test_a_file_that_is_not_there_is_no_country(tmp_path, name):
    with pytest.raises(InputError, match=r"the region .* does not exist"):
        open_region(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "west", "east"),
    [("France", -5, 10), ("Netherlands", 3, 8), ("Fiji", 174, -178), ("Portugal", -32, -6)],
)
def test_the_main_part_of_a_country_has_nothing_far_away(name, west, east):
    country = find_country(name)
    found = Polygons(country.main_part, "EPSG:4326").bounds
    assert found[0] == pytest.approx(west, abs=1.5)
    assert found[2] == pytest.approx(east, abs=1.5)
    kept = {id(polygon) for polygon in country.main_part}
    # What is kept is more than 10 degrees from what is not, by each pair of corners.
    for out in (one for one in country.polygons if id(one) not in kept):
        for one in country.main_part:
            lons = np.remainder(out[0][:, None, 0] - one[0][:, 0] + 180, 360) - 180
            lats = out[0][:, None, 1] - one[0][:, 1]
            assert np.maximum(np.abs(lons), np.abs(lats)).min() > 10


def test_no_name_is_no_country():
    with pytest.raises(InputError, match="no country"):
        find_country("  ")
