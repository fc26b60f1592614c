"""Which cells of the field are kept, and the places that are looked at: some in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from satclip_core.encoder.field import RUN, Rows, cells_of_rows, rows_of, runs_of_rows
from satclip_core.types import Bools, Floats, Integers

from .eyes import Layers, Pyramid, bilinear, box_means
from .fine_settings import LevelSettings

# Share of land within the distance asked for that makes a cell one near land.
_SOME_LAND = 0.02
# Places are kept in bands of latitude, so that those in a row of a batch lie near one another.
_BAND_DEGREES = 0.5
_MASK_ROWS = 2048


@dataclass(frozen=True)
class Cells:
    """All cells of a level: (N,) row and column, and (N, 2) their middles in degrees."""

    rows: int
    row: Integers
    col: Integers
    middle: Floats

    @classmethod
    def of(cls, rows: int) -> Cells:
        """The cells of `rows` rows."""
        counts = cells_of_rows(rows)
        row = np.repeat(np.arange(rows), counts)
        col = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        middle = _places(rows, row, col, np.full((len(row), 2), 0.5))
        return cls(rows, row, col, middle)


def _places(rows: int, row: Integers, col: Integers, within: Floats) -> Floats:
    """Places at shares (N, 2) of the width and height of cells."""
    lons = (col + within[:, 0]) * (360 / cells_of_rows(rows)[row]) - 180
    lats = (row + within[:, 1]) * (180 / rows) - 90
    return np.stack([lons, lats], axis=1)


def near_land(land: Layers, kilometres: float, lonlat: Floats) -> Bools:
    """Which places (N, 2) have land within a square that wide, by its share (rows, cols, 1)."""
    rows = min(_MASK_ROWS, len(land))
    share = box_means(land[..., 0].astype(np.float32), kilometres, rows)
    layers = share[..., None].astype(np.float16)
    near: Bools = bilinear(layers, lonlat)[:, 0] > _SOME_LAND
    return near


def kept_cells(
    level: LevelSettings, cells: Cells, land: Layers, pyramids: Mapping[str, Pyramid]
) -> Bools:
    """Which cells of a level are wanted: near land, and where there is much to see."""
    wanted: Bools = cells.middle[:, 1] > level.south
    if level.near_land:
        wanted &= near_land(land, level.near_land, cells.middle)
    if not level.where:
        return wanted
    busy = np.zeros_like(wanted)
    for name, share in level.where.items():
        variety = bilinear(pyramids[name].variety, cells.middle)[:, 0]
        busy |= variety > np.quantile(variety[wanted], 1 - share)
    return wanted & busy


def kept_rows(cells: Cells, wanted: Bools) -> tuple[Rows, Bools]:
    """The rows of a level with every run that holds a wanted cell, and which runs these are."""
    runs = runs_of_rows(cells.rows)
    kept = np.zeros(int(runs[-1]), bool)
    kept[runs[cells.row[wanted]] + cells.col[wanted] // RUN] = True
    return rows_of(cells.rows, kept), kept


def sample_places(
    levels: Sequence[LevelSettings], cells: Sequence[Cells], wanted: Sequence[Bools], seed: int
) -> Floats:
    """Places at random in every cell of each level where no finer level is, (N, 2) degrees.

    Neighbours follow one another, so that a batch of short stretches reads few parts of the field.
    """
    random = np.random.default_rng(seed)
    found = []
    for number, (level, all_cells, mine) in enumerate(zip(levels, cells, wanted)):
        here = mine.copy()
        for finer, fine in zip(cells[:number], wanted[:number]):
            here &= ~_covered(all_cells.middle, finer, fine)
        row, col = all_cells.row[here], all_cells.col[here]
        for _ in range(level.places):
            found.append(_places(level.rows, row, col, random.random((len(row), 2))))
    places = np.concatenate(found)
    order = np.lexsort((places[:, 0], np.floor(places[:, 1] / _BAND_DEGREES)))
    return places[order]


def _covered(lonlat: Floats, cells: Cells, wanted: Bools) -> Bools:
    """Whether places lie in a wanted cell of a level."""
    counts = cells_of_rows(cells.rows)
    row = ((lonlat[:, 1] + 90) * (cells.rows / 180)).astype(np.int64).clip(0, cells.rows - 1)
    col = ((lonlat[:, 0] + 180) / 360 * counts[row]).astype(np.int64) % counts[row]
    first = np.cumsum(counts) - counts
    covered: Bools = wanted[first[row] + col]
    return covered
