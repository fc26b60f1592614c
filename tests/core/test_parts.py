"""Rasters in parts: interrupted, resumed, refused, and made by a cluster that loses a worker."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from satclip_core import resumable
from satclip_core.errors import CancelledError, InputError, MissingDependencyError, OutputError
from satclip_core.grid import Grid
from satclip_core.products import ClustersOf, EmbeddingOf
from satclip_core.raster import RasterRequest, WriteOptions, cog_folder, parts, raster_target
from satclip_core.raster.fingerprint import facts_of
from satclip_core.resumable import fingerprint

rasterio = pytest.importorskip("rasterio")

GRID = Grid.from_bounds((0, 13, 40, 14), 0.05)  # 800 x 20: four parts


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Several parts of a small raster."""
    monkeypatch.setattr(parts, "_PART_SIDE_OF_MANY", 256)
    monkeypatch.setattr(cog_folder, "_SIDE_OF_MANY", 256)


@pytest.fixture
def request_of(small_model):
    def make(**options):
        write = WriteOptions(creation_options=options.pop("co", {}), **options)
        return RasterRequest(GRID, EmbeddingOf(dims=16), small_model, options=write)

    return make


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def digest(path):
    """Of all bytes of a file or folder, but for times in STAC."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            found.update(str(file.relative_to(path)).encode())
            content = file.read_bytes()
            if file.suffix == ".json" and b"stac_version" in content:
                item = json.loads(content)
                item.get("properties", {}).update(datetime=None, created=None)
                item.get("extent", {}).pop("temporal", None)
                content = json.dumps(item).encode()
            found.update(content)
    return found.hexdigest()


class Stop(Exception):
    """As Ctrl-C, or anything else that ends a run."""


def stop_after(count):
    """A progress that stops a run after so many reports."""
    seen = []

    def progress(done, total):
        seen.append(done)
        if len(seen) > count:
            raise Stop

    progress.seen = seen
    return progress


KINDS = {
    "gtiff": ("out.tif", {"resume": True}),
    "cog": ("out.tif", {"format": "cog", "resume": True}),
    "parquet": ("out.parquet", {"resume": True}),
    "cogs": ("out", {"format": "cogs"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_raster_goes_on_to_the_same_bytes(request_of, tmp_path, kind):
    name, options = KINDS[kind]
    (tmp_path / "whole").mkdir()
    whole = request_of(**options).prepare().write(tmp_path / "whole" / name)
    job = request_of(**options).prepare()
    progress = stop_after(1)
    with pytest.raises(Stop):
        job.write(tmp_path / name, progress=progress)
    assert names(tmp_path) == [f"{name}.part", "whole"]
    done = names(tmp_path / f"{name}.part" / "done")
    assert 1 <= len(done) < 4
    later = stop_after(1000)
    again = request_of(**options).prepare()  # another process would prepare anew, too
    path = again.write(tmp_path / name, progress=later)
    assert later.seen[0] > len(done) * 256 * 20  # what is done is counted
    assert names(tmp_path) == sorted([name, "whole"])
    assert digest(path) == digest(whole)


def test_another_raster_is_refused_and_named(request_of, tmp_path):
    job = request_of(format="cogs").prepare()
    with pytest.raises(Stop):
        job.write(tmp_path / "out", progress=stop_after(0))
    other = replace(job.request, grid=Grid.from_bounds((0, 13, 40, 14), 0.1))
    with pytest.raises(OutputError, match=r"was begun for another raster \(another size, tran"):
        other.prepare().write(tmp_path / "out")
    other = replace(job.request, product=EmbeddingOf("int16", dims=16))
    with pytest.raises(OutputError, match=r"another product"):
        other.prepare().write(tmp_path / "out")
    other = replace(job.request, mask="land")
    with pytest.raises(OutputError, match=r"another mask"):
        other.prepare().write(tmp_path / "out")
    assert names(tmp_path) == ["out.part"]


def test_a_damaged_plan_is_one_line(request_of, tmp_path):
    folder = tmp_path / "out.part"
    folder.mkdir()
    (folder / "plan.json").write_text("{")
    with pytest.raises(OutputError, match=r"out\.part is damaged .*: remove it"):
        request_of(format="cogs").prepare().write(tmp_path / "out")


def test_two_at_one_raster_are_refused(request_of, tmp_path):
    pytest.importorskip("fcntl")
    job = request_of(format="cogs").prepare()
    target = raster_target(tmp_path / "out", format="cogs")
    with (
        parts.begun_work(job, target),
        pytest.raises(OutputError, match="another process is writing"),
    ):
        job.write(tmp_path / "out")


def test_a_mask_that_is_a_function_leaves_nothing(request_of, tmp_path):
    request = replace(request_of(format="cogs"), mask=lambda lons, lats: lats > 13.5)
    with pytest.raises(Stop):
        request.prepare().write(tmp_path / "out", progress=stop_after(0))
    assert names(tmp_path) == []


def test_cancelling_keeps_what_is_done(request_of, tmp_path):
    job = request_of(format="cogs").prepare()
    done = tmp_path / "out.part" / "done"
    with pytest.raises(CancelledError):
        job.write(tmp_path / "out", cancelled=lambda: done.is_dir() and any(done.iterdir()))
    assert names(tmp_path) == ["out.part"]


def test_what_was_finished_but_not_cleared_away_is_made_anew(request_of, tmp_path):
    """Killed right after the output had its name: the folder has its marks but no parts."""
    job = request_of(format="cogs", overwrite=True).prepare()
    whole = digest(job.write(tmp_path / "out"))
    done = tmp_path / "out.part" / "done"
    with pytest.raises(CancelledError):
        job.write(tmp_path / "out", cancelled=lambda: done.is_dir() and any(done.iterdir()))
    shutil.rmtree(done.parent / "raster")
    assert digest(job.write(tmp_path / "out")) == whole
    assert names(tmp_path) == ["out"]


def test_interrupted_while_it_is_cleared_away_it_is_whole(request_of, tmp_path, monkeypatch):
    pytest.importorskip("zarr", minversion="3")
    clear = shutil.rmtree

    def halfway(folder, *args, **options):
        if not (target.exists() and str(folder) == f"{target}.part"):
            return clear(folder, *args, **options)
        monkeypatch.setattr(resumable.shutil, "rmtree", clear)
        clear(folder / "done")
        raise KeyboardInterrupt

    target = tmp_path / "r.zarr"
    job = request_of().prepare()
    monkeypatch.setattr(resumable, "_is_finished", lambda folder, kind: False)
    monkeypatch.setattr(resumable.shutil, "rmtree", halfway)
    with pytest.raises(KeyboardInterrupt) as raised:
        job.write(target)
    assert type(raised.value) is KeyboardInterrupt  # nothing is kept to go on from
    assert names(tmp_path) == ["r.zarr"]


def test_each_block_is_shown_once_also_of_parts_that_were_there(request_of, tmp_path):
    job = request_of(format="cogs").prepare()
    done = tmp_path / "out.part" / "done"
    with pytest.raises(CancelledError):
        job.write(tmp_path / "out", cancelled=lambda: done.is_dir() and any(done.iterdir()))
    shown = np.zeros(job.request.grid.shape, int)

    def seen(window, bands):
        assert bands.shape[1:] == (window.height, window.width)
        rows = slice(window.row, window.row + window.height)
        shown[rows, window.col : window.col + window.width] += 1

    job.write(tmp_path / "out", seen=seen)
    assert (shown == 1).all()


def test_replacing_a_folder_leaves_the_new_one_alone(request_of, tmp_path):
    job = request_of(format="cogs", overwrite=True).prepare()
    first = digest(job.write(tmp_path / "out"))
    (tmp_path / "out" / "notes.txt").write_text("of the old one")
    assert digest(job.write(tmp_path / "out")) == first
    assert names(tmp_path) == ["out"]


def test_the_fingerprint_is_of_what_decides_the_bytes(request_of, small_model):
    request = request_of().prepare().request
    same = request_of(threads=1, tags={"command": "another"}, overwrite=True).prepare().request
    assert facts_of(request, "zarr") == facts_of(same, "zarr")
    few = Grid.from_bounds((0, 13, 4, 15), 0.5)
    clusters = [
        RasterRequest(few, ClustersOf(3, seed), small_model).prepare().request for seed in (0, 0, 1)
    ]
    marks = [fingerprint(facts_of(one, "zarr")) for one in clusters]
    assert marks[0] == marks[1] != marks[2]
    assert fingerprint(facts_of(request, "zarr")) != fingerprint(facts_of(request, "cogs"))


def test_a_mask_that_changes_is_another(request_of, tmp_path):
    square = {"type": "Polygon", "coordinates": [[[0, 13], [20, 13], [20, 17], [0, 17], [0, 13]]]}
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps(square))
    request = replace(request_of(), mask=str(file)).prepare().request
    before = facts_of(request, "zarr")
    file.write_text(json.dumps(square) + " ")
    assert facts_of(request, "zarr")["mask"] != before["mask"]


KILLED = """
import sys
from satclip_core.grid import Grid
from satclip_core.products import EmbeddingOf
from satclip_core.raster import RasterRequest, WriteOptions
import time
grid = Grid.from_bounds((0, 13, 128, 17), 0.05)
request = RasterRequest(grid, EmbeddingOf(dims=64), sys.argv[1])
slow = lambda done, total: (print(done, flush=True), time.sleep(float(sys.argv[3])))
request.prepare().write(sys.argv[2], progress=slow)
"""


def test_a_zarr_store_survives_kill_9(small_model, tmp_path):
    """Twice killed without a warning, then run to its end: the same bytes as in one go."""
    pytest.importorskip("zarr", minversion="3")
    command = [sys.executable, "-c", KILLED, str(small_model)]
    for _ in range(2):
        process = subprocess.Popen(
            [*command, str(tmp_path / "a.zarr"), "0.3"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert names(tmp_path) == ["a.zarr.part"]
    done = len(names(tmp_path / "a.zarr.part/done"))
    assert done >= 1
    subprocess.run([*command, str(tmp_path / "a.zarr"), "0"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command, str(tmp_path / "b.zarr"), "0"], check=True, stdout=subprocess.DEVNULL)
    assert digest(tmp_path / "a.zarr") == digest(tmp_path / "b.zarr")
    assert names(tmp_path) == ["a.zarr", "b.zarr"]


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_cluster_that_loses_a_worker_makes_the_same_bytes(small_model, tmp_path, cluster):
    pytest.importorskip("zarr", minversion="3")
    grid = Grid.from_bounds((0, 13, 128, 17), 0.05)  # 2560 x 80: several shards
    request = RasterRequest(grid, EmbeddingOf(dims=64), small_model)
    alone = request.prepare().write(tmp_path / "alone.zarr")
    killed = []

    def kill_one(done, total):
        if not killed:
            worker = next(iter(cluster.workers.values()))
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(done)

    job = request.prepare()
    path = job.write(
        tmp_path / "cluster.zarr", progress=kill_one, scheduler=cluster.scheduler_address
    )
    assert killed
    assert killed[0] < grid.pixels
    assert digest(path) == digest(alone)
    assert names(tmp_path) == ["alone.zarr", "cluster.zarr"]


def test_a_cluster_goes_on_with_what_one_process_began(request_of, tmp_path, cluster, monkeypatch):
    monkeypatch.undo()  # workers divide as they always do
    grid = Grid.from_bounds((0, 13, 102.4, 13.2), 0.025)  # 4096 x 8: four parts
    request = replace(request_of(format="cogs"), grid=grid)
    whole = request.prepare().write(tmp_path / "out")
    mark = digest(whole)
    whole.rename(tmp_path / "whole")
    job = request.prepare()
    with pytest.raises(Stop):
        job.write(tmp_path / "out", progress=stop_after(4))  # blocks, of which a part has four
    done = len(names(tmp_path / "out.part/done"))
    assert 1 <= done < 4
    seen = stop_after(1000)
    path = job.write(tmp_path / "out", progress=seen, scheduler=cluster.scheduler_address)
    assert len(seen.seen) <= 4 - done
    assert digest(path) == mark


def test_workers_that_divide_otherwise_say_so(request_of, tmp_path, monkeypatch):
    job = request_of(format="cogs").prepare()
    with pytest.raises(Stop):
        job.write(tmp_path / "out", progress=stop_after(1))
    monkeypatch.undo()
    with pytest.raises(OutputError, match=r"out\.part has 4 parts, here it would have 1"):
        parts.open_work(job, tmp_path / "out", "cogs")


def test_what_a_cluster_cannot_do_is_one_line(request_of, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    job = request_of().prepare()
    with pytest.raises(InputError, match="a GeoTIFF is written by one process"):
        job.write(tmp_path / "out.tif", scheduler="local")
    monkeypatch.setattr("satclip_core.compute.cluster._ANSWER", 0.5)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        request_of(format="cogs").prepare().write(tmp_path / "out", scheduler="tcp://127.0.0.1:9")


def test_a_missing_package_is_named_with_its_extra(request_of, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"satclip-embeddings\[dask\]"):
        request_of(format="cogs").prepare().write(tmp_path / "out", scheduler="local")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingDependencyError, match=r"satclip-embeddings\[zarr\]"):
        request_of().prepare().write(tmp_path / "out.zarr")
    assert names(tmp_path) == []


def test_an_interrupt_before_there_is_a_plan_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(resumable, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt), resumable.kept_work(tmp_path / "out", "raster", {}):
        pass
    assert list(tmp_path.iterdir()) == []
