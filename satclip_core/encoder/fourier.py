"""Multi-scale random Fourier features of the Equal Earth plane: UniGeoCLIP's tokens.

UniGeoCLIP (EarthVision 2026), scaled latitude-longitude encoder; GeoCLIP (Vivanco Cepeda et al.
2023) has the same features at three scales. Tancik et al. 2020 is the source of random Fourier
features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Floats

# Šavrič, Patterson and Jenny 2018, The Equal Earth map projection, eq. 1 and 2.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
# GeoCLIP's factor, UniGeoCLIP's too: the plane is about 2 wide and 1 high.
_PLANE = 66.50336 / 180
_LARGEST_LOG2 = 24
_MOST_TOKENS, _MOST_FREQUENCIES = 64, 4096


@dataclass(frozen=True)
class ScaledFourierSettings:
    """What the scaled encoder's tokens are made of.

    Attributes:
        log2_scales: for each token the binary logarithm of σ; frequencies are drawn from N(0, σ²),
            in cycles per unit of the plane, which is about 180° of longitude.
        frequencies: of each token; it has a cosine and a sine of each.
        seed: of the frequencies, which are fixed: they are no weights.
    """

    log2_scales: tuple[float, ...] = (0, 4, 8, 12)
    frequencies: int = 384
    seed: int = 0

    def __post_init__(self) -> None:
        scales = self.log2_scales
        if not 1 <= len(scales) <= _MOST_TOKENS or not all(
            type(s) in (int, float) and abs(s) <= _LARGEST_LOG2 for s in scales
        ):
            raise InputError(
                f"log2_scales is {list(scales)}: give 1 to {_MOST_TOKENS} numbers within "
                f"±{_LARGEST_LOG2}"
            )
        if not 1 <= self.frequencies <= _MOST_FREQUENCIES:
            raise InputError(f"frequencies is {self.frequencies}, outside 1..{_MOST_FREQUENCIES}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed is {self.seed}, outside 0..{2**32 - 1}")


def scaled_fourier_width(settings: ScaledFourierSettings) -> int:
    """Number of features, all tokens together."""
    return 2 * settings.frequencies * len(settings.log2_scales)


def equal_earth(lonlat: Any, xp: Any = np) -> Any:
    """The Equal Earth projection of the unit sphere (Šavrič et al. 2018, eq. 1 and 2).

    Args:
        lonlat: (N, 2) degrees.
        xp: numpy or torch.

    Returns:
        (N, 2) x in ±2.7066, y in ±1.3174.
    """
    lon, lat = xp.deg2rad(lonlat[:, 0]), xp.deg2rad(lonlat[:, 1])
    a1, a2, a3, a4, root = _constants(lonlat, _A1, _A2, _A3, _A4, sqrt(3))
    theta = xp.arcsin(root * xp.sin(lat) / 2)
    square = theta * theta
    sixth = square * square * square
    slope = a1 + 3 * a2 * square + sixth * (7 * a3 + 9 * a4 * square)
    x = 2 * lon * xp.cos(theta) / (root * slope)
    y = theta * (a1 + a2 * square + sixth * (a3 + a4 * square))
    return xp.stack([x, y]).T


def scaled_plane(lonlat: Any, settings: Any, xp: Any = np) -> Any:
    """GeoCLIP's input: Equal Earth, scaled to be about 2 wide and 1 high: (N, 2)."""
    (factor,) = _constants(lonlat, _PLANE)
    return equal_earth(lonlat, xp) * factor


def _constants(like: Any, *values: float) -> list[Any]:
    """Numbers for arithmetic with an array; torch's in its precision.

    Graphs that are exported keep plain numbers in single precision, which the finest tokens show.
    """
    if isinstance(like, np.ndarray):
        return list(values)
    return [like.new_tensor(value) for value in values]


@lru_cache(maxsize=16)
def frequencies(settings: ScaledFourierSettings) -> Floats:
    """The matrix B of all tokens, one after the other: (tokens * frequencies, 2).

    numpy's legacy generator, whose numbers are the same in every version.
    """
    draws = np.random.RandomState(settings.seed)
    shape = settings.frequencies, 2
    drawn: Floats = np.concatenate(
        [2.0**scale * draws.standard_normal(shape) for scale in settings.log2_scales]
    )
    drawn.flags.writeable = False
    return drawn


def scaled_fourier(lonlat: Any, settings: ScaledFourierSettings, xp: Any = np) -> Any:
    """[cos, sin](2π B x) of each scale's token, tokens side by side.

    Phases are reduced to one turn in the precision of `lonlat`, which must be float64: at σ = 2¹²
    they go to ten thousand turns.

    Args:
        lonlat: (N, 2) degrees; longitudes are taken as they are, in -180..180.
        settings: scales, number of frequencies, seed.
        xp: numpy or torch.

    Returns:
        (N, tokens * 2 * frequencies) in the dtype of `lonlat`.
    """
    plane = scaled_plane(lonlat, settings, xp)
    matrix: Any = frequencies(settings)
    if xp is not np:
        # Copied: torch warns of arrays that cannot be written to.
        matrix = xp.as_tensor(matrix.copy(), dtype=plane.dtype, device=plane.device)
    turns = plane @ matrix.T
    phases = 2 * pi * (turns - xp.floor(turns + 0.5))
    tokens, count = len(settings.log2_scales), settings.frequencies
    phases = phases.reshape(-1, tokens, 1, count)
    both = xp.concatenate([xp.cos(phases), xp.sin(phases)], 2)
    return both.reshape(-1, tokens * 2 * count)
