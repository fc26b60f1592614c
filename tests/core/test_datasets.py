"""Rasters as people have them: several in a file, zipped, behind addresses, of another PROJ."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models.registry import load_encoder
from satclip_core.raster import grid_like, open_mask
from satclip_core.raster.datasets import gdal_name, is_path

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TRANSFORM = rasterio.Affine(0.5, 0, 5, 0, -0.5, 48)
LAND = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0]], np.uint8)
ROOT = Path(__file__).resolve().parents[2]


def written(path: Path, values=LAND, *, driver="GTiff", crs="EPSG:4326", **profile) -> Path:
    bands = np.atleast_3d(values.T).T
    with rasterio.open(
        path,
        "w",
        driver=driver,
        width=bands.shape[2],
        height=bands.shape[1],
        count=len(bands),
        dtype=bands.dtype,
        crs=crs,
        transform=TRANSFORM,
        **profile,
    ) as dataset:
        dataset.write(bands)
    return path


def netcdf(path: Path, variables=("t2m", "tp"), **units: str) -> Path:
    """As climate centres publish them: degrees east and north, no word on the datum."""
    scipy_io = pytest.importorskip("scipy.io")
    with scipy_io.netcdf_file(path, "w") as file:
        for name, values in (("lat", [47.75, 47.25, 46.75]), ("lon", [5.25, 5.75, 6.25, 6.75])):
            file.createDimension(name, len(values))
            axis = file.createVariable(name, "f8", (name,))
            axis[:] = values
            axis.units = units.get(name, {"lat": "degrees_north", "lon": "degrees_east"}[name])
        for name in variables:
            file.createVariable(name, "f4", ("lat", "lon"))[:] = LAND
    return path


def several_netcdf(folder: Path) -> Path:
    return netcdf(folder / "two.nc")


def several_geopackage(folder: Path) -> Path:
    path = written(folder / "two.gpkg", driver="GPKG", RASTER_TABLE="first")
    profile = {"APPEND_SUBDATASET": "YES", "RASTER_TABLE": "second"}
    return written(path, driver="GPKG", **profile)


def several_zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        for name in ("first.tif", "second.tif"):
            archive.write(written(folder / name), f"tiles/{name}")
        archive.writestr("tiles/readme.txt", "two tiles")
    return folder / "two.zip"


def one_zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "one.zip", "w") as archive:
        archive.write(written(folder / "land.tif"), "tiles/land.tif")
        archive.writestr("tiles/readme.txt", "a tile")
    return folder / "one.zip"


SEVERAL = {"netcdf": several_netcdf, "gpkg": several_geopackage, "zip": several_zipped}


@pytest.mark.parametrize("kind", SEVERAL)
def test_a_file_of_several_rasters_lists_them_and_each_can_be_had(tmp_path, kind):
    path = SEVERAL[kind](tmp_path)
    with pytest.raises(InputError, match=r"holds 2 (rasters|files): give one of") as raised:
        grid_like(path)
    listed = re.split(r", ", str(raised.value).partition("one of ")[2])
    assert len(listed) == 2
    for name in listed:
        grid = grid_like(name)
        assert grid.transform == pytest.approx(tuple(TRANSFORM)[:6])
        assert grid.shape == (3, 4)


@pytest.fixture
def address(tmp_path):
    """The folder of a test behind http://, without a network: by a process of its own, since
    GDAL holds up this one while it waits."""
    words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    server = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        port = re.search(r"port (\d+)", server.stdout.readline())[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


WAYS = {
    "a path": "{folder}/land.tif",
    "an archive": "{folder}/one.zip",
    "a member, rasterio's way": "zip://{folder}/one.zip!tiles/land.tif",
    "a member, briefly": "{folder}/one.zip!tiles/land.tif",
    "an archive, rasterio's way": "zip://{folder}/one.zip",
    "a member, GDAL's way": "/vsizip/{folder}/one.zip/tiles/land.tif",
    "an address": "{address}/land.tif",
    "an address, GDAL's way": "/vsicurl/{address}/land.tif",
    "a member behind an address": "/vsizip//vsicurl/{address}/one.zip/tiles/land.tif",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_raster_is_found_wherever_gdal_finds_it(tmp_path, address, way):
    one_zipped(tmp_path)
    source = WAYS[way].format(folder=tmp_path, address=address)
    assert grid_like(source).shape == (3, 4)
    lons, lats = np.meshgrid(5.25 + 0.5 * np.arange(4), 47.75 - 0.5 * np.arange(3))
    wanted = open_mask(source)(lons.ravel(), lats.ravel())
    np.testing.assert_array_equal(wanted.reshape(3, 4), LAND == 1)


@pytest.mark.parametrize(
    "way", ["{address}/land.zip", "/vsizip//vsicurl/{address}/land.zip", "{address}/land.geojson"]
)
def test_polygons_behind_an_address(tmp_path, address, way):
    """As Natural Earth publishes them: a zipped shapefile."""
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    table = geopandas.GeoDataFrame(geometry=[shapely.box(5, 46, 7, 48)], crs="EPSG:4326")
    table.to_file(tmp_path / "land.geojson")
    (tmp_path / "files").mkdir()
    table.to_file(tmp_path / "files" / "land.shp")
    with zipfile.ZipFile(tmp_path / "land.zip", "w") as archive:
        for file in (tmp_path / "files").iterdir():
            archive.write(file, file.name)
    mask = open_mask(way.format(address=address))
    assert mask(np.array([6.0, 8.0]), np.array([47.0, 47.0])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.tif", "the raster none.tif does not exist"),
        ("/vsizip/none.zip/a.tif", "cannot read the raster /vsizip/none.zip/a.tif"),
        ("NETCDF:none.nc:t2m", "cannot read the raster NETCDF:none.nc:t2m"),
        ("http://127.0.0.1:9/a.tif", "cannot read the raster http://127.0.0.1:9/a.tif"),
    ],
)
def test_what_cannot_be_found_is_named_as_it_was_given(source, message):
    with pytest.raises(InputError, match=re.escape(message)):
        grid_like(source)


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("C:/data/a.tif", True, "C:/data/a.tif"),
        ("a b/c.tif", True, "a b/c.tif"),
        ("https://host/a.tif", False, "https://host/a.tif"),
        ('NETCDF:"a.nc":t2m', False, 'NETCDF:"a.nc":t2m'),
        ("/vsimem/a.tif", False, "/vsimem/a.tif"),
        ("zip://a.zip!b/c.tif", False, "/vsizip/{a.zip}/b/c.tif"),
        ("zip:///x/a.zip!/c.tif", False, "/vsizip/{/x/a.zip}/c.tif"),
        ("zip://a.zip", False, "a.zip"),
        ("what!.tif", True, "what!.tif"),
    ],
)
def test_what_is_a_path_and_what_only_gdal_understands(source, path, name):
    assert is_path(source) is path
    assert gdal_name(source) == name


@pytest.mark.parametrize(
    ("lat", "lon", "known"),
    [
        ("degrees_north", "degrees_east", True),
        ("degree_N", "degrees_E", True),
        ("degreesN", "degree_east", True),
        ("m", "m", False),
    ],
)
def test_a_netcdf_in_degrees_without_a_datum_is_in_longitude_and_latitude(
    tmp_path, lat, lon, known
):
    path = netcdf(tmp_path / "one.nc", ("t2m",), lat=lat, lon=lon)
    if known:
        grid = grid_like(path)
        assert (grid.crs, grid.shape) == ("EPSG:4326", (3, 4))
        assert grid.transform == pytest.approx(tuple(TRANSFORM)[:6])
    else:
        with pytest.raises(InputError, match="no CRS"):
            grid_like(path)


def test_cases_of_rasters(shared_cases, tmp_path):
    """shared/cases: a netCDF of two variables from 0 to 360, a Czech raster, a zipped shapefile."""
    with pytest.raises(InputError, match=r"holds 2 rasters: .*two\.nc:t2m, .*two\.nc:tp"):
        grid_like(shared_cases / "two.nc")
    grid = grid_like(f"NETCDF:{shared_cases / 'two.nc'}:tp")
    assert (grid.crs, grid.shape, grid.bounds) == ("EPSG:4326", (7, 12), (-15, -105, 345, 105))
    mask = open_mask(shared_cases / "czech_5514.tif")
    lons, lats = (value.ravel() for value in np.meshgrid(np.arange(-180, 180), np.arange(-89, 90)))
    wanted = mask(lons, lats)
    assert 0 < wanted.sum() < 20
    assert (np.hypot(lons[wanted] - 15.5, lats[wanted] - 50) < 4).all()
    polygons = open_mask(shared_cases / "ne_land.zip")
    shapely = pytest.importorskip("shapely")
    geopandas = pytest.importorskip("geopandas")
    land = geopandas.read_file(f"zip://{shared_cases / 'ne_land.zip'}").geometry.union_all()
    lons, lats = lons + 0.123, lats + 0.077
    np.testing.assert_array_equal(polygons(lons, lats), shapely.contains_xy(land, lons, lats))


def foreign_database(folder: Path, kind: str) -> Path:
    """A folder of PROJ that is none for rasterio's: of an old layout, empty, no database."""
    folder.mkdir()
    if kind == "old":
        with sqlite3.connect(folder / "proj.db") as database:
            database.execute("CREATE TABLE metadata (key TEXT, value TEXT)")
            for part, value in (("MAJOR", "1"), ("MINOR", "0")):
                row = (f"DATABASE.LAYOUT.VERSION.{part}", value)
                database.execute("INSERT INTO metadata VALUES (?, ?)", row)
    elif kind == "damaged":
        (folder / "proj.db").write_text("no database")
    return folder


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "satclip_cli", *arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PROJ_")}
    path = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), clean.get("PYTHONPATH", "")]))}
    return subprocess.run(
        words, cwd=folder, env={**clean, **path, **environment}, capture_output=True, text=True
    )


