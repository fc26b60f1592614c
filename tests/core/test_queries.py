"""Words and images as queries, on a model whose embedding is the unit vector of a place."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from modal_models import KAPPA, KILOMETRES, PIXELS, WORDS, direction, modal_model

from satclip_core.errors import InputError
from satclip_core.grid import Grid, Window
from satclip_core.grid.outlines import pixel_areas
from satclip_core.grid.pixels import Locator
from satclip_core.grid.sphere import EARTH_KM
from satclip_core.models.model_file import read_model, write_model
from satclip_core.models.registry import load_encoder
from satclip_core.products import OriginOf, SimilarityTo, SimilarityToWords, known_words
from satclip_core.products.product import Fitting
from satclip_core.raster import RasterRequest, WriteOptions, raster_array
from satclip_core.raster.chip_files import embedded_chip, read_chip
from satclip_core.raster.origins import OriginSearch, origin_of
from satclip_core.raster.similar_places import PlaceSearch, similar_places

WORLD = Grid.from_bounds((-180, -90, 180, 90), 2)
CONGO = WORDS["congo"]


@pytest.fixture(scope="module")
def encoder():
    return modal_model()


def cosines(grid: Grid, lon: float, lat: float) -> np.ndarray:
    """Of the angle between a place and each pixel's centre."""
    rows, cols = np.indices(grid.shape)
    lons, lats = np.deg2rad(grid.centres(rows, cols))
    xyz = np.stack([np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)], -1)
    return xyz @ direction(lon, lat)


# --- words -------------------------------------------------------------------------------------


def test_similarity_to_words_is_the_cosine_with_their_vector(encoder):
    found = raster_array(WORLD, SimilarityToWords("the  Congo"), encoder)[0]
    np.testing.assert_allclose(found, cosines(WORLD, *CONGO), atol=1e-6)


def test_several_words_are_asked_together(encoder):
    found = raster_array(WORLD, SimilarityToWords("congo desert"), encoder)[0]
    both = direction(*CONGO) + direction(*WORDS["desert"])
    want = cosines(WORLD, *CONGO) + cosines(WORLD, *WORDS["desert"])
    np.testing.assert_allclose(found, want / np.linalg.norm(both), atol=1e-6)


def test_words_find_places_as_a_place_there_does(encoder):
    by_words = similar_places(WORLD, encoder, SimilarityToWords("congo"), 12)
    by_place = similar_places(WORLD, encoder, SimilarityTo((CONGO,)), 12)
    np.testing.assert_array_equal(by_words.pixels, by_place.pixels)


def test_a_request_for_words_is_small_and_equal_once_pickled(encoder):
    request = RasterRequest(WORLD, SimilarityToWords("congo  desert"))
    assert pickle.loads(pickle.dumps(request)) == request
    assert request.product == SimilarityToWords(" congo desert ")
    assert request.prepare(encoder=encoder).product.tags["words"] == "congo desert"


def test_unknown_words_are_named_and_left_out(encoder, caplog):
    product = SimilarityToWords("rice in the dessert of Congo").by(encoder)
    said = caplog.text
    assert "knows 5 words, but not 'rice', 'dessert' (nearest: desert): looking for 'congo'" in said
    assert product.tags["words"] == "congo"
    np.testing.assert_allclose(product.references[0], direction(*CONGO), atol=1e-6)


def test_nothing_but_unknown_words_is_refused(encoder):
    with pytest.raises(InputError) as raised:
        SimilarityToWords("rice in the dessert").by(encoder)
    said = str(raised.value)
    assert "knows 5 words, but not 'rice', 'dessert' (nearest: desert)" in said
    assert "known_words() lists" in said


def test_no_words_are_refused():
    with pytest.raises(InputError, match="no word to look for"):
        SimilarityToWords("  ")


def test_a_model_of_places_alone_says_how_to_get_one_with_words(small_model):
    with pytest.raises(InputError, match=r"small-test-model has learnt no words.*unigeoclip"):
        SimilarityToWords("congo").by(load_encoder(small_model))


def test_the_words_a_model_knows(encoder):
    assert known_words(encoder) == tuple(sorted(WORDS))


# --- probability maps -----------------------------------------------------------------------------


def origin_at(lon: float, lat: float) -> OriginOf:
    return OriginOf(tuple((KAPPA * direction(lon, lat)).tolist()))


