"""Model files, checkpoints and saved fits that mean harm: nothing is run, written or filled up.

Each is opened by the command line in a process of its own whose memory is limited, in an empty
folder. What must come of it is one line and an exit code, soon, and no file.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import resource
import struct
import time
import zipfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model
from satclip_core.models.registry import load_encoder
from satclip_core.products import ClusterModel, RgbBasis, load_map
from satclip_core.products.mapfile import _hash
from satclip_core.products.property_heads import PropertyHeads

Members = dict[str, bytes]
# What opening a hostile file may take beyond a hundred times its size: most are tiny.
MEMORY, SECONDS = 2**29, 20


def packed(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy(descr: str, shape: str, body: bytes = b"") -> bytes:
    """An array file whose header says what it is told to."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode("latin1")
    header += b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def header(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "format": "satclip-model", "version": 1, "name": "x", "encoding": "wrap",
        "network": "linear", "settings": {}, "training": {},
    }  # fmt: skip
    return json.dumps({**values, **changes}).encode()


def model(weight: bytes = b"", bias: bytes = b"", name: str = "weights/weight.npy", **head: Any):
    return {"model.json": header(**head), name: weight, "weights/bias.npy": bias}


def array(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, version=(1, 0))
    return stream.getvalue()


WEIGHT, BIAS = array(np.ones((3, 4), np.float32)), array(np.zeros(3, np.float32))
FINE = model(WEIGHT, BIAS)


def with_nan(value: float) -> bytes:
    weights = np.ones((3, 4), np.float32)
    weights[1, 2] = value
    return array(weights)


