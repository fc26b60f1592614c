from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from satclip_core.analysis import folds_of_blocks, spatial_blocks
from satclip_core.analysis.tuning import Classes, Numbers, choose_penalty
from satclip_core.errors import CancelledError, InputError
from satclip_core.grid import Grid
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, MapOptions, Samples, fit_map
from satclip_core.raster import RasterRequest, WriteOptions, raster_array, write_raster

LINEAR = MapOptions("linear")
WORLD = Grid.from_bounds((-180, -90, 180, 90), 10)
NORTH = lambda lons, lats: lats > 0  # noqa: E731


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def places():
    return fibonacci_lattice(600)


@pytest.fixture(scope="module")
def numbers(encoder, places):
    """Numbers that are a linear function of the embedding, with a little noise."""
    embeddings = encoder.encode(places)
    noise = np.random.default_rng(0).normal(0, 0.02, len(places))
    samples = Samples.of(places, true_number(embeddings) + noise, name="t")
    return fit_map(encoder, samples, LINEAR)


@pytest.fixture(scope="module")
def zones(encoder, places):
    return fit_map(encoder, Samples.of(places, zone(places[:, 1]), name="zone"))


def true_number(embeddings):
    return embeddings[..., :4].sum(-1) * 2 + 300


def zone(lats):
    return np.array(["tropical", "temperate", "polar"])[np.digitize(np.abs(lats), [30, 60])]


def centres():
    return np.meshgrid(np.arange(-175, 180, 10), np.arange(85, -90, -10))


def test_numbers_are_predicted(encoder, numbers):
    band = raster_array(WORLD, numbers.product(), encoder)
    assert band.shape == (1, 18, 36)
    assert band.dtype == np.float32
    lons, lats = centres()
    truth = true_number(encoder.encode(np.stack([lons, lats], -1).reshape(-1, 2)))
    assert np.abs(band.ravel() - truth).max() < 0.1
    assert numbers.report["score"]["r2"] > 0.99
    assert numbers.report["score"]["rmse"] == pytest.approx(0.02, rel=0.5)
    assert numbers.report["kind"] == "regression"
    assert numbers.report["folds"] == 5
    assert numbers.report["blocks"] == 25


def test_a_score_that_is_not_flattering(encoder, places):
    noise = np.random.default_rng(1).normal(size=len(places))
    model = fit_map(encoder, Samples.of(places, noise), LINEAR)
    assert abs(model.report["score"]["r2"]) < 0.1
    assert "R² " in model.summary
    assert "5 folds of 25 spatial blocks" in model.summary


def test_neighbours_that_are_alike_do_not_flatter_the_score(encoder):
    random = np.random.default_rng(2)
    centres = fibonacci_lattice(60)[5:-5]
    places = np.repeat(centres, 8, axis=0) + random.uniform(-0.5, 0.5, (400, 2))
    values = np.repeat(random.normal(size=50), 8) + random.normal(0, 0.1, 400)
    model = fit_map(encoder, Samples.of(places, values), LINEAR)
    task, embeddings = Numbers(values), encoder.encode(places).astype(float)
    among_neighbours = choose_penalty(task, embeddings, random.integers(0, 5, 400))
    assert task.scores(among_neighbours.outputs)["r2"] > 0.5
    assert model.report["score"]["r2"] < 0.2


def test_classes_are_predicted(encoder, zones):
    band = raster_array(WORLD, zones.product(), encoder)
    assert band.shape == (1, 18, 36)
    assert band.dtype == np.uint8
    names = np.array(["", *zones.legend.names])[band[0]]
    assert (names == zone(centres()[1])).mean() > 0.85
    score = zones.report["score"]
    assert score["accuracy"] > 0.8
    assert np.sum(score["confusion"]) == 600
    sizes = {entry["name"]: entry["samples"] for entry in zones.report["classes"]}
    assert list(sizes) == ["polar", "temperate", "tropical"]
    assert sum(sizes.values()) == 600


