"""Room on the disk: asked before a raster is computed, and again before each block is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Argument, Noun, OutputError

if TYPE_CHECKING:
    from .spec import RasterSpec

# The least share of its uncompressed size that any raster takes, by type. Measured for float32:
# 0.55 at a tenth of the model's resolution, 0.15 to 0.3 where thousands of pixels are alike.
_LEAST_SHARE = {"float32": 0.1, "float16": 0.02, "uint8": 0.01, "int16": 0.01}
# Share of its expected size, which is reckoned up from a part, that a raster takes at least.
_CERTAIN = 0.8
# Compressed data can be larger than raw, and a file has headers and lists of tiles.
_OVERHEAD = 1.02
_OVERHEAD_BYTES = 2**17


def check_room(target: Path, size: int, dtype: str) -> None:
    """Refuse a raster that the disk cannot hold, however well it compresses.

    Args:
        target: file to write.
        size: bytes without compression.
        dtype: of the pixels.

    Raises:
        OutputError: it does not fit.
    """
    if size * _LEAST_SHARE.get(dtype, 0.0) > room(target):
        raise no_room(target, f"would hold {as_size(size)} before compression")


def check_share(target: Path, expected: float) -> None:
    """Refuse a raster that the disk cannot hold even compressed.

    Args:
        target: file to write.
        expected: bytes with compression.

    Raises:
        OutputError: it does not fit.
    """
    if expected * _CERTAIN > room(target):
        raise no_room(target, f"would take about {as_size(expected)}")


def no_room(target: Path, what: str) -> OutputError:
    """The error for a raster that the disk cannot hold."""
    return OutputError(
        f"{target} {what}, but only {as_size(room(target))} are free there: give a coarser ",
        Argument("res"),
        " or another disk, or narrow the ",
        Noun("bounds"),
    )


def room(path: Path) -> int:
    """Bytes that may still be written to a file that exists or will, in its folder.

    The free space of the disk, or the process's limit on the size of files if that is less.
    """
    free = shutil.disk_usage(path.parent).free
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return free
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        return free
    written = path.stat().st_size if path.is_file() else 0
    return min(free, max(0, limit - written))


def as_size(size: float) -> str:
    """Bytes as a person says them: 1536000 -> "1.54 MB"."""
    for factor, unit in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"


class Handover:
    """Counts the bytes handed over to GDAL.

    It compresses in threads and reports a full disk late, or not at all. So there has to be
    room for all that may be on its way before a block is handed over.

    Args:
        path: the file being written.
        target: what the user knows it as.
        spec: what it is to be.
    """

    def __init__(self, path: Path, target: Path, spec: RasterSpec) -> None:
        self._path = path
        self._target = target
        self._size = spec.bytes
        self._handed_over = 0
        # Measured: one tile for each of its threads, and one more (GTiff's compression jobs).
        tile = int(spec.options["BLOCKXSIZE"]) ** 2 * spec.pixel_bytes
        by_band = spec.options["INTERLEAVE"].upper() == "BAND"
        jobs = (spec.threads or os.cpu_count() or 1) + 2
        self._on_its_way = jobs * (tile // len(spec.product.bands) if by_band else tile)

    def check(self, coming: int) -> None:
        """Refuse a block of so many bytes for which there is no room.

        Raises:
            OutputError: there is none.
        """
        pending = coming + min(self._handed_over, self._on_its_way)
        free = room(self._path)
        if pending * _OVERHEAD + _OVERHEAD_BYTES > free:
            raise OutputError(
                f"no space left for {self._target}: {as_size(free)} are free, with "
                f"{as_size(self._size - self._handed_over)} (before compression) still to come; "
                "nothing was kept"
            )

    def refused(self, reason: str) -> OutputError:
        """The error for what GDAL could not write: of a full disk it tells in words of its own."""
        if room(self._path) < _OVERHEAD_BYTES:
            return OutputError(f"no space left for {self._target}: nothing was kept ({reason})")
        return OutputError(f"cannot write {self._target}: {reason}")

    def done(self, size: int) -> None:
        """Count a block that was handed over."""
        self._handed_over += size
