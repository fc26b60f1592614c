"""Maps from samples: what is learnt from place and embedding, tested as the map will be used."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, cast

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, softmax
from ..analysis.calibration import held_out_chances
from ..analysis.folds import KNNDM, Folds, check_kind, choose_folds
from ..analysis.transforms import NONE, find_transform
from ..analysis.tuning import Classes, Numbers, Task
from ..errors import Argument, InputError
from ..grid.sphere import unit_vectors
from ..types import Bools, Cancelled, Float32, Floats, Integers, Progress
from .classarea import ClassArea, class_area
from .classification import CLASS_WORDS, Classification, ClassModel, ClassStack
from .covariates import (
    Covariates,
    joined,
    matched,
    predictors_at,
    with_covariates,
    with_values,
)
from .evidence import ClassEvidence, NumberEvidence, class_evidence, number_evidence
from .legend import Legend
from .product import Fitting, Ready
from .regression import (
    AUTO,
    KRIGING,
    LINEAR,
    METHODS,
    STACK,
    UNCERTAINTY,
    WORDS,
    LinearPredictor,
    NumberModel,
    Regression,
)
from .samples import Samples
from .training_set import Stages, TrainingSet

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

__all__ = ["MapModel", "Samples", "fit_map"]


# Samples that a model is fitted on at most; more are drawn from.
MOST_SAMPLES = {"regression": 100_000, "classification": 20_000}
# Samples on a map below which it gets no score of its own: it would be chance.
LEAST_SCORED = 20
# Pixels whose distances to the samples are looked at.
_PIXELS = 1000
# What is said of the error of classes, after the class and its probabilities.
CLASS_UNCERTAINTY = ("chance that {name} is another class, %", "area of applicability")
# Share of pixels outside the area of applicability above which that is said beside the score.
OUTSIDE = 0.1


@dataclass(frozen=True)
class MapOptions:
    """How is learnt from samples, and how that is tested.

    Attributes:
        method: "linear" (ridge regression on the embedding), "kriging" (a Gaussian process on the
            place), "gaussian" (one on place and embedding), or "auto": the mean of them that errs
            least in cross-validation. Of classes: logistic regression on the embedding, on the
            vectors of a kernel of the place, of place and embedding; or the mean of the first, the
            last and indicator kriging by the latter's kernel, under which left-out samples are
            likeliest.
        folds: "knndm" (as far apart as the pixels are from the samples), "blocks" (of near
            samples; also where no pixels are known) or "random".
        seed: of folds and draws.
        transform: of numbers before they are learnt: "log1p", "logit" or "none".
        covariates: what is learnt from beside the embedding, such as `open_covariates` gives.
        evidence: whether what a report shows is kept: each sample with what is predicted without
            it.

    Raises:
        InputError: an unknown method, unknown folds or an unknown transform.
    """

    method: str = AUTO
    folds: str = KNNDM
    seed: int = 0
    transform: str = NONE
    covariates: Covariates | None = None
    evidence: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(
                f"unknown method {self.method!r}: give one of {', '.join(METHODS)} as ",
                Argument("method"),
            )
        check_kind(self.folds)
        find_transform(self.transform)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the covariates."""
        return () if self.covariates is None else self.covariates.names

    def check(self, samples: Samples) -> None:
        """Refuse a method or transform that samples cannot be learnt by.

        Raises:
            InputError: it is one of numbers, or numbers are outside what the transform takes.
        """
        if samples.legend is None:
            find_transform(self.transform).checked(samples.values, samples.name)
        elif self.transform != NONE:
            raise InputError(
                f"{samples.name!r} is mapped as classes, which {self.transform} says nothing of: "
                "leave out ",
                Argument("transform"),
            )
        if samples.legend is not None and self.method == KRIGING and self.covariates is not None:
            raise InputError(
                f"classes ({samples.name!r}) are kriged from the place alone: leave out ",
                Argument("covariates"),
                ", or give another ",
                Argument("method"),
            )


DEFAULTS = MapOptions()


