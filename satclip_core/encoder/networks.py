"""The networks behind a positional encoding: forward passes over an array module.

A network is a dict of arrays under the published state-dict names and a function that starts
after the first affine layer. Splitting there lets the grid fast path replace that layer by
its folded form and share the rest. ``xp`` is numpy or torch; dropout is handed in by
training, as a function of an array, and absent otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compute.blas import product

Weights = Mapping[str, Any]
Dropout = Callable[[Any], Any]

# Sitzmann et al. 2020: the frequency factor of the first sine layer, and of the later ones.
FIRST_OMEGA = 30.0
HIDDEN_OMEGA = 1.0


@dataclass(frozen=True)
class Network:
    """A network: the name of its first affine layer, and what follows it."""

    first: str
    rest: Callable[[Any, Weights, Any, Dropout | None], Any]


def affine(x: Any, weights: Weights, layer: str) -> Any:
    """x Wᵀ + b for the layer called `layer`; b may be absent. (N, in) -> (N, out)."""
    weight = weights[f"{layer}.weight" if layer else "weight"].T
    y = product(x, weight) if isinstance(x, np.ndarray) else x @ weight
    bias = weights.get(f"{layer}.bias" if layer else "bias")
    return y if bias is None else y + bias


def forward(
    network: str, weights: Weights, features: Any, xp: Any = np, dropout: Dropout | None = None
) -> Any:
    """Run `network` on encoded points.

    Args:
        network: a key of `NETWORKS`.
        weights: arrays of module `xp` under the published names, e.g. `layers.0.weight`.
        features: (N, features).
        xp: numpy or torch.
        dropout: applied where the published code drops out while training; None otherwise.

    Returns:
        (N, dim) in the dtype of the inputs.
    """
    net = NETWORKS[network]
    return net.rest(affine(features, weights, net.first), weights, xp, dropout)


def numbered_layers(weights: Weights, pattern: str, start: int, step: int = 1) -> list[int]:
    """The indices start, start + step, … for which `pattern.format(index)` is in `weights`."""
    indices = []
    while pattern.format(start) in weights:
        indices.append(start)
        start += step
    return indices


def _linear(h: Any, weights: Weights, xp: Any, dropout: Dropout | None) -> Any:
    return h


def _siren(h: Any, weights: Weights, xp: Any, dropout: Dropout | None) -> Any:
    """Sine layers, then a linear one; dropout sits before the sine, as published."""
    drop = dropout or _keep
    h = xp.sin(FIRST_OMEGA * drop(h))
    for index in numbered_layers(weights, "layers.{}.weight", 1):
        h = xp.sin(HIDDEN_OMEGA * drop(affine(h, weights, f"layers.{index}")))
    return affine(h, weights, "last_layer")


def _fcnet(h: Any, weights: Weights, xp: Any, dropout: Dropout | None) -> Any:
    """Linear, ReLU, residual blocks, a linear layer without bias (Mac Aodha et al. 2019)."""
    drop = dropout or _keep
    h = _relu(h, xp)
    for index in numbered_layers(weights, "feats.{}.w1.weight", 2):
        inner = drop(_relu(affine(h, weights, f"feats.{index}.w1"), xp))
        h = h + _relu(affine(inner, weights, f"feats.{index}.w2"), xp)
    return affine(h, weights, "class_emb")


def _mlp(h: Any, weights: Weights, xp: Any, dropout: Dropout | None) -> Any:
    """ReLU layers; the even indices of the published Sequential are the affine ones."""
    for index in numbered_layers(weights, "features.{}.weight", 2, 2):
        h = affine(_relu(h, xp), weights, f"features.{index}")
    return h


def _relu(x: Any, xp: Any) -> Any:
    return xp.clip(x, 0, None)


def _keep(x: Any) -> Any:
    return x


NETWORKS: dict[str, Network] = {
    "linear": Network("", _linear),
    "fcnet": Network("feats.0", _fcnet),
    "siren": Network("layers.0", _siren),
    "mlp": Network("features.0", _mlp),
}