def test_probabilities_are_per_cent_and_fit_the_class(encoder, zones):
    product = zones.product(probabilities=True)
    bands = raster_array(WORLD, product, encoder)
    assert product.bands == (
        "zone",
        "probability of polar, %",
        "probability of temperate, %",
        "probability of tropical, %",
    )
    assert (np.abs(bands[1:].sum(axis=0, dtype=int) - 100) <= 1).all()
    chance = np.take_along_axis(bands[1:], bands[:1].astype(int) - 1, axis=0)
    assert (chance == bands[1:].max(axis=0)).all()
    np.testing.assert_array_equal(bands[0], raster_array(WORLD, zones.product(), encoder)[0])


def test_probabilities_are_calibrated_on_what_was_left_out(encoder):
    """Noisy classes: nine in ten that are said to be nine in ten."""
    places = np.random.default_rng(3).uniform((-180, -80), (180, 80), (500, 2))
    random = np.random.default_rng(4)

    def side(at):
        return np.where(random.random(len(at)) < 0.85, at[:, 1] > 0, random.random(len(at)) < 0.5)

    samples = Samples.of(places, side(places).astype(int), classes=True)
    model = fit_map(encoder, samples, MapOptions(folds="random"))
    report = model.report
    assert report["temperature"] > 0
    assert sum(count for _, _, count in report["reliability"]) == 500
    assert report["expected_calibration_error"] < 0.1
    fresh = random.uniform((-180, -80), (180, 80), (3000, 2))
    product = model.product(probabilities=True)
    bands = product.at(encoder.encode(fresh)[None], *fresh.T[:, None])[:, 0]
    said, right = bands[1:].max(axis=0) / 100, bands[0] == side(fresh)
    assert abs(said.mean() - right.mean()) < 0.05
    assert "expected_calibration_error" in model.product().tags


def test_numbers_have_no_probabilities(numbers):
    with pytest.raises(InputError, match="'t' is mapped as numbers"):
        numbers.product(probabilities=True)


@pytest.mark.parametrize("probabilities", [False, True])
def test_no_data_where_a_mask_says_so(encoder, numbers, zones, probabilities):
    band = raster_array(WORLD, numbers.product(), encoder, mask=NORTH)
    assert (np.isnan(band[0]).all(axis=1) == (np.arange(18) >= 9)).all()
    product = zones.product(probabilities=probabilities)
    bands = raster_array(WORLD, product, encoder, mask=NORTH)
    assert (bands[:, 9:] == 255).all()
    assert (bands[:, :9] != 255).all()


