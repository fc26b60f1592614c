from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.raster import mask as mask_module
from satclip_core.raster import open_mask, open_region

rasterio = pytest.importorskip("rasterio")

SQUARE = [[10, 40], [20, 40], [20, 50], [10, 50], [10, 40]]
HOLE = [[14, 44], [16, 44], [16, 46], [14, 46], [14, 44]]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def written(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


def ask(mask, *places):
    lons, lats = np.array(places, float).T
    return mask(lons, lats).tolist()


def test_a_hole_is_outside(tmp_path):
    mask = open_mask(written(tmp_path / "mask.geojson", polygon(SQUARE, HOLE)))
    assert ask(mask, (12, 42), (15, 45), (5, 45), (15, 60), (372, 42)) == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_polygons_that_overlap_add_up(tmp_path):
    moved = [[x + 5, y] for x, y in SQUARE]
    content = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": polygon(SQUARE)},
            {"type": "Feature", "properties": {}, "geometry": None},
            {
                "type": "Feature",
                "properties": {},
                "geometry": {
                    "type": "GeometryCollection",
                    "geometries": [
                        {"type": "MultiPolygon", "coordinates": [[moved]]},
                        {"type": "Point", "coordinates": [0, 0]},
                    ],
                },
            },
        ],
    }
    mask = open_mask(written(tmp_path / "mask.json", content))
    assert ask(mask, (12, 45), (17, 45), (22, 45), (26, 45)) == [True, True, True, False]


def test_polygons_may_run_on_past_180(tmp_path):
    content = polygon([[170, -5], [190, -5], [190, 5], [170, 5], [170, -5]])
    mask = open_mask(written(tmp_path / "mask.geojson", content))
    assert ask(mask, (175, 0), (-175, 0), (185, 0), (-165, 0)) == [True, True, True, False]


def test_polygons_as_gdal_burns_them(tmp_path):
    """A star with slanted edges, on a grid whose centres miss its vertices."""
    from rasterio.features import geometry_mask

    angles = np.linspace(0, 2 * np.pi, 21)
    radii = np.where(np.arange(21) % 2, 20, 45)
    radii[-1] = radii[0]
    ring = np.stack([3 + radii * np.cos(angles), 7 + radii * np.sin(angles)], 1)
    ring[-1] = ring[0]
    mask = open_mask(written(tmp_path / "mask.geojson", polygon(ring.tolist())))
    transform = rasterio.transform.from_origin(-60.013, 60.017, 0.31, 0.29)
    rows, cols = np.indices((400, 400))
    lons, lats = -60.013 + 0.31 * (cols + 0.5), 60.017 - 0.29 * (rows + 0.5)
    got = mask(lons.ravel(), lats.ravel()).reshape(400, 400)
    want = geometry_mask([polygon(ring.tolist())], (400, 400), transform, invert=True)
    np.testing.assert_array_equal(got, want)


def test_the_land_of_the_world(shared_data):
    mask = open_mask(shared_data / "masks" / "ne_50m_land.geojson")
    land = [(23.6, -2.9), (10, 50), (178, -17.8), (0, -85), (-100, 40), (100, 65)]
    sea = [(0, 0), (-30, 30), (180, 0), (0, 90), (75, -10)]
    assert all(ask(mask, *land))
    assert not any(ask(mask, *sea))


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
def test_other_formats_by_geopandas_in_any_crs(tmp_path, suffix):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    table = geopandas.GeoDataFrame(geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326")
    file = tmp_path / f"mask.{suffix}"
    projected = table.to_crs("EPSG:3857")
    projected.to_parquet(file) if suffix == "parquet" else projected.to_file(file)
    assert ask(open_mask(file), (12, 42), (5, 45)) == [True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no GeoJSON"),
        ("[1]", "is no GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "holds no polygon"),
        ('{"type": "Point", "coordinates": [1, 2]}', "holds no polygon"),
        ('{"type": "FeatureCollection"}', "damaged"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}', "damaged"),
        ('{"type": "Polygon", "coordinates": [["a", "b", "c", "d"]]}', "damaged"),
        ('{"type": "Polygon", "coordinates": 7}', "damaged"),
    ],
)
def test_what_are_no_polygons(tmp_path, content, message):
    (tmp_path / "mask.geojson").write_text(content)
    with pytest.raises(InputError, match=message):
        open_mask(tmp_path / "mask.geojson")


def circle(radius, sides=90, x=0.0, y=0.0):
    angles = np.linspace(0, 2 * np.pi, sides + 1)[:-1]
    ring = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1)
    return np.vstack([ring, ring[:1]]).tolist()


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


