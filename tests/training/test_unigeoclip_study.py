"""UniGeoCLIP's evaluation as a whole, on a world of seconds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from modal_world import write_modalities

from satclip_core.errors import CancelledError, InputError
from satclip_core.models.model_file import read_model
from satclip_training.modalities.modal_dataset import read_dataset
from satclip_training.run import unigeoclip_study as study
from satclip_training.run.pretraining import RunOptions
from satclip_training.run.unigeoclip_study import (
    HeldOut,
    StudyOptions,
    run_study,
    variant_config,
    variants_of,
    write_study,
)
from satclip_training.settings.config import load_config
from satclip_training.settings.run_files import locations

CONFIG = """
name: little
points: {count: 260, land_mask: land.geojson, seed: 5}
modalities:
  image:
    files: [image_1.tif]
    chip: {kilometres: 400, pixels: 4}
    views: 1
    tower: {kind: layers, hidden: []}
  words:
    kind: text
    least_places: 5
    tower: {kind: bag, vector: 8, hidden: []}
    phrases:
      - {kind: classes, file: zones.tif, names: {1: warm zone, 2: cold zone}}
      - {kind: ranges, file: relief.npz, limits: [0, 400], names: [null, hills, mountains]}
model:
  encoding: {kind: scaledfourier, frequencies: 4}
  network: {kind: transformer, depth: 4, heads: 2, registers: 0, mlp_ratio: 1.0}
  embed_dim: 8
objective: {kind: unigeoclip, scales: pairs}
training: {epochs: 1, batch_size: 64, validation_fraction: 0.25, threads: 1}
probe: {tasks: tasks.yaml, every: 0, baselines: []}
"""
SQUARES = """{"type": "FeatureCollection", "features": [
 {"type": "Feature", "properties": {"CONTINENT": "West"}, "geometry": {"type": "Polygon",
  "coordinates": [[[-60, -50], [-20, -50], [-20, 60], [-60, 60], [-60, -50]]]}},
 {"type": "Feature", "properties": {"CONTINENT": "Nowhere"}, "geometry": {"type": "Polygon",
  "coordinates": [[[150, 70], [151, 70], [151, 71], [150, 71], [150, 70]]]}}]}"""
WEST = HeldOut("squares.geojson", "CONTINENT", "West")


@pytest.fixture(scope="module")
def root(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_modalities(world, tmp_path_factory.mktemp("study"))
    (folder / "little.yaml").write_text(CONFIG)
    (folder / "squares.geojson").write_text(SQUARES)
    return folder


def options_of(root: Path, *groups: str, **changes) -> StudyOptions:
    given = {"seeds": (0,), "groups": groups, "held_out": WEST, "most": 50, **changes}
    return StudyOptions(root / "little.yaml", **given)


def runs_of(root: Path, output: Path, cancelled=None) -> RunOptions:
    return RunOptions(locations(root / "little.yaml", root), output, str(root), None, cancelled)


@pytest.fixture(scope="module")
def done(root: Path, tmp_path_factory: pytest.TempPathFactory):
    """The whole, contrast with coordinates alone, and a continent held out."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, run_study(options_of(root, "pairs", "continent"), runs_of(root, folder))


def test_every_variant_is_scored(done):
    _, results = done
    assert list(results) == ["whole", "pivot", "continent"]
    for runs in results.values():
        (result,) = runs
        assert {(p.query, p.target) for p in result.pairs} >= {
            ("coordinates", "image"), ("image", "coordinates"), ("image", "words"),
        }  # fmt: skip
        assert result.geolocation[-1].modalities == ("image", "words")
        assert list(result.probes) == ["field"]
    assert results["whole"][0] != results["pivot"][0]


def test_scores_are_those_of_the_model_file_at_its_held_out_places(done):
    """Recall once more from what a run leaves, by a sorted list."""
    folder, results = done
    wanted = results["whole"][0].pairs
    matched = 0
    for run in folder.glob("little-0-*"):
        data, encoder = read_dataset(run), read_model(run / "little.npz")
        keep = study._some(len(data.places), 50)
        asked = encoder.modalities["image"].embed(data.features["image"])[keep].astype(float)
        places = encoder.encode(data.places)[keep].astype(float)
        places /= np.linalg.norm(places, axis=1, keepdims=True)
        order = np.argsort(-(asked @ places.T), axis=1)
        ranks = np.array([list(row).index(i) for i, row in enumerate(order)])
        found = {k: float((ranks < k).mean()) for k in (1, 5, 10)}
        own = next(p for p in wanted if (p.query, p.target) == ("image", "coordinates"))
        matched += own.recall == pytest.approx(found)
    assert matched == 1


