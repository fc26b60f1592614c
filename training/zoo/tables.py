"""Results as text and as CSV: our numbers, beside the paper's where it has them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from satclip_core.errors import OutputError
from satclip_core.files import written_whole

from .study import Result

FAR = 1.0
"""Points of accuracy from the paper beyond which a cell is marked."""

Paper = Mapping[tuple[str, str], float]


def is_far(result: Result, paper: Paper) -> bool:
    """Whether a cell's mean, in percent, is more than a point away from the paper's."""
    wanted = paper.get((result.cell.encoding, result.cell.network))
    return wanted is not None and abs(round(100 * result.mean, 1) - wanted) > FAR + 1e-9


def versus_paper(results: Sequence[Result], paper: Paper) -> str:
    """Table of encodings by networks: mean ± deviation in percent, the paper's number, a mark."""
    networks = list(dict.fromkeys(result.cell.network for result in results))
    by_cell = {(r.cell.encoding, r.cell.network): r for r in results}
    rows = [["ENCODING", *(word for name in networks for word in (name.upper(), "PAPER"))]]
    for encoding in dict.fromkeys(result.cell.encoding for result in results):
        row = [encoding]
        for network in networks:
            result = by_cell.get((encoding, network))
            row += ["-", "-"] if result is None else _cells(result, paper)
        rows.append(row)
    far = sum(is_far(result, paper) for result in results)
    note = f"* more than {FAR:g} point from the paper: {far} of {len(results)} cells"
    return f"{aligned(rows)}\n{note}"


def _cells(result: Result, paper: Paper) -> list[str]:
    wanted = paper.get((result.cell.encoding, result.cell.network))
    mark = "*" if is_far(result, paper) else ""
    ours = f"{100 * result.mean:.1f} ± {100 * result.deviation:.1f}"
    return [ours, "-" if wanted is None else f"{wanted:.1f}{mark}"]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns of one width."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a CSV, in place of what is there; its folder is made.

    Raises:
        OutputError: it cannot be written.
    """
    make_folder(path)
    with (
        written_whole(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def make_folder(path: Path) -> None:
    """Make the folder of an output.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path.parent}: {error.strerror}") from error


def land_ocean_rows(results: Sequence[Result], paper: Paper) -> list[list[Any]]:
    """Rows of encoding, network, mean, sd, paper; percent."""
    return [
        [
            result.cell.encoding,
            result.cell.network,
            f"{100 * result.mean:.2f}",
            f"{100 * result.deviation:.2f}",
            paper.get((result.cell.encoding, result.cell.network), ""),
        ]
        for result in results
    ]
