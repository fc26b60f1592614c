"""Covariates, weights, groups, saved maps and predictions at points in a real QGIS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from feedback import Feedback
from osgeo import gdal, osr
from qgis.core import QgsProcessingException, QgsRasterLayer

ROOT = Path(__file__).resolve().parents[2]
BOX = "-10,30,35,60 [EPSG:4326]"


@pytest.fixture(scope="module")
def dem(tmp_path_factory):
    """Rough heights, with a gap, written by GDAL."""
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    heights = np.random.default_rng(0).uniform(0, 3000, (60, 90)).astype(np.float32)
    heights[:, -4:] = -9999  # east of 31 degrees
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 90, 60, 1, gdal.GDT_Float32)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(4326)
    dataset.SetSpatialRef(crs)
    dataset.SetGeoTransform((-12, 0.5, 0, 62, 0, -0.5))
    dataset.GetRasterBand(1).SetNoDataValue(-9999)
    dataset.GetRasterBand(1).WriteArray(heights)
    dataset = None
    return path


@pytest.fixture(scope="module")
def rows(dem, plugin):
    """Places, and for each temperature, zone, weight and site."""
    from satclip_qgis.satclip_core.raster import open_covariates

    random = np.random.default_rng(1)
    lonlat = random.uniform((-10, 35), (30, 60), (120, 2)).round(4)
    height = open_covariates([dem])(*lonlat.T)[:, 0]
    cold = (40 - 0.5 * lonlat[:, 1] - 0.0065 * height + random.normal(0, 0.3, 120)).round(3)
    zones = np.where(lonlat[:, 1] > 47, "north", "south").tolist()
    weights, sites = (1 + np.arange(120) % 3).tolist(), (np.arange(120) // 4).tolist()
    return lonlat, list(zip(cold.tolist(), zones, weights, sites))


@pytest.fixture
def layer(make_points, rows):
    lonlat, attributes = rows
    fields = "&field=t:double&field=zone:string(10)&field=w:integer&field=site:integer"
    return make_points([tuple(place) for place in lonlat], fields=fields, rows=attributes)


def mapped(target, **more):
    grid = {"EXTENT": BOX, "RESOLUTION": 1, "CRS": "EPSG:4326", "OUTPUT": str(target)}
    return {**grid, "LAND": False, **more}


def read(path):
    dataset = gdal.Open(str(path))
    return dataset, dataset.ReadAsArray()


def test_the_core_reads_covariates_by_gdal_as_rasterio_does(dem, plugin, tmp_path):
    from satclip_qgis.satclip_core.raster import open_covariates
    from satclip_qgis.satclip_core.raster.geotiff import library

    python = os.environ.get("SATCLIP_PYTHON")
    if not python:
        pytest.skip("no Python with rasterio: SATCLIP_PYTHON names one")
    assert library() == "osgeo"
    places = np.random.default_rng(2).uniform((-14, 30), (35, 64), (300, 2))
    found = open_covariates([dem])(*places.T)
    np.save(tmp_path / "places.npy", places)
    code = (
        "import sys, numpy as np\n"
        "from satclip_core.raster import open_covariates\n"
        "places = np.load(sys.argv[2])\n"
        "np.save(sys.argv[3], open_covariates([sys.argv[1]])(*places.T))\n"
    )
    args = [python, "-c", code, str(dem), str(tmp_path / "places.npy"), str(tmp_path / "out.npy")]
    subprocess.run(args, check=True, cwd=ROOT)
    np.testing.assert_array_equal(found, np.load(tmp_path / "out.npy"))
    assert np.isnan(found).any()
    assert np.isfinite(found).any()


@pytest.mark.parametrize("named", ["layer", "path"])
def test_a_map_with_everything(run, layer, dem, tmp_path, named, project):
    covariate = str(dem)
    if named == "layer":
        raster = QgsRasterLayer(str(dem), "height above sea")
        project.addMapLayer(raster)
        covariate = raster.id()
    feedback = Feedback()
    given = mapped(tmp_path / "a.tif", INPUT=layer, FIELD="t", COVARIATES=[covariate], METHOD=1)
    given = {**given, "WEIGHTS": "w", "GROUPS": "site", "SAVE_MODEL": str(tmp_path / "m.npz")}
    report = str(tmp_path / "r.json")
    out = run("mapfromsamples", {**given, "REPORT": report}, feedback=feedback)
    dataset, band = read(out["OUTPUT"])
    name = "height above sea" if named == "layer" else "dem"
    assert dataset.GetMetadata()["covariates"] == f"{name} ({dem})"
    assert out["SCORE"] > 0.95
    said = json.loads(Path(report).read_text())
    assert said["groups"] == 30
    assert said["weighted"]
    assert np.isfinite(band).all()
    again = mapped(tmp_path / "b.tif", MODEL_FILE=out["SAVE_MODEL"], COVARIATES=[covariate])
    feedback = Feedback()
    redrawn = run("mapfromsaved", again, feedback=feedback)
    np.testing.assert_array_equal(read(redrawn["OUTPUT"])[1], band)
    assert redrawn["SCORE"] == out["SCORE"]
    (words,) = [line for line in feedback.said if line.startswith("The saved map of t")]
    assert "% of the pixels lie outside its area of applicability" in words


def test_a_saved_map_far_away_warns_and_has_gaps(run, layer, dem, tmp_path):
    given = mapped(tmp_path / "a.tif", INPUT=layer, FIELD="t", METHOD=1, FOLDS=2)
    run("mapfromsamples", {**given, "SAVE_MODEL": str(tmp_path / "m.npz")})
    far = mapped(tmp_path / "far.tif", MODEL_FILE=str(tmp_path / "m.npz"), UNCERTAINTY=True)
    feedback = Feedback()
    out = run("mapfromsaved", {**far, "EXTENT": "100,140,-40,-10 [EPSG:4326]"}, feedback=feedback)
    assert any(
        line.startswith("warning: ") and "lie outside the area of applicability" in line
        for line in feedback.said
    )
    assert (read(out["OUTPUT"])[1][5] == 0).mean() > 0.3


def test_points_are_predicted_by_samples_and_by_a_saved_map(run, layer, dem, make_points, tmp_path):
    points = make_points(
        [(0, 50), (20, 40), None, (32.5, 50), (120, 20)], fields="&field=name:string(5)",
        rows=[["a"], ["b"], ["c"], ["d"], ["e"]],
    )  # fmt: skip
    given = {"INPUT": points, "SAMPLES": layer, "FIELD": "t", "METHOD": 1, "OUTPUT": "memory:"}
    given = {**given, "COVARIATES": [str(dem)], "SAVE_MODEL": str(tmp_path / "m.npz")}
    feedback = Feedback()
    out = run("predictpoints", given, feedback=feedback)
    made = out["OUTPUT"]
    names = [field.name() for field in made.fields()]
    assert names == ["name", "t_predicted", "t_error", "t_low", "t_high", "dissimilarity",
                     "inside_area", "nearest_sample_km"]  # fmt: skip
    rows = [feature.attributes() for feature in made.getFeatures()]
    assert [row[0] for row in rows] == ["a", "b", "c", "d", "e"]
    blank = [not isinstance(row[1], float) for row in rows]
    assert blank == [False, False, True, True, True]  # no place; no height there
    assert all(row[3] < row[1] < row[4] for row in rows[:2])
    assert rows[0][6] == 1
    assert any("2 of 4 points have no value of a covariate" in line for line in feedback.said)
    saved = {"INPUT": points, "MODEL_FILE": out["SAVE_MODEL"], "COVARIATES": [str(dem)]}
    other = run("predictpoints", {**saved, "PREFIX": "x_", "OUTPUT": "memory:"})["OUTPUT"]
    assert other.fields().names()[1] == "x_t_predicted"
    values = [[feature[1], feature[2]] for feature in other.getFeatures()][:2]
    assert values == [row[1:3] for row in rows[:2]]


def test_classes_at_points(run, layer, make_points, tmp_path):
    points = make_points([(0, 58), (0, 36)])
    given = {"INPUT": points, "SAMPLES": layer, "FIELD": "zone", "PROBABILITIES": True}
    out = run("predictpoints", {**given, "OUTPUT": str(tmp_path / "out.gpkg")})
    dataset = gdal.OpenEx(out["OUTPUT"])
    table = dataset.GetLayer()
    found = [feature.GetField("zone_predicted") for feature in table]
    assert found == ["north", "south"]
    names = [field.name for field in table.schema]
    assert names[2:4] == ["zone_probability_north", "zone_probability_south"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("predictpoints", {"INPUT": "layer"}, "Give either samples to learn from, or a saved map"),
        ("predictpoints", {"INPUT": "layer", "SAMPLES": "layer", "MODEL_FILE": "/no.npz"},
         "Give either samples"),
        ("predictpoints", {"INPUT": "layer", "MODEL_FILE": "/no.npz"},
         "the map file /no.npz does not exist: Save what was learnt writes it"),
        ("mapfromsaved", {"MODEL_FILE": "bad"}, "holds no fitted map"),
        ("mapfromsamples", {"INPUT": "layer", "FIELD": "t", "COVARIATES": ["dem", "dem"]},
         "several covariates are called 'dem': give each a name of its own in Covariates"),
        ("mapfromsamples", {"INPUT": "layer", "FIELD": "t", "TRANSFORM": 2},
         "or give another Transform of numbers"),
    ],
)  # fmt: skip
def test_odd_requests_are_said(run, layer, dem, tmp_path, name, given, said):
    (tmp_path / "bad.npz").write_text("no zip")
    stand_ins = {"layer": layer, "dem": str(dem), "bad": str(tmp_path / "bad.npz")}
    given = {
        key: [stand_ins[one] for one in value] if isinstance(value, list)
        else stand_ins.get(value, value)
        for key, value in given.items()
    }  # fmt: skip
    output = {"OUTPUT": "memory:"} if name == "predictpoints" else mapped(tmp_path / "out.tif")
    with pytest.raises(QgsProcessingException, match=said):
        run(name, {**output, **given})


def test_processing_and_the_command_line_agree(run, layer, rows, dem, tmp_path):
    python = os.environ.get("SATCLIP_PYTHON")
    if not python:
        pytest.skip("no Python with the command line: SATCLIP_PYTHON names one")
    lonlat, attributes = rows
    lines = ["lon,lat,t,w,site"]
    for (lon, lat), (t, _, weight, site) in zip(lonlat, attributes):
        lines.append(f"{float(lon)!r},{float(lat)!r},{t!r},{weight},{site}")
    (tmp_path / "samples.csv").write_text("\n".join(lines) + "\n")
    given = mapped(tmp_path / "q.tif", INPUT=layer, FIELD="t", COVARIATES=[str(dem)], METHOD=3)
    run("mapfromsamples", {**given, "WEIGHTS": "w", "GROUPS": "site", "UNCERTAINTY": True})
    args = ["map", "samples.csv", "--column", "t", "--covariate", str(dem), "--weights", "w"]
    args += ["--groups", "site", "--method", "gaussian", "--uncertainty", "--res", "1"]
    subprocess.run(
        [python, "-m", "satclip_cli", *args, "--bbox", "-10,35,30,60", "-o", "c.tif"],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    one, other = read(tmp_path / "q.tif")[1], read(tmp_path / "c.tif")[1]
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


def test_features_are_left_out_by_their_ids(run, layer):
    ids = layer.allFeatureIds()[:4]
    given = {"INPUT": layer, "FIELD": "t", "EXTENT": BOX, "RESOLUTION": 5, "CRS": "EPSG:4326"}
    given |= {"METHOD": 1, "FOLDS": 2, "OUTPUT": "TEMPORARY_OUTPUT"}
    feedback = Feedback()
    run("mapfromsamples", {**given, "LEAVE_OUT": " ".join(map(str, ids))}, feedback=feedback)
    assert "4 features left out by their ids" in feedback.said
    out = run("mapfromsamples", {**given, "LEAVE_OUT": str(ids[0])})
    assert gdal.Open(out["OUTPUT"]).GetMetadataItem("samples") == "119"
    with pytest.raises(QgsProcessingException, match="is not whole numbers"):
        run("mapfromsamples", {**given, "LEAVE_OUT": "4, five"})
