"""The same embeddings by torch, here on processors, and what is said where there is no GPU."""

from __future__ import annotations

import numpy as np
import pytest

import satclip_core as sc
from satclip_core.encoder import EncoderConfig, LocationEncoder, on_device
from satclip_core.encoder.devices import moved
from satclip_core.encoder.encodings import ENCODINGS, EncodingSettings
from satclip_core.encoder.networks import NETWORKS, Sizes
from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.products import Embedding, Rgb, RgbBasis
from satclip_core.raster import RasterRequest

torch = pytest.importorskip("torch")

CLOSE = 1e-4
LONS = np.array([-180.0, -60.25, 0, 7.5, 179.999])
LATS = np.array([90.0, 62.1, 0, -33.3, -90])
# The antimeridian, both poles, and places in between.
POINTS = np.stack(np.meshgrid(LONS, LATS), axis=-1).reshape(-1, 2)


def encoder(encoding: str, network: str, degree: int = 12) -> LocationEncoder:
    rng, settings = np.random.default_rng(1), EncodingSettings(degree)
    width = ENCODINGS[encoding].width(settings)
    parameters = NETWORKS[network].parameters(width, 7, Sizes(24))
    weights = {p.name: rng.uniform(-1, 1, p.shape) * p.bound for p in parameters}
    return LocationEncoder(EncoderConfig(encoding, network, settings), weights)


@pytest.mark.parametrize("network", ["siren", "fcnet", "mlp", "linear"])
@pytest.mark.parametrize("encoding", ["sphericalharmonics", "grid", "cartesian3d"])
def test_points_and_grids_are_those_of_numpy(encoding: str, network: str) -> None:
    made = encoder(encoding, network)
    there = moved(made, "cpu")
    exact = made.encode(POINTS)
    assert np.abs(there.encode(POINTS) - exact).max() < CLOSE
    grid = there.encode_grid(LONS, LATS)
    assert grid.shape == (5, 5, 7)
    assert np.abs(grid.reshape(-1, 7) - exact).max() < CLOSE


def test_a_high_degree_and_the_closed_form_basis() -> None:
    made = encoder("sphericalharmonics", "siren", 40)
    settings = EncodingSettings(40, "closed-form")
    made = LocationEncoder(EncoderConfig(settings=settings), made.weights)
    there = moved(made, "cpu")
    assert np.abs(there.encode_grid(LONS, LATS) - made.encode_grid(LONS, LATS)).max() < CLOSE


def test_both_parts_of_the_bundled_model() -> None:
    made = sc.load_encoder()
    there = moved(made, "cpu")
    rng = np.random.default_rng(0)
    places = np.concatenate([POINTS, rng.uniform((5, 44), (15, 52), (200, 2))])
    exact = made.encode(places)
    assert np.abs(there.encode(places) - exact).max() < CLOSE * exact.std()
    lons, lats = 7 + 0.01 * np.arange(20), 47 + 0.01 * np.arange(12)
    off = there.encode_grid(lons, lats) - made.encode_grid(lons, lats, exact=True)
    assert np.abs(off).max() < CLOSE * exact.std()
    assert there.sha256 == made.sha256
    assert there.provenance == made.provenance


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
def test_rasters_go_the_same_road(crs: str) -> None:
    made = encoder("sphericalharmonics", "siren")
    there = moved(made, "cpu")
    there.device = "somewhere"  # as on a GPU: a block at a time
    bounds = (5, 45, 9, 47) if crs == "EPSG:4326" else (4.0e6, 2.5e6, 4.2e6, 2.7e6)
    grid = Grid.from_bounds(bounds, 0.05 if crs == "EPSG:4326" else 5000, crs)
    sample = np.random.default_rng(0).uniform((5, 45), (9, 47), (200, 2))
    for product in (Embedding(made.dim), sc.Similarity.to(made, [(7, 46)])):
        exact, found = (sc.raster_array(grid, product, one) for one in (made, there))
        assert np.abs(found - exact).max() < CLOSE
    rgb = Rgb(RgbBasis.fit(made, sample))
    exact, found = (sc.raster_array(grid, rgb, one).astype(int) for one in (made, there))
    assert np.abs(found - exact).max() <= 1


def test_without_a_gpu_the_processors_do() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    made = encoder("sphericalharmonics", "siren")
    assert on_device(made, "auto") is made
    assert on_device(made, "cpu") is made
    with pytest.raises(InputError, match="finds no GPU"):
        on_device(made, "cuda")
    request = RasterRequest(Grid.from_bounds((5, 45, 6, 46), 0.1), Embedding(7), device="auto")
    assert request.prepare(encoder=made).request.device == "cpu"


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        on_device(encoder("sphericalharmonics", "linear"), "tpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_the_same() -> None:
    for made in (encoder("sphericalharmonics", "siren", 40), sc.load_encoder()):
        there = on_device(made, "cuda")
        exact = made.encode(POINTS)
        assert np.abs(there.encode(POINTS) - exact).max() < CLOSE * max(1.0, exact.std())
        grid = there.encode_grid(LONS, LATS).reshape(exact.shape)
        assert np.abs(grid - exact).max() < CLOSE * max(1.0, exact.std())
