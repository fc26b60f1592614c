"""Is a TIFF whole? GDAL may close a file without an error when its last tiles found no room."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OutputError

# TIFF 6.0 and BigTIFF: tags of the places and sizes of tiles, and numpy's name for field types.
_OFFSETS, _COUNTS = 324, 325
_TYPES = {3: "u2", 4: "u4", 16: "u8"}
_CHUNK = 2**20


def check_complete(path: Path, target: Path) -> None:
    """Check that every tile, of the raster and its overviews, has its place in the file.

    Args:
        path: the file.
        target: what the user knows it as.

    Raises:
        OutputError: the file is cut off, or lacks tiles.
    """
    size = path.stat().st_size
    try:
        with open(path, "rb") as file:
            whole = all(_is_whole(*tiles, size) for tiles in _images(file))
    except (struct.error, KeyError, ValueError):
        whole = False
    if not whole:
        raise OutputError(
            f"cannot write {target}: the file came out incomplete, the disk may be full or a "
            "quota reached; nothing was kept"
        )


def crs_lost(crs: str) -> InputError:
    """The error for a CRS that GDAL leaves out of a GeoTIFF, without an error of its own."""
    name = crs if len(crs) <= 60 else f"{crs[:57]}..."
    return InputError(
        f"a GeoTIFF cannot hold the CRS {name!r}: give its code if it has one, such as EPSG:8857, "
        "or another CRS"
    )


def _is_whole(offsets: NDArray[np.uint64], counts: NDArray[np.uint64], size: int) -> bool:
    placed = offsets.size > 0 and bool(((offsets > 0) & (counts > 0)).all())
    return placed and int((offsets + counts).max()) <= size


def _images(file: IO[bytes]) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    """Offsets and byte counts of the tiles of each image: the raster, then its overviews.

    A directory holds its number of entries, the entries (tag, type, number of values, the values
    or where they are), and the place of the next directory, 0 after the last.
    """
    # Header: byte order, 42 or 43 (BigTIFF), where the first directory lies. BigTIFF's version is
    # followed by the size of an offset, so that the place stands at 8, not 4.
    start = file.read(16)
    order = {b"II": "<", b"MM": ">"}[start[:2]]
    big = struct.unpack_from(f"{order}H", start, 2)[0] == 43
    position = struct.unpack_from(f"{order}Q" if big else f"{order}I", start, 8 if big else 4)[0]
    count_format, entry_format = (
        (f"{order}Q", f"{order}HHQ") if big else (f"{order}H", f"{order}HHI")
    )
    next_format = f"{order}Q" if big else f"{order}I"
    width = 20 if big else 12
    while position:
        file.seek(position)
        entries = struct.unpack(count_format, file.read(struct.calcsize(count_format)))[0]
        directory = file.read(entries * width)
        position = struct.unpack(next_format, file.read(struct.calcsize(next_format)))[0]
        found = {}
        for index in range(entries):
            tag, kind, number = struct.unpack_from(entry_format, directory, index * width)
            if tag in (_OFFSETS, _COUNTS):
                at = index * width + struct.calcsize(entry_format)
                value = directory[at : (index + 1) * width]
                found[tag] = _values(file, order, _TYPES[kind], number, value)
        yield found[_OFFSETS], found[_COUNTS]


def _values(
    file: IO[bytes], order: str, kind: str, number: int, value: bytes
) -> NDArray[np.uint64]:
    """The values of an entry, which stand in it where they fit, else where it points to."""
    dtype = np.dtype(order + kind)
    length = number * dtype.itemsize
    if length > len(value):
        file.seek(int(np.frombuffer(value, f"{order}u{len(value)}")[0]))
        value = file.read(length)
    return np.frombuffer(value[:length], dtype).astype(np.uint64)
