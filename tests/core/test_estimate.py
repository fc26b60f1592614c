"""What a dry run says of a raster, beside the raster itself; its seconds are a benchmark's."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.products import EmbeddingOf, SimilarityTo
from satclip_core.raster import RasterRequest, WriteOptions, cog_folder

pytest.importorskip("rasterio")

EUROPE = Grid.from_bounds((-12, 35, 32, 60), 0.05)  # 880 x 500, half of it land
SIDES = {"zarr": ".zarr", "cogs": "", "gtiff": ".tif", "cog": ".tif", "parquet": ".parquet"}
PLACE = SimilarityTo(((9.0, 48.0),))


def size_of(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


@pytest.fixture
def job_of(small_model, monkeypatch):
    monkeypatch.setattr(cog_folder, "_SIDE", 512)

    def make(product, mask=None, grid=EUROPE, **options):
        write = WriteOptions(**options)
        return RasterRequest(grid, product, small_model, mask=mask, options=write).prepare()

    return make


@pytest.mark.parametrize("mask", [None, "land"])
@pytest.mark.parametrize("format", SIDES)
def test_the_size_is_that_of_the_raster(job_of, tmp_path, format, mask):
    if format == "zarr":
        pytest.importorskip("zarr", minversion="3")
    if format == "parquet":
        pytest.importorskip("pyarrow")
    product = PLACE if format in ("cogs", "gtiff", "cog") else EmbeddingOf(dims=4)
    job = job_of(product, mask, format=format)
    path = job.write(tmp_path / f"out{SIDES[format]}")
    if format == "cogs":  # what is not pixels does not count, here it is half of it
        for file in [*path.glob("*.json"), *path.glob("*.vrt"), *path.glob("*.gpkg")]:
            file.unlink()
    if format == "zarr":
        path = path / "embedding"
    guess = job.estimate(format)
    assert guess.bytes == pytest.approx(size_of(path), rel=0.2)
    assert guess.seconds > 0


def test_pixels_that_are_wanted_are_counted(job_of):
    job = job_of(PLACE, "land")
    rows, cols = np.divmod(np.arange(EUROPE.pixels), EUROPE.shape[1])
    exact = job.locator.at(rows, cols)[2].mean()
    assert job.estimate().wanted == pytest.approx(exact, abs=0.01)
    assert job_of(PLACE).estimate().wanted == 1


@pytest.mark.parametrize("found", [0, 1])
def test_a_mask_of_nothing_or_of_one_pixel(job_of, found):
    """Smaller than what is looked at."""
    near = lambda lons, lats: found * (np.hypot(lons - 10.01, lats - 48.01) < 0.04)  # noqa: E731
    guess = job_of(PLACE, near).estimate()
    assert guess.seconds > 0
    assert 0 <= guess.wanted < 1e-4


def test_a_raster_of_one_row(job_of):
    line = Grid.from_bounds((-180, 10, 180, 10.05), 0.05)
    assert job_of(PLACE, "land", line).estimate().bytes > 0


def test_a_map_with_corners_off_the_earth(job_of):
    globe = Grid.from_bounds((-1.7e7, -8.5e6, 1.7e7, 8.5e6), 50_000, "+proj=robin +type=crs")
    assert 0.6 < job_of(PLACE, None, globe).estimate().wanted < 0.95
