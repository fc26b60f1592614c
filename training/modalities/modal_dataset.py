"""The modalities of a finished run at its places, to evaluate what was learnt: held out or not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from satclip_core.errors import InputError
from satclip_core.types import Bools, Float32, Floats

from ..places.batches import split
from ..places.gathering import PLACES
from ..places.reading import read_arrays
from ..settings.config import TrainConfig
from ..settings.modality import TextModality
from ..settings.schema import build
from .opening import VALUES, open_values, read_phrase_table
from .phrases import PhraseTable, vocabulary, word_counts

MODALITIES = "modalities.json"
"""In the folder of a run: where in the cache each modality lies."""
CONFIG = "config.json"
PARTS = ("held-out", "training", "all")


@dataclass(frozen=True)
class ModalDataset:
    """Places, and what is known of them.

    Attributes:
        places: (N, 2) degrees.
        features: (N, width) rows of each modality, NaN where it is missing: what
            `encoder.modalities[name].embed` takes.
        present: (N,) bool of each modality.
        texts: of modalities of text, the phrases of each place, joined by commas.
    """

    places: Floats
    features: dict[str, Float32]
    present: dict[str, Bools]
    texts: dict[str, tuple[str, ...]]


def read_dataset(
    folder: str | os.PathLike[str], *, which: str = "held-out", view: int = 0
) -> ModalDataset:
    """Read the modalities of a run from its folder and cache.

    Args:
        folder: of a finished run.
        which: its places that were held out of training (`held-out`), those that were not
            (`training`), or `all`.
        view: of modalities with several; the last one of those with fewer. Of texts always all
            phrases.

    Raises:
        InputError: no run with modalities, nothing held out, or its cache is gone.
    """
    run = Path(folder)
    if which not in PARTS:
        raise InputError(f"which is {which!r}: give one of {', '.join(PARTS)}")
    homes, config = _read_json(run / MODALITIES), _config(run)
    lonlat: Floats = read_arrays(_there(run / PLACES), "places of the run")["array"]
    validation, training = split(len(lonlat), config.training.validation_fraction, config.seed)
    if which == "held-out" and not len(validation):
        raise InputError(f"run {run}: held nothing out (training.validation_fraction is 0)")
    rows = {"held-out": validation, "training": training, "all": np.arange(len(lonlat))}[which]
    features: dict[str, Float32] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for name, home in homes.items():
        path = _there(run / home)
        if path.name == VALUES:
            values = open_values(path)
            features[name] = np.asarray(values[min(view, len(values) - 1), rows], np.float32)
            continue
        table = read_phrase_table(path)
        settings = config.modalities[name]
        assert isinstance(settings, TextModality)
        words = vocabulary(table, settings.least_places, f"modalities.{name}")
        part = PhraseTable(table.phrases, table.numbers[rows])
        features[name] = word_counts(table, words)[part.numbers].sum(1)
        features[name][~features[name].any(1)] = np.nan
        texts[name] = part.texts()
    present: dict[str, Bools] = {
        name: np.logical_and.reduce(np.isfinite(values), axis=1)
        for name, values in features.items()
    }
    return ModalDataset(lonlat[rows], features, present, texts)


def _config(run: Path) -> TrainConfig:
    path = run / CONFIG
    return build(TrainConfig, _read_json(path), f"{path}: ")


def _read_json(path: Path) -> dict[str, str]:
    try:
        read: dict[str, str] = json.loads(_there(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    return read


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError(
            f"{path} is not there: name the folder of a run with modalities (objective "
            "unigeoclip), with its cache"
        )
    return path
