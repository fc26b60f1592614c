"""Maps of numbers: the best of three methods, and what is said of their error."""

from __future__ import annotations

import csv
import json
import pickle

import numpy as np
import pytest

from satclip_core.analysis.applicability import fit_applicability
from satclip_core.analysis.folds import nearest_km
from satclip_core.errors import CancelledError, InputError
from satclip_core.grid import Grid
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, MapOptions, Samples, fit_map
from satclip_core.products.fillvalues import doubtful
from satclip_core.products.regression import LinearPredictor, Regression, conformal
from satclip_core.products.training_set import TrainingSet
from satclip_core.raster import RasterRequest, raster_array

WORLD = Grid.from_bounds((-180, -90, 180, 90), 20)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def places():
    return fibonacci_lattice(260)


def wave(lonlat):
    """A smooth field of the place, the same on both sides of the dateline."""
    x, y, z = unit_vectors(*np.asarray(lonlat, float).T)
    return 10 + 3 * np.sin(3 * x) + 2 * np.cos(2 * y) + z


def noisy(lonlat, seed=0, size=0.5):
    return wave(lonlat) + np.random.default_rng(seed).normal(0, size, len(lonlat))


@pytest.fixture(scope="module")
def model(encoder, places):
    samples = Samples.of(places, noisy(places), name="t")
    return fit_map(encoder, samples, MapOptions("gaussian", "random"))


@pytest.fixture(scope="module")
def bands(encoder, model):
    return raster_array(WORLD, model.product(uncertainty=True), encoder)


def centres():
    lons, lats = np.meshgrid(np.arange(-170, 180, 20), np.arange(80, -90, -20))
    return np.stack([lons, lats], -1).reshape(-1, 2).astype(float)


