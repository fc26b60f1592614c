"""The settings of a run that fits an encoder of two parts: YAML read into frozen dataclasses."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from satclip_core.errors import InputError

from ..settings.run_files import override, read_yaml
from ..settings.schema import (
    build,
    file_stem,
    flag,
    integer,
    mapping,
    optional,
    plain,
    real,
    section,
    sequence,
    setting,
    text,
)


@dataclasses.dataclass(frozen=True)
class EyeSettings:
    """What is looked at: rasters of the globe, and which numbers are taken of them at a place.

    Means of all bands within each of `scales` (kilometres; the first is the pixel itself), the
    deviation of grey within each of `deviations`, differences of means east to west and north to
    south that many kilometres apart, all of them to `components` principal components. `residual`:
    of each scale what the next wider one does not say, so that what is fine counts as much as what
    is coarse (a Laplacian pyramid, Burt & Adelson 1983). `rows`: of this eye's finest raster.
    """

    files: tuple[str, ...] = setting(sequence(text(), least=1))
    components: int = setting(integer(low=1))
    scales: tuple[float, ...] = setting(sequence(real(above=0)), (5.0, 25.0, 100.0, 300.0))
    deviations: tuple[float, ...] = setting(sequence(real(above=0)), ())
    differences: tuple[float, ...] = setting(sequence(real(above=0)), ())
    weight: float = setting(real(above=0), 1.0)
    residual: bool = setting(flag, False)
    rows: int | None = setting(optional(integer(low=16, high=16_384)), None)
    samples: int = setting(integer(low=1, high=8), 1)
    logarithm: bool = setting(flag, False)
    behind: str | None = setting(optional(text()), None)
    sea: bool = setting(flag, True)


@dataclasses.dataclass(frozen=True)
class LevelSettings:
    """A level of the field: rows from pole to pole, channels, and where its cells are kept.

    `where`: of those cells only the share in which an eye sees most variety, eye by eye.
    `near_land`: kilometres within which there has to be land; 0 keeps the whole sphere. `step`:
    what is rounded to. `places`: how many places are looked at in each cell that no finer level
    has.
    """

    rows: int = setting(integer(low=3, high=9_000))
    channels: int = setting(integer(low=1, high=64))
    step: float = setting(real(above=0))
    near_land: float = setting(real(0), 0.0)
    south: float = setting(real(-90, 90), -90.0)
    where: dict[str, float] = setting(mapping(real(0, 1)), {})
    places: int = setting(integer(low=0), 1)


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """The regression: rates of Adam for the field and for the layers, batches, how long.

    `size_weight`: which share of the targets' variance a megabyte of the field has to explain to
    be worth its place in the model file; with 0 the field is fitted as if it cost nothing, and
    rounded afterwards.
    """

    components: int = setting(integer(low=1), 48)
    hidden: int = setting(integer(low=1), 256)
    epochs: int = setting(integer(low=1), 2)
    batch_size: int = setting(integer(low=8), 3072)
    field_rate: float = setting(real(above=0), 0.08)
    rate: float = setting(real(above=0), 0.003)
    weight_decay: float = setting(real(0), 1e-4)
    size_weight: float = setting(real(0), 0.0)
    validation_places: int = setting(integer(low=8), 20_000)
    threads: int = setting(integer(low=0), 0)


@dataclasses.dataclass(frozen=True)
class EmbeddingSettings:
    """How predictions and smooth components become an embedding, its first dimensions leading.

    `leading_smooth` components are mixed with the predictions; the first dimensions are principal
    components of that mix, cut at `lengths` and rotated between them; the other components follow.
    """

    dim: int = setting(integer(low=8), 256)
    leading_smooth: int = setting(integer(low=0), 16)
    lengths: tuple[int, ...] = setting(sequence(integer(low=1)), (3, 16, 64))
    smooth_share: float = setting(real(0, 0.95), 0.35)
    leading_weight: float = setting(real(0), 0.5)


@dataclasses.dataclass(frozen=True)
class FineExport:
    """What the model file and its card say, and by which images the resolution is measured.

    `resolution_classes`: a raster of land cover whose variance within boxes is measured too.
    `smooth_bits`: of the mantissa that the smooth part's hidden weights keep, of a float16's ten;
    with fewer the file compresses better. `megabytes`: what the model file may weigh; the field of
    a larger one is rounded in longer steps, all levels alike, until it does.
    """

    resolution_images: str = setting(text())
    resolution_classes: str | None = setting(optional(text()), None)
    dtype: str = setting(text("float16", "float32"), "float16")
    smooth_bits: int = setting(integer(low=4, high=10), 10)
    megabytes: float | None = setting(optional(real(above=0)), None)
    licence: str = setting(text(), "MIT")
    data: str = setting(text(), "see the sources")
    limits: tuple[str, ...] = setting(sequence(text()), ())
    tasks: str | None = setting(optional(text()), None)


@dataclasses.dataclass(frozen=True)
class FineConfig:
    """A run that fits an encoder of two parts.

    `smooth` is a model file, or the configuration of a run that trains one first. `pixel_rows` are
    those of the finest rasters that eyes see: 4096 are 4.9 km, what Blue Marble's months have.
    """

    name: str = setting(file_stem)
    smooth: str = setting(text())
    land_mask: str = setting(text())
    eyes: dict[str, EyeSettings] = setting(mapping(section(EyeSettings)))
    levels: tuple[LevelSettings, ...] = setting(sequence(section(LevelSettings), least=1))
    export: FineExport = setting(section(FineExport))
    fit: FitSettings = setting(section(FitSettings), FitSettings)
    embedding: EmbeddingSettings = setting(section(EmbeddingSettings), EmbeddingSettings)
    pixel_rows: int = setting(integer(low=16, high=16_384), 4096)
    seed: int = setting(integer(low=0), 1)
    output: str | None = setting(optional(text()), None)

    def digest(self, *parts: str) -> str:
        """SHA-256 of the settings, or of some of them, the same wherever data and output lie."""
        values = plain(self, digest=True)
        values.pop("output")
        values = {part: values[part] for part in parts or values}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @property
    def predictions(self) -> int:
        """Numbers that the fine part predicts."""
        return sum(eye.components for eye in self.eyes.values())


def is_fine(path: Path) -> bool:
    """Whether a configuration is one of an encoder of two parts: it names its eyes."""
    values = read_yaml(path)
    return isinstance(values, dict) and "eyes" in values


def load_fine_config(path: Path, overrides: Iterable[str] = ()) -> FineConfig:
    """Read the configuration of an encoder of two parts.

    Raises:
        InputError: one line with the file, the key, the value and the fix.
    """
    values: Any = read_yaml(path)
    for change in overrides:
        override(values, change)
    config: FineConfig = build(FineConfig, values, f"{path}: ")
    rows = [level.rows for level in config.levels]
    if rows != sorted(rows, reverse=True):
        raise InputError(f"{path}: levels: rows {rows}; the finest level comes first")
    room = config.embedding.dim - config.predictions
    if room <= config.embedding.leading_smooth:
        raise InputError(
            f"{path}: embedding.dim: {config.embedding.dim} has no room for "
            f"{config.predictions} predictions beside {config.embedding.leading_smooth} smooth "
            "components; lower eyes.*.components"
        )
    return config
