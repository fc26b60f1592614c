"""Named properties of places as a product: what heads read from the embedding, band by band."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..types import Float32
from .legend import Legend
from .product import Fitting, Ready
from .property_heads import ALL, ClassRead, PropertyHeads

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

PREDICTED = "predicted from the embedding, not measured"


@dataclass(frozen=True)
class PropertiesOf:
    """Properties of places, wanted of a model that is not open yet.

    Attributes:
        names: of the properties, in the order of the bands; ("all",) for all that the model has.
    """

    names: tuple[str, ...] = (ALL,)

    def __post_init__(self) -> None:
        # As a tuple, so that requests for the same properties are equal.
        object.__setattr__(self, "names", tuple(self.names))

    def fit(self, fitting: Fitting) -> Properties:
        """The product: its heads are those that lie beside the model.

        Raises:
            InputError: the model has no heads, or none of such a name.
        """
        return self.by(fitting.encoder)

    def by(self, encoder: LocationEncoder) -> Properties:
        """The product of an encoder.

        Raises:
            InputError: the model has no heads, or none of such a name.
        """
        return Properties(PropertyHeads.of(encoder).chosen(self.names))


@dataclass(frozen=True)
class Properties(Ready):
    """Properties of places, predicted: a band for a number; for a class its code, and probability.

    Where the land cover is most likely water, nothing else is known.

    Attributes:
        heads: that read them.
    """

    heads: PropertyHeads

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the properties; NAME_probability after one that is a class."""
        return tuple(name for name, _ in self._columns)

    @property
    def units(self) -> tuple[str, ...]:
        """Of the bands; "" for codes."""
        return tuple(unit for _, unit in self._columns)

    @property
    def legend(self) -> Legend | None:
        """Of the first band, where that is a class."""
        return self.legends.get(1)

    @property
    def legends(self) -> dict[int, Legend]:
        """Of each band that is a class."""
        legends = {facts.name: facts.legend for facts in self.heads.facts}
        found = {band: legends.get(name) for band, name in enumerate(self.bands, 1)}
        return {band: legend for band, legend in found.items() if legend is not None}

    @property
    def tags(self) -> dict[str, str]:
        """That it is predicted; of each property what it is, its error and its source."""
        tags = {"product": "properties", "values": PREDICTED}
        for facts in self.heads.facts:
            unit = f", {facts.unit}" if facts.unit else ""
            tags[f"property_{facts.name}"] = f"{facts.title}{unit}; predicted"
            tags[f"property_{facts.name}_error"] = (
                f"{facts.error} in blocks of {facts.block_degrees:g}° left out"
            )
            tags[f"property_{facts.name}_source"] = f"{facts.source} ({facts.licence})"
            if facts.legend is not None:
                tags[f"property_{facts.name}_classes"] = facts.legend.to_json()
        return tags

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one that the heads were fitted for.

        Raises:
            InputError: it is another model.
        """
        self.heads.check(encoder)

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (bands, rows, cols)."""
        bands = []
        for found in self.heads.read(embeddings).values():
            bands.append(found.values)
            if isinstance(found, ClassRead):
                bands.append(100 * found.likeliest)
        return np.stack(bands).astype(np.float32)

    @property
    def _columns(self) -> list[tuple[str, str]]:
        """Name and unit of each band."""
        columns = []
        for facts in self.heads.facts:
            columns.append((facts.name, facts.unit))
            if facts.legend is not None:
                columns.append((f"{facts.name}_probability", "%"))
        return columns
