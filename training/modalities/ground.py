"""Rows of numbers from rasters: chips of ground, and the values at places themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from satclip_core.encoder.modal import missing_chips
from satclip_core.errors import InputError
from satclip_core.types import Float32, Floats

from ..images.chips import CHUNK, ChipSource, open_source
from ..images.decoding import DecodeRequest, Raster, band_names, open_raster
from ..images.imagery import pieces
from ..settings.config import SourceSettings
from ..settings.modality import ChipModality, ValueModality


def open_chips(
    settings: ChipModality, files: Sequence[Sequence[Path]], scratch: Path
) -> ChipSource:
    """The rasters of a modality as those of a source are opened; InputError where one cannot be."""
    source = SourceSettings(
        files=settings.files,
        chip=settings.chip,
        views=settings.views,
        bounds=settings.bounds,
        bands=settings.bands,
        nodata=settings.nodata,
        reduce=settings.reduce,
        least_valid=settings.least_valid,
    )
    return open_source(files, source, scratch)


def chip_rows(
    source: ChipSource, settings: ChipModality, lonlat: Floats, seed: int
) -> Iterator[tuple[int, slice, Float32]]:
    """Chips of places, a view of some places at a time.

    Yields:
        number of the view, which places, (n, pixels * pixels * bands) numbers in the units of the
        data, NaN rows where the chip is missing.
    """
    parts = pieces(len(lonlat), CHUNK)
    for view in range(settings.views):
        for number, part in enumerate(parts):
            rng = np.random.default_rng([seed, 21, view, number])
            chips, valid = source.cut(lonlat[part], rng)
            chips[missing_chips(chips, valid, settings.least_valid, settings.least_value)] = np.nan
            yield view, part, np.moveaxis(chips, 1, -1).reshape(len(chips), -1)


def chip_bands(settings: ChipModality, files: Sequence[Sequence[Path]]) -> tuple[str, ...]:
    """Names of the bands, those of the first alternative; without files where there are several."""
    names = [name for path in files[0] for name in band_names(path, settings.bands)]
    if len(files) > 1:
        names = [f"band {number}" for number in range(1, len(names) + 1)]
    return tuple(names)


def is_eight_bit(source: ChipSource) -> bool:
    """Whether all pixels are whole numbers of eight bits, which half precision holds exactly."""
    rasters = [raster for group in source.alternatives for raster in group]
    nearest = source.settings.chip is not None and source.settings.chip.resampling == "nearest"
    return nearest and all(raster.array.dtype.itemsize == 1 for raster in rasters)


def value_rows(
    settings: ValueModality, files: Sequence[Path], lonlat: Floats, scratch: Path, where: str
) -> tuple[Float32, tuple[str, ...]]:
    """Numbers at places, (N, bands of all files), NaN rows where one is missing; and their names.

    Raises:
        InputError: a file that cannot be read; no numbers at any place.
    """
    columns: list[Float32] = []
    names: list[str] = []
    for path in files:
        raster = open_raster(
            DecodeRequest(path, settings.bounds, settings.bands, settings.nodata), scratch
        )
        columns.append(_at(raster, lonlat, bilinear=settings.resampling == "bilinear"))
        names += band_names(path, settings.bands)
    rows = np.concatenate(columns, 1)
    rows[~np.isfinite(rows).all(1)] = np.nan
    if not np.isfinite(rows).any():
        raise InputError(f"{where}.files: say nothing at any of the {len(rows):,} places")
    return rows, tuple(names)


def _at(raster: Raster, lonlat: Floats, *, bilinear: bool) -> Float32:
    row, col = (np.asarray(v)[:, None, None] for v in raster.place(lonlat[:, 0], lonlat[:, 1]))
    pixels, valid = raster.gather(row, col, bilinear=bilinear)
    values = pixels[:, 0, 0].astype(np.float32)
    values[~valid[:, 0, 0]] = np.nan
    result: Float32 = values
    return result
