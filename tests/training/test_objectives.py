"""Objectives: chosen by settings, each with heads, loss and card lines of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from satclip_core.errors import InputError
from satclip_training.distributed import ALONE, Group
from satclip_training.export.card import model_card
from satclip_training.images.views import CachedViews
from satclip_training.objectives import CLASSES, objective_class
from satclip_training.objectives.base import Objective
from satclip_training.objectives.satclip import LOSSES, Satclip, SigmoidSatclip
from satclip_training.places.batches import Pairs
from satclip_training.run.loop import Pretraining
from satclip_training.settings.config import (
    OBJECTIVES,
    ModelSettings,
    SourceSettings,
    TrainConfig,
    TrainingSettings,
)
from satclip_training.settings.schema import build, plain

TRAINING = Path(__file__).resolve().parents[2] / "training"
SOURCES = {"a": {"files": ["a.tif"], "chip": {"kilometres": 10, "pixels": 4}}}
SMALL = ModelSettings(legendre_polys=3, capacity=8, embed_dim=4)


def config(model: ModelSettings = SMALL, **training: object) -> TrainConfig:
    settings = TrainingSettings(**training)  # type: ignore[arg-type]
    return TrainConfig("x", {"a": SourceSettings(files=("a.tif",))}, model=model, training=settings)


def test_every_kind_has_its_settings_and_its_class() -> None:
    assert set(CLASSES) == set(OBJECTIVES)
    for kind, objective in OBJECTIVES.items():
        assert objective.settings is CLASSES[kind].settings
        assert TrainConfig("x", {}).objective.kind in CLASSES


def test_every_loss_of_the_settings_is_one_of_satclip() -> None:
    for loss, wanted in LOSSES.items():
        values = {"name": "x", "sources": SOURCES, "training": {"loss": loss}}
        assert objective_class(build(TrainConfig, values, "")) is wanted
    with pytest.raises(InputError, match=r"training\.loss.*did you mean 'siglip'"):
        build(TrainConfig, {"name": "x", "sources": SOURCES, "training": {"loss": "siglop"}}, "")


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"kind": "satclap"}, r"objective\.kind: 'satclap' is not one of .*satclip"),
        ({"kind": "satclip", "heads": 3}, r"objective\.heads: unknown key"),
        (3, r"objective: expected keys and values, got 3"),
    ],
)
def test_a_bad_objective_is_named(objective: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(TrainConfig, {"name": "x", "sources": SOURCES, "objective": objective}, "")


def test_the_objective_of_older_runs_leaves_their_digests_as_they_were() -> None:
    old = build(TrainConfig, {"name": "x", "sources": SOURCES}, "")
    new = build(
        TrainConfig, {"name": "x", "sources": SOURCES, "objective": {"kind": "satclip"}}, ""
    )
    assert new.digest() == old.digest()
    assert "objective" not in plain(old, digest=True)
    assert build(TrainConfig, old.as_plain(), "") == old


@pytest.mark.parametrize("loss", LOSSES)
def test_satclip_is_its_loss_of_the_joined_sources(loss: str) -> None:
    """Against the formulas, written out: one projection of both sources, side by side."""
    torch.manual_seed(0)
    settings = config(replace(SMALL, location_head=5), loss=loss, largest_scale=1000.0)
    model = objective_class(settings)(settings, {"a": 2, "b": 3}).double()
    assert isinstance(model, Satclip)
    harmonics, a, b = (torch.randn(6, n, dtype=torch.float64) for n in (9, 2, 3))
    images = functional.normalize(
        torch.cat([a, b], 1) @ model.visual.weight.T + model.visual.bias, dim=1
    )
    places = functional.normalize(model.head(model.location.nnet(harmonics)), dim=1)
    logits = model.logit_scale.exp() * images @ places.T
    if isinstance(model, SigmoidSatclip):
        signs = 2 * torch.eye(6, dtype=torch.float64) - 1
        wanted = -functional.logsigmoid(signs * (logits + model.logit_bias)).sum() / 6
    else:
        right = torch.arange(6)
        wanted = functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)
        wanted = wanted / 2
    # Sources come by name: their order in the batch says nothing.
    torch.testing.assert_close(model.loss(harmonics, {"b": b, "a": a}), wanted)


def test_the_scale_stays_below_its_bound() -> None:
    settings = config(largest_scale=20.0)
    model = objective_class(settings)(settings, {"a": 2})
    with torch.no_grad():
        model.logit_scale.fill_(5.0)
    model.after_step()
    assert model.measures()["scale"] == pytest.approx(20)


@pytest.mark.parametrize(
    ("model", "training", "there"),
    [
        (SMALL, {}, True),
        (replace(SMALL, image_hidden=3), {}, False),
        (replace(SMALL, location_head=3), {}, False),
        (SMALL, {"loss": "siglip"}, False),
    ],
)
def test_the_release_has_room_for_plain_heads_alone(
    model: ModelSettings, training: dict[str, object], there: bool
) -> None:
    settings = config(model, **training)
    objective = objective_class(settings)
    assert objective.in_release(settings) is there
    assert (objective(settings, {"a": 2}).released_heads() is not None) is there


def test_the_card_has_the_lines_of_its_objective() -> None:
    clip = model_card(config(replace(SMALL, location_head=7)), {}, "")
    assert "CLIP loss on batches of 4096, scale at most 100; contrasted behind a head of 7" in clip
    assert "pairwise sigmoid (SigLIP) loss" in model_card(config(loss="siglip"), {}, "")


@dataclass(frozen=True)
class LevelSettings:
    power: int = 1


class Level(Objective):
    """A made objective without temperature or image projection: the first feature, regressed."""

    settings = LevelSettings

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__(config, widths)
        self.readout = torch.nn.Linear(config.model.embed_dim, 1)

    def loss(
        self, features: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        predicted = self.readout(self.location.nnet(features))[:, 0]
        return functional.mse_loss(predicted, images["a"][:, 0] ** self.options.power)

    def measures(self) -> dict[str, float]:
        return {"steepness": float(self.readout.weight.detach().norm())}

    @classmethod
    def card_origin(cls, config: TrainConfig) -> str:
        return "Pretrained by guessing levels."

    @classmethod
    def card_recipe(cls, config: TrainConfig) -> list[str]:
        return ["mean squared error of the level"]


@pytest.fixture
def level(monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """A run of an objective that the package does not know."""
    monkeypatch.setitem(OBJECTIVES, "level", Level)
    values = {
        "name": "x", "sources": {"a": {"files": ["a.tif"]}}, "objective": {"kind": "level"},
        "model": {"legendre_polys": 3, "capacity": 16, "embed_dim": 4},
        "training": {"epochs": 30, "batch_size": 64, "learning_rate": 0.01, "threads": 1},
    }  # fmt: skip
    return build(TrainConfig, values, "")


def test_another_objective_needs_a_class_and_its_settings_alone(
    level: TrainConfig, tmp_path: Path
) -> None:
    """It trains, is logged with measures of its own, and its checkpoint and card are its own."""
    from satclip_training.run.callbacks import read_log
    from satclip_training.run.trainer import fit

    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, 400), rng.uniform(-80, 80, 400)])
    views = {"a": CachedViews(np.sin(np.radians(lonlat[None, :, 1:])).astype(np.float16))}
    pairs = Pairs(lonlat, views, {"a": 1.0}, level.training, 0)
    module = fit(level, pairs, tmp_path)
    log = read_log(tmp_path)
    assert float(log[-1]["loss"]) < 0.2 * float(log[0]["loss"])
    assert float(log[-1]["steepness"]) == pytest.approx(module.model.measures()["steepness"], 1e-4)
    assert "scale" not in log[-1]
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert {"model.readout.weight", "model.nnet.layers.0.weight"} <= set(state)
    card = model_card(level, {}, "")
    assert "Pretrained by guessing levels." in card
    assert "mean squared error of the level" in card
    assert "CLIP" not in card


def test_no_one_but_the_objectives_asks_which_loss_it_is() -> None:
    found = subprocess.run(
        ["grep", "-rnE", r"\.loss (==|!=|in)|loss_name|logit_(scale|bias)", "--include=*.py", "."],
        cwd=TRAINING, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    elsewhere = [line for line in found if not line.startswith("./objectives/")]
    allowed = "./export/release_checkpoint.py"  # the published name of a tensor
    assert [line for line in elsewhere if not line.startswith(allowed)] == []


def test_a_step_keeps_the_bounds_of_its_objective(level: TrainConfig) -> None:
    called = []
    views = {"a": CachedViews(np.zeros((1, 64, 1), np.float16))}
    pairs = Pairs(np.zeros((64, 2)), views, {"a": 1.0}, level.training, 0)
    module = Pretraining(level, pairs)
    module.model.after_step = lambda: called.append(1)  # type: ignore[method-assign]
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    module.optimizer_step(0, 0, optimizer, lambda: None)
    assert called == [1]
