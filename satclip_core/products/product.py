"""What is made of embeddings: the bands of a raster as a function of a block of embeddings.

Some products are known only once a sample of the pixels has been looked at. What is asked for
is therefore something that can be fitted: a description such as `RgbOf()`, which becomes a
product by `fit`, or a product, which fits itself as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Protocol, TypeVar, runtime_checkable

from numpy.typing import NDArray

from ..errors import InputError
from ..types import Bools, Cancelled, Float32, Floats, Progress

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .legend import Legend


TOLERANCE = 1e-4
"""Error, in standard deviations of the embedding, that is allowed where it does not show."""


@dataclass(frozen=True)
class Fitting:
    """What a product is fitted with.

    Attributes:
        encoder: what embeds.
        sample: at most so many places of the raster, drawn at random: count -> (N, 2) degrees.
        threads: number of threads; all available processors where None.
        progress: called with (fits done, fits in all at most), where there are several.
        cancelled: asked now and then.
        holds: whether places lie on the raster: (N, 2) degrees -> (N,); None where there is none.
        places: what the places are: "pixels" of a raster, or "points" of a table.
        integral: the integral over the raster of the first band of a product that is fitted
            already: the sum of its values, each by the square kilometres of its pixel. None where
            there is no raster.
    """

    encoder: LocationEncoder
    sample: Callable[[int], Floats]
    threads: int | None = None
    progress: Progress | None = None
    cancelled: Cancelled | None = None
    holds: Callable[[Floats], Bools] | None = None
    places: str = "pixels"
    integral: Callable[[Product], float] | None = None


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
        """Value of one step, for whole numbers that stand for others: scale · stored + offset."""

    @property
    def offset(self) -> float | None:
        """Value that a stored 0 stands for; None where it is 0."""

    @property
    def colours(self) -> tuple[str, ...]:
        """What the bands are to be shown as, e.g. ("red", "green", "blue", "alpha"), or ()."""

    @property
    def legend(self) -> Legend | None:
        """What the codes of the first band mean; None where it holds no classes."""

    @property
    def legends(self) -> Mapping[int, Legend]:
        """Of each band of classes, counted from 1; `legend` is that of the first band."""

    @property
    def units(self) -> tuple[str, ...]:
        """Of the bands, "" where there is none; () where no band has one."""

    @property
    def tags(self) -> dict[str, str]:
        """What a reader of the file should know."""

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim), NaN where there is no data -> (bands, rows, cols)."""


@runtime_checkable
class PlacedProduct(Protocol):
    """A product that looks at where the pixels lie, too."""

    def at(self, embeddings: Float32, lons: Floats, lats: Floats) -> NDArray[Any]:
        """(rows, cols, dim) with NaN where there is no data, and (rows, cols) degrees.

        Returns:
            (bands, rows, cols).
        """


@runtime_checkable
class LinearProduct(Protocol):
    """A product that can be made of the embedding's products with a few directions alone."""

    @property
    def directions(self) -> Floats | None:
        """(k, dim), the directions; None where it takes the embedding itself."""

    def of_projections(self, projections: Float32) -> NDArray[Any]:
        """(rows, cols, k), NaN where there is no data -> (bands, rows, cols)."""


@runtime_checkable
class SmoothProduct(Protocol):
    """A product made of a few values that are as smooth as the embedding, and may be interpolated.

    The embedding itself may always be, and so may its products with directions (`LinearProduct`).
    """

    def smooth(self, embeddings: Float32) -> Float32:
        """(N, dim) -> (N, k), the values."""

    def of_smooth(self, values: Float32) -> NDArray[Any]:
        """(rows, cols, k), NaN where there is no data -> (bands, rows, cols)."""


@runtime_checkable
class Rounded(Protocol):
    """A product whose type shows less than the encoder gives."""

    @property
    def tolerance(self) -> float:
        """Error of the embedding, in its standard deviations, that does not show; 0 for none."""


@runtime_checkable
class Coarsened(Protocol):
    """A product whose overviews are not plain means of its values."""

    def coarser(self, bands: NDArray[Any]) -> NDArray[Any]:
        """What it is for pixels of twice the size.

        Args:
            bands: (bands, rows, cols) as they are stored, whatever the type that holds them.

        Returns:
            (bands, rows / 2, cols / 2), rounded up, as they are stored.
        """


P = TypeVar("P", bound=Product)
P_co = TypeVar("P_co", bound=Product, covariant=True)


class Wanted(Protocol[P_co]):
    """What a raster is to show: small, frozen, to be pickled; a product once it is fitted."""

    def fit(self, fitting: Fitting) -> P_co:
        """The product.

        Raises:
            InputError: it cannot be made with this model, or of these places.
            CancelledError: `cancelled` said so.
        """


class Ready:
    """Base of products: what is fitted already fits itself, if it is of the encoder's kind."""

    @property
    def offset(self) -> float | None:
        """Most store their values as they are."""
        return None

    @property
    def units(self) -> tuple[str, ...]:
        """Most have none."""
        return ()

    @property
    def legends(self) -> Mapping[int, Legend]:
        """Most have classes in the first band alone, or nowhere."""
        legend: Legend | None = getattr(self, "legend", None)
        return {} if legend is None else {1: legend}

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder that the product is not made for.

        Raises:
            InputError: it is another model.
        """

    def fit(self: F, fitting: Fitting) -> F:
        """The product itself.

        Raises:
            InputError: it is made for another model.
        """
        self.check(fitting.encoder)
        return self


F = TypeVar("F", bound=Ready)


def check_dim(dim: int, encoder: LocationEncoder) -> None:
    """Refuse an encoder with another number of dimensions than a product has.

    Raises:
        InputError: it has another.
    """
    if encoder.dim != dim:
        raise InputError(
            f"the product is made for {dim} dimensions, the model {encoder.name} has "
            f"{encoder.dim}: use the model that it was made for"
        )
