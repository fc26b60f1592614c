"""The model of words that comes with the package: what it answers is looked up on a map."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.grid.land import land_places
from satclip_core.models.registry import WORDS, load_encoder
from satclip_core.products import SimilarityToWords, known_words

# Boxes W S E N, and words of which nearly all of the places most like them must lie in some.
ASKED = {
    "hot desert": [  # Sahara and Arabia, Australia, Thar, Namib, the Horn and the north of Kenya
        (-18, 12, 62, 38), (112, -34, 146, -17), (60, 22, 80, 36), (10, -32, 25, -14),
        (36, 0, 52, 12),
    ],
    "rainforest": [(-82, -16, -44, 11), (6, -7, 33, 7), (92, -12, 156, 20)],
    "ice glacier": [(-75, 59, -10, 84), (-130, 55, -60, 84), (10, 70, 110, 84)],
    "tundra": [(-180, 52, 180, 84)],
    "mediterranean climate": [
        (-12, 26, 65, 48), (-127, 30, -112, 48), (-76, -44, -66, -26), (15, -36, 28, -28),
        (113, -40, 152, -28),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return load_encoder(WORDS)


@pytest.fixture(scope="module")
def places():
    return land_places(6000, seed=5)


@pytest.mark.parametrize("words", ASKED)
def test_words_find_places_that_are_so(words, model, places):
    similarity = SimilarityToWords(words).by(model)(model.encode(places)[:, None])[0, :, 0]
    best = places[np.argsort(-similarity)[:60]]
    inside = np.zeros(len(best), bool)
    for west, south, east, north in ASKED[words]:
        lon, lat = best.T
        inside |= (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    assert inside.mean() >= 0.85


COASTAL_CITIES = [(121.5, 31.2), (-74.0, 40.7), (72.9, 19.1), (-46.3, -23.9), (139.7, 35.7)]
HEIGHTS = [(86.9, 28.0), (75.0, 36.0), (-68.0, -17.0), (-106.0, 39.0), (38.0, 12.5)]
LOWLAND = [(75.0, 62.0), (-58.0, -30.0), (-92.0, 31.0), (4.8, 52.3), (133.0, -31.0)]


@pytest.mark.parametrize(
    ("words", "more", "less"),
    [
        ("high mountains", HEIGHTS, LOWLAND),
        ("lowland plain", LOWLAND, HEIGHTS),
        ("coast sea", COASTAL_CITIES, HEIGHTS),
        ("city of a million", COASTAL_CITIES, HEIGHTS),
    ],
)
def test_words_fit_some_places_better_than_others(words, more, less, model):
    product = SimilarityToWords(words).by(model)
    fit, other = (product(model.encode(np.array(at))[:, None]) for at in (more, less))
    assert np.median(fit) > other.max()


def test_it_knows_words_of_its_maps_and_no_others(model, caplog):
    known = known_words(model)
    assert {"desert", "coast", "rainforest", "mountains", "africa", "city"} <= set(known)
    SimilarityToWords("rice fields near a coast").by(model)
    assert "but not 'rice'" in caplog.text


def test_it_says_where_it_comes_from(model):
    assert model.name == WORDS
    assert model.info.licence == "MIT"
    assert "Copernicus" in (model.card or "")
    assert {"image", "relief", "lights", "greenness", "climate", "words"} == set(model.modalities)
