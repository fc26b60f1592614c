"""MOSAIKS: random convolutional features of imagery at each place (Rolf et al. 2021).

No location encoder, but what SatCLIP's tables compare with: what the image of a place says. It
needs the imagery wherever it is asked.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from satclip_core.types import Float32, Floats

from ...images.chips import ChipSource, alternatives, open_source
from ...images.features import ImageEncoder, fit_random_convolution
from ...places.sampling import sample_points
from ...settings.config import FeatureSettings, SourceSettings
from ...settings.modality import ChipSettings
from ...settings.run_files import Locations
from ...settings.schema import either, integer, optional, real, sequence, setting, text

# Places at a time, and the sample that patches are drawn from.
_TOGETHER, _SAMPLE = 1024, 2000


@dataclasses.dataclass(frozen=True)
class MosaiksSettings:
    """The rasters, and what is computed of them.

    `files` are stacked: their bands are one image. `bounds` says where images lie that are not
    georeferenced. There are two features a filter, of either sign.
    """

    files: tuple[Any, ...] = setting(sequence(either(text(), sequence(text(), least=1)), least=1))
    kilometres: float = setting(real(above=0), 60.0)
    pixels: int = setting(integer(low=5, high=256), 12)
    filters: int = setting(integer(low=1), 256)
    bounds: tuple[float, ...] | None = setting(optional(sequence(real(), length=4)), None)
    seed: int = setting(integer(low=0), 0)


def open_mosaiks(
    settings: MosaiksSettings, places: Locations, what: str
) -> Callable[[Floats], Float32]:
    """A function (N, 2) degrees -> (N, 2 filters).

    The rasters are read when it is called for the first time.

    Args:
        settings: of it.
        places: where files are looked for.
        what: it is for, as messages begin.

    Raises:
        InputError: files that are not there or not readable.
    """
    chip = ChipSettings(settings.kilometres, settings.pixels, 0.0, False)
    source = SourceSettings(files=settings.files, chip=chip, bounds=settings.bounds)
    groups = alternatives(source, places, what)
    stacked = [[path for group in groups for path in group]]
    kept: list[tuple[ChipSource, ImageEncoder, tempfile.TemporaryDirectory[str]]] = []

    def embed(lonlat: Floats) -> Float32:
        if not kept:
            scratch = tempfile.TemporaryDirectory()
            chips = open_source(stacked, source, Path(scratch.name))
            kept.append((chips, _encoder(chips, settings), scratch))
        chips, encoder, _ = kept[0]
        rows = [
            encoder.encode(torch.from_numpy(_cut(chips, lonlat[start : start + _TOGETHER])))
            for start in range(0, len(lonlat), _TOGETHER)
        ]
        made: Float32 = torch.cat(rows).numpy()
        return made

    return embed


def _cut(chips: ChipSource, lonlat: Floats) -> Float32:
    return np.asarray(chips.cut(lonlat, np.random.default_rng(0))[0], np.float32)


def _encoder(chips: ChipSource, settings: MosaiksSettings) -> ImageEncoder:
    """Filters from patches at random places of the globe's land and sea."""
    sample = _cut(chips, sample_points(_SAMPLE, seed=settings.seed, latitude=(-60.0, 75.0)))
    features = FeatureSettings(filters=settings.filters, mean_response=False)
    generator = torch.Generator().manual_seed(settings.seed)
    return fit_random_convolution(torch.from_numpy(sample), features, generator)