class Runs:
    """Pickles to a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def gadget(function: Any, *arguments: Any) -> bytes:
    tree = {"state_dict": {"nnet.weight": Runs(function, *arguments)}, "hyper_parameters": {}}
    return packed({"a/data.pkl": pickle.dumps(tree, 2)})


def checkpoint(code: bytes, **members: bytes) -> bytes:
    return packed({"a/data.pkl": b"\x80\x02" + code + b".", **members})


def text(words: str) -> bytes:
    return b"X" + struct.pack("<I", len(words)) + words.encode()


def laughing(levels: int = 40) -> bytes:
    """A list of two of a list of two of a list …: 2^levels, were it written down."""
    code = b"]q\x00"
    for level in range(levels):
        again = b"h" + bytes([level])
        code += b"](" + again + again + b"eq" + bytes([level + 1])
    return code


def hyper(values: bytes) -> bytes:
    """A checkpoint with a state dict of one entry and hyper-parameters of our own."""
    return (
        b"}(" + text("state_dict") + b"}(" + text("nnet.weight") + b"K\x01u"
        + text("hyper_parameters") + b"}(" + text("le_type") + text("wrap")
        + text("pe_type") + text("linear") + values + b"uu"
    )  # fmt: skip


def shared_storage(tensors: int, count: int) -> bytes:
    """Many tensors that are all the whole of one storage of zeros."""
    code = b"}(" + text("state_dict") + b"}("
    for index in range(tensors):
        code += text(f"nnet.w{index}")
        code += b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
        code += b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
        code += b"J" + struct.pack("<i", count) + b"tQK\x00"
        code += b"(J" + struct.pack("<i", count) + b"t(K\x01t\x89NtR"
    return code + b"u" + text("hyper_parameters") + b"}u"


def lying(member: str, says: int) -> bytes:
    """A zip whose directory says another size of a member than comes out."""
    data = bytearray(packed({**FINE, member: b"\x00" * 2**20}))
    entry = data.rindex(b"PK\x01\x02" + data[data.index(b"PK\x03\x04") + 4 :][:0])
    while not data[entry + 46 :].startswith(member.encode()):
        entry = data.rindex(b"PK\x01\x02", 0, entry)
    data[entry + 24 : entry + 28] = struct.pack("<I", says)
    return bytes(data)


def overlapping(copies: int) -> bytes:
    """A zip bomb of members that are all the same bytes (Fifield 2019)."""
    one = packed({"weights/weight.npy": b"\x00" * 2**24})
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    entry = one[start:end]
    tail = bytearray(one[end:])
    tail[8:12] = struct.pack("<HH", copies, copies)
    tail[12:16] = struct.pack("<I", len(entry) * copies)
    return one[:start] + entry * copies + bytes(tail)


MODELS: dict[str, tuple[str, Callable[[], bytes]]] = {
    # Pickles that would run something.
    "os.system": ("evil.ckpt", lambda: gadget(__import__("os").system, "touch ran")),
    "eval": ("evil.ckpt", lambda: gadget(eval, "open('ran', 'w')")),
    "exec": ("evil.ckpt", lambda: gadget(exec, "open('ran', 'w')")),
    "open": ("evil.pt", lambda: gadget(open, "ran", "w")),
    "getattr": ("evil.ckpt", lambda: gadget(getattr, "", "join")),
    "numpy": ("evil.ckpt", lambda: gadget(np.save, "ran.npy", np.zeros(1))),
    "subclassed name": ("evil.ckpt", lambda: checkpoint(b"ctorch._utils\nos.system\n")),
    "name made of texts": ("evil.ckpt", lambda: checkpoint(text("os") + text("system") + b"\x93")),
    "name of no text": ("evil.ckpt", lambda: checkpoint(b"]]\x93")),
    "instance": ("evil.ckpt", lambda: checkpoint(b"(ios\nsystem\n")),
    "object": ("evil.ckpt", lambda: checkpoint(b"cos\nsystem\n(oq\x00")),
    "new object": ("evil.ckpt", lambda: checkpoint(b"ccollections\nOrderedDict\n)\x81")),
    "extension code": ("evil.ckpt", lambda: checkpoint(b"\x82\x01")),
    "state": ("evil.ckpt", lambda: checkpoint(b"]}b")),
    "a pickle alone": ("evil.pt", lambda: pickle.dumps(Runs(eval, "1"))),
    "a pickle as an array": ("evil.npz", lambda: packed(model(pickle.dumps(Runs(eval, "1"))))),
    "objects in an array": ("evil.npz", lambda: packed(model(npy("'|O'", "(1,)", b"\x80\x04.")))),
    # Pickles without end.
    "nested lists": ("deep.ckpt", lambda: checkpoint(b"]" * 200_000 + b"a" * 199_999)),
    "nested keys": ("deep.ckpt", lambda: checkpoint(b"})" + b"\x85" * 300_000 + b"K\x01s")),
    "many dicts": ("many.ckpt", lambda: checkpoint(b"}" * 2_200_000)),
    "copied dicts": (
        "many.ckpt",
        lambda: checkpoint(
            b"](" + b"".join(b"]J" + struct.pack("<i", i) + b"aK\x01a" for i in range(100_000))
            + b"eq\x000" + b"ccollections\nOrderedDict\nh\x00\x85R" * 20_000
        ),
    ),
    "laughing parameters": (
        "laugh.ckpt", lambda: checkpoint(hyper(text("frequency_num") + laughing()))
    ),
    "laughing storage": (
        "laugh.ckpt", lambda: checkpoint(b"(" + text("storage") + b"ctorch\nFloatStorage\n"
                                         + laughing() + text("cpu") + b"K\x01tQ"),
    ),
    "one storage, many tensors": (
        "many.ckpt",
        lambda: packed({"a/data.pkl": b"\x80\x02" + shared_storage(2000, 2**20) + b".",
                        "a/data/0": b"\x00" * 2**22}),
    ),
    "a tensor of a million axes": (
        "axes.ckpt",
        lambda: checkpoint(
            b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
            + text("0") + text("cpu") + b"K\x01tQK\x00(" + b"M\xff\xff" * 300_000 + b"t("
            + b"K\x01" * 300_000 + b"t\x89NtR"
        ),
    ),
    "endless line": ("line.ckpt", lambda: checkpoint(b"I" + b"9" * 2**22 + b"\n")),
    # Zips that announce or hold more than they should.
    "zeros": (
        "bomb.npz", lambda: packed(model(npy("'<f2'", "(65536, 1024)", b"\x00" * 2**27), BIAS))
    ),
    "members over each other": ("bomb.npz", lambda: overlapping(2000)),
    "less announced than there is": ("bomb.npz", lambda: lying("weights/a.npy", 100)),
    "more announced than there is": ("bomb.npz", lambda: lying("weights/a.npy", 2**31 - 1)),
    "packed by bzip2": ("b.npz", lambda: packed(FINE, zipfile.ZIP_BZIP2)),
    "packed by LZMA": ("b.npz", lambda: packed(FINE, zipfile.ZIP_LZMA)),
    "a zip in a zip": ("b.npz", lambda: packed({"model.npz": packed(FINE)})),
    # Arrays and headers that lie.
    "absurd shape": ("a.npz", lambda: packed(model(npy("'<f4'", "(10**9, 10**9)"), BIAS))),
    "absurd numbers": (
        "a.npz", lambda: packed(model(npy("'<f4'", "(1000000000, 1000000000)"), BIAS))
    ),
    "empty but wide": ("a.npz", lambda: packed(model(npy("'<f4'", "(0, 10000000000000)"), BIAS))),
    "negative shape": ("a.npz", lambda: packed(model(npy("'<f4'", "(-3, -4)", b"\0" * 48), BIAS))),
    "shape of texts": ("a.npz", lambda: packed(model(npy("'<f4'", "('a',)"), BIAS))),
    "huge items": ("a.npz", lambda: packed(model(npy("'|V1000000000'", "(3, 4)"), BIAS))),
    "a call in the header": (
        "a.npz", lambda: packed(model(npy("__import__('os').system('touch ran')", "(1,)"), BIAS))
    ),
    "nested header": ("a.npz", lambda: packed(model(npy("'<f4'", "(" * 4000), BIAS))),
    "signs in the header": ("a.npz", lambda: packed(model(npy("'<f4'", "-" * 8000 + "1"), BIAS))),
    "nested JSON": ("a.npz", lambda: packed({**FINE, "model.json": b"[" * 500_000})),
    "a number without end": (
        "a.npz", lambda: packed({**FINE, "model.json": b'{"format": ' + b"9" * 100_000 + b"}"})
    ),
    "JSON of no UTF-8": ("a.npz", lambda: packed({**FINE, "model.json": b'{"\xff": 1}'})),
    "the name of a modality climbs": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, modalities={
            "encoders": {"../../up": {"kind": "features", "width": 1}}, "scales": []})),
    ),
    "facts of a modality": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, modalities={
            "encoders": {"a": {"kind": "features", "tower": [1], "width": 10**12}}, "scales": []})),
    ),
    "a package that is wanted": (
        "a.npz", lambda: packed(model(WEIGHT, BIAS, encoding="os", requires={"encoding": "evil"}))
    ),
    "L of a million": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, encoding="sphericalharmonics",
                             settings={"legendre_polys": 10**6})),
    ),
    "L of a text": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, encoding="sphericalharmonics",
                             settings={"legendre_polys": "9" * 100_000})),
    ),
    "field without end": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, version=2, encoding="two-part",
                             smooth={"encoding": "wrap", "network": "linear"},
                             levels=[[10**9, 10**9]])),
    ),
    "field of nothing": (
        "a.npz",
        lambda: packed(model(WEIGHT, BIAS, version=2, encoding="two-part",
                             smooth={"encoding": "wrap", "network": "linear"},
                             levels=[[0, -1]])),
    ),
    "a name that steers": ("a.npz", lambda: packed(model(WEIGHT, BIAS, name_="", ))),
    # Numbers that are none.
    "NaN": ("n.npz", lambda: packed(model(with_nan(np.nan), BIAS))),
    "infinity": ("n.npz", lambda: packed(model(with_nan(-np.inf), BIAS))),
}  # fmt: skip
MODELS["a name that steers"] = (
    "a.npz", lambda: packed({**FINE, "model.json": header(name="a\x1b[2J\x1b]0;b\x07")})
)  # fmt: skip
MODELS["a name of two lines"] = (
    "a.npz", lambda: packed({**FINE, "model.json": header(name="fine\nError: not at all")})
)  # fmt: skip
MODELS["a card that no file can hold"] = (
    "a.npz", lambda: packed({**FINE, "model.json": header(card="\ud800")})
)  # fmt: skip


@pytest.fixture
def one_line(commands: Any, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must refuse: one line, little memory, soon, no file; gives the line."""

    def refused(*words: str, code: int = 1) -> str:
        before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
        start = time.monotonic()
        result = commands.run([*words], cwd=tmp_path, timeout=120, memory=MEMORY)
        assert time.monotonic() - start < SECONDS
        assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == before
        lines = result.stderr.splitlines()
        assert (result.returncode, result.stdout, len(lines)) == (code, "", 1), result
        assert lines[0].startswith("Error: ")
        assert "internal error" not in lines[0]
        assert "not enough memory" not in lines[0]
        assert lines[0].isprintable()
        assert len(lines[0]) < 4200
        return lines[0]

    return refused


