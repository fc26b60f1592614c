"""What is added to the rows of a table: columns of numbers, made from the places of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..analysis import unit
from ..errors import Argument
from ..products import Properties, PropertiesOf
from ..products.embedding import first_dimensions
from ..types import Floats
from .columns import free_names, new_columns
from .request import PREFIX, PointsRequest

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .zones import ZoneEmbeddings

ZONE_COLUMNS = ("pixels", "area_km2", "length_km", "spread")
"""What is told of a zone beside its embedding."""


@dataclass(frozen=True)
class Meaning:
    """How the numbers of a column are written.

    Attributes:
        whole: as whole numbers.
        texts: as the text that each is the index of; None for numbers.
    """

    whole: bool = False
    texts: tuple[str, ...] | None = None


class Adding(Protocol):
    """Columns of numbers for rows, made from their places.

    Attributes:
        width: how many numbers a row gets.
        dtype: numpy's name for their type.
        dimensions: how many of the numbers, the first ones, are an embedding: known all or none.
        array: whether these make one column, of arrays.
        meanings: of the columns of the other numbers.
        facts: where they come from, as names and values for the description of a file.
    """

    @property
    def width(self) -> int:
        """Numbers for each row."""

    @property
    def dtype(self) -> str:
        """Their type."""

    @property
    def dimensions(self) -> int:
        """Numbers that are an embedding."""

    @property
    def array(self) -> bool:
        """Whether these are one column."""

    @property
    def meanings(self) -> tuple[Meaning, ...]:
        """How columns are written that are no embedding's."""

    @property
    def facts(self) -> Mapping[str, str]:
        """Where they come from."""

    def names(self, existing: Sequence[str]) -> list[str]:
        """Names of the columns.

        Raises:
            InputError: the table has some of them already.
        """

    def __call__(self, lonlat: Floats) -> NDArray[Any]:
        """Places (N, 2) degrees -> (N, width); a row whose first number is NaN stays empty."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said, once all rows are through."""


class _Embedding:
    """What columns that are made of embeddings have in common.

    Args:
        encoder: what embeds.
        request: how.
    """

    notes = ()

    def __init__(self, encoder: LocationEncoder, request: PointsRequest) -> None:
        self.encoder, self.request = encoder, request

    @property
    def dtype(self) -> str:
        """As the request says."""
        return self.request.dtype

    @property
    def array(self) -> bool:
        """As the request says."""
        return self.request.array is not None

    @property
    def facts(self) -> Mapping[str, str]:
        """The model."""
        return self.encoder.origin

    def embedded(self, lonlat: Floats) -> NDArray[Any]:
        """Places (N, 2) -> (N, dim of the encoder)."""
        embed = self.encoder.encode if self.request.exact else self.encoder.encode_many
        return embed(lonlat, threads=self.request.threads)


class Embedding(_Embedding):
    """The embedding of each place; arguments are those of what it has in common with others."""

    meanings: tuple[Meaning, ...] = ()

    @property
    def width(self) -> int:
        """The dimensions.

        Raises:
            InputError: more are asked for than the model has.
        """
        return first_dimensions(self.encoder, self.request.dims)

    @property
    def dimensions(self) -> int:
        """All there is."""
        return self.width

    def names(self, existing: Sequence[str]) -> list[str]:
        """Of the dimensions, or of the array."""
        request = self.request
        return new_columns(existing, self.width, array=request.array, prefix=request.prefix)

    def __call__(self, lonlat: Floats) -> NDArray[Any]:
        """Places (N, 2) -> (N, dim)."""
        values = self.embedded(lonlat)[:, : self.width]
        return unit(values) if self.request.normalize else values


class PropertiesOfPlaces(_Embedding):
    """Properties of each place, as the heads of a model read them.

    Args:
        encoder: the model, which has heads.
        request: which properties, and how.

    Raises:
        InputError: properties that its heads do not know.
    """

    dimensions = 0

    def __init__(self, encoder: LocationEncoder, request: PointsRequest) -> None:
        super().__init__(encoder, request)
        self._properties: Properties = PropertiesOf(request.properties or ()).by(encoder)

    @property
    def meanings(self) -> tuple[Meaning, ...]:
        """Each is empty by itself: on water only the land cover is known."""
        return (Meaning(),) * self.width

    @property
    def width(self) -> int:
        """The properties."""
        return len(self._properties.bands)

    def names(self, existing: Sequence[str]) -> list[str]:
        """Those of the properties, after a prefix where one was given, or of the array."""
        array, prefix = self.request.array, self.request.prefix
        if array is not None:
            return free_names([array], existing, Argument("array", f"new_{array}"))
        before = "" if prefix == PREFIX else prefix
        return named([before + name for name in self._properties.bands], existing)

    def __call__(self, lonlat: Floats) -> NDArray[Any]:
        """Places (N, 2) -> (N, properties)."""
        read: NDArray[Any] = self._properties(self.embedded(lonlat)[None])[:, 0].T
        return read


def adding_of(encoder: LocationEncoder, request: PointsRequest) -> Adding:
    """What a request adds: embeddings, or properties.

    Raises:
        InputError: properties that the heads of the encoder do not know.
    """
    if request.properties is None:
        return Embedding(encoder, request)
    return PropertiesOfPlaces(encoder, request)


def named(wanted: Sequence[str], existing: Sequence[str]) -> list[str]:
    """Names of columns that a table does not have yet.

    Raises:
        InputError: it has; another prefix mends it.
    """
    return free_names(wanted, existing, Argument("prefix", "new_"))


class Zones(Embedding):
    """The mean embedding of each zone; pixels, area, length and spread after it.

    Args:
        encoder: what embeds.
        request: how.
    """

    meanings = (Meaning(whole=True), Meaning(), Meaning(), Meaning())

    @property
    def dimensions(self) -> int:
        """Of the embedding."""
        return super().width

    @property
    def width(self) -> int:
        """The dimensions, and what is told of the zone."""
        return self.dimensions + len(self.meanings)

    def names(self, existing: Sequence[str]) -> list[str]:
        """Of the dimensions or the array; then pixels, area_km2, length_km and spread."""
        array, prefix = self.request.array, self.request.prefix
        first = new_columns(existing, self.dimensions, array=array, prefix=prefix)
        before = "" if prefix == PREFIX else prefix
        return [*first, *named([before + name for name in ZONE_COLUMNS], [*existing, *first])]

    def of(self, zones: ZoneEmbeddings) -> NDArray[Any]:
        """N zones -> (N, width)."""
        means = zones.means[:, : self.dimensions]
        means = unit(means) if self.request.normalize else means
        return np.column_stack([means, zones.pixels, zones.area_km2, zones.length_km, zones.spread])


def texts_of(values: NDArray[Any], meanings: Sequence[Meaning]) -> list[list[str]]:
    """Rows of numbers as text, in as few digits as bring a float32 back; "" for NaN.

    Args:
        values: (N, columns).
        meanings: of the columns.
    """
    columns = []
    for column, meaning in zip(values.T, meanings):
        if meaning.texts is not None:
            texts = meaning.texts
            columns.append(["" if np.isnan(v) else texts[int(v)] for v in column.tolist()])
        elif meaning.whole:
            columns.append(["" if np.isnan(v) else str(int(v)) for v in column.tolist()])
        else:
            single = column.astype(np.float32)
            columns.append(["" if np.isnan(v) else str(v).removesuffix(".0") for v in single])
    return [list(row) for row in zip(*columns)] if columns else [[] for _ in values]
