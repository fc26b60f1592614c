from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, Samples
from satclip_core.raster import RasterRequest

rasterio = pytest.importorskip("rasterio")

BOUNDS = (-10, 35, 30, 60)
EUROPE = ("--bbox", *BOUNDS, "--res", 1)


@pytest.fixture
def table():
    """Places, a number and a class for each."""
    random = np.random.default_rng(0)
    lonlat = random.uniform((-10, 35), (30, 60), (150, 2)).round(4)
    numbers = (40 - 0.6 * lonlat[:, 1] + random.normal(0, 0.5, 150)).round(3)
    names = np.array(["south", "middle", "north"])[np.digitize(lonlat[:, 1], [43, 52])]
    return lonlat, numbers, names


@pytest.fixture(autouse=True)
def samples(table, tmp_path):
    lonlat, numbers, names = table
    codes = {"south": 10, "middle": 20, "north": 95}
    rows = [
        f"{lon},{lat},{number},{name},{codes[name]},x,{7}"
        for (lon, lat), number, name in zip(lonlat, numbers, names)
    ]
    text = "\n".join(["lon,lat,temperature,zone,code,same,constant", *rows])
    (tmp_path / "samples.csv").write_text(text + "\n")


def in_python(model, wanted):
    return RasterRequest(Grid.from_bounds(BOUNDS, 1), wanted).prepare(encoder=load_encoder(model))


def test_numbers_equal_those_of_python(run, tmp_path, small_model, table):
    result = run("map", "samples.csv", "--column", "temperature", *EUROPE)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    job = in_python(small_model, MapOf(Samples.of(table[0], table[1], name="temperature")))
    said, written = [line for line in result.stderr.splitlines() if "fits" not in line]
    assert said == job.product.model.summary
    assert "kNNDM, method " in said
    assert written.startswith("map.tif: 40 x 25 pixels, 1 band, ")
    with rasterio.open(tmp_path / "map.tif") as dataset:
        band = dataset.read()
        tags = dataset.tags()
    np.testing.assert_array_equal(band, job.array())
    # The samples follow 40 - 0.6 lat with a deviation of 0.5.
    lats = np.arange(59.5, 35, -1)
    assert np.abs(band[0].mean(axis=1) - (40 - 0.6 * lats)).max() < 1
    assert float(tags["cross_validated_r2"]) > 0.9
    assert tags["validation"].startswith("5 folds as far apart as pixels are from samples")
    assert tags["method"] in said.partition("method ")[2]
    assert tags["command"].startswith("satclip map samples.csv --column temperature")


def test_classes_equal_those_of_python(run, tmp_path, small_model, table):
    args = ("--probabilities", "--report", "report.json")
    result = run("map", "samples.csv", "--column", "zone", *EUROPE, *args)
    assert result.returncode == 0, result.stderr
    zones = Samples.of(table[0], table[2].tolist(), name="zone")
    job = in_python(small_model, MapOf(zones, probabilities=True))
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.descriptions[1] == "probability of middle, %"
        np.testing.assert_array_equal(dataset.read(), job.array())
    report = json.loads((tmp_path / "report.json").read_text())
    within = report.pop("within")
    assert within == {"samples": 150, "score": report["score"]}
    assert {**report, "within": within} == json.loads(json.dumps(job.product.model.report))
    assert report["score"]["accuracy"] > 0.8
    assert "accuracy 0." in result.stderr


