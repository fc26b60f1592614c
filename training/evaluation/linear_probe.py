"""Linear probes: how much of a task a ridge regression reads from frozen embeddings.

Embeddings standardised on the training part, split 30/10/60 into training, validation and test,
penalty chosen on validation, R² (or accuracy, for classes by regression on indicators) on test,
mean of three splits. Whoever compares many settings does so on splits of other seeds than those
that are reported. Random splits flatter whatever is smooth in space; splits of whole blocks do not.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_core.errors import InputError
from satclip_core.models.model_file import name_of
from satclip_core.types import Floats, Integers

from .baselines import BASELINES
from .tasks import NO_LEAKS, Task

PENALTIES = np.logspace(-3, 5, 25)
SPLITS = 3
TRAINING_SHARE, VALIDATION_SHARE = 0.3, 0.1
_LEAST_BLOCKS = 10
PROTOCOLS = ("ours", "range")
# Of RANGE (Dhakal et al., CVPR 2025), by which TTE and others report their linear probes.
RANGE_PENALTIES = (0.1, 1.0, 10.0)
RANGE_SEEDS = range(42, 47)
RANGE_TRAINING_SHARE = 0.8
LEAKED = " †"
LEAK_NOTE = "† the encoder was trained on imagery that gives this label away; not comparable."

Embed = Callable[[Floats], ArrayLike]
Scores = dict[str, float]


def score(
    embeddings: ArrayLike,
    target: NDArray[Any],
    *,
    classes: bool = False,
    split_seed: int = 0,
    blocks: Integers | None = None,
) -> float:
    """Mean test score of a ridge probe over three splits.

    Args:
        embeddings: (N, dim).
        target: (N,) numbers, or class codes.
        classes: score accuracy instead of R².
        split_seed: of the first split; the others follow.
        blocks: (N,) codes of blocks that are not split; each point by itself where None.
    """
    values = np.asarray(embeddings, np.float64)
    wanted = wanted_numbers(target, classes)
    blocks = np.arange(len(values)) if blocks is None else blocks
    seeds = range(split_seed, split_seed + SPLITS)
    scores = [_split_score(values, wanted, parts(blocks, seed), classes) for seed in seeds]
    return float(np.mean(scores))


def blocks_of(lonlat: Floats, degrees: float) -> Integers:
    """The square block of so many degrees in which each of (N, 2) places lies, as codes (N,)."""
    corners = np.floor(lonlat / degrees)
    return np.asarray(np.unique(corners, axis=0, return_inverse=True)[1]).reshape(-1)


def parts(blocks: Integers, seed: int) -> tuple[Integers, Integers, Integers]:
    """Training, validation and test: indices of points, by shares of the blocks (N,) 0, 1, 2…"""
    count = int(blocks.max()) + 1
    first = int(TRAINING_SHARE * count)
    second = int((TRAINING_SHARE + VALIDATION_SHARE) * count)
    drawn = np.empty(count, np.int64)
    drawn[np.random.RandomState(seed).permutation(count)] = np.arange(count)
    turn = drawn[blocks]  # when the block of each point was drawn
    points = np.argsort(turn, kind="stable")
    train, check, test = np.split(points, np.searchsorted(turn[points], (first, second)))
    return train, check, test


def _split_score(
    values: Floats, wanted: Floats, split: tuple[Integers, Integers, Integers], classes: bool
) -> float:
    said, test = ridge_predictions(values, wanted, split, classes=classes), split[2]
    return (_accuracy if classes else _r2)(said[test], wanted[test])


def ridge_predictions(
    values: Floats, wanted: Floats, split: tuple[Integers, Integers, Integers], *, classes: bool
) -> Floats:
    """What a ridge regression says of all samples, its penalty the best on validation.

    Args:
        values: (N, dim) embeddings.
        wanted: (N, k) numbers, or indicators of classes.
        split: training, validation and test: indices of samples.
        classes: choose the penalty by accuracy instead of R².

    Returns:
        (N, k).
    """
    train, check, _ = split
    mean, deviation = values[train].mean(0), values[train].std(0) + 1e-9
    scaled = (values - mean) / deviation
    offset = wanted[train].mean(0)
    eigenvalues, axes = np.linalg.eigh(scaled[train].T @ scaled[train])
    response = axes.T @ (scaled[train].T @ (wanted[train] - offset))
    rotated = scaled[check] @ axes
    candidates = [response / (eigenvalues + penalty)[:, None] for penalty in PENALTIES]
    grade = _accuracy if classes else _r2
    best = max(candidates, key=lambda c: grade(rotated @ c + offset, wanted[check]))
    return np.asarray(scaled @ (axes @ best) + offset)


def range_score(embeddings: ArrayLike, target: NDArray[Any], *, classes: bool = False) -> float:
    """Mean test score by the protocol of RANGE: what published tables of linear probes hold.

    Embeddings scaled to 0..1 on the training part, 80/20, seeds 42 to 46, the penalty of a ridge
    regression one of three, by generalised cross-validation (Golub, Heath & Wahba 1979).

    Args:
        embeddings: (N, dim).
        target: (N,) numbers, or class codes.
        classes: score accuracy, by regression on indicators, instead of R².
    """
    return float(np.mean(range_scores(embeddings, target, classes=classes)))


def range_scores(
    embeddings: ArrayLike, target: NDArray[Any], *, classes: bool = False
) -> list[float]:
    """The test score of each of RANGE's seeds; see `range_score`."""
    values = np.asarray(embeddings, np.float64)
    numbers = wanted_numbers(target, classes)
    return [_range_split(values, numbers, seed, classes) for seed in RANGE_SEEDS]


