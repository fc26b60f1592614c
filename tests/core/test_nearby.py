"""Many points near one another: from a lattice, within the tolerance, or each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.networks import NETWORKS, Sizes
from satclip_core.grid.sphere import fibonacci_lattice


def encoder(degree: int, network: str = "siren") -> LocationEncoder:
    rng = np.random.default_rng(degree)
    parameters = NETWORKS[network].parameters(degree**2, 12, Sizes(48))
    weights = {p.name: rng.uniform(-1, 1, p.shape) * p.bound for p in parameters}
    return LocationEncoder(
        EncoderConfig(network=network, settings=EncodingSettings(degree)), weights
    )


@pytest.mark.parametrize("degree", [10, 40])
@pytest.mark.parametrize(
    "corners", [((5, 45), (12, 50)), ((176, -3), (184, 3)), ((-180, 86), (180, 90))]
)
def test_every_point_is_within_the_tolerance(degree, corners):
    made = encoder(degree)
    points = np.random.default_rng(0).uniform(*corners, (3000, 2))
    exact, found = made.encode(points), made.encode_many(points)
    deviation = np.sqrt(made.encode(fibonacci_lattice(3000)).var(axis=0).mean())
    assert not np.array_equal(found, exact)  # they came from the lattice
    assert np.abs(found - exact).max() <= 1e-4 * deviation
    assert np.array_equal(made.encode_many(points, threads=1), found)


def test_points_far_apart_are_embedded_each_by_itself():
    made = encoder(40)
    points = fibonacci_lattice(500)
    assert np.array_equal(made.encode_many(points), made.encode(points))


def test_points_of_a_network_with_kinks_are_found_out():
    made = encoder(40, "fcnet")
    points = np.random.default_rng(0).uniform((5, 45), (9, 49), (300, 2))
    off = np.abs(made.encode_many(points) - made.encode(points)).max()
    assert off <= 1e-4 * made.encode(points).std()


def test_no_points():
    assert encoder(10).encode_many(np.empty((0, 2))).shape == (0, 12)
