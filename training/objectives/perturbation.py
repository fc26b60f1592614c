"""Stochastic perturbation expansion: places around a place, right at the dateline and the poles.

SatCLE (WWW 2025), the first part of its spatial continuity.
"""

from __future__ import annotations

import torch

from satclip_core.grid.sphere import EARTH_KM, unit_vectors

from ..settings.config import SatcleSettings


def expanded(
    lonlat: torch.Tensor, settings: SatcleSettings, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Perturbed copies of places.

    Args:
        lonlat: (N, 2) degrees, lon first, on the CPU.
        settings: copies, spread, unit, distribution, and whether the place itself is kept.
        generator: torch's global one where None.

    Returns:
        (N, copies, 2) degrees, float64, longitudes in [-180, 180); the place itself stands before
        its copies where it is kept: (N, 1 + copies, 2).
    """
    places = lonlat.double()[:, None].expand(-1, settings.copies, -1)
    shape = places.shape
    if settings.distribution == "von-mises-fisher":
        copies = moved(places, *_von_mises_fisher(shape[:2], _radians(settings), generator))
    elif settings.unit == "degrees":
        copies = folded(places + _drawn(shape, settings, generator))
    else:
        east, north = _on_the_ground(shape, settings, generator).unbind(-1)
        copies = moved(places, torch.hypot(east, north) / EARTH_KM, torch.atan2(east, north))
    if settings.keep_original:
        copies = torch.cat([folded(lonlat.double())[:, None], copies], 1)
    return copies


def folded(lonlat: torch.Tensor) -> torch.Tensor:
    """Degrees (..., 2) beyond the dateline or a pole, as the places that they are.

    Longitudes wrap to [-180, 180); a place pushed over a pole comes down on the far side.
    """
    lon, lat = lonlat.unbind(-1)
    over = lat.abs() > 90
    lat = torch.where(over, torch.copysign(torch.full_like(lat, 180), lat) - lat, lat)
    lon = torch.where(over, lon + 180, lon)
    inside = (lon >= -180) & (lon < 180)
    return torch.stack([torch.where(inside, lon, torch.remainder(lon + 180, 360) - 180), lat], -1)


def moved(lonlat: torch.Tensor, angle: torch.Tensor, bearing: torch.Tensor) -> torch.Tensor:
    """Where great circles lead.

    Args:
        lonlat: (..., 2) degrees; at a pole the longitude says which way north or south is.
        angle: (...) how far, radians.
        bearing: (...) clockwise from north, radians.

    Returns:
        (..., 2) degrees.
    """
    lon, lat = torch.deg2rad(lonlat).unbind(-1)
    zero = torch.zeros_like(lon)
    here = unit_vectors(lonlat[..., 0], lonlat[..., 1], torch)
    east = torch.stack([-lon.sin(), lon.cos(), zero])
    north = torch.stack([-lat.sin() * lon.cos(), -lat.sin() * lon.sin(), lat.cos()])
    ahead = bearing.cos() * north + bearing.sin() * east
    x, y, z = angle.cos() * here + angle.sin() * ahead
    there = torch.stack([torch.atan2(y, x), torch.atan2(z, torch.hypot(x, y))], -1)
    return folded(torch.rad2deg(there))


def _drawn(
    shape: torch.Size, settings: SatcleSettings, generator: torch.Generator | None
) -> torch.Tensor:
    """Offsets along both axes, each on its own."""
    if settings.distribution == "uniform":
        unit = torch.rand(shape, generator=generator, dtype=torch.float64)
        return settings.spread * (2 * unit - 1)
    return settings.spread * torch.randn(shape, generator=generator, dtype=torch.float64)


def _on_the_ground(
    shape: torch.Size, settings: SatcleSettings, generator: torch.Generator | None
) -> torch.Tensor:
    """Kilometres east and north; uniform ones over a disc."""
    if settings.distribution != "uniform":
        return _drawn(shape, settings, generator)
    radius, turn = torch.rand(shape, generator=generator, dtype=torch.float64).unbind(-1)
    radius, turn = settings.spread * radius.sqrt(), 2 * torch.pi * turn
    return torch.stack([radius * turn.cos(), radius * turn.sin()], -1)


def _radians(settings: SatcleSettings) -> float:
    if settings.unit == "kilometres":
        return settings.spread / EARTH_KM
    return settings.spread * torch.pi / 180


def _von_mises_fisher(
    shape: torch.Size, spread: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Angles from the mean direction, and bearings, of the distribution on the sphere.

    Its density is proportional to exp(kappa cos angle), kappa = 1 / spread². With u uniform,
    1 - cos angle = -ln(1 - u (1 - exp(-2 kappa))) / kappa (Ulrich 1984); through the half angle,
    as cos angle itself loses the small ones.
    """
    u, turn = torch.rand((*shape, 2), generator=generator, dtype=torch.float64).unbind(-1)
    kappa = 1 / spread**2
    depth = -torch.log1p(u * torch.expm1(torch.tensor(-2 * kappa, dtype=torch.float64))) / kappa
    return 2 * torch.asin((depth / 2).sqrt().clamp(max=1)), 2 * torch.pi * turn
