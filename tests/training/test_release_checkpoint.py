"""Checkpoints in the layout of the release: names, shapes, settings, as its loaders want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timm_operators import timm_or_skip

from satclip_core.models.model_file import read_model
from satclip_training.export.release_checkpoint import (
    hyper_parameters,
    published_layout,
    vision_layers,
)
from satclip_training.objectives.base import ReleasedHeads
from satclip_training.objectives.location import LocationModel
from satclip_training.settings.config import TrainConfig, load_config

FOLDER = Path(__file__).parents[2] / "training" / "configs"
# Arguments of the release's Lightning module, and what its loader pops before.
ARGUMENTS = {
    "embed_dim", "image_resolution", "vision_layers", "vision_width", "vision_patch_size",
    "in_channels", "le_type", "pe_type", "frequency_num", "max_radius", "min_radius",
    "legendre_polys", "harmonics_calculation", "sh_embedding_dims", "learning_rate",
    "weight_decay", "num_hidden_layers", "capacity",
}  # fmt: skip
POPPED = {"eval_downstream", "air_temp_data_path", "election_data_path"}
LIGHT = {
    "le_type", "legendre_polys", "harmonics_calculation", "min_radius", "max_radius",
    "frequency_num", "pe_type", "embed_dim", "capacity", "num_hidden_layers",
}  # fmt: skip
NNET = {f"{layer}.{kind}" for layer in ("layers.0", "layers.1", "last_layer") for kind in
        ("weight", "bias")}  # fmt: skip


def config_of(image: str, *overrides: str) -> TrainConfig:
    return load_config(FOLDER / f"satclip-{image}-l10.yaml", overrides)


def layout(
    config: TrainConfig, backbone: dict[str, torch.Tensor], width: int
) -> tuple[LocationModel, torch.nn.Linear, dict[str, Any], dict[str, torch.Tensor]]:
    location = LocationModel(config.model)
    linear = torch.nn.Linear(width, 256)
    heads = ReleasedHeads(linear.weight, linear.bias, torch.tensor(2.5))
    made = published_layout(config, location.inference_weights(), heads, backbone)
    return location, linear, *made


@pytest.mark.parametrize(
    ("image", "model", "layers", "classifier"),
    [
        ("resnet18", "resnet18", "moco_resnet18", "fc"),
        ("resnet50", "resnet50", "moco_resnet50", "fc"),
        ("vit16", "vit_small_patch16_224", "moco_vit16", "head"),
    ],
)
def test_the_image_encoder_is_whole(image: str, model: str, layers: str, classifier: str) -> None:
    timm = timm_or_skip()
    config = config_of(image, "sources.sentinel2.weight=0.5")
    backbone = timm.create_model(model, num_classes=0, in_chans=13).eval()
    width = backbone.num_features
    _, linear, parameters, state = layout(config, backbone.state_dict(), width)
    assert set(parameters) == ARGUMENTS | POPPED
    assert parameters["vision_layers"] == layers
    assert parameters["image_resolution"] == (224 if image == "vit16" else 256)
    published = timm.create_model(model, num_classes=256, in_chans=13).eval()
    visual = {k.removeprefix("model.visual."): v for k, v in state.items() if "visual" in k}
    published.load_state_dict(visual)
    side = parameters["image_resolution"]
    images = torch.rand(1, 13, side, side)
    with torch.no_grad():
        wanted = linear(0.5 * backbone(images))
        torch.testing.assert_close(published(images), wanted, atol=1e-5, rtol=1e-5)
    assert f"model.visual.{classifier}.weight" in state
    rest = {key for key in state if "visual" not in key}
    names = {f"model.{place}nnet.{key}" for place in ("location.", "") for key in NNET}
    assert rest == {*names, "model.logit_scale"}


def test_the_location_encoder_is_there_twice_in_float64_and_once_in_the_file(
    tmp_path: Path,
) -> None:
    config = config_of("resnet18")
    location, _, parameters, state = layout(config, {}, 512)
    for key, value in location.nnet.named_parameters():
        for place in ("location.", ""):
            stored = state[f"model.{place}nnet.{key}"]
            assert stored.dtype == torch.float64
            torch.testing.assert_close(stored, value.detach().double())
    path = tmp_path / "release.ckpt"
    torch.save({"hyper_parameters": parameters, "state_dict": state}, path)
    numbers = sum(p.numel() for p in location.parameters())
    assert path.stat().st_size < numbers * 8 + 512 * 256 * 4 + 60_000
    places = np.array([[12.5, 47.0], [-70.0, -33.0]])
    with torch.no_grad():
        wanted = location.eval()(torch.from_numpy(places)).numpy()
    np.testing.assert_allclose(read_model(path).encode(places), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "override",
    [
        "model.image_hidden=64",
        "model.location_head=64",
        "training.loss=siglip",
        "sources.sentinel2.features.dim=64",
        "sources.sentinel2.features.model=resnet34",
        "sources.sentinel2.features.kind=random-convolution",
        "sources.sentinel2.features.in_channels=12",
    ],
)
def test_other_image_sides_are_no_published_ones(override: str) -> None:
    config = config_of("resnet18", override)
    assert vision_layers(config) is None
    parameters = hyper_parameters(config)
    assert set(parameters) >= LIGHT
    assert "vision_layers" not in parameters
