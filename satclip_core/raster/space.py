"""Room on the disk: asked before a raster is computed, and again before each block is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import Argument, Noun, OutputError

# The least share of its uncompressed size that any raster takes, by type. Measured for float32:
# 0.55 at a tenth of the model's resolution, 0.15 to 0.3 where thousands of pixels are alike.
_LEAST_SHARE = {"float32": 0.1, "float16": 0.02, "int8": 0.01, "uint8": 0.01}


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
