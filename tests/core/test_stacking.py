"""One prediction of several, by weights that left-out samples choose."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis.stacking import pooling_weights, stacking_weights

PRIOR = np.array([0.25, 0.25, 0.5])


def several(count=4000, seed=0, poor=3.0):
    """A truth, and three predictions of it: two that err apart from each other, and a poor one."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=count)
    errors = random.normal(size=(count, 3)) * [0.5, 0.5, poor]
    return truth[:, None] + errors, truth


def test_weights_are_those_of_a_search_through_all():
    """By scipy's minimiser under the same conditions, without what was thought beforehand."""
    optimize = pytest.importorskip("scipy.optimize")
    predictions, truth = several(20_000, poor=1.0)

    def loss(weights):
        return ((predictions @ weights - truth) ** 2).mean()

    wanted = optimize.minimize(
        loss, PRIOR, bounds=[(0, 1)] * 3, constraints={"type": "eq", "fun": lambda w: w.sum() - 1}
    )
    found = stacking_weights(predictions, truth, PRIOR)
    assert loss(found) == pytest.approx(wanted.fun, rel=1e-3)
    np.testing.assert_allclose(found, wanted.x, atol=0.01)
    assert found.sum() == pytest.approx(1)


def test_two_that_err_apart_are_worth_more_than_either():
    predictions, truth = several()
    found = stacking_weights(predictions, truth, PRIOR)
    assert found[:2] == pytest.approx([0.5, 0.5], abs=0.05)
    mixed = ((predictions @ found - truth) ** 2).mean()
    assert mixed < 0.6 * ((predictions[:, 0] - truth) ** 2).mean()


def test_the_best_alone_where_the_others_add_nothing():
    predictions, truth = several()
    predictions[:, 1] = predictions[:, 0] + 2 * (predictions[:, 0] - truth)
    predictions[:, 2] = truth + 9
    np.testing.assert_array_equal(stacking_weights(predictions, truth, PRIOR), [1, 0, 0])


def test_few_samples_hardly_move_what_was_thought_beforehand():
    predictions, truth = several(6, seed=1)
    predictions[:, 2] = truth + np.random.default_rng(0).normal(size=6) * 0.5
    found = stacking_weights(predictions, truth, PRIOR)
    assert np.abs(found - PRIOR).max() < 0.2


def test_samples_count_by_their_weights():
    predictions, truth = several()
    own = np.where(np.arange(4000) < 2000, 2.0, 0.0)
    found = stacking_weights(predictions, truth, PRIOR, own)
    half = stacking_weights(predictions[:2000], truth[:2000], PRIOR)
    np.testing.assert_allclose(found, half, atol=0.01)


@pytest.mark.parametrize("count", [1, 2, 30])
def test_exact_predictions_are_no_trouble(count):
    truth = np.linspace(0, 1, count)
    found = stacking_weights(np.stack([truth] * 3, axis=1), truth, PRIOR)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


@pytest.mark.parametrize("unit", [1e-9, 1e5, 1e12])
def test_weights_do_not_depend_on_the_unit(unit):
    """Prices in dollars or in millions of them are weighed alike."""
    predictions, truth = several(200, poor=0.8)
    found = stacking_weights(unit * predictions, unit * truth, PRIOR)
    wanted = stacking_weights(predictions, truth, PRIOR)
    assert (wanted > 0.1).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def pooled(count, seed=0):
    """Probabilities of what came true by three models: the mean of two of them is the truth."""
    random = np.random.default_rng(seed)
    likely = random.beta(2, 2, (count, 3))
    truth = 0.7 * likely[:, 0] + 0.3 * likely[:, 1]
    came = (random.random(count) < truth)[:, None]
    return np.where(came, likely, 1 - likely)


def test_weights_of_probabilities_are_those_of_a_search_through_all():
    optimize = pytest.importorskip("scipy.optimize")
    chances = pooled(20_000)

    def loss(weights):
        return -np.log(chances @ weights).mean()

    wanted = optimize.minimize(
        loss, PRIOR, bounds=[(0, 1)] * 3, constraints={"type": "eq", "fun": lambda w: w.sum() - 1}
    )
    found = pooling_weights(chances, PRIOR)
    # But for what was thought beforehand, as much as thirty samples.
    assert loss(found) == pytest.approx(wanted.fun, rel=1e-3)
    np.testing.assert_allclose(found, wanted.x, atol=0.05)
    np.testing.assert_allclose(found, [0.7, 0.3, 0], atol=0.06)


def test_few_probabilities_hardly_move_the_weights_and_samples_count_by_theirs():
    chances = pooled(4)
    assert np.abs(pooling_weights(chances, PRIOR) - PRIOR).max() < 0.1
    np.testing.assert_array_equal(pooling_weights(chances[:0], PRIOR), PRIOR)
    many, own = pooled(2000), np.repeat([0.5, 1.5], 1000)
    twice = np.concatenate([many, many[1000:], many[1000:]])
    alike = pooling_weights(twice, PRIOR, np.full(4000, 0.5))
    np.testing.assert_allclose(pooling_weights(many, PRIOR, own), alike, atol=1e-3)
