"""Positional encodings of the Siren(SH) paper's zoo (Rußwurm et al., ICLR 2024, section 3).

Each is a small function (lonlat, settings, xp) -> features, written over an array module
(numpy or torch), and an `Encoding` in the registry `ENCODINGS`, to which installed packages add
theirs (docs/extending.md). The ten of the zoo reproduce the published code exactly, including two
habits of it that trained weights depend on: Grid, Theory and the Sphere family feed **degrees as if
radians** to sine and cosine, and the Sphere family writes every feature twice. TorchSpatial's
(Wu et al., NeurIPS 2024), whose published weights `models.torchspatial` opens, have the Sphere
family in radians and once, as Mai et al. 2023 (Sphere2Vec) do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, inf, pi, sin
from typing import Any

import numpy as np

from ..errors import InputError
from ..extensions import Registry
from ..grid.sphere import unit_vectors
from .fourier import ScaledFourierSettings, scaled_fourier, scaled_fourier_width, scaled_plane
from .harmonics import spherical_harmonics

_MOST_DEGREES, _MOST_FREQUENCIES = 200, 1024
_MOST_OCTAVES, _MOST_TILES = 64, 2**24


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
        fine: whether its features may vary over any distance, so that no lattice stands for them.
    """

    features: Callable[[Any, Any, Any], Any]
    width: Callable[[Any], int]
    settings: type[Any] = EncodingSettings
    uses: tuple[str, ...] | None = None
    resolution: Callable[[Any], float] | None = None
    formula: Callable[[Any], str] | None = None
    fine: bool = False

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


Waves = tuple[Any, Any, Any, Any]
"""sin lon, cos lon, sin lat, cos lat of scaled coordinates, each (N,)."""


def _sphere(
    lonlat: Any,
    settings: EncodingSettings,
    xp: Any,
    features: Callable[[Waves, Waves], list[Any]],
    *,
    copies: int = 2,
) -> Any:
    """Stack `features(k-th sines and cosines, unscaled ones)` over k, each so many times."""
    unscaled = _sines_cosines(lonlat, 1.0, xp)
    rows = []
    for f in settings.frequencies:
        for row in features(_sines_cosines(lonlat, f, xp), unscaled):
            rows += [row] * copies
    return xp.stack(rows).T


def _sines_cosines(lonlat: Any, factor: float, xp: Any) -> Waves:
    """(sin lon, cos lon, sin lat, cos lat) of the scaled coordinates."""
    lon, lat = lonlat[:, 0] * factor, lonlat[:, 1] * factor
    return xp.sin(lon), xp.cos(lon), xp.sin(lat), xp.cos(lat)


def _c(scaled: Waves, unscaled: Waves) -> list[Any]:
    sin_lon, cos_lon, sin_lat, cos_lat = scaled
    return [sin_lat, cos_lat * cos_lon, cos_lat * sin_lon]


def _cplus(scaled: Waves, unscaled: Waves) -> list[Any]:
    return [*_single(scaled), *_c(scaled, unscaled)[1:]]


def _m(scaled: Waves, unscaled: Waves) -> list[Any]:
    return [scaled[2], *_mixed(scaled, unscaled)]


def _mplus(scaled: Waves, unscaled: Waves) -> list[Any]:
    return [*_single(scaled), *_mixed(scaled, unscaled)]


def _single(scaled: Waves) -> list[Any]:
    sin_lon, cos_lon, sin_lat, cos_lat = scaled
    return [sin_lat, cos_lat, sin_lon, cos_lon]


def _mixed(scaled: Waves, unscaled: Waves) -> list[Any]:
    sin_lon_k, cos_lon_k, _, cos_lat_k = scaled
    sin_lon, cos_lon, _, cos_lat = unscaled
    return [cos_lat_k * cos_lon, cos_lat * cos_lon_k, cos_lat_k * sin_lon, cos_lat * sin_lon_k]