def test_a_file_of_numbers_says_how_good_it_is(encoder, numbers, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    file = write_raster(tmp_path / "map.tif", WORLD, numbers.product(), encoder)
    with rasterio.open(file) as dataset:
        tags = dataset.tags()
        assert dataset.descriptions == ("t",)
        np.testing.assert_array_equal(
            dataset.read(), raster_array(WORLD, numbers.product(), encoder)
        )
    assert float(tags["cross_validated_r2"]) == pytest.approx(numbers.report["score"]["r2"], 1e-4)
    assert tags["samples"] == "600"
    assert tags["column"] == "t"
    assert tags["weights_sha256"] == encoder.sha256


def test_a_file_of_classes_has_colours_and_names(encoder, zones, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    file = write_raster(tmp_path / "map.tif", WORLD, zones.product(), encoder, mask=NORTH)
    with rasterio.open(file) as dataset:
        assert dataset.dtypes == ("uint8",)
        assert dataset.nodata == 255
        assert dataset.colorinterp[0].name == "palette"
        table = dataset.colormap(1)
        classes = json.loads(dataset.tags()["classes"])
        mask = dataset.read_masks(1)
    for entry in classes:
        assert "#{:02x}{:02x}{:02x}".format(*table[entry["code"]][:3]) == entry["colour"]
    assert [entry["name"] for entry in classes] == list(zones.legend.names)
    assert (mask[9:] == 0).all()
    # The names of the classes lie beside it, for other tools.
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif", "map.tif.aux.xml"}


def test_a_file_with_probabilities_is_not_taken_for_colours(encoder, zones, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    product = zones.product(probabilities=True)
    file = write_raster(tmp_path / "map.tif", WORLD, product, encoder)
    with rasterio.open(file) as dataset:
        assert dataset.count == 4
        assert not {"red", "alpha"} & {colour.name for colour in dataset.colorinterp}
        np.testing.assert_array_equal(dataset.read(), raster_array(WORLD, product, encoder))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_codes_of_the_samples_are_those_of_the_pixels(encoder, places, tmp_path, dtype):
    rasterio = pytest.importorskip("rasterio")
    most = {"uint8": 0, "uint16": 4000}[dtype]
    codes = np.where(np.abs(places[:, 1]) < 30, most, 7)
    model = fit_map(encoder, Samples.of(places, codes, classes=True))
    options = WriteOptions(creation_options={"COMPRESS": "DEFLATE"})
    file = write_raster(tmp_path / "m.tif", WORLD, model.product(), encoder, options=options)
    with rasterio.open(file) as dataset:
        assert dataset.dtypes == (dtype,)
        assert set(np.unique(dataset.read())) == {most, 7}
        assert dataset.colormap(1)[7] == model.legend.colour_table[7]


def test_equal_samples_give_equal_maps(encoder, places):
    one, other = (fit_map(encoder, Samples.of(places, zone(places[:, 1]))) for _ in range(2))
    at = encoder.encode(places), unit_vectors(*places.T).T
    np.testing.assert_array_equal(one.learnt.scores(*at), other.learnt.scores(*at))
    assert one.report == other.report
    json.dumps(one.report, allow_nan=False)


@pytest.mark.parametrize("count", [5, 6, 12])
def test_few_samples_do(encoder, count):
    places = fibonacci_lattice(count)
    model = fit_map(encoder, Samples.of(places, places[:, 1]))
    assert model.report["blocks"] == count
    assert model.report["folds"] == 5
    assert np.isfinite(raster_array(WORLD, model.product(), encoder)).all()
    model = fit_map(encoder, Samples.of(places, ["a", "b"] + ["c"] * (count - 2)))
    assert model.report["samples"] == count
    json.dumps(model.report, allow_nan=False)


def test_two_places_do(encoder):
    places = [(10, 50)] * 3 + [(-60, 0)] * 3
    numbers = fit_map(encoder, Samples.of(places, [1, 1, 1, 5, 5, 5]))
    assert numbers.report["folds"] == 2
    lons, lats = np.array(places[2:4], float).T[:, None]
    band = numbers.product().at(encoder.encode(places[2:4], single=True)[None], lons, lats)
    assert band[0, 0, 0] < band[0, 0, 1]
    classes = fit_map(encoder, Samples.of(places, list("aaabbb")))
    assert classes.report["score"]["accuracy"] == 0  # each is unseen while the other is left out
    band = classes.product().at(encoder.encode(places[2:4], single=True)[None], lons, lats)
    assert band[0, 0].tolist() == [1, 2]


def test_more_samples_than_needed_are_drawn_from(encoder, places, monkeypatch):
    monkeypatch.setattr("satclip_core.products.maps.MOST_SAMPLES", {"regression": 100})
    model = fit_map(encoder, Samples.of(places, places[:, 1]), LINEAR)
    assert model.report["samples"] == 100
    assert "100 of 600" in model.report["account"][-1]


def test_another_model_is_refused(encoder, numbers):
    numbers.check(encoder)
    with pytest.raises(InputError, match="fitted for the model other"):
        replace(numbers, model="other", sha256="0" * 64).check(encoder)


def test_progress_and_cancel(encoder, places):
    samples, heard = Samples.of(places, zone(places[:, 1])), []
    fit_map(encoder, samples, progress=lambda done, total: heard.append((done, total)))
    assert heard[-1][0] == heard[-1][1]
    with pytest.raises(CancelledError):
        fit_map(encoder, samples, cancelled=lambda: True)


def east(places):
    return np.asarray(places)[:, 0] > 20


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_a_map_of_a_part_has_the_score_of_that_part(encoder, places, kind):
    """Held to the left-out predictions themselves, scored by plain formulas."""
    if kind == "numbers":
        values = true_number(encoder.encode(places)) + np.where(
            east(places), np.random.default_rng(1).normal(0, 3, len(places)), 0
        )
    else:
        values = zone(places[:, 1])
    samples = Samples.of(places, values, name="v")
    model = fit_map(encoder, samples, LINEAR, within=east)
    inside = east(places)
    within = model.report["within"]
    assert within["samples"] == inside.sum() < len(places)
    outputs = left_out(encoder, samples, model.report["penalty"])[inside]
    truth = samples.values[inside]
    if kind == "numbers":
        residual = truth - outputs[:, 0]
        r2 = 1 - np.var(residual) / np.var(truth) - residual.mean() ** 2 / np.var(truth)
        assert within["score"]["r2"] == pytest.approx(r2, abs=1e-9)
        assert within["score"]["rmse"] == pytest.approx(np.sqrt((residual**2).mean()))
        assert within["score"]["r2"] < model.report["score"]["r2"] - 0.02
        assert f"on the {inside.sum()} of them in the extent: R² {r2:.3f}, " in model.summary
    else:
        right = (outputs.argmax(axis=1) == truth).mean()
        assert within["score"]["accuracy"] == pytest.approx(right)
        assert "in the extent: accuracy" in model.summary
    tags = model.product().tags
    assert tags["samples_in_extent"] == str(inside.sum())
    name = "r2" if kind == "numbers" else "accuracy"
    assert float(tags[f"cross_validated_in_extent_{name}"]) == pytest.approx(
        within["score"][name], rel=1e-5
    )


def left_out(encoder, samples, penalty):
    """Each sample's output of the model that did not see its block."""
    embeddings = encoder.encode(samples.lonlat).astype(np.float64)
    folds = folds_of_blocks(spatial_blocks(samples.lonlat, seed=0))
    out = None
    for fold in range(folds.max() + 1):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if samples.legend is None:
            task = Numbers(samples.values)
        else:
            task = Classes(samples.values.astype(int), len(samples.legend.names))
        fitted = task.problem(embeddings, train).solve(penalty, 1e-4)
        made = fitted(embeddings[test])
        out = np.empty((len(samples), made.shape[1])) if out is None else out
        out[test] = made
    return out


def test_few_samples_or_all_of_them_on_a_map(encoder, places, numbers):
    samples = Samples.of(places, true_number(encoder.encode(places)), name="t")
    few = fit_map(encoder, samples, LINEAR, within=lambda at: np.arange(len(at)) < 19)
    assert few.report["within"] == {"samples": 19, "score": None}
    assert few.summary.endswith("; 19 of them lie in the extent: too few to score it")
    every = fit_map(encoder, samples, LINEAR, within=lambda at: np.ones(len(at), bool))
    assert every.report["within"]["score"] == every.report["score"]
    assert every.summary == fit_map(encoder, samples, LINEAR).summary
    same = fit_map(encoder, replace(samples, values=np.where(east(places), 7.0, samples.values)),
                   LINEAR, within=east)  # fmt: skip
    assert same.report["within"]["score"] is None


def test_the_raster_says_which_samples_lie_on_it(encoder, places, tmp_path):
    """Across the antimeridian, where the grid runs on past 180."""
    samples = Samples.of(places, true_number(encoder.encode(places)), name="t")
    grid = Grid.from_bounds((100, -60, -100, 60), 10)
    job = RasterRequest(grid, MapOf(samples, method="linear")).prepare(encoder=encoder)
    lons, lats = places.T
    on_it = (np.abs(lons) >= 100) & (np.abs(lats) <= 60)
    assert job.product.model.report["within"]["samples"] == on_it.sum() > 20
