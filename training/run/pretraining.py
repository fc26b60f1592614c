"""One training run from settings to model file: points, cache, training, export."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.files import written_whole
from satclip_core.types import Cancelled, Floats

from ..distributed import ALONE, Group, PeerError, Place
from ..evaluation.linear_probe import Embed, Scores, embedder, run_probes, table, write_scores
from ..evaluation.tasks import NO_LEAKS, Task, leaked, load_tasks
from ..export.model_export import encoder_from, export_model, finished_weights, untrained
from ..export.warm_start import start_digest, warm_start
from ..images.cache import CacheRequest
from ..images.chips import alternatives
from ..images.patches import PatchFolders
from ..images.timm_encoder import import_timm, pick_device
from ..images.views import Views, open_views
from ..modalities.modal_dataset import MODALITIES
from ..modalities.opening import ModalityRequest, modality_requests, open_modality
from ..places.batches import Pairs
from ..places.gathering import PLACES, Blank, Gatherer
from ..settings.config import SENTINEL2_ALL_MOCO, TIMM, TrainConfig
from ..settings.run_files import Locations
from .callbacks import (
    CHECKPOINT,
    LOG,
    SECONDS_BETWEEN_LINES,
    duration,
    read_log,
    told_in_notebooks,
)
from .folder import check_data, check_settings, digest, sole
from .launch import joined
from .loop import Pretraining
from .trainer import fit

log = logging.getLogger("satclip_training")


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
        cache: folder of features, which runs on the same images may share; `cache` within the
            run's own where None.
    """

    places: Locations
    output: Path
    data_root: str | os.PathLike[str] | None = None
    resume: bool | None = None
    cancelled: Cancelled | None = None
    cache: Path | None = None

    @property
    def features(self) -> Path:
        """Folder of the caches of features."""
        return self.cache or self.output / "cache"


def train(config: TrainConfig, options: RunOptions, place: Place | None = None) -> Path:
    """Train and export a model; on several devices, in as many processes.

    Args:
        config: the run's settings.
        options: where and how it goes.
        place: of this process, where the run started it as one of several.

    Returns:
        The model file, `<output>/<name>.npz`, with its card (`.md`) and `scores.json` beside it.

    Raises:
        InputError: settings or files that cannot be used, or another run's checkpoint.
        OutputError: the folder cannot be written.
        CancelledError: stopped; the same command goes on from there.
        PeerError: stopped together with the process that speaks for the run.
    """
    with told_in_notebooks():
        return _run(config, options, place)


def _run(config: TrainConfig, options: RunOptions, place: Place | None) -> Path:
    folders = PatchFolders()
    check_files(config, options.places, folders)
    # Opened now, so that a package that is missing is named before hours of training.
    baselines = {name: embedder(name) for name in config.probe.baselines if name != "untrained"}
    job = {
        "config": config.as_plain(),
        "roots": [str(root) for root in options.places.roots],
        "output": str(options.output),
        "data_root": None if options.data_root is None else str(options.data_root),
        "resume": options.resume,
        "cache": None if options.cache is None else str(options.cache),
    }
    with joined(config.training, job, place) as group:
        try:
            with ExitStack() as held:
                if config.training.threads:
                    torch.set_num_threads(config.training.threads)
                opened = group.in_turn(lambda: _open(config, options, folders, group, held))
                return _train(config, opened, options, group, baselines)
        except CancelledError as error:
            if group.leads:
                raise
            raise PeerError(error) from error


def finished_run(config: TrainConfig, options: RunOptions) -> Pretraining:
    """A finished run taken up again with its pairs and weights, to be measured; nothing is trained.

    Args:
        config: the run's settings.
        options: those that it was trained with.

    Raises:
        InputError: there is no such run in the folder.
    """
    with ExitStack() as held:
        opened = _open(
            config, dataclasses.replace(options, resume=True), PatchFolders(), ALONE, held
        )
        return _fitted(config, opened, options)


def _fitted(
    config: TrainConfig, opened: _Opened, options: RunOptions, tasks: Sequence[Task] = ()
) -> Pretraining:
    """Train on what was opened, from where it stands."""
    return fit(
        config,
        opened.pairs,
        options.output,
        tasks=tasks,
        checkpoint=opened.checkpoint,
        data=opened.data,
        start=opened.start,
        cancelled=options.cancelled,
    )


