"""What the nearest samples know beyond a model: local kriging of its residuals.

A model that knows many samples by a few of them (inducing points) leaves out what is shorter than
their spacing. Its residuals at the nearest samples say that: kriging among those alone, as nearly
exact as with all, since near samples screen far ones (Stein 2002, Annals of Statistics 30: 298-323;
Datta et al. 2016, Journal of the American Statistical Association 111: 800-812).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..types import Floats, Integers
from .gaussian import Gaussian

# Samples that each place is kriged from.
NEIGHBOURS = 24
# Places whose neighbours are sought together, and places that are kriged at a time.
_TOGETHER, _KRIGED = 32, 2048
# Left-out samples on which lengths are tried.
_TRIED = 500
# Ratios of structured variance to noise, and lengths in spacings of the samples, that are tried.
_RATIOS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 32.0, 128.0)
_SPACINGS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# Share by which errors must fall for a correction to be made at all.
_WORTH = 0.998
_BITS = 10


def nearest(places: Floats, samples: Floats, count: int) -> tuple[Integers, Floats]:
    """The nearest samples of each place, exactly.

    Places are taken in groups as they come: of a group of radius r none has one of its nearest
    more than 2 r beyond the last of those nearest to the group's middle.

    Args:
        places: (N, 3) unit vectors, best with neighbours in a row.
        samples: (M, 3) unit vectors.
        count: how many, at most M.

    Returns:
        (N, count) rows of the samples, nearest first, and (N, count) chords to them.
    """
    rows = np.empty((len(places), count), np.int64)
    chords = np.empty((len(places), count))
    for start in range(0, len(places), _TOGETHER):
        group = places[start : start + _TOGETHER]
        middle = group.mean(axis=0)
        radius = np.sqrt(((group - middle) ** 2).sum(axis=1).max())
        away = np.sqrt(np.maximum(1 + middle @ middle - 2 * (samples @ middle), 0))
        # A hair more than 2 r, for rounding.
        limit = np.partition(away, count - 1)[count - 1] + 2.001 * radius + 1e-7
        near = np.flatnonzero(away <= limit)
        # From double precision: a chord of 1e-8, 0.1 m, is rounding.
        squares = 2 - 2 * (group @ samples[near].T)
        some = np.argpartition(squares, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(squares, some, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        rows[start : start + _TOGETHER] = near[np.take_along_axis(some, order, axis=1)]
        found = np.take_along_axis(found, order, axis=1)
        chords[start : start + _TOGETHER] = np.sqrt(np.maximum(found, 0))
    return rows, chords


def in_a_row(xyz: Floats) -> Integers:
    """An order of places (N, 3) in which neighbours mostly follow each other (Morton's curve)."""
    cells = ((xyz + 1) * (2 ** (_BITS - 1) - 1e-6)).astype(np.int64)
    code = np.zeros(len(xyz), np.int64)
    for bit in range(_BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


@dataclass(frozen=True)
class LocalKernel:
    """Covariance of residuals in units of their noise's variance: ratio · M(chord / length).

    Attributes:
        ratio: of the structured variance to that of the noise.
        length: in radii of the Earth.
    """

    ratio: float
    length: float

    def __call__(self, chords: NDArray[Any]) -> NDArray[Any]:
        """Exponential covariance, in the shape and type of the chords."""
        number = chords.dtype.type
        part = np.exp(chords * number(-1 / self.length))
        return np.asarray(np.multiply(part, number(self.ratio), out=part))

    def weights(
        self, among: NDArray[Any], chords: NDArray[Any], noises: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of simple kriging.

        Args:
            among: (N, k, k) chords between the neighbours.
            chords: (N, k) from the places to them.
            noises: (N, k) variance of the noise of each in units of that of a new value; all 1
                where None.

        Returns:
            (N, k) weights of the neighbours, and (N,) the share of the variance, noise included,
            of a new value that is left once they are known.
        """
        covariance = self(among)
        own = np.arange(among.shape[1])
        covariance[:, own, own] += 1 if noises is None else noises
        wanted = self(chords)
        weights = np.linalg.solve(covariance, wanted[:, :, None])[:, :, 0]
        known = np.einsum("ij,ij->i", weights, wanted)
        return weights, np.maximum(1 - known / (1 + self.ratio), 1 / (1 + self.ratio))


@dataclass(frozen=True)
class Neighbours:
    """Residuals of a model at its samples, for kriging.

    Attributes:
        kernel: their covariance.
        xyz: (N, 3) unit vectors.
        residuals: (N,) value minus what the model says.
        noises: (N,) variance of the noise of each in units of that of a new value; all 1 where
            None.
    """

    kernel: LocalKernel
    xyz: Floats
    residuals: Floats
    noises: Floats | None = None

    def __call__(
        self, places: Floats, dtype: Any = np.float64
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Corrections of the model at places, (N, 3) unit vectors.

        Args:
            places: best with neighbours in a row.
            dtype: to compute in.

        Returns:
            (N,) to add to the model, and (N,) the share that is left of the variance of a new
            value.
        """
        added, left = np.empty(len(places), dtype), np.empty(len(places), dtype)
        count = min(NEIGHBOURS, len(self.xyz))
        for start in range(0, len(places), _KRIGED):
            part = slice(start, start + _KRIGED)
            rows, chords = nearest(places[part], self.xyz, count)
            among = among_neighbours(self.xyz, rows).astype(dtype)
            weights, left[part] = self.kernel.weights(
                among, chords.astype(dtype), _of(self.noises, rows)
            )
            added[part] = np.einsum("ij,ij->i", weights, self.residuals[rows])
        return added, left


def _of(noises: Floats | None, rows: Integers) -> Floats | None:
    return None if noises is None else noises[rows]


@dataclass(frozen=True)
class Corrected:
    """A process of many samples, and what the nearest of them know beyond it.

    Attributes:
        process: means and standard errors, by inducing points.
        neighbours: its residuals.
    """

    process: Gaussian
    neighbours: Neighbours

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """The mean at places, (N, dim) and (N, 3) unit vectors, in the type of the embeddings."""
        added, _ = self.neighbours(xyz, embeddings.dtype)
        return np.asarray(self.process(embeddings, xyz) + added)

    def with_error(
        self, embeddings: NDArray[Any], xyz: Floats
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The mean and the standard error of a new sample, in units of the process's noise.

        The variance is that of the process, times the share of its residuals' that is left once
        the neighbours are known.
        """
        mean, errors = self.process.with_error(embeddings, xyz)
        added, left = self.neighbours(xyz, embeddings.dtype)
        return mean + added, errors * np.sqrt(left)


def among_neighbours(xyz: Floats, rows: Integers) -> Floats:
    """Chords (N, k, k) between the samples of each row of (N, k)."""
    points = xyz[rows]
    squares = 2 - 2 * (points @ points.transpose(0, 2, 1))
    np.maximum(squares, 0, out=squares)
    return np.asarray(np.sqrt(squares, out=squares))


@dataclass(frozen=True)
class LeftOut:
    """What a model says of samples without folds of them, ready for kernels to be tried.

    Attributes:
        xyz: (N, 3) unit vectors of the samples.
        values: (N,).
        folds: (N,) number of the fold of each.
        without: (folds, N) what the model without a fold says of all samples.
        noises: (N,) as in `Neighbours`.
    """

    xyz: Floats
    values: Floats
    folds: Integers
    without: Floats
    noises: Floats | None = None

    @property
    def predicted(self) -> Floats:
        """(N,) for each sample, of the model without its fold."""
        return self.without[self.folds, np.arange(len(self.folds))]

    def neighbours(self, wanted: Integers) -> Iterator[tuple[Integers, Integers, Floats]]:
        """By fold: rows (n,) of those wanted, their neighbours of other folds (n, k), chords."""
        for fold in range(len(self.without)):
            test = wanted[self.folds[wanted] == fold]
            train = np.flatnonzero(self.folds != fold)
            if len(test) == 0:
                continue
            test = test[in_a_row(self.xyz[test])]
            rows, chords = nearest(self.xyz[test], self.xyz[train], min(NEIGHBOURS, len(train)))
            yield test, train[rows], chords

    def corrected(self, kernel: LocalKernel) -> tuple[Floats, Floats]:
        """Predictions (N,) with neighbours of other folds, and (N,) shares of variance left."""
        predicted, left = self.predicted, np.empty(len(self.values))
        for test, rows, chords in self.neighbours(np.arange(len(self.values))):
            residuals = self.values - self.without[self.folds[test[0]]]
            for start in range(0, len(test), _KRIGED):
                part = slice(start, start + _KRIGED)
                among = among_neighbours(self.xyz, rows[part])
                own = _of(self.noises, rows[part])
                weights, left[test[part]] = kernel.weights(among, chords[part], own)
                predicted[test[part]] += np.einsum("ij,ij->i", weights, residuals[rows[part]])
        return predicted, left


def choose_local_kernel(
    left_out: LeftOut, *, step: Callable[[], None], seed: int = 0
) -> LocalKernel | None:
    """The covariance of residuals with the least error on left-out samples; None if none helps.

    Args:
        left_out: the model without its folds.
        step: called before each attempt.
        seed: of the draw of samples that are looked at.
    """
    count = len(left_out.values)
    wanted = np.random.default_rng(seed).permutation(count)[:_TRIED]
    cases = [_Case.of(left_out, *found) for found in left_out.neighbours(wanted)]
    spacing = max(float(np.median(np.concatenate([case.chords[:, 0] for case in cases]))), 1e-7)
    parts = sum(float((case.truth**2).sum()) for case in cases)

    def error(kernel: LocalKernel) -> float:
        step()
        return sum(case.error(kernel) for case in cases)

    best, least = _descend(error, spacing)
    return best if least < _WORTH * parts else None


@dataclass(frozen=True)
class _Case:
    """Left-out samples of one fold, with the residuals of neighbours of other folds."""

    among: Floats
    chords: Floats
    noises: Floats | None
    known: Floats
    truth: Floats

    @classmethod
    def of(cls, left_out: LeftOut, test: Integers, rows: Integers, chords: Floats) -> _Case:
        residuals = left_out.values - left_out.without[left_out.folds[test[0]]]
        among = among_neighbours(left_out.xyz, rows)
        return cls(among, chords, _of(left_out.noises, rows), residuals[rows], residuals[test])

    def error(self, kernel: LocalKernel) -> float:
        """Sum of squares that are left."""
        weights, _ = kernel.weights(self.among, self.chords, self.noises)
        return float(((np.einsum("ij,ij->i", weights, self.known) - self.truth) ** 2).sum())


def _descend(error: Callable[[LocalKernel], float], spacing: float) -> tuple[LocalKernel, float]:
    """The best of a grid, found along its axes from the middle."""
    known: dict[tuple[int, int], float] = {}

    def at(place: tuple[int, int]) -> float:
        if place not in known:
            kernel = LocalKernel(_RATIOS[place[0]], spacing * _SPACINGS[place[1]])
            known[place] = error(kernel)
        return known[place]

    place = (len(_RATIOS) // 2, len(_SPACINGS) // 2)
    while True:
        around = [
            (place[0] + up, place[1] + on)
            for up, on in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1))
            if 0 <= place[0] + up < len(_RATIOS) and 0 <= place[1] + on < len(_SPACINGS)
        ]
        best = min(around, key=at)
        if best == place:
            kernel = LocalKernel(_RATIOS[place[0]], spacing * _SPACINGS[place[1]])
            return kernel, known[place]
        place = best