def test_the_map_is_a_von_mises_fisher_density_per_million_square_kilometres(encoder):
    """Its integral over the sphere in closed form: 4π R² sinh(κ) / κ."""
    found = raster_array(WORLD, origin_at(*CONGO), encoder)[0]
    area = 4 * np.pi * EARTH_KM**2 * np.sinh(KAPPA) / KAPPA
    want = np.exp(KAPPA * cosines(WORLD, *CONGO)) / area * 1e6
    # Pixels of 2 degrees under a peak of 13 degrees; the map's areas are the ellipsoid's.
    np.testing.assert_allclose(found, want, rtol=0.01)


@pytest.mark.parametrize("kappa", [0.01, 20.0, 100.0])
def test_the_values_sum_to_one_over_the_area_of_the_map(encoder, kappa):
    grid = Grid.from_bounds((5, -20, 60, 50), 1.5)
    wanted = OriginOf(tuple((kappa * direction(-150, 10)).tolist()))
    found = raster_array(grid, wanted, encoder, mask=lambda lon, lat: lon > 20)[0]
    areas = pixel_areas(grid, Window(0, 0, *grid.shape)) / 1e6
    assert np.isnan(found).any()
    assert np.nansum(found * areas) == pytest.approx(1, abs=1e-5)


def test_in_a_projected_crs_too(encoder):
    pytest.importorskip("pyproj")
    grid = Grid.from_bounds((5, 45, 11, 48), 20_000, "EPSG:32632", bounds_crs="EPSG:4326")
    found = raster_array(grid, origin_at(8, 46), encoder)[0]
    # The pixels are squares of 400 km², all but the scale of the projection.
    assert found.sum() * 400 / 1e6 == pytest.approx(1, rel=2e-3)


def test_a_map_of_no_valid_pixel_is_refused(encoder):
    with pytest.raises(InputError, match="no pixel of the raster is valid"):
        raster_array(WORLD, origin_at(0, 0), encoder, mask=lambda lon, lat: lon > 200)


def test_where_there_is_no_raster_there_is_no_map(encoder):
    fitting = Fitting(encoder, lambda count: np.zeros((1, 2)))
    with pytest.raises(InputError, match="ask for a raster"):
        origin_at(0, 0).fit(fitting)


def test_places_and_the_probability_around_them(encoder):
    """The mass of a cap of angle a: (1 - exp(κ (cos a - 1))) / (1 - exp(-2κ))."""
    grid = Grid.from_bounds((-180, -90, 180, 90), 1)
    job = RasterRequest(grid, origin_at(*CONGO)).prepare(encoder=encoder)
    search = OriginSearch(job.locator, 3, 1500.0)
    for window, bands in job.blocks():
        search.add(window, bands)
    found = search.finish()
    np.testing.assert_allclose(found.places.lonlat[0], CONGO, atol=0.5)
    cap = 1 - np.exp(KAPPA * (np.cos(1500 / EARTH_KM) - 1))
    assert found.near[0] == pytest.approx(cap, abs=0.01)
    assert (np.diff(found.places.similarity) <= 0).all()
    assert list(found.columns) == ["rank", "probability", "density", "lon", "lat"]


def test_what_is_written_is_seen_on_the_way(encoder, tmp_path):
    """A raster and its best places in one pass."""
    rasterio = pytest.importorskip("rasterio")
    wanted = SimilarityToWords("congo")
    job = RasterRequest(WORLD, wanted, options=WriteOptions()).prepare(encoder=encoder)
    search = PlaceSearch(job.locator, 5, 800.0)
    job.write(tmp_path / "a.tif", seen=search.add)
    want = similar_places(WORLD, encoder, wanted, 5, spacing_km=800.0)
    found = search.finish()
    np.testing.assert_array_equal(found.pixels, want.pixels)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        values = dataset.read(1)
        assert dataset.tags()["words"] == "congo"
    np.testing.assert_array_equal(values[tuple(found.pixels.T)], found.similarity)


@pytest.mark.parametrize("near", [0.0, -1.0, float("nan")])
def test_a_radius_that_is_none_is_refused(near):
    with pytest.raises(InputError, match="km apart: give more than 0"):
        OriginSearch(Locator(WORLD), 3, near)


# --- images ---------------------------------------------------------------------------------------


