"""Masks, the grids of rasters and bboxes in sixty CRSs of PROJ's database, held to pyproj.

Five kinds have a share each: polar, oblique, national, geographic on other meridians or in grads,
and whatever else there is.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.raster import grid_like, open_mask
from satclip_core.raster.polygons import Polygons

pyproj = pytest.importorskip("pyproj")
rasterio = pytest.importorskip("rasterio")

# Drawn from the EPSG registry by numpy's generator with seed 9, beside those that people reported.
POLAR = [3031, 3413, 3571, 6931, 5482, 3293, 32661, 3576, 3995, 6932, 5937, 3291]
OBLIQUE = [5514, 2056, 21781, 27200, 31600, 5221, 5225, 5513, 21780, 8352, 3375, 5516]
NATIONAL = [3035, 27572, 2193, 2973, 32426, 7361, 2896, 3136, 2784, 3226, 6505, 3610, 2154]
# In degrees or grads from Paris, Lisbon, Jakarta, Madrid, Ferro, Rome, Bern.
MERIDIAN = [4807, 4902, 4821, 4803, 4820, 4903, 8043, 4816, 8042, 4806, 4801]
OTHER = [3857, 6933, 3395, 8857, 6269, 4720, 4615, 4630, 4188, 4657, 3832, 4087]
SIXTY = [*POLAR, *OBLIQUE, *NATIONAL, *MERIDIAN, *OTHER]
LONLAT = pyproj.CRS.from_epsg(4326)

of_sixty = pytest.mark.parametrize("code", SIXTY)


@cache
def ways(code):
    crs = pyproj.CRS.from_epsg(code)
    return (
        pyproj.Transformer.from_crs(LONLAT, crs, always_xy=True).transform,
        pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True).transform,
    )


def inner(code):
    """The middle of the area of use: west, south, east, north in degrees, west < east."""
    area = pyproj.CRS.from_epsg(code).area_of_use
    west, south, north = area.west, area.south, area.north
    east = area.east + (360 if area.west > area.east else 0)
    wide, high = min((east - west) * 0.3, 15), min((north - south) * 0.3, 15)
    x, y = (west + east) / 2, (south + north) / 2
    return x - wide, y - high, x + wide, y + high


def middle(code):
    west, south, east, north = inner(code)
    return ways(code)[0]((west + east) / 2, (south + north) / 2)


def square(code, count=20):
    """A grid of `count` pixels a side in the middle of the area of use."""
    west, south, east, north = inner(code)
    lons, lats = np.meshgrid(np.linspace(west, east, 9), np.linspace(south, north, 9))
    x, y = ways(code)[0](lons.ravel(), lats.ravel())
    middle_x, middle_y = middle(code)
    x = unrolled(code, x, middle_x)
    res = max(np.ptp(x[np.isfinite(x)]), np.ptp(y[np.isfinite(y)])) / count / 2
    x, y = middle_x, middle_y
    return (res, 0.0, x - res * count / 2, 0.0, -res, y + res * count / 2), (count, count)


def unrolled(code, x, around):
    """Longitudes within half a turn of another one; other coordinates as they are."""
    crs = pyproj.CRS.from_epsg(code)
    if not crs.is_geographic:
        return x
    turn = 400 if crs.axis_info[0].unit_name == "grad" else 360
    return around - turn / 2 + np.remainder(x - around + turn / 2, turn)


def places(code, count=4000):
    """Places all over the Earth, and as many in and around the area of use."""
    rng = np.random.default_rng(code)
    west, south, east, north = inner(code)
    lons = np.concatenate([rng.uniform(-180, 180, count), rng.uniform(west, east, count)])
    lats = np.rad2deg(np.arcsin(rng.uniform(-1, 1, count)))
    lats = np.concatenate([lats, rng.uniform(max(south, -90), min(north, 90), count)])
    return lons, lats


def shown(code, lons, lats):
    """Coordinates by pyproj of places that come back to within 2 km; NaN for the others."""
    there, back = ways(code)
    x, y = there(lons, lats)
    ok = np.isfinite(x) & np.isfinite(y)
    again = back(np.where(ok, x, 0), np.where(ok, y, 0))
    finite = np.isfinite(again[0]) & np.isfinite(again[1])
    away = pyproj.Geod(ellps="WGS84").inv(
        lons, lats, np.where(finite, again[0], 0), np.where(finite, again[1], 0)
    )[2]
    ok &= finite & (away < 2000)
    return np.where(ok, x, np.nan), np.where(ok, y, np.nan)


def checker(code, path):
    """A raster of 0 and 1 in the CRS, and its values."""
    transform, shape = square(code)
    values = np.random.default_rng(code).integers(0, 2, shape).astype(np.uint8)
    crs = rasterio.crs.CRS.from_wkt(pyproj.CRS.from_epsg(code).to_wkt())
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=shape[1],
        height=shape[0],
        count=1,
        dtype="uint8",
        crs=crs,
        transform=rasterio.Affine(*transform),
    ) as dataset:
        dataset.write(values, 1)
    return transform, values


def apart(lons, lats, other_lons, other_lats):
    """The largest distance between places, metres."""
    return pyproj.Geod(ellps="WGS84").inv(lons, lats, other_lons, other_lats)[2].max()


def test_the_kinds_are_what_they_are_called():
    assert len(set(SIXTY)) == 60
    crss = {code: pyproj.CRS.from_epsg(code) for code in SIXTY}
    assert all(max(np.abs(crss[code].area_of_use.bounds[1::2])) >= 76 for code in POLAR)
    assert not any(crss[code].is_geographic for code in POLAR + OBLIQUE + NATIONAL)
    assert all(crss[code].prime_meridian.longitude != 0 for code in MERIDIAN)
    assert sum(crss[code].axis_info[0].unit_name == "grad" for code in SIXTY) >= 3


@of_sixty
def test_a_raster_mask_marks_what_pyproj_says(tmp_path, code):
    transform, values = checker(code, tmp_path / "mask.tif")
    lons, lats = places(code)
    got = open_mask(tmp_path / "mask.tif")(lons, lats)
    x, y = shown(code, lons, lats)
    x = unrolled(code, x, transform[2] + 10 * transform[0])
    with np.errstate(invalid="ignore"):
        cols, rows = (
            np.floor((x - transform[2]) / transform[0]),
            np.floor((y - transform[5]) / transform[4]),
        )
        inside = (cols >= 0) & (cols < 20) & (rows >= 0) & (rows < 20)
    want = np.zeros(len(lons), bool)
    want[inside] = values[rows[inside].astype(int), cols[inside].astype(int)] == 1
    np.testing.assert_array_equal(got, want)
    assert 100 < want.sum() < len(want) / 2


@of_sixty
def test_a_polygon_holds_what_shapely_says(code):
    shapely = pytest.importorskip("shapely")
    (res, _, west, _, _, north), (count, _) = square(code)
    corners = np.array([(0.1, 0.2), (1, 0), (0.7, 0.5), (0.9, 1), (0.4, 0.7), (0, 0.9)])
    ring = np.array([west, north - res * count]) + corners * res * count
    ring = np.vstack([ring, ring[:1]])
    lons, lats = places(code)
    got = Polygons([[ring]], f"EPSG:{code}")(lons, lats)
    x, y = shown(code, lons, lats)
    x = unrolled(code, x, middle(code)[0])
    want = shapely.contains_xy(shapely.Polygon(ring), np.nan_to_num(x, nan=1e30), y)
    np.testing.assert_array_equal(got, want)
    assert 100 < want.sum() < len(want) / 2


@of_sixty
def test_the_pixels_of_a_raster_lie_where_pyproj_says(tmp_path, code):
    transform, values = checker(code, tmp_path / "like.tif")
    grid = grid_like(tmp_path / "like.tif")
    assert grid.transform == pytest.approx(transform)
    assert pyproj.CRS.from_user_input(grid.crs) == pyproj.CRS.from_epsg(code)
    rows, cols = (index.ravel() for index in np.indices(values.shape))
    lons, lats, valid = Locator(grid).at(rows, cols)
    x, y = transform[2] + (cols + 0.5) * transform[0], transform[5] + (rows + 0.5) * transform[4]
    want = ways(code)[1](x, y)
    assert valid.mean() > 0.5
    assert apart(lons[valid], lats[valid], want[0][valid], want[1][valid]) < 1e-3


@of_sixty
def test_a_bbox_in_degrees_is_covered_and_not_more(code):
    west, south, east, north = inner(code)
    south, north = max(south, -90), min(north, 90)
    rng = np.random.default_rng(code)
    lons, lats = rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000)
    edge = np.linspace(0, 1, 3001)
    lons = np.concatenate([lons, west + edge * (east - west), west + edge * (east - west)])
    lats = np.concatenate([lats, 0 * edge + south, 0 * edge + north])
    lons = np.concatenate([lons, 0 * edge + west, 0 * edge + east])
    lats = np.concatenate([lats, south + edge * (north - south), south + edge * (north - south)])
    x, y = (value[np.isfinite(value)] for value in ways(code)[0](lons, lats))
    x = unrolled(code, x, middle(code)[0])
    res = max(np.ptp(x), np.ptp(y)) / 40
    bounds = tuple(np.remainder(np.array([west, east]) + 180, 360) - 180)
    grid = Grid.from_bounds(
        (bounds[0], south, bounds[1], north), res, f"EPSG:{code}", bounds_crs="EPSG:4326"
    )
    # Either may count on past half a turn.
    x = unrolled(code, x, (grid.bounds[0] + grid.bounds[2]) / 2)
    got = np.array(grid.bounds)
    assert (got[:2] <= (x.min() + res / 1000, y.min() + res / 1000)).all()
    assert (got[2:] >= (x.max() - res / 1000, y.max() - res / 1000)).all()
    assert (np.abs(got - (x.min(), y.min(), x.max(), y.max())) < res * 1.01).all()
    np.testing.assert_allclose(got / res, np.round(got / res), atol=1e-6)


@pytest.mark.parametrize("code", [5514, 2056, 21781, 27200])
def test_places_that_a_projection_folds_onto_its_area_are_outside(tmp_path, code):
    """Places elsewhere on the Earth, whose coordinates lie in the raster too, found by pyproj."""
    transform, values = checker(code, tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif", "r+") as dataset:
        dataset.write(np.ones_like(values), 1)
    lons, lats = (value.ravel() for value in np.meshgrid(np.arange(-180, 180), np.arange(-89, 90)))
    x, y = ways(code)[0](lons, lats)
    inside = np.abs(x - (transform[2] + 10 * transform[0])) < 10 * transform[0]
    inside &= np.abs(y - (transform[5] + 10 * transform[4])) < 10 * transform[0]
    folded = inside & np.isnan(shown(code, lons, lats)[0])
    assert folded.any() or code == 2056  # where its PROJ has the Swiss map one-to-one
    mask = open_mask(tmp_path / "mask.tif")
    assert not mask(lons[folded], lats[folded]).any()
    assert mask(lons[inside & ~folded], lats[inside & ~folded]).all()
    assert mask(*(np.array([value]) for value in ways(code)[1](*middle(code)))).all()