def test_the_error_is_in_bands_of_its_own(run, tmp_path, small_model, table):
    args = ("--method", "gaussian", "--folds", "random", "--seed", 3, "--uncertainty")
    options = (*args, "--report", "report.json")
    result = run("map", "samples.csv", "--column", "temperature", *EUROPE, *options)
    assert result.returncode == 0, result.stderr
    assert "5 random folds, method gaussian; 90 % intervals hold " in result.stderr
    wanted = MapOf(
        Samples.of(table[0], table[1], name="temperature"),
        seed=3,
        method="gaussian",
        folds="random",
        uncertainty=True,
    )
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.descriptions == (
            "temperature",
            "standard error of temperature",
            "temperature, lower end of the 90 % interval",
            "temperature, upper end of the 90 % interval",
            "dissimilarity index",
            "area of applicability",
            "distance to the nearest sample, km",
        )
        bands, tags = dataset.read(), dataset.tags()
    np.testing.assert_array_equal(bands, in_python(small_model, wanted).array())
    report = json.loads((tmp_path / "report.json").read_text())
    assert float(tags["interval_cover"]) == pytest.approx(report["interval"]["cover"], abs=1e-4)
    assert report["method"] == "gaussian"


def test_a_report_is_a_page_of_the_same_map(run, tmp_path, small_model, table):
    args = ("--method", "linear", "--report", "report.html")
    result = run("map", "samples.csv", "--column", "temperature", *EUROPE, *args)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "report.html: the report"
    made = (tmp_path / "report.html").read_text("utf-8")
    samples = Samples.of(table[0], table[1], name="temperature")
    model = in_python(small_model, MapOf(samples, method="linear")).product.model
    assert f"<dd>{model.report['score']['r2']:.3f}<small>" in made
    assert "<code>map.tif</code>" in made
    assert "<code>satclip map samples.csv --column temperature --bbox" in made
    again = run("map", "samples.csv", "--column", "zone", *EUROPE, *args[2:], "-o", "other.tif")
    assert again.returncode == 1
    assert "report.html exists: give another name, or --overwrite" in again.stderr
    assert not (tmp_path / "other.tif").exists()


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("map.tif", "map.tif is given twice"),
        ("samples.csv", "samples.csv is given twice"),
        ("report.txt", "the report report.txt is neither a page nor data by its name: let it end"),
        (".", "is a folder: give a file name"),
    ],
)
def test_reports_that_cannot_be_written_are_refused_before_any_work(run, tmp_path, report, said):
    result = run("map", "samples.csv", "--column", "zone", *EUROPE, "--report", report)
    assert result.returncode == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "map.tif").exists()


def test_fill_values_are_named_and_left_out(run, tmp_path):
    text = (tmp_path / "samples.csv").read_text() + "".join(
        f"{lon},50,-999.9,north,95,x,7\n" for lon in range(5)
    )
    (tmp_path / "filled.csv").write_text(text)
    args = ("map", "filled.csv", "--column", "temperature", "--method", "linear", *EUROPE)
    warned = run(*args)
    assert warned.returncode == 0
    said = warned.stderr.splitlines()[0]
    assert said.startswith("Warning: 5 of 155 values of 'temperature' are -999.9, as missing ones")
    assert said.endswith("if they are missing, leave them out with --missing -999.9")
    mended = run(*args, "--missing", "-999.9", "--overwrite")
    assert "5 of 155 samples left out, without a value of 'temperature'" in mended.stderr
    assert "as missing" not in mended.stderr
    with rasterio.open(tmp_path / "map.tif") as dataset:
        with_blanks = dataset.read()
    assert run("map", "samples.csv", *args[2:], "--overwrite").returncode == 0
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), with_blanks)


def test_whole_numbers_as_classes(run, tmp_path):
    result = run("map", "samples.csv", "--column", "code", "--classes", *EUROPE)
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "map.tif") as dataset:
        band = dataset.read(1)
        assert dataset.colorinterp[0].name == "palette"
    assert set(np.unique(band)) == {10, 20, 95}
    assert (band[0] == 95).mean() > 0.8
    assert (band[-1] == 10).mean() > 0.8


