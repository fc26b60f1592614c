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
from .product import Fitting, Ready, check_dim

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

REDUCTIONS: dict[str, Callable[..., Any]] = {"mean": np.mean, "max": np.max}


@dataclass(frozen=True)
class SimilarityTo:
    """Cosine similarity to some places, wanted of a model that is not open yet.

    Attributes:
        places: lon, lat in degrees of each; of any shape (k, 2) to begin with.
        reduce: "mean" or "max" of the similarities to several places.

    Raises:
        InputError: no place, a place that is none, an unknown `reduce`.
    """

    places: tuple[tuple[float, float], ...]
    reduce: str = "mean"

    def __post_init__(self) -> None:
        if self.reduce not in REDUCTIONS:
            raise InputError(
                f"unknown reduce {self.reduce!r}: it is none of {', '.join(REDUCTIONS)}"
            )
        places = check_lonlat(self.places)
        if len(places) == 0:
            raise InputError("similarity needs at least one place: give lon and lat")
        # As plain numbers, so that requests for the same places are equal.
        object.__setattr__(self, "places", tuple((lon, lat) for lon, lat in places.tolist()))

    @classmethod
    def of(cls, lonlat: ArrayLike, *, reduce: str = "mean") -> SimilarityTo:
        """The same for places as an array, (k, 2) lon, lat in degrees."""
        return cls(lonlat, reduce)  # type: ignore[arg-type]  # __post_init__ makes tuples of it

    def fit(self, fitting: Fitting) -> Similarity:
        """The product: the places are embedded."""
        return self.by(fitting.encoder)

    def by(self, encoder: LocationEncoder) -> Similarity:
        """The product of an encoder."""
        places = np.array(self.places, np.float64)
        return Similarity(encoder.encode(places), places, self.reduce)


@dataclass(frozen=True)
class Similarity(Ready):
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
    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)
    bands: tuple[str, ...] = field(default=("similarity",), init=False)

    @classmethod
    def to(cls, encoder: LocationEncoder, lonlat: ArrayLike, *, reduce: str = "mean") -> Similarity:
        """The product for places (k, 2), lon, lat in degrees.

        Raises:
            InputError: no place, a place that is none, an unknown `reduce`.
        """
        return SimilarityTo.of(lonlat, reduce=reduce).by(encoder)

    @property
    def tags(self) -> dict[str, str]:
        """The places compared with."""
        return {
            "product": "similarity",
            "values": "cosine similarity, -1..1",
            "references": "; ".join(f"{lon:.10g} {lat:.10g}" for lon, lat in self.places),
            "reduce": self.reduce,
        }

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder with another number of dimensions.

        Raises:
            InputError: it has another.
        """
        check_dim(self.references.shape[1], encoder)

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (1, rows, cols)."""
        cosines = cosine_similarity(embeddings, self.references)
        reduced: Float32 = REDUCTIONS[self.reduce](cosines, axis=-1)
        return reduced[None]