@dataclass(frozen=True)
class MapModel:
    """What was learnt from samples.

    Attributes:
        name: of what was sampled.
        learnt: what predicts numbers, or the scores of classes.
        legend: the classes; None for numbers.
        report: how it was fitted and its cross-validated scores, as JSON has it.
        model: name of the model that embeds.
        sha256: of the model file; the weights mean nothing for another model.
        covariates: names of what it looks at beside the embedding, in their order.
        area: of classes: where they may be believed; numbers have theirs in what was learnt.
        evidence: what it was tested on, where that was asked for.
    """

    name: str
    learnt: NumberModel | ClassModel | ClassStack
    legend: Legend | None
    report: dict[str, Any]
    model: str
    sha256: str
    covariates: tuple[str, ...] = ()
    area: ClassArea | None = None
    evidence: NumberEvidence | ClassEvidence | None = field(default=None, compare=False, repr=False)

    @property
    def summary(self) -> str:
        """The cross-validated score, in one line; that of the map's own extent where it differs."""
        report = self.report
        where = "where it was fitted, " if report.get("applied") else ""
        tested = f"{where}cross-validated on {report['samples']} samples"
        said = (
            f"{self.name}: {self._said(report['score'])} ({tested}, "
            f"{report['validation']['words']}{self._chosen}{self._calibrated}){self._outside}"
        )
        within = report.get("within")
        if within is None or within["samples"] == report["samples"]:
            return said
        if within["score"] is None:
            return f"{said}; {within['samples']} of them lie in the extent: too few to score it"
        return (
            f"{said}; on the {within['samples']} of them in the extent: "
            f"{self._said(within['score'])}"
        )

    @property
    def _chosen(self) -> str:
        """The method, and what it was better than."""
        method, methods = self.report["method"], self.report["methods"]
        transform = self.report.get("transform", NONE)
        of = "" if transform == NONE else f" of {transform}"
        chosen = f", method {method}" + (f" on {transform}" if of else "")
        if method == STACK:
            shares = self.report["weights"].items()
            chosen += f" ({', '.join(f'{share:.2f} {name}' for name, share in shares)})"
        if self.legend is not None:
            score, called = "log_loss", "log-loss"
            others = methods if len(methods) > 1 else {}
        else:
            score, called = "rmse", f"RMSE{of}"
            others = {name: one for name, one in methods.items() if name != method}
        told = ", ".join(f"{name} {one[score]:.4g}" for name, one in others.items())
        return chosen + (f"; {called} of {told}" if told else "")

    @property
    def _calibrated(self) -> str:
        """How well errors are known: of left-out samples, too."""
        if self.legend is not None:
            error = self.report["expected_calibration_error"]
            return f"; probabilities off by {100 * error:.1f} % (expected calibration error)"
        interval = self.report["interval"]
        return f"; {100 * interval['level']:.0f} % intervals hold {100 * interval['cover']:.0f} %"

    @property
    def _outside(self) -> str:
        """A warning, where the score does not hold for many pixels."""
        share, places = self.report.get("pixels_outside") or 0.0, self.report["places"]
        if self.report.get("applied"):
            return f"; {100 * share:.0f} % of the {places} lie outside its area of applicability"
        if share <= OUTSIDE:
            return ""
        return (
            f"; {100 * share:.0f} % of the {places} are more unlike all samples than these are "
            "each other (outside the area of applicability): the score does not hold there"
        )

    def _said(self, score: dict[str, Any]) -> str:
        if self.legend is None:
            return (
                f"R² {score['r2']:.3f}, RMSE {score['rmse']:.4g}, MAE {score['mae']:.4g}, "
                f"bias {score['bias']:.4g}"
            )
        return (
            f"accuracy {score['accuracy']:.3f}, balanced accuracy "
            f"{score['balanced_accuracy']:.3f}, macro F1 {score['macro_f1']:.3f}"
        )

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the map was fitted for.

        Raises:
            InputError: it is another model.
        """
        if self.sha256 != encoder.sha256:
            raise InputError(
                f"the map was fitted for the model {self.model} ({self.sha256[:12]}…), not for "
                f"{encoder.name} ({encoder.sha256[:12]}…): fit it again"
            )

    def product(
        self,
        *,
        probabilities: bool = False,
        uncertainty: bool = False,
        covariates: Covariates | None = None,
    ) -> MappedValue | MappedClasses:
        """What to make of a raster.

        Args:
            probabilities: of classes: bands of the probability of each, too.
            uncertainty: bands of the error, too, see `UNCERTAINTY` and `CLASS_UNCERTAINTY`.
            covariates: those that it was fitted with, by their names.

        Raises:
            InputError: probabilities of numbers, other covariates.
        """
        check_bands(self.name, self.legend, probabilities)
        further = matched(covariates, self.covariates)
        if isinstance(self.learnt, NumberModel):
            return MappedValue(self, further, self.learnt, uncertainty)
        legend = cast("Legend", self.legend)  # what is not learnt as numbers has one
        return MappedClasses(self, further, self.learnt, legend, probabilities, uncertainty)

    def outside(self, predictors: NDArray[Any], lonlat: Floats) -> float | None:
        """The share of places outside the area of applicability.

        Args:
            predictors: (N, dim + covariates) of the places, without NaN.
            lonlat: (N, 2) degrees.

        Returns:
            None where there are no places.
        """
        area = self.learnt if isinstance(self.learnt, NumberModel) else self.area
        if area is None or len(lonlat) == 0:
            return None
        return area.outside(predictors, unit_vectors(*lonlat.T).T)


def check_bands(name: str, legend: Legend | None, probabilities: bool) -> None:
    """Refuse bands that numbers do not have.

    Raises:
        InputError: probabilities of numbers.
    """
    if legend is None and probabilities:
        raise InputError(
            f"{name!r} is mapped as numbers, which have no probabilities: leave them out"
        )


def fit_map(
    encoder: LocationEncoder,
    samples: Samples,
    options: MapOptions = DEFAULTS,
    *,
    threads: int | None = None,
    pixels: Floats | None = None,
    within: Callable[[Floats], Bools] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> MapModel:
    """Learn what was sampled from places and the embeddings of them.

    Numbers by ridge regression, kriging, a Gaussian process on both, or a mean of these (see
    `MapOptions`); classes by multinomial logistic regression, whose probabilities are calibrated
    on the samples left out (their reliability stands in the report). Penalties, kernels and
    weights are those with the least error in cross-validation; the scores are those of the same
    left-out samples. A map of a part of their area has a score of its own: of those left-out
    samples that lie on it.

    Args:
        encoder: what embeds.
        samples: places with numbers or classes.
        options: how; equal samples, options and pixels give equal models.
        threads: number of threads to embed with; all available processors where None.
        pixels: (M, 2) degrees of places of the map, drawn at random, for folds that match it.
        within: whether places, (N, 2) degrees, lie on the map; all do where None.
        progress: called with (steps done, steps in all at most).
        cancelled: asked before each step.

    Raises:
        InputError: a method that is none for classes.
        CancelledError: `cancelled` said so.
    """
    options.check(samples)
    kind = "regression" if samples.legend is None else "classification"
    samples = samples.thinned(MOST_SAMPLES[kind], options.seed)
    samples = with_values(samples, options.covariates)
    pixels = with_covariates(pixels, options.covariates)
    predictors = predictors_at(encoder, options.covariates, samples.lonlat, threads=threads)
    folds = choose_folds(
        options.folds, samples.lonlat, pixels, seed=options.seed, groups=samples.groups
    )
    known = TrainingSet(
        predictors,
        unit_vectors(*samples.lonlat.T).T,
        folds.folds,
        samples.weights,
        len(options.names),
        options.seed,
    )
    learn = _learn_numbers if samples.legend is None else _learn_classes
    learnt, outputs, found, evidence = learn(
        samples, known, folds, options, Stages(progress, cancelled)
    )
    area = None
    if samples.legend is not None:
        area = class_area(samples, predictors, folds.folds, len(options.names), options.seed)
    report = {
        "kind": kind,
        "column": samples.name,
        "samples": len(samples),
        "account": [*samples.account, *map(str, samples.doubts)],
        "score": _task(samples).scores(outputs),
        **_within(samples, outputs, within),
        "folds": folds.count,
        "blocks": folds.clusters,
        "validation": {"kind": folds.kind, "words": folds.words, **folds.distances},
        **found,
        **_facts(samples, options, predictors),
        "model": encoder.name,
        "weights_sha256": encoder.sha256,
        "places": "pixels",
    }
    own = encoder.name, encoder.sha256, options.names, area, evidence
    model = MapModel(samples.name, learnt, samples.legend, report, *own)
    report.update(pixels_outside(model, encoder, options.covariates, pixels))
    return model


def pixels_outside(
    model: MapModel,
    encoder: LocationEncoder,
    covariates: Covariates | None,
    pixels: Floats | None,
) -> dict[str, float]:
    """The share of pixels, (M, 2) degrees, that a model does not hold for, for its report."""
    pixels = with_covariates(pixels, covariates)
    if pixels is None or len(pixels) == 0:
        return {}
    share = model.outside(predictors_at(encoder, covariates, pixels, single=True), pixels)
    return {} if share is None else {"pixels_outside": share}


def _learn_numbers(
    samples: Samples, known: TrainingSet, folds: Folds, options: MapOptions, stages: Stages
) -> tuple[NumberModel, Floats, dict[str, Any], NumberEvidence | None]:
    """The model, (N, 1) what it says of samples without having seen them, report and evidence."""
    transform = find_transform(options.transform)
    regression = Regression(known, transform.there(samples.values), stages)
    fitted = regression.fit(options.method)
    model = replace(fitted.model, transform=transform.name)
    evidence = None
    if options.evidence:
        evidence = number_evidence(samples, folds, regression, fitted, transform)
    return model, transform.back(fitted.predicted)[:, None], fitted.report, evidence


def _learn_classes(
    samples: Samples, known: TrainingSet, folds: Folds, options: MapOptions, stages: Stages
) -> tuple[ClassModel | ClassStack, Floats, dict[str, Any], ClassEvidence | None]:
    """The same with (N, classes) scores, before they are calibrated on the samples left out."""
    legend = cast("Legend", samples.legend)  # what is learnt as classes has one
    classes = samples.values.astype(np.int64)
    classification = Classification(known, classes, len(legend.names), stages)
    fitted = classification.fit(options.method)
    evidence = None
    if options.evidence:
        chances = held_out_chances(fitted.outputs, classes, folds.folds)
        evidence = class_evidence(samples, folds, chances)
    return fitted.model, fitted.outputs, fitted.report, evidence


@dataclass(frozen=True)
class MapOf:
    """A map of what was sampled, wanted of a model that is not open yet.

    Attributes:
        samples: places with numbers or classes.
        probabilities: of classes: bands of the probability of each, too.
        seed: of the folds of the cross-validation, and of draws.
        method: see `MapOptions`.
        folds: see `MapOptions`.
        uncertainty: bands of the error, too, see `UNCERTAINTY` and `CLASS_UNCERTAINTY`.
        transform: see `MapOptions`.
        covariates: see `MapOptions`.
        evidence: see `MapOptions`.

    Raises:
        InputError: probabilities of numbers, another method of classes, an unknown method, folds
            or transform, numbers that the transform does not take.
    """

    samples: Samples
    probabilities: bool = False
    seed: int = 0
    method: str = AUTO
    folds: str = KNNDM
    uncertainty: bool = False
    transform: str = NONE
    covariates: Covariates | None = None
    evidence: bool = False

    def __post_init__(self) -> None:
        samples = self.samples
        check_bands(samples.name, samples.legend, self.probabilities)
        self._options.check(samples)

    @property
    def _options(self) -> MapOptions:
        return MapOptions(
            self.method,
            self.folds,
            self.seed,
            transform=self.transform,
            covariates=self.covariates,
            evidence=self.evidence,
        )

    def fit(self, fitting: Fitting) -> MappedValue | MappedClasses:
        """The product: learnt from the samples."""
        model = fit_map(
            fitting.encoder,
            self.samples,
            self._options,
            threads=fitting.threads,
            pixels=self._pixels(fitting),
            progress=fitting.progress,
            cancelled=fitting.cancelled,
            within=fitting.holds,
        )
        model.report["places"] = fitting.places
        return model.product(
            probabilities=self.probabilities,
            uncertainty=self.uncertainty,
            covariates=self.covariates,
        )

    def _pixels(self, fitting: Fitting) -> Floats | None:
        """Places of the map; None where they do not matter, or a mask leaves none."""
        return some_pixels(fitting) if self.folds == KNNDM else None


def some_pixels(fitting: Fitting) -> Floats | None:
    """Places of the map, (M, 2) degrees, drawn at random; None where a mask leaves none."""
    try:
        return fitting.sample(_PIXELS)
    except InputError:
        return None


def _task(samples: Samples, sizes: Floats | None = None) -> Task:
    weights = samples.weights
    if samples.legend is None:
        return Numbers(samples.values, weights, sizes)
    classes = samples.values.astype(np.int64)
    return Classes(classes, len(samples.legend.names), weights, sizes)


def _within(
    samples: Samples, outputs: Floats, within: Callable[[Floats], Bools] | None
) -> dict[str, Any]:
    """The score of the samples on the map, (n, k) outputs of models that did not see them."""
    if within is None:
        return {}
    rows: Integers = np.flatnonzero(within(samples.lonlat))
    values = samples.values[rows]
    telling = len(rows) >= LEAST_SCORED and bool((values != values[0]).any())
    score = None
    if telling:
        score = _task(samples.only(rows)).scores(outputs[rows])
    return {"within": {"samples": len(rows), "score": score}}


def _facts(samples: Samples, options: MapOptions, predictors: Floats) -> dict[str, Any]:
    """What the samples hold, for the report."""
    values, legend = samples.values, samples.legend
    facts: dict[str, Any] = {
        "weighted": samples.weights is not None,
        "groups": None if samples.groups is None else len(np.unique(samples.groups)),
        "covariates": [],
    }
    if options.covariates is not None:
        columns = predictors[:, predictors.shape[1] - len(options.names) :].T
        facts["covariates"] = [
            {"name": name, "source": source, "mean": float(c.mean()), "deviation": float(c.std())}
            for name, source, c in zip(options.names, options.covariates.sources, columns)
        ]
    if legend is None:
        named = zip(("least", "mean", "largest"), (values.min(), values.mean(), values.max()))
        found = {name: float(value) for name, value in named}
        return {**facts, "values": found, "transform": options.transform}
    sizes = np.bincount(values.astype(np.int64), minlength=len(legend.names)).tolist()
    classes = zip(legend.codes, legend.names, sizes)
    return {**facts, "classes": [{"code": c, "name": n, "samples": k} for c, n, k in classes]}


@dataclass(frozen=True)
class Mapped(Ready):
    """What a map of numbers and one of classes have in common.

    Attributes:
        model: what was learnt, its report and scores.
        covariates: what it looks at beside the embedding, in its order; None for nothing.
    """

    model: MapModel
    covariates: Covariates | None

    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the map was fitted for.

        Raises:
            InputError: it is another model.
        """
        self.model.check(encoder)

    @property
    @abstractmethod
    def placeless(self) -> bool:
        """Whether embeddings alone make the map."""

    @abstractmethod
    def at(self, embeddings: Float32, lons: Floats, lats: Floats) -> NDArray[Any]:
        """(rows, cols, dim) and (rows, cols) degrees -> (bands, rows, cols)."""

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim) -> (bands, rows, cols), where the place does not matter.

        Raises:
            InputError: it does: see `at`.
        """
        if not self.placeless:
            raise InputError(
                f"the map of {self.model.name!r} depends on the place beside the embedding: give "
                "that too, with `at`"
            )
        nowhere = np.zeros(embeddings.shape[:-1])
        return self.at(embeddings, nowhere, nowhere)

    def known(self, embeddings: Float32, lons: Floats, lats: Floats) -> tuple[NDArray[Any], Bools]:
        """What is predicted from, where there is all of it.

        Args:
            embeddings: (rows, cols, dim), NaN where there is no data.
            lons: (rows, cols) degrees.
            lats: (rows, cols) degrees.

        Returns:
            (N, dim + covariates), and (rows, cols) whether a pixel is one of the N.
        """
        known = np.asarray(~np.isnan(embeddings).any(axis=-1))
        made = joined(embeddings[known], self.covariates, lons[known], lats[known])
        if self.covariates is not None:
            whole = ~np.isnan(made).any(axis=-1)
            known[known] = whole
            made = made[whole]
        return made, known


@dataclass(frozen=True)
class MappedValue(Mapped):
    """The predicted number: one band of float32; on request what is known of its error.

    Attributes:
        numbers: what predicts.
        uncertainty: whether the bands of `UNCERTAINTY` follow.
    """

    numbers: NumberModel
    uncertainty: bool = False

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    legend: None = field(default=None, init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The name of what was sampled, and what is said of its error."""
        names = UNCERTAINTY if self.uncertainty else UNCERTAINTY[:1]
        return tuple(name.format(name=self.model.name) for name in names)

    @property
    def tags(self) -> dict[str, str]:
        """What it was learnt from, and how well."""
        method, report = self.numbers.method, self.model.report
        tags = _tags(report, f"{self.model.name}, predicted by {WORDS[method]}")
        tags["method"] = method
        if self.numbers.transform != NONE:
            tags["transform"] = self.numbers.transform
            tags["values"] += (
                f" of its {self.numbers.transform}, taken back: medians, whose mean difference "
                "from the samples is cross_validated_bias"
            )
        if self.uncertainty:
            tags["interval_cover"] = f"{report['interval']['cover']:.4f}"
            tags["applicability_threshold"] = f"{self.numbers.applicability.threshold:.6g}"
        return tags

    @property
    def placeless(self) -> bool:
        """Of ridge regression without its error."""
        return not self.uncertainty and self.numbers.method == LINEAR and self.covariates is None

    @property
    def directions(self) -> Floats | None:
        """(1, dim), that of ridge regression; None with its error, and of other methods."""
        predictor = self.numbers.predictor
        plain = self.covariates is None and self.numbers.transform == NONE
        if self.uncertainty or not plain or not isinstance(predictor, LinearPredictor):
            return None
        return predictor.linear.directions

    def of_projections(self, projections: Float32) -> Float32:
        """(rows, cols, 1) -> (1, rows, cols), by ridge regression."""
        linear = cast("LinearPredictor", self.numbers.predictor).linear
        values: Float32 = projections[..., 0] + linear.constant.astype(np.float32)
        return values[None]

    def at(self, embeddings: Float32, lons: Floats, lats: Floats) -> Float32:
        """(rows, cols, dim) and (rows, cols) degrees -> (bands, rows, cols)."""
        out = np.full((len(self.bands), *lons.shape), np.nan, np.float32)
        predictors, known = self.known(embeddings, lons, lats)
        if known.any():
            xyz = unit_vectors(lons[known], lats[known]).T
            found = self.numbers.with_error if self.uncertainty else self.numbers.mean
            out[:, known] = found(predictors, xyz)
        return out


