"""Where places are what words say: a raster of the similarity, and the best places."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterString,
)

from ..randomland import land_range
from ..satclip_core.models.registry import WORDS
from ..satclip_core.products import SimilarityToWords, known_words
from ..satclip_core.raster.similar_places import PlaceSearch, default_spacing
from ..styles import style_points, style_range
from ..text import tr
from .rasters import RasterAlgorithm
from .references import FoundPlacesMixin
from .results import Finish


class QueryAlgorithm(FoundPlacesMixin, RasterAlgorithm):
    """A raster of what was asked for, with its best places as points."""

    ICON = "similar.svg"
    WORDS = "WORDS"
    PLACES = "PLACES"
    # Field that the points are coloured by.
    VALUE = "similarity"

    def add_best_places(self) -> None:
        """Declare how many of the best places are wanted, and their layer."""
        self.add_count(10, tr("How many of the best places are given as points."))
        self.add(
            QgsProcessingParameterFeatureSink(
                self.PLACES,
                tr("Best places"),
                QgsProcessing.SourceType.TypeVectorPoint,
                optional=True,
            ),
            tr("Points, the best first, with what is told of each."),
        )

    def words(self, parameters, context) -> str:
        """The words given."""
        return self.parameterAsString(parameters, self.WORDS, context).strip()

    def best(self, found, columns, job, parameters, context, feedback) -> dict:
        """Log the best places and write their layer, where one is wanted; returns outputs.

        Args:
            found: with `pixels` and `lonlat` of the places.
            columns: what is told of each, by the name of its field.
            job: of the raster.
            parameters: of the run.
            context: of the run.
            feedback: of the run.
        """
        for rank, value, (lon, lat) in zip(columns["rank"], columns[self.VALUE], found.lonlat):
            feedback.pushInfo(f"{rank}: {value:.3f}, {lon:.3f}, {lat:.3f}")
        if parameters.get(self.PLACES) in (None, ""):
            return {}
        grid = job.request.grid
        target = self.write_places(self.PLACES, grid, found, columns, parameters, context)
        facts = self.facts(job.encoder, job.product)
        style = Finish(lambda layer: style_points(layer, self.VALUE), facts, self.title())
        style.attach(context, target, feedback)
        return {self.PLACES: target}


class WordSearch(QueryAlgorithm):
    """Cosine similarity to words."""

    NAME = "wordsearch"

    def title(self):
        """Name in the toolbox."""
        return tr("Search by words")

    def summary(self):
        """Help."""
        return tr(
            "Maps how well every pixel fits words such as “desert near a coast”: the cosine of the "
            "angle between the embeddings of the place and of the words, and gives the best places "
            "as points.\n\nIt takes a model that was trained with words beside places "
            "(UniGeoCLIP): “words”, which comes with the plugin, knows some 240 of climate, land "
            "cover, relief and countries. A word that the model does not know is left out, with a "
            "warning that names the nearest that it knows."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add(
            QgsProcessingParameterString(self.WORDS, tr("Words"), optional=True),
            tr(
                "What to look for, in English. Left empty, the words that the model knows are told."
            ),
        )
        self.add_grid(configuration)
        self.add_model(WORDS)
        self.add_spacing(advanced=True)
        self.add_best_places()
        self.add_output(tr("Similarity"))

    def problems(self, parameters, context):
        """What is wrong with words, model, grid or output."""
        model, words = self.encoder(parameters, context), self.words(parameters, context)
        if not words:
            yield tr("Give words to look for. The model knows: {words}").format(
                words=", ".join(known_words(model))
            )
            return
        SimilarityToWords(words).by(model)
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """Similarity to the words."""
        return SimilarityToWords(self.words(parameters, context))

    def layer_name(self, product):
        """The words."""
        return product.words

    def search(self, job, parameters, context):
        """The most similar pixels."""
        spacing = self.spacing(parameters, context)
        if spacing is None:
            spacing = default_spacing(job.encoder)
        return PlaceSearch(job.locator, self.count(parameters, context), spacing)

    def found(self, search, job, parameters, context, feedback):
        """The best places."""
        found = search.finish(feedback.isCanceled)
        return self.best(found, found.columns, job, parameters, context, feedback)

    def styling(self, product, model):
        """A perceptually uniform ramp over what random places on land have."""
        low, high = land_range(product, model)
        return lambda layer: style_range(layer, low, high)
