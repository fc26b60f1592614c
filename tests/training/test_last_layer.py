"""The remade last layer: contrastive directions first, the rest of the hidden layer after."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_training.export.last_layer import component_layer, postprocess
from satclip_training.settings.config import ExportSettings


@pytest.fixture
def hidden() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(3000, 20)) @ rng.normal(size=(20, 20)) + 3


@pytest.fixture
def layer() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(12, 20))


def test_contrastive_directions_lead_and_the_rest_is_new(
    hidden: np.ndarray, layer: np.ndarray
) -> None:
    settings = ExportSettings(contrastive_components=5, contrastive_share=0.8)
    matrix, bias = component_layer(hidden, layer, 16, settings)
    values = hidden @ matrix.T + bias
    covariance = np.cov(values.T)
    assert matrix.shape == (16, 20)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(np.trace(covariance[:5, :5]) / np.trace(covariance), 0.8, rtol=1e-3)
    # What comes after holds nothing of what leads.
    np.testing.assert_allclose(covariance[:5, 5:], 0, atol=1e-9)
    # The lead is the contrastive output's own leading components.
    output = (hidden - hidden.mean(0)) @ layer.T
    _, axes = np.linalg.eigh(np.cov(output.T))
    leading = output @ axes[:, ::-1][:, :5]
    fitted = values[:, :5] @ np.linalg.lstsq(values[:, :5], leading, rcond=None)[0]
    np.testing.assert_allclose(fitted, leading, atol=1e-8)


def test_without_contrastive_directions_it_is_a_pca(hidden: np.ndarray, layer: np.ndarray) -> None:
    matrix, bias = component_layer(hidden, layer, 4, ExportSettings())
    values = hidden @ matrix.T + bias
    largest = np.linalg.eigvalsh(np.cov(hidden.T))[::-1][:4]
    np.testing.assert_allclose(np.cov(values.T), np.diag(largest), atol=1e-8)


def test_more_contrastive_directions_than_dimensions_are_cut(
    hidden: np.ndarray, layer: np.ndarray
) -> None:
    settings = ExportSettings(contrastive_components=50, contrastive_share=1)
    matrix, _ = component_layer(hidden, layer, 8, settings)
    assert matrix.shape == (8, 20)
    assert np.isfinite(matrix).all()


def test_imagery_leads_with_what_predicts_it_best(hidden: np.ndarray, layer: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    # Two directions of the hidden layer show in the images; the rest is noise.
    shown = hidden @ rng.normal(size=(20, 2))
    images = shown @ rng.normal(size=(2, 9)) + rng.normal(size=(len(hidden), 9))
    settings = ExportSettings(contrastive_components=2, contrastive_share=0.8, leading="imagery")
    matrix, bias = component_layer(hidden, layer, 16, settings, images)
    values = hidden @ matrix.T + bias
    lead = np.column_stack([values[:, :2], np.ones(len(values))])
    fitted = lead @ np.linalg.lstsq(lead, shown, rcond=None)[0]
    assert ((fitted - shown).var(0) < 0.02 * shown.var(0)).all()
    covariance = np.cov(values.T)
    np.testing.assert_allclose(np.trace(covariance[:2, :2]) / np.trace(covariance), 0.8, rtol=1e-3)
    np.testing.assert_allclose(covariance[:2, 2:], 0, atol=1e-9)


def test_without_images_nothing_leads(hidden: np.ndarray, layer: np.ndarray) -> None:
    settings = ExportSettings(contrastive_components=5, leading="imagery")
    matrix, bias = component_layer(hidden, layer, 4, settings)
    wanted = component_layer(hidden, layer, 4, ExportSettings())
    np.testing.assert_allclose(matrix, wanted[0])
    np.testing.assert_allclose(bias, wanted[1])


def test_whitening_leaves_what_holds_nothing_alone() -> None:
    """More dimensions than the hidden layer has: some have no variance but rounding."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 4))
    weights = {"last_layer.weight": rng.normal(size=(9, 4)), "last_layer.bias": np.zeros(9)}
    raw = hidden @ weights["last_layer.weight"].T
    done = postprocess(weights, raw, ExportSettings(postprocess="whiten", shrinkage=0))
    values = hidden @ done["last_layer.weight"].T + done["last_layer.bias"]
    variances = np.linalg.eigvalsh(np.cov(values.T))
    np.testing.assert_allclose(variances[-4:], 1, atol=1e-6)
    np.testing.assert_allclose(variances[:-4], 0, atol=1e-6)


@pytest.mark.parametrize("kind", ["standardise", "whiten"])
def test_an_embedding_of_one_dimension_is_post_processed(kind: str) -> None:
    hidden = np.random.default_rng(0).normal(3, 2, (500, 4))
    weights = {"last_layer.weight": np.ones((1, 4)), "last_layer.bias": np.zeros(1)}
    done = postprocess(weights, hidden @ np.ones((4, 1)), ExportSettings(postprocess=kind))
    values = hidden @ done["last_layer.weight"].T + done["last_layer.bias"]
    np.testing.assert_allclose([values.mean(), values.std(ddof=1)], [0, 1], atol=1e-10)
