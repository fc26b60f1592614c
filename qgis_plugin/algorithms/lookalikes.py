"""The features of another layer that each feature is most like, as a join."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsField, QgsProcessingParameterField, QgsProcessingParameterNumber

from ..compat import integer_field, number_field
from ..satclip_core.analysis.lookalikes import lookalikes
from ..satclip_core.grid.sphere import great_circle_km
from ..styles import style_points
from ..text import tr
from .features import FeaturesAlgorithm, number
from .results import Finish

# Per cent of the progress that either layer takes.
_SHARE = 45
_TOLD = ("rank", "similarity", "distance_km")


class LookAlikes(FeaturesAlgorithm):
    """A copy of a layer, each feature as often as it has look-alikes, with these beside it."""

    NAME = "lookalikes"
    ICON = "similar.svg"
    OTHERS = "OTHERS"
    FIELDS = "FIELDS"
    COUNT = "COUNT"

    def title(self):
        """Name in the toolbox."""
        return tr("Join look-alikes")

    def summary(self):
        """Help."""
        return tr(
            "Finds for each feature those of another layer, or of its own, that are most like it, "
            "and joins their fields: rank, similarity (the cosine of their embeddings, -1 to 1), "
            "distance_km between their centroids, and the chosen fields with like_ before their "
            "names.\n\nA feature comes once for each look-alike. Within one layer a feature is "
            "never its own look-alike. Polygons count by the mean over their area, lines by that "
            "along them."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_features()
        self.add_layer(
            self.OTHERS,
            tr("Look-alikes from"),
            tr("Features to choose from: all of a layer, or the selected ones."),
        )
        self.add(
            QgsProcessingParameterField(
                self.FIELDS,
                tr("Fields of look-alikes"),
                None,
                self.OTHERS,
                allowMultiple=True,
                optional=True,
            ),
            tr("Those that are joined; all where none is chosen."),
        )
        integer = QgsProcessingParameterNumber.Type.Integer
        self.add(
            QgsProcessingParameterNumber(
                self.COUNT, tr("Look-alikes of each feature"), integer, 1, minValue=1
            ),
            tr("How many, the most similar first."),
        )
        self.add_model()
        self.add_sampling()
        self.add_prefix()
        self.add_copy(tr("Look-alikes"))

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        yield from self.points_problems(self._new_fields(parameters, context), parameters, context)

    def work(self, parameters, context, feedback):
        """Embed both layers, and join."""
        source = self.source(self.INPUT, parameters, context)
        others = self.source(self.OTHERS, parameters, context)
        mine = self.embedded(source, parameters, context, feedback, 0, _SHARE)
        theirs = self.embedded(others, parameters, context, feedback, _SHARE, 2 * _SHARE)
        found, cosines = lookalikes(
            mine.means,
            theirs.means,
            self.parameterAsInt(parameters, self.COUNT, context),
            own=self._own(mine, theirs, parameters, context),
            cancelled=feedback.isCanceled,
        )
        distances = great_circle_km(mine.lonlat[:, None], theirs.lonlat[found])
        indices = [others.fields().lookupField(name) for name in self._joined(parameters, context)]

        def rows():
            for one, feature in enumerate(mine.features):
                for rank, row in enumerate(found[one]):
                    told = [rank + 1, number(cosines[one, rank]), float(distances[one, rank])]
                    other = theirs.features[row]
                    yield feature, [*told, *(other.attribute(index) for index in indices)]

        new = self._new_fields(parameters, context)
        target = self.copy(source, new, rows(), parameters, context)
        similarity = new[_TOLD.index("similarity")].name()
        title = tr("{name}, look-alikes from {others}").format(
            name=source.sourceName(), others=others.sourceName()
        )
        finish = Finish(
            lambda layer: style_points(layer, similarity),
            self.facts(self.encoder(parameters, context), None),
            self.title(),
        )
        finish.attach(context, target, feedback, title)
        return {self.OUTPUT: target}

    def _own(self, mine, theirs, parameters, context):
        """(N,) the row of each feature among the others, where both layers are one; else None."""
        layers = [
            self.parameterAsVectorLayer({name: _layer_of(parameters.get(name))}, name, context)
            for name in (self.INPUT, self.OTHERS)
        ]
        if layers[0] is None or layers[1] is None or layers[0].source() != layers[1].source():
            return None
        rows = {feature.id(): row for row, feature in enumerate(theirs.features)}
        return np.array([rows.get(feature.id(), -1) for feature in mine.features])

    def _joined(self, parameters, context) -> list[str]:
        """Names of the fields that are joined."""
        chosen = self.parameterAsFields(parameters, self.FIELDS, context)
        return chosen or self.source(self.OTHERS, parameters, context).fields().names()

    def _new_fields(self, parameters, context):
        prefix = self.prefix(parameters, context)
        kinds = (integer_field, number_field, number_field)
        told = [kind(prefix + name) for kind, name in zip(kinds, _TOLD)]
        fields = self.source(self.OTHERS, parameters, context).fields()
        joined = []
        for name in self._joined(parameters, context):
            field = QgsField(fields.field(name))
            field.setName(f"{prefix}like_{name}")
            joined.append(field)
        return [*told, *joined]


def _layer_of(given):
    """A layer, or what names one, of a parameter that may ask for its selected features alone."""
    return getattr(given, "source", given) if not hasattr(given, "id") else given
