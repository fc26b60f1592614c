"""Random places on land: what a similarity is held against.

`scripts/land_points.py` drew them from the map of the world that comes with QGIS (Natural Earth,
public domain).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .satclip_core.encoder import LocationEncoder
from .satclip_core.products import Similarity

TABLE = Path(__file__).with_name("land_points.csv")
# Share of the land at whose similarity colours begin, as in QGIS' own stretch.
LEAST_SHARE = 0.02


def land_points() -> np.ndarray:
    """Places drawn evenly over the land north of 60 degrees south, (N, 2) lon, lat in degrees."""
    return np.loadtxt(TABLE, delimiter=",", skiprows=1)


def land_range(similarity: Similarity, encoder: LocationEncoder) -> tuple[float, float]:
    """The similarities between which colours say something: of all but the least of the land, and
    of the places themselves.
    """
    land = similarity(encoder.encode(land_points(), single=True)[None])
    return float(np.quantile(land, LEAST_SHARE)), float(
        similarity(similarity.references[None]).max()
    )
