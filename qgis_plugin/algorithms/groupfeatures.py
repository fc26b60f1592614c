"""Features in groups of like ones."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterNumber

from ..compat import integer_field, text_field
from ..groupnames import named_groups
from ..satclip_core.products import ClusterModel
from ..satclip_core.products import Clusters as Product
from ..satclip_core.products.clusters import MOST_CLUSTERS
from ..satclip_core.products.legend import Legend
from ..styles import style_groups
from ..text import tr
from .features import FeaturesAlgorithm
from .results import Finish

_SHARE = 90


class GroupFeatures(FeaturesAlgorithm):
    """A copy of a layer with the group of each feature."""

    NAME = "groupfeatures"
    ICON = "clusters.svg"
    COUNT = "COUNT"

    def title(self):
        """Name in the toolbox."""
        return tr("Group features")

    def summary(self):
        """Help."""
        return tr(
            "Copies a layer and puts its features into groups of like ones, by k-means of their "
            "embeddings: regions of a country, kinds of fields.\n\nThe field group has the number, "
            "the largest group first, and group_name what most of its features are predicted to "
            "be: land cover and climate. Polygons count by the mean over their area, lines by that "
            "along them. The same features and number of groups give the same groups again."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_features()
        self.add(
            QgsProcessingParameterNumber(
                self.COUNT,
                tr("Number of groups"),
                QgsProcessingParameterNumber.Type.Integer,
                6,
                minValue=2,
                maxValue=MOST_CLUSTERS,
            ),
            tr("From 2 to 254; no more than there are features."),
        )
        self.add_model()
        self.add_sampling()
        self.add_prefix()
        self.add_copy(tr("Grouped features"))

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        yield from self.points_problems(self._new_fields(parameters, context), parameters, context)

    def work(self, parameters, context, feedback):
        """Embed, group, name, write."""
        source = self.source(self.INPUT, parameters, context)
        encoder = self.encoder(parameters, context)
        found = self.embedded(source, parameters, context, feedback, 0, _SHARE)
        count = self.parameterAsInt(parameters, self.COUNT, context)
        model = ClusterModel.of(encoder, found.means, count, cancelled=feedback.isCanceled)
        groups = model.labels(found.means)
        names = named_groups(model)
        new = self._new_fields(parameters, context)
        rows = (
            (feature, [int(group), names[group - 1]])
            for feature, group in zip(found.features, groups)
        )
        target = self.copy(source, new, rows, parameters, context)
        for index, name in enumerate(names):
            size = int((groups == index + 1).sum())
            text = tr("Group {number}: {name}, {count} features")
            feedback.pushInfo(text.format(number=index + 1, name=name, count=size))
        legend = Legend.of([f"{index}: {name}" for index, name in enumerate(names, 1)])
        title = tr("{name} in {count} groups").format(name=source.sourceName(), count=count)
        finish = Finish(
            lambda layer: style_groups(layer, new[0].name(), legend),
            self.facts(encoder, Product(model)),
            self.title(),
        )
        finish.attach(context, target, feedback, title)
        return {self.OUTPUT: target}

    def _new_fields(self, parameters, context):
        prefix = self.prefix(parameters, context)
        return [integer_field(f"{prefix}group"), text_field(f"{prefix}group_name")]
