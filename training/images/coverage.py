"""Where a source has imagery: places that it leaves blank, and the region that it covers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from satclip_core.errors import CancelledError, InputError
from satclip_core.files import written_whole
from satclip_core.types import Bools, Cancelled, Floats

from ..settings.config import SourceSettings
from .cache import CacheRequest
from .chips import ChipSource
from .imagery import pieces

PLACES = 4096
"""Places whose chips are looked at in one go."""
DEGREE_KM = 111.0
LEAST_COSINE = 0.05
"""The margin around a raster is not made wider than this allows: near a pole all lies within."""
SHAPING = ("points", "files")
"""Parts of a request's description that coverage follows from, and settings of the source:"""
SHAPING_SETTINGS = ("chip", "bounds", "bands", "nodata", "reduce", "least_valid")


def covered(
    request: CacheRequest, root: Path | None, scratch: Path, cancelled: Cancelled | None = None
) -> Bools:
    """Whether a source has imagery for its places: (N,) bool.

    It has where at least `least_valid` of the pixels of the chip around the place are valid, in one
    of the alternatives at least. Patches are there for all of their places.

    Args:
        request: the source and its places.
        root: folder of caches, where the answer is kept; None keeps none.
        scratch: what is too large for memory is decoded into.
        cancelled: asked now and then.

    Raises:
        InputError: a file cannot be read, or says nothing of where it lies.
        CancelledError: stopped.
    """
    if request.patches is not None:
        return np.ones(len(request.lonlat), bool)
    kept = None if root is None else root / _name(request)
    if kept is not None and kept.is_file():
        found = _read(kept, len(request.lonlat))
        if found is not None:
            return found
    answer = _look(request.open_rasters(scratch), request.lonlat, request.settings, cancelled)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(kept, overwrite=True) as partial:
            np.save(partial, answer)
    return answer


def _name(request: CacheRequest) -> str:
    described = request.describe()
    shaping = [described[key] for key in SHAPING]
    shaping += [described["settings"][key] for key in SHAPING_SETTINGS]
    fingerprint = hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
    return f"{request.name}-covered-{fingerprint[:12]}.npy"


def _read(path: Path, count: int) -> Bools | None:
    try:
        found: Bools = np.load(path, allow_pickle=False)
    except Exception:  # damaged: it is looked for again
        return None
    return found if found.shape == (count,) and found.dtype == bool else None


def _look(
    source: ChipSource, lonlat: Floats, settings: SourceSettings, cancelled: Cancelled | None = None
) -> Bools:
    answer = np.empty(len(lonlat), bool)
    for part in pieces(len(lonlat), PLACES):
        if cancelled is not None and cancelled():
            raise CancelledError("stopped while looking for imagery; the same command starts again")
        shares = source.best_shares(lonlat[part])
        answer[part] = (shares >= settings.least_valid) & (shares > 0)
    return answer


@dataclass(frozen=True)
class Region:
    """Where a source of rasters has imagery.

    Attributes:
        longitude: west and east in degrees; a west above the east crosses the antimeridian.
        latitude: south and north.
        covers: (N, 2) degrees -> (N,) whether there is imagery.
    """

    longitude: tuple[float, float]
    latitude: tuple[float, float]
    covers: Callable[[Floats], Bools]


def region(request: CacheRequest, scratch: Path) -> Region:
    """The region that the rasters of a source cover, all of them together.

    Raises:
        InputError: a source of patches; a file that cannot be read.
    """
    if request.patches is not None:
        raise InputError(f"sources.{request.name}: has patches, not rasters that cover a region")
    source, chip = request.open_rasters(scratch), request.settings.chip
    boxes = np.array([rasters[0].lonlat_bounds() for rasters in source.alternatives])
    south, north = boxes[:, 1].min(), boxes[:, 3].max()
    margin = (chip.kilometres if chip is not None else 0.0) / DEGREE_KM
    south, north = max(-90.0, south - margin), min(90.0, north + margin)
    cosine = max(LEAST_COSINE, np.cos(np.radians(max(abs(south), abs(north)))))
    return Region(
        _joined(boxes[:, 0], boxes[:, 2], margin / cosine),
        (float(south), float(north)),
        lambda lonlat: _look(source, lonlat, request.settings),
    )


def _joined(wests: Floats, easts: Floats, margin: float) -> tuple[float, float]:
    """The longitudes from one west to one east that hold all of the intervals, and a margin."""
    widths = np.where(easts - wests == 360, 360, np.remainder(easts - wests, 360))
    starts = np.remainder(wests - wests[0] + 180, 360) - 180
    low, high = starts.min() - margin, (starts + widths).max() + margin
    if high - low >= 360:
        return -180.0, 180.0
    west, east = (float(np.remainder(wests[0] + v + 180, 360) - 180) for v in (low, high))
    return west, east
