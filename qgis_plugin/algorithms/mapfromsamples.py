"""A map of what was sampled at points."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsRasterLayer,
)

from ..satclip_core.products import MapOf
from ..satclip_core.products.maps import CLASS_UNCERTAINTY
from ..satclip_core.products.regression import UNCERTAINTY
from ..satclip_core.report import is_page, report_target, write_map_report
from ..styles import style_classes, style_errors, style_values
from ..text import tr
from ..words import worded
from .learning import SamplesMixin
from .outside import OutsideMixin
from .rasters import RasterAlgorithm


class MappedMixin(OutsideMixin):
    """The bands of a map of what was sampled, its name, score and style."""

    PROBABILITIES = "PROBABILITIES"
    UNCERTAINTY = "UNCERTAINTY"
    SCORE = "SCORE"
    SUMMARY = "SUMMARY"

    def add_bands(self) -> None:
        """Declare which bands are wanted."""
        self.add(
            QgsProcessingParameterBoolean(
                self.PROBABILITIES, tr("Probability of each class too"), False
            ),
            tr("One more band for each class, in whole per cent."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(self.UNCERTAINTY, tr("Uncertainty too"), False),
            tr(
                "Of numbers six more bands: standard error, lower and upper end of the 90 % "
                "interval, dissimilarity index, area of applicability (1 inside), and the distance "
                "to the nearest sample in km. Of classes two: the chance that it is another one, "
                "in per cent, and the area of applicability."
            ),
        )

    def add_map(self) -> None:
        """Declare the raster, and what is said of it."""
        self.add_output(tr("Map"))
        self.add_outside()
        self.addOutput(QgsProcessingOutputNumber(self.SCORE, tr("Cross-validated score")))
        self.addOutput(QgsProcessingOutputString(self.SUMMARY, tr("The scores in one line")))

    def bands(self, parameters, context) -> dict:
        """Which bands are wanted, by the names that the core has for them."""
        return {
            "probabilities": self.parameterAsBoolean(parameters, self.PROBABILITIES, context),
            "uncertainty": self.parameterAsBoolean(parameters, self.UNCERTAINTY, context),
        }

    def layer_name(self, product):
        """What is mapped."""
        return tr("{field}, mapped").format(field=product.model.name)

    def closing(self, product):
        """The score in words."""
        return in_words(product.model)

    def scores(self, model) -> dict:
        """The scores as outputs."""
        score = telling_score(model.report)
        main = score["r2" if "r2" in score else "balanced_accuracy"]
        return {self.SCORE: float(main), self.SUMMARY: model.summary}

    def style(self, product, layer):
        """A ramp for numbers, colours for classes."""
        if product.legend is None:
            style_values(layer)
        else:
            style_classes(layer, product.legend)


class MapFromSamples(SamplesMixin, MappedMixin, RasterAlgorithm):
    """A model of place and embedding, learnt from samples and drawn as a map."""

    NAME = "mapfromsamples"
    ICON = "map.svg"
    INPUT = SAMPLES = "INPUT"
    REPORT = "REPORT"
    SHARE = 30

    def title(self):
        """Name in the toolbox."""
        return tr("Map from samples")

    def summary(self):
        """Help."""
        return tr(
            "Learns from a point layer how a number or class depends on the place, and maps it."
            "\n\nNumbers by the mean of ridge regression on the embeddings, kriging on the places, "
            "and a Gaussian process on both, weighed by how well each does; classes by logistic "
            "regression, on the embeddings or on a kernel of place and embedding. All is chosen "
            "and scored by cross-validation on samples as far from those learnt from as the "
            "pixels are from the samples. The last lines of the log say how good the map is, from "
            "R² for numbers and balanced accuracy for classes; where samples lie outside the "
            "extent, the score is that of those within it. Look at it before you trust the map."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_samples()
        self.add_covariates()
        self.add_grid(configuration)
        self.add_model()
        self.add_bands()
        self.add_learning()
        report = QgsProcessingParameterFileDestination(
            self.REPORT,
            tr("Save report"),
            f"{tr('Page (*.html)')};;{tr('Scores (*.json)')}",
            optional=True,
            createByDefault=False,
        )
        self.add(
            report,
            tr(
                "How good the map is, on one page: the map and its error, folds, plots, and the "
                "samples that hurt most. As .json: all scores and counts."
            ),
        )
        self.add_map()

    def wanted(self, parameters, context, feedback):
        """A map learnt from the samples."""
        report = self.parameterAsFileOutput(parameters, self.REPORT, context)
        return MapOf(
            **self.learning(parameters, context, feedback),
            **self.bands(parameters, context),
            evidence=bool(report) and is_page(report),
        )

    def problems(self, parameters, context):
        """What is wrong with samples, field, grid or output."""
        yield from self.samples_problems(parameters, context)
        report = self.parameterAsFileOutput(parameters, self.REPORT, context)
        if report:
            raster = self.output_path(parameters, context)
            report_target(report, overwrite=True, apart=[raster] if raster else [])
        yield from super().problems(parameters, context)

    def save(self, job, parameters, context, feedback):
        """The scores as outputs, what was learnt and the report if they are wanted."""
        model = job.product.model
        outputs = {**self.scores(model), **self.save_learnt(model, parameters, context)}
        target = self.parameterAsFileOutput(parameters, self.REPORT, context)
        if target:
            feedback.pushInfo(tr("Writing the report"))
            raster = self.output_path(parameters, context)
            write_map_report(target, job, raster=raster, overwrite=True, worded=worded)
            outputs[self.REPORT] = target
        return outputs


def error_layer(mapped: QgsRasterLayer) -> QgsRasterLayer | None:
    """The band of a map's error as a layer of its own, styled; None where it has none.

    Args:
        mapped: the layer of the map.
    """
    titles = {
        UNCERTAINTY[1].format(name=""): tr("{field}, standard error"),
        CLASS_UNCERTAINTY[0].partition("{")[0]: tr("{field}, chance of another class (%)"),
    }
    field = _band(mapped, 1)
    for band in range(2, mapped.bandCount() + 1):
        for begins, title in titles.items():
            if _band(mapped, band).startswith(begins):
                layer = QgsRasterLayer(mapped.source(), title.format(field=field), "gdal")
                style_errors(layer, band)
                layer.setMetadata(mapped.metadata())
                return layer
    return None


def _band(layer: QgsRasterLayer, number: int) -> str:
    """The name of a band: QGIS writes its number before it."""
    return layer.bandName(number).partition(": ")[2]


def telling_score(report) -> dict:
    """The score of the samples in the extent, where there is one; else that of all."""
    within = report.get("within") or {}
    return within.get("score") or report["score"]


def in_words(model) -> str:
    """How good a map is: of its own extent first, then of all samples, in sentences."""
    report = model.report
    within = report.get("within")
    samples = report["samples"]
    if report.get("applied"):
        return _of_saved(model)
    if within is None or within["samples"] == samples:
        lines = [_said(model, report["score"], samples)]
    elif within["score"] is None:
        text = tr(
            "Only {count} of the {samples} samples lie within the extent, too few to say how good "
            "the map is there. Of all samples:"
        )
        lines = [
            text.format(count=within["samples"], samples=samples),
            _said(model, report["score"], samples),
        ]
    else:
        text = tr("Within the extent ({count} of the {samples} samples):")
        lines = [
            text.format(count=within["samples"], samples=samples),
            _said(model, within["score"], within["samples"]),
            tr("Of all samples:"),
            _said(model, report["score"], samples),
        ]
    text = tr("Method: {method}.")
    lines.append(
        text.format(method=method_in_words(report["method"], classes=model.legend is not None))
    )
    return "\n".join([_head(report["validation"]["kind"]).format(field=model.name), *lines])


def _of_saved(model) -> str:
    """How good a map is that was fitted elsewhere, and how much of it that says nothing of."""
    report = model.report
    lines = [
        tr("The saved map of {field}, where it was fitted:").format(field=model.name),
        _said(model, report["score"], report["samples"]),
    ]
    if "pixels_outside" in report and report["places"] == "pixels":
        text = tr(
            "{share:.0f} % of the pixels lie outside its area of applicability, where that says "
            "nothing."
        )
        lines.append(text.format(share=100 * report["pixels_outside"]))
    return "\n".join(lines)


def _head(folds: str) -> str:
    """What the map was tested on."""
    if folds == "knndm":
        return tr(
            "How good is the map of {field}? Tested on samples as far from those it had learnt "
            "from as the pixels are from the samples:"
        )
    if folds == "random":
        return tr(
            "How good is the map of {field}? Tested on samples drawn at random, near others that "
            "it had learnt from:"
        )
    return tr(
        "How good is the map of {field}? Tested on samples whose whole neighbourhood it had not "
        "seen:"
    )


def method_in_words(name: str, *, classes: bool) -> str:
    """A method of the core, for people."""
    if classes:
        return {
            "linear": tr("logistic regression on the embedding"),
            "kriging": tr("kernel logistic regression on the place"),
        }.get(name, tr("kernel logistic regression on place and embedding"))
    return {
        "linear": tr("ridge regression on the embedding"),
        "kriging": tr("kriging on the place"),
        "gaussian": tr("Gaussian process on both"),
    }.get(name, tr("weighted mean of ridge regression, kriging and a Gaussian process"))


def _said(model, score, samples) -> str:
    if model.legend is not None:
        text = tr(
            "it names the right class for {accuracy:.0f} % of {samples} samples, {balanced:.0f} % "
            "in the mean of the classes (balanced accuracy {value:.2f}, macro F1 {f1:.2f})."
        )
        return text.format(
            accuracy=100 * score["accuracy"],
            samples=samples,
            balanced=100 * score["balanced_accuracy"],
            value=score["balanced_accuracy"],
            f1=score["macro_f1"],
        )
    numbers = tr(
        "R² {r2:.2f}, a typical error of {mae:.3g} (mean absolute), RMSE {rmse:.3g}"
    ).format(r2=score["r2"], mae=score["mae"], rmse=score["rmse"])
    if not score["r2"] > 0:
        text = tr("it is no better than the mean of all samples ({numbers}): do not trust the map.")
        return text.format(numbers=numbers)
    text = tr("it explains {share:.0f} % of the differences between {samples} samples ({numbers}).")
    return text.format(share=100 * score["r2"], samples=samples, numbers=numbers)
