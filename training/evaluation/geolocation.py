"""Geolocation: the place that an image, a text or any other modality comes from.

A query is held against a gallery of places, each embedded by its coordinates; the most similar one
is the answer (GeoCLIP, Vivanco Cepeda et al. 2023, and UniGeoCLIP, EarthVision 2026, score so).
Shares within 25, 200, 750 and 2,500 km are those of Im2GPS (Hays & Efros 2008): city, region,
country, continent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.analysis import unit
from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM, check_lonlat, unit_vectors, wrap_longitudes
from satclip_core.types import Floats, Integers

from .retrieval import ROWS, present

WITHIN_KM = (25.0, 200.0, 750.0, 2500.0)
CELL_DEGREES = 10.0
_KEY = 10_000


@dataclass(frozen=True)
class Answers:
    """What a gallery answers to queries.

    Attributes:
        lonlat: (N, 2) degrees, where the queries come from.
        answered: (N, 2) degrees, the most similar place of the gallery; NaN where there is no
            query.
    """

    lonlat: Floats
    answered: Floats

    @property
    def km(self) -> Floats:
        """(N,) great-circle distance from the truth; NaN where there is no query."""
        return distances_km(self.lonlat, self.answered)

    @property
    def asked(self) -> Answers:
        """Those with a query."""
        there = np.isfinite(self.answered).all(axis=1)
        return Answers(self.lonlat[there], self.answered[there])


@dataclass(frozen=True)
class GeolocationScore:
    """How far answers lie from the truth.

    Attributes:
        queries: how many.
        median_km: of the distances.
        within: share of queries within so many kilometres.
        same_cell: share answered with a place of the right geocell.
        by_cell: the same shares, each geocell counted once however many queries it has: dense
            regions weigh no more than others.
        median_cell_km: median over the geocells of their median distance.
    """

    queries: int
    median_km: float
    within: Mapping[float, float]
    same_cell: float
    by_cell: Mapping[float, float]
    median_cell_km: float


@dataclass(frozen=True)
class CellScore:
    """The answers to the queries of one geocell.

    Attributes:
        bounds: west, south, east, north in degrees.
        queries: how many come from it.
        median_km: of their distances.
        within: share within so many kilometres.
    """

    bounds: tuple[float, float, float, float]
    queries: int
    median_km: float
    within: Mapping[float, float]


def answers(
    queries: ArrayLike, lonlat: ArrayLike, gallery: ArrayLike, gallery_lonlat: ArrayLike
) -> Answers:
    """The most similar place of a gallery to each query; the first of equals.

    Args:
        queries: (N, dim) of any modality, or of several joined by `ensemble`; NaN where there is
            none.
        lonlat: (N, 2) degrees, where they come from.
        gallery: (M, dim) embeddings of coordinates.
        gallery_lonlat: (M, 2) degrees.

    Raises:
        InputError: shapes that do not go together, no gallery, a place that is none.
    """
    asked, offered = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    here, there = check_lonlat(lonlat), check_lonlat(gallery_lonlat)
    if len(here) != len(asked) or len(there) != len(offered):
        raise InputError(
            f"{len(asked)} queries at {len(here)} places, a gallery of {len(offered)} at "
            f"{len(there)}: give a place for each"
        )
    if len(offered) == 0 or asked.ndim != 2 or asked.shape[1:] != offered.shape[1:]:
        raise InputError(
            f"queries {asked.shape} against a gallery {offered.shape}: give (N, dim) and at least "
            "one row of as many dimensions"
        )
    directions = unit(offered)
    answered = np.full((len(asked), 2), np.nan)
    known = np.flatnonzero(present(asked))
    for start in range(0, len(known), ROWS):
        part = known[start : start + ROWS]
        answered[part] = there[(asked[part] @ directions.T).argmax(axis=1)]
    return Answers(here, answered)


def score_answers(
    found: Answers, within: tuple[float, ...] = WITHIN_KM, degrees: float = CELL_DEGREES
) -> GeolocationScore:
    """Sum up answers, over all queries and by geocell.

    Args:
        found: of `answers`; places without a query do not count.
        within: kilometres.
        degrees: height of a geocell.

    Raises:
        InputError: there is no query.
    """
    asked = found.asked
    if len(asked.lonlat) == 0:
        raise InputError("no query has the modality: nothing to geolocate")
    km = asked.km
    right = geocells(asked.lonlat, degrees) == geocells(asked.answered, degrees)
    cells = score_cells(asked, within, degrees)
    return GeolocationScore(
        len(km),
        float(np.median(km)),
        {limit: float((km <= limit).mean()) for limit in within},
        float(right.mean()),
        {limit: float(np.mean([cell.within[limit] for cell in cells])) for limit in within},
        float(np.median([cell.median_km for cell in cells])),
    )


def score_cells(
    found: Answers, within: tuple[float, ...] = WITHIN_KM, degrees: float = CELL_DEGREES
) -> list[CellScore]:
    """The same for each geocell that a query comes from, from the south-west on."""
    asked = found.asked
    km, codes = asked.km, geocells(asked.lonlat, degrees)
    scores = []
    for code in np.unique(codes):
        own = km[codes == code]
        shares = {limit: float((own <= limit).mean()) for limit in within}
        bounds = cell_bounds(int(code), degrees)
        scores.append(CellScore(bounds, len(own), float(np.median(own)), shares))
    return scores


def geocells(lonlat: ArrayLike, degrees: float = CELL_DEGREES) -> Integers:
    """Codes (N,) of the cells that places (N, 2) lie in.

    Rings of latitude are cut into as many cells as make them about as wide as high, so that cells
    have nearly one area: 10° make 412 of 1.2 to 1.3 million km².
    """
    lons, lats = check_lonlat(lonlat).T
    rings = _ring_count(degrees)
    ring = np.minimum((lats + 90) / 180 * rings, rings - 1).astype(np.int64)
    count = np.array([_columns(int(row), degrees) for row in range(rings)])[ring]
    # -180 and 180 are one meridian, the western edge of the first column.
    column = ((wrap_longitudes(lons) + 180) % 360 / 360 * count).astype(np.int64)
    codes: Integers = ring * _KEY + np.minimum(column, count - 1)
    return codes


def cell_bounds(code: int, degrees: float = CELL_DEGREES) -> tuple[float, float, float, float]:
    """West, south, east, north of a geocell."""
    ring, column = divmod(code, _KEY)
    high, wide = 180 / _ring_count(degrees), 360 / _columns(ring, degrees)
    west, south = -180 + column * wide, -90 + ring * high
    return west, south, west + wide, south + high


def distances_km(here: ArrayLike, there: ArrayLike) -> Floats:
    """Great-circle distances (N,) on the sphere; NaN where a place is."""
    first, second = np.asarray(here, np.float64), np.asarray(there, np.float64)
    chords = np.linalg.norm(unit_vectors(*first.T) - unit_vectors(*second.T), axis=0)
    distances: Floats = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1))
    return distances


def _ring_count(degrees: float) -> int:
    if not 0.1 <= degrees <= 90:
        raise InputError(f"geocells of {degrees:g} degrees: give 0.1 to 90")
    return ceil(180 / degrees)


def _columns(ring: int, degrees: float) -> int:
    rings = _ring_count(degrees)
    middle = np.radians(-90 + (ring + 0.5) * 180 / rings)
    return max(1, round(2 * rings * float(np.cos(middle))))