def chip_file(path, values, *, lon=None, lat=None, km=KILOMETRES, crs="EPSG:4326", nodata=None):
    """A GeoTIFF of (bands, rows, cols); square on the ground around a place, if one is given."""
    rasterio = pytest.importorskip("rasterio")
    values = np.asarray(values, np.float32)
    bands, height, width = values.shape
    placed = {}
    if lon is not None:
        size = np.rad2deg(km / EARTH_KM)
        wide = size / np.cos(np.deg2rad(lat))
        west, north = lon - wide / 2, lat + size / 2
        transform = rasterio.transform.from_origin(west, north, wide / width, size / height)
        placed = {"crs": crs, "transform": transform}
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=bands, dtype="float32",
        nodata=nodata, **placed,
    ) as dataset:  # fmt: skip
        dataset.write(values)
    return path


def gradient(bands: int, size: int) -> np.ndarray:
    """Band b at row i and column j: 100 b + 10 y + x, x and y running over 0..1 from the west and
    the north."""
    along = (np.arange(size) + 0.5) / size
    return np.stack([100 * b + 10 * along[:, None] + along[None] for b in range(bands)])


@pytest.mark.parametrize("size", [4, 8, 32, 37])
@pytest.mark.parametrize("place", [None, (11.5, 48.0), (179.9, -65.0)])
def test_an_image_is_brought_to_the_chip_s_pixels(encoder, tmp_path, size, place):
    """A plane is its own mean: the chip of any size holds it at the centres of its pixels."""
    lon, lat = place or (None, None)
    path = chip_file(tmp_path / "a.tif", gradient(3, size), lon=lon, lat=lat)
    image = encoder.modalities["image"]
    chip = read_chip(path, image, kilometres=None if place else KILOMETRES)
    assert chip.shape == (PIXELS, PIXELS, 3)
    inside = np.s_[1:-1, 1:-1]  # beyond the outermost centres a file has no plane
    want = np.moveaxis(gradient(3, PIXELS), 0, -1)
    np.testing.assert_allclose(chip[inside], want[inside], atol=2e-3)


def test_a_larger_image_is_cut_to_its_middle(encoder, tmp_path):
    path = chip_file(tmp_path / "a.tif", gradient(3, 64), lon=20, lat=10, km=4 * KILOMETRES)
    chip = read_chip(path, encoder.modalities["image"])
    want = np.moveaxis(gradient(3, 4 * PIXELS), 0, -1)[6:10, 6:10]
    np.testing.assert_allclose(chip, want, atol=0.01)


def test_an_image_of_another_crs_is_turned_north(encoder, tmp_path):
    """UTM 10 degrees off its meridian leans by some degrees; the plane is one of lon and lat."""
    pyproj = pytest.importorskip("pyproj")
    rasterio = pytest.importorskip("rasterio")
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
    x, y = there.transform(19.0, 60.0)
    size, cells = 1000.0, 160
    transform = rasterio.transform.from_origin(x - 80_000, y + 80_000, size, size)
    rows, cols = np.indices((cells, cells)) + 0.5
    back = there.transform(x - 80_000 + cols * size, y + 80_000 - rows * size, direction="INVERSE")
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=cells, width=cells, count=3,
        dtype="float64", crs="EPSG:32632", transform=transform,
    ) as dataset:  # fmt: skip
        dataset.write(np.stack([*back, np.ones_like(rows)]))
    chip = read_chip(tmp_path / "a.tif", encoder.modalities["image"])
    step = np.rad2deg(KILOMETRES / EARTH_KM) / PIXELS
    along = (np.arange(PIXELS) - (PIXELS - 1) / 2) * step
    np.testing.assert_allclose(
        chip[..., 1], np.broadcast_to(60 - along[:, None], (4, 4)), atol=1e-3
    )
    east = 19 + along / np.cos(np.deg2rad(60))
    np.testing.assert_allclose(chip[..., 0], np.broadcast_to(east, (4, 4)), atol=2e-3)


def test_pixels_without_data_are_missing(encoder, tmp_path):
    values = np.ones((3, 8, 8))
    values[:, :2, :2] = -99
    path = chip_file(tmp_path / "a.tif", values, lon=20, lat=10, nodata=-99)
    chip = read_chip(path, encoder.modalities["image"])
    assert np.isnan(chip[0, 0]).all()
    assert (chip[1:] == 1).all()


def test_an_image_s_direction_is_where_it_comes_from(encoder, tmp_path):
    values = np.broadcast_to(direction(*CONGO)[:, None, None], (3, 5, 5))
    path = chip_file(tmp_path / "a.tif", values, lon=100, lat=50)
    wanted = origin_of(encoder, [path])
    np.testing.assert_allclose(wanted.reference, KAPPA * direction(*CONGO), rtol=1e-5)
    assert wanted.of == (f"image={path}",)


