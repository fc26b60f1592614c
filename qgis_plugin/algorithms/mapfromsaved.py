"""A map that was fitted before, drawn elsewhere."""

from __future__ import annotations

from ..text import tr
from .learning import SavedMapMixin
from .mapfromsamples import MappedMixin
from .rasters import RasterAlgorithm


class MapFromSaved(SavedMapMixin, MappedMixin, RasterAlgorithm):
    """What was learnt from samples, used again."""

    NAME = "mapfromsaved"
    ICON = "map.svg"

    def title(self):
        """Name in the toolbox."""
        return tr("Map from saved map")

    def summary(self):
        """Help."""
        return tr(
            "Draws a map of what was learnt before, without the samples: elsewhere, or finer.\n\n"
            "Map from samples saves it, under Save what was learnt. Model and covariates have to "
            "be the same; layers of covariates are told by their names. The log says how much of "
            "the extent lies outside the area of applicability, where the score does not hold."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_model_file(optional=False)
        self.add_covariates()
        self.add_grid(configuration)
        self.add_model()
        self.add_bands()
        self.add_map()

    def wanted(self, parameters, context, feedback):
        """The saved map."""
        return self.saved_map(parameters, context, **self.bands(parameters, context))

    def problems(self, parameters, context):
        """What is wrong with saved map, covariates, grid or output."""
        yield from self.saved_problems(parameters, context)
        yield from super().problems(parameters, context)

    def save(self, job, parameters, context, feedback):
        """The scores as outputs."""
        return self.scores(job.product.model)
