"""How much of the Earth each class of a raster covers, while it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import Grid, Window
from ..grid.outlines import pixel_areas
from ..types import Floats


class ClassAreas:
    """Adds up the areas of pixels by the codes of the first band.

    Args:
        grid: of the raster.
        codes: of the classes; all other values are none.
    """

    def __init__(self, grid: Grid, codes: tuple[int, ...]) -> None:
        self._grid = grid
        self._codes = np.array(codes)
        self.km2: Floats = np.zeros(len(codes))
        """(classes,) square kilometres of what was added."""

    def add(self, window: Window, bands: NDArray[Any]) -> None:
        """Count one block of the raster, (bands, rows, cols)."""
        areas = np.nan_to_num(np.broadcast_to(pixel_areas(self._grid, window), bands[0].shape))
        sums = np.bincount(bands[0].ravel(), areas.ravel(), int(self._codes.max()) + 1)
        self.km2 += sums[self._codes]

    @property
    def shares(self) -> Floats:
        """(classes,) of the area of all, 0..1."""
        return self.km2 / max(float(self.km2.sum()), np.finfo(float).tiny)
