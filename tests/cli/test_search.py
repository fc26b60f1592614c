"""`satclip places` and `satclip areas`, and what is at land."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.grid.land import land_mask
from satclip_core.models.registry import load_encoder
from satclip_core.products import SimilarityTo
from satclip_core.raster import open_region, raster_array
from satclip_core.raster.similar_areas import AreaOptions, similar_areas
from satclip_core.raster.similar_places import similar_places

rasterio = pytest.importorskip("rasterio")

BBOX = ("--bbox", -20, -35, 52, 37, "--res", 1)
GRID = Grid.from_bounds((-20, -35, 52, 37), 1)
EXAMPLES = ("--to", 23.6, -2.9, "--to", "28,1", "--unlike", 10, 20)
WANTED = SimilarityTo(((23.6, -2.9), (28, 1)), unlike=((10, 20),), within=GRID)


@pytest.fixture
def model(small_model):
    return ("--model", str(small_model))


@pytest.fixture
def encoder(small_model):
    return load_encoder(small_model)


def test_a_raster_of_examples_at_land(run, tmp_path, encoder):
    result = run("similarity", *EXAMPLES, *BBOX, "--land")
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        found, tags = dataset.read(1), dataset.tags()
    want = raster_array(GRID, WANTED, encoder, mask=land_mask())[0]
    np.testing.assert_allclose(found, want, atol=1e-6)
    assert 0.3 < np.isnan(found).mean() < 0.7
    assert tags["reduce"] == "classifier"
    assert tags["unlike"] == "10 20"
    assert tags["values"].startswith("chance")
    assert tags["against"] == "land within -20 -35 52 37 (EPSG:4326)"


def test_against_all_land_tiles_of_a_map_agree(run, tmp_path, encoder):
    for name, box in (("whole", (-20, 0, 20, 20)), ("east", (0, 0, 20, 20))):
        words = ("--bbox", *box, "--res", 1, "--against", "land", "-o", f"{name}.tif")
        assert run("similarity", *EXAMPLES, *words).returncode == 0
    found = {}
    for name in ("whole", "east"):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            found[name] = dataset.read(1)
            assert dataset.tags()["against"] == "all land"
    np.testing.assert_allclose(found["whole"][:, 20:], found["east"], atol=1e-6)


def test_one_place_is_a_cosine_at_sea_too(run, tmp_path, encoder):
    assert run("similarity", "--to", 23.6, -2.9, *BBOX).returncode == 0
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        found, tags = dataset.read(1), dataset.tags()
    assert np.isfinite(found).all()
    assert found.min() < 0.5
    assert tags["values"] == "cosine similarity, -1..1"


def test_lat_lon_is_told(run):
    """Brussels, and what its coordinates are the other way round: the sea off Somalia."""
    words = ("similarity", "--bbox", 4, 50, 5, 51, "--res", 0.5, "--overwrite")
    told = run(*words, "--to", 50.8, 4.4).stderr
    assert "Warning: 50.8 4.4 lies at sea, and 4.4 50.8 on land: coordinates are lon, lat" in told
    assert "Warning" not in run(*words, "--to", 4.4, 50.8).stderr


@pytest.mark.parametrize("command", ["places", "areas"])
def test_all_land_where_no_extent_is_given(run, tmp_path, model, command):
    words = (command, "--to", "23.6,-2.9", "--res", 3, *model)
    assert run(*words, "-o", "plain.csv").returncode == 0
    assert run(*words, "-o", "said.csv", "--bbox", -180, -60, 180, 84).returncode == 0
    assert (tmp_path / "plain.csv").read_text() == (tmp_path / "said.csv").read_text()


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
def test_files_of_features_say_where_they_come_from(run, tmp_path, model, encoder, suffix):
    words = ("places", "--to", "23.6,-2.9", *BBOX, "--count", 3, *model, "-o", f"out.{suffix}")
    assert run(*words).returncode == 0
    if suffix == "geojson":
        said = json.loads((tmp_path / "out.geojson").read_text())["description"]
    elif suffix == "gpkg":
        with closing(sqlite3.connect(tmp_path / "out.gpkg")) as base:
            ((said,),) = base.execute("select description from gpkg_contents")
    else:
        metadata = pytest.importorskip("pyarrow.parquet").read_schema(tmp_path / "out.parquet")
        said = metadata.metadata[b"description"].decode()
    lines = dict(line.split(": ", 1) for line in said.splitlines())
    assert lines["weights_sha256"] == encoder.sha256
    assert lines["command"].startswith("satclip places --to 23.6,-2.9 --bbox")
    assert lines["licence"] == encoder.info.licence


def test_places_as_a_table_and_as_points(run, tmp_path, encoder, model):
    words = ("places", *EXAMPLES, *BBOX, "--count", 7, "--spacing", 500, "--away", 300, *model)
    want = similar_places(GRID, encoder, WANTED, 7, away_km=300, spacing_km=500, mask="land")
    result = run(*words, "-o", "found.csv", started=True)
    assert result.returncode == 0, result.stderr
    assert "found.csv: 7 places" in result.stderr
    with open(tmp_path / "found.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["rank"]) for row in rows] == list(range(1, 8))
    table = np.array([(float(row["lon"]), float(row["lat"])) for row in rows])
    np.testing.assert_allclose(table, want.lonlat)
    geopandas = pytest.importorskip("geopandas")
    assert run(*words).returncode == 0
    layer = geopandas.read_file(tmp_path / "places.gpkg")
    np.testing.assert_allclose(np.stack([layer.geometry.x, layer.geometry.y], 1), want.lonlat)
    np.testing.assert_allclose(layer["similarity"], want.similarity, atol=1e-6)
    assert land_mask()(*want.lonlat.T).all()


@pytest.mark.parametrize("name", ["areas.gpkg", "areas.geojson", "areas.parquet"])
def test_areas_are_those_of_the_core(run, tmp_path, encoder, model, name):
    geopandas = pytest.importorskip("geopandas")
    words = ("areas", *EXAMPLES, *BBOX, "--percentile", 80, "--min-area", 50_000, *model)
    result = run(*words, "-o", name, started=name == "areas.gpkg")
    assert result.returncode == 0, result.stderr
    options = AreaOptions(percentile=80, least_km2=50_000)
    want = similar_areas(GRID, encoder, WANTED, options, mask="land")
    path = tmp_path / name
    read = geopandas.read_parquet if name.endswith("parquet") else geopandas.read_file
    layer = read(path)
    assert layer.crs.to_epsg() == 4326
    assert [shape.wkb for shape in layer.geometry] == want.wkb
    for column, values in want.columns.items():
        np.testing.assert_allclose(layer[column], values, rtol=1e-6)
    assert f" of {want.km2.sum():,.0f} km²" in result.stderr
    assert len(want) > 1 or "1 area of" in result.stderr


def test_areas_at_sea_and_by_a_mask_of_ones_own(run, tmp_path, model):
    ring = [[0, -20], [40, -20], [40, 20], [0, 20], [0, -20]]
    (tmp_path / "mask.json").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    sizes = {}
    for name, words in {
        "land": (),
        "all": ("--sea",),
        "part": ("--land-mask", "mask.json"),
    }.items():
        words = ("areas", *EXAMPLES, *BBOX, *words, "--above", 0.3, *model, "-o", f"{name}.csv")
        assert run(*words).returncode == 0
        with open(tmp_path / f"{name}.csv", newline="") as file:
            sizes[name] = sum(float(row["area_km2"]) for row in csv.DictReader(file))
    assert sizes["all"] > 1.05 * sizes["land"]
    assert 0 < sizes["part"] < sizes["all"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("areas", "--bbox", 0, 0, 1, 1, "--res", 1), "Missing option '--to'"),
        (("areas", *EXAMPLES, *BBOX, "--percentile", 100), "give 0 or more, below 100, as --perc"),
        (("areas", *EXAMPLES, *BBOX, "--above", 3), "--above"),
        (("areas", *EXAMPLES, *BBOX, "--min-area", -1), "as --min-area"),
        (("areas", *EXAMPLES, *BBOX, "-o", "areas.shp"), "areas.shp"),
        (("areas", *EXAMPLES, *BBOX, "--sea", "--land-mask", "m.tif"), "m.tif"),
        (("areas", *EXAMPLES, "--reduce", "max", *BBOX), "--reduce classifier"),
        (("areas", *EXAMPLES, "--unlike", 28, 1, *BBOX), "lon 28, lat 1"),
        (("places", *EXAMPLES, *BBOX, "--spacing", -1), "-1 km"),
        (("places", *EXAMPLES, *BBOX, "--land-mask", "none.tif"), "none.tif does not exist"),
        (("similarity", *EXAMPLES, *BBOX, "--land", "--land-mask", "m.tif"), "m.tif"),
    ],
)
def test_what_cannot_be_is_one_line(refused, model, args, message):
    assert message in refused(*args, *(() if args[0] == "similarity" else model))


def test_a_raster_all_at_sea_is_said(run):
    result = run("similarity", "--to", 1, 2, "--bbox", -30, -20, -25, -15, "--res", 1, "--land")
    assert result.returncode == 0
    assert "no pixel was found that the mask 'land' wants" in result.stderr


def test_a_region_is_where_is_searched_and_how_far(run, tmp_path, model):
    words = ("--to", 23.6, -2.9, "--region", "Zambia", "--res", 0.5, *model)
    result = run("places", *words, "--count", 20, "--spacing", 0, "-o", "p.csv")
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "p.csv") as file:
        found = [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    inside = open_region("Zambia").polygons
    assert len(found) == 20
    assert inside(*np.array(found).T).all()
    result = run("areas", *words, "--above", -1, "-o", "a.geojson")
    assert result.returncode == 0, result.stderr
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    total = sum(feature["properties"]["area_km2"] for feature in features)
    assert total == pytest.approx(752_600, rel=0.03)  # of Zambia
