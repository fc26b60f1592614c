"""Rasters made part by part: interrupted they go on, on a cluster each part is a task.

How parts are kept until all are there, see `resumable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Protocol

from ..errors import OutputError
from ..files import sync_folder, written_whole
from ..grid import Window
from ..resumable import Kept, kept_work, open_kept, work_folder
from .fingerprint import facts_of, is_lasting
from .formats import COGS, ZARR, RasterTarget
from .geotiff import create as create_geotiff
from .geotiff import open_geotiff
from .spec import RasterSpec
from .writer import open_writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Cancelled, Progress
    from .blocks import Block
    from .request import RasterJob

RASTER = "raster"
# Pixels along the side of a part that is a GeoTIFF; parts are lost whole, so not too many.
_PART_SIDE, _PART_SIDE_OF_MANY, _MANY_BANDS = 4096, 1024, 16


class Parts(Protocol):
    """How a raster that is written part by part lies on the disk."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """The pixels of each part."""

    @property
    def block(self) -> int:
        """Side of the blocks in which the pixels of a part are handed over."""

    def begin(self) -> None:
        """Make what parts have in common."""

    def write(self, index: int, blocks: Iterator[Block]) -> None:
        """Write a part, whole or not at all, so that it outlasts a power cut."""

    def finish(self, target: RasterTarget, begun: float) -> None:
        """Make the target of the parts, which are all there.

        Args:
            target: the file or folder.
            begun: when the first attempt was, seconds since 1970.
        """


def parts_of(folder: Path, spec: RasterSpec, target: Path) -> Parts:
    """How a raster of a format is written in parts.

    Args:
        folder: of the parts.
        spec: what it is to be.
        target: what the user knows it as.
    """
    if spec.format == ZARR:
        from .zarr_store import ZarrParts

        return ZarrParts(folder, spec, target)
    if spec.format == COGS:
        from .cog_folder import CogParts

        return CogParts(folder, spec, target)
    return FileParts(folder, spec, target)


def part_windows(job: RasterJob[Any], format: str) -> tuple[Window, ...]:
    """The pixels of each part of a raster.

    Args:
        job: the raster.
        format: one of `FORMATS`.
    """
    return parts_of(Path(), replace(job.spec, format=format), Path()).windows


class FileParts:
    """A single file, of GeoTIFFs that are joined in the end.

    Args:
        folder: of the GeoTIFFs.
        spec: what it is to be.
        target: what the user knows it as.
    """

    def __init__(self, folder: Path, spec: RasterSpec, target: Path) -> None:
        self._folder, self._spec, self._target = folder, spec, target
        self.block = spec.block
        self.windows = tuple(spec.grid.windows(part_side(spec)))

    def begin(self) -> None:
        """Make the folder."""
        self._folder.mkdir(exist_ok=True)

    def write(self, index: int, blocks: Iterator[Block]) -> None:
        """Write a part: a GeoTIFF without overviews.

        Raises:
            OutputError: it cannot be written.
        """
        window = self.windows[index]
        part = replace(
            self._spec, grid=self._spec.grid.part(window), creation_options={"ZSTD_LEVEL": "1"}
        )
        with (
            written_whole(self._path(index), overwrite=True) as temporary,
            create_geotiff(temporary, self._target, part) as writer,
        ):
            for inside, bands in blocks:
                row, col = inside.row - window.row, inside.col - window.col
                writer.write(Window(row, col, inside.height, inside.width), bands)
        sync_folder(self._folder)

    def finish(self, target: RasterTarget, begun: float) -> None:
        """Join the parts."""
        with open_writer(target, self._spec) as writer:
            for index, window in enumerate(self.windows):
                with open_geotiff(self._path(index)) as reader:
                    for inside in self._spec.grid.part(window).windows(self.block):
                        row, col = window.row + inside.row, window.col + inside.col
                        bands = reader.read(inside).astype(self._spec.product.dtype, copy=False)
                        writer.write(Window(row, col, inside.height, inside.width), bands)

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:05d}.tif"


def part_side(spec: RasterSpec) -> int:
    """Pixels along the side of a part that is a GeoTIFF: a number of blocks."""
    many = len(spec.product.bands) >= _MANY_BANDS
    side = _PART_SIDE_OF_MANY if many else _PART_SIDE
    return max(spec.block, side // spec.block * spec.block)


@dataclass(frozen=True)
class Work:
    """The folder in which a raster is made.

    Attributes:
        kept: what is done of it.
        parts: how its parts lie in it.
    """

    kept: Kept
    parts: Parts

    @property
    def pending(self) -> list[int]:
        """The parts that are not written yet."""
        done = self.kept.done
        return [index for index in range(len(self.parts.windows)) if index not in done]

    def windows(self, index: int) -> Iterator[Window]:
        """The blocks of a part, row by row."""
        window = self.parts.windows[index]
        for row in range(0, window.height, self.parts.block):
            for col in range(0, window.width, self.parts.block):
                height = min(self.parts.block, window.height - row)
                width = min(self.parts.block, window.width - col)
                yield Window(window.row + row, window.col + col, height, width)

    def pixels(self, indices: Iterable[int]) -> int:
        """Pixels of some parts."""
        windows = (self.parts.windows[index] for index in indices)
        return sum(window.height * window.width for window in windows)

    def write(self, index: int, blocks: Iterator[Block]) -> None:
        """Write a part and put it down as done."""
        self.parts.write(index, blocks)
        self.kept.put_down(index)


def open_work(job: RasterJob[Any], target: Path, format: str) -> Work:
    """The folder in which a raster is made, as it is: what a task on a cluster opens.

    Args:
        job: the raster.
        target: where it goes.
        format: one of `FORMATS`.

    Raises:
        OutputError: it is divided otherwise here than where it was begun.
    """
    parts = _parts(job, target, format)
    return Work(open_kept(target, RASTER, len(parts.windows)), parts)


@contextmanager
def begun_work(job: RasterJob[Any], target: RasterTarget) -> Iterator[Work]:
    """The same, begun or taken up again, and held against others; see `kept_work`.

    Nothing stays where the mask is a function, which nobody can tell from another.

    Raises:
        OutputError: another request was begun there, or another process is at it.
    """
    parts = _parts(job, target.path, target.format)
    with kept_work(
        target.path,
        RASTER,
        facts_of(job.request, target.format),
        begin=parts.begin,
        parts=len(parts.windows),
        lasting=is_lasting(job.request),
    ) as kept:
        yield Work(kept, parts)


def _parts(job: RasterJob[Any], target: Path, format: str) -> Parts:
    spec = replace(job.spec, format=format)
    return parts_of(work_folder(target) / RASTER, spec, target)


def write_parts(
    work: Work,
    job: RasterJob[Any],
    *,
    progress: Progress | None,
    cancelled: Cancelled | None,
    seen: Callable[[Window, NDArray[Any]], None] | None = None,
) -> None:
    """Write what is not there yet, part after part, in this process.

    Args:
        work: the parts.
        job: the raster.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block.
        seen: called with each block that is written.
    """
    pending = work.pending
    total = job.request.grid.pixels
    before = total - work.pixels(pending)

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    windows = [window for index in pending for window in work.windows(index)]
    if not windows:
        return
    made = job.blocks(windows=windows, progress=report, cancelled=cancelled)
    with closing(made):
        for index in pending:
            work.write(index, _shown(islice(made, sum(1 for _ in work.windows(index))), seen))
    report(total - before, total)  # the last block is not followed by another


def _shown(
    blocks: Iterable[Block], seen: Callable[[Window, NDArray[Any]], None] | None
) -> Iterator[Block]:
    """Blocks on their way, each shown to whoever looks for something in it."""
    for window, bands in blocks:
        yield window, bands
        if seen is not None:
            seen(window, bands)


def finish_work(work: Work, target: RasterTarget) -> None:
    """Make the target of its parts, and clear away the rest.

    Raises:
        OutputError: a part is missing, or the target cannot be replaced.
    """
    missing = work.pending
    if missing:
        raise OutputError(f"{len(missing)} parts of {target.path} were not written: run it again")
    try:
        work.parts.finish(target, work.kept.begun)
    except OSError as error:
        raise OutputError(f"cannot write {target.path}: {error.strerror or error}") from error
    work.kept.clear()
