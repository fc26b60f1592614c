"""Predictions at points, by samples or by a saved map."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingParameterBoolean, QgsProcessingParameterString

from ..compat import integer_field, number_field, text_field
from ..satclip_core.errors import InputError
from ..satclip_core.points import predictions_of
from ..satclip_core.products import MapOf
from ..styles import style_points
from ..text import tr
from .base import progress_to
from .learning import SamplesMixin, SavedMapMixin
from .mapfromsamples import in_words
from .points import PointsAlgorithm
from .references import located
from .results import Finish

# Per cent of the progress that learning takes.
_SHARE = 60


class PredictPoints(SamplesMixin, SavedMapMixin, PointsAlgorithm):
    """A copy of a point layer with what is predicted for each point."""

    NAME = "predictpoints"
    ICON = "map.svg"
    PROBABILITIES = "PROBABILITIES"
    PREFIX = "PREFIX"

    def title(self):
        """Name in the toolbox."""
        return tr("Predict at points")

    def summary(self):
        """Help."""
        return tr(
            "Copies a point layer and adds what is predicted for each point, with its error: "
            "learnt from samples as Map from samples learns, or by a saved map.\n\nNew fields for "
            "numbers: the value, its standard error, both ends of the 90 % interval; for classes "
            "the most probable one and its probability. For both the dissimilarity index, whether "
            "the point lies inside the area of applicability (1) or not (0), and the distance to "
            "the nearest sample in km."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_input()
        self.add_samples(optional=True)
        self.add_model_file(optional=True)
        self.add_covariates()
        self.add_model()
        self.add(
            QgsProcessingParameterBoolean(
                self.PROBABILITIES, tr("Probability of each class too"), False
            ),
            tr("One more field for each class."),
            advanced=True,
        )
        self.add_learning()
        self.add(
            QgsProcessingParameterString(
                self.PREFIX, tr("Prefix of the new fields"), "", optional=True
            ),
            tr("Fields are called after what is predicted, with this before it."),
            advanced=True,
        )
        self.add_sink(tr("Predicted points"))

    def problems(self, parameters, context):
        """Whether there are either samples or a saved map, and points."""
        given = parameters.get(self.SAMPLES) not in (None, "")
        saved = bool(self.parameterAsFile(parameters, self.MODEL_FILE, context))
        if given == saved:
            yield tr("Give either samples to learn from, or a saved map.")
            return
        yield from self.points_problems([], parameters, context)
        if given:
            yield from self.samples_problems(parameters, context)
        else:
            yield from self.saved_problems(parameters, context)

    def work(self, parameters, context, feedback):
        """Learn, then copy the features."""
        model = self.encoder(parameters, context)
        source = self.parameterAsSource(parameters, self.INPUT, context)
        existing = [field.name() for field in source.fields()]
        centroids = self.centroids(parameters, context)
        places = np.array(
            [place for _, place in located(source, context, feedback, centroids=centroids)],
            np.float64,
        ).reshape(-1, 2)
        places = places[np.isfinite(places).all(axis=1)]
        if len(places) == 0:
            raise InputError(tr("The layer holds no place to predict at."))
        predictions = predictions_of(
            self._learnt(parameters, context, feedback),
            model,
            places,
            prefix=self.parameterAsString(parameters, self.PREFIX, context),
            progress=progress_to(feedback, 0, _SHARE),
            cancelled=feedback.isCanceled,
        )
        names = predictions.names(existing)
        new = [_field(name, one) for name, one in zip(names, predictions.meanings)]
        pack = _packing(predictions.meanings)
        target, made = self.copied(
            new, predictions, pack, parameters, context, feedback, start=_SHARE
        )
        for line in predictions.notes:
            feedback.pushWarning(line)
        text = tr("{count} features predicted, {share:.0f} % outside the area of applicability.")
        feedback.pushInfo(text.format(count=made, share=100 * predictions.share_outside))
        learnt = predictions.model
        saved = self.save_learnt(learnt, parameters, context)
        numbers = predictions.meanings[0].texts is None
        style = (lambda layer: style_points(layer, names[0])) if numbers else (lambda layer: None)
        finish = Finish(style, self.facts(model, None), self.title(), in_words(learnt))
        finish.attach(context, target, feedback)
        return {self.OUTPUT: target, **saved}

    def _learnt(self, parameters, context, feedback):
        """Samples with how to learn from them, or the saved map."""
        probabilities = self.parameterAsBoolean(parameters, self.PROBABILITIES, context)
        saved = self.saved_map(parameters, context, probabilities=probabilities)
        if saved is not None:
            return saved
        learning = self.learning(parameters, context, feedback)
        return MapOf(**learning, probabilities=probabilities)


def _field(name, meaning):
    """The field for a column of predictions."""
    if meaning.texts is not None:
        return text_field(name)
    return integer_field(name) if meaning.whole else number_field(name)


def _packing(meanings):
    """From the numbers of a feature, or None, to its new attributes."""

    def pack(values):
        if values is None:
            return [None] * len(meanings)
        return [_attribute(value, meaning) for value, meaning in zip(values, meanings)]

    return pack


def _attribute(value, meaning):
    """A number as an attribute; None where there is none."""
    if value != value:
        return None
    if meaning.texts is not None:
        return meaning.texts[int(value)]
    # As few digits as bring the single-precision number back.
    return int(value) if meaning.whole else float(str(np.float32(value)))