@pytest.mark.parametrize("kind", MODELS)
def test_a_hostile_model_is_one_line(one_line, tmp_path, kind):
    name, content = MODELS[kind]
    (tmp_path / name).write_bytes(content())
    assert name in one_line("models", "info", name)


def test_what_the_cases_are_made_of_is_a_model(tmp_path):
    (tmp_path / "fine.npz").write_bytes(packed(FINE))
    assert read_model(tmp_path / "fine.npz").dim == 3


@pytest.mark.parametrize("command", ["raster", "points", "models convert"])
def test_every_command_refuses_it_alike(one_line, tmp_path, command):
    (tmp_path / "evil.ckpt").write_bytes(MODELS["os.system"][1]())
    (tmp_path / "p.csv").write_text("lon,lat\n1,2\n")
    words = {
        "raster": ["--bbox", "0", "0", "1", "1", "--res", "0.5", "-o", "o.tif"],
        "points": ["p.csv", "-o", "o.csv"],
        "models convert": [],
    }[command]
    how = ["evil.ckpt", "o.npz"] if command == "models convert" else ["--model", "evil.ckpt"]
    assert "system" in one_line(*command.split(), *words, *how)


@pytest.mark.parametrize("names", [["../up"], ["/etc/satclip-evil"], ["a/../../b"], ["c\\..\\d"]])
def test_names_that_climb_are_read_by_nobody(tmp_path, names):
    members = {**FINE, **{f"{name}.npy": WEIGHT for name in names}}
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "climbs.npz"
    file.write_bytes(packed(members))
    assert read_model(file).dim == 3
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["climbs.npz", "in"]
    assert not Path("/etc/satclip-evil.npy").exists()