# Polygons whose edges are curves in degrees, or that have no outline there at all.
PROJECTED = {
    "a circle round the South Pole": ("EPSG:3031", [[circle(2e6)]]),
    "a ring round the North Pole": ("EPSG:3413", [[circle(2.5e6), circle(8e5)]]),
    "across 180 near a pole": ("EPSG:3995", [[circle(5e5, y=2.2e6, x=-1e5)]]),
    "across 180 at the other pole": ("EPSG:3031", [[box(-6e5, -2.4e6, 7e5, -1e6)]]),
    "a box of four corners, polar": ("EPSG:3413", [[box(-2.4e6, -3e6, 1e6, -5e5)]]),
    "a box of four corners, Europe": ("EPSG:3035", [[box(2.5e6, 1.4e6, 7.4e6, 5.5e6)]]),
    "two boxes, Bohemia": (
        "EPSG:5514",
        [[box(-9e5, -1.2e6, -5e5, -9.5e5)], [box(-4e5, -1.3e6, -2e5, -1.1e6)]],
    ),
    "past the edge of Mercator's map": ("EPSG:3857", [[box(1.9e7, -3e6, 2.3e7, 4e6)]]),
    "grads from Paris": ("EPSG:4807", [[[[-8, 48], [9, 46], [7, 56], [-4, 55], [-8, 48]]]]),
    "degrees from Ferro, past 180": ("EPSG:4805", [[box(150, -20, 200, 30)]]),
}


@pytest.mark.parametrize("how", ["geojson", "gpkg", "shp", "parquet"])
@pytest.mark.parametrize("name", PROJECTED)
def test_polygons_are_those_of_their_own_crs(tmp_path, name, how):
    """By shapely, of places that pyproj brings to the CRS of the polygons."""
    shapely = pytest.importorskip("shapely")
    pyproj = pytest.importorskip("pyproj")
    crs, polygons = PROJECTED[name]
    shapes = [shapely.Polygon(rings[0], rings[1:]) for rings in polygons]
    file = tmp_path / f"mask.{how}"
    if how == "geojson":
        content = {"type": "MultiPolygon", "coordinates": polygons}
        number = crs.partition(":")[2]
        named = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{number}"}}
        written(file, {**content, "crs": named})
    else:
        geopandas = pytest.importorskip("geopandas")
        table = geopandas.GeoDataFrame(geometry=shapes, crs=crs)
        table.to_parquet(file) if how == "parquet" else table.to_file(file)
    rng = np.random.default_rng(5)
    there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = (rng.uniform(low, high, 3000) for low, high in _around(polygons))
    lons, lats = there.transform(x, y, direction="INVERSE")
    lons = np.concatenate([lons, rng.uniform(-180, 180, 6000)])
    lats = np.concatenate([lats, np.rad2deg(np.arcsin(rng.uniform(-1, 1, 6000)))])
    ok = np.isfinite(lons) & np.isfinite(lats)
    lons, lats = lons[ok], lats[ok]
    got = open_mask(file)(lons, lats)
    x, y = there.transform(lons, lats)
    back = there.transform(x, y, direction="INVERSE")
    away = pyproj.Geod(ellps="WGS84").inv(lons, lats, *np.nan_to_num(back, posinf=0))[2]
    turn = {"EPSG:3857": 40075016.68557849, "EPSG:4807": 400, "EPSG:4805": 360}.get(crs, 0)
    want = np.zeros(len(x), bool)
    for shift in (-turn, 0, turn):
        want |= shapely.contains_xy(shapely.MultiPolygon(shapes), x + shift, y)
    want &= away < 2000
    np.testing.assert_array_equal(got, want)
    assert 0.1 < want[:2000].mean() < 0.9


def _around(polygons):
    """Half as wide again as the polygons."""
    points = np.concatenate([np.array(ring) for rings in polygons for ring in rings])
    low, high = points.min(axis=0), points.max(axis=0)
    return zip(low - (high - low) / 4, high + (high - low) / 4)


