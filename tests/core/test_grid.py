from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_core.errors import InputError
from satclip_core.grid import Grid, Window, said_extent

WEST = st.floats(-180, 170)
SOUTH = st.floats(-90, 80)
SPAN = st.floats(0.5, 10)
RES = st.floats(0.01, 0.5)


def test_a_whole_number_of_pixels_is_kept():
    grid = Grid.from_bounds((5, 45, 11, 48), 0.1)
    assert grid.shape == (30, 60)
    assert grid.bounds == pytest.approx((5, 45, 11, 48))
    assert grid.transform == (0.1, 0, 5, 0, -0.1, 48)


@given(WEST, SOUTH, SPAN, SPAN, RES)
def test_pixels_cover_the_bbox_and_less_than_one_more(west, south, width, height, res):
    bounds = (west, south, west + width, south + height)
    grid = Grid.from_bounds(bounds, res)
    rows, cols = grid.shape
    assert (grid.bounds[0], grid.bounds[3]) == (west, south + height)
    tolerance = 2e-6 * res + 1e-12 * 180
    assert -tolerance <= cols * res - width < res + tolerance
    assert -tolerance <= rows * res - height < res + tolerance


@given(st.integers(1, 5000), st.sampled_from([0.1, 0.3, 1 / 3, 0.7, 1 / 240, 0.0083333]), WEST)
def test_rounding_makes_no_extra_pixel(count, res, west):
    count = min(count, int(360 / res))
    height = min(count, int(90 / res))
    grid = Grid.from_bounds((west, 0, west + count * res, height * res), res)
    assert grid.shape == (height, count)


@given(st.floats(100, 179), st.floats(-180, -100), RES)
def test_west_beyond_east_runs_on_past_180(west, east, res):
    grid = Grid.from_bounds((west, -10, east, 10), res)
    assert grid.bounds[0] == west
    # The documented tolerance: a millionth of a pixel may be missing.
    assert -2e-6 * res <= grid.bounds[2] - (east + 360) < res + 1e-6


def test_windows_cover_every_pixel_once():
    grid = Grid.from_bounds((0, 0, 7, 5), 0.1)
    seen = np.zeros(grid.shape, int)
    for row, col, height, width in grid.windows(16):
        seen[row : row + height, col : col + width] += 1
    assert (seen == 1).all()
    assert next(grid.windows(16)) == Window(0, 0, 16, 16)


def test_centres_lie_half_a_pixel_in():
    grid = Grid.from_bounds((0, 0, 4, 2), (1, 0.5))
    x, y = grid.centres(np.array([0, 3]), np.array([0, 3]))
    assert list(x) == [0.5, 3.5]
    assert list(y) == [1.75, 0.25]


def test_centres_follow_a_turned_transform():
    grid = Grid("EPSG:32632", (3.0, 4.0, 100.0, 4.0, -3.0, 200.0), (10, 10))
    x, y = grid.centres(np.array([1]), np.array([2]))
    assert (x[0], y[0]) == (3 * 2.5 + 4 * 1.5 + 100, 4 * 2.5 - 3 * 1.5 + 200)


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32632", "EPSG:3035", "EPSG:3995"])
def test_a_bbox_may_have_a_crs_of_its_own(crs):
    grid = Grid.from_bounds((5, 45, 11, 48), 10_000, crs, bounds_crs="EPSG:4326")
    assert grid.crs == crs
    assert min(grid.shape) > 20
    assert max(grid.shape) < 120


def test_a_bbox_in_metres_for_a_grid_in_degrees():
    grid = Grid.from_bounds((0, 0, 111_000, 111_000), 0.1, bounds_crs="EPSG:3857")
    assert grid.shape == (10, 10)


def test_grads_are_no_degrees():
    grid = Grid.from_bounds((190, 0, -190, 10), 1, "EPSG:4807")
    assert grid.shape == (10, 20)
    with pytest.raises(InputError, match=r"-100\.\.100"):
        Grid.from_bounds((0, 0, 10, 101), 1, "EPSG:4807")


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("bounds", "res", "message"),
    [
        ((5, 48, 11, 45), 0.1, r"bounds 5 48 11 45: south \(48\) lies above north \(45\)"),
        ((5, 45, 5, 48), 0.1, "empty: west and east"),
        ((5, 45, 11, 45), 0.1, "empty: south and north"),
        ((5, NAN, 11, 48), 0.1, "5 nan 11 48 is not finite"),
        ((5, 45, INF, 48), 0.1, "5 45 inf 48 is not finite"),
        ((5, 45, 11), 0.1, "has 3 numbers"),
        ((5, 45, 11, 95), 0.1, "latitude 95 is outside -90..90"),
        ((5, -91, 11, 48), 0.1, "latitude -91"),
        ((-200, 45, 200, 48), 0.1, "spans 400 of longitude: 360"),
        ((1e5, 45, 1.1e5, 48), 0.1, "no longitude 100000"),
        ((5, 45, 11, 48), 0, "res 0 is not above 0"),
        ((5, 45, 11, 48), -0.1, "res -0.1 is not above 0"),
        ((5, 45, 11, 48), NAN, "res nan is not above 0"),
        ((5, 45, 11, 48), INF, "res inf is not above 0"),
        ((5, 45, 11, 48), (0.1, 0), "res 0.1 0 is not above 0"),
        ((5, 45, 11, 48), (1, 2, 3), "has 3 numbers"),
        (
            (5, 45, 11, 48),
            5,
            r"res 5 is coarser than the height of the bounds \(3, unit degree\)",
        ),
        (
            (5, 45, 11, 48),
            (7, 1),
            r"res 7 is coarser than the width of the bounds \(6, unit degree\)",
        ),
        ((5, 45, 11, 48), 1e-10, "more than a raster can have"),
        ((5, 45, 11, 48), 5e-324, "more than a raster can have"),
    ],
)
def test_what_makes_no_raster_is_named(bounds, res, message):
    with pytest.raises(InputError, match=message):
        Grid.from_bounds(bounds, res)


