"""Commands on inputs that nobody means, as processes with bounds on their time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from forked import Commands
from fuzzing import EXAMPLES, MEMORY, SECONDS, SEEN


@pytest.fixture(scope="session")
def tried() -> set[str]:
    """The distinct inputs so far."""
    return SEEN


@pytest.fixture(scope="session", autouse=True)
def _figures() -> Iterator[None]:
    yield
    print(f"\n{len(SEEN)} distinct inputs, {EXAMPLES} examples of each kind")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where inputs of a module are written."""
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="session")
def survives(commands: Commands) -> Callable[..., None]:
    """Run a command on whatever input: done or one line of error, soon, in bounded memory."""

    def survives(words: list[str], cwd: Path, output: str | None = None) -> None:
        result = commands.run(words, cwd=cwd, timeout=SECONDS, memory=MEMORY)
        said = [line for line in result.stderr.splitlines() if not line.startswith("Warning: ")]
        assert result.returncode in (0, 1, 2), result
        assert "Traceback" not in result.stderr, result
        assert "internal error" not in result.stderr, result
        assert "not enough memory" not in result.stderr, result
        if result.returncode:
            assert [line.startswith("Error: ") for line in said[-1:]] == [True], result
            assert sum(line.startswith("Error: ") for line in said) == 1, result
            assert result.stdout == "", result
        if output is not None:
            assert (cwd / output).exists() == (result.returncode == 0), result
            (cwd / output).unlink(missing_ok=True)
        assert not [path.name for path in cwd.iterdir() if path.name.startswith(f".{output}")]

    return survives
