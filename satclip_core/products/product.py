"""What is made of embeddings: the bands of a raster as a function of a block of embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from ..types import Float32

if TYPE_CHECKING:
    from .legend import Legend


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
    def tags(self) -> dict[str, str]:
        """What a reader of the file should know."""

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim), NaN where there is no data -> (bands, rows, cols)."""
