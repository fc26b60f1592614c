"""`satclip search` and `satclip locate`, on a model whose embedding is a place's unit vector."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from modal_models import KILOMETRES, WORDS, direction, modal_model

from satclip_core.grid import Grid, Window
from satclip_core.grid.land import land_mask
from satclip_core.grid.outlines import pixel_areas
from satclip_core.models.model_file import write_model
from satclip_core.products import SimilarityToWords
from satclip_core.raster.similar_places import similar_places

rasterio = pytest.importorskip("rasterio")

BBOX = ("--bbox", -20, -35, 52, 37, "--res", 2)
GRID = Grid.from_bounds((-20, -35, 52, 37), 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("modal") / "modal.npz"
    write_model(path, modal_model(), dtype="float64")
    return ("--model", str(path))


@pytest.fixture
def chip(tmp_path):
    """An image from the Congo, without a place of its own."""
    values = np.broadcast_to(direction(*WORDS["congo"])[:, None, None], (3, 6, 6))
    with rasterio.open(
        tmp_path / "chip.tif", "w", driver="GTiff", height=6, width=6, count=3, dtype="float64"
    ) as dataset:
        dataset.write(values)
    return "chip.tif"


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1), dataset.tags(), dataset.units


def test_a_search_writes_a_raster_and_prints_places(run, tmp_path, model):
    words = ("search", "the", "Congo", *BBOX, "--places", "p.csv", "--count", 4, *model)
    result = run(*words, "--spacing", 500)
    assert result.returncode == 0, result.stderr
    values, tags, _ = read(tmp_path / "search.tif")
    assert tags["words"] == "the Congo"
    assert 0.3 < np.isnan(values).mean() < 0.7
    want = similar_places(
        GRID, modal_model(), SimilarityToWords("congo"), 4, spacing_km=500, mask=land_mask()
    )
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    found = [(float(row["lon"]), float(row["lat"])) for row in rows]
    np.testing.assert_allclose(found, want.lonlat)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["RANK", "SIMILARITY", "LON", "LAT"]
    assert len(lines) == 5
    assert lines[1].split()[0] == "1"


def test_all_land_where_no_extent_is_given(run, tmp_path, model):
    result = run("search", "desert", *model, "--sea")
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "search.tif") as dataset:
        assert dataset.bounds == (-180, -60, 180, 84)
        assert dataset.res == (0.5, 0.5)
        assert np.isfinite(dataset.read(1)).all()


def test_a_resolution_alone_is_that_of_all_land(run, tmp_path, model):
    result = run("search", "desert", *model, "--res", 2)
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "search.tif") as dataset:
        assert dataset.bounds == (-180, -60, 180, 84)
        assert dataset.res == (2, 2)


def test_nothing_but_unknown_words_is_one_line(refused, model):
    line = refused("search", "rice in the dessert", *BBOX, *model)
    assert "'rice', 'dessert' (nearest: desert)" in line
    assert line.endswith("--known lists what it does")


def test_an_unknown_word_is_left_out_with_a_warning(run, tmp_path, model):
    result = run("search", "rice", "desert", *BBOX, *model)
    assert result.returncode == 0, result.stderr
    assert "Warning: " in result.stderr
    assert "but not 'rice': looking for 'desert'" in result.stderr
    assert read(tmp_path / "search.tif")[1]["words"] == "desert"


def test_a_model_of_words_comes_with_it(run):
    assert "rainforest" in run("search", "--known").stdout.split()


def test_the_known_words_are_listed(run, model):
    result = run("search", "--known", *model)
    assert result.stdout.split() == sorted(WORDS)


def test_a_model_without_words_says_how_to_get_one(refused):
    line = refused("search", "desert", *BBOX, "--model", "bundled")
    assert "has learnt no words" in line
    assert "give one that has as --model" in line


def test_no_words_are_asked_for(refused):
    assert "Missing WORDS" in refused("search", code=2)


def test_an_image_is_located(run, tmp_path, chip, model):
    words = ("locate", chip, "--kilometres", KILOMETRES, *BBOX, *model)
    result = run(*words, "--places", "p.geojson", "--count", 3, "--near", 800)
    assert result.returncode == 0, result.stderr
    values, tags, units = read(tmp_path / "origin.tif")
    areas = pixel_areas(GRID, Window(0, 0, *GRID.shape)) / 1e6
    assert np.nansum(values * areas) == pytest.approx(1, abs=1e-5)
    assert units == ("1/(1e6 km2)",)
    assert tags["origin_of"] == "image=chip.tif"
    features = json.loads((tmp_path / "p.geojson").read_text())["features"]
    first = features[0]["properties"]
    np.testing.assert_allclose((first["lon"], first["lat"]), WORDS["congo"], atol=1.01)
    assert 0 < first["probability"] < 1
    assert len(result.stdout.splitlines()) == 4


def test_words_add_to_an_image(run, tmp_path, chip, model):
    words = ("locate", f"image={chip}", "--kilometres", KILOMETRES, *BBOX, *model)
    result = run(*words, "--words", "desert", "-q", "--count", 1)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    _, lon, lat = result.stdout.split()[-3:]
    between = direction(*WORDS["congo"]) + direction(*WORDS["desert"])
    assert direction(float(lon), float(lat)) @ between / np.linalg.norm(between) > 0.999
    assert read(tmp_path / "origin.tif")[1]["origin_of"] == "image=chip.tif; desert"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("chip.tif",), "(the model looks at 80) as --kilometres"),
        (("chip.tif", "--bands", "1,9,2", "--kilometres", 80), "others as --bands"),
        (("a=chip.tif", "--kilometres", 80), "has no 'a': it has image, grey, relief"),
    ],
)
def test_what_cannot_be_located_is_one_line(refused, chip, model, words, said):
    assert said in refused("locate", *words, *BBOX, *model)


def test_an_image_or_words_are_asked_for(refused):
    assert "Missing IMAGE" in refused("locate", code=2)


def test_a_search_keeps_to_a_region(run, tmp_path, model):
    result = run("search", "desert", "--region", "Zambia", "--res", 0.5, "--count", 3, *model)
    assert result.returncode == 0, result.stderr
    values = read(tmp_path / "search.tif")[0]
    assert 0.4 < np.isfinite(values).mean() < 0.75  # Zambia fills so much of its bounds
    for line in result.stdout.splitlines()[1:]:
        lon, lat = map(float, line.split()[-2:])
        assert 21.9 < lon < 33.8
        assert -18.2 < lat < -8.1


def test_a_dry_run_writes_nothing(run, tmp_path, model):
    result = run("search", "desert", *BBOX, "--dry-run", "--places", "p.csv", *model)
    assert "36 x 36 pixels, 1 band" in result.stdout
    assert sorted(tmp_path.iterdir()) == []
