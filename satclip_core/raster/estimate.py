"""How large a raster would be and how long it would take, by making a small part of it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..grid import Grid, Window
from .blocks import BLOCK, BlockMaker
from .formats import COG, COGS, ZARR
from .spec import RasterSpec
from .writer import create

# Pixels along the side of the parts that are made, and how many there are.
_SIDE = 128
_PARTS = 3


@dataclass(frozen=True)
class Estimate:
    """What a raster would cost.

    Attributes:
        seconds: of computing and writing.
        bytes: on disk.
    """

    seconds: float
    bytes: float


def estimate(spec: RasterSpec, maker: BlockMaker) -> Estimate:
    """Make parts of a raster, along its diagonal, and reckon up.

    Args:
        spec: the raster.
        maker: of its blocks.
    """
    height, width = spec.grid.shape
    # Interpolated, a block costs much the same whatever its size.
    side = BLOCK if maker.interpolates else _SIDE
    rows, cols = min(side, height), min(side, width)
    seconds, size, pixels = 0.0, 0, 0
    maker.make(Window(0, 0, min(rows, 16), min(cols, 16)))  # what only the first block pays for
    for part in range(_PARTS):
        share = (part + 0.5) / _PARTS
        window = Window(int((height - rows) * share), int((width - cols) * share), rows, cols)
        start = time.monotonic()
        _, bands = maker.make(window)
        size += _written(spec, window, bands)
        seconds += time.monotonic() - start
        pixels += rows * cols
        if pixels >= spec.grid.pixels:
            break
    factor = spec.grid.pixels / pixels
    return Estimate(seconds * factor, size * factor)


def _written(spec: RasterSpec, window: Window, bands: NDArray[Any]) -> int:
    """Bytes of a file with this part alone."""
    grid = Grid(spec.grid.crs, spec.grid.transform, (window.height, window.width))
    part, inside = replace(spec, grid=grid), Window(0, 0, window.height, window.width)
    with tempfile.TemporaryDirectory() as folder:
        if spec.format == ZARR:
            return _written_shard(Path(folder) / "part.zarr", part, inside, bands)
        path = Path(folder) / "part.tif"
        part = replace(part, format=COG) if spec.format == COGS else part
        with create(path, path, part) as writer:
            writer.write(inside, bands)
        return path.stat().st_size


def _written_shard(folder: Path, spec: RasterSpec, window: Window, bands: NDArray[Any]) -> int:
    from .zarr_store import ZarrParts, array_name

    parts = ZarrParts(folder, spec, folder)
    parts.begin()
    parts.write(0, iter([(window, bands)]))
    files = (folder / array_name(spec)).rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())
