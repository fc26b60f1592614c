"""What the table's numbers become: a CSV, a table in docs/maps.md, a figure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

METHODS = ("auto", "gaussian", "linear", "kriging", "k-NN", "forest")
RIVALS = METHODS[1:]
_CLOSE = 0.01
_HEAD = ("task", "samples", "places", *METHODS, "cover", "calibration")
_BEGIN, _END = "<!-- begin {name} -->", "<!-- end {name} -->"

Row = dict[str, Any]


def write_results(rows: Sequence[Row], model: str, docs: Path) -> str:
    """Write all three, and say what they show in a few lines."""
    (docs / "results").mkdir(parents=True, exist_ok=True)
    _write_csv(rows, docs / "results" / "maps.csv")
    said = summary(rows)
    page = [f"Model: {model}.", "", *said, "", *_table(rows)]
    replace_part(docs / "maps.md", "table", "\n".join(page))
    _draw(rows, docs / "results" / "maps.png")
    return "\n".join(said)


def summary(rows: Sequence[Row]) -> list[str]:
    """How often the default is best or near it, and how honest."""
    gaps = np.array([row["auto"] - max(row[name] for name in RIVALS) for row in rows])
    drawn: dict[int, int] = {}
    for row in rows:
        drawn[row["size"]] = min(row["draws"], drawn.get(row["size"], row["draws"]))
    lines = [
        "- Draws of each cell, of which the means stand here: "
        + ", ".join(f"{count} of {size:,}" for size, count in sorted(drawn.items()))
        + " samples.",
        f"- {len(rows)} cells: `auto` is within {_CLOSE} of the best of the others in "
        f"{100 * np.mean(gaps >= -_CLOSE):.0f} %, best in {100 * np.mean(gaps >= 0):.0f} %; the "
        f"others are so in "
        + ", ".join(f"{100 * _within(rows, name):.0f} % ({name})" for name in RIVALS)
        + f". Its score less that of the best of the others is {gaps.mean():+.3f} in the mean, "
        f"{gaps.min():+.3f} at worst.",
    ]
    covers = [row for row in rows if "cover" in row]
    for kind in ("random", "2° blocks", "10° blocks"):
        some = [row["cover"] for row in covers if row["split"] == kind]
        if some:
            inside = np.mean([0.87 <= cover <= 0.93 for cover in some])
            lines.append(
                f"- Places {_where(kind)}: intervals of 90 % hold {100 * np.mean(some):.1f} % of "
                f"the true values in the mean of the cells, 87 to 93 % in {100 * inside:.0f} % of "
                "them."
            )
    return [*lines, *_calibration([row for row in rows if "calibration" in row])]


def _calibration(rows: Sequence[Row]) -> list[str]:
    """How far probabilities are off, in all and by the number of samples."""
    if not rows:
        return []
    errors: dict[int, list[float]] = {}
    for row in rows:
        errors.setdefault(row["size"], []).append(row["calibration"])
    every = [row["calibration"] for row in rows]
    by_size = ", ".join(f"{np.mean(own):.3f} of {size:,}" for size, own in sorted(errors.items()))
    return [
        f"- Probabilities: the expected calibration error is {np.mean(every):.3f} in the mean of "
        f"the cells of classes, {max(every):.3f} at most, below 0.05 in "
        f"{sum(error < 0.05 for error in every)} of {len(every)}; by the number of samples "
        f"{by_size}."
    ]


def _within(rows: Sequence[Row], name: str) -> float:
    """The share of cells in which a method is near the best of all."""
    return float(np.mean([row[name] >= max(row[one] for one in METHODS) - _CLOSE for row in rows]))


def _where(split: str) -> str:
    return "at random" if split == "random" else f"in other {split}"


def replace_part(page: Path, name: str, text: str) -> None:
    """Put text between the two marks of a name; at the end of the page where it has none."""
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    old = page.read_text("utf-8") if page.exists() else ""
    if begin not in old:
        old += f"\n{begin}\n{end}\n"
    head, rest = old.split(begin, 1)
    tail = rest.split(end, 1)[1]
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}", "utf-8")


def _table(rows: Sequence[Row]) -> list[str]:
    lines = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    for row in rows:
        best = max(row[name] for name in METHODS)
        scores = [
            f"**{row[name]:.3f}**" if row[name] >= best - 5e-4 else f"{row[name]:.3f}"
            for name in METHODS
        ]
        cover = f"{100 * row['cover']:.0f} %" if "cover" in row else ""
        calibration = f"{row['calibration']:.3f}" if "calibration" in row else ""
        size = f"{row['samples']:,}"
        lines.append(
            f"| {row['task']} | {size} | {row['split']} | {' | '.join(scores)} | {cover} "
            f"| {calibration} |"
        )
    return lines


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})


# Okabe and Ito's colours, which colour-blind people tell apart.
_COLOURS = ("#000000", "#0072B2", "#009E73", "#D55E00", "#E69F00", "#CC79A7")


def _draw(rows: Sequence[Row], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    tasks = list(dict.fromkeys(row["task"] for row in rows))
    splits = list(dict.fromkeys(row["split"] for row in rows))
    figure, axes = plt.subplots(
        len(splits), len(tasks), figsize=(2.1 * len(tasks), 2.2 * len(splits)), squeeze=False
    )
    for down, split in enumerate(splits):
        for right, task in enumerate(tasks):
            own = [row for row in rows if row["task"] == task and row["split"] == split]
            _panel(axes[down][right], sorted(own, key=lambda row: row["size"]))
            if down == 0:
                axes[down][right].set_title(task, fontsize=9)
            if right == 0:
                axes[down][right].set_ylabel(f"{split}\nR² or accuracy", fontsize=8)
            if down == len(splits) - 1:
                axes[down][right].set_xlabel("samples", fontsize=8)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncol=len(names), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axes: Any, rows: Sequence[Row]) -> None:
    """Scores by the number of samples."""
    if not rows:
        axes.set_axis_off()
        return
    sizes = [row["samples"] for row in rows]
    for name, colour in zip(METHODS, _COLOURS):
        wide = 2.2 if name == "auto" else 1.0
        scores = [row[name] for row in rows]
        axes.plot(sizes, scores, "o-", color=colour, lw=wide, ms=2.5, label=name)
    axes.set_xscale("log")
    best = [max(row[name] for name in METHODS) for row in rows]
    least = [min(max(row[name], -0.1) for name in METHODS) for row in rows]
    axes.set_ylim(min(least) - 0.03, min(max(best) + 0.05, 1.0))
    axes.set_xlim(80, 25_000)
    axes.set_xticks([100, 1000, 10_000])
    axes.minorticks_off()
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3, lw=0.4)
