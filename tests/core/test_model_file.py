"""Model files: round trips, published checkpoints, and files that mean harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder, ModelInfo
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.errors import ModelError, OutputError
from satclip_core.models.model_file import read_model, write_model


@pytest.fixture
def encoder() -> LocationEncoder:
    rng = np.random.default_rng(5)
    weights = {
        "layers.0.weight": rng.normal(0, 0.1, (24, 16)),
        "layers.0.bias": rng.normal(0, 0.1, 24),
        "last_layer.weight": rng.normal(0, 0.1, (8, 24)),
        "last_layer.bias": rng.normal(0, 0.1, 8),
    }
    info = ModelInfo("tést", "CC0", {"data": "none, seeded"}, "# Card\n\nFor tests.")
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(4)), weights, info=info)


PLACES = np.array([[0.0, 0.0], [179.9, -89.9], [-70.2, 45.0]])


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 0), ("float32", 1e-6), ("float16", 1e-2)]
)
def test_a_model_file_keeps_everything(
    encoder: LocationEncoder, tmp_path: Path, dtype: str, tolerance: float
) -> None:
    path = tmp_path / "model.npz"
    write_model(path, encoder, dtype=dtype)
    again = read_model(path)
    assert again.config == encoder.config
    assert again.info == encoder.info
    np.testing.assert_allclose(again.encode(PLACES), encoder.encode(PLACES), atol=tolerance)
    assert np.load(path)["weights/layers.0.weight"].dtype == dtype


def test_equal_models_are_equal_files(encoder: LocationEncoder, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_model(tmp_path / name, encoder)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_writing_refuses_an_existing_file(encoder: LocationEncoder, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write_model(path, encoder)
    assert path.read_text() == "mine"
    write_model(path, encoder, overwrite=True)
    assert read_model(path).dim == 8
    assert os.listdir(tmp_path) == ["model.npz"]


def test_weights_too_large_for_half_precision_are_refused(
    encoder: LocationEncoder, tmp_path: Path
) -> None:
    weights = {**encoder.weights, "last_layer.bias": np.full(8, 1e6)}
    with pytest.raises(ModelError, match=r"last_layer\.bias.*float32"):
        write_model(tmp_path / "m.npz", LocationEncoder(encoder.config, weights), dtype="float16")
    assert not os.listdir(tmp_path)


def test_published_checkpoints_match_the_published_loader(golden: Path) -> None:
    checkpoints = sorted(golden.glob("lightning-*.ckpt"))
    assert checkpoints, f"no lightning-*.ckpt in {golden.name}"
    for path in checkpoints:
        encoder = read_model(path)
        with np.load(path.with_suffix(".npz")) as expected:
            lonlat, embedding = expected["lonlat"], expected["embedding"]
        # The published harmonics lose digits at high L and latitude.
        sound = np.abs(lonlat[:, 1]) <= (45 if encoder.config.settings.legendre_polys > 20 else 90)
        np.testing.assert_allclose(encoder.encode(lonlat)[sound], embedding[sound], atol=1e-5)
        assert encoder.name == path.stem


def test_a_published_checkpoint_converts(golden: Path, tmp_path: Path) -> None:
    for path in golden.glob("lightning-*.ckpt"):
        encoder = read_model(path)
        write_model(tmp_path / f"{path.stem}.npz", encoder)
        again = read_model(tmp_path / f"{path.stem}.npz")
        np.testing.assert_allclose(again.encode(PLACES), encoder.encode(PLACES), atol=1e-5)


# --- Checkpoints by torch itself -----------------------------------------------------------


def hyper_parameters(**changes: Any) -> dict[str, Any]:
    values = {
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "legendre_polys": 4,
        "harmonics_calculation": "analytic",
        "frequency_num": 16,
        "min_radius": 0.01,
        "max_radius": 360,
        "embed_dim": 8,
        "eval_downstream": False,
        "air_temp_data_path": None,
        "some_list": [1, 2.5, "three", (4,)],
    }
    return {**values, **changes}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("prefix", ["model.location.nnet.", "model.nnet.", "nnet."])
def test_checkpoints_by_torch_open(
    encoder: LocationEncoder, tmp_path: Path, dtype: str, prefix: str
) -> None:
    torch = pytest.importorskip("torch")
    state = {
        prefix + key: torch.as_tensor(value.copy()).to(getattr(torch, dtype))
        for key, value in encoder.weights.items()
    }
    # A view that is not contiguous, a parameter, and something else that is ignored.
    first = prefix + "layers.0.weight"
    state[first] = torch.nn.Parameter(state[first].T.contiguous().T)
    state["model.visual.num_batches_tracked"] = torch.tensor(5)
    path = tmp_path / "own.ckpt"
    torch.save(
        {"state_dict": OrderedDict(state), "hyper_parameters": hyper_parameters(), "epoch": 3}, path
    )
    tolerance = {"float64": 1e-7, "float32": 1e-6, "float16": 1e-2, "bfloat16": 5e-2}[dtype]
    again = read_model(path)
    np.testing.assert_allclose(again.encode(PLACES), encoder.encode(PLACES), atol=tolerance)
    assert again.provenance["training_epoch"] == "3"


def test_both_kinds_of_torch_file_say_what_they_are(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "old.ckpt"
    torch.save({"state_dict": {}}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="zip format"):
        read_model(path)


# --- Files that mean harm, and damaged ones ------------------------------------------------


class Runs:
    """Pickles to a call of os.system."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.flag}",)


