"""One training run from settings to model file: points, cache, training, export."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import InputError, OutputError

from .cache import CacheRequest, cached_views, make_request
from .callbacks import (
    CHECKPOINT,
    LOG,
    SECONDS_BETWEEN_LINES,
    Checkpoints,
    EpochReport,
    duration,
    last_row,
)
from .chips import alternatives
from .config import Locations, TrainConfig
from .export import encoder_from, export_model, finished_weights
from .land import load_points
from .location import LocationModel
from .loop import STATE, ContrastiveTraining, read_checkpoint
from .pairs import Pairs
from .probe import Embed, Scores, embedder, run_probes, table, write_scores
from .tasks import Task, load_tasks

log = logging.getLogger("satclip_training")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RunOptions:
    """Where and how a run goes.

    Attributes:
        places: where the configuration's files are looked for.
        output: the run's folder.
        data_root: of the probe tasks' files; the environment variable where None.
        resume: True goes on from `last.ckpt` and fails without one, False starts afresh, None
            goes on where there is one.
        cancelled: asked all along; the state is saved when it says so.
    """

    places: Locations
    output: Path
    data_root: str | os.PathLike[str] | None = None
    resume: bool | None = None
    cancelled: Callable[[], bool] | None = None


def train(config: TrainConfig, options: RunOptions) -> Path:
    """Train and export a model.

    Returns:
        The model file, `<output>/<name>.npz`, with its card (`.md`) and `scores.json` beside it.

    Raises:
        InputError: settings or files that cannot be used, or another run's checkpoint.
        OutputError: the folder cannot be written.
        CancelledError: stopped; the same command goes on from there.
    """
    started = time.monotonic()
    check_files(config, options.places)
    # Opened now, so that a package that is missing is named before hours of training.
    baselines = {name: embedder(name) for name in config.probe.baselines if name != "untrained"}
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    checkpoint = _prepare(config, options)
    lonlat = load_points(config.points, options.places)
    log.info("%s points", f"{len(lonlat):,}")
    tasks = _tasks(config, options)
    views = {
        name: _cached(make_request(name, source, lonlat, options.places, config.seed), options)
        for name, source in config.sources.items()
    }
    factors = {name: source.weight for name, source in config.sources.items()}
    pairs = Pairs(lonlat, views, factors, config.training, config.seed)
    module = _fit(config, options, pairs, tasks, checkpoint)
    facts = {
        "points": str(len(pairs.training)),
        "validation_points": str(len(pairs.validation)),
        "epochs": str(config.training.epochs),
        "validation_loss": last_row(options.output)["validation_loss"],
        "minutes": f"{(time.monotonic() - started) / 60:.1f}",
    }
    if "untrained" in config.probe.baselines:
        baselines = {"untrained": untrained(config, lonlat), **baselines}
    weights = finished_weights(module.inference_weights(), config, lonlat)
    scores = _score(config, weights, tasks, baselines) if tasks else {}
    path = options.output / f"{config.name}.npz"
    export_model(path, weights, config, facts=facts, scores=scores, tasks=table(scores, tasks))
    if scores:
        write_scores(scores, options.output / "scores.json")
    log.info("wrote %s, %s in all", path, duration(time.monotonic() - started))
    return path


def check_files(config: TrainConfig, places: Locations) -> dict[str, int]:
    """Find every file, so that a missing one is named at once; alternatives of each source."""
    for what, name in (
        ("points.file", config.points.file),
        ("points.land_mask", config.points.land_mask),
        ("probe.tasks", config.probe.tasks),
    ):
        if name is not None:
            places.find(name, what)
    return {
        name: len(alternatives(source, places, f"sources.{name}.files"))
        for name, source in config.sources.items()
    }


def _prepare(config: TrainConfig, options: RunOptions) -> Path | None:
    """Make the run's folder; the checkpoint to go on from, if any."""
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(config.as_plain(), indent=1)
        (options.output / "config.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"output {options.output}: {error.strerror}") from error
    checkpoint = options.output / CHECKPOINT
    if options.resume is False:
        checkpoint.unlink(missing_ok=True)
        (options.output / LOG).unlink(missing_ok=True)
        return None
    if not checkpoint.exists():
        if options.resume:
            raise InputError(f"nothing to resume: there is no {checkpoint}")
        return None
    kept = read_checkpoint(checkpoint).get(STATE, {})
    if kept.get("settings") != config.training_digest():
        raise InputError(
            f"{checkpoint} is of a run with other settings: "
            "start afresh with --fresh, or name another folder with --output"
        )
    log.info("going on from %s", checkpoint)
    return checkpoint


def _tasks(config: TrainConfig, options: RunOptions) -> list[Task]:
    if config.probe.tasks is None:
        return []
    path = options.places.find(config.probe.tasks, "probe.tasks")
    return load_tasks(path, data_root=options.data_root, names=config.probe.names)


def _cached(request: CacheRequest, options: RunOptions) -> NDArray[np.float16]:
    begun: list[float] = []  # time and count of the first report; time of the last line

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if not begun:
            begun[:] = [now, done, now]
        if now - begun[2] > SECONDS_BETWEEN_LINES or done == total:
            begun[2] = now
            left = (now - begun[0]) / max(1, done - begun[1]) * (total - done)
            share = 100 * done / total
            log.info("features of %s: %.0f %%, %s left", request.name, share, duration(left))

    log.info("features of %s", request.name)
    root = options.output / "cache"
    return cached_views(request, root, progress=progress, cancelled=options.cancelled)


def _fit(
    config: TrainConfig,
    options: RunOptions,
    pairs: Pairs,
    tasks: list[Task],
    checkpoint: Path | None,
) -> ContrastiveTraining:
    settings = config.training
    if pairs.steps < 1:
        raise InputError(f"{len(pairs.training)} training points make no batch")
    torch.manual_seed(config.seed)
    module = ContrastiveTraining(config, pairs)

    def shipped(current: ContrastiveTraining) -> Embed:
        weights = finished_weights(current.inference_weights(), config, pairs.lonlat)
        return encoder_from(weights, config).encode

    report = EpochReport(options.output, tasks, shipped, config.probe.every)
    _quiet()
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator=settings.accelerator,
        devices=1,
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip or None,
        callbacks=[report, Checkpoints(options.output, options.cancelled)],
        logger=_tensorboard(options.output) if settings.tensorboard else False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if pairs.validation_steps else 0,
        default_root_dir=options.output,
    )
    log.info("training on %s pairs", f"{len(pairs.training):,}")
    trainer.fit(module, ckpt_path=checkpoint)
    return module


def _tensorboard(folder: Path) -> Any:
    from lightning.pytorch.loggers import TensorBoardLogger

    from satclip_core.errors import require

    require("tensorboard", purpose="training.tensorboard")
    return TensorBoardLogger(folder, name="tensorboard", version="")


def _quiet() -> None:
    """Keep Lightning's notes about loaders and hardware out of a run's own lines."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")


def untrained(config: TrainConfig, land: Floats) -> Embed:
    """The same encoder before any training, finished in the same way: what smoothness alone gives.

    Its initial weights are those that the run began with (same seed).
    """
    state = torch.get_rng_state()
    torch.manual_seed(config.seed)
    weights = LocationModel(config.model).inference_weights()
    torch.set_rng_state(state)
    arrays = {key: value.numpy() for key, value in weights.items()}
    return encoder_from(finished_weights(arrays, config, land), config).encode


def _score(
    config: TrainConfig,
    weights: dict[str, NDArray[Any]],
    tasks: list[Task],
    baselines: dict[str, Embed],
) -> dict[str, Scores]:
    """Probe scores of the finished model and of the encoders it is compared with."""
    embeds = {config.name: encoder_from(weights, config).encode, **baselines}
    return {name: run_probes(embed, tasks) for name, embed in embeds.items()}
