"""On which continent places lie, by polygons with an attribute CONTINENT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from satclip_core.errors import InputError
from satclip_core.types import Bools, Floats, Integers

from ..places.reading import check_columns, read_shapes
from .tasks import shapes_at


class Continents:
    """On which continent places lie.

    Args:
        path: polygons with an attribute CONTINENT, Natural Earth's countries.
    """

    def __init__(self, path: Path) -> None:
        self._polygons = read_shapes(path, "continents:")
        check_columns(self._polygons, ("CONTINENT",), f"continents: {path}")
        self.names = tuple(sorted(set(self._polygons["CONTINENT"].dropna())))

    def within(self, lonlat: Floats, name: str) -> Bools:
        """(N, 2) degrees -> (N,) whether a place lies on a continent.

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.names:
            raise InputError(f"continent {name!r} is none of {', '.join(self.names)}")
        inside: Bools = self.numbers(lonlat) == self.names.index(name)
        return inside

    def numbers(self, lonlat: Floats) -> Integers:
        """(N, 2) degrees -> (N,) index into `names` of each place's continent, -1 where none is."""
        rows, found = shapes_at(self._polygons, lonlat, "CONTINENT")
        known = np.full(len(lonlat), -1, np.int64)
        known[rows] = [self.names.index(name) if name in self.names else -1 for name in found]
        return known
