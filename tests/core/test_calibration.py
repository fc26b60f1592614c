from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import softmax
from satclip_core.analysis.calibration import held_out_chances, reliability, temperature


def drawn(count=4000, times=1.0, seed=0):
    """Scores, `times` too large, and classes drawn by their true probabilities."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1.5, (count, 3))
    pick = (softmax(scores).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return times * scores, np.minimum(pick, 2), random.integers(0, 5, count)


@pytest.mark.parametrize("times", [0.5, 1, 3])
def test_the_temperature_undoes_what_makes_scores_too_sure(times):
    scores, classes, _ = drawn(times=times)
    assert temperature(scores, classes) == pytest.approx(times, rel=0.1)


def test_the_temperature_is_the_minimum_that_scipy_finds():
    optimize = pytest.importorskip("scipy.optimize")
    metrics = pytest.importorskip("sklearn.metrics")
    scores, classes, _ = drawn(300, 2.0)
    found = optimize.minimize_scalar(
        lambda log: metrics.log_loss(classes, softmax(scores / np.exp(log))),
        bounds=(-1, 2),
        method="bounded",
        options={"xatol": 1e-8},
    )
    assert temperature(scores, classes) == pytest.approx(np.exp(found.x), rel=1e-5)


def test_scores_that_are_too_sure_are_mended():
    scores, classes, folds = drawn(times=3)
    before = reliability(softmax(scores), classes)
    chances = held_out_chances(scores, classes, folds)
    after = reliability(chances, classes)
    assert before["expected_calibration_error"] > 0.1
    assert after["expected_calibration_error"] < 0.03
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_each_fold_has_the_temperature_of_the_others():
    scores, classes, folds = drawn(500, 2.0)
    chances = held_out_chances(scores, classes, folds)
    test = folds == 3
    plain = softmax(scores[test] / temperature(scores[~test], classes[~test]))
    np.testing.assert_array_equal(chances[test], plain)


def test_reliability_by_hand():
    chances = np.array([[0.95, 0.05], [0.91, 0.09], [0.62, 0.38], [1.0, 0.0]])
    found = reliability(chances, np.array([0, 1, 0, 0]))
    assert found["reliability"] == [
        [pytest.approx(0.62), 1.0, 1],
        [pytest.approx((0.95 + 0.91 + 1) / 3), pytest.approx(2 / 3), 3],
    ]
    error = (0.38 + 3 * abs(2.86 / 3 - 2 / 3)) / 4
    assert found["expected_calibration_error"] == pytest.approx(error)
