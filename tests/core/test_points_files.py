"""GeoJSON, GeoPackage, GeoParquet and shapefiles in any CRS: read back with geopandas."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from satclip_core.errors import InputError, OutputError
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, PointsResult, embed_points

gpd = pytest.importorskip("geopandas")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyogrio")
shapely = pytest.importorskip("shapely")

NAMES = [f"e{index:03d}" for index in range(256)]
PLACES = np.array([(10.5, 47.25), (180, 12), (-180, 12), (77, 90), (23.6, -90), (9, 0)])
SUFFIXES = ("geojson", "gpkg", "parquet")


@pytest.fixture(scope="module")
def encoder(small_model: Path):
    return load_encoder(small_model)


def frame(points=PLACES, crs="EPSG:4326"):
    points = np.asarray(points, float)
    geometry = [None if np.isnan(p).any() else shapely.Point(p) for p in points]
    data = {
        "name": [f"é {index}" if index != 1 else None for index in range(len(points))],
        "count": range(len(points)),
        "share": np.linspace(0, 1, len(points)),
        "when": np.datetime64("2024-05-06T07:08:09", "ms"),
    }
    return gpd.GeoDataFrame(data, geometry=geometry, crs=crs)


def write(table, path: Path) -> Path:
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path)
    return path


def read(path: Path):
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)


def run(encoder, source, target, **options) -> PointsResult:
    return embed_points(encoder, PointsRequest(str(source), str(target), **options))


def values(table, names=NAMES) -> np.ndarray:
    return table[names].to_numpy(np.float32)


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", [*SUFFIXES, "shp"])
def test_rows_columns_crs_and_values(encoder, tmp_path, source, target):
    before = frame()
    written = write(before, tmp_path / f"in.{source}")
    result = run(encoder, written, tmp_path / f"out.{target}")
    after = read(tmp_path / f"out.{target}")
    assert result == PointsResult(len(PLACES), 0, None)
    np.testing.assert_array_equal(values(after), encoder.encode(PLACES))
    assert after.crs == before.crs
    assert [geometry.coords[0] for geometry in after.geometry] == [tuple(p) for p in PLACES]
    kept = [name for name in after.columns if name not in NAMES and name != after.geometry.name]
    # A GeoJSON has ids beside its columns.
    ids = ["fid"] if (source, target) == ("gpkg", "parquet") else []
    assert kept == [*ids, "name", "count", "share", "when"]
    assert after["count"].tolist() == before["count"].tolist()
    assert after["name"].isna().tolist() == before["name"].isna().tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_utm_points_keep_their_crs_and_embed_where_they_are(encoder, tmp_path, suffix):
    lonlat = [(9.2, 45.4), (8.5, 47.1), (11.9, 57.7)]
    before = frame(lonlat).to_crs(32632)
    write(before, tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}")
    after = read(tmp_path / f"out.{suffix}")
    assert after.crs.to_epsg() == 32632
    # Millimetres lost on the way through the projection.
    np.testing.assert_allclose(values(after), encoder.encode(lonlat), atol=1e-5)
    drift = shapely.distance(after.geometry.to_numpy(), before.geometry.to_numpy())
    assert drift.max() < 1e-6


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
def test_a_custom_crs_without_a_code(encoder, tmp_path, suffix):
    laea = "+proj=laea +lat_0=52 +lon_0=10 +datum=WGS84"
    write(frame([(10, 52), (12, 50)]).to_crs(laea), tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.parquet")
    after = gpd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_allclose(values(after), encoder.encode([(10, 52), (12, 50)]), atol=1e-5)
    np.testing.assert_allclose(after.to_crs(4326).geometry.x, [10, 12], atol=1e-9)
    with pytest.raises(OutputError, match="GeoJSON names a CRS by its code"):
        run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.geojson")


@pytest.mark.parametrize("code", ["ESRI:54009", "EPSG:3035", "OGC:CRS84", "EPSG:4258"])
def test_a_crs_of_another_authority_reaches_geojson(encoder, tmp_path, code):
    write(frame([(10, 52)]).to_crs(code), tmp_path / "in.gpkg")
    run(encoder, tmp_path / "in.gpkg", tmp_path / "out.geojson")
    after = gpd.read_file(tmp_path / "out.geojson")
    np.testing.assert_allclose(after.to_crs(4326).geometry.x, [10], atol=1e-7)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_without_a_place_stay_with_nulls(encoder, tmp_path, suffix):
    points = [(10, 50), (np.nan, np.nan), (-10, -50)]
    write(frame(points), tmp_path / f"in.{suffix}")
    result = run(encoder, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}")
    after = read(tmp_path / f"out.{suffix}")
    assert after.geometry.isna().tolist() == [False, True, False]
    assert after[NAMES].isna().all(axis=1).tolist() == [False, True, False]
    np.testing.assert_array_equal(
        values(after.iloc[[0, 2]]), encoder.encode([(10, 50), (-10, -50)])
    )
    assert (result.rows, result.empty) == (3, 1)
    assert "row 2 (no geometry)" in result.warning


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_latitudes_beyond_the_poles_are_unusable(encoder, tmp_path, suffix):
    write(frame([(10, 50), (10, 95)]), tmp_path / f"in.{suffix}")
    result = run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.gpkg")
    assert "row 2 (x 10, y 95)" in result.warning
    with pytest.raises(InputError, match="row 2"):
        run(encoder, tmp_path / f"in.{suffix}", tmp_path / "o.gpkg", strict=True)
    assert not (tmp_path / "o.gpkg").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_array_column_is_a_list_or_json_text(encoder, tmp_path, suffix):
    write(frame([(10, 50), (np.nan, np.nan), (1, 2)]), tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", array="emb")
    if suffix == "geojson":  # not every pyogrio reads lists
        features = json.loads((tmp_path / "out.geojson").read_text())["features"]
        cells = [feature["properties"]["emb"] for feature in features]
    else:
        after = read(tmp_path / f"out.{suffix}")
        assert not set(NAMES) & set(after.columns)
        cells = [json.loads(c) if isinstance(c, str) else c for c in after["emb"]]
    assert cells[1] is None or np.size(cells[1]) == 1
    found = np.array([cells[0], cells[2]], np.float32)
    np.testing.assert_array_equal(found, encoder.encode([(10, 50), (1, 2)]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_float16(encoder, tmp_path, suffix):
    write(frame(), tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", dtype="float16")
    found = values(read(tmp_path / f"out.{suffix}")).astype(np.float16)
    np.testing.assert_array_equal(found, encoder.encode(PLACES).astype(np.float16))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_csv_to_a_layer_of_points(encoder, tmp_path, suffix):
    text = "id,name,lon,lat\n1,a,10,50\n2,b,,\n3,c,-180,-90\n4,d,n/a,7\n"
    (tmp_path / "in.csv").write_text("\ufeff" + text, "utf-8")
    result = run(encoder, tmp_path / "in.csv", tmp_path / f"out.{suffix}")
    after = read(tmp_path / f"out.{suffix}")
    assert after.crs.to_epsg() == 4326
    assert after["id"].tolist() == [1, 2, 3, 4]
    assert [g and g.coords[0] for g in after.geometry] == [(10, 50), None, (-180, -90), None]
    assert after["lon"].isna().tolist() == [False, True, False, True]
    np.testing.assert_array_equal(
        values(after.iloc[[0, 2]]), encoder.encode([(10, 50), (-180, -90)])
    )
    assert (result.rows, result.empty) == (4, 2)
    assert "row 4 (lon 'n/a', lat '7')" in result.warning


def test_projected_csv_becomes_a_layer_in_that_crs(encoder, tmp_path):
    before = frame([(9.2, 45.4)]).to_crs(32632).geometry[0]
    (tmp_path / "in.csv").write_text(f"E;N\n{before.x!r};{before.y!r}\n")
    options = {"crs": "EPSG:32632", "lon_column": "E", "lat_column": "N"}
    run(encoder, tmp_path / "in.csv", tmp_path / "out.gpkg", **options)
    after = gpd.read_file(tmp_path / "out.gpkg")
    assert after.crs.to_epsg() == 32632
    assert after.geometry[0].equals(before)
    np.testing.assert_allclose(values(after), encoder.encode([(9.2, 45.4)]), atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_layer_to_csv_has_lon_and_lat(encoder, tmp_path, suffix):
    pandas = pytest.importorskip("pandas")
    lonlat = [(9.2, 45.4), (np.nan, np.nan)]
    write(frame(lonlat).to_crs(32632), tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.csv")
    after = pandas.read_csv(tmp_path / "out.csv")
    names = [name for name in after.columns if name not in NAMES]
    ids = ["fid"] if suffix == "gpkg" else []
    assert names == [*ids, "name", "count", "share", "when", "lon", "lat"]
    np.testing.assert_allclose(after[["lon", "lat"]].to_numpy(), lonlat, atol=1e-9)
    assert after["name"][0] == "é 0"
    np.testing.assert_allclose(values(after)[:1], encoder.encode(lonlat[:1]), atol=1e-5)


def test_a_plain_parquet_table_stays_one(encoder, tmp_path):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"Lon": [1, 2], "LAT": [3.5, None], "kind": ["a", "b"]})
    table["kind"] = table["kind"].astype("category")
    table.to_parquet(tmp_path / "in.parquet")
    run(encoder, tmp_path / "in.parquet", tmp_path / "out.parquet")
    after = pandas.read_parquet(tmp_path / "out.parquet")
    assert list(after.columns) == ["Lon", "LAT", "kind", *NAMES]
    np.testing.assert_array_equal(values(after)[:1], encoder.encode([(1, 3.5)]))
    run(encoder, tmp_path / "in.parquet", tmp_path / "out.gpkg")
    assert gpd.read_file(tmp_path / "out.gpkg").geometry[0].coords[0] == (1, 3.5)


def test_native_points_of_geoparquet(encoder, tmp_path):
    frame().to_parquet(tmp_path / "in.parquet", geometry_encoding="geoarrow")
    for suffix in SUFFIXES:
        run(encoder, tmp_path / "in.parquet", tmp_path / f"out.{suffix}")
        after = read(tmp_path / f"out.{suffix}")
        np.testing.assert_array_equal(values(after), encoder.encode(PLACES))
        assert after.geometry[0].coords[0] == (10.5, 47.25)


def test_geojson_keeps_nested_properties(encoder, tmp_path):
    feature = {
        "type": "Feature",
        "properties": {"nested": {"a": [1, 2]}, "list": [1, 2, 3], "text": "x"},
        "geometry": {"type": "Point", "coordinates": [10, 50, 300]},
    }
    collection = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "in.geojson").write_text(json.dumps(collection))
    run(encoder, tmp_path / "in.geojson", tmp_path / "out.geojson")
    after = json.loads((tmp_path / "out.geojson").read_text())["features"][0]
    assert {k: v for k, v in after["properties"].items() if k not in NAMES} == (
        feature["properties"]
    )
    assert after["geometry"]["coordinates"] == [10, 50, 300]


def test_feature_ids_of_a_geopackage_are_kept(encoder, tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    if pyogrio.__gdal_version__ < (3, 10, 1):
        pytest.skip("this GDAL cannot write feature ids from Arrow (OSGeo/gdal #11527)")
    write(frame(), tmp_path / "in.gpkg")
    fids = [2, 5]
    kept = pyogrio.read_dataframe(tmp_path / "in.gpkg", fids=fids, fid_as_index=True)
    table = pa.Table.from_batches(
        [pyogrio.read_arrow(tmp_path / "in.gpkg", fids=fids, return_fids=True)[1].to_batches()[0]]
    )
    pyogrio.write_arrow(
        table, tmp_path / "gaps.gpkg", driver="GPKG", geometry_name="geom",
        geometry_type="Point", crs="EPSG:4326",
    )  # fmt: skip
    run(encoder, tmp_path / "gaps.gpkg", tmp_path / "out.gpkg")
    after = pyogrio.read_dataframe(tmp_path / "out.gpkg", fid_as_index=True)
    assert after.index.tolist() == fids
    assert after["name"].tolist() == kept["name"].tolist()


def test_a_column_called_fid_does_not_disturb_a_geopackage(encoder, tmp_path):
    (tmp_path / "in.csv").write_text("fid,lon,lat\n7,1,2\n7,3,4\nx,5,6\n")
    run(encoder, tmp_path / "in.csv", tmp_path / "out.gpkg")
    assert gpd.read_file(tmp_path / "out.gpkg")["fid"].tolist() == ["7", "7", "x"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_called_geom_does_not_disturb_a_geopackage(encoder, tmp_path, suffix):
    """As in exports of PostGIS; GDAL would call the new geometry so."""
    if suffix == "csv":
        (tmp_path / "in.csv").write_text("geom,lon,lat\n0101,1,2\n0102,3,4\n")
    else:
        points = shapely.points([(1, 2), (3, 4)])
        write(
            gpd.GeoDataFrame({"geom": [101, 102]}, geometry=points, crs=4326),
            tmp_path / "in.parquet",
        )
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.gpkg")
    after = gpd.read_file(tmp_path / "out.gpkg")
    assert [int(value) for value in after["geom"]] == [101, 102]
    assert [point.coords[0] for point in after.geometry] == [(1, 2), (3, 4)]


@pytest.mark.parametrize("target", ["csv", "gpkg", "parquet"])
@pytest.mark.parametrize("source", ["gpkg", "parquet"])
def test_an_empty_point_is_a_row_without_a_place(encoder, tmp_path, source, target):
    geometry = [shapely.Point(1, 2), shapely.Point(), shapely.MultiPoint()]
    write(
        gpd.GeoDataFrame({"a": [1, 2, 3]}, geometry=geometry, crs=4326), tmp_path / f"in.{source}"
    )
    result = run(encoder, tmp_path / f"in.{source}", tmp_path / f"out.{target}", centroid=True)
    assert (result.rows, result.empty) == (3, 2)
    assert "row 2 (an empty geometry)" in str(result.warning)


def test_lines_and_polygons_need_centroid(encoder, tmp_path):
    square = shapely.box(10, 50, 12, 52)
    table = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.Point(1, 2), square], crs=4326)
    write(table, tmp_path / "in.gpkg")
    with pytest.raises(InputError, match="row 2 is a Polygon, not a point: centroid=True"):
        run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()
    run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg", centroid=True)
    after = read(tmp_path / "out.gpkg")
    np.testing.assert_array_equal(values(after), encoder.encode([(1, 2), (11, 51)]))
    assert after.geometry[1].equals(square)


def test_a_multipoint_of_one_point_is_a_point(encoder, tmp_path):
    table = gpd.GeoDataFrame(geometry=[shapely.MultiPoint([(1, 2)])], crs=4326)
    write(table, tmp_path / "in.gpkg")
    run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg")
    np.testing.assert_array_equal(values(read(tmp_path / "out.gpkg")), encoder.encode([(1, 2)]))


@pytest.mark.parametrize("suffix", ["gpkg", "parquet", "shp"])
def test_a_file_without_a_crs_asks_for_it(encoder, tmp_path, suffix):
    write(frame([(10, 50)], crs=None), tmp_path / f"in.{suffix}")
    with pytest.raises(InputError, match="does not say its CRS: give it"):
        run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.gpkg")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / "out.gpkg", crs="EPSG:4326")
    np.testing.assert_array_equal(values(read(tmp_path / "out.gpkg")), encoder.encode([(10, 50)]))


def test_a_second_crs_is_refused(encoder, tmp_path):
    write(frame(), tmp_path / "in.gpkg")
    with pytest.raises(InputError, match="CRS of its own: leave crs='EPSG:32632' out"):
        run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg", crs="EPSG:32632")


def test_layers_are_chosen_by_name(encoder, tmp_path):
    frame([(1, 2)]).to_file(tmp_path / "in.gpkg", layer="one")
    frame([(3, 4)]).to_file(tmp_path / "in.gpkg", layer="two")
    with pytest.raises(InputError, match="2 layers: choose one by layer: 'one', 'two'"):
        run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg")
    with pytest.raises(InputError, match="no layer 'six': 'one', 'two'"):
        run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg", layer="six")
    run(encoder, tmp_path / "in.gpkg", tmp_path / "out.gpkg", layer="two")
    np.testing.assert_array_equal(values(read(tmp_path / "out.gpkg")), encoder.encode([(3, 4)]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_and_foreign_files_are_named(encoder, tmp_path, suffix):
    write(frame(), tmp_path / f"in.{suffix}")
    whole = (tmp_path / f"in.{suffix}").read_bytes()
    contents = {"cut": whole[: len(whole) // 2], "empty": b"", "foreign": b"\x00\x01nothing" * 99}
    for kind, content in contents.items():
        source = tmp_path / f"{kind}.{suffix}"
        source.write_bytes(content)
        with pytest.raises(InputError, match=f"{kind}.{suffix}") as caught:
            run(encoder, source, tmp_path / "out.gpkg")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.gpkg").exists()
    with pytest.raises(InputError, match="there is no"):
        run(encoder, tmp_path / f"missing.{suffix}", tmp_path / "out.gpkg")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_already_there_and_empty_layers(encoder, tmp_path, suffix):
    write(frame(), tmp_path / f"in.{suffix}")
    run(encoder, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}")
    with pytest.raises(InputError, match="already has 'e000'"):
        run(encoder, tmp_path / f"out.{suffix}", tmp_path / f"twice.{suffix}")
    run(encoder, tmp_path / f"out.{suffix}", tmp_path / f"twice.{suffix}", prefix="f")
    assert "f255" in read(tmp_path / f"twice.{suffix}").columns
    write(frame().iloc[:0], tmp_path / f"none.{suffix}")
    result = run(encoder, tmp_path / f"none.{suffix}", tmp_path / f"empty.{suffix}")
    assert (result.rows, bool(result.warning)) == (0, True)
    assert len(read(tmp_path / f"empty.{suffix}")) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_more_rows_than_a_batch(encoder, tmp_path, suffix, monkeypatch):
    for module in ("layers", "geoparquet"):
        monkeypatch.setattr(f"satclip_core.points.{module}.ROWS", 4_000)
    points = np.random.default_rng(2).uniform((-180, -90), (180, 90), (9_000, 2))
    write(frame(points), tmp_path / f"in.{suffix}")
    seen: list[tuple[int, int]] = []
    embed_points(
        encoder,
        PointsRequest(
            str(tmp_path / f"in.{suffix}"), str(tmp_path / "out.parquet"), array="v", exact=True
        ),
        progress=lambda done, total: seen.append((done, total)),
    )
    table = gpd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(np.stack(table["v"]), encoder.encode(points))
    assert len(seen) >= 2
    assert seen[-1] == (9_000, 9_000)


def test_an_interrupt_before_the_first_batch_is_one(tmp_path, monkeypatch):
    """Ctrl-C while GDAL makes the file: Python raises it where GDAL asks for the first batch."""
    from satclip_core.points import writers

    def made_slowly(path, layout, batches):
        try:
            batches.throw(KeyboardInterrupt)
        except KeyboardInterrupt:
            raise RuntimeError("Error while accessing batch from stream.") from None

    monkeypatch.setattr(writers, "_write_ogr", made_slowly)
    with pytest.raises(KeyboardInterrupt):
        writers.write_table(tmp_path / "out.gpkg", SimpleNamespace(kind="GPKG"), iter([]))


def test_an_interrupt_in_the_middle_leaves_nothing(encoder, tmp_path):
    points = np.random.default_rng(2).uniform((-180, -90), (180, 90), (9_000, 2))
    write(frame(points), tmp_path / "in.parquet")

    def interrupt(done: int, total: int) -> None:
        if done > 8192:
            raise KeyboardInterrupt

    for suffix in SUFFIXES:
        request = PointsRequest(str(tmp_path / "in.parquet"), str(tmp_path / f"out.{suffix}"))
        with pytest.raises(KeyboardInterrupt):
            embed_points(encoder, request, progress=interrupt)
        assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_codes_in_a_csv_stay_text_and_numbers_numbers(encoder, tmp_path, suffix):
    """Columns that a number would not keep: leading zeros, hex, telephones, 20 digits, Namibia."""
    (tmp_path / "in.csv").write_text(
        "lon,lat,zip,hex,phone,hash,iso,big,share,day,flag,gap\n"
        "1,2,01234,0x1F,+41791234567,12345678901234567890,NA,9007199254740993,0.5,2024-01-05,true,\n"
        "3,4,99999,0x20,+41791234568,1,NA,9223372036854775807,-1e3,2024-01-06,false,7\n"
    )
    run(encoder, tmp_path / "in.csv", tmp_path / f"out.{suffix}")
    after = read(tmp_path / f"out.{suffix}")
    assert after["zip"].tolist() == ["01234", "99999"]
    assert after["hex"].tolist() == ["0x1F", "0x20"]
    assert after["phone"].tolist() == ["+41791234567", "+41791234568"]
    assert after["hash"].tolist() == ["12345678901234567890", "1"]
    assert after["iso"].tolist() == ["NA", "NA"]
    assert after["big"].tolist() == [9007199254740993, 9223372036854775807]
    assert after["share"].tolist() == [0.5, -1000]
    assert [str(day)[:10] for day in after["day"]] == ["2024-01-05", "2024-01-06"]
    assert after["flag"].tolist() == [True, False]
    assert after["gap"].isna().tolist() == [True, False]


@pytest.mark.parametrize("stream", [False, True])
def test_a_type_that_changes_late_in_a_csv(encoder, tmp_path, monkeypatch, stream):
    """Types were guessed from the first 4 MB; a table whose last row differed was refused."""
    rows = [
        f"{index % 180},{index % 90},{index},,{index},10:{index % 60:02d}" for index in range(90)
    ]
    rows = [f"{row},{'x' * 50_000}" for row in rows] + ["1,2,1.5,text,007,late,z"]
    (tmp_path / "in.csv").write_text("\n".join(["lon,lat,float,empty,code,time,note", *rows]))
    with open(tmp_path / "in.csv") as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        source = "-" if stream else tmp_path / "in.csv"
        run(encoder, source, tmp_path / "out.parquet", array="v")
    after = gpd.read_parquet(tmp_path / "out.parquet")
    assert after["float"].tolist() == [*map(float, range(90)), 1.5]
    assert after["empty"].tolist() == [*[""] * 90, "text"]
    assert after["code"].tolist() == [*map(str, range(90)), "007"]
    assert after["time"].tolist()[-2:] == ["10:29", "late"]


@pytest.mark.parametrize("suffix", ["csv", *SUFFIXES])
def test_a_csv_that_ends_within_quotes_is_refused(encoder, tmp_path, suffix):
    """A truncated file: its last rows came out as one field of the row before."""
    (tmp_path / "in.csv").write_text('lon,lat,note\n1,2,"lost\n3,4,too\n')
    with pytest.raises(InputError, match="truncated or malformed"):
        run(encoder, tmp_path / "in.csv", tmp_path / f"out.{suffix}")
    assert not (tmp_path / f"out.{suffix}").exists()


@pytest.mark.parametrize("suffix", ["csv", "gpkg"])
def test_a_long_field_of_a_csv(encoder, tmp_path, suffix):
    """An outline as WKT; the csv module takes 131,072 characters if it is not told otherwise."""
    outline = f"POLYGON(({'1 2,' * 50_000}1 2))"
    (tmp_path / "in.csv").write_text(f'lon,lat,wkt\n1,2,"{outline}"\n')
    run(encoder, tmp_path / "in.csv", tmp_path / f"out.{suffix}")
    if suffix == "csv":
        assert outline in (tmp_path / "out.csv").read_text()
    else:
        assert read(tmp_path / "out.gpkg")["wkt"].tolist() == [outline]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_csv_that_can_be_read_only_once(encoder, tmp_path):
    """A named pipe: types are settled before rows are read, so it has to be kept."""
    os.mkfifo(tmp_path / "pipe.csv")
    text = "lon,lat,a\n1,2,3\n"
    writer = threading.Thread(target=(tmp_path / "pipe.csv").write_text, args=(text,))
    writer.start()
    run(encoder, tmp_path / "pipe.csv", tmp_path / "out.gpkg")
    writer.join()
    assert read(tmp_path / "out.gpkg")["a"].tolist() == [3]


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
def test_a_table_says_what_its_numbers_are_of(tmp_path, small_model, suffix):
    """CSV has no room for it."""
    pytest.importorskip("pyogrio")
    source, target = tmp_path / "in.csv", tmp_path / f"out.{suffix}"
    source.write_text("lon,lat\n7.5,46.2\n")
    encoder = load_encoder(str(small_model))
    embed_points(encoder, PointsRequest(str(source), str(target)))
    if suffix == "parquet":
        from pyarrow import parquet

        said = parquet.read_schema(target).metadata[b"description"].decode()
    elif suffix == "gpkg":
        with closing(sqlite3.connect(target)) as base:
            (said,) = base.execute("SELECT description FROM gpkg_contents").fetchone()
    else:
        said = json.loads(target.read_text("utf-8"))["description"]
    facts = dict(line.split(": ", 1) for line in said.splitlines())
    assert facts["model"] == encoder.name
    assert facts["weights_sha256"] == hashlib.sha256(small_model.read_bytes()).hexdigest()
    assert facts["software"].startswith("satclip-embeddings ")
