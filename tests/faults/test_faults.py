"""Whatever happens while a raster or a table is written: it is whole or not there, and the exit
code tells.

`python -m pytest tests/faults` tries a little, with `SATCLIP_FAULTS=100` and `-s` it kills a
hundred times. Commands are processes of their own, forked off one that has all imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked import Commands
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

rasterio = pytest.importorskip("rasterio")
TIMES = int(os.environ.get("SATCLIP_FAULTS") or 3)
MANY = "SATCLIP_FAULTS" in os.environ
# Name of the output, and the words that make it in another way.
WAYS = {
    "plain": ("out.tif", []),
    "resumed": ("out.tif", ["--resume"]),
    "cog": ("out.tif", ["--format", "cog"]),
    "cogs": ("out", ["--format", "cogs"]),
    "zarr": ("out.zarr", []),
    "table": ("out.csv", ["--resume"]),
    "tables": ("out/", []),
}
# The rasters: 0.5 MB in some parts each, of a few tenths of a second.
RASTERS = {"a": ["--bbox", "5", "45", "11", "48"], "b": ["--bbox", "6", "45", "12", "48"]}
TABLES = ("table", "tables")
# Of a table, in two batches.
ROWS = 40_000


def words(which: str, way: str, model: Path, tables: Path) -> list[str]:
    name, more = WAYS[way]
    if way in TABLES:
        return ["points", str(tables / f"{which}.csv"), "--dims", "4", "--model", str(model),
                "-o", name, *more]  # fmt: skip
    return ["raster", *RASTERS[which], "--res", "0.02", "--dims", "8", "--model", str(model),
            "-o", name, *more]  # fmt: skip


def mark(path: Path) -> str:
    """Of a file or folder: pixels and profiles of GeoTIFFs, bytes of all else, and their names.

    Not of the times and the command that are noted in them.
    """
    digest = hashlib.sha256()
    for file in sorted([path, *path.rglob("*")]):
        if file.is_file():
            if file.suffix == ".tif":
                with rasterio.open(file) as dataset:
                    content = repr(dataset.profile).encode() + dataset.read().tobytes()
                    content += repr(dataset.overviews(1)).encode()
            else:
                content = file.read_bytes()
                if file.suffix == ".gpkg":  # whose pages depend on how long the command is
                    with closing(sqlite3.connect(file)) as base:
                        content = "\n".join(base.iterdump()).encode()
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+", b"", content)
                content = re.sub(rb"satclip raster [^\"<]*", b"", content)
            digest.update(str(file.relative_to(path)).encode() + b"\0" + content)
    return digest.hexdigest()


class World:
    """Commands in one folder, and what whole outputs look like."""

    def __init__(self, commands: Commands, model: Path, folder: Path) -> None:
        self.commands, self.model, self.folder = commands, model, folder
        self._whole: dict[tuple[str, str], tuple[str, float]] = {}
        for seed, which in enumerate(RASTERS):
            rows = np.random.default_rng(seed).uniform(5, 15, (ROWS, 2)).round(3)
            np.savetxt(folder / f"{which}.csv", rows, "%g", ",", header="lon,lat", comments="")

    def whole(self, which: str, way: str) -> tuple[str, float]:
        """Mark of an output that nothing happened to, and the seconds it takes."""
        if (which, way) not in self._whole:
            with self.fresh() as folder:
                start = time.monotonic()
                result = self.run(folder, which, way)
                assert result.returncode == 0, result.stderr
                seconds = time.monotonic() - start
                self._whole[which, way] = (mark(folder / WAYS[way][0]), seconds)
        return self._whole[which, way]

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """An empty folder."""
        folder = self.folder / f"w{random.getrandbits(60):x}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, folder: Path, which: str, way: str, *more: str, **options: Any) -> Any:
        return self.commands.run(
            [*words(which, way, self.model, self.folder), *more], cwd=folder, timeout=300, **options
        )

    def check(self, folder: Path, way: str, *which: str) -> None:
        """The output is one of these, whole, or is not there."""
        output = folder / WAYS[way][0]
        if output.exists():
            assert mark(output) in {self.whole(one, way)[0] for one in which}


def there(way: str) -> bool:
    """Whether what a way needs is installed."""
    if way == "tables":
        return importlib.util.find_spec("pyarrow") is not None
    if way != "zarr":
        return True
    try:
        import zarr
    except ImportError:
        return False
    return int(zarr.__version__.partition(".")[0]) >= 3


@pytest.fixture(scope="module")
def world(small_model, tmp_path_factory) -> Iterator[World]:
    with closing(Commands("satclip_core", "satclip_cli", "rasterio", "zarr")) as commands:
        yield World(commands, small_model, tmp_path_factory.mktemp("faults"))


@pytest.fixture(params=WAYS)
def way(request) -> str:
    if not there(request.param):
        pytest.skip("zarr 3, or pyarrow, is not installed")
    return request.param


class Moments:
    """Random moments within the time that a raster takes, which the machine's load decides."""

    def __init__(self, world: World, way: str, seed: int) -> None:
        self._random = random.Random(seed)
        self._seconds = world.whole("a", way)[1]

    def draw(self) -> float:
        return self._random.uniform(0.05, 1.0) * self._seconds

    def learn(self, late: bool) -> None:
        """What came too late says that it takes less."""
        self._seconds *= 0.75 if late else 1.1


