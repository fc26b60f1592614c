"""Image features of the points, as training asks for them: cached before, or computed live."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.types import Cancelled, Float32, Integers, Progress

from .cache import CacheRequest, cached_views, claim_folder, open_extractor
from .features import FeatureExtractor
from .imagery import Imagery, Images, Shares, pieces

LIVE_ROWS = 64
"""Images held at a time while features are computed live: 13 bands of 256 x 256 take 0.2 GB."""

Features = Float32
Backbone = Callable[[], "dict[str, torch.Tensor] | None"]


class Views(Protocol):
    """Features of several views of every point of one source."""

    @property
    def count(self) -> int:
        """Views of each point; 0 where any number is a view of its own, computed live."""
        ...

    @property
    def width(self) -> int:
        """Number of features."""
        ...

    def take(self, view: Integers, points: Integers) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        ...

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that `width` features come from; None where it is none."""
        ...


class CachedViews:
    """Views that lie in a cache.

    Args:
        values: (views, N, width), a memory map as a rule.
        backbone: gives the state of the network that they come from, where it is one.
    """

    def __init__(self, values: NDArray[Any], backbone: Backbone | None = None) -> None:
        self.values, self._backbone = values, backbone

    @property
    def count(self) -> int:
        """Views of each point."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.values.shape[2])

    def take(self, view: Integers, points: Integers) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        return np.asarray(self.values[view, points], np.float32)

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that the features come from; None where it is none."""
        return None if self._backbone is None else self._backbone()


class LiveViews:
    """Views computed when they are asked for: augmented and encoded at every step.

    Args:
        imagery: the source's images.
        extractor: frozen encoder and components.
        least_valid: share of valid pixels under which an image counts as missing.
    """

    count = 0

    def __init__(self, imagery: Imagery, extractor: FeatureExtractor, least_valid: float) -> None:
        self._imagery, self._extractor, self._least = imagery, extractor, least_valid

    @property
    def width(self) -> int:
        """Number of features."""
        return self._extractor.width

    def take(self, view: Integers, points: Integers) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        result = np.empty((len(points), self.width), np.float32)
        parts = pieces(len(points), LIVE_ROWS)
        with ThreadPoolExecutor(1) as pool:  # the next images are read while these are encoded

            def read(part: slice) -> Future[tuple[Images, Shares]]:
                return pool.submit(self._imagery.take, view[part], points[part])

            coming = [read(part) for part in parts[:1]]
            for part, following in zip(parts, [*parts[1:], None]):
                images, valid = coming.pop().result()
                if following is not None:
                    coming.append(read(following))
                result[part] = self._extractor(images, valid, self._least)
        return result

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that the features come from; None where it is none."""
        return self._extractor.backbone()


def open_views(
    request: CacheRequest,
    root: Path,
    *,
    live: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Views:
    """Views of a source: read from its cache, which is computed first, or computed live.

    Args:
        request: the source, its points and its seed.
        root: folder of caches; what is fitted to the images lies there in either case.
        live: augment and encode at every step instead of once.
        progress: called with (chunks done, chunks in all) while a cache is computed.
        cancelled: asked before every chunk.

    Raises:
        InputError: a file cannot be read, or does not fit the settings.
        CancelledError: stopped; the next call goes on where this one was.
    """
    if live:
        folder = claim_folder(request, root)
        imagery = request.open_imagery(folder, cancelled)
        extractor = open_extractor(request, folder, imagery)
        return LiveViews(imagery, extractor, request.settings.least_valid)
    values = cached_views(request, root, progress=progress, cancelled=cancelled)
    if request.weights is None or request.settings.features.dim:
        return CachedViews(values)

    @cache
    def backbone() -> dict[str, torch.Tensor] | None:
        encoder = request.open_encoder(request.open_images(root))
        return None if encoder is None else encoder.backbone()

    return CachedViews(values, backbone)
