"""Positional encodings of the Siren(SH) paper's zoo (Rußwurm et al., ICLR 2024, section 3).

Each is a small function (lonlat, settings, xp) -> features, written over an array module
(numpy or torch), and an `Encoding` in the registry `ENCODINGS`, to which installed packages add
theirs (docs/extending.md). The ten of the zoo reproduce the published code exactly, including two
habits of it that trained weights depend on: Grid, Theory and the Sphere family feed **degrees as if
radians** to sine and cosine, and the Sphere family writes every feature twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi, sin
from typing import Any

import numpy as np

from ..errors import InputError
from ..extensions import Registry
from ..grid.sphere import unit_vectors
from .fourier import ScaledFourierSettings, scaled_fourier, scaled_fourier_width, scaled_plane
from .harmonics import spherical_harmonics

_MOST_DEGREES, _MOST_FREQUENCIES = 200, 1024


@dataclass(frozen=True)
class EncodingSettings:
    """What the encodings can be told; each uses the part it needs.

    Attributes:
        legendre_polys: L of the spherical harmonics; L² features.
        harmonics_calculation: basis of the spherical harmonics.
        frequency_num: F, the number of frequencies of the multi-scale encodings.
        min_radius: wavelength scale of the finest frequency, degrees.
        max_radius: wavelength scale of the coarsest frequency, degrees.
    """

    legendre_polys: int = 10
    harmonics_calculation: str = "analytic"
    frequency_num: int = 16
    min_radius: float = 1.0
    max_radius: float = 360.0

    def __post_init__(self) -> None:
        if not 1 <= self.legendre_polys <= _MOST_DEGREES:
            raise InputError(f"legendre_polys is {self.legendre_polys}, outside 1..{_MOST_DEGREES}")
        if not 1 <= self.frequency_num <= _MOST_FREQUENCIES:
            raise InputError(f"frequency_num is {self.frequency_num}, outside 1..1024")
        if not 0 < self.min_radius <= self.max_radius < inf:
            raise InputError(
                f"radii are {self.min_radius} and {self.max_radius}: "
                "they must be positive, the smaller one first"
            )

    @property
    def frequencies(self) -> list[float]:
        """f_k = 1 / (r_min (r_max / r_min)^(k / (F - 1))), k = 0..F-1, finest first."""
        steps = max(self.frequency_num - 1, 1)
        ratio = self.max_radius / self.min_radius
        return [1 / (self.min_radius * ratio ** (k / steps)) for k in range(self.frequency_num)]


@dataclass(frozen=True)
class Encoding:
    """A positional encoding, as the registry has it.

    Attributes:
        features: (lonlat (N, 2) float64 degrees, settings, xp) -> (N, width) of the module xp,
            numpy or torch.
        width: settings -> number of features.
        settings: a frozen dataclass, every field with a default: a number, a text, true or false,
            or a tuple of these. It refuses bad values with InputError.
        uses: those of its fields that the encoding reads; None for all.
        resolution: settings -> what it resolves, in degrees; None where nothing says so.
        formula: settings -> the encoding in a model's formula, e.g. `SH(lon, lat)`.
    """

    features: Callable[[Any, Any, Any], Any]
    width: Callable[[Any], int]
    settings: type[Any] = EncodingSettings
    uses: tuple[str, ...] | None = None
    resolution: Callable[[Any], float] | None = None
    formula: Callable[[Any], str] | None = None

    def __call__(self, lonlat: Any, settings: Any, xp: Any = np) -> Any:
        """The features."""
        return self.features(lonlat, settings, xp)


def direct(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Longitude and latitude in radians, both shifted by -pi as the published code does: (N, 2)."""
    return xp.deg2rad(lonlat) - pi


