"""The raster commands: options to one request, and each check once on the way."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from raster_requests import ASKED, BOUNDS, RES, SAMPLES, expected, stripped

import satclip_core.files
import satclip_core.raster.request as road
from satclip_cli.main import run
from satclip_core import products
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models import model_file

pytest.importorskip("rasterio")


# The table of the classes, for QGIS, which is written when the raster stands.
TABLES = {name: [] for name in ASKED}
TABLES["clusters"] = TABLES["map of classes"] = TABLES["properties"] = ["out.tif.aux.xml"]


@pytest.fixture
def asked(tmp_path, monkeypatch, small_model):
    """Runs what `ASKED` has, with more words, in this process."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{lon},{lat},{t},{k}\n" for lon, lat, t, k in SAMPLES)
    (tmp_path / "samples.csv").write_text(f"lon,lat,t,k\n{rows}")

    def call(name, *more):
        words = [word.format(samples="samples.csv") for word in ASKED[name].words]
        extent = ["--bbox", *map(str, BOUNDS), "--res", str(RES), "--model", str(small_model)]
        return run([*words, *extent, "-o", "out.tif", "-q", *map(str, more)])

    return call


@pytest.mark.parametrize("name", ASKED)
def test_options_and_python_give_the_same_request(asked, monkeypatch, small_model, name):
    seen = []
    prepare = road.RasterRequest.prepare

    def noted(self, **options):
        seen.append(self)
        return prepare(self, **options)

    monkeypatch.setattr(road.RasterRequest, "prepare", noted)
    assert asked(name) == 0
    core = SimpleNamespace(Grid=Grid, RasterRequest=road.RasterRequest, products=products)
    (request,) = seen
    assert stripped(request) == stripped(expected(name, str(small_model), core))


@pytest.mark.parametrize("name", [name for name, asked in ASKED.items() if asked.mask is None])
def test_each_check_is_made_once_and_the_cheap_ones_first(asked, monkeypatch, tmp_path, name):
    ring = [[5, 45], [11, 45], [11, 48], [5, 48], [5, 45]]
    (tmp_path / "land.json").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    log = []

    def noting(owner, attribute, word):
        original = getattr(owner, attribute)

        def noted(*args, **options):
            log.append(args[0].name if word == "target" else word)
            return original(*args, **options)

        monkeypatch.setattr(owner, attribute, noted)

    noting(satclip_core.files, "check_target", "target")
    noting(road, "load_encoder", "model")
    noting(model_file, "read_model", "model file")
    noting(road, "opened_mask", "mask")
    noting(Locator, "__init__", "pixels")
    noting(road, "check_room", "room")
    assert asked(name, "--land-mask", "land.json") == 0
    assert log == ["out.tif", "model", "model file", "mask", "pixels", "room", *TABLES[name]]


@pytest.mark.parametrize(
    ("name", "option"), [("rgb", "--save-basis"), ("clusters", "--save-model")]
)
def test_a_file_beside_the_raster_is_checked_once_too(asked, monkeypatch, tmp_path, name, option):
    seen = []
    check = satclip_core.files.check_target

    def noted(path, **options):
        seen.append(path.name)
        return check(path, **options)

    monkeypatch.setattr(satclip_core.files, "check_target", noted)
    assert asked(name, option, "beside.json") == 0
    assert seen == ["beside.json", "out.tif", *TABLES[name]]
    assert (tmp_path / "beside.json").stat().st_size > 100


@pytest.mark.parametrize("name", ["rgb", "clusters", "map of numbers"])
def test_a_dry_run_looks_at_no_target(asked, monkeypatch, tmp_path, capsys, name):
    (tmp_path / "out.tif").write_text("mine")
    assert asked(name, "--dry-run") == 0
    assert "12 x 6 pixels" in capsys.readouterr().out
    assert (tmp_path / "out.tif").read_text() == "mine"
