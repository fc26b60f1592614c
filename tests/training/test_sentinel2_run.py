"""Whole runs on patches: cache, training, checkpoint, resume, export, raster.

Once on made patches with random convolutional features, once on real Sentinel-2 patches with a
real resnet18, whose weights are random, in a file such as torchgeo publishes.
"""

from __future__ import annotations

import csv
import io
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from patch_world import moco_like, write_patches
from timm_operators import timm_or_skip
from training_world import StopAfter

from satclip_cli.main import run
from satclip_core.errors import CancelledError
from satclip_core.models.model_file import read_model
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import TrainConfig, load_config
from satclip_training.settings.run_files import locations

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "satclip-resnet18-l10.yaml"
EPOCHS = 3
SHORT = (
    f"training.epochs={EPOCHS}",
    "training.batch_size=6",
    "training.threads=1",
    "training.validation_candidates=2",
    "training.validation_fraction=0.1",
    "model.capacity=64",
    "sources.sentinel2.views=2",
)
STEPS = 3
"""Of an epoch: twenty patches, two held out, six a batch."""
RANDOM_FEATURES = (
    "sources.sentinel2.features={kind: random-convolution, filters: 16, dim: 12, samples: 20}",
    "sources.sentinel2.transform.crop=20",
)


@dataclass(frozen=True)
class Case:
    """Data and settings of a run."""

    data: Path
    overrides: tuple[str, ...]
    network: bool

    def config(self, *more: str) -> TrainConfig:
        return load_config(CONFIG, (*SHORT, *self.overrides, *more))

    def options(self, output: Path, **more: object) -> RunOptions:
        return RunOptions(locations(CONFIG, self.data), output, self.data, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["made", "real"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("data")
    if request.param == "made":
        write_patches(folder / "s2-100k", 20)
        return Case(folder, RANDOM_FEATURES, False)
    shared = request.getfixturevalue("shared_data") / "sentinel2" / "ssl4eo_example"
    if not shared.is_dir():
        pytest.skip(f"the twenty example patches are not here ({shared.name})")
    timm = timm_or_skip()
    shutil.copytree(shared, folder / "s2-100k", copy_function=shutil.copyfile)
    moco_like(timm, folder / "moco.pth")
    return Case(folder, ("sources.sentinel2.features.weights=moco.pth",), True)


@pytest.fixture(scope="module")
def finished(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, by the command."""
    folder = tmp_path_factory.mktemp("run")
    arguments = ["train", str(CONFIG), "--data-root", str(case.data), "-o", str(folder)]
    for override in (*SHORT, *case.overrides):
        arguments += ["--set", override]
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        code = run(arguments)
    assert code == 0, errors.getvalue()
    assert output.getvalue().strip() == str(folder / "satclip-resnet18-l10.npz")
    assert "20 points" in errors.getvalue()
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_learns_and_its_card_says_from_what(case: Case, finished: Path) -> None:
    losses = [float(row["loss"]) for row in rows(finished)]
    assert len(losses) == EPOCHS
    assert np.isfinite(losses).all()
    card = (finished / "satclip-resnet18-l10.md").read_text()
    assert "patches of `s2-100k`" in card
    assert "the points of the patches" in card
    network = "timm's resnet18, weights `moco.pth`, frozen, all features"
    assert (network in card) is case.network
    assert read_model(finished / "satclip-resnet18-l10.npz").provenance["training_points"] == "18"


def test_the_checkpoint_opens_in_the_core_and_as_published(case: Case, finished: Path) -> None:
    path = finished / "last.ckpt"
    places = np.array([[10.0, 50.0], [-60.0, -10.0]])
    exported = read_model(finished / "satclip-resnet18-l10.npz").encode(places)
    np.testing.assert_allclose(read_model(path).encode(places), exported, atol=1e-6)
    content = torch.load(path, weights_only=True)
    # The lightweight loader's rule: everything with `nnet` in its name, from there on.
    light = {key[key.index("nnet") :] for key in content["state_dict"] if "nnet" in key}
    layers = ("layers.0", "layers.1", "last_layer")
    assert light == {f"nnet.{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    assert content["hyper_parameters"]["frequency_num"] == 16
    frozen = [key for key in content["state_dict"] if key.startswith("model.visual.layer")]
    assert bool(frozen) is case.network
    kept = content["satclip_training"]["state_dict"]
    assert sum(value.numel() for value in kept.values()) < 400_000
    if case.network:
        assert content["hyper_parameters"]["vision_layers"] == "moco_resnet18"
        network = timm_or_skip().create_model("resnet18", num_classes=256, in_chans=13)
        visual = {
            key.removeprefix("model.visual."): value
            for key, value in content["state_dict"].items()
            if key.startswith("model.visual.")
        }
        network.load_state_dict(visual)
        # The network once, 45 MB; what is trained is small.
        assert path.stat().st_size < 50_000_000


@pytest.mark.parametrize("steps", [STEPS, STEPS + 1], ids=["after an epoch", "within an epoch"])
def test_a_stopped_run_goes_on_to_the_same_bits(
    case: Case, finished: Path, tmp_path: Path, steps: int
) -> None:
    config = case.config()
    shutil.copytree(finished / "cache", tmp_path / "cache")
    with pytest.raises(CancelledError, match="same command"):
        train(config, case.options(tmp_path, cancelled=StopAfter(steps - 1)))
    parts = read_model(train(config, case.options(tmp_path, resume=True)))
    whole = read_model(finished / "satclip-resnet18-l10.npz")
    for key, value in whole.weights.items():
        np.testing.assert_array_equal(parts.weights[key], value, err_msg=key)
    assert rows(tmp_path)[-1]["loss"] == rows(finished)[-1]["loss"]


def test_a_live_run_sees_what_a_cached_one_sees(case: Case, tmp_path: Path) -> None:
    """One view: a cached run draws view 0, a live run's first epoch is view 0."""
    same = ("sources.sentinel2.views=1", "training.epochs=1")
    for name, cached in (("cached", "true"), ("live", "false")):
        train(case.config(*same, f"training.cache={cached}"), case.options(tmp_path / name))
    cached, live = ([float(r[key]) for r in rows(tmp_path / name) for key in
                     ("loss", "validation_loss")] for name in ("cached", "live"))  # fmt: skip
    # The cache rounds features to 11 bits: cosines by some 1e-5, at a scale of 14.
    np.testing.assert_allclose(live, cached, atol=1e-3)
    assert not list((tmp_path / "live" / "cache").rglob("features.f16"))


def test_the_model_makes_a_raster(finished: Path, tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / "out.tif"
    arguments = ["raster", "--bbox", "0", "40", "4", "43", "--res", "1", "-o", str(path), "-q"]
    with redirect_stderr(io.StringIO()):
        assert run([*arguments, "--model", str(finished / "satclip-resnet18-l10.npz")]) == 0
    with rasterio.open(path) as dataset:
        values = dataset.read()
    assert values.shape == (256, 3, 4)
    encoder = read_model(finished / "satclip-resnet18-l10.npz")
    np.testing.assert_allclose(
        values[:, 0, 0], encoder.encode(np.array([[0.5, 42.5]]))[0], atol=1e-5
    )


def test_the_plan_of_a_dry_run_counts_the_patches(case: Case) -> None:
    arguments = ["train", str(CONFIG), "--data-root", str(case.data), "--dry-run"]
    for override in (*SHORT, *case.overrides):
        arguments += ["--set", override]
    with redirect_stdout(io.StringIO()) as output:
        assert run(arguments) == 0
    side = 256 if case.network else 20
    assert f"20 patches, 2 views of {side} x {side} pixels" in output.getvalue()
    assert f"{EPOCHS} epochs of 3 steps" in output.getvalue()
