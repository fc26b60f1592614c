"""Image features of the points, as training asks for them: cached before, or computed live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from .imagery import Imagery, Indices

if TYPE_CHECKING:
    from .features import FeatureExtractor

LIVE_ROWS = 64
"""Images held at a time while features are computed live: 13 bands of 256 x 256 take 0.2 GB."""

Features = NDArray[np.float32]


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

    def take(self, view: Indices, points: Indices) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        ...

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that `width` features come from; None where it is none."""
        ...


class CachedViews:
    """Views that lie in a cache.

    Args:
        values: (views, N, width), a memory map as a rule.
        extractor: what made them, where its network is to be kept with the trained weights.
    """

    def __init__(self, values: NDArray[Any], extractor: FeatureExtractor | None = None) -> None:
        self.values, self._extractor = values, extractor

    @property
    def count(self) -> int:
        """Views of each point."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.values.shape[2])

    def take(self, view: Indices, points: Indices) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        return np.asarray(self.values[view, points], np.float32)

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that the features come from; None where it is none."""
        return None if self._extractor is None else self._extractor.backbone()


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

    def take(self, view: Indices, points: Indices) -> Features:
        """Features (B, width) float32 of the views (B,) of points (B,)."""
        parts = [slice(start, start + LIVE_ROWS) for start in range(0, len(points), LIVE_ROWS)]
        images = (self._imagery.take(view[part], points[part]) for part in parts)
        made = [self._extractor(chips, valid, self._least) for chips, valid in images]
        return np.concatenate(made) if made else np.empty((0, self.width), np.float32)

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """State of the frozen network that the features come from; None where it is none."""
        return self._extractor.backbone()
