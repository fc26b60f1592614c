from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_core.analysis import class_scores, folds_of_blocks, number_scores, spatial_blocks
from satclip_core.analysis.tuning import Classes, Numbers, choose_penalty
from satclip_core.errors import CancelledError
from satclip_core.grid.sphere import fibonacci_lattice


def test_blocks_are_compact_and_all_used():
    blocks = spatial_blocks(fibonacci_lattice(3000))
    assert sorted(set(blocks.tolist())) == list(range(25))
    sizes = np.bincount(blocks)
    assert sizes.min() > 40
    assert sizes.max() < 300


def test_the_dateline_and_the_poles_part_nothing():
    lonlat = [(179.9, 0), (-179.9, 0), (0, 0), (0.2, 0), (5, 89.9), (-170, 89.9)]
    blocks = spatial_blocks(lonlat, 3)
    assert blocks[0] == blocks[1]
    assert blocks[2] == blocks[3]
    assert blocks[4] == blocks[5]
    assert len(set(blocks.tolist())) == 3


def test_equal_places_are_in_one_block():
    blocks = spatial_blocks([(10, 50), (370, 50), (11, 50), (10, 50), (0, 90), (77, 90)])
    assert blocks[0] == blocks[1] == blocks[3]
    assert blocks[4] == blocks[5]
    assert len(set(blocks.tolist())) == 3


def test_a_field_of_a_hundred_metres_has_blocks_too():
    random = np.random.default_rng(0)
    lonlat = np.array([8.0, 50.0]) + random.uniform(0, 1e-3, (200, 2))
    assert len(set(spatial_blocks(lonlat).tolist())) == 25


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(1, 7))
@settings(deadline=None)
def test_folds_are_of_whole_blocks_and_balanced(blocks, count):
    folds = folds_of_blocks(blocks, count)
    for block in set(blocks):
        assert len({f for b, f in zip(blocks, folds.tolist()) if b == block}) == 1
    used = min(count, len(set(blocks)))
    assert set(folds.tolist()) == set(range(used))
    # A fold gets no block while another is smaller: it leads by one block at most.
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= np.bincount(blocks).max()


def test_scores_of_numbers_by_hand():
    scores = number_scores([1, 2, 3, 6], [1, 2, 5, 4])
    assert scores["r2"] == pytest.approx(1 - 8 / 14)
    assert scores["rmse"] == pytest.approx(2**0.5)
    assert scores["mae"] == 1
    assert number_scores([1, 2, 3], [2, 2, 2])["r2"] == 0


def test_scores_of_classes_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 4, 200), random.integers(0, 5, 200)
    scores = class_scores(truth, predicted, 6)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    recalls = metrics.recall_score(truth, predicted, average=None, labels=range(4))
    assert scores["balanced_accuracy"] == pytest.approx(recalls.mean())
    assert (
        np.array(scores["confusion"])[:5, :5] == metrics.confusion_matrix(truth, predicted)
    ).all()


def noisy(count=400, dim=30, seed=0):
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, dim))
    return points, points[:, 0] + random.normal(0, 1, count), random.integers(0, 5, count)


def test_the_penalty_has_the_least_error_of_left_out_samples():
    points, values, folds = noisy()
    choice = choose_penalty(Numbers(values), points, folds)
    linear_model = pytest.importorskip("sklearn.linear_model")
    for penalty, error in list(choice.errors.items())[::6]:
        left_out = np.empty(len(values))
        for fold in range(5):
            train = folds != fold
            mean, deviation = points[train].mean(0), points[train].std(0)
            model = linear_model.Ridge(alpha=penalty * train.sum())
            model.fit((points[train] - mean) / deviation, values[train])
            left_out[~train] = model.predict((points[~train] - mean) / deviation)
        assert error == pytest.approx(((left_out - values) ** 2).mean(), rel=1e-6)
    assert choice.errors[choice.penalty] == min(choice.errors.values())
    scores = number_scores(values, choice.outputs[:, 0])
    assert scores["rmse"] ** 2 == pytest.approx(choice.errors[choice.penalty])


def test_noise_gets_a_stronger_penalty_than_signal():
    points, values, folds = noisy()
    noise = np.random.default_rng(1).normal(size=len(values))
    signal = choose_penalty(Numbers(points @ np.ones(30)), points, folds).penalty
    assert signal < choose_penalty(Numbers(values), points, folds).penalty
    assert choose_penalty(Numbers(noise), points, folds).penalty > 1


def test_a_class_of_one_fold_alone_counts_as_an_error_only():
    points, values, folds = noisy()
    classes = np.where(folds == 2, 2, values > 0).astype(np.int64)
    task = Classes(classes, 3)
    choice = choose_penalty(task, points, folds)
    assert np.isfinite(list(choice.errors.values())).all()
    scores = task.scores(choice.outputs)
    assert scores["confusion"][2][2] == 0
    assert scores["balanced_accuracy"] < 0.7


def test_progress_ends_at_its_total_and_cancel_is_heard():
    points, values, folds = noisy()
    heard = []
    choose_penalty(Classes((values > 0).astype(np.int64), 2), points, folds,
                   progress=lambda done, total: heard.append((done, total)))  # fmt: skip
    assert heard[-1][0] == heard[-1][1]
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})
    with pytest.raises(CancelledError):
        choose_penalty(Numbers(values), points, folds, cancelled=lambda: len(heard) > 0)