def test_bands_are_what_the_model_says_at_each_pixel(encoder, places, model, bands):
    """In double precision, by the parts; a raster is computed in single."""
    lonlat = centres()
    embeddings, xyz = encoder.encode(lonlat).astype(np.float64), unit_vectors(*lonlat.T).T
    numbers = model.learnt
    mean, errors = numbers.predictor.with_error(embeddings, xyz)
    flat = bands.reshape(7, -1)
    np.testing.assert_allclose(flat[0], mean, atol=2e-3)
    np.testing.assert_allclose(flat[1], errors * numbers.scale, rtol=1e-3)
    width = numbers.half * errors * numbers.scale
    np.testing.assert_allclose(flat[2], mean - width, atol=5e-3)
    np.testing.assert_allclose(flat[3], mean + width, atol=5e-3)
    known = encoder.encode(places).astype(np.float64)
    mid, deviation, weight = numbers.standard
    assert mid == pytest.approx(known.mean(0))
    assert (weight**2).mean() == pytest.approx(1)
    made = (known - mid) / deviation * weight
    area = fit_applicability(made, np.zeros(len(made), int) + np.arange(len(made)) % 2)
    wanted = area((embeddings - mid) / deviation * weight)
    np.testing.assert_allclose(flat[4], wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(flat[5], flat[4] <= numbers.applicability.threshold)
    away = nearest_km(xyz, unit_vectors(*places.T).T)
    np.testing.assert_allclose(flat[6], away, rtol=1e-6)


def test_one_band_without_the_error(encoder, model, bands):
    band = raster_array(WORLD, model.product(), encoder)
    assert band.shape == (1, 9, 18)
    np.testing.assert_array_equal(band[0], bands[0])


def test_intervals_hold_nine_in_ten_new_values(encoder, model):
    fresh = np.random.default_rng(5).uniform((-180, -80), (180, 80), (1500, 2))
    found = model.learnt.with_error(encoder.encode(fresh), unit_vectors(*fresh.T).T)
    values = noisy(fresh, seed=6)
    held = ((values >= found[2]) & (values <= found[3])).mean()
    assert 0.85 < held < 0.95
    assert 0.85 < model.report["interval"]["cover"] < 0.95
    # The noise that was put in is that which is found.
    assert found[1].mean() == pytest.approx(0.5, rel=0.2)


def test_half_the_width_by_hand():
    ratios = np.array([0.1 * k for k in range(1, 20)])
    assert conformal(ratios) == pytest.approx(1.8)  # the 18th of 19: ceil(20 * 0.9)
    assert conformal(ratios[:5]) == pytest.approx(0.5)  # the largest, where there are few


def test_standard_errors_of_ridge_regression_are_those_of_the_bayesian_one(encoder, places):
    """σ² (1 + 1/n + zᵀ (ZᵀZ + n p I)⁻¹ z), by plain inversion."""
    embeddings = encoder.encode(places).astype(np.float64)
    xyz = unit_vectors(*places.T).T
    folds = np.arange(len(places)) % 5
    fitted = Regression(TrainingSet(embeddings, xyz, folds), noisy(places)).fit("linear")
    predictor = fitted.model.predictor
    assert isinstance(predictor, LinearPredictor)
    _, errors = predictor.with_error(embeddings[:30], xyz[:30])
    z = (embeddings - embeddings.mean(0)) / embeddings.std(0)
    count = len(z)
    inverse = np.linalg.inv(z.T @ z + count * fitted.report["penalty"] * np.eye(z.shape[1]))
    plain = 1 + 1 / count + np.einsum("ij,jk,ik->i", z[:30], inverse, z[:30])
    np.testing.assert_allclose(errors**2, plain, rtol=1e-6)


def of_places_alone():
    """Values of 30 places five times each, which the embedding says nothing of."""
    random = np.random.default_rng(1)
    middles = random.uniform((-120, -50), (120, 50), (30, 2))
    at = np.repeat(middles, 5, axis=0) + random.uniform(-0.3, 0.3, (150, 2))
    return at, np.repeat(random.normal(size=30), 5) + random.normal(0, 0.05, 150)


def test_methods_are_weighed_and_that_is_said(encoder):
    """Values of the place alone are not left to ridge regression."""
    at, values = of_places_alone()
    model = fit_map(encoder, Samples.of(at, values, name="v"), MapOptions(folds="random"))
    report = model.report
    assert list(report["methods"]) == ["linear", "kriging", "gaussian"]
    rmse = {name: score["rmse"] for name, score in report["methods"].items()}
    assert report["method"] == model.learnt.method == "stack"
    weights = report["weights"]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights.get("linear", 0) < 0.1
    assert report["score"]["rmse"] <= 1.01 * min(rmse.values())
    said = ", ".join(f"{share:.2f} {name}" for name, share in weights.items())
    assert f"method stack ({said}); RMSE of linear {rmse['linear']:.4g}" in model.summary
    assert f"90 % intervals hold {100 * report['interval']['cover']:.0f} %" in model.summary
    json.dumps(report, allow_nan=False)


def test_a_stack_is_the_weighted_mean_of_its_members(encoder):
    at, values = of_places_alone()
    samples = Samples.of(at, values, name="v")
    stack = fit_map(encoder, samples, MapOptions(folds="random"))
    new = np.random.default_rng(2).uniform((-120, -50), (120, 50), (40, 2))
    embeddings, xyz = encoder.encode(new).astype(np.float64), unit_vectors(*new.T).T
    mean = 0
    for name, weight in stack.report["weights"].items():
        alone = fit_map(encoder, samples, MapOptions(name, "random"))
        assert alone.report["method"] == name
        assert alone.report["score"] == stack.report["methods"][name]
        mean = mean + weight * alone.learnt.mean(embeddings, xyz)
    np.testing.assert_allclose(stack.learnt.mean(embeddings, xyz), mean, rtol=1e-9)
    found = stack.learnt.with_error(embeddings, xyz)
    np.testing.assert_allclose(found[0], mean, rtol=1e-6)
    assert (found[1] > 0).all()


def test_folds_match_the_map(encoder):
    """Samples in one corner of a world: the score is that of pixels far away."""
    corner = np.random.default_rng(0).uniform((0, 40), (20, 55), (200, 2))
    samples = Samples.of(corner, noisy(corner, size=0.05), name="t")
    far = RasterRequest(WORLD, MapOf(samples, method="linear"), "m").prepare(encoder=encoder)
    here = Grid.from_bounds((0, 40, 20, 55), 1)
    near = RasterRequest(here, MapOf(samples, method="linear"), "m").prepare(encoder=encoder)
    for job in (far, near):
        assert job.product.model.report["validation"]["kind"] == "knndm"
    away = [job.product.model.report["validation"] for job in (near, far)]
    assert away[0]["pixels_to_nearest_km"][1] < 150 < 3000 < away[1]["pixels_to_nearest_km"][1]
    assert away[0]["held_out_to_nearest_km"][1] < away[1]["held_out_to_nearest_km"][1]
    rmse = [job.product.model.report["score"]["rmse"] for job in (near, far)]
    assert rmse[0] < rmse[1]
    assert far.product.model.report["blocks"] < 30


def test_a_fitted_map_can_be_pickled(encoder, model, bands):
    again = pickle.loads(pickle.dumps(model.product(uncertainty=True)))
    np.testing.assert_array_equal(raster_array(WORLD, again, encoder), bands)


def test_the_place_is_needed(encoder, model):
    with pytest.raises(InputError, match="depends on the place beside the embedding"):
        model.product()(encoder.encode([(0, 0)])[None])


def test_no_data_in_all_bands_where_a_mask_says_so(encoder, model, bands):
    north = lambda lons, lats: lats > 0  # noqa: E731
    product = model.product(uncertainty=True)
    masked = raster_array(WORLD, product, encoder, mask=north)
    assert np.isnan(masked[:, 5:]).all()
    np.testing.assert_allclose(masked[:, :4], bands[:, :4], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("case", "lonlat", "values"),
    [
        ("twins", np.repeat(fibonacci_lattice(20), 2, axis=0), np.arange(40.0)),
        (
            "a pole",
            [(0, 90), (90, 90), (180, 90), (-90, 90), (5, 89), (90, 80)],
            [1, 2, 3, 4, 5, 6],
        ),
        ("dateline", [(180, 1), (-180, 1), (179.9, 2), (-179.9, 2), (179, 0)], [1, 3, 2, 2, 5]),
        ("one pixel", [(8 + k * 1e-5, 50 + k * k * 1e-5) for k in range(12)], np.arange(12.0)),
        ("nearly constant", fibonacci_lattice(12), [5.0] * 11 + [6.0]),
        ("few", [(0, 0), (50, 50), (-50, 20), (100, -30), (-120, 60)], [1, 2, 3, 4, 9]),
    ],
)
@pytest.mark.parametrize("method", ["auto", "gaussian"])
def test_odd_samples_make_a_sound_map(encoder, case, lonlat, values, method):
    samples = Samples.of(lonlat, values, name=case)
    wanted = MapOf(samples, method=method, uncertainty=True)
    job = RasterRequest(WORLD, wanted, "m").prepare(encoder=encoder)
    bands = job.array()
    assert np.isfinite(bands).all()
    assert (bands[1] > 0).all()
    # Where the score holds, nothing is made up; elsewhere it is said that it does not.
    inside, spread = bands[5] == 1, np.ptp(values)
    assert (bands[0][inside] > np.min(values) - 2 * spread).all()
    assert (bands[0][inside] < np.max(values) + 2 * spread).all()
    share = job.product.model.report["pixels_outside"]
    assert share == pytest.approx(1 - inside.mean(), abs=0.01)
    if case == "one pixel":
        assert share > 0.99
        assert bands[1].min() > 3
    said = "% of the pixels are more unlike all samples than these are each other"
    assert (said in job.product.model.summary) == (share > 0.1)
    json.dumps(job.product.model.report, allow_nan=False)


def test_values_at_one_place_are_averaged(encoder):
    at = np.repeat(fibonacci_lattice(60), 3, axis=0)
    values = noisy(at, size=1.0)
    model = fit_map(encoder, Samples.of(at, values), MapOptions("kriging", "random"))
    found = model.learnt.mean(encoder.encode(at[::3]), unit_vectors(*at[::3].T).T)
    means = values.reshape(60, 3).mean(axis=1)
    assert np.corrcoef(found, means)[0, 1] > 0.8


def test_intervals_at_places_with_several_values_hold_the_next_value(encoder):
    """A field without noise, of which each place has two values: flats of a house."""
    places = np.repeat(fibonacci_lattice(300), 2, axis=0)
    values = noisy(places, size=0.0) + np.random.default_rng(6).normal(0, 0.3, len(places))
    model = fit_map(encoder, Samples.of(places, values), MapOptions(folds="random"))
    assert model.report["deviation_at_one_place"] == pytest.approx(0.3, rel=0.12)
    again = noisy(places, size=0.0) + np.random.default_rng(7).normal(0, 0.3, len(places))
    bands = model.learnt.with_error(encoder.encode(places), unit_vectors(*places.T).T)
    assert bands[1].min() >= 0.999 * model.report["deviation_at_one_place"]
    assert ((again >= bands[2]) & (again <= bands[3])).mean() > 0.86


def test_three_samples_are_too_few_and_it_is_said():
    with pytest.raises(InputError, match="3 of 3 samples of 'v' can be used: give at least 5"):
        Samples.of([(0, 0), (1, 1), (2, 2)], [1, 2, 3], name="v")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-9999] * 3, "3 of 103 values of 'v' are -9999, as missing ones often are"),
        ([-999.9] * 2, "2 of 102 values of 'v' are -999.9"),
        ([1e20], "1 of 101 values of 'v' are 1e+20"),
        ([0.0] * 4, "4 of 104 values of 'v' are 0"),
        ([812345.0], "1 of 101 values of 'v' lie far beyond the others (2000 to 5000), up to 8123"),
    ],
)
def test_fill_values_and_gross_outliers_are_named(values, said):
    ordinary = np.linspace(2000, 5000, 100)
    at = fibonacci_lattice(100 + len(values))
    samples = Samples.of(at, np.append(ordinary, values), name="v")
    (doubt,) = samples.doubts
    assert said in str(doubt)
    assert str(doubt).endswith(f"missing={doubt.arguments[0].value!r}")
    missing = [float(doubt.arguments[0].value)]
    mended = Samples.of(at, np.append(ordinary, values), name="v", missing=missing)
    assert mended.doubts == ()
    np.testing.assert_array_equal(mended.values, ordinary)
    assert f"{len(values)} of {len(at)} samples left out, without a value" in mended.account[0]


