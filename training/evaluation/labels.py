"""Labels of named properties: what public maps say at places on land, as a YAML file names them."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError
from satclip_core.products.legend import Legend
from satclip_core.products.property_heads import TRANSFORMS
from satclip_core.types import Bools, Floats, Integers

from ..places.land_mask import read_land_mask
from ..places.reading import read_cells
from ..places.sampling import sample_points
from ..settings.run_files import Locations, locations, read_yaml
from ..settings.schema import (
    anything,
    build,
    flag,
    integer,
    mapping,
    optional,
    real,
    section,
    sequence,
    setting,
    text,
)

LEAST_PLACES = 100


@dataclasses.dataclass(frozen=True)
class ClassSettings:
    """A class: its name, and its colour as #rrggbb."""

    name: str = setting(text())
    colour: str = setting(text())


def _months(value: Any, where: str) -> int | str:
    if isinstance(value, str):
        chosen: str = text("mean", "sum")(value, where)
        return chosen
    return int(integer(1, 12)(value, where))


@dataclasses.dataclass(frozen=True)
class PropertySettings:
    """One property: a raster, or a grid in an npz, and how its cells are read.

    Values are scale · cell + offset; `ignore` lists cells that say nothing, `minimum` and `maximum`
    (values) what counts. `classes` names the codes of one that is no number. `months` chooses from
    a grid of twelve. With `water` its labels are asked at sea and on lakes too. Classes with fewer
    than `rare` labels are learnt from more places, up to so many (see `Labels.extra`).
    """

    title: str = setting(text())
    file: str = setting(text())
    source: str = setting(text())
    licence: str = setting(text())
    unit: str = setting(lambda value, where: str(value), "")
    decimals: int = setting(integer(-6, 6), 0)
    array: str | None = setting(optional(text()), None)
    months: int | str | None = setting(optional(_months), None)
    bounds: tuple[float, ...] | None = setting(optional(sequence(real(), length=4)), None)
    scale: float = setting(real(), 1.0)
    offset: float = setting(real(), 0.0)
    ignore: tuple[Any, ...] = setting(sequence(anything), ())
    minimum: float | None = setting(optional(real()), None)
    maximum: float | None = setting(optional(real()), None)
    transform: str = setting(text(*TRANSFORMS), "none")
    water: bool = setting(flag, False)
    classes: dict[str, ClassSettings] = setting(mapping(section(ClassSettings)), {})
    rare: int = setting(integer(low=0), 0)


@dataclasses.dataclass(frozen=True)
class PropertiesFile:
    """A file of properties, and the places that their labels are asked at."""

    properties: dict[str, PropertySettings] = setting(mapping(section(PropertySettings), least=1))
    land_mask: str | None = setting(optional(text()), None)
    land_places: int = setting(integer(low=LEAST_PLACES), 16_000)
    water_places: int = setting(integer(low=0), 0)
    pool: int = setting(integer(low=0), 400_000)
    seed: int = setting(integer(low=0), 0)
    block_degrees: float = setting(real(above=0), 2.0)


@dataclasses.dataclass(frozen=True)
class Labels:
    """The labels of a property at the places of a file.

    Attributes:
        name: of the property.
        settings: of it.
        values: (N,) numbers, or indices of the legend's classes; NaN where nothing is known.
        legend: the classes that occur; None for numbers.
        extra: (M, 2) degrees of more places of rare classes, on land: what they are like is learnt
            from these too, how common they are and how well they are told apart is not.
        extra_values: (M,) indices of their classes.
    """

    name: str
    settings: PropertySettings
    values: Floats
    legend: Legend | None
    extra: Floats
    extra_values: Floats


@dataclasses.dataclass(frozen=True)
class LabelledPlaces:
    """Places, and what is known of them.

    Attributes:
        lonlat: (N, 2) degrees; those on land first.
        land: how many of them are on land.
        block_degrees: side of a block in longitude and latitude, which are left out as a whole.
        labels: of each property.
    """

    lonlat: Floats
    land: int
    block_degrees: float
    labels: tuple[Labels, ...]

    def blocks(self, lonlat: Floats) -> Integers:
        """(N, 2) degrees -> (N,) number of the block that each lies in."""
        cells = np.floor((lonlat + np.array([180, 90])) / self.block_degrees).astype(np.int64)
        numbers: Integers = cells[:, 1] * 100_000 + cells[:, 0]
        return numbers


