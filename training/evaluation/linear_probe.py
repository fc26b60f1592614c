"""Linear probes: how much of a task a ridge regression reads from frozen embeddings.

Embeddings standardised on the training part, split 30/10/60 into training, validation and test,
penalty chosen on validation, R² (or accuracy, for classes by regression on indicators) on test,
mean of three splits. Whoever compares many settings does so on splits of other seeds than those
that are reported.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_core.types import Floats

from .tasks import NO_LEAKS, Task

PENALTIES = np.logspace(-3, 5, 25)
SPLITS = 3
TRAINING_SHARE, VALIDATION_SHARE = 0.3, 0.1
LEAKED = " †"
LEAK_NOTE = "† the encoder was trained on imagery that gives this label away; not comparable."

Embed = Callable[[Floats], ArrayLike]
Scores = dict[str, float]


def score(
    embeddings: ArrayLike, target: NDArray[Any], *, classes: bool = False, split_seed: int = 0
) -> float:
    """Mean test score of a ridge probe over three splits.

    Args:
        embeddings: (N, dim).
        target: (N,) numbers, or class codes.
        classes: score accuracy instead of R².
        split_seed: of the first split; the others follow.
    """
    values = np.asarray(embeddings, np.float64)
    wanted = (target[:, None] == np.unique(target)).astype(float) if classes else None
    wanted = target[:, None].astype(np.float64) if wanted is None else wanted
    seeds = range(split_seed, split_seed + SPLITS)
    return float(np.mean([_split_score(values, wanted, seed, classes) for seed in seeds]))


def _split_score(values: Floats, wanted: Floats, seed: int, classes: bool) -> float:
    order = np.random.RandomState(seed).permutation(len(values))
    first = int(TRAINING_SHARE * len(values))
    second = int((TRAINING_SHARE + VALIDATION_SHARE) * len(values))
    train, check, test = order[:first], order[first:second], order[second:]
    mean, deviation = values[train].mean(0), values[train].std(0) + 1e-9
    scaled = (values - mean) / deviation
    offset = wanted[train].mean(0)
    eigenvalues, axes = np.linalg.eigh(scaled[train].T @ scaled[train])
    response = axes.T @ (scaled[train].T @ (wanted[train] - offset))
    rotated = scaled[check] @ axes
    candidates = [response / (eigenvalues + penalty)[:, None] for penalty in PENALTIES]
    grade = _accuracy if classes else _r2
    best = max(candidates, key=lambda c: grade(rotated @ c + offset, wanted[check]))
    return grade(scaled[test] @ axes @ best + offset, wanted[test])


def _r2(predicted: Floats, wanted: Floats) -> float:
    rest = ((predicted - wanted) ** 2).sum()
    return float(1 - rest / max(((wanted - wanted.mean()) ** 2).sum(), 1e-30))


def _accuracy(predicted: Floats, wanted: Floats) -> float:
    return float((predicted.argmax(1) == wanted.argmax(1)).mean())


def run_probes(embed: Embed, tasks: Iterable[Task], *, split_seed: int = 0) -> Scores:
    """Score an encoder, a function of (N, 2) degrees, on tasks."""
    return {
        task.name: score(
            embed(task.lonlat), task.target, classes=task.classes, split_seed=split_seed
        )
        for task in tasks
    }


def table(
    scores: Mapping[str, Scores],
    tasks: Sequence[Task],
    leaks: Mapping[str, Collection[str]] | None = None,
) -> str:
    """Markdown table: one row for each task, one column for each encoder; empty without tasks.

    Args:
        scores: by encoder, then task.
        tasks: the rows.
        leaks: by encoder, the tasks whose label was among its inputs: marked, with a note below.
    """
    if not tasks:
        return ""
    names, leaks = list(scores), leaks or {}
    lines = [
        "| task | measure | points | " + " | ".join(names) + " |",
        "| --- | --- | ---: | " + " | ".join("---:" for _ in names) + " |",
    ]
    for task in tasks:
        measure = "accuracy" if task.classes else "R²"
        cells = " | ".join(
            f"{scores[name][task.name]:.3f}" + LEAKED * (task.name in leaks.get(name, ()))
            for name in names
        )
        lines.append(f"| {task.name} | {measure} | {len(task.target)} | {cells} |")
    if any(LEAKED in line for line in lines):
        lines += ["", LEAK_NOTE]
    return "\n".join(lines)


def embedder(name: str) -> Embed:
    """The encoder called `identity` or `geoclip`, or a model by name or path."""
    if name == "identity":
        return lambda lonlat: lonlat
    if name == "geoclip":
        from .baselines import load_geoclip

        return load_geoclip()
    from satclip_core.models.registry import load_encoder

    return load_encoder(name).encode


def known_leaks(name: str) -> list[str]:
    """The tasks whose labels a model's own provenance says it has seen."""
    if name in ("identity", "geoclip"):
        return []
    from satclip_core.models.registry import load_encoder

    named = load_encoder(name).info.training.get("leaks", NO_LEAKS)
    return [] if named == NO_LEAKS else named.split(", ")


def write_scores(scores: Mapping[str, Scores], path: Path) -> None:
    """Write scores as JSON, or as CSV (model, task, score)."""
    if path.suffix.lower() == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["model", "task", "score"])
            for model, by_task in scores.items():
                writer.writerows([model, task, f"{value:.4f}"] for task, value in by_task.items())
    else:
        path.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
