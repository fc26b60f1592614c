"""Results of an evaluation as tables: means, paired tests, published scores, CSV and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError
from satclip_core.models.published import PUBLISHED as PUBLISHED_MODELS

from ...settings.run_files import read_yaml
from ..over_runs import deviation
from .cell_scores import CURVE
from .significance import LEVEL, Difference, corrected_t_test, holm
from .splits import RANDOM

PUBLISHED = Path(__file__).with_name("published-scores.yaml")
LEAKED, AHEAD, BEHIND = "†", "▲", "▼"
NOTE = (
    f"{LEAKED} the label, or what gives it away, is among the encoder's inputs: not comparable. "
    f"{AHEAD} ahead of the first encoder, {BEHIND} behind it, by the corrected resampled t-test "
    f"with Holm's correction over a row, p < {LEVEL:g}."
)


@dataclass(frozen=True)
class Entry:
    """One encoder on one task by one split and head.

    Attributes:
        scores: of each run: R², or accuracy of classes.
        record: all that is known of it.
        leaked: whether the encoder has seen the label.
        difference: to the first encoder; None for that itself.
        chance: p with Holm's correction over the encoders of the row.
    """

    scores: tuple[float, ...]
    record: Mapping[str, Any]
    leaked: bool
    difference: Difference | None = None
    chance: float = 1.0

    @property
    def mean(self) -> float:
        """Of the runs."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Of the runs, as of a sample."""
        return deviation(self.scores)

    @property
    def mark(self) -> str:
        """What stands behind the number."""
        found = LEAKED if self.leaked else ""
        if self.difference is not None and self.chance < LEVEL:
            found += AHEAD if self.difference.mean > 0 else BEHIND
        return found


Row = dict[str, Entry]


class Tables:
    """Results by split, head, task and encoder.

    Args:
        results: of `suite.evaluate`.
    """

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.encoders = [one["name"] for one in results["encoders"]]
        self.leaks = {one["name"]: set(one["leaks"]) for one in results["encoders"]}
        self.tasks = [one["name"] for one in results["tasks"]]
        self.classes = {one["name"]: bool(one["classes"]) for one in results["tasks"]}
        self.curves: dict[str, dict[str, Any]] = {}
        found: dict[tuple[str, str], dict[str, Row]] = {}
        for record in results["records"]:
            if record["head"] == CURVE:
                self.curves.setdefault(record["task"], {})[record["encoder"]] = record
                continue
            rows = found.setdefault((record["split"], record["head"]), {})
            measure = self.measure(record["task"])
            entry = Entry(
                tuple(float(run[measure]) for run in record["runs"]),
                record,
                record["task"] in self.leaks[record["encoder"]],
            )
            rows.setdefault(record["task"], {})[record["encoder"]] = entry
        self._rows = {
            key: {task: self._tested(rows[task]) for task in self.tasks if task in rows}
            for key, rows in found.items()
        }

    def measure(self, task: str) -> str:
        """Of a task, as records name it."""
        return "accuracy" if self.classes[task] else "r2"

    def rows(self, split: str, head: str) -> dict[str, Row]:
        """Entries by task and encoder; empty where none was asked for."""
        return self._rows.get((split, head), {})

    def splits(self, head: str) -> list[str]:
        """Splits that have scores of a head."""
        return [split for split, own in self._rows if own == head]

    def _tested(self, row: Row) -> Row:
        """A row with its entries compared with the first encoder's."""
        first = row.get(self.encoders[0])
        if first is None:
            return row
        others = [name for name in row if name != self.encoders[0]]
        differences = [
            corrected_t_test(row[name].scores, first.scores, row[name].record["test_to_train"])
            for name in others
        ]
        chances = holm([one.p for one in differences])
        for name, difference, chance in zip(others, differences, chances):
            old = row[name]
            row[name] = Entry(old.scores, old.record, old.leaked, difference, chance)
        return row

    def csv_rows(self) -> Iterator[list[str]]:
        """Rows of `CSV_HEADER`."""
        for (split, head), rows in self._rows.items():
            for task, row in rows.items():
                for name in (one for one in self.encoders if one in row):
                    yield self._csv_row(split, head, task, name, row[name])

    def _csv_row(self, split: str, head: str, task: str, name: str, entry: Entry) -> list[str]:
        difference = entry.difference
        return [
            name, task, split, head, self.measure(task), str(len(entry.scores)),
            f"{entry.mean:.4f}", f"{entry.deviation:.4f}",
            "" if difference is None else f"{difference.mean:.4f}",
            "" if difference is None else f"{entry.chance:.4g}",
            "yes" if entry.leaked else "no",
        ]  # fmt: skip

    def markdown(self, split: str, head: str, encoders: Sequence[str] | None = None) -> str:
        """A table: a row for each task, a column for each encoder."""
        names = [name for name in encoders or self.encoders if name in self.encoders]
        lines = [
            f"| task | measure | {' | '.join(names)} |",
            f"| --- | --- |{' ---: |' * len(names)}",
        ]
        for task, row in self.rows(split, head).items():
            measure = "accuracy" if self.classes[task] else "R²"
            cells = [
                f"{row[name].mean:.3f}{' ' + LEAKED if row[name].leaked else ''}"
                if name in row
                else "–"
                for name in names
            ]
            lines.append(f"| {task.replace('_', ' ')} | {measure} | {' | '.join(cells)} |")
        return "\n".join(lines)


