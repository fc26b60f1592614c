"""Points with their embeddings as fields."""

from __future__ import annotations

from ..text import tr
from .embeddingfields import EmbeddingFieldsMixin
from .points import PointsAlgorithm
from .results import Finish


class EmbedPoints(EmbeddingFieldsMixin, PointsAlgorithm):
    """A copy of a point layer with 256 more fields, or one array."""

    NAME = "embedpoints"

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
        self.add_form()
        self.add_sink(tr("Embedded points"))

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        new = self.embedding_fields(parameters, context)
        yield from self.points_problems(new, parameters, context)

    def work(self, parameters, context, feedback):
        """Copy the features, batch by batch."""
        model = self.encoder(parameters, context)
        new, pack = self.embedding_fields(parameters, context), self.packing(parameters, context)
        target, made = self.copied(new, model.encode_many, pack, parameters, context, feedback)
        feedback.pushInfo(tr("{count} features embedded.").format(count=made))
        style = self.style_embedded(parameters, context)
        source = self.parameterAsSource(parameters, self.INPUT, context)
        title = tr("{name}, embedded").format(name=source.sourceName())
        finish = Finish(style, self.facts(model, None), self.title())
        finish.attach(context, target, feedback, title)
        return {self.OUTPUT: target}
