"""Cosine similarity to some places as a product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import ArrayLike

from ..analysis import cosine_similarity
from ..errors import InputError
from ..grid.sphere import check_lonlat
from ..types import Float32, Floats

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

REDUCTIONS: dict[str, Callable[..., Any]] = {"mean": np.mean, "max": np.max}


@dataclass(frozen=True)
class Similarity:
    """Cosine similarity to one place or several: one band, within [-1, 1].

    Attributes:
        references: (k, dim) embeddings of the places.
        places: (k, 2) lon, lat in degrees, for the record.
        reduce: "mean" or "max" of the similarities to several places.
    """

    references: Float32
    places: Floats
    reduce: str = "mean"

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    scale: None = field(default=None, init=False)
    offset: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)
    bands: tuple[str, ...] = field(default=("similarity",), init=False)

    @classmethod
    def to(cls, encoder: LocationEncoder, lonlat: ArrayLike, *, reduce: str = "mean") -> Similarity:
        """The product for places (k, 2), lon, lat in degrees.

        Raises:
            InputError: no place, a place that is none, an unknown `reduce`.
        """
        if reduce not in REDUCTIONS:
            raise InputError(f"unknown reduce {reduce!r}: it is none of {', '.join(REDUCTIONS)}")
        places = check_lonlat(lonlat)
        if len(places) == 0:
            raise InputError("similarity needs at least one place: give lon and lat")
        return cls(encoder.encode(places), places, reduce)

    @property
    def tags(self) -> dict[str, str]:
        """The places compared with."""
        return {
            "product": "similarity",
            "values": "cosine similarity, -1..1",
            "references": "; ".join(f"{lon:.10g} {lat:.10g}" for lon, lat in self.places),
            "reduce": self.reduce,
        }

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (1, rows, cols)."""
        cosines = cosine_similarity(embeddings, self.references)
        reduced: Float32 = REDUCTIONS[self.reduce](cosines, axis=-1)
        return reduced[None]
