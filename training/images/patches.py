"""Patches laid out as S2-100K is: `index.csv` (lat, lon, fn) and `images/patch_N.tif`.

One definition of which patches there are and in which order, `read_patch_folder`: the points of
a run and its images both come from it, so they cannot get out of step.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError
from satclip_core.raster.datasets import use_rasterio
from satclip_core.types import Bools, Float32, Floats, Integers

from ..settings.config import SourceSettings
from .augment import augmented, check_transform, draw
from .decoding import opened
from .imagery import Images, Shares, empty, pieces

INDEX = "index.csv"
IMAGES = "images"
COLUMNS = ("lon", "lat", "fn")
NODATA_BYTES = 10_000
"""A smaller file holds no data, only its compressed absence (as the published loader has it)."""
CHUNK = 64
"""Patches read at a time: 12 bands of 256 x 256 take 0.1 GB, and 0.2 GB as an image."""
READERS = min(16, os.cpu_count() or 1)


@dataclass(frozen=True)
class PatchFolder:
    """The patches of a folder that hold data, in the order of the index.

    Attributes:
        lonlat: (N, 2) degrees.
        files: N paths.
        sizes: N sizes in bytes.
        skipped: number of patches without data.
    """

    lonlat: Floats
    files: tuple[Path, ...]
    sizes: tuple[int, ...]
    skipped: int

    def at(self, kept: Bools) -> PatchFolder:
        """Those of its first N patches that are kept, (N,) bool."""
        chosen = np.flatnonzero(kept)
        files, sizes = (tuple(part[i] for i in chosen) for part in (self.files, self.sizes))
        return PatchFolder(self.lonlat[chosen], files, sizes, self.skipped)  # type: ignore[arg-type]


def read_patch_folder(folder: Path) -> PatchFolder:
    """Read the index of a folder and see which patches are there.

    Raises:
        InputError: no such folder or index, columns that are missing, coordinates that are none,
            patches that are not there.
    """
    rows = read_index(folder)
    sizes = [_size(folder / IMAGES / name) for _, _, name in rows]
    missing = [name for (_, _, name), size in zip(rows, sizes) if size is None]
    if missing:
        raise InputError(
            f"{folder / IMAGES}: {len(missing):,} of the {len(rows):,} patches of {INDEX} are not "
            f"there (the first is {missing[0]}): satclip data fetch s2-100k -o {folder} fetches "
            "them, or take their rows out of the index"
        )
    kept = [
        (lon, lat, folder / IMAGES / name, size)
        for (lon, lat, name), size in zip(rows, sizes)
        if size is not None and size >= NODATA_BYTES
    ]
    if not kept:
        raise InputError(
            f"{folder / IMAGES}: none of the {len(rows):,} patches reaches "
            f"{NODATA_BYTES:,} bytes, so none holds data"
        )
    lonlat = np.array([row[:2] for row in kept], np.float64)
    files, held = tuple(row[2] for row in kept), tuple(row[3] for row in kept)
    return PatchFolder(lonlat, files, held, len(rows) - len(kept))


class PatchFolders:
    """The folders of patches of a run: the index of each is read once, whoever asks."""

    def __init__(self) -> None:
        self._read: dict[Path, PatchFolder] = {}

    def __call__(self, folder: Path) -> PatchFolder:
        """`read_patch_folder`, or what it found before."""
        if folder not in self._read:
            self._read[folder] = read_patch_folder(folder)
        return self._read[folder]


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def read_index(folder: Path) -> list[tuple[float, float, str]]:
    """Rows (lon, lat, file name) of a folder's index; InputError names what is wrong with it."""
    path = folder / INDEX
    if not folder.is_dir():
        raise InputError(f"patches {folder}: is not a folder")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # as Excel saves it
            table = csv.DictReader(file)
            absent = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if absent:
                raise InputError(
                    f"{path}: has no column {', '.join(absent)}; it needs lon, lat, fn"
                )
            rows = [_row(row, f"{path}: line {table.line_num}") for row in table]
    except FileNotFoundError:
        raise InputError(f"patches {folder}: has no {INDEX} (columns lon, lat, fn)") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if not rows:
        raise InputError(f"{path}: has no rows")
    return rows


