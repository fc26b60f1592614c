"""How a patch is varied from view to view: crop, flips, blur, each a function of the seed.

The published transform (methods of SatCLIP; torchvision's RandomCrop, flips and GaussianBlur),
drawn from a generator of its own for every (seed, view, point): a view can be computed again by
itself, in any order, cached or live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError
from satclip_core.types import Float32

from ..settings.config import PatchSettings

SIGMA = (0.1, 2.0)
"""Standard deviations of the blur in pixels, those of torchvision's GaussianBlur."""
STREAM = 20
"""Keeps the draws apart from the run's other ones (order of batches, chips)."""


@dataclass(frozen=True)
class Variation:
    """What was drawn for one view: corner of the crop, flips, standard deviation of the blur."""

    top: int
    left: int
    across: bool
    down: bool
    sigma: float


def draw(
    settings: PatchSettings, size: tuple[int, int], *, seed: int, view: int, point: int
) -> Variation:
    """Draw the variation of a view of a point whose patch has `size` (rows, columns)."""
    rng = np.random.default_rng([seed, STREAM, view, point])
    top, left = (int(rng.integers(0, length - settings.crop + 1)) for length in size)
    across, down = rng.random(2) < 0.5
    sigma = float(rng.uniform(*SIGMA))
    return Variation(top, left, bool(across) and settings.flip, bool(down) and settings.flip, sigma)


def augmented(patch: NDArray[Any], settings: PatchSettings, variation: Variation) -> Float32:
    """One view of a patch.

    Args:
        patch: (bands, rows, columns), raw values.
        settings: scale, zero band, crop, flips, blur.
        variation: what was drawn.

    Returns:
        (bands, crop, crop) float32, with one band more where `zero_band` is set.
    """
    rows = slice(variation.top, variation.top + settings.crop)
    columns = slice(variation.left, variation.left + settings.crop)
    cut = patch[:, rows, columns]
    cut = cut[:, :, ::-1] if variation.across else cut
    cut = cut[:, ::-1] if variation.down else cut
    image: Float32 = cut.astype(np.float32, order="C") / np.float32(settings.scale)
    if settings.blur:
        image = blurred(image, settings.blur, variation.sigma)
    if settings.zero_band is None:
        return image
    return np.insert(image, settings.zero_band, np.float32(0), axis=0)


def blurred(image: Float32, size: int, sigma: float) -> Float32:
    """Gaussian blur of (bands, rows, columns), edges reflected, `size` taps in each direction.

    Numpy, since views are made by threads that shall not each start as many more for torch.
    """
    reach = size // 2
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (1, 2):
        length = image.shape[axis]
        edges = [(reach, reach) if k == axis else (0, 0) for k in range(3)]
        padded = np.pad(image, edges, mode="reflect")
        shifted = (padded.take(range(k, k + length), axis) for k in range(size))
        image = sum((tap * part for tap, part in zip(taps, shifted)), np.float32(0))
    return image


def check_transform(settings: PatchSettings, bands: int, where: str) -> None:
    """Refuse a transform that patches of `bands` cannot go through; `where` is its dotted key."""
    if settings.blur and settings.blur % 2 == 0:
        raise InputError(f"{where}.blur: {settings.blur} is even; a kernel is odd, 0 means none")
    if settings.blur // 2 >= settings.crop:
        raise InputError(f"{where}.blur: {settings.blur} is too large for a crop {settings.crop}")
    if settings.zero_band is not None and settings.zero_band > bands:
        raise InputError(
            f"{where}.zero_band: {settings.zero_band} is beyond the {bands} bands; null for none"
        )
