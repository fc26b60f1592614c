"""`satclip describe` and `satclip raster --properties`: places in words, the numbers of Python."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from satclip_core.models.registry import load_encoder
from satclip_core.products.place_words import compare, describe


@pytest.fixture
def told(run, small_model):
    """What `satclip describe` prints, with the small model."""

    def told(*words: object, started: bool = False) -> str:
        result = run("describe", *words, "--model", small_model, started=started)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result.stdout

    return told


def test_a_place_is_told_in_words_with_ranges_and_errors(told, small_model):
    text = told(-60.5, "-3", started=True)
    (place,) = describe(load_encoder(small_model), [(-60.5, -3)])
    first, *rest = text.splitlines()
    assert first == f"3.000° S, 60.500° W: {place.said()}"
    for reading, line in zip(place.readings, rest):
        cells = re.split(r"\s{3,}", line.strip())
        assert cells == [reading.facts.title, reading.said(), reading.margin(),
                         reading.facts.error]  # fmt: skip
    assert "Predicted from the embedding of the model small-test-model, not measured." in text
    assert "blocks of 2°" in text


def test_two_places_are_compared(told, small_model):
    places = describe(load_encoder(small_model), [(-60.5, -3), (11.6, 48.1)])
    text = told("-60.5,-3", 11.6, 48.1)
    found = compare(*places)
    assert f"Cosine similarity of the two places {found.cosine:.2f}" in text
    apart = text.partition("apart in\n")[2]
    for one in found.apart:
        assert re.search(
            rf"{one.first.facts.title} +{re.escape(one.first.said())} +"
            rf"{re.escape(one.second.said())}", apart,
        )  # fmt: skip
    assert "Cosine" not in told("-60.5,-3", 11.6, 48.1, 0, 0)


def test_decimals_with_a_comma_are_told(run, small_model):
    words = ("describe", "--properties", "temperature", "--model", small_model)
    said = run(*words, "36,8", "-1,3").stderr
    assert said == "Warning: 36,8 -1,3 is read as two places: decimals take a point\n"
    assert run(*words, "36.8,-1.3", "37,-1.5").stderr == ""


def test_json_has_all_of_it_in_full(told, small_model):
    content = json.loads(told("--json", "--properties", "rain,koppen", 7.5, 46.25, -60.5, -3))
    places = describe(load_encoder(small_model), [(7.5, 46.25), (-60.5, -3)], ["rain", "koppen"])
    assert content["values"] == "predicted from the embedding, not measured"
    assert content["properties"]["rain"]["scores"] == {"r2": 0.5, "rmse": 12.0, "mae": 8.0}
    assert content["properties"]["koppen"]["source"] == "made up"
    for told_one, place in zip(content["places"], places):
        rain, koppen = place.readings
        assert (told_one["lon"], told_one["lat"]) == (place.lon, place.lat)
        assert told_one["predicted"] == {
            "rain": {"value": rain.value, "low": rain.low, "high": rain.high},
            "koppen": {"code": int(koppen.value), "class": koppen.class_name,
                       "probability": koppen.probability},
        }  # fmt: skip
    assert content["comparison"]["cosine"] == compare(*places).cosine


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        ((1, 2, 3), "3 numbers: give LON LAT for each place", 2),
        ((1,), "'1' is 1 numbers: give two numbers, LON LAT", 2),
        (("here", "there"), "'here' is not a number", 2),
        ((1, 95), "latitude 95", 1),
        ((1, 5, "--properties", "rian"), "unknown property 'rian' of the model small-test-model: "
         "give --properties of temperature, rain, land_cover, koppen, or all", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_one_line(refused, small_model, words, message, code):
    assert message in refused("describe", *words, "--model", small_model, code=code)


def test_a_model_without_properties_says_how_to_get_them(refused, small_model, tmp_path):
    (tmp_path / "mine.npz").write_bytes(small_model.read_bytes())
    line = refused("describe", 1, 2, "--model", "mine.npz", code=1)
    assert "has no properties (mine.properties.npz is missing): satclip models properties" in line


def test_a_raster_of_properties_has_the_numbers_of_describe(run, told, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    words = ("--properties", "temperature,land_cover", "--bbox", 7, 46, 8, 47, "--res", 0.5)
    result = run("raster", *words, "-o", "out.tif")
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "out.tif") as dataset:
        bands = dataset.read()
        assert dataset.descriptions == ("temperature", "land_cover", "land_cover_probability")
        assert dataset.tags()["property_temperature"] == "made temperature, °C; predicted"
        centres = [dataset.xy(row, col) for row in range(2) for col in range(2)]
    numbers = [number for place in centres for number in place]
    places = json.loads(told("--json", *numbers))["places"]
    values = [place["predicted"]["temperature"]["value"] for place in places]
    np.testing.assert_allclose(bands[0].ravel(), values, rtol=1e-3, atol=2e-3)
    codes = [place["predicted"]["land_cover"]["code"] for place in places]
    np.testing.assert_array_equal(bands[1].ravel(), codes)


@pytest.mark.parametrize("extra", [("--normalize",), ("--dtype", "uint8"), ("--dims", 4)])
def test_properties_have_no_options_of_embeddings(refused, extra):
    words = ("raster", "--properties", "rain", "--bbox", 7, 46, 8, 47, "--res", 0.5, *extra)
    assert f"leave out {extra[0]}" in refused(*words, code=2)
