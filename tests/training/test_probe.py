"""Linear probes and their tasks: known scores on made data, published protocol on the real."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from satclip_core.encoder import LocationEncoder
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model, write_model
from satclip_training import probe as command
from satclip_training.evaluation import linear_probe as probe
from satclip_training.evaluation.tasks import Task, leaked, load_tasks

TASKS = Path(__file__).parents[2] / "training" / "configs" / "tasks.yaml"


def test_a_linear_relation_is_read_fully() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 10))
    assert probe.score(x, x @ rng.normal(size=10)) > 0.999


def test_noise_is_not_read() -> None:
    rng = np.random.default_rng(0)
    assert abs(probe.score(rng.normal(size=(900, 50)), rng.normal(size=900))) < 0.05


def test_the_score_is_the_share_of_variance_explained() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8000, 4))
    target = x.sum(1) + rng.normal(size=8000) * 2
    assert probe.score(x, target) == pytest.approx(0.5, abs=0.03)


def test_classes_score_accuracy() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 800)
    x = np.eye(4)[codes] + rng.normal(size=(800, 4)) * 0.05
    assert probe.score(x, codes + 17, classes=True) == 1
    assert probe.score(rng.normal(size=(4000, 4)), rng.integers(0, 4, 4000), classes=True) < 0.3


def test_many_noisy_features_get_a_stronger_penalty_not_a_bad_score() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 300))
    assert probe.score(x, x[:, 0] + rng.normal(size=600)) > 0


def test_scores_do_not_depend_on_the_scale_of_the_embedding() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 20))
    target = x[:, 0] + rng.normal(size=500)
    assert probe.score(x * 1000 + 5, target) == pytest.approx(probe.score(x, target))


def test_other_splits_give_other_scores() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    target = x[:, 0] + rng.normal(size=300)
    assert probe.score(x, target, split_seed=0) == probe.score(x, target)
    assert probe.score(x, target, split_seed=100) != probe.score(x, target)


def test_scores_of_labels_that_were_inputs_are_marked() -> None:
    nowhere = np.zeros((0, 2))
    tasks = [Task(name, nowhere, np.zeros(0), False) for name in ("height", "heat")]
    scores = {"ours": {"height": 0.9, "heat": 0.5}, "theirs": {"height": 0.4, "heat": 0.4}}
    lines = probe.table(scores, tasks, {"ours": ["height"]}).splitlines()
    assert lines[2] == "| height | R² | 0 | 0.900 † | 0.400 |"
    assert lines[3] == "| heat | R² | 0 | 0.500 | 0.400 |"
    assert lines[-1] == probe.LEAK_NOTE
    assert "†" not in probe.table(scores, tasks)


def write_tasks(folder: Path, text: str) -> Path:
    path = folder / "tasks.yaml"
    path.write_text(text)
    return path


def test_tables_drop_what_is_missing_or_out_of_range(tmp_path: Path) -> None:
    rows = ["lon,lat,v"] + [f"{i},0,{i}" for i in range(20)] + ["3,,5", "4,4,", "5,5,-999"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    text = "tasks:\n  t: {kind: table, file: t.csv, target: v, minimum: 0, transform: log1p}\n"
    (task,) = load_tasks(write_tasks(tmp_path, text))
    np.testing.assert_allclose(task.target, np.log1p(np.arange(20)))
    np.testing.assert_array_equal(task.lonlat[:, 0], np.arange(20))


def test_large_tables_are_cut_to_a_fixed_sample(world: Path, tmp_path: Path) -> None:
    text = "most: 100\ntasks:\n  t: {kind: table, file: places.csv, target: value}\n"
    path = write_tasks(tmp_path, text)
    first, second = (load_tasks(path, data_root=world)[0] for _ in range(2))
    assert len(first.target) == 100
    np.testing.assert_array_equal(first.lonlat, second.lonlat)


def test_codes_can_be_made_two_classes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("lon,lat,v\n" + "\n".join(f"{i},0,{i % 5}" for i in range(20)))
    text = "tasks:\n  t: {kind: table, file: t.csv, target: v, positive: [1, 3, 77]}\n"
    (task,) = load_tasks(write_tasks(tmp_path, text))
    assert task.classes
    np.testing.assert_array_equal(task.target, [0, 1, 0, 1, 0] * 4)


def test_the_forest_task_is_tree_cover(shared_data: Path) -> None:
    (forest,) = load_tasks(TASKS, data_root=shared_data, names=("forest",))
    cover, *_ = load_tasks(TASKS, data_root=shared_data, names=("land_cover",))
    np.testing.assert_array_equal(forest.lonlat, cover.lonlat)
    # Counted in the table: 1,616 of 3,872 points have a class of tree cover.
    assert (int(forest.target.sum()), len(forest.target)) == (1616, 3872)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["imagery/bmng/*.jpg"], {}),
        (["imagery/NDVI/july.png", "relief/etopo20.npz"], {"green": ["imagery/NDVI/july.png"]}),
    ],
)
def test_labels_among_the_inputs_are_found(
    files: list[str], expected: dict[str, list[str]], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("lon,lat,v\n" + "\n".join(f"{i},0,{i}" for i in range(20)))
    lines = [
        "tasks:",
        "  green: {kind: table, file: t.csv, target: v, leaks: ['*ndvi*', '*evi*']}",
        "  plain: {kind: table, file: t.csv, target: v}",
    ]
    assert leaked(load_tasks(write_tasks(tmp_path, "\n".join(lines))), files) == expected


def test_grids_are_read_at_land_points(tmp_path: Path) -> None:
    lat, lon = np.linspace(-89.5, 89.5, 180), np.linspace(-179.5, 179.5, 360)
    np.savez(tmp_path / "g.npz", lat=lat, lon=lon, grid=np.round(lat)[:, None] + 0 * lon)
    text = "land_points: 300\ntasks:\n  g: {kind: grid, file: g.npz, target: grid}\n"
    (task,) = load_tasks(write_tasks(tmp_path, text))
    assert len(task.target) == 300
    assert np.abs(task.target - task.lonlat[:, 1]).max() <= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks:\n  t: {kind: tabel, file: t.csv}", "did you mean 'table'"),
        ("tasks:\n  t: {kind: table, file: none.csv, target: v}", "'none.csv' is not there"),
        ("tasks:\n  t: {kind: table, file: t.csv, target: w}", "no column 'w'; it has lon, lat, v"),
        ("tasks:\n  t: {kind: table, file: t.csv, target: v}", "only 1 usable points"),
        (
            "tasks:\n  t: {kind: table, file: u.csv, target: v, positive: [4, 5]}",
            "t.positive: none of the points are one of 4, 5",
        ),
        (
            "tasks:\n  t: {kind: table, file: u.csv, target: v, positive: [2, 3]}",
            "t.positive: all of the points are one of 2, 3",
        ),
        ("tasks:\n  t: {kind: table, file: t.csv}", "tasks.t.target: missing"),
        ("tasks:\n  t: {kind: table, file: w.csv, target: v}", "(classes: true for text)"),
        ("tasks:\n  t: {kind: table, file: w.csv, target: l, lon: v}", "lon and lat: could not"),
        ("tasks:\n  t: {kind: table, file: u.csv, target: n, transform: log1p}", "log1p of -9"),
        ("tasks:\n  t: {kind: table, file: e.csv, target: v}", "e.csv: cannot be read as a table"),
        ("tasks:\n  t: {kind: polygons, file: e.csv, target: v}", "read as a vector file"),
        ("tasks:\n  t: {kind: grid, file: e.npz, target: v}", "read as a file of numpy arrays"),
    ],
)
def test_bad_tasks_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text("lon,lat,v\n1,2,3\n")
    (tmp_path / "u.csv").write_text("lon,lat,v,n\n" + "1,2,3,1\n4,5,2,-9\n" * 10)
    (tmp_path / "w.csv").write_text("lon,lat,v,l\n" + "1,2,oak,1\n4,5,elm,2\n" * 10)
    for name in ("e.csv", "e.npz"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError) as caught:
        load_tasks(write_tasks(tmp_path, text))
    assert message in str(caught.value)


def test_unknown_names_are_named(world: Path) -> None:
    with pytest.raises(InputError, match="no task 'fields'; there are field"):
        load_tasks(world / "tasks.yaml", names=("fields",))


def test_the_command_prints_and_writes_scores(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.json"
    tasks = str(world / "tasks.yaml")
    assert command.main(["--model", "identity", "--tasks", tasks, "--output", str(out)]) == 0
    assert "| field | R² | 1500 |" in capsys.readouterr().out
    assert set(json.loads(out.read_text())) == {"identity"}
    out = tmp_path / "scores.csv"
    assert command.main(["--model", "identity", "--tasks", tasks, "--output", str(out)]) == 0
    assert out.read_text().startswith("model,task,score\nidentity,field,")


def test_blocks_are_held_out_whole() -> None:
    lonlat = np.random.default_rng(0).uniform((-180, -60), (180, 60), (3000, 2))
    blocks = probe.blocks_of(lonlat, 10)
    codes = {tuple(corner) for corner in np.floor(lonlat / 10).tolist()}
    assert set(blocks) == set(range(len(codes)))
    split = probe.parts(blocks, seed=3)
    assert sorted(np.concatenate(split)) == list(range(3000))
    seen = [set(np.floor(lonlat[part] / 10).astype(int).view("i8,i8").ravel().tolist())
            for part in split]  # fmt: skip
    assert len(set.union(*seen)) == sum(map(len, seen))
    assert len(seen[0]) / len(codes) == pytest.approx(0.3, abs=0.01)


def test_blocks_show_that_a_name_of_a_block_says_nothing_elsewhere() -> None:
    """A number of each block's own is read from the block's own indicator, but not beyond it."""
    random = np.random.default_rng(0)
    lonlat = random.uniform((0, 0), (100, 100), (4000, 2))
    block = np.unique(np.floor(lonlat / 10), axis=0, return_inverse=True)[1].reshape(-1)
    task = Task("own", lonlat, random.normal(size=100)[block], classes=False)

    def indicators(places: np.ndarray) -> np.ndarray:
        return np.eye(100)[block]

    assert probe.run_probes(indicators, [task])["own"] > 0.95
    assert probe.run_probes(indicators, [task], block_degrees=10)["own"] < 0.05


def test_only_the_first_dimensions_are_read_on_request() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(1000, 8))
    task = Task("last", np.zeros((1000, 2)), values[:, 7], classes=False)
    assert probe.run_probes(lambda places: values, [task], dims=8)["last"] > 0.99
    assert probe.run_probes(lambda places: values, [task], dims=7)["last"] < 0.05


def test_the_command_holds_out_blocks(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "identity", "--tasks", str(world / "tasks.yaml")]
    assert command.main([*words, "--blocks", "2", "--dims", "2"]) == 0
    assert "| field | R² | 1500 |" in capsys.readouterr().out
    for wrong, named in (
        (["--blocks", "80"], "blocks of 80°"),
        (["--blocks", "2", "--protocol", "range"], "protocol range"),
    ):
        assert command.main([*words, *wrong]) == 1
        error = capsys.readouterr().err.strip()
        assert named in error
        assert len(error.splitlines()) == 1
    for wrong in (["--blocks", "0"], ["--dims", "0"], ["--blocks", "nan"]):
        with pytest.raises(SystemExit):
            command.main([*words, *wrong])
        assert wrong[1] in capsys.readouterr().err


def test_the_command_scores_a_recipe_before_training_too(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "identity", "--untrained", str(TASKS.with_name("tiny.yaml"))]
    words += ["--tasks", str(world / "tasks.yaml"), "--data-root", str(world)]
    assert command.main([*words, "--split-seed", "7"]) == 0
    out = capsys.readouterr().out
    assert "| identity | untrained |" in out
    cells = out.splitlines()[2].split("|")
    assert float(cells[5]) > float(cells[4]) + 0.2


def test_what_a_model_has_seen_is_read_from_its_file(
    small_model: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = read_model(small_model)
    info = dataclasses.replace(encoder.info, training={"leaks": "other, field"})
    path = tmp_path / "seen.npz"
    write_model(path, LocationEncoder(encoder.config, encoder.weights, info=info))
    assert probe.known_leaks(str(path)) == ["other", "field"]
    words = ["--model", str(path), "--model", "identity", "--tasks", str(world / "tasks.yaml")]
    assert command.main(words) == 0
    out = capsys.readouterr().out
    assert out.count(probe.LEAKED) == 1
    assert probe.LEAK_NOTE in out
    assert probe.known_leaks(str(small_model)) == []


def test_the_command_reports_mistakes_in_one_line(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--model", "identity", "--tasks", str(world / "none.yaml")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_shipped_tasks_are_all_there(shared_data: Path) -> None:
    names = ("air_temperature", "elevation", "koppen", "countries", "population")
    tasks = load_tasks(TASKS, data_root=shared_data, names=names)
    assert [task.name for task in tasks] == list(names)
    assert all(1000 < len(task.target) <= 8000 for task in tasks)
    scores = probe.run_probes(probe.embedder("identity"), tasks[:2])
    # methods.md, the same probe on the same data: 0.413 and 0.002.
    assert scores["air_temperature"] == pytest.approx(0.413, abs=0.01)
    assert scores["elevation"] == pytest.approx(0.002, abs=0.01)


def test_geoclip_is_scored_with_its_published_weights(shared_data: Path, geoclip: Path) -> None:
    embed = probe.embedder("geoclip")
    assert np.asarray(embed(np.array([[10.0, 50.0]]))).shape == (1, 512)
    tasks = load_tasks(TASKS, data_root=shared_data, names=("air_temperature",))
    # methods.md: 0.913 with three splits of another seed.
    assert probe.run_probes(embed, tasks)["air_temperature"] == pytest.approx(0.915, abs=0.015)


def test_geoclip_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install 'geoclip'"):
        probe.embedder("geoclip")


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        (["a/long.npz", "b/long.npz"], ["a/long", "b/long"]),
        (["a/long.npz", "b/short.npz", "bundled"], ["long", "short", "bundled"]),
        (["x/a/long.npz", "y/a/long.npz", "a/long.npz"], ["x/a/long", "y/a/long", None]),
        (["bundled", "bundled.npz"], ["bundled", None]),
        (["a/long.npz", "a/long.npz"], ["long"]),
    ],
)
def test_every_model_has_a_column_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: list[str], wanted: list[str | None]
) -> None:
    monkeypatch.chdir(tmp_path)
    labels = command.column_names(models)
    assert list(labels) == list(dict.fromkeys(models))
    assert len(set(labels.values())) == len(labels)
    for label, expected in zip(labels.values(), wanted):
        if expected is not None:  # else it is told apart by the folder that the test runs in
            assert label == expected


def test_models_of_one_file_name_are_both_scored(
    small_model: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two models, two columns: the second one took the first one's place."""
    encoder = read_model(small_model)
    other = {key: value + 0.01 for key, value in encoder.weights.items()}
    for folder, weights in (("a", encoder.weights), ("b", other)):
        (tmp_path / folder).mkdir()
        write_model(tmp_path / folder / "long.npz", LocationEncoder(encoder.config, weights))
    words = ["--tasks", str(world / "tasks.yaml"), "--output", str(tmp_path / "s.json")]
    for folder in ("a", "b"):
        words += ["--model", str(tmp_path / folder / "long.npz")]
    assert command.main(words) == 0
    assert "| a/long | b/long |" in capsys.readouterr().out
    scores = json.loads((tmp_path / "s.json").read_text())
    assert scores["a/long"] != scores["b/long"]