@pytest.mark.parametrize(
    ("bounds", "crs", "message"),
    [
        ((5, 45, 11, 48), "EPSG:999999", "unknown CRS 'EPSG:999999'"),
        ((5, 45, 11, 48), "EPSG:32632", "looks like degrees.*metre.*bounds_crs='EPSG:4326'"),
        ((7e5, 5e6, 6e5, 6e6), "EPSG:32632", "west .* lies east of east"),
        ((6e5, 6e6, 7e5, 5e6), "EPSG:32632", "south .* lies above north"),
    ],
)
def test_projected_bounds_are_checked_too(bounds, crs, message):
    with pytest.raises(InputError, match=message):
        Grid.from_bounds(bounds, 1000, crs)


def test_metres_that_look_like_degrees_are_taken_where_their_crs_is_said():
    grid = Grid.from_bounds((-50, -50, 50, 50), 10, "EPSG:3857", bounds_crs="EPSG:3857")
    assert grid.shape == (10, 10)


@pytest.mark.parametrize(
    ("bounds", "res", "want"),
    [
        ((6, 40, 10, 44), 0.3, (6, 39.9, 10.2, 44.1)),
        ((10, 40, 14, 44), 0.3, (9.9, 39.9, 14.1, 44.1)),
        ((-10, -44, -6, -40), 0.3, (-10.2, -44.1, -6, -39.9)),
        ((5, 45, 11, 48), 0.1, (5, 45, 11, 48)),
        ((0.05, 0.05, 0.95, 0.95), (0.5, 0.25), (0, 0, 1, 1)),
        ((179, -1, -179, 1), 0.7, (178.5, -1.4, 181.3, 1.4)),
    ],
)
def test_aligned_pixels_have_edges_at_multiples_of_their_size(bounds, res, want):
    grid = Grid.from_bounds(bounds, res, tap=True)
    assert grid.bounds == pytest.approx(want)


@given(WEST, SOUTH, SPAN, SPAN, RES)
def test_aligned_pixels_cover_the_bbox_and_less_than_one_more_a_side(
    west, south, width, height, res
):
    bounds = (west, south, west + width, min(south + height, 90))
    got = np.array(Grid.from_bounds(bounds, res, tap=True).bounds)
    beyond = (bounds - got) * [1, 1, -1, -1]
    assert (beyond >= -2e-6 * res - 1e-9).all()
    assert (beyond < res + 1e-9).all()
    np.testing.assert_allclose(got / res, np.round(got / res), atol=1e-6)


def test_a_bbox_of_another_crs_is_aligned_unless_told_otherwise():
    options = {"bounds_crs": "EPSG:4326", "crs": "EPSG:32632", "res": 5000}
    aligned = Grid.from_bounds((5, 45, 11, 48), **options)
    assert np.remainder(aligned.bounds, 5000).tolist() == [0, 0, 0, 0]
    free = Grid.from_bounds((5, 45, 11, 48), **options, tap=False)
    assert np.remainder(free.bounds[0], 5000) != 0
    same = Grid.from_bounds((6, 40, 10, 44), 0.3, "4326", bounds_crs="EPSG:4326")
    assert same.bounds == pytest.approx((6, 39.8, 10.2, 44))


@pytest.mark.parametrize(
    ("bounds", "options", "message"),
    [
        ((5, 45, 11, 48), {"res": 0.1}, None),
        ((170, -20, -170, -10), {"res": 0.1}, None),
        ((6, 40, 10, 44), {"res": 0.3}, "covers 6 39.8 10.2 44 .EPSG:4326.: whole pixels of 0.3"),
        (
            (5, 45, 11, 48),
            {"res": (5000, 10000), "crs": "EPSG:32632", "bounds_crs": "EPSG:4326"},
            "covers 180000 4980000 660000 5330000 .EPSG:32632.: whole pixels of 5000 x 10000",
        ),
    ],
)
def test_the_real_extent_is_said_where_it_differs(bounds, options, message):
    said = said_extent(Grid.from_bounds(bounds, **options), bounds, options.get("bounds_crs"))
    if message is None:
        assert said is None
    else:
        assert re.search(message, said)
