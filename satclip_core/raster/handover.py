"""Room for what a writer was given and has not written yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from .space import as_size, room

if TYPE_CHECKING:
    from .spec import RasterSpec

# Compressed data can be larger than raw, and a file has headers and lists of tiles.
_OVERHEAD = 1.02
_OVERHEAD_BYTES = 2**17


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

    def done(self, size: int) -> None:
        """Count a block that was handed over."""
        self._handed_over += size
