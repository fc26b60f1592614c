"""Arrays as pictures inside a page: colour ramps, and PNG files as data URIs."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Floats

# Viridis (Smith & van der Walt 2015), and ColorBrewer's YlOrBr (Brewer 2003) from little to much:
# both are read alike with any colour vision, and in grey.
VIRIDIS = ("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58",
           "#b5de2b", "#fde725")  # fmt: skip
EARTH = ("#ffffe5", "#fff7bc", "#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#993404",
         "#662506")  # fmt: skip
# Colours of a palette but for the one that is transparent.
_LEVELS = 255
# Shares of the pixels below and above a ramp, as QGIS draws the map.
_CUT = (2.0, 98.0)


@dataclass(frozen=True)
class Ramp:
    """Numbers as colours.

    Attributes:
        stops: colours from the least to the largest, #rrggbb.
        low: value of the first.
        high: value of the last.
        beyond: whether there are values below, and above.
    """

    stops: tuple[str, ...]
    low: float
    high: float
    beyond: tuple[bool, bool] = (False, False)

    @classmethod
    def over(cls, stops: tuple[str, ...], values: Floats, *, zero: bool = False) -> Ramp:
        """A ramp from the 2nd to the 98th percentile of values, from 0 where that is said."""
        known = values[np.isfinite(values)]
        if len(known) == 0:
            return cls(stops, 0.0, 1.0)
        low, high = (float(value) for value in np.percentile(known, _CUT))
        low = 0.0 if zero else low
        if not high > low:
            low, high = low - 0.5, low + 0.5
            return cls(stops, low, high)
        return cls(stops, low, high, (bool(known.min() < low), bool(known.max() > high)))

    def png(self, values: Floats) -> str:
        """Values (rows, cols) as a data URI; what is not finite is transparent."""
        share = (values - self.low) / (self.high - self.low)
        missing = ~np.isfinite(share)
        share[missing] = 0
        index = np.rint(np.clip(share, 0, 1) * (_LEVELS - 1)).astype(np.uint8)
        index[missing] = _LEVELS
        return indexed_png(index, self.colours(_LEVELS))

    def colours(self, count: int) -> NDArray[np.uint8]:
        """So many colours, (count, 3)."""
        stops = np.array([rgb(stop) for stop in self.stops], np.float64)
        at = np.linspace(0, len(stops) - 1, count)
        columns = [np.interp(at, np.arange(len(stops)), column) for column in stops.T]
        return np.asarray(np.rint(np.stack(columns, axis=1)), np.uint8)


def rgb(colour: str) -> tuple[int, int, int]:
    """#rrggbb as three numbers."""
    number = int(colour[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def indexed_png(
    index: NDArray[np.uint8], colours: NDArray[np.uint8] | Sequence[Sequence[int]]
) -> str:
    """A PNG with a palette, as a data URI.

    Args:
        index: (rows, cols) number of the colour of each pixel; beyond the colours: transparent.
        colours: (count, 3) red, green, blue; 255 at most.
    """
    palette = np.asarray(colours, np.uint8).reshape(-1, 3)
    index = np.minimum(index, len(palette)).astype(np.uint8)
    height, width = index.shape
    # Each row begins with the number of its filter: none.
    rows = np.hstack([np.zeros((height, 1), np.uint8), index]).tobytes()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes() + b"\0\0\0"),
        (b"tRNS", b"\xff" * len(palette) + b"\0"),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    made = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)
    return "data:image/png;base64," + base64.b64encode(made).decode("ascii")


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)
