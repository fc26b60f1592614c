"""Views of points: from a cache or live, the same numbers for the same view of the same point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from patch_world import write_patches

from satclip_core.errors import InputError
from satclip_training.images import cache, patches, views
from satclip_training.images.cache import CacheRequest, make_request
from satclip_training.images.views import CachedViews, LiveViews, open_views
from satclip_training.places.sampling import load_points, sample_points
from satclip_training.settings.config import (
    ChipSettings,
    FeatureSettings,
    PatchSettings,
    PointSettings,
    SourceSettings,
)
from satclip_training.settings.run_files import Locations, locations

COUNT = 40


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "CHUNK", 16)
    monkeypatch.setattr(views, "LIVE_ROWS", 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patches(tmp_path_factory.mktemp("patches") / "s2", COUNT)


def request_of(folder: Path, **features: object) -> CacheRequest:
    chosen = {"filters": 8, "dim": 6, "samples": 32, **features}
    settings = SourceSettings(
        patches="s2",
        transform=PatchSettings(crop=20),
        views=3,
        features=FeatureSettings(**chosen),  # type: ignore[arg-type]
    )
    places = Locations((folder.parent,))
    return make_request("s2", settings, load_points(PointSettings(patches="s2"), places), places, 9)


@pytest.mark.parametrize("dim", [0, 6])
def test_a_cached_view_is_the_live_one(folder: Path, tmp_path: Path, dim: int) -> None:
    request = request_of(folder, dim=dim)
    cached = open_views(request, tmp_path)
    live = open_views(request, tmp_path, live=True)
    assert isinstance(cached, CachedViews)
    assert isinstance(live, LiveViews)
    assert (cached.count, live.count) == (3, 0)
    assert cached.width == live.width == (dim or 24)
    rng = np.random.default_rng(0)
    view, points = rng.integers(0, 3, 100), rng.integers(0, COUNT, 100)
    stored, computed = cached.take(view, points), live.take(view, points)
    assert stored.dtype == computed.dtype == np.float32
    # The cache rounds to float16, 11 bits; sums of float32 depend on the batch a little.
    np.testing.assert_allclose(stored, computed, rtol=2**-11, atol=1e-4)
    np.testing.assert_array_equal(live.take(view[:0], points[:0]).shape, (0, live.width))


def test_live_views_go_on_beyond_the_cached_ones(folder: Path, tmp_path: Path) -> None:
    live = open_views(request_of(folder), tmp_path, live=True)
    points = np.arange(COUNT)
    first, second = (live.take(np.full(COUNT, view), points) for view in (7, 8))
    assert np.abs(first - second).mean() > 0.02
    np.testing.assert_array_equal(live.take(np.full(COUNT, 7), points), first)


def test_live_views_of_rasters_depend_on_view_and_point_alone(world: Path, tmp_path: Path) -> None:
    settings = SourceSettings(
        files=("image_*.tif",),
        chip=ChipSettings(kilometres=400, pixels=8),
        features=FeatureSettings(filters=8, dim=6, samples=200),
    )
    places = locations(world / "run.yaml", world)
    request = make_request("image", settings, sample_points(300, seed=0), places, 7)
    live = open_views(request, tmp_path, live=True)
    view, points = np.array([0, 5, 5, 2]), np.array([10, 10, 299, 0])
    together = live.take(view, points)
    alone = np.concatenate([live.take(view[k : k + 1], points[k : k + 1]) for k in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_fit_is_shared_by_the_cache_and_the_live_run(folder: Path, tmp_path: Path) -> None:
    open_views(request_of(folder), tmp_path, live=True)
    (made,) = tmp_path.iterdir()
    before = (made / "extractor.npz").stat().st_mtime_ns
    open_views(request_of(folder), tmp_path)
    assert list(tmp_path.iterdir()) == [made]
    assert (made / "extractor.npz").stat().st_mtime_ns == before


def test_features_too_large_for_the_cache_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LARGEST", 1e-6)
    with pytest.raises(InputError, match=r"do not fit the cache: set features\.dim, or training"):
        open_views(request_of(folder, dim=0), tmp_path)


def test_random_features_have_no_network_to_keep(folder: Path, tmp_path: Path) -> None:
    for live in (False, True):
        assert open_views(request_of(folder, dim=0), tmp_path, live=live).backbone() is None


def test_cached_views_are_taken_row_by_row() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float16)
    taken = CachedViews(values).take(np.array([1, 0, 1]), np.array([4, 4, 0]))
    np.testing.assert_array_equal(taken, np.stack([values[1, 4], values[0, 4], values[1, 0]]))
