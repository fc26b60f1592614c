"""Chips of ground: sizes, the dateline, the poles, projections, nodata, months."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_world import write_raster

from satclip_core.errors import InputError
from satclip_training.images.chips import (
    EARTH_KM,
    ChipSource,
    along_axes,
    offsets,
    on_tangent_plane,
    open_source,
)
from satclip_training.images.decoding import DecodeRequest, open_raster
from satclip_training.settings.config import ChipSettings, SourceSettings

GLOBE = (-180.0, -90.0, 180.0, 90.0)


def still(kilometres: float, pixels: int) -> ChipSettings:
    return ChipSettings(kilometres=kilometres, pixels=pixels, shift=0.0, flip=False)


def source(path: Path, chip: ChipSettings, **settings: object) -> ChipSource:
    made = SourceSettings(files=(path.name,), chip=chip, **settings)  # type: ignore[arg-type]
    return open_source([[path]], made, path.parent)


def cut(made: ChipSource, *places: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    return made.cut(np.array(places, float), np.random.default_rng(0))


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Great-circle kilometres between lon/lat pairs."""
    (lon1, lat1), (lon2, lat2) = np.radians(a).T, np.radians(b).T
    chord = np.sin((lat2 - lat1) / 2) ** 2
    chord = chord + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(chord))


@pytest.mark.parametrize("lat", [0.0, 45.0, -70.0])
def test_chips_are_as_wide_and_high_as_asked_at_any_latitude(lat: float) -> None:
    chip = still(50, 11)
    place = np.array([[20.0, lat]])
    lon, lats = along_axes(place, *offsets(1, chip, np.random.default_rng(0)))
    middle = lats[0, 5, 0]
    ends = np.array([[lon[0, 0, 0], middle], [lon[0, 0, -1], middle]])
    span = 50 * 10 / 11  # between centres of the outer pixels
    assert distance(ends[:1], ends[1:])[0] == pytest.approx(span, rel=1e-4)
    assert (lats[0, 0, 0] - lats[0, -1, 0]) * np.pi / 180 * EARTH_KM == pytest.approx(span)


def test_tangent_plane_agrees_with_axes_away_from_the_poles() -> None:
    chip = still(50, 5)
    place = np.array([[-60.0, 60.0]])
    reach = offsets(1, chip, np.random.default_rng(0))
    lon, lat = np.broadcast_arrays(*along_axes(place, *reach))
    lon2, lat2 = on_tangent_plane(place, *reach)
    apart = distance(np.c_[lon.ravel(), lat.ravel()], np.c_[lon2.ravel(), lat2.ravel()])
    assert apart.max() < 0.2  # kilometres, of 50: what parallel meridians cost at 60 degrees


def test_at_the_pole_every_pixel_is_as_far_as_it_should_be() -> None:
    chip = still(90, 9)
    reach = offsets(1, chip, np.random.default_rng(0))
    lon, lat = on_tangent_plane(np.array([[33.0, 90.0]]), *reach)
    wanted = np.hypot(reach[0][0][None, :], reach[1][0][:, None])
    np.testing.assert_allclose((90 - lat[0]) * np.pi / 180 * EARTH_KM, wanted, atol=1e-3)
    assert np.isfinite(lon).all()


