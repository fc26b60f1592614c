"""Presence-background logistic regression: against scikit-learn, and what its chances mean."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import Background, unit
from satclip_core.analysis import presence as module
from satclip_core.errors import InputError

DIM = 24


def directions(count, seed, towards=None):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, DIM)) * np.linspace(2, 0.3, DIM)
    return unit(values if towards is None else values + towards)


TOWARDS = np.zeros(DIM)
TOWARDS[3] = 4.0
LAND = directions(4000, 0)
KIND = directions(400, 1, TOWARDS)


@pytest.fixture(scope="module")
def background():
    return Background(LAND)


def test_weights_are_those_of_scikit_learn(background):
    linear_model = pytest.importorskip("sklearn.linear_model")
    wanted, others = KIND[:3], LAND[40:42]
    chance = background.chance(wanted, others)
    mean = LAND.mean(axis=0)
    learnt = LAND[::8]
    deviation = np.sqrt(((LAND - mean) ** 2).mean())
    scaled = (np.concatenate([wanted, others, learnt]) - mean) / deviation
    found = []
    for absent, share in module._STRENGTHS:
        shares = [0.5 / 3, absent / 2, (0.5 - absent) / len(learnt)]
        weights = np.repeat(shares, [3, 2, len(learnt)])
        penalty = share * module._PENALTY / 3
        model = linear_model.LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
        model.fit(scaled, np.arange(len(scaled)) < 3, sample_weight=weights)
        found.append(model.coef_[0] / np.linalg.norm(model.coef_[0]))
    mine = chance.weights / np.linalg.norm(chance.weights)
    assert min(np.abs(mine - other).max() for other in found) < 1e-4


def test_chances_tell_the_kind_from_the_land_and_are_about_right(background):
    chance = background.chance(KIND[:10])
    alike, land = chance(KIND[10:]), chance(LAND[1::8])
    ranks = (alike[:, None] > land).mean()
    cosines = KIND[:10].mean(axis=0)
    by_cosine = ((KIND[10:] @ cosines)[:, None] > LAND[1::8] @ cosines).mean()
    assert ranks > max(0.9, by_cosine - 0.005)  # one blob, whose mean says it all
    assert alike.mean() > 0.7
    assert land.mean() < 0.3
    # Of places said to be alike with some chance, the kind weighing as much as all land, as many
    # are.
    values = np.concatenate([alike, land])
    is_kind = np.repeat([0.5 / len(alike), 0.0], [len(alike), len(land)])
    weights = np.repeat([0.5 / len(alike), 0.5 / len(land)], [len(alike), len(land)])
    steps = np.minimum((values * 5).astype(int), 4)
    off = np.bincount(steps, weights * values - is_kind, 5)
    assert np.abs(off).sum() < 0.15


def test_a_counter_example_is_less_likely_than_without(background):
    wanted, other = KIND[:2], KIND[300:301]
    without, given = background.chance(wanted), background.chance(wanted, other)
    assert given(other)[0] < without(other)[0] - 0.05
    assert given(wanted).mean() > given(other)[0]


def test_it_is_the_same_whatever_the_order_and_the_precision(background):
    chance = background.chance(KIND[:4], LAND[5:7])
    again = background.chance(KIND[:4], LAND[5:7])
    np.testing.assert_array_equal(chance.weights, again.weights)
    turned = background.chance(KIND[:4], LAND[[6, 5]])
    np.testing.assert_allclose(turned.weights, chance.weights, atol=1e-5)
    single = chance(LAND[:50].astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, chance(LAND[:50]), atol=1e-5)


def test_many_alike_examples_and_one_that_is_an_absence_too(background):
    for wanted, others in ((np.repeat(KIND[:1], 30, axis=0), None), (KIND[:2], KIND[:1])):
        chance = background.chance(wanted, others)
        assert np.isfinite(chance.weights).all()
        assert np.isfinite(chance(LAND)).all()


def test_what_has_no_value_stays_without(background):
    embeddings = LAND[:6].reshape(2, 3, DIM).copy()
    embeddings[1, 2] = np.nan
    found = background.chance(KIND[:2])(embeddings)
    assert found.shape == (2, 3)
    assert np.isnan(found).tolist() == [[False] * 3, [False, False, True]]


def test_examples_are_needed(background):
    with pytest.raises(InputError, match="give one"):
        background.chance(np.empty((0, DIM)), LAND[:1])


def test_a_model_whose_places_are_all_one_has_no_error():
    same = np.repeat(LAND[:1], 100, axis=0)
    chance = Background(same).chance(LAND[:2])
    assert np.isfinite(chance(LAND)).all()