def checkpoint_file(path: Path, tree: Any, protocol: int = 2, **members: bytes) -> Path:
    return zip_file(path, {"archive/data.pkl": pickle.dumps(tree, protocol), **members})


def zip_file(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, protocol: int) -> None:
    flag = tmp_path / "ran"
    tree = {"state_dict": {"model.nnet.layers.0.weight": Runs(flag)}, "hyper_parameters": {}}
    path = checkpoint_file(tmp_path / "evil.ckpt", tree, protocol)
    with pytest.raises(ModelError, match=r"evil\.ckpt: .*(system|construct)"):
        read_model(path)
    assert not flag.exists()


@pytest.mark.parametrize("value", [slice(1), complex(1, 2), Path("x"), pytest, b"".join])
def test_objects_are_refused_by_name(tmp_path: Path, value: Any) -> None:
    try:
        path = checkpoint_file(tmp_path / "odd.ckpt", {"callbacks": value})
    except TypeError:
        pytest.skip("this Python cannot pickle it")
    with pytest.raises(ModelError, match=r"refers to '[\w.]+'"):
        read_model(path)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([1, 2], "state_dict"),
        ({"state_dict": 5}, "state_dict"),
        ({"state_dict": {}}, "hyper_parameters"),
        ({"state_dict": {}, "hyper_parameters": {}}, "no location encoder"),
        ({"state_dict": {"nnet.weight": 1}, "hyper_parameters": {}}, "le_type"),
        ({"state_dict": {"nnet.weight": 1}, "hyper_parameters": hyper_parameters()}, "no location"),
        (
            {"state_dict": {"nnet.a": 1}, "hyper_parameters": hyper_parameters(pe_type="gnn")},
            "'gnn'",
        ),
        (
            {
                "state_dict": {"nnet.a": 1},
                "hyper_parameters": hyper_parameters(legendre_polys=9**9),
            },
            "387420489",
        ),
        (
            {"state_dict": {"nnet.a": 1}, "hyper_parameters": hyper_parameters(min_radius="x")},
            "min_radius",
        ),
    ],
)
def test_checkpoints_without_an_encoder_say_so(tmp_path: Path, tree: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_model(checkpoint_file(tmp_path / "odd.ckpt", tree))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("value", "refused"), [(0, True), (1, False), (1024, False), (1025, True)])
def test_the_number_of_frequencies_has_bounds(tmp_path: Path, value: int, refused: bool) -> None:
    tree = {
        "state_dict": {"nnet.a": 1},
        "hyper_parameters": hyper_parameters(le_type="grid", frequency_num=value),
    }
    with pytest.raises(ModelError) as caught:  # of the weights, where not of the number
        read_model(checkpoint_file(tmp_path / "odd.ckpt", tree))
    assert (f"frequency_num is {value}, outside 1..1024" in str(caught.value)) is refused


def raw_tensor(shape: str, strides: str, count: int = 4, offset: int = 0) -> bytes:
    """A checkpoint's pickle, in text opcodes, with one tensor whose numbers can be chosen."""
    tensor = (
        "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n"
        f"I{count}\ntQI{offset}\n({shape}t({strides}tI00\nNtR"
    )
    text = "(dV" + "state_dict\n(dVnnet.layers.0.weight\n" + tensor + "ssVhyper_parameters\n(ds."
    return (
        text.encode()
        .replace(b"S'storage'", b"Vstorage")
        .replace(b"S'0'", b"V0")
        .replace(b"S'cpu'", b"Vcpu")
    )


@pytest.mark.parametrize("cut", [0, 1, 10, 1000, 100_000, -1, -30, -3000])
def test_truncated_files_are_refused(encoder: LocationEncoder, tmp_path: Path, cut: int) -> None:
    whole = tmp_path / "whole.npz"
    write_model(whole, encoder)
    path = tmp_path / "cut.npz"
    path.write_bytes(whole.read_bytes()[:cut])
    if cut == 100_000:
        assert read_model(path).dim == 8
        return
    with pytest.raises(ModelError, match=r"cut\.npz"):
        read_model(path)


