"""The networks behind a positional encoding: forward passes over an array module.

A network is a dict of arrays under the published state-dict names and a `Network` in the registry
`NETWORKS`, to which installed packages add theirs (docs/extending.md). Those of the zoo start with
an affine layer, and are split after it: the grid fast path replaces that layer by its folded form
and shares the rest. ``xp`` is numpy or torch; dropout is handed in by training, as a function of an
array, and absent otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Callable

import numpy as np

from ..errors import InputError
from ..extensions import Registry
from .capsules import CapsuleSettings, capsule_parameters, capsules
from .feature_grid import FeatureGridSettings, feature_grid, feature_grid_parameters
from .feedforward import (
    FeedforwardSettings,
    RandomFourierSettings,
    TiledSettings,
    feedforward,
    feedforward_parameters,
    random_fourier,
    random_fourier_parameters,
    tile_parameters,
    tiles,
)
from .layers import Dropout, Parameter, Weights, affine, affine_parameters, numbered_layers
from .transformer import TransformerSettings, token_transformer, transformer_parameters

# Sitzmann et al. 2020: the frequency factor of the first sine layer, and of the later ones.
FIRST_OMEGA = 30.0
HIDDEN_OMEGA = 1.0
# Mac Aodha et al. 2019.
FCNET_BLOCKS = 4

Rest = Callable[[Any, Weights, Any, "Dropout | None"], Any]


@dataclass(frozen=True)
class Sizes:
    """Sizes of the zoo's networks; the weights say them too, so model files need not.

    Attributes:
        capacity: width of hidden layers.
        num_hidden_layers: sine layers of siren, hidden layers of mlp.
    """

    capacity: int = 512
    num_hidden_layers: int = 2

    def __post_init__(self) -> None:
        for name in ("capacity", "num_hidden_layers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: it must be 1 or more")


@dataclass(frozen=True)
class Network:
    """A network, as the registry has it.

    Attributes:
        forward: (features (N, width), weights, settings, xp, dropout or None) -> (N, dim).
        parameters: (width, dim, settings) -> the arrays of weights, in order, and how they start.
        settings: a frozen dataclass, as of `encodings.Encoding`; `Sizes` where the weights say all
            that `forward` needs, which then gets None.
        last: weights -> name of an affine layer that gives the output, into which what is done to
            embeddings at export is folded; None where there is none.
        first: name of the affine layer that the network begins with, "" for `weight` and `bias`
            themselves; None where it begins otherwise.
        rest: what follows that layer.
        rows: places at a time that keep numpy's activations in a core's cache; 0 for any.
        fine: whether the output may vary over any distance, whatever the features do.
    """

    forward: Callable[[Any, Weights, Any, Any, Dropout | None], Any]
    parameters: Callable[[int, int, Any], Sequence[Parameter]]
    settings: type[Any] = Sizes
    last: Callable[[Weights], str | None] = field(default=lambda weights: None)
    first: str | None = None
    rest: Rest | None = None
    rows: int = 0
    fine: bool = False


def forward(
    network: str,
    weights: Weights,
    features: Any,
    xp: Any = np,
    dropout: Dropout | None = None,
    settings: Any = None,
) -> Any:
    """Run `network` on encoded points.

    Args:
        network: a key of `NETWORKS`.
        weights: arrays of module `xp` under the published names, e.g. `layers.0.weight`.
        features: (N, features).
        xp: numpy or torch.
        dropout: applied where the published code drops out while training; None otherwise.
        settings: of the network, where it has any beside its sizes.

    Returns:
        (N, dim) in the dtype of the inputs.
    """
    return NETWORKS[network].forward(features, weights, settings, xp, dropout)


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
    """Linear, ReLU, residual blocks, a linear layer without bias (Mac Aodha et al. 2019).

    Without that layer, which tells classes, the output is what they are told from.
    """
    drop = dropout or _keep
    h = _relu(h, xp)
    for index in numbered_layers(weights, "feats.{}.w1.weight", 2):
        inner = drop(_relu(affine(h, weights, f"feats.{index}.w1"), xp))
        h = h + _relu(affine(inner, weights, f"feats.{index}.w2"), xp)
    return affine(h, weights, "class_emb") if "class_emb.weight" in weights else h


def _mlp(h: Any, weights: Weights, xp: Any, dropout: Dropout | None) -> Any:
    """ReLU layers; the even indices of the published Sequential are the affine ones."""
    for index in numbered_layers(weights, "features.{}.weight", 2, 2):
        h = affine(_relu(h, xp), weights, f"features.{index}")
    return h


def _relu(x: Any, xp: Any) -> Any:
    return xp.clip(x, 0, None)


def _keep(x: Any) -> Any:
    return x


def siren_bound(inputs: int, *, first: bool) -> float:
    """Weights and biases of a sine layer start in ±this (Sitzmann et al. 2020, section 3.2)."""
    return 1 / inputs if first else sqrt(6 / inputs) / HIDDEN_OMEGA


def linear_bound(inputs: int) -> float:
    """Weights and biases of torch.nn.Linear start in ±this."""
    return 1 / sqrt(inputs)


def _linear_parameters(width: int, dim: int, sizes: Sizes) -> list[Parameter]:
    return affine_parameters("", width, dim, linear_bound(width))


def _siren_parameters(width: int, dim: int, sizes: Sizes) -> list[Parameter]:
    """Biases start as the weights do, as published."""
    inputs = [width] + [sizes.capacity] * sizes.num_hidden_layers
    outputs = [*inputs[1:], dim]
    names = [*(f"layers.{i}" for i in range(sizes.num_hidden_layers)), "last_layer"]
    made = []
    for index, (name, a, b) in enumerate(zip(names, inputs, outputs)):
        made += affine_parameters(name, a, b, siren_bound(a, first=index == 0))
    return made


def _fcnet_parameters(width: int, dim: int, sizes: Sizes) -> list[Parameter]:
    hidden = sizes.capacity
    made = affine_parameters("feats.0", width, hidden, linear_bound(width))
    for index in range(2, 2 + FCNET_BLOCKS):
        for layer in ("w1", "w2"):
            made += affine_parameters(
                f"feats.{index}.{layer}", hidden, hidden, linear_bound(hidden)
            )
    return made + affine_parameters("class_emb", hidden, dim, linear_bound(hidden), bias=False)


def _mlp_parameters(width: int, dim: int, sizes: Sizes) -> list[Parameter]:
    """Every hidden layer has weights of its own; the published code repeats one."""
    inputs = [width] + [sizes.capacity] * sizes.num_hidden_layers
    made = []
    for index, (a, b) in enumerate(zip(inputs, [*inputs[1:], dim])):
        made += affine_parameters(f"features.{2 * index}", a, b, linear_bound(a))
    return made


def _named(name: str) -> Callable[[Weights], str | None]:
    return lambda weights: name


def _last_of_fcnet(weights: Weights) -> str | None:
    return "class_emb" if "class_emb.weight" in weights else None


def _last_of_mlp(weights: Weights) -> str:
    return f"features.{numbered_layers(weights, 'features.{}.weight', 0, 2)[-1]}"


def _affine_first(
    first: str,
    rest: Rest,
    parameters: Callable[[int, int, Sizes], Sequence[Parameter]],
    last: Callable[[Weights], str | None],
) -> Network:
    """A network of the zoo, split after its first layer."""

    def run(features: Any, weights: Weights, settings: Any, xp: Any, drop: Dropout | None) -> Any:
        return rest(affine(features, weights, first), weights, xp, drop)

    return Network(run, parameters, last=last, first=first, rest=rest)


NETWORKS: Registry[Network] = Registry(
    "satclip.networks",
    "network",
    ("forward", "parameters", "settings"),
    {
        "linear": _affine_first("", _linear, _linear_parameters, _named("")),
        "fcnet": _affine_first("feats.0", _fcnet, _fcnet_parameters, _last_of_fcnet),
        "siren": _affine_first("layers.0", _siren, _siren_parameters, _named("last_layer")),
        "mlp": _affine_first("features.0", _mlp, _mlp_parameters, _last_of_mlp),
        "transformer": Network(
            token_transformer,
            transformer_parameters,
            TransformerSettings,
            last=lambda weights: "last_layer" if "last_layer.weight" in weights else None,
            rows=64,
        ),
        "featuregrid": Network(
            feature_grid,
            feature_grid_parameters,
            FeatureGridSettings,
            last=lambda weights: "last_layer",
        ),
        "capsules": Network(capsules, capsule_parameters, CapsuleSettings, rows=512, fine=True),
        "feedforward": Network(feedforward, feedforward_parameters, FeedforwardSettings, rows=256),
        "randomfourier": Network(
            random_fourier, random_fourier_parameters, RandomFourierSettings, rows=256, fine=True
        ),
        "tiles": Network(tiles, tile_parameters, TiledSettings, rows=256, fine=True),
    },
)
"""Networks by name: the zoo's, UniGeoCLIP's, a feature grid, GeoCLIP's, TorchSpatial's, installed
packages'."""
