from __future__ import annotations

import os
import pty
import subprocess
import sys
import time

import click
import pytest

import satclip_core
from satclip_cli.main import COMMANDS, cli, run
from satclip_cli.options import Numbers, join_numbers
from satclip_cli.progress import duration, quantity

HEAVY = ("numpy", "rasterio", "pyproj", "torch", "rich", "satclip_core.encoder")


def test_help_lists_every_command(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert name in out
        assert text[:40] in out
    assert run([]) == 0


def test_version(capsys):
    assert run(["--version"]) == 0
    assert satclip_core.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_helps(name, capsys):
    command = cli.get_command(click.Context(cli), name)
    assert command.name == name
    assert run([name, "--help"]) == 0
    assert f"Usage: satclip {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [[], ["--help"], *([name, "--help"] for name in ("raster", "rgb", "clusters", "map"))],
)
def test_help_imports_nothing_heavy(args):
    code = f"import sys; from satclip_cli.main import run; run({args!r}); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.splitlines()[-1].split())
    assert "satclip_cli.main" in modules
    assert not modules & set(HEAVY)


def test_inference_imports_no_torch_and_no_more_than_it_needs(small_model, tmp_path):
    args = ["raster", "--bbox", "5", "45", "11", "48", "--res", "1", "--model", str(small_model)]
    args += ["-o", str(tmp_path / "out.tif"), "-q"]
    code = f"import sys; from satclip_cli.main import run; run({args!r}); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.split())
    assert "rasterio" in modules
    assert not modules & {"torch", "pyproj", "rich", "geopandas", "pandas", "scipy", "ssl"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rastr"], "No such command 'rastr'"),
        (["raster", "--bbos", "1"], "--bbos"),
        (["raster", "extra"], "unexpected extra argument"),
        (["raster"], "Missing option --bbox W S E N"),
        (["raster", "--bbox", "1", "2", "3", "4"], "Missing option --res"),
        (["similarity", "--bbox", "1", "2", "3", "4"], "Missing option '--to'"),
        (["raster", "--threads", "0"], "0 is not in the range x>=1"),
        (["raster", "--dtype", "int4"], "'int4'"),
    ],
)
def test_wrong_usage_is_one_line_that_says_where_help_is(args, message, capsys):
    assert run(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("Error: ")
    assert message in err
    assert "--help)" in err


def test_an_internal_error_is_one_line_and_a_traceback_only_with_vv(monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("satclip_cli.commands.raster_command.RasterOptions.grid", broken)
    args = ["raster", "--bbox", "1,2,3,4", "--res", "1"]
    assert run(args) == 1
    err = capsys.readouterr().err
    assert err == "Error: internal error, ZeroDivisionError: by zero (-vv shows where)\n"
    assert run([*args, "-vv"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_ends_early_is_no_interruption(monkeypatch, capsys):
    def cut_off(self):
        raise EOFError("No data left in file")  # as numpy says, and click takes for Ctrl-D

    monkeypatch.setattr("satclip_cli.commands.raster_command.RasterOptions.grid", cut_off)
    assert run(["raster", "--bbox", "1,2,3,4", "--res", "1"]) == 1
    assert "a file ends early (No data left in file)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ("--bbox -10 5 3 8 -o x", "--bbox=-10,5,3,8 -o x"),
        ("--bounds -1e3 .5 nan -inf --res 1", "--bounds=-1e3,.5,nan,-inf --res=1"),
        ("--bbox -10,5,3,8 7", "--bbox=-10,5,3,8 7"),
        ("--bbox 1 2 3 -o x", "--bbox=1,2,3 -o x"),
        ("--bbox a b c d", "--bbox=a,b,c,d"),
        ("--bbox", "--bbox"),
        ("--bbox -o x", "--bbox -o x"),
        ("--res 1 2 3", "--res=1,2 3"),
        ("--res 1 x", "--res=1 x"),
        ("--to -60 -3 --to 5,6", "--to=-60,-3 --to=5,6"),
        ("--bbox=1,2,3,4 5", "--bbox=1,2,3,4 5"),
        ("-- --bbox 1 2", "-- --bbox 1 2"),
    ],
)
def test_numbers_in_a_row_become_one_word(words, joined):
    assert join_numbers(words.split()) == joined.split()


@pytest.mark.parametrize("text", ["1 -2 3.5 4", "1,-2,3.5,4", "[1, -2, 3.5, 4]", "1; -2;3.5 ,4"])
def test_numbers_are_read_in_many_forms(text):
    assert Numbers("W S E N", 4).convert(text, None, None) == (1, -2, 3.5, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,x,3,4", "'x' is not a number: give W S E N"),
        ("1,2,3", "is 3 numbers"),
        ("", "is 0 numbers"),
        ("[1, 2, 3, null]", "None is not a number"),
        ("[1, 2", r"'\[1' is not a number"),
    ],
)
def test_numbers_that_cannot_be_read_are_named(text, message):
    with pytest.raises(click.BadParameter, match=message):
        Numbers("W S E N", 4).convert(text, None, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.5, "9.5 s"), (42.3, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_quantities():
    assert quantity(1_536_000, "px") == "1.54 Mpx"
    assert quantity(12, "B") == "12 B"


def test_on_a_terminal_there_is_a_bar_and_in_a_log_there_is_none(small_model, tmp_path):
    """The bar shows rate and time left on standard error, and is gone when all is done."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        pytest.skip(f"this machine has no terminals to lend: {error}")
    command = [sys.executable, "-m", "satclip_cli", "raster", "--bbox", "0,0,90,60"]
    command += ["--res", "0.5", "--model", str(small_model), "-o", str(tmp_path / "out.tif")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=slave, env=environment, text=True
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.communicate()[0] == ""
    assert process.returncode == 0
    text = shown.decode()
    assert "out.tif" in text
    assert "100%" in text
    assert "px/s" in text
    assert "180 x 120 pixels, 256 bands" in text
