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

# Samples that stand for all, at most, and numbers that make a vector.
POINTS, LONGEST = 400, 256
# Share of the variance below which a direction tells no classes apart.
_LEAST = 1e-4
_ELEMENTS = 2**18
# Samples whose principal axes are taken.
_LOOKED_AT = 3000
# Of the variance, as for the inducing points of a process.
_JITTER = 1e-8


@dataclass(frozen=True)
class KernelVectors:
    """Vectors φ with φ(a) · φ(b) ≈ k(a, b) up to a scale (Williams & Seeger 2001).

    A linear model of them is a kernel model of what they were made of.

    Attributes:
        kernel: k.
        mean: (dim,) of the embeddings, and
        deviation: (dim,) their standard deviation, which make features of them.
        points: the samples that stand for all, (m) of them.
        root: (m, r): φ(a) = k(a, points) · root.
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
            (N, r).
        """
        out = np.empty((len(embeddings), self.root.shape[1]), embeddings.dtype)
        step = max(1, _ELEMENTS // len(self.points))
        for start in range(0, len(embeddings), step):
            rows = slice(start, start + step)
            made = features(embeddings[rows], self.mean, self.deviation)
            out[rows] = self.of_sites(Sites(made, xyz[rows]))
        return out

    def of_sites(self, sites: Sites) -> NDArray[Any]:
        """Vectors (N, r) of not too many places whose features are known."""
        points, root = self._single
        if sites.features.dtype != np.float32:
            points, root = self.points, self.root
        return product(self.kernel(Pairs(sites, points)), root)


def kernel_vectors(
    kernel: Kernel, sites: Sites, standard: tuple[Floats, Floats], *, seed: int = 0
) -> KernelVectors:
    """Vectors of a kernel, from samples, along the principal axes of theirs.

    They are scaled so that those of the samples have the length 1 about their middle, in the mean
    of squares: a penalty of a linear model then means the same for every kernel.

    Args:
        kernel: k.
        sites: N samples.
        standard: mean and deviation that made the features.
        seed: of the draw of points where there are many samples.
    """
    points = _double(sites[inducing_points(kernel, sites, POINTS, seed)])
    covariance = kernel(Pairs(points, points))
    covariance[np.diag_indices(len(points))] *= 1 + _JITTER
    root = np.linalg.inv(np.linalg.cholesky(covariance)).T
    some = np.sort(np.random.default_rng(seed).permutation(len(sites))[:_LOOKED_AT])
    known = product(kernel(Pairs(_double(sites[some]), points)), root)
    known -= known.mean(axis=0)
    variances, axes = np.linalg.eigh(product(known.T, known) / len(known))
    total = max(float(variances.sum()), 1e-12)
    kept = np.flatnonzero(variances > _LEAST * total)[::-1][:LONGEST]
    axes = axes[:, kept] if len(kept) else axes[:, -1:]
    return KernelVectors(kernel, *standard, points, product(root, axes) / np.sqrt(total))


def _double(sites: Sites) -> Sites:
    return Sites(sites.features.astype(np.float64), sites.xyz)
