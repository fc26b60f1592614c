"""GPS2Vec's folders of weights: made ones in Keras' layout, against plain code, cell by cell."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

pytest.importorskip("torch", reason="the extra `train` is not installed")

from satclip_core.errors import ModelError
from satclip_training.evaluation.protocol.candidates import candidate
from satclip_training.evaluation.protocol.gps2vec import open_gps2vec, zones_of
from satclip_training.settings.run_files import Locations

h5py = pytest.importorskip("h5py")

VISUAL = {"layer1": (400, 7), "layer2": (7, 6), "object": (6, 5), "scene": (6, 3)}
# Singapore is the example of the published code; the equator's two sides, Bergen, Svalbard.
PLACES = {
    (48, "N"): (103.7646, 1.32),
    (48, "M"): (103.5, -0.01),
    (32, "V"): (5.32, 60.39),
    (33, "X"): (15.6, 78.2),
    (19, "F"): (-69.0, -53.0),
}


def weights(seed: int, shapes: dict[str, tuple[int, int]]) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return {
        name: [rng.normal(0, 0.7, shape), rng.normal(0, 0.5, shape[1])]
        for name, shape in shapes.items()
    }


def write(path: Path, layers: dict[str, list[np.ndarray]], *, whole: bool = False) -> None:
    """As Keras 2 writes weights: `LAYER/LAYER/kernel:0`, names in attributes."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        names = ["input_1", "flatten_1", *layers]
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            own = layers.get(name, [])
            kinds = [f"{name}/kernel:0", f"{name}/bias:0"][: len(own)]
            group = root.create_group(name)
            group.attrs["weight_names"] = np.array([kind.encode() for kind in kinds], "S40")
            for kind, values in zip(kinds, own):
                group[kind] = values.astype(np.float32)


def limits(zone: int, band: str) -> tuple[float, float, float, float]:
    wider = {(32, "V"): (3, 12), (33, "X"): (9, 21)}
    west, east = wider.get((zone, band), (-180 + 6 * (zone - 1), -180 + 6 * zone))
    south = -80 + 8 * "CDEFGHJKLMNPQRSTUVWX".index(band)
    return west, east, south, south + (12 if band == "X" else 8)


def by_hand(zone: int, band: str, place: tuple[float, float], layers: dict) -> np.ndarray:
    """One place, cell by cell."""
    epsg = (32600 if band >= "N" else 32700) + zone
    project = Transformer.from_crs(4326, epsg, always_xy=True).transform
    west, east, south, north = limits(zone, band)
    left = min(project(west, south)[0], project(west, north - 1e-8)[0])
    rows = [[project(west + 0.1 * k, lat)[1] for k in range(round((east - west) * 10))]
            for lat in (south, north - 1e-8)]  # fmt: skip
    bottom, top = min(rows[0]), max(rows[1])
    x, y = project(*place)
    seen = []
    for column in range(20):
        for row in range(20):
            at = (
                left + (1e6 - 2 * left) * (column + 0.5) / 20,
                bottom + (top - bottom) * (row + 0.5) / 20,
            )
            seen.append(math.exp(-math.dist(at, (x, y)) / 20_000))
    h = np.array(seen)
    for name in ("layer1", "layer2"):
        h = np.maximum(h @ layers[name][0].astype(np.float32) + layers[name][1], 0)
    made = []
    for name in ("object", "scene"):
        powers = np.exp(h @ layers[name][0] + layers[name][1])
        made.append(powers / powers.sum())
    return np.concatenate(made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    path, kept = tmp_path_factory.mktemp("models visual"), {}
    for number, (zone, band) in enumerate(PLACES):
        kept[zone, band] = weights(number, VISUAL)
        write(path / f"model_{zone} {band}.h5", kept[zone, band], whole=number == 0)
    return path, kept


def test_embeddings_are_those_of_each_zone_s_network(folder: tuple[Path, dict]) -> None:
    path, kept = folder
    embed = open_gps2vec(path)
    made = embed(np.array(list(PLACES.values())))
    for row, (key, place) in zip(made, PLACES.items()):
        np.testing.assert_allclose(row, by_hand(*key, place, kept[key]), rtol=0, atol=1e-5)
        assert row.sum() == pytest.approx(2, abs=1e-5)


def test_where_no_network_is_there_are_zeros(folder: tuple[Path, dict]) -> None:
    made = open_gps2vec(folder[0])(np.array([[10.0, 85], [10, -81], [-30, 0], [103.7, 1.3]]))
    assert made.shape == (4, 8)
    assert not made[:3].any()
    assert made[3].any()


def test_zones_of_norway_and_svalbard_are_wider() -> None:
    places = [
        [2.9, 60],
        [3.1, 60],
        [3.1, 50],
        [8.9, 75],
        [9.1, 75],
        [41.9, 84],
        [180, 0],
        [-180, -80],
    ]
    assert zones_of(np.array(places, float)) == [
        (31, "V"), (32, "V"), (31, "U"), (31, "X"), (33, "X"), (37, "X"), (1, "N"), (1, "C")
    ]  # fmt: skip


def test_a_folder_is_an_encoder_of_an_evaluation(folder: tuple[Path, dict]) -> None:
    one = candidate(str(folder[0]), {}, Locations((Path(),)), "gps2vec")
    assert one.name == "gps2vec"
    assert "5 UTM zones" in one.words
    assert one.open()(np.array([[103.7, 1.3]])).shape == (1, 8)


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no 'model_ZONE BAND"):
        open_gps2vec(tmp_path)
    (tmp_path / "model_48 N.h5").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read as weights of Keras"):
        open_gps2vec(tmp_path)
    write(tmp_path / "model_48 N.h5", weights(0, {"dense_1": (4, 2)}))
    with pytest.raises(ModelError, match="has the layers dense_1"):
        open_gps2vec(tmp_path)
