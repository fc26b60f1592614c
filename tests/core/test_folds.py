from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis.folds import choose_folds, matched_folds, nearest_km, wasserstein
from satclip_core.analysis.validation import folds_of_blocks
from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM, fibonacci_lattice, unit_vectors


def xyz(lonlat):
    return unit_vectors(*np.asarray(lonlat, float).T).T


def clustered(seed=0, centres=12, each=25):
    """Surveys: samples within half a degree of a few places."""
    random = np.random.default_rng(seed)
    middles = random.uniform((-20, 35), (40, 65), (centres, 2))
    return np.repeat(middles, each, axis=0) + random.uniform(-0.5, 0.5, (centres * each, 2))


def held_out_km(lonlat, folds):
    """Plain: the nearest sample of another fold, by the haversine formula."""
    lon, lat = np.deg2rad(np.asarray(lonlat, float)).T
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    away = 2 * EARTH_KM * np.arcsin(np.sqrt(half.clip(0, 1)))
    return np.where(folds[:, None] == folds, np.inf, away).min(axis=1)


def test_wasserstein_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    for _ in range(20):
        one = random.gamma(2, 3, random.integers(1, 40)).round(random.integers(0, 3))
        other = random.normal(5, 2, random.integers(1, 40)).round(random.integers(0, 3))
        assert wasserstein(one, other) == pytest.approx(stats.wasserstein_distance(one, other))


@pytest.mark.parametrize("spread", [0.001, 1, 60])
def test_the_nearest_sample_is_the_nearest(spread):
    random = np.random.default_rng(1)
    samples = np.array([170.0, 60.0]) + random.uniform(-spread, spread, (300, 2)) / 2
    rows = np.stack(np.meshgrid(np.linspace(165, 185, 50), np.linspace(55, 65, 9)), -1)
    places = np.concatenate([rows.reshape(-1, 2), samples[:3], [(0, 90), (10, -90), (-180, 0)]])
    chords = [np.linalg.norm(one - xyz(samples), axis=1).min() for one in xyz(places)]
    plain = 2 * EARTH_KM * np.arcsin(np.minimum(np.array(chords) / 2, 1))
    np.testing.assert_allclose(nearest_km(xyz(places), xyz(samples)), plain, atol=1e-9)
    assert (nearest_km(xyz(samples[:3]), xyz(samples)) == 0).all()


def test_the_dateline_is_no_distance():
    assert nearest_km(xyz([(180, 10)]), xyz([(-179.9, 10), (0, 0)]))[0] == pytest.approx(
        EARTH_KM * np.deg2rad(0.1) * np.cos(np.deg2rad(10)), rel=1e-5
    )


def test_pixels_among_the_samples_get_random_folds():
    samples = clustered()
    pixels = samples[::3] + 0.01
    found = matched_folds(samples, pixels)
    assert found.clusters == len(samples)
    assert found.count == 5
    assert np.bincount(found.folds).min() > 40


def test_pixels_far_from_the_samples_get_folds_far_apart():
    """Their distances match those of the pixels better than random folds' and are as reported."""
    stats = pytest.importorskip("scipy.stats")
    samples = clustered()
    pixels = np.random.default_rng(1).uniform((-20, 35), (40, 65), (400, 2))
    found = matched_folds(samples, pixels)
    assert found.kind == "knndm"
    assert found.clusters < 40
    wanted = nearest_km(xyz(pixels), xyz(samples))
    away = held_out_km(samples, found.folds)
    mismatch = stats.wasserstein_distance(away, wanted)
    assert found.distances["mismatch_km"] == pytest.approx(mismatch, rel=1e-6)
    assert mismatch < 0.5 * found.distances["mismatch_of_random_folds_km"]
    assert found.distances["held_out_to_nearest_km"] == pytest.approx(
        np.percentile(away, (25, 50, 75)).tolist()
    )
    again = matched_folds(samples, pixels)
    np.testing.assert_array_equal(again.folds, found.folds)


def pixel_km(samples, pixels):
    """Plain: distances from each pixel to the nearest sample, in order."""
    number = np.r_[np.zeros(len(pixels)), np.ones(len(samples))]
    return sorted(held_out_km(np.concatenate([pixels, samples]), number)[: len(pixels)])


def mismatch_km(lonlat, folds, pixels):
    """Plain: ∫ |G*(d) - G(d)| dd, of distances of left-out samples and of pixels, by counting."""
    away, wanted = sorted(held_out_km(lonlat, folds)), pixel_km(lonlat, pixels)
    ends = sorted([*away, *wanted])
    total = 0.0
    for start, stop in zip(ends, ends[1:]):
        share = sum(one <= start for one in away) / len(away)
        total += (stop - start) * abs(share - sum(one <= start for one in wanted) / len(wanted))
    return total


