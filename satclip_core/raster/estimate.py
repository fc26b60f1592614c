"""How large a raster would be and how long it would take, by making small parts of it.

Parts are made and written as the whole would be, by the same blocks, threads and writers: some
where pixels are wanted, and one where none is. How many are of either kind is counted on a lattice.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import Window
from ..grid.pixels import Locator
from ..types import Integers
from .blocks import BLOCK, Block
from .formats import COG, COGS, ZARR
from .parts import parts_of
from .spec import RasterSpec
from .writer import create

Maker = Callable[[Sequence[Window]], Generator[Block, None, None]]
"""The blocks of some windows, one after the other."""

# Parts that are made where pixels are wanted, and looks for one where none is.
_PARTS, _LOOKS = 3, 16
# Blocks along the side of a part: of few bytes, several are made at once.
_BLOCKS_OF_FEW, _FEW_BYTES = 2, 2**22
# Rows and columns of pixels that are asked whether they are wanted.
_LATTICE = 192


@dataclass(frozen=True)
class Estimate:
    """What a raster would cost.

    Attributes:
        seconds: of computing and writing.
        bytes: on disk.
        wanted: share of its pixels that are computed.
    """

    seconds: float
    bytes: float
    wanted: float


@dataclass
class _Taken:
    """What parts took.

    Attributes:
        pixels: in all.
        wanted: those that were computed.
        seconds: of computing and writing.
        bytes: on disk.
    """

    pixels: int = 0
    wanted: int = 0
    seconds: float = 0.0
    bytes: float = 0.0


def estimate(spec: RasterSpec, locator: Locator, make: Maker) -> Estimate:
    """Make parts of a raster, and reckon up.

    Args:
        spec: the raster.
        locator: of its pixels.
        make: gives its blocks.
    """
    wanted, unwanted = _looked_at(locator)
    side = BLOCK * (_BLOCKS_OF_FEW if spec.pixel_bytes * BLOCK**2 <= _FEW_BYTES else 1)
    full = _parts_at(locator, wanted, _PARTS, side)
    looks = _parts_at(locator, unwanted, _LOOKS, side)
    void = next(([part] for part in looks if not _count(locator, part)), [])
    total, share = spec.grid.pixels, len(wanted) / (len(wanted) + len(unwanted))
    if not full and not void:  # what is wanted is smaller than what the lattice sees
        full, share = looks[:1], _count(locator, looks[0]) / total
    made, none = _taken(spec, locator, make, full), _taken(spec, locator, make, void)

    def reckoned(of_made: float, of_none: float) -> float:
        without = of_none / max(none.pixels, 1)
        within = max(of_made - without * (made.pixels - made.wanted), 0) / max(made.wanted, 1)
        return total * (share * within + (1 - share) * without)

    seconds = reckoned(made.seconds, none.seconds)
    return Estimate(seconds, reckoned(made.bytes, none.bytes), share)


def _looked_at(locator: Locator) -> tuple[Integers, Integers]:
    """Pixels of a lattice that are wanted, and that are not: (N, 2) rows and columns."""
    rows, cols = (
        np.unique(((np.arange(_LATTICE) + 0.5) * size / _LATTICE).astype(np.int64))
        for size in locator.grid.shape
    )
    _, _, valid = locator.at(*np.broadcast_arrays(rows[:, None], cols))
    pixels = np.stack(np.broadcast_arrays(rows[:, None], cols), axis=-1)
    return pixels[valid], pixels[~valid]


def _parts_at(locator: Locator, pixels: Integers, count: int, side: int) -> list[Window]:
    """Parts around some of the pixels, as far from one another in their order as can be."""
    height, width = locator.grid.shape
    rows, cols = min(side, height), min(side, width)
    steps = ((np.arange(count) + 0.5) * len(pixels) / count).astype(np.int64)
    found = {}
    for row, col in pixels[steps] if len(pixels) else []:
        # Where blocks of the whole would begin, and inside.
        corner = (
            min(int(row) // side * side, height - rows),
            min(int(col) // side * side, width - cols),
        )
        found[corner] = Window(*corner, rows, cols)
    return list(found.values())


def _count(locator: Locator, part: Window) -> int:
    """How many pixels of a part are wanted."""
    valid = locator.places(part).valid
    return part.height * part.width if valid is None else int(valid.sum())


def _taken(spec: RasterSpec, locator: Locator, make: Maker, parts: Sequence[Window]) -> _Taken:
    """Make parts and write each; what only the first block pays for does not count."""
    taken = _Taken()
    if not parts:
        return taken
    first = parts[0]
    with closing(make([first._replace(height=min(first.height, 16))])) as warming:
        next(warming)
    with closing(make([block for part in parts for block in _blocks_of(part)])) as blocks:
        for part in parts:
            bands = np.empty((len(spec.product.bands), part.height, part.width), spec.product.dtype)
            for _ in _blocks_of(part):
                start = time.monotonic()
                window, made = next(blocks)
                taken.seconds += time.monotonic() - start
                row, col = window.row - part.row, window.col - part.col
                bands[:, row : row + window.height, col : col + window.width] = made
            start = time.monotonic()
            taken.bytes += _written(spec, part, bands)
            taken.seconds += time.monotonic() - start
            taken.pixels += part.height * part.width
            taken.wanted += _count(locator, part)
    return taken


def _blocks_of(part: Window) -> list[Window]:
    return [
        Window(
            part.row + row,
            part.col + col,
            min(BLOCK, part.height - row),
            min(BLOCK, part.width - col),
        )
        for row in range(0, part.height, BLOCK)
        for col in range(0, part.width, BLOCK)
    ]


def _alone(spec: RasterSpec, part: Window) -> RasterSpec:
    """What a file with a part alone is to be: with as many overviews as those of the whole."""
    whole = spec
    if spec.format == COGS:
        piece = parts_of(Path(), spec, Path()).windows[0]
        whole = replace(spec, grid=spec.grid.part(piece), format=COG)
    smallest = max(part.height, part.width) // 2**whole.levels
    return replace(whole, grid=spec.grid.part(part), smallest_overview=max(smallest, 1))


def _written(spec: RasterSpec, part: Window, bands: NDArray[Any]) -> int:
    """Bytes of a file with this part alone."""
    alone, inside = _alone(spec, part), Window(0, 0, part.height, part.width)
    with tempfile.TemporaryDirectory() as folder:
        if spec.format == ZARR:
            return _written_shard(Path(folder) / "part.zarr", alone, inside, bands)
        path = Path(folder) / "part.tif"
        with create(path, path, alone) as writer:
            writer.write(inside, bands)
        return path.stat().st_size


def _written_shard(folder: Path, spec: RasterSpec, window: Window, bands: NDArray[Any]) -> int:
    from .zarr_store import ZarrParts, array_name

    parts = ZarrParts(folder, spec, folder)
    parts.begin()
    parts.write(0, iter([(window, bands)]))
    files = (folder / array_name(spec)).rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())