def test_a_pipe_and_a_device_are_no_model(tmp_path, one_line):
    __import__("os").mkfifo(tmp_path / "pipe.npz")
    assert "no regular file" in one_line("models", "info", "pipe.npz")
    assert "no regular file" in one_line("models", "info", "/dev/zero")


def test_a_sparse_file_of_a_terabyte_is_no_model(tmp_path, one_line):
    with open(tmp_path / "huge.npz", "wb") as file:
        file.write(b"PL")
        file.truncate(2**40)
    assert "no model file" in one_line("models", "info", "huge.npz")


def test_weights_so_large_that_they_overflow_say_so(tmp_path, one_line):
    content = model(array(np.full((3, 4), 1e300)), BIAS)
    (tmp_path / "large.npz").write_bytes(packed(content))
    words = ["--bbox", "0", "0", "1", "1", "--res", "0.5", "-o", "o.tif", "--model", "large.npz"]
    assert "too large" in one_line("raster", *words)


# --- What was fitted and saved --------------------------------------------------------------


def fitted(format: str, **content: Any) -> bytes:
    head = {"format": format, "version": 1, "model": "m", "weights_sha256": "0" * 64}
    return json.dumps({**head, **content}).encode()


BASIS = {"mean": [0.0], "components": [[0.0]] * 3, "low": [0.0] * 3, "high": [1.0] * 3,
         "explained": [0.3] * 3}  # fmt: skip
