"""The embedding itself as a product, in full or in fewer bits; the names of its dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import STEPS, Quantisation, cosine_loss, mean_embeddings, unit
from ..errors import Argument, InputError
from ..grid.sphere import fibonacci_lattice
from ..types import Float32, Floats
from .product import TOLERANCE, Fitting, Ready, check_dim

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

DTYPES = ("float32", "float16", *STEPS)

# Places all over the globe by which the step of whole numbers is chosen: a matter of the model
# alone, so that rasters of any two places have the same.
_GLOBE_PLACES = 2048
# Pixels on which the loss of a smaller type is measured.
_MEASURED = 1024


def first_dimensions(encoder: LocationEncoder, dims: int | None) -> int:
    """How many dimensions are asked for, the first ones; all of the encoder's where None.

    Raises:
        InputError: more than it has, or none.
    """
    dim = encoder.dim if dims is None else dims
    if not 1 <= dim <= encoder.dim:
        raise InputError(
            f"{dim} dimensions: the model {encoder.name} has {encoder.dim}, give ",
            Argument("dims"),
            f" from 1 to {encoder.dim}",
        )
    return dim


def dimension_names(dim: int, prefix: str = "e") -> tuple[str, ...]:
    """`e000` … `e255`, with as many digits as the last one needs, three at least."""
    width = max(3, len(str(dim - 1)))
    return tuple(f"{prefix}{index:0{width}d}" for index in range(dim))


@dataclass(frozen=True)
class EmbeddingOf:
    """The embedding itself, wanted of a model that is not open yet.

    Attributes:
        dtype: one of `DTYPES`.
        normalize: whether embeddings are scaled to norm 1; whole numbers always are.
        dims: number of dimensions, the first ones; all where None.

    Raises:
        InputError: an unknown dtype.
    """

    dtype: str = "float32"
    normalize: bool = False
    dims: int | None = None

    def __post_init__(self) -> None:
        check_dtype(self.dtype)

    def fit(self, fitting: Fitting) -> Embedding:
        """The product; what a smaller type costs is measured on pixels of the raster."""
        encoder = fitting.encoder
        product = Embedding.of(encoder, dtype=self.dtype, normalize=self.normalize, dims=self.dims)
        if self.dtype == "float32":
            return product
        places = fitting.sample(_MEASURED)
        return product.measured(encoder.encode(places, threads=fitting.threads, single=True))


@dataclass(frozen=True)
class Embedding(Ready):
    """The embedding itself, one band for each dimension.

    Attributes:
        dim: number of dimensions, the first ones of the embedding.
        dtype: one of `DTYPES`.
        normalize: whether they are scaled to norm 1; whole numbers always are.
        quantisation: how whole numbers stand for values; see `Embedding.of`.
        cosine_loss: mean and largest 1 - cosine that the dtype costs; see `measured`.
        total: number of dimensions of the encoder; `dim` where None.
    """

    dim: int
    dtype: str = "float32"
    normalize: bool = False
    quantisation: Quantisation | None = None
    cosine_loss: tuple[float, float] | None = None
    total: int | None = None

    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_dtype(self.dtype)
        if (self.dtype in STEPS) != (self.quantisation is not None):
            raise InputError(f"dtype {self.dtype}: whole numbers, and they alone, have a scale")

    @classmethod
    def of(
        cls,
        encoder: LocationEncoder,
        *,
        dtype: str = "float32",
        normalize: bool = False,
        dims: int | None = None,
    ) -> Embedding:
        """The product for an encoder; for whole numbers the scale is measured.

        They have one linear scale for all bands, in which the largest value has room that a
        normalised embedding takes at 2,048 places spread over the globe. It depends on the model
        alone.

        Args:
            encoder: what embeds.
            dtype: one of `DTYPES`.
            normalize: whether embeddings are scaled to norm 1; whole numbers always are.
            dims: number of dimensions, the first ones; all where None.

        Raises:
            InputError: an unknown dtype, or more dimensions than the encoder has.
        """
        check_dtype(dtype)
        dim = first_dimensions(encoder, dims)
        if dtype not in STEPS:
            return cls(dim, dtype, normalize, total=encoder.dim)
        everywhere = encoder.encode(fibonacci_lattice(_GLOBE_PLACES), single=True)[:, :dim]
        largest = float(np.abs(unit(everywhere)).max())
        return cls(dim, dtype, True, Quantisation.of(dtype, largest), total=encoder.dim)

    @property
    def bands(self) -> tuple[str, ...]:
        """e000, e001, …"""
        return dimension_names(self.dim)

    @property
    def nodata(self) -> float:
        """NaN for floats, 255 for uint8, -32768 for int16."""
        return float("nan") if self.quantisation is None else self.quantisation.nodata

    @property
    def scale(self) -> float | None:
        """Value of one step of whole numbers."""
        return None if self.quantisation is None else self.quantisation.scale

    @property
    def offset(self) -> float | None:
        """Value that a stored 0 stands for, where that is not 0."""
        return None if self.quantisation is None else self.quantisation.offset or None

    @property
    def tolerance(self) -> float:
        """Error, in standard deviations of the embedding, that its type does not show.

        Measured with the bundled model and one of L 10: half a step of uint8 is 0.02 to 0.06
        deviations, one of int16 1e-4 to 3e-4, and float16 is off by 2e-4 to 3e-4 in the mean.
        float32 shows 1e-7.
        """
        return 0.0 if self.dtype == "float32" else TOLERANCE

    @property
    def tags(self) -> dict[str, str]:
        """Whether values are normalised, and how integers are to be read."""
        tags = {"product": "embedding", "values": "unit norm" if self.normalize else "raw"}
        if self.quantisation is not None:
            how = self.quantisation
            tags["quantisation"] = (
                f"{how.dtype}: value = {how.scale!r} * (stored - {how.zero}), then divide by the "
                f"norm over the bands; {how.nodata} in every band is nodata"
            )
        if self.cosine_loss is not None:
            tags["cosine_loss_mean"], tags["cosine_loss_largest"] = (
                f"{loss:.3g}" for loss in self.cosine_loss
            )
        return tags

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim of the encoder) -> (dim, rows, cols)."""
        kept = embeddings[..., : self.dim]
        values: NDArray[Any] = unit(kept) if self.normalize else kept
        if self.quantisation is not None:
            values = self.quantisation.store(values)
        bands: NDArray[Any] = values.transpose(2, 0, 1)
        return bands

    @property
    def directions(self) -> Floats | None:
        """(dim, dim of the encoder), the first axes; None where all are wanted."""
        total = self.total or self.dim
        return np.eye(self.dim, total) if self.dim < total else None

    def of_projections(self, projections: Float32) -> NDArray[Any]:
        """(rows, cols, dim) -> (dim, rows, cols)."""
        return self(projections)

    def coarser(self, bands: NDArray[Any]) -> NDArray[Any]:
        """Means of 2 x 2 embeddings: of their directions, scaled to the mean of their lengths.

        A plain mean is shorter than what it is of, the more so the less alike they are. Pixels
        without data do not count.

        Args:
            bands: (dim, rows, cols) as they are stored.

        Returns:
            (dim, rows / 2, cols / 2), rounded up, as they are stored; no data where all four pixels
            have none, or cancel.
        """
        values = np.moveaxis(bands, 0, -1)
        if self.quantisation is not None:
            values = self.quantisation.restore(values)
        direction, length = mean_embeddings(values.astype(np.float32, copy=False))
        if not self.normalize:
            direction *= length
        if self.quantisation is not None:
            direction = self.quantisation.store(direction)
        stored: NDArray[Any] = np.moveaxis(direction, -1, 0).astype(self.dtype)
        return stored

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder with another number of dimensions.

        Raises:
            InputError: it has another.
        """
        check_dim(self.total or self.dim, encoder)

    def measured(self, embeddings: Float32) -> Embedding:
        """The same product, with the loss of cosine that its dtype costs embeddings (N, dim)."""
        exact = unit(embeddings[:, : self.dim].astype(np.float64))
        stored = np.moveaxis(self(embeddings[None]).astype(self.dtype), 0, -1)[0]
        kept = stored if self.quantisation is None else self.quantisation.restore(stored)
        return replace(self, cosine_loss=cosine_loss(exact, unit(kept.astype(np.float64))))


def check_dtype(dtype: str) -> None:
    """Refuse a type that embeddings are not written in.

    Raises:
        InputError: it is none of `DTYPES`; for int8 the message says what misreads it.
    """
    if dtype == "int8":
        raise InputError(
            "dtype int8 is read as unsigned by GDAL before 3.7, QGIS 3.22, GRASS and others, "
            "without a word: give ",
            Argument("dtype", "uint8"),
            ", the same numbers with an offset, or ",
            Argument("dtype", "int16"),
        )
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}: it is none of {', '.join(DTYPES)}")