@pytest.mark.parametrize("where", ["everywhere", "near by", "far off"])
def test_the_folds_are_those_of_the_least_mismatch_of_all_tried(where, monkeypatch):
    """By the definition of kNNDM: the smallest Wasserstein distance of the two distributions."""
    samples = clustered(3, centres=8, each=12)
    random = np.random.default_rng(1)
    pixels = {
        "everywhere": random.uniform((-20, 35), (40, 65), (60, 2)),
        "near by": samples[::2] + random.uniform(-0.2, 0.2, (48, 2)),
        "far off": random.uniform((100, -40), (140, 0), (60, 2)),
    }[where]
    tried = []

    def noted(blocks, count):
        tried.append(folds_of_blocks(blocks, count))
        return tried[-1]

    monkeypatch.setattr("satclip_core.analysis.folds.folds_of_blocks", noted)
    found = matched_folds(samples, pixels)
    assert len(tried) >= 5
    plain = [mismatch_km(samples, folds, pixels) for folds in tried]
    best = int(np.argmin(plain))
    np.testing.assert_array_equal(found.folds, tried[best])
    assert found.distances["mismatch_km"] == pytest.approx(plain[best], rel=1e-6)
    assert found.distances["mismatch_of_random_folds_km"] == pytest.approx(plain[-1], rel=1e-6)
    assert max(plain) > 1.1 * min(plain)  # it matters which is taken


def test_the_error_told_is_that_of_the_map():
    """A simulated survey in clusters with the truth known: random folds flatter, matched do not."""
    random = np.random.default_rng(5)
    samples, pixels = clustered(2), random.uniform((-20, 35), (40, 65), (500, 2))

    def truth(lonlat):
        lon, lat = np.deg2rad(np.asarray(lonlat)).T
        return np.sin(9 * lon + 2) * np.cos(11 * lat) + 0.3 * np.sin(23 * lon)

    def nearest_value(places, at):
        apart = np.linalg.norm(xyz(places)[:, None] - xyz(samples)[at], axis=2)
        return truth(samples[at])[apart.argmin(axis=1)]

    def estimate(folds):
        parts = [
            nearest_value(samples[folds == fold], np.flatnonzero(folds != fold))
            - truth(samples[folds == fold])
            for fold in range(folds.max() + 1)
        ]
        return np.sqrt(np.mean(np.concatenate(parts) ** 2))

    real = np.sqrt(np.mean((nearest_value(pixels, np.arange(len(samples))) - truth(pixels)) ** 2))
    matched = estimate(choose_folds("knndm", samples, pixels).folds)
    flattering = estimate(choose_folds("random", samples).folds)
    assert flattering < 0.25 * real
    assert abs(matched - real) < 0.35 * real


@pytest.mark.parametrize("kind", ["knndm", "random", "blocks"])
def test_samples_at_one_place_are_never_parted(kind):
    places = np.repeat(fibonacci_lattice(40), 3, axis=0)
    folds = choose_folds(kind, places, fibonacci_lattice(200)).folds.reshape(40, 3)
    assert (folds == folds[:, :1]).all()
    assert set(folds.ravel().tolist()) == set(range(5))


def test_two_places_have_two_folds():
    places = [(10, 90), (99, 90), (180, 0), (-180, 0)]
    for kind in ("knndm", "random", "blocks"):
        folds = choose_folds(kind, places, [(0, 50)]).folds
        assert folds[0] == folds[1] != folds[2] == folds[3]


def test_without_a_map_there_are_blocks():
    for pixels in (None, np.empty((0, 2))):
        assert choose_folds("knndm", fibonacci_lattice(100), pixels).kind == "blocks"


def test_many_samples_are_clustered_by_some_of_them(monkeypatch):
    monkeypatch.setattr("satclip_core.analysis.folds._CLUSTERED", 100)
    monkeypatch.setattr("satclip_core.analysis.folds._LOOKED_AT", 80)
    samples = clustered()
    pixels = np.random.default_rng(1).uniform((-20, 35), (40, 65), (200, 2))
    found = matched_folds(samples, pixels)
    assert found.distances["mismatch_km"] < found.distances["mismatch_of_random_folds_km"]
    assert found.count == 5


def test_unknown_folds_are_refused():
    with pytest.raises(InputError, match="unknown folds 'loo': give one of knndm, blocks, random"):
        choose_folds("loo", fibonacci_lattice(10))
