"""Lightning's trainer for a run: devices, precision, the loop over epochs and steps.

Lightning is asked for what it does well: mixed precision, gradient clipping, gradients of several
processes, and a loop that goes on mid-epoch. The rest is the run's own, for one reason each:
processes (`launch.PlaceEnvironment`), checkpoints (`callbacks.Checkpoints`: whole or not at all,
and not of lost weights), signals (`_OwnSignals`), loaders (`loop`: a batch is a function of its
number).
"""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.strategies import DDPStrategy

from satclip_core.errors import InputError, require
from satclip_core.types import Cancelled

from ..distributed import Group
from ..evaluation.linear_probe import Embed
from ..evaluation.tasks import Task
from ..export.model_export import Weights, encoder_from, finished_weights
from ..places.batches import Pairs
from ..settings.config import TrainConfig
from .callbacks import Checkpoints, EarlyEnd, EpochReport
from .launch import PlaceEnvironment, on_gpu
from .loop import Pretraining

log = logging.getLogger("satclip_training")


def fit(
    config: TrainConfig,
    pairs: Pairs,
    output: Path,
    *,
    tasks: Sequence[Task] = (),
    checkpoint: Path | None = None,
    data: str = "",
    start: Weights | None = None,
    cancelled: Cancelled | None = None,
) -> Pretraining:
    """Train on pairs, writing log and checkpoint into a folder.

    Args:
        config: the run's settings.
        pairs: what is trained on, shared by the processes of `pairs.group`.
        output: the run's folder, which exists.
        tasks: probed while training.
        checkpoint: what to go on from.
        data: digest of points and imagery, kept in checkpoints.
        start: weights to begin with, for plain features; random ones where None.
        cancelled: asked after every step; the state is saved when it says so.

    Raises:
        InputError: too few points for a batch.
        CancelledError: stopped; the checkpoint goes on from there.
    """
    if len(pairs.training) < 2:
        raise InputError(f"{len(pairs.training)} training points make no batch")
    torch.manual_seed(config.seed)
    module = Pretraining(config, pairs, data, start)

    def shipped(current: Pretraining) -> Embed:
        weights = finished_weights(
            current.inference_weights(), config, pairs.lonlat, pairs.mean_features, start=start
        )
        return encoder_from(weights, config).encode

    _quiet()
    report = EpochReport(output, tasks, shipped, config.probe.every)
    early = EarlyEnd(output, config.training.patience)
    callbacks = [_OwnSignals(), report, Checkpoints(output, cancelled), early]
    trainer = _trainer(config, pairs, output, callbacks)
    wanted, used = config.training.precision, trainer.precision
    if used != wanted and pairs.group.leads:
        log.warning("training.precision: %s is not to be had here, %s instead", wanted, used)
    log.info("training on %s pairs%s", f"{len(pairs.training):,}", _shared(pairs.group))
    trainer.fit(module, ckpt_path=checkpoint)
    return module


def _trainer(
    config: TrainConfig, pairs: Pairs, output: Path, callbacks: list[lightning.Callback]
) -> lightning.Trainer:
    settings = config.training
    return lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator=settings.accelerator,
        precision=cast(Any, settings.precision),
        gradient_clip_val=settings.gradient_clip or None,
        callbacks=callbacks,
        logger=_tensorboard(output) if settings.tensorboard and pairs.group.leads else False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if pairs.validation_steps else 0,
        default_root_dir=output,
        **_devices(config, pairs.group),
    )


def _devices(config: TrainConfig, group: Group) -> dict[str, Any]:
    """The trainer's arguments for one process or several."""
    settings = config.training
    if group.place is None:  # alone
        return {"devices": 1}
    if not (settings.threads or on_gpu(settings)):  # the machine's processes share its cores
        torch.set_num_threads(max(1, torch.get_num_threads() // settings.devices))
    return {
        "devices": settings.devices,
        "num_nodes": settings.nodes,
        "strategy": DDPStrategy(broadcast_buffers=False),
        "plugins": [PlaceEnvironment(group.place)],
        "use_distributed_sampler": False,
    }


class _OwnSignals(lightning.Callback):
    """Leaves SIGTERM to whoever handles it: Lightning would end the run without saving it."""

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Put the handler back that was there before Lightning's."""
        if self._handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)


def _shared(group: Group) -> str:
    return f", {group.size} processes" if group.size > 1 else ""


def _tensorboard(folder: Path) -> Any:
    from lightning.pytorch.loggers import TensorBoardLogger

    require("tensorboard", purpose="training.tensorboard")
    return TensorBoardLogger(folder, name="tensorboard", version="")


def _quiet() -> None:
    """Keep Lightning's notes about loaders and hardware out of a run's own lines."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
