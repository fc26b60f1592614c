"""Encoders of other modalities: their input, their output, model files with and without them."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from satclip_core import load_encoder
from satclip_core.encoder import COORDINATES, EncoderConfig, LocationEncoder, Modalities
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.modal import (
    ChipEncoder,
    FeatureEncoder,
    ModalEncoder,
    PictureEncoder,
    TextEncoder,
    ValueEncoder,
    words_of,
)
from satclip_core.encoder.towers import TOWERS, InputShape, run_tower
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model, write_model

DIM, PIXELS = 8, 6
WORDS = ("coast", "cote", "forest", "mountains")


def weights(tower: str, shape: InputShape, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = TOWERS[tower]
    made = {
        parameter.name: rng.normal(0, 0.3, parameter.shape)
        for parameter in kind.parameters(shape, DIM, kind.settings())
    }
    measured = {"offset": rng.normal(0, 1, shape.bands), "spread": rng.uniform(1, 2, shape.bands)}
    return {**made, **measured}


def chips(**facts: object) -> ChipEncoder:
    shape = InputShape(PIXELS**2 * 2, PIXELS)
    given: dict[str, object] = {"bands": ("red", "green"), "pixels": PIXELS, "kilometres": 12.0}
    return ChipEncoder(
        "image", "convolution", weights("convolution", shape), shape.width, **{**given, **facts}
    )


def text() -> TextEncoder:
    shape = InputShape(len(WORDS))
    return TextEncoder("words", "bag", weights("bag", shape), shape.width, vocabulary=WORDS)


def each_kind() -> list[ModalEncoder]:
    picture, values = InputShape(PIXELS**2 * 3, PIXELS), InputShape(3)
    layers = weights("layers", values)
    return [
        chips(least_value=0.5, nodata=0.0, scaling="log"),
        text(),
        ValueEncoder("climate", "layers", layers, 3, names=("a", "b", "c")),
        FeatureEncoder("season", "layers", layers, 3, "features"),
        PictureEncoder("street", "convolution", weights("convolution", picture), picture.width,
                       pixels=PIXELS),
    ]  # fmt: skip


def location(dim: int = DIM) -> LocationEncoder:
    rng = np.random.default_rng(5)
    made = {
        "layers.0.weight": rng.normal(0, 0.1, (24, 16)),
        "layers.0.bias": rng.normal(0, 0.1, 24),
        "last_layer.weight": rng.normal(0, 0.1, (dim, 24)),
        "last_layer.bias": rng.normal(0, 0.1, dim),
    }
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(4)), made)


def with_modalities() -> LocationEncoder:
    encoder = location()
    scales = {(COORDINATES, "image"): 14.5, ("words", "image"): 20.0}
    encoder.modalities = Modalities(each_kind(), scales)
    return encoder


@pytest.mark.parametrize("encoder", each_kind(), ids=lambda encoder: encoder.kind)
def test_rows_come_out_with_norm_one_and_missing_ones_as_nan(encoder: ModalEncoder) -> None:
    rows = np.random.default_rng(1).uniform(0, 3, (1030, encoder.width))
    rows[[4, 700], 1] = np.nan
    embedded = encoder.embed(rows)
    assert embedded.shape == (1030, DIM)
    assert embedded.dtype == np.float32
    missing = np.isnan(embedded).any(1)
    assert np.flatnonzero(missing).tolist() == [4, 700]
    np.testing.assert_allclose(np.linalg.norm(embedded[~missing], axis=1), 1, atol=1e-6)
    # A row does not depend on the others.
    np.testing.assert_allclose(encoder.embed(rows[699:702])[0], embedded[699], atol=1e-6)
    with pytest.raises(InputError, match=rf"{encoder.name}.*give \(N, {encoder.width}\)"):
        encoder.embed(rows[:, 1:])


def test_a_convolution_is_the_sum_over_nine_neighbours() -> None:
    """Against plain loops, edges repeated, every second pixel."""
    shape = InputShape(5 * 5 * 2, 5)
    made = weights("convolution", shape)
    made = {key: value for key, value in made.items() if not key.startswith("convolutions.1")}
    made = {key: value for key, value in made.items() if not key.startswith("convolutions.2")}
    rng = np.random.default_rng(3)
    outputs = len(made["convolutions.0.bias"])
    made["hidden.0.weight"] = rng.normal(size=(7, outputs))
    made["hidden.0.bias"], made["last.weight"] = rng.normal(size=7), rng.normal(size=(DIM, 7))
    image = rng.normal(size=(5, 5, 2))
    scaled = (image - made["offset"]) / made["spread"]
    kernel = made["convolutions.0.weight"].reshape(outputs, 3, 3, 2)
    maps = np.zeros((3, 3, outputs))
    for row in range(3):
        for col in range(3):
            total = made["convolutions.0.bias"].copy()
            for i in range(3):
                for j in range(3):
                    y, x = min(max(2 * row + i - 1, 0), 4), min(max(2 * col + j - 1, 0), 4)
                    total += kernel[:, i, j] @ scaled[y, x]
            maps[row, col] = np.maximum(total, 0)
    hidden = np.maximum(made["hidden.0.weight"] @ maps.mean((0, 1)) + made["hidden.0.bias"], 0)
    wanted = made["last.weight"] @ hidden + made["last.bias"]
    got = run_tower("convolution", image.reshape(1, -1), made, shape)
    np.testing.assert_allclose(got[0], wanted, atol=1e-10)


def test_pooled_numbers_are_mean_deviation_and_step() -> None:
    shape = InputShape(3 * 3, 3)
    made = weights("pooled", shape)
    image = np.random.default_rng(2).normal(size=(3, 3))
    scaled = (image - made["offset"]) / made["spread"]
    steps = np.abs(np.diff(scaled, axis=0)).mean() + np.abs(np.diff(scaled, axis=1)).mean()
    numbers = np.array([scaled.mean(), np.sqrt(scaled.var() + 1e-6), steps])
    hidden = np.maximum(made["hidden.0.weight"] @ numbers + made["hidden.0.bias"], 0)
    wanted = made["last.weight"] @ hidden + made["last.bias"]
    got = run_tower("pooled", image.reshape(1, -1), made, shape)
    np.testing.assert_allclose(got[0], wanted, atol=1e-10)


@pytest.mark.parametrize(
    ("tower", "shape"),
    [
        ("convolution", InputShape(7 * 7 * 2, 7)),
        ("pooled", InputShape(4 * 4 * 3, 4)),
        ("layers", InputShape(5)),
        ("bag", InputShape(9)),
    ],
)
@pytest.mark.parametrize("count", [0, 5])
def test_torch_says_the_same(tower: str, shape: InputShape, count: int) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    made = weights(tower, shape)
    rows = np.random.default_rng(4).integers(0, 4, (count, shape.width)).astype(float)
    tensors = {key: torch.from_numpy(value) for key, value in made.items()}
    for log in (False, True):
        wanted = run_tower(tower, rows, made, shape, log=log)
        got = run_tower(tower, torch.from_numpy(rows), tensors, shape, torch, log=log)
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-10)


def test_logarithms_are_taken_before_standardising() -> None:
    shape = InputShape(3)
    made = weights("layers", shape)
    rows = np.array([[-10.0, 0, 100]])
    logarithms = np.array([[-np.log(11), 0, np.log(101)]])
    np.testing.assert_allclose(
        run_tower("layers", rows, made, shape, log=True),
        run_tower("layers", logarithms, made, shape),
    )


def test_chips_are_filled_and_missing_ones_are_nan() -> None:
    encoder = chips(least_valid=0.6, least_value=2.0)
    images = np.random.default_rng(0).uniform(0, 3, (4, PIXELS, PIXELS, 2))
    images[0, 0, 0] = 3
    images[1] *= 0.5  # dark
    images[2, :3] = np.nan  # half of it is not there
    images[3, 0, :2, 0] = np.nan
    images[3, 5, 5] = 2.5
    filled = images[3].copy()
    known = np.isfinite(filled).all(-1)
    filled[~known] = filled[known].mean(0)
    embedded = encoder.encode(images)
    assert np.isnan(embedded).all(1).tolist() == [False, True, True, False]
    np.testing.assert_allclose(embedded[3], encoder.embed(filled.reshape(1, -1))[0], atol=1e-6)
    with pytest.raises(InputError, match=r"give \(N, 6, 6, 2\), 2 km a pixel, bands red, green"):
        encoder.encode(images[:, 1:])
    with pytest.raises(InputError, match=r"give \(N, 6, 6, 3\)"):
        each_kind()[-1].encode(images)


def test_texts_are_bags_of_known_words() -> None:
    encoder = text()
    assert words_of("Rice fields near the Côte d'Ivoire's COAST") == (
        "rice", "fields", "cote", "ivoire", "coast",
    )  # fmt: skip
    first, second = encoder.encode(["forests near a Coast", "coast, forest and rice"])
    np.testing.assert_array_equal(first, second)
    counts = np.array([[1, 0, 1, 0]])
    np.testing.assert_allclose(encoder.embed(counts)[0], first, atol=1e-6)
    assert encoder.unknown("rice at the coasts of a mountain or côte, farms") == ("rice", "farms")
    with pytest.raises(InputError, match=r"no word of 'rice of the farms' is known.*coast"):
        encoder.encode(["coast", "rice of the farms"])


def test_scales_belong_to_pairs_in_either_order() -> None:
    modalities = with_modalities().modalities
    assert modalities.scale("image", COORDINATES) == modalities.scale(COORDINATES, "image") == 14.5
    assert modalities.scale("image", "words") == 20
    with pytest.raises(InputError, match="'words' and 'climate' were not contrasted"):
        modalities.scale("words", "climate")


def test_a_model_file_keeps_modalities(tmp_path: Path) -> None:
    encoder, path = with_modalities(), tmp_path / "model.npz"
    write_model(path, encoder)
    again = load_encoder(str(path))
    assert list(again.modalities) == list(encoder.modalities)
    assert again.modalities.scales == encoder.modalities.scales
    rng = np.random.default_rng(0)
    for name, one in encoder.modalities.items():
        assert type(again.modalities[name]) is type(one)
        assert again.modalities[name].facts() == one.facts()
        rows = rng.uniform(0, 3, (5, one.width))
        np.testing.assert_array_equal(again.modalities[name].embed(rows), one.embed(rows))
    write_model(tmp_path / "again.npz", again)
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    moved = pickle.loads(pickle.dumps(again.modalities["words"]))
    np.testing.assert_array_equal(
        moved.encode(["coast"]), encoder.modalities["words"].encode(["coast"])
    )


def test_half_precision_leaves_what_is_measured_alone(tmp_path: Path) -> None:
    encoder = with_modalities()
    write_model(tmp_path / "half.npz", encoder, dtype="float16")
    again = read_model(tmp_path / "half.npz").modalities["image"]
    measured, before = again.weights["offset"], encoder.modalities["image"].weights["offset"]
    np.testing.assert_array_equal(measured, before)
    assert (again.weights["last.weight"] == again.weights["last.weight"].astype(np.float16)).all()


def test_readers_that_know_no_modalities_open_the_encoder(tmp_path: Path) -> None:
    """They read version 1, `weights/` and the keys that they know: that is all that they find."""
    path, plain = tmp_path / "model.npz", tmp_path / "plain.npz"
    write_model(path, with_modalities())
    write_model(plain, location())
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(plain) as wanted:
        header, known = (json.loads(z.read("model.json")) for z in (archive, wanted))
        assert {key: header[key] for key in known} == known
        shared = [name for name in archive.namelist() if name.startswith("weights/")]
        assert shared == [name for name in wanted.namelist() if name.startswith("weights/")]
        assert all(archive.read(name) == wanted.read(name) for name in shared)
    assert dict(read_model(plain).modalities) == {}


def changed(path: Path, out: Path, change: object) -> Path:
    """A copy of a model file whose described modalities were changed."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "model.json":
                header = json.loads(data)
                change(header["modalities"])  # type: ignore[operator]
                data = json.dumps(header).encode()
            copy.writestr(name, data)
    return out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("scales"), "does not say its modalities and the scales"),
        (lambda m: m["scales"].append(["image", 3]), "does not say its modalities"),
        (lambda m: m["encoders"]["image"].update(kind="radar"), "kind 'radar'"),
        (lambda m: m["encoders"]["image"].update(tower="spire"), "unknown tower 'spire'"),
        (lambda m: m["encoders"]["image"].update(pixels=5), "'image' do not fit its tower"),
        (lambda m: m["encoders"]["words"].pop("width"), "'words' is not described fully"),
        (lambda m: m["encoders"].update(more=m["encoders"]["words"]), "'more' do not fit"),
    ],
)
def test_a_damaged_description_is_one_line(tmp_path: Path, change: object, message: str) -> None:
    write_model(tmp_path / "model.npz", with_modalities())
    broken = changed(tmp_path / "model.npz", tmp_path / "broken.npz", change)
    with pytest.raises(ModelError, match=message) as caught:
        read_model(broken)
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_and_other_spaces_are_refused(tmp_path: Path) -> None:
    bad = dict(chips().weights)
    bad["last.bias"] = np.full(DIM, np.nan)
    with pytest.raises(ModelError, match=r"'last\.bias' hold values that are no numbers"):
        replace(chips(), weights=bad)
    encoder = location(dim=5)
    encoder.modalities = Modalities([text()])
    write_model(tmp_path / "model.npz", encoder)
    with pytest.raises(ModelError, match="'words' has 8 dimensions, its location encoder 5"):
        read_model(tmp_path / "model.npz")
