"""Covariates, weights, groups, transforms and saved maps on the command line; `satclip predict`."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, Samples
from satclip_core.raster import RasterRequest, open_covariates

rasterio = pytest.importorskip("rasterio")

BOUNDS = (-10, 35, 30, 60)
EUROPE = ("--bbox", *BOUNDS, "--res", 1)
COUNT = 120


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def folder(tmp_path):
    """samples.csv, dem.tif and points.csv."""
    random = np.random.default_rng(0)
    heights = random.uniform(0, 3000, (60, 90)).astype(np.float32)
    profile = {"driver": "GTiff", "width": 90, "height": 60, "count": 1, "dtype": "float32"}
    transform = rasterio.transform.from_origin(-12, 62, 0.5, 0.5)
    with rasterio.open(
        tmp_path / "dem.tif", "w", crs="EPSG:4326", transform=transform, **profile
    ) as dataset:
        dataset.write(heights, 1)
    lonlat = random.uniform((-10, 35), (30, 60), (COUNT, 2)).round(4)
    at = open_covariates([tmp_path / "dem.tif"])(*lonlat.T)[:, 0]
    cold = (40 - 0.5 * lonlat[:, 1] - 0.0065 * at + random.normal(0, 0.3, COUNT)).round(3)
    zones = np.where(lonlat[:, 1] > 47, "north", "south")
    lines = ["lon,lat,t,rain,zone,w,site"]
    for index in range(COUNT):
        (lon, lat), rain = lonlat[index], round(float(np.exp(cold[index] / 6)), 3)
        lines.append(
            f"{lon},{lat},{cold[index]},{rain},{zones[index]},{1 + index % 3},{index // 4}"
        )
    (tmp_path / "samples.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "points.csv").write_text('name,E,N\n"a, b",500000,5200000\nc,700000,5400000\n')
    return tmp_path


def table(folder, column):
    rows = read(folder / "samples.csv")
    lonlat = np.array([(float(row["lon"]), float(row["lat"])) for row in rows])
    return lonlat, [row[column] for row in rows], [row["w"] for row in rows], [
        row["site"] for row in rows
    ]  # fmt: skip


def test_everything_at_once_equals_python(run, folder, small_model):
    args = ("--covariate", "height=dem.tif", "--weights", "w", "--groups", "site")
    how = ("--transform", "log1p", "--method", "gaussian", "--uncertainty", "--report", "r.json")
    result = run("map", "samples.csv", "--column", "rain", *EUROPE, *args, *how)
    assert result.returncode == 0, result.stderr
    lonlat, values, weights, groups = table(folder, "rain")
    wanted = MapOf(
        Samples.of(lonlat, values, name="rain", weights=weights, groups=groups),
        method="gaussian",
        uncertainty=True,
        transform="log1p",
        covariates=open_covariates([("height", str(folder / "dem.tif"))]),
    )
    job = RasterRequest(Grid.from_bounds(BOUNDS, 1), wanted).prepare(
        encoder=load_encoder(small_model)
    )
    with rasterio.open(folder / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), job.array())
        tags = dataset.tags()
    assert tags["covariates"] == f"height ({folder / 'dem.tif'})"
    assert tags["transform"] == "log1p"
    assert tags["groups"] == "30 groups of samples, each left out whole"
    assert tags["weighted"] == "samples by their weights, in scores too"
    report = json.loads((folder / "r.json").read_text())
    assert report["covariates"][0]["name"] == "height"
    assert report["groups"] == 30
    assert ", method gaussian on log1p" in result.stderr


def test_a_saved_map_is_drawn_elsewhere(run, folder):
    learn = ("samples.csv", "--column", "t", "--covariate", "dem.tif", "--method", "linear")
    first = run("map", *learn, *EUROPE, "--save-model", "m.npz", "--uncertainty")
    assert first.returncode == 0, first.stderr
    args = ("--model-file", "m.npz", "--covariate", "dem.tif", "--uncertainty", "-o", "again.tif")
    again = run("map", *args, *EUROPE)
    assert again.returncode == 0, again.stderr
    with rasterio.open(folder / "map.tif") as one, rasterio.open(folder / "again.tif") as other:
        np.testing.assert_array_equal(one.read(), other.read())
    assert "(where it was fitted, cross-validated on 120 samples" in again.stderr
    assert "Warning" not in again.stderr
    away = run("map", "--model-file", "m.npz", "--covariate", "dem.tif", "--bbox", -12, 32, 0, 62,
               "--res", 1, "-o", "away.tif")  # fmt: skip
    assert away.returncode == 0
    assert "% of the pixels lie outside" in away.stderr


def test_far_from_its_samples_a_saved_map_warns(run, folder):
    linear = ("--method", "linear", "--folds", "random")
    args = ("samples.csv", "--column", "t", *linear, "--save-model", "m.npz")
    assert run("map", *args, *EUROPE).returncode == 0
    away = run(
        "map", "--model-file", "m.npz", "--bbox", 100, -40, 140, -10, "--res", 2, "-o", "a.tif"
    )
    assert away.returncode == 0, away.stderr
    assert away.stderr.startswith("Warning: ")
    assert "lie outside the area of applicability of the map of 't'" in away.stderr


def test_predictions_at_points(run, folder):
    base = ("--crs", "EPSG:32632", "--lon-column", "E", "--lat-column", "N")
    learn = ("--samples", "samples.csv", "--column", "t", "--method", "linear")
    args = ("points.csv", *base, *learn, "--covariate", "dem.tif", "--save-model", "m.npz")
    result = run("predict", *args, "-o", "out.csv", started=True)
    assert result.returncode == 0, result.stderr
    rows = read(folder / "out.csv")
    assert [row["name"] for row in rows] == ["a, b", "c"]
    assert list(rows[0])[3:] == ["t_predicted", "t_error", "t_low", "t_high", "dissimilarity",
                                 "inside_area", "nearest_sample_km"]  # fmt: skip
    assert all(float(r["t_low"]) < float(r["t_predicted"]) < float(r["t_high"]) for r in rows)
    said = result.stderr.splitlines()[-1]
    assert said.startswith("out.csv: 2 rows with predictions of t, 0 % outside the area of appl")
    saved = ("--model-file", "m.npz", "--covariate", "dem.tif")
    again = run("predict", "points.csv", *base, *saved, "-o", "-", "--prefix", "x_")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[1:] == (folder / "out.csv").read_text().splitlines()[1:]
    assert again.stdout.startswith("name,E,N,x_t_predicted,")


def test_classes_at_points_of_standard_input(run, folder):
    args = ("--samples", "samples.csv", "--column", "zone", "--probabilities", "-o", "-")
    result = run("predict", "-", *args, input="lon,lat\n0,58\n0,36\n")
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["zone_predicted"] for row in rows] == ["north", "south"]
    assert float(rows[0]["zone_probability_north"]) == float(rows[0]["zone_probability"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["samples.csv", "--column", "t", "--covariate", "no.tif"], "the covariate "),
        (["samples.csv", "--column", "t", "--covariate", "dem.tif", "--covariate", "dem.tif"],
         "several covariates are called 'dem': give each a name of its own in --covariate"),
        (["samples.csv", "--column", "t", "--weights", "zone"], "row 1 has the weight 'north'"),
        (["samples.csv", "--column", "t", "--weights", "none"], "no column 'none'; there are"),
        (["samples.csv", "--column", "t", "--groups", "one"], "no column 'one'; there are"),
        (["samples.csv", "--column", "t", "--transform", "logit"],
         "values of 't' are outside what logit takes, above 0 and below 1: "),
        (["samples.csv", "--column", "zone", "--transform", "log1p"], "leave out --transform"),
        (["--model-file", "no.npz"], "the map file no.npz does not exist: --save-model writes it"),
        (["--model-file", "samples.csv"], "samples.csv holds no fitted map: give a"),
        (["samples.csv", "--column", "t", "--model-file", "m.npz", "--seed", "1"],
         "--model-file holds what was learnt: leave out SAMPLES, --column, --seed"),
        (["samples.csv", "--column", "t", "--save-model", "dem.tif", "--covariate", "dem.tif",
          "--overwrite"], "dem.tif is given twice"),
        (["samples.csv", "--column", "t", "--covariate", "dem.tif", "-o", "dem.tif",
          "--overwrite"], "dem.tif is given twice"),
        (["--model-file", "m.npz", "--report", "r.html"], "with --model-file give FILE.json"),
        ([], "Missing argument 'SAMPLES', or give --model-file FILE"),
    ],
)  # fmt: skip
def test_odd_maps_are_one_line(refused, args, message):
    assert message in refused("map", *args, *EUROPE)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["points.csv", "-o", "o.csv"], "Missing option '--samples', or give --model-file FILE"),
        (["points.csv", "-o", "o.csv", "--samples", "samples.csv"], "Missing option '--column'"),
        (["points.csv", "-o", "o.tif", "--samples", "samples.csv", "--column", "t"],
         "the extension says the format"),
        (["points.csv", "-o", "samples.csv", "--samples", "samples.csv", "--column", "t",
          "--overwrite"], "samples.csv is given twice"),
        (["points.csv", "-o", "o.csv", "--samples", "samples.csv", "--column", "t"],
         "no columns of longitude and latitude found: name them by --lon-column"),
        (["samples.csv", "-o", "o.csv", "--samples", "points.csv", "--column", "name"],
         "no columns of longitude and latitude found: name them by --samples-lon-column"),
        (["samples.csv", "-o", "o.csv", "--samples", "samples.csv", "--column", "t",
          "--covariate", "dem.tif", "--model-file", "m.npz"],
         "--model-file holds what was learnt: leave out --samples, --column"),
    ],
)  # fmt: skip
def test_odd_predictions_are_one_line(refused, args, message):
    assert message in refused("predict", *args)


def test_covariates_of_a_saved_map_are_told_by_name(run, refused):
    learn = ("samples.csv", "--column", "t", "--covariate", "height=dem.tif", "--method", "linear")
    assert run("map", *learn, *EUROPE, "--save-model", "m.npz").returncode == 0
    args = ("map", "--model-file", "m.npz", *EUROPE, "-o", "b.tif")
    line = refused(*args, "--covariate", "dem.tif")
    assert (
        "fitted with the covariates 'height', given are 'dem': give the same as --covariate" in line
    )
    assert run(*args, "--covariate", "height=dem.tif").returncode == 0
    other = refused(*args, "--covariate", "height=dem.tif", "--model", "bundled", "--overwrite")
    assert "the map was fitted for the model small-test-model" in other
