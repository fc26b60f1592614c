"""The feature cache: resumed to the bit, never mixed, and what its features are."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_world import StopAfter

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_training.images import cache, chips
from satclip_training.images.cache import CacheRequest, cached_views, make_request
from satclip_training.places.sampling import sample_points
from satclip_training.settings.config import ChipSettings, FeatureSettings, SourceSettings
from satclip_training.settings.run_files import locations

SETTINGS = SourceSettings(
    files=("image_*.tif",),
    chip=ChipSettings(kilometres=400, pixels=8),
    views=3,
    features=FeatureSettings(filters=16, dim=12, samples=500),
    nodata=0.0,
)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chips, "CHUNK", 100)


@pytest.fixture
def request_(world: Path) -> CacheRequest:
    places = locations(world / "run.yaml", world)
    return make_request("image", SETTINGS, sample_points(450, seed=0), places, 7)


def test_views_differ_and_hold_standardised_components(
    request_: CacheRequest, tmp_path: Path
) -> None:
    views = cached_views(request_, tmp_path)
    assert views.shape == (3, 450, 12)
    assert views.dtype == np.float16
    values = np.asarray(views, np.float64)
    assert np.abs(values[0] - values[1]).mean() > 0.05
    flat = values.reshape(-1, 12)
    assert np.abs(flat.mean(0)).max() < 0.3
    np.testing.assert_allclose(flat.std(0), 1, atol=0.35)
    # Two views of a place are more alike than views of two places.
    same = ((values[0] - values[1]) ** 2).mean()
    other = ((values[0] - values[1][::-1]) ** 2).mean()
    assert same < 0.8 * other


def test_a_stopped_cache_goes_on_to_the_same_bits(request_: CacheRequest, tmp_path: Path) -> None:
    whole = np.array(cached_views(request_, tmp_path / "whole"))
    asked = []
    with pytest.raises(CancelledError):
        cached_views(
            request_, tmp_path / "parts", cancelled=lambda: asked.append(1) or len(asked) > 6
        )
    seen: list[tuple[int, int]] = []
    progress = lambda done, total: seen.append((done, total))  # noqa: E731
    parts = cached_views(request_, tmp_path / "parts", progress=progress)
    np.testing.assert_array_equal(parts, whole)
    assert seen[0] == (7, 15)
    assert seen[-1] == (15, 15)


def test_a_finished_cache_is_not_computed_again(
    request_: CacheRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = np.array(cached_views(request_, tmp_path))
    monkeypatch.setattr(cache, "open_source", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(cached_views(request_, tmp_path), first)


@pytest.mark.parametrize("what", ["points", "seed", "chip", "files"])
def test_another_request_gets_another_folder(
    request_: CacheRequest, tmp_path: Path, world: Path, what: str
) -> None:
    changed = {
        "points": {"lonlat": request_.lonlat + 1e-9},
        "seed": {"seed": 8},
        "chip": {"settings": replace(SETTINGS, chip=replace(SETTINGS.chip, kilometres=300))},
        "files": {"files": request_.files[:1]},
    }
    cached_views(request_, tmp_path)
    cached_views(replace(request_, **changed[what]), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_fingerprint_does_not_hold_folders(request_: CacheRequest, world: Path) -> None:
    assert str(world) not in str(request_.describe())


def test_a_folder_of_another_request_is_refused(request_: CacheRequest, tmp_path: Path) -> None:
    cached_views(request_, tmp_path)
    folder = next(tmp_path.iterdir())
    text = (folder / "request.json").read_text()
    (folder / "request.json").write_text(text.replace('"seed": 7', '"seed": 9'))
    with pytest.raises(InputError, match="made by another request"):
        cached_views(request_, tmp_path)


def test_imagery_that_covers_no_point_is_an_error(
    request_: CacheRequest, tmp_path: Path, world: Path
) -> None:
    from training_world import write_raster

    path = write_raster(
        tmp_path / "spot.tif", np.ones((3, 5, 5), np.uint8), (0, 0, 0.1, 0.1), "EPSG:4326"
    )
    with pytest.raises(InputError, match=r"sources\.image: its imagery covers hardly any"):
        cached_views(replace(request_, files=[[path]]), tmp_path / "cache")


def test_decoded_rasters_leave_nothing_behind(
    request_: CacheRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_training.images import decoding

    in_memory = np.array(cached_views(request_, tmp_path / "a"))
    monkeypatch.setattr(decoding, "IN_MEMORY_BYTES", 0)
    mapped = cached_views(request_, tmp_path / "b")
    np.testing.assert_array_equal(mapped, in_memory)
    assert not list(tmp_path.rglob("*.raster"))


def _gone(folder: Path) -> None:
    (folder / "features.f16").unlink()


def _cut(folder: Path) -> None:
    with (folder / "features.f16").open("r+b") as file:
        file.truncate(100)


@pytest.mark.parametrize("damage", [_gone, _cut])
@pytest.mark.parametrize("asked", [6, 10**6])
def test_features_that_are_gone_are_computed_again(
    request_: CacheRequest, tmp_path: Path, damage: Callable[[Path], None], asked: int
) -> None:
    """Whatever the journal says: places without features would be trained on as zeros."""
    whole = np.array(cached_views(request_, tmp_path / "whole"))
    with suppress(CancelledError):
        cached_views(request_, tmp_path / "hurt", cancelled=StopAfter(asked))
    (folder,) = (tmp_path / "hurt").iterdir()
    damage(folder)
    np.testing.assert_array_equal(cached_views(request_, tmp_path / "hurt"), whole)


def test_a_line_of_the_journal_that_was_cut_off_does_not_count(
    request_: CacheRequest, tmp_path: Path
) -> None:
    whole = np.array(cached_views(request_, tmp_path))
    (folder,) = tmp_path.iterdir()
    raw = np.memmap(folder / "features.f16", np.float16, "r+", shape=whole.shape)
    raw[0, 100:200] = 0  # chunk 1, while the journal was at 12 when the disk was full
    raw.flush()
    rest = "".join(f"{chunk}\n" for chunk in (0, *range(2, 12)))
    (folder / "done.txt").write_text(rest + "1")
    np.testing.assert_array_equal(cached_views(request_, tmp_path), whole)


def test_a_damaged_extractor_is_named(request_: CacheRequest, tmp_path: Path) -> None:
    cached_views(request_, tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "extractor.npz").write_bytes(b"")
    (folder / "done.txt").unlink()
    with pytest.raises(InputError, match=r"extractor\.npz is damaged; remove the folder"):
        cached_views(request_, tmp_path)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system allocates no room")
def test_room_for_all_features_is_taken_first(
    request_: CacheRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing to a map whose disk is full kills the process, without a word."""

    def full(descriptor: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, 3 * 450 * 12 * 2)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match=r"cache .*image-.*No space left"):
        cached_views(request_, tmp_path)
    monkeypatch.undo()
    assert cached_views(request_, tmp_path).shape == (3, 450, 12)


def test_few_chunks_are_begun_ahead_and_threads_are_given_back() -> None:
    import torch

    before, begun, ahead = torch.get_num_threads(), [], []
    torch.set_num_threads(2)
    try:
        work = lambda chunk: begun.append(chunk) or chunk  # type: ignore[func-returns-value] # noqa: E731
        done = []
        for chunk in cache._in_threads(work, range(20), None, "x"):
            done.append(chunk)
            ahead.append(len(begun) - len(done))
        assert done == list(range(20))
        assert max(ahead) <= 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
