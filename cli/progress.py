"""Progress: a bar with rate and time left on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from . import messages

Report = Callable[[int, int], None]

# Without a terminal: at most one line in so many seconds, and none for what is quickly done.
_LOG_SECONDS = 10.0


@contextmanager
def progress(label: str, unit: str) -> Iterator[Report]:
    """A function to report (done, total) to, for as long as the block lasts.

    Args:
        label: what is being done, e.g. the name of the output.
        unit: of what is counted, e.g. "px" or "B"; rates are given as "120 kpx/s".
    """
    if messages.quiet():
        yield lambda done, total: None
    elif sys.stderr is not None and sys.stderr.isatty():
        with _bar(label, unit) as report:
            yield report
    else:
        yield _log_lines(label, unit)


def quantity(value: float, unit: str) -> str:
    """A number with an SI prefix: 1536000 px -> "1.54 Mpx"."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder.

    Raises:
        OSError: it is not there.
    """
    files = [file for file in path.rglob("*") if file.is_file()] or [path]
    return sum(file.stat().st_size for file in files)


def duration(seconds: float) -> str:
    """Seconds as a person says them: "8 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _log_lines(label: str, unit: str) -> Report:
    start = last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _LOG_SECONDS or done == 0:
            return
        last = now
        rate = done / (now - start)
        share = f"{done / total:.0%} of {quantity(total, unit)}" if total else quantity(done, unit)
        left = f", {duration((total - done) / rate)} left" if total else ""
        messages.tell(f"{label}: {share}, {quantity(rate, unit)}/s{left}")

    return report


@contextmanager
def _bar(label: str, unit: str) -> Iterator[Report]:
    # Imported here: rich takes 60 ms, and most logs have no terminal.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    ]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None, rate="")
        start = time.monotonic()

        def report(done: int, total: int) -> None:
            seconds = time.monotonic() - start
            rate = f"{quantity(done / seconds, unit)}/s" if done and seconds > 0 else ""
            bar.update(task, completed=done, total=total or None, rate=rate)

        messages.attach(console)
        try:
            yield report
        finally:
            messages.attach(None)
