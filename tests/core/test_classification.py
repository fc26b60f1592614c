"""Maps of classes: linear or on the vectors of a kernel, and what their probabilities are worth."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from satclip_core.analysis import Logistic, softmax
from satclip_core.analysis.calibration import reliability, temperature
from satclip_core.analysis.gaussian import Kernel, Pairs, Sites, features
from satclip_core.analysis.indicators import IndicatorRidge
from satclip_core.analysis.linear import standard_of
from satclip_core.analysis.nystrom import kernel_vectors
from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, MapOptions, Samples, fit_map
from satclip_core.products.classification import Classification
from satclip_core.products.training_set import Stages, TrainingSet
from satclip_core.raster import RasterRequest, raster_array

WORLD = Grid.from_bounds((-180, -90, 180, 90), 30)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def patches(lonlat):
    """Three classes in patches of some sixty degrees: of the place, and not linear in anything."""
    x, y, z = unit_vectors(*np.asarray(lonlat, float).T)
    return (np.floor(2 * (np.sin(3 * x) + np.cos(2.5 * y) + np.sin(3 * z))).astype(int)) % 3


def drawn(count, seed):
    random = np.random.default_rng(seed)
    z = random.uniform(-0.98, 0.98, count)
    return np.stack([random.uniform(-180, 180, count), np.degrees(np.arcsin(z))], axis=1)


@pytest.fixture(scope="module")
def known(encoder):
    lonlat = drawn(400, 0)
    values = patches(lonlat)
    wrong = np.random.default_rng(1).random(400) < 0.1
    values = np.where(wrong, np.random.default_rng(2).integers(0, 3, 400), values)
    return lonlat, values


@pytest.fixture(scope="module")
def model(encoder, known):
    return fit_map(encoder, Samples.of(*known, name="c", classes=True), MapOptions(folds="random"))


def sites_of(encoder, lonlat):
    embeddings = encoder.encode(lonlat).astype(np.float64)
    standard = standard_of(embeddings)
    xyz = unit_vectors(*lonlat.T).T
    return embeddings, standard, Sites(features(embeddings, *standard), xyz)


def test_products_of_vectors_are_the_kernel(encoder):
    embeddings, standard, sites = sites_of(encoder, drawn(120, 3))
    kernel = Kernel(0.5, 2.0, 4.0, 0.9, 0.5, 1.5)
    vectors = kernel_vectors(kernel, sites, standard)
    made = vectors(embeddings, sites.xyz)
    middle = np.eye(120) - 1 / 120
    wanted = middle @ kernel(Pairs(sites, sites)) @ middle
    found = middle @ made @ made.T @ middle
    assert np.trace(found) == pytest.approx(120, rel=0.01)
    # All but directions of a ten-thousandth of the variance.
    np.testing.assert_allclose(found * np.trace(wanted) / np.trace(found), wanted, atol=0.05)
    single = vectors(embeddings.astype(np.float32), sites.xyz)
    np.testing.assert_allclose(single, made, atol=1e-3)


def test_a_kernel_model_is_that_of_a_plain_search(encoder, known):
    """The least loss over the weights of kernels at all samples, found by scipy."""
    optimize = pytest.importorskip("scipy.optimize")
    lonlat, values = known[0][:60], known[1][:60]
    embeddings, standard, sites = sites_of(encoder, lonlat)
    kernel = Kernel(matern=2.0, matern_length=0.5)
    made = kernel_vectors(kernel, sites, standard)(embeddings, sites.xyz)
    ours = Logistic(made, values, 3, standardise=False).solve(1e-3)(made)
    middle = made.mean(axis=0)
    gram = (made - middle) @ (made - middle).T
    wanted = np.eye(3)[values]

    def loss(flat):
        weights, offsets = flat[:-3].reshape(60, 3), flat[-3:]
        chances = softmax(gram @ weights + offsets)
        penalty = 1e-3 / 2 * (weights * (gram @ weights)).sum()
        right = -np.log((chances * wanted).sum(axis=1)).mean()
        slope = gram @ (chances - wanted) / 60 + 1e-3 * gram @ weights
        return right + penalty, np.append(slope.ravel(), (chances - wanted).mean(axis=0))

    found = optimize.minimize(loss, np.zeros(183), jac=True, method="L-BFGS-B", tol=1e-14)
    theirs = softmax(gram @ found.x[:-3].reshape(60, 3) + found.x[-3:])
    np.testing.assert_allclose(softmax(ours), theirs, atol=2e-3)


def test_the_mean_leans_on_what_is_better_and_says_so(encoder, model):
    report = model.report
    losses = {name: found["log_loss"] for name, found in report["methods"].items()}
    assert list(losses) == ["linear", "gaussian", "indicator"]
    assert losses["gaussian"] < 0.95 * losses["linear"]
    shares = report["weights"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["gaussian"] + shares["indicator"] > 0.8
    assert report["method"] == model.learnt.method == "stack"
    told = ", ".join(f"{share:.2f} {name}" for name, share in shares.items())
    assert f"method stack ({told}); log-loss of linear {losses['linear']:.4g}" in model.summary
    error = report["expected_calibration_error"]
    assert f"probabilities off by {100 * error:.1f} %" in model.summary
    fresh = drawn(1500, 7)
    scores = model.learnt.scores(encoder.encode(fresh), unit_vectors(*fresh.T).T)
    right = (scores.argmax(axis=1) == patches(fresh)).mean()
    assert right > report["score"]["accuracy"] - 0.02
    json.dumps(report, allow_nan=False)


def test_the_mean_is_that_of_its_members_probabilities(encoder, known):
    lonlat, values = known[0][:200], known[1][:200]
    embeddings, _, sites = sites_of(encoder, lonlat)
    learning = Classification(TrainingSet(embeddings, sites.xyz, np.arange(200) % 5), values, 3)
    stack = learning.fit().model
    wanted = 0
    for name, share in stack.weights.items():
        wanted = wanted + share * softmax(learning.fit(name).model.scores(embeddings, sites.xyz))
    found = softmax(stack.heat * stack.scores(embeddings, sites.xyz))
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    single = stack.scores(embeddings.astype(np.float32), sites.xyz)
    np.testing.assert_allclose(softmax(single), softmax(stack.scores(embeddings, sites.xyz)),
                               atol=1e-3)  # fmt: skip


def test_indicators_are_a_gaussian_process_of_each_class(encoder, known):
    """Where vectors hold all of the kernel, its ridge regression is kriging of the indicators."""
    lonlat, values = known[0][:80], known[1][:80]
    embeddings, standard, sites = sites_of(encoder, lonlat)
    kernel = Kernel(matern=2.0, matern_length=0.5)
    made = kernel_vectors(kernel, sites, standard)(embeddings, sites.xyz)
    fresh = sites_of(encoder, drawn(50, 4))[0]
    xyz = unit_vectors(*drawn(50, 4).T).T
    centred = made - made.mean(axis=0)
    at = kernel_vectors(kernel, sites, standard)(fresh, xyz) - made.mean(axis=0)
    wanted = np.eye(3)[values]
    gram = centred @ centred.T + 80 * 0.01 * np.eye(80)
    means = wanted.mean(axis=0) + at @ centred.T @ np.linalg.solve(gram, wanted - wanted.mean(0))
    means = np.maximum(means, 0)
    shares = (wanted.sum(axis=0) + 0.5) / (80 + 1.5)
    means = 0.98 * means / means.sum(axis=1, keepdims=True) + 0.02 * shares
    found = softmax(IndicatorRidge(made, values, 3).solve(0.01)(at + made.mean(axis=0)))
    np.testing.assert_allclose(found, means, atol=1e-9)


def test_probabilities_of_new_places_are_calibrated(encoder, model):
    fresh = drawn(3000, 8)
    truth = patches(fresh)
    wrong = np.random.default_rng(9).random(3000) < 0.1
    truth = np.where(wrong, np.random.default_rng(10).integers(0, 3, 3000), truth)
    chances = softmax(model.learnt.scores(encoder.encode(fresh), unit_vectors(*fresh.T).T))
    assert reliability(chances, truth)["expected_calibration_error"] < 0.06
    assert model.report["expected_calibration_error"] < 0.08


def test_bands_are_what_the_model_says_and_survive_pickling(encoder, model):
    product = model.product(probabilities=True)
    bands = raster_array(WORLD, product, encoder)
    lons, lats = np.meshgrid(np.arange(-165, 180, 30), np.arange(75, -90, -30))
    at = np.stack([lons, lats], -1).reshape(-1, 2).astype(float)
    scores = model.learnt.scores(encoder.encode(at).astype(np.float64), unit_vectors(*at.T).T)
    np.testing.assert_array_equal(bands[0].ravel(), scores.argmax(axis=1))
    chances = 100 * softmax(scores).T
    assert np.abs(bands[1:].reshape(3, -1).astype(float) - chances).max() < 0.6
    again = raster_array(WORLD, pickle.loads(pickle.dumps(product)), encoder)
    np.testing.assert_array_equal(again, bands)
    assert product.tags["method"] == "stack"
    assert "the mean of probabilities of several methods" in product.tags["values"]


def test_the_place_is_needed_by_a_kernel(encoder, model):
    with pytest.raises(InputError, match="depends on the place beside the embedding"):
        model.product()(encoder.encode([(0, 0)])[None])


def test_a_class_of_one_sample_does_not_make_all_unsure():
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 300)
    scores = 3 * np.eye(4)[classes] + random.normal(size=(300, 4)) - [0, 0, 0, 20]
    usual = temperature(scores, classes)
    alone = np.append(classes, 3)
    assert temperature(np.vstack([scores, [9, 0, 0, -20]]), alone) == pytest.approx(usual)


@pytest.mark.parametrize(
    ("case", "lonlat"),
    [
        ("a pole", [(0, 90), (90, 90), (180, 90), (-90, 90), (5, 89), (90, 80)]),
        ("dateline", [(180, 1), (-180, 1), (179.9, 2), (-179.9, 2), (179, 0), (-179, 0)]),
        ("twins", np.repeat(fibonacci_lattice(12), 2, axis=0)),
        ("one pixel", [(8 + k * 1e-5, 50 + k * k * 1e-5) for k in range(12)]),
    ],
)
@pytest.mark.parametrize("method", ["auto", "kriging", "gaussian"])
def test_odd_samples_make_a_sound_map(encoder, case, lonlat, method):
    values = ["ab"[k % 2] for k in range(len(lonlat))]
    samples = Samples.of(lonlat, values, name="c")
    wanted = MapOf(samples, probabilities=True, method=method)
    job = RasterRequest(WORLD, wanted, "m").prepare(encoder=encoder)
    bands = raster_array(WORLD, job.product, encoder).astype(float)
    assert set(np.unique(bands[0])) <= {1, 2}, case
    np.testing.assert_allclose(bands[1] + bands[2], 100, atol=1)
    json.dumps(job.product.model.report, allow_nan=False)


def test_progress_never_goes_back_and_ends(encoder, known):
    lonlat, values = known[0][:100], known[1][:100]
    embeddings, _, sites = sites_of(encoder, lonlat)
    told = []
    samples = TrainingSet(embeddings, sites.xyz, np.arange(100) % 4)
    stages = Stages(lambda done, total: told.append((done, total)))
    learning = Classification(samples, values, 3, stages)
    learning.fit()
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1]
