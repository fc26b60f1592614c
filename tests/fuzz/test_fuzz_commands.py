"""Whatever is typed or handed over, a command is done or says in one line what is wrong.

`python -m pytest tests/fuzz` tries a little, `SATCLIP_FUZZ=500 python -m pytest tests/fuzz -s` 500
new inputs of each kind. Each runs as a process of its own with bounds on its memory and time.
"""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import FUZZ, note
from hypothesis import given
from hypothesis import strategies as st

# A word as a shell can hand it over.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ODD = st.sampled_from(
    ["nan", "inf", "-inf", "1e400", "-0", "1_000", "0x10", "", "٣", "9" * 400, "[" * 2000, "{}",
     "[1,2", "null", "true", '"a"', "1;2", "1e-320", "-180", "180", "90.0000001", "1,2,3", "1 2"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.floats(-400, 400).map(repr), st.floats().map(repr), st.integers().map(str), ODD, WORDS
)
CODES = st.one_of(
    st.integers(0, 70000).map(lambda code: f"EPSG:{code}"),
    st.sampled_from(["EPSG:32632", "EPSG:3857", "ESRI:54030", "+proj=ortho +lat_0=50",
                     "+proj=utm +zone=99", "+proj=merc +lat_ts=90", "EPSG:4978", "EPSG:5773",
                     "IAU_2015:49900", "OGC:CRS84", "PROJCS[", "GEOGCS[\"x\"]", "+init=epsg:4326",
                     "+proj=pipeline +step +proj=noop", "urn:ogc:def:crs:EPSG::4326"]),
    WORDS,
)  # fmt: skip


@FUZZ
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.lists(NUMBERS, min_size=1, max_size=2))
def test_extents_and_resolutions(folder, survives, bbox, res):
    note("bbox", bbox, res)
    joined = ["--bbox=" + ",".join(bbox), "--res=" + ",".join(res)]
    survives(["raster", *joined, "--dry-run"], folder)


@FUZZ
@given(CODES, st.floats(-200, 200), st.floats(-100, 100), st.floats(1e-6, 10))
def test_reference_systems(folder, survives, crs, x, y, res):
    note("crs", crs, x, y, res)
    box = [repr(v) for v in (x, y, x + 10 * res, y + 10 * res)]
    words = ["raster", "--bbox", *box, "--res", repr(res), f"--crs={crs}", "--dry-run"]
    survives(words, folder)
    survives([*words, "--bbox-crs", "EPSG:4326"], folder)


OPTIONS = st.sampled_from(
    ["--res", "--crs", "--dtype", "--co", "--nodata", "--dims", "--format", "--region", "--like",
     "--land-mask", "--threads", "--bbox", "--model", "--properties", "--tap", "--land"]
)  # fmt: skip


@FUZZ
@given(st.lists(st.one_of(OPTIONS, NUMBERS, CODES), max_size=8))
def test_words_in_any_order(folder, survives, words):
    note("words", words)
    survives(["raster", "--bbox", "5", "45", "6", "46", "--res", "1", "--dry-run", *words], folder)


def mutated(whole: bytes, edits: list[tuple[float, int]], cut: float, grown: bytes) -> bytes:
    """A file with some bytes changed, cut at a share of its length, and something behind."""
    data = bytearray(whole)
    for place, value in edits:
        data[int(place * (len(data) - 1))] = value
    return bytes(data[: int(len(data) * cut)]) + grown


MUTATION = st.tuples(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    st.one_of(st.just(1.0), st.floats(0, 1)),
    st.one_of(st.just(b""), st.binary(max_size=20)),
)
# Headers are where it matters: most edits at the front or the very end.
HEAD = st.tuples(
    st.lists(st.tuples(st.one_of(st.floats(0, 0.02), st.floats(0.97, 1)), st.integers(0, 255)),
             min_size=1, max_size=12),
    st.just(1.0),
    st.just(b""),
)  # fmt: skip


@pytest.fixture(scope="module")
def tables(folder, small_model) -> dict[str, bytes]:
    """A valid table of points in each format that is installed."""
    made = {
        "t.csv": b"name,lon,lat,t\nA,5.5,45.5,1\n\"B, C\",6,46,\n",
        "t.geojson": json.dumps({
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {"n": 1, "s": "a"},
                          "geometry": {"type": "Point", "coordinates": [5 + i, 45]}}
                         for i in range(3)]}).encode(),
    }  # fmt: skip
    try:
        import geopandas
        from shapely import Point
    except ImportError:
        return made
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2], "s": ["a", None]}, geometry=[Point(5, 45), Point(6, 46)], crs=4326
    )
    frame.to_file(folder / "whole.gpkg")
    frame.to_parquet(folder / "whole.parquet")
    for name in ("gpkg", "parquet"):
        made[f"t.{name}"] = (folder / f"whole.{name}").read_bytes()
    return made


@FUZZ
@given(st.sampled_from(["t.csv", "t.geojson", "t.gpkg", "t.parquet"]), st.one_of(MUTATION, HEAD))
def test_tables_of_points(folder, survives, tables, small_model, name, mutation):
    if name not in tables:
        return
    content = mutated(tables[name], *mutation)
    note(name, content)
    (folder / name).write_bytes(content)
    survives(["points", name, "--model", str(small_model), "-o", "out.csv"], folder, "out.csv")


