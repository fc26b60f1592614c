"""The places of a run: sampled uniformly over land area, or read from a file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from satclip_core.errors import InputError
from satclip_core.grid.sphere import check_lonlat, wrap_longitudes
from satclip_core.types import Bools, Floats

from ..images.coverage import Region
from ..images.patches import NODATA_BYTES, PatchFolders
from ..settings.config import PointSettings
from ..settings.run_files import Locations
from .land_mask import read_land_mask
from .reading import coordinates, numbers, read_arrays, read_table

log = logging.getLogger("satclip_training")

Wanted = Callable[[Floats], Bools]
"""(N, 2) degrees -> (N,) whether a place is wanted."""


def load_points(
    settings: PointSettings,
    places: Locations,
    folders: PatchFolders | None = None,
    within: Region | None = None,
) -> Floats:
    """The places of a run: those of a folder of patches, or of a file, or sampled over land.

    A file holds lon, lat (`.npy` or CSV); of patches or a file, the first `points.count` count.

    `points.sea_share` of them lie at sea, so that water is a kind of place of its own to the
    encoder and not whatever the land around it extrapolates to.

    Args:
        settings: which places.
        places: where files are looked for.
        folders: the run's folders of patches, where some have been read.
        within: where a source has imagery, for `points.within`.

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
    points = _sampled(settings, settings.count - at_sea, settings.seed, mask, within)
    if not at_sea or mask is None:
        return points
    is_land = mask
    sea = _sampled(settings, at_sea, settings.seed + 1, lambda lonlat: ~is_land(lonlat), within)
    return np.random.default_rng(settings.seed).permutation(np.concatenate([points, sea]))


def _sampled(
    settings: PointSettings, count: int, seed: int, wanted: Wanted | None, within: Region | None
) -> Floats:
    """Places of the settings' part of the globe, and of a source's imagery where one is named."""
    latitude, longitude = settings.latitude, settings.longitude
    if within is None:
        return sample_points(
            count, seed=seed, is_land=wanted, latitude=latitude, longitude=longitude
        )

    def both(lonlat: Floats) -> Bools:
        keep = _inside(lonlat, latitude, longitude)
        if wanted is not None:
            keep[keep] = wanted(lonlat[keep])
        keep[keep] = within.covers(lonlat[keep])
        return keep

    return sample_points(
        count, seed=seed, is_land=both, latitude=within.latitude, longitude=within.longitude
    )


def _inside(lonlat: Floats, latitude: tuple[float, float], longitude: tuple[float, float]) -> Bools:
    west, east = longitude
    across = (lonlat[:, 0] >= west) | (lonlat[:, 0] <= east)
    between = (lonlat[:, 0] >= west) & (lonlat[:, 0] <= east)
    inside: Bools = across if west > east else between
    return inside & (lonlat[:, 1] >= latitude[0]) & (lonlat[:, 1] <= latitude[1])


def _read_points(path: Path, count: int) -> Floats:
    if path.suffix == ".npy":
        points = read_arrays(path, "points.file")["array"]
    else:
        table = read_table(path, "points.file")
        points = coordinates(table, f"points.file {path}").to_numpy()
    points = numbers(points, f"points.file {path}")
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"points.file: {path} does not hold finite lon, lat pairs")
    try:
        points = check_lonlat(points)
    except InputError as error:
        raise InputError(f"points.file {path}: ", error) from None
    return _enough(points[:count], f"points.file {path}")


def _enough(points: Floats, where: str) -> Floats:
    if len(points) < 2:
        raise InputError(f"{where}: holds {len(points)} places, contrasting needs two at least")
    return points


def sample_points(
    count: int,
    *,
    seed: int,
    is_land: Wanted | None = None,
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
            raise InputError(
                f"hardly any place in latitudes {low_high(latitude)} and longitudes "
                f"{low_high(longitude)} is on land or has imagery, as asked: look at "
                "points.latitude, points.longitude, points.land_mask and points.within"
            )
    return np.concatenate(kept)[:count]


def low_high(limits: tuple[float, float]) -> str:
    """Two degrees for people: `36 to 60`."""
    return f"{limits[0]:g} to {limits[1]:g}"
