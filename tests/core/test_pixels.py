from __future__ import annotations

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid import Grid, Window
from satclip_core.grid.crs import from_lonlat
from satclip_core.grid.pixels import Locator

WORLD = (-180, -80, 180, 80)


def grid(crs, size=50, bounds=WORLD):
    west, south, east, north = Grid.from_bounds(bounds, 1).bounds
    x, y = from_lonlat(crs)(np.array([west, 0, east, 0]), np.array([0, south, 0, north]))
    box = (x[0], y[1], x[2], y[3])
    return Grid.from_bounds(box, ((x[2] - x[0]) / size, (y[3] - y[1]) / size), crs, bounds_crs=crs)


@pytest.mark.parametrize(
    ("crs", "separable"),
    [
        ("EPSG:4326", True),
        ("EPSG:4258", True),
        ("EPSG:3857", True),
        ("EPSG:6933", True),
        ("ESRI:54030", False),
        ("ESRI:54009", False),
    ],
)
def test_cylindrical_maps_separate(crs, separable):
    assert Locator(grid(crs)).separable is separable


def test_a_turned_grid_does_not_separate():
    turned = Grid("EPSG:4326", (0.1, 0.01, 5.0, 0.01, -0.1, 48.0), (20, 20))
    assert not Locator(turned).separable


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:6933", "ESRI:54030"])
def test_windows_and_single_pixels_agree(crs):
    locator = Locator(grid(crs))
    window = Window(10, 20, 7, 9)
    places = locator.places(window)
    rows, cols = 10 + np.arange(7)[:, None], 20 + np.arange(9)
    lons, lats, valid = locator.at(rows, cols)
    shown = np.ones((7, 9), bool) if places.valid is None else places.valid
    np.testing.assert_array_equal(shown, valid)
    wide_lons = np.broadcast_to(places.lons, (7, 9))
    wide_lats = np.broadcast_to(places.lats[:, None] if places.separable else places.lats, (7, 9))
    np.testing.assert_allclose(wide_lons[valid], lons[valid], atol=1e-9)
    np.testing.assert_allclose(wide_lats[valid], lats[valid], atol=1e-9)


def test_outside_the_outline_of_the_globe_is_not_valid():
    # Robinson's outline is a curve; its inverse gives a place for the corners all the same.
    locator = Locator(grid("ESRI:54030"))
    _, _, valid = locator.at(np.array([0, 25]), np.array([0, 0]))
    assert list(valid) == [False, True]


def test_a_last_row_beyond_the_pole_is_not_valid():
    beyond = Grid.from_bounds((0, -90, 10, -80), 0.7)
    places = Locator(beyond).places(Window(0, 0, *beyond.shape))
    assert places.separable
    assert places.valid[:-1].all()
    assert not places.valid[-1].any()


def test_rounding_at_a_pole_is_forgiven():
    exact = Grid("EPSG:4326", (1.0, 0, 0.0, 0, -2e-10, 90.0 + 2e-10), (2, 2))
    places = Locator(exact).places(Window(0, 0, 2, 2))
    assert places.valid is None
    assert places.lats.max() == 90


def test_past_the_antimeridian_mercator_goes_on():
    across = Grid.from_bounds((170, -20, -170, -10), 50_000, "EPSG:3857", bounds_crs="EPSG:4326")
    places = Locator(across).places(Window(0, 0, *across.shape))
    assert places.valid is None
    assert places.lons[0] == pytest.approx(170.2, abs=0.1)
    assert np.remainder(places.lons[-1], 360) == pytest.approx(190, abs=0.5)


def test_the_mask_is_asked_for_valid_places_only():
    asked = []

    def north(lons, lats):
        asked.append(len(lons))
        return lats > 0

    whole = Grid.from_bounds((0, -90, 10, 90), 0.7)
    places = Locator(whole, north).places(Window(0, 0, *whole.shape))
    assert asked == [whole.pixels - whole.shape[1]]
    np.testing.assert_array_equal(places.valid[:, 0], places.lats > 0)


def test_a_sample_is_drawn_from_valid_pixels_and_the_same_each_time():
    locator = Locator(Grid.from_bounds((0, -40, 40, 40), 0.1), lambda lons, lats: lats > 39)
    sample = locator.sample(500)
    assert sample.shape == (500, 2)
    assert (sample[:, 1] > 39).all()
    np.testing.assert_array_equal(sample, locator.sample(500))


def test_a_small_grid_is_sampled_whole():
    sample = Locator(Grid.from_bounds((0, 0, 4, 3), 1)).sample(500)
    assert len(np.unique(sample, axis=0)) == 12


def test_nothing_valid_is_an_error():
    locator = Locator(Grid.from_bounds((0, 0, 40, 40), 0.1), lambda lons, lats: lats > 60)
    with pytest.raises(InputError, match="no pixel of the raster is valid"):
        locator.sample(100)


@pytest.mark.parametrize(
    ("crs", "bounds", "res", "degrees"),
    [
        ("EPSG:4326", (0, 0, 1, 1), 0.1, 0.1),
        ("EPSG:4326", (0, 60, 1, 61), (0.1, 0.05), 0.05),
        ("EPSG:32632", (5e5, 5e6, 6e5, 5.1e6), 1111.95, 0.01),
    ],
)
def test_size_of_a_pixel_on_the_globe(crs, bounds, res, degrees):
    assert Locator(Grid.from_bounds(bounds, res, crs)).pixel_degrees() == pytest.approx(
        degrees, rel=0.02
    )


@pytest.mark.parametrize(
    ("crs", "transform", "shape"),
    [
        ("EPSG:4326", (1.0, 0, 170.0, 0, -1.0, 30.0), (60, 40)),  # past the antimeridian
        ("EPSG:32632", (1e4, 0, 2e5, 0, -1e4, 6e6), (80, 60)),
        ("EPSG:3413", (5e4, 0, -3e6, 0, -5e4, 3e6), (120, 120)),
        ("EPSG:5514", (1e4, 0, -9e5, 0, -1e4, -9e5), (40, 50)),
        ("EPSG:32632", (8e3, 6e3, 2e5, 6e3, -8e3, 6e6), (80, 60)),  # turned
    ],
)
def test_a_place_lies_on_the_grid_or_not(crs, transform, shape):
    """Held to pyproj and shapely: projected, within the outline, and back to where it was."""
    pyproj, shapely = pytest.importorskip("pyproj"), pytest.importorskip("shapely")
    locator = Locator(Grid(crs, transform, shape))
    rng = np.random.default_rng(0)
    near = np.stack([rng.uniform(-20, 40, 3000), rng.uniform(35, 90, 3000)], axis=1)
    far = np.stack([rng.uniform(-180, 180, 3000), rng.uniform(-90, 90, 3000)], axis=1)
    lonlat = np.concatenate([near, far])
    a, b, c, d, e, f = transform
    corners = [(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])]
    outline = shapely.Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = there.transform(*lonlat.T)
    back = np.stack(there.transform(x, y, direction="INVERSE"), axis=1)
    back[~np.isfinite(back)] = 999
    wrapped = np.abs((back - lonlat + 180) % 360 - 180)
    comes_back = (wrapped[:, 1] < 0.01) & (wrapped[:, 0] * np.cos(np.deg2rad(lonlat[:, 1])) < 0.01)
    want = shapely.contains_xy(outline, x, y)
    if crs == "EPSG:4326":
        want |= shapely.contains_xy(outline, np.asarray(x) + 360, y)
    want &= comes_back
    assert 5 < want.sum() < len(want)
    np.testing.assert_array_equal(locator.holds(lonlat), want)
