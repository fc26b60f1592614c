"""The task from annotations to figures: priors trained, scored, tabulated, written."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.types import Integers

from ..zoo.paper import INATURALIST
from ..zoo.tables import make_folder, write_csv
from .annotations import Annotations, Observations
from .predictions import ImagePredictions
from .prior import GeoPrior
from .prior_settings import PriorSettings
from .prior_training import FitOptions, fit_prior
from .scores import TOP, accuracies, combined, mean_auc, ranks

log = logging.getLogger("satclip_training")

# Images scored at once: with 8,142 species a block of float64 takes 130 MB.
BLOCK = 2048

Row = dict[str, Any]
Told = Callable[[str, int, int], None]
"""(name of the prior, epochs done, epochs at most)."""


@dataclass(frozen=True)
class RunOptions:
    """Where and how a reproduction goes.

    Attributes:
        folder: of the checkpoints, one for each run.
        predictions: of the image classifier, for the test images; None scores the prior alone.
        rule: how the two are combined, one of `scores.RULES`.
        device: as torch names it.
        fresh: start over where there are checkpoints.
        progress: told (name of the prior, epochs done, epochs at most).
    """

    folder: Path
    predictions: ImagePredictions | None = None
    rule: str = "product"
    device: str = "cpu"
    fresh: bool = False
    progress: Told | None = None


def reproduce(
    cells: Iterable[PriorSettings], seeds: int, data: Annotations, options: RunOptions
) -> list[Row]:
    """Train and score every cell with seeds 0, 1, …; what was finished before is not repeated.

    Returns:
        One row for each cell and seed, as `write_rows` writes them.

    Raises:
        InputError: see `fit_prior`.
        OutputError: the folder cannot be written.
    """
    rows = []
    for settings in cells:
        for seed in range(seeds):
            checkpoint = options.folder / f"{settings.name}-{seed}.pt"
            make_folder(checkpoint)
            if options.fresh:
                checkpoint.unlink(missing_ok=True)
            rows.append(_one(settings, seed, data, checkpoint, options))
    return rows


def _one(
    settings: PriorSettings, seed: int, data: Annotations, checkpoint: Path, options: RunOptions
) -> Row:
    def progress(done: int, total: int) -> None:
        if options.progress is not None:
            options.progress(f"{settings.name}, seed {seed}", done, total)

    begun = time.monotonic()
    prior, state = fit_prior(settings, data, seed, FitOptions(checkpoint, options.device, progress))
    row: Row = {"encoding": settings.encoding, "network": settings.network, "seed": seed}
    row.update(score(prior, data.test, options.predictions, options.rule))
    row["paper_delta"] = INATURALIST[settings.encoding, settings.network]
    row.update(validation_loss=state.best_loss, epochs=state.epoch, best_epoch=state.best_epoch)
    row["seconds"] = time.monotonic() - begun
    return row


def score(
    prior: GeoPrior,
    test: Observations,
    predictions: ImagePredictions | None = None,
    rule: str = "product",
) -> Row:
    """Figures of a prior on the test images.

    Returns:
        `prior_top1` … and `auc`, over the images with a place; with predictions also `image_top1`
        … without the prior, `top1` … with it, and `delta`, the points of top-1 accuracy gained,
        over all images. Accuracies in percent.
    """
    located = test.located
    logits = np.empty((int(located.sum()), prior.classes), np.float32)
    found: dict[str, list[Integers]] = {"prior": [], "image": [], "with": []}
    filled = 0
    for start in range(0, len(test.ids), BLOCK):
        part = slice(start, start + BLOCK)
        here, labels = located[part], test.labels[part]
        block = np.zeros((len(here), prior.classes), np.float32)
        block[here] = prior.predict(test.lonlat[part][here])
        logits[filled : filled + here.sum()] = block[here]
        filled += here.sum()
        found["prior"].append(ranks(block[here], labels[here]))
        if predictions is not None:
            image = predictions.log_probabilities(part)
            found["image"].append(ranks(image, labels))
            found["with"].append(ranks(combined(image, block, here, rule), labels))
    return _figures(found, mean_auc(logits, test.labels[located]))


def _figures(found: dict[str, list[Integers]], auc: float) -> Row:
    row: Row = {}
    for key, prefix in (("image", "image_top"), ("with", "top"), ("prior", "prior_top")):
        parts = found[key]
        figures: dict[int, Any] = accuracies(np.concatenate(parts)) if parts else dict.fromkeys(TOP)
        row.update({f"{prefix}{k}": figures[k] for k in TOP})
    row["delta"] = row["top1"] - row["image_top1"] if found["image"] else None
    row["auc"] = auc
    return row


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as CSV, in place of what is there; empty where a figure does not apply.

    Raises:
        OutputError: it cannot be written.
    """
    header = list(rows[0])
    lines = [[_entry(row[key]) for key in header] for row in rows]
    write_csv(path, header, lines)


def _entry(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def summary(rows: Sequence[Row]) -> list[Row]:
    """Mean and standard deviation over the seeds of each cell, keys `auc` and `auc_sd` alike."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["encoding"], row["network"]), []).append(row)
    found = []
    for (encoding, network), members in cells.items():
        mean: Row = {"encoding": encoding, "network": network, "seeds": len(members)}
        for key in members[0]:
            values = [m[key] for m in members]
            if key in ("encoding", "network", "seed"):
                continue
            known = all(value is not None for value in values)
            mean[key] = float(np.mean(values)) if known else None
            mean[f"{key}_sd"] = float(np.std(values, ddof=1)) if known and len(values) > 1 else None
        found.append(mean)
    return found
