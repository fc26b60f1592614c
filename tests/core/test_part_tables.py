"""Tables in parts: interrupted, resumed, refused, and made by a cluster that loses a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import (
    CancelledError,
    InputError,
    MissingDependencyError,
    ModelError,
    OutputError,
)
from satclip_core.models.registry import load_encoder, name_of
from satclip_core.points import PointsRequest, embed_points, part_tables
from satclip_core.points.read_samples import SamplesRequest, read_samples

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
gpd = pytest.importorskip("geopandas")
pytest.importorskip("pyogrio")

ROWS, COUNT = 500, 2200  # five batches, the last of 200
DIMS = 4


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Several batches, and several parts, of a small table."""
    import satclip_core.points.csvtable as csvtable
    from satclip_core.points import geoparquet, sources

    for module in (geoparquet, sources):
        monkeypatch.setattr(module, "ROWS", ROWS)
    monkeypatch.setattr(csvtable.batches, "__defaults__", (ROWS,))
    monkeypatch.setattr(part_tables, "_PART_ROWS", 2 * ROWS)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Places near one another, some rows without: a whole batch, one alone, the last ones."""
    random = np.random.default_rng(5)
    lon, lat = random.uniform(9, 10, COUNT), random.uniform(47, 48, COUNT)
    lat[7], lon[ROWS : 2 * ROWS], lat[-3:] = 91, np.nan, np.nan
    folder = tmp_path_factory.mktemp("points")
    columns = {"id": range(COUNT), "lon": lon, "lat": lat, "name": [f"é{n}" for n in range(COUNT)]}
    pq.write_table(pa.table(columns), folder / "in.parquet")
    lines = (",".join(map(str, row)) for row in zip(*columns.values()))
    text = "\n".join(["id,lon,lat,name", *lines]).replace("nan", "")
    (folder / "in.csv").write_text(text + "\n", "utf-8")
    return folder


def request_of(table: Path, target: object, kind: str = "parquet", **options) -> PointsRequest:
    return PointsRequest(str(table / f"in.{kind}"), str(target), dims=DIMS, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}


class Stop(Exception):
    """As Ctrl-C, or anything else that ends a run."""


def stop_after(count: int):
    """A progress that stops a run after so many reports."""
    seen: list[int] = []

    def progress(done, total):
        seen.append(done)
        if len(seen) >= count:
            raise Stop

    progress.seen = seen
    return progress


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("suffix", ["csv", "geojson", "parquet"])
def test_a_file_that_was_interrupted_is_the_one_of_one_go(encoder, table, tmp_path, kind, suffix):
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / f"out.{suffix}"
    plain = embed_points(encoder, request_of(table, whole, kind))
    request = request_of(table, tmp_path / f"out.{suffix}", kind, resume=True)
    with pytest.raises(Stop):
        embed_points(encoder, request, progress=stop_after(2))
    assert names(tmp_path) == [f"out.{suffix}.part", "whole"]
    assert len(names(tmp_path / f"out.{suffix}.part/done")) == 2
    later = stop_after(1000)
    result = embed_points(encoder, request, progress=later)
    assert later.seen == [500, 1000, 1500, 1700]  # the batch without a place is no part
    assert result == plain
    assert result.empty == 1 + ROWS + 3
    assert contents(tmp_path / f"out.{suffix}") == contents(whole)
    assert names(tmp_path) == [f"out.{suffix}", "whole"]


def test_a_folder_holds_the_rows_of_one_file(encoder, table, tmp_path):
    embed_points(encoder, request_of(table, tmp_path / "one.parquet"))
    request = request_of(table, f"{tmp_path}/out/")
    with pytest.raises(Stop):
        embed_points(encoder, request, progress=stop_after(1))
    result = embed_points(encoder, request)
    parts = [f"part-{index:05d}.parquet" for index in range(3)]
    assert names(tmp_path / "out") == ["_about.json", *parts]
    about = json.loads((tmp_path / "out" / "_about.json").read_text())
    assert (about["rows"], about["files"], about["weights_sha256"]) == (COUNT, 3, encoder.sha256)
    assert "504 of 2,200 rows have no usable coordinates" in result.warning
    one = pq.read_table(tmp_path / "one.parquet")
    several = pa.concat_tables([pq.read_table(tmp_path / "out" / name) for name in parts])
    assert several.schema.equals(one.schema, check_metadata=True)
    assert several.to_pandas().equals(one.to_pandas())  # NaN is NaN there
    assert names(tmp_path) == ["one.parquet", "out"]


def test_a_layer_becomes_a_folder_that_geopandas_and_samples_read(encoder, table, tmp_path):
    lonlat = np.array([(9.0 + n, 47.0) for n in range(6)])
    places = gpd.points_from_xy(*lonlat.T, crs="EPSG:4326")
    layer = gpd.GeoDataFrame({"n": range(6)}, geometry=places).to_crs("EPSG:3035")
    layer.to_file(tmp_path / "in.gpkg")
    request = PointsRequest(str(tmp_path / "in.gpkg"), f"{tmp_path}/out/", dims=DIMS)
    embed_points(encoder, request)
    read = gpd.read_parquet(tmp_path / "out")
    assert read.crs.to_epsg() == 3035
    exact = encoder.encode(lonlat)[:, :DIMS]
    np.testing.assert_allclose(read[["e000", "e001", "e002", "e003"]], exact, atol=1e-5)
    samples = read_samples(SamplesRequest(str(tmp_path / "out"), "n"))
    np.testing.assert_allclose(samples.lonlat, lonlat, atol=1e-8)


def test_files_of_other_columns_are_no_table(table, tmp_path, encoder):
    for name in "ab":
        pq.write_table(
            pa.table({"lon": [1.0], "lat": [2.0], name: [3]}), tmp_path / f"{name}.parquet"
        )
    with pytest.raises(InputError, match=r"b\.parquet has other columns than .*a\.parquet"):
        embed_points(encoder, PointsRequest(str(tmp_path), str(tmp_path / "out.csv")))


def test_a_table_without_rows_is_a_folder_with_its_columns(encoder, tmp_path):
    pq.write_table(
        pa.table({"lon": pa.array([], "f8"), "lat": pa.array([], "f8")}), tmp_path / "in.parquet"
    )
    result = embed_points(
        encoder, PointsRequest(f"{tmp_path}/in.parquet", f"{tmp_path}/o/", dims=2)
    )
    assert "has no rows" in result.warning
    assert pq.read_table(tmp_path / "o").column_names == ["lon", "lat", "e000", "e001"]


def test_a_folder_is_replaced_where_that_is_asked_for(encoder, table, tmp_path):
    request = request_of(table, f"{tmp_path}/out/")
    embed_points(encoder, request)
    before = contents(tmp_path / "out")
    with pytest.raises(OutputError, match="exists: give another name"):
        embed_points(encoder, request)
    (tmp_path / "out" / "part-00009.parquet").write_text("of a longer table")
    embed_points(encoder, replace(request, overwrite=True))
    assert contents(tmp_path / "out") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"mine is not replaced: nothing .* \(it has no _about"):
        embed_points(encoder, request_of(table, f"{tmp_path}/mine/", overwrite=True))


def test_another_table_is_refused_and_named(encoder, table, tmp_path):
    request = request_of(table, f"{tmp_path}/out/")
    with pytest.raises(Stop):
        embed_points(encoder, request, progress=stop_after(1))
    with pytest.raises(OutputError, match=r"was begun for another table \(another normalize\)"):
        embed_points(encoder, replace(request, normalize=True))
    copy = tmp_path / "copy.parquet"
    copy.write_bytes((table / "in.parquet").read_bytes())
    with pytest.raises(OutputError, match=r"another table \(another source\)"):
        embed_points(encoder, replace(request, source=str(copy)))
    embed_points(encoder, replace(request, threads=1))
    assert names(tmp_path) == ["copy.parquet", "out"]


def test_a_strict_request_goes_on_without_being_strict(encoder, table, tmp_path):
    request = request_of(table, f"{tmp_path}/out/", kind="csv", strict=True)
    with pytest.raises(InputError, match="no usable coordinates in row 8"):
        embed_points(encoder, request)
    assert names(tmp_path) == []  # it was met before any part
    embed_points(encoder, replace(request, strict=False))


def test_nothing_is_kept_of_a_table_without_places(encoder, tmp_path):
    (tmp_path / "in.csv").write_text("lon,lat\n999,0\n")
    for target in (f"{tmp_path}/out/", f"{tmp_path}/out.csv"):
        with pytest.raises(InputError, match="none of the 1 rows has usable coordinates"):
            embed_points(encoder, PointsRequest(f"{tmp_path}/in.csv", target, resume=True))
    assert names(tmp_path) == ["in.csv"]


def test_cancelling_keeps_what_is_done(encoder, table, tmp_path):
    done = tmp_path / "out.csv.part" / "done"
    request = request_of(table, tmp_path / "out.csv", resume=True)
    with pytest.raises(CancelledError):
        embed_points(encoder, request, cancelled=lambda: done.is_dir() and any(done.iterdir()))
    assert names(tmp_path) == ["out.csv.part"]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [("-", "out.csv", "give files in place of"), ("in.csv", "-", "give files in place of")],
)
def test_streams_are_not_made_in_parts(encoder, source, target, message):
    with pytest.raises(InputError, match=message):
        embed_points(encoder, PointsRequest(source, target, resume=True))


def test_a_missing_package_is_named_with_its_extra(encoder, table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"satclip-embeddings\[dask\]"):
        embed_points(encoder, request_of(table, tmp_path / "out.csv"), scheduler="local")
    assert names(tmp_path) == []


def test_a_model_has_a_name_or_a_file(encoder, small_model, tmp_path):
    assert name_of(load_encoder()) == "bundled"
    assert load_encoder(name_of(encoder)).sha256 == encoder.sha256
    assert Path(name_of(encoder)).is_absolute()
    made = type(encoder)(encoder.config, encoder.weights, info=encoder.info)
    with pytest.raises(ModelError, match="in the memory of this process alone"):
        name_of(made)
    (tmp_path / "in.csv").write_text("lon,lat\n1,2\n")
    embed_points(made, PointsRequest(f"{tmp_path}/in.csv", f"{tmp_path}/out.csv", resume=True))


KILLED = """
import sys, time
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, embed_points, geoparquet, part_tables
geoparquet.ROWS, part_tables._PART_ROWS = 500, 1000
model, source, target, wait = sys.argv[1:]
slow = lambda done, total: (print(done, flush=True), time.sleep(float(wait)))
embed_points(load_encoder(model), PointsRequest(source, target, dims=4), progress=slow)
"""


def test_a_folder_survives_kill_9(small_model, table, tmp_path):
    """Killed without a warning, then run to its end: the same bytes as in one go."""
    command = [sys.executable, "-c", KILLED, str(small_model), str(table / "in.parquet")]
    process = subprocess.Popen(
        [*command, f"{tmp_path}/a/", "30"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert names(tmp_path) == ["a.part"]
    subprocess.run([*command, f"{tmp_path}/a/", "0"], check=True, stdout=subprocess.DEVNULL)
    embed_points(load_encoder(small_model), request_of(table, f"{tmp_path}/b/"))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


@pytest.mark.parametrize("name", ["out/", "out.csv"])
def test_a_cluster_that_loses_a_worker_makes_the_same_bytes(
    encoder, table, tmp_path, cluster, name, monkeypatch
):
    monkeypatch.setattr(part_tables, "_PART_ROWS", 200)
    (tmp_path / "alone").mkdir()
    embed_points(encoder, request_of(table, f"{tmp_path}/alone/{name}"))
    killed = []

    def kill_one(done, total):
        if not killed:
            worker = next(iter(cluster.workers.values()))
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(done)

    address = cluster.scheduler_address
    result = embed_points(
        encoder, request_of(table, f"{tmp_path}/{name}"), progress=kill_one, scheduler=address
    )
    assert killed
    assert killed[0] < COUNT
    assert result.rows == COUNT
    assert contents(tmp_path / name) == contents(tmp_path / "alone" / name)
    assert names(tmp_path) == ["alone", name.rstrip("/")]


def test_a_cluster_goes_on_with_what_one_process_began(encoder, table, tmp_path, cluster):
    embed_points(encoder, request_of(table, f"{tmp_path}/whole/"))
    request = request_of(table, f"{tmp_path}/out/")
    with pytest.raises(Stop):
        embed_points(encoder, request, progress=stop_after(1))
    part = tmp_path / "out.part" / "table" / "part-00000.parquet"
    before = part.stat().st_mtime_ns
    embed_points(encoder, request, scheduler=cluster.scheduler_address)
    assert (tmp_path / "out" / part.name).stat().st_mtime_ns == before
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_worker_with_another_model_says_so(encoder, table, tmp_path, monkeypatch):
    request = request_of(table, f"{tmp_path}/out/")
    making = part_tables._making(encoder, request, "local")
    other = replace(making, sha256="0" * 64)
    with (
        part_tables.kept_work(making.target, "table", {"of": "it"}) as kept,
        pytest.raises(ModelError, match=r"is not the one of the request \(0{12}…\)"),
    ):
        part_tables._task(other, part_tables.Portion(0, [np.zeros((1, 2))]))
    assert kept.folder == tmp_path / "out.part"
