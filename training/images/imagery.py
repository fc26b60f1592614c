"""What a source's images are taken from, whatever lies on the disk: rasters or patches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from satclip_core.types import Float32, Integers

Images = Float32
"""(N, bands, n, n)."""
Shares = Float32
"""Valid share of each image, (N,)."""


class Imagery(Protocol):
    """The images of a run's points: any view of any point, and all of them chunk by chunk."""

    @property
    def channels(self) -> int:
        """Bands of an image."""
        ...

    @property
    def side(self) -> int:
        """Rows and columns of an image."""
        ...

    def chunk(self, number: int) -> Iterator[tuple[int, slice, Images, Shares]]:
        """One of the pieces in which a cache is computed: view, points, images, valid shares."""
        ...

    def take(self, view: Integers, points: Integers) -> tuple[Images, Shares]:
        """Views (B,) of points (B,), each a function of the seed, its number and its point."""
        ...

    def sample(self, size: int) -> Iterator[tuple[Images, Shares]]:
        """Images of at most `size` points drawn at random, in batches, to fit features on."""
        ...


def pieces(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that make up `count`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def empty(channels: int, side: int) -> tuple[Any, Any]:
    """No images, for a batch without points."""
    return np.empty((0, channels, side, side), np.float32), np.empty(0, np.float32)
