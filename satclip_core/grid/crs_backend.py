"""What a library of coordinate reference systems has to offer, and what all of them need."""

from __future__ import annotations

import re
from typing import Callable, Protocol

from ..types import Floats

Transform = Callable[[Floats, Floats], tuple[Floats, Floats]]
Bounds = tuple[float, float, float, float]

# Code, URN, PROJ string, WKT or PROJJSON: what every library reads, unlike names of CRSs.
NOTATIONS = re.compile(r"[a-z]+:\w+$|urn:ogc:|\+|[a-z0-9_]+\s*\[|\{", re.IGNORECASE)


class Backend(Protocol):
    """What a library of CRSs has to offer; each method raises InputError on an unknown CRS."""

    def half_turn(self, crs: str) -> float | None:
        """180 degrees in units of a geographic CRS; None where it is projected."""

    def unit(self, crs: str) -> str:
        """Name of the unit of the axes."""

    def transform(self, source: str, target: str) -> Transform:
        """Coordinates to coordinates; inf or NaN where there is no answer."""

    def area(self, crs: str) -> Bounds | None:
        """Where the CRS is meant to be used: west, south, east, north in degrees; west > east
        across the antimeridian, None where it does not say."""

    def wkt(self, crs: str) -> str:
        """The CRS in full, WKT2: needs no other library's database to be read."""

    def code(self, crs: str) -> str | None:
        """Its code, "EPSG:32632", where one stands for exactly this CRS."""


def rounded(half: float) -> float:
    """Half a turn without the rounding of its unit: 200 grads, not 199.9999999999998."""
    return float(f"{half:.12g}")


def brief(crs: str) -> str:
    """A CRS for a message: WKT is cut."""
    return crs if len(crs) <= 60 else f"{crs[:57]}..."
