"""Accuracy by latitude: where on the sphere an encoder fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .fit import Floats, Split

BANDS = 9
"""Equal steps of latitude, 20 degrees each, as published."""


def band_edges(bands: int = BANDS) -> Floats:
    """Edges of the latitude bands, south to north: (bands + 1,) degrees."""
    return np.linspace(-90, 90, bands + 1)


def band_accuracy(predicted: NDArray[np.floating], split: Split, bands: int = BANDS) -> Floats:
    """Share of right classes in each latitude band, south to north: (bands,); NaN where empty.

    Args:
        predicted: (N, classes) logits.
        split: the places and their classes.
        bands: number of bands.
    """
    right = (predicted.argmax(1) == split.target).astype(float)
    edges = band_edges(bands)
    total, _ = np.histogram(split.lonlat[:, 1], edges)
    hits, _ = np.histogram(split.lonlat[:, 1], edges, weights=right)
    return np.divide(hits, total, out=np.full(bands, np.nan), where=total > 0)
