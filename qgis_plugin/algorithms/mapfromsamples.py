"""A map of what was sampled at points."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from ..compat import text_field
from ..satclip_core.errors import InputError
from ..satclip_core.products import MapOf, Samples
from ..satclip_core.report import is_page, report_target, write_map_report
from ..styles import style_classes, style_values
from ..text import tr
from ..words import worded
from .outside import OutsideMixin
from .rasters import RasterAlgorithm
from .references import CentroidsMixin, located

# Names of fields that nobody maps.
_IDENTIFIERS = {"fid", "id", "gid", "pk", "ogc_fid", "objectid", "uid", "uuid", "index", "name",
                "label", "title"}  # fmt: skip
_COORDINATES = {"lon", "lat", "lng", "long", "longitude", "latitude", "x", "y", "easting",
                "northing"}  # fmt: skip

# Whether the field holds classes, by the choice in the dialog.
_KINDS = (None, False, True)
# Names in the core of the methods and of the folds that the dialog offers, in its order.
_METHODS = ("auto", "linear", "kriging", "gaussian")
_FOLDS = ("knndm", "blocks", "random")


class MapFromSamples(OutsideMixin, CentroidsMixin, RasterAlgorithm):
    """A model of place and embedding, learnt from samples and drawn as a map."""

    NAME = "mapfromsamples"
    INPUT = "INPUT"
    FIELD = "FIELD"
    KIND = "KIND"
    MISSING = "MISSING"
    PROBABILITIES = "PROBABILITIES"
    UNCERTAINTY = "UNCERTAINTY"
    METHOD = "METHOD"
    FOLDS = "FOLDS"
    SCORE = "SCORE"
    SUMMARY = "SUMMARY"
    REPORT = "REPORT"
    SHARE = 30

    def title(self):
        """Name in the toolbox."""
        return tr("Map from samples")

    def summary(self):
        """Help."""
        return tr(
            "Learns from a point layer how a number or class depends on the place, and maps it."
            "\n\nNumbers by the best of ridge regression on the embeddings, kriging on the places, "
            "and a Gaussian process on both; classes by multinomial logistic regression. All is "
            "chosen and scored by cross-validation on samples as far from those learnt from as the "
            "pixels are from the samples. The last lines of the log say how good the map is, from "
            "R² for numbers and balanced accuracy for classes; where samples lie outside the "
            "extent, the score is that of those within it. Look at it before you trust the map."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add(
            QgsProcessingParameterFeatureSource(
                self.INPUT, tr("Samples"), [QgsProcessing.SourceType.TypeVectorAnyGeometry]
            ),
            tr("Points where the value is known, in any CRS."),
        )
        self.add_centroids()
        self.add(
            # Optional, since the dialog would choose the first field, which is the id.
            QgsProcessingParameterField(
                self.FIELD, tr("Field to map"), None, self.INPUT, optional=True
            ),
            tr(
                "Numbers, or the names of classes. Not set: the first field of numbers, else of "
                "text, that is neither an identifier nor a coordinate."
            ),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.KIND,
                tr("The field holds"),
                [tr("what its type says"), tr("numbers"), tr("classes")],
                defaultValue=0,
                optional=True,
            ),
            tr("Whole numbers may be codes of classes: then say so."),
        )
        self.add_grid(configuration)
        self.add_model()
        self.add(
            QgsProcessingParameterBoolean(
                self.PROBABILITIES, tr("Probability of each class too"), False
            ),
            tr("One more band for each class, in whole per cent."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(
                self.UNCERTAINTY, tr("Uncertainty of numbers too"), False
            ),
            tr(
                "Six more bands: standard error, lower and upper end of the 90 % interval, "
                "dissimilarity index, area of applicability (1 inside), and the distance to the "
                "nearest sample in km."
            ),
        )
        self._add_learning()
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
        self.add_output(tr("Map"))
        self.add_outside()
        self.addOutput(QgsProcessingOutputNumber(self.SCORE, tr("Cross-validated score")))
        self.addOutput(QgsProcessingOutputString(self.SUMMARY, tr("The scores in one line")))

    def _add_learning(self):
        """How is learnt and tested, for those who want to say it."""
        self.add(
            QgsProcessingParameterEnum(
                self.METHOD,
                tr("Method for numbers"),
                [
                    tr("the best in cross-validation"),
                    tr("ridge regression on the embedding"),
                    tr("kriging on the place"),
                    tr("Gaussian process on both"),
                ],
                defaultValue=0,
            ),
            tr("What predicts numbers; the log says what was chosen."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                self.FOLDS,
                tr("Samples left out together"),
                [
                    tr("as far apart as pixels are from samples (kNNDM)"),
                    tr("blocks of near samples"),
                    tr("random ones"),
                ],
                defaultValue=0,
            ),
            tr("What the map is tested on: random samples have near neighbours, which flatter."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                self.MISSING, tr("Numbers that mean no value"), "", optional=True
            ),
            tr("Such as -9999; several with spaces between them."),
            advanced=True,
        )

    def wanted(self, parameters, context, feedback):
        """A map learnt from the samples."""
        samples = self._samples(parameters, context, feedback)
        for line in samples.account:
            feedback.pushInfo(line)
        for doubt in samples.doubts:
            feedback.pushWarning(worded(doubt))
        report = self.parameterAsFileOutput(parameters, self.REPORT, context)
        return MapOf(
            samples,
            self.parameterAsBoolean(parameters, self.PROBABILITIES, context),
            method=_METHODS[self.parameterAsEnum(parameters, self.METHOD, context)],
            folds=_FOLDS[self.parameterAsEnum(parameters, self.FOLDS, context)],
            uncertainty=self.parameterAsBoolean(parameters, self.UNCERTAINTY, context),
            evidence=bool(report) and is_page(report),
        )

    def problems(self, parameters, context):
        """What is wrong with samples, field, grid or output."""
        yield from self.geometry_problems(self.INPUT, parameters, context)
        report = self.parameterAsFileOutput(parameters, self.REPORT, context)
        if report:
            raster = self.output_path(parameters, context)
            report_target(report, overwrite=True, apart=[raster] if raster else [])
        yield from super().problems(parameters, context)

    def layer_name(self, product):
        """What is mapped."""
        return tr("{field}, mapped").format(field=product.model.name)

    def closing(self, product):
        """The score in words."""
        return in_words(product.model)

    def save(self, job, parameters, context, feedback):
        """The scores as outputs, and the report if it is wanted."""
        model = job.product.model
        score = telling_score(model.report)
        main = score["r2" if "r2" in score else "balanced_accuracy"]
        outputs = {self.SCORE: float(main), self.SUMMARY: model.summary}
        target = self.parameterAsFileOutput(parameters, self.REPORT, context)
        if target:
            feedback.pushInfo(tr("Writing the report"))
            raster = self.output_path(parameters, context)
            write_map_report(target, job, raster=raster, overwrite=True, worded=worded)
            outputs[self.REPORT] = target
        return outputs

    def style(self, product, layer):
        """A ramp for numbers, colours for classes."""
        if product.legend is None:
            style_values(layer)
        else:
            style_classes(layer, product.legend)

    def _samples(self, parameters, context, feedback):
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            raise InputError(tr("The layer of samples cannot be read."))
        given = self.parameterAsFields(parameters, self.FIELD, context)
        name = given[0] if given else _first_field(source)
        if not given:
            feedback.pushInfo(tr("Field to map: {field}").format(field=name))
        index = source.fields().lookupField(name)
        if index < 0:
            raise InputError(tr("The samples have no field {name}.").format(name=name))
        found = [
            (lonlat, _value(feature.attribute(index)), feature.id())
            for feature, lonlat in located(
                source, context, feedback, centroids=self.centroids(parameters, context)
            )
        ]
        lonlat = np.array([place for place, _, _ in found], np.float64).reshape(-1, 2)
        kind = _KINDS[self.parameterAsEnum(parameters, self.KIND, context)]
        missing = _numbers(self.parameterAsString(parameters, self.MISSING, context))
        values, ids = [value for _, value, _ in found], [number for _, _, number in found]
        return Samples.of(lonlat, values, name=name, classes=kind, missing=missing, ids=ids)


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers with spaces between them.

    Raises:
        InputError: one is none.
    """
    try:
        return tuple(float(part) for part in text.replace(";", " ").split())
    except ValueError:
        message = tr("Numbers that mean no value: {text} is not numbers with spaces between them.")
        raise InputError(message.format(text=repr(text))) from None


