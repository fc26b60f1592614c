"""Maps from samples: a linear model of embeddings, tested across space, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, folds_of_blocks, softmax, spatial_blocks
from ..analysis.tuning import Classes, Numbers, Task, choose_penalty
from ..errors import InputError
from ..types import Bools, Cancelled, Float32, Floats, Integers, Progress
from .legend import Legend
from .product import Fitting, Ready
from .samples import Samples

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

__all__ = ["MapModel", "Samples", "fit_map"]


# Samples that a model is fitted on at most; more are drawn from.
MOST_SAMPLES = {"regression": 100_000, "classification": 20_000}
# Samples on a map below which it gets no score of its own: it would be chance.
LEAST_SCORED = 20


@dataclass(frozen=True)
class MapModel:
    """What was learnt from samples.

    Attributes:
        name: of what was sampled.
        linear: from embeddings to the value, or to the scores of the classes.
        legend: the classes; None for numbers.
        report: how it was fitted and its cross-validated scores, as JSON has it.
        model: name of the model that embeds.
        sha256: of the model file; the weights mean nothing for another model.
    """

    name: str
    linear: Linear
    legend: Legend | None
    report: dict[str, Any]
    model: str
    sha256: str

    @property
    def summary(self) -> str:
        """The cross-validated score, in one line; that of the map's own extent where it differs."""
        report = self.report
        said = (
            f"{self.name}: {self._said(report['score'])} (cross-validated on {report['samples']} "
            f"samples, {report['folds']} folds of {report['blocks']} spatial blocks)"
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

    def _said(self, score: dict[str, Any]) -> str:
        if self.legend is None:
            return f"R² {score['r2']:.3f}, RMSE {score['rmse']:.4g}, MAE {score['mae']:.4g}"
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

    def product(self, *, probabilities: bool = False) -> MappedValue | MappedClasses:
        """What to make of a raster.

        Args:
            probabilities: bands of the probability of each class too.

        Raises:
            InputError: probabilities of numbers.
        """
        if self.legend is not None:
            return MappedClasses(self, self.legend, probabilities=probabilities)
        if probabilities:
            raise _no_probabilities(self.name)
        return MappedValue(self)


def _no_probabilities(name: str) -> InputError:
    """The error for probabilities of numbers."""
    return InputError(f"{name!r} is mapped as numbers, which have no probabilities: leave them out")


def fit_map(
    encoder: LocationEncoder,
    samples: Samples,
    *,
    seed: int = 0,
    threads: int | None = None,
    within: Callable[[Floats], Bools] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> MapModel:
    """Learn what was sampled from the embeddings of its places.

    Numbers by ridge regression, classes by multinomial logistic regression, both on standardised
    embeddings. The penalty is the one with the least error in cross-validation that leaves out
    whole blocks of near samples; the scores are those of the same left-out samples. A map of a part
    of their area has a score of its own: of those left-out samples that lie on it.

    Args:
        encoder: what embeds.
        samples: places with numbers or classes.
        seed: of the blocks; equal samples and seed give equal models.
        threads: number of threads to embed with; all available processors where None.
        within: whether places, (N, 2) degrees, lie on the map; all do where None.
        progress: called with (fits done, fits in all at most).
        cancelled: asked before each fit.

    Raises:
        CancelledError: `cancelled` said so.
    """
    kind = "regression" if samples.legend is None else "classification"
    samples = samples.thinned(MOST_SAMPLES[kind], seed)
    embeddings = encoder.encode(samples.lonlat, threads=threads).astype(np.float64)
    blocks = spatial_blocks(samples.lonlat, seed=seed)
    folds = folds_of_blocks(blocks)
    task = _task(samples)
    choice = choose_penalty(task, embeddings, folds, progress=progress, cancelled=cancelled)
    linear = task.problem(embeddings, np.arange(len(samples))).solve(choice.penalty)
    report = {
        "kind": kind,
        "column": samples.name,
        "samples": len(samples),
        "account": list(samples.account),
        "score": task.scores(choice.outputs),
        **_within(samples, choice.outputs, within),
        "folds": int(folds.max()) + 1,
        "blocks": len(np.unique(blocks)),
        "penalty": choice.penalty,
        "error_by_penalty": [[penalty, error] for penalty, error in choice.errors.items()],
        **_facts(samples),
        "model": encoder.name,
        "weights_sha256": encoder.sha256,
    }
    return MapModel(samples.name, linear, samples.legend, report, encoder.name, encoder.sha256)


@dataclass(frozen=True)
class MapOf:
    """A map of what was sampled, wanted of a model that is not open yet.

    Attributes:
        samples: places with numbers or classes.
        probabilities: bands of the probability of each class too.
        seed: of the blocks of the cross-validation.

    Raises:
        InputError: probabilities of numbers.
    """

    samples: Samples
    probabilities: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.probabilities and self.samples.legend is None:
            raise _no_probabilities(self.samples.name)

    def fit(self, fitting: Fitting) -> MappedValue | MappedClasses:
        """The product: learnt from the samples."""
        model = fit_map(
            fitting.encoder,
            self.samples,
            seed=self.seed,
            threads=fitting.threads,
            progress=fitting.progress,
            cancelled=fitting.cancelled,
            within=fitting.holds,
        )
        return model.product(probabilities=self.probabilities)


def _task(samples: Samples) -> Task:
    if samples.legend is None:
        return Numbers(samples.values)
    return Classes(samples.values.astype(np.int64), len(samples.legend.names))


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
        score = _task(replace(samples, lonlat=samples.lonlat[rows], values=values)).scores(
            outputs[rows]
        )
    return {"within": {"samples": len(rows), "score": score}}


def _facts(samples: Samples) -> dict[str, Any]:
    """What the samples hold, for the report."""
    values, legend = samples.values, samples.legend
    if legend is None:
        named = zip(("least", "mean", "largest"), (values.min(), values.mean(), values.max()))
        return {"values": {name: float(value) for name, value in named}}
    sizes = np.bincount(values.astype(np.int64), minlength=len(legend.names)).tolist()
    classes = zip(legend.codes, legend.names, sizes)
    return {"classes": [{"code": c, "name": n, "samples": size} for c, n, size in classes]}


@dataclass(frozen=True)
class Mapped(Ready):
    """What a map of numbers and one of classes have in common.

    Attributes:
        model: what was learnt, its report and scores.
    """

    model: MapModel

    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the map was fitted for.

        Raises:
            InputError: it is another model.
        """
        self.model.check(encoder)


@dataclass(frozen=True)
class MappedValue(Mapped):
    """A predicted number: one float band, NaN where there is no data."""

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    legend: None = field(default=None, init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The name of what was sampled."""
        return (self.model.name,)

    @property
    def tags(self) -> dict[str, str]:
        """What it was learnt from, and how well."""
        return _tags(self.model.report, f"{self.model.name}, predicted by ridge regression")

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (1, rows, cols)."""
        bands: Float32 = self.model.linear(embeddings).transpose(2, 0, 1)
        return bands


@dataclass(frozen=True)
class MappedClasses(Mapped):
    """The most probable class as its code, and on request the probability of each in per cent.

    All bands are of one unsigned type, with its largest value where there is no data.

    Attributes:
        legend: the classes.
        probabilities: whether bands of probabilities follow.
    """

    legend: Legend
    probabilities: bool = False

    @property
    def bands(self) -> tuple[str, ...]:
        """The class, then the probabilities."""
        chances = [f"probability of {name}, %" for name in self.legend.names]
        return (self.model.name, *(chances if self.probabilities else ()))

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
        values = f"code of the most probable class of {self.model.name}, by logistic regression"
        if self.probabilities:
            values += "; then the probability of each class, whole per cent"
        return {**_tags(self.model.report, values), "classes": self.legend.to_json()}

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim) -> (bands, rows, cols)."""
        scores = self.model.linear(embeddings)
        missing = ~np.isfinite(scores).all(axis=-1)
        scores[missing] = 0
        out = np.empty((len(self.bands), *missing.shape), self.dtype)
        out[0] = np.array(self.legend.codes, self.dtype)[scores.argmax(axis=-1)]
        if self.probabilities:
            out[1:] = np.moveaxis(np.rint(100 * softmax(scores)), -1, 0)
        out[:, missing] = self.nodata
        return out


def _tags(report: dict[str, Any], values: str) -> dict[str, str]:
    """The report, flat: its scores are those of left-out spatial blocks."""
    tags = {
        "product": "map",
        "values": values,
        "column": report["column"],
        "samples": str(report["samples"]),
        "validation": f"{report['folds']} folds of {report['blocks']} spatial blocks",
        "penalty": f"{report['penalty']:.6g}",
    }
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
