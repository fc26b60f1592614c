"""Boxes from one CRS to another, held to pyproj at many places of each."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.grid.extent import transform_bounds

pyproj = pytest.importorskip("pyproj")

WORLD = (-180, -90, 180, 90)


def moved(source, target, x, y):
    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform(x, y)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:3857", "EPSG:3395", "EPSG:3832", "EPSG:3031", "EPSG:3995", "EPSG:32632", "EPSG:2154"],
)
def test_the_world_is_cut_to_what_a_map_is_for(crs, caplog):
    """Where a pole, or the other side of the Earth, lies at infinity."""
    got = transform_bounds(WORLD, "EPSG:4326", crs)
    west, south, east, north = pyproj.CRS(crs).area_of_use.bounds
    east += 360 if west > east else 0
    lons, lats = np.meshgrid(np.linspace(west, east, 721), np.linspace(south, north, 721))
    x, y = moved("EPSG:4326", crs, lons, lats)
    np.testing.assert_allclose(got, (x.min(), y.min(), x.max(), y.max()), rtol=1e-9, atol=1e-3)
    assert len(caplog.records) == 1
    assert "area of use" in caplog.text
    assert crs in caplog.text


@pytest.mark.parametrize("crs", ["EPSG:4087", "EPSG:6933", "EPSG:8857", "ESRI:54030", "ESRI:54009"])
def test_the_world_is_whole_where_a_map_has_room_for_it(crs, caplog):
    got = transform_bounds(WORLD, "EPSG:4326", crs)
    x, _ = moved("EPSG:4326", crs, [-180, 180], [0, 0])
    _, y = moved("EPSG:4326", crs, [0, 0], [-90, 90])
    np.testing.assert_allclose(got, (x[0], y[0], x[1], y[1]), rtol=1e-6)
    assert not caplog.records


@pytest.mark.parametrize(("lon_0", "name"), [(150, "robin"), (-90, "moll"), (33, "eqearth")])
def test_a_map_that_is_cut_elsewhere_reaches_its_cut(lon_0, name, caplog):
    crs = f"+proj={name} +lon_0={lon_0}"
    got = transform_bounds(WORLD, "EPSG:4326", crs)
    half = moved("EPSG:4326", crs, lon_0 + 180 - 1e-6, 0)[0]
    assert got[2] == pytest.approx(half, rel=1e-6)
    assert got[0] == pytest.approx(-half, rel=1e-6)
    assert not caplog.records


OVER_A_POLE = [
    ((-2e6, -1e6, 1.5e6, 1e6), "EPSG:3413"),
    ((-1.3e6, -1.4e6, 2e6, 1.5e6), "EPSG:3031"),
    ((-9e5, -8e5, 3e6, 8e5), "EPSG:3571"),
]


@pytest.mark.parametrize(("box", "source"), OVER_A_POLE)
@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:3395", "EPSG:4326", "EPSG:4807", "EPSG:4087"])
def test_a_box_over_a_pole_reaches_it_all_around(box, source, crs, caplog):
    got = transform_bounds(box, source, crs)
    x, y = np.meshgrid(np.linspace(box[0], box[2], 1001), np.linspace(box[1], box[3], 1001))
    lats = moved(source, "EPSG:4326", x, y)[1]
    pole = np.sign(lats.mean())
    away = lats.min() if pole > 0 else lats.max()
    cut = crs in ("EPSG:3857", "EPSG:3395")
    area = pyproj.CRS(crs).area_of_use
    most = (area.north if pole > 0 else area.south) if cut else 90 * pole
    width = {"EPSG:4326": 180, "EPSG:4807": 200}.get(crs, np.pi * 6378137)
    assert got[0] == pytest.approx(-width, rel=1e-9)
    assert got[2] == pytest.approx(width, rel=1e-9)
    want = 100 * pole if crs == "EPSG:4807" else moved("EPSG:4326", crs, 0, most)[1]
    assert (got[3] if pole > 0 else got[1]) == pytest.approx(want, rel=1e-6)
    other = moved("EPSG:4326", crs, 0, away)[1]
    assert (got[1] if pole > 0 else got[3]) == pytest.approx(other, rel=1e-3)
    assert len(caplog.records) == (1 if cut else 0)


@pytest.mark.parametrize(
    ("box", "source", "crs"),
    [
        ((20, 86, 40, 89), "EPSG:4326", "EPSG:3857"),
        ((-2e5, -2e5, 2e5, 2e5), "EPSG:3413", "EPSG:3857"),
        ((-2e6, -2e6, 2e6, 2e6), "EPSG:3413", "EPSG:3031"),
        ((150, -30, 160, -20), "EPSG:4326", "EPSG:3035"),
        ((100, -20, 120, -10), "EPSG:4326", "+proj=gnom +lat_0=90 +lon_0=0"),
    ],
)
def test_what_cannot_be_had_at_all_is_refused(box, source, crs):
    with pytest.raises(InputError, match="outside the domain of"):
        transform_bounds(box, source, crs)


@pytest.mark.parametrize(
    ("box", "source", "crs", "side", "width"),
    [
        ((170, -20, 190, -10), "EPSG:4326", "EPSG:4258", 170, 20),
        ((170, -20, 190, -10), "EPSG:4326", "EPSG:4807", 186.2919, 22.2228),
        ((19e6, -2e6, 21e6, 2e6), "EPSG:3857", "EPSG:4326", 170.6799, 17.9663),
        ((0, 0, 1e7, 1e6), "EPSG:3832", "EPSG:3857", 16697923.62, 1e7),
        ((0, 0, 1e7, 1e6), "EPSG:3832", "EPSG:4326", 150, 89.8315),
    ],
)
def test_across_the_antimeridian_a_box_stays_in_one_piece(box, source, crs, side, width):
    west, _, east, _ = transform_bounds(box, source, crs)
    assert west == pytest.approx(side, rel=1e-4)
    assert east - west == pytest.approx(width, rel=1e-4)


def test_the_whole_globe_and_its_map_are_one_box():
    got = transform_bounds(
        (-17005833.4, -8625154.7, 17005833.4, 8625154.7), "ESRI:54030", "EPSG:4326"
    )
    assert got == pytest.approx((-180, -90, 180, 90), abs=0.3)


def test_a_bbox_of_the_world_makes_as_many_rows_as_mercator_has(caplog):
    grid = Grid.from_bounds(WORLD, 200_000, "EPSG:3857", bounds_crs="EPSG:4326")
    assert grid.shape == (202, 202)
    assert len(caplog.records) == 1
