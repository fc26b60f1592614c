"""Named properties read from embeddings: against plain slow code, as files, rasters and words."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from made_heads import facts_of, made_heads

from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.models.registry import BUNDLED, load_encoder
from satclip_core.points import PointsRequest, embed_points
from satclip_core.products import Properties, PropertiesOf, PropertyHeads, property_heads
from satclip_core.products.place_words import TEXTS, Phrase, compare, describe, told
from satclip_core.products.property_heads import heads_file
from satclip_core.raster import raster_array, write_raster

PLACES = [(7.5, 46.25), (-60.0, -3.0), (179.9, 89.0), (-180.0, -90.0)]


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def heads(encoder):
    return PropertyHeads.of(encoder)


@pytest.fixture(scope="module")
def bundled():
    return load_encoder(BUNDLED)


def slowly(heads: PropertyHeads, embedding: np.ndarray) -> dict[str, list[float]]:
    """The scores of each head, one product after the other."""
    standard = [
        (float(value) - float(mean)) / float(deviation)
        for value, mean, deviation in zip(embedding, heads.mean, heads.deviation)
    ]
    return {
        name: [
            math.fsum(z * float(w) for z, w in zip(standard, head.weights[:, column])) + offset
            for column, offset in enumerate(head.offsets.tolist())
        ]
        for name, head in heads.heads.items()
    }


def test_heads_read_what_slow_code_reads(encoder, heads):
    embeddings = encoder.encode(PLACES)
    found = heads.read(embeddings)
    for index, embedding in enumerate(embeddings):
        scores = slowly(heads, embedding)
        (degrees,), (logarithm,) = scores["temperature"], scores["rain"]
        near = {"rel": 1e-3, "abs": 1e-3}
        want = min(max(degrees, -20), 35)
        assert found["temperature"].values[index] == pytest.approx(want, **near)
        low, high = (min(max(degrees + off, -20), 35) for off in (-2, 3))
        assert found["temperature"].low[index] == pytest.approx(low, **near)
        assert found["temperature"].high[index] == pytest.approx(high, **near)
        rain = min(max(math.exp(logarithm) - 1, 0), 5000)
        assert found["rain"].values[index] == pytest.approx(rain, **near)
        assert found["rain"].low[index] == pytest.approx(
            min(max(math.exp(logarithm - 0.5) - 1, 0), 5000), **near
        )
        for name in ("land_cover", "koppen"):
            raised = [math.exp(score) for score in scores[name]]
            chances = [one / sum(raised) for one in raised]
            codes = heads.heads[name].facts.legend.codes
            assert found[name].values[index] == codes[chances.index(max(chances))]
            np.testing.assert_allclose(found[name].probabilities[index], chances, atol=1e-3)
            assert found[name].likeliest[index] == pytest.approx(max(chances), abs=1e-3)


def test_values_stay_within_the_range_of_the_labels(encoder):
    """Far from all that heads were fitted to, even where an exponential overflows."""
    found = made_heads(encoder, water=-1e30).read(1e6 * encoder.encode(PLACES))
    assert (np.abs(found["temperature"].values - 7.5) <= 27.5).all()
    assert ((found["rain"].values >= 0) & (found["rain"].values <= 5000)).all()
    assert np.isfinite(found["koppen"].probabilities).all()


def test_nothing_is_read_where_there_is_no_embedding(encoder, heads):
    embeddings = encoder.encode(PLACES)
    embeddings[1] = np.nan
    for name, found in heads.read(embeddings).items():
        assert np.isnan(found.values).tolist() == [False, True, False, False], name


def test_on_water_nothing_but_the_land_cover_is_known(encoder):
    heads = made_heads(encoder, water=1000.0)
    found = heads.read(encoder.encode(PLACES))
    assert (found["land_cover"].values == 0).all()
    for name in ("temperature", "rain", "koppen"):
        assert np.isnan(found[name].values).all()
    # Also where the land cover is not asked for.
    alone = heads.chosen(["rain"]).read(encoder.encode(PLACES))
    assert list(alone) == ["rain"]
    assert np.isnan(alone["rain"].values).all()


def test_chosen_heads_read_the_same(encoder, heads):
    embeddings = encoder.encode(PLACES)
    everything = heads.read(embeddings)
    some = heads.chosen(["koppen", "temperature", "koppen"]).read(embeddings)
    assert list(some) == ["koppen", "temperature"]
    for name, found in some.items():
        np.testing.assert_allclose(found.values, everything[name].values, rtol=1e-5)
    assert heads.chosen(["all"]).facts == heads.facts


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["rian"], r"unknown property 'rian' of the model small-test-model: give properties of "),
        (["all", "rain"], "unknown property 'all'"),
        ([], "no property is named: give properties of temperature, rain"),
    ],
)
def test_unknown_names_are_named_with_those_there_are(heads, names, message):
    with pytest.raises(InputError, match=message):
        heads.chosen(names)


def test_a_file_keeps_all_of_it_and_is_the_same_each_time(heads, tmp_path):
    heads.save(tmp_path / "a.npz")
    again = PropertyHeads.load(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert again.facts == heads.facts
    assert (again.model, again.sha256) == (heads.model, heads.sha256)
    for name, head in heads.heads.items():
        np.testing.assert_array_equal(again.heads[name].weights, head.weights)
        assert again.heads[name].weights.dtype == np.float16


def rewritten(source, target, **members: bytes | None) -> None:
    """A copy of a zip with other members, or without those that are None."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = members.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)


