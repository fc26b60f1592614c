"""Pictures taken at places, as street-level images are: a folder and a table of where each is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM, unit_vectors
from satclip_core.raster.datasets import use_rasterio
from satclip_core.types import Float32, Floats, Integers

from ..images.decoding import opened
from ..places.reading import check_columns, coordinates, numbers, read_table
from ..settings.modality import PictureModality

ROWS = 256
NONE = -1


def nearest_pictures(lonlat: Floats, pictures: Floats, kilometres: float, count: int) -> Integers:
    """Numbers of the pictures nearest to places, nearest first.

    Args:
        lonlat: (N, 2) degrees.
        pictures: (M, 2) degrees, where they were taken.
        kilometres: how far they may be, on the great circle.
        count: how many of each place.

    Returns:
        (N, count); where fewer are near enough they begin anew, `NONE` where there are none.
    """
    theirs = unit_vectors(pictures[:, 0], pictures[:, 1])
    ours = unit_vectors(lonlat[:, 0], lonlat[:, 1]).T
    kept = min(count, len(pictures))
    found = np.full((len(lonlat), count), NONE, np.int64)
    for start in range(0, len(ours), ROWS):
        part = ours[start : start + ROWS]
        # Chords, not cosines: these lose what is nearer than some 100 m.
        rough = np.argsort(-(part @ theirs), axis=1, kind="stable")[:, :kept]
        chord = np.linalg.norm(part[:, None, :] - theirs.T[rough], axis=2)
        order = np.argsort(chord, axis=1, kind="stable")
        rough, chord = np.take_along_axis(rough, order, 1), np.take_along_axis(chord, order, 1)
        near = 2 * np.arcsin(np.minimum(1, chord / 2)) * EARTH_KM <= kilometres
        for row, (numbers_, good) in enumerate(zip(rough, near)):
            if good.any():
                found[start + row] = np.resize(numbers_[good], count)
    return found


def read_picture_table(
    settings: PictureModality, table: Path, folder: Path, where: str
) -> tuple[Floats, list[Path]]:
    """Where pictures were taken, (M, 2) degrees, and their files.

    Raises:
        InputError: no such columns, no pictures, or a file that is not there.
    """
    read = read_table(table, f"{where}.table")
    check_columns(read, [settings.file], f"{where}.file: {table}")
    if not len(read):
        raise InputError(f"{where}.table: {table} names no pictures")
    lonlat = coordinates(read, f"{where}.table {table}", settings.lon, settings.lat)
    files = [folder / str(name) for name in read[settings.file]]
    lacking = [path for path in files if not path.is_file()]
    if lacking:
        raise InputError(
            f"{where}.table: {table} names {lacking[0]}, which is not there "
            f"({len(lacking)} of {len(files)} are not)"
        )
    return numbers(lonlat, f"{where}.table {table}"), files


def read_picture(path: Path, pixels: int) -> Float32:
    """A picture as (pixels, pixels, 3) red, green, blue, its middle square, averaged down.

    Raises:
        InputError: not a picture.
    """
    rasterio = use_rasterio("reading pictures")
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    try:
        with opened(rasterio, path) as dataset:
            side = min(dataset.width, dataset.height)
            window = Window((dataset.width - side) // 2, (dataset.height - side) // 2, side, side)
            bands = [1, 2, 3] if dataset.count >= 3 else [1, 1, 1]
            read = dataset.read(
                bands, window=window, out_shape=(3, pixels, pixels), resampling=Resampling.average
            )
    except rasterio.errors.RasterioError as error:
        raise InputError(f"picture {path}: cannot be read ({error})") from None
    picture: Float32 = np.moveaxis(read, 0, -1).astype(np.float32)
    return picture


def picture_rows(
    settings: PictureModality, lonlat: Floats, taken: Floats, files: list[Path]
) -> Iterator[tuple[int, Float32]]:
    """Views one after another: number, and (N, pixels * pixels * 3) rows, NaN where there is none.

    Args:
        settings: which pictures, and of what size.
        lonlat: (N, 2) degrees.
        taken: (M, 2) degrees, where pictures were taken.
        files: of the M pictures.
    """
    chosen = nearest_pictures(lonlat, taken, settings.kilometres, settings.views)
    used = np.unique(chosen[chosen != NONE])
    pictures = {number: read_picture(files[number], settings.pixels) for number in used.tolist()}
    for view in range(settings.views):
        rows = np.full((len(lonlat), 3 * settings.pixels**2), np.nan, np.float32)
        for row, number in enumerate(chosen[:, view].tolist()):
            if number != NONE:
                rows[row] = pictures[number].ravel()
        yield view, rows
