"""Areas of a raster against shapely, scipy-free flood filling and geodesics."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.grid import Grid, Window
from satclip_core.grid.outlines import areas_of, outlines, pixel_areas


def flooded(wanted):
    """Areas by flood filling, pixel after pixel."""
    labels, count = np.zeros(wanted.shape, int), 0
    for start in zip(*np.nonzero(wanted)):
        if labels[start]:
            continue
        count += 1
        todo = [start]
        while todo:
            row, col = todo.pop()
            inside = 0 <= row < wanted.shape[0] and 0 <= col < wanted.shape[1]
            if not inside or not wanted[row, col] or labels[row, col]:
                continue
            labels[row, col] = count
            todo += [(row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)]
    return labels, count


def random_raster(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 40, 2))
    return rng.random(shape) < rng.uniform(0.2, 0.9)


@pytest.mark.parametrize("seed", range(25))
def test_areas_are_those_of_flood_filling(seed):
    wanted = random_raster(seed)
    labels, count = areas_of(wanted)
    want, want_count = flooded(wanted)
    assert count == want_count
    np.testing.assert_array_equal(labels, want)


def test_no_area_and_all_of_it():
    assert areas_of(np.zeros((3, 4), bool))[1] == 0
    assert outlines(np.zeros((3, 4), np.int64)) == []
    labels, count = areas_of(np.ones((3, 4), bool))
    assert count == 1
    ((ring,),) = outlines(labels)
    assert {tuple(corner) for corner in ring.tolist()} == {(0, 0), (0, 4), (3, 4), (3, 0)}


@pytest.mark.parametrize("seed", range(25))
def test_outlines_are_the_pixels_put_together(seed):
    shapely = pytest.importorskip("shapely")
    labels, count = areas_of(random_raster(seed))
    found = outlines(labels)
    assert len(found) == count
    for number, rings in enumerate(found, 1):
        polygon = shapely.Polygon(rings[0], rings[1:])
        assert polygon.is_valid, shapely.is_valid_reason(polygon)
        rows, cols = np.nonzero(labels == number)
        want = shapely.union_all(shapely.box(rows, cols, rows + 1, cols + 1))
        assert polygon.equals(want)
        # No corner that does not turn.
        assert len(shapely.get_coordinates(shapely.simplify(polygon, 0))) == sum(map(len, rings))


def test_a_chain_of_corners_and_two_holes_that_touch():
    shapely = pytest.importorskip("shapely")
    wanted = np.ones((4, 4), bool)
    wanted[1, 1] = wanted[2, 2] = False
    labels, count = areas_of(wanted)
    assert count == 1
    (rings,) = outlines(labels)
    assert [len(ring) for ring in rings] == [5, 5, 5]
    assert shapely.Polygon(rings[0], rings[1:]).is_valid
    diagonal, count = areas_of(np.eye(3, dtype=bool))
    assert count == 3
    assert [len(rings) for rings in outlines(diagonal)] == [1, 1, 1]


# Ellipsoidal areas of Karney's geodesics: between meridians and parallels those of many points.
@pytest.mark.parametrize("lat", [-89.5, -60, -0.25, 0, 47.5, 89.0])
def test_pixels_of_degrees_have_their_exact_area(lat):
    pyproj = pytest.importorskip("pyproj")
    grid = Grid.from_bounds((170, lat, 190, lat + 0.5), (20, 0.5))
    steps = np.linspace(170, 190, 20_001)
    lons = np.concatenate([steps, steps[::-1]])
    lats = np.repeat([lat, lat + 0.5], len(steps))
    want, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lons, lats)
    found = pixel_areas(grid, Window(0, 0, 1, 1))
    assert found[0, 0] == pytest.approx(abs(want) / 1e6, rel=1e-6)


@pytest.mark.parametrize(
    ("crs", "bounds", "res"),
    [
        ("EPSG:32632", (400_000, 5_200_000, 800_000, 5_600_000), 20_000),
        ("EPSG:3857", (1e6, 6e6, 1.4e6, 6.4e6), 20_000),
        ("EPSG:3031", (-190_000, -190_000, 210_000, 210_000), 20_000),  # round the South Pole
        ("EPSG:3995", (-2_000_000, -2_000_000, -1_600_000, -1_600_000), 20_000),
        ("EPSG:3832", (3_000_000, -200_000, 3_400_000, 200_000), 20_000),  # across 180
    ],
)
def test_pixels_of_maps_have_the_area_of_the_geodesic_polygon(crs, bounds, res):
    pyproj = pytest.importorskip("pyproj")
    grid = Grid.from_bounds(bounds, res, crs)
    found = pixel_areas(grid, Window(0, 0, *grid.shape))
    to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south, east, north = bounds
    t = np.linspace(0, 1, 4001)
    x = np.concatenate([west + t * (east - west), np.full(4001, east)])
    y = np.concatenate([np.full(4001, south), south + t * (north - south)])
    x, y = np.concatenate([x, west + east - x]), np.concatenate([y, south + north - y])
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*to_lonlat.transform(x, y))
    # Sides of 20 km are curves in the equal-area map, right at a pole strongly bent ones.
    off = 2e-3 if crs == "EPSG:3031" else 2e-4
    assert found.sum() == pytest.approx(abs(area) / 1e6, rel=off)
    row, col = 7, 13
    left, top = west + col * res, north - row * res
    x, y = np.array([0, 1, 1, 0]) * res + left, top - np.array([0, 0, 1, 1]) * res
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*to_lonlat.transform(x, y))
    assert found[row, col] == pytest.approx(abs(area) / 1e6, rel=10 * off)
