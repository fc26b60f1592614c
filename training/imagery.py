"""What a source's images are taken from, whatever lies on the disk: rasters or patches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
"""(N, bands, n, n)."""
Indices = NDArray[np.int64]


class Imagery(Protocol):
    """The images of a run's points: any view of any point, and all of them chunk by chunk."""

    channels: int
    side: int

    @property
    def chunks(self) -> int:
        """Number of pieces in which all views are computed."""
        ...

    def chunk(self, number: int) -> Iterator[tuple[int, slice, Images, NDArray[Any]]]:
        """One piece: view, points, images and the valid share of each image (N,)."""
        ...

    def take(self, view: Indices, points: Indices) -> tuple[Images, NDArray[Any]]:
        """Views (B,) of points (B,), each a function of the seed, its number and its point."""
        ...

    def sample(self, size: int) -> tuple[Images, NDArray[Any]]:
        """Views of at most `size` points drawn at random, to fit filters and components on."""
        ...
