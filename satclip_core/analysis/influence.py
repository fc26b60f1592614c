"""What a model says of each sample without it, and how far each sample moves the model.

All models here are linear in the values, f = H y, so that nothing has to be fitted again: without
sample i its prediction is off by rᵢ = (y - f)ᵢ / (1 - hᵢ), h the diagonal of H, and the values
fitted at other samples change by Hⱼᵢ rᵢ (Cook 1977, Technometrics 19: 15-18; for Gaussian
processes Rasmussen & Williams 2006, section 5.4.2). Kernel, penalty, the offset of a process and
the scale of embeddings stay as all samples made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compute.blas import product
from ..types import Floats, Integers
from .gaussian import Gaussian, Pairs, Sites, whitening
from .linear import Linear


@dataclass(frozen=True)
class Influence:
    """Leave-one-out results of some samples.

    Attributes:
        rows: (m,) which of the samples they are.
        without: (m,) what is predicted for each without it.
        errors: (m,) the standard error of that, as of the sample itself, in units of the noise's
            standard deviation.
        others: (k,) samples at which changes are known.
        changes: (k, m) by how much the value fitted at each of these is less without each of the
            former; 0 where the two are one.
    """

    rows: Integers
    without: Floats
    errors: Floats
    others: Integers
    changes: Floats

    def moved(self, slopes: Floats | None = None) -> Floats:
        """Root mean square of the changes that each sample makes, (m,).

        Args:
            slopes: (k,) of the scale that values are told in, at the others; 1 where None.
        """
        changes = self.changes if slopes is None else self.changes * slopes[:, None]
        own = self.others[:, None] == self.rows
        squares = np.where(own, 0, changes) ** 2
        return np.asarray(np.sqrt(squares.sum(axis=0) / np.maximum((~own).sum(axis=0), 1)))


def looked_at(suspicion: Floats, most: int, seed: int = 0) -> tuple[Integers, Integers]:
    """Which samples to look at, and at which to measure what they change.

    Args:
        suspicion: (N,) the larger, the more a sample is worth a look.
        most: number of either at most: all, where there are no more.
        seed: of the draw of the others.

    Returns:
        The most suspicious and, drawn at random from the rest, the others.
    """
    if len(suspicion) <= most:
        return np.arange(len(suspicion)), np.arange(len(suspicion))
    order = np.argsort(-suspicion, kind="stable")
    others = np.random.default_rng(seed).permutation(order[most:])[:most]
    return np.sort(order[:most]), np.sort(others)


def ridge_influence(
    linear: Linear,
    root: Floats,
    embeddings: Floats,
    values: Floats,
    weights: Floats | None,
    looked: tuple[Integers, Integers],
) -> Influence:
    """Of ridge regression: Hⱼᵢ = wᵢ (1 / N + uⱼ · uᵢ), U = Z root.

    Args:
        linear: the fitted model, of one output.
        root: (dim, dim) of `Ridge.root`.
        embeddings: (N, dim) of the samples that it was fitted to.
        values: (N,).
        weights: (N,) of the samples, 1 in the mean; all 1 where None.
        looked: of `looked_at`.
    """
    rows, others = looked
    count = len(values)
    own = np.ones(len(rows)) if weights is None else weights[rows]

    def known(some: Integers) -> Floats:
        return product((embeddings[some] - linear.mean) / linear.deviation, root)

    here = known(rows)
    left = np.maximum(1 - own * (1 / count + np.einsum("ij,ij->i", here, here)), 1e-12)
    off = (values[rows] - linear(embeddings[rows])[:, 0]) / left
    changes = (1 / count + product(known(others), here.T)) * (own * off)
    return Influence(rows, values[rows] - off, 1 / np.sqrt(own * left), others, changes)


def exact_influence(
    process: Gaussian, values: Floats, looked: tuple[Integers, Integers]
) -> Influence:
    """Of an exact Gaussian process, whose points are the samples: H = I - D A⁻¹, A = K + D.

    Args:
        process: fitted to the samples, with the noise D.
        values: (N,).
        looked: of `looked_at`.
    """
    rows, others = looked
    known = process.root[rows]
    own = np.einsum("ij,ij->i", known, known)
    off = process.weights[rows] / own
    inverse = product(process.root[others], known.T)
    changes = -process.points.noise[others][:, None] * inverse * off
    return Influence(rows, values[rows] - off, 1 / np.sqrt(own), others, changes)


def sparse_influence(
    process: Gaussian, sites: Sites, values: Floats, looked: tuple[Integers, Integers]
) -> Influence:
    """Of a process with inducing points: Hⱼᵢ = vⱼᵀ B⁻¹ vᵢ / λᵢ, as `left_out` has them.

    Args:
        process: fitted to the samples, with fewer points than these.
        sites: the N samples, with their noise.
        values: (N,).
        looked: of `looked_at`.
    """
    rows, others = looked
    white = whitening(process.kernel, process.points)
    # B⁻¹ = I - Q Qᵀ, with Q = Lᵀ root and L⁻¹ the whitening.
    turned = product(np.linalg.inv(white).T, process.root)
    near = process.kernel(Pairs(process.points, sites[rows]))
    seen = product(white, near)
    told = seen - product(turned, product(turned.T, seen))
    residue = process.kernel.diagonal(sites[rows]) - np.einsum("ij,ij->j", seen, seen)
    noise = sites[rows].noise + np.maximum(residue, 0)
    left = np.maximum(1 - np.einsum("ij,ij->j", seen, told) / noise, 1e-12)
    off = (values[rows] - process.offset - near.T @ process.weights) / left
    elsewhere = product(white, process.kernel(Pairs(process.points, sites[others])))
    changes = product(elsewhere.T, told) / noise * off
    return Influence(rows, values[rows] - off, np.sqrt(noise / left), others, changes)


def mixed_influence(
    shares: Sequence[float], members: Sequence[Influence], errors: Floats
) -> Influence:
    """Of a weighted mean of models, whose weights stay.

    Args:
        shares: weight of each.
        members: of each, for the same samples.
        errors: (m,) standard errors of the mean.
    """
    without = sum(share * one.without for share, one in zip(shares, members))
    changes = sum(share * one.changes for share, one in zip(shares, members))
    first = members[0]
    return Influence(first.rows, np.asarray(without), errors, first.others, np.asarray(changes))
