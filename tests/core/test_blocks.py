from __future__ import annotations

import threading
from contextlib import closing

import numpy as np
import pytest

from satclip_core.errors import CancelledError
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models.registry import load_encoder
from satclip_core.products import Embedding, Rgb, RgbBasis, Similarity
from satclip_core.products.maps import MapOptions, fit_map
from satclip_core.products.product import PlacedProduct
from satclip_core.products.samples import Samples
from satclip_core.raster.blocks import blocks

# The grid path and single precision are each held to 1e-4 of `encode` (encoder tests).
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def assembled(grid, encoder, *, mask=None, **options):
    out = np.full((encoder.dim, *grid.shape), np.inf, np.float32)
    for window, bands in blocks(Locator(grid, mask), encoder, Embedding(encoder.dim), **options):
        rows = slice(window.row, window.row + window.height)
        out[:, rows, window.col : window.col + window.width] = bands
    return out


def expected(grid, encoder):
    """By `encode`, point for point, through a transform of its own."""
    pyproj = pytest.importorskip("pyproj")
    rows, cols = np.indices(grid.shape)
    x, y = grid.centres(rows, cols)
    to_lonlat = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    points = np.stack(to_lonlat.transform(x, y), axis=-1).reshape(-1, 2)
    return encoder.encode(points).T.reshape(encoder.dim, *grid.shape)


@pytest.mark.parametrize(
    ("crs", "bounds", "res"),
    [
        ("EPSG:4326", (5, 45, 11, 48), 0.1),
        ("EPSG:4326", (170, -20, -170, -10), 0.5),
        ("EPSG:4326", (-180, -90, 180, 90), 5),
        ("EPSG:3857", (5, 45, 11, 48), 20_000),
        ("EPSG:3857", (170, -20, -170, -10), 50_000),
        ("EPSG:6933", (5, 45, 11, 48), 20_000),
        ("EPSG:32632", (5, 45, 11, 48), 20_000),
        ("EPSG:3995", (-180, 60, 180, 90), 300_000),
        ("EPSG:3031", (-180, -90, 180, -60), 300_000),
    ],
)
def test_pixels_hold_the_embedding_of_their_centres(encoder, crs, bounds, res):
    grid = Grid.from_bounds(bounds, res, crs, bounds_crs="EPSG:4326")
    got = assembled(grid, encoder, size=16)
    np.testing.assert_allclose(got, expected(grid, encoder), atol=TOLERANCE)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(encoder, threads):
    grid = Grid.from_bounds((0, 0, 9, 7), 0.1)
    np.testing.assert_allclose(
        assembled(grid, encoder, size=64, threads=threads),
        assembled(grid, encoder, size=32),
        atol=1e-5,
    )


