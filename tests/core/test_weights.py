"""Weights of samples: one of weight two is as good as two of weight one."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import Logistic, Ridge, class_scores, number_scores, softmax
from satclip_core.analysis.gaussian import (
    Kernel,
    Pairs,
    Sites,
    fit_gaussian,
    left_out,
    left_out_error,
)
from satclip_core.errors import InputError
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOptions, Samples, fit_map

COUNT = 60
TIMES = np.random.default_rng(0).integers(1, 4, COUNT)
WEIGHTS = TIMES / TIMES.mean()
MANY = np.repeat(np.arange(COUNT), TIMES)


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(1)
    x = random.normal(size=(COUNT, 6))
    return x, x[:, 0] - 2 * x[:, 1] + random.normal(0, 0.3, COUNT)


def test_ridge_regression_with_weights_is_that_with_copies(data):
    x, y = data
    one = Ridge(x, y, WEIGHTS)
    many = Ridge(x[MANY], y[MANY])
    np.testing.assert_allclose(one.mean, many.mean)
    np.testing.assert_allclose(one.deviation, many.deviation)
    np.testing.assert_allclose(one.solve(0.1)(x), many.solve(0.1)(x))


def test_sizes_are_penalties_of_their_own(data):
    """|w/s|² in place of |w|², by the normal equations."""
    x, y = data
    sizes = np.array([1.0, 1, 1, 1, 5, 5])
    z, target = (x - x.mean(0)) / x.std(0), y - y.mean()
    plain = np.linalg.solve(z.T @ z / COUNT + 0.1 * np.diag(sizes**-2.0), z.T @ target / COUNT)
    np.testing.assert_allclose(Ridge(x, y, None, sizes).solve(0.1)(x)[:, 0], z @ plain + y.mean())


def test_logistic_regression_with_weights_is_that_with_copies(data):
    x, y = data
    classes = np.digitize(y, [-1, 1])
    one, many = Logistic(x, classes, 3, WEIGHTS), Logistic(x[MANY], classes[MANY], 3)
    # Scores are known but for a number that is added to all of a sample.
    chances = [softmax(model.solve(0.01)(x)) for model in (one, many)]
    np.testing.assert_allclose(*chances, atol=1e-5)


KERNEL = Kernel(0.5, 1.0, 2.0, 1.0, 0.5)


def sites(x, rows=slice(None), noises=None):
    xyz = unit_vectors(*fibonacci_lattice(COUNT).T).T
    return Sites(x[rows] / np.sqrt(6), xyz[rows], noises)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_gaussian_process_with_weights_is_that_with_copies(data, sparse):
    x, y = data
    standard = np.zeros(6), np.ones(6)
    # As many inducing points as samples are the exact process.
    rows = np.arange(COUNT) if sparse else None
    one = fit_gaussian(KERNEL, sites(x, noises=1 / TIMES), y, standard, rows)
    many = fit_gaussian(KERNEL, sites(x, MANY), y[MANY], standard)
    new = np.random.default_rng(2).normal(size=(20, 6))
    xyz = unit_vectors(*fibonacci_lattice(20).T).T
    for got, wanted in zip(one.with_error(new, xyz), many.with_error(new, xyz)):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_left_out_samples_with_weights_are_those_of_models_without_them(data, sparse):
    x, y = data
    folds = np.arange(COUNT) % 4
    own = sites(x, noises=1 / WEIGHTS)
    predicted, errors = left_out(KERNEL, own, y, folds, np.arange(COUNT) if sparse else None)
    offset = np.average(y, weights=WEIGHTS)
    for fold in range(4):
        train, test = folds != fold, folds == fold
        k = KERNEL(Pairs(own[train], own[train])) + np.diag(1 / WEIGHTS[train])
        across = KERNEL(Pairs(own[test], own[train]))
        wanted = offset + across @ np.linalg.solve(k, y[train] - offset)
        np.testing.assert_allclose(predicted[test], wanted, atol=1e-5)
        spread = KERNEL.diagonal(own[test]) + 1 / WEIGHTS[test]
        spread -= np.einsum("ij,ji->i", across, np.linalg.solve(k, across.T))
        np.testing.assert_allclose(errors[test], np.sqrt(spread), rtol=1e-5)
    error = left_out_error(KERNEL, Pairs(own, own), y, folds)
    if not sparse:
        assert error == pytest.approx((WEIGHTS * (predicted - y) ** 2).mean())


def test_scores_count_by_weights(data):
    _, y = data
    guess = y + np.random.default_rng(3).normal(size=COUNT)
    one, many = number_scores(y, guess, WEIGHTS), number_scores(y[MANY], guess[MANY])
    assert one == pytest.approx(many)
    truth, said = np.digitize(y, [0]), np.digitize(guess, [0])
    one, many = class_scores(truth, said, 2, TIMES), class_scores(truth[MANY], said[MANY], 2)
    assert one == many


@pytest.mark.parametrize("method", ["linear", "kriging", "gaussian"])
def test_samples_of_little_weight_hardly_matter(small_model, method):
    """A fifth of the samples is nonsense, and known to be."""
    encoder, random = load_encoder(small_model), np.random.default_rng(4)
    places = random.uniform((-30, 20), (60, 70), (250, 2))
    truth = np.cos(np.deg2rad(places[:, 1] * 3))
    bad = random.random(250) < 0.2
    values = np.where(bad, random.normal(0, 5, 250), truth + random.normal(0, 0.05, 250))
    options = MapOptions(method, "random")
    weighed = Samples.of(places, values, name="v", weights=np.where(bad, 1e-4, 1.0))
    model = fit_map(encoder, weighed, options)
    blind = fit_map(encoder, Samples.of(places, values, name="v"), options)
    assert model.report["weighted"]
    assert model.report["score"]["rmse"] < 0.15 < blind.report["score"]["rmse"]
    product = model.product()
    new = random.uniform((-30, 20), (60, 70), (200, 2))
    found = product.at(encoder.encode(new, single=True)[None], *new.T[:, None])[0, 0]
    assert np.sqrt(((found - np.cos(np.deg2rad(new[:, 1] * 3))) ** 2).mean()) < 0.15


def test_rows_without_a_weight_are_left_out():
    places = fibonacci_lattice(9)
    weights = ["2", "", "0", "1", "NA", "1", "1", "2", "1"]
    samples = Samples.of(places, np.arange(9.0), weights=weights, groups=list("aab b bcc"))
    assert samples.values.tolist() == [0, 3, 5, 6, 7, 8]
    assert samples.weights == pytest.approx(np.array([2, 1, 1, 1, 2, 1]) * 6 / 8)
    assert "3 of 9 samples left out, without a weight above 0: row 2, row 3, row 5" in (
        samples.account
    )
    assert "2 of 9 samples have no group: each is one by itself" in samples.account
    assert len(set(samples.groups.tolist())) == 5
    some = samples.only(np.array([0, 1, 4]))
    assert some.weights.mean() == pytest.approx(1)
    assert len(some.groups) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": [1, 1, 1, -2, 1, 1]}, "row 4 has the weight '-2': give numbers of 0 and ab"),
        ({"weights": [1, 1, "much", 1, 1, 1]}, "row 3 has the weight 'much'"),
        ({"weights": [1, 1, np.inf, 1, 1, 1]}, "row 3 has the weight 'inf'"),
        ({"weights": [1]}, "6 samples with 1 weights"),
        ({"groups": ["a"]}, "6 samples with 1 groups"),
        ({"weights": [0] * 6}, "0 of 6 samples of 'value' can be used"),
    ],
)
def test_weights_and_groups_that_are_none_are_one_line(given, said):
    with pytest.raises(InputError, match=said):
        Samples.of(fibonacci_lattice(6), np.arange(6.0), **given)
