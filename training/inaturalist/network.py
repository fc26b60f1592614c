"""The prior as a torch module: a positional encoding, a network, one logit for each species."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from satclip_core.encodings import ENCODINGS, encoding_dim
from satclip_core.networks import forward

from .settings import PriorSettings

DROPOUT = 0.5
RESIDUAL_BLOCKS = 4


class GeoPrior(nn.Module):
    """P(y | place) for every species, each for itself: sigmoid of a logit.

    Args:
        settings: encoding, network and sizes.
        classes: C, the number of species.
    """

    def __init__(self, settings: PriorSettings, classes: int) -> None:
        super().__init__()
        self.settings, self.classes = settings, classes
        width = encoding_dim(settings.encoding, settings.features)
        self.nnet = _layers(settings, width, classes)

    def encode(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Features of places: (N, 2) degrees -> (N, features) float32, computed in float64."""
        encoding = ENCODINGS[self.settings.encoding]
        features: torch.Tensor = encoding(lonlat.double(), self.settings.features, torch)
        return features.float()

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Places (N, 2) in degrees, lon first -> logits (N, C)."""
        weights = dict(self.nnet.named_parameters(remove_duplicate=False))
        dropped = self.training and self.settings.network == "fcnet"
        logits: torch.Tensor = forward(
            self.settings.network, weights, self.encode(lonlat), torch, _drop if dropped else None
        )
        return logits


def _drop(hidden: torch.Tensor) -> torch.Tensor:
    return nn.functional.dropout(hidden, DROPOUT, training=True)


def _layers(settings: PriorSettings, width: int, classes: int) -> nn.Module:
    hidden, count = settings.hidden, settings.layers
    holder: Any = nn.Module()
    if settings.network == "linear":
        return nn.Linear(width, classes)
    if settings.network == "siren":
        sizes = [width] + [hidden] * count
        holder.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        holder.last_layer = nn.Linear(hidden, classes)
        for index, layer in enumerate([*holder.layers, holder.last_layer]):
            bound = math.sqrt(6 / layer.in_features) if index else 1 / layer.in_features
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)
    elif settings.network == "fcnet":
        blocks = [nn.Module() for _ in range(RESIDUAL_BLOCKS)]
        for block in blocks:
            block.w1, block.w2 = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        holder.feats = nn.ModuleList([nn.Linear(width, hidden), nn.ReLU(), *blocks])
        holder.class_emb = nn.Linear(hidden, classes, bias=False)
    else:
        repeated: list[nn.Module] = [nn.Linear(hidden, hidden), nn.ReLU()] * count
        first = [nn.Linear(width, hidden), nn.ReLU()]
        holder.features = nn.ModuleList([*first, *repeated, nn.Linear(hidden, classes)])
    return holder
