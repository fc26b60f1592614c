from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import (
    cosine_loss,
    cosine_similarity,
    dequantise,
    principal_components,
    quantise,
    unit,
)


@pytest.fixture
def data():
    return np.random.default_rng(0).normal(size=(500, 32)).astype(np.float32)


def test_unit_has_norm_1_and_keeps_nan(data):
    data[3], data[4] = np.nan, 0
    norms = np.linalg.norm(unit(data), axis=1)
    np.testing.assert_allclose(np.delete(norms, [3, 4]), 1, rtol=1e-6)
    assert np.isnan(norms[[3, 4]]).all()


def test_cosines_by_definition(data):
    blocks, references = data.reshape(20, 25, 32), data[:3]
    got = cosine_similarity(blocks, references)
    want = [
        [[x @ r / np.linalg.norm(x) / np.linalg.norm(r) for r in references] for x in row]
        for row in blocks.astype(float)
    ]
    np.testing.assert_allclose(got, want, atol=1e-6)
    assert got.max() <= 1


def test_components_are_those_of_the_singular_values(data):
    data = data * np.linspace(1, 5, 32, dtype=np.float32)
    mean, components, shares = principal_components(data, 3)
    _, singular, axes = np.linalg.svd(data - data.mean(0, dtype=float), full_matrices=False)
    np.testing.assert_allclose(np.abs((components * axes[:3]).sum(1)), 1, atol=1e-6)
    np.testing.assert_allclose(shares, (singular**2 / (singular**2).sum())[:3], rtol=1e-5)
    np.testing.assert_allclose(mean, data.mean(0, dtype=float), rtol=1e-5)


def test_signs_of_components_do_not_depend_on_order(data):
    _, components, _ = principal_components(data, 3)
    _, shuffled, _ = principal_components(data[::-1], 3)
    np.testing.assert_allclose(components, shuffled, atol=1e-6)
    assert (np.take_along_axis(components, np.abs(components).argmax(1)[:, None], 1) > 0).all()


def test_one_point_has_components_without_variance(data):
    _, components, shares = principal_components(data[:1], 3)
    assert np.isfinite(components).all()
    assert (shares == 0).all()


def test_quantising_keeps_direction_norm_and_nodata(data):
    exact = unit(data)
    exact[7] = np.nan
    scale = float(np.nanmax(np.abs(exact))) / 127
    stored = quantise(exact, scale)
    back = dequantise(stored, scale)
    assert stored.dtype == np.int8
    assert (stored[7] == -128).all()
    assert np.isnan(back[7]).all()
    valid = np.delete(np.arange(500), 7)
    assert (stored[valid] > -128).all()
    np.testing.assert_allclose(np.linalg.norm(back[valid], axis=1), 1, rtol=1e-5)
    mean, most = cosine_loss(exact[valid].astype(float), back[valid].astype(float))
    # Rounding errors are uniform within half a step: dim · scale²/12 is their squared length.
    assert mean == pytest.approx(32 * scale**2 / 12 / 2, rel=0.1)
    assert mean < most < 2e-4


def test_values_beyond_the_scale_are_cut(data):
    assert quantise(np.array([[5.0, -5.0]], np.float32), 0.01).tolist() == [[127, -127]]