def has_wheel() -> bool:
    return (Path(rasterio.__file__).parent / "proj_data" / "proj.db").is_file()


@pytest.mark.skipif(not has_wheel(), reason="this rasterio brings no PROJ database of its own")
@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("PROJ_LIB", "debian"),
        ("PROJ_LIB", "old"),
        ("PROJ_DATA", "missing"),
        ("PROJ_DATA", "damaged"),
    ],
)
@pytest.mark.parametrize("grid", ["bbox", "like"])
def test_a_database_of_another_proj_is_ignored_with_one_warning(
    tmp_path, small_model, kind, variable, grid
):
    folder = Path("/usr/share/proj")
    if kind != "debian":
        folder = foreign_database(tmp_path / "proj", kind)
    elif not (folder / "proj.db").is_file():
        pytest.skip("no PROJ is installed on this system")
    like = written(tmp_path / "grads.tif", crs=rasterio.crs.CRS.from_epsg(4807))
    given = {
        "bbox": ("--bbox", "5", "46", "7", "48", "--res", "0.5"),
        "like": ("--like", str(like)),
    }
    model = ("--model", str(small_model), "-o", "a.tif")
    foreign = {variable: str(folder)}
    done = command("raster", *given[grid], *model, folder=tmp_path, **foreign)
    assert done.returncode == 0, done.stderr
    want = Grid.from_bounds((5, 46, 7, 48), 0.5) if grid == "bbox" else grid_like(like)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.crs.to_epsg() == (4326 if grid == "bbox" else 4807)
        assert dataset.shape == want.shape
        got = dataset.read()
    encoder = load_encoder(str(small_model))
    lons, lats, _ = Locator(want).at(*np.indices(want.shape))
    exact = encoder.encode(np.stack([lons.ravel(), lats.ravel()], axis=1))
    np.testing.assert_allclose(got.reshape(256, -1).T, exact, atol=1e-5)
    said = done.stderr.count("belongs to another PROJ")
    assert said == (0 if kind == "debian" and newer(folder) else 1)


