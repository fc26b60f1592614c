"""`satclip evaluate`: points of one's own from one command, and what is of no use in one line."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HEADS = ("--head", "ridge", "--head", "knn", "--no-intrinsic")


@pytest.fixture
def extra() -> None:
    """Skip where the extra `train` is not installed."""
    for module in ("torch", "yaml", "pandas", "geopandas", "scipy"):
        pytest.importorskip(module, reason="the extra `train` is not installed")


def write(path: Path, values: list[object]) -> Path:
    rng = np.random.default_rng(0)
    places = np.column_stack([rng.uniform(-10, 30, len(values)), rng.uniform(36, 60, len(values))])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("lon", "lat", "seen"), *zip(*places.T.tolist(), values)])
    return path


def test_points_with_classes_get_a_report(run, extra, tmp_path: Path) -> None:
    """Of any encoding, by the words that errors of the core name for it."""
    rng = np.random.default_rng(1)
    points = write(tmp_path / "own.csv", rng.choice(["chêne", "beech"], 120).tolist())
    points.write_bytes(points.read_text().encode("cp1252"))
    page = tmp_path / "page.html"
    done = run(
        "evaluate", "wrap", "identity", "--points", points, "--column", "seen", "--seeds", "2",
        "--encoding", "cp1252",
        *HEADS, "--folder", tmp_path / "run", "-o", page,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(page.with_suffix(s)) for s in (".html", ".csv", ".json")]
    rows = list(csv.DictReader(page.with_suffix(".csv").open()))
    assert {(row["encoder"], row["measure"]) for row in rows} == {
        ("wrap", "accuracy"), ("identity", "accuracy")
    }  # fmt: skip
    assert {"random"} < {row["split"] for row in rows}
    assert "seen" in page.read_text()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.5] * 80, (), "there is nothing to learn"),
        (["a", "b"] * 40 + ["c"], (), "1 classes with one member ('c')"),
        (list(range(20)), (), "needs 50"),
        (list(range(80)), ("--lon-column", "x"), "'x'"),
    ],
)
def test_points_of_no_use_are_one_line(
    run,
    extra,
    tmp_path: Path,
    values: list[object],
    options: tuple[str, ...],
    message: str,
) -> None:
    points = write(tmp_path / "own.csv", values)
    done = run(
        "evaluate", "identity", "--points", points, "--target", "seen", *HEADS, *options,
        "--folder", tmp_path / "run", "-o", tmp_path / "page.html",
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_points_and_target_belong_together(run) -> None:
    done = run("evaluate", "identity", "--points", "own.csv")
    assert done.returncode == 2
    assert "--points and --target belong together" in done.stderr


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from satclip_cli.main import run; run(['evaluate', '--help']); "
        "assert not {'torch', 'satclip_training'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
