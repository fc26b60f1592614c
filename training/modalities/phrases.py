"""What maps say of places, in words: country, land cover, climate zone, height, coast, cities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.encoder.modal import words_of
from satclip_core.errors import InputError, require
from satclip_core.types import Bools, Float32, Floats, Integers

from ..evaluation.continuity import destinations, nearest_km
from ..places.land_mask import read_land_mask
from ..places.reading import (
    check_columns,
    coordinates,
    numbers,
    read_cells,
    read_shapes,
    read_table,
)
from ..settings.modality import (
    ClassPhrases,
    CoastPhrases,
    NearPhrases,
    PhraseSettings,
    PolygonPhrases,
    RangePhrases,
)

BEARINGS = 16
"""Directions in which water is looked for."""
RINGS = (0.5, 1.0)
"""At these shares of the distance."""
NONE = -1


@dataclass(frozen=True)
class PhraseTable:
    """The phrases of places.

    Attributes:
        phrases: each that occurs.
        numbers: (N, kinds) which phrase a place has of each kind, `NONE` for none.
    """

    phrases: tuple[str, ...]
    numbers: Integers

    def texts(self) -> tuple[str, ...]:
        """The phrases of each place, joined by commas."""
        return tuple(
            ", ".join(self.phrases[number] for number in row if number != NONE)
            for row in self.numbers
        )


def read_phrases(
    settings: Sequence[PhraseSettings], lonlat: Floats, find: Callable[[str, str], Path], where: str
) -> PhraseTable:
    """Ask every map what it says at places (N, 2) in degrees.

    Args:
        settings: the maps.
        lonlat: places.
        find: (name, what for) -> the path of a file.
        where: how messages begin.

    Raises:
        InputError: a file that cannot be read, or without what is asked of it.
    """
    columns: list[list[str | None]] = []
    for index, one in enumerate(settings):
        at = f"{where}.phrases[{index}]"
        columns += _READERS[type(one)](one, lonlat, find(one.file, f"{at}.file"), at)
    known = sorted({phrase for column in columns for phrase in column if phrase})
    index_of: dict[str | None, int] = {phrase: number for number, phrase in enumerate(known)}
    numbers_ = [[index_of.get(phrase, NONE) for phrase in column] for column in columns]
    table: Integers = np.array(numbers_, np.int64).reshape(len(columns), len(lonlat)).T
    return PhraseTable(tuple(known), np.ascontiguousarray(table))


def vocabulary(table: PhraseTable, least_places: int, where: str) -> tuple[str, ...]:
    """The words of the phrases that so many places or more have, sorted.

    Raises:
        InputError: there are none.
    """
    counts: dict[str, int] = {}
    words = [set(words_of(phrase)) for phrase in table.phrases]
    for row in table.numbers:
        for word in {word for number in row if number != NONE for word in words[number]}:
            counts[word] = counts.get(word, 0) + 1
    kept = tuple(sorted(word for word, count in counts.items() if count >= least_places))
    if not kept:
        raise InputError(
            f"{where}: no word of its phrases is said of {least_places} places or more: take more "
            "places, or a smaller least_places"
        )
    return kept


def word_counts(table: PhraseTable, words: Sequence[str]) -> Float32:
    """How often each word stands in each phrase: (phrases + 1, words); the last row is empty."""
    numbers_ = {word: number for number, word in enumerate(words)}
    counts = np.zeros((len(table.phrases) + 1, len(words)), np.float32)
    for row, phrase in zip(counts, table.phrases):
        for word in words_of(phrase):
            if word in numbers_:
                row[numbers_[word]] += 1
    return counts


def _polygons(
    settings: PolygonPhrases, lonlat: Floats, path: Path, where: str
) -> list[list[str | None]]:
    geopandas = require("geopandas", extra="train", purpose="reading polygons")
    shapes = read_shapes(path, f"{where}.file")
    check_columns(shapes, settings.columns, f"{where}.columns: {path}")
    points = geopandas.GeoDataFrame(
        geometry=geopandas.points_from_xy(lonlat[:, 0], lonlat[:, 1]), crs=4326
    )
    joined = points.sjoin(shapes[[*settings.columns, "geometry"]], how="left", predicate="within")
    joined = joined[~joined.index.duplicated()]
    return [
        [value if isinstance(value, str) and value else None for value in joined[column]]
        for column in settings.columns
    ]


def _classes(
    settings: ClassPhrases, lonlat: Floats, path: Path, where: str
) -> list[list[str | None]]:
    cells = read_cells(path, lonlat, f"{where}:", array=settings.array, bounds=settings.bounds)
    return [
        [settings.names.get(f"{cell:g}") if np.isfinite(cell) else None for cell in cells.tolist()]
    ]


def _ranges(
    settings: RangePhrases, lonlat: Floats, path: Path, where: str
) -> list[list[str | None]]:
    cells = read_cells(path, lonlat, f"{where}:", array=settings.array, bounds=settings.bounds)
    cells = cells.astype(np.float64)
    number = np.searchsorted(np.array(settings.limits), cells, side="right")
    known = np.isfinite(cells)
    return [[settings.names[n] if there else None for n, there in zip(number, known)]]


def _near(settings: NearPhrases, lonlat: Floats, path: Path, where: str) -> list[list[str | None]]:
    table = read_table(path, f"{where}.file")
    if settings.column is not None:
        check_columns(table, [settings.column], f"{where}.column: {path}")
        table = table[numbers(table[settings.column], f"{where}.column") >= settings.least]
    if not len(table):
        raise InputError(f"{where}.least: nothing in {path} is {settings.least:g} or more")
    there = coordinates(table, f"{where}.file {path}", settings.lon, settings.lat)
    near = nearest_km(lonlat, numbers(there, f"{where}.file {path}")) <= settings.kilometres
    return [_said(near, settings.phrase, None)]


def _coast(
    settings: CoastPhrases, lonlat: Floats, path: Path, where: str
) -> list[list[str | None]]:
    is_land = read_land_mask(path)
    on_land, water = is_land(lonlat), np.zeros(len(lonlat), bool)
    for share in RINGS:
        km = np.full(len(lonlat), share * settings.kilometres)
        for turn in range(BEARINGS):
            bearing = np.full(len(lonlat), 2 * np.pi * turn / BEARINGS)
            water |= ~is_land(destinations(lonlat, km, bearing))
    said = _said(water, settings.phrase, settings.otherwise)
    return [[phrase if there else None for phrase, there in zip(said, on_land)]]


def _said(true: Bools, phrase: str, otherwise: str | None) -> list[str | None]:
    return [phrase if one else otherwise for one in true.tolist()]


_READERS: dict[type[Any], Callable[..., list[list[str | None]]]] = {
    PolygonPhrases: _polygons,
    ClassPhrases: _classes,
    RangePhrases: _ranges,
    NearPhrases: _near,
    CoastPhrases: _coast,
}
