"""`satclip reproduce inaturalist` as a real process, on a small world written for it."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from inaturalist_world import write_world

from satclip_cli.main import run

pytest.importorskip("torch", reason="the extra `train` is not installed")

COMMAND = [sys.executable, "-m", "satclip_cli", "reproduce", "inaturalist", "--threads", "1"]
QUICK = ("--epochs", "8", "--batch-size", "64", "--device", "cpu")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def reproduce(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *map(str, args)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=120, cwd=cwd, env=ONE_THREAD
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("inat"))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_prior_lifts_the_accuracy_of_images(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "table.csv"
    asked = ("--annotations", folder, "--image-logits", folder / "val_logits.npy", "-o", out)
    done = reproduce(
        *asked, *QUICK, "-E", "wrap", "-N", "fcnet", "-N", "linear", "--seeds", 2, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = read_rows(out)
    assert [(r["network"], r["seed"]) for r in rows] == [
        ("fcnet", "0"), ("fcnet", "1"), ("linear", "0"), ("linear", "1"),
    ]  # fmt: skip
    for row in rows[:2]:
        assert float(row["image_top1"]) < 60
        assert float(row["top1"]) > 90
        assert float(row["delta"]) > 30
        assert float(row["paper_delta"]) == 12.1
    head, first, second, path = done.stdout.splitlines()
    assert head.split()[:2] == ["encoding", "network"]
    assert "gain" in head
    assert first.split()[:2] == ["wrap", "fcnet"]
    assert "+12.1" in first
    assert "±" in first
    assert second.split()[:2] == ["wrap", "linear"]
    assert path == str(out)
    assert len(list((tmp_path / "runs" / "inaturalist").iterdir())) == 4


def test_without_images_the_prior_is_scored_alone(folder: Path, tmp_path: Path) -> None:
    asked = ("--annotations", folder, "-E", "wrap", "-N", "fcnet", "--dtype", "float32")
    done = reproduce(*asked, *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "prior top-1" in done.stdout
    assert "gain" not in done.stdout
    (row,) = read_rows(tmp_path / "docs" / "results" / "inaturalist.csv")
    assert row["top1"] == row["delta"] == row["image_top1"] == ""
    assert float(row["prior_top3"]) > 90
    assert 0.9 < float(row["auc"]) <= 1


def test_ctrl_c_leaves_a_checkpoint_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, kept = tmp_path / "table.csv", tmp_path / "kept"
    asked = ["--annotations", str(folder), "-o", str(table), "--folder", str(kept)]
    asked += ["-E", "wrap", "-N", "siren"]
    asked += ["--batch-size", "64", "--epochs", "3000", "--patience", "3000", "--device", "cpu"]
    checkpoint = kept / "wrap-siren-0.pt"
    with subprocess.Popen(
        [*COMMAND, *asked], stderr=subprocess.PIPE, text=True, env=ONE_THREAD
    ) as running:
        while running.poll() is None and not checkpoint.exists():
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors
    assert "the same command goes on" in errors.splitlines()[-1]
    assert [file.name for file in kept.iterdir()] == [checkpoint.name]
    assert not table.exists()
    assert run(["reproduce", "inaturalist", *asked, "--learning-rate", "0.5"]) == 1
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "args", "message"),
    [
        ("train2018.json", (), "train2018.json is missing"),
        ("val2018_locations.json", (), "val2018_locations.json is missing"),
        (None, ("--year", "2017"), "train2017.json is missing"),
        (None, ("--image-logits", "nowhere.npy"), "'nowhere.npy': no such file"),
        (None, ("--image-logits", "val2018.json"), "not a .npy or .npz file"),
        (None, ("--output", "table.txt"), "table.txt must end in .csv"),
        (None, ("--output", "inat/val2018.json/t.csv"), "cannot make the folder"),
        (None, ("--device", "cuda"), "--device cuda: torch finds none here"),
        (None, ("--encoding", "fourier"), "'fourier' is not one of"),
        (None, ("--seeds", "0"), "--seeds"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str | None,
    args: tuple[str, ...],
    message: str,
) -> None:
    """In this process, which has torch already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    folder = write_world(tmp_path / "inat", train=3, val=2)
    if change is not None:
        (folder / change).unlink()
    words = [str(folder / a) if a == "val2018.json" else a for a in args]
    words += ["--annotations", str(folder), "--folder", str(tmp_path / "kept")]
    code = run(["reproduce", "inaturalist", *words])
    said = capsys.readouterr()
    assert code in (1, 2)
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1, said.err
    assert said.out == ""
    assert not (tmp_path / "kept").exists()


def test_help_answers_without_torch() -> None:
    code = "import sys; from satclip_cli.main import run; run(['reproduce', 'inaturalist', '-h'])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--image-logits" in done.stdout
