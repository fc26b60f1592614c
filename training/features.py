"""Frozen image features: random convolutional features, and their principal components.

An image encoder is anything with `encode(chips) -> (N, features)` and `arrays()`; pretrained
networks slot in beside `RandomConvolution`. `FeatureExtractor` puts principal components on
top, so that a cached view costs a few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from .config import FeatureSettings

RESPONSE_BYTES = 4_000_000
"""Responses computed at a time: what fits a core's cache runs six times faster than 32 MB."""
PATCHES = 200_000
EIGENVALUE_FLOOR = 1e-4
"""Of standardised responses: directions with less variance are noise, not stretched further."""


class ImageEncoder(Protocol):
    """A frozen map from chips to numbers."""

    def encode(self, chips: torch.Tensor) -> torch.Tensor:
        """(N, bands, n, n) float32 -> (N, features) float32."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make the encoder again."""
        ...


@dataclass(frozen=True)
class RandomConvolution:
    """Random convolutional features (MOSAIKS; Rolf et al. 2021, Nature Communications 12, 4392).

    Filters are patches drawn from the images, ZCA-whitened; a chip's features are the means over
    its pixels of relu(r - t) and relu(-r - t) for every response r, scaled to unit variance, and
    of r itself where `mean_response` is set.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    threshold: float
    mean_response: bool

    def encode(self, chips: torch.Tensor) -> torch.Tensor:
        """(N, bands, n, n) -> (N, 2 or 3 times filters)."""
        side = chips.shape[-1] - self.weight.shape[-1] + 1
        step = max(1, RESPONSE_BYTES // (4 * len(self.weight) * side * side))
        return torch.cat([self._encode(part) for part in chips.split(step)])

    def _encode(self, chips: torch.Tensor) -> torch.Tensor:
        response = torch.conv2d(chips, self.weight, self.bias).flatten(2)
        mean = response.mean(2)
        up = (response - self.threshold).relu_().mean(2)
        down = response.add_(self.threshold).neg_().relu_().mean(2)
        return torch.cat([up, down, mean] if self.mean_response else [up, down], 1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Filters and biases, and the settings that act after them."""
        return {
            "weight": self.weight.numpy(),
            "bias": self.bias.numpy(),
            "threshold": np.float32(self.threshold),
            "mean_response": np.bool_(self.mean_response),
        }


def fit_random_convolution(
    chips: torch.Tensor, settings: FeatureSettings, generator: torch.Generator
) -> RandomConvolution:
    """Draw filters from sample chips (N, bands, n, n), whitened by the patches' covariance."""
    size = settings.patch
    patches = torch.nn.functional.unfold(chips, size).transpose(1, 2).flatten(0, 1)
    patches = patches[torch.randperm(len(patches), generator=generator)[:PATCHES]]
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(
        torch.cov(patches.T).double().reshape([patches.shape[1]] * 2)
    )
    spread = values.clamp_min(0) + settings.regularisation * values.mean().clamp_min(1e-12)
    whiten = (vectors * spread.rsqrt() @ vectors.T).float()
    drawn = torch.randint(len(patches), (settings.filters,), generator=generator)
    filters = (patches[drawn] - mean) @ whiten
    filters = filters / filters.norm(dim=1, keepdim=True).clamp_min(1e-12)
    weight = filters @ whiten
    bias = -(weight @ mean)
    deviation = (patches @ weight.T + bias).std(0).clamp_min(1e-12)
    weight = (weight / deviation[:, None]).reshape(-1, chips.shape[1], size, size)
    return RandomConvolution(
        weight.contiguous(), bias / deviation, settings.threshold, settings.mean_response
    )


@dataclass(frozen=True)
class FeatureExtractor:
    """An image encoder followed by a projection on principal components: chips -> (N, dim)."""

    encoder: ImageEncoder
    matrix: torch.Tensor
    offset: torch.Tensor

    def __call__(
        self, chips: NDArray[Any], valid: NDArray[Any], least_valid: float
    ) -> NDArray[Any]:
        """Features of chips (N, bands, n, n), zero (the mean) where too few pixels are valid."""
        with torch.no_grad():
            features = self.encoder.encode(torch.from_numpy(chips)) @ self.matrix - self.offset
            features[torch.from_numpy(valid < least_valid)] = 0
        return features.numpy()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The encoder's arrays (prefix `encoder.`), the projection and its offset."""
        named = {f"encoder.{key}": value for key, value in self.encoder.arrays().items()}
        return {**named, "matrix": self.matrix.numpy(), "offset": self.offset.numpy()}


def extractor_from(arrays: Mapping[str, NDArray[Any]]) -> FeatureExtractor:
    """Make an extractor again from `FeatureExtractor.arrays`."""
    encoder = RandomConvolution(
        torch.from_numpy(arrays["encoder.weight"]),
        torch.from_numpy(arrays["encoder.bias"]),
        float(arrays["encoder.threshold"]),
        bool(arrays["encoder.mean_response"]),
    )
    return FeatureExtractor(
        encoder, torch.from_numpy(arrays["matrix"]), torch.from_numpy(arrays["offset"])
    )


def fit_extractor(chips: NDArray[Any], settings: FeatureSettings, seed: int) -> FeatureExtractor:
    """Fit filters and principal components on sample chips (N, bands, n, n).

    `settings.whitening` is the power of a component's variance that is divided out: 0 keeps the
    variances, 1 makes them all equal.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.from_numpy(chips)
    with torch.no_grad():
        encoder = fit_random_convolution(images, settings, generator)
        features = encoder.encode(images)
        mean, deviation = features.mean(0), features.std(0) + 1e-6
        covariance = torch.cov(((features - mean) / deviation).T).double()
        values, vectors = torch.linalg.eigh(covariance)
        values = values.flip(0)[: settings.dim].clamp_min(EIGENVALUE_FLOOR)
        matrix = vectors.flip(1)[:, : settings.dim] * values ** (-0.5 * settings.whitening)
        matrix = (matrix / deviation.double()[:, None]).float()
        return FeatureExtractor(encoder, matrix, mean @ matrix)
