"""Batches: functions of seed, epoch and step; every point once an epoch; nothing held out leaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satclip_core.errors import InputError
from satclip_training.distributed import ALONE, Group
from satclip_training.images.views import CachedViews
from satclip_training.places.batches import Ahead, Batch, Pairs, jittered
from satclip_training.run.loop import rate_factor
from satclip_training.settings.config import TrainingSettings

COUNT = 1000


def pairs(group: Group = ALONE, **settings: object) -> Pairs:
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, COUNT), rng.uniform(-90, 90, COUNT)])
    # The value says which view (thousands) of which point (units) it is.
    numbers = np.arange(COUNT)[None, :, None] + 1000 * np.arange(2)[:, None, None]
    views = {
        "a": CachedViews(numbers.astype(np.float32)),
        "b": CachedViews(-numbers.astype(np.float32)),
    }
    chosen = {"batch_size": 100, "validation_candidates": 40, **settings}
    return Pairs(lonlat, views, {"a": 1.0, "b": 0.5}, TrainingSettings(**chosen), 4, group)  # type: ignore[arg-type]


def assert_same_images(one: Batch, other: Batch) -> None:
    assert list(one.images) == list(other.images) == ["a", "b"]
    for name, images in one.images.items():
        assert torch.equal(images, other.images[name])


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
    first, second = (batch.images[name].numpy()[:, 0] for name in ("a", "b"))
    np.testing.assert_array_equal(first % 1000, batch.points)
    np.testing.assert_array_equal(-second * 2 % 1000, batch.points)
    np.testing.assert_array_equal(batch.lonlat, made.lonlat[batch.points.numpy()])


def test_mean_features_are_over_views_and_weighted() -> None:
    points = np.array([3, 700])
    first, second = pairs().mean_features(points).T
    np.testing.assert_allclose(first, points + 500)
    np.testing.assert_allclose(second, -(points + 500) / 2)


def test_views_are_drawn_for_each_source_alone() -> None:
    images = pairs().batch(0, 0).images
    first, second = (images[name].numpy()[:, 0] for name in ("a", "b"))
    views = np.stack([first // 1000, -second * 2 // 1000])
    assert {tuple(pair) for pair in views.T} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_batch_depends_on_seed_epoch_and_step_alone() -> None:
    used, fresh = pairs(), pairs()
    for step in range(5):
        used.batch(0, step)
    assert_same_images(used.batch(2, 3), fresh.batch(2, 3))
    assert not (fresh.batch(2, 3).points == fresh.batch(1, 3).points).all()


def test_jitter_is_symmetric_and_for_training_alone() -> None:
    made = pairs(jitter_degrees=0.5)
    batches = [made.batch(0, step) for step in range(9)]
    moved = np.concatenate([b.lonlat.numpy() - made.lonlat[b.points] for b in batches])
    moved[:, 0] = np.remainder(moved[:, 0] + 180, 360) - 180
    assert np.abs(moved).max() <= 0.5
    assert np.abs(moved.mean(0)).max() < 0.05
    block = made.validation_batch(0)
    np.testing.assert_array_equal(block.lonlat, made.lonlat[block.points.numpy()])


class Corner:
    """In a generator's place: draws the farthest corner there is."""

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, high)


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ((10.0, 20.0), (10.5, 20.5)),
        ((179.8, 0.0), (-179.7, 0.5)),
        ((10.0, 89.8), (-169.5, 89.7)),
        ((-170.0, 89.5), (-169.5, 90.0)),
        ((100.0, 89.9), (-79.5, 89.6)),
    ],
    ids=["inland", "antimeridian", "over the pole", "onto the pole", "over it and wrapped"],
)
def test_jitter_stays_on_the_sphere(place: tuple[float, ...], moved: tuple[float, ...]) -> None:
    got = jittered(np.array([place]), 0.5, Corner())  # type: ignore[arg-type]
    np.testing.assert_allclose(got, [moved], atol=1e-9)


def test_jitter_at_the_south_pole_comes_down_on_the_far_side() -> None:
    class Down(Corner):
        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            return np.full(shape, low)

    got = jittered(np.array([[30.0, -89.9]]), 0.5, Down())  # type: ignore[arg-type]
    np.testing.assert_allclose(got, [[-150.5, -89.6]], atol=1e-9)


def test_processes_share_the_batch_of_one() -> None:
    whole = pairs(jitter_degrees=0.1).batch(1, 2)
    parts = [pairs(Group(r, 4), jitter_degrees=0.1).batch(1, 2) for r in range(4)]
    for name in ("points", "lonlat"):
        together = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(together, getattr(whole, name))
    for name, images in whole.images.items():
        assert torch.equal(torch.cat([part.images[name] for part in parts]), images)


def test_a_batch_that_cannot_be_shared_out_names_both_settings() -> None:
    with pytest.raises(InputError, match=r"batch_size.*100.*3 processes.*devices"):
        pairs(Group(0, 3))


def test_views_without_a_number_are_numbered_by_the_epoch() -> None:
    class Live:
        count, width = 0, 1

        def take(self, view: np.ndarray, points: np.ndarray) -> np.ndarray:
            return np.column_stack([1000 * view + points]).astype(np.float32)

    made = Pairs(pairs().lonlat, {"a": Live()}, {"a": 1.0}, TrainingSettings(batch_size=100), 4)  # type: ignore[dict-item]
    batch = made.batch(7, 1)
    np.testing.assert_array_equal(batch.images["a"][:, 0], 7000 + batch.points)
    block = made.validation_batch(0)
    np.testing.assert_array_equal(block.images["a"][:, 0], block.points)


@pytest.mark.parametrize("order", [[(0, 0), (0, 1)], [(0, 8), (1, 0)], [(0, 0), (0, 5), (0, 6)]])
def test_batches_drawn_ahead_are_the_same(order: list[tuple[int, int]]) -> None:
    ahead, made = Ahead(pairs()), pairs()
    for epoch, step in order:
        assert_same_images(ahead.batch(epoch, step), made.batch(epoch, step))


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_few_points_still_make_a_batch(share: float) -> None:
    made = pairs(batch_size=5000, validation_fraction=share)
    assert made.steps == 1
    assert made.batch_size == len(made.training)
    assert made.validation_steps == (2 if share else 0)


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    from satclip_training.settings.config import TrainConfig

    config = TrainConfig("x", {}, training=TrainingSettings(warmup=0.1, final_rate=0.01))
    factors = [rate_factor(step, 1000, config) for step in range(1001)]
    assert np.argmax(factors) in (99, 100)
    assert factors[0] < 0.02
    assert factors[550] == pytest.approx(0.505, abs=1e-3)
    assert factors[1000] == pytest.approx(0.01)
    assert (np.diff(factors[100:]) <= 0).all()
