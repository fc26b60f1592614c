"""The regression: a field, and layers that read it beside smooth components, to what imagery shows.

A place touches nine cells of each level, a batch a small part of the field: of every level the
cells of a batch are gathered, once each, and Adam's moments are kept and corrected for each cell by
how often it was seen (lazily, as torch's SparseAdam, but without the bias of rarely seen rows).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from satclip_core.encoder import LocationEncoder
from satclip_core.encoder.field import RUN, Rows, taps
from satclip_core.types import Bools, Cancelled, Float32, Floats, Integers

from .fine_settings import FitSettings, LevelSettings

log = logging.getLogger("satclip_training")

STRETCH = 4
"""Places that follow one another in a batch: neighbours, which share cells."""
_TABLE_STEP = 0.25
"""Degrees between nodes of the smooth components while fitting; bilinear, off by 0.002 at most."""
_FIRST_BETA, _SECOND_BETA, _EPSILON = 0.9, 0.99, 1e-12
_WARM_STEPS = 30
# Part of the steps at the full rate, before the cosine, and the rate's last share.
_LEVEL_SHARE, _LAST_RATE = 0.3, 0.02
_SAID = 10


class FieldLevel:
    """A level of the field while it is fitted: numbers, moments, how often each cell was seen.

    Args:
        rows: cells and where they are kept.
        channels: numbers in each.
        seed: of the first values.
    """

    def __init__(self, rows: Rows, channels: int, seed: int) -> None:
        tables = (torch.from_numpy(np.asarray(a)) for a in (rows.cells, rows.first, rows.slots))
        self._rows = Rows(rows.count, *tables)
        size = (int(rows.slots.max()) + 1) * RUN
        generator = torch.Generator().manual_seed(seed)
        self.values = torch.randn(size, channels, generator=generator) * 0.01
        self.values[:RUN] = 0
        self._first, self._second = torch.zeros(2, size, channels)
        self._seen = torch.zeros(size)
        self._batch: tuple[Tensor, Tensor] | None = None

    def read(self, lonlat: Tensor, step: float = 0.0) -> Tensor:
        """(N, 2) degrees float64 -> (N, channels), a leaf's image: its gradient is for `update`.

        Args:
            lonlat: the places.
            step: what values are rounded to first; 0 leaves them as they are.
        """
        cells, weights = taps(lonlat[:, 0], lonlat[:, 1], self._rows, torch)
        unique, inverse = torch.unique(cells, return_inverse=True)
        values = self.values[unique]
        if step:
            values = torch.round(values / step) * step
        leaf = values.requires_grad_(torch.is_grad_enabled())
        self._batch = unique, leaf
        return functional.embedding_bag(
            inverse, leaf, per_sample_weights=weights.float(), mode="sum"
        )

    @torch.no_grad()
    def update(self, rate: float) -> None:
        """One step of Adam for the cells of the last batch (Kingma & Ba 2015)."""
        assert self._batch is not None
        unique, leaf = self._batch
        assert leaf.grad is not None
        kept = unique >= RUN
        cells, gradient = unique[kept], leaf.grad[kept]
        seen = self._seen[cells] + 1
        first = self._first[cells].lerp_(gradient, 1 - _FIRST_BETA)
        second = self._second[cells].mul_(_SECOND_BETA)
        second.addcmul_(gradient, gradient, value=1 - _SECOND_BETA)
        self._seen[cells], self._first[cells], self._second[cells] = seen, first, second
        mean = first / (1 - _FIRST_BETA**seen)[:, None]
        spread = (second / (1 - _SECOND_BETA**seen)[:, None]).sqrt_() + _EPSILON
        self.values[cells] = leaf[kept] - rate * mean / spread


class SmoothTable:
    """The leading components of a smooth encoder on a lattice, read bilinearly.

    Args:
        encoder: whose components they are.
        count: how many.
    """

    def __init__(self, encoder: LocationEncoder, count: int) -> None:
        lons = np.arange(round(360 / _TABLE_STEP)) * _TABLE_STEP - 180
        lats = np.arange(round(180 / _TABLE_STEP) + 1) * _TABLE_STEP - 90
        nodes = np.concatenate(
            [
                encoder.encode_grid(lons, lats[i : i + 64])[..., :count]
                for i in range(0, len(lats), 64)
            ]
        )
        self._shape = nodes.shape[:2]
        self._nodes = torch.from_numpy(nodes.reshape(-1, count).copy())

    def read(self, lonlat: Tensor) -> Tensor:
        """(N, 2) degrees float64 -> (N, count)."""
        rows, cols = self._shape
        x, y = (lonlat[:, 0] + 180) / _TABLE_STEP, (lonlat[:, 1] + 90) / _TABLE_STEP
        left, low = x.floor(), y.floor().clamp(max=rows - 2)
        right, up = (x - left).float()[:, None], (y - low).float()[:, None]
        column, row = left.long() % cols, low.long()
        beside = (column + 1) % cols
        below, above = row * cols, (row + 1) * cols
        south = torch.lerp(self._nodes[below + column], self._nodes[below + beside], right)
        north = torch.lerp(self._nodes[above + column], self._nodes[above + beside], right)
        return torch.lerp(south, north, up)


class Layers(torch.nn.Module):
    """From numbers of the field and smooth components to predictions: one hidden layer, ReLU."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(inputs, hidden)
        self.out = torch.nn.Linear(hidden, outputs)
        with torch.no_grad():
            self.out.weight *= 0.1

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        found: Tensor = self.out(torch.relu(self.hidden(inputs)))
        return found


