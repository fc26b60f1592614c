"""Heads of properties: labels read from maps, fitted on blocks, scored on blocks left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from satclip_core.analysis.linear import softmax
from satclip_core.errors import InputError, OutputError
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.models.registry import load_encoder
from satclip_core.products import PropertiesOf, PropertyHeads
from satclip_core.products.legend import Legend
from satclip_core.products.property_heads import heads_file
from satclip_training.evaluation.labels import (
    LabelledPlaces,
    Labels,
    PropertySettings,
    load_labels,
)
from satclip_training.export import heads

ROOT = Path(__file__).parents[2]
NOWHERE, NOTHING = np.empty((0, 2)), np.empty(0)
COUNT = 1600


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def lonlat():
    return fibonacci_lattice(COUNT)


@pytest.fixture(scope="module")
def hidden(encoder, lonlat):
    """A number that is linear in the embedding, of deviation 1."""
    embedding = encoder.encode(lonlat).astype(np.float64)
    found = embedding @ np.random.default_rng(1).normal(size=encoder.dim)
    return (found - found.mean()) / found.std()


def number(values, **settings) -> Labels:
    made = PropertySettings("made", "x.npz", "made up", "none", unit="m", **settings)
    return Labels("made", made, values, None, NOWHERE, NOTHING)


def fitted(encoder, lonlat, *labels: Labels) -> PropertyHeads:
    return heads.fit_heads(encoder, LabelledPlaces(lonlat, len(lonlat), 5.0, labels))


def test_a_linear_relation_is_read_fully(encoder, lonlat, hidden):
    made = fitted(encoder, lonlat, number(100 + 20 * hidden))
    (facts,) = made.facts
    assert facts.scores["r2"] > 0.98
    assert facts.scores["rmse"] < 20 * 0.15
    assert facts.spread == pytest.approx(20, rel=1e-6)
    assert 250 < facts.places < 390
    read = made.read(encoder.encode(lonlat))["made"].values
    inside = np.abs(hidden) < 2
    np.testing.assert_allclose(read[inside], (100 + 20 * hidden)[inside], atol=5)
    assert facts.least == pytest.approx(np.quantile(100 + 20 * hidden, 0.0005))
    assert read.min() >= facts.least - 1e-3


def test_noise_is_not_read_and_the_score_says_so(encoder, lonlat):
    noise = np.random.default_rng(2).normal(size=COUNT)
    (facts,) = fitted(encoder, lonlat, number(noise)).facts
    assert abs(facts.scores["r2"]) < 0.1
    low, high = facts.interval
    assert (low, high) == (pytest.approx(-1.28, abs=0.25), pytest.approx(1.28, abs=0.25))


def test_what_is_the_same_in_a_block_alone_is_not_read(encoder, lonlat):
    """Whole blocks are left out: a number of each block's own cannot be known there."""
    blocks = LabelledPlaces(lonlat, COUNT, 5.0, ()).blocks(lonlat)
    own = np.random.default_rng(3).normal(size=blocks.max() + 1)[blocks]
    (facts,) = fitted(encoder, lonlat, number(own)).facts
    assert facts.scores["r2"] < 0.05


def test_logarithms_are_fitted_and_told_in_units(encoder, lonlat, hidden):
    values = np.expm1(3 + hidden)
    made = fitted(encoder, lonlat, number(values, transform="log1p"))
    (facts,) = made.facts
    assert facts.scores["r2"] > 0.98
    found = made.read(encoder.encode(lonlat))["made"]
    inside = np.abs(hidden) < 2
    np.testing.assert_allclose(found.values[inside], values[inside], rtol=0.4)
    assert ((found.low <= found.values) & (found.values <= found.high)).all()


def test_blocks_are_squares_of_degrees():
    places = LabelledPlaces(NOWHERE, 0, 2.0, ())
    lonlat = np.array([[0.1, 0.1], [1.9, 1.9], [2.1, 0.1], [-0.1, 0.1], [0.1, -0.1], [-180, -90]])
    blocks = places.blocks(lonlat)
    assert blocks[0] == blocks[1]
    assert len(set(blocks.tolist())) == 5


def classes(values, extra=NOWHERE, extra_values=NOTHING) -> Labels:
    made = PropertySettings("made", "x.tif", "made up", "none")
    legend = Legend.of(["low", "high"], [3, 8])
    return Labels("made", made, values, legend, extra, extra_values)


