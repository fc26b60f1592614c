from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_core.errors import InputError
from satclip_core.products import Samples
from satclip_core.products.legend import Legend, distinct_colours

PLACES = [(10, 50), (11, 50), (12, 50), (13, 50), (14, 50), (15, 50), (16, 50), (17, 50)]
NAN = float("nan")


def test_numbers_are_kept_as_numbers():
    samples = Samples.of(PLACES, [1, 2.5, 3, 4, 5, 6, 7, -8e3], name="t")
    assert samples.legend is None
    assert samples.values.tolist() == [1, 2.5, 3, 4, 5, 6, 7, -8000]
    assert samples.account == ()
    assert len(samples) == 8


@pytest.mark.parametrize(
    "values",
    [
        ["1", " 2 ", "3.5", "", "5e1", "NaN", "NA", "8"],
        [1, 2, 3.5, None, 50, NAN, None, 8],
        np.array([1, 2, 3.5, NAN, 50, NAN, np.inf, 8]),
        np.array([1, 2, 3.5, None, 50, NAN, float("-inf"), 8], object),
    ],
)
def test_missing_numbers_are_left_out_and_named(values):
    samples = Samples.of(PLACES, values, name="t")
    assert samples.values.tolist() == [1, 2, 3.5, 50, 8]
    assert samples.lonlat[:, 0].tolist() == [10, 11, 12, 14, 17]
    line = "3 of 8 samples left out, without a value of 't': row 4, row 6, row 7"
    assert samples.account == (line,)


def test_places_that_are_none_are_left_out_and_named():
    places = [*PLACES[:5], (NAN, NAN), (999, 5), (5, 91)]
    samples = Samples.of(places, range(8))
    assert len(samples) == 5
    assert samples.account == (
        "3 of 8 samples left out, without usable coordinates: "
        "row 6 (nan nan), row 7 (999 5), row 8 (5 91)",
    )


def test_a_decimal_comma():
    samples = Samples.of(PLACES, [f"{n},5" for n in range(8)], decimal_comma=True)
    assert samples.values.tolist() == [n + 0.5 for n in range(8)]


def test_text_makes_classes_in_the_order_of_the_alphabet():
    samples = Samples.of(PLACES, ["wood", "bog ", "wood", None, "NA", "wood", "bog", ""])
    assert samples.legend.names == ("NA", "bog", "wood")  # NA is Namibia
    assert samples.legend.codes == (1, 2, 3)
    assert samples.values.tolist() == [2, 1, 2, 0, 2, 1]


def test_whole_numbers_as_classes_keep_their_codes():
    samples = Samples.of(PLACES, [10, 20, 95, 10, 20, 10, 10, 0.0], classes=True)
    assert samples.legend.codes == (0, 10, 20, 95)
    assert samples.legend.names == ("0", "10", "20", "95")
    assert samples.values.tolist() == [1, 2, 3, 1, 2, 1, 1, 0]
    assert (samples.legend.dtype, samples.legend.nodata) == ("uint8", 255)


def test_codes_that_are_too_large_or_negative():
    wide = Samples.of(PLACES, [255, 3000] * 4, classes=True).legend
    assert (wide.codes, wide.dtype, wide.nodata) == ((255, 3000), "uint16", 65535)
    negative = Samples.of(PLACES, [-1, 70_000] * 4, classes=True).legend
    assert (negative.codes, negative.names) == ((1, 2), ("-1", "70000"))


def test_truth_values_are_classes():
    samples = Samples.of(PLACES, [True, False] * 4)
    assert samples.legend.names == ("False", "True")


def test_rare_classes_are_named():
    samples = Samples.of(PLACES, ["a"] * 6 + ["b", "c"])
    assert samples.account == ("2 of 3 classes have fewer than 5 samples: 'b' (1), 'c' (1)",)


@pytest.mark.parametrize(
    ("values", "classes", "message"),
    [
        ([1, 2, 3, 4] + [None] * 4, None, "4 of 8 samples .* can be used .*row 5.*at least 5"),
        (["a"] * 8, None, "one class, 'a': give at least two"),
        ([7] * 8, True, "one class, '7'"),
        ([7] * 8, None, "all 8 samples of 'x' have the value 7"),
        (
            [1, 2, 3, 4, 5, 6, 7, "x"],
            None,
            "neither numbers nor classes.*row 8 is 'x'.*: classes=True",
        ),
        ([1, 2, 3, 4, 5, 6, 7, "x"], False, "holds no numbers: row 8 is 'x'"),
        ([1, 2, 3, 4, 5, 6, 7, 8.5], True, "holds 8.5, which is no class"),
        ([1, 2, 3, 4, 5, 6, 7, 1e300], True, "holds 1e[+]300, which is no class"),
        ([1, 2, 3], None, "8 places with 3 values"),
        # Nodata of rasters of float32 and float64, as point sampling leaves it in a table.
        ([1, 2, 3, 4, 5, 6, 7, -3.4028234663852886e38], None, "holds -3.40282e[+]38, which no map"),
        ([1, 2, 3, 4, 5, 6, 7, -1.797e308], None, "leave such rows empty"),
    ],
)
def test_values_of_no_use_are_refused(values, classes, message):
    with pytest.raises(InputError, match=message):
        Samples.of(PLACES, values, name="x", classes=classes)


def test_too_many_classes_are_refused():
    places = np.column_stack([np.arange(300.0), np.zeros(300)])
    with pytest.raises(InputError, match="300 different values in 300 samples"):
        Samples.of(places, [f"name {n}" for n in range(300)])


@pytest.mark.parametrize(
    "place",
    [[(10, 50), (-350, 50)] * 4, [(n, -90) for n in range(8)], [(1, n * 1e-10) for n in range(8)]],
)
def test_one_place_is_refused(place):
    with pytest.raises(InputError, match="lie at one place"):
        Samples.of(place, range(8))


def test_thinning_keeps_pairs_and_says_so():
    places = np.column_stack([np.arange(300.0), np.zeros(300)])
    samples = Samples.of(places, np.arange(300.0))
    few = samples.thinned(50)
    assert len(few) == 50
    np.testing.assert_array_equal(few.lonlat[:, 0], few.values)
    np.testing.assert_array_equal(few.values, samples.thinned(50).values)
    assert "50 of 300" in few.account[-1]
    assert samples.thinned(300) is samples


VALUES = st.one_of(st.none(), st.floats(), st.integers(-99, 99), st.text(max_size=3))


@given(st.lists(st.tuples(VALUES, st.floats(), st.floats(-100, 100)), max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_table_is_used_or_refused(rows):
    places = np.array([row[1:] for row in rows], float).reshape(-1, 2)
    try:
        samples = Samples.of(places, [row[0] for row in rows], name="x")
    except InputError:
        return
    assert np.isfinite(samples.values).all()
    assert (np.abs(samples.lonlat) <= (360, 90)).all()
    assert 5 <= len(samples) <= len(rows)


def test_colours_differ():
    for count in (2, 15, 40, 254):
        colours = distinct_colours(count)
        assert len(set(colours)) == count
        assert all(0 <= part <= 255 for colour in colours for part in colour)
    assert distinct_colours(5) == distinct_colours(254)[:5]


def test_a_legend_with_impossible_codes_is_refused():
    with pytest.raises(InputError, match=r"codes lie within 0\.\.65534"):
        _ = Legend.of(["a", "b"], [1, 65535]).dtype