def test_another_format_and_crs(run, tmp_path, table):
    geopandas = pytest.importorskip("geopandas")
    points = geopandas.points_from_xy(*table[0].T, crs="EPSG:4326")
    frame = geopandas.GeoDataFrame({"t": table[1]}, geometry=points).to_crs("EPSG:3035")
    frame.to_file(tmp_path / "samples.gpkg")
    linear = ("--method", "linear")
    assert run("map", "samples.csv", "--column", "temperature", *EUROPE, *linear).returncode == 0
    result = run("map", "samples.gpkg", "--column", "t", *EUROPE, *linear, "-o", "other.tif")
    assert result.returncode == 0, result.stderr
    with (
        rasterio.open(tmp_path / "map.tif") as one,
        rasterio.open(tmp_path / "other.tif") as other,
    ):
        np.testing.assert_allclose(one.read(), other.read(), atol=1e-3)


def test_standard_input_and_what_was_left_out(run, tmp_path):
    text = (tmp_path / "samples.csv").read_text() + "0,91,3,north,1,x,7\n5,40,,north,1,x,7\n"
    args = ("map", "-", "--column", "temperature", "--method", "linear", *EUROPE)
    result = run(*args, input=text)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[:2] == [
        "Warning: 1 of 152 samples left out, without a value of 'temperature': row 152",
        "Warning: 1 of 152 samples left out, without usable coordinates: row 151 (0 91)",
    ]
    assert run(*args, "-q", "--overwrite", input=text).stderr == ""


def test_a_dry_run_says_the_score_and_writes_nothing(run, tmp_path):
    before = sorted(tmp_path.iterdir())
    args = ("--column", "zone", *EUROPE, "--report", "report.json", "--dry-run")
    result = run("map", "samples.csv", *args)
    assert result.returncode == 0
    assert "40 x 25 pixels, 1 band, uint8" in result.stdout
    # Above it stands how far it is, where the machine is slow.
    assert result.stderr.splitlines()[-1].startswith("zone: accuracy ")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["samples.csv"], "Missing option '--column'"),
        (["--column", "zone"], "Missing argument 'SAMPLES'"),
        (["samples.csv", "--column", "temp"], "no column 'temp'; there are 'lon', 'lat', 'temp"),
        (["none.csv", "--column", "zone"], "cannot read none.csv"),
        (["few.csv", "--column", "zone"], "3 of 3 samples of 'zone' can be used"),
        (["samples.csv", "--column", "same"], "of one class, 'x': give at least two"),
        (["samples.csv", "--column", "constant"], "have the value 7"),
        (["samples.csv", "--column", "temperature", "--classes"], "which is no class"),
        (["samples.csv", "--column", "temperature", "--probabilities"], "no probabilities"),
        (["samples.csv", "--column", "temperature", "--folds", "loo"], "'loo' is not one of"),
        (["far.csv", "--column", "t"], "5, and if they are projected give --samples-crs"),
        (["samples.csv", "--column", "zone", "--lon-column", "x"], "no column 'x'"),
        (["samples.csv", "--column", "zone", "--samples-crs", "EPSG:1"], "EPSG:1"),
        (["samples.csv", "--column", "zone", "--report", "few.csv"], "few.csv exists"),
        (["samples.csv", "--column", "zone", "--report", "no/r.json"], "no does not exist"),
    ],
)
def test_odd_requests_are_one_line(refused, tmp_path, args, message):
    (tmp_path / "few.csv").write_text("lon,lat,zone\n1,2,a\n3,4,b\n5,6,a\n")
    (tmp_path / "far.csv").write_text("lon,lat,t\n" + "500000,5400000,3\n" * 6)
    assert message in refused("map", *args, *EUROPE)


def test_neither_scipy_nor_scikit_learn_is_needed(small_model, tmp_path):
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"scipy", "sklearn", "pandas", "pyarrow", "geopandas"}}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
from satclip_cli.main import run
common = "--bbox 0 40 10 50 --res 1 --model".split() + [{str(small_model)!r}]
sys.exit(run(["map", "samples.csv", "--column", "zone", *common])
         or run(["clusters", "--k", "3", *common]))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "map.tif").exists()
