"""A map of what was sampled at points."""

from __future__ import annotations

import json

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
)

from ..satclip_core.errors import InputError
from ..satclip_core.products import MapOf, Samples
from ..styles import style_classes, style_values
from ..text import tr
from .rasters import RasterAlgorithm
from .references import located

# Whether the field holds classes, by the choice in the dialog.
_KINDS = (None, False, True)


class MapFromSamples(RasterAlgorithm):
    """A linear model of embeddings, learnt from samples and drawn as a map."""

    NAME = "mapfromsamples"
    INPUT = "INPUT"
    FIELD = "FIELD"
    KIND = "KIND"
    PROBABILITIES = "PROBABILITIES"
    SCORE = "SCORE"
    REPORT = "REPORT"
    SHARE = 30

    def title(self):
        """Name in the toolbox."""
        return tr("Map from samples")

    def summary(self):
        """Help."""
        return tr(
            "Learns from a point layer how a number or class depends on the place, and maps it."
            "\n\nNumbers by ridge regression, classes by multinomial logistic regression on the "
            "embeddings; the penalty is chosen by cross-validation that leaves out whole blocks "
            "of neighbouring samples. The cross-validated score is in the log and an output: R² "
            "for numbers, balanced accuracy for classes. Look at it before you trust the map."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add(
            QgsProcessingParameterFeatureSource(
                self.INPUT, tr("Samples"), [QgsProcessing.SourceType.TypeVectorPoint]
            ),
            tr("Points where the value is known, in any CRS."),
        )
        self.add(
            QgsProcessingParameterField(self.FIELD, tr("Field to map"), None, self.INPUT),
            tr("Numbers, or the names of classes."),
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
        self.add_output(tr("Map"))
        self.addOutput(QgsProcessingOutputNumber(self.SCORE, tr("Cross-validated score")))
        self.addOutput(QgsProcessingOutputString(self.REPORT, tr("Report of the fit (JSON)")))

    def wanted(self, parameters, context, feedback):
        """A map learnt from the samples."""
        samples = self._samples(parameters, context, feedback)
        for line in samples.account:
            feedback.pushInfo(line)
        return MapOf(samples, self.parameterAsBoolean(parameters, self.PROBABILITIES, context))

    def tell(self, product, feedback):
        """The cross-validated score."""
        feedback.pushInfo(product.model.summary)

    def save(self, product, parameters, context):
        """The scores as outputs."""
        report = product.model.report
        score = report["score"]
        main = score.get("r2", score.get("balanced_accuracy"))
        return {self.SCORE: float(main), self.REPORT: json.dumps(report)}

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
        name = self.parameterAsFields(parameters, self.FIELD, context)[0]
        index = source.fields().lookupField(name)
        if index < 0:
            raise InputError(tr("The samples have no field {name}.").format(name=name))
        found = [
            (lonlat, _value(feature.attribute(index)))
            for feature, lonlat in located(source, context, feedback)
        ]
        lonlat = np.array([place for place, _ in found], np.float64).reshape(-1, 2)
        kind = _KINDS[self.parameterAsEnum(parameters, self.KIND, context)]
        return Samples.of(lonlat, [value for _, value in found], name=name, classes=kind)


def _value(value):
    """An attribute as a number, text or None: QGIS's NULL is an object of its own."""
    return value if isinstance(value, (int, float, str)) else None