def wanted_numbers(target: NDArray[Any], classes: bool) -> Floats:
    """What a regression is fitted to: numbers (N, 1), or indicators (N, k) of classes in order."""
    wanted = (target[:, None] == np.unique(target)) if classes else target[:, None]
    return np.asarray(wanted, np.float64)


def _range_split(values: Floats, wanted: Floats, seed: int, classes: bool) -> float:
    order = np.random.RandomState(seed).permutation(len(values))
    train, test = np.split(order, [int(RANGE_TRAINING_SHARE * len(values))])
    low, high = values[train].min(axis=0), values[train].max(axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1)
    mean, offset = scaled[train].mean(axis=0), wanted[train].mean(axis=0)
    # By the products of columns: singular vectors of so many rows take ten times as long.
    squares, axes = np.linalg.eigh((scaled[train] - mean).T @ (scaled[train] - mean))
    squares = np.maximum(squares, 0)
    rotated = (scaled[train] - mean) @ axes
    response = rotated.T @ (wanted[train] - offset)
    candidates = []
    for penalty in RANGE_PENALTIES:
        weights = response / (squares + penalty)[:, None]
        missed = wanted[train] - offset - rotated @ weights
        # The offset is one degree of freedom more.
        freedom = 1 - ((squares / (squares + penalty)).sum() + 1) / len(train)
        candidates.append((float(np.square(missed).mean()) / freedom**2, axes @ weights))
    _, best = min(candidates, key=lambda candidate: candidate[0])
    grade = _accuracy if classes else _r2
    return grade((scaled[test] - mean) @ best + offset, wanted[test])


def _r2(predicted: Floats, wanted: Floats) -> float:
    rest = ((predicted - wanted) ** 2).sum()
    return float(1 - rest / max(((wanted - wanted.mean()) ** 2).sum(), 1e-30))


def _accuracy(predicted: Floats, wanted: Floats) -> float:
    return float((predicted.argmax(1) == wanted.argmax(1)).mean())


def run_probes(
    embed: Embed,
    tasks: Iterable[Task],
    *,
    split_seed: int = 0,
    protocol: str = "ours",
    block_degrees: float | None = None,
    dims: int | None = None,
) -> Scores:
    """Score an encoder, a function of (N, 2) degrees, on tasks.

    Args:
        embed: the encoder.
        tasks: what is read from its embeddings.
        split_seed: of the first split, by our protocol.
        protocol: one of `PROTOCOLS`.
        block_degrees: whole blocks of so many degrees are held out, by our protocol.
        dims: only the first so many numbers of the embeddings are read.

    Raises:
        InputError: blocks with RANGE's protocol, or too few of them to split.
    """
    if block_degrees is not None and protocol != "ours":
        raise InputError(f"protocol {protocol}: its splits are of points, not of blocks")
    scores = {}
    for task in tasks:
        values = np.asarray(embed(task.lonlat))[:, :dims]
        if protocol == "range":
            scores[task.name] = range_score(values, task.target, classes=task.classes)
            continue
        blocks = None
        if block_degrees is not None:
            blocks = blocks_of(task.lonlat, block_degrees)
            if blocks.max() + 1 < _LEAST_BLOCKS:
                raise InputError(
                    f"task {task.name}: only {blocks.max() + 1} blocks of {block_degrees:g}° have "
                    f"points; splits need {_LEAST_BLOCKS}"
                )
        scores[task.name] = score(
            values, task.target, classes=task.classes, split_seed=split_seed, blocks=blocks
        )
    return scores


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


def column_names(models: Sequence[str]) -> dict[str, str]:
    """A name of its own for each model: its file's, with as many folders as tell it from others.

    The same model named twice is one.
    """
    paths = {name: Path(name).resolve() for name in dict.fromkeys(models)}
    parts = {name: (*path.parts[1:-1], name_of(path)) for name, path in paths.items()}
    for name in models:
        if "/" not in name and "\\" not in name and not Path(name).suffix:
            parts[name] = (name,)  # one of the registry's, geoclip or identity
    labels = {}
    for name, own in parts.items():
        others = [other for other in set(parts.values()) if other != own]
        depth = next(
            (n for n in range(1, len(own)) if all(o[-n:] != own[-n:] for o in others)), len(own)
        )
        labels[name] = "/".join(own[-depth:])
    return labels


def embedder(name: str) -> Embed:
    """One of `baselines.BASELINES`, or a model by name or path."""
    if name in BASELINES:
        return BASELINES[name]()
    from satclip_core.models.geoclip import NAME as GEOCLIP
    from satclip_core.models.registry import load_encoder

    encoder = load_encoder(name)
    # Its three networks of 1024 take twice as long in double precision.
    return partial(encoder.encode, single=True) if name.lower() == GEOCLIP else encoder.encode


def known_leaks(name: str) -> list[str]:
    """The tasks whose labels a model's own provenance says it has seen."""
    if name in BASELINES:
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
