"""RGB pictures: three principal components, the range of each colour, and the product of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import principal_components
from ..errors import InputError, call
from ..types import Float32, Floats
from .fitted import FittedFile
from .product import TOLERANCE, Fitting, Ready

if TYPE_CHECKING:
    from ..encoder import LocationEncoder


BASIS_FILE = FittedFile(
    "satclip-rgb-basis", "basis", "was fitted", "is no basis", call("RgbBasis.save")
)
# Percentiles that become 0 and 255.
STRETCH = (2.0, 98.0)
# Pixels that a basis is fitted on.
SAMPLE = 8192


@dataclass(frozen=True)
class RgbBasis:
    """Three principal components and the range that is spread over the colours.

    Attributes:
        mean: (dim,) of the embeddings it was fitted on.
        components: (3, dim).
        low: (3,) value that becomes 0.
        high: (3,) value that becomes 255.
        explained: (3,) share of the variance.
        model: name of the model.
        sha256: of the model file; colours of another model would mean nothing.
    """

    mean: Floats
    components: Floats
    low: Floats
    high: Floats
    explained: Floats
    model: str
    sha256: str

    @classmethod
    def fit(cls, encoder: LocationEncoder, lonlat: Floats, threads: int | None = None) -> RgbBasis:
        """The basis of some places, e.g. a sample of the pixels of a raster.

        Args:
            encoder: what embeds.
            lonlat: (N, 2) degrees.
            threads: number of threads; all available processors where None.

        Raises:
            InputError: the model has fewer than three dimensions.
        """
        if encoder.dim < 3:
            raise InputError(
                f"the model {encoder.name} has {encoder.dim} dimensions: RGB needs at least 3"
            )
        data = encoder.encode(lonlat, threads=threads, single=True)
        mean, components, explained = principal_components(data, 3)
        scores = (data - mean) @ components.T
        low, high = np.percentile(scores, STRETCH, axis=0)
        return cls(mean, components, low, high, explained, encoder.name, encoder.sha256)

    def colours(self, embeddings: Float32) -> Float32:
        """(..., dim) -> (..., 3) within 0..255, NaN where there is no data."""
        return self.stretched(embeddings @ self.components.T.astype(np.float32))

    def stretched(self, scores: Float32) -> Float32:
        """(..., 3) embeddings times components -> (..., 3) within 0..255."""
        offset = (self.mean @ self.components.T + self.low).astype(np.float32)
        # Where all of a sample is alike there is nothing to spread: the middle of the range.
        span = np.where(self.high > self.low, self.high - self.low, np.inf).astype(np.float32)
        share = (scores - offset) / span
        share = np.where(np.isinf(span), share + np.float32(0.5), share)
        colours: Float32 = np.clip(share * 255, 0, 255)
        return colours

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the basis was fitted for.

        Raises:
            InputError: it is another model.
        """
        BASIS_FILE.check(self.model, self.sha256, encoder)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the basis as JSON.

        Raises:
            OutputError: the file cannot be written, or exists and may not be replaced.
        """
        content: dict[str, Any] = {"stretch_percentiles": list(STRETCH)}
        for name in ("low", "high", "explained", "mean", "components"):
            content[name] = getattr(self, name).tolist()
        BASIS_FILE.save(path, content, model=self.model, sha256=self.sha256, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RgbBasis:
        """Read a basis that `save` wrote.

        Raises:
            InputError: missing, unreadable, of another kind, or damaged.
        """
        return cls._from(BASIS_FILE.load(path), Path(path))

    @classmethod
    def _from(cls, content: dict[str, Any], file: Path) -> RgbBasis:
        try:
            arrays = {
                name: np.array(content[name], np.float64)
                for name in ("mean", "components", "low", "high", "explained")
            }
            shapes = tuple(array.shape for array in arrays.values())
            dim = arrays["mean"].size
            whole = shapes == ((dim,), (3, dim), (3,), (3,), (3,)) and all(
                np.isfinite(array).all() for array in arrays.values()
            )
            if whole:
                return cls(
                    **arrays, model=str(content["model"]), sha256=str(content["weights_sha256"])
                )
        except (ArithmeticError, KeyError, TypeError, ValueError):
            pass
        raise BASIS_FILE.damaged(file)


@dataclass(frozen=True)
class RgbOf:
    """Three principal components as colours, wanted of the pixels of a raster."""

    def fit(self, fitting: Fitting) -> Rgb:
        """The product: its basis is fitted on a sample of the pixels."""
        places = fitting.sample(SAMPLE)
        return Rgb(RgbBasis.fit(fitting.encoder, places, threads=fitting.threads))


@dataclass(frozen=True)
class Rgb(Ready):
    """Three principal components as colours, with alpha: four bands of 0..255.

    Attributes:
        basis: the components and the range that is spread over the colours.
    """

    basis: RgbBasis

    dtype: str = field(default="uint8", init=False)
    nodata: None = field(default=None, init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=("red", "green", "blue", "alpha"), init=False)
    legend: None = field(default=None, init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The components by their colour."""
        return ("red: component 1", "green: component 2", "blue: component 3", "alpha")

    @property
    def tags(self) -> dict[str, str]:
        """How much of the variance the colours show, and their range."""
        basis = self.basis
        return {
            "product": "rgb",
            "values": "first three principal components, stretched over 0..255",
            "explained_variance": " ".join(f"{share:.4f}" for share in basis.explained),
            "stretch_low": " ".join(f"{value:.6g}" for value in basis.low),
            "stretch_high": " ".join(f"{value:.6g}" for value in basis.high),
        }

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the basis was fitted for.

        Raises:
            InputError: it is another model.
        """
        self.basis.check(encoder)

    @property
    def tolerance(self) -> float:
        """Error that 256 steps over four deviations, 0.016 each, do not show."""
        return TOLERANCE

    def __call__(self, embeddings: Float32) -> NDArray[np.uint8]:
        """(rows, cols, dim) -> (4, rows, cols); alpha 0, and black, where there is no data."""
        return self._banded(self.basis.colours(embeddings))

    @property
    def directions(self) -> Floats:
        """(3, dim), the components."""
        return self.basis.components

    def of_projections(self, projections: Float32) -> NDArray[np.uint8]:
        """(rows, cols, 3) -> (4, rows, cols), as of embeddings."""
        return self._banded(self.basis.stretched(projections))

    def _banded(self, colours: Float32) -> NDArray[np.uint8]:
        valid = np.isfinite(colours).all(axis=-1)
        out = np.zeros((4, *valid.shape), np.uint8)
        out[:3, valid] = np.rint(colours[valid]).astype(np.uint8).T
        out[3, valid] = 255
        return out
