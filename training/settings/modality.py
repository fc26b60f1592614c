"""Settings of the modalities that a run contrasts with places: rasters, words, pictures."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
from typing import Any, Union

from satclip_core.encoder.towers import TOWERS, BagSettings, ConvolutionSettings, LayersSettings
from satclip_core.errors import InputError

from .schema import (
    Chosen,
    chosen,
    either,
    flag,
    integer,
    mapping,
    optional,
    real,
    section,
    sequence,
    setting,
    text,
    variant,
)

_FILES = sequence(either(text(), sequence(text(), least=1)), least=1)
_BOUNDS = optional(sequence(real(), length=4))
_BANDS = optional(sequence(integer(low=1), least=1))


@dataclasses.dataclass(frozen=True)
class ChipSettings:
    """The square of ground cut out around a point, and how it is varied from view to view."""

    kilometres: float = setting(real(above=0))
    pixels: int = setting(integer(low=3, high=1024))
    shift: float = setting(real(0, 2), 0.25)
    flip: bool = setting(flag, True)
    resampling: str = setting(text("nearest", "bilinear"), "nearest")


@dataclasses.dataclass(frozen=True)
class ChipModality:
    """Squares of ground cut from rasters, or from grids in an npz, as chips of `sources` are.

    Of several files every view draws one; a list within the list is stacked to one image of all
    their bands. `scaling: log` takes logarithms of the numbers first. A chip of which fewer than
    `least_valid` of the pixels are there is missing, and so is one that reaches `least_value`
    nowhere: where night lights are dark there is nothing to tell one place from another by.
    """

    files: tuple[Any, ...] = setting(_FILES)
    chip: ChipSettings = setting(section(ChipSettings))
    views: int = setting(integer(low=1, high=64), 2)
    bounds: tuple[float, ...] | None = setting(_BOUNDS, None)
    bands: tuple[int, ...] | None = setting(_BANDS, None)
    nodata: float | None = setting(optional(real()), None)
    reduce: int = setting(integer(low=1, high=64), 1)
    least_valid: float = setting(real(0, 1), 0.5)
    least_value: float | None = setting(optional(real()), None)
    scaling: str = setting(text("linear", "log"), "linear")
    tower: Chosen = setting(
        chosen(TOWERS, "convolution"), Chosen("convolution", ConvolutionSettings())
    )
    kind: str = setting(text("chips"), "chips")


@dataclasses.dataclass(frozen=True)
class ValueModality:
    """Numbers at a place: the bands of rasters, or the grids of an npz, side by side."""

    kind: str = setting(text("values"))
    files: tuple[str, ...] = setting(sequence(text(), least=1))
    bounds: tuple[float, ...] | None = setting(_BOUNDS, None)
    bands: tuple[int, ...] | None = setting(_BANDS, None)
    nodata: float | None = setting(optional(real()), None)
    resampling: str = setting(text("nearest", "bilinear"), "bilinear")
    scaling: str = setting(text("linear", "log"), "linear")
    tower: Chosen = setting(chosen(TOWERS, "layers"), Chosen("layers", LayersSettings()))


@dataclasses.dataclass(frozen=True)
class PictureModality:
    """Pictures taken at places, as street-level images are.

    `table` is a CSV with columns of longitude, latitude and `file`, whose files lie in `folder`.
    A place has the `views` pictures nearest to it, those within `kilometres`.
    """

    kind: str = setting(text("pictures"))
    folder: str = setting(text())
    table: str = setting(text())
    file: str = setting(text(), "file")
    lon: str | None = setting(optional(text()), None)
    lat: str | None = setting(optional(text()), None)
    kilometres: float = setting(real(above=0), 1.0)
    pixels: int = setting(integer(low=3, high=512), 32)
    views: int = setting(integer(low=1, high=64), 2)
    tower: Chosen = setting(
        chosen(TOWERS, "convolution"), Chosen("convolution", ConvolutionSettings())
    )


@dataclasses.dataclass(frozen=True)
class PolygonPhrases:
    """What the polygon around a place says in some columns: its country, its continent."""

    kind: str = setting(text("polygons"))
    file: str = setting(text())
    columns: tuple[str, ...] = setting(sequence(text(), least=1))


@dataclasses.dataclass(frozen=True)
class ClassPhrases:
    """A phrase for each class of a raster: land cover, climate zones; others say nothing."""

    kind: str = setting(text("classes"))
    file: str = setting(text())
    names: dict[str, str] = setting(mapping(text(), least=1))
    bounds: tuple[float, ...] | None = setting(_BOUNDS, None)
    array: str | None = setting(optional(text()), None)


@dataclasses.dataclass(frozen=True)
class RangePhrases:
    """A phrase for each range of a raster's values; null says nothing.

    `names` has one more entry than `limits`, which rise; a limit itself belongs to what is above.
    """

    kind: str = setting(text("ranges"))
    file: str = setting(text())
    limits: tuple[float, ...] = setting(sequence(real(), least=1))
    names: tuple[str | None, ...] = setting(sequence(optional(text()), least=2))
    bounds: tuple[float, ...] | None = setting(_BOUNDS, None)
    array: str | None = setting(optional(text()), None)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.limits) + 1 or list(self.limits) != sorted(self.limits):
            raise InputError(
                f"names and limits: {len(self.limits)} limits, which must rise, are between "
                f"{len(self.limits) + 1} names, not {len(self.names)}"
            )


@dataclasses.dataclass(frozen=True)
class NearPhrases:
    """A phrase for places near one of a table, whose `column` is `least` or more where given."""

    kind: str = setting(text("near"))
    file: str = setting(text())
    phrase: str = setting(text())
    kilometres: float = setting(real(above=0))
    column: str | None = setting(optional(text()), None)
    least: float = setting(real(), 0.0)
    lon: str | None = setting(optional(text()), None)
    lat: str | None = setting(optional(text()), None)


@dataclasses.dataclass(frozen=True)
class CoastPhrases:
    """A phrase for places on land that have water within so many kilometres, and for others."""

    kind: str = setting(text("coast"))
    file: str = setting(text())
    phrase: str = setting(text(), "coast")
    otherwise: str | None = setting(optional(text()), None)
    kilometres: float = setting(real(above=0), 30.0)


PHRASES: dict[str, type[Any]] = {
    "polygons": PolygonPhrases,
    "classes": ClassPhrases,
    "ranges": RangePhrases,
    "near": NearPhrases,
    "coast": CoastPhrases,
}
PhraseSettings = Union[PolygonPhrases, ClassPhrases, RangePhrases, NearPhrases, CoastPhrases]


@dataclasses.dataclass(frozen=True)
class TextModality:
    """Words that maps yield at a place, as phrases of which each view keeps some.

    Words that fewer than `least_places` places have are left out of the vocabulary. In training a
    place's phrases are each kept with a chance that is drawn anew, `least_share` or more, so that a
    few words are a text too.
    """

    kind: str = setting(text("text"))
    phrases: tuple[PhraseSettings, ...] = setting(sequence(variant(PHRASES, "polygons"), least=1))
    least_places: int = setting(integer(low=1), 10)
    least_share: float = setting(real(0, 1), 0.3)
    tower: Chosen = setting(chosen(TOWERS, "bag"), Chosen("bag", BagSettings()))


MODALITIES: dict[str, type[Any]] = {
    "chips": ChipModality,
    "values": ValueModality,
    "pictures": PictureModality,
    "text": TextModality,
}
ModalitySettings = Union[ChipModality, ValueModality, PictureModality, TextModality]
modality = variant(MODALITIES, "chips")
"""Parser of one, by its kind."""