def _train(
    config: TrainConfig,
    opened: _Opened,
    options: RunOptions,
    group: Group,
    baselines: dict[str, Embed],
) -> Path:
    """Train what was opened; the process that leads exports and scores it."""
    module = _fitted(config, opened, options, opened.tasks)
    path = options.output / f"{config.name}.npz"
    if group.leads:
        _export(path, config, module, opened, baselines)
        log.info("wrote %s, %s in all", path, duration(time.monotonic() - opened.started))
    return path


def _export(
    path: Path,
    config: TrainConfig,
    module: Pretraining,
    opened: _Opened,
    baselines: dict[str, Embed],
) -> None:
    """Write model file, card and scores."""
    pairs, tasks = opened.pairs, opened.tasks
    weights = finished_weights(
        module.inference_weights(), config, pairs.lonlat, pairs.mean_features, start=opened.start
    )
    if "untrained" in config.probe.baselines:
        baselines = {"untrained": untrained(config, pairs.lonlat, opened.start), **baselines}
    scores = _score(config, weights, tasks, baselines) if tasks else {}
    leaks = leaked(tasks, image_files(config))
    logged = read_log(path.parent)
    facts = {
        "points": str(len(pairs.training)),
        "validation_points": str(len(pairs.validation)),
        "epochs": logged[-1]["epoch"] if logged else str(config.training.epochs),
        "validation_loss": _validation_loss(pairs, logged),
        "minutes": f"{(time.monotonic() - opened.started) / 60:.1f}",
    }
    if config.model.init is not None:
        facts["begun_with"] = f"{config.model.init} (SHA-256 {opened.start_sha256})"
    for blank in opened.blanks:
        facts[f"blank_{blank.source}"] = str(blank)
    if tasks:
        facts["leaks"] = ", ".join(leaks) or NO_LEAKS
    rows = table(scores, tasks, {config.name: leaks})
    export_model(
        path, weights, config, facts=facts, scores=scores, tasks=rows,
        modalities=module.modalities(),
    )  # fmt: skip
    if scores:
        write_scores(scores, path.parent / "scores.json")


def _validation_loss(pairs: Pairs, logged: list[dict[str, str]]) -> str:
    """The last one of the log, for the card."""
    if not pairs.validation_steps:
        return "none: nothing was held out"
    return (logged[-1].get("validation_loss") if logged else None) or "unknown"


def image_files(config: TrainConfig) -> list[str]:
    """Names and patterns of all imagery and of modalities, as the configuration has them."""
    entries = [entry for source in config.sources.values() for entry in source.files]
    for modality in config.modalities.values():
        entries += getattr(modality, "files", ())
        entries += [phrase.file for phrase in getattr(modality, "phrases", ())]
    files = [[entry] if isinstance(entry, str) else entry for entry in entries]
    folders = [source.patches for source in config.sources.values() if source.patches]
    return [name for group in files for name in group] + folders


@dataclass(frozen=True)
class _Opened:
    """What a run goes through, begins with, goes on from; a digest of its data; when it began."""

    pairs: Pairs
    tasks: list[Task]
    checkpoint: Path | None
    data: str
    blanks: tuple[Blank, ...]
    started: float
    start: Mapping[str, Floats] | None
    start_sha256: str | None


def _open(
    config: TrainConfig,
    options: RunOptions,
    folders: PatchFolders,
    group: Group,
    held: ExitStack,
) -> _Opened:
    """Open points, tasks and views; the first process makes the folder and the cache before."""
    started = time.monotonic()
    start, sha256 = warm_start(config, options.places), start_digest(config, options.places)
    before = _prepare(config, options, held) if group.leads else None
    cache = options.features
    device = pick_device(config.training.accelerator)
    gatherer = Gatherer(
        config, options.places, folders, cache, device, root=cache, cancelled=options.cancelled
    )
    gathered = gatherer.gather()
    requests, lonlat = gathered.requests, gathered.lonlat
    log.info("%s points", f"{len(lonlat):,}")
    for blank in gathered.blanks:
        log.warning("%s: %s", blank.source, blank)
    tasks = _tasks(config, options) if group.leads else []
    if group.leads:
        _keep_places(lonlat, options.output)
    others = modality_requests(config, lonlat, options.places)
    data = digest([*requests.values(), *others.values()], sha256)
    check_data(options.output / CHECKPOINT, before, data)
    live = not config.training.cache
    views = {name: _views(request, options, live=live) for name, request in requests.items()}
    views |= _open_modalities(others, options, leads=group.leads)
    factors = {name: source.weight for name, source in config.sources.items()}
    pairs = Pairs(lonlat, views, factors, config.training, config.seed, group)
    checkpoint = _checkpoint(options)
    return _Opened(pairs, tasks, checkpoint, data, gathered.blanks, started, start, sha256)