def pickled_array() -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([{}], object), allow_pickle=True)
    return stream.getvalue()


def array(*shape: int) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros(shape, np.float16))
    return stream.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        {"weights/rain.npy": pickled_array()},
        {"weights/rain.npy": array(255, 1)},
        {"weights/rain.npy": None},
        {"deviation.npy": array(256)},
        {"properties.json": b"[]"},
        {"properties.json": b'{"format": "satclip-model", "version": 1}'},
        {"properties.json": b"{"},
    ],
)
def test_damaged_files_are_one_line(small_model, tmp_path, members):
    rewritten(heads_file(small_model), tmp_path / "x.npz", **members)
    with pytest.raises(InputError, match=r"x\.npz holds no properties of places, or is damaged"):
        PropertyHeads.load(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"text"])
def test_other_files_are_one_line(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="holds no properties of places, or is damaged"):
        PropertyHeads.load(tmp_path / "x.npz")


def test_weights_too_large_for_half_floats_are_refused(heads, tmp_path):
    head = replace(heads.heads["rain"], weights=np.full((256, 1), 1e6))
    with pytest.raises(InputError, match="weights of rain are too large"):
        replace(heads, heads={"rain": head}).save(tmp_path / "x.npz")


def test_heads_of_another_model_file_are_refused_with_what_mends_it(small_model, tmp_path):
    model = tmp_path / "mine.npz"
    model.write_bytes(small_model.read_bytes())
    encoder = load_encoder(model)
    with pytest.raises(
        InputError, match=r"has no properties .*fit_properties\('.*mine.npz'\) fits"
    ):
        PropertiesOf().by(encoder)
    other = made_heads(encoder)
    replace(other, sha256="0" * 64).save(heads_file(model))
    with pytest.raises(
        InputError, match=r"fitted for another model file \(small-test-model, 000000000000…\)"
    ):
        PropertiesOf().by(encoder)
    encoder.file = None
    with pytest.raises(InputError, match="was not read from a file"):
        PropertiesOf().by(encoder)


def test_a_product_of_another_model_is_refused(heads, bundled):
    with pytest.raises(InputError, match="fitted for the model small-test-model"):
        raster_array(Grid.from_bounds((5, 45, 6, 46), 0.5), Properties(heads), bundled)


def test_bands_are_the_values_with_units_and_legends(encoder, heads):
    product = Properties(heads.chosen(["koppen", "rain", "land_cover"]))
    assert product.bands == (
        "koppen", "koppen_probability", "rain", "land_cover", "land_cover_probability",
    )  # fmt: skip
    assert product.units == ("", "%", "mm", "", "%")
    assert {band: legend.names for band, legend in product.legends.items()} == {
        1: ("hot", "cold"), 4: ("water", "forest", "town"),
    }  # fmt: skip
    assert product.legend == product.legends[1]
    assert Properties(heads.chosen(["rain", "koppen"])).legend is None
    embeddings = encoder.encode_grid([7.5, 8.0], [46.25, 46.0])
    bands, found = product(embeddings), heads.read(embeddings)
    np.testing.assert_allclose(bands[2], found["rain"].values, rtol=1e-5)
    np.testing.assert_array_equal(bands[0], found["koppen"].values)
    np.testing.assert_allclose(bands[1], 100 * found["koppen"].likeliest, rtol=1e-4)
    tags = product.tags
    assert tags["values"] == "predicted from the embedding, not measured"
    assert tags["property_rain_error"] == (
        "R² 0.50 of its logarithm, RMSE 12 mm in blocks of 2° left out"
    )
    assert tags["property_koppen_source"] == "made up (none)"


