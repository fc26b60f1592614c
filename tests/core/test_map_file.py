"""Fitted maps as files: the same pixels elsewhere, and no file that is none."""

from __future__ import annotations

import json
import logging
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from satclip_core.errors import InputError, OutputError
from satclip_core.files import npy_bytes
from satclip_core.grid import Grid
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOptions, Samples, SavedMap, fit_map, load_map, save_map
from satclip_core.raster import RasterRequest, raster_array

EUROPE = Grid.from_bounds((-10, 35, 30, 60), 2)
PACIFIC = Grid.from_bounds((170, -30, -150, 10), 2)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).uniform((-10, 35), (30, 60), (150, 2))


def fitted(encoder, places, kind):
    values = 40 - 0.6 * places[:, 1] + np.random.default_rng(1).normal(0, 0.5, len(places))
    options = MapOptions("auto" if kind == "classes" else kind, "random")
    if kind == "classes":
        names = np.array(["south", "ö, north"])[(places[:, 1] > 48).astype(int)]
        return fit_map(encoder, Samples.of(places, names, name="zone"), options)
    if kind == "linear":
        options = replace(options, transform="log1p")
    samples = Samples.of(places, values, name="t", weights=np.linspace(1, 2, len(places)))
    return fit_map(encoder, samples, options)


@pytest.mark.parametrize("kind", ["linear", "kriging", "gaussian", "auto", "classes"])
def test_a_saved_map_gives_the_same_pixels(encoder, places, tmp_path, kind):
    model = fitted(encoder, places, kind)
    file = tmp_path / "map.npz"
    save_map(model, file)
    again = load_map(file)
    assert again.report == json.loads(json.dumps(model.report))
    assert (again.name, again.legend, again.sha256) == (model.name, model.legend, model.sha256)
    sure = {"probabilities": True} if kind == "classes" else {"uncertainty": True}
    bands = raster_array(EUROPE, model.product(**sure), encoder)
    np.testing.assert_array_equal(raster_array(EUROPE, again.product(**sure), encoder), bands)
    save_map(again, tmp_path / "twice.npz")
    assert (tmp_path / "twice.npz").read_bytes() == file.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        save_map(model, file)
    save_map(model, file, overwrite=True)


def test_there_is_no_pickle_in_it(encoder, places, tmp_path):
    save_map(fitted(encoder, places, "gaussian"), tmp_path / "map.npz")
    with zipfile.ZipFile(tmp_path / "map.npz") as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                np.lib.format.read_array(archive.open(name), allow_pickle=False)
        assert json.loads(archive.read("map.json"))["version"] == 1


@pytest.fixture
def file(encoder, places, tmp_path):
    save_map(fitted(encoder, places, "linear"), tmp_path / "map.npz")
    return tmp_path / "map.npz"


def changed(file, change):
    """The file with its members, a dict, changed."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def header(**values):
    def change(members):
        members["map.json"] = json.dumps({**json.loads(members["map.json"]), **values}).encode()

    return change


def an_array(content):
    def change(members):
        members["arrays/0.npy"] = content

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (header(format="satclip-clusters"), "holds no fitted map: give a file that save_map.. wr"),
        (lambda members: members.pop("map.json"), "holds no fitted map"),
        (header(version=2), "has version 2, this software reads 1"),
        (header(map={"kind": "Popen", "fields": {"args": "ls"}}), "is damaged: save_map.. writes"),
        (header(map={"kind": "Kernel", "fields": {}}), "is damaged"),
        (header(content_sha256="0"), "is damaged"),
        (an_array(npy_bytes(np.zeros(3))), "is damaged"),
        (an_array(b"\x80\x04"), "is damaged"),
        (an_array(pickle.dumps(np.zeros(3))), "is damaged"),
        (lambda members: members.pop("arrays/0.npy"), "is damaged"),
        (lambda members: members.update({"map.json": b"[" * 100_000}), "is damaged"),
    ],
)
def test_files_that_are_none_are_one_line(file, change, said):
    changed(file, change)
    with pytest.raises(InputError, match=said):
        load_map(file)


def test_an_array_of_objects_is_refused_whatever_the_hash_says(file, monkeypatch):
    monkeypatch.setattr("satclip_core.products.mapfile._hash", lambda tree, members: "0" * 64)
    objects = np.array([{"a": 1}], dtype=object)
    with open(file.with_name("objects.npy"), "wb") as stream:
        np.save(stream, objects, allow_pickle=True)
    changed(file, an_array(file.with_name("objects.npy").read_bytes()))
    changed(file, header(content_sha256="0" * 64))
    with pytest.raises(InputError, match="is damaged"):
        load_map(file)
    changed(file, header(map={"kind": "Popen", "fields": {"args": "ls"}}))
    with pytest.raises(InputError, match="is damaged"):
        load_map(file)


def test_files_that_are_not_there_or_cut(file, tmp_path):
    content = file.read_bytes()
    for name, data, said in (
        ("cut.npz", content[: len(content) // 2], "holds no fitted map"),
        ("text.npz", b"lon,lat\n", "holds no fitted map"),
        ("none.npz", None, "does not exist: save_map.. writes it"),
    ):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=said):
            load_map(tmp_path / name)


def test_another_encoder_is_refused(file):
    model = load_map(file)
    request = RasterRequest(EUROPE, SavedMap(model), "bundled")
    with pytest.raises(InputError, match="the map was fitted for the model small-test-model"):
        request.prepare()


def test_a_saved_map_says_how_much_lies_outside_its_area(encoder, places, tmp_path, caplog):
    model = fitted(encoder, places, "gaussian")
    save_map(model, tmp_path / "map.npz")
    wanted = SavedMap(load_map(tmp_path / "map.npz"), uncertainty=True)
    job = RasterRequest(EUROPE, wanted, "m").prepare(encoder=encoder)
    assert not caplog.records
    inside = job.product.model.report["pixels_outside"]
    assert inside < 0.1
    assert "(where it was fitted, cross-validated on 150 samples, 5 random folds, method gaussi" \
        in job.product.model.summary  # fmt: skip
    assert f"; {100 * inside:.0f} % of the pixels lie outside" in job.product.model.summary
    with caplog.at_level(logging.WARNING):
        job = RasterRequest(PACIFIC, wanted, "m").prepare(encoder=encoder)
    share = job.product.model.report["pixels_outside"]
    assert share == pytest.approx(1 - job.array()[5].mean(), abs=0.02)
    assert share > 0.5
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"{100 * share:.0f} % of the pixels lie outside the area of applicability of the map of 't'"
    )
    assert "within" not in job.product.model.report


def test_maps_of_classes_have_an_area_too(encoder, places, caplog):
    model = fitted(encoder, places, "classes")
    near = RasterRequest(EUROPE, SavedMap(model), "m").prepare(encoder=encoder)
    far = RasterRequest(PACIFIC, SavedMap(model), "m").prepare(encoder=encoder)
    shares = [job.product.model.report["pixels_outside"] for job in (near, far)]
    assert shares[0] < 0.1 < 0.5 < shares[1]


def test_bands_that_a_saved_map_has_not_are_refused(file):
    model = load_map(file)
    with pytest.raises(InputError, match="'t' is mapped as numbers"):
        SavedMap(model, probabilities=True)
