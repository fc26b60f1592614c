"""Several processes: the gradients, weights and files of one, however they are started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import gradient_worker
import numpy as np
import pytest
import torch
from training_world import StopAfter

from satclip_core.errors import CancelledError, InputError, SatclipError
from satclip_core.models.model_file import read_model
from satclip_training.distributed import ALONE, Place
from satclip_training.run import launch
from satclip_training.run.launch import given_place, joined
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import TrainConfig, TrainingSettings, load_config
from satclip_training.settings.run_files import locations

TINY = Path(__file__).parents[2] / "training" / "configs" / "tiny.yaml"
FEW = ("points.count=800", "training.epochs=3", "training.batch_size=128", "probe.every=2")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, np.ndarray]]:
    """Gradients by number of processes; 1 is this process."""
    folder = tmp_path_factory.mktemp("gradients")
    script = str(gradient_worker.__file__)
    workers = []
    for size in (2, 3):
        files = [str(folder / f"meeting{size}"), str(folder / f"{size}.npz")]
        for rank in range(size):
            command = [sys.executable, script, str(rank), str(size), *files]
            workers.append(subprocess.Popen(command, env=ENVIRONMENT))
    results = {1: gradient_worker.all_gradients(ALONE)}
    assert [worker.wait(600) for worker in workers] == [0] * 5
    for size in (2, 3):
        with np.load(folder / f"{size}.npz") as arrays:
            results[size] = dict(arrays)
    return results


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    "case", range(len(gradient_worker.CASES)), ids=lambda i: str(gradient_worker.CASES[i])
)
def test_gradients_are_those_of_one_process(
    found: dict[int, dict[str, np.ndarray]], case: int, size: int
) -> None:
    _, dtype, scale = gradient_worker.CASES[case]
    # Relative to the largest entry; a scale of 900 multiplies rounding of the similarities by it.
    tolerance = (1e-6 if dtype is torch.float32 else 1e-12) * max(1.0, scale / 30)
    alone = {k: v for k, v in found[1].items() if k.startswith(f"{case}:")}
    assert len(alone) >= 11
    for name, wanted in alone.items():
        got = found[size][name]
        np.testing.assert_allclose(got, wanted, atol=tolerance * np.abs(wanted).max(), rtol=0)


def few(*overrides: str) -> TrainConfig:
    return load_config(TINY, (*FEW, "training.jitter_degrees=0.2", *overrides))


def options(world: Path, output: Path, **more: object) -> RunOptions:
    return RunOptions(locations(TINY, world), output, world, **more)  # type: ignore[arg-type]


def assert_same_weights(first: Path, second: Path) -> None:
    wanted = read_model(second).weights
    for key, value in read_model(first).weights.items():
        np.testing.assert_allclose(value, wanted[key], atol=1e-5, err_msg=key)


@pytest.fixture(scope="module")
def alone(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a run in one process that nothing interrupts."""
    return train(few(), options(world, tmp_path_factory.mktemp("alone")))


@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_a_run_in_two_processes_learns_what_one_learns(
    world: Path, tmp_path: Path, loss: str
) -> None:
    settings = [f"training.loss={loss}", "training.gradient_clip=1", "training.loss_rows=50"]
    alone = train(few(*settings), options(world, tmp_path / "alone"))
    command = [sys.executable, "-m", "satclip_cli", "train", str(TINY), "--data-root", str(world)]
    command += ["-o", str(tmp_path / "two")]
    for override in (*FEW, "training.jitter_degrees=0.2", *settings, "training.devices=2"):
        command += ["--set", override]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "two" / "tiny.npz")
    assert_same_weights(tmp_path / "two" / "tiny.npz", alone)
    # One process speaks: every line comes once.
    lines = [line.partition("  ")[2] for line in done.stderr.splitlines()]
    assert len(lines) == len(set(lines)), done.stderr
    assert "2 processes" in done.stderr
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("two", "alone")]
    assert [len(log) for log in logs] == [4, 4]


def test_torchrun_starts_the_processes_too(world: Path, tmp_path: Path, alone: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "satclip_cli", "train", str(TINY), "--data-root", str(world)]
    command += ["-o", str(tmp_path / "two"), "--set", "training.devices=2"]
    for override in (*FEW, "training.jitter_degrees=0.2"):
        command += ["--set", override]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "two" / "tiny.npz")]
    assert_same_weights(tmp_path / "two" / "tiny.npz", alone)


