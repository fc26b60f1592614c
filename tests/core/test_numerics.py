"""How exact the numbers are: against 60 digits of mpmath, at the edges of the sphere, in float32.

The bounds are those that docs/numerics.md states.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.harmonics import feature_index, spherical_harmonics

PAGE = (Path(__file__).parents[2] / "docs" / "numerics.md").read_text("utf-8")
# As docs/numerics.md has them.
HARMONICS = 2e-12
POINTS_SINGLE = 1e-4
GRID = 2e-4

# Edges and what is next to them in floating point, a generic place, and one where the steepest
# harmonics are as small as they get without being nothing.
LONGITUDES = [-180.0, np.nextafter(-180, 0), -1e-9, 0.0, np.nextafter(180, 0), 180.0, 13.377]
LATITUDES = [-90.0, np.nextafter(-90, 0), -1e-9, 0.0, 89.9999, np.nextafter(90, 0), 90.0, 47.11]
EDGES = np.array([(lon, lat) for lon in LONGITUDES for lat in LATITUDES])


def exact_harmonic(lon: float, lat: float, l: int, m: int) -> float:
    """The orthonormal real harmonic times (-1)^m: by the closed sum, in 60 digits.

    P_l^m(x) = (1 - x²)^(m/2) Σ_k (-1)^k (2l - 2k)! / (2^l k! (l - k)! (l - m - 2k)!) x^(l-m-2k),
    which is not the recurrence of the package.
    """
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(110):  # the sum loses 40 digits and more at l = 99
        order = abs(m)
        theta = (mpmath.mpf(lat) + 90) * mpmath.pi / 180
        phi = (mpmath.mpf(lon) + 180) * mpmath.pi / 180
        x = mpmath.cos(theta)
        total = mpmath.mpf(0)
        for k in range((l - order) // 2 + 1):
            term = mpmath.factorial(2 * l - 2 * k) / (
                mpmath.factorial(k) * mpmath.factorial(l - k) * mpmath.factorial(l - order - 2 * k)
            )
            power = l - order - 2 * k
            total += (-1) ** k * term * (x**power if power else 1)
        legendre = (
            mpmath.sin(theta) ** order * total / mpmath.mpf(2) ** l
            if order
            else (total / mpmath.mpf(2) ** l)
        )
        norm = mpmath.sqrt(
            (2 * l + 1)
            / (4 * mpmath.pi)
            * mpmath.factorial(l - order)
            / mpmath.factorial(l + order)
        )
        wave = mpmath.cos(order * phi) if m >= 0 else mpmath.sin(order * phi)
        return float((-1) ** order * (mpmath.sqrt(2) if m else 1) * norm * legendre * wave)


def test_harmonics_to_l_100_hold_to_60_digits_at_the_edges():
    places = EDGES[::5]
    features = spherical_harmonics(places, 100, "closed-form")
    assert np.isfinite(features).all()
    wanted = [(0, 0), (1, -1), (2, 0), (10, 7), (39, 0), (39, -39), (57, 20), (99, 0), (99, 1),
              (99, -50), (99, 98), (99, 99)]  # fmt: skip
    worst = 0.0
    for row, (lon, lat) in enumerate(places):
        for l, m in wanted:
            found = features[row, feature_index(l, m)]
            # cos(90°) is 6e-17, and the phase of lon 180 is 2e-14 off after m = 99 turns.
            worst = max(worst, abs(found - exact_harmonic(lon, lat, l, m)))
    assert worst < HARMONICS


@pytest.mark.parametrize("degree", [10, 40, 100])
def test_the_sum_of_squares_holds_at_every_edge(degree):
    """Σ_m Y_lm² = (2l + 1) / 4π, the addition theorem, also a rounding away from a pole."""
    features = spherical_harmonics(EDGES, degree, "closed-form")
    for l in range(degree):
        total = (features[:, l * l : (l + 1) ** 2] ** 2).sum(axis=1)
        np.testing.assert_allclose(total, (2 * l + 1) / (4 * np.pi), rtol=5e-12)


def encoder(degree: int, hidden: int = 48) -> LocationEncoder:
    """An encoder of the published architecture with seeded weights of the size training gives."""
    rng = np.random.default_rng(degree)
    width = degree**2
    weights = {
        "layers.0.weight": rng.uniform(-1, 1, (hidden, width)) / width,
        "layers.0.bias": rng.uniform(-1, 1, hidden) / width,
        "layers.1.weight": rng.uniform(-1, 1, (hidden, hidden)) * (6 / hidden) ** 0.5,
        "layers.1.bias": rng.uniform(-1, 1, hidden) * (6 / hidden) ** 0.5,
        "last_layer.weight": rng.uniform(-0.3, 0.3, (16, hidden)),
        "last_layer.bias": rng.uniform(-0.3, 0.3, 16),
    }
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(degree)), weights)


@pytest.mark.parametrize("degree", [10, 40, 100])
def test_single_precision_stays_within_what_is_stated(degree):
    made = encoder(degree)
    rng = np.random.default_rng(1)
    sphere = np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    places = np.concatenate([EDGES, np.column_stack([rng.uniform(-180, 180, 300), sphere])])
    double, single = made.encode(places), made.encode(places, single=True)
    assert np.isfinite(double).all()
    assert np.abs(single - double).max() < POINTS_SINGLE * double.std()


@pytest.mark.parametrize("degree", [10, 40, 100])
@pytest.mark.parametrize(("west", "north"), [(179.5, 90.0), (-180.5, -89.0), (-0.5, 0.5)])
def test_grids_are_within_what_is_stated_of_points(degree, west, north):
    made = encoder(degree)
    lons, lats = np.linspace(west, west + 1, 11), np.linspace(north, north - 1, 11)
    there = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
    points = made.encode(there).reshape(11, 11, -1)
    spread = made.encode(EDGES).std()
    assert np.abs(made.encode_grid(lons, lats) - points).max() < GRID * spread


@pytest.mark.parametrize("degree", [10, 40, 100])
def test_a_pole_and_the_dateline_are_one_place_however_they_are_written(degree):
    made = encoder(degree)
    pole = made.encode([(lon, 90.0) for lon in (-180, -1e-9, 0, 77.7, 180, 540)])
    assert (pole == pole[0]).all()
    turned = made.encode([(lon, 12.5) for lon in (-180, 180, 540, -540, 180 + 360 * 1000)])
    assert (turned == turned[0]).all()


@pytest.mark.parametrize("degree", [10, 40, 100])
def test_a_rounding_beside_an_edge_changes_no_more_than_a_rounding(degree):
    made = encoder(degree)
    pairs = [((7, 90), (7, np.nextafter(90, 0))), ((180, 3), (np.nextafter(180, 0), 3)),
             ((-180, 3), (np.nextafter(-180, 0), 3)), ((0, 0), (-1e-14, 1e-14))]  # fmt: skip
    for one, other in pairs:
        first, second = made.encode([one, other])
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_longitudes_of_any_turn_lose_no_more_than_their_own_digits():
    made = encoder(40)
    lons = np.array([12.25, 12.25 + 360 * 2**20, 12.25 - 360 * 2**20])  # exact in float64
    found = made.encode(np.column_stack([lons, np.full(3, 47.5)]))
    assert (found == found[0]).all()


@pytest.mark.parametrize(
    ("name", "value"), [("HARMONICS", HARMONICS), ("POINTS", POINTS_SINGLE), ("GRID", GRID)]
)
def test_the_page_states_these_bounds(name, value):
    assert re.search(rf"<!-- {name} -->\s*{value:.0e}".replace("e-0", "e-0?"), PAGE)
