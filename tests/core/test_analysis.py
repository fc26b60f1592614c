from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import (
    Quantisation,
    cosine_loss,
    cosine_similarity,
    principal_components,
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


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 255), ("int16", -32768)])
def test_quantising_keeps_direction_norm_and_nodata(data, dtype, nodata):
    exact = unit(data)
    exact[7] = np.nan
    how = Quantisation.of(dtype, float(np.nanmax(np.abs(exact))))
    stored = how.store(exact)
    back = how.restore(stored)
    assert stored.dtype == dtype
    assert (stored[7] == nodata).all()
    assert np.isnan(back[7]).all()
    valid = np.delete(np.arange(500), 7)
    assert (stored[valid] != nodata).all()
    # As any reader does it: scale and offset, nothing of ours.
    read = stored[valid].astype(np.float64) * how.scale + how.offset
    assert np.abs(read - exact[valid]).max() <= how.scale * 0.51
    np.testing.assert_allclose(np.linalg.norm(back[valid], axis=1), 1, rtol=1e-5)
    directions = read / np.linalg.norm(read, axis=1, keepdims=True)
    np.testing.assert_allclose(back[valid], directions, atol=1e-6)
    mean, most = cosine_loss(unit(exact[valid].astype(float)), directions)
    # Rounding errors are uniform within half a step: dim · scale²/12 is their squared length.
    assert mean == pytest.approx(32 * how.scale**2 / 12 / 2, rel=0.1)
    assert mean < most < 2e-4


def test_values_beyond_the_scale_are_cut():
    far = np.array([[5.0, -5.0]], np.float32)
    assert Quantisation.of("uint8", 1.27).store(far).tolist() == [[254, 0]]
    assert Quantisation.of("int16", 1.0).store(far).tolist() == [[32767, -32767]]


def test_the_largest_value_has_room():
    """Bytes spend all their steps on it; 16 bits leave a quarter for what a sample has missed."""
    largest = np.array([[0.4, -0.4]])
    assert Quantisation.of("uint8", 0.4).store(largest).tolist() == [[254, 0]]
    assert np.abs(Quantisation.of("int16", 0.4).store(1.24 * largest)).max() < 32767
