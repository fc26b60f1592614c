"""The trainable encoder: published names, start values, the mathematics of the core."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from satclip_training.export.model_export import encoder_from
from satclip_training.objectives.location import LocationModel
from satclip_training.objectives.satclip import Satclip
from satclip_training.run.average import RunningAverage
from satclip_training.settings.config import ModelSettings, TrainConfig, TrainingSettings

SMALL = ModelSettings(legendre_polys=6, capacity=32, embed_dim=8)


def config(model: ModelSettings, **training: object) -> TrainConfig:
    return TrainConfig("x", {}, model=model, training=TrainingSettings(**training))  # type: ignore[arg-type]


def places(count: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)])


def test_parameters_carry_the_published_names() -> None:
    names = set(LocationModel(SMALL).state_dict())
    layers = ("layers.0", "layers.1", "last_layer")
    assert names == {f"nnet.{layer}.{part}" for layer in layers for part in ("weight", "bias")}


def test_initial_weights_are_those_of_siren() -> None:
    network = LocationModel(ModelSettings(legendre_polys=10, capacity=512)).nnet
    for layer, bound in zip(
        ("layers.0", "layers.1", "last_layer"), (1 / 100, *[math.sqrt(6 / 512)] * 2)
    ):
        for values in (f"{layer}.weight", f"{layer}.bias"):
            values = network.get_parameter(values)
            assert values.abs().max() <= bound
            assert values.abs().max() > 0.9 * bound


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        replace(SMALL, harmonics_calculation="closed-form"),
        replace(SMALL, feature_gain=3.0, degree_decay=2.0, degree_reference=5.0),
        ModelSettings(legendre_polys=4, capacity=16, embed_dim=8, num_hidden_layers=3),
    ],
    ids=["plain", "closed-form", "scaled harmonics", "three layers"],
)  # fmt: skip
def test_torch_and_the_core_agree(settings: ModelSettings) -> None:
    module = LocationModel(settings).eval()
    weights = {k: v.numpy() for k, v in module.inference_weights().items()}
    encoder = encoder_from(weights, config(settings))
    with torch.no_grad():
        wanted = module(torch.from_numpy(places())).numpy()
    np.testing.assert_allclose(encoder.encode(places()), wanted, atol=1e-5, rtol=1e-5)


def test_dropout_acts_in_training_alone() -> None:
    module = LocationModel(ModelSettings(legendre_polys=6, capacity=32, dropout=0.5))
    points = torch.from_numpy(places())
    with torch.no_grad():
        module.train()
        assert not torch.equal(module(points), module(points))
        module.eval()
        assert torch.equal(module(points), module(points))


def test_source_dropout_blanks_one_source_in_a_share_of_rows() -> None:
    settings = ModelSettings(legendre_polys=2, capacity=8, embed_dim=4, source_dropout=0.5)
    model = Satclip(config(settings), {"a": 3, "b": 5})
    torch.manual_seed(0)
    out = model._drop_sources(torch.ones(4000, 8))
    blank_first, blank_second = (out[:, :3] == 0).all(1), (out[:, 3:] == 0).all(1)
    assert not (blank_first & blank_second).any()
    assert blank_first.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert blank_second.float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_the_running_average_follows_and_gives_back() -> None:
    module = torch.nn.Linear(2, 1)
    average = RunningAverage(module, 0.5)
    start = module.weight.detach().clone()
    for _ in range(60):
        with torch.no_grad():
            module.weight.add_(1)
        average.update()
    with average.applied():
        # Half a step's weight each: the average trails by decay / (1 - decay) steps.
        torch.testing.assert_close(module.weight.detach(), start + 59, atol=1e-3, rtol=0)
    torch.testing.assert_close(module.weight.detach(), start + 60)


def test_a_location_head_stays_out_of_the_exported_weights() -> None:
    model = Satclip(config(replace(SMALL, location_head=16)), {"a": 4})
    assert model.head(torch.zeros(2, 8)).shape == (2, 8)
    assert len(list(model.head.parameters())) == 4
    assert set(model.location.inference_weights()) == {
        f"{layer}.{part}"
        for layer in ("layers.0", "layers.1", "last_layer")
        for part in ("weight", "bias")
    }


def test_the_temperature_starts_where_it_is_told() -> None:
    model = Satclip(config(SMALL, temperature=0.1, learn_temperature=False), {"a": 4})
    assert model.logit_scale.exp().item() == pytest.approx(10)
    assert not model.logit_scale.requires_grad


def test_the_first_layer_and_the_images_can_have_rates_of_their_own() -> None:
    from satclip_training.images.views import CachedViews
    from satclip_training.places.batches import Pairs
    from satclip_training.run.loop import Pretraining

    made = config(SMALL, learning_rate=1.0, first_layer_rate=0.1, image_learning_rate=3.0)
    views = {"a": CachedViews(np.zeros((1, 64, 4), np.float16))}
    module = Pretraining(made, Pairs(places(), views, {"a": 1.0}, made.training, 0))
    groups = module.configure_optimizers()["optimizer"].param_groups
    found = {id(p): (g["initial_lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    model = module.model
    layer = model.location.nnet.get_parameter
    assert found[id(layer("layers.0.weight"))] == (0.1, 0.01)
    assert found[id(layer("layers.1.weight"))] == (1.0, 0.01)
    assert found[id(layer("layers.1.bias"))] == (1.0, 0.0)
    assert found[id(model.visual.weight)] == (3.0, 0.01)
    assert found[id(model.logit_scale)] == (1.0, 0.0)
    assert len(found) == len(list(model.parameters()))
