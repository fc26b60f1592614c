"""Runs that begin with the weights of a model, and runs that are made longer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from two_part_models import make_encoder

from satclip_core.errors import InputError
from satclip_core.models.model_file import read_model, write_model
from satclip_training.export.warm_start import warm_start
from satclip_training.run.callbacks import read_log
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import TrainConfig, load_config
from satclip_training.settings.run_files import Locations, locations

TINY = Path(__file__).parents[2] / "training" / "configs" / "tiny.yaml"


def short(*changes: str) -> TrainConfig:
    few = ("points.count=600", "training.epochs=2", "training.batch_size=128", "probe.tasks=null")
    return load_config(TINY, (*few, "training.average_decay=0", *changes))


def options(world: Path, output: Path) -> RunOptions:
    return RunOptions(locations(TINY, world), output, world)


def places() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(-180, 180, 200), rng.uniform(-90, 90, 200)])


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of two epochs."""
    folder = tmp_path_factory.mktemp("finished")
    train(short(), options(world, folder))
    return folder


@pytest.mark.parametrize("file", ["tiny.npz", "last.ckpt"])
def test_a_run_begins_with_the_weights_of_a_model(
    file: str, finished: Path, world: Path, tmp_path: Path
) -> None:
    """At a rate of next to nothing it ends with them too; the gain of harmonics is undone."""
    begun = finished / file
    settings = short(
        f"model.init={begun}", "training.learning_rate=1e-12", "training.epochs=1",
        "model.degree_decay=1", "model.feature_gain=2",
    )  # fmt: skip
    made = read_model(train(settings, options(world, tmp_path)))
    before = read_model(begun)
    np.testing.assert_allclose(made.encode(places()), before.encode(places()), atol=1e-4)
    assert made.info.training["begun_with"] == f"{begun} (SHA-256 {before.sha256})"


def test_half_way_from_where_it_began(finished: Path, world: Path, tmp_path: Path) -> None:
    """`export.trained_share` goes from the model's weights, not from random ones."""
    begun = read_model(finished / "tiny.npz")
    settings = short(f"model.init={finished / 'tiny.npz'}", "export.trained_share=0.5")
    settings = replace(settings, training=replace(settings.training, epochs=1))
    half = read_model(train(settings, options(world, tmp_path))).weights
    trained = read_model(tmp_path / "last.ckpt").weights
    for name, value in half.items():
        wanted = 0.5 * trained[name] + 0.5 * begun.weights[name]
        np.testing.assert_allclose(value, wanted, atol=1e-6)


def test_the_smooth_part_of_two_is_taken(tmp_path: Path) -> None:
    write_model(tmp_path / "two.npz", make_encoder())
    sizes = "legendre_polys: 6, capacity: 16, num_hidden_layers: 1, embed_dim: 5"
    settings = short(f"model={{{sizes}, init: two.npz}}")
    weights = warm_start(settings, Locations((tmp_path,)))
    assert weights is not None
    smooth = read_model(tmp_path / "two.npz").smooth  # type: ignore[attr-defined]
    np.testing.assert_array_equal(weights["layers.0.weight"], smooth.weights["layers.0.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("legendre_polys=9", r"tiny\.npz has legendre_polys 8, the run's model 9"),
        ("harmonics_calculation=closed-form", "has harmonics_calculation analytic, the run's"),
        ("encoding=wrap", "has encoding sphericalharmonics, the run's model wrap"),
        ("network=fcnet", "has network siren, the run's model fcnet"),
        ("capacity=32", r"has the shape \(32, 64\), the run's model has \(32, 32\): set"),
        ("num_hidden_layers=3", r"layers\.2\.bias is not there, the run's model has \(64,\)"),
        ("embed_dim=8", r"last_layer\.bias has the shape \(32,\), the run's model has \(8,\)"),
    ],
)
def test_another_shape_is_named(finished: Path, change: str, message: str) -> None:
    settings = short(f"model.init={finished / 'tiny.npz'}", f"model.{change}")
    with pytest.raises(InputError, match=message):
        warm_start(settings, Locations((finished,)))


def test_a_file_that_is_none_is_named(finished: Path) -> None:
    with pytest.raises(InputError, match=r"model\.init: 'nowhere\.npz' is not there"):
        warm_start(short("model.init=nowhere.npz"), Locations((finished,)))
    with pytest.raises(InputError, match=r"model\.init: .*log\.csv: it is no model file"):
        warm_start(short("model.init=log.csv"), Locations((finished,)))


def test_another_file_under_the_name_is_another_run(
    finished: Path, world: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun.npz"
    begun.write_bytes((finished / "tiny.npz").read_bytes())
    settings = short(f"model.init={begun}", "training.epochs=1")
    train(settings, options(world, tmp_path / "run"))
    write_model(begun, read_model(finished / "tiny.npz"), dtype="float64", overwrite=True)
    with pytest.raises(InputError, match=r"other data .*model\.init"):
        train(settings, options(world, tmp_path / "run"))


def test_a_finished_run_made_longer_is_the_long_run(world: Path, tmp_path: Path) -> None:
    """At a constant rate, to the same bits."""
    rate = ("training.schedule=constant", "training.warmup=0", "model.dropout=0.3")
    train(short(*rate), options(world, tmp_path / "a"))
    longer = read_model(train(short(*rate, "training.epochs=3"), options(world, tmp_path / "a")))
    straight = read_model(train(short(*rate, "training.epochs=3"), options(world, tmp_path / "b")))
    assert [row["epoch"] for row in read_log(tmp_path / "a")] == ["1", "2", "3"]
    for name, value in straight.weights.items():
        np.testing.assert_array_equal(longer.weights[name], value)


def test_the_rate_goes_on_where_the_longer_run_has_it(
    finished: Path, world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "last.ckpt").write_bytes((finished / "last.ckpt").read_bytes())
    rates = []
    from satclip_training.run.loop import Pretraining

    step = Pretraining.training_step

    def watched(self: Pretraining, batch: int, batch_idx: int) -> torch.Tensor:
        rates.append(self.optimizers().param_groups[0]["lr"])  # type: ignore[union-attr]
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch, caplog.at_level("INFO", "satclip_training"):
        patch.setattr(Pretraining, "training_step", watched)
        train(short("training.epochs=4"), options(world, folder))
        long = list(rates)
        rates.clear()
        train(short("training.epochs=4"), options(world, tmp_path / "straight"))
    assert len(long) == len(rates) / 2
    np.testing.assert_allclose(long, rates[len(long) :], rtol=1e-6)
    assert "lengthened from 2 to 4 epochs: the rate, 3e-05 where the shorter run stands" in (
        caplog.text
    )
    assert f"goes on at {long[0]:.2g} as in a run of 4 epochs from the start" in caplog.text


def test_a_run_is_not_cut_and_not_changed_otherwise(finished: Path, world: Path) -> None:
    with pytest.raises(InputError, match=r"is of a run of 2 epochs, which cannot be cut to .* 1"):
        train(short("training.epochs=1"), options(world, finished))
    with pytest.raises(InputError, match="of a run with other settings"):
        train(short("training.epochs=4", "training.batch_size=64"), options(world, finished))
