"""What is made of embeddings: the bands of a raster as a function of a block of embeddings."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from math import pi, sqrt
from typing import TYPE_CHECKING, Any, Callable, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .analysis import (
    INT8_NODATA,
    cosine_loss,
    cosine_similarity,
    quantise,
    unit,
)
from .encoder import check_lonlat
from .errors import InputError
from .names import dimension_names

if TYPE_CHECKING:
    from .encoder import LocationEncoder
    from .legend import Legend
    from .rgb import RgbBasis

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

DTYPES = ("float32", "float16", "int8")
REDUCTIONS: dict[str, Callable[..., Any]] = {"mean": np.mean, "max": np.max}

# Places all over the globe by which the step of int8 is chosen: a matter of the model alone,
# so that rasters of any two places have the same.
_GLOBE_PLACES = 2048


class Product(Protocol):
    """A function of embeddings, and what a file has to know about its bands."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands."""

    @property
    def dtype(self) -> str:
        """numpy's name for the type of the values."""

    @property
    def nodata(self) -> float | None:
        """Value where there is no data; None where an alpha band says so."""

    @property
    def scale(self) -> float | None:
        """Value of one step, for integers that stand for numbers."""

    @property
    def colours(self) -> tuple[str, ...]:
        """What the bands are to be shown as, e.g. ("red", "green", "blue", "alpha"), or ()."""

    @property
    def legend(self) -> Legend | None:
        """What the codes of the first band mean; None where it holds no classes."""

    @property
    def tags(self) -> dict[str, str]:
        """What a reader of the file should know."""

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[Any]:
        """(rows, cols, dim), NaN where there is no data -> (bands, rows, cols)."""


@dataclass(frozen=True)
class Embedding:
    """The embedding itself, one band for each dimension.

    Attributes:
        dim: number of dimensions.
        dtype: one of `DTYPES`.
        normalize: whether embeddings are scaled to norm 1; int8 always is.
        scale: value of one step of int8; see `Embedding.of`.
        cosine_loss: mean and largest 1 - cosine that the dtype costs; see `measured`.
    """

    dim: int
    dtype: str = "float32"
    normalize: bool = False
    scale: float | None = None
    cosine_loss: tuple[float, float] | None = None

    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InputError(f"unknown dtype {self.dtype!r}: it is none of {', '.join(DTYPES)}")
        if (self.dtype == "int8") != (self.scale is not None):
            raise InputError(f"dtype {self.dtype} with scale {self.scale}: int8 alone needs one")

    @classmethod
    def of(
        cls, encoder: LocationEncoder, *, dtype: str = "float32", normalize: bool = False
    ) -> Embedding:
        """The product for an encoder; for int8 the scale is measured.

        int8 has one linear scale for all bands: 1/127 of the largest value that a normalised
        embedding takes at 2,048 places spread over the globe. It depends on the model alone.
        """
        if dtype != "int8":
            return cls(encoder.dim, dtype, normalize)
        everywhere = unit(encoder.encode(fibonacci_lattice(_GLOBE_PLACES), single=True))
        # Rounded, so that it is the same whatever BLAS is behind numpy.
        scale = float(f"{np.abs(everywhere).max() / 127:.5g}")
        return cls(encoder.dim, dtype, True, scale)

    @property
    def bands(self) -> tuple[str, ...]:
        """e000, e001, …"""
        return dimension_names(self.dim)

    @property
    def nodata(self) -> float:
        """NaN for floats, -128 for int8."""
        return INT8_NODATA if self.dtype == "int8" else float("nan")

    @property
    def tags(self) -> dict[str, str]:
        """Whether values are normalised, and how integers are to be read."""
        tags = {"product": "embedding", "values": "unit norm" if self.normalize else "raw"}
        if self.scale is not None:
            tags["quantisation"] = (
                f"int8: value = {self.scale!r} * integer, then divide by the norm over the bands; "
                f"{INT8_NODATA} in every band is nodata"
            )
        if self.cosine_loss is not None:
            tags["cosine_loss_mean"], tags["cosine_loss_largest"] = (
                f"{loss:.3g}" for loss in self.cosine_loss
            )
        return tags

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[Any]:
        """(rows, cols, dim) -> (dim, rows, cols)."""
        values: NDArray[Any] = unit(embeddings) if self.normalize else embeddings
        if self.scale is not None:
            values = quantise(values, self.scale)
        bands: NDArray[Any] = values.transpose(2, 0, 1)
        return bands

    def measured(self, embeddings: NDArray[np.float32]) -> Embedding:
        """The same product, with the loss of cosine that its dtype costs embeddings (N, dim)."""
        exact = unit(embeddings.astype(np.float64))
        stored = np.moveaxis(self(embeddings[None]).astype(self.dtype), 0, -1)[0]
        return replace(self, cosine_loss=cosine_loss(exact, unit(stored.astype(np.float64))))


@dataclass(frozen=True)
class Similarity:
    """Cosine similarity to one place or several: one band, within [-1, 1].

    Attributes:
        references: (k, dim) embeddings of the places.
        places: (k, 2) lon, lat in degrees, for the record.
        reduce: "mean" or "max" of the similarities to several places.
    """

    references: NDArray[np.float32]
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

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """(rows, cols, dim) -> (1, rows, cols)."""
        cosines = cosine_similarity(embeddings, self.references)
        reduced: NDArray[np.float32] = REDUCTIONS[self.reduce](cosines, axis=-1)
        return reduced[None]


@dataclass(frozen=True)
class Rgb:
    """Three principal components as colours, with alpha: four bands of 0..255.

    Attributes:
        basis: the components and the range that is spread over the colours.
    """

    basis: RgbBasis

    dtype: str = field(default="uint8", init=False)
    nodata: None = field(default=None, init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=("red", "green", "blue", "alpha"), init=False)
    legend: None = field(default=None, init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The components by their colour."""
        return ("red: component 1", "green: component 2", "blue: component 3", "alpha")

    @property
    def tags(self) -> dict[str, str]:
        """How much of the variance the colours show, and their range."""
        basis = self.basis
        return {
            "product": "rgb",
            "values": "first three principal components, stretched over 0..255",
            "explained_variance": " ".join(f"{share:.4f}" for share in basis.explained),
            "stretch_low": " ".join(f"{value:.6g}" for value in basis.low),
            "stretch_high": " ".join(f"{value:.6g}" for value in basis.high),
        }

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(rows, cols, dim) -> (4, rows, cols); alpha 0, and black, where there is no data."""
        colours = self.basis.colours(embeddings)
        valid = np.isfinite(colours).all(axis=-1)
        out = np.zeros((4, *valid.shape), np.uint8)
        out[:3, valid] = np.rint(colours[valid]).astype(np.uint8).T
        out[3, valid] = 255
        return out


def fibonacci_lattice(count: int) -> Floats:
    """Places spread evenly over the globe, (count, 2) lon, lat in degrees.

    A spiral in which each place lies a golden angle on from the last (González 2010).
    """
    index = np.arange(count) + 0.5
    lats = np.rad2deg(np.arcsin(1 - 2 * index / count))
    golden_angle = pi * (3 - sqrt(5))
    lons = np.rad2deg(index * golden_angle) % 360 - 180
    return np.stack([lons, lats], axis=1)
