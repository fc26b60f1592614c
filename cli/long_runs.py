"""Commands that train or fit for minutes and hours: their options, their lines, Ctrl-C."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from satclip_core.errors import require
from satclip_core.files import check_target

from .messages import quiet, tell

if TYPE_CHECKING:
    from satclip_training.run.pretraining import RunOptions


def data_root_option(of: str) -> Callable[[Any], Any]:
    """`--data-root`, the folder of the files that something names."""
    return click.option(
        "--data-root",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Folder of the files that {of} (or SATCLIP_DATA).",
    )


def seeds_option(of: str) -> Callable[[Any], Any]:
    """`--seeds`, how many runs there are of something."""
    return click.option(
        "--seeds", default=3, show_default=True, type=click.IntRange(min=1), metavar="N",
        help=f"{of}, with the seeds 0 to N - 1.",
    )  # fmt: skip


def set_option(of: str, example: str = "training.epochs=5") -> Callable[[Any], Any]:
    """`--set`, given to a command as `overrides`: a setting of the configuration is changed."""
    return click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE",
        help=f"Change a setting{of}, as in {example}; may be given again.",
    )  # fmt: skip


def folder_option(default: str, keeps: str) -> Callable[[Any], Any]:
    """`--folder`, which keeps what is finished."""
    return click.option(
        "--folder", default=default, show_default=True, metavar="FOLDER",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Keeps finished {keeps}; a second call goes on from there.",
    )  # fmt: skip


def table_option(default: str, beside: str = "") -> Callable[[Any], Any]:
    """`--output`, a CSV, and what is said of the files beside it."""
    return click.option(
        "-o", "--output", default=default, show_default=True, metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Table to write (CSV), in place of what is there{beside}.",
    )  # fmt: skip


def check_named_csv(output: Path) -> None:
    """Refuse a table whose name is no CSV's.

    Raises:
        click.UsageError: it does not end in .csv.
    """
    if output.suffix.lower() != ".csv":
        raise click.UsageError(f"{output} must end in .csv")


def check_can_be_written(*targets: Path) -> None:
    """Refuse what cannot be written before the hours of training; folders may yet be missing.

    Raises:
        OutputError: see `check_target`.
    """
    for target in targets:
        folder = next(parent for parent in target.absolute().parents if parent.exists())
        check_target(folder / target.name, overwrite=True)


@dataclass(frozen=True)
class Study:
    """The options of an experiment that pretrains encoders, as they were given."""

    data_root: Path | None
    seeds: int
    overrides: tuple[str, ...]
    folder: Path
    output: Path

    def check(self, purpose: str, *modules: str) -> None:
        """Whether its table has a name and what it imports is there, before anything is read.

        Args:
            purpose: the command, for the message.
            modules: that it needs beside torch, of the extra `reproduce`.

        Raises:
            click.UsageError: the table is no CSV by its name.
            MissingDependencyError: something is not installed.
        """
        check_named_csv(self.output)
        for module in ("torch", "yaml"):
            require(module, extra="train", purpose=purpose)
        for module in modules:
            require(module, extra="reproduce", purpose=purpose)
        from satclip_training.settings.packages import import_beside_torch

        import_beside_torch("lightning", extra="train", purpose=purpose)

    @contextmanager
    def running(self, config: Path) -> Iterator[RunOptions]:
        """How its encoders are trained; Ctrl-C asks to stop within.

        Args:
            config: beside which files are looked for, too.

        Raises:
            OutputError: the table cannot be written.
        """
        from satclip_training.run.pretraining import RunOptions
        from satclip_training.settings.run_files import locations

        check_can_be_written(self.output)
        tell_lines()
        stop = StopOnInterrupt(tells=True)
        with stop:
            places = locations(config, self.data_root)
            yield RunOptions(places, self.folder, self.data_root, None, stop.asked)


class _Lines(logging.Handler):
    """The run's own lines, with the time: progress of minutes and hours, so not only with -v."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if record.levelno > logging.INFO or not quiet():
            tell(f"{time.strftime('%H:%M:%S')}  {record.getMessage()}")


def tell_lines() -> None:
    """Print what training tells while it goes."""
    logger = logging.getLogger("satclip_training")
    logger.handlers[:] = [_Lines()]
    logger.setLevel(min(logging.INFO, logger.level or logging.INFO))
    logger.propagate = False


class StopOnInterrupt:
    """Turns the first Ctrl-C into a request to save and stop; the second one kills.

    SIGTERM asks for the same: torchrun passes Ctrl-C on with it, a scheduler sends it some time
    before it kills.
    """

    def __init__(self, *, tells: bool) -> None:
        self._asked, self._tells = False, tells
        self._before: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._asked

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: Any) -> None:
        if self._asked:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._asked = True
        if self._tells:
            tell("Stopping after this step; once more to stop at once")
