from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_core.analysis import Logistic, Ridge, softmax
from satclip_core.analysis.linear import conjugate_gradients


def data(count=300, dim=20, seed=0):
    """Correlated, shifted features of very different scale, as embeddings may be."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(count, dim)) @ random.normal(size=(dim, dim))
    return mixed * np.geomspace(0.01, 10, dim) + random.normal(0, 5, dim), random


def classes_of(points, random, count):
    scores = (
        (points - points.mean(0)) / points.std(0) @ random.normal(size=(points.shape[1], count))
    )
    return (scores + random.gumbel(size=scores.shape) * 2).argmax(1)


def scaled(points):
    return (points - points.mean(0)) / points.std(0)


@pytest.mark.parametrize("penalty", [1e-6, 1e-2, 1, 100])
@pytest.mark.parametrize("count", [12, 300])
def test_ridge_is_that_of_scikit_learn(penalty, count):
    linear_model = pytest.importorskip("sklearn.linear_model")
    points, random = data(count)
    targets = random.normal(size=(count, 2)) + points[:, :2] + 100
    theirs = linear_model.Ridge(alpha=penalty * count).fit(scaled(points), targets)
    got = Ridge(points, targets).solve(penalty)(points)
    np.testing.assert_allclose(got, theirs.predict(scaled(points)), atol=1e-6)


def test_ridge_by_hand():
    # Standardised, x is -1 and 1; (1 + penalty) w = mean(x y) = 3, and the mean of y is 5.
    model = Ridge([[10.0], [14.0]], [2.0, 8.0]).solve(0.5)
    np.testing.assert_allclose(model(np.array([[10.0], [14.0]]))[:, 0], [5 - 2, 5 + 2])


def test_logistic_by_hand():
    # At x = -1, 1 with one class each the weights are -w, w and w, -w, and the gradient is zero
    # where penalty · w = 1 - 1 / (1 + exp(-2 w)).
    model = Logistic([[-1.0], [1.0]], [0, 1], 2).solve(0.1, 1e-12)
    w = model.weights[0, 1]
    np.testing.assert_allclose(model.weights, [[-w, w]])
    assert 0.1 * w == pytest.approx(1 - 1 / (1 + np.exp(-2 * w)))
    np.testing.assert_allclose(model.offsets, 0, atol=1e-12)


def test_without_penalty_a_plane_is_found_again():
    points, random = data(100, 5)
    slope = random.normal(size=5)
    model = Ridge(points, points @ slope + 3).solve(1e-12)
    new = random.normal(0, 10, (50, 5))
    np.testing.assert_allclose(model(new)[:, 0], new @ slope + 3, rtol=1e-6, atol=1e-6)


def test_dimensions_that_do_not_vary_do_no_harm():
    points, random = data(50, 4)
    targets = points[:, 0] + random.normal(0, 0.1, 50)
    plain = Ridge(points, targets).solve(0.1)(points)
    constant = np.hstack([points, np.full((50, 2), 0.1)])
    np.testing.assert_allclose(Ridge(constant, targets).solve(0.1)(constant), plain, rtol=1e-9)


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1])
@pytest.mark.parametrize("count", [15, 400])
def test_logistic_is_that_of_scikit_learn(penalty, count):
    linear_model = pytest.importorskip("sklearn.linear_model")
    points, random = data(count)
    classes = classes_of(points, random, 4)
    theirs = linear_model.LogisticRegression(
        C=1 / (penalty * count), tol=1e-9, max_iter=20_000
    ).fit(scaled(points), classes)
    got = softmax(Logistic(points, classes, 4).solve(penalty, 1e-8)(points))
    np.testing.assert_allclose(got, theirs.predict_proba(scaled(points)), atol=2e-4)


def test_two_classes_are_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    points, random = data(200, 6)
    classes = classes_of(points, random, 2)
    # One weight there is the difference of two here, w and -w, so its square counts twice.
    theirs = linear_model.LogisticRegression(C=2 / (0.01 * 200), tol=1e-9, max_iter=20_000).fit(
        scaled(points), classes
    )
    got = softmax(Logistic(points, classes, 2).solve(0.01)(points))
    np.testing.assert_allclose(got, theirs.predict_proba(scaled(points)), atol=1e-4)


@given(st.integers(0, 10_000), st.integers(2, 6), st.floats(-5, 1))
@settings(max_examples=25, deadline=None)
def test_logistic_weights_lie_where_the_gradient_is_zero(seed, count, exponent):
    points, random = data(60, 8, seed)
    classes = classes_of(points, random, count)
    penalty = 10.0**exponent
    model = Logistic(points, classes, count).solve(penalty)
    rest = softmax(model(points)) - (classes[:, None] == np.arange(count))
    gradient = scaled(points).T @ rest / 60 + penalty * model.weights
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    np.testing.assert_allclose(rest.sum(0) / 60, 0, atol=1e-5)  # of the offsets


def test_classes_that_a_plane_parts_stay_finite():
    points = np.linspace(-1, 1, 40)[:, None]
    classes = (points[:, 0] > 0).astype(int)
    model = Logistic(points, classes, 2).solve(1e-8)
    assert np.isfinite(model.weights).all()
    assert (model(points).argmax(1) == classes).all()


def test_a_class_without_samples_is_never_probable():
    points, random = data(100, 5)
    classes = classes_of(points, random, 3)
    chances = softmax(Logistic(points, classes, 4).solve(0.01)(points))
    assert chances[:, 3].max() < 1e-3


def test_a_single_class_is_certain():
    points, _ = data(10, 5)
    chances = softmax(Logistic(points, np.ones(10, int), 3).solve(0.01)(points))
    assert (chances.argmax(1) == 1).all()


def test_a_warm_start_ends_where_a_cold_one_does():
    points, random = data(150, 10)
    classes = classes_of(points, random, 3)
    warm = Logistic(points, classes, 3)
    for penalty in (1, 0.1, 0.01):
        last = warm.solve(penalty)
    cold = Logistic(points, classes, 3).solve(0.01)
    np.testing.assert_allclose(last.weights, cold.weights, atol=1e-3)


def test_equal_samples_give_equal_weights():
    points, random = data(150, 10)
    classes = classes_of(points, random, 3)
    one, other = (Logistic(points, classes, 3).solve(0.01).weights for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_scores_in_single_precision_stay_close():
    points, random = data(200, 30)
    points += 1000  # a mean that would swallow the differences, were it not taken off first
    model = Ridge(points, random.normal(size=200) + points[:, 0]).solve(1e-3)
    single = model(points.astype(np.float32))
    assert single.dtype == np.float32
    # float32 keeps 1000 to within 6e-5; weights of up to about 10 per unit carry that on.
    np.testing.assert_allclose(single, model(points), atol=0.05)
    assert np.isnan(model(np.full((1, 30), np.nan))).all()


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_conjugate_gradients_solve(seed, size):
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(size, size))
    matrix = matrix @ matrix.T + np.eye(size)
    right = random.normal(size=size)
    got = conjugate_gradients(lambda x: matrix @ x, right, np.diag(matrix), 1e-10)
    np.testing.assert_allclose(matrix @ got, right, atol=1e-8)


def test_softmax_of_large_scores_and_of_none():
    chances = softmax(np.array([[1000.0, 0, 0], [-1000, -1000, -1000], [np.nan, 0, 0]]))
    np.testing.assert_allclose(chances[:2], [[1, 0, 0], [1 / 3] * 3])
    assert np.isnan(chances[2]).all()
