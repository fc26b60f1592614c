from __future__ import annotations

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.grid import Grid, Window
from satclip_core.grid.pixels import Locator
from satclip_core.grid.sphere import EARTH_KM
from satclip_core.models.registry import load_encoder
from satclip_core.products import Similarity, SimilarityTo
from satclip_core.raster import raster_array
from satclip_core.raster import similar_places as module
from satclip_core.raster.similar_places import _Best, _Spread, similar_places

CONGO = (23.6, -2.9)
WORLD = Grid.from_bounds((-180, -90, 180, 90), 1)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def test_the_largest_values_of_the_raster(encoder):
    wanted = SimilarityTo((CONGO, (-60, -3)), "max")
    found = similar_places(WORLD, encoder, wanted, 50, spacing_km=0)
    raster = raster_array(WORLD, Similarity.to(encoder, [CONGO, (-60, -3)], reduce="max"), encoder)
    want = np.sort(raster.ravel())[::-1][:50]
    np.testing.assert_array_equal(found.similarity, want)
    np.testing.assert_array_equal(raster[0][tuple(found.pixels.T)], want)
    assert len(found) == 50


def test_places_are_the_centres_of_their_pixels(encoder):
    found = similar_places(WORLD, encoder, [CONGO], 20, spacing_km=0)
    np.testing.assert_allclose(found.lonlat[:, 0], found.pixels[:, 1] - 179.5)
    np.testing.assert_allclose(found.lonlat[:, 1], 89.5 - found.pixels[:, 0])
    np.testing.assert_allclose(found.lonlat[0], (23.5, -2.5))


def test_across_the_antimeridian_longitudes_stay_within_180(encoder):
    grid = Grid.from_bounds((170, -20, -170, -10), 1)
    found = similar_places(grid, encoder, [(-175, -15)], 30, spacing_km=0)
    assert (np.abs(found.lonlat[:, 0]) <= 180).all()
    assert found.lonlat[0, 0] < 0
    assert found.pixels[0, 1] >= 10


def test_in_a_projected_crs(encoder):
    pytest.importorskip("pyproj")
    grid = Grid.from_bounds((5, 45, 11, 48), 20_000, "EPSG:32632", bounds_crs="EPSG:4326")
    found = similar_places(grid, encoder, [(8, 46.5)], 5, spacing_km=0)
    lons, lats, _ = Locator(grid).at(found.pixels[:, 0], found.pixels[:, 1])
    np.testing.assert_array_equal(found.lonlat, np.stack([lons, lats], 1))


def test_near_places_are_left_out(encoder):
    found = similar_places(
        WORLD, encoder, SimilarityTo((CONGO, (179.9, 0)), "max"), 300, away_km=1500, spacing_km=0
    )
    lons, lats = np.deg2rad(found.lonlat.T)
    for lon, lat in np.deg2rad([CONGO, (179.9, 0)]):
        cosine = np.sin(lats) * np.sin(lat) + np.cos(lats) * np.cos(lat) * np.cos(lons - lon)
        assert (EARTH_KM * np.arccos(np.clip(cosine, -1, 1)) >= 1499.9).all()


def test_a_mask_and_few_pixels(encoder):
    grid = Grid.from_bounds((0, 0, 4, 4), 1)
    options = {"spacing_km": 0, "mask": lambda lons, lats: lons > 2}
    found = similar_places(grid, encoder, [CONGO], 99, **options)
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
        ({"spacing_km": -1}, "a spacing of -1 km"),
        ({"spacing_km": float("nan")}, "a spacing of nan km"),
        ({"spacing_km": float("inf")}, "a spacing of inf km"),
    ],
)
def test_odd_requests_are_refused(encoder, options, message):
    with pytest.raises(InputError, match=message):
        similar_places(WORLD, encoder, [CONGO], **options)


def test_cancelled(encoder):
    with pytest.raises(CancelledError):
        similar_places(WORLD, encoder, [CONGO], cancelled=lambda: True)


