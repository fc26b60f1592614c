"""Patches in S2-100K's layout: which there are, what is said of bad ones, how views vary."""

from __future__ import annotations

import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patch_world import write_patch, write_patches

from satclip_core.errors import InputError
from satclip_training.images.augment import Variation, augmented, blurred, draw
from satclip_training.images.cache import make_request
from satclip_training.images.patches import PatchImagery, read_patch, read_patch_folder
from satclip_training.places.sampling import load_points
from satclip_training.settings.config import (
    FeatureSettings,
    PatchSettings,
    PointSettings,
    SourceSettings,
)
from satclip_training.settings.run_files import Locations

STILL = PatchSettings(crop=24, flip=False, blur=0)


def source(**transform: object) -> SourceSettings:
    chosen = {"crop": 16, **transform}
    return SourceSettings(
        patches="s2",
        transform=PatchSettings(**chosen),  # type: ignore[arg-type]
        features=FeatureSettings(filters=8, dim=4, samples=16),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patches(tmp_path_factory.mktemp("patches") / "s2", 9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_patches(tmp_path / "s2", 4)


def test_points_and_files_come_in_the_order_of_the_index(made: Path) -> None:
    read = read_patch_folder(made)
    rows = [line.split(",") for line in (made / "index.csv").read_text().split()[1:]]
    np.testing.assert_array_equal(read.lonlat, [[float(r[1]), float(r[0])] for r in rows])
    assert [file.name for file in read.files] == [row[3] for row in rows]
    points = load_points(PointSettings(patches="s2", count=5), Locations((made.parent,)))
    np.testing.assert_array_equal(points, read.lonlat[:5])


def test_small_files_are_skipped_and_counted_in_one_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "images" / "patch_1.tif").write_bytes(b"0" * 9_999)
    with caplog.at_level(logging.INFO, "satclip_training"):
        points = load_points(PointSettings(patches="s2"), Locations((folder.parent,)))
    assert len(points) == 3
    assert [file.name for file in read_patch_folder(folder).files] == [
        "patch_0.tif", "patch_2.tif", "patch_3.tif",
    ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 4 patches are smaller than 10,000 bytes, so without data: skipped"
    ]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "has no index.csv"),
        ("lat,fn\n1,a.tif\n", "has no column lon"),
        ("lat,lon,fn\n", "has no rows"),
        ("lat,lon,fn\n1,2,patch_0.tif\nx,2,patch_1.tif\n", "line 3: lat 'x' is no number"),
        ("lat,lon,fn\nnan,2,patch_0.tif\n", "line 2: lat nan is not within -90 and 90"),
        ("lat,lon,fn\n95,2,patch_0.tif\n", "line 2: lat 95 is not within -90 and 90"),
        ("lat,lon,fn\n5,200,patch_0.tif\n", "line 2: lon 200 is not within -180 and 180"),
        ("lat,lon,fn\n5,20,\n", "line 2: fn is empty"),
        ("lat,lon,fn\n5,20,none.tif\n5,20,patch_0.tif\n", "1 of the 2 patches.*none.tif.*fetch"),
    ],
)
def test_a_bad_index_is_one_line(folder: Path, index: str | None, message: str) -> None:
    (folder / "index.csv").unlink()
    if index is not None:
        (folder / "index.csv").write_text(index)
    with pytest.raises(InputError, match=message) as error:
        read_patch_folder(folder)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"points\.patches: 'nowhere' is not there"):
        load_points(PointSettings(patches="nowhere"), Locations((tmp_path,)))


def test_a_damaged_patch_is_named(folder: Path) -> None:
    files = read_patch_folder(folder).files
    files[2].write_bytes(files[2].read_bytes()[:12_000])
    imagery = PatchImagery(files, source(), 0)
    with pytest.raises(InputError, match=r"patch_2\.tif: is damaged \(.*\); fetch it again"):
        list(imagery.chunk(0))