def newer(folder: Path) -> bool:
    """Whether a system's database is good for rasterio, so that nothing is to be said."""
    from satclip_core.raster.datasets import _layout

    own = _layout(Path(rasterio.__file__).parent / "proj_data")
    return own is not None and (_layout(folder) or ()) >= own


@pytest.mark.skipif(not has_wheel(), reason="this rasterio brings no PROJ database of its own")
def test_a_database_that_rasterio_can_use_is_left_alone(tmp_path, small_model):
    shutil.copytree(Path(rasterio.__file__).parent / "proj_data", tmp_path / "proj")
    model = ("--model", str(small_model), "-o", "plain.tif")
    options = ("--bbox", "5", "44", "8", "46", "--res", "0.5", *model)
    done = command("raster", *options, folder=tmp_path, PROJ_DATA=str(tmp_path / "proj"))
    assert done.returncode == 0, done.stderr
    assert "PROJ" not in done.stderr


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("WGS 84 / UTM zone 32N", 32632),
        ("ETRS89-extended / LAEA Europe", 3035),
        ("NTF (Paris)", 4807),
        ("proj=utm zone=32", None),
    ],
)
def test_a_crs_by_its_name_is_the_one_in_the_file(tmp_path, small_model, name, code):
    bbox = ("--bbox", "8", "47", "9", "48", "--bbox-crs", "EPSG:4326")
    res = "0.2" if code == 4807 else "20000"
    options = (*bbox, "--crs", name, "--res", res, "--model", str(small_model), "-o", "a.tif")
    done = command("raster", *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "a.tif") as dataset:
        want = rasterio.crs.CRS.from_user_input(code or "+proj=utm +zone=32")
        assert dataset.crs == want
