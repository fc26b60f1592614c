"""How alike the features of a layer are to some of its own, or of another one."""

from __future__ import annotations

import numpy as np

from ..compat import number_field
from ..satclip_core.products import JOINS, SimilarityTo
from ..satclip_core.products.similarity import background
from ..styles import style_points
from ..text import tr
from .features import FeaturesAlgorithm, number
from .references import joining_parameter
from .results import Finish

# Per cent of the progress that examples take.
_SHARE = 15


class SimilarFeatures(FeaturesAlgorithm):
    """A copy of a layer with the similarity of each feature."""

    NAME = "similarfeatures"
    ICON = "alike.svg"
    LIKE = "LIKE"
    UNLIKE = "UNLIKE"
    REDUCE = "REDUCE"

    def title(self):
        """Name in the toolbox."""
        return tr("Similar features")

    def summary(self):
        """Help."""
        return tr(
            "Copies a layer and says of each feature how alike it is to some examples: selected "
            "features of the same layer, say, or those of another one.\n\nWith one example it is "
            "the cosine of their embeddings, -1 to 1; with several, or with counter-examples, the "
            "chance of being like them and not like random land, 0 to 1. Polygons count by the "
            "mean over their area, lines by that along them."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_features()
        self.add_layer(
            self.LIKE,
            tr("Examples"),
            tr("Features to be like: all of a layer, or the selected ones."),
        )
        self.add_layer(
            self.UNLIKE,
            tr("Counter-examples"),
            tr("Features that are not meant, all or the selected ones."),
            optional=True,
        )
        self.add(
            joining_parameter(self.REDUCE, tr("Several examples")),
            tr("What a feature gets where there are several examples to compare with."),
        )
        self.add_model()
        self.add_sampling()
        self.add_prefix()
        self.add_copy(tr("Features by similarity"))

    def problems(self, parameters, context):
        """Whether the new field can be added."""
        yield from self.points_problems(self._new_fields(parameters, context), parameters, context)

    def work(self, parameters, context, feedback):
        """Embed the examples, then compare, batch by batch."""
        product = self._product(parameters, context, feedback)
        source = self.source(self.INPUT, parameters, context)

        def rows():
            batches = self.batches(source, parameters, context, feedback, _SHARE)
            for features, _, zones in batches:
                values = product(zones.means[None])[0, 0]
                for feature, value in zip(features, values):
                    yield feature, [number(value)]

        new = self._new_fields(parameters, context)
        target = self.copy(source, new, rows(), parameters, context)
        title = tr("{name}, similarity to {examples}").format(
            name=source.sourceName(), examples=self._said(parameters, context, len(product.places))
        )
        finish = Finish(
            lambda layer: style_points(layer, new[0].name()),
            self.facts(self.encoder(parameters, context), product),
            self.title(),
        )
        finish.attach(context, target, feedback, title)
        return {self.OUTPUT: target}

    def _product(self, parameters, context, feedback):
        """Similarity to the examples."""
        like = self._examples(self.LIKE, parameters, context, feedback)
        unlike = self._examples(self.UNLIKE, parameters, context, feedback)
        reduce = JOINS[self.parameterAsEnum(parameters, self.REDUCE, context)]
        wanted = SimilarityTo.of(
            like.lonlat, reduce=reduce, unlike=() if unlike is None else unlike.lonlat
        )
        means = like.means if unlike is None else [*like.means, *unlike.means]
        encoder = self.encoder(parameters, context)
        return wanted.made(np.array(means), background(encoder) if wanted.learns else None)

    def _examples(self, name, parameters, context, feedback):
        source = self.parameterAsSource(parameters, name, context)
        if source is None or (name == self.UNLIKE and source.featureCount() == 0):
            return None
        return self.embedded(source, parameters, context, feedback, 0, _SHARE)

    def _said(self, parameters, context, count) -> str:
        name = self.source(self.LIKE, parameters, context).sourceName()
        return tr("{count} of {name}").format(count=count, name=name)

    def _new_fields(self, parameters, context):
        return [number_field(f"{self.prefix(parameters, context)}similarity")]
