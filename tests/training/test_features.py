"""Random convolutional features against their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satclip_training.images.features import (
    RandomConvolution,
    extractor_from,
    fit_extractor,
    fit_random_convolution,
)
from satclip_training.settings.config import FeatureSettings


def chips(count: int = 300, bands: int = 2, side: int = 7) -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(count, bands, 1, 1)) * 20 + 100
    return (smooth + rng.normal(size=(count, bands, side, side)) * 8).astype(np.float32)


def test_features_follow_the_definition() -> None:
    weight = torch.randn(4, 2, 3, 3)
    bias = torch.randn(4)
    encoder = RandomConvolution(weight, bias, 0.5, True)
    images = torch.randn(5, 2, 6, 6)
    wanted = []
    for image in images:
        responses = torch.stack(
            [
                (image[:, r : r + 3, c : c + 3] * weight).sum((1, 2, 3)) + bias
                for r in range(4)
                for c in range(4)
            ]
        )
        up, down = (responses - 0.5).clamp_min(0), (-responses - 0.5).clamp_min(0)
        wanted.append(torch.cat([up.mean(0), down.mean(0), responses.mean(0)]))
    torch.testing.assert_close(encoder.encode(images), torch.stack(wanted), atol=1e-5, rtol=1e-5)


def test_responses_have_unit_variance_over_patches() -> None:
    images = torch.from_numpy(chips())
    settings = FeatureSettings(filters=20)
    encoder = fit_random_convolution(images, settings, torch.Generator().manual_seed(0))
    responses = torch.conv2d(images, encoder.weight, encoder.bias)
    np.testing.assert_allclose(responses.std((0, 2, 3)), 1, atol=0.1)
    np.testing.assert_allclose(responses.mean((0, 2, 3)), 0, atol=0.1)


@pytest.mark.parametrize("whitening", [0.0, 1.0])
def test_components_are_uncorrelated_and_whitened_as_asked(whitening: float) -> None:
    images = chips()
    settings = FeatureSettings(filters=16, dim=6, whitening=whitening)
    extract = fit_extractor(images, settings, seed=0)
    values = extract(images, np.ones(len(images), np.float32), 0.5)
    covariance = np.cov(values.T)
    spread = np.diag(covariance)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-3)
    assert np.abs(covariance - np.diag(spread)).max() < 0.02 * spread.max()
    assert (np.diff(spread) < 0).all() if whitening == 0 else np.allclose(spread, 1, atol=0.02)


def test_the_scale_of_the_pixels_does_not_matter() -> None:
    images, valid = chips(), np.ones(300, np.float32)
    settings = FeatureSettings(filters=16, dim=6, whitening=0)
    small = fit_extractor(images, settings, 0)(images, valid, 0.5)
    large = fit_extractor(images * 40, settings, 0)(images * 40, valid, 0.5)
    # Signs of components are free, their sizes are not.
    np.testing.assert_allclose(np.abs(small), np.abs(large), atol=0.05)


def test_chips_with_too_few_valid_pixels_are_the_mean() -> None:
    images = chips()
    extract = fit_extractor(images, FeatureSettings(filters=16, dim=6), 0)
    valid = np.linspace(0, 1, len(images)).astype(np.float32)
    values = extract(images, valid, 0.5)
    assert (values[valid < 0.5] == 0).all()
    assert (values[valid >= 0.5] != 0).all()


def test_an_extractor_is_the_same_after_storing() -> None:
    images, valid = chips(), np.ones(300, np.float32)
    extract = fit_extractor(images, FeatureSettings(filters=16, dim=6), 0)
    again = extractor_from(extract.arrays())
    np.testing.assert_array_equal(again(images, valid, 0.5), extract(images, valid, 0.5))


def test_constant_images_give_finite_features() -> None:
    images = np.full((50, 3, 7, 7), 9, np.float32)
    extract = fit_extractor(images, FeatureSettings(filters=8, dim=4), 0)
    assert np.isfinite(extract(images, np.ones(50, np.float32), 0.5)).all()
