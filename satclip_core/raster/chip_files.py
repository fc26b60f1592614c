"""An image chip of a file, brought to the bands, size and scale that a model's image side takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Union, cast

import numpy as np

from ..errors import Argument, InputError
from ..grid.sphere import EARTH_KM, unit_vectors
from ..products.queries import CHIPS, of_kind
from ..types import Float32, Floats
from .covariates import RasterCovariate

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from ..encoder.modal import ChipEncoder

log = logging.getLogger(__name__)

_WHAT = "the image"
# Samples along the side of one of the model's pixels, at most, whose mean it is.
_MOST_SAMPLES = 16
# Share by which an image may be smaller than what the model looks at: its edges are rounded.
_ROUNDED = 0.03
# Pixels that much coarser than the model's own are worth a warning.
_COARSE = 1.5
_KM_PER_DEGREE = float(np.deg2rad(EARTH_KM))


Given = Union[str, "os.PathLike[str]", tuple[str, str]]
"""An image: a file, or the name of a modality and a file."""


def embedded_chip(
    encoder: LocationEncoder,
    given: Given,
    *,
    kilometres: float | None = None,
    bands: Sequence[float] | None = None,
) -> tuple[str, Float32]:
    """The embedding of an image in the space of a model's places.

    Args:
        encoder: a model with images among its modalities.
        given: a file, or (modality, file); of several modalities one that takes as many bands as
            the file has is found by itself.
        kilometres: ground that the width of the image spans, where it is not georeferenced.
        bands: numbers of the bands to take, from 1; all where None.

    Returns:
        The modality, and (dim,) of norm 1.

    Raises:
        InputError: the model has no such images, or the image is none of them.
    """
    name, source = given if isinstance(given, tuple) else (None, os.fspath(given))
    there = {key: cast("ChipEncoder", one) for key, one in of_kind(encoder, CHIPS).items()}
    if name is None:
        name = _fitting(encoder, there, source, bands)
    if name not in there:
        raise InputError(f"the model {encoder.name} has no {name!r}: it has {', '.join(there)}")
    chip = read_chip(source, there[name], kilometres=kilometres, bands=bands)
    vector: Float32 = there[name].encode(chip[None])[0]
    if not np.isfinite(vector).all():
        raise InputError(
            f"{_WHAT} {source} says nothing to the model's {name}: too little of it is known, or "
            "it is too dark; give another"
        )
    return name, vector


def _fitting(
    encoder: LocationEncoder,
    there: Mapping[str, ChipEncoder],
    source: str,
    bands: Sequence[float] | None,
) -> str:
    """The one modality that takes as many bands; any where all take others, for its message."""
    count = len(_opened(source, 1.0).names if bands is None else bands)
    fits = [name for name, one in there.items() if len(one.bands) == count]
    if len(fits) > 1:
        raise InputError(
            f"{_WHAT} {source} may be one of the model's {', '.join(fits)}: say which, as "
            f"{fits[0]}={source}"
        )
    return fits[0] if fits else next(iter(there))


def read_chip(
    path: str | os.PathLike[str],
    encoder: ChipEncoder,
    *,
    kilometres: float | None = None,
    bands: Sequence[float] | None = None,
) -> Floats:
    """The middle of an image as the model's chips are: north up, square on the ground.

    A pixel of the chip is the mean of the image over it; a georeferenced image may be of any CRS
    and is turned and scaled by it, which does not give away where it lies. Larger images than the
    model looks at are cut to their middle; smaller ones are refused.

    Args:
        path: anything that GDAL reads.
        encoder: the model's image side.
        kilometres: ground that the width of the image spans, where it is not georeferenced.
        bands: numbers of the bands to take, from 1; all where None.

    Returns:
        (pixels, pixels, bands) in the file's units, NaN where there is no data.

    Raises:
        InputError: it cannot be read, has other bands, spans too little ground, or its scale is
            not known.
    """
    source = os.fspath(path)
    if kilometres is not None and not 0 < kilometres < EARTH_KM:
        raise InputError(
            f"an image of {kilometres:g} km: give more than 0, as ", Argument("kilometres")
        )
    if not _is_scaled(source, kilometres):
        raise InputError(
            f"{_WHAT} {source} is not georeferenced, so its scale is not known: say how many "
            f"kilometres its width spans (the model looks at {encoder.kilometres:g}) as ",
            Argument("kilometres"),
        )
    image = _opened(source, kilometres)
    chosen = _chosen_bands(source, image, encoder, bands)
    lon, lat = _centre(image)
    _check_scale(source, image, encoder)
    side = encoder.pixels
    samples = _samples(image, encoder)
    along = (np.arange(side * samples) + 0.5) / (side * samples) - 0.5
    offsets = along * encoder.kilometres / _KM_PER_DEGREE
    # As chips are cut for training: degrees of longitude widened by 1 / cos of the latitude.
    lons = lon + offsets / max(float(np.cos(np.deg2rad(lat))), 1e-6)
    lats = np.clip(lat - offsets, -90, 90)
    x, y = np.meshgrid(lons, lats)
    values = image(x.ravel(), y.ravel())[:, chosen]
    parts = values.reshape(side, samples, side, samples, len(chosen))
    known = np.isfinite(parts)
    count = known.sum(axis=(1, 3))
    total = np.where(known, parts, 0).sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        # A pixel of which less than half is known is none.
        chip: Floats = np.where(2 * count >= samples**2, total / count, np.nan)
    if not np.isfinite(chip).any():
        raise InputError(f"{_WHAT} {source} holds no data: give one with some")
    return chip


def _opened(source: str, kilometres: float | None) -> RasterCovariate:
    return RasterCovariate(source, what=_WHAT, width_km=kilometres)


def _is_scaled(source: str, kilometres: float | None) -> bool:
    """Whether the scale of an image is known, from the file or from the user."""
    return kilometres is not None or _opened(source, 1.0).located


def _chosen_bands(
    source: str, image: RasterCovariate, encoder: ChipEncoder, bands: Sequence[float] | None
) -> list[int]:
    """Indices of the bands to take, as many as the model has."""
    there, wanted = len(image.names), encoder.bands
    chosen = list(range(1, there + 1)) if bands is None else list(bands)
    missing = [band for band in chosen if band not in range(1, there + 1)]
    if missing:
        raise InputError(
            f"{_WHAT} {source} has no band {missing[0]:g}: it has {there}; give others as ",
            Argument("bands"),
        )
    if len(chosen) != len(wanted):
        raise InputError(
            f"{_WHAT} {source} gives {len(chosen)} band{'s' * (len(chosen) != 1)}, the model's "
            f"{encoder.name} takes {len(wanted)} ({', '.join(wanted)}): choose them as ",
            Argument("bands"),
        )
    return [int(band) - 1 for band in chosen]


def _centre(image: RasterCovariate) -> tuple[float, float]:
    height, width = image.shape
    lons, lats = image.lonlat(np.array([height / 2]), np.array([width / 2]))
    return float(lons[0]), float(lats[0])


def _spans(image: RasterCovariate) -> tuple[float, float]:
    """Kilometres that width and height span on the ground, through the middle."""
    height, width = image.shape
    rows = np.array([height / 2, height / 2, 0, height])
    cols = np.array([0, width, width / 2, width / 2])
    ends = unit_vectors(*image.lonlat(rows, cols)).T
    across, down = (
        2 * EARTH_KM * np.arcsin(min(float(np.linalg.norm(one - two)) / 2, 1))
        for one, two in (ends[:2], ends[2:])
    )
    return float(across), float(down)


def _check_scale(source: str, image: RasterCovariate, encoder: ChipEncoder) -> None:
    """Refuse an image that spans too little ground; say where its pixels are too coarse."""
    across, down = _spans(image)
    if min(across, down) < (1 - _ROUNDED) * encoder.kilometres:
        raise InputError(
            f"{_WHAT} {source} spans {across:.4g} x {down:.4g} km, the model's {encoder.name} "
            f"looks at {encoder.kilometres:g} km: give one of more ground"
        )
    pixel = max(across / image.shape[1], down / image.shape[0])
    own = encoder.kilometres / encoder.pixels
    if pixel > _COARSE * own:
        log.warning(
            "%s %s has pixels of %.3g km, the model's %s of %.3g km: it sees less than it learnt "
            "from",
            _WHAT,
            source,
            pixel,
            encoder.name,
            own,
        )


def _samples(image: RasterCovariate, encoder: ChipEncoder) -> int:
    """Samples along the side of one of the model's pixels, so that none of the image is missed."""
    across, down = _spans(image)
    pixel = min(across / image.shape[1], down / image.shape[0])
    return max(1, min(_MOST_SAMPLES, ceil(encoder.kilometres / encoder.pixels / pixel)))