@dataclass
class Fit:
    """A fitted field with its layers, and what it explains of places it has not seen.

    Attributes:
        levels: of the field, finest first.
        layers: what reads them.
        smooth: the components beside them.
        error: squared error on held-out places, of a variance of 1.
        rounded_error: the same with the field's values rounded.
        places: number of places fitted to.
    """

    levels: list[FieldLevel]
    layers: Layers
    smooth: SmoothTable
    error: float = math.nan
    rounded_error: float = math.nan
    places: int = 0

    def predict(self, lonlat: Tensor, steps: Sequence[float] = ()) -> Tensor:
        """(N, 2) degrees float64 -> (N, predictions)."""
        rounding = steps or [0.0] * len(self.levels)
        read = [level.read(lonlat, step) for level, step in zip(self.levels, rounding)]
        predicted: Tensor = self.layers(torch.cat([*read, self.smooth.read(lonlat)], dim=1))
        return predicted


def fit(
    places: Floats,
    targets: NDArray[np.float16],
    rows: Sequence[Rows],
    levels: Sequence[LevelSettings],
    smooth: LocationEncoder,
    settings: FitSettings,
    seed: int,
    cancelled: Cancelled | None = None,
) -> Fit:
    """Fit a field to targets.

    Args:
        places: (N, 2) degrees, neighbours next to one another.
        targets: (N, predictions).
        rows: of the levels, with their kept cells.
        levels: their settings.
        smooth: the smooth encoder, its leading components first.
        settings: rates, batches, epochs.
        seed: of first values, order and held-out places.
        cancelled: asked at every step; the fit so far is then returned.
    """
    torch.manual_seed(seed)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    fields = [FieldLevel(r, level.channels, seed) for r, level in zip(rows, levels)]
    inputs = sum(level.channels for level in levels) + settings.components
    made = Fit(
        fields,
        Layers(inputs, settings.hidden, targets.shape[1]),
        SmoothTable(smooth, settings.components),
    )
    random = np.random.default_rng(seed)
    stretches = random.permutation(len(places) // STRETCH)
    held = max(1, min(settings.validation_places // STRETCH, len(stretches) // 10))
    checked, used = np.sort(stretches[:held]), stretches[held:]
    made.places = len(used) * STRETCH
    _descend(made, places, targets, used, settings, random, cancelled)
    unseen = _of_stretches(checked)
    made.error = _error(made, places[unseen], targets[unseen])
    steps = [level.step for level in levels]
    made.rounded_error = _error(made, places[unseen], targets[unseen], steps)
    log.info(
        "unseen places: error %.4f of a variance of 1, %.4f with values rounded",
        made.error, made.rounded_error,
    )  # fmt: skip
    return made


def _descend(
    made: Fit,
    places: Floats,
    targets: NDArray[np.float16],
    used: Integers,
    settings: FitSettings,
    random: np.random.Generator,
    cancelled: Cancelled | None,
) -> None:
    adam = torch.optim.AdamW(
        made.layers.parameters(), settings.rate, (0.9, 0.99), weight_decay=settings.weight_decay
    )
    size = min(settings.batch_size // STRETCH, len(used))
    in_epoch = len(used) // size
    steps, total = in_epoch * settings.epochs, math.nan
    for step in range(steps):
        if step % in_epoch == 0:
            used = random.permutation(used)
        if cancelled is not None and cancelled():
            return
        start = step % in_epoch * size
        batch = _of_stretches(used[start : start + size])
        share = rate_share(step, steps)
        for group in adam.param_groups:
            group["lr"] = settings.rate * share
        wanted = torch.from_numpy(targets[batch].astype(np.float32))
        error = (made.predict(torch.from_numpy(places[batch])) - wanted).square().sum(1).mean()
        adam.zero_grad()
        error.backward()
        adam.step()
        for level in made.levels:
            level.update(settings.field_rate * share)
        total = error.item() if math.isnan(total) else 0.98 * total + 0.02 * error.item()
        if (step + 1) % max(1, steps // _SAID) == 0:
            log.info("step %s of %s: squared error %.4f", f"{step + 1:,}", f"{steps:,}", total)


def rate_share(step: int, steps: int) -> float:
    """Part of the full rate: a short warm-up, level, then half a cosine."""
    done = step / steps
    warm = min(1.0, (step + 1) / _WARM_STEPS)
    if done < _LEVEL_SHARE:
        return warm
    turned = math.pi * (done - _LEVEL_SHARE) / (1 - _LEVEL_SHARE)
    return warm * max(_LAST_RATE, 0.5 * (1 + math.cos(turned)))


def _of_stretches(numbers: Integers) -> Integers:
    return (numbers[:, None] * STRETCH + np.arange(STRETCH)).ravel()


@torch.no_grad()
def _error(
    made: Fit, places: Floats, targets: NDArray[np.float16], steps: Sequence[float] = ()
) -> float:
    """Squared error as a share of the targets' variance."""
    wanted = targets.astype(np.float32)
    found = predictions(made, places, steps)
    spread = np.square(wanted - wanted.mean(axis=0)).sum()
    return float(np.square(found - wanted).sum() / spread)


@torch.no_grad()
def predictions(made: Fit, places: Floats, steps: Sequence[float] = ()) -> Float32:
    """(N, 2) degrees -> (N, predictions), a few thousand at a time."""
    parts = [
        made.predict(torch.from_numpy(places[i : i + 8192]), steps).numpy()
        for i in range(0, len(places), 8192)
    ]
    return np.concatenate(parts)


def whole_numbers(
    level: FieldLevel, step: float, kept: Bools
) -> tuple[NDArray[np.int8], NDArray[np.uint8], Float32]:
    """A level as a model file has it: (channels, cells) int8, packed marks of runs, scales."""
    values = torch.round(level.values[RUN:] / step).clamp(-127, 127).to(torch.int8).numpy()
    scale = np.full(values.shape[1], step, np.float32)
    return np.ascontiguousarray(values.T), np.packbits(kept), scale
