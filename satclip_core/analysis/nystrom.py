"""Places and embeddings as vectors in which a kernel is the scalar product (Nyström's method)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..types import Floats
from .gaussian import Kernel, Pairs, Sites, features, inducing_points

# Samples that stand for all, at most.
POINTS = 500
_ELEMENTS = 2**20
# Of the variance, as for the inducing points of a process.
_JITTER = 1e-8


@dataclass(frozen=True)
class KernelVectors:
    """Vectors φ with φ(a) · φ(b) ≈ k(a, b), exact at the points (Williams & Seeger 2001).

    A linear model of them is a kernel model of what they were made of.

    Attributes:
        kernel: k.
        mean: (dim,) of the embeddings, and
        deviation: (dim,) their standard deviation, which make features of them.
        points: the samples that stand for all, (m) of them.
        root: (m, m): φ(a) = k(a, points) · root.
    """

    kernel: Kernel
    mean: Floats
    deviation: Floats
    points: Sites
    root: Floats

    @cached_property
    def _single(self) -> tuple[Sites, NDArray[Any]]:
        points = Sites(self.points.features.astype(np.float32), self.points.xyz)
        return points, self.root.astype(np.float32)

    def __call__(self, embeddings: NDArray[Any], xyz: Floats) -> NDArray[Any]:
        """Vectors of places.

        Args:
            embeddings: (N, dim) float32 or float64, in whose precision is computed; no NaN.
            xyz: (N, 3) unit vectors.

        Returns:
            (N, m).
        """
        points, root = self._single
        if embeddings.dtype != np.float32:
            points, root = self.points, self.root
        out = np.empty((len(embeddings), root.shape[1]), embeddings.dtype)
        step = max(1, _ELEMENTS // len(points))
        for start in range(0, len(embeddings), step):
            rows = slice(start, start + step)
            made = features(embeddings[rows], self.mean, self.deviation)
            out[rows] = product(self.kernel(Pairs(Sites(made, xyz[rows]), points)), root)
        return out


def kernel_vectors(
    kernel: Kernel, sites: Sites, standard: tuple[Floats, Floats], *, seed: int = 0
) -> KernelVectors:
    """Vectors of a kernel, from samples.

    They are scaled so that those of the samples have the length 1 about their middle, in the mean
    of squares: a penalty of a linear model then means the same for every kernel.

    Args:
        kernel: k.
        sites: N samples.
        standard: mean and deviation that made the features.
        seed: of the draw of points where there are many samples.
    """
    points = sites[inducing_points(kernel, sites, POINTS, seed)]
    points = Sites(points.features.astype(np.float64), points.xyz)
    covariance = kernel(Pairs(points, points))
    covariance[np.diag_indices(len(points))] *= 1 + _JITTER
    root = np.linalg.inv(np.linalg.cholesky(covariance)).T
    # Of the variance about the middle, what two places differ in: constants say nothing.
    some = np.concatenate(
        [product(kernel(Pairs(_part(sites, rows), points)), root) for rows in _parts(sites, root)]
    )
    spread = float(((some - some.mean(axis=0)) ** 2).sum(axis=1).mean())
    return KernelVectors(kernel, *standard, points, root / np.sqrt(max(spread, 1e-12)))


def _parts(sites: Sites, root: Floats) -> list[slice]:
    step = max(1, _ELEMENTS // len(root))
    return [slice(start, start + step) for start in range(0, min(len(sites), 5 * POINTS), step)]


def _part(sites: Sites, rows: slice) -> Sites:
    return Sites(sites.features[rows].astype(np.float64), sites.xyz[rows])
