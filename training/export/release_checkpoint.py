"""Checkpoints as SatCLIP's release has them, so that its own loaders open what is trained here.

The lightweight loader reads the location encoder of any run. The full one builds image encoder
and all and loads strictly, so it needs a run whose image side is one of the three published ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.errors import InputError
from satclip_core.models.model_file import requirements

from ..objectives import objective_class
from ..objectives.base import ReleasedHeads
from ..settings.config import HARMONICS, TIMM, TrainConfig

State = dict[str, torch.Tensor]

STATE = "satclip_training"
"""Where a checkpoint keeps what only training needs to go on."""
CLASSIFIERS = {
    "resnet18": ("moco_resnet18", "fc"),
    "resnet50": ("moco_resnet50", "fc"),
    "vit_small_patch16_224": ("moco_vit16", "head"),
}
"""timm's name -> the release's name, and where that network keeps its projection."""
CHANNELS = 13
UNUSED = {
    "frequency_num": 16,
    "max_radius": 0.01,
    "min_radius": 0.00001,
    "sh_embedding_dims": 32,
}
"""The loaders ask for them; spherical harmonics have no use for them (values of the release)."""
PUBLISHED_NETWORK = "siren"
UNUSED_VISION = {"vision_width": 128, "vision_patch_size": 32}
POPPED = ("eval_downstream", "air_temp_data_path", "election_data_path")
"""The full loader takes them out before it builds the model, so they must be there."""


def vision_layers(config: TrainConfig) -> str | None:
    """The release's name of the run's image encoder, None where it is none of the three.

    It must be all that images go through: one source, the network's own features, and an objective
    whose heads are those of the release.
    """
    model = config.model
    published = model.encoding.kind == HARMONICS and model.network.kind == PUBLISHED_NETWORK
    if len(config.sources) != 1 or not published or not objective_class(config).in_release(config):
        return None
    (source,) = config.sources.values()
    features = source.features
    if features.kind != TIMM or features.in_channels != CHANNELS or features.dim:
        return None
    return CLASSIFIERS.get(features.model, (None,))[0]


def hyper_parameters(config: TrainConfig) -> dict[str, Any]:
    """`hyper_parameters` of a checkpoint: what the lightweight loader reads, and the full one too.

    The latter's only where the image encoder is a published one (see `vision_layers`).
    """
    model = config.model
    described = {
        "embed_dim": model.embed_dim,
        "capacity": model.capacity,
        "num_hidden_layers": model.num_hidden_layers,
        "legendre_polys": model.legendre_polys,
        "le_type": model.encoding.kind,
        "pe_type": model.network.kind,
        "harmonics_calculation": model.harmonics_calculation,
        "learning_rate": config.training.learning_rate,
        "weight_decay": config.training.weight_decay,
        **UNUSED,
        **_beyond_the_release(config),
    }
    layers = vision_layers(config)
    if layers is None:
        return described
    (source,) = config.sources.values()
    side = source.transform.crop if source.chip is None else source.chip.pixels
    return {
        **described,
        "image_resolution": side,
        "vision_layers": layers,
        **UNUSED_VISION,
        "in_channels": CHANNELS,
        "eval_downstream": False,
        **dict.fromkeys(POPPED[1:], ""),
    }


def _beyond_the_release(config: TrainConfig) -> dict[str, Any]:
    """Settings of encodings and networks that SatCLIP's release does not know."""
    encoder = config.model.architecture
    described: dict[str, Any] = {}
    if config.model.encoding.kind != HARMONICS:
        values = dataclasses.asdict(encoder.settings)
        # Those of the zoo have the published names, side by side with all others.
        zoo = isinstance(encoder.settings, EncodingSettings)
        described |= values if zoo else {"encoding_settings": _listed(values)}
    if encoder.network_settings is not None:
        described["network_settings"] = _listed(dataclasses.asdict(encoder.network_settings))
    if requires := requirements(encoder):
        described["requires"] = requires
    return described


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    """Tuples as lists, which every reader of checkpoints knows."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def published_layout(
    config: TrainConfig,
    location: Mapping[str, torch.Tensor],
    heads: ReleasedHeads,
    backbone: Mapping[str, torch.Tensor],
) -> tuple[dict[str, Any], State]:
    """A checkpoint that SatCLIP's `get_satclip` loads strictly.

    Args:
        config: the run's settings, with a published image encoder.
        location: weights of the location encoder for plain harmonics, names within `nnet`.
        heads: the image projection and the scale.
        backbone: state of the frozen network, without classifier.

    Returns:
        `hyper_parameters` and `state_dict`; the location encoder stands there twice, as published,
        in float64, and takes its place in a file once.
    """
    (source,) = config.sources.values()
    classifier = CLASSIFIERS[source.features.model][1]
    state: State = {f"model.visual.{key}": value for key, value in backbone.items()}
    # The source's factor on its features belongs to the projection of the features themselves.
    state[f"model.visual.{classifier}.weight"] = _plain(heads.weight) * source.weight
    state[f"model.visual.{classifier}.bias"] = _plain(heads.bias)
    for key, value in location.items():
        state |= located(key, value.detach().cpu().double())
    state["model.logit_scale"] = _plain(heads.log_scale)
    return hyper_parameters(config), state


def located(key: str, value: torch.Tensor) -> State:
    """A weight of the location encoder under both of its published names."""
    return {f"model.location.nnet.{key}": value, f"model.nnet.{key}": value}


def _plain(value: torch.Tensor) -> torch.Tensor:
    return value.detach().to("cpu", torch.float32, copy=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Open a checkpoint's plain content; InputError where it is none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"checkpoint {path}: cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise InputError(f"checkpoint {path}: holds no training state")
    return content
