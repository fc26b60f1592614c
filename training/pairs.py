"""Pairs of places and cached image features, drawn in batches that depend on nothing but a seed.

A batch is a function of (seed, epoch, step), so a run that was stopped goes on with exactly the
batches it would have had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .config import TrainingSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Matching rows: `points` (B,) indices, `lonlat` (B, 2), `images` (B, features)."""

    points: torch.Tensor
    lonlat: torch.Tensor
    images: torch.Tensor


class Pairs:
    """Training and validation pairs over cached views.

    Args:
        lonlat: (N, 2) degrees.
        views: cached features by source, each (views, N, dim).
        weights: factor on each source's features.
        settings: batch size, validation share, jitter.
        seed: of the split, the order and the choice of views.
    """

    def __init__(
        self,
        lonlat: Floats,
        views: Mapping[str, NDArray[Any]],
        weights: Mapping[str, float],
        settings: TrainingSettings,
        seed: int,
    ) -> None:
        self.lonlat, self.views, self.weights = lonlat, dict(views), weights
        self.settings, self.seed = settings, seed
        order = np.random.default_rng([seed, 10]).permutation(len(lonlat))
        held = round(settings.validation_fraction * len(lonlat))
        self.validation, self.training = np.sort(order[:held]), np.sort(order[held:])
        self.batch_size = min(settings.batch_size, len(self.training))
        self._epoch_order: tuple[int, NDArray[np.int64]] = (-1, self.training)

    @property
    def steps(self) -> int:
        """Batches in an epoch; the rest of the points waits for another epoch's order."""
        return len(self.training) // self.batch_size

    @property
    def validation_steps(self) -> int:
        """Blocks of candidates that the validation points make (at least one where any are)."""
        size = self.settings.validation_candidates
        return max(1, len(self.validation) // size) if len(self.validation) > 1 else 0

    @property
    def widths(self) -> list[int]:
        """Number of features of each source, in order."""
        return [view.shape[2] for view in self.views.values()]

    def batch(self, epoch: int, step: int) -> Batch:
        """One training batch: one random view of every source, places jittered where asked."""
        if self._epoch_order[0] != epoch:
            rng = np.random.default_rng([self.seed, 11, epoch])
            self._epoch_order = (epoch, rng.permutation(self.training))
        start = step * self.batch_size
        points = np.sort(self._epoch_order[1][start : start + self.batch_size])
        rng = np.random.default_rng([self.seed, 12, epoch, step])
        lonlat = self.lonlat[points]
        if self.settings.jitter_degrees:
            reach = self.settings.jitter_degrees
            lonlat = lonlat + rng.uniform(-reach, reach, lonlat.shape)
            lonlat[:, 1] = lonlat[:, 1].clip(-90, 90)
        images = [
            weight * view[rng.integers(0, len(view), len(points)), points].astype(np.float32)
            for view, weight in self._weighted()
        ]
        return _batch(points, lonlat, images)

    def validation_batch(self, step: int) -> Batch:
        """One block of validation candidates, first views, places as they are."""
        size = self.settings.validation_candidates
        points = self.validation[step * size : (step + 1) * size]
        images = [weight * view[0, points].astype(np.float32) for view, weight in self._weighted()]
        return _batch(points, self.lonlat[points], images)

    def _weighted(self) -> list[tuple[NDArray[Any], np.float32]]:
        return [(view, np.float32(self.weights[name])) for name, view in self.views.items()]


def _batch(points: NDArray[np.int64], lonlat: Floats, images: list[NDArray[Any]]) -> Batch:
    return Batch(
        torch.from_numpy(points),
        torch.from_numpy(lonlat),
        torch.from_numpy(np.concatenate(images, 1)),
    )