@pytest.mark.parametrize("first", [1, 2])
def test_a_run_goes_on_with_another_number_of_devices(
    world: Path, tmp_path: Path, alone: Path, first: int
) -> None:
    chunks, steps = 2, 7  # the second epoch's second step
    stop = StopAfter(chunks + steps - 1)
    with pytest.raises(CancelledError, match="same command"):
        train(
            few(f"training.devices={first}"),
            options(world, tmp_path / "parts", cancelled=stop),
        )
    last = few(f"training.devices={3 - first}")
    assert_same_weights(train(last, options(world, tmp_path / "parts", resume=True)), alone)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "scheduler"])
def test_a_signal_to_all_processes_saves_and_stops(
    world: Path, tmp_path: Path, how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "satclip_cli", "train", str(TINY), "--data-root", str(world)]
    command += ["-o", str(tmp_path), "--set", "training.epochs=3000", "--set", "probe.tasks=null"]
    command += ["--set", "training.devices=2"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "epoch 2/" in line:
                os.killpg(running.pid, how)
                break
        rest = running.stderr.read().strip().splitlines()
    assert running.returncode == 1
    assert "the same command goes on from there" in rest[-1]
    assert "Traceback" not in "".join(rest)
    assert sum("Error" in line for line in rest) == 1
    with pytest.raises(ProcessLookupError):  # nobody of the group is left
        os.killpg(running.pid, 0)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["epoch"] >= 2


def test_a_process_that_fails_is_named(
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = TrainingSettings(devices=2, accelerator="cpu")
    with (
        pytest.raises(SatclipError, match="device 1 failed, see above"),
        joined(settings, {"config": "none that can be read"}),
    ):
        pass
    assert "KeyError" in capfd.readouterr().err


def test_where_they_meet_is_taken_before_the_others_start(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take seconds, in which any process of the machine may be given a free port."""
    real, answers = launch._start, []

    def start(place: Place, job: object) -> object:
        port = int(place.method.rpartition(":")[2])
        with socket.socket() as guest:
            answers.append(guest.connect_ex(("127.0.0.1", port)))
        return real(place, job)  # type: ignore[arg-type]

    monkeypatch.setattr(launch, "_start", start)
    path = train(few("training.devices=2", "training.epochs=1"), options(world, tmp_path))
    assert answers == [0]  # somebody listens
    assert path.is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 3, "batch_size": 128}, r"batch_size: 128 .* 3 processes"),
        ({"nodes": 2}, r"training\.nodes: 2 .* torchrun or srun"),
    ],
)
def test_impossible_numbers_of_processes(settings: dict[str, int], message: str) -> None:
    with (
        pytest.raises(InputError, match=message),
        joined(TrainingSettings(**settings, accelerator="cpu"), {}),  # type: ignore[arg-type]
    ):
        pass


def test_another_number_started_than_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", 1), ("WORLD_SIZE", 4), ("LOCAL_RANK", 1), ("MASTER_ADDR", "here")):
        monkeypatch.setenv(name, str(value))
    with (
        pytest.raises(InputError, match="2 processes, but 4 were started"),
        joined(TrainingSettings(devices=2, accelerator="cpu"), {}),
    ):
        pass


def test_places_given_by_torchrun_and_srun(monkeypatch: pytest.MonkeyPatch) -> None:
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "GROUP_RANK": "1"}
    got = given_place({**torchrun, "MASTER_ADDR": "first", "MASTER_PORT": "29500"})
    assert got == Place(5, 8, 1, 1, "env://")
    slurm = {
        "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1",
        "SLURM_NODEID": "1", "SLURM_NODELIST": "gpu[07-08]", "SLURM_JOB_ID": "12345",
    }  # fmt: skip
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    for name in ("MASTER_ADDR", "MASTER_PORT"):  # set by Lightning, undone after the test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    got = given_place(os.environ)
    assert got is not None
    assert (got.rank, got.size, got.local_rank, got.node) == (5, 8, 1, 1)
    assert got.method.startswith("tcp://gpu07:")
    assert given_place({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) is None  # the batch script
    assert given_place({}) is None
