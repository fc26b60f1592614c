"""Many points near one another: from a cell's series, within the tolerance, or by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.chebyshev import CHUNK, LEAST, Cells
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
    assert not np.array_equal(found, exact)  # they came from series
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


def bumps(lons, lats):
    """Two smooth functions of the sphere on a grid, (rows, cols, 2)."""
    lon, lat = np.meshgrid(np.deg2rad(lons), np.deg2rad(lats))
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    waves = np.array([[20.0, -7, 11], [3, 19, -15]])
    return np.sin(np.tensordot(waves, xyz, 1)).transpose(1, 2, 0).astype(np.float32)


def read(cells, points):
    batches, alone = cells.batches(points)
    found = np.full((len(points), 2), np.nan, np.float32)
    for batch in batches:
        values = np.empty((len(batch.index), 2), np.float32)
        assert len(cells.read(points[batch.index], batch, values)) == 0
        found[batch.index] = values
    return found, alone


@pytest.mark.parametrize("resolved", [9.0, 3.0, 2.0])
def test_series_are_the_function_all_over_the_earth(resolved):
    points = fibonacci_lattice(120_000)
    points[:3] = [(180, 33), (-180, -90), (12, 90)]
    found, alone = read(Cells(bumps, resolved), points)
    exact = np.array([bumps([lon], [lat])[0, 0] for lon, lat in points[::97]])
    assert len(alone) < 500  # of small cells at the poles
    at = np.setdiff1d(np.arange(0, len(points), 97), alone)
    assert np.abs(found[at] - exact[at // 97]).max() < 2e-5


def test_every_point_is_in_one_batch_or_alone():
    points = np.random.default_rng(0).random((5000, 2)) * [30, 10] + [100, 20]
    points[:4] = [(0, 0), (0, 90), (10, -90), (180, 0)]
    batches, alone = Cells(bumps, 3.0).batches(points)
    assert sorted(np.concatenate([*(batch.index for batch in batches), alone])) == list(range(5000))
    assert set(alone) >= {0, 1, 2, 3}
    for batch in batches:
        assert len(batch.index) <= CHUNK
        assert [start for _, start, _ in batch.cells] == np.cumsum([0, *batch.counts])[:-1].tolist()


def test_fewer_points_than_the_least_are_alone():
    points = np.random.default_rng(0).random((LEAST - 1, 2)) + np.array([101, 21])
    batches, alone = Cells(bumps, 3.0).batches(points)
    assert batches == []
    assert len(alone) == LEAST - 1


def test_a_cell_holds_the_same_whatever_was_made_before_it():
    points = np.random.default_rng(0).random((3000, 2)) * [40, 20]
    made = encoder(10)
    found = made.encode_many(points)
    again = encoder(10)
    again.encode_many(points[::-1] + np.array([3, 1]))
    assert np.array_equal(again.encode_many(points), found)
