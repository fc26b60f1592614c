"""One run: from a configuration to a model file of an encoder of two parts and its card."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core import __version__
from satclip_core.encoder import LocationEncoder, ModelInfo, TwoPartConfig, TwoPartEncoder
from satclip_core.encoder.field import rows_of
from satclip_core.errors import InputError
from satclip_core.models.model_file import read_model, write_model
from satclip_core.types import Bools, Cancelled, Floats

from ..evaluation.linear_probe import run_probes, table
from ..evaluation.resolution import Reading, resolved, shown_by_classes, shown_by_images, told
from ..evaluation.tasks import NO_LEAKS, leaked, load_tasks
from ..export.model_export import git_revision
from ..places.land_mask import LandMask, read_land_mask
from ..settings.config import load_config
from ..settings.run_files import Locations
from .cells import Cells, kept_cells, kept_rows, sample_places
from .composing import component_deviations, components_encoder, compose, trimmed
from .eyes import Pyramid, Targets, land_eye, look_through, open_eye
from .fine_card import fine_card
from .fine_settings import FineConfig
from .fitting import (
    Checkpoint,
    Fit,
    error_of,
    fit,
    packed_size,
    predictions,
    steps_within,
    whole_numbers,
)

log = logging.getLogger("satclip_training")

SAMPLE = 60_000
"""Places by which components and targets are found."""
TARGET_SAMPLE = 150_000
SEEN_BY = "settings.sha256"
_SECONDS = "seconds.txt"
SEEN_PARTS = ("eyes", "levels", "land_mask", "pixel_rows", "seed")
"""Settings that what was seen depends on; the fit also on `smooth` and `fit`."""
_AT_ONCE = 40_000
# Bytes of a model file that are left for its card, its facts and the names of its arrays.
_CARD = 30_000
_SAID = 25


def train_fine(
    config: FineConfig,
    places: Locations,
    output: Path,
    cancelled: Cancelled | None = None,
    resume: bool | None = None,
) -> Path:
    """Fit an encoder of two parts and write its model file and card.

    A run that was interrupted goes on where it was: what was seen and the fit are kept in its
    folder, each marked by the settings it belongs to.

    Args:
        config: the run's settings.
        places: where its files are looked for.
        output: folder of the run.
        cancelled: asked at every step; what is fitted by then is kept, and exported.
        resume: True goes on from what the folder has and fails where that is nothing, False starts
            afresh, None goes on if there is something.

    Raises:
        InputError: nothing to go on from.

    Returns:
        The model file.
    """
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(output / "fit.pt", config.digest(*SEEN_PARTS, "smooth", "fit"))
    mark = output / "seen" / SEEN_BY
    if resume and not mark.is_file():
        raise InputError(f"nothing to resume: there is no {mark}")
    if resume is False:
        checkpoint.path.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
    smooth = smooth_encoder(config, places, output)
    mask = read_land_mask(places.find(config.land_mask, "land_mask"))
    seen = look(config, places, mask, output / "seen")
    random = np.random.default_rng(config.seed)
    sample = seen.places[np.sort(random.choice(np.flatnonzero(mask(seen.places)), SAMPLE))]
    count = config.embedding.dim - config.predictions
    parts = components_encoder(smooth, sample, max(count, config.fit.components))
    rows = [rows_of(level.rows, kept) for level, kept in zip(config.levels, seen.kept)]
    made = fit(
        seen.places, seen.targets, rows, config.levels, parts, config.fit, config.seed,
        checkpoint, cancelled,
    )  # fmt: skip
    deviations = component_deviations(smooth, sample, parts.dim)
    stored = weights_within(config, made, parts, sample, deviations, seen)
    facts = {
        "places": str(made.places),
        "unseen_error": f"{made.error:.4f}",
        "unseen_error_rounded": f"{made.rounded_error:.4f}",
        "minutes": f"{(seen.seconds + made.seconds) / 60:.0f}",
    }
    return export_fine(config, stored, smooth, places, output / f"{config.name}.npz", facts)


def smooth_encoder(config: FineConfig, places: Locations, output: Path) -> LocationEncoder:
    """The smooth part: a model file, or what a configuration trains, in a folder of its own."""
    path = places.find(config.smooth, "smooth")
    if path.suffix not in (".yaml", ".yml"):
        return read_model(path)
    from ..run.pretraining import RunOptions, train

    folder = output / "smooth"
    settings = load_config(path)
    ready = folder / f"{settings.name}.npz"
    if not ready.is_file():
        ready = Path(train(settings, RunOptions(places, folder, None, None, lambda: False)))
    return read_model(ready)


@dataclass(frozen=True)
class Seen:
    """Places, what all eyes see there, and which runs of cells each level of a field keeps.

    Attributes:
        places: (N, 2) degrees, neighbours next to one another.
        targets: (N, predictions), in a memory map.
        kept: (runs,) for each level.
        seconds: that it took to look.
    """

    places: Floats
    targets: NDArray[np.float16]
    kept: Sequence[Bools]
    seconds: float

    @classmethod
    def load(cls, folder: Path) -> Seen:
        """What `look` wrote."""
        with np.load(folder / "kept.npz") as kept:
            marks = [kept[name] for name in kept.files]
        targets = np.load(folder / "targets.npy", "r")
        seconds = float((folder / _SECONDS).read_text())
        return cls(np.load(folder / "places.npy"), targets, marks, seconds)


def look(config: FineConfig, places: Locations, mask: LandMask, folder: Path) -> Seen:
    """Look at the Earth through all eyes; what they saw before is not looked at again.

    Args:
        config: the run's settings.
        places: where its files are looked for.
        mask: of land.
        folder: what was seen is kept there, marked by the settings it belongs to once it is whole.
    """
    folder.mkdir(exist_ok=True)
    digest = config.digest(*SEEN_PARTS)
    mark = folder / SEEN_BY
    if mark.is_file() and mark.read_text() == digest:
        log.info("taking what was seen before from %s", folder)
        return Seen.load(folder)
    mark.unlink(missing_ok=True)
    started = time.monotonic()
    land = land_eye(mask, config.pixel_rows)
    cells = [Cells.of(level.rows) for level in config.levels]
    pyramids = {
        name: open_eye(eye, places, mask, folder, name, config.pixel_rows)
        for name, eye in config.eyes.items()
    }
    wanted = [kept_cells(level, c, land, pyramids) for level, c in zip(config.levels, cells)]
    found = sample_places(config.levels, cells, wanted, config.seed)
    kept = [kept_rows(c, w)[1] for c, w in zip(cells, wanted)]
    log.info("%s places", f"{len(found):,}")
    np.save(folder / "places.npy", found)
    np.savez(folder / "kept.npz", *kept)
    see = look_through(pyramids, found_targets(config, pyramids, found))
    out = np.lib.format.open_memmap(
        folder / "targets.npy", "w+", np.float16, (len(found), config.predictions)
    )
    for start in range(0, len(found), _AT_ONCE):
        out[start : start + _AT_ONCE] = see(found[start : start + _AT_ONCE])
        if start // _AT_ONCE % _SAID == 0:
            log.info("looked at %s places of %s", f"{start:,}", f"{len(found):,}")
    out.flush()
    seconds = time.monotonic() - started
    (folder / _SECONDS).write_text(f"{seconds:.0f}")
    mark.write_text(digest)
    return Seen(found, out, kept, seconds)


def found_targets(
    config: FineConfig, pyramids: Mapping[str, Pyramid], found: Floats
) -> dict[str, Targets]:
    """What is predicted of each eye's numbers, by places like those to come."""
    random = np.random.default_rng(config.seed)
    sample = found[np.sort(random.choice(len(found), min(TARGET_SAMPLE, len(found))))]
    return {
        name: Targets.of(pyramids[name].at(sample), eye.components, eye.weight)
        for name, eye in config.eyes.items()
    }


