"""What a model says of each sample without it, and how far each sample moves the model.

All models here are linear in the values, f = H y, so that nothing has to be fitted again: without
sample i its prediction is off by rᵢ = (y - f)ᵢ / (1 - hᵢ), h the diagonal of H, and the values
fitted at the other samples change by Hⱼᵢ rᵢ (Cook 1977, Technometrics 19: 15-18; for Gaussian
processes Rasmussen & Williams 2006, section 5.4.2). Kernel, penalty, the offset of a process and
the scale of embeddings stay as all samples made them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        errors: (m,) the standard error of that, as of a new sample; in units of the noise's
            standard deviation until `scaled`.
        moved: (m,) root mean square by which leaving it out changes what is fitted at the others.
    """

    rows: Integers
    without: Floats
    errors: Floats
    moved: Floats

    def scaled(self, noise: float) -> Influence:
        """The same with standard errors in units of the values, given those of the noise."""
        return replace(self, errors=self.errors * noise)


def ridge_influence(linear: Linear, root: Floats, embeddings: Floats, values: Floats) -> Influence:
    """Of ridge regression.

    Args:
        linear: the fitted model, of one output.
        root: (dim, dim) of `Ridge.root`: H = 1/N + U Uᵀ, U = Z root.
        embeddings: (N, dim) of the samples that it was fitted to, all of them.
        values: (N,).
    """
    count = len(values)
    known = product((embeddings - linear.mean) / linear.deviation, root)
    own = 1 / count + np.einsum("ij,ij->i", known, known)
    # Columns of U have the mean 0: the two terms of H do not mix.
    columns = 1 / count + np.einsum("ij,ij->i", product(known, product(known.T, known)), known)
    left = np.maximum(1 - own, 1e-12)
    off = (values - linear(embeddings)[:, 0]) / left
    moved = np.abs(off) * np.sqrt(np.maximum(columns - own**2, 0) / max(count - 1, 1))
    return Influence(np.arange(count), values - off, 1 / np.sqrt(left), moved)


def exact_influence(process: Gaussian, values: Floats) -> Influence:
    """Of an exact Gaussian process, whose points are the samples: H = I - A⁻¹, A = K + I.

    Args:
        process: fitted to the samples.
        values: (N,).
    """
    inverse = product(process.root, process.root.T)
    own = np.diag(inverse)
    off = process.weights / own
    others = np.maximum(np.einsum("ij,ij->i", inverse, inverse) - own**2, 0)
    moved = np.abs(off) * np.sqrt(others / max(len(values) - 1, 1))
    return Influence(np.arange(len(values)), values - off, 1 / np.sqrt(own), moved)


def sparse_influence(
    process: Gaussian, sites: Sites, values: Floats, rows: Integers, others: Integers
) -> Influence:
    """Of a process with inducing points: Hⱼᵢ = vⱼᵀ B⁻¹ vᵢ / λᵢ, as `left_out` has them.

    Args:
        process: fitted to the samples, with fewer points than these.
        sites: the N samples.
        values: (N,).
        rows: (m,) samples to look at.
        others: (k,) samples, none of these, at which changes are measured.
    """
    white = whitening(process.kernel, process.points)
    # B⁻¹ = I - Q Qᵀ, with Q = Lᵀ root and L⁻¹ the whitening.
    turned = product(np.linalg.inv(white).T, process.root)
    near = process.kernel(Pairs(process.points, sites[rows]))
    seen = product(white, near)
    told = seen - product(turned, product(turned.T, seen))
    residue = process.kernel.diagonal(sites[rows]) - np.einsum("ij,ij->j", seen, seen)
    noise = 1 + np.maximum(residue, 0)
    left = np.maximum(1 - np.einsum("ij,ij->j", seen, told) / noise, 1e-12)
    off = (values[rows] - process.offset - near.T @ process.weights) / left
    elsewhere = product(white, process.kernel(Pairs(process.points, sites[others])))
    changes = product(elsewhere.T, told) / noise
    moved = np.abs(off) * np.sqrt((changes**2).mean(axis=0))
    return Influence(rows, values[rows] - off, np.sqrt(noise / left), moved)
