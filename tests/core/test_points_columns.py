"""Which columns hold the coordinates, what the new ones are called, numbers as text."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.points.columns import find_coordinates, new_columns
from satclip_core.points.layout import _short_decimals
from satclip_core.points.numerals import number_or_nan, to_text
from satclip_core.products.embedding import dimension_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["id", "lon", "lat"], (1, 2)),
        (["Latitude", "LONGITUDE"], (1, 0)),
        (["lng", "lat"], (0, 1)),
        (["Long", "Lat"], (0, 1)),
        (["x", "y"], (0, 1)),
        ([" X ", "Y"], (0, 1)),
        (["x", "y", "lon", "lat"], (2, 3)),
    ],
)
def test_the_usual_names_are_found(names, expected):
    assert find_coordinates(names) == expected


def test_with_a_crs_x_and_y_come_before_lon_and_lat():
    names = ["lon", "lat", "Easting", "Northing"]
    assert find_coordinates(names, projected=True) == (2, 3)
    assert find_coordinates(names[:2], projected=True) == (0, 1)


def test_given_names_win_and_the_other_is_found():
    assert find_coordinates(["a", "b", "lat"], "A", None) == (0, 2)
    assert find_coordinates(["lon", "lat", "b"], None, "b") == (0, 2)
    assert find_coordinates(["Lon", "lon", "lat"], "lon", None) == (1, 2)


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (
            ["a", "b"],
            (None, None),
            r"no columns of longitude.*by lon_column and lat_column; .*'a', 'b'",
        ),
        (["lon", "b"], (None, None), "there are 'lon', 'b'"),
        (["lon", "longitude", "lat"], (None, None), "'lon', 'longitude'; choose by lon_column"),
        (["lon", "lat", "LAT"], (None, None), "'lat', 'LAT'; choose by lat_column"),
        (
            ["lon", "lat"],
            ("foo", None),
            r"no column 'foo' \(lon_column\); there are",
        ),
        (["a", "a", "lat"], ("a", None), "2 columns are called 'a'"),
        ([], (None, None), "there are none"),
        ([f"c{i}" for i in range(99)], (None, None), "'c29' and 69 more"),
    ],
)
def test_missing_and_ambiguous_columns_are_listed(names, given, message):
    with pytest.raises(InputError, match=message):
        find_coordinates(names, *given)


def test_names_have_as_many_digits_as_they_need():
    assert dimension_names(2) == ("e000", "e001")
    assert dimension_names(256)[-1] == "e255"
    assert dimension_names(1001, "v_")[-1] == "v_1000"


def test_columns_that_are_there_already_are_named():
    with pytest.raises(InputError, match=r"already has 'e001'.*prefix='satclip_'"):
        new_columns(["E001"], 2, array=None, prefix="e")
    with pytest.raises(InputError, match=r"already has 'emb'.*array='new_emb'"):
        new_columns(["emb"], 2, array="emb", prefix="e")
    assert new_columns(["E001"], 2, array="emb", prefix="e") == ["emb"]


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [("1.5", False, 1.5), (" -2e1 ", False, -20), ("1,5", True, 1.5)],
)
def test_numbers_are_read(text, comma, value):
    assert number_or_nan(text, comma) == value


@pytest.mark.parametrize("text", ["", "abc", "1_0", "1,5", "0x10", "nan", "12°"])
def test_what_is_no_number_is_nan(text):
    assert np.isnan(number_or_nan(text))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_text_and_short_decimals_read_back_exactly(dtype):
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((500, 8)) * 10.0 ** rng.integers(-4, 4, (500, 8))).astype(dtype)
    values[0] = 0
    back = np.array([[float(part) for part in text.split(",")] for text in to_text(values)])
    np.testing.assert_array_equal(back.astype(dtype), values)
    short = _short_decimals(values)
    np.testing.assert_array_equal(short.astype(dtype), values)
    assert max(len(repr(number)) for number in short.ravel().tolist()) <= 16


def test_a_row_of_nan_has_no_text():
    assert list(to_text(np.array([[np.nan, np.nan], [1, 2]], np.float32))) == ["", "1,2"]