def test_every_truncation_of_a_checkpoint_is_refused(golden: Path, tmp_path: Path) -> None:
    data = next(golden.glob("lightning-*.ckpt")).read_bytes()
    path = tmp_path / "cut.ckpt"
    for length in np.linspace(0, len(data) - 1, 25).astype(int):
        path.write_bytes(data[:length])
        with pytest.raises(ModelError):
            read_model(path)


def test_damaged_bytes_never_escape_as_other_errors(
    encoder: LocationEncoder, tmp_path: Path
) -> None:
    """Any single damaged byte is either harmless to what is read or a ModelError."""
    whole = tmp_path / "whole.npz"
    write_model(whole, encoder)
    data = bytearray(whole.read_bytes())
    path = tmp_path / "damaged.npz"
    rng = np.random.default_rng(11)
    refused = 0
    for position in rng.integers(0, len(data), 150):
        damaged = bytearray(data)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            assert read_model(path).dim == 8
        except ModelError:
            refused += 1
    assert refused > 100


def test_damaged_pickles_never_escape_as_other_errors(tmp_path: Path) -> None:
    tree = {"state_dict": {"nnet.weight": [1, 2.5]}, "hyper_parameters": hyper_parameters()}
    data = pickle.dumps(tree, 2)
    rng = np.random.default_rng(12)
    for position in rng.integers(0, len(data), 300):
        damaged = bytearray(data)
        damaged[position] = int(rng.integers(0, 256))
        path = zip_file(tmp_path / "damaged.ckpt", {"a/data.pkl": bytes(damaged)})
        with pytest.raises(ModelError):
            read_model(path)


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (raw_tensor("I2\nI2\n", "I2\nI1\n"), "le_type"),
        (raw_tensor("I900\nI2\n", "I2\nI1\n"), "beyond its storage"),
        (raw_tensor("I2\nI2\n", "I2\nI1\n", offset=3), "beyond its storage"),
        (raw_tensor("I2\nI2\n", "I2\nI-1\n"), "beyond its storage"),
        (raw_tensor("I99999\nI99999\n", "I0\nI0\n"), "repeats its storage"),
        (raw_tensor("I2\n", "I1\n", count=999), "999 numbers"),
        (raw_tensor("I2\n", "I1\nI1\n"), "damaged"),
    ],
)
def test_tensors_stay_inside_their_storage(tmp_path: Path, pickled: bytes, message: str) -> None:
    members = {"a/data.pkl": pickled, "a/data/0": np.zeros(4, "<f4").tobytes()}
    with pytest.raises(ModelError, match=message):
        read_model(zip_file(tmp_path / "t.ckpt", members))


def header(**changes: Any) -> bytes:
    values = {
        "format": "satclip-model",
        "version": 1,
        "encoding": "wrap",
        "network": "linear",
        "settings": {},
        "training": {},
    }
    return json.dumps({**values, **changes}).encode()


def npy(array: np.ndarray, announced: tuple[int, ...] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream,
        {"descr": array.dtype.str, "fortran_order": False, "shape": announced or array.shape},
    )
    return stream.getvalue() + array.tobytes()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"model.json": b"{"}, "JSON"),
        ({"model.json": b"[]"}, "format"),
        ({"model.json": header(version=3)}, "upgrade"),
        ({"model.json": header(settings=None)}, "settings"),
        ({"model.json": header(network="rnn")}, "rnn"),
        ({"model.json": header()}, "lack 'weight'"),
        ({"model.json": header(), "weights/weight.npy": b"no"}, "numpy array"),
        ({"model.json": header(), "weights/weight.npy": npy(np.array([None]))}, "object"),
        ({"model.json": header(), "weights/weight.npy": npy(np.zeros((3, 5)))}, "do not fit"),
        (
            {"model.json": header(), "weights/weight.npy": npy(np.zeros(4), (10**6, 10**6))},
            "its shape",
        ),
        ({"model.json": b" " * 2**21}, "1 MB"),
        ({"readme.txt": b"hello"}, r"data\.pkl"),
    ],
)
def test_odd_model_files_are_refused(
    tmp_path: Path, members: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_model(zip_file(tmp_path / "odd.npz", members))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.npz does not exist"):
        read_model(tmp_path / "gone.npz")
    with pytest.raises(ModelError, match="cannot read"):
        read_model(tmp_path)
    (tmp_path / "text.npz").write_text("no model")
    with pytest.raises(ModelError, match="no model file"):
        read_model(tmp_path / "text.npz")