def test_threads_read_patches_without_georeferencing_and_nobody_hears_of_it(made: Path) -> None:
    files = read_patch_folder(made).files
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with ThreadPoolExecutor(8) as pool:
            shapes = {patch.shape for patch in pool.map(read_patch, [*files] * 60)}
        assert warnings.filters == before
    assert len(shapes) == 1
    assert [str(warning.message) for warning in heard] == []


def test_a_patch_with_other_bands_is_named(folder: Path) -> None:
    files = read_patch_folder(folder).files
    write_patch(files[3], np.full((5, 40, 40), 7, np.uint16))
    with pytest.raises(InputError, match=r"patch_3\.tif: has 5 bands, patch_0\.tif has 12"):
        list(PatchImagery(files, source(), 0).chunk(0))
    with pytest.raises(InputError, match="has 12 bands, no band 13"):
        PatchImagery(files, replace(source(), bands=(1, 13)), 0)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"crop": 25}, r"transform\.crop: 25 is more than the 24 x 24 pixels"),
        ({"blur": 4}, r"transform\.blur: 4 is even"),
        ({"zero_band": 13}, r"transform\.zero_band: 13 is beyond the 12 bands"),
    ],
)
def test_a_transform_that_does_not_fit_is_named(
    made: Path, transform: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        list(PatchImagery(read_patch_folder(made).files, source(**transform), 0).chunk(0))


PATCH = np.arange(12 * 24 * 24, dtype=np.uint16).reshape(12, 24, 24)


def test_values_are_scaled_and_a_zero_band_stands_in_for_b10() -> None:
    image = augmented(PATCH, STILL, Variation(0, 0, False, False, 1.0))
    assert image.shape == (13, 24, 24)
    assert image.dtype == np.float32
    assert not image[10].any()
    np.testing.assert_array_equal(np.delete(image, 10, 0), PATCH.astype(np.float32) / 10_000)
    without = augmented(PATCH, replace(STILL, zero_band=None), Variation(0, 0, False, False, 1.0))
    np.testing.assert_array_equal(without, np.delete(image, 10, 0))


def test_crop_and_flips_move_pixels_and_change_none() -> None:
    settings = replace(STILL, crop=10, zero_band=None, scale=1.0)
    image = augmented(PATCH, settings, Variation(3, 5, True, True, 1.0))
    np.testing.assert_array_equal(image, PATCH[:, 3:13, 5:15][:, ::-1, ::-1])


def test_blur_is_a_normalised_gaussian_with_reflected_edges() -> None:
    image = np.random.default_rng(0).normal(size=(2, 6, 7)).astype(np.float32)
    sigma = 0.8
    line = np.exp(-0.5 * (np.array([-1, 0, 1]) / sigma) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    wanted = sum(kernel[r, c] * padded[:, r : r + 6, c : c + 7] for r in range(3) for c in range(3))
    np.testing.assert_allclose(blurred(image, 3, sigma), wanted, atol=1e-6)


def test_blur_is_torchvisions() -> None:
    from timm_operators import timm_or_skip

    timm_or_skip()
    import torch
    from torchvision.transforms.functional import gaussian_blur

    image = np.random.default_rng(0).normal(size=(3, 9, 8)).astype(np.float32)
    for size, sigma in ((3, 0.1), (3, 2.0), (5, 1.3)):
        wanted = gaussian_blur(torch.from_numpy(image), size, sigma).numpy()
        np.testing.assert_allclose(blurred(image, size, sigma), wanted, atol=1e-6)


def test_draws_are_spread_as_published() -> None:
    settings = PatchSettings(crop=20)
    drawn = [
        draw(settings, (24, 24), seed=1, view=v, point=p) for v in range(4) for p in range(500)
    ]
    for name in ("top", "left"):
        counts = np.bincount([getattr(d, name) for d in drawn])
        assert len(counts) == 5
        assert counts.min() > 300  # of 400 expected, five standard deviations
    for name in ("across", "down"):
        assert 0.44 < np.mean([getattr(d, name) for d in drawn]) < 0.56
    sigmas = np.array([d.sigma for d in drawn])
    assert (sigmas.min() > 0.1, sigmas.max() < 2.0) == (True, True)
    assert sigmas.mean() == pytest.approx(1.05, abs=0.07)


def test_a_view_is_a_function_of_seed_view_and_point_alone(made: Path) -> None:
    files = read_patch_folder(made).files
    imagery = PatchImagery(files, replace(source(), views=3), 4)
    chunked = {view: images for view, _, images, _ in imagery.chunk(0)}
    assert set(chunked) == {0, 1, 2}
    points = np.array([7, 2, 7, 0])
    view = np.array([2, 0, 1, 1])
    images, valid = imagery.take(view, points)
    for row in range(4):
        np.testing.assert_array_equal(images[row], chunked[view[row]][points[row]])
    np.testing.assert_array_equal(valid, 1)
    assert not np.array_equal(images[0], images[2])
    other, _ = PatchImagery(files, replace(source(), views=3), 5).take(view, points)
    assert not np.array_equal(other, images)


def test_points_that_are_not_the_patches_are_refused(folder: Path) -> None:
    places = Locations((folder.parent,))
    points = load_points(PointSettings(patches="s2"), places)
    (folder / "images" / "patch_0.tif").write_bytes(b"0")
    with pytest.raises(InputError, match=r"sources\.s2\.patches: 's2' has changed"):
        make_request("s2", source(), points, places, 0)


@pytest.mark.parametrize("what", ["index", "size", "transform", "views"])
def test_the_fingerprint_covers_patches_and_transform(folder: Path, what: str) -> None:
    places = Locations((folder.parent,))

    def described(settings: SourceSettings) -> dict[str, object]:
        points = load_points(PointSettings(patches="s2", count=3), places)
        return make_request("s2", settings, points, places, 0).describe()

    before = described(source())
    assert described(source()) == before
    assert str(folder.parent) not in str(before)
    index = folder / "index.csv"
    settings = source()
    if what == "index":
        first, *rest = index.read_text().splitlines()
        index.write_text("\n".join([first, *rest[::-1]]))
    elif what == "size":
        with (folder / "images" / "patch_1.tif").open("ab") as file:
            file.write(b"0")
    else:
        changed = {"transform": replace(settings.transform, blur=0), "views": 3}
        settings = replace(settings, **{what: changed[what]})
    assert described(settings) != before


def test_sources_of_rasters_keep_their_fingerprints(world: Path) -> None:
    """What names a cache must not change, or every cache would be computed again."""
    from satclip_training.settings.config import ChipSettings

    settings = SourceSettings(files=("image_1.tif",), chip=ChipSettings(kilometres=9, pixels=8))
    request = make_request("a", settings, np.zeros((2, 2)), Locations((world,)), 0)
    described = request.describe()
    assert set(described) == {"version", "source", "settings", "files", "points", "seed"}
    assert set(described["settings"]) == {
        "chip", "views", "features", "bounds", "bands", "nodata", "reduce", "least_valid",
    }  # fmt: skip
    assert set(described["settings"]["features"]) == {
        "kind", "filters", "patch", "regularisation", "threshold", "mean_response", "dim",
        "whitening", "samples",
    }  # fmt: skip


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_patch_with_pixels_that_are_no_numbers_is_named(tmp_path: Path, value: float) -> None:
    pixels = np.ones((12, 24, 24), np.float32)
    pixels[3, 12, 12] = value
    path = write_patch(tmp_path / "patch_7.tif", pixels)
    with pytest.raises(InputError, match=r"patch_7\.tif: holds pixels that are no numbers"):
        read_patch(path)


def test_an_index_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    folder = write_patches(tmp_path / "s2", 3)
    before = read_patch_folder(folder)
    text = (folder / "index.csv").read_text()
    (folder / "index.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    np.testing.assert_array_equal(read_patch_folder(folder).lonlat, before.lonlat)