def test_the_stations_whose_map_said_nothing_of_it(shared_data):
    """Real data: the elevation of 169 of 22,311 weather stations is -9999."""
    with (shared_data / "tasks" / "weather_stations_elevation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    at = [(row["lon"], row["lat"]) for row in rows]
    samples = Samples.of(at, [row["elevation_m"] for row in rows], name="elevation_m")
    assert any("169 of 22311 values of 'elevation_m' are -9999" in str(d) for d in samples.doubts)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).lognormal(3, 2, 3000),
        np.random.default_rng(0).exponential(1, 500).round(),
        np.random.default_rng(0).standard_t(2, 2000),
        np.append(np.random.default_rng(0).uniform(1, 99, 200), [99, 0, 99]),
        np.arange(-99.0, 100),
    ],
)
def test_long_tails_and_true_zeros_are_not_suspected(values):
    assert Samples.of(fibonacci_lattice(len(values)), values).doubts == ()


def test_all_doubtful_values_are_named_until_none_is_left():
    numbers = np.concatenate([np.linspace(200, 800, 60), [-9999, -9999, 7e5, 8e5]])
    found = doubtful(numbers, "height")
    assert sorted(found) == [-9999, 7e5, 8e5]
    rest = numbers[~np.isin(numbers, found)]
    assert doubtful(rest, "height") == ()
    assert (rest == np.linspace(200, 800, 60)).all()


