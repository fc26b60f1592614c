"""`satclip data` as a real process, against a hub on a local socket."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from forked import Commands, Run
from hub import Hub, Server, hub_handler

COUNT = 3


def patch(seed: int) -> bytes:
    """A GeoTIFF of 12 bands, over 10 kB."""
    from rasterio.io import MemoryFile

    pixels = np.random.default_rng(seed).integers(1, 9999, (12, 24, 24), dtype=np.uint16)
    profile = {"driver": "GTiff", "width": 24, "height": 24, "count": 12, "dtype": "uint16"}
    with MemoryFile() as memory:
        with memory.open(crs="EPSG:32633", **profile) as out:
            out.write(pixels)
        return memory.read()


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    rows = "".join(f"patch_{k}.tif,{k}.5,{k}.25\n" for k in range(COUNT))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for k in range(COUNT):
            body = patch(k)
            member = tarfile.TarInfo(f"patch_{k}.tif")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    files = {"index.csv": b"fn,lon,lat\n" + rows.encode(), "shard-00000.tar": buffer.getvalue()}
    state = Hub(files=files)
    with Server(hub_handler(state)) as server:
        state.url = server.url
        yield state


@pytest.fixture
def data(commands: Commands) -> Run:
    """Run `satclip data` with the hub at an address."""
    names = {"http_proxy", "https_proxy", "all_proxy", "hf_endpoint"}
    environment = {key: value for key, value in os.environ.items() if key.lower() not in names}

    def data(url: str, *args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        words = ["data", *map(str, args)]
        return commands.run(words, cwd=cwd, env={**environment, "SATCLIP_HUB_URL": url})

    return data


@pytest.fixture
def fetched(data: Run, hub: Hub, tmp_path: Path) -> Path:
    done = data(hub.url, "fetch", "s2-100k", "-o", tmp_path / "s2", "--revision", "main")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "s2")
    assert done.stderr.splitlines() == [
        f"3 patches; satclip data check {tmp_path / 's2'} reads them all"
    ]
    return tmp_path / "s2"


def test_fetch_then_check(data: Run, hub: Hub, fetched: Path) -> None:
    assert len(list((fetched / "images").glob("patch_*.tif"))) == COUNT
    done = data(hub.url, "check", fetched)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "3 patches in the index",
        "0 without data (skipped in training)",
        "0 missing",
        "0 damaged",
    ]


def test_check_exits_with_1_where_something_is_wrong(data: Run, hub: Hub, fetched: Path) -> None:
    (fetched / "images" / "patch_0.tif").unlink()
    (fetched / "images" / "patch_1.tif").write_bytes(b"II*\0" + b"\0" * 20_000)
    done = data(hub.url, "check", fetched, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["missing"] == ["patch_0.tif"]
    assert "patch_1.tif: is damaged" in report["damaged"][0]
    (line,) = done.stderr.splitlines()
    assert "1 patches are missing and 1 damaged" in line
    assert "satclip data fetch s2-100k" in line


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("fetch", "s3"), 2, "'s3' is not 's2-100k'"),
        (("fetch", "s2-100k"), 2, "Missing option '-o'"),
        (("fetch", "s2-100k", "-o", "x", "--limit", "0"), 2, "0 is not in the range x>=1"),
        (("fetch", "s2-100k", "-o", "x"), 1, "not the file expected (SHA-256"),
        (("check", "nowhere"), 1, "is not a folder"),
    ],
)
def test_mistakes_are_one_line(
    data: Run, hub: Hub, tmp_path: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    done = data(hub.url, *args, cwd=tmp_path)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert message in line
    assert not done.stdout


def test_without_a_connection_the_host_is_named(data: Run, tmp_path: Path) -> None:
    done = data("http://127.0.0.1:9", "fetch", "s2-100k", "-o", "x", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot reach 127.0.0.1:9" in line


def test_it_needs_no_torch() -> None:
    code = "import sys, satclip_training.images.s2100k; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "lightning", "pandas"} & set(done.stdout.split())
