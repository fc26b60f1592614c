"""Whole runs on a small world: learning, resuming, exporting, through the real command."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from training_world import StopAfter

from satclip_cli.main import run
from satclip_core.errors import CancelledError, InputError, ModelError, OutputError
from satclip_core.models.model_file import read_model
from satclip_training.export.card import model_card
from satclip_training.places.sampling import sample_points
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import PointSettings, TrainConfig, load_config
from satclip_training.settings.run_files import Locations, locations
from satclip_training.settings.schema import build

TINY = Path(__file__).parents[2] / "training" / "configs" / "tiny.yaml"


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    errors: str


def run_command(*arguments: object) -> Result:
    """`satclip train` in this process: exit code, standard output, standard error."""
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        code = run(["train", *(str(a) for a in arguments)])
    return Result(code, output.getvalue(), errors.getvalue())


def options(world: Path, output: Path, **more: object) -> RunOptions:
    return RunOptions(locations(TINY, world), output, world, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    result = run_command(TINY, "--data-root", world, "-o", folder)
    assert result.code == 0, result.errors
    assert result.output.strip() == str(folder / "tiny.npz")
    return folder


def log_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_validation_loss_falls_well_below_chance(finished: Path) -> None:
    rows = log_rows(finished)
    assert len(rows) == 8
    assert float(rows[-1]["validation_loss"]) < np.log(256) - 0.5


def test_probe_beats_the_coordinates_themselves(finished: Path) -> None:
    scores = json.loads((finished / "scores.json").read_text())
    assert scores["tiny"]["field"] > scores["identity"]["field"] + 0.2


def test_probes_are_logged_every_few_epochs(finished: Path) -> None:
    probed = [row["epoch"] for row in log_rows(finished) if row["probe_field"]]
    assert probed == ["4", "8"]


def test_exported_model_carries_provenance_and_card(finished: Path) -> None:
    encoder = read_model(finished / "tiny.npz")
    assert encoder.dim == 32
    assert encoder.provenance["training_config_sha256"] == load_config(TINY).digest()
    assert "| field | R² |" in encoder.card
    assert (finished / "tiny.md").read_text() == encoder.card


def test_checkpoint_has_the_published_layout(finished: Path) -> None:
    content = torch.load(finished / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"]["legendre_polys"] == 8
    assert type(content["hyper_parameters"]) is dict
    state = content["state_dict"]
    assert state["model.location.nnet.layers.0.weight"].shape == (64, 64)
    assert {"model.location.nnet.last_layer.bias", "model.logit_scale"} <= set(state)


def test_checkpoint_export_and_torch_module_agree(finished: Path) -> None:
    from satclip_training.objectives.location import LocationModel

    content = torch.load(finished / "last.ckpt", weights_only=True)
    prefix = "model.location."
    module = LocationModel(load_config(TINY).model).eval()
    module.load_state_dict(
        {k[len(prefix) :]: v for k, v in content["state_dict"].items() if k.startswith(prefix)}
    )
    rng = np.random.default_rng(1)
    places = np.column_stack([rng.uniform(-180, 180, 200), rng.uniform(-90, 90, 200)])
    with torch.no_grad():
        wanted = module(torch.from_numpy(places)).numpy()
    # Both run float32 weights; the core in float64, torch in float32.
    for file in ("last.ckpt", "tiny.npz"):
        got = read_model(finished / file).encode(places)
        np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=1e-5)


def test_a_checkpoint_exports_to_what_the_run_exported(
    world: Path, finished: Path, tmp_path: Path
) -> None:
    from satclip_training.export.model_export import export_checkpoint

    path = tmp_path / "again.npz"
    again = export_checkpoint(finished / "last.ckpt", path, locations(TINY, world))
    for key, value in read_model(finished / "tiny.npz").weights.items():
        np.testing.assert_array_equal(read_model(path).weights[key], value)
    assert again.card == path.with_suffix(".md").read_text()


def short(*overrides: str) -> TrainConfig:
    few = ("points.count=800", "training.epochs=3", "training.batch_size=128", "probe.tasks=null")
    return load_config(TINY, (*few, "model.dropout=0.3", *overrides))


@pytest.mark.parametrize("steps", [5, 7], ids=["at the end of an epoch", "within an epoch"])
@pytest.mark.parametrize(
    "how", ["training.loss=clip", "training.loss=siglip", "training.cache=false"]
)
def test_a_stopped_run_goes_on_to_the_same_bits(
    world: Path, tmp_path: Path, steps: int, how: str
) -> None:
    config = short(
        "model.image_noise=0.1", "training.jitter_degrees=0.1", "training.loss_rows=50",
        "training.gradient_clip=0.5", how,
    )  # fmt: skip
    whole = read_model(train(config, options(world, tmp_path / "whole")))
    chunks = 2 * config.training.cache  # two views of 800 points
    stop = StopAfter(chunks + steps - 1)
    with pytest.raises(CancelledError, match="same command"):
        train(config, options(world, tmp_path / "parts", cancelled=stop))
    parts = read_model(train(config, options(world, tmp_path / "parts", resume=True)))
    for key, value in whole.weights.items():
        np.testing.assert_array_equal(parts.weights[key], value, err_msg=key)


def test_views_computed_live_are_new_ones_every_epoch(world: Path, tmp_path: Path) -> None:
    """A single view of a point, cached, is the same in every epoch; a live one is not."""
    cached, live = short("sources.image.views=1"), short("training.cache=false")
    losses = {}
    for name, config in (("cached", cached), ("live", live)):
        train(config, options(world, tmp_path / name))
        losses[name] = [float(row["loss"]) for row in log_rows(tmp_path / name)]
        assert losses[name][-1] < losses[name][0]
        assert bool(list(tmp_path.glob(f"{name}/cache/*/features.f16"))) == config.training.cache
    assert losses["live"] != losses["cached"]


@pytest.mark.parametrize(
    ("precision", "dtype", "tolerance"),
    # bfloat16 keeps 8 bits of the networks' activations; the loss itself stays in float32.
    [("bf16-mixed", torch.float32, 5e-3), ("64-true", torch.float64, 1e-4)],
)
def test_other_precisions_learn_alike(
    world: Path, tmp_path: Path, precision: str, dtype: torch.dtype, tolerance: float
) -> None:
    losses = {}
    for name in ("32-true", precision):
        config = short("model.dropout=0", f"training.precision={name}")
        encoder = read_model(train(config, options(world, tmp_path / name)))
        assert np.isfinite(encoder.encode(np.array([[5.0, 45.0]]))).all()
        losses[name] = float(log_rows(tmp_path / name)[-1]["validation_loss"])
    assert losses[precision] == pytest.approx(losses["32-true"], rel=tolerance)
    weights = [torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in losses]
    key = "model.location.nnet.layers.1.weight"
    plain, other = (content["state_dict"][key] for content in weights)
    assert other.dtype is dtype
    assert not torch.equal(plain.double(), other.double())


@pytest.mark.skipif(torch.cuda.is_available(), reason="float16 is to be had on a GPU")
def test_float16_on_a_cpu_is_said_to_be_bfloat16(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for precision in ("16-mixed", "32-true"):
        caplog.clear()
        train(short(f"training.precision={precision}"), options(world, tmp_path / precision))
        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        expected = "training.precision: 16-mixed is not to be had here, bf16-mixed instead"
        assert said == ([expected] if precision == "16-mixed" else [])


def test_the_sigmoid_loss_learns_its_bias(world: Path, tmp_path: Path) -> None:
    train(short("training.loss=siglip"), options(world, tmp_path))
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert state["model.logit_bias"] != -10
    rows = log_rows(tmp_path)
    assert float(rows[-1]["validation_loss"]) < float(rows[0]["validation_loss"])


def test_the_scale_never_passes_its_limit(world: Path, tmp_path: Path) -> None:
    limits = ("training.temperature=0.1", "training.largest_scale=10.5")
    train(short(*limits, "training.learning_rate=0.1"), options(world, tmp_path))
    scales = [float(row["scale"]) for row in log_rows(tmp_path)]
    assert max(scales) <= 10.5 * (1 + 1e-5)


def test_a_constant_schedule_stays_after_the_warm_up(world: Path, tmp_path: Path) -> None:
    train(short("training.schedule=constant", "training.warmup=0.1"), options(world, tmp_path))
    assert {float(row["learning_rate"]) for row in log_rows(tmp_path)} == {0.003}


def test_other_settings_do_not_go_on_from_a_checkpoint(world: Path, finished: Path) -> None:
    before = (finished / "last.ckpt").stat().st_mtime_ns
    settings = (finished / "config.json").read_text()
    with pytest.raises(InputError, match=r"other settings.*--fresh"):
        train(short(), options(world, finished))
    assert (finished / "last.ckpt").stat().st_mtime_ns == before
    assert (finished / "config.json").read_text() == settings


def test_other_data_do_not_go_on_from_a_checkpoint(world: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(world, root)
    places = sample_points(600, seed=0)
    np.save(root / "places.npy", places)
    config = short("points.file=places.npy", "probe.tasks=null")
    train(config, options(root, tmp_path / "run"))
    assert train(config, options(root, tmp_path / "run")).exists()
    caches = [path for path in (tmp_path / "run" / "cache").iterdir() if path.is_dir()]
    np.save(root / "places.npy", places[:-1])
    with pytest.raises(InputError, match=r"other data \(points.*--fresh"):
        train(config, options(root, tmp_path / "run"))
    # No features of them: only which places have imagery has been looked for.
    assert [path for path in (tmp_path / "run" / "cache").iterdir() if path.is_dir()] == caches


def test_a_damaged_checkpoint_says_what_to_do(world: Path, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"last\.ckpt: cannot be read .*--fresh"):
        train(short(), options(world, tmp_path))
    assert not (tmp_path / "config.json").exists()


def test_weights_that_are_lost_do_not_replace_the_last_good_ones(
    world: Path, tmp_path: Path
) -> None:
    config = short("training.learning_rate=1e30", "training.warmup=0", "probe.tasks=null")
    with pytest.raises(InputError, match=r"epoch 1: weights are no longer finite; lower"):
        train(config, options(world, tmp_path))
    assert not (tmp_path / "last.ckpt").exists()
    assert not (tmp_path / "tiny.npz").exists()


def test_a_checkpoint_that_cannot_be_written_is_one_line(world: Path, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt.partial").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*last\.ckpt"):
        train(short("probe.tasks=null"), options(world, tmp_path))


@pytest.mark.parametrize("accelerator", ["gpu", "mps"])
def test_an_accelerator_that_is_not_here_is_named_before_any_work(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=rf"training\.accelerator: {accelerator}"):
        train(short(f"training.accelerator={accelerator}"), options(world, tmp_path))
    assert not (tmp_path / "cache").exists()


def test_a_second_run_in_the_same_folder_is_refused(world: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="the system has no locks")
    messages = []

    def second() -> bool:
        if not messages:
            with pytest.raises(OutputError) as caught:
                train(short(), options(world, tmp_path))
            messages.append(str(caught.value))
        return False

    assert train(short(), options(world, tmp_path, cancelled=second)).exists()
    assert f"another run is at work in {tmp_path}" in messages[0]
    assert train(short(), options(world, tmp_path)).exists()  # the folder is free again


def test_resume_without_a_checkpoint_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        train(short(), options(world, tmp_path, resume=True))


def test_a_finished_run_started_again_exports_again(world: Path, finished: Path) -> None:
    before = read_model(finished / "tiny.npz").weights
    assert run_command(TINY, "--data-root", world, "-o", finished).code == 0
    again = read_model(finished / "tiny.npz")
    after = again.weights
    assert again.provenance["training_validation_loss"] == log_rows(finished)[-1]["validation_loss"]
    for key in before:
        np.testing.assert_array_equal(after[key], before[key])


@pytest.mark.parametrize("content", [None, "epo", "epoch,step\n1,"])
def test_a_log_that_is_lost_does_not_stop_the_export(
    world: Path, finished: Path, tmp_path: Path, content: str | None
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "tiny.npz").unlink()
    (folder / "log.csv").unlink()
    if content is not None:
        (folder / "log.csv").write_text(content)
    train(load_config(TINY), options(world, folder))
    assert (folder / "tiny.npz").exists()


def test_hidden_components_and_degree_decay_are_folded_into_the_file(
    world: Path, tmp_path: Path
) -> None:
    config = short(
        "export.embedding=hidden-components", "export.component_power=1",
        "model.degree_decay=2", "model.degree_reference=5",
    )  # fmt: skip
    encoder = read_model(train(config, options(world, tmp_path)))
    from satclip_training.places.sampling import load_points

    land = load_points(config.points, locations(TINY, world))
    values = encoder.encode(land).astype(np.float64)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(values.T), np.eye(32), atol=0.02)


@pytest.mark.parametrize("kind", ["centre", "standardise", "whiten"])
def test_post_processing_is_folded_into_the_last_layer(kind: str) -> None:
    from satclip_training.export.last_layer import postprocess
    from satclip_training.settings.config import ExportSettings

    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 6))
    weights = {"last_layer.weight": rng.normal(size=(4, 6)), "last_layer.bias": rng.normal(size=4)}
    raw = hidden @ weights["last_layer.weight"].T + weights["last_layer.bias"]
    done = postprocess(weights, raw, ExportSettings(postprocess=kind, shrinkage=0))
    values = hidden @ done["last_layer.weight"].T + done["last_layer.bias"]
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-10)
    if kind == "standardise":
        np.testing.assert_allclose(values.std(0, ddof=1), 1, atol=1e-10)
    if kind == "whiten":
        np.testing.assert_allclose(np.cov(values.T), np.eye(4), atol=1e-8)


def test_a_rotation_keeps_similarities_and_evens_variances() -> None:
    from satclip_training.export.last_layer import rotated

    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(4000, 16))
    weights = {
        "last_layer.weight": np.diag(0.5 ** np.arange(16)),
        "last_layer.bias": rng.normal(size=16) * 0.1,
    }
    raw = hidden @ weights["last_layer.weight"].T + weights["last_layer.bias"]
    done = rotated(weights, 3)
    turned = hidden @ done["last_layer.weight"].T + done["last_layer.bias"]
    np.testing.assert_allclose(turned[:50] @ turned[:50].T, raw[:50] @ raw[:50].T, atol=1e-12)
    assert turned.std(0).min() > 100 * raw.std(0).min()


def test_exported_weights_lie_between_the_initial_and_the_trained(world: Path) -> None:
    from satclip_training.export.model_export import finished_weights, initial_weights
    from satclip_training.run.loop import Pretraining

    class NoPairs:
        widths: ClassVar = {"image": 16}
        views: ClassVar = {}

    config = short("export.trained_share=0.25")
    initial = initial_weights(config)
    torch.manual_seed(config.seed)
    begun = Pretraining(config, NoPairs()).inference_weights()  # type: ignore[arg-type]
    trained = {key: value + 1 for key, value in initial.items()}
    exported = finished_weights(trained, config, np.zeros((4, 2)))
    for key, value in initial.items():
        np.testing.assert_array_equal(begun[key], value)
        np.testing.assert_allclose(exported[key], value + 0.25, atol=1e-6)


def test_imagery_leads_an_embedding_but_not_that_of_an_untrained_encoder(
    world: Path, tmp_path: Path
) -> None:
    from satclip_training.export.model_export import export_checkpoint

    settings = (
        "export.embedding=hidden-components", "export.contrastive_components=4",
        "export.contrastive_share=0.9", "export.leading=imagery", "points.count=800",
        "training.epochs=1", "probe.baselines=[untrained]",
    )  # fmt: skip
    config = load_config(TINY, settings)
    encoder = read_model(train(config, options(world, tmp_path)))
    assert "directions of the last hidden layer that best predict the imagery" in encoder.card
    assert "- leaks: none known" in encoder.card
    from satclip_training.places.sampling import load_points

    land = load_points(config.points, locations(TINY, world))
    variances = np.linalg.eigvalsh(np.cov(encoder.encode(land).astype(np.float64).T))
    np.testing.assert_allclose(variances[-4:].sum(), 0.9, atol=0.01)
    np.testing.assert_allclose(variances.sum(), 1, atol=0.01)
    with pytest.raises(InputError, match="needs the run's image features"):
        export_checkpoint(tmp_path / "last.ckpt", tmp_path / "again.npz", locations(TINY, world))


def test_dry_run_writes_nothing(world: Path, tmp_path: Path) -> None:
    result = run_command(TINY, "--data-root", world, "-o", tmp_path / "out", "--dry-run")
    assert result.code == 0
    assert "2 alternatives" in result.output
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_the_places_of_a_file(world: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "places.npy", sample_points(600, seed=0))
    file = f"points.file={tmp_path / 'places.npy'}"
    result = run_command(TINY, "--data-root", world, "--dry-run", "--set", file)
    assert result.output.startswith("tiny: 600 points")
    assert "8 epochs of 2 steps" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "training.epoch=3"), "did you mean 'epochs'"),
        (("--set", "points.land_mask=nowhere.npz"), "nowhere.npz"),
        (("--set", "sources.image.files=[none_*.tif]"), "none_*.tif"),
        (("--set", "oops"), "KEY=VALUE"),
    ],
)
def test_mistakes_are_one_line(
    world: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run_command(TINY, "--data-root", world, "-o", tmp_path / "out", *arguments)
    assert result.code == 1
    assert message in result.errors
    assert len(result.errors.strip().splitlines()) == 1
    assert not result.output


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_the_same_command_goes_on(
    world: Path, tmp_path: Path, how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "satclip_cli", "train", str(TINY), "--data-root", str(world)]
    command += ["-o", str(tmp_path), "--set", "training.epochs=3000", "--set", "probe.tasks=null"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "epoch 3/" in line:
                running.send_signal(how)
                break
        rest = running.stderr.read().strip().splitlines()
    assert running.returncode == 1
    assert "the same command goes on from there" in rest[-1]
    assert "Traceback" not in "".join(rest)
    epochs = int(log_rows(tmp_path)[-1]["epoch"])
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["epoch"] in (epochs - 1, epochs)
    assert content["global_step"] >= epochs * 10
    assert not (tmp_path / "tiny.npz").exists()


def test_a_baseline_that_is_missing_is_named_before_the_training(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "geoclip" else real(name, *a)
    )
    config = short("probe.baselines=[geoclip]")
    with pytest.raises(ModelError, match="pip install 'geoclip'"):
        train(config, options(world, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_untrained_encoder_is_scored_beside(world: Path, tmp_path: Path) -> None:
    config = load_config(
        TINY, ("points.count=800", "training.epochs=1", "probe.baselines=[untrained]")
    )
    train(config, options(world, tmp_path))
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert set(scores) == {"tiny", "untrained"}
    assert scores["tiny"]["field"] != scores["untrained"]["field"]


def test_tensorboard_gets_the_same_numbers(world: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is optional")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = load_config(
        TINY,
        ("points.count=800", "training.epochs=3", "probe.every=2", "training.tensorboard=true"),
    )
    train(config, options(world, tmp_path))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    losses = [event.value for event in events.Scalars("validation_loss")]
    wanted = [float(row["validation_loss"]) for row in log_rows(tmp_path)]
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    probes = [(event.step, event.value) for event in events.Scalars("probe_field")]
    rows = [(int(row["step"]), float(row["probe_field"] or "nan")) for row in log_rows(tmp_path)]
    np.testing.assert_allclose(probes, [row for row in rows if row[1] == row[1]], rtol=1e-5)
    assert len(probes) == 2


@pytest.mark.parametrize(
    ("loss", "named"), [("clip", "CLIP"), ("siglip", "pairwise sigmoid (SigLIP)")]
)
def test_the_card_names_the_loss_that_was_trained_with(loss: str, named: str) -> None:
    config = load_config(TINY, (f"training.loss={loss}",))
    assert f"; {named} loss on batches of 256" in model_card(config, {}, "")


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ({}, "; 4,000 points uniform over land and sea; "),
        ({"land_mask": "m.npz"}, " points uniform over land; "),
        (
            {"land_mask": "m.npz", "latitude": (36, 60), "longitude": (-10, 30)},
            "over land between latitudes 36 and 60 and between longitudes -10 and 30; ",
        ),
        ({"longitude": (170, -170)}, "over land and sea between longitudes 170 and -170; "),
        ({"within": "image"}, "over land and sea, within the imagery of `image`; "),
        ({"file": "stations.csv"}, "the points of `stations.csv`, 4,000 at most; "),
        ({"land_mask": "m.npz", "sea_share": 0.1}, "over land, 10% of them at sea instead; "),
    ],
)
def test_the_card_says_where_the_points_are_from(points: dict[str, object], said: str) -> None:
    config = load_config(TINY)
    config = replace(config, points=PointSettings(count=4000, **points))  # type: ignore[arg-type]
    assert said in "; " + model_card(config, {}, "").partition("## Recipe\n\n")[2]


def test_a_licence_is_stated_or_said_not_to_be(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = ("points.count=400", "training.epochs=1", "probe.tasks=null")
    none = load_config(TINY, (*few, "export.licence=null"))
    path = train(none, options(world, tmp_path / "none"))
    assert "licence of the weights is not stated: set export.licence" in caplog.text
    assert read_model(path).info.licence == "not stated"
    assert "Licence of the weights: not stated." in path.with_suffix(".md").read_text()
    caplog.clear()
    path = train(load_config(TINY, (*few, "export.licence=CC0-1.0")), options(world, tmp_path))
    assert "licence of the weights" not in caplog.text
    assert read_model(path).info.licence == "CC0-1.0"
    digests = [load_config(TINY, (f"export.licence={name}",)).digest() for name in ("MIT", "null")]
    assert digests[0] == digests[1] == load_config(TINY).digest()  # as of models from before


@pytest.mark.parametrize("count", [4, 10, 14])
def test_too_few_points_to_validate_on_are_refused(world: Path, tmp_path: Path, count: int) -> None:
    """They exported a model with `validation nan`."""
    np.save(tmp_path / "few.npy", sample_points(count, seed=0))
    words = ["--data-root", world, "--set", f"points.file={tmp_path / 'few.npy'}"]
    for more in (["--dry-run"], ["-o", tmp_path / "out"]):
        result = run_command(TINY, *words, *more)
        assert result.code == 1
        assert f"training.validation_fraction: 0.1 of {count} places leaves" in result.errors
        assert len([line for line in result.errors.splitlines() if "Error" in line]) == 1
    assert not list((tmp_path / "out").glob("*.npz"))


def test_a_run_without_validation_speaks_of_none(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = ("points.count=400", "training.epochs=1", "probe.tasks=null")
    config = load_config(TINY, (*few, "training.validation_fraction=0"))
    with caplog.at_level("INFO", "satclip_training"):
        path = train(config, options(world, tmp_path))
    assert not re.search(r"\bnan\b", caplog.text)
    assert "epoch 1/1, loss" in caplog.text
    card = path.with_suffix(".md").read_text()
    assert not re.search(r"\bnan\b", card)
    assert "validation_loss: none: nothing was held out" in card


@pytest.mark.parametrize("error", ["RuntimeError", "OSError"])
def test_a_broken_torchvision_is_one_line(world: Path, tmp_path: Path, error: str) -> None:
    """lightning's metrics import it, though nothing here needs it for random convolutions."""
    (tmp_path / "torchvision").mkdir()
    reason = "operator torchvision::nms does not exist"
    (tmp_path / "torchvision" / "__init__.py").write_text(f"raise {error}('{reason}')\n")
    about = tmp_path / "torchvision-0.20.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.20.0\n")
    done = subprocess.run(
        [sys.executable, "-m", "satclip_cli", "train", str(TINY), "--data-root", str(world),
         "--dry-run"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert reason in line
    assert "internal error" not in line
    assert "install the torchvision that belongs to torch" in line
    assert "pip uninstall torchvision" in line


def test_the_index_of_patches_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from patch_world import write_patches

    from satclip_training.images import patches

    write_patches(tmp_path / "s2", 60)
    real, read = patches.read_index, []
    monkeypatch.setattr(patches, "read_index", lambda folder: read.append(1) or real(folder))
    values = {
        "name": "x",
        "points": {"patches": "s2"},
        "sources": {
            "s2": {
                "patches": "s2",
                "transform": {"crop": 16},
                "features": {"filters": 8, "dim": 4, "samples": 40},
            }
        },
        "model": {"legendre_polys": 4, "capacity": 8, "embed_dim": 4},
        "training": {"epochs": 1, "batch_size": 16, "threads": 1},
    }
    train(build(TrainConfig, values, ""), RunOptions(Locations((tmp_path,)), tmp_path / "run"))
    assert read == [1]
