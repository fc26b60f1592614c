"""Image predictions in every published form, combined with a prior, and the figures made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score, top_k_accuracy_score

from satclip_core.errors import InputError
from satclip_training.inaturalist.predictions import read_predictions
from satclip_training.inaturalist.scores import accuracies, combined, mean_auc, ranks

IDS = np.array([40, 10, 30, 20])
CLASSES = 6
EVERYTHING = slice(None)


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 3, (len(IDS), CLASSES))


def softmax(logits: np.ndarray) -> np.ndarray:
    values = np.exp(logits)
    return values / values.sum(1, keepdims=True)


def saved(path: Path, form: str, logits: np.ndarray) -> Path:
    """The predictions written in one of the forms."""
    turned = np.argsort(IDS)
    if form == "npy logits":
        np.save(path, logits)
    elif form == "npy probabilities":
        np.save(path, softmax(logits))
    elif form == "npz logits by id":
        np.savez_compressed(path, ids=IDS[turned], logits=logits[turned])
    elif form == "npz probs":
        np.savez(path, probs=softmax(logits))
    elif form.startswith("npz sparse"):
        sparse.save_npz(path, sparse.csr_matrix(softmax(logits)).asformat(form[-3:]))
    return path


@pytest.mark.parametrize(
    "form",
    [
        "npy logits", "npy probabilities", "npz logits by id", "npz probs",
        "npz sparse csr", "npz sparse csc", "npz sparse coo",
    ],
)  # fmt: skip
def test_every_form_gives_the_same_probabilities(
    tmp_path: Path, logits: np.ndarray, form: str
) -> None:
    path = saved(tmp_path / f"p.{form[:3]}", form, logits)
    found = read_predictions(path, IDS, CLASSES)
    np.testing.assert_allclose(np.exp(found.log_probabilities(EVERYTHING)), softmax(logits))
    part = np.exp(found.log_probabilities(slice(1, 3)))
    np.testing.assert_allclose(part, softmax(logits)[1:3])


def test_probabilities_left_out_of_a_sparse_file_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npz"
    sparse.save_npz(path, sparse.csr_matrix(np.eye(4, CLASSES)))
    found = read_predictions(path, IDS, CLASSES).log_probabilities(EVERYTHING)
    np.testing.assert_array_equal(np.exp(found), np.eye(4, CLASSES))


def test_huge_logits_do_not_overflow(tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.full((4, CLASSES), -1e5))
    found = read_predictions(tmp_path / "l.npy", IDS, CLASSES)
    np.testing.assert_allclose(found.log_probabilities(EVERYTHING), -np.log(CLASSES))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"logits": np.zeros((3, CLASSES))}, r"3 rows for 4 images"),
        ({"logits": np.zeros((4, 5))}, r"5 columns, but the annotations have 6 species"),
        ({"logits": np.zeros(4)}, r"expected an array of \(images, species\)"),
        ({"values": np.zeros((4, CLASSES))}, r"holds values; expected `logits` or `probs`"),
        ({"logits": np.zeros((4, CLASSES)), "ids": IDS[:3]}, r"3 ids for 4 rows"),
        ({"logits": np.zeros((4, CLASSES)), "ids": IDS + 10}, r"1 of 4 images have no row, .* 10"),
        ({"logits": np.zeros((4, CLASSES)), "ids": IDS[[0, 1, 2, 2]]}, r"an id occurs twice"),
        ({"logits": np.zeros((4, CLASSES)), "ids": np.array(list("abcd"))}, r"whole numbers"),
    ],
)
def test_unfit_predictions_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_predictions(tmp_path / "p.npz", IDS, CLASSES)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("logits", np.nan, "not finite"), ("probs", -0.1, "negative probabilities")],
)
def test_impossible_values_are_refused(
    tmp_path: Path, key: str, value: float, message: str
) -> None:
    np.savez(tmp_path / "p.npz", **{key: np.full((4, CLASSES), value)})
    with pytest.raises(InputError, match=message):
        read_predictions(tmp_path / "p.npz", IDS, CLASSES).log_probabilities(EVERYTHING)


def test_what_is_no_array_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.npy").write_text("0.1, 0.9")
    with pytest.raises(InputError, match=r"not a .npy or .npz file"):
        read_predictions(tmp_path / "p.npy", IDS, CLASSES)
    with pytest.raises(InputError, match="no such file"):
        read_predictions(tmp_path / "q.npy", IDS, CLASSES)


def test_the_product_is_softmax_times_sigmoid(logits: np.ndarray) -> None:
    prior = np.random.default_rng(2).normal(0, 3, logits.shape)
    located = np.array([True, True, False, True])
    got = np.exp(combined(np.log(softmax(logits)), prior, located))
    wanted = softmax(logits) / (1 + np.exp(-prior))
    np.testing.assert_allclose(got[located], wanted[located])
    np.testing.assert_allclose(got[2], softmax(logits)[2])


def test_the_sum_ranks_as_added_logits_do(logits: np.ndarray) -> None:
    prior = np.random.default_rng(2).normal(0, 3, logits.shape)
    got = combined(np.log(softmax(logits)), prior, np.ones(4, bool), "sum")
    np.testing.assert_array_equal(got.argsort(1), (logits + prior).argsort(1))


def test_an_image_without_a_place_keeps_its_prediction_whatever_the_prior_holds() -> None:
    image = np.log([[0.7, 0.3]])
    got = combined(image, np.array([[np.nan, np.inf]]), np.array([False]))
    np.testing.assert_array_equal(got, image)


def test_a_certain_prior_overrules_without_overflow() -> None:
    image = np.log([[0.999, 0.001]])
    got = combined(image, np.array([[-800.0, 800.0]]), np.array([True]))
    assert np.isfinite(got).all()
    assert got.argmax() == 1


def test_top_k_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(200, 12)), rng.integers(0, 12, 200)
    found = accuracies(ranks(scores, labels))
    for k, value in found.items():
        wanted = top_k_accuracy_score(labels, scores, k=k, labels=np.arange(12))
        assert value == pytest.approx(100 * wanted)


def test_a_score_that_says_nothing_earns_nothing() -> None:
    assert accuracies(ranks(np.zeros((5, 8)), np.arange(5))) == {1: 0.0, 3: 0.0, 5: 0.0}


def test_mean_auc_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 70, 300)
    labels[labels == 4] = 5  # a species that was not seen is left out
    scores = rng.normal(size=(300, 70)).round(1)  # with ties
    wanted = [roc_auc_score(labels == k, scores[:, k]) for k in np.unique(labels)]
    assert mean_auc(scores, labels) == pytest.approx(np.mean(wanted))


def test_auc_of_one_species_alone_is_not_defined() -> None:
    assert np.isnan(mean_auc(np.zeros((3, 2)), np.zeros(3, int)))