def _open_modalities(
    requests: Mapping[str, ModalityRequest], options: RunOptions, *, leads: bool
) -> dict[str, Views]:
    """Views of the modalities; the process that leads notes where they lie, for `ModalDataset`."""
    views: dict[str, Views] = {}
    homes: dict[str, str] = {}
    for name, request in requests.items():
        opened, file = open_modality(request, options.features, options.cancelled)
        views[name], homes[name] = opened, os.path.relpath(file, options.output)
    if leads and requests:
        with written_whole(options.output / MODALITIES, overwrite=True) as partial:
            partial.write_text(json.dumps(homes, indent=1), encoding="utf-8")
    return views


def _keep_places(lonlat: Floats, output: Path) -> None:
    """The places trained on, for whoever exports a checkpoint of the run later."""
    with written_whole(output / PLACES, overwrite=True) as partial:
        np.save(partial, lonlat)


def _checkpoint(options: RunOptions) -> Path | None:
    path = options.output / CHECKPOINT
    return path if path.exists() else None


def check_files(
    config: TrainConfig, places: Locations, folders: PatchFolders | None = None
) -> dict[str, int]:
    """Find every file, so that a missing one is named at once.

    Returns:
        Alternatives of each source of rasters, number of patches of each source of patches.
    """
    for what, name in (
        ("points.file", config.points.file),
        ("points.patches", config.points.patches),
        ("points.land_mask", config.points.land_mask),
        ("probe.tasks", config.probe.tasks),
        ("model.init", config.model.init),
    ):
        if name is not None:
            places.find(name, what)
    counts = {}
    for request in modality_requests(config, np.empty((0, 2)), places).values():
        request.files()
    for name, source in config.sources.items():
        where = f"sources.{name}"
        if source.features.kind == TIMM:
            import_timm(f"{where}.features")
            if source.features.weights not in (SENTINEL2_ALL_MOCO, "timm", "random"):
                places.find(source.features.weights, f"{where}.features.weights")
        smoothing = source.smoothing
        if smoothing is not None and smoothing.kind == TIMM:
            import_timm(f"{where}.smoothing")
            if smoothing.weights not in (SENTINEL2_ALL_MOCO, "timm", "random"):
                places.find(smoothing.weights, f"{where}.smoothing.weights")
        counts[name] = len(alternatives(source, places, f"{where}.files"))
        if source.patches is not None:
            found = places.find(source.patches, f"{where}.patches")
            counts[name] = len((folders or PatchFolders())(found).files)
    return counts


def _prepare(config: TrainConfig, options: RunOptions, held: ExitStack) -> str | None:
    """Make the run's folder and hold it; leave no checkpoint there but one to go on from.

    Returns:
        Digest of the data that this checkpoint is of, if there is one and it says.
    """
    before = None
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        held.enter_context(sole(options.output))
        checkpoint = None if options.resume is False else _checkpoint(options)
        if checkpoint is not None:
            before = check_settings(checkpoint, config)
        elif options.resume:
            raise InputError(f"nothing to resume: there is no {options.output / CHECKPOINT}")
        with written_whole(options.output / "config.json", overwrite=True) as partial:
            partial.write_text(json.dumps(config.as_plain(), indent=1), encoding="utf-8")
        if checkpoint is None:
            (options.output / CHECKPOINT).unlink(missing_ok=True)
            (options.output / LOG).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"output {options.output}: {error.strerror}") from error
    return before


def _tasks(config: TrainConfig, options: RunOptions) -> list[Task]:
    if config.probe.tasks is None:
        return []
    path = options.places.find(config.probe.tasks, "probe.tasks")
    return load_tasks(path, data_root=options.data_root, names=config.probe.names)


def _views(request: CacheRequest, options: RunOptions, *, live: bool) -> Views:
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

    log.info("features of %s%s", request.name, ", computed at every step" if live else "")
    return open_views(
        request,
        options.features,
        live=live,
        progress=progress,
        cancelled=options.cancelled,
    )


def _score(
    config: TrainConfig,
    weights: dict[str, NDArray[Any]],
    tasks: list[Task],
    baselines: dict[str, Embed],
) -> dict[str, Scores]:
    """Probe scores of the finished model and of the encoders it is compared with."""
    embeds = {config.name: encoder_from(weights, config).encode, **baselines}
    return {name: run_probes(embed, tasks) for name, embed in embeds.items()}
