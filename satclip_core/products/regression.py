"""What predicts numbers from place and embedding, and how wrong it is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear, Ridge, number_scores
from ..analysis.applicability import Applicability, fit_applicability
from ..analysis.folds import nearest_km
from ..analysis.gaussian import (
    ATTEMPTS,
    EXACT,
    TUNED,
    Gaussian,
    Kernel,
    Sites,
    choose_kernel,
    features,
    fit_gaussian,
    inducing_points,
    left_out,
    without_folds,
)
from ..analysis.influence import (
    Influence,
    exact_influence,
    looked_at,
    mixed_influence,
    ridge_influence,
    sparse_influence,
)
from ..analysis.neighbours import (
    Corrected,
    LeftOut,
    LocalKernel,
    Neighbours,
    choose_local_kernel,
)
from ..analysis.stacking import Predictor, Stack, stacking_weights
from ..analysis.transforms import NONE, TRANSFORMS
from ..analysis.tuning import Choice, Numbers, choose_penalty
from ..compute.blas import product
from ..compute.threads import one_blas_thread
from ..types import Float32, Floats, Integers
from .training_set import Stages, TrainingSet

log = logging.getLogger(__name__)

# Ridge regression on the embedding, kriging on the place, and the Gaussian process on both; their
# weighted mean, which is what "auto" makes unless one of them has all the weight.
LINEAR, KRIGING, GAUSSIAN, AUTO = "linear", "kriging", "gaussian", "auto"
STACK = "stack"
METHODS = (AUTO, LINEAR, KRIGING, GAUSSIAN)
WORDS = {
    LINEAR: "ridge regression on the embedding",
    KRIGING: "kriging on the place",
    GAUSSIAN: "a Gaussian process on place and embedding",
    STACK: "the mean of ridge regression, kriging and a Gaussian process, by weights",
}
# Weights that the stack is drawn to where samples are few: the process holds both others.
_BEFOREHAND = {LINEAR: 0.25, KRIGING: 0.25, GAUSSIAN: 0.5}
# Share of new samples that an interval is to hold.
LEVEL = 0.9
# Samples whose influence is looked at, and at which it is measured, where these are many.
LOOKED_AT = 2000
# Values beyond the first of their place from which their deviation is known well enough, and digits
# of unit vectors that are one place (6 mm).
_REPEATED, _SAME = 30, 9
# Of a fit: penalties of ridge regression, and the kernels.
_STAGES = 2


@dataclass(frozen=True)
class LinearPredictor:
    """Ridge regression, with the standard errors that go with it.

    Attributes:
        linear: from embeddings to the value.
        root: (dim, dim) of `Ridge.root`.
        count: number of samples.
    """

    linear: Linear
    root: Floats
    count: int

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """(N, dim) -> (N,); places are not looked at."""
        mean: NDArray[Any] = self.linear(embeddings)[:, 0]
        return mean

    def with_error(
        self, embeddings: NDArray[Any], xyz: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """(N, dim) -> (N,) and (N,), the latter in units of the noise's standard deviation."""
        standard = embeddings - self.linear.mean.astype(embeddings.dtype)
        root = (self.root / self.linear.deviation[:, None]).astype(embeddings.dtype)
        known = product(standard, root)
        errors = np.sqrt(1 + 1 / self.count + np.einsum("ij,ij->i", known, known))
        return self(embeddings, xyz), errors


