"""Embeddings as fields of a layer: a field for each dimension, or one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterEnum,
    QgsProcessingParameterString,
)

from ..compat import array_field, number_field, text_field
from ..satclip_core.products.embedding import dimension_names, first_dimensions
from ..styles import style_world
from ..text import tr

_COLUMNS, _ARRAY = range(2)
_PREFIX = "e"

if TYPE_CHECKING:  # what the mixin is mixed into
    from .points import PointsAlgorithm as _Mixed
else:
    _Mixed = object


class EmbeddingFieldsMixin(_Mixed):
    """Parameters FORMAT, PREFIX and DIMS."""

    FORMAT = "FORMAT"
    PREFIX = "PREFIX"

    def add_form(self) -> None:
        """Declare what the embedding becomes."""
        self.add(
            QgsProcessingParameterEnum(
                self.FORMAT,
                tr("Embedding as"),
                [tr("one field for each dimension"), tr("one array field")],
                defaultValue=_COLUMNS,
                optional=True,
            ),
            tr("Fields can be used anywhere. An array is compact; in a file it is JSON text."),
        )
        self.add(
            QgsProcessingParameterString(
                self.PREFIX, tr("Prefix of the new fields"), _PREFIX, optional=True
            ),
            tr("Fields are called e000, e001, …; the array is called embedding."),
            advanced=True,
        )
        self.add_dims(
            tr("Only the first ones, where so many fields are too many; all where it is empty.")
        )

    def before(self, parameters, context) -> str:
        """What names of fields begin with that are no dimension's."""
        prefix = self.parameterAsString(parameters, self.PREFIX, context) or _PREFIX
        return "" if prefix == _PREFIX else prefix

    def embedding_fields(self, parameters, context):
        """The fields."""
        before = self.before(parameters, context)
        if self._as_array(parameters, context):
            kind = array_field if self._holds_arrays(parameters) else text_field
            return [kind(f"{before}embedding")]
        dim = self._dim(parameters, context)
        return [number_field(name) for name in dimension_names(dim, before or _PREFIX)]

    def packing(self, parameters, context):
        """From an embedding, a list or None, to the attributes."""
        dim = self._dim(parameters, context)
        if not self._as_array(parameters, context):
            return lambda values: [None] * dim if values is None else values[:dim]
        if self._holds_arrays(parameters):
            return lambda values: [None if values is None else values[:dim]]
        # Nine digits bring a float32 back to the bit.
        return lambda values: [
            None if values is None else f"[{', '.join(f'{value:.9g}' for value in values[:dim])}]"
        ]

    def style_embedded(self, parameters, context):
        """What draws the copy: the first three dimensions in the colours of the world."""
        fields = [f'"{field.name()}"' for field in self.embedding_fields(parameters, context)[:3]]
        if self._as_array(parameters, context):
            array = fields[0] if self._holds_arrays(parameters) else f"from_json({fields[0]})"
            fields = [f"array_get({array}, {index})" for index in range(3)]
        if self._dim(parameters, context) < len("RGB"):
            return lambda layer: None
        return style_world(self.encoder(parameters, context), fields)

    def _as_array(self, parameters, context) -> bool:
        return self.parameterAsEnum(parameters, self.FORMAT, context) == _ARRAY

    def _dim(self, parameters, context) -> int:
        """How many dimensions are asked for.

        Raises:
            InputError: more than the model has.
        """
        model = self.encoder(parameters, context)
        return first_dimensions(model, self.dims(parameters, context))

    def _holds_arrays(self, parameters) -> bool:
        """Layers in memory hold arrays; to files QGIS would write them with six digits."""
        target = self.target(parameters)
        return target.startswith("memory:") or target == QgsProcessing.TEMPORARY_OUTPUT
