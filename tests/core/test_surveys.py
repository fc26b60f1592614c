"""What cross-validation promises of maps of clustered surveys, where the whole truth is known."""

from __future__ import annotations

import numpy as np

from satclip_core.analysis.folds import choose_folds
from satclip_core.grid.sphere import unit_vectors
from satclip_core.products.regression import Regression
from satclip_core.products.training_set import TrainingSet

SIDE, TOWNS, SAMPLES, PIXELS = 30.0, 25, 150, 800


def field(lonlat, seed):
    """A random field of some ten degrees: cosines of random waves."""
    random = np.random.default_rng(seed)
    waves = random.normal(size=(200, 2)) / 9 * np.abs(random.standard_t(3, size=(200, 1)))
    phases = random.uniform(0, 2 * np.pi, 200)
    return 0.1 * np.cos(lonlat @ waves.T + phases).sum(axis=1)


def survey(seed):
    """R² promised by random and by matched folds, each beside the true one of its map."""
    random = np.random.default_rng(seed)
    towns = random.uniform(0, SIDE, (TOWNS, 2))
    samples = towns[np.arange(SAMPLES) % TOWNS] + random.normal(0, 1, (SAMPLES, 2))
    pixels = random.uniform(0, SIDE, (PIXELS, 2))
    values = field(samples, seed) + random.normal(0, 0.1, SAMPLES)
    truth = field(pixels, seed) + random.normal(0, 0.1, PIXELS)
    xyz, at = unit_vectors(*samples.T).T, unit_vectors(*pixels.T).T
    nothing = random.normal(size=(SAMPLES, 3))
    found = []
    for kind in ("random", "knndm"):
        folds = choose_folds(kind, samples, pixels, seed=seed).folds
        fitted = Regression(TrainingSet(nothing, xyz, folds, seed=seed), values).fit("kriging")
        promised = ((fitted.predicted - values) ** 2).mean() / truth.var()
        off = (fitted.model.mean(np.zeros((PIXELS, 3)), at) - truth) ** 2
        found += [1 - promised, 1 - off.mean() / truth.var()]
    return found


def test_matched_folds_promise_what_is_true_where_random_ones_flatter():
    """In the mean of ten surveys, since one says as little as its few towns."""
    random, true, matched, true_too = np.mean([survey(seed) for seed in range(10)], axis=0)
    assert random - true > 0.08
    assert abs(matched - true_too) < 0.05
