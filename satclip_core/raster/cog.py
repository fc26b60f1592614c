"""Cloud-optimised GeoTIFFs: a GeoTIFF first, then its overviews, then GDAL's COG driver.

The overviews of embeddings are made here (`Coarsened`): plain means of embeddings are shorter than
they are. GDAL takes them from a chain of GeoTIFFs, NAME.tif.ovr, NAME.tif.ovr.ovr, ….
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..grid import Grid, Window
from ..products.product import Coarsened
from .formats import GTIFF
from .geotiff import RasterReader, copy_to_cog, create, gdal_version, open_geotiff
from .nodata import filled, unfilled
from .spec import TILE, RasterSpec, RasterWriter
from .tiff import check_complete

# GDAL's COG driver takes tiles up to this side, and one of all bands should fit in memory.
_LARGEST_SIDE, _SMALLEST_SIDE, _LARGEST_BYTES = 512, 16, 2**24
_MANY_BANDS = 16
# Since when the driver knows bands in tiles of their own that lie together, and 16-bit floats.
_TILE_INTERLEAVE, _HALF_FLOATS = (3, 11), (3, 7)


@contextmanager
def create_cog(path: Path, target: Path, spec: RasterSpec) -> Iterator[RasterWriter]:
    """A new cloud-optimised GeoTIFF at `path`, made of a plain one beside it.

    Args:
        path: the file; what is made on the way lies in its folder.
        target: what the user knows it as.
        spec: what it is to be.

    Raises:
        InputError: creation options that the COG driver does not know.
        OutputError: it cannot be written.
    """
    plain = path.with_name(f"plain-{path.name}")
    # The options given are those of the COG; what lies here for a moment need not be small.
    first = replace(spec, creation_options={"ZSTD_LEVEL": "1"})
    try:
        with create(plain, target, first) as writer:
            yield writer
        made = plain
        if isinstance(spec.product, Coarsened):
            for _ in range(spec.levels):
                made = _coarser(made, target, first, spec.product)
                first = replace(first, grid=_halved(first.grid))
        copy_to_cog(plain, path, target, cog_options(spec, gdal_version()))
    finally:
        for file in plain.parent.glob(f"{plain.name}*"):
            file.unlink()
    check_complete(path, target)
    with open(path, "rb+") as written:
        os.fsync(written.fileno())


def cog_options(spec: RasterSpec, version: tuple[int, int]) -> dict[str, str]:
    """Creation options of the COG driver: ours, with those of the user in their place.

    Args:
        spec: what the file is to be.
        version: of GDAL.
    """
    product = spec.product
    side = _LARGEST_SIDE
    while spec.pixel_bytes * side**2 > _LARGEST_BYTES and side > _SMALLEST_SIDE:
        side //= 2
    options = {
        "BLOCKSIZE": str(side),
        "COMPRESS": "ZSTD",
        "PREDICTOR": "YES",
        "LEVEL": str(spec.zstd_level),
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": str(spec.threads or "ALL_CPUS"),
        # What there is, and none by plain means where there is none.
        "OVERVIEWS": "FORCE_USE_EXISTING",
    }
    if version >= _TILE_INTERLEAVE and len(product.bands) >= _MANY_BANDS:
        options["INTERLEAVE"] = "TILE"
    if version >= _HALF_FLOATS and product.dtype == "float16":
        options["NBITS"] = "16"
    options.update({key.upper(): str(value) for key, value in spec.creation_options.items()})
    return options


def _coarser(finer: Path, target: Path, spec: RasterSpec, product: Coarsened) -> Path:
    """Make the next overview, of half as many rows and columns, beside a level; gives its file.

    Args:
        finer: the level.
        target: what the user knows it as.
        spec: of the level.
        product: what makes coarser blocks.
    """
    path = finer.with_name(f"{finer.name}.ovr")
    coarse = replace(spec, grid=_halved(spec.grid), format=GTIFF)
    with open_geotiff(finer) as reader, create(path, target, coarse) as writer:
        for window in coarse.grid.windows(TILE // 2):
            block = unfilled(_read(reader, window, spec), spec.product, spec.given_nodata)
            bands = product.coarser(block).astype(spec.product.dtype, copy=False)
            writer.write(window, filled(bands, spec.product, spec.given_nodata))
    return path


def _read(reader: RasterReader, window: Window, spec: RasterSpec) -> NDArray[Any]:
    """The pixels of a finer level that lie in a window of the coarser one."""
    height, width = spec.grid.shape
    row, col = 2 * window.row, 2 * window.col
    size = min(2 * window.height, height - row), min(2 * window.width, width - col)
    return reader.read(Window(row, col, *size))


def _halved(grid: Grid) -> Grid:
    """The grid of the next overview: as GDAL has it, stretched where rows or columns are odd."""
    a, b, c, d, e, f = grid.transform
    height, width = grid.shape
    rows, cols = ceil(height / 2), ceil(width / 2)
    across, down = width / cols, height / rows
    transform = (a * across, b * down, c, d * across, e * down, f)
    return Grid(grid.crs, transform, (rows, cols))
