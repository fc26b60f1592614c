"""Pairs of places and image features, drawn in batches that depend on nothing but a seed.

A batch is a function of (seed, epoch, step), so a run that was stopped goes on with exactly the
batches it would have had, and several processes draw the same one and keep their own rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from satclip_core.errors import InputError
from satclip_core.grid.sphere import wrap_longitudes
from satclip_core.types import Float32, Floats, Integers

from ..distributed import ALONE, Group
from ..images.views import Views
from ..settings.config import TrainingSettings

MEAN_OF_VIEWS = 4
"""Views that a place's mean features are taken over, where it has as many."""


@dataclass(frozen=True)
class Batch:
    """Matching rows.

    Attributes:
        points: (B,) indices of the places.
        lonlat: (B, 2) degrees.
        images: (B, width) weighted features of each source, by its name.
    """

    points: torch.Tensor
    lonlat: torch.Tensor
    images: dict[str, torch.Tensor]


class Pairs:
    """Training and validation pairs of places and views of them.

    Args:
        lonlat: (N, 2) degrees.
        views: features by source.
        weights: factor on each source's features; 1 where there is none.
        settings: batch size, validation share, jitter.
        seed: of the split, the order and the choice of views.
        group: the processes that share every batch.

    Raises:
        InputError: the batches cannot be shared out evenly, or too few places are held out.
    """

    def __init__(
        self,
        lonlat: Floats,
        views: Mapping[str, Views],
        weights: Mapping[str, float],
        settings: TrainingSettings,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        self.lonlat, self.views, self.weights = lonlat, dict(views), weights
        self.settings, self.seed, self.group = settings, seed, group
        self.validation, self.training = split(len(lonlat), settings.validation_fraction, seed)
        self.batch_size = min(settings.batch_size, len(self.training))
        if self.batch_size % group.size:
            raise InputError(
                f"training.batch_size: a batch of {self.batch_size} pairs does not divide among "
                f"{group.size} processes (training.devices x training.nodes); change one of them"
            )
        self._epoch_order: tuple[int, Integers] = (-1, self.training)

    @property
    def steps(self) -> int:
        """Batches in an epoch; the rest of the points waits for another epoch's order."""
        return len(self.training) // self.batch_size if self.batch_size else 0

    @property
    def validation_steps(self) -> int:
        """Blocks of candidates that the validation points make (at least one where any are)."""
        size = self.settings.validation_candidates
        return max(1, len(self.validation) // size) if len(self.validation) > 1 else 0

    @property
    def widths(self) -> dict[str, int]:
        """Number of features of each source, by its name."""
        return {name: view.width for name, view in self.views.items()}

    def batch(self, epoch: int, step: int) -> Batch:
        """This process's rows of a batch: a random view of each source, places jittered if asked.

        A source of live views has no number of them; its view is the epoch.
        """
        if self._epoch_order[0] != epoch:
            rng = np.random.default_rng([self.seed, 11, epoch])
            self._epoch_order = (epoch, rng.permutation(self.training))
        start = step * self.batch_size
        points = np.sort(self._epoch_order[1][start : start + self.batch_size])
        rng = np.random.default_rng([self.seed, 12, epoch, step])
        lonlat = self.lonlat[points]
        if self.settings.jitter_degrees:
            lonlat = jittered(lonlat, self.settings.jitter_degrees, rng)
        own = self.group.rows(len(points))
        images = {}
        for name, view in self.views.items():
            count = view.count
            chosen = rng.integers(0, count, len(points)) if count else np.full(len(points), epoch)
            images[name] = self._factor(name) * view.take(chosen[own], points[own])
        return _batch(points[own], lonlat[own], images)

    def validation_batch(self, step: int) -> Batch:
        """One block of validation candidates, first views, places as they are."""
        size = self.settings.validation_candidates
        points = self.validation[step * size : (step + 1) * size]
        first = np.zeros(len(points), np.int64)
        images = {
            name: self._factor(name) * view.take(first, points) for name, view in self.views.items()
        }
        return _batch(points, self.lonlat[points], images)

    def mean_features(self, points: Integers) -> Float32:
        """Image features (B, sum of widths) of points (B,): the mean of a few views of each."""
        means = []
        for name, view in self.views.items():
            numbers = range(min(view.count or MEAN_OF_VIEWS, MEAN_OF_VIEWS))
            taken = [view.take(np.full(len(points), number), points) for number in numbers]
            means.append(self._factor(name) * np.mean(taken, axis=0, dtype=np.float32))
        return np.concatenate(means, 1)

    def _factor(self, source: str) -> np.float32:
        factor: np.float32 = np.float32(self.weights.get(source, 1.0))
        return factor


def split(count: int, fraction: float, seed: int) -> tuple[Integers, Integers]:
    """Numbers of the places of a run that are held out for validation, and of the others.

    Args:
        count: places in all.
        fraction: share that is held out.
        seed: of the run.

    Raises:
        InputError: see `held_out`.
    """
    order = np.random.default_rng([seed, 10]).permutation(count)
    held = held_out(count, fraction)
    return np.sort(order[:held]), np.sort(order[held:])


def held_out(count: int, fraction: float) -> int:
    """How many of so many places are held out for validation.

    Raises:
        InputError: one or none where there should be some: there is no contrast among them.
    """
    held = round(fraction * count)
    if fraction and held < 2:
        raise InputError(
            f"training.validation_fraction: {fraction:g} of {count} places leaves {held} to "
            "validate on, and two are needed at least: take more places, a larger share, or 0 for "
            "no validation"
        )
    return held


class Ahead:
    """Draws the next batch in a thread of its own while this one is trained on."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        # One thread: the order of an epoch is kept by whoever drew it last.
        self._pool = ThreadPoolExecutor(1, "batches")
        self._drawn: dict[tuple[int, int], Future[Batch]] = {}

    def batch(self, epoch: int, step: int) -> Batch:
        """`Pairs.batch`, drawn before where the steps go on in order."""
        drawn = self._drawn.pop((epoch, step), None) or self._draw(epoch, step)
        self._drawn.clear()
        follows = (epoch, step + 1) if step + 1 < self.pairs.steps else (epoch + 1, 0)
        if follows[0] < self.pairs.settings.epochs:
            self._drawn[follows] = self._draw(*follows)
        return drawn.result()

    def _draw(self, epoch: int, step: int) -> Future[Batch]:
        return self._pool.submit(self.pairs.batch, epoch, step)


def jittered(lonlat: Floats, reach: float, rng: np.random.Generator) -> Floats:
    """Places (N, 2) moved by up to `reach` degrees each way, uniformly, in lon and in lat.

    Longitudes wrap at the antimeridian; a place pushed over a pole comes down on the far side.
    """
    lon, lat = (lonlat + rng.uniform(-reach, reach, lonlat.shape)).T
    over = np.abs(lat) > 90
    lat = np.where(over, np.copysign(180, lat) - lat, lat)
    return np.column_stack([wrap_longitudes(np.where(over, lon + 180, lon)), lat])


def _batch(points: Integers, lonlat: Floats, images: Mapping[str, Float32]) -> Batch:
    return Batch(
        torch.from_numpy(points),
        torch.from_numpy(lonlat),
        {name: torch.from_numpy(values) for name, values in images.items()},
    )
