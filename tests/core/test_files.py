"""Files appear whole or not at all; arrays within them are read with care."""

from __future__ import annotations

import ast
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from satclip_core import files
from satclip_core.errors import OutputError
from satclip_core.files import Target, check_apart, npy_array, npy_bytes, written_whole


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with written_whole(target) as temporary:
        temporary.write_bytes(b"abc")
        temporary.with_suffix(".aux").write_bytes(b"side file")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_it_does_not(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")

    def fail_half_way() -> None:
        with written_whole(target, overwrite=True) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("closed_twice", [False, True])
def test_a_stop_while_the_folder_is_removed_is_a_stop_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException], closed_twice: bool
) -> None:
    """Ctrl-C between two lines of rmtree, which then may close a folder a second time."""
    real, stops = shutil.rmtree, iter([stop])

    def rmtree(path: object, *args: object, **options: object) -> None:
        for kind in stops:
            try:
                raise kind
            finally:
                if closed_twice:
                    os.close(-1)
        real(path, *args, **options)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    with pytest.raises(stop), written_whole(tmp_path / "out.bin") as temporary:
        temporary.write_bytes(b"abc")
    assert os.listdir(tmp_path) == ["out.bin"]


def test_targets_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    for path, message in [
        (tmp_path / "there", "exists"),
        (tmp_path, "is a folder"),
        (tmp_path / "gone" / "out", "does not exist"),
        (Path("/proc/out"), "cannot write|no permission"),
    ]:
        with pytest.raises(OutputError, match=message), written_whole(path) as temporary:
            temporary.write_text("never")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that is no regular one")
def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    """`--report /dev/stdout --overwrite` as root would take the machine's own away."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OutputError, match="is no regular file"):  # noqa: SIM117
            with written_whole(tmp_path / name, overwrite=True):
                pass
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_file_is_the_same_by_any_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"a")
    (tmp_path / "b.tif").symlink_to("a.tif")
    os.link(tmp_path / "a.tif", tmp_path / "c.tif")
    for other in ("a.tif", "b.tif", "c.tif"):
        with pytest.raises(OutputError, match="given twice"):
            check_apart(tmp_path / "a.tif", (None, tmp_path / other))
    with pytest.raises(OutputError, match="given twice"):
        check_apart(tmp_path / "new.tif", (f"{tmp_path}/./new.tif",))
    check_apart(tmp_path / "a.tif", (None, tmp_path / "new.tif", "bundled"))


def no_links(*_: object) -> None:
    raise OSError("a file system without links")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("overwrite", [True, False])
def test_what_came_meanwhile_is_replaced_only_if_that_was_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, overwrite: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "out.bin"

    def write() -> None:
        with written_whole(target, overwrite=overwrite) as temporary:
            temporary.write_bytes(b"ours")
            target.write_bytes(b"theirs")

    if overwrite:
        write()
        assert target.read_bytes() == b"ours"
    else:
        with pytest.raises(OutputError, match=r"out\.bin exists"):
            write()
        assert target.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_has_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with written_whole(tmp_path / "out.bin") as temporary:
        temporary.write_bytes(b"abc")
    assert (tmp_path / "out.bin").stat().st_nlink == 1
    assert (tmp_path / "out.bin").read_bytes() == b"abc"


def test_a_target_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.bin").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"old\.bin exists"):
        Target(tmp_path / "old.bin")
    targets = Target(tmp_path / "new.bin"), Target(tmp_path / "old.bin", overwrite=True)

    def again(*_: object, **__: object) -> None:
        raise AssertionError("looked at again")

    monkeypatch.setattr(files, "check_target", again)
    for target in targets:
        assert Target.of(target) is target
        with written_whole(target) as temporary:
            temporary.write_bytes(b"new")
        assert target.path.read_bytes() == b"new"
        assert os.fspath(target) == str(target.path)


def test_a_link_to_nowhere_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    try:
        target.symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("no symbolic links here")
    with written_whole(target) as temporary:
        temporary.write_bytes(b"abc")
    assert not target.is_symlink()
    assert target.read_bytes() == b"abc"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="<f4").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype="<f8").reshape(3, 2)),
        np.zeros((0, 4), "<f2"),
        np.arange(7, dtype="u1"),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_arrays_are_read_as_numpy_reads_them(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    found = npy_array(stream.getvalue(), [array.dtype.name])
    expected = np.load(io.BytesIO(stream.getvalue()), allow_pickle=False)
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)


def test_threads_that_read_arrays_do_not_ask_python_s_parser(monkeypatch):
    """Of Python 3.11 it fails by chance in several threads at once."""

    def parse(*_):
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr(ast, "literal_eval", parse)
    assert npy_array(npy_bytes(np.arange(3.0)), ["float64"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no numpy array"),
        (b"\x93NUMPY\x01\x00", "no numpy array"),
        (b"\x93NUMPY\x02\x00" + npy_bytes(np.arange(3.0))[8:], "no numpy array"),
        (npy_bytes(np.arange(3.0)).replace(b"(3,)", b"(-3,)"), "no numpy array"),
        (npy_bytes(np.arange(3.0)).replace(b"<f8", b"<q9"), "no numpy array"),
        (npy_bytes(np.arange(3.0)).replace(b"'<f8'", b"[('a', '<f8')]"), "no numpy array"),
        (npy_bytes(np.array(["abc"])), "holds <U3, not one of float64"),
        (npy_bytes(np.arange(3.0))[:-1], r"23 bytes, its shape \(3,\) needs others"),
        (npy_bytes(np.arange(3.0)).replace(b"(3,)", b"(9,)"), "needs others"),
    ],
)
def test_what_is_no_array_is_told(data, said):
    with pytest.raises(ValueError, match=said):
        npy_array(data, ["float64"])
