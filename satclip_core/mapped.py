"""Products of what was learnt from samples: predicted numbers, or classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .analysis import Linear, softmax
from .legend import Legend


@dataclass(frozen=True)
class MappedValue:
    """A predicted number: one float band, NaN where there is no data.

    Attributes:
        name: of what was sampled.
        linear: from embeddings to the number.
        report: of the fit (`mapping.MapModel`).
    """

    name: str
    linear: Linear
    report: dict[str, Any]

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The name of what was sampled."""
        return (self.name,)

    @property
    def tags(self) -> dict[str, str]:
        """What it was learnt from, and how well."""
        return _tags(self.report, f"{self.name}, predicted by ridge regression")

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """(rows, cols, dim) -> (1, rows, cols)."""
        bands: NDArray[np.float32] = self.linear(embeddings).transpose(2, 0, 1)
        return bands


@dataclass(frozen=True)
class MappedClasses:
    """The most probable class as its code, and on request the probability of each in per cent.

    All bands are of one unsigned type, with its largest value where there is no data.

    Attributes:
        name: of what was sampled.
        linear: from embeddings to the scores of the classes.
        legend: the classes.
        report: of the fit (`mapping.MapModel`).
        probabilities: whether bands of probabilities follow.
    """

    name: str
    linear: Linear
    legend: Legend
    report: dict[str, Any]
    probabilities: bool = False

    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)

    @property
    def bands(self) -> tuple[str, ...]:
        """The class, then the probabilities."""
        chances = [f"probability of {name}, %" for name in self.legend.names]
        return (self.name, *(chances if self.probabilities else ()))

    @property
    def dtype(self) -> str:
        """uint8, or uint16 for codes beyond 254."""
        return self.legend.dtype

    @property
    def nodata(self) -> float:
        """255 or 65535."""
        return self.legend.nodata

    @property
    def tags(self) -> dict[str, str]:
        """What it was learnt from, how well, and what the codes mean."""
        values = f"code of the most probable class of {self.name}, by logistic regression"
        if self.probabilities:
            values += "; then the probability of each class, whole per cent"
        return {**_tags(self.report, values), "classes": self.legend.to_json()}

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[Any]:
        """(rows, cols, dim) -> (bands, rows, cols)."""
        scores = self.linear(embeddings)
        missing = ~np.isfinite(scores).all(axis=-1)
        scores[missing] = 0
        out = np.empty((len(self.bands), *missing.shape), self.dtype)
        out[0] = np.array(self.legend.codes, self.dtype)[scores.argmax(axis=-1)]
        if self.probabilities:
            out[1:] = np.moveaxis(np.rint(100 * softmax(scores)), -1, 0)
        out[:, missing] = self.nodata
        return out


def _tags(report: dict[str, Any], values: str) -> dict[str, str]:
    """The report, flat: its scores are those of left-out spatial blocks."""
    tags = {
        "product": "map",
        "values": values,
        "column": report["column"],
        "samples": str(report["samples"]),
        "validation": f"{report['folds']} folds of {report['blocks']} spatial blocks",
        "penalty": f"{report['penalty']:.6g}",
    }
    for name, score in report["score"].items():
        if isinstance(score, float):
            tags[f"cross_validated_{name}"] = f"{score:.6g}"
    return tags
