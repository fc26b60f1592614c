"""A Gaussian process on place and embedding: kriging and a kernel model of embeddings in one.

    y = m + f + ε,  f ~ GP(0, k),  ε ~ N(0, 1)
    k = c + v₁⟨e, e'⟩ + v₂ exp(-|e - e'|² / 2ℓ²) + v₃ M(r / ρ)

e is the embedding, standardised on the samples and divided by the root of its dimension; r the
chord between two places on the unit sphere, so that poles and dateline are ordinary; M Matérn of
smoothness 1/2 or 3/2 (Rasmussen & Williams 2006, sections 2.2, 4.2). Variances are in units of that
of the noise: predictions depend on their ratios only, and the one scale that is left follows from
the residuals of left-out samples.

Up to `EXACT` samples the model is exact; beyond, `INDUCING` of them stand for the rest (FITC,
Snelson & Ghahramani 2006; Quiñonero-Candela & Rasmussen 2005, section 6): memory then grows with
the samples only as they themselves do. What is shorter than the spacing of these is then noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..types import Floats, Integers

# Samples up to which the model is exact, and what stands for more of them.
EXACT = 2000
INDUCING = 1000
# Samples that inducing points are chosen from.
_CANDIDATES = 2500
# Elements of a kernel held at a time: as many as stay near the processor, twice as fast as four
# times as many.
_ELEMENTS = 2**18
# Strips that a triangular matrix is multiplied in.
_STRIPS = 8
_SQRT3 = np.sqrt(3.0)
# Of the variance, so that near equal inducing points can be told apart in double precision.
_JITTER = 1e-8


@dataclass(frozen=True)
class Sites:
    """Places, with their embeddings.

    Attributes:
        features: (N, dim) standardised embeddings, divided by the root of dim.
        xyz: (N, 3) unit vectors, float64.
        noises: (N,) variance of the noise of samples there, in units of that of a new one; all 1
            where None.
    """

    features: NDArray[Any]
    xyz: Floats
    noises: Floats | None = None

    def __len__(self) -> int:
        return len(self.xyz)

    def __getitem__(self, rows: Any) -> Sites:
        noises = None if self.noises is None else self.noises[rows]
        return Sites(self.features[rows], self.xyz[rows], noises)

    @property
    def noise(self) -> Floats:
        """(N,) variances of the noise."""
        return np.ones(len(self)) if self.noises is None else self.noises


class Pairs:
    """What kernels need to know of each of (N, M) pairs of sites, in the type of the features."""

    def __init__(self, ones: Sites, others: Sites) -> None:
        self._ones, self._others = ones, others
        self.shape = (len(ones), len(others))
        self.dtype = ones.features.dtype

    @property
    def noise(self) -> Floats:
        """(N,) variances of the noise of the first sites."""
        return self._ones.noise

    @cached_property
    def inner(self) -> NDArray[Any]:
        """Scalar products of the features."""
        return product(self._ones.features, self._others.features.T)

    @cached_property
    def squares(self) -> NDArray[Any]:
        """Squared distances of the features."""
        one, other = self._ones.features, self._others.features
        squares = self.inner * np.asarray(-2, self.dtype)
        squares += np.einsum("ij,ij->i", one, one)[:, None]
        squares += np.einsum("ij,ij->i", other, other)
        return np.asarray(np.maximum(squares, 0, out=squares))

    @cached_property
    def chords(self) -> NDArray[Any]:
        """Chords of the unit sphere, from double precision (0.1 m; single is 2 km)."""
        squares = product(self._ones.xyz, -2 * self._others.xyz.T)
        squares += 2
        np.maximum(squares, 0, out=squares)
        chords = squares.astype(self.dtype, copy=False)
        return np.asarray(np.sqrt(chords, out=chords))


@dataclass(frozen=True)
class Kernel:
    """Variances in units of the noise's, and lengths.

    Attributes:
        linear: v₁, of the scalar product of embeddings.
        rbf: v₂, of the squared exponential of their distance.
        matern: v₃, of the Matérn function of the chord.
        rbf_length: ℓ, in units of the features.
        matern_length: ρ, in radii of the Earth.
        smoothness: of the Matérn function, 0.5 or 1.5.
    """

    linear: float = 0.0
    rbf: float = 0.0
    matern: float = 0.0
    rbf_length: float = 1.0
    matern_length: float = 1.0
    smoothness: float = 0.5

    @property
    def constant(self) -> float:
        """c, of the mean, which is as uncertain as all the rest together."""
        return 1 + self.linear + self.rbf + self.matern

    def __call__(self, pairs: Pairs) -> NDArray[Any]:
        """Covariances of f, in the shape and type of the pairs."""
        number = pairs.dtype.type
        found = np.full(pairs.shape, number(self.constant))
        if self.linear > 0:
            found += number(self.linear) * pairs.inner
        if self.rbf > 0:
            part = pairs.squares * number(-0.5 / self.rbf_length**2)
            np.exp(part, out=part)
            found += np.multiply(part, number(self.rbf), out=part)
        if self.matern > 0:
            found += self._matern(pairs.chords, number)
        return found

    def diagonal(self, sites: Sites) -> NDArray[Any]:
        """The variance of f at each site, (N,)."""
        norms = np.einsum("ij,ij->i", sites.features, sites.features)
        return np.asarray(self.constant + self.rbf + self.matern + self.linear * norms)

    def of_chords(self, chords: Floats) -> Floats:
        """Covariances (N,) that the Matérn term gives to places so far apart."""
        return np.asarray(self._matern(np.array(chords, np.float64), np.float64))

    def _matern(self, chords: NDArray[Any], number: Any) -> NDArray[Any]:
        root = 1.0 if self.smoothness == 0.5 else _SQRT3
        steps = chords * number(-root / self.matern_length)
        part = np.exp(steps)
        if self.smoothness != 0.5:
            np.subtract(1, steps, out=steps)
            part *= steps
        return np.asarray(np.multiply(part, number(self.matern), out=part))


@dataclass(frozen=True)
class Gaussian:
    """A fitted process.

    Attributes:
        kernel: its covariance.
        mean: (dim,) of the embeddings, and
        deviation: (dim,) their standard deviation, which make features of them.
        points: the samples, or those that stand for them, (m) of them.
        offset: m, the mean of the samples, weighed by their noise.
        weights: (m,) mean = offset + k*ᵀ weights.
        root: (m, m), upper triangular: variance = k** - |rootᵀ k*|².
    """

    kernel: Kernel
    mean: Floats
    deviation: Floats
    points: Sites
    offset: float
    weights: Floats
    root: Floats

    @cached_property
    def _single(self) -> tuple[Sites, NDArray[Any], NDArray[Any]]:
        points = Sites(self.points.features.astype(np.float32), self.points.xyz)
        weights = self.weights.astype(np.float32)[:, None]
        return points, weights, np.ascontiguousarray(self.root, np.float32)

    def sites(self, embeddings: NDArray[Any], xyz: Floats) -> Sites:
        """Places as the kernel sees them, in the type of the embeddings (N, dim)."""
        return Sites(features(embeddings, self.mean, self.deviation), xyz)

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """The mean at places.

        Args:
            embeddings: (N, dim) float32 or float64, in whose precision is computed; no NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (N,).
        """
        return self._predicted(embeddings, xyz, spread=False)[0]

    def with_error(
        self, embeddings: NDArray[Any], xyz: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The mean and the standard error of a new sample at places, which takes far longer.

        Args:
            embeddings: (N, dim) as above.
            xyz: (N, 3) unit vectors.

        Returns:
            (N,) and (N,), the latter in units of the noise's standard deviation.
        """
        return self._predicted(embeddings, xyz, spread=True)

    def of_place(self, sites: Sites) -> Floats:
        """The part of the mean that is the Matérn term's, (N,) in double precision."""
        values = vars(self.kernel)
        place = Kernel(**{**values, "linear": 0.0, "rbf": 0.0})
        near = place(Pairs(sites, self.points)) - place.constant
        return np.asarray(near @ self.weights, np.float64)

    def _predicted(
        self, embeddings: NDArray[Any], xyz: Floats, *, spread: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Means, and standard errors where they are asked for."""
        points, weights, root = self._single
        if embeddings.dtype != np.float32:
            points, weights, root = self.points, self.weights[:, None], self.root
        mean = np.empty(len(embeddings), embeddings.dtype)
        errors = np.empty_like(mean)
        step = max(1, _ELEMENTS // len(points))
        for start in range(0, len(embeddings), step):
            rows = slice(start, start + step)
            sites = self.sites(embeddings[rows], xyz[rows])
            near = self.kernel(Pairs(sites, points))
            mean[rows] = product(near, weights)[:, 0]
            if spread:
                variance = self.kernel.diagonal(sites) - _squared(near, root)
                errors[rows] = np.sqrt(np.maximum(variance, 0) + 1)
        mean += mean.dtype.type(self.offset)
        return mean, errors


def _squared(near: NDArray[Any], root: NDArray[Any]) -> NDArray[Any]:
    """|rootᵀ k|² of each row k of (N, m); root is upper triangular: nearly half is left out."""
    squares = np.zeros(len(near), near.dtype)
    step = -(-len(root) // _STRIPS)
    for start in range(0, len(root), step):
        stop = start + step
        known = product(near[:, :stop], root[:stop, start:stop])
        squares += np.einsum("ij,ij->i", known, known)
    return squares


def features(embeddings: NDArray[Any], mean: Floats, deviation: Floats) -> NDArray[Any]:
    """Embeddings (N, dim) standardised and divided by the root of dim, in their type."""
    dtype = embeddings.dtype
    scale = (1 / (deviation * np.sqrt(len(deviation)))).astype(dtype)
    return np.asarray((embeddings - mean.astype(dtype)) * scale)


def fit_gaussian(
    kernel: Kernel,
    sites: Sites,
    values: Floats,
    standard: tuple[Floats, Floats],
    inducing: Integers | None = None,
) -> Gaussian:
    """The process given samples.

    Args:
        kernel: its covariance.
        sites: N samples, in double precision where the fit is exact.
        values: (N,).
        standard: mean and deviation that made the features.
        inducing: rows of the samples that stand for all; None for the exact process.
    """
    offset = float(np.average(values, weights=1 / sites.noise))
    if inducing is None:
        covariance = kernel(Pairs(sites, sites))
        covariance[np.diag_indices(len(sites))] += sites.noise
        inverse = np.linalg.inv(np.linalg.cholesky(covariance))
        weights = inverse.T @ (inverse @ (values - offset))
        return Gaussian(kernel, *standard, sites, offset, weights, inverse.T)
    sparse = _Sparse(kernel, sites, values - offset, inducing)
    moments, response = sparse.moments(slice(None))
    precision = np.eye(len(moments)) + moments
    weights = sparse.whitening.T @ np.linalg.solve(precision, response)
    variances, axes = np.linalg.eigh(precision)
    root = product(sparse.whitening.T, axes * np.sqrt(np.maximum(1 - 1 / variances, 0)))
    # The same product root rootᵀ by an upper triangular matrix.
    lower = np.linalg.qr(root[::-1].T)[1]
    upper = np.ascontiguousarray(lower.T[::-1, ::-1])
    return Gaussian(kernel, *standard, sparse.points, offset, weights, upper)


def left_out(
    kernel: Kernel,
    sites: Sites,
    values: Floats,
    folds: Integers,
    inducing: Integers | None = None,
) -> tuple[Floats, Floats]:
    """What is predicted for each sample without those of its fold, in closed form.

    Residuals of fold i are ([A⁻¹]ᵢᵢ)⁻¹ [A⁻¹ y]ᵢ with A = K + noise, their covariance ([A⁻¹]ᵢᵢ)⁻¹
    (Rasmussen & Williams 2006, section 5.4.2, for blocks). With inducing points the sums over
    the fold's samples are taken away. The kernel and the inducing points stay.

    Returns:
        Predictions (N,), and standard errors (N,) in units of the noise's standard deviation.
    """
    offset = np.average(values, weights=1 / sites.noise)
    if inducing is None:
        covariance = kernel(Pairs(sites, sites))
        covariance[np.diag_indices(len(sites))] += sites.noise
        residuals, variances = _closed_form(covariance, values - offset, folds)
        return values - residuals, np.sqrt(variances)
    without, errors = without_folds(kernel, sites, values, folds, inducing)
    return without[folds, np.arange(len(sites))], errors


def without_folds(
    kernel: Kernel, sites: Sites, values: Floats, folds: Integers, inducing: Integers
) -> tuple[Floats, Floats]:
    """What models without one fold each say of all samples.

    The sums over the fold's samples are taken away; the kernel and the inducing points stay.

    Returns:
        (folds, N) predictions, and standard errors (N,) of each sample without its own fold, in
        units of the noise's standard deviation.
    """
    offset = np.average(values, weights=1 / sites.noise)
    sparse = _Sparse(kernel, sites, values - offset, inducing)
    parts = [sparse.moments(np.flatnonzero(folds == fold)) for fold in range(folds.max() + 1)]
    moments = np.sum([part[0] for part in parts], axis=0)
    response = np.sum([part[1] for part in parts], axis=0)
    identity = np.eye(len(moments))
    inverses = [np.linalg.inv(identity + moments - own) for own, _ in parts]
    weights = np.stack([inverse @ (response - own) for inverse, (_, own) in zip(inverses, parts)])
    predicted, variances = np.empty((len(parts), len(sites))), np.empty(len(sites))
    for fold, inverse in enumerate(inverses):
        for rows, whitened, residue in sparse.chunks(np.flatnonzero(folds == fold)):
            predicted[:, rows] = offset + weights @ whitened
            known = np.einsum("ij,ij->j", whitened, product(inverse, whitened))
            variances[rows] = residue + known + sites.noise[rows]
    return predicted, np.sqrt(variances)


def left_out_error(kernel: Kernel, pairs: Pairs, values: Floats, folds: Integers) -> float:
    """Mean squared error of the predictions of `left_out`, of pairs that are known already.

    Squares are divided by the variance of each sample's own noise. Values are (N,), or (N, k) of
    several things at once, whose errors are added.
    """
    covariance = kernel(pairs)
    covariance[np.diag_indices(len(values))] += pairs.noise
    offset = np.average(values, axis=0, weights=1 / pairs.noise)
    residuals, _ = _closed_form(covariance, values - offset, folds, variances=False)
    squares = (residuals**2).reshape(len(values), -1).sum(axis=1)
    return float((squares / pairs.noise).mean())


def _closed_form(
    covariance: Floats, values: Floats, folds: Integers, *, variances: bool = True
) -> tuple[Floats, Floats]:
    inverse = np.linalg.inv(covariance)
    weighted = inverse @ values
    residuals, spread = np.empty(values.shape), np.empty(len(values))
    for fold in range(int(folds.max()) + 1):
        rows = np.flatnonzero(folds == fold)
        block = inverse[np.ix_(rows, rows)]
        if variances:
            own = np.linalg.inv(block)
            residuals[rows], spread[rows] = own @ weighted[rows], np.diag(own)
        else:
            residuals[rows] = np.linalg.solve(block, weighted[rows])
    return residuals, spread


def inducing_points(kernel: Kernel, sites: Sites, count: int = INDUCING, seed: int = 0) -> Integers:
    """Rows of the samples that stand for all: each the one least known from those before.

    A pivoted Cholesky decomposition of the kernel (Fine & Scheinberg 2001; Burt et al. 2020,
    section 4), over samples drawn at random where there are many.

    Returns:
        (m,) rows, m at most `count`; fewer where the rest is known from them.
    """
    rows = np.arange(len(sites))
    if len(rows) > _CANDIDATES:
        drawn = np.random.default_rng(seed).choice(len(sites), _CANDIDATES, replace=False)
        rows = np.sort(drawn)
    some = _double(sites[rows])
    left = kernel.diagonal(some)
    least = _JITTER * left.max()
    factors = np.empty((count, len(rows)))
    chosen: list[int] = []
    while len(chosen) < min(count, len(rows)):
        pivot = int(left.argmax())
        if left[pivot] <= least:
            break
        new = kernel(Pairs(some[[pivot]], some))[0]
        known = factors[: len(chosen)]
        new -= known[:, pivot] @ known
        new /= np.sqrt(left[pivot])
        factors[len(chosen)] = new
        left = left - new**2
        left[pivot] = -np.inf
        chosen.append(pivot)
    return np.sort(rows[chosen])


class _Sparse:
    """Samples as inducing points see them: v = L⁻¹ k, with K = L Lᵀ of the points."""

    def __init__(self, kernel: Kernel, sites: Sites, values: Floats, inducing: Integers) -> None:
        self._kernel, self._sites, self._values = kernel, sites, values
        self._noise = sites.noise
        self.points = _double(sites[inducing])
        self.whitening = whitening(kernel, self.points)

    def chunks(self, rows: Any) -> Iterator[tuple[Integers, Floats, Floats]]:
        """Some of the samples: rows (n,), v (m, n), and k - |v|² (n,), what v does not tell."""
        index = np.arange(len(self._sites))[rows]
        step = max(1, _ELEMENTS // len(self.points))
        for start in range(0, len(index), step):
            part = index[start : start + step]
            sites = _double(self._sites[part])
            whitened = product(self.whitening, self._kernel(Pairs(self.points, sites)))
            known = np.einsum("ij,ij->j", whitened, whitened)
            yield part, whitened, np.maximum(self._kernel.diagonal(sites) - known, 0)

    def moments(self, rows: Any) -> tuple[Floats, Floats]:
        """Σ v vᵀ / λ (m, m) and Σ v y / λ (m,), where λ = noise + k - |v|²."""
        moments = np.zeros((len(self.points),) * 2)
        response = np.zeros(len(self.points))
        for part, whitened, residue in self.chunks(rows):
            weighed = whitened / (self._noise[part] + residue)
            moments += product(weighed, whitened.T)
            response += weighed @ self._values[part]
        return moments, response


def whitening(kernel: Kernel, points: Sites) -> Floats:
    """L⁻¹ (m, m), lower triangular, of the covariance L Lᵀ of points that stand for samples."""
    covariance = kernel(Pairs(points, points))
    covariance[np.diag_indices(len(points))] *= 1 + _JITTER
    inverse: Floats = np.linalg.inv(np.linalg.cholesky(covariance))
    return inverse


def _double(sites: Sites) -> Sites:
    return Sites(sites.features.astype(np.float64), sites.xyz, sites.noises)


# --- the choice of a kernel -----------------------------------------------------------------

# Samples on which variances and lengths are tried, drawn at random where there are more.
TUNED = 500
# Attempts at most for one kind of kernel, and the factors by which values are changed, in turn.
ATTEMPTS = 30
_FACTORS = (4.0, 2.0)
# Ratio of a variance to that of the noise: below, a term says nothing; above, rounding does.
_LEAST, _MOST = 2.0**-8, 2.0**10
# Variance of the slopes of a trend from which the search starts.
_SLOPE = 16.0

KRIGING = ("matern", "matern_length")
TREND = (*KRIGING, "linear")
SUM = ("linear", "rbf", "matern", "rbf_length", "matern_length")


def choose_kernel(
    sites: Sites,
    values: Floats,
    folds: Integers,
    *,
    step: Callable[[], None],
    seed: int = 0,
    trend: Sites | None = None,
) -> tuple[Kernel, Kernel]:
    """Kernels with the least error on left-out folds: for kriging alone, and for all terms.

    A search along the coordinates, from a few starts; deterministic.

    Args:
        sites: N samples.
        values: (N,), or (N, k) of several things that are to share a kernel.
        folds: (N,) number of the fold of each.
        step: called before each attempt, of which there are 2 · `ATTEMPTS` at most.
        seed: of the draw where there are more than `TUNED` samples.
        trend: the samples as kriging sees them where it has a linear trend: with the features of
            that alone.

    Returns:
        Of place alone (and the trend), of place and embedding.
    """
    if len(sites) > TUNED:
        rows = np.sort(np.random.default_rng(seed).choice(len(sites), TUNED, replace=False))
        sites, values, folds = sites[rows], values[rows], folds[rows]
        trend = None if trend is None else trend[rows]
    folds = np.unique(folds, return_inverse=True)[1].reshape(-1)
    pairs = Pairs(_double(sites), _double(sites))
    near, far = _lengths(pairs.chords)
    alike = float(np.sqrt(np.median(pairs.squares)))
    search = _Search(pairs, values, folds, step)
    middle = np.sqrt(near * far)
    starts = [
        Kernel(matern=4.0, matern_length=length, smoothness=smoothness)
        for length in (middle, far)
        for smoothness in (0.5, 1.5)
    ]
    place = _place_kernel(starts, search, trend)
    both = Kernel(1, 1, 1, max(alike, 1e-3), middle)
    starts = [both, Kernel(1, _LEAST, 4 * _LEAST, both.rbf_length, middle)]
    starts += [
        Kernel(share, share, place.matern, both.rbf_length, place.matern_length, place.smoothness)
        for share in (4 * _LEAST, 1.0)
    ]
    return place, search.best(starts, SUM)


def _place_kernel(starts: list[Kernel], search: _Search, trend: Sites | None) -> Kernel:
    """The kernel of kriging, with a linear trend where there is one (universal kriging)."""
    if trend is None:
        return search.best(starts, KRIGING)
    sloped = [replace(kernel, linear=_SLOPE) for kernel in starts]
    return search.of(Pairs(_double(trend), _double(trend))).best(sloped, TREND)


def _lengths(chords: Floats) -> tuple[float, float]:
    """From the spacing of the samples to their extent, in radii of the Earth."""
    apart = np.where(chords > 0, chords, np.inf).min(axis=1)
    near = float(np.median(apart[np.isfinite(apart)])) if np.isfinite(apart).any() else 1e-6
    return 2 * near, max(float(chords.max()), 4 * near)


class _Search:
    """Tries kernels, each once."""

    def __init__(
        self, pairs: Pairs, values: Floats, folds: Integers, step: Callable[[], None]
    ) -> None:
        self._pairs, self._values, self._folds, self._step = pairs, values, folds, step
        self._left = 0

    def of(self, pairs: Pairs) -> _Search:
        """The same with other features."""
        return _Search(pairs, self._values, self._folds, self._step)

    def best(self, starts: list[Kernel], names: tuple[str, ...]) -> Kernel:
        """The best kernel found from the best start, by changing the named values."""
        self._left = ATTEMPTS
        errors = [self._attempt(kernel) for kernel in starts]
        best = int(np.argmin(errors))
        kernel, error = starts[best], errors[best]
        for factor in _FACTORS:
            while True:
                better, found = self._round(kernel, error, names, factor)
                if not found < error * (1 - 1e-3):
                    kernel, error = better, found
                    break
                kernel, error = better, found
        return kernel

    def _round(
        self, kernel: Kernel, error: float, names: tuple[str, ...], factor: float
    ) -> tuple[Kernel, float]:
        """Each value in turn, larger or else smaller."""
        for name in names:
            for by in (factor, 1 / factor):
                changed = _changed(kernel, name, by)
                if changed is None or self._left == 0:
                    continue
                found = self._attempt(changed)
                if found < error:
                    kernel, error = changed, found
                    break
        return kernel, error

    def _attempt(self, kernel: Kernel) -> float:
        self._step()
        self._left -= 1
        return left_out_error(kernel, self._pairs, self._values, self._folds)


def _changed(kernel: Kernel, name: str, factor: float) -> Kernel | None:
    """The kernel with one value times a factor; None beyond its limits."""
    value = getattr(kernel, name) * factor
    if not name.endswith("length") and not _LEAST <= value <= _MOST:
        return None
    return Kernel(**{**vars(kernel), name: value})
