"""Rasters: embeddings, similarity, colours."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from ..randomland import land_range
from ..satclip_core.products import DTYPES, EmbeddingOf, Rgb, RgbBasis, RgbOf
from ..satclip_core.raster import RasterRequest, WriteOptions, raster_target
from ..satclip_core.raster.formats import COG, FORMATS, GTIFF
from ..styles import style_bands, style_range, style_values, world_range
from ..text import place_text, tr
from .base import progress_to
from .grids import GridAlgorithm
from .references import ReferencesMixin
from .results import Finish


class RasterAlgorithm(GridAlgorithm):
    """A product of embeddings over a grid, as a GeoTIFF.

    Subclasses give what is `wanted` and its `style`, what they `tell` of it once it is fitted, and
    what they `save` beside it.
    """

    ICON = "raster.svg"
    TOLERANCE = "TOLERANCE"
    FORMAT = "FORMAT"
    # As the parameter lists them; None as the name of the file says it.
    _FORMATS = (None, COG)
    # Per cent of the progress that fitting takes.
    SHARE = 0

    def wanted(self, parameters, context, feedback):
        """What the raster is to show."""
        raise NotImplementedError

    def placed(self, wanted, grid, parameters, context):
        """The same on this grid; most things are wanted alike on any."""
        return wanted

    def tell(self, product, feedback) -> None:
        """Say what was found by fitting it."""

    def style(self, product, layer) -> None:
        """How the layer is drawn."""
        raise NotImplementedError

    def styling(self, product, model):
        """`style` with all that takes long done already: it is called in the main thread."""
        return lambda layer: self.style(product, layer)

    def layer_name(self, product) -> str:
        """Name of the layer on the map; QGIS' own where empty."""
        return ""

    def closing(self, product) -> str:
        """What is said at the end of the log."""
        return ""

    def search(self, job, parameters, context):
        """What looks for places in the raster while it is written, with `add`; None for nothing."""

    def found(self, search, job, parameters, context, feedback) -> dict:
        """Make layers of what the search has found; returns outputs."""
        return {}

    def save(self, job, parameters, context, feedback) -> dict:
        """Write what belongs to the raster, which is written; returns outputs."""
        return {}

    def beside(self, path, product, parameters, context, feedback) -> dict:
        """Make further layers of the raster that was written; returns outputs."""
        return {}

    def add_output(self, description: str) -> None:
        """Declare the raster, its format, and what it may be off."""
        number = QgsProcessingParameterNumber.Type.Double
        tolerance = QgsProcessingParameterNumber(
            self.TOLERANCE, tr("Tolerance"), number, optional=True, minValue=0, maxValue=0.5
        )
        # Six digits: QGIS shows two otherwise.
        tolerance.setMetadata({"widget_wrapper": {"decimals": 6}})
        self.add(
            tolerance,
            tr(
                "Smooth models are interpolated where they are off by less than this share of the "
                "standard deviation, measured in every block: many times as fast. 0: every pixel "
                "is evaluated. Not set: 0.0001 where the type of the data does not show it "
                "(int16, uint8, float16, colours), else 0. The model that comes with the plugin "
                "is fast without."
            ),
            advanced=True,
        )
        formats = [tr("GeoTIFF"), tr("Cloud-optimised GeoTIFF (COG)")]
        self.add(
            QgsProcessingParameterEnum(
                self.FORMAT, tr("Format"), formats, defaultValue=0, optional=True
            ),
            tr(
                "Both open in QGIS and are .tif files. A COG is for reading parts of it over the "
                "network, and has overviews of embeddings, so that all of it is drawn quickly; it "
                "takes longer to write."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterRasterDestination(self.OUTPUT, description),
            tr("A GeoTIFF (.tif) with names of bands and the origin of the model inside."),
        )

    def problems(self, parameters, context):
        """What is wrong with the grid or the name of the output."""
        yield from self.grid_problems(parameters, context)
        target = self.output_path(parameters, context)
        if target and Path(target).suffix.lower() not in FORMATS[GTIFF].suffixes:
            yield tr("{target} is no GeoTIFF by its name: let it end in .tif.").format(
                target=Path(target).name
            )

    def output_path(self, parameters, context) -> str:
        """Where the raster is to go, before it is made; empty where that is not known."""
        # Without the project to load it into: asked with it, QGIS expects this very file.
        output = parameters.get(self.OUTPUT)
        named = {**parameters, self.OUTPUT: getattr(output, "sink", output)}
        return self.parameterAsOutputLayer(named, self.OUTPUT, context)

    def tolerance(self, parameters, context) -> float | None:
        """What values may be off; None where that is left to their type."""
        if not self._given(parameters, self.TOLERANCE):
            return None
        return self.parameterAsDouble(parameters, self.TOLERANCE, context)

    def work(self, parameters, context, feedback):
        """Ask the core for the raster, and present what it made."""
        model = self.encoder(parameters, context)
        grid = self.grid(parameters, context, model)
        height, width = grid.shape
        feedback.pushInfo(
            tr("{width} x {height} pixels in {crs}, model {model}").format(
                width=width, height=height, crs=grid.crs[:40], model=model.name
            )
        )
        said = self.said_extent(grid, parameters, context)
        if said is not None:
            feedback.pushInfo(said)
        output = self.parameterAsOutputLayer(parameters, self.OUTPUT, context)
        format = self._FORMATS[self.parameterAsEnum(parameters, self.FORMAT, context)]
        target = raster_target(output, format=format, overwrite=True)
        request = RasterRequest(
            grid,
            self.placed(self.wanted(parameters, context, feedback), grid, parameters, context),
            self.model_name(parameters, context),
            mask=self.mask(parameters, context),
            region=self.region(parameters, context),
            options=WriteOptions(overwrite=True, tags={"command": self.command()}, format=format),
            tolerance=self.tolerance(parameters, context),
        )
        job = request.prepare(
            encoder=model,
            progress=progress_to(feedback, 0, self.SHARE),
            cancelled=feedback.isCanceled,
        )
        feedback.setProgress(self.SHARE)
        self.tell(job.product, feedback)
        search = self.search(job, parameters, context)
        path = job.write(
            target,
            progress=progress_to(feedback, self.SHARE),
            cancelled=feedback.isCanceled,
            seen=None if search is None else search.add,
        )
        extra = self.save(job, parameters, context, feedback)
        if search is not None:
            extra.update(self.found(search, job, parameters, context, feedback))
        extra.update(self.beside(path, job.product, parameters, context, feedback))
        facts = self.facts(model, job.product)
        style = self.styling(job.product, model)
        finish = Finish(style, facts, self.title(), self.closing(job.product))
        finish.attach(context, output, feedback, self.layer_name(job.product))
        return {self.OUTPUT: str(path), **extra}


class EmbeddingRaster(RasterAlgorithm):
    """One band for each dimension of the embedding."""

    NAME = "embeddingraster"
    DTYPE = "DTYPE"
    NORMALIZE = "NORMALIZE"

    def title(self):
        """Name in the toolbox."""
        return tr("Embedding raster")

    def summary(self):
        """Help."""
        return tr(
            "Writes location embeddings as a GeoTIFF, one band for each dimension, sampled at the "
            "centres of pixels.\n\nThe model turns longitude and latitude into 256 numbers that "
            "say what the place is like; nothing is downloaded. Pixels far finer than what the "
            "model resolves are smooth interpolation."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_grid(configuration)
        self.add_model()
        self.add(
            QgsProcessingParameterEnum(
                self.DTYPE, tr("Data type"), [*DTYPES], defaultValue=0, optional=True
            ),
            tr(
                "float16 and int16 take half the space, uint8 a quarter. Whole numbers are scaled "
                "to norm 1; QGIS shows the values that they stand for."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(self.NORMALIZE, tr("Scale embeddings to norm 1"), False),
            tr("Then a product of two embeddings is their cosine similarity."),
            advanced=True,
        )
        self.add_dims(
            tr("Only the first ones, where 256 bands are too many; all where it is empty.")
        )
        self.add_output(tr("Embedding raster"))

    def wanted(self, parameters, context, feedback):
        """The embedding itself."""
        dtype = DTYPES[self.parameterAsEnum(parameters, self.DTYPE, context)]
        normalize = self.parameterAsBoolean(parameters, self.NORMALIZE, context)
        return EmbeddingOf(dtype, normalize, self.dims(parameters, context))

    def tell(self, product, feedback):
        """What a smaller type costs."""
        if product.cosine_loss is not None:
            mean, most = product.cosine_loss
            feedback.pushInfo(
                tr("{dtype}: 1 - cosine is {mean:.2g} in the mean, {most:.2g} at most").format(
                    dtype=product.dtype, mean=mean, most=most
                )
            )

    def styling(self, product, model):
        """The first three bands in the colours of the world: the same in any two rasters."""
        if len(product.bands) < len("RGB"):
            return style_values
        low, high = world_range(model, product.dim if product.normalize else None)
        return lambda layer: style_bands(layer, low, high)


class SimilarityRaster(ReferencesMixin, RasterAlgorithm):
    """Cosine similarity to places."""

    NAME = "similarity"
    ICON = "similar.svg"

    def title(self):
        """Name in the toolbox."""
        return tr("Similarity to places")

    def summary(self):
        """Help."""
        return tr(
            "Maps how alike every pixel is to one place: the cosine of the angle between their "
            "embeddings, -1 to 1. With several places, or counter-examples, a classifier tells "
            "them from random land: the chance that a pixel is like them, 0 to 1.\n\nGive a "
            "point, a point layer, or the selected features of one. Compare with the values "
            "elsewhere before you trust a threshold: even unrelated places are a little alike."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_references()
        self.add_grid(configuration)
        self.add_model()
        self.add_output(tr("Similarity"))

    def problems(self, parameters, context):
        """What is wrong with places, grid or output."""
        yield from self.reference_problems(parameters, context)
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """Similarity to the places."""
        return self.similarity_to(parameters, context, feedback)

    def layer_name(self, product):
        """What it is the similarity to."""
        if len(product.places) > 1:
            return tr("Similarity to {count} places").format(count=len(product.places))
        return tr("Similarity to {place}").format(place=place_text(*product.places[0]))

    def styling(self, product, model):
        """A perceptually uniform ramp over what random places on land have, as in the dock."""
        low, high = land_range(product, model)
        return lambda layer: style_range(layer, low, high)


class EmbeddingRgb(RasterAlgorithm):
    """Three principal components as colours."""

    NAME = "embeddingrgb"
    ICON = "colours.svg"
    BASIS = "BASIS"
    SAVE_BASIS = "SAVE_BASIS"

    def title(self):
        """Name in the toolbox."""
        return tr("Embedding colours (RGB)")

    def summary(self):
        """Help."""
        return tr(
            "Shows the first three principal components of the embeddings as red, green and blue: "
            "places of like colour are alike.\n\nThe components are fitted on a sample of the "
            "pixels and stretched from the 2nd to the 98th percentile. Save them as a basis to "
            "give another extent the same colours."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_grid(configuration)
        self.add_model()
        self.add(
            QgsProcessingParameterFile(
                self.BASIS, tr("Basis of another picture"), extension="json", optional=True
            ),
            tr("Use the colours of another picture; fitted on this one where not given."),
        )
        basis = QgsProcessingParameterFileDestination(
            self.SAVE_BASIS,
            tr("Save basis"),
            tr("Basis (*.json)"),
            optional=True,
            createByDefault=False,
        )
        self.add(basis, tr("A small file to use the same colours again for another extent."))
        self.add_output(tr("Embedding colours"))

    def problems(self, parameters, context):
        """What is wrong with basis, grid or output."""
        basis = self.parameterAsFile(parameters, self.BASIS, context)
        if basis:
            RgbBasis.load(basis).check(self.encoder(parameters, context))
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """Colours by the basis given, or by one of this grid's own."""
        basis = self.parameterAsFile(parameters, self.BASIS, context)
        self._fits = not basis
        return Rgb(RgbBasis.load(basis)) if basis else RgbOf()

    def tell(self, product, feedback):
        """How much the colours show, where they are this grid's own."""
        if self._fits:
            feedback.pushInfo(
                tr("The colours show {share:.0f} % of the variance.").format(
                    share=100 * product.basis.explained.sum()
                )
            )

    def save(self, job, parameters, context, feedback):
        """Write the basis, if it is wanted."""
        target = self.parameterAsFileOutput(parameters, self.SAVE_BASIS, context)
        if not target:
            return {}
        job.product.basis.save(target, overwrite=True)
        return {self.SAVE_BASIS: target}

    def style(self, product, layer):
        """Nothing to do: the file says itself which band is which colour."""
