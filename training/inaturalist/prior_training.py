"""Training one prior: epochs, early stopping, a checkpoint after each epoch."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from satclip_core.errors import InputError
from satclip_core.files import written_whole
from satclip_core.types import Progress

from ..export.release_checkpoint import read_checkpoint
from ..places.sampling import sample_points
from .annotations import Annotations, Observations
from .loss import presence_only_loss
from .prior import GeoPrior
from .prior_settings import PriorSettings

log = logging.getLogger("satclip_training")

# Apart from each other for any seed and epoch that is asked for.
EPOCHS_APART, VALIDATION_EPOCH = 100_000, 99_999


@dataclass
class State:
    """Where training stands, and the best weights so far; what a checkpoint holds.

    Attributes:
        fingerprint: of settings, seed and data; another run's checkpoint is refused.
        epoch: epochs done.
        best_loss: lowest validation loss, of `best_epoch`, whose weights are `best`.
        finished: whether training is over.
    """

    fingerprint: str
    epoch: int = 0
    best_loss: float = float("inf")
    best_epoch: int = 0
    best: dict[str, torch.Tensor] | None = None
    finished: bool = False


@dataclass(frozen=True)
class FitOptions:
    """Where a prior is trained.

    Attributes:
        checkpoint: file that is written after each epoch and gone on from; None keeps none.
        device: as torch names it.
        progress: told (epochs done, epochs at most).
    """

    checkpoint: Path | None = None
    device: str = "cpu"
    progress: Progress | None = None


def split(observations: Observations, share: float, seed: int) -> tuple[Observations, Observations]:
    """Training and validation part of the observations that have a place, drawn at random.

    Raises:
        InputError: fewer than two of them.
    """
    found = observations.with_place()
    count = len(found.ids)
    if count < 2:
        raise InputError(f"{count} training image has a place; training needs two at least")
    order = np.random.default_rng(seed).permutation(count)
    held = min(count - 1, max(1, round(share * count)))
    parts = (np.sort(order[held:]), np.sort(order[:held]))
    training, validation = (
        Observations(found.ids[p], found.lonlat[p], found.labels[p]) for p in parts
    )
    return training, validation


def fit_prior(
    settings: PriorSettings, data: Annotations, seed: int, options: FitOptions
) -> tuple[GeoPrior, State]:
    """Train a prior on the training split, and stop by the loss on a part of it held out.

    Adam, batches shuffled anew each epoch, as many fresh random places as observations; the
    weights of the epoch with the lowest validation loss are kept. All that is drawn depends on
    seed and epoch alone, so a run that was stopped goes on as if it had not been.

    Returns:
        The prior with its best weights, and how training went.

    Raises:
        InputError: too few observations, a checkpoint of another run, or a loss that is no
            number.
    """
    training, validation = split(data.training, settings.validation_share, seed)
    torch.manual_seed(seed)
    prior = GeoPrior(settings, len(data.species), options.device)
    optimizer = torch.optim.Adam(
        list(prior.weights.values()),
        lr=settings.cell.learning_rate,
        weight_decay=settings.cell.weight_decay,
    )
    state = _resumed(State(fingerprint(settings, data, seed)), prior, optimizer, options)
    while not state.finished:
        batches = _Batches(training, settings.batch_size, seed, state.epoch)
        loss = _train_epoch(prior, optimizer, batches)
        held = _Batches(validation, settings.batch_size, seed, VALIDATION_EPOCH)
        _note(state, prior, loss, _validation_loss(prior, held))
        _save(state, prior, optimizer, options.checkpoint)
        if options.progress is not None:
            options.progress(state.epoch, settings.epochs)
    if state.best is not None:
        prior.restore(state.best)
    return prior, state


def fingerprint(settings: PriorSettings, data: Annotations, seed: int) -> str:
    """SHA-256 of what shapes the weights of a run."""
    values = {"settings": asdict(settings), "data": data.digest(), "seed": seed}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class _Batches:
    """Shuffled batches of one epoch, each with as many random places.

    Args:
        observations: all with a place.
        size: of a batch.
        seed: of the run.
        epoch: two of them differ in order and in random places.
    """

    def __init__(self, observations: Observations, size: int, seed: int, epoch: int) -> None:
        count, self.seed = len(observations.ids), seed * EPOCHS_APART + epoch
        order = np.random.default_rng(self.seed).permutation(count)
        background = sample_points(count, seed=self.seed + 1)
        arrays = (observations.lonlat[order], observations.labels[order], background)
        self._parts = [
            tuple(array[start : start + size] for array in arrays)
            for start in range(0, count, size)
        ]

    def __iter__(self) -> Any:
        """Tuples of places (n, 2), labels (n,), random places (n, 2)."""
        return iter(self._parts)


def _batch_loss(prior: GeoPrior, batch: Any, *, training: bool) -> torch.Tensor:
    lonlat, labels, background = batch
    logits = prior.logits(np.concatenate([lonlat, background]), training=training)
    own = torch.from_numpy(labels).to(prior.device)
    weight = prior.settings.weight(prior.classes)
    return presence_only_loss(logits[: len(own)], own, logits[len(own) :], weight)


def _train_epoch(prior: GeoPrior, optimizer: torch.optim.Optimizer, batches: _Batches) -> float:
    torch.manual_seed(batches.seed)  # of dropout
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = _batch_loss(prior, batch, training=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


@torch.no_grad()
def _validation_loss(prior: GeoPrior, batches: _Batches) -> float:
    """Mean over the observations, at the same random places whenever it is asked for."""
    total = count = 0.0
    for batch in batches:
        total += float(_batch_loss(prior, batch, training=False)) * len(batch[0])
        count += len(batch[0])
    return total / count


def _note(state: State, prior: GeoPrior, loss: float, validation: float) -> None:
    """Take an epoch's losses in; keep the weights if they are the best."""
    if not np.isfinite([loss, validation]).all():
        raise InputError(
            f"{prior.settings.name}: the loss is no number after epoch {state.epoch + 1}; "
            f"lower the learning rate ({prior.settings.cell.learning_rate:g})"
        )
    state.epoch += 1
    if validation < state.best_loss:
        state.best_loss, state.best_epoch = validation, state.epoch
        state.best = prior.state()
    settings = prior.settings
    stale = state.epoch - state.best_epoch
    state.finished = state.epoch >= settings.epochs or stale >= settings.patience
    log.info(
        "%s: epoch %d/%d, loss %.4f, validation %.4f",
        settings.name, state.epoch, settings.epochs, loss, validation,
    )  # fmt: skip


def _save(
    state: State, prior: GeoPrior, optimizer: torch.optim.Optimizer, path: Path | None
) -> None:
    if path is None:
        return
    content: dict[str, Any] = {"state": vars(state)}
    if not state.finished:
        content.update(weights=prior.state(), optimizer=optimizer.state_dict())
    with written_whole(path, overwrite=True) as temporary:
        torch.save(content, temporary)


def _resumed(
    fresh: State, prior: GeoPrior, optimizer: torch.optim.Optimizer, options: FitOptions
) -> State:
    """The state of the checkpoint, with network and optimiser set to it; `fresh` without one."""
    path = options.checkpoint
    if path is None or not path.exists():
        return fresh
    content = read_checkpoint(path)
    kept = content.get("state", {})
    if kept.get("fingerprint") != fresh.fingerprint:
        raise InputError(
            f"{path} is of a run with other settings or data: start afresh with --fresh, or name "
            "another folder with --folder"
        )
    state = State(**kept)
    if not state.finished:
        prior.restore(content["weights"])
        optimizer.load_state_dict(content["optimizer"])
        log.info("%s: going on after epoch %d", path.name, state.epoch)
    return state
