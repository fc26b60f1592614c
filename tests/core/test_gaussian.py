from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from satclip_core.analysis import gaussian
from satclip_core.analysis.gaussian import (
    Kernel,
    Pairs,
    Sites,
    choose_kernel,
    features,
    fit_gaussian,
    inducing_points,
    left_out,
)
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors

KERNELS = {
    "linear": Kernel(linear=2.0),
    "rbf": Kernel(rbf=3.0, rbf_length=0.8),
    "exponential": Kernel(matern=4.0, matern_length=0.3),
    "smoother": Kernel(matern=4.0, matern_length=0.3, smoothness=1.5),
    "sum": Kernel(0.5, 2.0, 4.0, 0.9, 0.2, 1.5),
}
STANDARD = np.zeros(12), np.ones(12)


def problem(count=120, seed=0):
    """Sites, values and folds; features are those of embeddings that are standard already."""
    random = np.random.default_rng(seed)
    lonlat = np.stack([random.uniform(-180, 180, count), random.uniform(-90, 90, count)], 1)
    embeddings = random.normal(size=(count, 12))
    xyz = unit_vectors(*lonlat.T).T
    values = embeddings[:, 0] + 2 * xyz[:, 2] + random.normal(0, 0.3, count) + 5
    sites = Sites(features(embeddings, *STANDARD), xyz)
    return embeddings, sites, values, random.integers(0, 4, count)


def of_scikit_learn(kernel):
    """The same covariance by scikit-learn, on rows of features and unit vectors."""
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")

    class Part(kernels.Kernel):
        """A kernel of some of the columns."""

        def __init__(self, inner, start, stop):
            self.inner, self.start, self.stop = inner, start, stop

        def __call__(self, X, Y=None, eval_gradient=False):
            other = None if Y is None else Y[:, self.start : self.stop]
            return self.inner(X[:, self.start : self.stop], other)

        def diag(self, X):
            return self.inner.diag(X[:, self.start : self.stop])

        def is_stationary(self):
            return False

    parts = [kernels.ConstantKernel(kernel.constant)]
    if kernel.linear:
        parts.append(Part(kernel.linear * kernels.DotProduct(0.0), 0, 12))
    if kernel.rbf:
        parts.append(Part(kernel.rbf * kernels.RBF(kernel.rbf_length), 0, 12))
    if kernel.matern:
        inner = kernels.Matern(kernel.matern_length, nu=kernel.smoothness)
        parts.append(Part(kernel.matern * inner, 12, 15))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@pytest.mark.parametrize("name", KERNELS)
def test_means_and_errors_are_those_of_scikit_learn(name):
    process = pytest.importorskip("sklearn.gaussian_process")
    kernel = KERNELS[name]
    _embeddings, sites, values, _ = problem()
    new_embeddings, new_sites, _, _ = problem(40, seed=1)
    theirs = process.GaussianProcessRegressor(of_scikit_learn(kernel), alpha=1.0, optimizer=None)
    theirs.fit(np.hstack([sites.features, sites.xyz]), values - values.mean())
    mean, error = theirs.predict(np.hstack([new_sites.features, new_sites.xyz]), return_std=True)
    ours = fit_gaussian(kernel, sites, values, STANDARD)
    found, spread = ours.with_error(new_embeddings, new_sites.xyz)
    np.testing.assert_allclose(found, mean + values.mean(), atol=1e-9)
    # Theirs is the error of f, ours that of a new sample.
    np.testing.assert_allclose(spread**2, error**2 + 1, rtol=1e-6)
    single, single_spread = ours.with_error(new_embeddings.astype(np.float32), new_sites.xyz)
    np.testing.assert_allclose(single, found, atol=1e-4)
    np.testing.assert_allclose(single_spread, spread, rtol=1e-4)


class Ordinary(Kernel):
    """A covariance whose mean is not known at all, as ordinary kriging has it."""

    constant = 1e7