def _value(value):
    """An attribute as a number, text or None: QGIS's NULL is an object of its own."""
    return value if isinstance(value, (int, float, str)) else None


def _first_field(source) -> str:
    """The first field of numbers, else of text, that may be worth a map.

    Raises:
        InputError: there is none.
    """
    fields = [field for field in source.fields() if not _names_a_row(field.name().lower())]
    text = text_field("").type()
    for field in sorted(fields, key=lambda field: not field.isNumeric()):
        if field.isNumeric() or field.type() == text:
            return field.name()
    raise InputError(tr("The samples have no field but identifiers: choose the Field to map."))


def _names_a_row(name: str) -> bool:
    return name in _IDENTIFIERS or name in _COORDINATES or name.endswith("_id")


def telling_score(report) -> dict:
    """The score of the samples in the extent, where there is one; else that of all."""
    within = report.get("within") or {}
    return within.get("score") or report["score"]


def in_words(model) -> str:
    """How good a map is: of its own extent first, then of all samples, in sentences."""
    report = model.report
    within = report.get("within")
    samples = report["samples"]
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
    if model.legend is None:
        text = tr("Method: {method}.")
        lines.append(text.format(method=_method(report["method"])))
    return "\n".join([_head(report["validation"]["kind"]).format(field=model.name), *lines])


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


def _method(name: str) -> str:
    """A method of the core, for people."""
    return {
        "linear": tr("ridge regression on the embedding"),
        "kriging": tr("kriging on the place"),
    }.get(name, tr("Gaussian process on both"))


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
