"""Blocks by interpolation: within the tolerance everywhere, the same whoever makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import satclip_core as sc
from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.networks import NETWORKS, Sizes
from satclip_core.errors import InputError
from satclip_core.grid import Grid, Window
from satclip_core.grid.pixels import Locator
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.products import Embedding, Rgb, RgbBasis, SimilarityTo
from satclip_core.raster import RasterRequest, WriteOptions
from satclip_core.raster.blocks import BlockMaker
from satclip_core.raster.fingerprint import facts_of
from satclip_core.raster.interpolation import chebyshev_axis

TOLERANCE = 1e-4


def encoder(degree: int, network: str = "siren") -> LocationEncoder:
    """Seeded weights, the first layer as strong as training makes it: sines of some radians."""
    rng, hidden, dim = np.random.default_rng(degree), 48, 12
    parameters = NETWORKS[network].parameters(degree**2, dim, Sizes(hidden))
    weights = {p.name: rng.uniform(-1, 1, p.shape) * p.bound for p in parameters}
    if network == "siren":
        weights["layers.0.weight"] *= 1.5 * degree / 30
        weights["layers.0.bias"] *= degree**2 / 30
    settings = EncodingSettings(degree)
    return LocationEncoder(EncoderConfig(network=network, settings=settings), weights)


ENCODERS = {degree: encoder(degree) for degree in (10, 40)}
GRIDS = {
    "temperate": Grid.from_bounds((5, 45, 8, 47), 0.01),
    "pole": Grid.from_bounds((-180, 86, 180, 90), (1.0, 0.02)),
    "both sides of the antimeridian": Grid.from_bounds((178, -19, -179, -17), 0.01),
    "LAEA": Grid.from_bounds((4.0e6, 2.5e6, 4.3e6, 2.7e6), 1000, "EPSG:3035"),
    "about the pole, polar": Grid.from_bounds((-2e5, -2e5, 2e5, 2e5), 2000, "EPSG:3413"),
    "Mercator": Grid.from_bounds((1.5e6, 1.0e7, 1.8e6, 1.02e7), 1000, "EPSG:3857"),
}


def deviations(made: LocationEncoder) -> float:
    everywhere = made.encode(fibonacci_lattice(4000))
    return float(np.sqrt(everywhere.var(axis=0).mean()))


@pytest.mark.parametrize("degree", ENCODERS)
@pytest.mark.parametrize("name", GRIDS)
def test_every_pixel_of_an_embedding_is_within_the_tolerance(name: str, degree: int) -> None:
    made, grid = ENCODERS[degree], GRIDS[name]
    exact = sc.raster_array(grid, Embedding(made.dim), made)
    found = sc.raster_array(grid, Embedding(made.dim), made, tolerance=TOLERANCE)
    assert not np.array_equal(found, exact)  # it was interpolated
    assert np.abs(found - exact).max() <= TOLERANCE * deviations(made)


@pytest.mark.parametrize("degree", ENCODERS)
@pytest.mark.parametrize("name", GRIDS)
def test_every_pixel_of_a_similarity_is_within_the_tolerance(name: str, degree: int) -> None:
    made, grid = ENCODERS[degree], GRIDS[name]
    similarity = sc.Similarity.to(made, [(7, 46), (30, -10)])
    everywhere = similarity(made.encode(fibonacci_lattice(4000))[None])
    exact = sc.raster_array(grid, similarity, made)
    found = sc.raster_array(grid, similarity, made, tolerance=TOLERANCE)
    assert not np.array_equal(found, exact)
    assert np.abs(found - exact).max() <= TOLERANCE * everywhere.std()


@pytest.mark.parametrize("reduce", ["mean", "max", "classifier"])
def test_several_places_are_joined_after_interpolation(reduce: str) -> None:
    made, grid = ENCODERS[10], GRIDS["temperate"]
    wanted = SimilarityTo.of([(5, 45), (9, 48), (20, 10)], reduce=reduce).by(made)
    exact = sc.raster_array(grid, wanted, made)
    assert np.abs(sc.raster_array(grid, wanted, made, tolerance=TOLERANCE) - exact).max() < 2e-4


def test_nothing_of_a_network_with_kinks_is_interpolated() -> None:
    made = encoder(20, "fcnet")
    grid = Grid.from_bounds((0, 0, 2, 2), 0.02)
    exact = sc.raster_array(grid, Embedding(made.dim), made)
    found = sc.raster_array(grid, Embedding(made.dim), made, tolerance=1e-6)
    assert np.array_equal(found, exact)


def test_without_a_tolerance_every_pixel_is_evaluated() -> None:
    made, grid = ENCODERS[10], Grid.from_bounds((5, 45, 6, 46), 0.02)
    lons, lats = 5 + 0.02 * (np.arange(50) + 0.5), 46 - 0.02 * (np.arange(50) + 0.5)
    expected = np.moveaxis(made.encode_grid(lons, lats), -1, 0)
    for tolerance in (None, 0.0):
        found = sc.raster_array(grid, Embedding(made.dim), made, tolerance=tolerance)
        # As exact as sums in another order are: what is interpolated is off by far more.
        assert np.abs(found - expected).max() < 2e-6


@pytest.mark.parametrize("product", ["uint8", "int16", "float16", "rgb"])
def test_types_that_do_not_show_it_have_a_tolerance_of_their_own(product: str) -> None:
    made, grid = ENCODERS[10], GRIDS["temperate"]
    if product == "rgb":
        places = np.random.default_rng(0).uniform((5, 45), (8, 47), (500, 2))
        shown = Rgb(RgbBasis.fit(made, places))
    else:
        shown = Embedding.of(made, dtype=product)
    job = RasterRequest(grid, shown).prepare(encoder=made)
    assert job.tolerance == TOLERANCE
    exact = sc.raster_array(grid, shown, made, tolerance=0).astype(np.float64)
    found = job.array().astype(np.float64)
    if product == "float16":
        step = np.maximum(np.spacing(np.abs(exact).astype(np.float16)), 1e-4).astype(np.float64)
        assert (np.abs(found - exact) <= step).all()
    else:
        off = np.abs(found - exact)
        assert off.max() <= 1
        assert (off > 0).mean() < (0.2 if product == "int16" else 0.02)


def test_places_that_a_mask_leaves_out_stay_out() -> None:
    made, grid = ENCODERS[10], GRIDS["temperate"]
    options = {"mask": lambda lon, lat: lon + lat > 53.1}
    exact = sc.raster_array(grid, Embedding(made.dim), made, **options)
    found = sc.raster_array(grid, Embedding(made.dim), made, tolerance=TOLERANCE, **options)
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    assert np.nanmax(np.abs(found - exact)) <= TOLERANCE * deviations(made)


def test_pixels_off_the_map_stay_off() -> None:
    made = ENCODERS[10]
    grid = Grid.from_bounds((-1.8e7, 7.5e6, -1.0e7, 9.1e6), 20_000, "ESRI:54030")
    exact = sc.raster_array(grid, Embedding(made.dim), made)
    found = sc.raster_array(grid, Embedding(made.dim), made, tolerance=TOLERANCE)
    assert np.isnan(exact).any()
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    assert np.nanmax(np.abs(found - exact)) <= TOLERANCE * deviations(made)


def test_a_block_is_the_same_whoever_makes_it() -> None:
    made, grid = ENCODERS[40], GRIDS["temperate"]
    window = Window(0, 256, 200, 44)
    makers = [
        BlockMaker(Locator(grid), made, Embedding(made.dim), threads=threads, tolerance=TOLERANCE)
        for threads in (1, 2, 7)
    ]
    makers[1].make(Window(0, 0, 200, 256))  # has made others before
    blocks = [maker.make(window)[1].tobytes() for maker in makers]
    assert len(set(blocks)) == 1


def test_a_raster_in_parts_has_the_same_pixels(tmp_path) -> None:
    rasterio = pytest.importorskip("rasterio")
    made, grid = ENCODERS[10], GRIDS["temperate"]
    request = RasterRequest(grid, Embedding(made.dim), tolerance=TOLERANCE)
    job = request.prepare(encoder=made)
    parts = replace(request, options=WriteOptions(resume=True)).prepare(encoder=made)
    job.write(tmp_path / "whole.tif")
    parts.write(tmp_path / "parts.tif")
    with rasterio.open(tmp_path / "whole.tif") as one, rasterio.open(tmp_path / "parts.tif") as two:
        assert np.array_equal(one.read(), two.read())
        assert "interpolation" in one.tags()


def test_small_rasters_have_nothing_to_interpolate() -> None:
    made, grid = ENCODERS[10], Grid.from_bounds((5, 45, 6, 46), 0.1)
    exact = sc.raster_array(grid, Embedding(made.dim), made)
    assert np.array_equal(sc.raster_array(grid, Embedding(made.dim), made, tolerance=0.01), exact)


@pytest.mark.parametrize("tolerance", [-1e-4, 1.0, float("nan")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(InputError, match="tolerance is"):
        RasterRequest(GRIDS["temperate"], Embedding(12), tolerance=tolerance)


def test_the_polynomial_goes_through_its_nodes_and_is_exact_up_to_its_degree() -> None:
    axis = chebyshev_axis(256, 9)
    pixels = np.arange(256)
    for degree in range(9):
        exact = ((pixels - 127.5) / 127.5) ** degree
        nodes = ((axis.at - 127.5) / 127.5) ** degree
        assert np.abs(axis.weights @ nodes - exact).max() < 1e-6
    assert np.array_equal(chebyshev_axis(5, 5).weights, np.eye(5))


def test_blocks_made_at_once_come_in_order_and_are_the_same() -> None:
    made, grid = ENCODERS[10], Grid.from_bounds((5, 45, 15, 50), 0.01)
    similarity = sc.Similarity.to(made, [(7, 46)])
    one, three = (
        sc.raster_array(grid, similarity, made, threads=threads, tolerance=TOLERANCE)
        for threads in (1, 3)
    )
    assert np.array_equal(one, three)


def test_another_tolerance_is_another_raster() -> None:
    facts = [
        facts_of(RasterRequest(GRIDS["temperate"], Embedding(12), tolerance=tolerance), "GTiff")
        for tolerance in (0.0, TOLERANCE)
    ]
    assert [name for name in facts[0] if facts[0][name] != facts[1][name]] == ["tolerance"]
