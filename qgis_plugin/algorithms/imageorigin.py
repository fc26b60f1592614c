"""Where an image comes from: a probability map, and its most probable places."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterBand,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..satclip_core.errors import InputError
from ..satclip_core.models.registry import WORDS
from ..satclip_core.products.queries import CHIPS, embedded_words, of_kind
from ..satclip_core.raster.origins import NEAR_KM, OriginSearch, origin_of
from ..styles import style_values
from ..text import tr
from .wordsearch import QueryAlgorithm


class ImageOrigin(QueryAlgorithm):
    """The probability of where an image was taken."""

    NAME = "imageorigin"
    # The sum over the raster takes as long as its values.
    SHARE = 50
    VALUE = "probability"
    IMAGE = "IMAGE"
    BANDS = "BANDS"
    KILOMETRES = "KILOMETRES"
    KIND = "KIND"
    NEAR = "NEAR"

    def title(self):
        """Name in the toolbox."""
        return tr("Where an image comes from")

    def summary(self):
        """Help."""
        return tr(
            "Maps how probable it is that an image comes from a place: per million square "
            "kilometres, summing to 1 over the raster. The most probable places are given as "
            "points, with the probability that it comes from around them.\n\nIt takes a model that "
            "was trained with images beside places (UniGeoCLIP): “words”, which comes with the "
            "plugin, knows true colour, relief, night lights and greenness of coarse satellite "
            "images. The middle of the image is brought to the size and scale that the "
            "model has learnt from; where the image lies, if it says so, is not used."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer(self.IMAGE, tr("Image")),
            tr("An image of the kind that the model was trained on, of a known scale."),
        )
        self.add(
            QgsProcessingParameterBand(
                self.BANDS, tr("Bands"), None, self.IMAGE, optional=True, allowMultiple=True
            ),
            tr("As many as the model's images have, in their order; all where none is chosen."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                self.KILOMETRES,
                tr("Width of the image (kilometres)"),
                QgsProcessingParameterNumber.Type.Double,
                None,
                minValue=0,
                optional=True,
            ),
            tr("Ground that it spans, where the image is not georeferenced."),
        )
        self.add(
            QgsProcessingParameterString(self.KIND, tr("Kind of image"), optional=True),
            tr("Which of the model's kinds it is, where several have as many bands."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(self.WORDS, tr("Words"), optional=True),
            tr("What is known of the place besides, in words: they count as much as the image."),
            advanced=True,
        )
        self.add_grid(configuration)
        self.add_model(WORDS)
        self.add(
            QgsProcessingParameterNumber(
                self.NEAR,
                tr("At least so far apart (kilometres)"),
                QgsProcessingParameterNumber.Type.Double,
                NEAR_KM,
                minValue=0,
            ),
            tr("Least distance between the places, and how far around their probability counts."),
            advanced=True,
        )
        self.add_best_places()
        self.add_output(tr("Probability of origin"))

    def problems(self, parameters, context):
        """What is wrong with model, words, grid or output."""
        model = self.encoder(parameters, context)
        of_kind(model, CHIPS)
        words = self.words(parameters, context)
        if words:
            embedded_words(model, words)
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """The probability of where the image comes from."""
        layer = self.parameterAsRasterLayer(parameters, self.IMAGE, context)
        if layer is None or layer.providerType() != "gdal":
            raise InputError(tr("The image is no raster file: give one that lies on disk."))
        kilometres = None
        if self._given(parameters, self.KILOMETRES):
            kilometres = self.parameterAsDouble(parameters, self.KILOMETRES, context)
        source = layer.source()
        kind = self.parameterAsString(parameters, self.KIND, context).strip()
        return origin_of(
            self.encoder(parameters, context),
            [(kind, source) if kind else source],
            words=self.words(parameters, context),
            kilometres=kilometres,
            bands=self.parameterAsInts(parameters, self.BANDS, context) or None,
        )

    def search(self, job, parameters, context):
        """The most probable pixels."""
        return OriginSearch(
            job.locator,
            self.count(parameters, context),
            self.parameterAsDouble(parameters, self.NEAR, context),
        )

    def found(self, search, job, parameters, context, feedback):
        """The most probable places."""
        found = search.finish(feedback.isCanceled)
        return self.best(found.places, found.columns, job, parameters, context, feedback)

    def style(self, product, layer):
        """A perceptually uniform ramp."""
        style_values(layer)
