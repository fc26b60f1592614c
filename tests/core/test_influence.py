"""Leave-one-out in closed form against models that are fitted again without each sample."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import Ridge
from satclip_core.analysis.gaussian import (
    Kernel,
    Pairs,
    Sites,
    features,
    fit_gaussian,
    inducing_points,
)
from satclip_core.analysis.influence import (
    exact_influence,
    looked_at,
    mixed_influence,
    ridge_influence,
    sparse_influence,
)
from satclip_core.grid.sphere import unit_vectors

KERNEL = Kernel(linear=0.7, rbf=0.5, matern=2.0, rbf_length=1.1, matern_length=0.3)
ALL = (np.arange(40), np.arange(40))


@pytest.fixture(scope="module")
def data():
    """Embeddings, places, values and weights of 40 samples."""
    rng = np.random.default_rng(3)
    embeddings = rng.normal(size=(40, 6))
    lonlat = rng.uniform((-20, 30), (40, 60), (40, 2))
    values = embeddings @ rng.normal(size=6) + np.sin(lonlat[:, 0] / 9) + rng.normal(0, 0.3, 40)
    weights = rng.uniform(0.4, 2, 40)
    return embeddings, unit_vectors(*lonlat.T).T, values, weights / weights.mean()


def sites_of(data, weights):
    embeddings, xyz, _, _ = data
    made = features(embeddings, embeddings.mean(0), embeddings.std(0))
    return Sites(made, xyz, None if weights is None else 1 / weights)


def plain(covariance, noise, values):
    """Mean and standard error of each sample by a process without it, and all changes."""
    count = len(values)
    fitted = covariance @ np.linalg.solve(covariance + np.diag(noise), values)
    without, errors, changes = np.empty(count), np.empty(count), np.zeros((count, count))
    for i in range(count):
        kept = np.delete(np.arange(count), i)
        known = covariance[np.ix_(kept, kept)] + np.diag(noise[kept])
        weights = np.linalg.solve(known, values[kept])
        without[i] = covariance[i, kept] @ weights
        left = covariance[i, i] - covariance[i, kept] @ np.linalg.solve(known, covariance[kept, i])
        errors[i] = np.sqrt(left + noise[i])
        changes[kept, i] = (fitted - covariance[:, kept] @ weights)[kept]
    return without, errors, changes


@pytest.mark.parametrize("weighed", [False, True])
def test_an_exact_process_equals_those_fitted_again(data, weighed):
    weights = data[3] if weighed else None
    sites, values = sites_of(data, weights), data[2]
    process = fit_gaussian(KERNEL, sites, values, (np.zeros(6), np.ones(6)))
    found = exact_influence(process, values, ALL)
    wanted = plain(KERNEL(Pairs(sites, sites)), sites.noise, values - process.offset)
    np.testing.assert_allclose(found.without, wanted[0] + process.offset, atol=1e-9)
    np.testing.assert_allclose(found.errors, wanted[1], rtol=1e-9)
    off = ~np.eye(40, dtype=bool)
    np.testing.assert_allclose(found.changes[off], wanted[2][off], atol=1e-9)
    moved = np.sqrt((wanted[2] ** 2).sum(axis=0) / 39)
    np.testing.assert_allclose(found.moved(), moved, rtol=1e-7)


@pytest.mark.parametrize("weighed", [False, True])
def test_inducing_points_equal_the_covariance_that_they_stand_for(data, weighed):
    """FITC is a process with K = Q + diag(k - Q): leave one out of that one by inversion."""
    weights = data[3] if weighed else None
    sites, values = sites_of(data, weights), data[2]
    points = inducing_points(KERNEL, sites, 12)
    process = fit_gaussian(KERNEL, sites, values, (np.zeros(6), np.ones(6)), points)
    covariance = KERNEL(Pairs(sites, sites))
    inner = covariance[np.ix_(points, points)]
    low = covariance[:, points] @ np.linalg.solve(inner, covariance[points])
    residue = np.maximum(np.diag(covariance) - np.diag(low), 0)
    found = sparse_influence(process, sites, values, ALL)
    wanted = plain(low, sites.noise + residue, values - process.offset)
    np.testing.assert_allclose(found.without, wanted[0] + process.offset, atol=1e-5)
    np.testing.assert_allclose(found.errors, wanted[1], rtol=1e-5)
    off = ~np.eye(40, dtype=bool)
    np.testing.assert_allclose(found.changes[off], wanted[2][off], atol=1e-5)


@pytest.mark.parametrize("weighed", [False, True])
def test_ridge_regression_equals_scikit_learn_s_without_each_sample(data, weighed):
    linear_model = pytest.importorskip("sklearn.linear_model")
    embeddings, _, values, weights = data
    own = weights if weighed else None
    ridge, penalty = Ridge(embeddings, values, own), 0.05
    found = ridge_influence(ridge.solve(penalty), ridge.root(penalty), embeddings, values, own, ALL)
    scaled = (embeddings - ridge.mean) / ridge.deviation

    def fitted(kept):
        model = linear_model.Ridge(alpha=penalty * 40)
        model.fit(scaled[kept], values[kept], None if own is None else own[kept])
        return model.predict(scaled)

    whole = fitted(np.arange(40))
    for i in range(40):
        kept = np.delete(np.arange(40), i)
        without = fitted(kept)
        assert found.without[i] == pytest.approx(without[i], abs=1e-9)
        np.testing.assert_allclose(found.changes[kept, i], (whole - without)[kept], atol=1e-9)
    noise = 1 / np.ones(40) if own is None else 1 / own
    seen = plain_ridge_errors(scaled, penalty * 40, noise)
    np.testing.assert_allclose(found.errors, seen, rtol=1e-9)


def plain_ridge_errors(scaled, penalty, noise):
    """By Bayes' rule with a flat prior of the offset, without each sample."""
    design = np.hstack([np.ones((len(scaled), 1)), scaled])
    damping = np.diag([0.0, *[penalty] * scaled.shape[1]])
    found = []
    for i, row in enumerate(design):
        kept = np.delete(np.arange(len(design)), i)
        precision = design[kept].T @ (design[kept] / noise[kept][:, None]) + damping
        found.append(np.sqrt(row @ np.linalg.solve(precision, row) + noise[i]))
    return np.array(found)


