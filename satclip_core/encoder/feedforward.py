"""TorchSpatial's network behind a positional encoding, and two that learn or draw their features.

Wu et al. 2024 (TorchSpatial), Mai et al. 2020 (Space2Vec) and 2023 (Sphere2Vec, CSP): layers of a
linear map, an activation, the input again where it is as wide, and layer normalisation; the last
one ends with the activation. Names of weights are the published ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np

from ..compute.blas import product
from ..errors import InputError, ModelError
from .layers import Dropout, Parameter, Weights, affine, numbered_layers
from .transformer import gelu, layer_norm

_SLOPE = 0.2
_MOST_TILES = 2**24
_MOST_FREQUENCIES = 2**14


def _sigmoid(x: Any, xp: Any) -> Any:
    return 0.5 * (1 + xp.tanh(0.5 * x))  # cannot overflow


ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda x, xp: xp.clip(x, 0, None),
    "leakyrelu": lambda x, xp: xp.where(x > 0, x, _SLOPE * x),
    "sigmoid": _sigmoid,
    "tanh": lambda x, xp: xp.tanh(x),
    "gelu": gelu,
}
"""By their published names; `leakyrelu` keeps a fifth of what is below zero."""


@dataclass(frozen=True)
class FeedforwardSettings:
    """The network, as far as the weights do not say it.

    Attributes:
        activation: one of `ACTIVATIONS`.
        skip: whether a hidden layer that is as wide as its input adds it.
        hidden: width of the hidden layers, before training.
        layers: hidden layers, before training.
        norm: whether hidden layers are normalised, before training.
    """

    activation: str = "leakyrelu"
    skip: bool = True
    hidden: int = 512
    layers: int = 1
    norm: bool = True

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise InputError(
                f"activation is {self.activation!r}: it is none of {', '.join(ACTIVATIONS)}"
            )
        for name in ("hidden", "layers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: it must be 1 or more")


@dataclass(frozen=True)
class RandomFourierSettings(FeedforwardSettings):
    """Random Fourier features before the network.

    Attributes:
        frequencies: how many.
        kernel_size: variance of the directions they are drawn with.
    """

    frequencies: int = 64
    kernel_size: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.frequencies <= _MOST_FREQUENCIES:
            raise InputError(f"frequencies is {self.frequencies}, outside 1..{_MOST_FREQUENCIES}")
        if not self.kernel_size > 0:
            raise InputError(f"kernel_size is {self.kernel_size}: it must be above 0")


@dataclass(frozen=True)
class TiledSettings(FeedforwardSettings):
    """Learnt values of tiles before the network.

    Attributes:
        count: tiles, as the encoding `tile` numbers them; before training.
        channels: values of each; before training.
    """

    count: int = 648
    channels: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.count <= _MOST_TILES or self.channels < 1:
            raise InputError(f"count is {self.count} and channels {self.channels}: out of range")


def feedforward(
    features: Any,
    weights: Weights,
    settings: FeedforwardSettings,
    xp: Any = np,
    dropout: Dropout | None = None,
) -> Any:
    """Hidden layers, then the last one, which is neither skipped nor normalised.

    Args:
        features: (N, width).
        weights: `layers.I.linear.weight`, `.bias`, and `layers.I.layernorm.weight`, `.bias` of
            hidden layers that are normalised.
        settings: activation and skip connections.
        xp: numpy or torch.
        dropout: after each activation while training; None otherwise.

    Returns:
        (N, dim).
    """
    h = features
    indices = numbered_layers(weights, "layers.{}.linear.weight", 0) or [0]
    for index in indices:
        name = f"layers.{index}"
        made = ACTIVATIONS[settings.activation](affine(h, weights, f"{name}.linear"), xp)
        made = made if dropout is None else dropout(made)
        hidden = index != indices[-1]
        if hidden and settings.skip and made.shape[1] == h.shape[1]:
            made = made + h
        if f"{name}.layernorm.weight" in weights:
            made = layer_norm(made, weights, f"{name}.layernorm", xp)
        h = made
    return h


def feedforward_parameters(width: int, dim: int, settings: FeedforwardSettings) -> list[Parameter]:
    """The weights before training: Glorot's for the maps, torch's for their biases."""
    made = []
    inputs = width
    for index in range(settings.layers + 1):
        last = index == settings.layers
        outputs = dim if last else settings.hidden
        name = f"layers.{index}"
        made += [
            Parameter(f"{name}.linear.weight", (outputs, inputs), sqrt(6 / (inputs + outputs))),
            Parameter(f"{name}.linear.bias", (outputs,), 1 / sqrt(inputs)),
        ]
        if settings.norm and not last:
            made.append(Parameter(f"{name}.layernorm.weight", (outputs,), constant=1.0))
            made.append(Parameter(f"{name}.layernorm.bias", (outputs,)))
        inputs = outputs
    return made


def random_fourier(
    plane: Any,
    weights: Weights,
    settings: RandomFourierSettings,
    xp: Any = np,
    dropout: Dropout | None = None,
) -> Any:
    """√(2/F) cos(⟨x, ω⟩ + b) (Rahimi and Recht 2007), and the network behind.

    Args:
        plane: (N, 2), mostly of the encoding `extent`.
        weights: `dirvec` (2, F) and `shift` (F,), beside those of `feedforward`.
        settings: of the network.
        xp: numpy or torch.
        dropout: as of `feedforward`.

    Returns:
        (N, dim).
    """
    directions = weights["dirvec"]
    turns = product(plane, directions) if isinstance(plane, np.ndarray) else plane @ directions
    features = xp.cos(turns + weights["shift"]) * sqrt(2 / directions.shape[1])
    return feedforward(features, weights, settings, xp, dropout)


def random_fourier_parameters(
    width: int, dim: int, settings: RandomFourierSettings
) -> list[Parameter]:
    """The weights before training. Directions are weights here; TorchSpatial leaves them."""
    count = settings.frequencies
    return [
        Parameter("dirvec", (width, count), deviation=sqrt(settings.kernel_size)),
        Parameter("shift", (count,), bound=pi),
        *feedforward_parameters(count, dim, settings),
    ]


def tiles(
    numbers: Any,
    weights: Weights,
    settings: TiledSettings,
    xp: Any = np,
    dropout: Dropout | None = None,
) -> Any:
    """The values of a place's tile, and the network behind.

    Args:
        numbers: (N, 1) of the encoding `tile`.
        weights: `embedding.weight` (tiles, channels), beside those of `feedforward`.
        settings: of the network.
        xp: numpy or torch.
        dropout: as of `feedforward`.

    Returns:
        (N, dim).

    Raises:
        ModelError: there are fewer tiles than the encoding numbers.
    """
    index = numbers[:, 0].astype(np.int64) if xp is np else numbers[:, 0].long()
    try:
        values = weights["embedding.weight"][index]
    except IndexError:
        raise ModelError("the weights hold values of fewer tiles than the encoding has") from None
    return feedforward(values, weights, settings, xp, dropout)


def tile_parameters(width: int, dim: int, settings: TiledSettings) -> list[Parameter]:
    """The weights before training.

    Raises:
        InputError: the encoding is another than `tile`.
    """
    if width != 1:
        raise InputError(f"the network tiles stands on the encoding tile, not {width} features")
    spread = 1 / settings.channels
    return [
        Parameter("embedding.weight", (settings.count, settings.channels), deviation=spread),
        *feedforward_parameters(settings.channels, dim, settings),
    ]
