"""Attentional semantic smoothing: what attention passes over in an image becomes like what is near.

SatCLE (WWW 2025), its semantic continuity. Patches that get the least attention are not causal for
what the image shows; they are replaced, so that images that differ in them alone become alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from satclip_core.types import Float32, Integers

from ..settings.config import SmoothingSettings
from .imagery import Imagery, Images, Shares

BLUR_SHARE = 48 / 224
"""Side of the released code's mean filter, of that of the image."""

Attention = Callable[[torch.Tensor], torch.Tensor]
"""Images (N, bands, n, n) -> attention of their patches (N, rows, columns)."""


def causal_patches(attention: torch.Tensor, threshold: float) -> torch.Tensor:
    """Which patches are causal: those not below the quantile `threshold` of their image.

    Args:
        attention: (N, rows, columns).
        threshold: the paper's tau, 0.1 there; 0 keeps all.

    Returns:
        (N, rows, columns) bool.
    """
    lowest = torch.quantile(attention.flatten(1).double(), threshold, dim=1)
    return attention.double() >= lowest[:, None, None]


def smoothed(images: torch.Tensor, causal: torch.Tensor) -> torch.Tensor:
    """Put the mean of the causal patches around it in the place of each that is not (eq. 6).

    The mean is over the causal ones of the patches next to it, 3 x 3; where there are none the
    ring around these is taken too, and so on. Patches of uneven images are cut off evenly.

    Args:
        images: (N, bands, n, n), n a multiple of both sides of `causal`.
        causal: (N, rows, columns) bool; an image without any causal patch stays as it is.

    Returns:
        (N, bands, n, n).
    """
    rows, columns = causal.shape[1:]
    side = images.shape[-1]
    # (N, bands, rows, tall, columns, wide): patches as pixels of a small image.
    patches = images.unflatten(3, (columns, side // columns)).unflatten(2, (rows, side // rows))
    small = patches.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
    known = causal[:, None].to(images)
    missing = ~causal & causal.any(dim=(1, 2), keepdim=True)
    result = small.clone()
    for reach in range(1, max(rows, columns)):
        if not bool(missing.any()):
            break
        count = _summed(known, reach)
        mean = _summed(small * known, reach) / count.clamp(min=1)
        now = missing & (count[:, 0] > 0)
        result = torch.where(now[:, None], mean, result)
        missing = missing & ~now
    back = result.unflatten(1, patches.shape[1:2] + patches.shape[3:4] + patches.shape[5:6])
    whole: torch.Tensor = back.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
    return whole


def _summed(values: torch.Tensor, reach: int) -> torch.Tensor:
    """Sums over squares of 2 reach + 1, nothing beyond the border."""
    size = 2 * reach + 1
    means = functional.avg_pool2d(values, size, stride=1, padding=reach, count_include_pad=True)
    return means * size**2


def blurred(images: torch.Tensor, causal: torch.Tensor) -> torch.Tensor:
    """The released code's replacement: the mean of all pixels around, causal or not.

    The mask is enlarged to pixels bilinearly and cut at one half; the square has an even side,
    48 of 224 pixels, reflected at the border, so its mean has one row and column too many, which
    the code shrinks away.
    """
    side = images.shape[-1]
    size = 2 * max(1, round(BLUR_SHARE * side / 2))
    grown = functional.interpolate(causal[:, None].to(images), (side, side), mode="bilinear")
    framed = functional.pad(images, [min(size // 2, side - 1)] * 4, mode="reflect")
    around = functional.avg_pool2d(framed, size, stride=1)
    around = functional.interpolate(around, (side, side), mode="bilinear", align_corners=False)
    return torch.where(grown < 0.5, around, images)


def smooth(
    images: torch.Tensor, attention: Attention, settings: SmoothingSettings
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Smooth images by the attention that they get.

    Args:
        images: (N, bands, n, n).
        attention: whose it is.
        settings: threshold and what replaces the patches below it.

    Returns:
        The smoothed images, the attention (N, rows, columns) and which patches are causal.
    """
    paid = attention(images)
    causal = causal_patches(paid, settings.threshold)
    replace = smoothed if settings.replacement == "neighbours" else blurred
    return replace(images, causal), paid, causal


class SmoothedImagery:
    """Images of another imagery, smoothed.

    Args:
        imagery: the images as they are.
        attention: that the images get.
        settings: of the smoothing.
    """

    def __init__(self, imagery: Imagery, attention: Attention, settings: SmoothingSettings) -> None:
        self._imagery, self._attention, self._settings = imagery, attention, settings
        self.channels, self.side = imagery.channels, imagery.side

    def chunk(self, number: int) -> Iterator[tuple[int, slice, Images, Shares]]:
        """One of the pieces in which a cache is computed: view, points, images, valid shares."""
        for view, part, images, valid in self._imagery.chunk(number):
            yield view, part, self._smooth(images), valid

    def take(self, view: Integers, points: Integers) -> tuple[Images, Shares]:
        """Views (B,) of points (B,)."""
        images, valid = self._imagery.take(view, points)
        return self._smooth(images), valid

    def sample(self, size: int) -> Iterator[tuple[Images, Shares]]:
        """Images of at most `size` points drawn at random, in batches."""
        for images, valid in self._imagery.sample(size):
            yield self._smooth(images), valid

    def _smooth(self, images: Images) -> Float32:
        if len(images) == 0:
            return images
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            result, _, _ = smooth(torch.from_numpy(images), self._attention, self._settings)
        return np.ascontiguousarray(result.numpy(), np.float32)
