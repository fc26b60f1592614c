"""The trainable location encoder: parameters under the published names, mathematics of the core."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from satclip_core.encoder.harmonics import spherical_harmonics
from satclip_core.encoder.networks import HIDDEN_OMEGA, forward

from ..settings.config import ModelSettings


class SirenNetwork(nn.Module):
    """Siren behind spherical harmonics, `layers.0 …, last_layer` as in the published code.

    The forward pass is `satclip_core.encoder.networks.forward`, the one that inference runs.

    Args:
        settings: sizes, dropout and initialisation.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.dropout = settings.dropout
        width, hidden = settings.legendre_polys**2, settings.capacity
        sizes = [width] + [hidden] * settings.num_hidden_layers
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.last_layer = nn.Linear(hidden, settings.embed_dim)
        self._initialise()

    def _initialise(self) -> None:
        """Sitzmann et al. 2020, section 3.2; biases as the weights, as published."""
        layers = [*self.layers, self.last_layer]
        for index, layer in enumerate(layers):
            bound = siren_bound(layer.in_features, first=index == 0)
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, L²) harmonics -> (N, embed_dim)."""
        weights = dict(self.named_parameters())
        drop = self._drop if self.training and self.dropout else None
        result: torch.Tensor = forward("siren", weights, features, torch, drop)
        return result

    def _drop(self, hidden: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(hidden, self.dropout, training=True)


def siren_bound(inputs: int, *, first: bool) -> float:
    """Weights and biases of a sine layer start in ±this (Sitzmann et al. 2020, section 3.2)."""
    return 1 / inputs if first else math.sqrt(6 / inputs) / HIDDEN_OMEGA


class LocationModel(nn.Module):
    """Harmonics and network together; holds the network as `nnet`, as the published code does.

    While training, the harmonics of degree l are scaled by
    `feature_gain * (1 + l / degree_reference) ** -degree_decay`: the encoder starts smooth and
    learns detail more slowly. The factor is folded into the first layer when weights are handed
    out (`inference_weights`), so a saved model is a plain Siren(SH).
    """

    feature_scale: torch.Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.nnet = SirenNetwork(settings)
        self.degree, self.basis = settings.legendre_polys, settings.harmonics_calculation
        degrees = torch.arange(self.degree**2, dtype=torch.float64).sqrt().floor()
        decay = (1 + degrees / settings.degree_reference) ** -settings.degree_decay
        scale = (settings.feature_gain * decay).float()
        self.register_buffer("feature_scale", scale, persistent=False)

    def encode(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Scaled harmonics of places, computed in float64: (N, 2) degrees -> (N, L²).

        They come on the device and in the precision of the parameters.
        """
        scale = self.feature_scale
        # Apple's GPUs know no float64.
        work = torch.device("cpu") if scale.device.type == "mps" else scale.device
        values = harmonics(lonlat.to(work), self.degree, self.basis) * scale.to(work)
        encoded: torch.Tensor = values.to(scale.dtype).to(scale.device)
        return encoded

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """(N, 2) degrees, lon first -> (N, embed_dim)."""
        result: torch.Tensor = self.nnet(self.encode(lonlat))
        return result

    def inference_weights(self) -> dict[str, torch.Tensor]:
        """Copies of the weights for plain harmonics, under the names within `nnet`."""
        weights = {key: value.detach().clone() for key, value in self.nnet.named_parameters()}
        weights["layers.0.weight"] *= self.feature_scale
        return weights


def harmonics(lonlat: torch.Tensor, degree: int, basis: str) -> Any:
    """Spherical harmonics by the core's recurrence: (N, 2) degrees -> (N, L²) float64."""
    return spherical_harmonics(lonlat.double(), degree, basis, torch)