def test_a_mean_of_models_is_the_mean_of_what_they_say(data):
    embeddings, _, values, _ = data
    sites = sites_of(data, None)
    process = fit_gaussian(KERNEL, sites, values, (np.zeros(6), np.ones(6)))
    ridge = Ridge(embeddings, values)
    one = exact_influence(process, values, ALL)
    other = ridge_influence(ridge.solve(0.1), ridge.root(0.1), embeddings, values, None, ALL)
    mixed = mixed_influence((0.3, 0.7), (one, other), one.errors)
    np.testing.assert_allclose(mixed.without, 0.3 * one.without + 0.7 * other.without)
    np.testing.assert_allclose(mixed.changes, 0.3 * one.changes + 0.7 * other.changes)


def test_many_samples_are_looked_at_in_part():
    suspicion = np.arange(50.0)[::-1]
    rows, others = looked_at(suspicion, 10)
    np.testing.assert_array_equal(rows, np.arange(10))
    assert len(others) == 10
    assert not set(others) & set(rows)
    np.testing.assert_array_equal(looked_at(suspicion, 50)[0], np.arange(50))


def test_a_part_of_the_samples_is_a_part_of_the_results(data):
    sites, values = sites_of(data, None), data[2]
    process = fit_gaussian(KERNEL, sites, values, (np.zeros(6), np.ones(6)))
    whole = exact_influence(process, values, ALL)
    rows, others = np.array([3, 8]), np.array([0, 5, 9])
    part = exact_influence(process, values, (rows, others))
    np.testing.assert_allclose(part.without, whole.without[rows])
    np.testing.assert_allclose(part.changes, whole.changes[np.ix_(others, rows)])
    slopes = np.array([1.0, 2.0, 0.5])
    told = np.sqrt(((part.changes * slopes[:, None]) ** 2).mean(axis=0))
    np.testing.assert_allclose(part.moved(slopes), told)
