"""The places of a run: sampled uniformly over land area, or read from a file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from satclip_core.errors import InputError
from satclip_core.grid.sphere import check_lonlat, wrap_longitudes
from satclip_core.types import Bools, Floats

from ..images.patches import NODATA_BYTES, PatchFolders
from ..settings.config import PointSettings
from ..settings.run_files import Locations
from .land_mask import read_land_mask
from .reading import numbers, read_arrays, read_table

log = logging.getLogger("satclip_training")


def load_points(
    settings: PointSettings, places: Locations, folders: PatchFolders | None = None
) -> Floats:
    """The places of a run: those of a folder of patches, or of a file, or sampled over land.

    A file holds lon, lat (`.npy` or CSV); of patches or a file, the first `points.count` count.

    The index of a folder of patches is taken from `folders` where the run has read it before.

    `points.sea_share` of them lie at sea, so that water is a kind of place of its own to the
    encoder and not whatever the land around it extrapolates to.

    Raises:
        InputError: no such file, not lon and lat, hardly any land, or a sea share without a mask.
    """
    if settings.patches is not None:
        folder = (folders or PatchFolders())(places.find(settings.patches, "points.patches"))
        if folder.skipped:
            total = len(folder.files) + folder.skipped
            log.info(
                "%s of %s patches are smaller than %s bytes, so without data: skipped",
                f"{folder.skipped:,}", f"{total:,}", f"{NODATA_BYTES:,}",
            )  # fmt: skip
        return _enough(folder.lonlat[: settings.count], f"points.patches {settings.patches}")
    if settings.file is not None:
        return _read_points(places.find(settings.file, "points.file"), settings.count)
    mask = None
    if settings.land_mask is not None:
        found = places.find(settings.land_mask, "points.land_mask")
        mask = read_land_mask(found, settings.water_value)
    at_sea = round(settings.count * settings.sea_share)
    if at_sea and mask is None:
        raise InputError(f"points.sea_share {settings.sea_share:g} needs points.land_mask")
    region = {"latitude": settings.latitude, "longitude": settings.longitude}
    points = sample_points(settings.count - at_sea, seed=settings.seed, is_land=mask, **region)
    if not at_sea or mask is None:
        return points
    is_land = mask
    sea = sample_points(
        at_sea, seed=settings.seed + 1, is_land=lambda lonlat: ~is_land(lonlat), **region
    )
    return np.random.default_rng(settings.seed).permutation(np.concatenate([points, sea]))


def _read_points(path: Path, count: int) -> Floats:
    if path.suffix == ".npy":
        points = read_arrays(path, "points.file")["array"]
    else:
        table = read_table(path, "points.file")
        if not {"lon", "lat"} <= set(table):
            raise InputError(f"points.file: {path} has no columns lon and lat")
        points = table[["lon", "lat"]].to_numpy()
    points = numbers(points, f"points.file {path}")
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"points.file: {path} does not hold finite lon, lat pairs")
    try:
        points = check_lonlat(points)
    except InputError as error:
        raise InputError(f"points.file {path}: {error}") from None
    return _enough(points[:count], f"points.file {path}")


def _enough(points: Floats, where: str) -> Floats:
    if len(points) < 2:
        raise InputError(f"{where}: holds {len(points)} places, contrasting needs two at least")
    return points


def sample_points(
    count: int,
    *,
    seed: int,
    is_land: Callable[[Floats], Bools] | None = None,
    latitude: tuple[float, float] = (-90.0, 90.0),
    longitude: tuple[float, float] = (-180.0, 180.0),
) -> Floats:
    """Draw points uniformly over the (land) area between two latitudes: (count, 2) degrees.

    Uniform on the sphere means uniform in longitude and in the sine of latitude. A west that is
    more than the east means across the antimeridian.

    Raises:
        InputError: hardly any place wanted in the region (under 1 point in 100,000 drawn).
    """
    rng = np.random.default_rng(seed)
    west, east = longitude
    low, high = np.sin(np.radians(latitude))
    kept: list[Floats] = []
    have = drawn = 0
    while have < count:
        size = max(4096, 2 * (count - have))
        lon = rng.uniform(west, east + 360 * (west > east), size)
        lon = wrap_longitudes(lon) if west > east else lon
        lat = np.degrees(np.arcsin(rng.uniform(low, high, size)))
        points = np.column_stack([lon, lat])
        if is_land is not None:
            points = points[is_land(points)]
        kept.append(points)
        have, drawn = have + len(points), drawn + size
        if drawn > 200_000 and have < drawn * 1e-5:
            raise InputError(f"the land mask has hardly any land in latitudes {latitude}")
    return np.concatenate(kept)[:count]
