"""The places that something most probably comes from, found as its probability map is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..grid import Window
from ..grid.outlines import pixel_areas
from ..grid.pixels import Locator
from ..grid.sphere import EARTH_KM, unit_vectors
from ..products.queries import UNIT_KM2, OriginOf, embedded_words, words_encoder
from ..types import Cancelled, Float32, Floats
from .chip_files import Given, embedded_chip
from .similar_places import PlaceSearch, SimilarPlaces, pixel_room

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

NEAR_KM = 250.0
"""Probability is told for the surroundings of a place; they are this far apart by default."""
_ROWS = 256


@dataclass(frozen=True)
class Origins:
    """The places of highest probability, the highest first.

    Attributes:
        places: pixels of the map; their similarity is the density, per million square kilometres.
        near: (n,) probability that it comes from within `near_km` of the place.
        near_km: kilometres.
    """

    places: SimilarPlaces
    near: Floats
    near_km: float

    def __len__(self) -> int:
        return len(self.places)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What is told of each, by the name of its field."""
        lon, lat = self.places.lonlat.T
        return {
            "rank": np.arange(1, len(self) + 1),
            "probability": self.near,
            "density": self.places.similarity,
            "lon": lon,
            "lat": lat,
        }


def origin_of(
    encoder: LocationEncoder,
    chips: Sequence[Given] = (),
    *,
    words: str = "",
    kilometres: float | None = None,
    bands: Sequence[float] | None = None,
) -> OriginOf:
    """What a raster is to show: where images come from, and words, all together.

    Args:
        encoder: a model of such modalities.
        chips: images of one place, one of a modality: files, or (modality, file).
        words: said of the place; "" for none.
        kilometres: ground that the width of an image spans which is not georeferenced.
        bands: numbers of the bands of an image to take, from 1, where there is one image.

    Raises:
        InputError: nothing is given, the model has no such modality, or an image is not of it.
    """
    if not chips and not words.strip():
        raise InputError("there is nothing to locate: give an image")
    vectors: dict[str, Float32] = {}
    of = []
    for given in chips:
        name, vector = embedded_chip(encoder, given, kilometres=kilometres, bands=bands)
        if name in vectors:
            raise InputError(f"two images of the model's {name}: give one of a place")
        vectors[name] = vector
        of.append(f"{name}={given[1] if isinstance(given, tuple) else os.fspath(given)}")
    if words.strip():
        vectors[words_encoder(encoder).name] = embedded_words(encoder, words)
        of.append(words)
    return OriginOf.joined(encoder, vectors, of)


class OriginSearch:
    """Takes the blocks of a probability map, and finds its places of highest density.

    Args:
        locator: of the map's pixels.
        count: number of places wanted.
        near_km: least distance between them, and the radius that their probability is told for.

    Raises:
        InputError: a count or a distance that is none.
        OutputError: there is no room for the temporary files of a large grid.
    """

    def __init__(self, locator: Locator, count: int, near_km: float = NEAR_KM) -> None:
        if not near_km > 0:
            raise InputError(f"places {near_km:g} km apart: give more than 0")
        self._search = PlaceSearch(locator, count, near_km)
        self._density = pixel_room(locator.grid)
        self._near_km = near_km

    def add(self, window: Window, bands: NDArray[Any]) -> None:
        """Take the density (1, rows, cols) of a window; NaN is none."""
        self._search.add(window, bands)
        row, col, height, width = window
        self._density[row : row + height, col : col + width] = bands[0]

    def finish(self, cancelled: Cancelled | None = None) -> Origins:
        """The places, once all blocks have passed.

        Raises:
            CancelledError: `cancelled` said so.
        """
        found = self._search.finish(cancelled)
        return Origins(found, self._within(found.lonlat), self._near_km)

    def _within(self, lonlat: Floats) -> Floats:
        """The probability (n,) of the pixels within `near_km` of places (n, 2)."""
        locator = self._search.locator
        height, width = locator.grid.shape
        centres = unit_vectors(*lonlat.T)
        nearest = float(np.cos(min(self._near_km / EARTH_KM, np.pi)))
        total = np.zeros(len(lonlat))
        for row in range(0, height, _ROWS):
            window = Window(row, 0, min(_ROWS, height - row), width)
            density = self._density[row : row + window.height]
            rows, cols = np.nonzero(np.isfinite(density))
            if len(rows) == 0:
                continue
            shares = density[rows, cols].astype(np.float64)
            shares *= np.nan_to_num(pixel_areas(locator.grid, window)[rows, cols]) / UNIT_KM2
            lons, lats, _ = locator.at(rows + row, cols)
            pixels = unit_vectors(lons, lats).T
            for index, centre in enumerate(centres.T):
                total[index] += shares[pixels @ centre >= nearest].sum()
        return total
