"""Location encoders to compare with by the same probes, that need no training and no file.

The place itself (Identity), the zone that it lies in (OneHot) and sines of its coordinates
(Sinusoid): the last two are those of SatCLE's tables. GeoCLIP is a model like others, `geoclip`.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from satclip_core.encoder.encodings import EncodingSettings, grid
from satclip_core.grid.sphere import wrap_longitudes
from satclip_core.types import Float32, Floats

ZONES, BANDS = 60, 20
"""UTM's zones of 6 degrees and bands of 8 from 80 S, the last one of 12 up to 84 N."""
POLAR_CELLS = 4
"""A, B and Y, Z: each cap beyond the bands, its western and its eastern half."""
SINES = EncodingSettings(frequency_num=32, min_radius=0.1, max_radius=360.0)
"""Frequencies of Space2Vec's grid, as CSP has them."""


def utm_one_hot(lonlat: Floats) -> Float32:
    """One 1 for the UTM zone and band, or half of a polar cap, that a place lies in.

    Zones are all 6 degrees wide: those of Norway and Svalbard, which are not, are left as they
    would be.

    Args:
        lonlat: (N, 2) degrees.

    Returns:
        (N, 1204): 60 zones by 20 bands, south to north within a zone, then the caps A, B, Y, Z.
    """
    lon, lat = wrap_longitudes(np.asarray(lonlat[:, 0], np.float64)), lonlat[:, 1]
    zone = np.clip(np.floor((lon + 180) / 6), 0, ZONES - 1)
    band = np.clip(np.floor((lat + 80) / 8), 0, BANDS - 1)
    cap = np.where(lat < -80, 0, 2) + (lon >= 0)
    polar = (lat < -80) | (lat >= 84)
    cell = np.where(polar, ZONES * BANDS + cap, zone * BANDS + band).astype(np.int64)
    rows = np.zeros((len(cell), ZONES * BANDS + POLAR_CELLS), np.float32)
    rows[np.arange(len(cell)), cell] = 1
    return rows


def sinusoid(lonlat: Floats) -> Float32:
    """Sines and cosines of longitude and latitude at many scales (Mai et al. 2020): (N, 128)."""
    values: Float32 = np.asarray(grid(np.asarray(lonlat, np.float64), SINES), np.float32)
    return values


def identity(lonlat: Floats) -> Floats:
    """Longitude and latitude themselves: (N, 2)."""
    return lonlat


BASELINES: dict[str, Callable[[], Callable[[Floats], Any]]] = {
    "identity": lambda: identity,
    "onehot": lambda: utm_one_hot,
    "sinusoid": lambda: sinusoid,
}
"""Encoders that are no model files, opened by their name."""
