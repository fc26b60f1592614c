"""From trained weights to a model file: post-processing, provenance, card."""

from __future__ import annotations

import datetime
import logging
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core import __version__
from satclip_core.encoder import LocationEncoder, ModelInfo
from satclip_core.encoder.modal import Modalities
from satclip_core.encoder.networks import NETWORKS
from satclip_core.errors import InputError
from satclip_core.models.model_file import write_model
from satclip_core.types import Float32, Floats, Integers

from ..images.patches import PatchFolders
from ..objectives.location import LocationModel
from ..places.gathering import PLACES, Gatherer
from ..places.reading import read_arrays
from ..settings.config import UNIGEOCLIP, TrainConfig
from ..settings.run_files import Locations
from ..settings.schema import build
from .card import NO_LICENCE, model_card
from .last_layer import component_layer, layer_names, postprocess, rotated
from .release_checkpoint import STATE, read_checkpoint
from .warm_start import warm_start

PREFIX = "model.location.nnet."
SAMPLE = 20_000
IMAGERY_SAMPLE = 60_000
"""A regression of image features on a wide hidden layer needs more places than a covariance."""

log = logging.getLogger("satclip_training")

Weights = Mapping[str, NDArray[Any]]
Images = Callable[[Integers], Float32]
"""Image features (B, features) of the points with these numbers (B,)."""


def encoder_from(
    weights: Weights, config: TrainConfig, info: ModelInfo | None = None
) -> LocationEncoder:
    """The core's encoder with these weights (published names without prefix)."""
    return LocationEncoder(config.model.architecture, weights, info=info)


def untrained(
    config: TrainConfig, land: Floats, start: Weights | None = None
) -> Callable[[Floats], Float32]:
    """The same encoder before any training, finished without imagery: what smoothness alone gives.

    Its weights are those that the run began with: `start`, or random ones of the same seed.
    """
    weights = finished_weights(start or initial_weights(config), config, land, start=start)
    return encoder_from(weights, config).encode


def checkpoint_weights(path: Path) -> tuple[dict[str, NDArray[Any]], TrainConfig]:
    """Inference weights and settings of a checkpoint of this project."""
    content = read_checkpoint(path)
    if STATE not in content:
        raise InputError(f"checkpoint {path}: was not written by satclip train")
    state = content["state_dict"]
    weights = {k[len(PREFIX) :]: v.numpy() for k, v in state.items() if k.startswith(PREFIX)}
    return weights, build(TrainConfig, content[STATE]["config"], f"{path}: ")


