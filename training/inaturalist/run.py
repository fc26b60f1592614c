"""The task from annotations to figures: priors trained, scored, tabulated, written."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import OutputError
from satclip_core.files import written_whole

from .annotations import Annotations, Observations
from .fit import FitOptions, fit_prior
from .network import GeoPrior
from .predictions import ImagePredictions
from .scores import TOP, accuracies, combined, mean_auc, ranks
from .settings import PriorSettings, paper_delta

log = logging.getLogger("satclip_training")

# Images scored at once: with 8,142 species a block of float64 takes 130 MB.
BLOCK = 2048

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RunOptions:
    """Where and how a reproduction goes.

    Attributes:
        output: folder of checkpoints and the table.
        predictions: of the image classifier, for the test images; None scores the prior alone.
        rule: how the two are combined, one of `scores.RULES`.
        device: as torch names it.
        fresh: start over where there are checkpoints.
        progress: told (name of the prior, epochs done, epochs at most).
    """

    output: Path
    predictions: ImagePredictions | None = None
    rule: str = "product"
    device: str = "cpu"
    fresh: bool = False
    progress: Progress | None = None


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
    folder = options.output / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"output {options.output}: {error.strerror}") from error
    rows = []
    for settings in cells:
        for seed in range(seeds):
            checkpoint = folder / f"{settings.name}-{seed}.pt"
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
    row["paper_delta"] = paper_delta(settings.encoding, settings.network)
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
    found: dict[str, list[NDArray[np.int64]]] = {"prior": [], "image": [], "with": []}
    filled = 0
    for start in range(0, len(test.ids), BLOCK):
        part = slice(start, start + BLOCK)
        here, labels = located[part], test.labels[part]
        block = np.zeros((len(here), prior.classes), np.float32)
        block[here] = predict(prior, test.lonlat[part][here])
        logits[filled : filled + here.sum()] = block[here]
        filled += here.sum()
        found["prior"].append(ranks(block[here], labels[here]))
        if predictions is not None:
            image = predictions.log_probabilities(part)
            found["image"].append(ranks(image, labels))
            found["with"].append(ranks(combined(image, block, here, rule), labels))
    return _figures(found, mean_auc(logits, test.labels[located]))


def _figures(found: dict[str, list[NDArray[np.int64]]], auc: float) -> Row:
    parts = {
        key: accuracies(np.concatenate(blocks)) if blocks else dict.fromkeys(TOP)
        for key, blocks in found.items()
    }
    row: Row = {f"image_top{k}": parts["image"][k] for k in TOP}
    row.update({f"top{k}": parts["with"][k] for k in TOP})
    gained = parts["with"][1], parts["image"][1]
    row["delta"] = None if gained[0] is None else gained[0] - gained[1]
    row.update({f"prior_top{k}": parts["prior"][k] for k in TOP})
    row["auc"] = auc
    return row


@torch.no_grad()
def predict(prior: GeoPrior, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
    """Logits of all species at places: (N, 2) degrees -> (N, C)."""
    device = next(prior.parameters()).device
    values: NDArray[np.float32] = prior(torch.from_numpy(lonlat).to(device)).cpu().numpy()
    return values


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as CSV, replacing an older table; empty where a figure does not apply."""
    with (
        written_whole(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


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