@FUZZ
@given(st.text(max_size=200), st.sampled_from(["t.csv", "t.tsv", "t.geojson", "t.geojsonl"]))
def test_tables_of_any_text(folder, survives, small_model, text, name):
    note(name, text)
    (folder / name).write_text(text, "utf-8", errors="surrogatepass")
    survives(["points", name, "--model", str(small_model), "-o", "out.csv"], folder, "out.csv")


@FUZZ
@given(st.one_of(MUTATION, HEAD))
def test_model_files(folder, survives, small_model, mutation):
    content = mutated(small_model.read_bytes(), *mutation)
    note("model", content)
    (folder / "m.npz").write_bytes(content)
    survives(["models", "info", "m.npz"], folder)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = (
    *("version", "encoding", "network", "settings", "network_settings", "training", "card"),
    *("name", "levels", "smooth", "modalities", "requires", "licence", "resolution_km"),
)


@FUZZ
@given(st.dictionaries(st.sampled_from(KEYS), JSON, min_size=1))
def test_headers_of_models(folder, survives, small_model, changes):
    note("header", repr(changes))
    with zipfile.ZipFile(small_model) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["model.json"] = json.dumps({**json.loads(members["model.json"]), **changes}).encode()
    with zipfile.ZipFile(folder / "h.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    survives(["models", "info", "h.npz"], folder)


PLAIN = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=8), st.binary(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple), st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=6), inner, max_size=3),
    ),
    max_leaves=10,
)  # fmt: skip


@FUZZ
@given(PLAIN, st.integers(0, 5), MUTATION, st.booleans())
def test_checkpoints(folder, survives, tree, protocol, mutation, framed):
    if framed:
        tree = {"state_dict": {"nnet.weight": tree}, "hyper_parameters": {"le_type": "wrap"}}
    pickled = mutated(pickle.dumps(tree, protocol), *mutation)
    note("pickle", pickled)
    with zipfile.ZipFile(folder / "c.ckpt", "w") as archive:
        archive.writestr("a/data.pkl", pickled)
    survives(["models", "info", "c.ckpt"], folder)


@pytest.fixture(scope="module")
def raster(folder) -> bytes:
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(
        folder / "whole.tif", "w", driver="GTiff", width=16, height=12, count=1, dtype="uint8",
        crs="EPSG:4326", transform=rasterio.transform.from_origin(5, 46, 0.25, 0.25),
        compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((12, 16), np.uint8), 1)
    return (folder / "whole.tif").read_bytes()


@FUZZ
@given(MUTATION)
def test_rasters_whose_pixels_are_asked_for(folder, survives, raster, small_model, mutation):
    content = mutated(raster, *mutation)
    note("like", content)
    (folder / "like.tif").write_bytes(content)
    survives(["raster", "--like", "like.tif", "--dry-run", "--model", str(small_model)], folder)


@FUZZ
@given(MUTATION)
def test_rasters_as_masks(folder, survives, raster, small_model, mutation):
    content = mutated(raster, *mutation)
    note("mask", content)
    (folder / "mask.tif").write_bytes(content)
    words = ["raster", "--bbox", "5", "45", "6", "46", "--res", "0.5", "--land-mask", "mask.tif"]
    survives([*words, "--model", str(small_model), "-o", "out.tif"], folder, "out.tif")


@FUZZ
@given(
    st.integers(-5, 2**40), st.integers(-5, 2**40), st.lists(st.floats(), min_size=5, max_size=7),
    st.text(max_size=10),
)  # fmt: skip
def test_virtual_rasters_of_any_size(folder, survives, small_model, width, height, numbers, crs):
    note("vrt", width, height, numbers, crs)
    safe = "".join(one for one in crs if one.isalnum())
    (folder / "v.vrt").write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{safe or "EPSG:4326"}</SRS>'
        f"<GeoTransform>{', '.join(map(repr, numbers))}</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>',
        "utf-8",
    )
    survives(["raster", "--like", "v.vrt", "--dry-run", "--model", str(small_model)], folder)


def test_what_was_tried_is_as_much_as_was_asked_for(tried):
    if (asked := int(os.environ.get("SATCLIP_FUZZ") or 0)) >= 50:
        assert len(tried) >= 500, f"{asked} examples of each kind"
    assert len(tried) > 50


def test_the_mutations_do_something():
    whole = b"0123456789"
    assert mutated(whole, [(0.0, 65), (1.0, 66)], 1.0, b"!") == b"A12345678B!"
    assert mutated(whole, [], 0.5, b"") == b"01234"


def test_the_files_that_are_changed_are_good_themselves(folder, commands, tables, raster):
    for name, content in tables.items():
        (Path(folder) / name).write_bytes(content)
        result = commands.run(["points", name, "-o", "-"], cwd=folder)
        assert result.returncode == 0, (name, result.stderr)
    (folder / "like.tif").write_bytes(raster)
    result = commands.run(["raster", "--like", "like.tif", "--dry-run"], cwd=folder)
    assert result.returncode == 0, result.stderr