FITS: dict[str, tuple[Any, Callable[[], bytes]]] = {
    "clusters beyond floats": (
        ClusterModel, lambda: fitted("satclip-clusters", centres=[[10**400], [1]], shares=[1, 1])
    ),
    "clusters of NaN": (
        ClusterModel, lambda: fitted("satclip-clusters", centres=[[float("nan")], [1]],
                                     shares=[1, 1])
    ),
    "clusters of texts": (
        ClusterModel, lambda: fitted("satclip-clusters", centres=[["a"], ["b"]], shares=[1, 1])
    ),
    "clusters of lists in lists": (
        ClusterModel, lambda: fitted("satclip-clusters", centres=[[[[1]]], [[[2]]]], shares=[1, 1])
    ),
    "ragged clusters": (
        ClusterModel, lambda: fitted("satclip-clusters", centres=[[1], [1, 2]], shares=[1, 1])
    ),
    "nested clusters": (ClusterModel, lambda: b"[" * 2**20),
    "clusters of 100 MB": (ClusterModel, lambda: b"[" + b"0," * (50 * 2**20) + b"0]"),
    "clusters of no text": (ClusterModel, lambda: b"\xff\xfe\x00"),
    "a basis beyond floats": (
        RgbBasis, lambda: fitted("satclip-rgb-basis", **{**BASIS, "mean": [10**400]})
    ),
    "a basis of infinity": (
        RgbBasis, lambda: fitted("satclip-rgb-basis", **{**BASIS, "low": [float("inf")] * 3})
    ),
    "a basis of nothing": (RgbBasis, lambda: fitted("satclip-rgb-basis")),
    "a pickle as a basis": (RgbBasis, lambda: pickle.dumps(Runs(eval, "1"))),
    "a pickle as clusters": (ClusterModel, lambda: pickle.dumps(Runs(eval, "1"))),
    "a pickle as a map": (load_map, lambda: pickle.dumps(Runs(eval, "1"))),
    "a map that is a bomb": (
        load_map, lambda: packed({"map.json": b"{}", "arrays/0.npy": b"\x00" * 2**27})
    ),
    "a map of nested lists": (load_map, lambda: packed({"map.json": b"[" * 2**20})),
    "a map packed by LZMA": (load_map, lambda: packed({"map.json": b"{}"}, zipfile.ZIP_LZMA)),
    "heads that are a bomb": (
        PropertyHeads.load, lambda: packed({"properties.json": b"\x20" * 2**27})
    ),
    "heads of objects": (
        PropertyHeads.load,
        lambda: packed({
            "properties.json": json.dumps({"format": "satclip-properties", "version": 1,
                                           "properties": []}).encode(),
            "mean.npy": npy("'|O'", "(1,)", b"\x80\x04."), "deviation.npy": BIAS}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FITS)
def test_a_hostile_fit_is_one_line(tmp_path, kind):
    opened, content = FITS[kind]
    file = tmp_path / "fit"
    file.write_bytes(content())
    with pytest.raises(InputError, match="fit") as caught:
        getattr(opened, "load", opened)(file)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["fit"]


def map_file(small_model: Path, folder: Path, commands: Any) -> Path:
    """A saved map of the small model, as the command writes it."""
    rng = np.random.default_rng(3)
    places = rng.uniform((5, 45), (11, 48), (40, 2))
    rows = "".join(f"{lon:.3f},{lat:.3f},{lat - 45:.2f}\n" for lon, lat in places)
    (folder / "s.csv").write_text("lon,lat,t\n" + rows)
    words = ["map", "s.csv", "--column", "t", "--bbox", "5", "45", "11", "48", "--res", "1",
             "--method", "linear", "-o", "m.tif", "--save-model", "map.npz"]  # fmt: skip
    result = commands.run([*words, "--model", str(small_model)], cwd=folder)
    assert result.returncode == 0, result.stderr
    for name in ("s.csv", "m.tif"):
        (folder / name).unlink()
    return folder / "map.npz"


def forged(file: Path, change: Callable[[dict[str, Any], Members], None]) -> None:
    """Change a saved map and make its hash right again, as whoever means harm does."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(members.pop("map.json"))
    change(head["map"]["fields"], members)
    head["content_sha256"] = _hash(head["map"], members)
    file.write_bytes(packed({"map.json": json.dumps(head).encode(), **members}))


def test_maps_whose_parts_do_not_go_together_are_one_line(
    tmp_path, small_model, commands, one_line
):
    file = map_file(small_model, tmp_path, commands)
    whole = file.read_bytes()

    def set_to(*path: str, value: Any) -> Callable[[dict[str, Any], Members], None]:
        def change(fields: dict[str, Any], members: Members) -> None:
            for name in path[:-1]:
                fields = fields[name]["fields"]
            fields[path[-1]] = value

        return change

    def shrunk(fields: dict[str, Any], members: Members) -> None:
        for name in members:
            members[name] = array(np.zeros(3))

    changes = [
        set_to("learnt", value="text"),
        set_to("learnt", value=None),
        set_to("learnt", "predictor", value=5),
        set_to("learnt", "predictor", value={"kind": "Stack", "fields": {
            "weights": {"dict": {"a": 1.0}}, "members": {"dict": {"a": [1]}}}}),
        set_to("learnt", "scale", value="1"),
        set_to("learnt", "transform", value="exec"),
        set_to("report", value=[]),
        set_to("report", value={"dict": {}}),
        shrunk,
    ]  # fmt: skip
    for change in changes:
        file.write_bytes(whole)
        forged(file, change)
        words = "map --model-file map.npz --uncertainty --bbox 5 45 6 46 --res 0.5 -o o.tif --model"
        line = one_line(*words.split(), str(small_model))
        assert "map" in line


def test_a_cache_that_was_cut_off_is_told_with_what_mends_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path))
    from satclip_core.models.published import PUBLISHED

    published = next(iter(PUBLISHED.values()))
    published.path.parent.mkdir(parents=True, exist_ok=True)
    published.path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match=r"is not the file that was fetched.*force"):
        load_encoder(published.name)


def test_the_limit_on_memory_holds(commands, tmp_path):
    """The tests above mean something: a process that wants more does not get it."""
    assert hashlib.sha256(b"").hexdigest()  # warm
    result = commands.run(["models", "info", "bundled"], cwd=tmp_path, memory=2**22)
    assert result.returncode != 0
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 2**22
