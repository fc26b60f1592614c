"""SatCLE measured: the ablation, what the graph is worth, continuity, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from satclip_core.errors import InputError
from satclip_training.evaluation.continuity import (
    change_per_km,
    continuity_rows,
    destinations,
    nearest_km,
    probed_places,
)
from satclip_training.evaluation.similarity_figures import similarity_map, similarity_picture
from satclip_training.export.model_export import checkpoint_weights, encoder_from
from satclip_training.export.satcle_encoders import satcle_encoders
from satclip_training.objectives.perturbation import expanded
from satclip_training.objectives.propagation import GraphFusion, gaussian_adjacency
from satclip_training.places.reading import read_places
from satclip_training.run import satcle_ablation
from satclip_training.run.pretraining import RunOptions
from satclip_training.run.satcle_ablation import (
    ablation_rows,
    ablation_table,
    run_ablation,
    variant_config,
)
from satclip_training.run.smoothing_figure import write_smoothing
from satclip_training.settings.config import TrainConfig
from satclip_training.settings.run_files import Locations
from satclip_training.settings.schema import build

VALUES: dict[str, Any] = {
    "name": "tiny",
    "points": {"count": 300, "land_mask": "land.geojson"},
    "sources": {
        "image": {
            "files": ["image_*.tif"],
            "nodata": 0,
            "chip": {"kilometres": 400, "pixels": 8},
            "views": 1,
            "features": {"filters": 8, "dim": 4, "samples": 60},
            "smoothing": {
                "student": {
                    "patch": 2, "width": 8, "depth": 1, "heads": 2, "outputs": 8,
                    "samples": 60, "epochs": 1, "batch_size": 16,
                }
            },
        }
    },
    "model": {"legendre_polys": 4, "capacity": 16, "embed_dim": 8},
    "objective": {"kind": "satcle", "spread": 2.0},
    "training": {"epochs": 1, "batch_size": 64, "threads": 1},
    "probe": {"tasks": "tasks.yaml", "every": 0},
}  # fmt: skip


def config(**values: Any) -> TrainConfig:
    return build(TrainConfig, {**VALUES, **values}, "")


@pytest.fixture(scope="module")
def ablation(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """All variants with one seed."""
    folder = tmp_path_factory.mktemp("ablation")
    options = RunOptions(Locations((world,)), folder, str(world))
    return folder, run_ablation(config(), options, [0])


def test_variants_differ_in_the_continuities_alone() -> None:
    whole = config()
    spatial = {n: variant_config(whole, n, 5).objective.settings.spatial for n in
               satcle_ablation.VARIANTS}  # fmt: skip
    smooth = {n: variant_config(whole, n, 5).sources["image"].smoothing is not None for n in
              satcle_ablation.VARIANTS}  # fmt: skip
    assert spatial == {"neither": False, "spatial": True, "semantic": False, "both": True}
    assert smooth == {"neither": False, "spatial": False, "semantic": True, "both": True}
    both = variant_config(whole, "both", 5)
    assert (both.seed, both.name, both.training) == (5, "tiny-both-5", whole.training)


def test_the_ablation_keeps_what_is_finished(
    ablation: tuple[Path, Any], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scores = ablation
    assert list(scores) == ["neither", "spatial", "semantic", "both"]
    assert len({run[0]["field"] for run in scores.values()}) == 4
    caches = [path for path in (folder / "cache").glob("image-*") if path.is_dir()]
    assert len(caches) == 2  # smoothed and not, shared by variants
    done: list[str] = []

    def train(settings: TrainConfig, options: RunOptions) -> Path:
        done.append(settings.name)
        return next(folder.glob("tiny-spatial-0-*/*.npz"))

    monkeypatch.setattr(satcle_ablation, "train", train)
    options = RunOptions(Locations((world,)), folder, str(world))
    again = run_ablation(config(), options, [0, 1], ["spatial", "both"])
    assert done == ["tiny-spatial-1", "tiny-both-1"]
    assert again["both"] == [scores["both"][0], scores["spatial"][0]]


def test_the_table_has_means_and_deviations() -> None:
    scores = {"neither": [{"a": 0.1}, {"a": 0.2}, {"a": 0.6}], "both": [{"a": 0.5}]}
    rows = ablation_rows(scores)
    deviation = np.std([0.1, 0.2, 0.6], ddof=1)
    assert rows == [
        ["neither", "a", "3", "0.3000", f"{deviation:.4f}"],
        ["both", "a", "1", "0.5000", ""],
    ]
    assert ablation_table(scores).splitlines()[-1] == "| a | 0.300 ± 0.264 | 0.500 |"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective": "satclip"}, r"set objective\.kind to satcle"),
        ({"objective": {"kind": "satcle", "spatial": False}}, r"objective\.spatial to true"),
        ({"probe": {}}, r"set probe\.tasks"),
        (
            {"sources": {"image": {**VALUES["sources"]["image"], "smoothing": None}}},
            r"no source is smoothed",
        ),
    ],
)
def test_an_ablation_begins_with_the_whole(
    values: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        run_ablation(config(**values), RunOptions(Locations((tmp_path,)), tmp_path), [0])


def test_a_checkpoint_is_read_with_and_without_its_graph(ablation: tuple[Path, Any]) -> None:
    (checkpoint,) = ablation[0].glob("tiny-spatial-0-*/last.ckpt")
    found = satcle_encoders(checkpoint)
    assert list(found) == ["plain", "averaged", "fused"]
    lonlat = np.array([[10.0, 20.0], [179.9, -60.0]])
    weights, settings = checkpoint_weights(checkpoint)
    exported = encoder_from(weights, settings)
    # float32 weights scaled and scaled back.
    np.testing.assert_allclose(found["plain"](lonlat), exported.encode(lonlat), atol=1e-4)
    options = settings.objective.settings
    copies = expanded(torch.from_numpy(lonlat), options, torch.Generator().manual_seed(0))
    nodes = np.stack([exported.encode(row.numpy()) for row in copies])
    np.testing.assert_allclose(found["averaged"](lonlat), nodes.mean(1), atol=1e-4)
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    graph = GraphFusion(8).double()
    own = {k[len("model.fusion.") :]: v for k, v in state.items() if k.startswith("model.fusion.")}
    graph.load_state_dict(own)
    adjacency = gaussian_adjacency(copies, 2.0 * np.pi * 6371.0088 / 180)
    with torch.no_grad():
        wanted = graph(torch.from_numpy(nodes).double(), adjacency).numpy()
    np.testing.assert_allclose(found["fused"](lonlat), wanted, atol=1e-3)
    (without,) = ablation[0].glob("tiny-semantic-0-*/last.ckpt")
    with pytest.raises(InputError, match="no SatCLE run with spatial continuity"):
        satcle_encoders(without)


def test_one_image_is_drawn_as_it_is_smoothed(world: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path, run = tmp_path / "one.png", tmp_path / "run"
    lon, lat = write_smoothing(path, config(), Locations((world,)), run, place=(10.0, 10.0))
    assert abs(lon - 10) + abs(lat - 10) < 20
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(run.glob("cache/image-*/attention.npz"))) == 1
    with pytest.raises(InputError, match="source 'sea' is none of image"):
        write_smoothing(path, config(), Locations((world,)), run, place=(10.0, 10.0), source="sea")


def degrees(lonlat: np.ndarray) -> np.ndarray:
    """An embedding on the unit sphere: its chord is the ground's."""
    lon, lat = np.radians(lonlat).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def test_places_are_near_and_far_by_pyproj() -> None:
    geod = pytest.importorskip("pyproj").Geod(a=6371008.8, b=6371008.8)
    rng = np.random.default_rng(0)
    training = np.column_stack([rng.uniform(170, 190, 30), rng.uniform(80, 90, 30)])
    places = probed_places(training, 200, near_km=5, far_km=50)
    for lonlat, low, high in ((places.near, 0, 5), (places.far, 50, 150)):
        nearest = [
            min(geod.inv(*place, *other)[2] for other in training) / 1000 for place in lonlat
        ]
        assert low - 1e-6 <= min(nearest)
        assert max(nearest) <= high + 1e-6
        # A ten thousandth of a kilometre: the nearest is found by cosines.
        np.testing.assert_allclose(nearest_km(lonlat, training), nearest, atol=1e-4)
    there = destinations(training, np.full(30, 7.0), np.linspace(0, 6, 30))
    assert [geod.inv(*a, *b)[2] for a, b in zip(training, there)] == pytest.approx([7000] * 30)


