"""Studies: nothing that was finished is done again; tables and figures of what was found."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_training.zoo import search as search_module
from satclip_training.zoo import study as study_module
from satclip_training.zoo.cell_settings import CellSettings, read_settings
from satclip_training.zoo.cell_training import Budget, Problem, Split
from satclip_training.zoo.problems import sphere_points
from satclip_training.zoo.records import Records
from satclip_training.zoo.search import SearchPlan, search
from satclip_training.zoo.study import (
    Cell,
    Result,
    Study,
    known_settings,
    run_cells,
    searched_settings,
)
from satclip_training.zoo.tables import land_ocean_rows, versus_paper, write_csv

pytestmark = pytest.mark.usefixtures("one_thread")

STORED = {"wrap-linear": CellSettings(0.05, 0.0), "direct-linear": CellSettings(0.05, 0.0)}
BUDGET = Budget(epochs=3, batch_size=50, dtype="float32")


@pytest.fixture
def task() -> Problem:
    splits = []
    for seed in range(3):
        lonlat = sphere_points(60, seed)
        splits.append(Split(lonlat, (lonlat[:, 1] > 0).astype(float)))
    return Problem("hemispheres", "binary", 1, *splits)


def refuse(*args: Any, **options: Any) -> Any:
    raise AssertionError("trained again")


def test_a_second_call_trains_nothing(
    task: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [Cell("wrap", "linear"), Cell("direct", "linear")]
    study = Study(tmp_path / "run", seeds=2, budget=BUDGET)
    told: list[tuple[int, int]] = []
    settings = known_settings(cells, STORED)
    first = run_cells(task, settings, study, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    monkeypatch.setattr(study_module, "fit", refuse)
    assert run_cells(task, settings, study) == first
    prediction = Records(study.folder).prediction(first[0].keys[0])
    assert prediction is not None
    assert prediction.shape == (60, 1)


@pytest.mark.parametrize("change", ["budget", "settings", "task", "seeds"])
def test_another_request_is_trained(
    task: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    cell = Cell("wrap", "linear")
    run_cells(task, {cell: STORED[cell.name]}, Study(tmp_path, 1, BUDGET))
    monkeypatch.setattr(study_module, "fit", refuse)
    settings = CellSettings(0.01 if change == "settings" else 0.05, 0.0)
    budget = Budget(epochs=4) if change == "budget" else BUDGET
    if change == "task":
        flipped = Split(task.train.lonlat, 1 - task.train.target)
        task = Problem(task.name, "binary", 1, flipped, task.validation, task.test)
    study = Study(tmp_path, 2 if change == "seeds" else 1, budget)
    with pytest.raises(AssertionError, match="trained again"):
        run_cells(task, {cell: settings}, study)


def test_settings_that_a_cell_does_not_use_change_nothing(
    task: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, study = Cell("wrap", "linear"), Study(tmp_path, 1, BUDGET)
    first = run_cells(task, {cell: CellSettings(0.05, 0.0, dim_hidden=8)}, study)
    monkeypatch.setattr(study_module, "fit", refuse)
    again = run_cells(task, {cell: CellSettings(0.05, 0.0, dim_hidden=9)}, study)
    assert again[0].scores == first[0].scores


def test_a_line_cut_off_by_a_crash_is_run_again(task: Problem, tmp_path: Path) -> None:
    cell, study = Cell("wrap", "linear"), Study(tmp_path, 2, BUDGET)
    first = run_cells(task, {cell: STORED[cell.name]}, study)
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text()[:-40])
    assert run_cells(task, {cell: STORED[cell.name]}, study) == first
    assert len(Records(tmp_path)._lines) == 2


@pytest.mark.parametrize("line", [b"7", b'{"a": 1}', b'{"key": KEY}', b"\xff\xfe\x00"])
def test_a_line_that_is_no_run_is_passed_over(task: Problem, tmp_path: Path, line: bytes) -> None:
    cell, study = Cell("wrap", "linear"), Study(tmp_path, 1, BUDGET)
    first = run_cells(task, {cell: STORED[cell.name]}, study)
    key = f'"{first[0].keys[0]}"'.encode()
    (tmp_path / "runs.jsonl").write_bytes(line.replace(b"KEY", key) + b"\n")
    assert run_cells(task, {cell: STORED[cell.name]}, study) == first


def test_a_damaged_prediction_is_one_that_is_not_there(task: Problem, tmp_path: Path) -> None:
    cell = Cell("wrap", "linear")
    (result,) = run_cells(task, {cell: STORED[cell.name]}, Study(tmp_path, 1, BUDGET))
    records = Records(tmp_path)
    assert records.prediction(result.keys[0]) is not None
    for content in (b"", b"garbage"):
        (tmp_path / f"prediction-{result.keys[0]}.npy").write_bytes(content)
        assert records.prediction(result.keys[0]) is None


def test_trials_that_are_no_database_are_named(task: Problem, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra `reproduce` is not installed")
    (tmp_path / "trials.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(InputError, match=r"trials\.db: cannot be used for trials .*remove it"):
        search(task, "wrap", "linear", SearchPlan(tmp_path, 1, BUDGET))


def test_a_set_l_replaces_the_stored_one() -> None:
    stored = {"sphericalharmonics-linear": CellSettings(0.1, 0.0, legendre_polys=20)}
    plain, larger = (Cell("sphericalharmonics", "linear", degree) for degree in (None, 40))
    settings = known_settings([plain, larger, Cell("grid", "linear")], stored)
    assert {cell: s.legendre_polys for cell, s in settings.items()} == {plain: 20, larger: 40}
    assert larger.label == "sphericalharmonics-linear-L40"


def test_a_search_goes_on_and_finds_what_learns(
    task: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="the extra `reproduce` is not installed")
    cell = Cell("cartesian3d", "linear")
    budget = Budget(epochs=10, batch_size=50, dtype="float32")
    told: list[tuple[int, int]] = []

    def plan(trials: int) -> SearchPlan:
        return SearchPlan(tmp_path, trials, budget)

    searched_settings(task, [cell], plan(4), lambda done, total: told.append((done, total)))
    found = searched_settings(task, [cell], plan(6), lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4), (5, 6), (6, 6)]
    assert read_settings(tmp_path / "settings.yaml") == {cell.name: found[cell]}
    # Ten epochs of two steps learn nothing with a small rate: the best trial has a large one.
    assert found[cell].learning_rate > 5e-3
    monkeypatch.setattr(search_module, "fit", refuse)
    assert searched_settings(task, [cell], plan(6)) == found


@pytest.mark.parametrize("pruning", [True, False])
def test_trials_are_pruned_where_the_plan_says_so(
    task: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pruning: bool
) -> None:
    optuna = pytest.importorskip("optuna", reason="the extra `reproduce` is not installed")
    losses = iter([1.0] * 5 + [2.0])

    def worse_at_last(*_cell: object, report: Callable[[int, float], None], **_how: object) -> Any:
        loss = next(losses)
        for epoch in range(1, 41):
            report(epoch, loss)
        return SimpleNamespace(validation_loss=loss)

    monkeypatch.setattr(search_module, "fit", worse_at_last)
    plan = SearchPlan(tmp_path, 6, Budget(epochs=40), pruning=pruning)
    searched_settings(task, [Cell("wrap", "linear")], plan)
    storage = f"sqlite:///{tmp_path / 'trials.db'}"
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).trials
    states = [trial.state.name for trial in trials]
    assert states == ["COMPLETE"] * 5 + ["PRUNED" if pruning else "COMPLETE"]


def test_what_is_found_for_another_cell_stays(task: Problem, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra `reproduce` is not installed")
    plan = SearchPlan(tmp_path, 1, Budget(epochs=1, batch_size=50, dtype="float32"))
    cells = [Cell("direct", "linear"), Cell("wrap", "linear")]
    found = {cell.name: searched_settings(task, [cell], plan)[cell] for cell in cells}
    assert read_settings(tmp_path / "settings.yaml") == found
    # Another task's are others, though the cells have the same names.
    other = replace(task, test=task.validation)
    last = searched_settings(other, cells[:1], plan)
    assert read_settings(tmp_path / "settings.yaml") == {cells[0].name: last[cells[0]]}


def test_a_search_keeps_a_given_l(task: Problem, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra `reproduce` is not installed")
    plan = SearchPlan(tmp_path, 2, BUDGET)
    found = search(task, "sphericalharmonics", "linear", plan, legendre_polys=3)
    assert found.legendre_polys == 3


def result(encoding: str, *scores: float) -> Result:
    return Result(Cell(encoding, "linear"), CellSettings(0.1, 0.0), scores, ("k",) * len(scores))


def test_cells_far_from_the_paper_are_marked(tmp_path: Path) -> None:
    paper = {("wrap", "linear"): 74.4, ("grid", "linear"): 81.7}
    results = [result("wrap", 0.75, 0.758), result("grid", 0.80, 0.80), result("theory", 0.5)]
    lines = versus_paper(results, paper).splitlines()
    assert lines[1].split() == ["wrap", "75.4", "±", "0.6", "74.4"]
    assert lines[2].split() == ["grid", "80.0", "±", "0.0", "81.7*"]
    assert lines[3].split() == ["theory", "50.0", "±", "0.0", "-"]
    assert lines[4].endswith("1 of 3 cells")
    path = tmp_path / "new" / "table.csv"
    write_csv(path, ["encoding", "network", "mean", "sd", "paper"], land_ocean_rows(results, paper))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "encoding": "wrap", "network": "linear", "mean": "75.40", "sd": "0.57", "paper": "74.4"
    }  # fmt: skip
    assert rows[2]["paper"] == ""


def test_figures_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reproduce` is not installed")
    image = pytest.importorskip("matplotlib.image")
    from satclip_training.zoo.figures import ablation_figure, checkerboard_figure, land_ocean_figure

    truth = np.zeros((8, 12))
    truth[2:6, 3:9] = 1
    maps = {("wrap", "linear"): 20 * truth - 10}
    land_ocean_figure(tmp_path / "land.png", [result("wrap", 0.9)], maps, truth, {})
    pixels = image.imread(tmp_path / "land.png")[..., :3]
    # Land and ocean in their own colours.
    for colour in ((0x8A, 0x6D, 0x3B), (0x2B, 0x5C, 0x8A)):
        assert (np.abs(pixels * 255 - colour).max(-1) < 3).mean() > 0.05
    bands = {"a": np.linspace(0.2, 0.8, 9)}
    scores = {"a": {1.0: 0.8, 4.0: 0.4}}
    checkerboard_figure(tmp_path / "board.png", {1.0: 13.0, 4.0: 6.0}, scores, bands, 13.0)
    cell = Result(Cell("sphericalharmonics", "siren", 10), STORED["wrap-linear"], (0.5,), ("k",))
    ablation_figure(tmp_path / "ablation.png", [cell], "R²")
    for name in ("board", "ablation"):
        assert image.imread(tmp_path / f"{name}.png").std() > 0.02


@pytest.mark.parametrize(
    ("encodings", "networks"),
    [(["sphericalharmonics"], ["siren"]), (["wrap", "spheremplus"], ["linear", "fcnet", "siren"])],
)
def test_titles_and_tables_stay_within_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encodings: list[str], networks: list[str]
) -> None:
    """A figure of one cell cut its title off."""
    pytest.importorskip("matplotlib", reason="the extra `reproduce` is not installed")
    from satclip_training.zoo import figures

    saved: list[Any] = []
    monkeypatch.setattr(figures, "_save", lambda figure, path, dpi: saved.append(figure))
    cells = [Cell(encoding, network) for encoding in encodings for network in networks]
    settings = CellSettings(1e-3, 0.0)
    results = [Result(cell, settings, (0.95, 0.96), ("a", "b")) for cell in cells]
    paper = {(cell.encoding, cell.network): 95.8 for cell in cells}
    figures.land_ocean_figure(tmp_path / "f.png", results, {}, np.eye(20, 40), paper)
    (figure,) = saved
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    width = figure.bbox.width
    boxes = [axes.title.get_window_extent(renderer) for axes in figure.axes if axes.get_title()]
    assert len(boxes) == len(cells)
    for axes in figure.axes:
        boxes += [table.get_window_extent(renderer) for table in axes.tables]
        for table in axes.tables:
            for cell in table.get_celld().values():
                text = cell.get_text().get_window_extent(renderer)
                assert text.width <= cell.get_window_extent(renderer).width + 1
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= width
