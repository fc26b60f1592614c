"""The real command, as a process of its own in an empty directory."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import pytest
from forked import Commands, Run

COMMAND = [sys.executable, "-m", "satclip_cli"]
RASTERS = ("raster", "similarity", "rgb", "clusters", "map", "predict")
TRAINING = ("evaluate", "train", "reproduce")


@pytest.fixture
def begun(tmp_path: Path) -> Callable[[subprocess.Popen[str]], None]:
    """Wait until the process has begun to write its output, in a folder of its own."""

    def wait(process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            for path in tmp_path.glob(".*/*"):
                with suppress(FileNotFoundError):  # side files come and go
                    if path.stat().st_size:
                        return
            time.sleep(0.02)

    return wait


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path, small_model: Path) -> Run:
    """Run `satclip` in `tmp_path`; the raster commands with the small model, if none is given.

    `started`: by a Python of its own, as people do; else forked off one that is there.
    """

    def run(
        *args: object, started: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        words = [str(arg) for arg in args]
        if words and words[0] in RASTERS and "--model" not in words:
            words += ["--model", str(small_model)]
        options = {"cwd": tmp_path, "timeout": 120, **options}
        if not started:
            name = "training_commands" if words[0] in TRAINING else "commands"
            commands: Commands = request.getfixturevalue(name)
            return commands.run(words, **options)
        return subprocess.run([*COMMAND, *words], capture_output=True, text=True, **options)

    return run


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Callable[..., str]:
    """Run what must fail: exit code 1 or 2, one line of error, no file left; gives the line."""

    def refused(*args: object, code: int | None = None, **options: Any) -> str:
        before = sorted(tmp_path.rglob("*"))
        result = run(*args, **options)
        lines = result.stderr.splitlines()
        assert result.returncode in ((1, 2) if code is None else (code,)), result
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("Error: ")
        assert result.stdout == ""
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0]

    return refused
