"""The evaluation: splits, heads, significance, own points, what needs no labels, cells kept."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

from satclip_core.errors import CancelledError, InputError
from satclip_core.points.read_samples import SamplesRequest
from satclip_training.evaluation.mlp_head import Parts
from satclip_training.evaluation.protocol import intrinsic
from satclip_training.evaluation.protocol.asking import DEFAULT, Wishes, ask, named_encoders
from satclip_training.evaluation.protocol.candidates import candidate, untrained_siren
from satclip_training.evaluation.protocol.globes import VIEWS, Globes, places_seen
from satclip_training.evaluation.protocol.mlp_search import (
    Member,
    MlpSettings,
    Runs,
    SearchPlan,
    final_predictions,
    fit_many,
    search,
)
from satclip_training.evaluation.protocol.own_points import own_task
from satclip_training.evaluation.protocol.predictors import gaussian, nearest_neighbours, ridge
from satclip_training.evaluation.protocol.significance import corrected_t_test, holm
from satclip_training.evaluation.protocol.splits import Split, fewer_labels, split_parts
from satclip_training.evaluation.protocol.suite import evaluate
from satclip_training.evaluation.protocol.suite_report import write_report
from satclip_training.evaluation.protocol.suite_tables import Tables, put_tables
from satclip_training.evaluation.tasks import Task, load_tasks, read_tasks
from satclip_training.settings.run_files import Locations

RNG = np.random.default_rng(5)
LONLAT = np.column_stack([RNG.uniform(-180, 180, 400), RNG.uniform(-60, 75, 400)])
WARM = Task(
    "warm",
    LONLAT,
    30 * np.cos(np.radians(LONLAT[:, 1])) + 3 * np.sin(np.radians(LONLAT[:, 0])),
    False,
)
HALVES = Task("halves", LONLAT, (LONLAT[:, 1] > 10).astype(np.int64), True)
QUICK = SearchPlan(trials=2, steps=60, batch=64, patience=30, pruning=20)


def points(lonlat: np.ndarray) -> np.ndarray:
    """Unit vectors: an embedding that tells places apart."""
    lon, lat = np.radians(lonlat).T
    return np.column_stack([np.cos(lon) * np.cos(lat), np.sin(lon) * np.cos(lat), np.sin(lat)])


@pytest.mark.parametrize(
    "name", ["random", "blocks-10", "blocks-2", "knndm", "few:Asia", "zero:Asia"]
)
def test_no_sample_is_in_two_parts(name: str) -> None:
    inside = LONLAT[:, 0] > 60
    pixels = np.column_stack([RNG.uniform(-180, 180, 300), RNG.uniform(-60, 75, 300)])
    for one in split_parts(Split.named(name), LONLAT, range(3), pixels=pixels, inside=inside):
        every = np.concatenate([one.training, one.validation, one.test])
        assert len(np.unique(every)) == len(every)


def test_blocks_are_never_parted_and_continents_are_held_out() -> None:
    one = split_parts(Split.named("blocks-10"), LONLAT, [0])[0]
    blocks = [set(map(tuple, np.floor(LONLAT[part] / 10))) for part in (one.training, one.test)]
    assert not blocks[0] & blocks[1]
    inside = LONLAT[:, 0] > 60
    zero = split_parts(Split.named("zero:Asia"), LONLAT, [0], inside=inside)[0]
    assert not inside[zero.training].any()
    assert set(zero.test) == set(np.flatnonzero(inside))
    few = split_parts(Split.named("few:Asia"), LONLAT, [0], inside=inside, few_share=0.1)[0]
    assert inside[few.training].sum() == round(0.1 * inside.sum())


@pytest.mark.parametrize("name", ["blocks", "blocks-0", "blocks-91", "some:Asia", "Random"])
def test_a_split_that_is_none_is_named(name: str) -> None:
    with pytest.raises(InputError, match="there is no split"):
        Split.named(name)


def test_labels_count_those_that_are_chosen_by() -> None:
    one = fewer_labels(Parts(np.arange(60), np.arange(60, 90), np.arange(90, 99)), 20)
    assert (len(one.training), len(one.validation), len(one.test)) == (15, 5, 9)


def test_two_copies_of_an_encoder_are_never_told_apart() -> None:
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(200):  # the same encoder, scores that differ by chance
        one, other = rng.normal(0.8, 0.02, (2, 5))
        told += corrected_t_test(one, other, 2.0).p < 0.05
    assert told <= 10  # one in twenty at most
    same = corrected_t_test(one, one, 2.0)
    assert (same.mean, same.t, same.p) == (0.0, 0.0, 1.0)


def test_the_corrected_test_is_the_paper_s_formula() -> None:
    stats = pytest.importorskip("scipy.stats")
    ones, others = np.array([0.80, 0.82, 0.79, 0.83]), np.array([0.78, 0.79, 0.78, 0.79])
    differences = ones - others
    t = differences.mean() / np.sqrt((1 / 4 + 0.5) * differences.var(ddof=1))
    found = corrected_t_test(ones, others, 0.5)
    assert found.t == pytest.approx(t)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 3))
    # An ordinary paired t-test would be surer than that.
    assert found.p > stats.ttest_rel(ones, others).pvalue


def test_holm_is_as_computed_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize("task", [WARM, HALVES], ids=lambda task: task.name)
def test_a_network_reads_what_an_embedding_holds(task: Task, one_thread: None) -> None:
    runs = split_parts(Split.named("random"), LONLAT, range(2))
    plan = replace(QUICK, steps=300, patience=150)
    samples = Runs(points(LONLAT), task.target, runs, classes=task.classes)
    said = final_predictions(samples, search(samples, plan), plan, range(2))
    for values, one in zip(said, runs):
        if task.classes:
            assert (values == task.target)[one.test].mean() > 0.9
        else:
            rest = (values - task.target)[one.test].var() / task.target[one.test].var()
            assert rest < 0.1


def test_a_network_is_the_same_in_a_batch_and_alone(one_thread: None) -> None:
    runs = split_parts(Split.named("random"), LONLAT, [0])
    samples = Runs(points(LONLAT), WARM.target, runs, classes=False)
    wide, narrow = (MlpSettings(1, width, 0.01, 1e-4, 0.0, "each") for width in (16, 8))
    together = fit_many(samples, [Member(0, wide, 3), Member(0, narrow, 3)], QUICK)
    alone = fit_many(samples, [Member(0, narrow, 3)], QUICK)
    assert together[1][0] == pytest.approx(alone[0][0], rel=1e-5)


def test_other_heads_read_it_too() -> None:
    runs = split_parts(Split.named("random"), LONLAT, range(2))
    one, values = runs[0], points(LONLAT)

    def r2(said: np.ndarray) -> float:
        off = said[one.test] - WARM.target[one.test]
        return 1 - off.var() / WARM.target[one.test].var()

    assert r2(nearest_neighbours(values, WARM, one)) > 0.85
    assert r2(gaussian(values, WARM, runs, apart=False)[0]) > 0.95
    assert (ridge(values, HALVES, one) == HALVES.target)[one.test].mean() > 0.9
    assert (nearest_neighbours(values, HALVES, one) == HALVES.target)[one.test].mean() > 0.85


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_a_flat_cloud(dimension: int) -> None:
    rng = np.random.default_rng(0)
    flat = rng.uniform(size=(1500, dimension)) @ rng.normal(size=(dimension, 20))
    assert intrinsic.two_nn(flat) == pytest.approx(dimension, rel=0.12)


def test_what_is_repeated_has_no_dimension() -> None:
    assert np.isnan(intrinsic.two_nn(np.repeat(np.eye(5), 30, axis=0)))


def test_the_effective_rank_is_that_of_equal_directions() -> None:
    rng = np.random.default_rng(0)
    values = np.hstack([np.linalg.qr(rng.normal(size=(900, 4)))[0], np.zeros((900, 3))])
    assert intrinsic.effective_rank(values) == pytest.approx(4, abs=0.05)


def test_the_spectrum_of_a_plane_wave_rises_where_it_varies() -> None:
    looked = intrinsic.look_into(points)
    # Unit vectors d apart differ by (2 sin(d / 2R))²; over land their variance is about 0.9.
    chord = (2 * np.sin(1000 / 2 / 6371.0088)) ** 2
    variance = np.var(points(intrinsic.land_places(intrinsic.PLACES, 0)), axis=0).sum()
    at = intrinsic.KILOMETRES.index(1000.0)
    assert looked.semivariance[at] == pytest.approx(chord / 2 / variance, rel=1e-3)
    assert looked.dimension == pytest.approx(2, abs=0.3)


def table(path: Path, column: list[object]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lon", "lat", "value"])
        writer.writerows([*place, value] for place, value in zip(LONLAT.tolist(), column))
    return path


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([3.5] * 100, "have the value 3.5: there is nothing to learn"),
        (["wood"] * 100, "are of one class, 'wood'"),
        (list(range(30)), "30 usable rows: an evaluation splits them in three and needs 50"),
        (["wood", "field"] * 40 + ["lake"], "1 classes with one member .'lake'."),
        ([""] * 100, "0 of 100 samples"),
    ],
)
def test_points_of_no_use_are_one_clear_line(
    tmp_path: Path, column: list[object], message: str
) -> None:
    path = table(tmp_path / "own.csv", column)
    with pytest.raises(InputError, match=message):
        own_task(SamplesRequest(str(path), "value"), 3000)


def test_points_without_coordinates_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a,b,value\n1,2,3\n")
    with pytest.raises(InputError, match="longitude"):
        own_task(SamplesRequest(str(path), "value"), 3000)


def test_the_control_is_as_published_models_start() -> None:
    encoder = untrained_siren(10, 0)
    assert (encoder.dim, encoder.config.formula) == (
        256,
        "Siren(SH(lon, lat)), L = 10, analytic basis",
    )
    assert np.abs(encoder.weights["layers.0.weight"]).max() <= 1 / 100
    assert untrained_siren(10, 0).sha256 == encoder.sha256 != untrained_siren(10, 1).sha256


def test_an_encoding_of_the_zoo_is_an_encoder() -> None:
    one = candidate("wrap", {}, Locations((Path(),)))
    lon, lat = np.radians(LONLAT).T
    wanted = np.column_stack([np.cos(lon), np.sin(lon), np.cos(lat), np.sin(lat)])
    np.testing.assert_allclose(one.open()(LONLAT), wanted, atol=1e-6)


def test_encoders_have_names_of_their_own_in_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path))
    for name in ("satclip-resnet18-l10", "satclip-vit16-l40"):
        (tmp_path / f"{name}.ckpt").touch()
    asked = ["here=models/model_yfcc_xyz_1.pth.tar", "a/b_0.5.pth.tar", "fetched", "wrap", "w=wrap"]
    assert named_encoders(asked) == {
        "here": "models/model_yfcc_xyz_1.pth.tar",
        "b_0.5": "a/b_0.5.pth.tar",
        "satclip-resnet18-l10": "satclip-resnet18-l10",
        "satclip-vit16-l40": "satclip-vit16-l40",
        "wrap": "wrap",
        "w": "wrap",
    }
    with pytest.raises(InputError, match="encoders w are named twice"):
        named_encoders(["w=wrap", "w=identity"])


def test_what_a_globe_shows_is_seen_from_its_middle() -> None:
    x, y = np.meshgrid(np.linspace(-0.99, 0.99, 41), np.linspace(0.99, -0.99, 41))
    for lon, lat in [*VIEWS.values(), (0.0, 90.0), (-170.0, -35.0)]:
        seen = places_seen(x, y, lon, lat)
        there = x**2 + y**2 < 1
        assert (np.isfinite(seen).all(-1) == there).all()
        # Snyder 1987, equations 20-3 and 20-4, the other way.
        off, up, middle = (
            np.radians(seen[there][:, 0] - lon),
            np.radians(seen[there][:, 1]),
            (np.radians(lat)),
        )
        right = np.cos(up) * np.sin(off)
        above = np.cos(middle) * np.sin(up) - np.sin(middle) * np.cos(up) * np.cos(off)
        np.testing.assert_allclose(
            np.column_stack([right, above]), np.column_stack([x[there], y[there]]), atol=1e-9
        )


def test_globes_are_drawn_of_the_land() -> None:
    globes = Globes.of(24)
    assert globes.land.shape == (3, 24, 24)
    assert globes.land.sum() == len(globes.lonlat)
    drawn = globes.render("globes", points(globes.lonlat), "Three globes")
    assert drawn.count("<image") == 3
    assert drawn.count('class="graticule"') == 3
    assert "Three globes" in drawn


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory):
    """Points of one's own, and two encoders."""
    folder = tmp_path_factory.mktemp("own")
    path = table(folder / "own.csv", [round(v, 3) for v in WARM.target[:160].tolist()])
    wishes = Wishes(
        {"one": "wrap", "copy": "wrap", "cartesian3d": "cartesian3d"},
        points=SamplesRequest(str(path), "value"),
        changes={"seeds": 3, "heads": ("mlp", "ridge", "knn", "range")},
    )
    return replace(ask(wishes), plan=QUICK)


