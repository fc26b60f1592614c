"""The embedding itself as a product, in full or in fewer bits; the names of its dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import INT8_NODATA, cosine_loss, quantise, unit
from ..errors import InputError
from ..grid.sphere import fibonacci_lattice
from ..types import Float32
from .product import Fitting, Ready, check_dim

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

DTYPES = ("float32", "float16", "int8")

# Places all over the globe by which the step of int8 is chosen: a matter of the model alone,
# so that rasters of any two places have the same.
_GLOBE_PLACES = 2048
# Pixels on which the loss of a smaller type is measured.
_MEASURED = 1024


def dimension_names(dim: int, prefix: str = "e") -> tuple[str, ...]:
    """`e000` … `e255`, with as many digits as the last one needs, three at least."""
    width = max(3, len(str(dim - 1)))
    return tuple(f"{prefix}{index:0{width}d}" for index in range(dim))


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}: it is none of {', '.join(DTYPES)}")


@dataclass(frozen=True)
class EmbeddingOf:
    """The embedding itself, wanted of a model that is not open yet.

    Attributes:
        dtype: one of `DTYPES`.
        normalize: whether embeddings are scaled to norm 1; int8 always is.

    Raises:
        InputError: an unknown dtype.
    """

    dtype: str = "float32"
    normalize: bool = False

    def __post_init__(self) -> None:
        _check_dtype(self.dtype)

    def fit(self, fitting: Fitting) -> Embedding:
        """The product; what a smaller type costs is measured on pixels of the raster."""
        encoder = fitting.encoder
        product = Embedding.of(encoder, dtype=self.dtype, normalize=self.normalize)
        if self.dtype == "float32":
            return product
        places = fitting.sample(_MEASURED)
        return product.measured(encoder.encode(places, threads=fitting.threads, single=True))


@dataclass(frozen=True)
class Embedding(Ready):
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
        _check_dtype(self.dtype)
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

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim) -> (dim, rows, cols)."""
        values: NDArray[Any] = unit(embeddings) if self.normalize else embeddings
        if self.scale is not None:
            values = quantise(values, self.scale)
        bands: NDArray[Any] = values.transpose(2, 0, 1)
        return bands

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder with another number of dimensions.

        Raises:
            InputError: it has another.
        """
        check_dim(self.dim, encoder)

    def measured(self, embeddings: Float32) -> Embedding:
        """The same product, with the loss of cosine that its dtype costs embeddings (N, dim)."""
        exact = unit(embeddings.astype(np.float64))
        stored = np.moveaxis(self(embeddings[None]).astype(self.dtype), 0, -1)[0]
        return replace(self, cosine_loss=cosine_loss(exact, unit(stored.astype(np.float64))))