def test_methods_and_folds_that_are_none_are_refused(places):
    numbers = Samples.of(places, noisy(places), name="t")
    for wanted, said in (
        (lambda: MapOf(numbers, method="spline"), "unknown method 'spline': give one of auto, lin"),
        (lambda: MapOf(numbers, folds="loo"), "unknown folds 'loo'"),
    ):
        with pytest.raises(InputError, match=said):
            wanted()


@pytest.mark.parametrize("probabilities", [False, True])
def test_classes_tell_their_doubt_and_where_they_hold(encoder, places, probabilities):
    samples = Samples.of(places, np.where(places[:, 1] > 0, "n", "s"), name="side")
    model = fit_map(encoder, samples)
    product = model.product(probabilities=probabilities, uncertainty=True)
    assert product.bands[-2:] == ("chance that side is another class, %", "area of applicability")
    bands = raster_array(WORLD, product, encoder)
    known = raster_array(WORLD, model.product(probabilities=True), encoder)
    np.testing.assert_array_equal(bands[0], known[0])
    # Whole per cent of either.
    assert np.abs(bands[-2].astype(float) - (100.0 - known[1:].max(axis=0))).max() <= 1
    inside = model.area.unlike(encoder.encode(centres())) <= model.area.applicability.threshold
    assert (bands[-1].ravel() == inside).mean() > 0.99  # the grid's road rounds otherwise


@pytest.mark.parametrize("method", ["auto", "linear", "kriging", "gaussian"])
def test_progress_goes_on_to_its_end_and_cancel_is_heard(encoder, places, method):
    samples, heard = Samples.of(places[::3], noisy(places[::3])), []
    options = MapOptions(method)
    fit_map(encoder, samples, options, progress=lambda done, total: heard.append((done, total)))
    done = [one for one, _ in heard]
    assert done == sorted(set(done))
    assert heard[-1][0] == heard[-1][1]
    for patience in (0, 5, 20):
        asked = iter(range(1000))
        with pytest.raises(CancelledError):
            fit_map(encoder, samples, options, cancelled=lambda: next(asked) >= patience)  # noqa: B023
