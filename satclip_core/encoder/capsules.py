"""GeoCLIP's network: at each of several scales random Fourier features and an MLP, then the sum.

Vivanco Cepeda et al. 2023 (NeurIPS), section 3.2. It stands on the encoding `equalearth`, the
scaled plane whose coordinates the frequencies are cycles of.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np

from ..compute.blas import product
from ..errors import InputError
from .layers import Dropout, Parameter, Weights, affine, affine_parameters, numbered_layers

_LARGEST_LOG2 = 24
_MOST_CAPSULES, _MOST_FREQUENCIES = 64, 4096


@dataclass(frozen=True)
class CapsuleSettings:
    """Sizes before training; a finished model's weights say them too.

    Attributes:
        log2_scales: for each capsule the binary logarithm of σ; its frequencies start from
            N(0, σ²), in cycles per unit of the plane, which is about 180° of longitude.
        frequencies: of each capsule; it has a cosine and a sine of each.
        hidden: width of the layers.
        layers: number of them.
    """

    log2_scales: tuple[float, ...] = (0, 4, 8)
    frequencies: int = 256
    hidden: int = 1024
    layers: int = 3

    def __post_init__(self) -> None:
        scales = self.log2_scales
        if not 1 <= len(scales) <= _MOST_CAPSULES or not all(
            type(s) in (int, float) and abs(s) <= _LARGEST_LOG2 for s in scales
        ):
            raise InputError(
                f"log2_scales is {list(scales)}: give 1 to {_MOST_CAPSULES} numbers within "
                f"±{_LARGEST_LOG2}"
            )
        if not 1 <= self.frequencies <= _MOST_FREQUENCIES:
            raise InputError(f"frequencies is {self.frequencies}, outside 1..{_MOST_FREQUENCIES}")
        for name in ("hidden", "layers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: it must be 1 or more")


def capsules(
    plane: Any, weights: Weights, settings: Any, xp: Any = np, dropout: Dropout | None = None
) -> Any:
    """The sum of all capsules.

    Args:
        plane: (N, 2), the encoding `equalearth`.
        weights: `K.frequencies` (F, 2), `K.layers.I` and `K.head` of capsule K = 0, 1, ….
        settings: not needed; the weights say all.
        xp: numpy or torch.
        dropout: after each ReLU while training; None otherwise.

    Returns:
        (N, dim).
    """
    total: Any = 0.0
    for index in numbered_layers(weights, "{}.frequencies", 0):
        matrix = weights[f"{index}.frequencies"].T
        turns = product(plane, matrix) if isinstance(plane, np.ndarray) else plane @ matrix
        phases = 2 * pi * turns
        h = xp.concatenate([xp.cos(phases), xp.sin(phases)], 1)
        for layer in numbered_layers(weights, f"{index}.layers.{{}}.weight", 0):
            h = xp.clip(affine(h, weights, f"{index}.layers.{layer}"), 0, None)
            h = h if dropout is None else dropout(h)
        total = affine(h, weights, f"{index}.head") + total
    return total


def capsule_parameters(width: int, dim: int, settings: CapsuleSettings) -> list[Parameter]:
    """The weights before training. Frequencies are weights here; GeoCLIP leaves them as drawn.

    Raises:
        InputError: the encoding is another than `equalearth`.
    """
    if width != 2:
        raise InputError(
            f"the network capsules stands on the encoding equalearth, of 2 features, not {width}"
        )
    made = []
    for index, scale in enumerate(settings.log2_scales):
        frequencies = f"{index}.frequencies"
        made.append(Parameter(frequencies, (settings.frequencies, 2), deviation=2.0**scale))
        inputs = 2 * settings.frequencies
        for layer in range(settings.layers):
            name = f"{index}.layers.{layer}"
            made += affine_parameters(name, inputs, settings.hidden, 1 / sqrt(inputs))
            inputs = settings.hidden
        made += affine_parameters(f"{index}.head", inputs, dim, 1 / sqrt(inputs))
    return made