def spread(values, lons, lats, count, spacing_km):
    """Pixel after pixel by falling similarity, each held against all chosen ones: plain and slow.

    Haversines, where the code under test takes cosines.
    """
    order = sorted(
        (-value, row, col) for (row, col), value in np.ndenumerate(values) if value == value
    )
    lons, lats, chosen = np.deg2rad(lons), np.deg2rad(lats), []
    for _, row, col in order:
        lon, lat = lons[row, col], lats[row, col]
        fits = True
        for other in chosen:
            half = np.sin((lats[other] - lat) / 2) ** 2
            half += np.cos(lat) * np.cos(lats[other]) * np.sin((lons[other] - lon) / 2) ** 2
            fits = fits and 2 * EARTH_KM * np.arcsin(np.sqrt(min(half, 1))) >= spacing_km
        if fits:
            chosen.append((row, col))
        if len(chosen) == count:
            break
    return chosen


GRIDS = {
    "the world, poles and date line": WORLD,
    "across the antimeridian": Grid.from_bounds((160, -60, -150, -10), 0.4),
    "a pole in the middle": Grid("EPSG:3413", (4e4, 0, -3e6, 0, -4e4, 3e6), (150, 150)),
    "more than one block, by a UTM zone": Grid(
        "EPSG:32632", (2e3, 0, 2e5, 0, -2e3, 6e6), (300, 300)
    ),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("spacing_km", "count"), [(37, 40), (333, 25), (2111, 400)])
def test_places_lie_apart_and_are_those_of_brute_force(encoder, name, spacing_km, count):
    grid = GRIDS[name]
    if not grid.crs.endswith("4326"):
        pytest.importorskip("pyproj")
    places = [CONGO, (11, 47), (-40, 75)]
    wanted = SimilarityTo.of(places, reduce="max")
    found = similar_places(grid, encoder, wanted, count, spacing_km=spacing_km)
    values = raster_array(grid, Similarity.to(encoder, places, reduce="max"), encoder)[0]
    lons, lats, _ = Locator(grid).at(*np.indices(grid.shape))
    assert [tuple(pixel) for pixel in found.pixels] == spread(values, lons, lats, count, spacing_km)
    np.testing.assert_array_equal(found.similarity, values[tuple(found.pixels.T)])


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, float("nan")]), min_size=48, max_size=48),
    st.integers(1, 20),
    st.integers(1, 5),
    st.sampled_from([50.0, 130.0, 250.0, 30_000.0]),
)
@settings(max_examples=60, deadline=None)
def test_spread_among_equals(values, count, piece, spacing_km):
    """Ties by row and column, whatever the blocks: 6 by 8 pixels of a degree on the equator."""
    grid = Grid.from_bounds((0, -3, 8, 3), 1)
    values = np.array(values, np.float32).reshape(6, 8)
    best = _Spread(Locator(grid), count, spacing_km)
    for window in grid.windows(piece):
        row, col, height, width = window
        best.add(values[row : row + height, col : col + width], window)
    best.finish(None)
    lons, lats, _ = Locator(grid).at(*np.indices(grid.shape))
    assert [tuple(p) for p in best.pixels] == spread(values, lons, lats, count, spacing_km)


def test_the_spacing_is_what_the_model_resolves_unless_given(encoder, caplog):
    assert encoder.resolution_degrees
    km = np.deg2rad(encoder.resolution_degrees) * EARTH_KM
    found = similar_places(WORLD, encoder, [CONGO], 30)
    given = similar_places(WORLD, encoder, [CONGO], 30, spacing_km=km)
    np.testing.assert_array_equal(found.pixels, given.pixels)
    assert not caplog.records
    few = similar_places(WORLD, encoder, [CONGO], 30, spacing_km=9000)
    assert 1 < len(few) < 30
    assert "nearer than 9000 km" in caplog.text


def test_a_large_grid_goes_to_a_file_and_gives_the_same(encoder, monkeypatch, tmp_path):
    want = similar_places(WORLD, encoder, [CONGO], 40)
    monkeypatch.setattr(module, "_IN_MEMORY", 1000)
    found = similar_places(WORLD, encoder, [CONGO], 40)
    np.testing.assert_array_equal(found.pixels, want.pixels)
    np.testing.assert_array_equal(found.similarity, want.similarity)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="no room for a temporary file"):
        similar_places(WORLD, encoder, [CONGO], 40)


def test_choosing_is_cancelled(encoder):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 3

    grid = Grid.from_bounds((0, 0, 40, 40), 1)
    with pytest.raises(CancelledError):
        similar_places(grid, encoder, [CONGO], 30, cancelled=cancelled)
