"""The modalities of a run opened: computed once into its cache, handed out view by view.

A modality's folder in the cache is named by a fingerprint of all that shapes its numbers, as that
of a source is, and holds `values.npy` or `phrases.npz` and, written last, `facts.json`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.files import written_whole
from satclip_core.types import Bools, Cancelled, Float32, Floats, Integers

from ..images.cache import file_identity
from ..images.chips import alternatives
from ..images.views import CachedViews, Views
from ..places.reading import read_arrays
from ..settings.config import SourceSettings, TrainConfig
from ..settings.modality import (
    ChipModality,
    ModalitySettings,
    PictureModality,
    TextModality,
    ValueModality,
)
from ..settings.run_files import Locations
from ..settings.schema import plain
from .ground import chip_bands, chip_rows, is_eight_bit, open_chips, value_rows
from .phrases import PhraseTable, read_phrases, vocabulary, word_counts
from .street import picture_rows, read_picture_table

log = logging.getLogger("satclip_training")

VERSION = 1
"""Raised when rows are computed differently."""
REQUEST, FACTS, VALUES, PHRASES = "request.json", "facts.json", "values.npy", "phrases.npz"
NOT_IN_THE_ROWS = ("tower", "least_share", "files", "folder", "table")
"""Settings that shape what is made of the rows, or name files, whose contents count instead."""
STATISTICS_ROWS = 20_000


class ModalViews(Views, Protocol):
    """Views of a modality: a row that holds NaN is missing.

    Attributes:
        facts: of its encoder, as `ModalEncoder.facts` has them.
        offset: (bands,) that its numbers are standardised by, as its tower takes them.
        spread: (bands,) likewise.
    """

    facts: Mapping[str, Any]
    offset: Float32
    spread: Float32


class KeptViews(CachedViews):
    """Views that lie in the cache: (views, N, width)."""

    def __init__(
        self, values: NDArray[Any], facts: Mapping[str, Any], offset: Float32, spread: Float32
    ) -> None:
        super().__init__(values)
        self.facts, self.offset, self.spread = facts, offset, spread


class PhraseViews:
    """Bags of words: in view 0 all phrases of a place, in the others a part drawn by its number.

    Args:
        table: the phrases of all places.
        facts: of the encoder, its vocabulary among them.
        least_share: least chance that a phrase is kept.
        seed: of what is kept.
    """

    count = 0

    def __init__(
        self, table: PhraseTable, facts: Mapping[str, Any], least_share: float, seed: int
    ) -> None:
        self.table, self.facts, self._least, self._seed = table, facts, least_share, seed
        self._counts = word_counts(table, facts["vocabulary"])
        self._known: Bools = np.logical_or.reduce(self._counts.astype(bool), axis=1)
        self.offset = np.zeros(self.width, np.float32)
        self.spread = np.ones(self.width, np.float32)

    @property
    def width(self) -> int:
        """Words of the vocabulary."""
        return int(self._counts.shape[1])

    def take(self, view: Integers, points: Integers) -> Float32:
        """Counts of words (B, width) of the views (B,) of points (B,); NaN without any word."""
        numbers = self.table.numbers[points]
        chances = hashed(self._seed, view[:, None], points[:, None], numbers.shape[1] + 1)
        share = self._least + (1 - self._least) * chances[:, :1]
        there = self._known[numbers]  # a phrase of which no word is known says nothing
        drawn = np.where(there, chances[:, 1:], 2)
        kept = there & ((drawn < share) | (drawn == drawn.min(1, keepdims=True)))
        kept |= there & (view == 0)[:, None]
        rows = np.zeros((len(points), self.width), np.float32)
        for phrases, kind in zip(numbers.T, kept.T):
            rows[kind] += self._counts[phrases[kind]]
        rows[~rows.any(1)] = np.nan
        return rows

    def backbone(self) -> dict[str, torch.Tensor] | None:
        """None: it comes from no network."""
        return None


def hashed(seed: int, view: Integers, points: Integers, count: int) -> Floats:
    """Numbers in [0, 1) that are a function of seed, view, point and column: (B, count).

    SplitMix64 (Steele et al. 2014) of the four, so that any batch has the same for the same place.

    Args:
        seed: of all.
        view: (B, 1).
        points: (B, 1).
        count: columns.
    """
    with np.errstate(over="ignore"):
        state = np.array([[seed % 2**63]], np.uint64)
        for part in (view, points, np.arange(count)[None, :]):
            state = _mixed(state + (part.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    uniform: Floats = (state >> np.uint64(11)) * 2.0**-53
    return uniform


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed


@dataclass(frozen=True)
class ModalityRequest:
    """What a modality's cache holds.

    Attributes:
        name: of it.
        settings: of it.
        lonlat: (N, 2) degrees.
        places: where its files are looked for.
        seed: of everything random.
    """

    name: str
    settings: ModalitySettings
    lonlat: Floats
    places: Locations
    seed: int

    @property
    def where(self) -> str:
        """As messages begin."""
        return f"modalities.{self.name}"

    def files(self) -> list[list[Path]]:
        """All files that its rows come from; of chips, a list for each alternative.

        Raises:
            InputError: one is not there.
        """
        settings, find = self.settings, self.places.find
        if isinstance(settings, ChipModality):
            named = SourceSettings(files=settings.files, chip=settings.chip)
            return alternatives(named, self.places, f"{self.where}.files")
        if isinstance(settings, ValueModality):
            found = [self.places.find_all(name, f"{self.where}.files") for name in settings.files]
            return [[path for group in found for path in group]]
        if isinstance(settings, PictureModality):
            folder = find(settings.folder, f"{self.where}.folder")
            table = find(settings.table, f"{self.where}.table")
            return [[table, *read_picture_table(settings, table, folder, self.where)[1]]]
        return [
            [find(one.file, f"{self.where}.phrases[{index}].file")]
            for index, one in enumerate(settings.phrases)
        ]

    def describe(self) -> dict[str, Any]:
        """Everything that shapes the rows, as plain values; file names without their folders."""
        settings = plain(self.settings, digest=True)
        for unused in NOT_IN_THE_ROWS:
            settings.pop(unused, None)
        for phrase in settings.get("phrases", ()):
            phrase.pop("file")
        return {
            "version": VERSION,
            "modality": self.name,
            "settings": settings,
            "files": [[file_identity(path) for path in group] for group in self.files()],
            "points": [len(self.lonlat), hashlib.sha256(self.lonlat.tobytes()).hexdigest()],
            "seed": self.seed,
        }


def modality_requests(
    config: TrainConfig, lonlat: Floats, places: Locations
) -> dict[str, ModalityRequest]:
    """The modalities of a run at its places (N, 2), by name."""
    return {
        name: ModalityRequest(name, settings, lonlat, places, config.seed)
        for name, settings in config.modalities.items()
    }


def open_modality(
    request: ModalityRequest, root: Path, cancelled: Cancelled | None = None
) -> tuple[ModalViews, Path]:
    """Views of a modality, computed first where the cache does not hold them; and their file.

    Args:
        request: the modality.
        root: folder of caches.
        cancelled: asked now and then while they are computed.

    Raises:
        InputError: a file that cannot be read, or says nothing of these places.
        OutputError: the cache cannot be written.
        CancelledError: stopped; what was not finished begins anew next time.
    """
    text = json.dumps(request.describe(), sort_keys=True, indent=1)
    folder = root / f"{request.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not (folder / FACTS).is_file():
        log.info("modality %s", request.name)
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with written_whole(folder / REQUEST, overwrite=True) as partial:
                partial.write_text(text, encoding="utf-8")
            facts = _computed(request, folder, cancelled)
            with written_whole(folder / FACTS, overwrite=True) as partial:
                partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    kept = _read_facts(folder)
    if isinstance(request.settings, TextModality):
        table = read_phrase_table(folder / PHRASES)
        share, seed = request.settings.least_share, request.seed
        facts = {**kept["facts"], "tower": request.settings.tower.kind}
        facts["vocabulary"] = tuple(facts["vocabulary"])
        return PhraseViews(table, facts, share, seed), folder / PHRASES
    values = open_values(folder / VALUES)
    facts = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in kept["facts"].items()
    }
    facts["tower"] = request.settings.tower.kind
    offset, spread = (np.array(kept[key], np.float32) for key in ("offset", "spread"))
    return KeptViews(values, facts, offset, spread), folder / VALUES


def open_values(path: Path) -> NDArray[Any]:
    """The rows of a cache, (views, N, width), as a read-only memory map; InputError if damaged."""
    try:
        values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cache {path}: is damaged ({error}); remove its folder, it is computed anew"
        ) from None
    return values


def read_phrase_table(path: Path) -> PhraseTable:
    """The phrases of all places of a cache; InputError where it is damaged."""
    arrays = read_arrays(path, "cache")
    return PhraseTable(tuple(str(one) for one in arrays["phrases"]), arrays["numbers"])


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"cache {folder}: {FACTS} is damaged; remove the folder, it is computed anew"
        ) from None
    return kept


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be written ({error.strerror})") from error


def _computed(
    request: ModalityRequest, folder: Path, cancelled: Cancelled | None
) -> dict[str, Any]:
    """Compute rows or phrases into the folder, and say what is to be known of them."""
    settings = request.settings
    if isinstance(settings, TextModality):
        return _text(request, settings, folder)
    if isinstance(settings, ValueModality):
        (files,) = request.files()
        rows, names = value_rows(settings, files, request.lonlat, folder, request.where)
        with written_whole(folder / VALUES, overwrite=True) as partial, partial.open("wb") as out:
            np.save(out, rows[None])
        facts = {"kind": "values", "names": names, "scaling": settings.scaling}
        return _facts(request, rows, facts, len(names))
    if isinstance(settings, PictureModality):
        return _pictures(request, settings, folder)
    return _chips(request, settings, folder, cancelled)


def _text(request: ModalityRequest, settings: TextModality, folder: Path) -> dict[str, Any]:
    table = read_phrases(settings.phrases, request.lonlat, request.places.find, request.where)
    words = vocabulary(table, settings.least_places, request.where)
    with written_whole(folder / PHRASES, overwrite=True) as partial, partial.open("wb") as out:
        np.savez(out, phrases=np.array(table.phrases), numbers=table.numbers)
    facts = {"kind": "text", "vocabulary": words, "width": len(words), "source": _source(request)}
    return {"facts": facts}


def _chips(
    request: ModalityRequest, settings: ChipModality, folder: Path, cancelled: Cancelled | None
) -> dict[str, Any]:
    files = request.files()
    source = open_chips(settings, files, folder)
    width = source.channels * source.side**2
    shape = (settings.views, len(request.lonlat), width)
    dtype = np.float16 if is_eight_bit(source) else np.float32
    with written_whole(folder / VALUES, overwrite=True) as partial:
        out = np.lib.format.open_memmap(partial, "w+", dtype, shape)
        for view, part, rows in chip_rows(source, settings, request.lonlat, request.seed):
            if cancelled is not None and cancelled():
                raise CancelledError(f"stopped; {request.name} begins anew next time")
            out[view, part] = rows
        out.flush()
    facts = {
        "kind": "chips",
        "bands": chip_bands(settings, files),
        "pixels": settings.chip.pixels,
        "kilometres": settings.chip.kilometres,
        "scaling": settings.scaling,
        "least_valid": settings.least_valid,
        "least_value": settings.least_value,
        "nodata": settings.nodata,
    }
    return _facts(request, _sample(out[0]), facts, width, source.channels)


def _pictures(request: ModalityRequest, settings: PictureModality, folder: Path) -> dict[str, Any]:
    find, where = request.places.find, request.where
    table = find(settings.table, f"{where}.table")
    taken, files = read_picture_table(
        settings, table, find(settings.folder, f"{where}.folder"), where
    )
    shape = (settings.views, len(request.lonlat), 3 * settings.pixels**2)
    with written_whole(folder / VALUES, overwrite=True) as partial:
        out = np.lib.format.open_memmap(partial, "w+", np.float16, shape)
        for view, rows in picture_rows(settings, request.lonlat, taken, files):
            out[view] = rows
        out.flush()
    facts = {"kind": "pictures", "pixels": settings.pixels}
    return _facts(request, _sample(out[0]), facts, shape[2], 3)


def _sample(rows: NDArray[Any]) -> Float32:
    """At most `STATISTICS_ROWS` of the rows that are there, spread over all of them."""
    return np.asarray(rows[:: max(1, len(rows) // STATISTICS_ROWS)], np.float32)


def _facts(
    request: ModalityRequest,
    rows: Float32,
    facts: dict[str, Any],
    width: int,
    bands: int | None = None,
) -> dict[str, Any]:
    """What is kept beside rows: facts of the encoder, mean and deviation of each band."""
    there = rows[np.isfinite(rows).all(1)]
    if not len(there):
        raise InputError(
            f"{request.where}: is missing at all of the {len(request.lonlat):,} places: look at "
            "its files, at least_valid, least_value or kilometres"
        )
    numbers = there.reshape(-1, bands or width).astype(np.float64)
    if facts.get("scaling") == "log":
        numbers = np.sign(numbers) * np.log1p(np.abs(numbers))
    spread = numbers.std(0)
    return {
        "facts": {**facts, "width": width, "source": _source(request)},
        "offset": numbers.mean(0).tolist(),
        # What never varies says nothing: it stays 0.
        "spread": np.where(spread > 0, spread, 1.0).tolist(),
    }


def _source(request: ModalityRequest) -> str:
    """A line for people: what the rows come from, without folders."""
    settings = request.settings
    if isinstance(settings, TextModality):
        named = [one.file for one in settings.phrases]
    elif isinstance(settings, PictureModality):
        named = [settings.table]
    else:
        named = [
            name
            for entry in settings.files
            for name in ([entry] if isinstance(entry, str) else entry)
        ]
    return ", ".join(dict.fromkeys(os.path.basename(name) for name in named))