@dataclass(frozen=True)
class NumberModel:
    """A model of numbers, with all that is known of its error.

    Attributes:
        method: "linear", "kriging", "gaussian" or "stack".
        predictor: means and, in units of `scale`, standard errors.
        scale: standard deviation of the noise, so that standard errors fit left-out samples.
        half: half the width of the interval, in standard errors.
        applicability: dissimilarity of places.
        standard: (3, dim) mean, deviation and weight of the dimensions of embeddings, of which
            predictors are made for that; None where the place is what is looked at.
        samples: (N, 3) unit vectors.
        place: weight of the place among those predictors.
        transform: of `TRANSFORMS`, in whose scale the predictor works.
        least: standard error below which none falls: the deviation of values at one place.
    """

    method: str
    predictor: Predictor
    scale: float
    half: float
    applicability: Applicability
    standard: Floats | None
    samples: Floats
    place: float = 0.0
    transform: str = NONE
    least: float = 0.0

    def mean(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Values predicted at places.

        Args:
            embeddings: (N, dim), without NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (N,) in the type of the embeddings; medians where there is a transform.
        """
        return TRANSFORMS[self.transform].back(self.predictor(embeddings, xyz))

    def spread(self, errors: NDArray[Any]) -> NDArray[Any]:
        """Standard errors (N,) of values, from those of the predictor, in its units of `scale`."""
        return np.asarray(np.maximum(errors * self.scale, self.least))

    def outside(self, embeddings: NDArray[Any], xyz: Floats) -> float:
        """The share of places outside the area of applicability.

        Args:
            embeddings: (N, dim), without NaN.
            xyz: (N, 3) unit vectors.
        """
        return float((self._unlike(embeddings, xyz) > self.applicability.threshold).mean())

    def _unlike(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """The dissimilarity index of places."""
        return self.applicability(predictors(embeddings, xyz, self.standard, self.place))

    def with_error(self, embeddings: NDArray[Any], xyz: Floats) -> Float32:
        """All that is known of places, as rows of `UNCERTAINTY`.

        Args:
            embeddings: (N, dim), without NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (7, N): the value, its standard error, the ends of the interval, the dissimilarity
            index, 1 within the area of applicability and 0 outside, and the distance to the
            nearest sample in kilometres. Under a transform the value is the median, and the
            standard error is that of the transformed number times the slope there.
        """
        transform = TRANSFORMS[self.transform]
        mean, errors = self.predictor.with_error(embeddings, xyz)
        errors = self.spread(errors)
        unlike = self._unlike(embeddings, xyz)
        inside = unlike <= self.applicability.threshold
        away = nearest_km(xyz, self.samples)
        ends = [transform.back(mean + side * self.half * errors) for side in (-1, 1)]
        spread = errors * transform.slope(mean)
        rows = [transform.back(mean), spread, *ends, unlike, inside, away]
        return np.stack(rows).astype(np.float32)


# Names of the bands of `with_error`, with the name of what is mapped.
UNCERTAINTY = (
    "{name}",
    "standard error of {name}",
    "{name}, lower end of the 90 % interval",
    "{name}, upper end of the 90 % interval",
    "dissimilarity index",
    "area of applicability",
    "distance to the nearest sample, km",
)


def predictors(
    embeddings: NDArray[Any], xyz: Floats, standard: Floats | None, place: float = 0.0
) -> NDArray[Any]:
    """What dissimilarity is measured in: embeddings standardised and weighed, and the place.

    Args:
        embeddings: (N, dim), with covariates where there are any.
        xyz: (N, 3) unit vectors.
        standard: as in `NumberModel`; the place alone counts where None.
        place: weight of the place beside them.
    """
    if standard is None:
        return xyz
    mean, deviation, weight = (row.astype(embeddings.dtype) for row in standard)
    made = (embeddings - mean) * (weight / deviation)
    if place:
        made = np.concatenate([made, (place * xyz).astype(made.dtype)], axis=1)
    return np.asarray(made)


@dataclass(frozen=True)
class FittedNumbers:
    """A model of numbers and how it was found.

    Attributes:
        model: the model.
        predicted: (N,) for the samples, each without its fold.
        errors: (N,) standard errors of these, in units of the values.
        report: method and errors, as JSON has it.
    """

    model: NumberModel
    predicted: Floats
    errors: Floats
    report: dict[str, Any]


class Regression:
    """Samples of numbers, ready to be learnt from by several methods.

    Args:
        samples: N of them.
        values: (N,).
        stages: what is told while it is learnt.
    """

    def __init__(self, samples: TrainingSet, values: Floats, stages: Stages | None = None) -> None:
        self._samples, self._values, self._stages = samples, values, stages or Stages()
        self._embeddings, self._xyz, self._folds = samples.embeddings, samples.xyz, samples.folds
        self._weights, self._covariates = samples.weights, samples.covariates
        self._sizes, self._seed = samples.sizes, samples.seed
        self._ridge = Ridge(self._embeddings, values, self._weights, self._sizes)
        self._standard = self._ridge.mean, self._ridge.deviation
        # Covariances of what processes of many samples leave out, where there is anything in it.
        self._local: dict[str, LocalKernel] = {}
        # What was found once, by method.
        self._tests_of: dict[str, tuple[Floats, Floats | None]] = {}
        self._predictors: dict[str, Predictor] = {}

    def fit(self, method: str = AUTO) -> FittedNumbers:
        """The model of one method, or the mean of all that errs least on left-out samples.

        Raises:
            CancelledError: `cancelled` said so.
        """
        # Small matrices are slower on several threads, and on a busy machine far slower.
        with one_blas_thread() if len(self._values) <= TUNED else nullcontext():
            return self._fit((LINEAR, KRIGING, GAUSSIAN) if method == AUTO else (method,))

    def _fit(self, wanted: tuple[str, ...]) -> FittedNumbers:
        """The mean of some methods, or the only one."""
        tested = {name: self._tested(name) for name in wanted}
        scores = {name: self._scores(one[0]) for name, one in tested.items()}
        shares = self._shares({name: one[0] for name, one in tested.items()})
        main = max(shares, key=lambda name: shares[name])
        method = main if len(shares) == 1 else STACK
        predicted = self._mixed({name: tested[name][0] for name in wanted})
        errors = tested[main][1]
        errors = self._ridge_errors() if errors is None else errors
        model, found = self._model(main, shares, predicted, errors)
        report = {"method": method, "methods": scores, "weights": shares, **self._report(shares)}
        self._stages.tell(1, 1, 1, _STAGES)
        return FittedNumbers(model, predicted, model.spread(errors), {**report, **found})

    def predictor(self, method: str) -> Predictor:
        """What predicts by one method, fitted to all samples, without all that is said of errors.

        Args:
            method: "linear", "kriging" or "gaussian".
        """
        if method not in self._predictors:
            self._predictors[method] = self._fitted(method)
        return self._predictors[method]

    def influence(self, fitted: FittedNumbers) -> Influence | None:
        """What is predicted for samples without them, and what each changes elsewhere.

        Of all samples; where they are many, of the `LOOKED_AT` that are furthest from what their
        fold predicts, in standard errors. On the scale that is learnt on.

        Args:
            fitted: what `fit` gave.

        Returns:
            None where the model has no closed form of it.
        """
        steps = np.abs(self._values - fitted.predicted) / fitted.errors
        looked = looked_at(steps, LOOKED_AT, self._seed)
        return self._influence(fitted.model.method, fitted.model.predictor, looked)

    def _influence(
        self, method: str, predictor: Predictor, looked: tuple[Integers, Integers]
    ) -> Influence | None:
        values = self._values
        if isinstance(predictor, LinearPredictor):
            linear, root = predictor.linear, predictor.root
            return ridge_influence(linear, root, self._embeddings, values, self._weights, looked)
        if isinstance(predictor, Stack):
            shares = predictor.weights
            members = {
                name: self._influence(name, predictor.members[name], looked) for name in shares
            }
            known = {name: one for name, one in members.items() if one is not None}
            if len(known) < len(members):
                return None
            return mixed_influence(
                [*shares.values()], [*known.values()], known[predictor.main].errors
            )
        if not isinstance(predictor, Gaussian):
            return None  # neighbours of the sample change with it
        if self._inducing[method] is None:
            return exact_influence(predictor, values, looked)
        return sparse_influence(predictor, self._sites[method], values, looked)

    def remainder(self, fitted: FittedNumbers, rows: Integers) -> Floats | None:
        """Values (n,) of some samples less what embedding and covariates explain: Matérn's part.

        Args:
            fitted: what `fit` gave.
            rows: (n,) which samples.

        Returns:
            (n,), on the scale that is learnt on; None where the model has no such part. Of a
            stack that of the process whose kernel stands in the report.
        """
        process, method = fitted.model.predictor, fitted.model.method
        if isinstance(process, Stack):
            method = next((one for one in (GAUSSIAN, KRIGING) if one in process.members), LINEAR)
            process = process.members[method]
        if isinstance(process, Corrected):
            process = process.process
        if not isinstance(process, Gaussian):
            return None
        mean = process(self._embeddings[rows], self._xyz[rows])
        place = process.of_place(self._sites[method][rows])
        return np.asarray(self._values[rows] - mean + place)

    def _scores(self, predicted: Floats) -> dict[str, float]:
        return number_scores(self._values, predicted, self._weights)

    def _shares(self, predicted: dict[str, Floats], rows: Any = slice(None)) -> dict[str, float]:
        """Weights of methods, by what they predict for (some) left-out samples."""
        if len(predicted) == 1:
            return dict.fromkeys(predicted, 1.0)
        own = None if self._weights is None else self._weights[rows]
        found = stacking_weights(
            np.stack([one[rows] for one in predicted.values()], axis=1),
            self._values[rows],
            np.array([_BEFOREHAND[name] for name in predicted]),
            None if own is None else own / own.mean(),
        )
        return {name: float(share) for name, share in zip(predicted, found) if share > 0}

    def _mixed(self, predicted: dict[str, Floats]) -> Floats:
        """The mean (N,) of predictions, each fold's by weights that the others gave."""
        mean = np.zeros(len(self._values))
        for test in self._samples.tests():
            others = np.setdiff1d(np.arange(len(mean)), test)
            for name, share in self._shares(predicted, others).items():
                mean[test] += share * predicted[name][test]
        return mean

    def _report(self, shares: dict[str, float]) -> dict[str, Any]:
        """The penalty and the kernel, with what stands for many samples."""
        found: dict[str, Any] = {}
        if set(shares) != {KRIGING}:
            choice = self._choice
            found["penalty"] = choice.penalty
            found["error_by_penalty"] = [list(pair) for pair in choice.errors.items()]
        for method in (KRIGING, GAUSSIAN):  # the latter's, where there are both
            if method not in shares:
                continue
            values = vars(self._kernel(method))
            found["kernel"] = {name: float(value) for name, value in values.items()}
            rows = self._inducing[method]
            found["inducing_points"] = None if rows is None else len(rows)
            local = self._local.get(method)
            found["neighbours"] = None if local is None else vars(local).copy()
        return found

    @cached_property
    def _choice(self) -> Choice:
        """The penalty of ridge regression, with its outputs for left-out samples."""
        task = Numbers(self._values, self._weights, self._sizes)
        told = self._stages.of(0, _STAGES)
        return choose_penalty(
            task, self._embeddings, self._folds, progress=told, cancelled=self._stages.cancelled
        )

    @cached_property
    def _sites(self) -> dict[str, Sites]:
        """In double precision where the process is exact, in single where there are many."""
        dtype = np.float64 if len(self._values) <= EXACT else np.float32
        embeddings = self._embeddings.astype(dtype)
        noises = self._samples.noises
        both = Sites(features(embeddings, *self._standard), self._xyz, noises)
        if not self._covariates:
            return {KRIGING: both, GAUSSIAN: both}
        trend = features(embeddings, *self._standard_of(KRIGING))
        return {KRIGING: Sites(trend, self._xyz, noises), GAUSSIAN: both}

    def _standard_of(self, method: str) -> tuple[Floats, Floats]:
        """What makes features of predictors; those that a method does not look at become 0.

        Kriging with covariates has a trend in these alone.
        """
        mean, deviation = self._standard
        if method == KRIGING and self._covariates:
            deviation = deviation.copy()
            deviation[: -self._covariates] = np.inf
        return mean, deviation

    @cached_property
    def _kernels(self) -> tuple[Kernel, Kernel]:
        done = iter(range(2 * ATTEMPTS + 1))

        def step() -> None:
            self._stages.ask()
            self._stages.tell(next(done), 2 * ATTEMPTS, 1, _STAGES)

        with one_blas_thread():
            return choose_kernel(
                self._sites[GAUSSIAN],
                self._values,
                self._folds,
                step=step,
                seed=self._seed,
                trend=self._sites[KRIGING] if self._covariates else None,
            )

    def _kernel(self, method: str) -> Kernel:
        return self._kernels[0 if method == KRIGING else 1]

    @cached_property
    def _inducing(self) -> dict[str, Integers | None]:
        """What stands for the samples, for each method; None where they stand for themselves."""
        if len(self._values) <= EXACT:
            return {KRIGING: None, GAUSSIAN: None}
        names = (KRIGING, GAUSSIAN)
        return {
            name: inducing_points(self._kernel(name), self._sites[name], seed=self._seed)
            for name in names
        }

    def _tested(self, method: str) -> tuple[Floats, Floats | None]:
        """Predictions (N,) for left-out samples, and their standard errors where at hand."""
        if method not in self._tests_of:
            self._tests_of[method] = self._test(method)
        return self._tests_of[method]

    def _test(self, method: str) -> tuple[Floats, Floats | None]:
        self._stages.ask()
        if method == LINEAR:
            return self._choice.outputs[:, 0], None
        kernel, rows, sites = self._kernel(method), self._inducing[method], self._sites[method]
        if rows is None:
            return left_out(kernel, sites, self._values, self._folds)
        without, errors = without_folds(kernel, sites, self._values, self._folds, rows)
        known = LeftOut(self._xyz, self._values, self._folds, without, sites.noises)
        local = choose_local_kernel(known, step=self._stages.ask, seed=self._seed)
        if local is None:
            return known.predicted, errors
        self._local[method] = local
        predicted, left = known.corrected(local)
        return predicted, errors * np.sqrt(left)

    def _ridge_errors(self) -> Floats:
        """Standard errors (N,) of ridge regression at left-out samples, in units of the noise."""
        found = np.empty(len(self._values))
        for test in self._samples.tests():
            self._stages.ask()
            train = np.setdiff1d(np.arange(len(found)), test)
            own = None if self._weights is None else self._weights[train]
            own = None if own is None else own / own.mean()
            ridge = Ridge(self._embeddings[train], self._values[train], own, self._sizes)
            penalty = self._choice.penalty
            model = LinearPredictor(ridge.solve(penalty), ridge.root(penalty), len(train))
            found[test] = model.with_error(self._embeddings[test], self._xyz[test])[1]
        if self._weights is None:
            return found
        # The noise of a new sample gives way to that of each.
        return np.asarray(np.sqrt(found**2 - 1 + 1 / self._weights))

    def _model(
        self, main: str, shares: dict[str, float], predicted: Floats, errors: Floats
    ) -> tuple[NumberModel, dict[str, Any]]:
        """The model fitted to all samples, its error calibrated on what was left out."""
        off = np.abs(self._values - predicted) / errors
        # Samples that are met exactly leave no noise; a trace of it keeps intervals intervals.
        scale = max(float(np.sqrt((off**2).mean())), 1e-9 * float(self._values.std()))
        least = self._repeated
        ratios = np.abs(self._values - predicted) / np.maximum(scale * errors, least)
        half = conformal(ratios)
        standard, place = self._weighed(main)
        made = predictors(self._embeddings, self._xyz, standard, place)
        area = fit_applicability(made, self._folds, self._seed)
        members = {name: self.predictor(name) for name in shares}
        method, predictor = main, members[main]
        if len(shares) > 1:
            method, predictor = STACK, Stack(shares, members)
        own = area, standard, self._xyz, place
        model = NumberModel(method, predictor, scale, half, *own, least=least)
        report = {
            "noise": scale,
            "deviation_at_one_place": least,
            "interval": {"level": LEVEL, "standard_errors": half, "cover": self._cover(ratios)},
            "applicability": {"threshold": area.threshold, "mean_distance": area.unit},
        }
        return model, report

    @cached_property
    def _repeated(self) -> float:
        """The deviation of values at one place; 0 where too few places have several.

        Folds never part these: nothing else tells what a value is worth for the next one there.
        """
        places = np.unique(np.round(self._xyz, _SAME), axis=0, return_inverse=True)[1].reshape(-1)
        sizes = np.bincount(places)
        freedom = len(places) - len(sizes)
        if freedom < _REPEATED:
            return 0.0
        off = self._values - (np.bincount(places, self._values) / sizes)[places]
        return float(np.sqrt((off**2).sum() / freedom))

    def _weighed(self, method: str) -> tuple[Floats | None, float]:
        """What makes predictors for dissimilarity: `standard` and `place` of `NumberModel`."""
        if method == KRIGING and not self._covariates:
            return None, 0.0
        if method == KRIGING:
            # By what the kernel makes of a deviation of the place, and of each covariate.
            kernel, weights = self._kernel(KRIGING), np.zeros(self._embeddings.shape[1])
            weights[-self._covariates :] = np.sqrt(kernel.linear)
            spread = float(np.sqrt(self._xyz.var(axis=0).sum()))
            return np.stack([*self._standard, weights]), np.sqrt(kernel.matern) / spread
        weights = np.abs(self._ridge.solve(self._choice.penalty).weights[:, 0])
        # Scaled to a mean square of 1 where the linear model has anything to say.
        size = np.sqrt((weights**2).mean())
        weights = weights / size if size > 0 else np.ones_like(weights)
        return np.stack([*self._standard, weights]), 0.0

    def _fitted(self, method: str) -> Predictor:
        if method == LINEAR:
            penalty = self._choice.penalty
            linear, root = self._ridge.solve(penalty), self._ridge.root(penalty)
            return LinearPredictor(linear, root, len(self._values))
        self._tested(method)  # finds what neighbours are to mend
        kernel, rows = self._kernel(method), self._inducing[method]
        standard, sites = self._standard_of(method), self._sites[method]
        process = fit_gaussian(kernel, sites, self._values, standard, rows)
        if method not in self._local:
            return process
        residuals = self._values - process(self._embeddings, self._xyz)
        local = Neighbours(self._local[method], self._xyz, residuals, sites.noises)
        return Corrected(process, local)

    def _cover(self, ratios: Floats) -> float:
        """Share of samples within intervals that were made without their fold."""
        return coverage(ratios, self._folds, (LEVEL,))[0]


def conformal(ratios: Floats, level: float = LEVEL) -> float:
    """Half the width of an interval that holds a share of new samples, in standard errors.

    The ⌈(n + 1) level⌉-th smallest of the ratios, at most the largest (split conformal prediction,
    Lei et al. 2018, Journal of the American Statistical Association 113: 1094-1111).

    Args:
        ratios: (n,) absolute residual / standard error, of left-out samples.
        level: share to hold.
    """
    rank = min(int(np.ceil((len(ratios) + 1) * level)), len(ratios))
    return float(np.sort(ratios)[rank - 1])


def coverage(ratios: Floats, folds: Integers, levels: Sequence[float]) -> list[float]:
    """The share of samples that intervals hold which were calibrated without their fold.

    Args:
        ratios: (N,) absolute residual / standard error, of left-out samples.
        folds: (N,) number of the fold of each, two at least.
        levels: shares that the intervals are to hold.
    """
    held = np.zeros(len(levels))
    for fold in np.unique(folds):
        test = folds == fold
        halves = [conformal(ratios[~test], level) for level in levels]
        held += (ratios[test][:, None] <= np.array(halves)).sum(axis=0)
    return [float(share) for share in held / len(ratios)]
