"""Spherical harmonics against scipy, at the poles, the dateline and high degrees."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from satclip_core.encoder.harmonics import feature_index, spherical_harmonics

scipy_special = pytest.importorskip("scipy.special")


def places(count: int = 400) -> np.ndarray:
    """Seeded points over the globe, with the poles, the equator and the dateline among them."""
    rng = np.random.default_rng(7)
    random = np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)])
    special = [(0, 90), (33, -90), (180, 0), (-180, 0), (0, 0), (-70.5, -33.4), (12, 89.9)]
    return np.concatenate([random, np.array(special, float)])


def scipy_feature(lonlat: np.ndarray, l: int, m: int) -> np.ndarray:
    """The definition, through scipy's complex harmonics, Condon-Shortley sign removed."""
    theta, phi = np.radians(lonlat[:, 1] + 90), np.radians(lonlat[:, 0] + 180)
    if hasattr(scipy_special, "sph_harm_y"):
        value = scipy_special.sph_harm_y(l, abs(m), theta, phi)
    else:
        value = scipy_special.sph_harm(abs(m), l, phi, theta)
    value = value * (-1.0) ** m
    if m == 0:
        return value.real
    return np.sqrt(2) * (value.real if m > 0 else value.imag)


@pytest.mark.parametrize("basis", ["analytic", "closed-form"])
@pytest.mark.parametrize("degree", [1, 2, 10, 40])
def test_features_are_the_published_multiple_of_scipys(basis: str, degree: int) -> None:
    lonlat = places()
    features = spherical_harmonics(lonlat, degree, basis)
    assert features.shape == (len(lonlat), degree**2)
    for l in range(degree):
        for m in range(-l, l + 1):
            constant = (-1.0) ** m
            if basis == "analytic":
                constant = pi if m == 0 else 1.0
            expected = constant * scipy_feature(lonlat, l, m)
            # Values reach sqrt(2l + 1); scipy and the recurrence each lose about 1e-13 at l = 40.
            np.testing.assert_allclose(features[:, feature_index(l, m)], expected, atol=1e-11)


@pytest.mark.parametrize("degree", [60, 100])
def test_high_degrees_keep_the_addition_theorem(degree: int) -> None:
    """Σ_m Y_lm² = (2l + 1) / 4π holds at every place, the poles included."""
    features = spherical_harmonics(places(), degree, "closed-form")
    assert np.isfinite(features).all()
    for l in range(degree):
        total = (features[:, l * l : (l + 1) ** 2] ** 2).sum(axis=1)
        np.testing.assert_allclose(total, (2 * l + 1) / (4 * pi), rtol=1e-10)


@pytest.mark.parametrize("lat", [90.0, -90.0])
def test_a_pole_is_one_place(lat: float) -> None:
    lons = np.array([-180.0, -77.7, 0.0, 12.5, 180.0])
    features = spherical_harmonics(np.column_stack([lons, np.full(5, lat)]), 40)
    assert (features == features[0]).all()


def test_there_is_no_jump_towards_a_pole() -> None:
    near = spherical_harmonics(np.array([[45.0, 90 - 1e-7], [45.0, 90.0]]), 100)
    # The steepest features change by about l^1.5 a radian; 1e-7 degrees are 1.7e-9 radians.
    np.testing.assert_allclose(near[0], near[1], atol=1e-5)


def test_the_dateline_has_one_value_from_both_sides() -> None:
    lats = np.linspace(-90, 90, 37)
    east, west = (np.column_stack([np.full(37, lon), lats]) for lon in (180.0, -180.0))
    assert (spherical_harmonics(east, 40) == spherical_harmonics(west, 40)).all()


def test_torch_gives_the_same_features() -> None:
    torch = pytest.importorskip("torch")
    lonlat = places(50)
    features = spherical_harmonics(torch.as_tensor(lonlat), 20, "analytic", torch)
    np.testing.assert_allclose(features.numpy(), spherical_harmonics(lonlat, 20), atol=1e-13)


def test_an_unknown_basis_is_named() -> None:
    with pytest.raises(ValueError, match="shtools"):
        spherical_harmonics(places(1), 3, "shtools")
