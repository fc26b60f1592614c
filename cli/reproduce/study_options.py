"""Options of experiments that train or fit in a folder and write a table, and its check."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import click

from satclip_core.files import check_target


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
