from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from satclip_core.analysis import cosine_similarity, kmeans, unit
from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.models.registry import load_encoder
from satclip_core.products import ClusterModel, Clusters, PropertyHeads


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def model(encoder):
    return ClusterModel.fit(encoder, fibonacci_lattice(2000), 7)


def blobs(seed=0, each=60):
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 9, 9.0]])
    random = np.random.default_rng(seed)
    points = np.repeat(centres, each + np.arange(5)[::-1], axis=0)
    return centres, points + random.normal(0, 0.5, points.shape)


def test_blobs_are_found_the_largest_first():
    centres, points = blobs()
    found = kmeans(points, 5)
    np.testing.assert_allclose(found.centres, centres, atol=0.3)
    np.testing.assert_array_equal(found.labels, np.repeat(np.arange(5), 60 + np.arange(5)[::-1]))
    own = ((points - found.centres[found.labels]) ** 2).sum()
    assert found.inertia == pytest.approx(own)


def test_groups_by_hand():
    found = kmeans([[10.0], [0], [11], [1], [0.5]], 2)
    np.testing.assert_allclose(found.centres, [[0.5], [10.5]])
    assert found.labels.tolist() == [1, 0, 1, 0, 0]
    assert found.inertia == pytest.approx(1)


def test_a_seed_makes_the_same_groups_again():
    points = np.random.default_rng(1).normal(size=(400, 8))
    one, again, other = kmeans(points, 9, seed=3), kmeans(points, 9, seed=3), kmeans(points, 9)
    np.testing.assert_array_equal(one.centres, again.centres)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert not np.array_equal(one.labels, other.labels)


@pytest.mark.parametrize("seed", range(3))
def test_as_good_as_scikit_learn(seed):
    cluster = pytest.importorskip("sklearn.cluster")
    random = np.random.default_rng(seed)
    points = random.normal(size=(1500, 20)) * np.geomspace(3, 0.3, 20)
    theirs = cluster.KMeans(12, n_init=4, random_state=seed).fit(points).inertia_
    # Both stop in local optima, which lie within 1 % of each other here.
    assert kmeans(points, 12, seed=seed).inertia <= theirs * 1.01


def test_as_many_groups_as_points():
    points = np.random.default_rng(0).normal(size=(6, 3))
    found = kmeans(points, 6)
    assert sorted(found.labels) == list(range(6))
    assert found.inertia == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("shift", [0, 1e6])
def test_too_few_different_points_are_refused(shift):
    points = np.repeat(np.eye(3), 50, axis=0) + shift
    assert len(np.unique(kmeans(points, 3).labels)) == 3
    with pytest.raises(InputError, match="3 of the points differ, which is fewer than 4"):
        kmeans(points, 4)


def test_groups_are_found_until_stopped():
    with pytest.raises(CancelledError):
        kmeans(np.random.default_rng(0).normal(size=(100, 4)), 5, cancelled=lambda: True)


def test_labels_are_those_of_the_most_similar_centre(encoder, model):
    embeddings = encoder.encode(fibonacci_lattice(300)).reshape(15, 20, 256)
    labels = Clusters(model)(embeddings)
    assert labels.shape == (1, 15, 20)
    assert labels.dtype == np.uint8
    distances = ((unit(embeddings)[:, :, None] - model.centres) ** 2).sum(-1)
    np.testing.assert_array_equal(labels[0], distances.argmin(-1) + 1)
    # Means of directions are nearly as long as each other, so that the cosine says the same.
    cosines = cosine_similarity(embeddings.reshape(-1, 256), model.centres)
    assert (cosines.argmax(1) + 1 == labels.ravel()).mean() > 0.9


def test_no_data_is_no_cluster(encoder, model):
    embeddings = encoder.encode_grid([0, 10], [50, 40])
    embeddings[0, 1], embeddings[1, 0, 5] = np.nan, np.nan
    product = Clusters(model)
    assert (product(embeddings)[0] == product.nodata).tolist() == [[False, True], [True, False]]


def test_shares_and_legend(model):
    assert model.shares.sum() == pytest.approx(1)
    assert (np.diff(model.shares) <= 0).all()
    tags = Clusters(model).tags
    classes = json.loads(tags["classes"])
    assert [entry["code"] for entry in classes] == list(range(1, 8))
    assert [entry["name"] for entry in classes] == model.said()
    assert len(set(model.said())) == 7
    assert "predicted" in tags["names"]
    assert len({entry["colour"] for entry in classes}) == 7


def test_clusters_are_saved_and_loaded(encoder, model, tmp_path):
    file = tmp_path / "clusters.json"
    model.save(file)
    loaded = ClusterModel.load(file)
    loaded.check(encoder)
    np.testing.assert_array_equal(loaded.centres, model.centres)
    assert loaded.names == model.names
    assert loaded.legend == model.legend
    with pytest.raises(OutputError, match="exists"):
        model.save(file)
    with pytest.raises(InputError, match="found for the model other"):
        replace(loaded, model="other", sha256="0" * 64).check(encoder)


def test_a_file_of_an_earlier_release_has_numbers_for_names(model, tmp_path):
    file = tmp_path / "clusters.json"
    model.save(file)
    content = json.loads(file.read_text())
    del content["names"]
    file.write_text(json.dumps(content))
    assert ClusterModel.load(file).said() == [f"cluster {number}" for number in range(1, 8)]
    assert "names" not in Clusters(ClusterModel.load(file)).tags


def test_names_are_those_of_what_is_predicted(encoder, model):
    heads = PropertyHeads.of(encoder)
    places = fibonacci_lattice(2000)
    embeddings = encoder.encode(places, single=True)
    labels = model.labels(embeddings)
    read = heads.chosen(["land_cover"]).read(embeddings)["land_cover"]
    legend = heads.heads["land_cover"].facts.legend
    for number, name in enumerate(model.names, 1):
        chances = read.probabilities[labels == number].mean(axis=0)
        cover = legend.names[int(chances.argmax())]
        assert name[0].said() in (cover, f"irrigated {cover}")


@pytest.mark.parametrize("k", [-1, 0, 1, 255])
def test_an_odd_number_of_clusters_is_named(encoder, k):
    with pytest.raises(InputError, match=rf"{k} clusters: give a number from 2 to 254"):
        ClusterModel.fit(encoder, fibonacci_lattice(300), k)


def test_more_clusters_than_places_are_refused(encoder):
    with pytest.raises(InputError, match="5 clusters of 3 places"):
        ClusterModel.fit(encoder, [(0, 0), (1, 1), (2, 2)], 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: "", "holds no clusters"),
        (lambda content: "[" * 100_000, "holds no clusters"),
        (lambda content: '{"format": "satclip-rgb-basis"}', "holds no clusters"),
        (lambda content: json.dumps({**content, "version": 2}), "version 2"),
        (lambda content: json.dumps({**content, "centres": [[1, 2], [3]]}), "damaged"),
        (lambda content: json.dumps({**content, "centres": [[1, 2]]}), "damaged"),
        (lambda content: json.dumps({**content, "shares": [0.5]}), "damaged"),
        (lambda content: json.dumps({**content, "shares": [float("nan")] * 7}), "damaged"),
    ],
)
def test_what_holds_no_clusters_is_refused(model, tmp_path, change, message):
    file = tmp_path / "clusters.json"
    model.save(file)
    file.write_text(change(json.loads(file.read_text())))
    with pytest.raises(InputError, match=message):
        ClusterModel.load(file)
