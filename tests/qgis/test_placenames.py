"""Places by what people type: coordinates of every kind, countries, features of a layer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from qgis.core import QgsCoordinateReferenceSystem

ZURICH = (8.54, 47.37)
DEGREES = QgsCoordinateReferenceSystem("EPSG:4326")
SWISS = QgsCoordinateReferenceSystem("EPSG:2056")


@pytest.mark.parametrize(
    "text",
    [
        "47.37 8.54",
        "47.37, 8.54",
        "47.37,8.54",
        "47,37 8,54",
        "47,37; 8,54",
        "47,37, 8,54",
        "(47.37 / 8.54)",
        "8.54 E 47.37 N",
        "47.37N 8.54E",
        "E8.54 N47.37",
        "8,54° O, 47,37° N",
        "47°22'12\"N 8°32'24\"E",
        "47° 22′ 12″ N, 8° 32′ 24″ E",
        "47°22'12,0\"N 8°32'24,0\"E",
        "47 22 12 8 32 24",
        "N 47 22.2 E 8 32.4",
        "47°22.2' 8°32.4'",
        "lat: 47.37 lon: 8.54",
        "Longitude 8.54, Latitude 47.37",
        "geo:47.37,8.54",
        "https://www.openstreetmap.org/#map=12/47.37/8.54",
        "https://www.google.com/maps/@47.37,8.54,12z",
    ],
)
def test_coordinates_are_read_as_people_write_them(qgis_app: object, text: str) -> None:
    from satclip_qgis.coordinates import read_coordinates

    found = read_coordinates(text, east="EO")
    assert found is not None
    assert found.places[0] == pytest.approx(ZURICH, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "47",
        "Zurich",
        "47.37 N 8.54 N",
        "47.37 N",
        "-47 N 8 E",
        "47°70' 8°",
        "1 2 3",
        "4.5 6 7 8",
    ],
)
def test_what_is_no_pair_of_coordinates_is_none(qgis_app: object, text: str) -> None:
    from satclip_qgis.coordinates import read_coordinates

    assert read_coordinates(text) is None


def test_south_and_west_are_negative_and_either_order_is_offered(qgis_app: object) -> None:
    from satclip_qgis.coordinates import read_coordinates

    assert read_coordinates("33°52'S151°12'W").places == pytest.approx(
        [(-151.2, -33 - 52 / 60)], abs=1e-9
    )
    assert read_coordinates("-33.9 18.4").places == ((18.4, -33.9), (-33.9, 18.4))
    assert read_coordinates("151.2 -33.9").places == ((151.2, -33.9),)  # no latitude of 151


def test_numbers_that_are_no_degrees_are_of_the_map(qgis_app: object) -> None:
    from satclip_qgis.placenames import places_named

    (bern,) = places_named("2600000 1200000", SWISS)  # the origin of the Swiss grid
    assert (bern.lon, bern.lat) == pytest.approx((7.4386, 46.9511), abs=1e-3)
    assert "EPSG:2056" in bern.label
    assert places_named("2600000 1200000", DEGREES) == []


@pytest.mark.parametrize("text", ["Switz", "CH", "Schweiz", "switzerland"])
def test_countries_by_name_code_and_what_they_call_themselves(qgis_app: object, text: str) -> None:
    from satclip_qgis.placenames import places_named
    from satclip_qgis.satclip_core.raster.region import open_region

    first = places_named(text, DEGREES)[0]
    assert first.name == "Switzerland"
    inside = open_region("Switzerland").polygons
    assert inside(np.array([first.lon]), np.array([first.lat]))[0]


def test_features_of_a_layer_by_their_names(make_points: object) -> None:
    from satclip_qgis.placenames import places_named

    layer = make_points(
        [(2600000, 1200000), (2683000, 1247000), None],
        crs="EPSG:2056",
        fields="&field=name:string",
        rows=[("Bern",), ("Zürich HB",), ("Zuoz",)],
    )
    (found,) = places_named("zür", DEGREES, layer)
    assert found.name == "Zürich HB"
    assert (found.lon, found.lat) == pytest.approx((8.5375, 47.3686), abs=1e-3)
