from __future__ import annotations

import numpy as np
import pytest

from satclip_core.errors import InputError, MissingDependencyError
from satclip_core.grid import crs, extent


def test_degrees_need_no_library(monkeypatch):
    monkeypatch.setattr(crs, "_first_backend", lambda: None)
    x, y = crs.to_lonlat("EPSG:4326")(np.array([200.0]), np.array([45.0]))
    assert (x[0], y[0]) == (200.0, 45.0)
    with pytest.raises(MissingDependencyError, match=r"EPSG:3857.*pyproj"):
        crs.to_lonlat("EPSG:3857")


@pytest.mark.parametrize("name", ["EPSG:4326", "epsg:4326", "4326", "OGC:CRS84", "WGS 84"])
def test_wgs84_has_many_names(name):
    assert crs.check_crs(name) == "EPSG:4326"


def test_axes_are_x_and_y_whatever_the_authority_says():
    # EPSG:4258 and EPSG:2393 are defined with north first.
    lon, lat = crs.to_lonlat("EPSG:4258")(np.array([10.0]), np.array([50.0]))
    assert (lon[0], lat[0]) == pytest.approx((10, 50))
    x, y = crs.from_lonlat("EPSG:2393")(np.array([27.0]), np.array([62.0]))
    assert x[0] > 3e6
    assert y[0] == pytest.approx(6.87e6, rel=1e-2)


@pytest.mark.parametrize("name", ["EPSG:3857", "EPSG:32633", "EPSG:3995", "EPSG:6933", "EPSG:8857"])
def test_there_and_back(name):
    lon, lat = np.array([12.0, 15.0, 17.5]), np.array([60.0, 70.0, 80.0])
    back = crs.to_lonlat(name)(*crs.from_lonlat(name)(lon, lat))
    np.testing.assert_allclose(back, (lon, lat), atol=1e-9)


def test_outside_the_domain_is_not_finite():
    lon, _ = crs.to_lonlat("ESRI:54009")(np.array([1.7e7]), np.array([8.9e6]))
    assert not np.isfinite(lon[0])


@pytest.mark.parametrize(
    ("name", "half"),
    [("EPSG:4326", 180), ("EPSG:4258", 180), ("EPSG:4807", 200), ("EPSG:3857", None)],
)
def test_half_a_turn_is_in_the_units_of_the_crs(name, half):
    assert crs.half_turn(name) == (half if half is None else pytest.approx(half))


@pytest.mark.parametrize("name", ["EPSG:999999", "nonsense", "", "EPSG:5773", "+proj=nothing"])
def test_unknown_crs_is_named(name):
    with pytest.raises(InputError, match="CRS"):
        crs.check_crs(name)


def test_polar_bounds_reach_the_circle():
    west, south, east, north = extent.transform_bounds(
        (-180, 60, 180, 90), "EPSG:4326", "EPSG:3995"
    )
    radius = crs.from_lonlat("EPSG:3995")(np.array([0.0]), np.array([60.0]))[1][0]
    np.testing.assert_allclose((-west, -south, east, north), abs(radius), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("EPSG:3857", 20 / 360 * 2 * np.pi * 6378137),  # runs on past the antimeridian
        ("EPSG:3832", 20 / 360 * 2 * np.pi * 6378137),  # centred on 150 E: nothing to cross
        ("EPSG:6933", 20 / 360 * 2 * 17367530.445),
    ],
)
def test_bounds_across_the_antimeridian_are_narrow(name, width):
    west, _, east, _ = extent.transform_bounds((170, -20, 190, -10), "EPSG:4326", name)
    assert east - west == pytest.approx(width, rel=1e-6)


def test_bounds_outside_the_domain_are_refused():
    with pytest.raises(InputError, match=r"EPSG:4326.*outside the domain of"):
        extent.transform_bounds((100, -20, 120, -10), "EPSG:4326", "+proj=gnom +lat_0=90 +lon_0=0")


def test_a_pyproj_without_its_database_says_what_may_be_wrong(monkeypatch):
    pyproj = pytest.importorskip("pyproj")

    def fail(code):
        raise pyproj.exceptions.CRSError("no database context specified")

    monkeypatch.setattr(pyproj.CRS, "from_epsg", fail)
    monkeypatch.setattr(crs, "_BACKENDS", {"pyproj": crs._pyproj})
    monkeypatch.setattr(crs, "_first_backend", crs._first_backend.__wrapped__)
    with pytest.raises(InputError, match="unset PROJ_LIB and PROJ_DATA"):
        crs.check_crs("EPSG:3857")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("WGS 84 / UTM zone 32N", "EPSG:32632"),
        ("ETRS89-extended / LAEA Europe", "EPSG:3035"),
        ("NTF (Paris)", "EPSG:4807"),
        ("+proj=utm +zone=32", "+proj=utm +zone=32"),
        ("EPSG:32632", "EPSG:32632"),
    ],
)
def test_a_name_becomes_a_code_and_what_all_libraries_read_is_kept(name, code):
    assert crs.check_crs(name) == code


@pytest.mark.parametrize("number", [3035, 4807, 5514, 27700, 3136])
def test_a_crs_in_full_is_known_by_its_code_again(number):
    pyproj = pytest.importorskip("pyproj")
    known = pyproj.CRS.from_epsg(number)
    assert crs.short_crs(known.to_wkt()) == f"EPSG:{number}"
    # Another edition of the registry may call the datum otherwise, but not the numbers.
    renamed = known.to_wkt().replace("European Terrestrial Reference System 1989", "EUREF")
    assert crs.short_crs(renamed) == f"EPSG:{number}"


@pytest.mark.parametrize(
    ("old", "new"),
    [('"False easting",500000', '"False easting",600000'), ("6378137", "6378388"), ("9,", "8.5,")],
)
def test_a_crs_that_is_not_what_its_code_says_is_kept_in_full(old, new):
    pyproj = pytest.importorskip("pyproj")
    wkt = pyproj.CRS.from_epsg(32632).to_wkt()
    assert old in wkt
    assert crs.short_crs(wkt.replace(old, new)) == wkt.replace(old, new)


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("EPSG:4326", 360),
        ("EPSG:4807", 400),
        ("EPSG:3857", 2 * np.pi * 6378137),
        ("EPSG:3832", 2 * np.pi * 6378137),
        ("EPSG:6933", 2 * 17367530.445161372),
        ("EPSG:32632", None),
        ("EPSG:3031", None),
        ("EPSG:8857", None),
        ("EPSG:3035", None),
        ("EPSG:5514", None),
    ],
)
def test_the_width_of_maps_that_go_round(name, width):
    assert crs.period(name) == (width if width is None else pytest.approx(width, rel=1e-12))
