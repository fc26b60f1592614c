from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_core.errors import CancelledError, InputError
from satclip_core.grid import Grid, Window
from satclip_core.grid.pixels import Locator
from satclip_core.grid.sphere import EARTH_KM
from satclip_core.models.registry import load_encoder
from satclip_core.products import Similarity
from satclip_core.raster import raster_array
from satclip_core.raster.similar_places import _Best, similar_places

CONGO = (23.6, -2.9)
WORLD = Grid.from_bounds((-180, -90, 180, 90), 1)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def test_the_largest_values_of_the_raster(encoder):
    found = similar_places(WORLD, encoder, [CONGO, (-60, -3)], 50, reduce="max")
    raster = raster_array(WORLD, Similarity.to(encoder, [CONGO, (-60, -3)], reduce="max"), encoder)
    want = np.sort(raster.ravel())[::-1][:50]
    np.testing.assert_array_equal(found.similarity, want)
    np.testing.assert_array_equal(raster[0][tuple(found.pixels.T)], want)
    assert len(found) == 50


def test_places_are_the_centres_of_their_pixels(encoder):
    found = similar_places(WORLD, encoder, [CONGO], 20)
    np.testing.assert_allclose(found.lonlat[:, 0], found.pixels[:, 1] - 179.5)
    np.testing.assert_allclose(found.lonlat[:, 1], 89.5 - found.pixels[:, 0])
    np.testing.assert_allclose(found.lonlat[0], (23.5, -2.5))


def test_across_the_antimeridian_longitudes_stay_within_180(encoder):
    grid = Grid.from_bounds((170, -20, -170, -10), 1)
    found = similar_places(grid, encoder, [(-175, -15)], 30)
    assert (np.abs(found.lonlat[:, 0]) <= 180).all()
    assert found.lonlat[0, 0] < 0
    assert found.pixels[0, 1] >= 10


def test_in_a_projected_crs(encoder):
    pytest.importorskip("pyproj")
    grid = Grid.from_bounds((5, 45, 11, 48), 20_000, "EPSG:32632", bounds_crs="EPSG:4326")
    found = similar_places(grid, encoder, [(8, 46.5)], 5)
    lons, lats, _ = Locator(grid).at(found.pixels[:, 0], found.pixels[:, 1])
    np.testing.assert_array_equal(found.lonlat, np.stack([lons, lats], 1))


def test_near_places_are_left_out(encoder):
    found = similar_places(WORLD, encoder, [CONGO, (179.9, 0)], 300, reduce="max", away_km=1500)
    lons, lats = np.deg2rad(found.lonlat.T)
    for lon, lat in np.deg2rad([CONGO, (179.9, 0)]):
        cosine = np.sin(lats) * np.sin(lat) + np.cos(lats) * np.cos(lat) * np.cos(lons - lon)
        assert (EARTH_KM * np.arccos(np.clip(cosine, -1, 1)) >= 1499.9).all()


def test_a_mask_and_few_pixels(encoder):
    grid = Grid.from_bounds((0, 0, 4, 4), 1)
    found = similar_places(grid, encoder, [CONGO], 99, mask=lambda lons, lats: lons > 2)
    assert len(found) == 8
    assert (found.lonlat[:, 0] > 2).all()
    nothing = similar_places(grid, encoder, [CONGO], 9, mask=lambda lons, lats: lons > 99)
    assert len(nothing) == 0
    assert nothing.lonlat.shape == (0, 2)


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, float("nan")]), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(1, 7),
)
@settings(max_examples=60, deadline=None)
def test_streamed_is_sorted(values, count, piece):
    best = _Best(count)
    for start in range(0, len(values), piece):
        part = np.array([values[start : start + piece]], np.float32)
        best.add(part, Window(0, start, 1, part.shape[1]))
    want = sorted((-value, index) for index, value in enumerate(values) if value == value)
    assert [(-value, col) for value, (_, col) in zip(best.values, best.pixels)] == want[:count]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "0 similar places"),
        ({"away_km": -1}, "-1 km away"),
        ({"away_km": float("nan")}, "nan km away"),
        ({"reduce": "sum"}, "unknown reduce"),
    ],
)
def test_odd_requests_are_refused(encoder, options, message):
    with pytest.raises(InputError, match=message):
        similar_places(WORLD, encoder, [CONGO], **options)


def test_cancelled(encoder):
    with pytest.raises(CancelledError):
        similar_places(WORLD, encoder, [CONGO], cancelled=lambda: True)
