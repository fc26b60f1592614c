"""Random places on land: what a similarity is held against.

`scripts/land_points.py` drew them from the map of the world that comes with QGIS (Natural Earth,
public domain).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("land_points.csv")


def land_points() -> np.ndarray:
    """Places drawn evenly over the land north of 60 degrees south, (N, 2) lon, lat in degrees."""
    return np.loadtxt(TABLE, delimiter=",", skiprows=1)