@dataclass(frozen=True)
class MappedClasses(Mapped):
    """The most probable class as its code, and on request the probability of each in per cent.

    All bands are of one unsigned type, with its largest value where there is no data.

    Attributes:
        learnt: from embeddings and places to the scores of the classes.
        legend: the classes.
        probabilities: whether bands of probabilities follow.
        uncertainty: whether the bands of `CLASS_UNCERTAINTY` follow at the end.
    """

    learnt: ClassModel | ClassStack
    legend: Legend
    probabilities: bool = False
    uncertainty: bool = False

    @property
    def bands(self) -> tuple[str, ...]:
        """The class, then the probabilities, then what is said of its error."""
        chances = [f"probability of {name}, %" for name in self.legend.names]
        doubt = [name.format(name=self.model.name) for name in CLASS_UNCERTAINTY]
        return (
            self.model.name,
            *(chances if self.probabilities else ()),
            *(doubt if self.uncertainty else ()),
        )

    @property
    def dtype(self) -> str:
        """uint8, or uint16 for codes beyond 254."""
        return self.legend.dtype

    @property
    def nodata(self) -> float:
        """255 or 65535."""
        return self.legend.nodata

    @property
    def tags(self) -> dict[str, str]:
        """What it was learnt from, how well, and what the codes mean."""
        method = self.learnt.method
        values = f"code of the most probable class of {self.model.name}, by {CLASS_WORDS[method]}"
        if self.probabilities:
            values += "; then the probability of each class, whole per cent"
        tags = {**_tags(self.model.report, values), "method": method}
        if self.uncertainty and self.model.area is not None:
            threshold = self.model.area.applicability.threshold
            tags["applicability_threshold"] = f"{threshold:.6g}"
        return {**tags, "classes": self.legend.to_json()}

    @property
    def placeless(self) -> bool:
        """Of logistic regression on the embedding, without its error."""
        alone = self.covariates is None and not self.uncertainty
        return alone and self.learnt.method == LINEAR

    @property
    def directions(self) -> Floats | None:
        """(classes, dim), those of the scores; None where the place or covariates matter too."""
        return self._linear.directions if self.placeless else None

    @property
    def _linear(self) -> Linear:
        """Of logistic regression on the embedding."""
        return cast("Linear", cast("ClassModel", self.learnt).linear)

    def of_projections(self, projections: Float32) -> NDArray[Any]:
        """(rows, cols, classes) -> (bands, rows, cols), by logistic regression."""
        known = np.asarray(np.isfinite(projections).all(axis=-1))
        constant = self._linear.constant.astype(projections.dtype)
        return self._banded(softmax(projections[known] + constant), known)

    def at(self, embeddings: Float32, lons: Floats, lats: Floats) -> NDArray[Any]:
        """(rows, cols, dim) and (rows, cols) degrees -> (bands, rows, cols)."""
        predictors, known = self.known(embeddings, lons, lats)
        xyz = unit_vectors(lons[known], lats[known]).T
        chances = (
            self.chances(predictors, xyz) if len(xyz) else np.empty((0, len(self.legend.codes)))
        )
        out = self._banded(chances, known)
        if self.uncertainty and len(xyz):
            area = self.model.area
            out[-2, known] = np.rint(100 * (1 - chances.max(axis=1)))
            if area is not None:
                out[-1, known] = area.unlike(predictors) <= area.applicability.threshold
        return out

    def _banded(self, chances: NDArray[Any], known: Bools) -> NDArray[Any]:
        """The bands of a grid (rows, cols), from the probabilities (N, classes) of some pixels."""
        out = np.full((len(self.bands), *known.shape), self.nodata, self.dtype)
        if known.any():
            out[0, known] = np.array(self.legend.codes, self.dtype)[chances.argmax(axis=-1)]
            if self.probabilities:
                out[1 : 1 + chances.shape[1], known] = np.rint(100 * chances).T
        return out

    def chances(self, predictors: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """The probability of each class at places.

        Args:
            predictors: (N, dim + covariates) without NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (N, classes) in the type of the predictors.
        """
        return softmax(self.learnt.scores(predictors, xyz))


def _tags(report: dict[str, Any], values: str) -> dict[str, str]:
    """The report, flat: its scores are those of left-out samples."""
    tags = {
        "product": "map",
        "values": values,
        "column": report["column"],
        "samples": str(report["samples"]),
        "validation": report["validation"]["words"],
    }
    if report["covariates"]:
        of = [f"{one['name']} ({one['source']})" for one in report["covariates"]]
        tags["covariates"] = "; ".join(of)
    if report["weighted"]:
        tags["weighted"] = "samples by their weights, in scores too"
    if report["groups"] is not None:
        tags["groups"] = f"{report['groups']} groups of samples, each left out whole"
    if "penalty" in report:
        tags["penalty"] = f"{report['penalty']:.6g}"
    if "expected_calibration_error" in report:
        tags["expected_calibration_error"] = f"{report['expected_calibration_error']:.6g}"
    tags.update(_flat(report["score"], "cross_validated_"))
    within = report.get("within")
    if within is not None:
        tags["samples_in_extent"] = str(within["samples"])
        tags.update(_flat(within["score"] or {}, "cross_validated_in_extent_"))
    return tags


def _flat(scores: dict[str, Any], prefix: str) -> dict[str, str]:
    return {
        prefix + name: f"{score:.6g}" for name, score in scores.items() if isinstance(score, float)
    }