def weights_within(
    config: FineConfig,
    made: Fit,
    parts: LocationEncoder,
    land: Floats,
    deviations: Floats,
    seen: Seen,
) -> dict[str, NDArray[Any]]:
    """The arrays of a model file of at most `export.megabytes`; see `weights_of`.

    Raises:
        InputError: the file would be larger whatever the field is rounded to.
    """
    steps = [level.step for level in config.levels]
    stored = weights_of(config, made, parts, land, deviations, seen.kept, steps)
    if config.export.megabytes is None:
        return stored
    dtype = config.export.dtype
    rest = sum(
        packed_size(value if value.dtype.kind in "iu" else value.astype(dtype))
        for key, value in stored.items()
        if not key.endswith(".values")
    )
    room = config.export.megabytes - (rest + _CARD) / 1e6
    longer = steps_within(made, steps, seen.kept, room)
    if longer == steps:
        return stored
    made.rounded_error = error_of(made, seen.places[made.unseen], seen.targets[made.unseen], longer)
    log.info(
        "rounded %.2f times as coarsely for %g MB: error %.4f on unseen places",
        longer[0] / steps[0], config.export.megabytes, made.rounded_error,
    )  # fmt: skip
    return weights_of(config, made, parts, land, deviations, seen.kept, longer)


