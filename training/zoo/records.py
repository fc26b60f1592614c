"""What a run folder keeps: finished runs as JSON lines, predictions for the map."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import OutputError
from satclip_core.files import written_whole
from satclip_core.types import Floats

from ..settings.schema import plain
from .cell_settings import CellSettings, relevant
from .cell_training import Budget, Problem

Record = dict[str, Any]


class Records:
    """Finished runs below a folder; a line is written when its run is done.

    Args:
        folder: the run folder; made where it is missing.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "runs.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
        self._lines = {entry["key"]: entry for entry in self._read()}

    def _read(self) -> list[Record]:
        if not self._path.exists():
            return []
        entries = []
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                entries.append({**entry, "key": entry["key"], "score": float(entry["score"])})
            except (ValueError, TypeError, KeyError):  # cut off by a crash: its run is done again
                continue
        return entries

    def get(self, key: str) -> Record | None:
        """The finished run of that key, if there is one."""
        return self._lines.get(key)

    def add(self, key: str, entry: Record) -> Record:
        """Keep a finished run."""
        entry = {"key": key, **entry}
        before = self._path.read_bytes()[-1:] if self._path.exists() else b"\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(("" if before == b"\n" else "\n") + json.dumps(entry) + "\n")
        self._lines[key] = entry
        return entry

    def keep_prediction(self, key: str, predicted: Floats) -> None:
        """Keep a run's outputs at the test places, in float16."""
        path = self.folder / f"prediction-{key}.npy"
        with written_whole(path, overwrite=True) as temporary:
            np.save(temporary, predicted.astype(np.float16))

    def prediction(self, key: str) -> NDArray[np.float16] | None:
        """Outputs that were kept of a run: (N, dim_out); None where there are none."""
        path = self.folder / f"prediction-{key}.npy"
        try:
            return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError):  # not there, or damaged: a figure goes without
            return None


def run_key(
    problem: Problem, encoding: str, network: str, settings: CellSettings, budget: Budget, seed: int
) -> str:
    """What a run is made of, as 16 hexadecimal digits: another problem or setting, another key."""
    values = plain(settings)
    used = {name: values[name] for name in relevant(encoding, network)}
    content = [problem_digest(problem), encoding, network, used, asdict(budget), seed]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def problem_digest(problem: Problem) -> str:
    """The places and labels of a problem, as 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{problem.name} {problem.kind} {problem.dim_out}".encode())
    for part in (problem.train, problem.validation, problem.test):
        digest.update(np.ascontiguousarray(part.lonlat).tobytes())
        digest.update(np.ascontiguousarray(part.target).tobytes())
    return digest.hexdigest()[:16]
