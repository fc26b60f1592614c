"""Variograms and distances against plain loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from satclip_core.analysis import variogram as module
from satclip_core.analysis.folds import held_out_km, nearest_other_km
from satclip_core.analysis.variogram import variogram
from satclip_core.grid.sphere import EARTH_KM, unit_vectors


@pytest.fixture
def places():
    rng = np.random.default_rng(0)
    lonlat = rng.uniform((170, -10), (190, 10), (90, 2))  # across the dateline
    lonlat[5] = lonlat[4]
    return lonlat, rng.normal(size=90) + lonlat[:, 1] / 4


def km_between(one, other):
    """By the haversine formula."""
    (lon, lat), (lon2, lat2) = np.deg2rad(one), np.deg2rad(other)
    part = np.sin((lat2 - lat) / 2) ** 2
    part += np.cos(lat) * np.cos(lat2) * np.sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(part))


@pytest.mark.parametrize("held", [2**20, 500])
def test_semivariances_equal_those_of_plain_loops(places, held, monkeypatch):
    monkeypatch.setattr(module, "_ELEMENTS", held)
    lonlat, values = places
    found = variogram(unit_vectors(*lonlat.T).T, values)
    edges = found.reach * (np.arange(16) / 15) ** 1.5
    steps = [[] for _ in range(15)]
    for i, j in combinations(range(90), 2):
        km = km_between(lonlat[i], lonlat[j])
        step = int(np.searchsorted(edges[1:], km))
        if step < 15:
            steps[step].append((km, (values[i] - values[j]) ** 2 / 2))
    wanted = [np.mean(step, axis=0) for step in steps if len(step) >= 30]
    np.testing.assert_allclose(found.km, [one[0] for one in wanted], rtol=1e-6)
    np.testing.assert_allclose(found.semivariance, [one[1] for one in wanted], rtol=1e-6)
    assert found.pairs.tolist() == [len(step) for step in steps if len(step) >= 30]


def test_noise_alone_has_its_variance_at_every_distance():
    rng = np.random.default_rng(1)
    lonlat = rng.uniform((0, 0), (30, 30), (1500, 2))
    found = variogram(unit_vectors(*lonlat.T).T, rng.normal(0, 3, 1500))
    np.testing.assert_allclose(found.semivariance[3:], 9, rtol=0.1)


def test_a_few_samples_make_no_variogram():
    xyz = unit_vectors(np.arange(5.0), np.zeros(5)).T
    assert len(variogram(xyz, np.arange(5.0)).km) == 0


def test_distances_to_the_next_sample(places):
    lonlat, _ = places
    xyz = unit_vectors(*lonlat.T).T
    folds, rows = np.arange(90) % 4, np.array([0, 4, 17, 89])
    for row, alone, left in zip(rows, nearest_other_km(xyz, rows), held_out_km(xyz, folds, rows)):
        away = np.array([km_between(lonlat[row], other) for other in lonlat])
        others = np.arange(90) != row
        assert alone == pytest.approx(away[others].min(), abs=1e-6)
        assert left == pytest.approx(away[folds != folds[row]].min(), rel=1e-6)