def test_kill_9_at_random_moments_leaves_a_whole_output_or_none(world, way):
    finished = 0
    with world.fresh() as folder:
        moments = Moments(world, way, 1)
        for _ in range(TIMES):
            result = world.run(folder, "a", way, signalled=(signal.SIGKILL, moments.draw()))
            moments.learn(late=result.returncode == 0)
            assert result.returncode in (0, -signal.SIGKILL), result.stderr
            output = folder / WAYS[way][0]
            assert output.exists() or result.returncode != 0
            world.check(folder, way, "a")
            finished += result.returncode == 0
            if output.exists():
                shutil.rmtree(output) if output.is_dir() else output.unlink()
        assert world.run(folder, "a", way).returncode == 0
        world.check(folder, way, "a")
        assert not list(folder.glob("*.part"))
    print(f"\n{way}: {TIMES} kills, {finished} too late")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_leave_a_whole_output_or_none_and_nothing_beside_it(world, way, number, code):
    with world.fresh() as folder:
        moments = Moments(world, way, 2)
        for _ in range(max(2, TIMES // 4)):
            result = world.run(folder, "a", way, signalled=(number, moments.draw()))
            moments.learn(late=result.returncode == 0)
            output = folder / WAYS[way][0]
            assert result.returncode in (0, code), result.stderr
            # Between its name and the end of the process it may be there, whole.
            assert output.exists() or result.returncode != 0
            world.check(folder, way, "a")
            left = {path.name for path in folder.iterdir()}
            assert left <= {output.name, f"{output.name}.part"}
            assert "Traceback" not in result.stderr
            kept = f"{output.name}.part" in left and number == signal.SIGINT
            assert ("goes on from there" in result.stderr) == kept or number != signal.SIGINT
            if output.exists():
                shutil.rmtree(output) if output.is_dir() else output.unlink()
        assert world.run(folder, "a", way).returncode == 0
        world.check(folder, way, "a")


@pytest.mark.parametrize("size", [0, 1000, 60_000] if MANY else [60_000])
def test_a_file_that_cannot_grow_is_one_line_and_no_output(world, way, size):
    with world.fresh() as folder:
        result = world.run(folder, "a", way, file_size=size)
        if result.returncode == 0:  # no file of this way is as large
            world.check(folder, way, "a")
            return
        assert result.returncode == 1, result
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, result.stderr
        assert "internal error" not in errors[0]
        assert not (folder / WAYS[way][0]).exists()
        assert world.run(folder, "a", way).returncode == 0
        world.check(folder, way, "a")


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own on a folder, or a skip."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs to be root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_is_one_line_and_goes_on_when_there_is_room(world, way):
    with world.fresh() as folder, mounted(folder, "size=300k"):
        result = world.run(folder, "a", way)
        assert result.returncode == 1, result
        assert sum(line.startswith("Error: ") for line in result.stderr.splitlines()) == 1
        assert "internal error" not in result.stderr
        assert not (folder / WAYS[way][0]).exists()
        subprocess.run(["mount", "-o", "remount,size=100m", str(folder)], check=True)
        assert world.run(folder, "a", way).returncode == 0
        world.check(folder, way, "a")


def test_a_disk_that_is_read_only_is_one_line(world, way):
    with world.fresh() as folder, mounted(folder, "size=10m,ro"):
        result = world.run(folder, "a", way)
        assert (result.returncode, list(folder.iterdir())) == (1, [])
        (line,) = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert "internal error" not in line


def test_a_folder_that_goes_away_is_one_line(world, way):
    seconds = world.whole("a", way)[1]
    for share in (0.3, 0.6, 0.9) if MANY else (0.6,):
        with world.fresh() as folder:
            inside = folder / "inside"
            inside.mkdir()
            # Moved rather than removed, which would wait for what is written.
            clock = threading.Timer(share * seconds, inside.rename, (folder / "elsewhere",))
            clock.start()
            result = world.run(inside, "a", way)
            clock.join()
            assert result.returncode in (0, 1), result
            assert "internal error" not in result.stderr, result.stderr
            assert "Traceback" not in result.stderr
            output = folder / "elsewhere" / WAYS[way][0]
            assert result.returncode == 0 or not output.exists() or mark(output)
            world.check(folder / "elsewhere", way, "a")


@pytest.fixture(scope="module")
def others() -> Iterator[Commands]:
    """Commands beside those of the world."""
    with closing(Commands("satclip_core", "satclip_cli", "rasterio", "zarr")) as commands:
        yield commands


def test_two_processes_with_one_output_leave_one_whole(world, way, small_model, others):
    with world.fresh() as folder, ThreadPoolExecutor(2) as pool:
        second = World(others, small_model, folder)
        results = [
            pool.submit(one.run, folder, which, way) for one, which in ((world, "a"), (second, "b"))
        ]
        codes = [result.result().returncode for result in results]
        assert set(codes) <= {0, 1}
        assert 0 in codes
        world.check(folder, way, "a", "b")
        assert (folder / WAYS[way][0]).exists()


class Disk(RuleBasedStateMachine):
    """Write, kill, resume, overwrite, read, in any order, of two rasters under one name."""

    world: World

    @initialize(way=st.sampled_from([name for name in WAYS if there(name)]))
    def begin(self, way: str) -> None:
        self.way = way
        self.context = self.world.fresh()
        self.folder = self.context.__enter__()
        self.held: str | None = None  # what is known to lie there

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)

    @property
    def output(self) -> Path:
        return self.folder / WAYS[self.way][0]

    def _after(self, which: str, code: int, replaced: bool) -> None:
        """What lies there follows from what lay there and the exit code."""
        if code == 0:
            assert mark(self.output) == self.world.whole(which, self.way)[0]
            self.held = which
        elif code > 0:  # refused: nothing has changed
            assert self.output.exists() == (self.held is not None)
        else:  # killed: the old one, the new one, or, between the two, none
            self.world.check(self.folder, self.way, *{which, self.held or which})
            assert replaced or self.held is None or self.output.exists()
            found = {self.world.whole(one, self.way)[0]: one for one in RASTERS}
            self.held = found[mark(self.output)] if self.output.exists() else None

    @rule(which=st.sampled_from(sorted(RASTERS)))
    def write(self, which: str) -> None:
        result = self.world.run(self.folder, which, self.way)
        assert result.returncode == 1 if self.held else result.returncode in (0, 1)
        if result.returncode == 1 and not self.held:
            assert "was begun for another " in result.stderr
        self._after(which, result.returncode, False)

    @rule(which=st.sampled_from(sorted(RASTERS)))
    def overwrite(self, which: str) -> None:
        result = self.world.run(self.folder, which, self.way, "--overwrite")
        assert result.returncode in (0, 1)
        if result.returncode == 1:
            assert "was begun for another " in result.stderr
        self._after(which, result.returncode, True)

    @rule(which=st.sampled_from(sorted(RASTERS)), share=st.floats(0.05, 1.1),
          more=st.sampled_from([[], ["--overwrite"]]))  # fmt: skip
    def kill(self, which: str, share: float, more: list[str]) -> None:
        moment = share * self.world.whole(which, self.way)[1]
        result = self.world.run(
            self.folder, which, self.way, *more, signalled=(signal.SIGKILL, moment)
        )
        self._after(which, result.returncode, bool(more))

    @rule()
    def clear_what_was_begun(self) -> None:
        shutil.rmtree(self.folder / f"{self.output.name}.part", ignore_errors=True)

    @invariant()
    def what_can_be_read_is_whole(self) -> None:
        if hasattr(self, "folder"):
            self.world.check(self.folder, self.way, *RASTERS)


def test_write_kill_resume_overwrite_read(world):
    machine = type("Here", (Disk,), {"world": world})
    for one in RASTERS:
        for way in WAYS:
            if there(way):
                world.whole(one, way)
    machine.TestCase.settings = settings(
        max_examples=TIMES if MANY else 3,
        stateful_step_count=8 if MANY else 5,
        deadline=None,
        derandomize=not MANY,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()