def spherec(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereC: sin φ_k, cos φ_k cos λ_k, cos φ_k sin λ_k: (N, 6F)."""
    return _sphere(lonlat, settings, xp, _c)


def spherecplus(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereC+: SphereC with the single sines and cosines of both coordinates: (N, 12F)."""
    return _sphere(lonlat, settings, xp, _cplus)


def spherem(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereM: one coordinate scaled by f_k at a time, the other not: (N, 10F)."""
    return _sphere(lonlat, settings, xp, _m)


def spheremplus(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """SphereM+: SphereM with the single sines and cosines of both coordinates: (N, 16F)."""
    return _sphere(lonlat, settings, xp, _mplus)


def sphere2vec(features: Callable[[Waves, Waves], list[Any]]) -> Callable[[Any, Any, Any], Any]:
    """The same families as Sphere2Vec has them (Mai et al. 2023): of radians, and once."""

    def made(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
        return _sphere(xp.deg2rad(lonlat), settings, xp, features, copies=1)

    return made


def sphere2vec_dfs(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Sphere2Vec's double Fourier series: (N, 4F² + 4F).

    All products of (sin λ_k, cos λ_k) and (sin φ_k, cos φ_k), then these themselves.
    """
    waves = [_sines_cosines(xp.deg2rad(lonlat), f, xp) for f in settings.frequencies]
    lon = xp.stack([w[0] for w in waves] + [w[1] for w in waves]).T
    lat = xp.stack([w[2] for w in waves] + [w[3] for w in waves]).T
    products = (lon[:, :, None] * lat[:, None, :]).reshape(len(lonlat), -1)
    single = xp.stack([row for w in waves for row in _single(w)]).T
    return xp.concatenate([products, single], 1)


@dataclass(frozen=True)
class OctaveSettings:
    """What `nerf` can be told.

    Attributes:
        frequency_num: F, the number of octaves: π, 2π, 4π, … turns by radius.
    """

    frequency_num: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.frequency_num <= _MOST_OCTAVES:
            raise InputError(f"frequency_num is {self.frequency_num}, outside 1..{_MOST_OCTAVES}")


def nerf(lonlat: Any, settings: OctaveSettings, xp: Any = np) -> Any:
    """NeRF's features of the point on the unit sphere (Mildenhall et al. 2020, eq. 4): (N, 6F).

    Sines of 2^k π x for all k, then of y, of z, and the cosines.
    """
    xyz = unit_vectors(lonlat[:, 0], lonlat[:, 1], xp)
    scaled = xp.stack([c * (pi * 2.0**k) for c in xyz for k in range(settings.frequency_num)])
    return xp.concatenate([xp.sin(scaled), xp.cos(scaled)]).T


@dataclass(frozen=True)
class ExtentSettings:
    """The part of the plane of degrees that an encoding is of.

    Attributes:
        bounds: west, south, east, north, degrees.
    """

    bounds: tuple[float, ...] = (-180.0, -90.0, 180.0, 90.0)

    def __post_init__(self) -> None:
        numbers = len(self.bounds) == 4 and all(type(b) in (int, float) for b in self.bounds)
        if not numbers or not -inf < self.bounds[0] < self.bounds[2] < inf:
            raise InputError(f"bounds is {list(self.bounds)}: give west, south, east, north")
        if not -inf < self.bounds[1] < self.bounds[3] < inf:
            raise InputError(f"bounds is {list(self.bounds)}: south comes before north")


@dataclass(frozen=True)
class TileSettings(ExtentSettings):
    """Tiles of an extent.

    Attributes:
        interval: their side, degrees.
    """

    interval: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        sides = self.bounds[2] - self.bounds[0], self.bounds[3] - self.bounds[1]
        few = 0 < self.interval < inf and max(sides) <= _MOST_TILES * self.interval
        if not few or self.tiles > _MOST_TILES:
            raise InputError(f"interval is {self.interval}: it makes no tiles, or too many")

    @property
    def columns(self) -> int:
        """Tiles from west to east."""
        return ceil((self.bounds[2] - self.bounds[0]) / self.interval)

    @property
    def tiles(self) -> int:
        """All of them."""
        return self.columns * ceil((self.bounds[3] - self.bounds[1]) / self.interval)


def extent(lonlat: Any, settings: ExtentSettings, xp: Any = np) -> Any:
    """Longitude and latitude, both -1..1 from edge to edge: (N, 2)."""
    west, south, east, north = settings.bounds
    x = (lonlat[:, 0] - west) * (2 / (east - west)) - 1
    y = (lonlat[:, 1] - south) * (2 / (north - south)) - 1
    return xp.stack([x, y]).T


def tile(lonlat: Any, settings: TileSettings, xp: Any = np) -> Any:
    """The number of the tile, from the south-west, row by row; the nearest beyond it: (N, 1)."""
    west, south = settings.bounds[:2]
    columns = settings.columns
    col = xp.clip(xp.floor((lonlat[:, 0] - west) / settings.interval), 0, columns - 1)
    most = settings.tiles // columns - 1
    row = xp.clip(xp.floor((lonlat[:, 1] - south) / settings.interval), 0, most)
    return (row * columns + col)[:, None]


def geoprior(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Sines, then cosines, of λ and of 2φ: both coordinates from -π to π (Mac Aodha et al. 2019).

    (N, 4). Poles are thereby one with the equator.
    """
    lon, lat = _radians(lonlat, xp)
    return xp.stack([xp.sin(lon), xp.sin(2 * lat), xp.cos(lon), xp.cos(2 * lat)]).T


def sphericalharmonics(lonlat: Any, settings: EncodingSettings, xp: Any = np) -> Any:
    """Spherical harmonics of degree l < L: (N, L²)."""
    return spherical_harmonics(lonlat, settings.legendre_polys, settings.harmonics_calculation, xp)


def _fixed(function: Callable[[Any, EncodingSettings, Any], Any], width: int) -> Encoding:
    """An encoding without settings."""
    return Encoding(function, lambda settings: width, uses=())


_SCALES = ("frequency_num", "min_radius", "max_radius")


def _multi_scale(
    function: Callable[[Any, EncodingSettings, Any], Any], each: int, *, fine: bool = False
) -> Encoding:
    """An encoding of F frequencies between two radii, with so many features for each."""
    return Encoding(
        function, lambda settings: each * int(settings.frequency_num), uses=_SCALES, fine=fine
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

_TORCHSPATIAL = {
    "sphere2vec_c": _multi_scale(sphere2vec(_c), 3, fine=True),
    "sphere2vec_cplus": _multi_scale(sphere2vec(_cplus), 6, fine=True),
    "sphere2vec_m": _multi_scale(sphere2vec(_m), 5, fine=True),
    "sphere2vec_mplus": _multi_scale(sphere2vec(_mplus), 8, fine=True),
    "sphere2vec_dfs": Encoding(
        sphere2vec_dfs,
        lambda settings: 4 * int(settings.frequency_num) * (int(settings.frequency_num) + 1),
        uses=_SCALES,
        fine=True,
    ),
    "nerf": Encoding(nerf, lambda settings: 6 * settings.frequency_num, OctaveSettings, fine=True),
    "extent": Encoding(extent, lambda settings: 2, ExtentSettings),
    "tile": Encoding(tile, lambda settings: 1, TileSettings, fine=True),
    "geoprior": _fixed(geoprior, 4),
}

ENCODINGS: Registry[Encoding] = Registry(
    "satclip.encodings",
    "encoding",
    ("features", "width", "settings"),
    {
        **_ZOO,
        **_TORCHSPATIAL,
        "scaledfourier": Encoding(scaled_fourier, scaled_fourier_width, ScaledFourierSettings),
        "equalearth": _fixed(scaled_plane, 2),
    },
)
"""Encodings by name: the zoo's, TorchSpatial's, UniGeoCLIP's, GeoCLIP's, installed packages'."""


def encoding_dim(name: str, settings: Any) -> int:
    """Number of features of the encoding called `name`."""
    return ENCODINGS[name].width(settings)
