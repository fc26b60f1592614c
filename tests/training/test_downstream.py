"""SatCLE's downstream tasks: the head, the splits, scores against plain code, what is kept."""

from __future__ import annotations

import copy
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from satclip_core.errors import CancelledError, InputError
from satclip_training.evaluation import downstream
from satclip_training.evaluation.baselines import sinusoid, utm_one_hot
from satclip_training.evaluation.continents import Continents
from satclip_training.evaluation.downstream import (
    DownstreamPlan,
    Outcome,
    head_scores,
    outcome_rows,
    outcome_table,
    run_downstream,
)
from satclip_training.evaluation.kept_scores import KeptScores
from satclip_training.evaluation.linear_probe import embedder
from satclip_training.evaluation.mlp_head import HeadSettings, MlpHead, Parts, predicted
from satclip_training.evaluation.protocol.splits import satcle_parts
from satclip_training.evaluation.tasks import Task, load_tasks

QUICK = HeadSettings(steps=300, patience=20, rate=0.005)


def task(count: int = 400, *, classes: bool = False) -> Task:
    rng = np.random.default_rng(1)
    lonlat = np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-80, 80, count)])
    value = 5 + 3 * np.cos(np.radians(lonlat[:, 0])) * np.cos(np.radians(lonlat[:, 1]))
    return Task("made", lonlat, (value > 5).astype(int) if classes else value, classes)


def on_sphere(lonlat: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lonlat).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def test_the_head_is_the_notebook_s() -> None:
    """Which repeats one layer: [Linear, ReLU] * 2 in a list is the same pair of modules twice."""
    torch.manual_seed(0)
    head = MlpHead(5, 2, HeadSettings(hidden=8))
    layers: list[nn.Module] = [nn.Linear(5, 8), nn.ReLU()]
    layers += [nn.Linear(8, 8), nn.ReLU()] * 2
    layers += [nn.Linear(8, 2)]
    published = nn.Sequential(*layers)
    published.load_state_dict(
        {
            f"{place}.{key}": tensor
            for part, places in (("first", [0]), ("again", [2, 4]), ("last", [6]))
            for key, tensor in getattr(head, part).state_dict().items()
            for place in places
        }
    )
    rows = torch.randn(7, 5)
    torch.testing.assert_close(head(rows), published(rows))
    assert sum(p.numel() for p in head.parameters()) == sum(
        p.numel() for p in published.parameters()
    )