def test_a_raster_has_names_units_classes_and_the_numbers_of_describe(encoder, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "p.tif"
    grid = Grid.from_bounds((5, 45, 7, 46), 0.5)
    write_raster(path, grid, PropertiesOf(("rain", "land_cover", "temperature")), encoder)
    with rasterio.open(path) as dataset:
        bands = dataset.read()
        assert dataset.descriptions == ("rain", "land_cover", "land_cover_probability",
                                        "temperature")  # fmt: skip
        assert [unit or "" for unit in dataset.units] == ["mm", "", "%", "°C"]
        assert dataset.tags()["product"] == "properties"
        centres = [dataset.xy(row, col) for row in range(2) for col in range(4)]
    table = (tmp_path / "p.tif.aux.xml").read_text("utf-8")
    assert '<PAMRasterBand band="2">' in table
    assert "<Category>forest</Category>" in table
    described = describe(encoder, centres)
    for band, name in ((0, "rain"), (1, "land_cover"), (3, "temperature")):
        values = [
            next(one.value for one in place.readings if one.facts.name == name)
            for place in described
        ]
        # The folded path of grids is within 1e-4 of each embedding.
        np.testing.assert_allclose(bands[band].ravel(), values, rtol=2e-3, atol=2e-3)


def test_a_place_is_described_with_ranges(encoder, heads):
    (place,) = describe(encoder, [(7.5, 46.25)], ["temperature", "koppen"])
    temperature, koppen = place.readings
    scores = slowly(heads, encoder.encode([(7.5, 46.25)])[0])
    assert temperature.value == pytest.approx(scores["temperature"][0], abs=1e-2)
    assert temperature.said() == f"{temperature.value:.1f} °C"
    assert temperature.margin() == f"{temperature.low:.1f} to {temperature.high:.1f}"
    assert koppen.said() in ("hot", "cold")
    assert koppen.margin() == f"{100 * koppen.probability:.0f} %"
    assert not place.on_water
    # Words are made of all properties, whichever are told.
    (cover,) = describe(encoder, [(7.5, 46.25)], ["land_cover"])[0].readings
    assert place.said() == f"{koppen.said()}, {cover.said()}"


def test_on_water_a_description_says_what_is_not_known(encoder):
    heads = made_heads(encoder, water=1000.0)
    (place,) = describe(encoder, [(0, 0)], heads=heads)
    assert place.on_water
    assert place.said() == TEXTS[0]
    known = {one.facts.name: one.value for one in place.readings}
    assert known == {"temperature": None, "rain": None, "land_cover": 0.0, "koppen": None}
    assert [one.said() for one in place.readings] == ["–", "–", "water", "–"]


def test_two_places_are_compared_in_spreads(encoder, heads):
    one, other = describe(encoder, PLACES[:2])
    found = compare(one, other)
    first, second = (slowly(heads, vector) for vector in encoder.encode(PLACES[:2]))
    distances = {d.first.facts.name: d.distance for d in (*found.shared, *found.apart)}
    degrees = [min(max(s["temperature"][0], -20), 35) for s in (first, second)]
    assert distances["temperature"] == pytest.approx(abs(degrees[0] - degrees[1]) / 12, abs=1e-3)
    rain = abs(first["rain"][0] - second["rain"][0]) / 1.5
    assert distances["rain"] == pytest.approx(rain, abs=1e-3)
    odds = [1 / (1 + math.exp(s["koppen"][0] - s["koppen"][1])) for s in (first, second)]
    assert distances["koppen"] == pytest.approx(abs(odds[0] - odds[1]), abs=1e-3)
    assert all(d.distance < 0.3 for d in found.shared)
    apart = [d.distance for d in found.apart]
    assert apart == sorted(apart, reverse=True)
    assert min(apart, default=1) >= 0.3
    vectors = encoder.encode(PLACES[:2]).astype(float)
    cosine = vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1])
    assert found.cosine == pytest.approx(cosine, abs=1e-5)
    same = compare(one, one)
    assert same.apart == ()
    assert same.cosine == pytest.approx(1)


@pytest.fixture
def wet(small_model, tmp_path):
    """An encoder whose heads take all places for water."""
    path = tmp_path / "wet.npz"
    path.write_bytes(small_model.read_bytes())
    made_heads(load_encoder(path), water=1000.0).save(heads_file(path))
    return load_encoder(path)


def table(folder, encoder, target, **options):
    """A table of three rows, one without a place, with properties added."""
    (folder / "in.csv").write_text("name,lon,lat\na,7.5,46.25\nb,,\nc,-60.5,-3\n")
    request = PointsRequest(str(folder / "in.csv"), str(folder / target), **options)
    embed_points(encoder, request)
    return folder / target