def zipped(path: Path, *files: Path, folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, folder + file.name)
    return path


def shapefile(folder: Path) -> list[Path]:
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    table = geopandas.GeoDataFrame(geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326")
    (folder / "files").mkdir()
    table.to_file(folder / "files" / "land.shp")
    return sorted((folder / "files").iterdir())


@pytest.mark.parametrize(
    "source",
    [
        "land.zip",
        "zip://land.zip",
        "zip://land.zip!land.shp",
        "/vsizip/land.zip",
        "/vsizip/land.zip/land.shp",
        "json.zip",
        "deep.zip",
    ],
)
def test_polygons_in_an_archive(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    files = shapefile(tmp_path)
    zipped(tmp_path / "land.zip", *files)
    zipped(tmp_path / "deep.zip", *files, folder="ne/land/")
    zipped(tmp_path / "json.zip", written(tmp_path / "land.geojson", polygon(SQUARE)))
    assert ask(open_mask(source), (12, 42), (5, 45)) == [True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_geojson_with_a_mark_of_its_byte_order(tmp_path, encoding):
    (tmp_path / "mask.geojson").write_bytes(json.dumps(polygon(SQUARE)).encode(encoding))
    assert ask(open_mask(tmp_path / "mask.geojson"), (12, 42), (5, 45)) == [True, False]


DEGENERATE = {
    "a line": [[1, 2], [3, 4], [1, 2]],
    "a point": [[1, 2]],
    "nothing": [],
    "not a number": [[1, 2], [3, 4], [5, math.nan], [1, 2]],
}


@pytest.mark.parametrize("ring", DEGENERATE)
def test_a_ring_that_is_no_area_is_left_out_with_a_warning(tmp_path, ring, caplog):
    bad = DEGENERATE[ring]
    content = {
        "type": "GeometryCollection",
        "geometries": [polygon(bad), polygon(SQUARE, bad, HOLE), polygon(bad, SQUARE)],
    }
    mask = open_mask(written(tmp_path / "mask.geojson", content))
    assert ask(mask, (12, 42), (15, 45), (5, 45), (2, 3)) == [True, False, False, False]
    assert "3 of its rings are no areas" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            polygon([[4e6, 3e6], [5e6, 3e6], [5e6, 4e6], [4e6, 3e6]]),
            "4000000, 3000000.*name their CRS",
        ),
        ({**polygon(SQUARE), "crs": {"type": "link", "properties": {"href": "x"}}}, "refers to"),
        (
            {**polygon(SQUARE), "crs": {"type": "name", "properties": {"name": "EPSG:999999"}}},
            "unknown CRS",
        ),
    ],
)
def test_coordinates_that_are_no_degrees_need_a_crs(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        open_mask(written(tmp_path / "mask.geojson", content))


def test_the_styles_of_qgis_are_no_second_layer_and_two_layers_are_named(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    pyogrio = pytest.importorskip("pyogrio")
    pandas = pytest.importorskip("pandas")
    file = tmp_path / "mask.gpkg"
    table = geopandas.GeoDataFrame(geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326")
    table.to_file(file, layer="land")
    styles = pandas.DataFrame({"styleName": ["land"], "styleQML": ["<qgis/>"]})
    pyogrio.write_dataframe(styles, file, layer="layer_styles", append=True)
    points = geopandas.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs="EPSG:4326")
    points.to_file(file, layer="cities", mode="a")
    assert ask(open_mask(file), (12, 42), (5, 45)) == [True, False]
    table.to_file(file, layer="lakes", mode="a")
    with pytest.raises(InputError, match=r"2 layers of polygons \(land, lakes\).*layername=land"):
        open_mask(file)
    assert ask(open_mask(f"{file}|layername=land"), (12, 42), (5, 45)) == [True, False]
    assert open_region(f"{file}|layername=lakes").bounds == (10, 40, 20, 50)
    with pytest.raises(InputError, match="no polygons 'cities': there are land, lakes"):
        open_region(f"{file}|layername=cities")


def test_a_geopackage_may_hold_a_raster_and_a_file_of_any_name_polygons(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    pytest.importorskip("pyogrio")
    raster_mask(tmp_path / "mask.gpkg", CHECKER, WORLD, driver="GPKG")
    assert ask(open_mask(tmp_path / "mask.gpkg"), (-175, 85), (-165, 85)) == [False, True]
    table = geopandas.GeoDataFrame(geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326")
    table.to_file(tmp_path / "land.geojsonl", driver="GeoJSONSeq")
    assert ask(open_mask(tmp_path / "land.geojsonl"), (12, 42), (5, 45)) == [True, False]


def raster_mask(path: Path, values, transform, crs="EPSG:4326", **profile) -> Path:
    values = np.asarray(values)
    height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver=profile.pop("driver", "GTiff"),
        width=width,
        height=height,
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        **profile,
    ) as dataset:
        dataset.write(values, 1)
    return path


CHECKER = np.indices((18, 36)).sum(0).astype(np.uint8) % 2
WORLD = rasterio.transform.from_origin(-180, 90, 10, 10)


def test_pixels_that_are_not_zero_are_land(tmp_path):
    mask = open_mask(raster_mask(tmp_path / "mask.tif", CHECKER, WORLD))
    assert ask(mask, (-175, 85), (-165, 85), (-165, 75), (195, 85), (185, 85)) == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_mask_from_0_to_360(tmp_path):
    transform = rasterio.transform.from_origin(0, 90, 10, 10)
    mask = open_mask(raster_mask(tmp_path / "mask.tif", CHECKER, transform))
    assert ask(mask, (5, 85), (15, 85), (-5, 85), (-15, 85)) == [False, True, True, False]


def test_nodata_and_nan_are_no_land(tmp_path):
    values = np.array([[1, np.nan], [-9999, 2]], np.float32)
    transform = rasterio.transform.from_origin(0, 2, 1, 1)
    mask = open_mask(raster_mask(tmp_path / "mask.tif", values, transform, nodata=-9999))
    assert ask(mask, (0.5, 1.5), (1.5, 1.5), (0.5, 0.5), (1.5, 0.5), (5, 5)) == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_mask_in_another_crs(tmp_path):
    transform = rasterio.transform.from_origin(400_000, 5_600_000, 100_000, 100_000)
    mask = open_mask(
        raster_mask(tmp_path / "mask.tif", np.array([[1, 0]], np.uint8), transform, "EPSG:32632")
    )
    assert ask(mask, (8.5, 50), (9.5, 50), (8.5, 40), (170, 0)) == [True, False, False, False]


def test_a_mask_much_finer_than_the_raster_is_read_in_pieces(tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 2, (400, 700)).astype(np.uint8)
    transform = rasterio.transform.from_origin(-10, 30, 0.05, 0.05)
    mask = open_mask(raster_mask(tmp_path / "mask.tif", values, transform))
    lons, lats = np.random.default_rng(1).uniform((-12, 8), (27, 32), (3000, 2)).T
    whole = mask(lons, lats)
    monkeypatch.setattr(mask_module, "_LARGEST_READ", 500)
    np.testing.assert_array_equal(mask(lons, lats), whole)
    assert 0 < whole.sum() < 2000


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_is_no_mask(tmp_path):
    with pytest.raises(InputError, match=r"none\.tif does not exist"):
        open_mask(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match=r"cannot read the land mask .*text\.tif"):
        open_mask(tmp_path / "text.tif")
    with pytest.raises(InputError, match="not georeferenced"):
        open_mask(raster_mask(tmp_path / "plain.tif", CHECKER, rasterio.Affine.identity(), None))


def test_a_raster_mask_that_runs_on_past_the_edge_of_mercator(tmp_path):
    """As our own rasters do across the antimeridian."""
    transform = rasterio.transform.from_origin(19e6, 1e6, 1e6, 1e6)
    values = np.array([[0, 1, 0, 1], [1, 0, 1, 0]], np.uint8)
    mask = open_mask(raster_mask(tmp_path / "mask.tif", values, transform, "EPSG:3857"))
    degree = 20037508.342789244 / 180
    lons = np.array([19.5e6, 20.5e6, 21.5e6, 22.5e6, 23.5e6, 18.5e6]) / degree
    lons = (lons + 180) % 360 - 180
    assert mask(lons, np.full(6, 4.0)).tolist() == [False, True, False, True, False, False]
    assert mask(lons, np.full(6, -4.0)).tolist() == [True, False, True, False, False, False]
