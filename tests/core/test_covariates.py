"""Rasters as covariates, and maps that learn from them."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, MapOptions, Samples, fit_map, load_map, save_map
from satclip_core.products.covariates import matched
from satclip_core.raster import RasterRequest, raster_array
from satclip_core.raster.covariates import open_covariates
from satclip_core.raster.fingerprint import facts_of

rasterio = pytest.importorskip("rasterio")

GRID = Grid.from_bounds((-20, 30, 40, 60), 2)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def write(path, values, west, north, res, *, crs="EPSG:4326", **profile):
    values = np.atleast_3d(np.moveaxis(np.asarray(values), 0, -1) if np.ndim(values) == 3 else
                           np.asarray(values))  # fmt: skip
    height, width, count = values.shape
    options = {"driver": "GTiff", "count": count, "dtype": values.dtype.name, **profile}
    transform = rasterio.transform.from_origin(west, north, res, res)
    with rasterio.open(
        path, "w", height=height, width=width, crs=crs, transform=transform, **options
    ) as dataset:
        dataset.write(np.moveaxis(values, -1, 0))
    return path


@pytest.fixture(scope="module")
def dem(tmp_path_factory):
    """Rough heights that no embedding of degree 10 can know."""
    random = np.random.default_rng(0)
    heights = random.uniform(0, 3000, (80, 140)).astype(np.float32)
    return write(tmp_path_factory.mktemp("dem") / "dem.tif", heights, -25, 65, 0.5)


def at(covariates, *lonlat):
    lons, lats = np.array(lonlat, float).T
    return covariates(lons, lats)


def plainly(values, row, col, width=None):
    """Bilinear interpolation of one place, by its definition and slowly."""
    height, columns = values.shape
    total = weight = 0.0
    for r in (int(np.floor(row - 0.5)), int(np.floor(row - 0.5)) + 1):
        for c in (int(np.floor(col - 0.5)), int(np.floor(col - 0.5)) + 1):
            share = max(0, 1 - abs(row - 0.5 - r)) * max(0, 1 - abs(col - 0.5 - c))
            inside = values[min(max(r, 0), height - 1), c % columns if width else
                            min(max(c, 0), columns - 1)]  # fmt: skip
            if share and not np.isnan(inside):
                total, weight = total + share * inside, weight + share
    return total / weight


def test_values_are_interpolated_between_centres(tmp_path):
    random = np.random.default_rng(1)
    values = random.normal(size=(6, 9))
    values[2, 3] = np.nan
    file = write(tmp_path / "v.tif", values, 10, 50, 0.5, nodata=np.nan)
    covariates = open_covariates([file])
    assert covariates.names == ("v",)
    places = random.uniform((10, 47), (14.5, 50), (400, 2))
    found = at(covariates, *places)[:, 0]
    for (lon, lat), value in zip(places, found):
        row, col = (50 - lat) / 0.5, (lon - 10) / 0.5
        if (int(row), int(col)) == (2, 3):
            assert np.isnan(value)
        else:
            assert value == pytest.approx(plainly(values, row, col), abs=1e-12)
    assert np.isnan(at(covariates, (9.9, 49), (12, 50.1), (12, 46.9), (np.nan, 2))).all()


@pytest.mark.parametrize("west", [-180, 0])
def test_a_raster_of_the_world_goes_round(tmp_path, west):
    values = np.arange(36.0)[None] + 100 * np.arange(18.0)[:, None]
    file = write(tmp_path / "world.tif", values, west, 90, 10)
    covariates = open_covariates([str(file)])
    seam = [(west, 1), (west + 360, 1), (west - 0.5, 1), (west + 2, 1)]
    for (lon, lat), value in zip(seam, at(covariates, *seam)[:, 0]):
        col = np.remainder(lon - west, 360) / 10
        assert value == pytest.approx(plainly(values, (90 - lat) / 10, col, 36))
    poles = at(covariates, (0, 90), (123, -90), (180, 0), (-180, 0))
    assert np.isfinite(poles).all()
    assert poles[2] == poles[3]


def test_another_crs_bands_scale_and_fill(tmp_path):
    pyproj = pytest.importorskip("pyproj")
    stored = np.arange(2 * 40 * 50, dtype=np.int16).reshape(2, 40, 50)
    stored[0, :5] = -9999
    file = write(tmp_path / "utm.tif", stored, 400000, 5600000, 1000, crs="EPSG:32632",
                 nodata=-9999)  # fmt: skip
    with rasterio.open(file, "r+") as dataset:
        dataset.descriptions = ("height", None)
        dataset.scales, dataset.offsets = (0.1, 1.0), (-5.0, 0.0)
    covariates = open_covariates([("dem", str(file))])
    assert covariates.names == ("dem height", "dem 2")
    x, y = np.array([410500.0, 423250.0]), np.array([5589500.0, 5597500.0])
    lonlat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(x, y)
    found = covariates(*map(np.asarray, lonlat))
    assert found[0] == pytest.approx([0.1 * (10 * 50 + 10) - 5, 2000 + 10 * 50 + 10], abs=1e-3)
    assert np.isnan(found[1, 0])
    assert found[1, 1] == pytest.approx(2000 + 2 * 50 + 22.75, abs=1e-3)


def test_far_apart_places_are_read_in_small_parts(tmp_path, monkeypatch):
    values = np.random.default_rng(2).normal(size=(60, 120))
    file = write(tmp_path / "v.tif", values, -180, 90, 3)
    places = np.random.default_rng(3).uniform((-180, -90), (180, 90), (200, 2))
    whole = at(open_covariates([file]), *places)
    monkeypatch.setattr("satclip_core.raster.covariates._LARGEST_READ", 30)
    np.testing.assert_array_equal(at(open_covariates([file]), *places), whole)


def test_a_covariate_that_changes_makes_another_raster(small_model, encoder, dem, tmp_path):
    """One that was begun is not gone on with."""
    file = tmp_path / "dem.tif"
    file.write_bytes(dem.read_bytes())
    random = np.random.default_rng(1)
    places = random.uniform((-20, 30), (40, 60), (40, 2))
    wanted = MapOf(Samples.of(places, places[:, 1]), covariates=open_covariates([file]))

    def facts():
        return facts_of(RasterRequest(GRID, wanted, str(small_model)).prepare().request, "zarr")

    before = facts()
    assert facts() == before
    os.utime(file, (1e9, 1e9))
    assert facts()["product"] != before["product"]


def test_covariates_are_pickled_by_their_names(dem):
    one = open_covariates([dem])
    other = pickle.loads(pickle.dumps(one))
    assert one == other
    np.testing.assert_array_equal(at(one, (3, 45)), at(other, (3, 45)))


def test_odd_rasters_are_one_line(tmp_path, dem):
    plain = write(tmp_path / "no.tif", np.ones((3, 3)), 0, 0, 1, crs=None)
    coded = write(tmp_path / "codes.tif", np.ones((3, 3), np.uint8), 0, 0, 1)
    with rasterio.open(coded, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0)})
    (tmp_path / "text.tif").write_text("no raster")
    many = write(tmp_path / "many.tif", np.ones((65, 2, 2)), 0, 0, 1)
    for sources, said in (
        ([tmp_path / "none.tif"], "the covariate .*none.tif does not exist"),
        ([tmp_path / "text.tif"], "cannot read the covariate .*text.tif as a raster"),
        ([plain], "the covariate .*no.tif is not georeferenced"),
        ([coded], "codes.tif holds classes, which have a table of colours"),
        ([dem, dem], "several covariates are called 'dem': give each a name of its own"),
        ([many], "65 covariates: give at most 64"),
    ):
        with pytest.raises(InputError, match=said):
            open_covariates(sources)
    assert open_covariates([]) is None


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(4).uniform((-20, 30), (40, 60), (160, 2))


def lapse(lonlat, dem, seed=5):
    """A temperature: smooth in place, 6.5 degrees colder for each kilometre."""
    height = open_covariates([dem])(*lonlat.T)[:, 0]
    noise = np.random.default_rng(seed).normal(0, 0.3, len(lonlat))
    return 30 - 0.4 * lonlat[:, 1] - 0.0065 * height + noise


@pytest.mark.parametrize("method", ["linear", "kriging", "gaussian"])
def test_every_method_learns_from_a_covariate(encoder, places, dem, method):
    samples = Samples.of(places, lapse(places, dem), name="t")
    options = MapOptions(method, "random", covariates=open_covariates([dem]))
    model = fit_map(encoder, samples, options)
    without = fit_map(encoder, samples, MapOptions(method, "random"))
    assert model.report["score"]["rmse"] < 0.6 < 3 < without.report["score"]["rmse"]
    (stated,) = model.report["covariates"]
    height = options.covariates(*places.T)[:, 0]
    assert stated["name"] == "dem"
    assert stated["source"].endswith("dem.tif")
    assert stated["mean"] == pytest.approx(height.mean())
    assert model.product(covariates=options.covariates).tags["covariates"].startswith("dem (/")
    fresh = np.random.default_rng(6).uniform((-20, 30), (40, 60), (400, 2))
    product = model.product(uncertainty=True, covariates=options.covariates)
    bands = product.at(encoder.encode(fresh, single=True)[None], *fresh.T[:, None])[:, 0]
    truth = lapse(fresh, dem, seed=7)
    assert np.sqrt(((bands[0] - truth) ** 2).mean()) < 0.6
    assert 0.84 < ((truth >= bands[2]) & (truth <= bands[3])).mean() < 0.96


def test_classes_learn_from_a_covariate(encoder, places, dem):
    high = open_covariates([dem])(*places.T)[:, 0] > 1500
    samples = Samples.of(places, np.where(high, "high", "low"), name="zone")
    covariates = open_covariates([dem])
    model = fit_map(encoder, samples, MapOptions(folds="random", covariates=covariates))
    assert model.report["score"]["accuracy"] > 0.9
    bands = raster_array(GRID, model.product(covariates=covariates), encoder)
    lons, lats = np.meshgrid(np.arange(-19, 40, 2), np.arange(59, 30, -2))
    assert ((bands[0] == 1) == (covariates(lons, lats)[..., 0] > 1500)).mean() > 0.9


def test_pixels_without_a_covariate_have_no_data_and_samples_are_named(
    encoder, places, dem, tmp_path
):
    with rasterio.open(dem) as dataset:
        heights = dataset.read(1)
    heights[:, :60] = -32768  # west of 5 degrees
    file = write(tmp_path / "east.tif", heights, -25, 65, 0.5, nodata=-32768)
    samples = Samples.of(places, lapse(places, dem), name="t")
    wanted = MapOf(samples, method="linear", covariates=open_covariates([file]))
    job = RasterRequest(GRID, wanted, "m").prepare(encoder=encoder)
    band = job.array()[0]
    np.testing.assert_array_equal(np.isnan(band).all(axis=0), np.arange(-19, 40, 2) < 5)
    assert np.isfinite(band[:, 12:]).all()
    gone = (places[:, 0] < 5).sum()
    report = job.product.model.report
    assert report["samples"] == 160 - gone
    assert report["account"][-1].startswith(
        f"{gone} of 160 samples left out, without a value of the covariate 'east': at "
    )


def test_covariates_that_say_nothing_are_refused(encoder, places, tmp_path):
    samples = Samples.of(places, places[:, 1], name="t")
    flat = write(tmp_path / "flat.tif", np.full((90, 180), 7.0), -180, 90, 2)
    away = write(tmp_path / "away.tif", np.ones((3, 3)), 100, -10, 1)
    for file, said in (
        (flat, "the covariate 'flat' is 7 at all samples"),
        (away, "0 of 160 samples have values of all covariates .160 of 160 samples left out"),
    ):
        with pytest.raises(InputError, match=said):
            fit_map(encoder, samples, MapOptions(covariates=open_covariates([file])))


def test_covariates_are_told_by_their_names(encoder, places, dem, tmp_path):
    other = write(tmp_path / "other.tif", np.random.default_rng(0).normal(size=(90, 180)), -180,
                  90, 2)  # fmt: skip
    samples = Samples.of(places, lapse(places, dem), name="t")
    both = open_covariates([dem, other])
    model = fit_map(encoder, samples, MapOptions("gaussian", "random", covariates=both))
    save_map(model, tmp_path / "map.npz")
    again = load_map(tmp_path / "map.npz")
    assert again.covariates == ("dem", "other")
    turned = open_covariates([other, ("dem", str(dem))])
    bands = [
        raster_array(GRID, one.product(covariates=given), encoder)
        for one, given in ((model, both), (again, turned))
    ]
    np.testing.assert_array_equal(*bands)
    for given, said in (
        (None, "the map was fitted with the covariates 'dem', 'other', given are none"),
        (open_covariates([dem]), "given are 'dem': give the same as covariates; names are told"),
    ):
        with pytest.raises(InputError, match=said):
            again.product(covariates=given)
    with pytest.raises(InputError, match="fitted with no covariates, given are 'dem'"):
        matched(open_covariates([dem]), ())


@pytest.mark.parametrize(
    ("lonlat", "values"),
    [
        ([(0, 90), (90, 90), (180, 90), (-90, 90), (5, 89), (90, 80)], [1, 2, 3, 4, 5, 6]),
        ([(180, 1), (-180, 1), (179.9, 2), (-179.9, 2), (179, 0)], [1, 3, 2, 2, 5]),
        ([(8 + k * 1e-5, 50 + k * k * 1e-5) for k in range(12)], np.arange(12.0)),
    ],
)
def test_odd_samples_with_a_covariate_make_a_sound_map(encoder, tmp_path, lonlat, values):
    field = np.random.default_rng(8).normal(size=(90, 180))
    covariates = open_covariates([write(tmp_path / "f.tif", field, -180, 90, 2)])
    samples = Samples.of(lonlat, values, name="odd")
    wanted = MapOf(samples, uncertainty=True, covariates=covariates)
    world = Grid.from_bounds((-180, -90, 180, 90), 20)
    bands = RasterRequest(world, wanted, "m").prepare(encoder=encoder).array()
    assert np.isfinite(bands).all()
    assert (bands[1] > 0).all()


def test_the_lattice_of_the_world_has_no_gap(dem, tmp_path):
    field = np.random.default_rng(9).normal(size=(180, 360))
    file = write(tmp_path / "world.tif", field, -180, 90, 1)
    assert np.isfinite(at(open_covariates([file]), *fibonacci_lattice(2000))).all()