def test_a_table_gets_a_column_for_each_band(encoder, tmp_path):
    path = table(tmp_path, encoder, "out.csv", properties=("rain", "koppen"))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert list(rows[0]) == ["name", "lon", "lat", "rain", "koppen", "koppen_probability"]
    described = describe(encoder, [(7.5, 46.25), (-60.5, -3)], ["rain", "koppen"])
    for row, place in zip((rows[0], rows[2]), described):
        rain, koppen = place.readings
        assert float(row["rain"]) == pytest.approx(rain.value, rel=1e-5)
        assert float(row["koppen"]) == koppen.value
        assert float(row["koppen_probability"]) == pytest.approx(100 * koppen.probability, rel=1e-5)
    assert [rows[1][name] for name in ("rain", "koppen", "koppen_probability")] == ["", "", ""]


def test_on_water_a_table_has_the_land_cover_alone(wet, tmp_path):
    path = table(tmp_path, wet, "out.csv", properties=("rain", "land_cover"), prefix="p_")
    assert path.read_text("utf-8").splitlines() == [
        "name,lon,lat,p_rain,p_land_cover,p_land_cover_probability",
        "a,7.5,46.25,,0,100", "b,,,,,", "c,-60.5,-3,,0,100",
    ]  # fmt: skip
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("geopandas")
    path = table(tmp_path, wet, "out.parquet", properties=("rain", "land_cover"))
    found = parquet.read_table(path).to_pydict()
    assert found["rain"] == [None, None, None]
    assert found["land_cover"] == [0.0, None, 0.0]


@pytest.mark.parametrize("extra", [{"array": "e"}, {"dims": 3}, {"normalize": True},
                                   {"dtype": "float16"}])  # fmt: skip
def test_a_table_of_properties_has_no_options_of_embeddings(extra):
    with pytest.raises(InputError, match="properties are numbers of their own"):
        PointsRequest("in.csv", "out.csv", properties=("rain",), **extra)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(1243.7, -2, "1,200"), (-0.04, 1, "0.0"), (-3.46, 1, "-3.5"), (7, 0, "7"), (0.004, 2, "0.00")],
)
def test_numbers_are_told_as_exactly_as_they_are(value, decimals, text):
    assert told(value, decimals) == text


def test_phrases_are_said_in_a_client_s_language():
    phrase = Phrase("about {number} m above the sea", 1240.0, -2)
    assert phrase.said() == "about 1,200 m above the sea"
    german = {"about {number} m above the sea": "etwa {number} m über dem Meer"}
    assert phrase.said(german.get, lambda value, _: f"{value:.0f}") == "etwa 1240 m über dem Meer"


def test_facts_say_their_error():
    classes = facts_of(property_heads, "x", legend=object())
    assert classes.error == "right at 75 % of places"
    assert facts_of(property_heads, "x", unit="").error == "R² 0.50, RMSE 12"


def test_the_bundled_model_has_properties_of_its_own(bundled):
    path = heads_file(bundled.file)
    assert path.stat().st_size < 150_000
    heads = PropertyHeads.of(bundled)
    wanted = {
        "temperature_january", "temperature_july", "rain", "elevation", "greenness", "land_cover",
        "night_light", "population", "koppen",
    }  # fmt: skip
    assert wanted <= set(heads.heads)
    for facts in heads.facts:
        assert facts.source
        assert facts.licence
        assert facts.places > 1000
        assert facts.scores.get("r2", facts.scores.get("accuracy")) > 0.65, facts.name


def test_the_bundled_model_knows_the_world(bundled):
    """Places that no map leaves in doubt."""
    places = {
        "Sahara": (3.0, 24.0), "Amazon": (-62.2, -3.8), "Tibet": (88.0, 33.0),
        "Greenland": (-42.0, 72.0), "Tokyo": (139.7, 35.69), "ocean": (-30.0, 0.0),
    }  # fmt: skip
    found = {
        name: {one.facts.name: one for one in place.readings} | {"words": place}
        for name, place in zip(places, describe(bundled, list(places.values())))
    }
    assert found["ocean"]["words"].on_water
    assert found["Sahara"]["koppen"].class_name == "hot desert climate"
    assert found["Sahara"]["land_cover"].class_name == "barren land"
    assert found["Sahara"]["rain"].value < 150
    assert found["Amazon"]["land_cover"].class_name == "evergreen broadleaf forest"
    assert found["Amazon"]["rain"].value > 1500
    assert found["Tibet"]["elevation"].value == pytest.approx(5000, abs=500)
    assert found["Greenland"]["koppen"].class_name == "ice climate"
    assert found["Greenland"]["temperature_january"].value < -25
    assert found["Tokyo"]["land_cover"].class_name == "town"
    assert found["Tokyo"]["population"].value > 100
    assert found["Tokyo"]["temperature_july"].value == pytest.approx(24.5, abs=4)