def cartesian3d(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """The point on the unit sphere, x, y, z: (N, 3)."""
    return unit_vectors(lonlat[:, 0], lonlat[:, 1], xp).T


def wrap(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Cosine and sine of longitude, then of latitude: (N, 4)."""
    lon, lat = _radians(lonlat, xp)
    return xp.stack([xp.cos(lon), xp.sin(lon), xp.cos(lat), xp.sin(lat)]).T


def grid(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Sine and cosine of f_k lon for all k, then of f_k lat: (N, 4F)."""
    rows = []
    for coordinate in (lonlat[:, 0], lonlat[:, 1]):
        for f in settings.frequencies:
            rows += [xp.sin(coordinate * f), xp.cos(coordinate * f)]
    return xp.stack(rows).T


def theory(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Sine and cosine of f_k <x, a_j>, unit vectors a_j at 0, 120 and 240 degrees: (N, 6F)."""
    projections = [
        lonlat[:, 0] * cos(2 * pi * j / 3) + lonlat[:, 1] * sin(2 * pi * j / 3) for j in range(3)
    ]
    rows = []
    for f in settings.frequencies:
        for projection in projections:
            rows += [xp.sin(projection * f), xp.cos(projection * f)]
    return xp.stack(rows).T


def _radians(lonlat: Any, xp: Any) -> tuple[Any, Any]:
    radians = xp.deg2rad(lonlat)
    return radians[:, 0], radians[:, 1]


def _sphere(
    lonlat: Any, settings: EncodingSettings, xp: Any, features: Callable[..., list[Any]]
) -> Any:
    """Stack `features(k-th sines and cosines, unscaled ones)` over k, each written twice."""
    unscaled = _sines_cosines(lonlat, 1.0, xp)
    rows = []
    for f in settings.frequencies:
        for row in features(_sines_cosines(lonlat, f, xp), unscaled):
            rows += [row, row]
    return xp.stack(rows).T


def _sines_cosines(lonlat: Any, factor: float, xp: Any) -> tuple[Any, Any, Any, Any]:
    """(sin lon, cos lon, sin lat, cos lat) of the scaled coordinates."""
    lon, lat = lonlat[:, 0] * factor, lonlat[:, 1] * factor
    return xp.sin(lon), xp.cos(lon), xp.sin(lat), xp.cos(lat)


def spherec(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereC: sin φ_k, cos φ_k cos λ_k, cos φ_k sin λ_k: (N, 6F)."""

    def features(scaled: tuple[Any, ...], unscaled: tuple[Any, ...]) -> list[Any]:
        sin_lon, cos_lon, sin_lat, cos_lat = scaled
        return [sin_lat, cos_lat * cos_lon, cos_lat * sin_lon]

    return _sphere(lonlat, settings, xp, features)


def spherecplus(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereC+: SphereC with the single sines and cosines of both coordinates: (N, 12F)."""

    def features(scaled: tuple[Any, ...], unscaled: tuple[Any, ...]) -> list[Any]:
        sin_lon, cos_lon, sin_lat, cos_lat = scaled
        return [sin_lat, cos_lat, sin_lon, cos_lon, cos_lat * cos_lon, cos_lat * sin_lon]

    return _sphere(lonlat, settings, xp, features)


def spherem(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereM: one coordinate scaled by f_k at a time, the other not: (N, 10F)."""

    def features(scaled: tuple[Any, ...], unscaled: tuple[Any, ...]) -> list[Any]:
        return [scaled[2], *_mixed(scaled, unscaled)]

    return _sphere(lonlat, settings, xp, features)


def spheremplus(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereM+: SphereM with the single sines and cosines of both coordinates: (N, 16F)."""

    def features(scaled: tuple[Any, ...], unscaled: tuple[Any, ...]) -> list[Any]:
        sin_lon, cos_lon, sin_lat, cos_lat = scaled
        return [sin_lat, cos_lat, sin_lon, cos_lon, *_mixed(scaled, unscaled)]

    return _sphere(lonlat, settings, xp, features)


def _mixed(scaled: tuple[Any, ...], unscaled: tuple[Any, ...]) -> list[Any]:
    sin_lon_k, cos_lon_k, _, cos_lat_k = scaled
    sin_lon, cos_lon, _, cos_lat = unscaled
    return [cos_lat_k * cos_lon, cos_lat * cos_lon_k, cos_lat_k * sin_lon, cos_lat * sin_lon_k]


def sphericalharmonics(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Spherical harmonics of degree l < L: (N, L²)."""
    return spherical_harmonics(lonlat, settings.legendre_polys, settings.harmonics_calculation, xp)


def _fixed(function: Callable[[Any, EncodingSettings, Any], Any], width: int) -> Encoding:
    """An encoding without settings."""
    return Encoding(function, lambda settings: width, uses=())


def _multi_scale(function: Callable[[Any, EncodingSettings, Any], Any], each: int) -> Encoding:
    """An encoding of F frequencies between two radii, with so many features for each."""
    return Encoding(
        function,
        lambda settings: each * int(settings.frequency_num),
        uses=("frequency_num", "min_radius", "max_radius"),
    )


_ZOO = {
    "direct": _fixed(direct, 2),
    "cartesian3d": _fixed(cartesian3d, 3),
    "wrap": _fixed(wrap, 4),
    "grid": _multi_scale(grid, 4),
    "theory": _multi_scale(theory, 6),
    "spherec": _multi_scale(spherec, 6),
    "spherecplus": _multi_scale(spherecplus, 12),
    "spherem": _multi_scale(spherem, 10),
    "spheremplus": _multi_scale(spheremplus, 16),
    "sphericalharmonics": Encoding(
        sphericalharmonics,
        lambda settings: int(settings.legendre_polys) ** 2,
        uses=("legendre_polys", "harmonics_calculation"),
        resolution=lambda settings: 180 / (2 * settings.legendre_polys),
    ),
}
ZOO = tuple(_ZOO)
"""The encodings of the paper."""

ENCODINGS: Registry[Encoding] = Registry(
    "satclip.encodings",
    "encoding",
    ("features", "width", "settings"),
    {
        **_ZOO,
        "scaledfourier": Encoding(scaled_fourier, scaled_fourier_width, ScaledFourierSettings),
        "equalearth": _fixed(scaled_plane, 2),
    },
)
"""Encodings by name: the zoo's, UniGeoCLIP's, GeoCLIP's, and those of installed packages."""


def encoding_dim(name: str, settings: Any) -> int:
    """Number of features of the encoding called `name`."""
    return ENCODINGS[name].width(settings)
