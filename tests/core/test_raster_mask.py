from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.raster import mask as mask_module
from satclip_core.raster import open_mask

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


def raster_mask(path: Path, values, transform, crs="EPSG:4326", **profile) -> Path:
    values = np.asarray(values)
    height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
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
