"""The regression: a field, and layers that read it beside smooth components, to what imagery shows.

A place touches nine cells of each level, a batch a small part of the field: of every level the
cells of a batch are gathered, once each, and Adam's moments are kept and corrected for each cell by
how often it was seen (lazily, as torch's SparseAdam, but without the bias of rarely seen rows).

A field is stored in whole numbers, whose size is what their distribution costs. Where size counts
(`FitSettings.size_weight`), bits are part of what is minimised, with the rounding as noise at first
(Balle et al. 2017) and as itself, its gradient passed through, in the second half (Bengio et al.
2013).
"""

from __future__ import annotations

import logging
import math
import pickle
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from satclip_core.encoder import LocationEncoder
from satclip_core.encoder.field import RUN, Rows, taps
from satclip_core.errors import InputError
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
_SAID = 20
_ROUNDED_FROM = 0.5
"""Part of the steps after which values are rounded instead of blurred."""
# How much longer steps may become for a file to weigh what it may, and how nearly they are found.
_LONGEST, _NEAR_ENOUGH = 4.0, 1.01
_LEAST_SPREAD = 0.05
_BITS_A_MEGABYTE = 8e6
CHECKPOINT_SECONDS = 240.0


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
        self.spread = torch.ones(channels)
        self._batch: tuple[Tensor, Tensor] | None = None

    def read(self, lonlat: Tensor, step: float = 0.0, blurred: bool = False) -> Tensor:
        """(N, 2) degrees float64 -> (N, channels), a leaf's image: its gradient is for `update`.

        Args:
            lonlat: the places.
            step: what values are rounded to first; 0 leaves them as they are.
            blurred: instead of rounding, add noise as wide as a step.
        """
        cells, weights = taps(lonlat[:, 0], lonlat[:, 1], self._rows, torch)
        unique, inverse = torch.unique(cells, return_inverse=True)
        leaf = values = self.values[unique].requires_grad_(torch.is_grad_enabled())
        if step and blurred:
            values = leaf + (torch.rand_like(leaf) - 0.5) * step * (unique >= RUN)[:, None]
        elif step:
            values = leaf + (torch.round(leaf / step) * step - leaf).detach()
        self._batch = unique, leaf
        return functional.embedding_bag(
            inverse, values, per_sample_weights=weights.float(), mode="sum"
        )

    def megabytes(self, step: float) -> Tensor:
        """What the level costs in whole numbers of steps, judged by the cells of the last batch.

        Their values are taken as those of a Laplace distribution, whose spread is followed for
        each channel; a value costs the logarithm of the part that rounds as it does.
        """
        assert self._batch is not None
        unique, leaf = self._batch
        sizes = leaf[unique >= RUN].abs() / step
        if not len(sizes):
            return leaf.sum() * 0
        with torch.no_grad():
            self.spread.lerp_(sizes.mean(0), 0.02)
        half = 0.5 / self.spread.clamp(min=_LEAST_SPREAD)
        near = sizes.clamp(max=0.5)
        inner = -torch.log2(1 - torch.exp(-half) * torch.cosh(2 * half * near))
        outer = 2 * half * sizes / math.log(2) - torch.log2(torch.sinh(half))
        bits = torch.where(sizes < 0.5, inner, outer)
        return bits.sum(1).mean() * (len(self.values) - RUN) / _BITS_A_MEGABYTE

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

    def state(self) -> dict[str, Tensor]:
        """All that `load` needs to go on."""
        return {
            "values": self.values,
            "first": self._first,
            "second": self._second,
            "seen": self._seen,
            "spread": self.spread,
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        for name, mine in self.state().items():
            mine.copy_(state[name])


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
        seconds: that the steps took, those before an interruption too.
        unseen: indices of the held-out places.
    """

    levels: list[FieldLevel]
    layers: Layers
    smooth: SmoothTable
    error: float = math.nan
    rounded_error: float = math.nan
    places: int = 0
    seconds: float = 0.0
    unseen: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def predict(self, lonlat: Tensor, steps: Sequence[float] = (), blurred: bool = False) -> Tensor:
        """(N, 2) degrees float64 -> (N, predictions); see `FieldLevel.read`."""
        rounding = steps or [0.0] * len(self.levels)
        read = [level.read(lonlat, step, blurred) for level, step in zip(self.levels, rounding)]
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
    checkpoint: Checkpoint | None = None,
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
        checkpoint: where the fit is kept from time to time, and gone on from.
        cancelled: asked at every step; the fit so far is then kept and returned.
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
    unseen = _of_stretches(checked)
    steps = [level.step for level in levels]
    worth = settings.size_weight * float(targets[unseen].astype(np.float32).var(axis=0).sum())
    descent = Descent(made, settings, steps, worth, len(used), seed)
    descent.run(places, targets, used, checkpoint, cancelled)
    made.seconds = descent.seconds
    made.unseen = unseen
    made.error = error_of(made, places[unseen], targets[unseen])
    made.rounded_error = error_of(made, places[unseen], targets[unseen], steps)
    log.info(
        "unseen places: error %.4f of a variance of 1, %.4f with values rounded",
        made.error, made.rounded_error,
    )  # fmt: skip
    return made


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit is kept, and the settings it belongs to: of others it is not gone on from."""

    path: Path
    digest: str

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state, all of it or none."""
        part = self.path.with_suffix(".part")
        torch.save({**state, "digest": self.digest}, part)
        part.replace(self.path)

    def load(self) -> dict[str, Any] | None:
        """The state that was kept; None where there is none, or one of other settings."""
        if not self.path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError) as error:
            log.warning("%s cannot be read (%s): the fit starts anew", self.path, error)
            return None
        return state if state["digest"] == self.digest else None


class Descent:
    """Steps down the squared error, and the bits where they count.

    Args:
        made: what is fitted.
        settings: rates, batches, epochs.
        steps: what the levels' values are rounded to.
        worth: squared error that a megabyte has to save.
        stretches: number of stretches of places.
        seed: of their order.
    """

    def __init__(
        self,
        made: Fit,
        settings: FitSettings,
        steps: Sequence[float],
        worth: float,
        stretches: int,
        seed: int,
    ) -> None:
        self._made, self._settings, self._rounding = made, settings, steps
        self._worth, self._seed = worth, seed
        self._batch = min(settings.batch_size // STRETCH, stretches)
        self._in_epoch = stretches // self._batch
        self.steps = self._in_epoch * settings.epochs
        self._done = 0
        self._before, self._started = 0.0, time.monotonic()
        self._adam = torch.optim.AdamW(
            made.layers.parameters(), settings.rate, (0.9, 0.99), weight_decay=settings.weight_decay
        )

    @property
    def seconds(self) -> float:
        """That the steps took, those before an interruption too."""
        return self._before + time.monotonic() - self._started

    def run(
        self,
        places: Floats,
        targets: NDArray[np.float16],
        used: Integers,
        checkpoint: Checkpoint | None,
        cancelled: Cancelled | None,
    ) -> None:
        """All steps that are left.

        Args:
            places: (N, 2) degrees.
            targets: (N, predictions).
            used: numbers of the stretches that are fitted to.
            checkpoint: where the state is kept.
            cancelled: asked at every step.
        """
        kept = None if checkpoint is None else checkpoint.load()
        if kept is not None:
            self._load(kept)
            log.info("going on after step %s of %s", f"{self._done:,}", f"{self.steps:,}")
        started = saved = time.monotonic()
        first, total, order = self._done, math.nan, used
        for step in range(first, self.steps):
            epoch, part = divmod(step, self._in_epoch)
            if part == 0 or step == first:
                order = np.random.default_rng((self._seed, epoch)).permutation(used)
            asked = cancelled is not None and cancelled()
            if checkpoint is not None and (asked or time.monotonic() - saved > CHECKPOINT_SECONDS):
                checkpoint.save(self._state())
                saved = time.monotonic()
            if asked:
                return
            batch = _of_stretches(order[part * self._batch : (part + 1) * self._batch])
            wanted = torch.from_numpy(targets[batch].astype(np.float32))
            error = self._step(torch.from_numpy(places[batch]), wanted)
            total = error if math.isnan(total) else 0.98 * total + 0.02 * error
            if (step + 1) % max(1, self.steps // _SAID) == 0:
                pace = (time.monotonic() - started) / (step + 1 - first)
                log.info(
                    "step %s of %s: squared error %.4f, %.0f minutes left",
                    f"{step + 1:,}", f"{self.steps:,}", total, pace * (self.steps - step - 1) / 60,
                )  # fmt: skip
        if checkpoint is not None:
            checkpoint.save(self._state())

    def _step(self, lonlat: Tensor, wanted: Tensor) -> float:
        """One step; the squared error before it."""
        done = self._done / self.steps
        share = rate_share(self._done, self.steps)
        for group in self._adam.param_groups:
            group["lr"] = self._settings.rate * share
        rounding = self._rounding if self._worth else ()
        predicted = self._made.predict(lonlat, rounding, blurred=done < _ROUNDED_FROM)
        error = (predicted - wanted).square().sum(1).mean()
        loss = error
        for level, step in zip(self._made.levels, rounding):
            loss = loss + self._worth * level.megabytes(step)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        for level in self._made.levels:
            level.update(self._settings.field_rate * share)
        self._done += 1
        return error.item()

    def _state(self) -> dict[str, Any]:
        return {
            "done": self._done,
            "seconds": self.seconds,
            "levels": [level.state() for level in self._made.levels],
            "layers": self._made.layers.state_dict(),
            "adam": self._adam.state_dict(),
            "random": torch.get_rng_state(),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._done, self._before = state["done"], state["seconds"]
        for level, kept in zip(self._made.levels, state["levels"]):
            level.load(kept)
        self._made.layers.load_state_dict(state["layers"])
        self._adam.load_state_dict(state["adam"])
        torch.set_rng_state(state["random"])


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
def error_of(
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


def steps_within(
    made: Fit, steps: Sequence[float], kept: Sequence[Bools], megabytes: float
) -> list[float]:
    """Steps so long that the field weighs at most so much as a model file holds it, compressed.

    Args:
        made: the fit.
        steps: of its levels, to begin with.
        kept: the runs of its levels.
        megabytes: what all levels together may weigh.

    Raises:
        InputError: with the longest steps the field is larger yet.
    """

    def weight(factor: float) -> int:
        return sum(
            packed_size(whole_numbers(level, step * factor, marks)[0])
            for level, step, marks in zip(made.levels, steps, kept)
        )

    limit = megabytes * 1e6
    low, high = 1.0, _LONGEST
    if weight(low) <= limit:
        return list(steps)
    if weight(high) > limit:
        raise InputError(
            f"export.megabytes: rounded {_LONGEST:g} times as coarsely the field weighs "
            f"{weight(high) / 1e6:.3g} MB, and there is room for {megabytes:.3g}"
        )
    while high / low > _NEAR_ENOUGH:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if weight(middle) <= limit else (middle, high)
    return [step * high for step in steps]


def packed_size(array: NDArray[Any]) -> int:
    """Bytes that an array takes in a model file, about."""
    return len(zlib.compress(np.ascontiguousarray(array).tobytes()))


def whole_numbers(
    level: FieldLevel, step: float, kept: Bools
) -> tuple[NDArray[np.int8], NDArray[np.uint8], Float32]:
    """A level as a model file has it: (channels, cells) int8, packed marks of runs, scales."""
    values = torch.round(level.values[RUN:] / step).clamp(-127, 127).to(torch.int8).numpy()
    scale = np.full(values.shape[1], step, np.float32)
    return np.ascontiguousarray(values.T), np.packbits(kept), scale