def ordinary_kriging(kernel, sites, values, new):
    """Plain: the system with Lagrange's multiplier, a place at a time (Cressie 1993, 3.2).

    Returns predictions and their standard errors for new samples, whose noise is 1.
    """

    def covariance(a, b):
        chord = math.dist(a, b) * (1 if kernel.smoothness == 0.5 else math.sqrt(3))
        steps = chord / kernel.matern_length
        return kernel.matern * math.exp(-steps) * (1 if kernel.smoothness == 0.5 else 1 + steps)

    known = sites.xyz.tolist()
    system = np.ones((len(known) + 1,) * 2)
    system[-1, -1] = 0
    system[:-1, :-1] = [[covariance(a, b) for b in known] for a in known]
    system[:-1, :-1] += np.diag(sites.noise)
    found = []
    for place in new.tolist():
        right = np.array([*(covariance(a, place) for a in known), 1.0])
        solution = np.linalg.solve(system, right)
        weights, multiplier = solution[:-1], solution[-1]
        variance = kernel.matern - weights @ right[:-1] - multiplier + 1
        found.append((weights @ values, math.sqrt(variance)))
    return np.array(found).T


@pytest.mark.parametrize("name", ["exponential", "smoother"])
@pytest.mark.parametrize("weighted", [False, True])
def test_without_an_embedding_it_is_ordinary_kriging(name, weighted):
    embeddings, sites, values, _ = problem(60)
    if weighted:
        sites = replace(sites, noises=np.random.default_rng(2).uniform(0.3, 3, len(sites)))
    places = [(0, 90), (180, 10), (-180, 10), (0, 0), (-64.5, -80), (12, 47)]
    new = np.concatenate([unit_vectors(*np.array(places, float).T).T, sites.xyz[:3]])
    wanted = ordinary_kriging(KERNELS[name], sites, values, new)
    nothing = np.zeros((len(new), embeddings.shape[1]))
    # To the millionth part that a mean of a variance of ten millions is known beforehand; what
    # maps are made with knows it to within its own spread, and says nearly the same.
    for kernel, near in ((Ordinary(**vars(KERNELS[name])), 1e-4), (KERNELS[name], 0.05)):
        found = fit_gaussian(kernel, sites, values, STANDARD).with_error(nothing, new)
        np.testing.assert_allclose(found, wanted, atol=near * values.std())


@pytest.mark.parametrize("name", KERNELS)
def test_the_closed_form_is_what_models_without_the_fold_say(name):
    embeddings, sites, values, folds = problem()
    predicted, errors = left_out(KERNELS[name], sites, values, folds)
    for fold in range(4):
        test = folds == fold
        # Refitted around the mean of all samples, as the closed form is.
        model = fit_gaussian(KERNELS[name], sites[~test], values[~test], STANDARD)
        covariance = KERNELS[name](Pairs(sites[~test], sites[~test])) + np.eye((~test).sum())
        weights = np.linalg.solve(covariance, values[~test] - values.mean())
        model = replace(model, offset=values.mean(), weights=weights)
        mean, spread = model.with_error(embeddings[test], sites.xyz[test])
        np.testing.assert_allclose(predicted[test], mean, atol=1e-8)
        # A chord from a place to itself is 1e-8 in double precision, not 0.
        np.testing.assert_allclose(errors[test], spread, rtol=1e-6)


@pytest.mark.parametrize("name", ["linear", "sum"])
def test_all_samples_as_inducing_points_are_the_exact_process(name):
    _embeddings, sites, values, folds = problem()
    rows = np.arange(len(values))
    exact = fit_gaussian(KERNELS[name], sites, values, STANDARD)
    sparse = fit_gaussian(KERNELS[name], sites, values, STANDARD, rows)
    new, at, _, _ = problem(40, seed=1)
    for one, other in zip(exact.with_error(new, at.xyz), sparse.with_error(new, at.xyz)):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
    for one, other in zip(
        left_out(KERNELS[name], sites, values, folds),
        left_out(KERNELS[name], sites, values, folds, rows),
    ):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


