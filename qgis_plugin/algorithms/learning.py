"""What algorithms that learn from samples have in common: their parameters, and how they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
)

from ..compat import text_field
from ..satclip_core.errors import InputError
from ..satclip_core.products import Samples, SavedMap, load_map, save_map
from ..satclip_core.raster import open_covariates
from ..text import tr
from ..words import worded
from .references import CentroidsMixin, located

# Names of fields that nobody maps.
_IDENTIFIERS = {"fid", "id", "gid", "pk", "ogc_fid", "objectid", "uid", "uuid", "index", "name",
                "label", "title"}  # fmt: skip
_COORDINATES = {"lon", "lat", "lng", "long", "longitude", "latitude", "x", "y", "easting",
                "northing"}  # fmt: skip

# Whether the field holds classes, by the choice in the dialog.
_KINDS = (None, False, True)
# Names in the core of what the dialog offers, in its order.
_METHODS = ("auto", "linear", "kriging", "gaussian")
_FOLDS = ("knndm", "blocks", "random")
_TRANSFORMS = ("none", "log1p", "logit")

if TYPE_CHECKING:  # what the mixins are mixed into
    from .base import Algorithm as _Mixed
else:
    _Mixed = object


class CovariatesMixin(_Mixed):
    """Parameter COVARIATES, of algorithms that look at rasters beside the embedding."""

    COVARIATES = "COVARIATES"

    def add_covariates(self) -> None:
        """Declare it."""
        self.add(
            QgsProcessingParameterMultipleLayers(
                self.COVARIATES,
                tr("Covariates"),
                QgsProcessing.SourceType.TypeRaster,
                optional=True,
            ),
            tr(
                "Rasters to learn from beside the embedding, such as heights or a distance, in any "
                "CRS; each band is one. Pixels without a value get none in the map."
            ),
        )

    def covariates(self, parameters, context):
        """What gives the covariates of places; None where there are none.

        Raises:
            InputError: a layer cannot be read.
        """
        layers = self.parameterAsLayerList(parameters, self.COVARIATES, context)
        for layer in layers:
            if layer.providerType() != "gdal":
                text = tr("The covariate {layer} is no file: save it as a GeoTIFF first.")
                raise InputError(text.format(layer=layer.name()))
        return open_covariates([(layer.name(), layer.source()) for layer in layers])


class SavedMapMixin(CovariatesMixin):
    """Parameter MODEL_FILE, of algorithms that use a map that was fitted before."""

    MODEL_FILE = "MODEL_FILE"

    def add_model_file(self, *, optional: bool) -> None:
        """Declare it."""
        self.add(
            QgsProcessingParameterFile(
                self.MODEL_FILE, tr("Saved map"), extension="npz", optional=optional
            ),
            tr("What was learnt before, as Map from samples saves it under Save what was learnt."),
        )

    def saved_map(self, parameters, context, **bands):
        """The saved map as what is wanted; None where there is none.

        Args:
            parameters: of the run.
            context: of the run.
            bands: `probabilities` and `uncertainty` of `SavedMap`.

        Raises:
            InputError: the file is none, or was fitted with other covariates.
        """
        file = self.parameterAsFile(parameters, self.MODEL_FILE, context)
        if not file:
            return None
        model = load_map(file)
        return SavedMap(model, covariates=self.covariates(parameters, context), **bands)

    def saved_problems(self, parameters, context):
        """Whether the saved map is one of the model."""
        saved = self.saved_map(parameters, context)
        if saved is not None:
            saved.model.check(self.encoder(parameters, context))
        yield from ()


class SamplesMixin(CovariatesMixin, CentroidsMixin):
    """Parameters of samples and of how to learn from them."""

    SAMPLES = "SAMPLES"
    FIELD = "FIELD"
    KIND = "KIND"
    MISSING = "MISSING"
    LEAVE_OUT = "LEAVE_OUT"
    WEIGHTS = "WEIGHTS"
    GROUPS = "GROUPS"
    METHOD = "METHOD"
    FOLDS = "FOLDS"
    TRANSFORM = "TRANSFORM"
    SAVE_MODEL = "SAVE_MODEL"

    def add_samples(self, *, optional: bool = False) -> None:
        """Declare the layer, its field, and what that holds."""
        self.add(
            QgsProcessingParameterFeatureSource(
                self.SAMPLES,
                tr("Samples"),
                [QgsProcessing.SourceType.TypeVectorAnyGeometry],
                optional=optional,
            ),
            tr("Points where the value is known, in any CRS."),
        )
        self.add_centroids()
        self.add(
            # Optional, since the dialog would choose the first field, which is the id.
            QgsProcessingParameterField(
                self.FIELD, tr("Field to map"), None, self.SAMPLES, optional=True
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

    def add_learning(self) -> None:
        """Declare how is learnt and tested, for those who want to say it."""
        self.add(
            QgsProcessingParameterEnum(
                self.METHOD,
                tr("Method"),
                [
                    tr("mean of all, weighed by cross-validation"),
                    tr("linear, on the embedding"),
                    tr("kriging on the place"),
                    tr("Gaussian process on both"),
                ],
                defaultValue=0,
            ),
            tr(
                "What predicts; of classes logistic regression on the same. The log says what was "
                "chosen."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                self.TRANSFORM,
                tr("Transform of numbers"),
                [
                    tr("none"),
                    tr("log(1 + x), of skewed amounts"),
                    tr("log(x / (1 - x)), of shares"),
                ],
                defaultValue=0,
            ),
            tr(
                "Numbers are learnt so transformed; predictions come back as medians, the ends of "
                "intervals as they are."
            ),
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
            QgsProcessingParameterField(
                self.WEIGHTS,
                tr("Weights of samples"),
                None,
                self.SAMPLES,
                QgsProcessingParameterField.DataType.Numeric,
                optional=True,
            ),
            tr("A sample of weight 2 counts as two, or has half the variance of noise."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterField(
                self.GROUPS, tr("Groups of samples"), None, self.SAMPLES, optional=True
            ),
            tr("Such as sites or surveys: a group is never parted when the map is tested."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                self.MISSING, tr("Numbers that mean no value"), "", optional=True
            ),
            tr("Such as -9999; several with spaces between them."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                self.LEAVE_OUT, tr("Ids of features to leave out"), "", optional=True
            ),
            tr(
                "Such as the samples that hurt most, by the ids that the report and the panel Map "
                "from samples have for them; several with spaces between them."
            ),
            advanced=True,
        )
        model = QgsProcessingParameterFileDestination(
            self.SAVE_MODEL,
            tr("Save what was learnt"),
            tr("Saved map (*.npz)"),
            optional=True,
            createByDefault=False,
        )
        self.add(model, tr("To draw the same map elsewhere, or to predict at points."))

    def learning(self, parameters, context, feedback) -> dict:
        """Samples and how to learn from them: arguments of `MapOf` by name.

        Raises:
            InputError: the samples cannot be used.
        """
        samples = self._samples(parameters, context, feedback)
        for line in samples.account:
            feedback.pushInfo(line)
        for doubt in samples.doubts:
            feedback.pushWarning(worded(doubt))
        return {
            "samples": samples,
            "method": _METHODS[self.parameterAsEnum(parameters, self.METHOD, context)],
            "folds": _FOLDS[self.parameterAsEnum(parameters, self.FOLDS, context)],
            "transform": _TRANSFORMS[self.parameterAsEnum(parameters, self.TRANSFORM, context)],
            "covariates": self.covariates(parameters, context),
        }

    def samples_problems(self, parameters, context):
        """What is wrong with the layer of samples, or the covariates."""
        yield from self.geometry_problems(self.SAMPLES, parameters, context)
        self.covariates(parameters, context)

    def save_learnt(self, model, parameters, context) -> dict:
        """Write what was learnt, if that is wanted; the outputs."""
        target = self.parameterAsFileOutput(parameters, self.SAVE_MODEL, context)
        if not target:
            return {}
        save_map(model, target, overwrite=True)
        return {self.SAVE_MODEL: target}

    def _samples(self, parameters, context, feedback):
        source = self.parameterAsSource(parameters, self.SAMPLES, context)
        if source is None:
            raise InputError(tr("The layer of samples cannot be read."))
        given = self.parameterAsFields(parameters, self.FIELD, context)
        name = given[0] if given else first_field(source.fields())
        if not given:
            feedback.pushInfo(tr("Field to map: {field}").format(field=name))
        weights, groups = (
            next(iter(self.parameterAsFields(parameters, wanted, context)), None)
            for wanted in (self.WEIGHTS, self.GROUPS)
        )
        asked = SampleFields(
            name,
            classes=_KINDS[self.parameterAsEnum(parameters, self.KIND, context)],
            missing=numbers_in(self.parameterAsString(parameters, self.MISSING, context)),
            left_out=ids_in(self.parameterAsString(parameters, self.LEAVE_OUT, context)),
            weights=weights,
            groups=groups,
            centroids=self.centroids(parameters, context),
        )
        return read_samples(source, asked, context, feedback)


@dataclass(frozen=True)
class SampleFields:
    """What samples are made of.

    Attributes:
        name: of the field that is mapped.
        classes: whether it holds classes; as its type says where None.
        missing: numbers that stand for no value.
        left_out: ids of features that are no samples.
        weights: name of the field of weights.
        groups: name of the field of groups.
        centroids: whether lines and polygons count, by their centroids.
    """

    name: str
    classes: bool | None = None
    missing: tuple[float, ...] = ()
    left_out: frozenset[int] = frozenset()
    weights: str | None = None
    groups: str | None = None
    centroids: bool = False


def read_samples(source, asked: SampleFields, context, feedback) -> Samples:
    """The features of a source as samples, with their ids as rows.

    Args:
        source: a QgsProcessingFeatureSource, or what is asked like one.
        asked: what they are made of.
        context: of a run.
        feedback: of a run.

    Raises:
        CancelledError: the user asked to stop.
        InputError: they cannot be used.
    """
    further = [name for name in (asked.weights, asked.groups) if name]
    indices = [_index(source, name) for name in (asked.name, *further)]
    found = [
        (lonlat, [_value(feature.attribute(index)) for index in indices], feature.id())
        for feature, lonlat in located(source, context, feedback, centroids=asked.centroids)
    ]
    kept = [one for one in found if one[2] not in asked.left_out]
    if len(kept) < len(found):
        text = tr("{count} features left out by their ids")
        feedback.pushInfo(text.format(count=len(found) - len(kept)))
    columns = iter([values[at] for _, values, _ in kept] for at in range(len(indices)))
    return Samples.of(
        np.array([place for place, _, _ in kept], np.float64).reshape(-1, 2),
        next(columns),
        name=asked.name,
        classes=asked.classes,
        missing=asked.missing,
        weights=next(columns) if asked.weights else None,
        groups=next(columns) if asked.groups else None,
        ids=[number for _, _, number in kept],
    )


def _index(source, name) -> int:
    """Position of a field.

    Raises:
        InputError: there is none of that name.
    """
    index = source.fields().lookupField(name)
    if index < 0:
        raise InputError(tr("The samples have no field {name}.").format(name=name))
    return index


def numbers_in(text: str) -> tuple[float, ...]:
    """Numbers with spaces between them.

    Raises:
        InputError: one is none.
    """
    try:
        return tuple(float(part) for part in text.replace(";", " ").split())
    except ValueError:
        message = tr("Numbers that mean no value: {text} is not numbers with spaces between them.")
        raise InputError(message.format(text=repr(text))) from None


def ids_in(text: str) -> frozenset[int]:
    """Ids of features with spaces between them.

    Raises:
        InputError: one is none.
    """
    try:
        return frozenset(int(part) for part in text.replace(";", " ").replace(",", " ").split())
    except ValueError:
        message = tr(
            "Ids of features to leave out: {text} is not whole numbers with spaces between them."
        )
        raise InputError(message.format(text=repr(text))) from None


def _value(value):
    """An attribute as a number, text or None: QGIS's NULL is an object of its own."""
    return value if isinstance(value, (int, float, str)) else None


def first_field(of) -> str:
    """The first of some QgsFields of numbers, else of text, that may be worth a map.

    Raises:
        InputError: there is none.
    """
    fields = [field for field in of if not _names_a_row(field.name().lower())]
    text = text_field("").type()
    for field in sorted(fields, key=lambda field: not field.isNumeric()):
        if field.isNumeric() or field.type() == text:
            return field.name()
    raise InputError(tr("The samples have no field but identifiers: choose the Field to map."))


def _names_a_row(name: str) -> bool:
    return name in _IDENTIFIERS or name in _COORDINATES or name.endswith("_id")
