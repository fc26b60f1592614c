"""Clusters of places by k-means."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
)

from ..groupnames import named_groups, named_legend
from ..satclip_core.products import ClusterModel, ClustersOf
from ..satclip_core.products import Clusters as Product
from ..satclip_core.products.clusters import MOST_CLUSTERS
from ..styles import style_classes
from ..text import tr
from .rasters import RasterAlgorithm


class Clusters(RasterAlgorithm):
    """Groups of like places."""

    NAME = "clusters"
    ICON = "clusters.svg"
    COUNT = "COUNT"
    CLUSTERS = "CLUSTERS"
    SAVE_CLUSTERS = "SAVE_CLUSTERS"
    SHARE = 10

    def title(self):
        """Name in the toolbox."""
        return tr("Clusters of places")

    def summary(self):
        """Help."""
        return tr(
            "Divides an area into groups of like places, by k-means of their embeddings.\n\nThe "
            "clusters are found on a sample of the pixels; the same extent, resolution and number "
            "give the same clusters again. Save them to use them for another extent.\n\nEach is "
            "named by what most of its places are predicted to be: land cover and climate, and "
            "where two have the same, what sets them apart. Nothing of that is measured."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_grid(configuration)
        self.add(
            QgsProcessingParameterNumber(
                self.COUNT,
                tr("Number of clusters"),
                QgsProcessingParameterNumber.Type.Integer,
                8,
                minValue=2,
                maxValue=MOST_CLUSTERS,
            ),
            tr("From 2 to 254; it is not used with clusters that were saved before."),
        )
        self.add_model()
        self.add(
            QgsProcessingParameterFile(
                self.CLUSTERS, tr("Clusters saved before"), extension="json", optional=True
            ),
            tr("Use the clusters of another area; found anew where not given."),
        )
        clusters = QgsProcessingParameterFileDestination(
            self.SAVE_CLUSTERS,
            tr("Save clusters"),
            tr("Clusters (*.json)"),
            optional=True,
            createByDefault=False,
        )
        self.add(clusters, tr("A small file to use the same clusters again for another extent."))
        self.add_output(tr("Clusters"))

    def problems(self, parameters, context):
        """What is wrong with saved clusters, grid or output."""
        saved = self.parameterAsFile(parameters, self.CLUSTERS, context)
        if saved:
            ClusterModel.load(saved).check(self.encoder(parameters, context))
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """The clusters given, or those of this grid."""
        saved = self.parameterAsFile(parameters, self.CLUSTERS, context)
        if saved:
            return Product(ClusterModel.load(saved))
        return ClustersOf(self.parameterAsInt(parameters, self.COUNT, context))

    def save(self, job, parameters, context, feedback):
        """Write the clusters, if they are wanted."""
        target = self.parameterAsFileOutput(parameters, self.SAVE_CLUSTERS, context)
        if not target:
            return {}
        job.product.model.save(target, overwrite=True)
        return {self.SAVE_CLUSTERS: target}

    def tell(self, product, feedback):
        """What each cluster is."""
        text = tr("Cluster {number}: {name} ({share:.0f} %)")
        for number, name in enumerate(named_groups(product.model), 1):
            share = 100 * product.model.shares[number - 1]
            feedback.pushInfo(text.format(number=number, name=name, share=share))

    def layer_name(self, product):
        """How many, and that their names are no measurement."""
        if product.model.names is None:
            return ""
        count = len(product.model.centres)
        return tr("{count} clusters, names predicted").format(count=count)

    def style(self, product, layer):
        """A colour and a name for each cluster."""
        style_classes(layer, named_legend(product.model))
