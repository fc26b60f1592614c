"""Batches: functions of seed, epoch and step; every point once an epoch; nothing held out leaks."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_training.config import TrainingSettings
from satclip_training.loop import rate_factor
from satclip_training.pairs import Pairs

COUNT = 1000


def pairs(**settings: object) -> Pairs:
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, COUNT), rng.uniform(-90, 90, COUNT)])
    # The value says which view (thousands) of which point (units) it is.
    numbers = np.arange(COUNT)[None, :, None] + 1000 * np.arange(2)[:, None, None]
    views = {"a": numbers.astype(np.float32), "b": -numbers.astype(np.float32)}
    chosen = {"batch_size": 100, "validation_candidates": 40, **settings}
    return Pairs(lonlat, views, {"a": 1.0, "b": 0.5}, TrainingSettings(**chosen), seed=4)  # type: ignore[arg-type]


def test_every_training_point_comes_once_an_epoch() -> None:
    made = pairs()
    drawn = np.concatenate([made.batch(3, step).points.numpy() for step in range(made.steps)])
    np.testing.assert_array_equal(np.sort(drawn), made.training)


def test_validation_points_are_never_trained_on() -> None:
    made = pairs()
    assert len(made.validation) == 100
    assert not set(made.validation) & set(made.training)
    assert made.validation_steps == 2


def test_rows_match_and_sources_are_weighted() -> None:
    made = pairs()
    batch = made.batch(0, 0)
    first, second = batch.images.numpy().T
    np.testing.assert_array_equal(first % 1000, batch.points)
    np.testing.assert_array_equal(-second * 2 % 1000, batch.points)
    np.testing.assert_array_equal(batch.lonlat, made.lonlat[batch.points.numpy()])


def test_views_are_drawn_for_each_source_alone() -> None:
    first, second = pairs().batch(0, 0).images.numpy().T
    views = np.stack([first // 1000, -second * 2 // 1000])
    assert {tuple(pair) for pair in views.T} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_batch_depends_on_seed_epoch_and_step_alone() -> None:
    used, fresh = pairs(), pairs()
    for step in range(5):
        used.batch(0, step)
    assert (used.batch(2, 3).images == fresh.batch(2, 3).images).all()
    assert not (fresh.batch(2, 3).points == fresh.batch(1, 3).points).all()


def test_jitter_is_symmetric_and_for_training_alone() -> None:
    made = pairs(jitter_degrees=0.5)
    moved = np.concatenate(
        [made.batch(0, s).lonlat.numpy() - made.lonlat[made.batch(0, s).points] for s in range(9)]
    )
    assert np.abs(moved).max() <= 0.5
    assert np.abs(moved.mean(0)).max() < 0.05
    block = made.validation_batch(0)
    np.testing.assert_array_equal(block.lonlat, made.lonlat[block.points.numpy()])


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_few_points_still_make_a_batch(share: float) -> None:
    made = pairs(batch_size=5000, validation_fraction=share)
    assert made.steps == 1
    assert made.batch_size == len(made.training)
    assert made.validation_steps == (2 if share else 0)


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    from satclip_training.config import TrainConfig

    config = TrainConfig("x", {}, training=TrainingSettings(warmup=0.1, final_rate=0.01))
    factors = [rate_factor(step, 1000, config) for step in range(1001)]
    assert np.argmax(factors) in (99, 100)
    assert factors[0] < 0.02
    assert factors[550] == pytest.approx(0.505, abs=1e-3)
    assert factors[1000] == pytest.approx(0.01)
    assert (np.diff(factors[100:]) <= 0).all()