def test_images_and_words_are_joined_by_the_mean_of_their_scaled_similarities(encoder, tmp_path):
    values = np.broadcast_to(direction(0, 0)[:, None, None], (3, 4, 4))
    path = chip_file(tmp_path / "a.tif", values)
    wanted = origin_of(encoder, [("image", str(path))], words="desert", kilometres=KILOMETRES)
    want = KAPPA * (direction(0, 0) + direction(*WORDS["desert"])) / 2
    np.testing.assert_allclose(wanted.reference, want, rtol=1e-5)


REFUSED = [
    (np.ones((2, 4, 4)), {}, r"gives 2 bands, the model's image takes 3 \(red, green, blue\)"),
    (np.ones((3, 4, 4)), {"bands": [1, 2, 4]}, "has no band 4: it has 3"),
    (np.ones((3, 4, 4)), {"bands": [1.5, 2, 3]}, "has no band 1.5: it has 3"),
    (np.ones((3, 4, 4)), {"kilometres": 40.0}, "spans 40 x 40 km, the model's image looks at 80"),
    (np.ones((3, 4, 8)), {"kilometres": 100.0}, "spans 100 x 50 km"),
    (np.ones((3, 4, 4)), {"kilometres": None}, "not georeferenced, so its scale is not known"),
    (np.ones((3, 4, 4)), {"kilometres": -1.0}, "an image of -1 km: give more than 0"),
    (np.full((3, 4, 4), np.nan), {}, "holds no data"),
]


@pytest.mark.parametrize(("values", "options", "message"), REFUSED)
def test_images_that_do_not_fit_are_refused(encoder, tmp_path, values, options, message):
    path = chip_file(tmp_path / "a.tif", values)
    with pytest.raises(InputError, match=message):
        read_chip(path, encoder.modalities["image"], **{"kilometres": 80.0, **options})


def test_coarse_pixels_are_said(encoder, tmp_path, caplog):
    path = chip_file(tmp_path / "a.tif", np.ones((3, 2, 2)), lon=20, lat=10)
    read_chip(path, encoder.modalities["image"])
    assert "pixels of 40 km, the model's image of 20 km" in caplog.text


def test_the_modality_is_found_by_the_number_of_bands(encoder, tmp_path):
    three = chip_file(tmp_path / "three.tif", np.ones((3, 4, 4)), lon=1, lat=1)
    one = chip_file(tmp_path / "one.tif", np.ones((1, 4, 4)), lon=1, lat=1)
    assert embedded_chip(encoder, three)[0] == "image"
    assert embedded_chip(encoder, ("relief", str(one)))[0] == "relief"
    assert embedded_chip(encoder, ("grey", str(three)), bands=[2])[0] == "grey"
    with pytest.raises(InputError, match=r"may be one of the model's grey, relief: .* grey="):
        embedded_chip(encoder, one)
    with pytest.raises(InputError, match="has no 'radar': it has image, grey, relief"):
        embedded_chip(encoder, ("radar", str(one)))


def test_two_images_of_a_kind_and_none_are_refused(encoder, tmp_path):
    path = chip_file(tmp_path / "a.tif", np.ones((3, 4, 4)), lon=1, lat=1)
    with pytest.raises(InputError, match="two images of the model's image"):
        origin_of(encoder, [path, path])
    with pytest.raises(InputError, match="nothing to locate"):
        origin_of(encoder)


def test_a_model_without_images_says_how_to_get_one(small_model, tmp_path):
    with pytest.raises(InputError, match=r"has learnt no images.*unigeoclip"):
        origin_of(load_encoder(small_model), [tmp_path / "a.tif"])


def test_a_missing_image_is_one_line(encoder, tmp_path):
    with pytest.raises(InputError, match=r"the image .*none.tif does not exist"):
        origin_of(encoder, [tmp_path / "none.tif"])


def test_all_of_it_is_in_the_model_file(encoder, tmp_path):
    write_model(tmp_path / "m.npz", encoder, dtype="float64")
    again = read_model(tmp_path / "m.npz")
    found = raster_array(WORLD, SimilarityToWords("desert"), again)
    np.testing.assert_allclose(found, raster_array(WORLD, SimilarityToWords("desert"), encoder))
