"""Embeddings as vectors: norms, cosines, principal components, quantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..types import Float32, Floats


@dataclass(frozen=True)
class Quantisation:
    """Whole numbers that stand for the values of unit embeddings: value = scale · stored + offset.

    Attributes:
        dtype: numpy's name for the type that is stored.
        scale: value of one step, the same for all dimensions.
        zero: what is stored for the value 0.
        most: steps above and below zero; larger values are cut.
        nodata: what is stored in every dimension where there is no data.
    """

    dtype: str
    scale: float
    zero: int
    most: int
    nodata: int

    @classmethod
    def of(cls, dtype: str, largest: float) -> Quantisation:
        """The quantisation in which values up to `largest` have room.

        Args:
            dtype: a key of `STEPS`.
            largest: absolute value.
        """
        zero, most, nodata, room = STEPS[dtype]
        # Rounded, so that it is the same whatever BLAS is behind numpy.
        return cls(dtype, float(f"{room * largest / most:.5g}"), zero, most, nodata)

    @property
    def offset(self) -> float:
        """Value that a stored 0 stands for."""
        return -self.scale * self.zero

    def store(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """Unit embeddings (..., dim), NaN where there is no data, as whole numbers (..., dim)."""
        steps = np.asarray(embeddings / np.asarray(self.scale, embeddings.dtype))
        missing = np.isnan(steps)
        # In place: this is done for every pixel of a raster.
        np.rint(steps, out=steps)
        np.clip(steps, -self.most, self.most, out=steps)
        steps += self.zero
        np.copyto(steps, self.nodata, where=missing)
        return steps.astype(self.dtype)

    def restore(self, stored: NDArray[Any]) -> Float32:
        """What was stored (..., dim) as embeddings of norm 1, NaN where there is no data."""
        values = (stored.astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)
        values[(stored == self.nodata).any(axis=-1)] = np.nan
        return np.asarray(unit(values), np.float32)


# Types of whole numbers that every reader of rasters knows (signed bytes are none: GDAL before 3.7
# takes them for unsigned): what stands for 0, steps on either side, nodata, and the room above the
# largest value of a sample. Eight bits have none to give away.
STEPS: dict[str, tuple[int, int, int, float]] = {
    "uint8": (127, 127, 255, 1.0),
    "int16": (0, 32767, -32768, 1.25),
}


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


def cosine_loss(exact: NDArray[Any], kept: NDArray[Any]) -> tuple[float, float]:
    """Mean and largest 1 - cosine between embeddings and what is kept of them.

    Half the squared distance of unit vectors, which does not cancel as 1 - cosine does.

    Args:
        exact: (N, dim) of norm 1, float64.
        kept: (N, dim) of norm 1, float64.
    """
    loss = ((exact - kept) ** 2).sum(axis=-1) / 2
    return float(loss.mean()), float(loss.max())


def mean_embeddings(embeddings: Float32) -> tuple[Float32, Float32]:
    """Direction and length of the mean of each 2 x 2 pixels.

    The direction is that of the mean of unit vectors, the length the mean of the lengths, over the
    pixels that have data.

    Args:
        embeddings: (rows, cols, dim), NaN where there is no data; what lies beyond an odd last row
            or column counts as none.

    Returns:
        (rows / 2, cols / 2, dim) of norm 1 and (rows / 2, cols / 2, 1), rows and columns rounded
        up; NaN where no pixel has data, or unit vectors cancel.
    """
    height, width, dim = embeddings.shape
    padded = np.full((height + height % 2, width + width % 2, dim), np.nan, np.float32)
    padded[:height, :width] = embeddings
    lengths = _norms(padded)
    padded /= lengths
    present = np.isfinite(lengths)
    padded[~present[..., 0]] = 0
    lengths[~present] = 0
    total, summed = np.zeros_like(padded[::2, ::2]), np.zeros_like(lengths[::2, ::2])
    count = np.zeros_like(summed)
    for row, col in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total += padded[row::2, col::2]
        summed += lengths[row::2, col::2]
        count += present[row::2, col::2]
    length = np.full_like(summed, np.nan)
    np.divide(summed, count, out=length, where=count > 0)
    return unit(total), length


def _norms(embeddings: NDArray[Any]) -> NDArray[Any]:
    squares = np.einsum("...i,...i->...", embeddings, embeddings)[..., None]
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.where(squares > 0, squares, np.nan)).astype(embeddings.dtype)
