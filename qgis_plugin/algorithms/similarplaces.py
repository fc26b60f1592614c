"""The places of an area that are most like some others, as points."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterNumber,
)

from ..satclip_core.raster.similar_places import similar_places
from ..styles import style_points
from ..text import tr
from .base import progress_to
from .grids import GridAlgorithm
from .references import FoundPlacesMixin, ReferencesMixin
from .results import Finish


class SimilarPlaces(FoundPlacesMixin, ReferencesMixin, GridAlgorithm):
    """The most similar grid cells as a point layer."""

    NAME = "similarplaces"
    ICON = "similar.svg"
    AWAY = "AWAY"

    def title(self):
        """Name in the toolbox."""
        return tr("Most similar places")

    def summary(self):
        """Help."""
        return tr(
            "Finds the places of an area that are most like a place, or several, and gives them "
            "as points, the most similar first.\n\nThe centres of a grid are compared. The places "
            "found lie a spacing apart: without one the most similar are all neighbours of one. A "
            "distance leaves out what lies near the places themselves."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_references()
        self.add_grid(configuration)
        self.add_count(100, tr("How many grid cells are wanted, the most similar first."))
        self.add_spacing()
        self.add(
            QgsProcessingParameterNumber(
                self.AWAY,
                tr("At least so far away from the places (kilometres)"),
                QgsProcessingParameterNumber.Type.Double,
                0,
                minValue=0,
                optional=True,
            ),
            tr("Leaves out grid cells nearer than this to any of the places."),
        )
        self.add_model()
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Similar places"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            tr("Points with rank, similarity, longitude and latitude."),
        )

    def problems(self, parameters, context):
        """What is wrong with places or grid."""
        yield from self.reference_problems(parameters, context)
        yield from self.grid_problems(parameters, context)

    def work(self, parameters, context, feedback):
        """Look at all grid cells, keep the best."""
        model = self.encoder(parameters, context)
        grid = self.grid(parameters, context, model)
        wanted = self.similarity_to(parameters, context, feedback)
        found = similar_places(
            grid,
            model,
            self.placed(wanted, grid, parameters, context),
            self.count(parameters, context),
            mask=self.wanted_places(parameters, context),
            spacing_km=self.spacing(parameters, context),
            away_km=self.parameterAsDouble(parameters, self.AWAY, context),
            progress=progress_to(feedback),
            cancelled=feedback.isCanceled,
        )
        target = self.write_places(self.OUTPUT, grid, found, found.columns, parameters, context)
        facts = self.facts(model, None)
        Finish(lambda layer: style_points(layer, "similarity"), facts, self.title()).attach(
            context, target, feedback
        )
        return {self.OUTPUT: target}