def weights_of(
    config: FineConfig,
    made: Fit,
    parts: LocationEncoder,
    land: Floats,
    deviations: Floats,
    kept: Sequence[Bools],
    steps: Sequence[float],
) -> dict[str, NDArray[Any]]:
    """The arrays of the model file: field, layers and smooth part, joined to one embedding.

    Args:
        config: the run's settings.
        made: field and layers.
        parts: the smooth part, its leading components first.
        land: (N, 2) places on land.
        deviations: of the components.
        kept: the runs of each level.
        steps: what each level's values are rounded to.
    """
    bits = config.export.smooth_bits
    count = config.embedding.dim - config.predictions
    found = predictions(made, land, steps).astype(np.float64)
    slow = parts.encode(land).astype(np.float64)[:, :count] * deviations[:count]
    joined = compose(found, slow, config.embedding, config.seed)
    layers = {k: v.detach().double().numpy() for k, v in made.layers.state_dict().items()}
    channels = sum(level.channels for level in config.levels)
    lead = joined.predictions.shape[1]
    offset = joined.offset.copy()
    offset[:lead] += layers["out.bias"] @ joined.predictions
    smooth = np.zeros((config.embedding.dim, parts.dim))
    smooth[:, :count] = (joined.smooth * deviations[:count, None]).T
    stored: dict[str, NDArray[Any]] = {
        **{
            f"smooth.{key}": trimmed(value, bits) if _is_hidden(key) else value
            for key, value in parts.weights.items()
        },
        "hidden.field": layers["hidden.weight"][:, :channels],
        "hidden.smooth": layers["hidden.weight"][:, channels:],
        "hidden.bias": layers["hidden.bias"],
        "out.hidden": joined.predictions.T @ layers["out.weight"],
        "out.smooth": smooth,
        "out.bias": offset,
    }
    for level, step, field, marks in zip(config.levels, steps, made.levels, kept):
        names = (f"field.{level.rows}.{part}" for part in ("values", "kept", "scale"))
        stored |= dict(zip(names, whole_numbers(field, step, marks)))
    return stored


def _is_hidden(key: str) -> bool:
    return key.startswith("layers.") and key.endswith(".weight")


def export_fine(
    config: FineConfig,
    stored: Mapping[str, NDArray[Any]],
    smooth: LocationEncoder,
    places: Locations,
    path: Path,
    facts: Mapping[str, str],
) -> Path:
    """Measure and probe an encoder of two parts, write its model file and its card beside it."""
    shape = TwoPartConfig(
        smooth.config.encoding,
        smooth.config.network,
        smooth.config.settings,
        levels=tuple((level.rows, level.channels) for level in config.levels),
    )
    encoder = TwoPartEncoder(shape, stored)
    images = places.find_all(config.export.resolution_images, "export.resolution_images")
    land = read_land_mask(places.find(config.land_mask, "land_mask"))
    reading = Reading(encoder.encode, shown_by_images(images, path.parent), land)
    explained = reading.explained_by_distance()
    resolution_km = resolved(explained)
    training = {
        "config_sha256": config.digest(),
        "data": config.export.data,
        "software": f"satclip-embeddings {__version__}",
        "date": datetime.date.today().isoformat(),
        "smooth": smooth.name,
        **facts,
        "explained_by_km": told(explained, " km"),
        "explained_in_boxes": told(reading.explained_in_boxes(), "°"),
    }
    if config.export.resolution_classes is not None:
        cover = places.find(config.export.resolution_classes, "export.resolution_classes")
        shown = shown_by_classes(cover, path.parent)
        boxes = Reading(encoder.encode, shown, land).explained_in_boxes()
        training["land_cover_explained_in_boxes"] = told(boxes, "°")
    scores, leaks = "", NO_LEAKS
    if config.export.tasks is not None:
        tasks = load_tasks(
            places.find(config.export.tasks, "export.tasks"), data_root=places.roots[0]
        )
        by_task = run_probes(encoder.encode, tasks)
        files = [file for eye in config.eyes.values() for file in eye.files]
        seen_labels = list(leaked(tasks, files))
        leaks = ", ".join(seen_labels) or NO_LEAKS
        scores = table({config.name: by_task}, tasks, {config.name: seen_labels})
        training |= {f"probe_{task}": f"{value:.3f}" for task, value in by_task.items()}
    training["leaks"] = leaks
    revision = git_revision()
    if revision:
        training["git_revision"] = revision
    shape = replace(shape, resolution_km=resolution_km)
    card = fine_card(config, shape, training, scores)
    info = ModelInfo(config.name, config.export.licence, training, card)
    encoder = TwoPartEncoder(shape, stored, info=info)
    write_model(path, encoder, dtype=config.export.dtype, overwrite=True)
    path.with_suffix(".md").write_text(card, encoding="utf-8")
    return path
