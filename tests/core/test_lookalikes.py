"""Look-alikes against plain sorting; groups of what is embedded already, and their names."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import lookalikes as module
from satclip_core.analysis.lookalikes import lookalikes
from satclip_core.errors import CancelledError, InputError
from satclip_core.models.registry import load_encoder
from satclip_core.products import ClusterModel, PropertyHeads
from satclip_core.products.place_words import Phrase, distinct_names, group_phrases

RNG = np.random.default_rng(0)
MINE, OTHERS = RNG.normal(size=(30, 8)), RNG.normal(size=(50, 8))


def cosines(one, other):
    return (one @ other.T) / np.outer(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))


@pytest.mark.parametrize("together", [2**24, 120])
def test_lookalikes_are_those_of_sorting(together, monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", together)
    rows, found = lookalikes(MINE, OTHERS, 4)
    want = np.argsort(-cosines(MINE, OTHERS), axis=1)[:, :4]
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_allclose(
        found, np.take_along_axis(cosines(MINE, OTHERS), want, axis=1), atol=1e-6
    )


def test_none_is_its_own_lookalike_and_there_are_no_more_than_there_are():
    rows, found = lookalikes(OTHERS[:5], OTHERS[:5], 9, own=np.arange(5))
    assert rows.shape == (5, 4)
    assert all(row not in found_rows for row, found_rows in enumerate(rows))
    assert np.isfinite(found).all()
    rows, _ = lookalikes(OTHERS[[3, 4]], OTHERS[:5], 5, own=np.array([3, -1]))
    assert 3 not in rows[0]
    assert rows[1, 0] == 4


def test_no_others_no_count_and_an_end():
    with pytest.raises(InputError, match="1 lookalikes of 0"):
        lookalikes(MINE, OTHERS[:0], 1)
    with pytest.raises(InputError, match="0 lookalikes of 50"):
        lookalikes(MINE, OTHERS, 0)
    with pytest.raises(CancelledError):
        lookalikes(MINE, OTHERS, 1, cancelled=lambda: True)


def test_clusters_of_embeddings_are_those_of_places(small_model):
    encoder = load_encoder(small_model)
    places = RNG.uniform((-180, -60), (180, 80), (60, 2))
    one = ClusterModel.fit(encoder, places, 4)
    other = ClusterModel.of(encoder, encoder.encode(places, single=True), 4)
    np.testing.assert_array_equal(one.centres, other.centres)
    with pytest.raises(InputError, match="9 clusters of 3 places: give at most 3"):
        ClusterModel.of(encoder, MINE[:3], 9)


def test_groups_are_named_by_what_most_of_their_places_are():
    """With the bundled model, of places that an atlas knows."""
    encoder = load_encoder()
    sahara = [(5, 25), (20, 24), (12, 22)]
    amazon = [(-64, -4), (-66, -6), (-70, -3)]
    nile = [(31.0, 30.9), (31.2, 31.0), (30.8, 30.8)]
    sea = [(-30, 10), (-140, -20), (-35, 30)]
    embeddings = encoder.encode([*sahara, *amazon, *nile, *sea])
    labels = np.repeat([0, 1, 2, 3], 3)
    found = group_phrases(PropertyHeads.of(encoder), embeddings, labels, 5)
    said = [", ".join(phrase.said() for phrase in name) for name in found]
    assert said[0] == "barren land, hot desert climate"
    assert said[1].startswith("evergreen broadleaf forest, tropical")
    assert said[2] == "irrigated cropland, hot desert climate"
    assert said[3:] == ["water", ""]


def test_two_groups_with_one_name_are_told_apart_by_what_differs_most():
    encoder = load_encoder()
    low, high = [(88.5, 24.5), (88.6, 24.6)], [(5, 25), (6, 25)]
    embeddings = encoder.encode([*low, *high, *high])
    heads = PropertyHeads.of(encoder)
    embeddings[4:] += 0.2 * (encoder.encode([(20, 21)]) - embeddings[4:])
    found = group_phrases(heads, embeddings, [0, 0, 1, 1, 2, 2], 3)
    assert len(found[0]) == 2
    assert found[1][:2] == found[2][:2]
    said = {phrases[2].said() for phrases in found[1:]}
    # By an independent look at all four properties that are compared.
    read = heads.chosen(["temperature", "rain", "elevation", "greenness"]).read(embeddings)
    apart = {
        name: (np.median(one.fitted[4:]) - np.median(one.fitted[2:4]))
        / heads.heads[name].facts.spread
        for name, one in read.items()
    }
    words = {"temperature": {"warmer", "colder"}, "rain": {"wetter", "drier"},
             "elevation": {"higher", "lower"}, "greenness": {"greener", "barer"}}  # fmt: skip
    assert said == words[max(apart, key=lambda name: abs(apart[name]))]


def test_more_than_two_groups_with_one_name_are_told_apart_by_height_or_people():
    encoder = load_encoder()
    places = [(88.5, 24.5), (88.6, 24.6), (88.7, 24.7)]
    found = group_phrases(PropertyHeads.of(encoder), encoder.encode(places), [0, 1, 2], 3)
    assert [phrase.said() for phrase in found[0]][2:4] == ["low-lying", "many people"]


def test_each_name_is_its_own():
    names = [(Phrase("water"),), (Phrase("water"),), (), (Phrase("about {number} m", 1240.0, -1),)]
    assert distinct_names(names) == ["water", "water (2)", "cluster 3", "about 1,240 m"]
    german = {"water": "Wasser", "cluster {number}": "Gruppe {number}"}
    said = distinct_names(names[:3], lambda text: german[text])
    assert said == ["Wasser", "Wasser (2)", "Gruppe 3"]
