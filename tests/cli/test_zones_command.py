"""`satclip zones` as a real process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from forked import Commands, Run

geopandas = pytest.importorskip("geopandas", reason="geopandas is not installed (extra points)")
shapely = pytest.importorskip("shapely")

from satclip_core.grid.wkb import Shape  # noqa: E402
from satclip_core.models.registry import load_encoder  # noqa: E402
from satclip_core.points import ZoneEmbedder  # noqa: E402

ZONES = [
    shapely.box(7, 45, 12, 47),
    shapely.MultiPolygon([shapely.box(20, -3, 24, 0), shapely.box(26, -2, 27, -1)]),
    shapely.LineString([(5, 45), (12, 48)]),
    None,
    shapely.box(-40, 30, -39, 31),
]


@pytest.fixture
def satclip(commands: Commands) -> Run:
    """Run `satclip` with some words."""
    return lambda *args: commands.run(list(map(str, args)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    frame = geopandas.GeoDataFrame({"name": list("abcde")}, geometry=ZONES, crs=4326)
    frame.to_file(tmp_path / "in.gpkg")
    return tmp_path / "in.gpkg"


def expected(small_model, **options):
    shapes = [None if zone is None else Shape.of(shapely.to_wkb(zone)) for zone in ZONES]
    return ZoneEmbedder(load_encoder(small_model), **options)(shapes)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet", "csv"])
def test_every_format_holds_what_the_core_gives(satclip, small_model, table, suffix):
    import pandas

    target = table.with_name(f"out.{suffix}")
    done = satclip("zones", table, "-o", target, "--model", small_model, "--dims", 3)
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 of 5 rows have no place to embed and got empty values: row 4 (no geometry)" in (
        done.stderr
    )
    assert f"{target}: 5 rows with 3 dimensions" in done.stderr
    read = {"csv": pandas.read_csv, "parquet": geopandas.read_parquet}
    after = read.get(suffix, geopandas.read_file)(target)
    assert after["name"].tolist() == list("abcde")
    want = expected(small_model)
    names = ["e000", "e001", "e002"]
    np.testing.assert_allclose(after[names].astype(float), want.means[:, :3], rtol=1e-6)
    for name in ("area_km2", "length_km", "spread"):
        np.testing.assert_allclose(after[name].astype(float), getattr(want, name), rtol=2e-6)
    pixels = np.where(want.pixels > 0, want.pixels, np.nan)
    np.testing.assert_array_equal(after["pixels"].astype(float), pixels)
    if suffix != "csv":
        assert [g is None or g.equals(z) for g, z in zip(after.geometry, ZONES)] == [True] * 5


def test_options_reach_the_zones(satclip, small_model, table):
    target = table.with_name("out.gpkg")
    done = satclip(
        *("zones", table, "-o", target, "--model", small_model, "--array", "embedding"),
        *("--land", "--res", 0.5, "--normalize", "--prefix", "z_"),
    )
    assert done.returncode == 0, done.stderr
    assert "row 5 (about x -39.5, y 30.5)" in done.stderr
    after = geopandas.read_file(target)
    from satclip_core.grid.land import land_mask

    want = expected(small_model, res=0.5, mask=land_mask())
    found = json.loads(after["embedding"][0])
    np.testing.assert_allclose(found, want.means[0] / np.linalg.norm(want.means[0]), rtol=1e-5)
    assert after["z_pixels"][:3].tolist() == want.pixels[:3].tolist()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--res", -1), "res -1 is not above 0"),
        (("--dims", 300), "give --dims from 1 to 256"),
        (("--crs", "EPSG:3857"), "has a CRS of its own: leave --crs EPSG:3857 out"),
        (("--strict",), "no place to embed in row 4 (no geometry); without --strict"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    satclip, small_model, table, args, message
):
    target = table.with_name("out.gpkg")
    done = satclip("zones", table, "-o", target, "--model", small_model, *args)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not target.exists()


def test_tables_without_shapes_and_columns_that_are_there(satclip, small_model, table, tmp_path):
    (tmp_path / "in.csv").write_text("name,size\na,2\n")
    done = satclip("zones", tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--model", small_model)
    assert done.returncode == 1
    assert "has no geometries: give a layer of polygons or lines" in done.stderr
    frame = geopandas.read_file(table)
    frame["Spread"] = 1.0
    frame.to_file(tmp_path / "again.gpkg")
    words = ("zones", tmp_path / "again.gpkg", "-o", tmp_path / "out.gpkg", "--model", small_model)
    done = satclip(*words)
    assert "already has 'spread'" in done.stderr
    assert "--prefix new_" in done.stderr


def test_an_edge_round_the_earth_is_said(satclip, small_model, tmp_path):
    wide = shapely.Polygon([(170, 0), (-170, 0), (-170, 10), (170, 10)])
    geopandas.GeoDataFrame(geometry=[wide], crs=4326).to_file(tmp_path / "in.geojson")
    words = (tmp_path / "in.geojson", "-o", tmp_path / "out.csv", "--model", small_model)
    done = satclip("zones", *words)
    assert done.returncode == 0
    assert "1 zone has an edge across more than half of the Earth" in done.stderr
