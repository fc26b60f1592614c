"""Features without a value of a field get what the others teach, with its error."""

from __future__ import annotations

import numpy as np

from ..compat import integer_field, number_field
from ..satclip_core.errors import InputError
from ..satclip_core.points import predictions_of
from ..satclip_core.products import MapOf
from ..styles import style_points
from ..text import tr
from .base import progress_to
from .features import FeaturesAlgorithm, number
from .learning import SamplesMixin, numbers_in
from .mapfromsamples import in_words
from .references import located, tell_missing
from .results import Finish

# Per cent of the progress that learning takes.
_SHARE = 80
# What is told of a value, by the end of the names of predictions.
_ERRORS = ("error", "low", "high", "probability", "inside_area", "nearest_sample_km")


class FillValues(SamplesMixin, FeaturesAlgorithm):
    """A copy of a layer in which a field has no gaps."""

    NAME = "fillvalues"
    ICON = "map.svg"
    SAMPLES = "INPUT"

    def title(self):
        """Name in the toolbox."""
        return tr("Fill in missing values")

    def summary(self):
        """Help."""
        return tr(
            "Copies a layer and fills in a field where it is empty: learnt from the features that "
            "have a value, as Map from samples learns.\n\nThe new field FIELD_filled is 1 where a "
            "value was filled in, and such features also have its standard error and 90 % interval "
            "(of classes the probability), whether they lie inside the area of applicability, and "
            "the distance to the nearest feature with a value in km. Values that are there stay. "
            "Lines and polygons count by their centroids."
        )

    def geometry_problems(self, name, parameters, context):
        """None: all kinds will do."""
        yield from ()

    def centroids(self, parameters, context):
        """Lines and polygons always count by their centroids."""
        return True

    def add_centroids(self):
        """There is no choice."""

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_samples()
        self.add_covariates()
        self.add_model()
        self.add_learning()
        self.add_prefix()
        self.add_copy(tr("Features with values filled in"))

    def problems(self, parameters, context):
        """Whether there is a field to fill in."""
        if not self.parameterAsFields(parameters, self.FIELD, context):
            yield tr("Choose the field to fill in.")
        yield from self.samples_problems(parameters, context)
        yield from self.points_problems([], parameters, context)

    def work(self, parameters, context, feedback):
        """Learn from those that have it, fill in the others."""
        source = self.source(self.INPUT, parameters, context)
        encoder = self.encoder(parameters, context)
        field = self.parameterAsFields(parameters, self.FIELD, context)[0]
        features, places, wanted = self._split(source, field, parameters, context, feedback)
        predictions = predictions_of(
            MapOf(**self.learning(parameters, context, feedback)),
            encoder,
            places[wanted],
            prefix=self.prefix(parameters, context),
            progress=progress_to(feedback, 0, _SHARE),
            cancelled=feedback.isCanceled,
        )
        names = predictions.names([])
        told = [at for at, name in enumerate(names) if name.endswith(_ERRORS)]
        filled = f"{self.prefix(parameters, context)}{field}_filled"
        new = [integer_field(filled), *(number_field(names[at]) for at in told)]
        for problem in self.points_problems(new, parameters, context):
            raise InputError(problem)
        values = dict(zip(np.flatnonzero(wanted).tolist(), predictions(places[wanted])))
        index = source.fields().lookupField(field)
        whole = source.fields().field(index).type() == integer_field("").type()

        def rows():
            for row, feature in enumerate(features):
                found = values.get(row)
                if found is None or found[0] != found[0]:
                    yield feature, [0, *[None] * len(told)]
                    continue
                feature.setAttribute(index, _value(found[0], predictions.meanings[0], whole))
                yield feature, [1, *(number(found[at]) for at in told)]

        target = self.copy(source, new, rows(), parameters, context)
        for line in predictions.notes:
            feedback.pushWarning(line)
        text = tr("{count} features filled in, {share:.0f} % outside the area of applicability.")
        share = 100 * predictions.share_outside
        feedback.pushInfo(text.format(count=len(values), share=share))
        learnt = predictions.model
        saved = self.save_learnt(learnt, parameters, context)
        numbers = predictions.meanings[0].texts is None
        style = (lambda layer: style_points(layer, field)) if numbers else (lambda layer: None)
        title = tr("{name}, {field} filled in").format(name=source.sourceName(), field=field)
        finish = Finish(style, self.facts(encoder, None), self.title(), in_words(learnt))
        finish.attach(context, target, feedback, title)
        return {self.OUTPUT: target, **saved}

    def _split(self, source, field, parameters, context, feedback):
        """All features, their places (N, 2) in degrees, and which lack a value at a place.

        Raises:
            InputError: none lacks one.
        """
        missing = numbers_in(self.parameterAsString(parameters, self.MISSING, context))
        found = list(located(source, context, feedback, centroids=True))
        features = [feature for feature, _ in found]
        places = np.array([place for _, place in found], np.float64).reshape(-1, 2)
        lacking = np.array(
            [_lacks(feature.attribute(field), missing) for feature in features], bool
        )
        if not lacking.any():
            text = tr("No feature lacks a value of {field}: there is nothing to fill in.")
            raise InputError(text.format(field=field))
        located_ones = np.isfinite(places).all(axis=1)
        tell_missing(int((lacking & ~located_ones).sum()), feedback)
        if not (lacking & located_ones).any():
            raise InputError(tr("The layer holds no place to predict at."))
        return features, places, lacking & located_ones


def _lacks(value, missing) -> bool:
    """Whether an attribute is no value: QGIS's NULL is an object of its own."""
    if isinstance(value, str):
        return not value.strip()
    if not isinstance(value, (int, float)):
        return True
    return bool(value != value or np.isclose(value, missing, rtol=1e-6, atol=0).any())


def _value(found, meaning, whole):
    """A prediction as the value of a field."""
    if meaning.texts is not None:
        return meaning.texts[int(found)]
    return round(float(found)) if whole or meaning.whole else number(found)
