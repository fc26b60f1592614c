"""The trainable location encoder: parameters under the published names, mathematics of the core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from satclip_core.encoder import EncoderConfig
from satclip_core.encoder.encodings import ENCODINGS
from satclip_core.encoder.layers import Parameter
from satclip_core.encoder.networks import NETWORKS, forward

from ..settings.config import HARMONICS, ModelSettings


class NetworkModule(nn.Module):
    """A network of the core with its weights as parameters, under their published names.

    The forward pass is `satclip_core.encoder.networks.forward`, the one that inference runs.

    Args:
        network: a key of `NETWORKS`.
        weights: by name, e.g. `layers.0.weight`.
        settings: of the network, where it has any beside its sizes.
        dropout: share that is dropped while training, where the network drops.
    """

    def __init__(
        self,
        network: str,
        weights: Mapping[str, torch.Tensor],
        settings: Any = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.network, self.settings, self.dropout = network, settings, dropout
        register(self, weights)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, width) features -> (N, dim)."""
        weights = dict(self.named_parameters())
        drop = self._drop if self.training and self.dropout else None
        result: torch.Tensor = forward(
            self.network, weights, features, torch, drop, settings=self.settings
        )
        return result

    def _drop(self, hidden: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(hidden, self.dropout, training=True)


def register(module: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Make weights parameters of a module, under their names: `layers.0.weight`, say."""
    for name, value in weights.items():
        *parents, last = name.split(".")
        home = module
        for parent in parents:
            if parent not in home._modules:
                home.add_module(parent, nn.Module())
            home = home.get_submodule(parent)
        home.register_parameter(last, nn.Parameter(value))


def drawn(parameters: Sequence[Parameter]) -> dict[str, torch.Tensor]:
    """Weights before training, from torch's global seed, in the order of the parameters."""
    weights = {}
    for parameter in parameters:
        value = torch.full(parameter.shape, parameter.constant)
        if parameter.bound is not None:
            value.uniform_(-parameter.bound, parameter.bound)
        elif parameter.deviation is not None:
            value.normal_(0, parameter.deviation)
        weights[parameter.name] = value
    return weights


def initial_network(settings: ModelSettings) -> NetworkModule:
    """The network of a run before training, from torch's global seed."""
    config, network = settings.architecture, NETWORKS[settings.network.kind]
    parameters = network.parameters(config.width, settings.embed_dim, settings.sizes)
    if settings.network.kind == "siren":
        # Runs have always drawn twice, first as torch.nn.Linear does: theirs stay what they were.
        drawn(parameters)
    weights = drawn(parameters)
    return NetworkModule(settings.network.kind, weights, config.network_settings, settings.dropout)


class LocationModel(nn.Module):
    """Encoding and network together; holds the network as `nnet`, as the published code does.

    While training, features are scaled by `feature_gain`, the harmonics of degree l also by
    `(1 + l / degree_reference) ** -degree_decay`: the encoder starts smooth and learns detail more
    slowly. The factor is folded into the first layer when weights are handed out
    (`inference_weights`), so a saved model is a plain encoder.
    """

    feature_scale: torch.Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.nnet = initial_network(settings)
        self.config = settings.architecture
        decay = torch.ones(self.config.width, dtype=torch.float64)
        if settings.encoding.kind == HARMONICS:
            degrees = torch.arange(self.config.width, dtype=torch.float64).sqrt().floor()
            decay = (1 + degrees / settings.degree_reference) ** -settings.degree_decay
        scale = (settings.feature_gain * decay).float()
        self.register_buffer("feature_scale", scale, persistent=False)

    @property
    def first_layer(self) -> str | None:
        """Prefix of the names of the network's first affine layer; None where it has none."""
        first = getattr(NETWORKS[self.config.network], "first", None)
        return f"{first}." if first else first

    def encode(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Scaled features of places, computed in float64: (N, 2) degrees -> (N, width).

        They come on the device and in the precision of the parameters.
        """
        scale = self.feature_scale
        # Apple's GPUs know no float64.
        work = torch.device("cpu") if scale.device.type == "mps" else scale.device
        values = encoded(lonlat.to(work), self.config) * scale.to(work)
        features: torch.Tensor = values.to(scale.dtype).to(scale.device)
        return features

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """(N, 2) degrees, lon first -> (N, embed_dim)."""
        result: torch.Tensor = self.nnet(self.encode(lonlat))
        return result

    def inference_weights(self) -> dict[str, torch.Tensor]:
        """Copies of the weights for plain features, under the names within `nnet`."""
        weights = {key: value.detach().clone() for key, value in self.nnet.named_parameters()}
        if self.first_layer is not None:
            weights[f"{self.first_layer}weight"] *= self.feature_scale
        return weights

    @torch.no_grad()
    def take(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take up weights for plain features, as `inference_weights` gives them."""
        for key, parameter in self.nnet.named_parameters():
            value = weights[key].to(parameter)
            first = self.first_layer is not None and key == f"{self.first_layer}weight"
            parameter.copy_(value / self.feature_scale if first else value)


def encoded(lonlat: torch.Tensor, config: EncoderConfig, arrays: Any = torch) -> Any:
    """Features by the core's encoding: (N, 2) degrees -> (N, width) float64.

    Args:
        lonlat: places.
        config: the architecture.
        arrays: torch, or something with its functions.
    """
    return ENCODINGS[config.encoding].features(lonlat.double(), config.settings, arrays)
