"""`satclip points` as a real process."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from forked import Commands, Run

from satclip_core.models.registry import load_encoder

SATCLIP = [sys.executable, "-m", "satclip_cli"]
TABLE = "id,lon,lat\n1,10,50\n2,180,-90\n"


@pytest.fixture
def satclip(commands: Commands) -> Run:
    """Run `satclip` with what is given on standard input."""

    def satclip(*args: object, stdin: str | None = None, cwd: Path | None = None):
        return commands.run(list(map(str, args)), input=stdin, cwd=cwd)

    return satclip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "in.csv").write_text(TABLE)
    return tmp_path / "in.csv"


def values(text: str) -> np.ndarray:
    rows = list(csv.DictReader(io.StringIO(text)))
    return np.array([[float(row[f"e{i:03d}"]) for i in range(256)] for row in rows], np.float32)


def test_standard_input_to_standard_output(satclip, small_model):
    done = satclip("points", "-", "-o", "-", "--model", small_model, stdin=TABLE)
    assert (done.returncode, done.stderr) == (0, "")
    expected = load_encoder(small_model).encode([(10, 50), (180, -90)])
    np.testing.assert_array_equal(values(done.stdout), expected)


@pytest.mark.parametrize("suffix", ["csv", "geojson", "gpkg", "parquet"])
def test_every_format_is_read_back(satclip, small_model, table, suffix):
    geopandas = pytest.importorskip("geopandas")
    pandas = pytest.importorskip("pandas")
    target = table.with_name(f"out.{suffix}")
    done = satclip("points", table, "-o", target, "--model", small_model, "--normalize")
    assert (done.returncode, done.stdout) == (0, "")
    size = r"[0-9.]+ [kM]?B"
    assert re.fullmatch(
        rf"{re.escape(str(target))}: 2 rows with 256 dimensions, {size}, in .+\n", done.stderr
    )
    read = {"csv": pandas.read_csv, "parquet": geopandas.read_parquet}
    after = read.get(suffix, geopandas.read_file)(target)
    assert after["id"].tolist() == [1, 2]
    norms = np.linalg.norm(after[[f"e{i:03d}" for i in range(256)]], axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_a_name_with_a_slash_is_a_folder(satclip, small_model, table):
    geopandas = pytest.importorskip("geopandas")
    target = f"{table.parent}/out/"
    done = satclip("points", table, "-o", target, "--model", small_model, "--dims", 3)
    assert done.returncode == 0
    assert re.fullmatch(rf"{target}: 2 rows with 3 dimensions, [0-9.]+ kB, in .+\n", done.stderr)
    after = geopandas.read_parquet(target)
    assert after.columns.tolist() == ["id", "lon", "lat", "geometry", "e000", "e001", "e002"]
    again = satclip("points", target, "-o", "-", "--model", small_model, "--prefix", "again")
    assert again.returncode == 0, again.stderr
    rows = list(csv.DictReader(io.StringIO(again.stdout)))
    assert [row["again000"] for row in rows] == [row["e000"] for row in rows]


def test_ctrl_c_keeps_what_is_done_of_a_table(small_model, tmp_path):
    rows = "".join(f"{n % 360},{n % 180 - 90}\n" for n in range(200_000))
    (tmp_path / "in.csv").write_text(f"lon,lat\n{rows}")
    words = [*SATCLIP, "points", "in.csv", "-o", "out.csv", "--model", str(small_model), "--resume"]
    words += ["--dims", "2", "--exact"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    done = tmp_path / "out.csv.part" / "done"
    while not (done.is_dir() and any(done.iterdir())):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert re.search(r"kept in .*out\.csv\.part: the same request goes on from there", said)
    assert said.endswith("Interrupted: the same command goes on from there\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv.part"]


def test_standard_input_to_a_layer(satclip, small_model, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    target = tmp_path / "out.gpkg"
    done = satclip("points", "-", "-o", target, "-q", "--model", small_model, stdin=TABLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(geopandas.read_file(target)) == 2


def test_options_reach_the_table(satclip, small_model, tmp_path):
    (tmp_path / "in.csv").write_text("E;N\n500000;5200000\n")
    done = satclip(
        *("points", tmp_path / "in.csv", "-o", "-", "--model", small_model, "--dtype", "float16"),
        *("--crs", "EPSG:32632", "--lon-column", "E", "--lat-column", "N", "--array", "emb"),
    )
    assert done.returncode == 0, done.stderr
    row = next(csv.DictReader(io.StringIO(done.stdout), delimiter=";"))
    assert len(json.loads(row["emb"])) == 256


def test_unusable_rows_are_one_warning_or_one_error(satclip, small_model, tmp_path):
    text = TABLE + "3,,\n4,x,y\n"
    done = satclip("points", "-", "-o", "-", "--model", small_model, stdin=text)
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: 2 of 4 rows have no usable coordinates")
    assert done.stderr.count("\n") == 1
    target = tmp_path / "out.csv"
    done = satclip("points", "-", "-o", target, "--strict", "--model", small_model, stdin=text)
    assert done.returncode == 1
    assert "row 3" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_quotes_that_are_text_are_said_and_read(satclip, small_model, tmp_path):
    (tmp_path / "in.csv").write_text('lon,lat,note\n1,2,"a\n3,4,b"\n')
    words = ("points", tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--model", small_model)
    done = satclip(*words)
    assert (done.returncode, (tmp_path / "out.csv").exists()) == (1, False)
    assert "line 2: a quote opens here" in done.stderr
    assert "--quoting none" in done.stderr
    done = satclip(*words, "--quoting", "none")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "out.csv", newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == ['"a', 'b"']


def test_what_is_not_kept_as_it_was_is_a_warning(satclip, small_model, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pyogrio")
    cells = pa.array([2**64 - 1], pa.uint64())
    table = pa.table({"lon": [1.0], "lat": [2.0], "cell": cells})
    parquet.write_table(table, tmp_path / "in.parquet")
    words = ("points", tmp_path / "in.parquet", "-o", tmp_path / "out.gpkg")
    done = satclip(*words, "--model", small_model)
    warning, summary = done.stderr.splitlines()
    assert warning == "Warning: kept as text, since GPKG has no such type: 'cell'"
    assert "1 row with 256 dimensions" in summary


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["in.csv", "-o", "out.csv", "--quoting", "R"], 2, "'R' is not one of"),
        (["missing.csv", "-o", "out.csv"], 1, "cannot read missing.csv: No such file"),
        (["missing.gpkg", "-o", "out.csv"], 1, "there is no missing.gpkg"),
        (["in.csv", "-o", "out.tif"], 1, "out.tif: the extension says the format"),
        (["in.csv", "-o", "there.csv"], 1, "there.csv exists: give another name, or --overwrite"),
        (["in.csv", "-o", "no/out.csv"], 1, "the folder no does not exist"),
        (["in.csv", "-o", "in.csv", "--overwrite"], 1, "is the CSV table that is read"),
        (["in.csv", "-o", "out.csv", "--lon-column", "foo"], 1, "no column 'foo'"),
        (["in.csv", "-o", "out.csv", "--crs", "EPSG:1"], 1, "EPSG:1"),
        (["in.csv", "-o", "out.csv", "--encoding", "klingon"], 1, "unknown encoding 'klingon'"),
        (["in.csv", "-o", "out.csv", "--dtype", "int8"], 2, "'int8' is not one of"),
        (["in.csv", "-o", "-", "--resume"], 1, "give files in place of standard input"),
        (["in.csv", "-o", "out.csv", "--scheduler", "tcp://127.0.0.1:9x"], 1, "no Dask scheduler"),
        (["in.csv", "-o", "no/out/"], 1, "no does not exist: create it"),
        (["in.csv"], 2, "Missing option '-o'"),
        (["empty.csv", "-o", "out.csv"], 1, "empty.csv is empty"),
        (["swapped.csv", "-o", "out.csv"], 1, "none of the 1 rows has usable coordinates"),
        (["in.csv", "-o", "out.csv", "--model", "bogus"], 1, "unknown model 'bogus'"),
    ],
)
def test_every_mistake_is_one_line_and_leaves_nothing(
    satclip, small_model, table, args, code, message, monkeypatch
):
    folder = table.parent
    (folder / "there.csv").write_text("precious")
    (folder / "empty.csv").write_text("")
    (folder / "swapped.csv").write_text("lon,lat\n50,100\n")
    before = sorted(path.name for path in folder.iterdir())
    model = [] if "--model" in args else ["--model", small_model]
    done = satclip("points", *args, *model, cwd=folder)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert sorted(path.name for path in folder.iterdir()) == before
    assert (folder / "there.csv").read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_permission(satclip, small_model, table):
    locked = table.parent / "locked"
    locked.mkdir(mode=0o500)
    done = satclip("points", table, "-o", locked / "out.csv", "--model", small_model)
    assert done.returncode == 1
    assert "no permission" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_standard_output(small_model, table):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "satclip_cli",
                "points",
                table,
                "-o",
                "-",
                "--model",
                small_model,
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("closed", "target", "message"),
    [
        ("<&-", "-", "standard input is closed"),
        ("<&-", "out.gpkg", "standard input is closed"),
        (">&-", "-", "standard output is closed"),
    ],
)
def test_a_closed_stream_is_one_line(small_model, tmp_path, closed, target, message):
    """As under a service manager, or `satclip … >&-`."""
    words = ["points", "-", "-o", target, "--model", str(small_model)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "satclip_cli", *words],
        input="lon,lat\n1,2\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {message}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_reader_that_leaves_early_is_no_drama(small_model, tmp_path):
    rows = "".join(f"{i},{i % 180},{i % 90}\n" for i in range(20_000))
    (tmp_path / "in.csv").write_text("id,lon,lat\n" + rows)
    command = f"'{sys.executable}' -m satclip_cli points in.csv -o - --model '{small_model}'"
    pipe = f"{command} | head -n 1"
    done = subprocess.run(
        pipe, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("id,lon,lat,e000")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize("suffix", ["csv", "gpkg", "parquet"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_leaves_nothing(begun, small_model, tmp_path, suffix, number):
    if suffix != "csv":
        pytest.importorskip("geopandas")
    rows = "".join(f"{i},{i % 180},{i % 90}\n" for i in range(200_000))
    (tmp_path / "in.csv").write_text("id,lon,lat\n" + rows)
    target = tmp_path / f"out.{suffix}"
    process = subprocess.Popen(
        [*SATCLIP, "points", "in.csv", "-o", target, "--model", small_model],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    begun(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (130, 143)
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from satclip_cli.commands.points_table import command; "
        "command.main(['--help'], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--lon-column" in done.stdout
    assert not {"numpy", "pyarrow", "pyogrio", "geopandas", "rich"} & set(done.stderr.split())


def test_embedding_points_never_imports_torch(small_model, table):
    code = (
        "import sys; from satclip_cli.main import run; "
        f"run(['points', {str(table)!r}, '-o', {str(table.with_name('o.gpkg'))!r}, '--model', "
        f"{str(small_model)!r}]); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "lightning"} & set(done.stdout.split())