def _row(row: dict[str, Any], where: str) -> tuple[float, float, str]:
    place = []
    for name, limit in (("lon", 180.0), ("lat", 90.0)):
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            raise InputError(f"{where}: {name} {row[name]!r} is no number") from None
        if not math.isfinite(value) or abs(value) > limit:
            raise InputError(f"{where}: {name} {value:g} is not within {-limit:g} and {limit:g}")
        place.append(value)
    if not row["fn"]:
        raise InputError(f"{where}: fn is empty")
    return place[0], place[1], row["fn"]


def read_patch(path: Path, bands: Sequence[int] | None = None) -> NDArray[Any]:
    """Pixels (bands, rows, columns) of a patch; InputError where it has none that can be used."""
    rasterio = use_rasterio("reading patches")
    try:
        with opened(rasterio, path) as dataset:
            for band in bands or ():
                if band > dataset.count:
                    raise InputError(f"patch {path}: has {dataset.count} bands, no band {band}")
            pixels: NDArray[Any] = dataset.read(list(bands) if bands else None)
    except rasterio.errors.RasterioError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"patch {path}: is damaged ({reason}); fetch it again") from None
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise InputError(
            f"patch {path}: holds pixels that are no numbers; fill them, or take its row out of "
            f"{INDEX}"
        )
    return pixels


class PatchImagery:
    """Images of a folder of patches.

    Args:
        files: one patch for each point.
        settings: the source's settings.
        seed: of all views.
        where: dotted key of the source, for messages.
    """

    def __init__(
        self, files: Sequence[Path], settings: SourceSettings, seed: int, where: str = "patches"
    ) -> None:
        self._files, self._settings, self._seed = files, settings, seed
        self.side = settings.transform.crop
        self._shape = read_patch(files[0], settings.bands).shape
        self._where = where
        check_transform(settings.transform, self._shape[0], f"{where}.transform")
        self.channels = self._shape[0] + (settings.transform.zero_band is not None)

    def chunk(self, number: int) -> Iterator[tuple[int, slice, Images, Shares]]:
        """All views of the next `CHUNK` patches: each patch is read once."""
        part = pieces(len(self._files), CHUNK)[number]
        points = np.arange(part.start, part.stop)
        patches = [self._read(point) for point in points]
        for view in range(self._settings.views):
            images = [self._view(patch, view, p) for patch, p in zip(patches, points)]
            yield view, part, np.stack(images), np.ones(len(points), np.float32)

    def take(self, view: Integers, points: Integers) -> tuple[Images, Shares]:
        """Views (B,) of points (B,), read by a few threads."""
        if len(points) == 0:
            return empty(self.channels, self.side)
        with ThreadPoolExecutor(READERS) as pool:
            images = list(pool.map(lambda v, p: self._view(self._read(p), v, p), view, points))
        return np.stack(images), np.ones(len(points), np.float32)

    def sample(self, size: int) -> Iterator[tuple[Images, Shares]]:
        """First views of at most `size` points."""
        rng = np.random.default_rng([self._seed, 0])
        count = len(self._files)
        chosen = np.sort(rng.choice(count, min(size, count), replace=False))
        for part in pieces(len(chosen), CHUNK):
            points = chosen[part]
            yield self.take(np.zeros_like(points), points)

    def _read(self, point: int) -> NDArray[Any]:
        path, crop = self._files[point], self._settings.transform.crop
        patch = read_patch(path, self._settings.bands)
        if len(patch) != self._shape[0]:
            raise InputError(
                f"patch {path}: has {len(patch)} bands, {self._files[0].name} has {self._shape[0]}"
            )
        if min(patch.shape[1:]) < crop:
            raise InputError(
                f"{self._where}.transform.crop: {crop} is more than the "
                f"{patch.shape[1]} x {patch.shape[2]} pixels of {path}"
            )
        return patch

    def _view(self, patch: NDArray[Any], view: int, point: int) -> Float32:
        transform = self._settings.transform
        size = (patch.shape[1], patch.shape[2])
        drawn = draw(transform, size, seed=self._seed, view=int(view), point=int(point))
        return augmented(patch, transform, drawn)
