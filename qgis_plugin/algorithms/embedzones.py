"""Polygons and lines with the mean embedding of what they cover."""

from __future__ import annotations

from ..compat import integer_field, number_field
from ..satclip_core.points.adding import ZONE_COLUMNS
from ..text import tr
from .embeddingfields import EmbeddingFieldsMixin
from .features import FeaturesAlgorithm, number
from .references import tell_missing
from .results import Finish


class EmbedZones(EmbeddingFieldsMixin, FeaturesAlgorithm):
    """A copy of a layer with mean embeddings."""

    NAME = "embedzones"
    ICON = "zones.svg"

    def title(self):
        """Name in the toolbox."""
        return tr("Embed polygons and lines")

    def summary(self):
        """Help."""
        return tr(
            "Copies a layer and adds to each polygon the mean embedding over its area, to each "
            "line that along it: one field for each dimension, or one array field.\n\nA pixel "
            "weighs by its area times the part of it that the polygon covers. Beside the embedding "
            "there are pixels (how many), area_km2, length_km and spread: 0 where a polygon is "
            "alike all over, near 1 where its parts have nothing in common."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_features()
        self.add_model()
        self.add_form()
        self.add_sampling()
        self.add_copy(tr("Embedded features"))

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        yield from self.points_problems(self._new_fields(parameters, context), parameters, context)

    def work(self, parameters, context, feedback):
        """Copy the features, batch by batch."""
        source = self.source(self.INPUT, parameters, context)
        pack = self.packing(parameters, context)
        counts = {True: 0, False: 0}

        def rows():
            for features, _, zones in self.batches(source, parameters, context, feedback):
                told = zip(zones.pixels.tolist(), zones.area_km2, zones.length_km, zones.spread)
                for feature, mean, (pixels, *numbers) in zip(features, zones.means, told):
                    counts[pixels > 0] += 1
                    if pixels:
                        yield feature, [*pack(mean.tolist()), pixels, *map(number, numbers)]
                    else:
                        yield feature, [*pack(None), *[None] * len(ZONE_COLUMNS)]

        target = self.copy(
            source, self._new_fields(parameters, context), rows(), parameters, context
        )
        tell_missing(counts[False], feedback)
        feedback.pushInfo(tr("{count} features embedded.").format(count=counts[True]))
        style = self.style_embedded(parameters, context)
        title = tr("{name}, embedded").format(name=source.sourceName())
        facts = self.facts(self.encoder(parameters, context), None)
        Finish(style, facts, self.title()).attach(context, target, feedback, title)
        return {self.OUTPUT: target}

    def _new_fields(self, parameters, context):
        kinds = (integer_field, number_field, number_field, number_field)
        before = self.before(parameters, context)
        told = [kind(before + name) for kind, name in zip(kinds, ZONE_COLUMNS)]
        return [*self.embedding_fields(parameters, context), *told]
