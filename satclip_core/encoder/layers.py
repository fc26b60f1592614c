"""What networks are made of: affine layers over an array module, and the weights they want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from ..compute.blas import product

Weights = Mapping[str, Any]
Dropout = Callable[[Any], Any]


@dataclass(frozen=True)
class Parameter:
    """An array of weights before training.

    Attributes:
        name: e.g. `layers.0.weight`.
        shape: of it.
        bound: drawn uniformly from ± this, where given.
        deviation: drawn from a normal distribution of this deviation, where given.
        constant: of all values, where neither is given.
    """

    name: str
    shape: tuple[int, ...]
    bound: float | None = None
    deviation: float | None = None
    constant: float = 0.0


def affine(x: Any, weights: Weights, layer: str) -> Any:
    """x Wᵀ + b for the layer called `layer`; b may be absent. (N, in) -> (N, out)."""
    weight = weights[f"{layer}.weight" if layer else "weight"].T
    y = product(x, weight) if isinstance(x, np.ndarray) else x @ weight
    bias = weights.get(f"{layer}.bias" if layer else "bias")
    if bias is None:
        return y
    if isinstance(y, np.ndarray):
        y += bias
        return y
    return y + bias


def numbered_layers(weights: Weights, pattern: str, start: int, step: int = 1) -> list[int]:
    """The indices start, start + step, … for which `pattern.format(index)` is in `weights`."""
    indices = []
    while pattern.format(start) in weights:
        indices.append(start)
        start += step
    return indices


def affine_parameters(
    layer: str, inputs: int, outputs: int, bound: float, *, bias: bool = True
) -> list[Parameter]:
    """Weight and bias of an affine layer, both drawn from ±bound."""
    prefix = f"{layer}." if layer else ""
    made = [Parameter(f"{prefix}weight", (outputs, inputs), bound)]
    return [*made, Parameter(f"{prefix}bias", (outputs,), bound)] if bias else made