@pytest.mark.parametrize(
    ("header", "given"),
    [("longitude,latitude", ""), ("Long,LAT", ""), ("e,n", ", lon: e, lat: n"), ("lon,lat", "")],
)
def test_columns_of_coordinates_are_found_by_their_usual_names(
    tmp_path: Path, header: str, given: str
) -> None:
    rows = "\n".join(f"{i},{-i},{i}" for i in range(20))
    (tmp_path / "t.csv").write_text(f"{header},v\n{rows}\n")
    text = f"tasks:\n  t: {{kind: table, file: t.csv, target: v{given}}}\n"
    (task,) = load_tasks(write_tasks(tmp_path, text))
    np.testing.assert_array_equal(task.lonlat, [[i, -i] for i in range(20)])


def test_columns_that_are_not_found_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,v\n1,2,3\n")
    text = "tasks:\n  t: {kind: table, file: t.csv, target: v}\n"
    with pytest.raises(
        InputError, match=r"tasks\.t: .*t\.csv: no columns.*name them by lon and lat"
    ):
        load_tasks(write_tasks(tmp_path, text))


def test_a_grid_that_does_not_say_where_it_lies_needs_bounds(tmp_path: Path) -> None:
    import rasterio

    values = np.tile(np.arange(36, dtype=np.uint8), (20, 1))[None]
    profile = {"driver": "PNG", "width": 36, "height": 20, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "g.png", "w", **profile) as out:
        out.write(values)
    text = "land_points: 2000\ntasks:\n  t: {kind: grid, file: g.png"
    with pytest.raises(InputError, match=r"g\.png: has no CRS.*bounds"):
        load_tasks(write_tasks(tmp_path, text + "}\n"))
    (task,) = load_tasks(write_tasks(tmp_path, text + ", bounds: [-180, -100, 180, 100]}\n"))
    np.testing.assert_array_equal(task.target, (task.lonlat[:, 0] + 180) // 10)


def test_the_published_protocol_is_ridge_by_generalised_cross_validation() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(0)
    values = random.normal(size=(300, 20)) * np.linspace(0.1, 4, 20)
    target = values @ random.normal(size=20) + random.normal(size=300)
    wanted = []
    for seed in range(42, 47):
        order = np.random.RandomState(seed).permutation(300)
        train, test = order[:240], order[240:]
        low, high = values[train].min(0), values[train].max(0)
        scaled = (values - low) / (high - low)
        model = sklearn.RidgeCV(alphas=(0.1, 1.0, 10.0)).fit(scaled[train], target[train])
        wanted.append(model.score(scaled[test], target[test]))
    # Leave-one-out in scikit-learn and generalised cross-validation here chose alike.
    assert probe.range_score(values, target) == pytest.approx(np.mean(wanted), abs=1e-6)