def test_classes_are_told_apart(encoder, lonlat, hidden):
    made = fitted(encoder, lonlat, classes((hidden > 0.5).astype(float)))
    (facts,) = made.facts
    assert facts.scores["accuracy"] > 0.93
    assert 0.8 < facts.scores["kappa"] <= 1
    found = made.read(encoder.encode(lonlat))["made"]
    assert (found.values == np.where(hidden > 0.5, 8, 3)).mean() > 0.93


def test_more_places_of_a_rare_class_do_not_make_it_common(encoder, lonlat):
    """Of a class that places say nothing about, the probability stays its share."""
    rng = np.random.default_rng(4)
    rare = (rng.uniform(size=COUNT) < 0.04).astype(float)
    lats = np.degrees(np.arcsin(rng.uniform(-1, 1, 800)))
    extra = np.column_stack([rng.uniform(-180, 180, 800), lats])
    made = fitted(encoder, lonlat, classes(rare, extra, np.ones(800)))
    chances = made.read(encoder.encode(lonlat))["made"].probabilities[:, 1]
    assert chances.mean() == pytest.approx(rare.mean(), rel=0.25)
    assert softmax(np.zeros((1, 2)))[0, 1] == 0.5  # what it would be nearer to uncorrected


def test_labels_that_are_all_alike_are_refused(encoder, lonlat):
    with pytest.raises(InputError, match=r"properties\.made: all labels are 7"):
        fitted(encoder, lonlat, number(np.full(COUNT, 7.0)))


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A data root: a grid of twelve months and one of codes, and the land, all of 4 degrees."""
    folder = tmp_path_factory.mktemp("maps")
    lat, lon = np.arange(88.0, -90, -4), np.arange(-178.0, 180, 4)
    west = np.broadcast_to(lon, (len(lat), len(lon)))
    by_month = np.stack([np.round(west) + 10 * month for month in range(12)])
    codes = np.where(west < -170, 2, np.where(west < 0, 1, 5))
    codes[0] = 99
    np.savez(folder / "months.npz", t=by_month, lat=lat, lon=lon)
    np.savez(folder / "codes.npz", codes=codes, lat=lat, lon=lon)
    np.savez(folder / "water.npz", mask=np.broadcast_to(lon > 90, codes.shape))
    return folder


HEAD = "land_mask: water.npz\nland_places: 800\nwater_places: 200\nblock_degrees: 10\n"
COMMON = "title: made, source: made up, licence: none"
CODES = (
    f"{{{COMMON}, file: codes.npz, ignore: [99], classes: {{1: {{name: a, colour: '#010203'}}, "
    "2: {name: b, colour: '#0000ff'}, 5: {name: c, colour: '#ffffff'}}"
)


def write(folder: Path, properties: str) -> Path:
    path = folder / "properties.yaml"
    path.write_text(f"{HEAD}properties:\n{properties}")
    return path


@pytest.mark.parametrize(
    ("months", "value"),
    [("1", lambda x: x), ("12", lambda x: x + 110), ("mean", lambda x: x + 55),
     ("sum", lambda x: 12 * x + 660)],
)  # fmt: skip
def test_months_are_chosen_or_summed_up(maps, tmp_path, months, value):
    text = f"  t: {{{COMMON}, file: months.npz, array: t, months: {months}, scale: 0.5, offset: 1}}"
    found = load_labels(write(tmp_path, text), data_root=maps)
    west = -178 + 4 * np.floor((found.lonlat[:, 0] + 180) / 4)
    known = np.isfinite(found.labels[0].values)
    assert known.tolist() == [True] * 800 + [False] * 200  # nothing is asked at sea
    want = 0.5 * value(west) + 1
    np.testing.assert_allclose(found.labels[0].values[known], want[known])
    assert (found.lonlat[:800, 0] <= 92).all()
    assert (found.lonlat[800:, 0] >= 92).all()


def test_codes_become_classes_also_at_sea_with_more_of_the_rare_ones(maps, tmp_path):
    text = f"  c: {CODES}, water: true, rare: 60}}"
    found = load_labels(write(tmp_path, text), data_root=maps)
    (labels,) = found.labels
    assert labels.legend == Legend((1, 2, 5), ("a", "b", "c"), ((1, 2, 3), (0, 0, 255), (255,) * 3))
    lon = found.lonlat[:, 0]
    known = np.isfinite(labels.values)
    np.testing.assert_array_equal(known, found.lonlat[:, 1] <= 86)
    want = np.where(lon < -168, 1, np.where(lon < 0, 0, 2))
    sure = known & (np.abs(lon + 168) > 4) & (np.abs(lon) > 4)
    np.testing.assert_array_equal(labels.values[sure], want[sure])
    own = int((labels.values == 1).sum())
    assert 0 < own < 60
    assert labels.extra_values.tolist() == [1.0] * (60 - own)
    assert (labels.extra[:, 0] < -164).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"  t: {{{COMMON}, file: none.npz}}", "properties.t.file: .*none.npz"),
        (f"  t: {{{COMMON}, file: months.npz, array: t}}", r"t has shape \(12, 45, 90\), not"),
        (f"  t: {{{COMMON}, file: months.npz, array: t, months: 13}}", "at most 12, got 13"),
        (f"  t: {{{COMMON}, file: months.npz, array: t, months: all}}", "not one of mean, sum"),
        (f"  a b: {{{COMMON}, file: codes.npz}}", "'a b' cannot name a band"),
        (f"  t: {{{COMMON}, file: codes.npz, minimum: 90, ignore: [99]}}", "only 0 labels in"),
        (f"  c: {CODES.replace('5: {', '6: {')}}}", r"no name for \[5\]"),
        (f"  c: {CODES.replace('#0000ff', 'blue')}}}", r"classes\.2\.colour: 'blue' is no colour"),
    ],
)
def test_bad_definitions_are_named(maps, tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_labels(write(tmp_path, text), data_root=maps)


def test_heads_are_written_beside_the_model_where_they_are_found(maps, tmp_path, small_model):
    model = tmp_path / "mine.npz"
    model.write_bytes(small_model.read_bytes())
    definitions = write(tmp_path, f"  c: {CODES}}}")
    written, path = heads.fit_properties(str(model), definitions=definitions, data_root=maps)
    assert path == tmp_path / "mine.properties.npz"
    found = PropertiesOf(("c",)).by(load_encoder(model)).heads
    assert found.facts == PropertyHeads.load(path).facts
    assert [one.name for one in found.facts] == [one.name for one in written.facts]
    with pytest.raises(OutputError, match=r"mine\.properties\.npz exists"):
        heads.fit_properties(str(model), definitions=definitions, data_root=maps)


def test_the_table_of_the_documentation_is_that_of_the_bundled_heads():
    """`satclip models properties --overwrite --table docs/properties.md` writes both."""
    text = (ROOT / "docs" / "properties.md").read_text("utf-8")
    table = text.partition(heads.TABLE_BEGINS)[2].partition(heads.TABLE_ENDS)[0]
    from satclip_core.models.registry import find_model

    bundled = PropertyHeads.load(heads_file(find_model("bundled")))
    assert table.strip() == heads.heads_table(bundled.facts)


def test_a_table_is_put_between_its_marks(tmp_path):
    path = tmp_path / "a.md"
    path.write_text(f"before\n{heads.TABLE_BEGINS}\nold\n{heads.TABLE_ENDS}\nafter\n")
    heads.put_table(path, "| new |")
    assert path.read_text() == f"before\n{heads.TABLE_BEGINS}\n| new |\n{heads.TABLE_ENDS}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(InputError, match=r"a\.md has no <!-- properties: table -->"):
        heads.put_table(path, "| new |")


def test_the_definitions_of_the_bundled_model_are_read(shared_data):
    """All of them, at a few places, with what the licences allow."""
    import yaml

    text = yaml.safe_load(heads.DEFINITIONS.read_text("utf-8"))
    assert {one["licence"] for one in text["properties"].values()} <= {
        "public domain", "CC BY 4.0", "Copernicus licence, with attribution",
        "BSD-2-Clause, with attribution",
    }  # fmt: skip
    found = load_labels(heads.DEFINITIONS, data_root=shared_data)
    by_name = {labels.name: labels for labels in found.labels}
    land = slice(0, found.land)
    assert np.nanmean(by_name["temperature"].values[land]) == pytest.approx(8.5, abs=4)
    assert np.nanmax(by_name["elevation"].values) > 4500
    assert set(by_name["land_cover"].legend.codes) == set(range(17))
    assert dataclasses.asdict(by_name["koppen"].settings)["rare"] > 0