def initial_weights(config: TrainConfig) -> dict[str, Float32]:
    """The weights that a run of this configuration begins with: its seed decides them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        weights = LocationModel(config.model).inference_weights()
    return {key: value.numpy() for key, value in weights.items()}


def blended(
    weights: Weights, config: TrainConfig, start: Weights | None = None
) -> dict[str, Floats]:
    """Weights `export.trained_share` of the way from the initial to the trained ones.

    Wortsman et al. 2022, Robust fine-tuning of zero-shot models (WiSE-FT): between the two lies
    what both are good at, here the smoothness of the initial encoder and what training saw.
    """
    share = config.export.trained_share
    initial = start or initial_weights(config)
    return {
        key: share * value.astype(np.float64) + (1 - share) * initial[key]
        for key, value in weights.items()
    }


def hidden_components(
    weights: Weights, config: TrainConfig, land: Floats, images: Floats | None = None
) -> dict[str, NDArray[Any]]:
    """Replace the last layer of a network by `last_layer.component_layer` over land (N, 2)."""
    out = {key: np.array(value, np.float64) for key, value in weights.items()}
    weight_name, bias_name = layer_names(last_affine(weights, config))
    layer = out[weight_name]
    width = layer.shape[1]
    identity = {weight_name: np.eye(width), bias_name: np.zeros(width)}
    hidden = encoder_from({**out, **identity}, config).encode(land).astype(np.float64)
    dim = min(config.model.embed_dim, width)
    matrix, bias = component_layer(hidden, layer, dim, config.export, images)
    return {**out, weight_name: matrix, bias_name: bias}


def last_affine(weights: Weights, config: TrainConfig) -> str:
    """Name of the layer that gives the embedding.

    Raises:
        InputError: the network has none into which what export does could be folded.
    """
    kind = config.model.network.kind
    last = getattr(NETWORKS[kind], "last", None)
    name: str | None = None if last is None else last(weights)
    if name is None:
        raise InputError(
            f"export: the network {kind!r} has no affine layer at its end to fold this into: set "
            "export.embedding to output, export.postprocess to none and no rotation_seed"
        )
    return name


def finished_weights(
    weights: Weights,
    config: TrainConfig,
    land: Floats,
    images: Images | None = None,
    *,
    start: Weights | None = None,
) -> dict[str, NDArray[Any]]:
    """Post-processed weights in the precision of the file.

    Args:
        weights: as trained.
        config: the run's settings.
        land: (N, 2) places to adapt to.
        images: features of places by their numbers, where `export.leading` is `imagery`; without
            them an encoder is finished as one that has seen no imagery.
        start: the weights that the run began with, where `model.init` names them.
    """
    seen = images if config.export.leading == "imagery" else None
    most = SAMPLE if seen is None else IMAGERY_SAMPLE
    rows = np.arange(0, len(land), max(1, len(land) // most))[:most]
    sample = land[rows]
    done: Weights = weights if config.export.trained_share == 1 else blended(weights, config, start)
    if config.export.embedding == "hidden-components":
        looks = None if seen is None else seen(rows).astype(np.float64)
        done = hidden_components(done, config, sample, looks)
    if config.export.postprocess != "none":
        embeddings = encoder_from(done, config).encode(sample).astype(np.float64)
        done = postprocess(done, embeddings, config.export, last_affine(done, config))
    if config.export.rotation_seed is not None:
        done = rotated(done, config.export.rotation_seed, last_affine(done, config))
    return {key: value.astype(config.export.dtype) for key, value in done.items()}


def export_model(
    path: Path,
    weights: Weights,
    config: TrainConfig,
    *,
    facts: Mapping[str, str],
    scores: Mapping[str, Mapping[str, float]],
    tasks: str = "",
    modalities: Modalities | None = None,
) -> LocationEncoder:
    """Write the model file and, beside it, its card (`.md`).

    Args:
        path: the `.npz` to write.
        weights: finished weights.
        config: the run's settings.
        facts: flat provenance of the run: points, epochs, losses.
        scores: probe scores by encoder (this model's under its name), then task.
        tasks: the probe table, Markdown.
        modalities: encoders of other modalities in the same space, where the run has any.
    """
    training = {
        "config_sha256": config.digest(),
        "data": config.export.data,
        "software": f"satclip-embeddings {__version__}",
        "date": datetime.date.today().isoformat(),
        **facts,
        **{f"probe_{task}": f"{value:.3f}" for task, value in scores.get(config.name, {}).items()},
    }
    revision = git_revision()
    if revision:
        training["git_revision"] = revision
    card = model_card(config, training, tasks)
    if config.export.licence is None:
        log.warning("the licence of the weights is not stated: set export.licence")
    info = ModelInfo(config.name, config.export.licence or NO_LICENCE, training, card)
    encoder = encoder_from(weights, config, info)
    if modalities:
        encoder.modalities = modalities
    write_model(path, encoder, dtype=config.export.dtype, overwrite=True)
    path.with_suffix(".md").write_text(card, encoding="utf-8")
    return encoder


def export_checkpoint(checkpoint: Path, path: Path, places: Locations) -> LocationEncoder:
    """Export a run's checkpoint as it is, without probing it.

    Args:
        checkpoint: of this project, `last.ckpt` of a run's folder.
        path: the `.npz` to write, with its card beside it.
        places: where the files that points come from are looked for.

    Raises:
        InputError: no checkpoint of this project, or one whose export needs image features.
    """
    weights, config = checkpoint_weights(checkpoint)
    if config.export.leading == "imagery":
        raise InputError(
            f"checkpoint {checkpoint}: export.leading imagery needs the run's image features; "
            "run its satclip train again, which exports a finished run anew"
        )
    if config.objective.kind == UNIGEOCLIP:
        log.warning(
            "the location encoder alone: encoders of other modalities are the run's to write"
        )
    start = warm_start(config, places) if config.export.trained_share < 1 else None
    land = _places(checkpoint, config, places)
    finished = finished_weights(weights, config, land, start=start)
    return export_model(path, finished, config, facts={"checkpoint": checkpoint.name}, scores={})


def _places(checkpoint: Path, config: TrainConfig, places: Locations) -> Floats:
    """The places that a run was trained on; all that were asked for where it has not kept them."""
    kept = checkpoint.parent / PLACES
    if kept.is_file():
        found: Floats = read_arrays(kept, "places of the run")["array"]
        return found
    with tempfile.TemporaryDirectory() as scratch:
        return Gatherer(config, places, PatchFolders(), Path(scratch)).places()


def git_revision() -> str | None:
    """The revision of the checkout this package runs from, with + where it was changed; or None."""
    folder = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--match="],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", "model_export.py"],
            cwd=folder, capture_output=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
