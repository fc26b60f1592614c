"""Weights that a run begins with instead of random ones: `model.init`."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import torch

from satclip_core.encoder import LocationEncoder, TwoPartEncoder
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model
from satclip_core.types import Floats

from ..objectives.location import LocationModel
from ..settings.config import TrainConfig
from ..settings.run_files import Locations


def warm_start(config: TrainConfig, places: Locations) -> dict[str, Floats] | None:
    """Weights of the model that `model.init` names, for plain features; None where it names none.

    Of an encoder of two parts its smooth part is taken.

    Raises:
        InputError: no such file, no model, or another architecture or other sizes than the run's;
            the message names the first that differs.
    """
    if config.model.init is None:
        return None
    path = places.find(config.model.init, "model.init")
    try:
        encoder = read_model(path)
    except ModelError as error:
        raise InputError("model.init: ", error) from error
    if isinstance(encoder, TwoPartEncoder):
        encoder = encoder.smooth
    where = f"model.init: {path}"
    _check_architecture(encoder, config, where)
    _check_shapes(encoder, config, where)
    return dict(encoder.weights)


def start_digest(config: TrainConfig, places: Locations) -> str | None:
    """SHA-256 of the file that `model.init` names."""
    if config.model.init is None:
        return None
    path: Path = places.find(config.model.init, "model.init")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_architecture(encoder: LocationEncoder, config: TrainConfig, where: str) -> None:
    theirs, ours = encoder.config, config.model.architecture
    for part in ("encoding", "network"):
        _check_same(part, getattr(theirs, part), getattr(ours, part), where)
    for part in ("settings", "network_settings"):
        there, here = getattr(theirs, part), getattr(ours, part)
        if here is None or there == here:
            continue
        for field in dataclasses.fields(here):
            # Settings that the encoding does not read say nothing: older files have others.
            if part == "settings" and field.name not in _read(config):
                continue
            _check_same(field.name, getattr(there, field.name), getattr(here, field.name), where)


def _read(config: TrainConfig) -> tuple[str, ...]:
    """Names of the settings that the run's encoding reads."""
    from satclip_core.encoder.encodings import ENCODINGS

    encoding = ENCODINGS[config.model.encoding.kind]
    uses = getattr(encoding, "uses", None)
    return (
        uses if uses is not None else tuple(f.name for f in dataclasses.fields(encoding.settings))
    )


def _check_same(name: str, theirs: object, ours: object, where: str) -> None:
    if theirs != ours:
        raise InputError(
            f"{where} has {name} {theirs}, the run's model {ours}: set the run's model to what the "
            "file has, or begin with another file"
        )


def _check_shapes(encoder: LocationEncoder, config: TrainConfig, where: str) -> None:
    with torch.random.fork_rng(devices=[]):
        wanted = LocationModel(config.model).inference_weights()
    for name in sorted({*wanted, *encoder.weights}):
        ours = tuple(wanted[name].shape) if name in wanted else None
        theirs = encoder.weights[name].shape if name in encoder.weights else None
        if ours != theirs:
            there = "is not there" if theirs is None else f"has the shape {theirs}"
            here = "the run's model has none" if ours is None else f"the run's model has {ours}"
            raise InputError(
                f"{where}: {name} {there}, {here}: set model.capacity, model.num_hidden_layers and "
                "model.embed_dim (or the network's own sizes) to those of the file"
            )