def test_shift_and_flip_stay_within_their_reach() -> None:
    chip = ChipSettings(kilometres=40, pixels=4, shift=0.25, flip=True)
    east, north = offsets(2000, chip, np.random.default_rng(0))
    middle = east.mean(1)
    assert np.abs(middle).max() <= 10
    assert np.abs(middle).max() > 9
    rising = np.sign(east[:, 1] - east[:, 0])
    assert abs(rising.mean()) < 0.1
    np.testing.assert_allclose(np.abs(np.diff(north)), 10)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bands at 1 degree: column (0..359, as int16) and row (0..179)."""
    rows, cols = np.mgrid[0:180, 0:360]
    array = np.stack([cols, rows]).astype(np.int16)
    path = tmp_path_factory.mktemp("numbered") / "numbered.tif"
    return write_raster(path, array, GLOBE, "EPSG:4326")


DEGREE = np.pi / 180 * EARTH_KM


def test_nearest_pixels_are_the_ones_under_the_chip(numbered: Path) -> None:
    chips, valid = cut(source(numbered, still(3 * DEGREE, 3)), (10.5, 0.5))
    np.testing.assert_array_equal(chips[0, 0, 1], [189, 190, 191])
    np.testing.assert_array_equal(chips[0, 1, :, 1], [88, 89, 90])
    assert valid[0] == 1


@pytest.mark.parametrize("lon", [-179.5, 180.5, 179.5])
def test_chips_wrap_at_the_dateline(numbered: Path, lon: float) -> None:
    chips, valid = cut(source(numbered, still(3 * DEGREE, 3)), (lon, 0.5))
    middle = int((lon + 180) // 1) % 360
    wanted = [(middle + k) % 360 for k in (-1, 0, 1)]
    np.testing.assert_array_equal(chips[0, 0, 1], wanted)
    assert valid[0] == 1


def test_chips_at_the_poles_are_whole(numbered: Path) -> None:
    made = source(numbered, still(300, 7))
    chips, valid = cut(made, (0.0, 90.0), (0.0, -90.0), (170.0, 89.9))
    np.testing.assert_array_equal(valid, 1)
    assert chips[0, 1].max() <= 2
    assert chips[1, 1].min() >= 177
    assert len(np.unique(chips[0, 0])) > 20  # meridians all around


def test_rasters_from_0_to_360_are_found_too(tmp_path: Path) -> None:
    cols = np.broadcast_to(np.arange(360), (180, 360)).astype(np.int16)
    path = write_raster(tmp_path / "pacific.tif", cols[None], (0, -90, 360, 90), "EPSG:4326")
    chips, _ = cut(source(path, still(3 * DEGREE, 3)), (-0.5, 0.0), (-100.5, 0.0))
    np.testing.assert_array_equal(chips[0, 0, 1], [358, 359, 0])
    np.testing.assert_array_equal(chips[1, 0, 1], [258, 259, 260])


def test_bilinear_interpolates_between_pixel_centres(numbered: Path) -> None:
    chip = ChipSettings(
        kilometres=3 * DEGREE, pixels=3, shift=0.0, flip=False, resampling="bilinear"
    )
    chips, _ = cut(source(numbered, chip), (10.75, 0.75))
    # Longitudes are a chip's own, 1/cos(lat) wider than degrees of the equator.
    np.testing.assert_allclose(chips[0, 0, 1], [189.25, 190.25, 191.25], atol=1e-3)
    np.testing.assert_allclose(chips[0, 1, :, 1], [87.75, 88.75, 89.75], atol=1e-3)


def lonlat_raster(path: Path, crs: str, bounds: tuple[float, ...]) -> Path:
    """A raster in `crs` that holds the longitude and latitude of its pixels."""
    import pyproj

    size = 200
    west, south, east, north = bounds
    x = west + (np.arange(size) + 0.5) * (east - west) / size
    y = north - (np.arange(size) + 0.5) * (north - south) / size
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    return write_raster(path, np.stack([lon, lat]).astype(np.float32), bounds, crs)


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:3857", (900_000, 5_500_000, 1_700_000, 6_300_000)),
        ("EPSG:32633", (200_000, 4_900_000, 800_000, 5_500_000)),
        ("EPSG:3035", (4_200_000, 2_500_000, 4_900_000, 3_200_000)),
    ],
)
def test_any_projection_is_read_at_the_right_place(
    tmp_path: Path, crs: str, bounds: tuple[float, ...]
) -> None:
    made = source(lonlat_raster(tmp_path / "p.tif", crs, bounds), still(40, 5))
    chips, valid = cut(made, (13.0, 47.0))
    assert valid[0] == 1
    # A pixel is 3 to 4 km: half of it is 0.03 degrees of longitude at most.
    np.testing.assert_allclose(chips[0, :, 2, 2], [13.0, 47.0], atol=0.03)
    assert chips[0, 0, 2, 4] > chips[0, 0, 2, 0] + 0.3
    assert chips[0, 1, 0, 2] > chips[0, 1, 4, 2] + 0.2


def test_missing_pixels_take_the_chips_own_mean(tmp_path: Path) -> None:
    array = np.full((1, 180, 360), 7, np.uint8)
    array[:, :, 190:] = 0
    path = write_raster(tmp_path / "half.tif", array, GLOBE, "EPSG:4326")
    chips, valid = cut(source(path, still(4 * DEGREE, 4), nodata=0), (10.0, 0.0), (90.0, 0.0))
    np.testing.assert_array_equal(chips[0], 7)
    np.testing.assert_allclose(valid, [0.5, 0])


def test_places_off_a_regional_raster_are_missing(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "r.tif", np.ones((1, 10, 10), np.uint8), (0, 0, 10, 10), "EPSG:4326"
    )
    _, valid = cut(source(path, still(50, 4)), (5.0, 5.0), (20.0, 5.0), (-175.0, 5.0))
    np.testing.assert_array_equal(valid, [1, 0, 0])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("bilinear", [False, True])
def test_places_that_a_projection_does_not_show_are_missing(tmp_path: Path, bilinear: bool) -> None:
    """A quarter of the globe from the central meridian of a UTM zone there are no coordinates."""
    pytest.importorskip("pyproj")
    bounds = (200_000, 4_900_000, 800_000, 5_500_000)
    path = write_raster(tmp_path / "u.tif", np.ones((1, 60, 60), np.uint8), bounds, "EPSG:32633")
    raster = open_raster(DecodeRequest(path), tmp_path)
    lon, lat = np.array([13.0, 105.0])[:, None, None], np.array([47.0, 0.0])[:, None, None]
    _, valid = raster.gather(*raster.place(lon, lat), bilinear=bilinear)
    np.testing.assert_array_equal(valid[:, 0, 0], [True, False])


def test_transparent_pixels_are_missing(tmp_path: Path) -> None:
    import rasterio
    from rasterio.enums import ColorInterp

    array = np.full((4, 18, 36), 9, np.uint8)
    array[3, :, :18] = 0
    path = write_raster(tmp_path / "rgba.tif", array, GLOBE, "EPSG:4326")
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [
            ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha,
        ]  # fmt: skip
    chips, valid = cut(source(path, still(50, 4)), (-90.0, 0.0), (90.0, 0.0))
    assert chips.shape[1] == 3
    np.testing.assert_array_equal(valid, [0, 1])


def test_reducing_takes_area_means(tmp_path: Path) -> None:
    board = np.indices((180, 360)).sum(0) % 2 * 100
    path = write_raster(tmp_path / "b.tif", board[None].astype(np.uint8), GLOBE, "EPSG:4326")
    raster = open_raster(DecodeRequest(path, reduce=2), tmp_path)
    assert raster.array.shape == (90, 180, 1)
    np.testing.assert_array_equal(raster.array, 50)
    row, col = raster.place(np.array([-179.5]), np.array([89.5]))
    np.testing.assert_allclose([row[0], col[0]], [0.25, 0.25])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_plain_images_lie_where_their_bounds_say(tmp_path: Path, suffix: str) -> None:
    import rasterio

    array = np.zeros((1, 40, 80), np.uint8)
    array[:, :, 40:] = 200
    path = tmp_path / f"plain{suffix}"
    driver = {"png": "PNG", "jpg": "JPEG"}[suffix[1:]]
    with rasterio.open(
        path, "w", driver=driver, width=80, height=40, count=1, dtype="uint8"
    ) as out:
        out.write(array)
    made = source(path, still(100, 3), bounds=(0.0, 0.0, 80.0, 40.0))
    chips, valid = cut(made, (20.0, 20.0), (60.0, 20.0), (-20.0, 20.0))
    np.testing.assert_allclose(chips[:2].mean((1, 2, 3)), [0, 200], atol=3)
    np.testing.assert_array_equal(valid, [1, 1, 0])


def test_every_chip_comes_from_one_month_drawn_evenly(tmp_path: Path) -> None:
    paths = []
    for month in range(4):
        array = np.full((1, 18, 36), 10 * month, np.uint8)
        paths.append(write_raster(tmp_path / f"m{month}.tif", array, GLOBE, "EPSG:4326"))
    settings = SourceSettings(files=("m*.tif",), chip=still(50, 4))
    made = open_source([[p] for p in paths], settings, tmp_path)
    places = np.column_stack([np.linspace(-170, 170, 4000), np.zeros(4000)])
    chips, _ = made.cut(places, np.random.default_rng(0))
    assert (chips.max((1, 2, 3)) == chips.min((1, 2, 3))).all()
    counts = np.bincount((chips[:, 0, 0, 0] / 10).astype(int), minlength=4)
    assert counts.min() > 900


def test_files_grouped_in_a_list_are_bands_together(tmp_path: Path) -> None:
    paths = [
        write_raster(tmp_path / f"b{k}.tif", np.full((1, 18, 36), k, np.uint8), GLOBE, "EPSG:4326")
        for k in range(3)
    ]
    made = open_source([paths], SourceSettings(files=(), chip=still(50, 4)), tmp_path)
    chips, _ = cut(made, (0.0, 0.0))
    np.testing.assert_array_equal(chips[0, :, 0, 0], [0, 1, 2])


def test_unreadable_imagery_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.tif"
    path.write_bytes(b"no raster")
    with pytest.raises(InputError, match=r"broken\.tif: not readable"):
        open_raster(DecodeRequest(path), tmp_path)
    with pytest.raises(InputError, match=r"none\.tif: no such file"):
        open_raster(DecodeRequest(tmp_path / "none.tif"), tmp_path)


def test_a_band_that_is_not_there_is_named(numbered: Path) -> None:
    with pytest.raises(InputError, match="has 2 bands, no band 3"):
        open_raster(DecodeRequest(numbered, bands=(3,)), numbered.parent)


@pytest.mark.parametrize("nodata", [None, np.nan, -9999.0])
@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
def test_nan_is_no_data_whatever_the_file_says(
    tmp_path: Path, nodata: float | None, resampling: str
) -> None:
    import rasterio

    values = np.full((1, 90, 180), 5, np.float32)
    values[0, 40:50, :90] = np.nan
    path = write_raster(tmp_path / "a.tif", values, GLOBE, "EPSG:4326")
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = nodata
    chip = ChipSettings(2000, 9, shift=0.0, flip=False, resampling=resampling)
    chips, share = cut(source(path, chip), (0.5, 0.5), (-90, 0), (90, 0))
    assert 0.3 < share[0] < 0.7
    assert share[1] < 0.6 < share[2] == 1
    np.testing.assert_allclose(chips[[0, 2]], 5, rtol=1e-6)
    assert np.isfinite(chips).all()


def unreferenced(path: Path, driver: str, **profile: object) -> Path:
    import rasterio

    size = {"width": 80, "height": 40, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", driver=driver, **size, **profile) as out:
        out.write(np.full((1, 40, 80), 9, np.uint8))
    return path


@pytest.mark.parametrize(
    ("name", "driver", "said", "missing"),
    [
        ("i.png", "PNG", {}, "CRS"),
        ("i.jpg", "JPEG", {}, "CRS"),
        ("i.tif", "GTiff", {}, "CRS"),
        ("i.tif", "GTiff", {"transform": (0.1, 0, 5, 0, -0.1, 50)}, "CRS"),
        ("i.tif", "GTiff", {"transform": (30, 0, 4e5, 0, -30, 5e6)}, "CRS"),
        ("i.tif", "GTiff", {"crs": "EPSG:4326"}, "transform"),
    ],
)
def test_an_image_that_does_not_say_where_it_lies_is_refused_without_bounds(
    tmp_path: Path, name: str, driver: str, said: dict[str, object], missing: str
) -> None:
    """It was taken for the whole globe, or for degrees, whatever its shape."""
    from affine import Affine

    if "transform" in said:
        said = {"transform": Affine(*said["transform"])}  # type: ignore[misc]
    path = unreferenced(tmp_path / name, driver, **said)
    with pytest.raises(InputError, match=rf"{name}: has no {missing}.*bounds"):
        open_raster(DecodeRequest(path), tmp_path)
    raster = open_raster(DecodeRequest(path, bounds=(0.0, 10.0, 80.0, 50.0)), tmp_path)
    row, col = raster.place(np.array([20.0]), np.array([20.0]))
    np.testing.assert_allclose([row[0], col[0]], [30, 20])


def test_bounds_do_not_move_an_image_that_says_where_it_lies(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "i.tif", np.ones((1, 10, 20), np.uint8), (0, 0, 20, 10), "EPSG:4326"
    )
    raster = open_raster(DecodeRequest(path, bounds=(50.0, 50.0, 60.0, 60.0)), tmp_path)
    assert raster.lonlat_bounds() == pytest.approx((0, 0, 20, 10))


def test_tiles_side_by_side_are_one_image(tmp_path: Path) -> None:
    """A view drew any of the files, so three of four views were blank."""
    paths = []
    for number in range(4):
        values = np.full((1, 10, 10), 10 * (number + 1), np.uint8)
        bounds = (10 * number, 0, 10 * number + 10, 10)
        paths.append(write_raster(tmp_path / f"{number}.tif", values, bounds, "EPSG:4326"))
    settings = SourceSettings(files=tuple(map(str, paths)), chip=ChipSettings(40, 4))
    made = open_source([[path] for path in paths], settings, tmp_path)
    lon = np.random.default_rng(0).uniform(0.5, 39.5, 300)
    chips, valid = made.cut(np.column_stack([lon, np.full(300, 5)]), np.random.default_rng(1))
    clear = np.abs(np.remainder(lon + 5, 10) - 5) > 0.5  # of the tiles' edges
    np.testing.assert_array_equal(valid[clear], 1)
    wanted = 10 * (lon[clear] // 10 + 1)
    np.testing.assert_array_equal(
        chips[clear], np.broadcast_to(wanted[:, None, None, None], chips[clear].shape)
    )
    assert (valid >= settings.least_valid).all()
    _, nowhere = made.cut(np.array([[60.0, 5.0]]), np.random.default_rng(1))
    assert nowhere[0] == 0
