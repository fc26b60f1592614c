"""Frozen image features: random convolutional features, and their principal components.

An image encoder is anything with `encode(chips) -> (N, features)` and `arrays()`; pretrained
networks (`timm_encoder`) and those of installed packages (`ImageEncoderKind`) slot in beside
`RandomConvolution`. `FeatureExtractor` puts principal
components on top, so that a cached view costs a few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import InputError

from ..settings.config import FeatureSettings

RESPONSE_BYTES = 4_000_000
"""Responses computed at a time: what fits a core's cache runs six times faster than 32 MB."""
PATCHES = 200_000
WINDOW = 64
"""Filters are drawn from this part of the images of a batch, which unfolded would take 2 GB."""
EIGENVALUE_FLOOR = 1e-4
"""Of standardised responses: directions with less variance are noise, not stretched further."""


class ImageEncoder(Protocol):
    """A frozen map from chips to numbers."""

    @property
    def width(self) -> int:
        """Number of features."""
        ...

    def encode(self, chips: torch.Tensor) -> torch.Tensor:
        """(N, bands, n, n) float32 -> (N, features) float32."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make the encoder again, or to know it again."""
        ...

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of a pretrained network; None where it is none."""
        ...


@dataclass(frozen=True)
class ImageEncoderKind:
    """An image encoder that an installed package brings, as the registry has it.

    Attributes:
        settings: a frozen dataclass, every field with a default; what `features.settings` says.
        open: (settings, bands, side of an image in pixels, seed) -> the encoder. The same arguments
            give the same encoder; its `arrays` are kept with the cache and compared.
    """

    settings: type[Any]
    open: Callable[[Any, int, int, int], ImageEncoder]


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

    @property
    def width(self) -> int:
        """Two or three features a filter."""
        return len(self.weight) * (3 if self.mean_response else 2)

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

    def backbone(self) -> None:
        """None: its filters lie in the cache, and nobody else's loader knows them."""
        return


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
    """An image encoder, and a projection on principal components where there is one."""

    encoder: ImageEncoder
    matrix: torch.Tensor | None = None
    offset: torch.Tensor | None = None

    @property
    def width(self) -> int:
        """Number of features."""
        return self.encoder.width if self.matrix is None else int(self.matrix.shape[1])

    def __call__(
        self, chips: NDArray[Any], valid: NDArray[Any], least_valid: float
    ) -> NDArray[Any]:
        """Features of chips (N, bands, n, n), zero where too few pixels are valid.

        Zero is the mean of principal components. The encoder runs in float32, whatever precision
        the step around it trains in.
        """
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            features = self.encoder.encode(torch.from_numpy(chips))
            if self.matrix is not None and self.offset is not None:
                features = features @ self.matrix - self.offset
            features[torch.from_numpy(valid < least_valid)] = 0
        return features.numpy()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The encoder's arrays (prefix `encoder.`), the projection and its offset."""
        named = {f"encoder.{key}": value for key, value in self.encoder.arrays().items()}
        if self.matrix is None or self.offset is None:
            return {**named, "width": np.asarray(self.width)}
        return {**named, "matrix": self.matrix.numpy(), "offset": self.offset.numpy()}

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of a pretrained network whose features are handed on as they are, else None."""
        return self.encoder.backbone() if self.matrix is None else None


def extractor_from(
    arrays: Mapping[str, NDArray[Any]], encoder: ImageEncoder | None = None
) -> FeatureExtractor:
    """Make an extractor again from `FeatureExtractor.arrays`.

    Args:
        arrays: what was stored.
        encoder: the pretrained network, which is not stored; it must be the one that was used.
    """
    if encoder is None:
        encoder = RandomConvolution(
            torch.from_numpy(arrays["encoder.weight"]),
            torch.from_numpy(arrays["encoder.bias"]),
            float(arrays["encoder.threshold"]),
            bool(arrays["encoder.mean_response"]),
        )
    else:
        for key, value in encoder.arrays().items():
            stored = arrays.get(f"encoder.{key}")
            if stored is None or not np.array_equal(stored, value):
                raise InputError(f"the cache was made by an image encoder with another {key}")
    if "matrix" not in arrays:
        return FeatureExtractor(encoder)
    return FeatureExtractor(
        encoder, torch.from_numpy(arrays["matrix"]), torch.from_numpy(arrays["offset"])
    )


def fit_extractor(
    chips: NDArray[Any] | Iterable[NDArray[Any]],
    settings: FeatureSettings,
    seed: int,
    encoder: ImageEncoder | None = None,
) -> FeatureExtractor:
    """Fit filters and principal components on sample chips (N, bands, n, n), or batches of them.

    Args:
        chips: the samples; batches are encoded one after another, and only features are kept.
        settings: `dim` components, 0 for the encoder's features as they are; `whitening` is the
            power of a component's variance that is divided out: 0 keeps the variances, 1 makes
            them all equal.
        seed: of the filters.
        encoder: a pretrained network; random convolutional features are fitted where it is None.
    """
    batches = iter([chips] if isinstance(chips, np.ndarray) else chips)
    features: list[torch.Tensor] = []
    with torch.no_grad():
        if encoder is None:
            first = torch.from_numpy(next(batches))
            generator = torch.Generator().manual_seed(seed)
            sample = first if isinstance(chips, np.ndarray) else _window(first)
            encoder = fit_random_convolution(sample, settings, generator)
            features = [encoder.encode(first)] if settings.dim else []
        if not settings.dim:
            return FeatureExtractor(encoder)
        features += [encoder.encode(torch.from_numpy(batch)) for batch in batches]
        return _with_components(encoder, torch.cat(features), settings)


def _window(images: torch.Tensor) -> torch.Tensor:
    """What filters are drawn from: all of small images, the middle of large ones."""
    start = max(0, (images.shape[-1] - WINDOW) // 2)
    return images[:, :, start : start + WINDOW, start : start + WINDOW]


def _with_components(
    encoder: ImageEncoder, features: torch.Tensor, settings: FeatureSettings
) -> FeatureExtractor:
    if settings.dim > features.shape[1]:
        raise InputError(
            f"features.dim: {settings.dim} is more than the {features.shape[1]} features"
        )
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    covariance = torch.cov(((features - mean) / deviation).T).double()
    values, vectors = torch.linalg.eigh(covariance)
    values = values.flip(0)[: settings.dim].clamp_min(EIGENVALUE_FLOOR)
    matrix = vectors.flip(1)[:, : settings.dim] * values ** (-0.5 * settings.whitening)
    matrix = (matrix / deviation.double()[:, None]).float()
    return FeatureExtractor(encoder, matrix, mean @ matrix)