_MARKED = re.compile(
    r"(<!-- evaluation: ([\w-]+)(?: ([\w:.-]+))?(?: \(([^)]*)\))? -->\n)"
    r".*?(<!-- evaluation: end -->)",
    re.DOTALL,
)
OURS = (*PUBLISHED_MODELS, "geoclip", "identity", "mosaiks", "bundled")
"""Encoders that stand beside published scores, where they were evaluated."""


def put_tables(path: Path, tables: Tables) -> None:
    """Replace the tables of a text that stand between its marks.

    `<!-- evaluation: HEAD SPLIT (ENCODER, ENCODER) -->` begins one, of all encoders where none is
    named, `<!-- evaluation: published -->` one of published scores beside ours;
    `<!-- evaluation: end -->` ends it.

    Raises:
        InputError: no such file, no marks in it, or marks of what was not evaluated.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error

    def filled(found: re.Match[str]) -> str:
        begins, head, split, names, ends = found.groups()
        if head == "published":
            return f"{begins}{published_markdown(tables)}\n{ends}"
        if not tables.rows(split or "", head):
            raise InputError(f"{path}: there are no scores of {head} {split}")
        encoders = [name.strip() for name in names.split(",")] if names else None
        return f"{begins}{tables.markdown(split, head, encoders)}\n{ends}"

    made, count = _MARKED.subn(filled, text)
    if not count:
        raise InputError(f"{path} has no marks like <!-- evaluation: mlp random --> to fill")
    path.write_text(made, "utf-8")


CSV_HEADER = (
    "encoder", "task", "split", "head", "measure", "runs", "mean", "sd", "difference_to_first",
    "p_holm", "label_seen",
)  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A published table beside ours.

    Attributes:
        title: of the table.
        source: who published it, and how it was measured.
        head: of ours that stands beside it.
        tasks: of each what the data are, and scores by the published names.
    """

    title: str
    source: str
    head: str
    tasks: Mapping[str, Mapping[str, Any]]


def published_markdown(tables: Tables) -> str:
    """Published tables beside ours, a row for each task."""
    parts = []
    for one in published_tables():
        rows = tables.rows(RANDOM, one.head)
        known = {task: said for task, said in one.tasks.items() if task in rows}
        if not known:
            continue
        names = list(dict.fromkeys(name for said in known.values() for name in said["scores"]))
        ours = [name for name in OURS if name in tables.encoders]
        heads = [*names, *(f"ours: {name}" for name in ours)]
        parts += [f"**{one.title}** ({one.source})", ""]
        parts += [f"| task | {' | '.join(heads)} | data |"]
        parts += [f"| --- |{' ---: |' * len(heads)} --- |"]
        for task, said in known.items():
            cells = [f"{said['scores'][n]:.3f}" if n in said["scores"] else "–" for n in names]
            own = (rows[task].get(name) for name in ours)
            cells += ["–" if e is None else f"{e.mean:.3f}{LEAKED * e.leaked}" for e in own]
            parts.append(f"| {task.replace('_', ' ')} | {' | '.join(cells)} | {said['data']} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def published_tables() -> list[Published]:
    """The tables of `published-scores.yaml`."""
    return [Published(**one) for one in read_yaml(PUBLISHED)["tables"]]
