"""Points with their embeddings as fields."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterEnum,
    QgsProcessingParameterString,
)

from ..compat import array_field, number_field, text_field
from ..satclip_core.products.embedding import dimension_names, first_dimensions
from ..text import tr
from .points import PointsAlgorithm
from .results import Finish

_COLUMNS, _ARRAY = range(2)
_ARRAY_NAME = "embedding"


class EmbedPoints(PointsAlgorithm):
    """A copy of a point layer with 256 more fields, or one array."""

    NAME = "embedpoints"
    FORMAT = "FORMAT"
    PREFIX = "PREFIX"

    def title(self):
        """Name in the toolbox."""
        return tr("Embed points")

    def summary(self):
        """Help."""
        return tr(
            "Copies a point layer and adds the location embedding of each point: one field for "
            "each dimension, or one array field.\n\nThe layer may be in any CRS. Points without "
            "a usable geometry keep their row, with empty fields, and are counted in the log. "
            "Multipoints count by their centroid; so do lines and polygons on request, which then "
            "become points."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_input()
        self.add_centroids()
        self.add_model()
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
                self.PREFIX, tr("Prefix of the new fields"), "e", optional=True
            ),
            tr("Fields are called e000, e001, …; the array is called embedding."),
            advanced=True,
        )
        self.add_dims(
            tr("Only the first ones, where so many fields are too many; all where it is empty.")
        )
        self.add_sink(tr("Embedded points"))

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        new = self._new_fields(parameters, context)
        yield from self.points_problems(new, parameters, context)

    def work(self, parameters, context, feedback):
        """Copy the features, batch by batch."""
        model = self.encoder(parameters, context)
        new, pack = self._new_fields(parameters, context), self._pack(parameters, context)
        target, made = self.copied(new, model.encode_many, pack, parameters, context, feedback)
        feedback.pushInfo(tr("{count} features embedded.").format(count=made))
        facts = self.facts(model, None)
        Finish(lambda layer: None, facts, self.title()).attach(context, target, feedback)
        return {self.OUTPUT: target}

    def _new_fields(self, parameters, context):
        model = self.encoder(parameters, context)
        prefix = self.parameterAsString(parameters, self.PREFIX, context) or "e"
        if self.parameterAsEnum(parameters, self.FORMAT, context) == _ARRAY:
            name = _ARRAY_NAME if prefix == "e" else f"{prefix}{_ARRAY_NAME}"
            return [array_field(name) if self._holds_arrays(parameters) else text_field(name)]
        dim = self._dims(model, parameters, context)
        return [number_field(name) for name in dimension_names(dim, prefix)]

    def _pack(self, parameters, context):
        """From an embedding, or None, to the new attributes."""
        dim = self._dims(self.encoder(parameters, context), parameters, context)
        if self.parameterAsEnum(parameters, self.FORMAT, context) != _ARRAY:
            return lambda values: [None] * dim if values is None else values[:dim]
        if self._holds_arrays(parameters):
            return lambda values: [None if values is None else values[:dim]]
        # Nine digits bring a float32 back to the bit.
        return lambda values: [
            None if values is None else f"[{', '.join(f'{value:.9g}' for value in values[:dim])}]"
        ]

    def _dims(self, model, parameters, context) -> int:
        """How many dimensions are asked for.

        Raises:
            InputError: more than the model has.
        """
        return first_dimensions(model, self.dims(parameters, context))

    def _holds_arrays(self, parameters) -> bool:
        """Layers in memory hold arrays; to files QGIS would write them with six digits."""
        target = self.target(parameters)
        return target.startswith("memory:") or target == QgsProcessing.TEMPORARY_OUTPUT
