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
    across = Grid.from_bounds(
        (170, -20, -170, -10), 50_000, "EPSG:3857", bounds_crs="EPSG:4326", tap=False
    )
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


def robinson_row(y, pixel):
    """A row of pixels across the edge of Robinson's map, and their x."""
    x = np.arange(0.9e7, 1.75e7, pixel)
    return Grid("ESRI:54030", (pixel, 0.0, x[0], 0.0, -pixel, y), (1, len(x))), x + pixel / 2


@pytest.mark.parametrize("y", [0.0, 4e6, -7.5e6])
@pytest.mark.parametrize("pixel", [1_000.0, 30_000.0, 400_000.0])
def test_pixels_end_where_the_outline_of_the_globe_does(y, pixel):
    """The outline by pyproj: the place at 180 degrees whose y is that of the row."""
    pyproj = pytest.importorskip("pyproj")
    project = pyproj.Transformer.from_crs("EPSG:4326", "ESRI:54030", always_xy=True).transform
    lats = np.linspace(-90, 90, 180_001)
    edge_x, edge_y = project(np.full_like(lats, 180 - 1e-9), lats)
    grid, x = robinson_row(y, pixel)
    edge = np.interp(y - pixel / 2, edge_y, edge_x)
    _, _, valid = Locator(grid).at(np.zeros(len(x), int), np.arange(len(x)))
    near = np.abs(x - edge) < 0.01 * pixel + 10
    assert valid[~near].tolist() == (x < edge)[~near].tolist()
    assert 0 < valid.sum() < len(x)


def test_a_pixel_may_come_back_to_within_half_of_itself():
    """The two ways are made up by hand, so that the distance is what decides."""
    grid = Grid("ESRI:54030", (100.0, 0.0, 0.0, 0.0, -100.0, 0.0), (1, 4))
    locator = Locator(grid)
    locator.separable = False
    x, y = grid.centres(np.zeros(4, int), np.arange(4))
    off = np.array([0.0, 49.0, 51.0, np.inf])
    locator._to_lonlat = lambda x, y: (x * 1e-6, y * 1e-6)
    for step in ((off, 0 * off), (0 * off, off), (off * 0.6, off * 0.8)):
        locator._from_lonlat = lambda lons, lats, step=step: (x + step[0], y + step[1])
        _, _, valid = locator.at(np.zeros(4, int), np.arange(4))
        assert valid.tolist() == [True, True, False, False]


def test_inverses_that_are_approximate_far_out_are_forgiven():
    """A millionth of the distance from the origin, where that is more than half a pixel."""
    grid = Grid("ESRI:54030", (1.0, 0.0, 3e6, 0.0, -1.0, 4e6), (1, 3))
    locator = Locator(grid)
    locator.separable = False
    x, y = grid.centres(np.zeros(3, int), np.arange(3))
    locator._to_lonlat = lambda x, y: (x * 1e-6, y * 1e-6)
    locator._from_lonlat = lambda lons, lats: (x + np.array([4.9, -5.1, 0]), y)
    _, _, valid = locator.at(np.zeros(3, int), np.arange(3))
    assert valid.tolist() == [True, False, True]


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
