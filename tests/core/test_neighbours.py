"""What the nearest samples know beyond a model of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from satclip_core.analysis.gaussian import Kernel, Sites, features, fit_gaussian, without_folds
from satclip_core.analysis.neighbours import (
    NEIGHBOURS,
    Corrected,
    LeftOut,
    LocalKernel,
    Neighbours,
    choose_local_kernel,
    in_a_row,
    nearest,
)

KERNEL = LocalKernel(4.0, 0.1)


def places(count, seed=0):
    xyz = np.random.default_rng(seed).normal(size=(count, 3))
    return xyz / np.linalg.norm(xyz, axis=1, keepdims=True)


def rough(xyz):
    """A field that is rough at some twenty degrees."""
    return np.sin(12 * xyz[:, 0]) + np.cos(14 * xyz[:, 1]) * np.sin(10 * xyz[:, 2])


@pytest.mark.parametrize("count", [1, 7, 50])
def test_the_nearest_are_those_of_all_distances(count):
    samples, at = places(400), places(300, 1)
    at = np.concatenate([at, samples[:20], [[0, 0, 1], [0, 0, -1], [-1, 0, 0]]])
    at = at[in_a_row(at)]
    rows, chords = nearest(at, samples, count)
    apart = np.linalg.norm(at[:, None] - samples, axis=2)
    np.testing.assert_allclose(chords, np.sort(apart, axis=1)[:, :count], atol=3e-8)
    np.testing.assert_allclose(np.take_along_axis(apart, rows, axis=1), chords, atol=3e-8)


def test_an_order_in_a_row_keeps_neighbours_together():
    xyz = places(2000)
    order = in_a_row(xyz)
    assert sorted(order.tolist()) == list(range(2000))
    steps = np.linalg.norm(np.diff(xyz[order], axis=0), axis=1)
    assert np.median(steps) < 0.15 * np.median(np.linalg.norm(np.diff(xyz, axis=0), axis=1))


def plain_kriging(kernel, xyz, residuals, at, noises):
    """Simple kriging from all samples."""
    covariance = kernel.ratio * np.exp(
        -np.linalg.norm(xyz[:, None] - xyz, axis=2) / kernel.length
    ) + np.diag(noises)
    wanted = kernel.ratio * np.exp(-np.linalg.norm(xyz[:, None] - at, axis=2) / kernel.length)
    weights = np.linalg.solve(covariance, wanted)
    variances = kernel.ratio + 1 - (weights * wanted).sum(axis=0)
    return weights.T @ residuals, variances / (kernel.ratio + 1)


def test_kriging_among_as_many_as_there_are_is_kriging_among_all():
    xyz, at = places(NEIGHBOURS), places(40, 1)
    noises = np.random.default_rng(2).uniform(0.5, 3, len(xyz))
    residuals = rough(xyz)
    added, left = Neighbours(KERNEL, xyz, residuals, noises)(at)
    wanted = plain_kriging(KERNEL, xyz, residuals, at, noises)
    np.testing.assert_allclose(added, wanted[0], atol=1e-6)
    np.testing.assert_allclose(left, wanted[1], rtol=1e-6)


def test_the_nearest_screen_the_others():
    """Of 500 samples the nearest say nearly all."""
    xyz, at = places(500), places(60, 1)
    residuals = rough(xyz)
    added, left = Neighbours(KERNEL, xyz, residuals)(at)
    wanted = plain_kriging(KERNEL, xyz, residuals, at, np.ones(len(xyz)))
    assert np.abs(added - wanted[0]).max() < 0.1 * residuals.std()
    np.testing.assert_allclose(left, wanted[1], rtol=0.02)
    single, _ = Neighbours(KERNEL, xyz, residuals)(at, np.float32)
    np.testing.assert_allclose(single, added, atol=1e-3)


def problem(count=600, noise=0.2):
    random = np.random.default_rng(3)
    xyz = places(count)
    values = rough(xyz) + random.normal(0, noise, count)
    sites = Sites(features(random.normal(size=(count, 4)), np.zeros(4), np.ones(4)), xyz)
    return sites, values, random.integers(0, 4, count)


SMOOTH = Kernel(matern=2.0, matern_length=2.0, smoothness=1.5)


def test_left_out_samples_are_kriged_from_other_folds_alone():
    sites, values, folds = problem()
    inducing = np.arange(0, 600, 20)
    without, _ = without_folds(SMOOTH, sites, values, folds, inducing)
    predicted, left = LeftOut(sites.xyz, values, folds, without).corrected(KERNEL)
    for fold in range(4):
        test, train = folds == fold, folds != fold
        model = Neighbours(KERNEL, sites.xyz[train], values[train] - without[fold, train])
        added, share = model(sites.xyz[test])
        np.testing.assert_allclose(predicted[test], without[fold, test] + added, atol=1e-9)
        np.testing.assert_allclose(left[test], share, rtol=1e-9)


def test_what_is_shorter_than_inducing_points_is_mended():
    sites, values, folds = problem()
    inducing = np.arange(0, 600, 20)
    without, _ = without_folds(SMOOTH, sites, values, folds, inducing)
    left_out = LeftOut(sites.xyz, values, folds, without)
    asked = []
    kernel = choose_local_kernel(left_out, step=lambda: asked.append(1))
    assert kernel is not None
    assert len(asked) > 3
    before = np.sqrt(((left_out.predicted - values) ** 2).mean())
    after = np.sqrt(((left_out.corrected(kernel)[0] - values) ** 2).mean())
    assert after < 0.6 * before
    process = fit_gaussian(SMOOTH, sites, values, (np.zeros(4), np.ones(4)), inducing)
    embeddings = sites.features * 2
    residuals = values - process(embeddings, sites.xyz)
    model = Corrected(process, Neighbours(kernel, sites.xyz, residuals))
    at = places(400, 9)
    nothing = np.zeros((400, 4))
    truth = rough(at)
    mean, errors = model.with_error(nothing, at)
    plain, wide = process.with_error(nothing, at)
    assert ((mean - truth) ** 2).mean() < 0.5 * ((plain - truth) ** 2).mean()
    assert (errors <= wide).all()
    np.testing.assert_array_equal(model(nothing, at), mean)


def test_noise_is_not_mended():
    sites, _, folds = problem()
    values = np.random.default_rng(5).normal(size=600)
    without = np.zeros((4, 600))
    left_out = LeftOut(sites.xyz, values, folds, without)
    kernel = choose_local_kernel(left_out, step=lambda: None)
    if kernel is not None:  # what little it finds in chance may not do harm
        predicted, _ = left_out.corrected(kernel)
        assert ((predicted - values) ** 2).mean() < 1.02 * (values**2).mean()


def test_twins_are_no_trouble():
    sites, values, folds = problem(120)
    xyz = np.concatenate([sites.xyz, sites.xyz])
    both = LeftOut(xyz, np.tile(values, 2), np.tile(folds, 2), np.zeros((4, 240)))
    predicted, left = both.corrected(replace(KERNEL, ratio=128.0))
    assert np.isfinite(predicted).all()
    assert (left > 0).all()
