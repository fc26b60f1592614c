"""Similarity held against the land of an extent, in place of all land."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from satclip_core.analysis import presence, unit
from satclip_core.grid import Grid
from satclip_core.grid.land import land_places, land_within
from satclip_core.models.registry import load_encoder
from satclip_core.products import SimilarityTo, compared_land
from satclip_core.raster import RasterRequest
from satclip_core.raster.similar_areas import AreaOptions, similar_areas

EUROPE = Grid.from_bounds((-10, 36, 30, 60), 0.25)
# Vineyards: the Médoc, the Rioja, the Chianti.
VINEYARDS = ((-0.75, 45.2), (-2.5, 42.45), (11.3, 43.5))
HILLS = ((11.0, 44.2),)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def test_the_classifier_is_scikit_learns_against_that_land(encoder):
    linear_model = pytest.importorskip("sklearn.linear_model")
    product = SimilarityTo(VINEYARDS, unlike=HILLS, within=EUROPE).by(encoder)
    land = unit(encoder.encode(land_within(EUROPE))).astype(float)
    examples, others = (unit(encoder.encode(places)).astype(float) for places in (VINEYARDS, HILLS))
    mean = land.mean(axis=0)
    deviation = np.sqrt(((land - mean) ** 2).mean())
    learnt = land[::8]
    places = (np.concatenate([examples, others, learnt]) - mean) / deviation
    # The principal axes that are looked at, by a decomposition of another kind.
    axes = np.linalg.svd((land - mean) / deviation, full_matrices=False)[2][:128]
    found = []
    for absent, share in presence._STRENGTHS:
        shares = [0.5 / 3, absent, (0.5 - absent) / len(learnt)]
        penalty = share * presence._PENALTY / 3
        model = linear_model.LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
        weights = np.repeat(shares, [3, 1, len(learnt)])
        model.fit(places @ axes.T, np.arange(len(places)) < 3, sample_weight=weights)
        direction = axes.T @ model.coef_[0]
        found.append(direction / np.linalg.norm(direction))
    mine = product.chance.weights / np.linalg.norm(product.chance.weights)
    assert min(np.abs(mine - other).max() for other in found) < 1e-4


def test_contrasts_within_the_extent_show(encoder):
    land = encoder.encode(land_within(EUROPE, 1000, seed=9))[None]
    anywhere = SimilarityTo(VINEYARDS).by(encoder)
    within = SimilarityTo(VINEYARDS, within=EUROPE).by(encoder)
    # Against all land most of Europe is like three places of it; against Europe a part is.
    assert np.median(anywhere(land)) > 0.8
    assert np.median(within(land)) < 0.5
    for product in (anywhere, within):
        assert product(product.references[None]).min() > 0.5
    assert within.tags["against"] == "land within -10 36 30 60 (EPSG:4326)"
    assert anywhere.tags["against"] == "all land"


def test_at_sea_it_is_all_land_that_is_compared_with(encoder):
    sea = Grid.from_bounds((-40, 20, -35, 25), 0.1)
    np.testing.assert_array_equal(compared_land(sea), land_places())
    by_sea, by_land = (SimilarityTo(VINEYARDS, within=one).by(encoder) for one in (sea, None))
    np.testing.assert_array_equal(by_sea.chance.weights, by_land.chance.weights)


def test_areas_above_a_percentile_are_that_share_of_the_extent(encoder):
    wanted = SimilarityTo(VINEYARDS[:1], within=EUROPE)
    found = similar_areas(EUROPE, encoder, wanted, AreaOptions(percentile=90), mask="land")
    everywhere = similar_areas(EUROPE, encoder, wanted, AreaOptions(above=-1), mask="land")
    assert found.km2.sum() / everywhere.km2.sum() == pytest.approx(0.1, abs=0.02)


def test_a_request_means_the_same_in_another_process(encoder):
    request = RasterRequest(
        Grid.from_bounds((0, 44, 2, 46), 0.25), SimilarityTo(VINEYARDS, within=EUROPE)
    )
    job = request.prepare(encoder=encoder)
    again = pickle.loads(pickle.dumps(request)).prepare(encoder=encoder)
    np.testing.assert_array_equal(job.array(), again.array())