def test_a_continent_is_asked_where_nothing_was_learnt(done, root):
    folder, results = done
    (path,) = folder.glob("places-*-without-West.npy")
    outside = np.load(path)
    assert (outside[:, 0] > -20).all()
    held = results["continent"][0]
    assert held.pairs[0].candidates <= 260 - len(outside)
    for cell in held.cells:  # cells where queries come from
        assert cell.bounds[0] < -20


def test_a_second_call_trains_nothing(done, root, monkeypatch):
    folder, results = done
    monkeypatch.setattr(study, "train", lambda *_: pytest.fail("it trained"))
    again = run_study(options_of(root, "pairs", "continent"), runs_of(root, folder))
    assert again == results


def test_a_variant_of_equal_settings_is_the_same_run(done, root):
    whole = variant_config(options_of(root), "whole", 0)
    assert variant_config(options_of(root), "depth-4", 0).digest() == whole.digest()
    assert variant_config(options_of(root), "depth-8", 0).digest() != whole.digest()


def test_table_and_figures_are_written(done, tmp_path):
    pytest.importorskip("matplotlib")
    text, files = write_study(tmp_path / "a.csv", done[1])
    assert [path.name for path in files] == [
        "a.csv", "a.md", "a-retrieval.png", "a-geolocation.png", "a-continent.png",
        "a-ablations.png",
    ]  # fmt: skip
    assert files[1].read_text(encoding="utf-8") == text
    rows = list(csv.DictReader(files[0].open()))
    assert {row["variant"] for row in rows} == {"whole", "pivot", "continent"}
    assert {row["part"] for row in rows} == {"retrieval", "geolocation", "probe"}


def test_stopped_it_says_so_and_goes_on(root, tmp_path):
    asked = iter([False] * 3 + [True] * 100)
    with pytest.raises(CancelledError):
        run_study(options_of(root), runs_of(root, tmp_path, lambda: next(asked)))
    assert list(run_study(options_of(root), runs_of(root, tmp_path))) == ["whole"]


def test_variants_and_what_they_change(root):
    whole = load_config(root / "little.yaml")
    assert variants_of(whole, study.GROUPS) == [
        "whole", "without-image", "without-words", "pivot", "depth-0", "depth-4", "depth-8",
        "rff", "siren-sh", "feature-grid", "continent",
    ]  # fmt: skip
    options = options_of(root)
    assert list(variant_config(options, "without-image", 3).modalities) == ["words"]
    assert variant_config(options, "pivot", 3).objective.settings.pairs == "pivot"
    assert variant_config(options, "depth-0", 3).model.network.settings.depth == 0
    for name, network in (("rff", "mlp"), ("siren-sh", "siren"), ("feature-grid", "featuregrid")):
        made = variant_config(options, name, 3)
        assert (made.model.network.kind, made.seed) == (network, 3)
        assert made.modalities == whole.modalities


@pytest.mark.parametrize(
    ("area", "message"),
    [
        (HeldOut("squares.geojson", "CONTINENT", "East"), "no CONTINENT is 'East'; there are"),
        (HeldOut("squares.geojson", "CONTINENT", "Nowhere"), "none of 260 places lie in"),
        (HeldOut("squares.geojson", "NAME", "West"), "has no column 'NAME'"),
        (HeldOut("none.geojson", "NAME", "West"), "'none.geojson' is not there"),
        (None, "no area to hold out"),
    ],
)
def test_areas_that_cannot_be_held_out_are_refused(done, root, area, message):
    options = options_of(root, "continent", held_out=area)
    with pytest.raises(InputError, match=message):
        run_study(options, runs_of(root, done[0]))


def test_another_objective_is_refused(root):
    whole = load_config(
        root / "little.yaml",
        [
            "objective=satclip",
            "modalities={}",
            "sources={image: {files: [image_1.tif], chip: {kilometres: 400, pixels: 4}}}",
        ],
    )
    with pytest.raises(InputError, match="the objective is satclip, which contrasts no"):
        variants_of(whole, ())


def test_depth_is_one_of_a_transformer(root):
    whole = variant_config(options_of(root), "rff", 0)
    with pytest.raises(InputError, match=r"not of mlp; leave that ablation out"):
        variants_of(whole, ("depth",))
