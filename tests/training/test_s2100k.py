"""S2-100K from a hub on a local socket: shards, resuming, safe unpacking; checking a folder."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import Hub, Server, hub_handler
from patch_world import write_patch, write_patches

from satclip_core.errors import CancelledError, DownloadError, InputError, OutputError
from satclip_core.models.download import Policy
from satclip_training.images import s2100k
from satclip_training.images.patches import read_patch_folder
from satclip_training.images.s2100k import (
    Report,
    check_folder,
    fetch_s2100k,
    report_json,
    report_lines,
    unpack,
)

PATIENCE = Policy(attempts=2, backoff=0.01)
COUNT = 10


def tar_of(files: dict[str, bytes], path: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(path + name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patches(tmp_path_factory.mktemp("upstream") / "s2", COUNT)


@pytest.fixture(scope="module")
def files(source: Path) -> dict[str, bytes]:
    """What the hub holds: an index and shards of four patches."""
    patches = [(source / "images" / f"patch_{k}.tif").read_bytes() for k in range(COUNT)]
    shards = {
        f"shard-{start // 4:05d}.tar": tar_of(
            {f"patch_{k}.tif": patches[k] for k in range(start, min(start + 4, COUNT))}
        )
        for start in range(0, COUNT, 4)
    }
    return {"index.csv": (source / "index.csv").read_bytes(), **shards}


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(s2100k, "SHARD_PATCHES", 4)
    made = Hub(files=dict(files))
    with Server(hub_handler(made)) as server:
        made.url = server.url
        monkeypatch.setenv("SATCLIP_HUB_URL", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield made


def fetch(folder: Path, **options: object) -> int:
    return fetch_s2100k(folder, revision="main", policy=PATIENCE, **options)  # type: ignore[arg-type]


def same(folder: Path, source: Path, count: int = COUNT) -> bool:
    names = sorted(path.name for path in (folder / "images").iterdir())
    assert names == sorted(f"patch_{k}.tif" for k in range(count))
    return all(
        (folder / "images" / name).read_bytes() == (source / "images" / name).read_bytes()
        for name in names
    )


def test_all_of_it_comes_and_nothing_is_left_over(hub: Hub, source: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = tmp_path / "s2"
    assert fetch(folder, progress=lambda *report: seen.append(report)) == COUNT
    assert same(folder, source)
    assert (folder / "index.csv").read_bytes() == (source / "index.csv").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["images", "index.csv"]
    assert seen == sorted(seen)
    assert seen[-1] == (COUNT, COUNT)
    asked = [request.path for request in hub.asked("/datasets")]
    assert asked[0] == "/datasets/kklmmr/s2-100k/resolve/main/index.csv"
    assert asked[1] == "/datasets/kklmmr/s2-100k/resolve/main/data/shard-00000.tar"
    assert check_folder(folder).whole
    assert len(read_patch_folder(folder).files) == COUNT


def test_a_few_come_first_and_more_later(hub: Hub, source: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path, limit=3) == 3
    assert same(tmp_path, source, 3)
    assert len(read_patch_folder(tmp_path).files) == 3
    assert not hub.asked("/cdn/shard-00001")
    before = (tmp_path / "images" / "patch_0.tif").stat().st_mtime_ns
    assert fetch(tmp_path) == COUNT
    assert same(tmp_path, source)
    assert (tmp_path / "images" / "patch_0.tif").stat().st_mtime_ns == before


def test_a_broken_connection_goes_on_and_a_finished_shard_is_not_asked_for_again(
    hub: Hub, source: Path, tmp_path: Path
) -> None:
    hub.faults = ["", "", "cut:30000", "500", "500"]  # index, shard 0, shard 1
    with pytest.raises(DownloadError, match="what has arrived is kept"):
        fetch(tmp_path)
    assert not (tmp_path / "index.csv").exists()
    hub.log.clear()
    assert fetch(tmp_path) == COUNT
    assert same(tmp_path, source)
    assert not hub.asked("/cdn/shard-00000")
    assert not hub.asked("/cdn/index")
    assert hub.asked("/cdn/shard-00001")[0].headers["Range"] == "bytes=30000-"


def test_a_stop_while_unpacking_goes_on(
    hub: Hub, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpacked() -> int:
        return len(list(tmp_path.glob("images/*.tif")))

    with pytest.raises(CancelledError):
        fetch(tmp_path, cancelled=lambda: unpacked() == 2)
    assert unpacked() == 2
    hub.log.clear()
    assert fetch(tmp_path) == COUNT
    assert same(tmp_path, source)
    assert not hub.asked("/cdn/shard-00000")  # it had come, only its unpacking goes on


def test_the_pinned_index_is_checked(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"index\.csv.*not the file expected \(SHA-256"):
        fetch_s2100k(tmp_path, policy=PATIENCE)


def test_patches_that_did_not_come_are_named(hub: Hub, tmp_path: Path) -> None:
    hub.files["shard-00001.tar"] = tar_of({"patch_4.tif": b"x" * 20_000})
    with pytest.raises(
        DownloadError, match=r"3 of 10 patches were not in the shards.*patch_5\.tif"
    ):
        fetch(tmp_path)


def test_a_shard_that_is_not_there_is_named(hub: Hub, tmp_path: Path) -> None:
    del hub.files["shard-00002.tar"]
    with pytest.raises(DownloadError, match=r"shard-00002\.tar answered 404.*--revision main"):
        fetch(tmp_path)


def test_an_index_with_other_names_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["index.csv"] = b"fn,lon,lat\n../../evil.tif,1,2\n"
    with pytest.raises(DownloadError, match=r"names '\.\./\.\./evil\.tif', which is no patch_N"):
        fetch(tmp_path)


def test_without_a_connection_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCLIP_HUB_URL", "http://127.0.0.1:9")
    said = r"cannot reach 127\.0\.0\.1:9 .*by hand and save it as .*index\.csv"
    with pytest.raises(DownloadError, match=said):
        fetch(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        fetch(tmp_path / "file")


class TestUnpacking:
    """A tar file is data from elsewhere: it gets no say in where anything goes."""

    def unpacked(self, tmp_path: Path, body: bytes, names: set[str]) -> list[str]:
        (tmp_path / "inner" / "images").mkdir(parents=True)
        (tmp_path / "a.tar").write_bytes(body)
        unpack(tmp_path / "a.tar", tmp_path / "inner" / "images", names)
        return sorted(
            str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
        )

    @pytest.mark.parametrize("path", ["../../", "/tmp/", "images/", "./"])
    def test_paths_are_ignored(self, tmp_path: Path, path: str) -> None:
        body = tar_of({"patch_7.tif": b"seven", "other.sh": b"no"}, path)
        found = self.unpacked(tmp_path, body, {"patch_7.tif", "other.sh"})
        assert found == ["a.tar", "inner/images/patch_7.tif"]

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
    def test_links_and_devices_are_refused(self, tmp_path: Path, kind: bytes) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            member = tarfile.TarInfo("patch_7.tif")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        with pytest.raises(DownloadError, match=r"patch_7\.tif is no plain file"):
            self.unpacked(tmp_path, buffer.getvalue(), {"patch_7.tif"})
        assert not list((tmp_path / "inner" / "images").iterdir())

    def test_a_tar_cut_short_leaves_whole_patches_only(self, tmp_path: Path) -> None:
        body = tar_of({"patch_1.tif": b"1" * 5000, "patch_2.tif": b"2" * 5000})
        with pytest.raises(DownloadError, match="not a whole tar file"):
            self.unpacked(tmp_path, body[:8000], {"patch_1.tif", "patch_2.tif"})
        assert [p.name for p in (tmp_path / "inner" / "images").iterdir()] == ["patch_1.tif"]
        assert not (tmp_path / "a.tar").exists()

    def test_what_is_no_tar_file_is_thrown_away(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadError, match="not a whole tar file"):
            self.unpacked(tmp_path, b"<html>log in</html>" * 100, {"patch_1.tif"})


@pytest.fixture
def ailing(tmp_path: Path) -> Path:
    """Ten patches: one missing, two without data, one damaged, one of five bands."""
    folder = write_patches(tmp_path / "s2", COUNT)
    images = folder / "images"
    (images / "patch_1.tif").unlink()
    for number in (2, 3):
        (images / f"patch_{number}.tif").write_bytes(b"0" * 500)
    (images / "patch_4.tif").write_bytes((images / "patch_4.tif").read_bytes()[:12_000])
    import numpy as np

    write_patch(images / "patch_5.tif", np.ones((5, 40, 40), np.uint16))
    return folder


def test_a_check_finds_what_is_missing_tiny_and_damaged(ailing: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check_folder(ailing, progress=lambda *done: seen.append(done))
    assert report.missing == ("patch_1.tif",)
    assert report.tiny == ("patch_2.tif", "patch_3.tif")
    assert [line.partition(": ")[2][:10] for line in report.damaged] == ["is damaged", "has 5 band"]
    assert not report.whole
    assert seen[-1] == (COUNT, COUNT)
    assert json.loads(report_json(report))["missing"] == ["patch_1.tif"]
    with pytest.raises(CancelledError):
        check_folder(ailing, cancelled=lambda: True)


def test_a_long_report_is_cut() -> None:
    report = Report(60, (), tuple(f"patch_{k}.tif" for k in range(50)), ())
    lines = report_lines(report, most=3)
    assert lines[:2] == ["60 patches in the index", "50 without data (skipped in training)"]
    assert lines[5] == "  ... and 47 more (--json lists them)"
    assert lines[-2:] == ["0 missing", "0 damaged"]
    assert report.whole


def test_a_folder_without_an_index_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no index\.csv"):
        check_folder(tmp_path)
