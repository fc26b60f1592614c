"""`satclip reproduce`: the experiments of the papers, small."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

EXPERIMENTS = (
    "land-ocean",
    "checkerboard",
    "ablation",
    "inaturalist",
    "satcle",
    "downstream",
    "systems",
    "unigeoclip",
    "smoothing",
    "continuity",
)


@pytest.fixture
def land(tmp_path):
    """The northern half of the globe as GeoJSON."""
    ring = [[-180, 0], [180, 0], [180, 90], [-180, 90], [-180, 0]]
    path = tmp_path / "land.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


@pytest.fixture
def extra():
    """Skip where the extra `reproduce` is not installed."""
    for module in ("torch", "matplotlib", "optuna", "yaml", "pandas"):
        pytest.importorskip(module, reason="the extra `reproduce` is not installed")


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_help_lists_the_experiments_and_imports_none(run):
    result = run("reproduce", "--help")
    assert result.returncode == 0
    assert all(f"  {name} " in result.stdout for name in EXPERIMENTS)
    code = (
        "import sys; from satclip_cli.main import run; run(['reproduce', '--help']); "
        "assert not {'torch', 'optuna', 'matplotlib', 'satclip_training'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "inaturalist"])
def test_help_of_an_experiment_imports_no_torch(name):
    code = (
        f"import sys; from satclip_cli.main import run; run(['reproduce', '{name}', '--help']); "
        "assert not {'torch', 'optuna', 'matplotlib', 'satclip_training'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_unknown_experiment_is_refused(refused):
    assert "No such command 'landocean'" in refused("reproduce", "landocean", code=2)


@pytest.mark.usefixtures("extra")
def test_land_ocean_beside_the_paper(run, land, tmp_path):
    words = ("reproduce", "land-ocean", "--land", land, "-E", "wrap", "-N", "linear", "-N", "siren")
    words += ("--seeds", 2, "--epochs", 3, "-o", "out/table.csv")
    result = run(*words, started=True)
    assert result.returncode == 0, result.stderr
    rows = rows_of(tmp_path / "out" / "table.csv")
    assert [(row["encoding"], row["network"], row["paper"]) for row in rows] == [
        ("wrap", "linear", "74.4"),
        ("wrap", "siren", "95.2"),
    ]
    assert result.stdout.splitlines()[0].split() == [
        "ENCODING", "LINEAR", "PAPER", "SIREN", "PAPER"
    ]  # fmt: skip
    assert (tmp_path / "out" / "table.png").exists()
    kept = (tmp_path / "runs" / "land-ocean" / "runs.jsonl").read_text()
    assert len(kept.splitlines()) == 4
    again = run(*words)
    assert again.stdout == result.stdout
    assert (tmp_path / "runs" / "land-ocean" / "runs.jsonl").read_text() == kept


@pytest.mark.usefixtures("extra")
def test_cells_without_settings_are_searched(run, land, tmp_path):
    (tmp_path / "own.yaml").write_text(
        "cells: {direct-linear: {learning_rate: 0.01, weight_decay: 0}}"
    )
    words = ("--land", land, "-E", "direct", "-E", "wrap", "-N", "linear", "--seeds", 1)
    result = run(
        "reproduce", "land-ocean", *words, "--settings", "own.yaml", "--epochs", 4,
        "--trials", 2, "--trial-epochs", 3,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = (tmp_path / "runs" / "land-ocean" / "settings.yaml").read_text()
    assert "2 Optuna trials of 3 epochs" in found
    assert "wrap-linear" in found
    assert "direct-linear" not in found


@pytest.mark.usefixtures("extra")
def test_checkerboard_by_scale_and_latitude(run, tmp_path):
    words = ("-E", "cartesian3d", "-E", "sphericalharmonics", "-L", 3, "-L", 4, "-N", "linear")
    result = run("reproduce", "checkerboard", *words, "--scale", 1, "--scale", 0.25, "--epochs", 1)
    assert result.returncode == 0, result.stderr
    rows = rows_of(tmp_path / "docs" / "results" / "checkerboard.csv")
    labels = ["cartesian3d-linear", "sphericalharmonics-linear-L3", "sphericalharmonics-linear-L4"]
    assert [(row["scale"], row["encoder"]) for row in rows] == [
        (scale, label) for scale in ("0.25", "1") for label in labels
    ]
    assert len([key for key in rows[0] if key.startswith("lat_")]) == 9
    assert (tmp_path / "docs" / "results" / "checkerboard.png").exists()
    lost = sorted((tmp_path / "runs" / "checkerboard").glob("prediction-*.npy"))[:2]
    for path in lost:
        path.unlink()
    words = ("reproduce", "checkerboard", *words, "--scale", 1, "--scale", 0.25, "--epochs", 1)
    assert run(*words).returncode == 0
    again = rows_of(tmp_path / "docs" / "results" / "checkerboard.csv")
    bands = [[value for key, value in row.items() if key.startswith("lat_")] for row in again]
    assert bands.count([""] * 9) == 2
    assert [row["mean"] for row in again] == [row["mean"] for row in rows]


@pytest.mark.usefixtures("extra")
def test_ablation_on_a_table(run, tmp_path):
    rng = np.random.default_rng(0)
    points = rng.uniform((-180, -90), (180, 90), (400, 2))
    values = np.column_stack([points, 300 - 40 * np.sin(np.radians(points[:, 1])) ** 2])
    np.savetxt(
        tmp_path / "t.csv", values, delimiter=",", header="Lon,Lat,T", comments="", fmt="%.4f"
    )
    words = ("t.csv", "--lon", "Lon", "--lat", "Lat", "--target", "T", "-N", "linear")
    words += ("-L", 4, "-L", 2, "--trials", 6, "--epochs", 60, "--seeds", 2)
    result = run("reproduce", "ablation", *words)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0].split() == ["L", "(R²)", "LINEAR"]
    rows = rows_of(tmp_path / "docs" / "results" / "ablation.csv")
    assert [row["legendre_polys"] for row in rows] == ["2", "4"]
    # sin² of latitude is a harmonic of degree 2: L 4 holds it, L 2 does not.
    assert float(rows[1]["mean"]) > 0.9 > float(rows[0]["mean"]) + 0.3


@pytest.mark.usefixtures("extra")
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("land-ocean",), "give --land FILE or set SATCLIP_DATA"),
        (("land-ocean", "--land", "no.geojson"), "no.geojson: no such file"),
        (("land-ocean", "--settings", "no.yaml"), "no.yaml: no such file"),
        (("land-ocean", "-o", "table.txt"), "table.txt must end in .csv"),
        (("land-ocean", "-o", "taken/table.csv", "--land", "taken"), "taken does not exist"),
        (("land-ocean", "-E", "sine"), "'sine' is not one of"),
        (("ablation", "t.csv"), "t.csv needs --target"),
        (("ablation", "t.csv", "--target", "T"), "t.csv: no such file"),
        (("checkerboard", "--scale", "0"), "--scale"),
        (("checkerboard", "--scale", "nan"), "nan is not a finite number"),
        (("inaturalist", "--learning-rate", "inf"), "inf is not a finite number"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(refused, monkeypatch, tmp_path, words, named):
    (tmp_path / "taken").write_text("a file, no folder")
    monkeypatch.delenv("SATCLIP_DATA", raising=False)
    assert named in refused("reproduce", *words)


@pytest.mark.usefixtures("extra")
def test_continuity_of_two_models_as_table_and_pictures(run, tmp_path):
    (tmp_path / "places.csv").write_text("lon,lat\n10,50\n120,-20\n")
    words = ("reproduce", "continuity", "identity", "bundled", "--places", "places.csv")
    result = run(*words, "--count", 20, "-o", "out/c.csv")
    assert result.returncode == 0, result.stderr
    rows = rows_of(tmp_path / "out" / "c.csv")
    assert len(rows) == 2 * 2 * 4
    assert all(float(row["change_per_km"]) > 0 for row in rows)
    assert (tmp_path / "out" / "c.png").exists()
    assert (tmp_path / "out" / "c-similarity.png").exists()


def test_an_ablation_of_another_objective_is_refused(refused, tmp_path):
    pytest.importorskip("lightning", reason="the extra `train` is not installed")
    (tmp_path / "c.yaml").write_text(
        "name: x\nsources: {a: {files: [a.tif], chip: {kilometres: 9, pixels: 4},"
        " features: {filters: 8, dim: 4}}}\n"
    )
    assert "set objective.kind to satcle" in refused("reproduce", "satcle", "c.yaml", code=1)


@pytest.mark.usefixtures("extra")
def test_downstream_tasks_of_two_encoders(run, refused, tmp_path):
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, 80), rng.uniform(-60, 60, 80)])
    rows = "\n".join(f"{lon},{lat},{np.cos(np.radians(lat))}" for lon, lat in lonlat)
    (tmp_path / "t.csv").write_text(f"lon,lat,v\n{rows}\n")
    (tmp_path / "t.yaml").write_text("tasks:\n  warmth: {kind: table, file: t.csv, target: v}\n")
    words = ("reproduce", "downstream", "sinusoid", "onehot", "--tasks", "t.yaml", "--random-only")
    result = run(*words, "--seeds", 2, "--steps", 20, "-o", "out/d.csv")
    assert result.returncode == 0, result.stderr
    found = rows_of(tmp_path / "out" / "d.csv")
    assert [(row["model"], row["measure"], row["runs"]) for row in found] == [
        (model, measure, "2") for model in ("sinusoid", "onehot") for measure in ("mse", "mae")
    ]
    assert "| random | warmth | mse | " in (tmp_path / "out" / "d.md").read_text()
    assert "d.txt must end in .csv" in refused(*words, "-o", "d.txt", code=2)


def test_systems_of_another_budget_are_refused(refused, tmp_path):
    pytest.importorskip("lightning", reason="the extra `train` is not installed")
    for module in ("geopandas", "matplotlib"):
        pytest.importorskip(module, reason="the extra `reproduce` is not installed")
    source = (
        "sources: {a: {files: [a.tif], chip: {kilometres: 9, pixels: 4},"
        " features: {filters: 8, dim: 4}}}\n"
    )
    for name, epochs in (("x", 2), ("y", 3)):
        text = f"name: {name}\n{source}training: {{epochs: {epochs}}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    assert "equally many samples" in refused("reproduce", "systems", "x.yaml", "y.yaml", code=1)