def test_off_the_map_and_off_the_mask_is_nodata(encoder):
    grid = Grid.from_bounds((-1.7e7, -8.6e6, 1.7e7, 8.6e6), 500_000, "ESRI:54030")
    whole = assembled(grid, encoder)
    assert np.isnan(whole[:, 0, 0]).all()
    assert np.isfinite(whole[:, whole.shape[1] // 2]).all()
    north = assembled(grid, encoder, mask=lambda lons, lats: lats > 0)
    rows = np.flatnonzero(np.isfinite(north[0]).any(axis=1))
    assert rows.max() == grid.shape[0] // 2 - 1


def test_the_mask_holds_on_the_grid_path(encoder):
    grid = Grid.from_bounds((0, 0, 8, 8), 0.25)
    masked = assembled(grid, encoder, size=16, mask=lambda lons, lats: lons + lats < 4)
    kept = np.isfinite(masked[0])
    np.testing.assert_array_equal(np.isfinite(masked).all(axis=0), kept)
    rows, cols = np.indices(grid.shape)
    x, y = grid.centres(rows, cols)
    np.testing.assert_array_equal(kept, x + y < 4)
    np.testing.assert_allclose(masked[:, kept], assembled(grid, encoder)[:, kept], atol=TOLERANCE)


def mapped(encoder, values, method="auto"):
    """The product learnt from numbers, or names of classes, at places of the grids below."""
    places = np.random.default_rng(0).uniform((5, 45), (11, 48), (120, 2))
    samples = Samples.of(places, values(encoder.encode(places)))
    return fit_map(encoder, samples, MapOptions(method=method)).product()


PRODUCTS = {
    "three dimensions": lambda encoder: Embedding(3, normalize=True, total=encoder.dim),
    "RGB": lambda encoder: Rgb(
        RgbBasis.fit(encoder, np.random.default_rng(1).uniform((5, 45), (11, 48), (300, 2)))
    ),
    "a number": lambda encoder: mapped(encoder, lambda e: e[:, 0] + e[:, 3] ** 2, "linear"),
    "a class": lambda encoder: mapped(
        encoder, lambda e: np.where(e[:, 0] > np.median(e[:, 0]), "a", "b")
    ),
    "similarity": lambda encoder: Similarity.to(encoder, [(7.0, 46.0), (8.0, 47.0)]),
}


@pytest.mark.parametrize(("crs", "res"), [("EPSG:4326", 0.05), ("EPSG:32632", 6_000)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_functions_of_the_embedding_however_it_is_made(fine_model, name, crs, res):
    encoder = load_encoder(fine_model)
    product = PRODUCTS[name](encoder)
    grid = Grid.from_bounds((5, 45, 11, 48), res, crs, bounds_crs="EPSG:4326")
    locator = Locator(grid, lambda lons, lats: lons + lats > 52)
    got = np.zeros((len(product.bands), *grid.shape), product.dtype)
    for window, bands in blocks(locator, encoder, product, size=64):
        rows = slice(window.row, window.row + window.height)
        got[:, rows, window.col : window.col + window.width] = bands
    embeddings = np.moveaxis(expected(grid, encoder), 0, -1)
    rows, cols = np.indices(grid.shape)
    lons, lats, valid = locator.at(rows, cols)
    embeddings[~valid] = np.nan
    placed = isinstance(product, PlacedProduct)
    wanted = product.at(embeddings, lons, lats) if placed else product(embeddings)
    assert 0.2 < valid.mean() < 0.9
    if product.dtype == "uint8":  # a value at the border of two colours or classes may fall to both
        assert (np.abs(got.astype(int) - wanted) <= (1 if name == "RGB" else 0)).mean() > 0.999
    else:
        np.testing.assert_allclose(got, wanted, atol=2e-3)


def test_progress_counts_every_pixel_in_order(encoder):
    grid = Grid.from_bounds((0, 0, 9, 7), 0.1)
    seen = []
    assembled(grid, encoder, size=32, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (grid.pixels, grid.pixels)
    assert len(seen) == 9


def test_cancel_stops_before_the_next_block(encoder):
    grid = Grid.from_bounds((0, 0, 9, 7), 0.1)
    handed_out = []
    halfway = lambda: len(handed_out) == 2  # noqa: E731
    made = blocks(Locator(grid), encoder, Embedding(256), size=32, cancelled=halfway)
    with pytest.raises(CancelledError):
        handed_out.extend(window for window, _ in made)
    assert len(handed_out) == 2


def test_a_caller_that_leaves_takes_the_thread_along(encoder):
    before = set(threading.enumerate())
    grid = Grid.from_bounds((0, 0, 9, 7), 0.1)
    with closing(blocks(Locator(grid), encoder, Embedding(256), size=32)) as made:
        next(made)
    assert set(threading.enumerate()) <= before


def test_a_product_that_fails_is_heard(encoder):
    class Broken(Embedding):
        def __call__(self, embeddings):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        next(blocks(Locator(Grid.from_bounds((0, 0, 1, 1), 0.1)), encoder, Broken(256)))