def test_the_change_per_kilometre_is_that_of_a_known_embedding() -> None:
    places = probed_places(np.array([[0.0, 0.0], [179.0, 60.0]]), 50)
    for name, where, km, change in continuity_rows("known", degrees, places):
        assert (name, where) in (("known", "near"), ("known", "far"))
        angle = km / 6371.0088
        assert change == pytest.approx(2 * np.sin(angle / 2) / km, rel=1e-6)
    # Lengths do not count.
    scaled = change_per_km(lambda lonlat: 7 * degrees(lonlat), places.near, 25.0)
    assert scaled == pytest.approx(change_per_km(degrees, places.near, 25.0))


def test_places_without_any_far_one_are_refused() -> None:
    with pytest.raises(InputError, match="no training places"):
        probed_places(np.empty((0, 2)), 5)
    lon, lat = np.meshgrid(np.arange(-180, 180, 6.0), np.arange(-90, 91, 6.0))
    everywhere = np.column_stack([lon.ravel(), lat.ravel()])
    with pytest.raises(InputError, match="no place lies 900 km or more"):
        probed_places(everywhere, 5, far_km=900)


def test_similarity_is_the_cosine_and_is_drawn_for_every_model(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lonlat = np.array([[116.4, 39.9], [116.4 - 180, -39.9], [116.4, -50.1]])
    got = similarity_map(degrees, lonlat, (116.4, 39.9))
    np.testing.assert_allclose(got, [1, -1, 0], atol=1e-12)
    models = {"one": degrees, "two": lambda lonlat: degrees(lonlat) + 1}
    similarity_picture(tmp_path / "s.png", models, (116.4, 39.9), pixels=12)
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="goes over a pole"):
        similarity_picture(tmp_path / "s.png", models, (0.0, 88.0))


def test_places_are_read_from_a_run_or_a_table(tmp_path: Path) -> None:
    wanted = np.array([[1.0, 2.0], [-3.0, 4.0]])
    np.save(tmp_path / "places.npy", wanted)
    (tmp_path / "places.csv").write_text("name,lat,lon\na,2,1\nb,4,-3\n")
    for name in ("places.npy", "places.csv"):
        np.testing.assert_array_equal(read_places(tmp_path / name), wanted)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"places .*bad\.npy: cannot be read as an array"):
        read_places(tmp_path / "bad.npy")
    np.save(tmp_path / "flat.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"flat\.npy: points have shape \(3,\)"):
        read_places(tmp_path / "flat.npy")
