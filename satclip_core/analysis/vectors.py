"""Embeddings as vectors: norms, cosines, principal components, quantisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..types import Float32, Floats

INT8_NODATA = -128
_INT8_MOST = 127


def unit(embeddings: NDArray[Any]) -> NDArray[Any]:
    """Embeddings scaled to Euclidean norm 1.

    Args:
        embeddings: (..., dim) floats; NaN stays NaN.

    Returns:
        (..., dim) in the same dtype; a zero vector, which has no direction, becomes NaN.
    """
    directions: NDArray[Any] = embeddings / _norms(embeddings)
    return directions


def cosine_similarity(embeddings: NDArray[Any], references: NDArray[Any]) -> NDArray[Any]:
    """Cosine of the angle between each embedding and each reference.

    Args:
        embeddings: (..., dim) floats, of any norm.
        references: (k, dim) floats, of any norm.

    Returns:
        (..., k) in the dtype of the embeddings, within [-1, 1]; NaN where one is NaN or zero.
    """
    directions = unit(references.astype(np.float64)).astype(embeddings.dtype)
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    cosines = product(flat, directions.T).reshape(*embeddings.shape[:-1], len(directions))
    cosines /= _norms(embeddings)
    return np.clip(cosines, -1, 1, out=cosines)


def principal_components(embeddings: NDArray[Any], count: int) -> tuple[Floats, Floats, Floats]:
    """Principal components by the eigenvectors of the covariance.

    Each component is turned so that its largest weight is positive: the same data give the
    same signs everywhere.

    Args:
        embeddings: (N, dim), N >= 1, finite.
        count: number of components, at most dim.

    Returns:
        mean (dim,), components (count, dim) of norm 1, and the share of the variance that each
        explains (count,), 0 where there is none.
    """
    data = np.asarray(embeddings, np.float64)
    mean = data.mean(axis=0)
    centred = data - mean
    values, vectors = np.linalg.eigh(product(centred.T, centred) / len(data))
    components = vectors[:, ::-1].T[:count]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    total = values.clip(min=0).sum()
    shares = values[::-1][:count].clip(min=0) / (total if total > 0 else 1.0)
    return mean, components * signs[:, None], shares


def quantise(embeddings: NDArray[Any], scale: float) -> NDArray[np.int8]:
    """Unit embeddings as 8-bit integers: round(value / scale), cut to -127..127.

    Args:
        embeddings: (..., dim), of norm 1; NaN is nodata.
        scale: value of one step, the same for all dimensions.

    Returns:
        (..., dim) int8, -128 in every dimension where there is no data.
    """
    steps = np.rint(embeddings / np.asarray(scale, embeddings.dtype))
    steps = np.clip(steps, -_INT8_MOST, _INT8_MOST)
    return np.where(np.isnan(steps), INT8_NODATA, steps).astype(np.int8)


def dequantise(quantised: NDArray[np.int8], scale: float) -> Float32:
    """8-bit integers back to embeddings of norm 1: value · scale, divided by the norm.

    Args:
        quantised: (..., dim) int8, of `quantise`.
        scale: value of one step; it cancels out in the norm, and is kept for its meaning.

    Returns:
        (..., dim) float32 of norm 1, NaN where there is no data.
    """
    values = quantised.astype(np.float32) * np.float32(scale)
    values[(quantised == INT8_NODATA).any(axis=-1)] = np.nan
    return np.asarray(unit(values), np.float32)


def cosine_loss(exact: NDArray[Any], kept: NDArray[Any]) -> tuple[float, float]:
    """Mean and largest 1 - cosine between embeddings and what is kept of them.

    Half the squared distance of unit vectors, which does not cancel as 1 - cosine does.

    Args:
        exact: (N, dim) of norm 1, float64.
        kept: (N, dim) of norm 1, float64.
    """
    loss = ((exact - kept) ** 2).sum(axis=-1) / 2
    return float(loss.mean()), float(loss.max())


def _norms(embeddings: NDArray[Any]) -> NDArray[Any]:
    squares = np.einsum("...i,...i->...", embeddings, embeddings)[..., None]
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.where(squares > 0, squares, np.nan)).astype(embeddings.dtype)
