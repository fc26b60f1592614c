"""A multi-resolution feature grid over the whole sphere, as a network of the zoo.

Müller et al. 2022 (Instant Neural Graphics Primitives) read learnt values from grids of several
resolutions and let a small network see them side by side. Here the grids are rows of cells about as
wide as high (`field`), read by quadratic B-splines: continuous over cells, the antimeridian and the
poles. Cells are all kept and their values are weights like others; the sparse, quantised grid of
the bundled model is `two_part`.

The network stands on the encoding `direct`, of which it takes longitude and latitude back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt
from typing import Any

import numpy as np

from ..errors import InputError
from .field import RUN, Rows, rows_of, runs_of_rows, taps
from .layers import Dropout, Parameter, Weights, affine, affine_parameters

_MOST_ROWS, _MOST_LEVELS, _MOST_CHANNELS = 2_000, 16, 64
# Of the values of cells before training, as Müller et al. draw theirs: almost nothing.
_DEVIATION = 0.01


@dataclass(frozen=True)
class FeatureGridSettings:
    """The grids, and the layer that reads them.

    Attributes:
        rows: from pole to pole, of each grid: 180 are cells of a degree.
        channels: numbers in a cell.
        hidden: width of the hidden layer.
    """

    rows: tuple[int, ...] = (180, 45)
    channels: int = 8
    hidden: int = 256

    def __post_init__(self) -> None:
        if not 1 <= len(self.rows) <= _MOST_LEVELS:
            raise InputError(f"rows has {len(self.rows)} grids, outside 1..{_MOST_LEVELS}")
        for count in self.rows:
            if not 3 <= count <= _MOST_ROWS:
                raise InputError(f"rows: {count} is outside 3..{_MOST_ROWS}")
        if not 1 <= self.channels <= _MOST_CHANNELS:
            raise InputError(f"channels is {self.channels}, outside 1..{_MOST_CHANNELS}")
        if self.hidden < 1:
            raise InputError(f"hidden is {self.hidden}: it must be 1 or more")


def feature_grid_parameters(width: int, dim: int, settings: FeatureGridSettings) -> list[Parameter]:
    """The weights before training: values of cells, a hidden layer, the output.

    Raises:
        InputError: the encoding is another than `direct`.
    """
    if width != 2:
        raise InputError(f"a feature grid reads longitude and latitude, not {width} features: "
                         "the encoding has to be 'direct'")  # fmt: skip
    made = [
        Parameter(f"grids.{index}", (_size(count), settings.channels), deviation=_DEVIATION)
        for index, count in enumerate(settings.rows)
    ]
    read = len(settings.rows) * settings.channels
    made += affine_parameters("hidden", read, settings.hidden, 1 / sqrt(read))
    return made + affine_parameters("last_layer", settings.hidden, dim, 1 / sqrt(settings.hidden))


def feature_grid(
    features: Any, weights: Weights, settings: FeatureGridSettings, xp: Any, drop: Dropout | None
) -> Any:
    """Read the grids at places and pass them through the layers.

    Args:
        features: (N, 2) of the encoding `direct`.
        weights: `grids.I` (cells, channels), `hidden`, `last_layer`.
        settings: which grids.
        xp: numpy or torch.
        drop: applied to the hidden layer while training.

    Returns:
        (N, dim).
    """
    lonlat = xp.rad2deg(features + pi)
    read = []
    for index, count in enumerate(settings.rows):
        cells, shares = taps(lonlat[:, 0], lonlat[:, 1], _rows(count, xp, features), xp)
        values = weights[f"grids.{index}"][cells]
        read.append((values * _like(shares, values)[..., None]).sum(1))
    hidden = xp.clip(affine(xp.concatenate(read, 1), weights, "hidden"), 0, None)
    return affine(hidden if drop is None else drop(hidden), weights, "last_layer")


def _size(count: int) -> int:
    """Cells of a grid as they are stored: in whole runs, the first of which is never read."""
    return (int(runs_of_rows(count)[-1]) + 1) * RUN


@lru_cache(maxsize=_MOST_LEVELS)
def _all_rows(count: int) -> Rows:
    return rows_of(count, np.ones(int(runs_of_rows(count)[-1]), bool))


def _rows(count: int, xp: Any, like: Any) -> Rows:
    rows = _all_rows(count)
    if xp is np:
        return rows
    arrays = (xp.asarray(a, device=like.device) for a in (rows.cells, rows.first, rows.slots))
    return Rows(count, *arrays)


def _like(shares: Any, values: Any) -> Any:
    """Shares in the type of the values, whichever module they are of."""
    return shares.astype(values.dtype) if isinstance(shares, np.ndarray) else shares.to(values)
