"""Seconds of the wall and of processors: minima of runs that take turns with their references."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Taken:
    """What a run took, the least of several.

    Attributes:
        wall: seconds.
        processors: seconds of all threads of this process.
    """

    wall: float
    processors: float


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Attributes:
        group: "points", "grids", ….
        name: what was measured.
        value: how much or how fast.
        unit: of the value.
        ratio: times the reference's value; None where there is none.
        reference: what that is.
    """

    group: str
    name: str
    value: float
    unit: str
    ratio: float | None = None
    reference: str = ""


def in_turn(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Taken]:
    """Run each, one after the other and again: who slows one down slows down the others too."""
    least: dict[str, Taken] = {}
    for work in runs.values():
        work()  # what only the first run pays for
    for _ in range(rounds):
        for name, work in runs.items():
            wall, processors = time.perf_counter(), time.process_time()
            work()
            taken = Taken(time.perf_counter() - wall, time.process_time() - processors)
            before = least.get(name, taken)
            least[name] = Taken(
                min(before.wall, taken.wall), min(before.processors, taken.processors)
            )
    return least


def machine() -> dict[str, str | int | float]:
    """The machine, as far as it says: processor, cores, load, versions."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8").splitlines()
        name = next((x.partition(": ")[2] for x in lines if x.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "processor": name,
        "cores": cores or 1,
        "load before": round(load, 1),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
    }


def table(figures: list[Figure]) -> str:
    """All figures as Markdown."""
    lines = ["| | | | ratio | to |", "|---|---|---:|---:|---|"]
    group = ""
    for figure in figures:
        shown = "" if figure.group == group else figure.group
        group = figure.group
        ratio = "" if figure.ratio is None else rounded(figure.ratio)
        lines.append(
            f"| {shown} | {figure.name} | {rounded(figure.value)} {figure.unit} | {ratio} "
            f"| {figure.reference} |"
        )
    return "\n".join(lines)


def rounded(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        digits = 3 - len(str(int(value)))
        return f"{int(round(value, digits)):,}"
    return f"{value:.3g}"


def plain(figures: list[Figure]) -> list[dict[str, object]]:
    """For JSON."""
    return [asdict(figure) for figure in figures]