def test_a_table_of_no_use_is_told_before_encoders_are_opened(tmp_path: Path) -> None:
    path = table(tmp_path / "own.csv", [7] * 100)
    with pytest.raises(InputError, match="there is nothing to learn"):
        ask(Wishes({"one": "no such model"}, points=SamplesRequest(str(path), "value")))


def test_a_run_goes_on_from_what_is_kept_and_copies_are_equal(asked, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keeps no score"):
        evaluate(asked, tmp_path, finished=True)
    stop = iter([False] * 5)
    with pytest.raises(CancelledError):
        evaluate(asked, tmp_path, cancelled=lambda: next(stop, True))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "scores").iterdir()}
    assert kept
    results = evaluate(asked, tmp_path)
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert evaluate(asked, tmp_path, finished=True)["records"] == results["records"]
    tables = Tables(results)
    for head in ("mlp", "ridge", "knn", "range"):
        row = tables.rows("random", head)["value"]
        assert row["copy"].scores == row["one"].scores
        assert row["copy"].mark == ""
    assert row["copy"].chance == 1.0
    write_report(asked, results, tmp_path, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "satclip evaluate --points" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    rows = list(csv.DictReader((tmp_path / "page.csv").open()))
    assert {row["encoder"] for row in rows} == {"one", "copy", "cartesian3d"}
    assert json.loads((tmp_path / "page.json").read_text())["records"] == results["records"]


def test_an_encoder_with_noise_is_told_apart() -> None:
    rng = np.random.default_rng(1)
    runs = split_parts(Split.named("random"), LONLAT, range(5))
    clean = points(LONLAT)
    noisy = clean + rng.normal(0, 0.5, clean.shape)
    scores = []
    for values in (clean, noisy):
        own = []
        for one in runs:
            off = nearest_neighbours(values, WARM, one)[one.test] - WARM.target[one.test]
            own.append(1 - off.var() / WARM.target[one.test].var())
        scores.append(own)
    found = corrected_t_test(*scores, test_to_train=2.0)
    assert found.mean > 0
    assert found.p < 0.05


def test_the_further_tasks_are_read_or_left_out_with_a_word(
    shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = DEFAULT.with_name("evaluation-tasks.yaml")
    names = ("bio1", "bio19", "station_cloud", "station_snow", "median_income", "ecoregions")
    tasks = load_tasks(file, data_root=shared_data, names=names, most=500)
    assert [task.name for task in tasks] == list(names[:4])
    assert "median_income is left out" in caplog.text
    assert not set(read_tasks(file).tasks) & set(read_tasks(DEFAULT.with_name("tasks.yaml")).tasks)


def test_tables_of_a_text_are_filled_between_their_marks(asked, tmp_path: Path) -> None:
    tables = Tables(evaluate(asked, tmp_path))
    path = tmp_path / "text.md"
    marks = "<!-- evaluation: ridge random (one) -->\nold\n<!-- evaluation: end -->"
    path.write_text(f"before\n{marks}\nafter\n")
    put_tables(path, tables)
    text = path.read_text()
    assert "old" not in text
    assert text.startswith(
        "before\n<!-- evaluation: ridge random (one) -->\n| task | measure | one |"
    )
    assert text.endswith("<!-- evaluation: end -->\nafter\n")
    path.write_text("no marks")
    with pytest.raises(InputError, match="has no marks"):
        put_tables(path, tables)
