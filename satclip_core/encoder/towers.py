"""The small networks beside a location encoder that bring other modalities to its space.

UniGeoCLIP contrasts places with whatever else is known of them; each modality has an encoder of its
own, here small enough for numpy. As the location networks are, each is written once over an array
module, numpy for inference and torch for training. A tower begins with plain numbers as the data
has them and standardises them itself, by `offset` and `spread`, which are measured and not learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Callable

import numpy as np

from ..errors import InputError
from ..extensions import Registry
from .layers import Parameter, Weights, affine, affine_parameters, numbered_layers

MEASURED = ("offset", "spread")
"""Arrays of a tower that are not learned: what its numbers are standardised by."""

_KERNEL = 3
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class InputShape:
    """What a row of a modality's numbers is.

    Attributes:
        width: how many numbers.
        pixels: rows and columns of an image, whose bands are innermost; 0 for no image.
    """

    width: int
    pixels: int = 0

    @property
    def bands(self) -> int:
        """Bands of an image; all numbers where it is none."""
        return self.width // self.pixels**2 if self.pixels else self.width


@dataclass(frozen=True)
class LayersSettings:
    """Hidden ReLU layers.

    Attributes:
        hidden: width of each; an empty list leaves a linear projection.
    """

    hidden: tuple[int, ...] = (128,)

    def __post_init__(self) -> None:
        _check_widths("hidden", self.hidden)


@dataclass(frozen=True)
class ConvolutionSettings:
    """Convolutions of 3 × 3 pixels with stride 2 and ReLU, their mean, then ReLU layers.

    Attributes:
        channels: of each convolution.
        hidden: width of each layer behind them.
    """

    channels: tuple[int, ...] = (32, 64, 96)
    hidden: tuple[int, ...] = (128,)

    def __post_init__(self) -> None:
        _check_widths("channels", self.channels)
        _check_widths("hidden", self.hidden)
        if not self.channels:
            raise InputError("channels is empty: give the width of one convolution at least")


@dataclass(frozen=True)
class BagSettings:
    """The mean of the learned vectors of a text's words, then ReLU layers.

    Attributes:
        vector: length of a word's vector.
        hidden: width of each layer behind their mean.
    """

    vector: int = 64
    hidden: tuple[int, ...] = (128,)

    def __post_init__(self) -> None:
        _check_widths("vector", (self.vector,))
        _check_widths("hidden", self.hidden)


def _check_widths(name: str, widths: Sequence[int]) -> None:
    for width in widths:
        if not 1 <= width <= 65_536:
            raise InputError(f"{name}: a width of {width}, outside 1..65536")


@dataclass(frozen=True)
class Tower:
    """An encoder of a modality, as the table has it.

    Attributes:
        forward: (standardised rows (N, width), weights, shape, xp) -> (N, dim).
        parameters: (shape, dim, settings) -> the learned weights, in order, and how they start.
        settings: a frozen dataclass, every field with a default.
    """

    forward: Callable[[Any, Weights, InputShape, Any], Any]
    parameters: Callable[[InputShape, int, Any], Sequence[Parameter]]
    settings: type[Any]


def run_tower(
    tower: str, rows: Any, weights: Weights, shape: InputShape, xp: Any = np, *, log: bool = False
) -> Any:
    """Rows of a modality through its tower.

    Args:
        tower: a key of `TOWERS`.
        rows: (N, width) numbers as the data has them, none missing.
        weights: arrays of module `xp`: the learned ones, `offset` and `spread` (bands,).
        shape: of a row.
        xp: numpy or torch.
        log: take the logarithm of numbers, sign(x) ln(1 + |x|), before they are standardised.

    Returns:
        (N, dim), not normalised.
    """
    rows = rows.reshape(len(rows), shape.width // shape.bands, shape.bands)
    if log:
        rows = xp.sign(rows) * xp.log1p(xp.abs(rows))
    rows = (rows - weights["offset"]) / xp.clip(weights["spread"], _LEAST_SPREAD, None)
    return TOWERS[tower].forward(rows.reshape(len(rows), shape.width), weights, shape, xp)


def _layers(rows: Any, weights: Weights, shape: InputShape, xp: Any) -> Any:
    return _behind(rows, weights, xp)


def _behind(rows: Any, weights: Weights, xp: Any) -> Any:
    """ReLU layers, then a linear one."""
    for index in numbered_layers(weights, "hidden.{}.weight", 0):
        rows = xp.clip(affine(rows, weights, f"hidden.{index}"), 0, None)
    return affine(rows, weights, "last")


def _behind_parameters(width: int, dim: int, hidden: Sequence[int]) -> list[Parameter]:
    widths = [width, *hidden]
    made: list[Parameter] = []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        made += affine_parameters(f"hidden.{index}", inputs, outputs, sqrt(3 / inputs))
    return made + affine_parameters("last", widths[-1], dim, sqrt(3 / widths[-1]))


def _layers_parameters(shape: InputShape, dim: int, settings: LayersSettings) -> list[Parameter]:
    return _behind_parameters(shape.width, dim, settings.hidden)


def _pooled(rows: Any, weights: Weights, shape: InputShape, xp: Any) -> Any:
    """Of each band: mean, deviation, mean step to the neighbour; then ReLU layers."""
    images = rows.reshape(len(rows), shape.pixels, shape.pixels, shape.bands)
    flat = images.reshape(len(rows), shape.pixels**2, shape.bands)
    mean = flat.mean(1)
    spread = xp.sqrt(((flat - mean[:, None]) ** 2).mean(1) + _LEAST_SPREAD)
    steps = [images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]]
    pairs = shape.pixels * (shape.pixels - 1)
    rough = [xp.abs(step).reshape(len(rows), pairs, shape.bands).mean(1) for step in steps]
    return _behind(_joined([mean, spread, rough[0] + rough[1]], xp), weights, xp)


def _pooled_parameters(shape: InputShape, dim: int, settings: LayersSettings) -> list[Parameter]:
    if shape.pixels < 2:
        raise InputError(f"a pooled tower needs images of 2 pixels or more, not {shape.pixels}")
    return _behind_parameters(3 * shape.bands, dim, settings.hidden)


def _convolution(rows: Any, weights: Weights, shape: InputShape, xp: Any) -> Any:
    images = rows.reshape(len(rows), shape.pixels, shape.pixels, shape.bands)
    for index in numbered_layers(weights, "convolutions.{}.weight", 0):
        images = xp.clip(_halved(images, weights, f"convolutions.{index}", xp), 0, None)
    _, tall, wide, channels = images.shape
    pooled = images.reshape(len(rows), tall * wide, channels).mean(1)
    return _behind(pooled, weights, xp)


def _halved(images: Any, weights: Weights, layer: str, xp: Any) -> Any:
    """A convolution of 3 × 3 with stride 2, edges repeated: (N, h, w, c) -> (N, h', w', outputs).

    As one matrix product of the nine neighbours side by side.
    """
    count, height, width, bands = images.shape
    tall, wide = (height + 1) // 2, (width + 1) // 2
    around = images[:, np.arange(-1, height + 1).clip(0, height - 1).tolist()]
    around = around[:, :, np.arange(-1, width + 1).clip(0, width - 1).tolist()]
    parts = [
        around[:, row : row + 2 * tall - 1 : 2, col : col + 2 * wide - 1 : 2]
        for row in range(_KERNEL)
        for col in range(_KERNEL)
    ]
    neighbours = _joined(parts, xp).reshape(count * tall * wide, _KERNEL**2 * bands)
    made = affine(neighbours, weights, layer)
    return made.reshape(count, tall, wide, made.shape[1])


def _convolution_parameters(
    shape: InputShape, dim: int, settings: ConvolutionSettings
) -> list[Parameter]:
    if shape.pixels < _KERNEL:
        raise InputError(
            f"a convolution needs images of {_KERNEL} pixels or more, not {shape.pixels}: take the "
            "tower 'layers'"
        )
    widths = [shape.bands, *settings.channels]
    made: list[Parameter] = []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        seen = _KERNEL**2 * inputs
        made += affine_parameters(f"convolutions.{index}", seen, outputs, sqrt(6 / seen))
    return made + _behind_parameters(widths[-1], dim, settings.hidden)


def _bag(rows: Any, weights: Weights, shape: InputShape, xp: Any) -> Any:
    """Counts of words -> the mean of their vectors -> ReLU layers."""
    shares = rows / xp.clip(rows.sum(1), 1, None)[:, None]
    return _behind(affine(shares, weights, "vectors"), weights, xp)


def _bag_parameters(shape: InputShape, dim: int, settings: BagSettings) -> list[Parameter]:
    # Vectors of length 1 or so, whatever the number of words.
    vectors = affine_parameters(
        "vectors", shape.width, settings.vector, sqrt(3 / settings.vector), bias=False
    )
    return vectors + _behind_parameters(settings.vector, dim, settings.hidden)


def _joined(parts: Sequence[Any], xp: Any) -> Any:
    """Side by side along the last axis."""
    return np.concatenate(parts, -1) if xp is np else xp.cat(list(parts), -1)


TOWERS: Registry[Tower] = Registry(
    "satclip.towers",
    "tower",
    ("forward", "parameters", "settings"),
    {
        "layers": Tower(_layers, _layers_parameters, LayersSettings),
        "pooled": Tower(_pooled, _pooled_parameters, LayersSettings),
        "convolution": Tower(_convolution, _convolution_parameters, ConvolutionSettings),
        "bag": Tower(_bag, _bag_parameters, BagSettings),
    },
)
"""By name: plain numbers, numbers pooled from an image, images, words; and those of packages."""