def test_fitting_is_adam_on_all_samples_with_the_best_validated_weights(one_thread: None) -> None:
    """Against a plain loop, step by step."""
    made, settings = task(120), HeadSettings(hidden=8, steps=60, patience=7, rate=0.02)
    target = (made.target - made.target.mean()) / made.target.std()
    parts = satcle_parts(120, 3)
    rows = on_sphere(made.lonlat).astype(np.float32)
    said = predicted(rows, target, parts, settings, classes=False, seed=5)

    torch.manual_seed(5)
    head = MlpHead(3, 1, settings)
    given = torch.from_numpy(rows / np.sqrt(np.square(rows[parts.training]).mean()))
    wanted = torch.from_numpy(target.astype(np.float32))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    best, since, kept = np.inf, 0, head
    for _ in range(60):
        optimizer.zero_grad()
        missed = head(given[parts.training])[:, 0] - wanted[parts.training]
        missed.square().mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            check = head(given[parts.validation])[:, 0] - wanted[parts.validation]
        value = float(check.square().mean())
        since += 1
        if value < best:
            best, since, kept = value, 0, copy.deepcopy(head)
        if since >= 7:
            break
    with torch.no_grad():
        np.testing.assert_allclose(said, kept(given)[:, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize("count", [10, 101, 400])
def test_a_random_split_is_seventy_ten_twenty(count: int) -> None:
    parts = satcle_parts(count, 0)
    sizes = [len(part) for part in (parts.training, parts.validation, parts.test)]
    train, check = {10: (7, 1), 101: (70, 10), 400: (280, 40)}[count]
    assert sizes == [train, check, count - train - check]
    together = np.concatenate([parts.training, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(count))
    assert not np.array_equal(parts.test, satcle_parts(count, 1).test)


def test_few_shot_trains_on_little_of_a_continent_and_tests_on_its_rest() -> None:
    within = np.arange(1000) % 4 == 0
    parts = satcle_parts(len(within), 0, within, 0.02)
    assert within[parts.training].sum() == 5
    assert not within[parts.validation].any()
    assert within[parts.test].all()
    assert len(parts.test) == 245
    assert len(parts.validation) == pytest.approx(750 / 8, abs=1)
    together = np.concatenate([parts.training, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(1000))
    assert within[satcle_parts(len(within), 0, within, 1e-9).training].sum() == 1


def test_errors_are_in_deviations_and_classes_in_shares(one_thread: None) -> None:
    made, rows = task(), on_sphere(task().lonlat)
    parts = satcle_parts(400, 0)
    scores = head_scores(rows, made, parts, QUICK, 0)
    target = (made.target - made.target.mean()) / made.target.std()
    said = predicted(rows, target, parts, QUICK, classes=False, seed=0)[parts.test]
    missed = said - target[parts.test]
    assert scores == {
        "mse": pytest.approx(np.mean(missed**2)), "mae": pytest.approx(np.mean(np.abs(missed)))
    }  # fmt: skip
    assert scores["mse"] < 0.1  # 1 is what the mean reaches
    moved = replace(made, target=1000 * made.target - 7)
    # Rounding differs, and hundreds of steps make more of it.
    assert head_scores(rows, moved, parts, QUICK, 0)["mse"] == pytest.approx(scores["mse"], rel=0.1)
    classed = task(classes=True)
    assert head_scores(rows, classed, parts, QUICK, 0)["accuracy"] > 0.9
    # A class that is not trained on is never said.
    strange = classed.target.copy()
    strange[parts.test] = 9
    assert head_scores(rows, replace(classed, target=strange), parts, QUICK, 0)["accuracy"] == 0


@pytest.fixture
def land(tmp_path: Path) -> Continents:
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    boxes = [shapely.box(0, -90, 180, 90), shapely.box(-180, 0, 0, 90)]
    frame = geopandas.GeoDataFrame({"CONTINENT": ["East", "North"]}, geometry=boxes, crs=4326)
    frame.to_file(tmp_path / "continents.gpkg")
    return Continents(tmp_path / "continents.gpkg")


def test_places_lie_on_their_continents(land: Continents) -> None:
    lonlat = task().lonlat
    assert land.names == ("East", "North")
    np.testing.assert_array_equal(land.within(lonlat, "East"), lonlat[:, 0] > 0)
    np.testing.assert_array_equal(land.within(lonlat, "North"), (lonlat > 0) @ [-1, 1] == 1)
    with pytest.raises(InputError, match="continent 'Asia' is none of East, North"):
        land.within(lonlat, "Asia")


def test_what_is_finished_is_kept(
    land: Continents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    plan = DownstreamPlan((0, 1), ("East",), 0.05, HeadSettings(steps=5))
    tasks = [task(60), replace(task(60, classes=True), name="classes")]
    kept = KeptScores(tmp_path / "kept")
    counted: list[tuple[int, int]] = []
    models, names = {"sphere": on_sphere, "same": on_sphere}, {"sphere": "a", "same": "b"}

    def run(**options: Any) -> list[Outcome]:
        return run_downstream(models, names, tasks, land, plan, kept, **options)

    outcomes = run(progress=lambda done, total: counted.append((done, total)))
    assert [(o.task, o.model, o.split) for o in outcomes] == [
        (t.name, m, s) for t in tasks for m in models for s in ("random", "East")
    ]
    assert counted[-1] == (16, 16)
    assert outcomes[0].runs == outcomes[2].runs  # the same embeddings, kept apart
    monkeypatch.setattr(downstream, "head_scores", None)
    assert run() == outcomes
    other = replace(plan, few_share=0.1)
    with pytest.raises(TypeError):  # other settings are not what was kept
        run_downstream(models, names, tasks, land, other, kept)
    with pytest.raises(CancelledError):
        run(cancelled=lambda: True)
    with pytest.raises(InputError, match=r"tasks\.made: .* samples lie in East: too few"):
        run_downstream(models, names, [replace(task(8))], land, plan, kept)


def test_damaged_scores_are_computed_anew(tmp_path: Path) -> None:
    kept, key = KeptScores(tmp_path), {"model": "a", "seed": 1}
    assert kept.get(key, lambda: {"mse": 0.5}) == {"mse": 0.5}
    assert kept.get(key, lambda: {"mse": 0.7}) == {"mse": 0.5}
    assert kept.find({**key, "seed": 2}) is None
    (file,) = tmp_path.glob("*.json")
    file.write_text("{")
    assert kept.get(key, lambda: {"mse": 0.7}) == {"mse": 0.7}


def test_rows_and_table() -> None:
    outcomes = [
        Outcome("a", "hills", "random", ({"mse": 0.1, "mae": 0.2}, {"mse": 0.3, "mae": 0.2})),
        Outcome("b", "hills", "random", ({"mse": 0.5, "mae": 0.6},)),
    ]
    deviation = f"{np.std([0.1, 0.3], ddof=1):.4f}"
    rows = list(outcome_rows(outcomes))
    assert rows[0] == ["a", "hills", "random", "mse", "2", "0.2000", deviation]
    assert rows[-1] == ["b", "hills", "random", "mae", "1", "0.6000", ""]
    lines = outcome_table(outcomes, {"b": ["hills"]}).splitlines()
    assert lines[2] == "| random | hills | mse | 0.200 ± 0.141 | 0.500 † |"


@pytest.mark.parametrize(
    ("place", "zone", "band"),
    [
        ((11.6, 48.1), 32, "U"),  # Munich
        ((-180.0, 0.0), 1, "N"),
        ((180.0, -0.1), 1, "M"),
        ((179.9, 71.9), 60, "W"),
        ((-77.0, -12.0), 18, "L"),  # Lima
        ((3.0, 83.9), 31, "X"),
        ((5.9, -80.0), 31, "C"),
    ],
)
def test_a_place_has_its_utm_zone_and_band(
    place: tuple[float, float], zone: int, band: str
) -> None:
    rows = utm_one_hot(np.array([place]))
    assert rows.shape == (1, 1204)
    assert rows.sum() == 1
    assert int(rows.argmax()) == (zone - 1) * 20 + "CDEFGHJKLMNPQRSTUVWX".index(band)


def test_zones_are_pyproj_s() -> None:
    database = pytest.importorskip("pyproj.database")
    aoi = pytest.importorskip("pyproj.aoi")
    for lon, lat in ((-122.4, 37.8), (151.2, -33.9), (36.8, -1.3)):
        found = database.query_utm_crs_info(
            datum_name="WGS 84", area_of_interest=aoi.AreaOfInterest(lon, lat, lon, lat)
        )
        zones = {int(info.code) % 100 for info in found}
        assert int(utm_one_hot(np.array([[lon, lat]])).argmax()) // 20 + 1 in zones


def test_polar_caps_have_cells_of_their_own() -> None:
    caps = np.array([[-10.0, -85.0], [10, -85], [-10, 85], [10, 84], [179, 90]])
    np.testing.assert_array_equal(utm_one_hot(caps).argmax(1), 1200 + np.array([0, 1, 2, 3, 3]))


def test_sinusoid_is_sines_and_cosines_of_geometric_wavelengths() -> None:
    lonlat = np.array([[12.5, -33.0]])
    radii = [0.1 * 3600 ** (k / 31) for k in range(32)]
    wanted = [f(x / r) for x in lonlat[0] for r in radii for f in (np.sin, np.cos)]
    np.testing.assert_allclose(sinusoid(lonlat)[0], wanted, atol=1e-6)
    np.testing.assert_array_equal(embedder("sinusoid")(lonlat), sinusoid(lonlat))


def test_a_task_whose_table_is_not_there_is_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["lon", "lat", "v"], *([i, 0, i] for i in range(20))])
    (tmp_path / "tasks.yaml").write_text(
        "tasks:\n  here: {kind: table, file: t.csv, target: v, optional: true}\n"
        "  carbon: {kind: table, file: carbon.csv, target: carbon, optional: true}\n"
    )
    assert [one.name for one in load_tasks(tmp_path / "tasks.yaml")] == ["here"]
    assert (
        "the task carbon is left out: tasks.carbon.file: 'carbon.csv' is not there" in caplog.text
    )


def test_parts_index_what_they_name() -> None:
    """The head sees nothing of the test part: other labels there change nothing."""
    made, rows = task(100), on_sphere(task(100).lonlat)
    parts = Parts(np.arange(60), np.arange(60, 80), np.arange(80, 100))
    other = made.target.copy()
    other[80:] = 99
    first, second = (
        predicted(rows, target, parts, HeadSettings(steps=5), classes=False, seed=1)
        for target in (made.target, other)
    )
    np.testing.assert_array_equal(first, second)
