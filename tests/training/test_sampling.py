"""Land masks from any file, and points uniform over land area."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from training_world import write_raster

from satclip_core.errors import InputError
from satclip_training.places.land_mask import read_land_mask
from satclip_training.places.sampling import load_points, sample_points
from satclip_training.settings.config import PointSettings
from satclip_training.settings.run_files import Locations

GLOBE = (-180.0, -90.0, 180.0, 90.0)


def test_points_are_uniform_on_the_sphere() -> None:
    points = sample_points(40_000, seed=1)
    # Equal-area bands of latitude and of longitude: 10 x 10 cells of 400 points each.
    bands = np.floor((np.sin(np.radians(points[:, 1])) + 1) * 5).astype(int).clip(0, 9)
    columns = np.floor((points[:, 0] + 180) / 36).astype(int).clip(0, 9)
    counts = np.bincount(bands * 10 + columns, minlength=100)
    chi_square = ((counts - 400) ** 2 / 400).sum()
    assert chi_square < 149  # 99.9 % quantile at 99 degrees of freedom


def test_points_are_uniform_over_land_and_only_there() -> None:
    points = sample_points(
        20_000, seed=2, is_land=lambda p: np.abs(p[:, 0]) < 90, latitude=(-60, 80)
    )
    assert len(points) == 20_000
    assert np.abs(points[:, 0]).max() < 90
    assert points[:, 1].min() >= -60
    assert points[:, 1].max() <= 80
    sines = np.sin(np.radians(points[:, 1]))
    low, high = np.sin(np.radians([-60, 80]))
    assert sines.mean() == pytest.approx((low + high) / 2, abs=0.02)


def test_the_same_seed_draws_the_same_points() -> None:
    np.testing.assert_array_equal(sample_points(500, seed=3), sample_points(500, seed=3))
    assert not np.array_equal(sample_points(500, seed=3), sample_points(500, seed=4))


def test_no_land_is_an_error_that_names_the_region() -> None:
    region = {"latitude": (36.0, 60.0), "longitude": (-10.0, 30.5)}
    with pytest.raises(
        InputError, match=r"latitudes 36 to 60 and longitudes -10 to 30\.5 is on land"
    ):
        sample_points(10, seed=1, is_land=lambda p: np.zeros(len(p), bool), **region)


PLACES = np.array([[20.0, 10.0], [-100.0, 10.0], [179.99, -89.9], [180.0, 90.0], [-180.0, 0.0]])
EAST = np.array([True, False, True, False, False])


def masks(folder: Path) -> dict[str, Path]:
    """The same mask, east is land, in every form."""
    east = np.zeros((180, 360), bool)
    east[:, 180:] = True
    np.savez(folder / "water.npz", lat=np.zeros(180), mask=~east)
    write_raster(folder / "land.tif", east[None].astype(np.uint8), GLOBE, "EPSG:4326")
    ring = [[0, -90], [180, -90], [180, 90], [0, 90], [0, -90]]
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    (folder / "land.geojson").write_text(text)
    return {name: folder / name for name in ("water.npz", "land.tif", "land.geojson")}


@pytest.mark.parametrize("form", ["water.npz", "land.tif", "land.geojson"])
def test_masks_of_every_form_say_the_same(tmp_path: Path, form: str) -> None:
    is_land = read_land_mask(masks(tmp_path)[form])
    # 180 and -180 are one meridian, the first column's.
    np.testing.assert_array_equal(is_land(PLACES), EAST)


def test_water_value_turns_codes_into_a_mask(tmp_path: Path) -> None:
    codes = np.full((1, 18, 36), 32, np.uint8)
    codes[:, :, 18:] = 5
    path = write_raster(tmp_path / "codes.tif", codes, GLOBE, "EPSG:4326")
    np.testing.assert_array_equal(read_land_mask(path, water_value=32)(PLACES), EAST)


def test_the_noaa_mask_knows_continents(shared_data: Path) -> None:
    is_land = read_land_mask(shared_data / "masks/globe_combined_mask_compressed.npz")
    places = np.array([[23.6, -2.9], [-30.0, 0.0], [-60.0, -3.0], [170.0, -45.0], [-150.0, -40.0]])
    np.testing.assert_array_equal(is_land(places), [True, False, True, True, False])


def test_points_come_from_a_file_where_one_is_named(tmp_path: Path) -> None:
    places = np.array([[1.5, 2.5], [3.5, -4.5], [5.0, 6.0]])
    np.save(tmp_path / "points.npy", places)
    np.savetxt(tmp_path / "points.csv", places, delimiter=",", header="lon,lat", comments="")
    for name in ("points.npy", "points.csv"):
        settings = PointSettings(file=name, count=2)
        np.testing.assert_array_equal(load_points(settings, Locations((tmp_path,))), places[:2])


def test_a_file_without_coordinates_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("east,north\n1,2\n")
    with pytest.raises(
        InputError, match=r"points\.csv: no columns of longitude.*there are 'east', 'north'"
    ) as caught:
        load_points(PointSettings(file="points.csv"), Locations((tmp_path,)))
    assert "_column" not in str(caught.value)  # an argument's name says nothing in a YAML file


@pytest.mark.parametrize(
    "names", ["lon,lat", "longitude,latitude", "LONG,Lat", "x,y", "lng,latitude"]
)
def test_columns_are_found_as_satclip_points_finds_them(tmp_path: Path, names: str) -> None:
    lon, lat = names.split(",")
    (tmp_path / "points.csv").write_text(f"id,{lat},{lon}\n7,2.5,1.5\n8,-4.5,3.5\n")
    points = load_points(PointSettings(file="points.csv"), Locations((tmp_path,)))
    np.testing.assert_array_equal(points, [[1.5, 2.5], [3.5, -4.5]])


def test_several_columns_that_could_be_meant_are_refused(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("lon,longitude,lat\n1,2,3\n4,5,6\n")
    with pytest.raises(InputError, match="several columns could be meant: 'lon', 'longitude'"):
        load_points(PointSettings(file="points.csv"), Locations((tmp_path,)))


def test_a_share_of_the_points_may_lie_at_sea(tmp_path: Path) -> None:
    cells = np.zeros((180, 360), bool)
    cells[:, 180:] = True  # water in the east
    np.savez(tmp_path / "mask.npz", mask=cells)
    settings = PointSettings(count=2000, land_mask="mask.npz", sea_share=0.25)
    points = load_points(settings, Locations((tmp_path,)))
    assert len(points) == 2000
    assert (points[:, 0] > 0).sum() == 500
    # Mixed, so that any run of points holds both.
    assert 20 < (points[:200, 0] > 0).sum() < 80
    with pytest.raises(InputError, match="land_mask"):
        load_points(PointSettings(count=2000, sea_share=0.25), Locations((tmp_path,)))


def test_a_region_across_the_antimeridian_has_points_on_both_sides() -> None:
    points = sample_points(2000, seed=0, longitude=(170.0, -170.0))
    assert points.shape == (2000, 2)
    assert (np.abs(points[:, 0]) >= 170).all()
    assert (np.abs(points[:, 0]) <= 180).all()
    assert 800 < (points[:, 0] > 0).sum() < 1200


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "", "cannot be read as a table"),
        ("p.csv", "lon,lat\n1,2\na,b\n", "could not convert string to float: 'a'"),
        ("p.csv", "lon,lat\n1,2\n1,2,3\n", "cannot be read as a table"),
        ("p.csv", "lon,lat\n1,2\n", "holds 1 places"),
        ("p.csv", "lon,lat\n1,2\n3,95\n", "latitude 95"),
        ("p.npy", "garbage", "cannot be read as a file of numpy arrays"),
        ("p.npy", "", "cannot be read as a file of numpy arrays"),
    ],
)
def test_files_of_points_that_are_none_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}.*{message}") as caught:
        load_points(PointSettings(file=name), Locations((tmp_path,)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.npz", "", "cannot be read as a file of numpy arrays"),
        ("m.geojson", "garbage", "cannot be read as a vector file"),
        ("m.geojson", '{"type": "FeatureCollection", "features": []}', "holds no polygons"),
    ],
)
def test_land_masks_that_are_none_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        read_land_mask(tmp_path / name)


def plain_mask(path: Path, width: int, height: int) -> Path:
    """A PNG whose eastern half is not 0, without a word of where it lies."""
    import rasterio

    array = np.zeros((1, height, width), np.uint8)
    array[:, :, width // 2 :] = 1
    profile = {"driver": "PNG", "width": width, "height": height, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile) as out:
        out.write(array)
    return path


def test_a_mask_that_does_not_say_where_it_lies_is_the_globe_if_it_looks_so(
    tmp_path: Path,
) -> None:
    is_land = read_land_mask(plain_mask(tmp_path / "globe.png", 72, 36))
    np.testing.assert_array_equal(is_land(PLACES), EAST)
    with pytest.raises(InputError, match=r"70 x 36 pixels are not the globe's 2 : 1"):
        read_land_mask(plain_mask(tmp_path / "part.png", 70, 36))


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:4326", (-10.0, 35.0, 30.0, 60.0)),
        ("EPSG:4326", (0.0, -90.0, 360.0, 90.0)),
        ("EPSG:3857", (-20e6, -20e6, 20e6, 20e6)),
    ],
)
def test_a_mask_of_another_grid_is_refused(
    tmp_path: Path, crs: str, bounds: tuple[float, ...]
) -> None:
    """It was read as if it were the globe from -180, in silence."""
    path = write_raster(tmp_path / "m.tif", np.ones((1, 20, 40), np.uint8), bounds, crs)
    with pytest.raises(InputError, match=r"not a grid of the whole globe.*gdalwarp"):
        read_land_mask(path)


@pytest.mark.parametrize("water_value", [None, 3])
def test_pixels_without_data_are_no_land(tmp_path: Path, water_value: int | None) -> None:
    """As in a land mask of satclip raster, which reads the same file."""
    import rasterio

    from satclip_core.raster.mask import open_mask

    cells = np.full((1, 18, 36), 255, np.uint8)
    cells[:, :, 18:] = 5
    path = write_raster(tmp_path / "m.tif", cells, GLOBE, "EPSG:4326")
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = 255
    places = PLACES[:4]
    found = read_land_mask(path, water_value=water_value)(places)
    np.testing.assert_array_equal(found, EAST[:4])
    if water_value is None:
        inside = np.clip(places, (-179.9, -89.9), (179.9, 89.9))
        np.testing.assert_array_equal(open_mask(path)(*inside.T)[:3], found[:3])
