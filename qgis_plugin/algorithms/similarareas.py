"""The areas where all is like some places, as polygons."""

from __future__ import annotations

from qgis.core import (
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)

from ..compat import integer_field, number_field
from ..satclip_core.raster.similar_areas import PERCENTILE, AreaOptions, similar_areas
from ..styles import style_areas
from ..text import tr
from .base import progress_to
from .grids import GridAlgorithm
from .references import ReferencesMixin
from .results import Finish


class SimilarAreas(ReferencesMixin, GridAlgorithm):
    """What is alike enough, as a polygon layer."""

    NAME = "similarareas"
    ICON = "similar.svg"
    PERCENTILE = "PERCENTILE"
    ABOVE = "ABOVE"
    LEAST_AREA = "LEAST_AREA"

    def title(self):
        """Name in the toolbox."""
        return tr("Similar areas")

    def summary(self):
        """Help."""
        return tr(
            "Finds the areas that are like a place, or several, and gives them as polygons with "
            "their size in square kilometres and their mean and largest similarity.\n\nAn area is "
            "of grid cells that touch along a side and are more alike than a share of all land, or "
            "at least as alike as a number says."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_references()
        self.add_grid(configuration)
        number = QgsProcessingParameterNumber.Type.Double
        self.add(
            QgsProcessingParameterNumber(
                self.PERCENTILE,
                tr("More alike than (percent of land)"),
                number,
                PERCENTILE,
                minValue=0,
                maxValue=99.9,
                optional=True,
            ),
            tr("The threshold: 95 leaves the 5 percent of land that are most alike."),
        )
        self.add(
            QgsProcessingParameterNumber(
                self.ABOVE, tr("Least similarity"), number, None, True, -1, 1
            ),
            tr("The threshold as a number, in place of the share of land."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                self.LEAST_AREA,
                tr("Least area (square kilometres)"),
                number,
                0,
                minValue=0,
                optional=True,
            ),
            tr("Leaves out smaller areas."),
        )
        self.add_model()
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Similar areas"), QgsProcessing.SourceType.TypeVectorPolygon
            ),
            tr("Polygons with rank, area, similarity and the most similar place."),
        )

    def problems(self, parameters, context):
        """What is wrong with places or grid."""
        yield from self.reference_problems(parameters, context)
        yield from self.grid_problems(parameters, context)

    def work(self, parameters, context, feedback):
        """Look at all grid cells, and outline what is alike."""
        model = self.encoder(parameters, context)
        grid = self.grid(parameters, context, model)
        above = None
        if self._given(parameters, self.ABOVE):
            above = self.parameterAsDouble(parameters, self.ABOVE, context)
        wanted = self.similarity_to(parameters, context, feedback)
        found = similar_areas(
            grid,
            model,
            self.placed(wanted, grid, parameters, context),
            AreaOptions(
                above,
                self.parameterAsDouble(parameters, self.PERCENTILE, context),
                self.parameterAsDouble(parameters, self.LEAST_AREA, context),
            ),
            mask=self.wanted_places(parameters, context),
            progress=progress_to(feedback),
            cancelled=feedback.isCanceled,
        )
        feedback.pushInfo(
            tr("{count} areas of {km2:.0f} km² in all, at or above {above:.3f}").format(
                count=len(found), km2=found.km2.sum(), above=found.above
            )
        )
        target = self._write(found, parameters, context)
        facts = self.facts(model, None)
        Finish(lambda layer: style_areas(layer, "mean_similarity"), facts, self.title()).attach(
            context, target, feedback
        )
        return {self.OUTPUT: target}

    def _write(self, found, parameters, context) -> str:
        fields = QgsFields()
        for name, values in found.columns.items():
            made = integer_field if values.dtype.kind == "i" else number_field
            fields.append(made(name))
        crs = self.grid_crs(parameters, context)
        attributes = zip(*(values.tolist() for values in found.columns.values()))
        rows = zip(map(_geometry, found.wkb), map(list, attributes))
        kind = QgsWkbTypes.Type.Polygon
        return self.written(self.OUTPUT, fields, kind, crs, rows, parameters, context)


def _geometry(wkb: bytes):
    geometry = QgsGeometry()
    geometry.fromWkb(wkb)
    return geometry
