"""Scores kept by what they are of, so that a command that was stopped goes on from there.

Whatever scores many things does so one after the other by `in_order`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from satclip_core.errors import CancelledError, OutputError
from satclip_core.files import written_whole
from satclip_core.types import Cancelled, Progress

T = TypeVar("T")

Values = dict[str, Any]
"""Plain values, as JSON has them."""


def in_order(
    work: Iterable[Callable[[], T]],
    count: int,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> list[T]:
    """Do one thing after the other.

    Args:
        work: what is done; taken one at a time, so that what each holds can be let go.
        count: things in all.
        progress: told (things done, things in all).
        cancelled: asked before each.

    Raises:
        CancelledError: stopped; what was kept is there when the same command goes on.
    """
    made = []
    for number, one in enumerate(work, start=1):
        if cancelled is not None and cancelled():
            raise stopped()
        made.append(one())
        if progress is not None:
            progress(number, count)
    return made


def stopped() -> CancelledError:
    """The error of work that was stopped between two things that are kept."""
    return CancelledError("stopped; the same command goes on from here")


class KeptScores:
    """A folder of scores, a small file for each.

    Args:
        folder: made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: Mapping[str, Any]) -> Values | None:
        """Scores of a key; None where they are not kept, or their file is damaged.

        Args:
            key: plain values, everything that the scores follow from.
        """
        try:
            kept = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("key") != json.loads(_text(key)):
            return None
        values: Values = kept["values"]
        return values

    def get(self, key: Mapping[str, Any], compute: Callable[[], Values]) -> Values:
        """Scores of a key, computed and kept where they are not there.

        Raises:
            OutputError: they cannot be kept.
        """
        found = self.find(key)
        if found is not None:
            return found
        values, file = compute(), self._file(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_whole(file, overwrite=True) as partial:
                text = json.dumps({"key": dict(key), "values": values}, indent=1)
                partial.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"scores cannot be kept in {self.folder}: {error.strerror}"
            ) from error
        return values

    def _file(self, key: Mapping[str, Any]) -> Path:
        return self.folder / f"{hashlib.sha256(_text(key).encode()).hexdigest()[:20]}.json"


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