def test_some_inducing_points_say_nearly_the_same():
    kernel = Kernel(rbf=1.0, matern=2.0, rbf_length=1.5, matern_length=1.0, smoothness=1.5)
    _, sites, values, folds = problem(400)
    rows = inducing_points(kernel, sites, 150)
    assert len(set(rows.tolist())) == 150
    predicted, errors = left_out(kernel, sites, values, folds)
    nearly, about = left_out(kernel, sites, values, folds, rows)
    few, _ = left_out(kernel, sites, values, folds, np.arange(150))
    assert np.abs(nearly - predicted).std() < 0.2 * np.abs(predicted - values).std()
    assert np.abs(nearly - predicted).mean() < np.abs(few - predicted).mean() * 1.1
    np.testing.assert_allclose(about, errors, rtol=0.1)


def test_twins_are_not_chosen_twice():
    _, sites, _, _ = problem(30)
    twice = sites[np.repeat(np.arange(30), 2)]
    rows = inducing_points(KERNELS["sum"], twice, 60)
    assert len(rows) == 30
    assert len(set((rows // 2).tolist())) == 30


def test_many_samples_in_chunks_are_as_in_one(monkeypatch):
    kernel = KERNELS["sum"]
    embeddings, sites, values, folds = problem()
    rows = inducing_points(kernel, sites, 60)
    once = left_out(kernel, sites, values, folds, rows)
    model = fit_gaussian(kernel, sites, values, STANDARD, rows)
    whole = model.with_error(embeddings, sites.xyz)
    monkeypatch.setattr(gaussian, "_ELEMENTS", 60 * 7)
    parts = model.with_error(embeddings, sites.xyz)
    again = left_out(kernel, sites, values, folds, rows)
    for one, other in zip((*once, *whole), (*again, *parts)):
        np.testing.assert_allclose(other, one, rtol=1e-9)


def test_poles_and_dateline_are_ordinary_places():
    kernel = KERNELS["exponential"]
    pole = unit_vectors(np.array([0.0, 77.0, 180.0, -180.0]), np.array([90.0, 90.0, 3.0, 3.0])).T
    chords = Pairs(Sites(np.zeros((4, 1)), pole), Sites(np.zeros((4, 1)), pole)).chords
    assert chords[0, 1] < 1e-7
    assert chords[2, 3] < 1e-7
    assert chords[0, 2] == pytest.approx(2 * np.sin(np.deg2rad(87) / 2))
    assert kernel.smoothness == 0.5


def test_the_search_finds_what_the_values_depend_on():
    """A smooth field of place is kriged; noise in the features does not spoil it."""
    random = np.random.default_rng(3)
    lonlat = fibonacci_lattice(250)
    xyz = unit_vectors(*lonlat.T).T
    embeddings = random.normal(size=(250, 12))
    sites = Sites(features(embeddings, *STANDARD), xyz)
    folds, steps = random.integers(0, 5, 250), []
    wave = np.sin(4 * xyz[:, 0]) + np.cos(3 * xyz[:, 1]) + random.normal(0, 0.05, 250)
    place, both = choose_kernel(sites, wave, folds, step=lambda: steps.append(1))
    assert place.linear == place.rbf == 0
    assert len(steps) <= 2 * gaussian.ATTEMPTS
    assert (left_out(place, sites, wave, folds)[0] - wave).std() < 0.15
    assert (left_out(both, sites, wave, folds)[0] - wave).std() < 0.2
    weights = embeddings @ np.ones(12)
    place, both = choose_kernel(sites, weights, folds, step=lambda: None)
    assert (left_out(place, sites, weights, folds)[0] - weights).std() > 3
    assert (left_out(both, sites, weights, folds)[0] - weights).std() < 0.5
