"""The configurations of the six published models: they load, and differ where they must only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from satclip_core.errors import InputError
from satclip_core.models.published import PUBLISHED
from satclip_training.export.release_checkpoint import vision_layers
from satclip_training.settings.config import load_config

FOLDER = Path(__file__).parents[2] / "training" / "configs"
MODELS = {
    "resnet18": ("resnet18", 256, "moco_resnet18"),
    "resnet50": ("resnet50", 256, "moco_resnet50"),
    "vit16": ("vit_small_patch16_224", 224, "moco_vit16"),
}


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys to values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


@pytest.mark.parametrize("degree", [10, 40])
@pytest.mark.parametrize("image", MODELS)
def test_each_model_of_the_release_has_its_configuration(image: str, degree: int) -> None:
    name = f"satclip-{image}-l{degree}"
    config = load_config(FOLDER / f"{name}.yaml")
    source = config.sources["sentinel2"]
    model, crop, layers = MODELS[image]
    assert config.name == name
    assert name in PUBLISHED
    assert config.model.legendre_polys == degree == PUBLISHED[name].legendre_polys
    assert (source.features.model, source.transform.crop) == (model, crop)
    assert vision_layers(config) == layers


def test_there_is_none_beyond_the_release() -> None:
    assert {path.stem for path in FOLDER.glob("satclip-*.yaml")} == set(PUBLISHED)


def test_they_differ_in_name_degree_network_and_crop_only() -> None:
    every = [flat(load_config(FOLDER / f"{name}.yaml").as_plain()) for name in PUBLISHED]
    differing = {key for key in every[0] if len({str(values[key]) for values in every}) > 1}
    assert differing == {
        "name",
        "model.legendre_polys",
        "sources.sentinel2.features.model",
        "sources.sentinel2.transform.crop",
    }


def test_the_settings_are_the_published_ones() -> None:
    config = load_config(FOLDER / "satclip-vit16-l40.yaml")
    training, model = config.training, config.model
    assert (training.epochs, training.batch_size) == (500, 8192)
    assert (training.learning_rate, training.weight_decay) == (1e-4, 0.01)
    assert (training.schedule, training.warmup, training.beta2) == ("constant", 0, 0.999)
    assert (training.validation_fraction, training.jitter_degrees) == (0.1, 0.01)
    assert (training.temperature, training.largest_scale) == (0.07, 100)
    assert (model.capacity, model.num_hidden_layers, model.embed_dim) == (512, 2, 256)
    assert (model.dropout, model.harmonics_calculation) == (0.5, "analytic")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sources.sentinel2.transform.crops=224", "did you mean 'crop'"),
        ("sources.sentinel2.features.weight=timm", "did you mean 'weights'"),
        ("points.patch=s2", "did you mean 'patches'"),
        ("points.patches=elsewhere", r"set points\.patches to it"),
    ],
)
def test_a_typo_names_the_nearest_key(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(FOLDER / "satclip-resnet18-l10.yaml", (override,))
