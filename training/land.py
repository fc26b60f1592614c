"""Points uniform over land area: a land mask from any file, and the sampling."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, require
from satclip_core.grid.sphere import check_lonlat, wrap_longitudes

from .config import Locations, PointSettings
from .images.patches import NODATA_BYTES, read_patch_folder
from .reading import numbers, read_arrays, read_shapes, read_table

log = logging.getLogger("satclip_training")

VECTOR_STEP = 0.025
"""Degrees at which polygons are burnt into a mask (2.8 km at the equator)."""

Floats = NDArray[np.float64]


class LandMask:
    """Land or not, on a plate-carrée grid from (-180, 90) to (180, -90)."""

    def __init__(self, land: NDArray[np.bool_], *, inverted: bool = False) -> None:
        self._cells, self._inverted = land, inverted

    def __call__(self, lonlat: Floats) -> NDArray[np.bool_]:
        """Whether points are on land: (N, 2) degrees -> (N,) bool."""
        rows, cols = self._cells.shape
        row = ((90.0 - lonlat[:, 1]) * (rows / 180.0)).astype(np.int64).clip(0, rows - 1)
        col = ((lonlat[:, 0] + 180.0) * (cols / 360.0)).astype(np.int64) % cols
        found = self._cells[row, col]
        return ~found if self._inverted else found


def read_land_mask(path: Path, water_value: Any = None) -> LandMask:
    """Read a land mask.

    Args:
        path: `.npz` (first 2-D array; True or non-zero = water, as in global-land-mask), a vector
            file of land polygons, or a global raster (non-zero = land).
        water_value: the code of water in a raster or array, where the rule above does not fit.

    Raises:
        InputError: no such file, no 2-D array in it, or not readable.
    """
    if not path.is_file():
        raise InputError(f"land mask {path}: no such file")
    if path.suffix in (".npz", ".npy"):
        return _from_array(path, water_value)
    if path.suffix.lower() in (".geojson", ".json", ".gpkg", ".shp", ".fgb"):
        return LandMask(_burn(path))
    rasterio = require("rasterio", purpose="reading a land mask")
    try:
        with rasterio.open(path) as dataset:
            cells = dataset.read(1)
    except rasterio.errors.RasterioError as error:
        raise InputError(f"land mask {path}: not a readable raster ({error})") from None
    water = 0 if water_value is None else water_value
    return LandMask(cells != water)


def _from_array(path: Path, water_value: Any) -> LandMask:
    arrays = read_arrays(path, "land mask")
    for cells in (arrays[name] for name in arrays):
        if cells.ndim == 2:
            if water_value is not None:
                return LandMask(cells != water_value)
            # The inversion is left to the look-up: the mask at 30" takes 0.9 GB already.
            return LandMask(cells if cells.dtype == bool else cells != 0, inverted=True)
    raise InputError(f"land mask {path}: holds no two-dimensional array")


def _burn(path: Path) -> NDArray[np.bool_]:
    features = require("rasterio.features", purpose="reading a vector land mask")
    transform = require("rasterio.transform", purpose="reading a vector land mask")
    shapes = read_shapes(path, "land mask").geometry
    shapes = shapes[shapes.notna() & ~shapes.is_empty]
    if not len(shapes):
        raise InputError(f"land mask {path}: holds no polygons")
    size = (round(180 / VECTOR_STEP), round(360 / VECTOR_STEP))
    corner = transform.from_origin(-180, 90, VECTOR_STEP, VECTOR_STEP)
    burnt = features.rasterize(shapes, out_shape=size, transform=corner, fill=0, dtype="uint8")
    return np.asarray(burnt).astype(bool)


def load_points(settings: PointSettings, places: Locations) -> Floats:
    """The places of a run: those of a folder of patches, or of a file, or sampled over land.

    A file holds lon, lat (`.npy` or CSV); of patches or a file, the first `points.count` count.

    `points.sea_share` of them lie at sea, so that water is a kind of place of its own to the
    encoder and not whatever the land around it extrapolates to.

    Raises:
        InputError: no such file, not lon and lat, hardly any land, or a sea share without a mask.
    """
    if settings.patches is not None:
        folder = read_patch_folder(places.find(settings.patches, "points.patches"))
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
    is_land: Callable[[Floats], NDArray[np.bool_]] | None = None,
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