def load_labels(
    path: str | os.PathLike[str], *, data_root: str | os.PathLike[str] | None = None
) -> LabelledPlaces:
    """Draw the places of a file of properties, and read their labels.

    Raises:
        InputError: a bad setting, a missing or unreadable file, too few labels.
    """
    file = Path(path)
    settings: PropertiesFile = build(PropertiesFile, read_yaml(file), f"{file}: ")
    places = locations(file, data_root)
    lonlat, pool = _places(settings, places, file)
    labels = tuple(_labels(settings, places, lonlat, pool))
    return LabelledPlaces(lonlat, settings.land_places, settings.block_degrees, labels)


def _places(settings: PropertiesFile, places: Locations, file: Path) -> tuple[Floats, Floats]:
    """The places on land, then those at sea; and more on land, where rare classes are found."""
    mask = settings.land_mask and read_land_mask(
        places.find(settings.land_mask, f"{file}: land_mask")
    )
    on_land = mask or None
    land = sample_points(settings.land_places, seed=settings.seed, is_land=on_land)
    pool = np.empty((0, 2))
    if any(one.rare for one in settings.properties.values()):
        pool = sample_points(settings.pool, seed=settings.seed + 2, is_land=on_land)
    if not settings.water_places:
        return land, pool
    if on_land is None:
        raise InputError(f"{file}: water_places needs land_mask")
    is_land = on_land

    def at_sea(lonlat: Floats) -> Bools:
        return ~is_land(lonlat)

    sea = sample_points(settings.water_places, seed=settings.seed + 1, is_land=at_sea)
    return np.concatenate([land, sea]), pool


def _labels(
    settings: PropertiesFile, places: Locations, lonlat: Floats, pool: Floats
) -> Iterator[Labels]:
    for name, one in settings.properties.items():
        where = f"properties.{name}"
        if not name.isidentifier():
            raise InputError(f"{where}: {name!r} cannot name a band; use letters, digits and _")
        path = places.find(one.file, f"{where}.file")
        asked = lonlat if not one.rare else np.concatenate([lonlat, pool])
        cells = read_cells(
            path, asked, f"{where}:", array=one.array, bounds=one.bounds, months=one.months
        ).astype(np.float64)
        cells, more = cells[: len(lonlat)], cells[len(lonlat) :]
        known = np.isfinite(cells) & ~np.isin(cells, one.ignore)
        if not one.water:
            known[settings.land_places :] = False
        values, legend = _classes(where, one, cells, known) if one.classes else (
            _numbers(one, cells, known), None
        )  # fmt: skip
        if np.isfinite(values).sum() < LEAST_PLACES:
            raise InputError(f"{where}: only {np.isfinite(values).sum()} labels in {path}")
        chosen, extra = _rare(values, legend, more, one.rare)
        yield Labels(name, one, values, legend, pool[chosen], extra)


def _rare(
    values: Floats, legend: Legend | None, more: Floats, least: int
) -> tuple[Integers, Floats]:
    """Which of the pool's cells top up classes with fewer labels than `least`, and their class."""
    chosen: list[Integers] = [np.empty(0, np.int64)]
    classes: list[Floats] = [np.empty(0)]
    if legend is not None:
        for index, code in enumerate(legend.codes):
            lacking = max(0, least - int((values == index).sum()))
            there = np.flatnonzero(more == code)[:lacking]
            chosen.append(there)
            classes.append(np.full(len(there), float(index)))
    return np.concatenate(chosen), np.concatenate(classes)


def _numbers(settings: PropertySettings, cells: Floats, known: Bools) -> Floats:
    values = settings.scale * cells + settings.offset
    least = -np.inf if settings.minimum is None else settings.minimum
    most = np.inf if settings.maximum is None else settings.maximum
    if settings.transform == "log1p":
        least = max(least, 0.0)
    with np.errstate(invalid="ignore"):
        known = known & (values >= least) & (values <= most)
    values[~known] = np.nan
    return values


def _classes(
    where: str, settings: PropertySettings, cells: Floats, known: Bools
) -> tuple[Floats, Legend]:
    """Indices of classes, and the legend of those that occur."""
    codes = np.unique(cells[known]).astype(int).tolist()
    unnamed = [code for code in codes if str(code) not in settings.classes]
    if unnamed:
        raise InputError(f"{where}.classes: no name for {unnamed}; name it, or ignore it")
    names = [settings.classes[str(code)].name for code in codes]
    colours = []
    for code in codes:
        colour = settings.classes[str(code)].colour
        try:
            red, green, blue = bytes.fromhex(colour.removeprefix("#"))
        except ValueError:
            raise InputError(
                f"{where}.classes.{code}.colour: {colour!r} is no colour like #1c5fa8"
            ) from None
        colours.append((red, green, blue))
    indices = np.full(len(cells), np.nan)
    indices[known] = np.searchsorted(codes, cells[known])
    return indices, Legend(tuple(codes), tuple(names), tuple(colours))
