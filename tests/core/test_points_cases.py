"""Files that people really have: those of public bug reports, and others of their kinds.

The files themselves lie outside the repository (shared/cases beside it) and are tried where they
are; equals of each are made here, so that every fault stays mended elsewhere too.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import logging
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError, OutputError
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, SamplesRequest, embed_points, read_samples

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pyogrio = pytest.importorskip("pyogrio")
gpd = pytest.importorskip("geopandas")
shapely = pytest.importorskip("shapely")

TARGETS = ("csv", "gpkg", "geojson", "parquet")


@pytest.fixture(scope="module", name="encoder")
def _encoder(small_model: Path):
    return load_encoder(small_model)


def run(encoder, source, target, **options):
    request = PointsRequest(str(source), str(target), array="embedding", **options)
    return embed_points(encoder, request)


@pytest.fixture(name="case")
def _case(request):
    """From the name of a reported file to its path; skips where they are not."""
    return lambda name: request.getfixturevalue("shared_cases") / name


def properties(path: Path, delimiter: str = ",") -> list[dict]:
    """Rows of a result without this project: attributes and embedding, as plain values."""
    if path.suffix == ".gpkg":
        with closing(sqlite3.connect(path)) as base:
            base.row_factory = sqlite3.Row
            (name,) = base.execute("select table_name from gpkg_contents").fetchone()
            rows = [dict(row) for row in base.execute(f'select * from "{name}"')]
    elif path.suffix == ".geojson":
        rows = [f["properties"] for f in json.loads(path.read_text("utf-8"))["features"]]
    elif path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    else:
        text = path.read_text("utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    for row in rows:
        if isinstance(row["embedding"], str):
            row["embedding"] = json.loads(row["embedding"])
    return rows


def check(encoder, rows: list[dict], places) -> None:
    found = np.array([row["embedding"] for row in rows], np.float32)
    np.testing.assert_array_equal(found, encoder.encode(places))


# Tables whose quotes are text.

GBIF = (
    "gbifID\tlocality\tdecimalLatitude\tdecimalLongitude\n"
    "1\tplain\t45.25\t5.5\n"
    '2\t"Bridge, left bank\t46.25\t6.5\n'
    '3\tpipe 12"\t47.25\t7.5\n'
    "4\tplain\t48.25\t8.5\n"
)
GBIF_PLACES = [(5.5, 45.25), (6.5, 46.25), (7.5, 47.25), (8.5, 48.25)]
GBIF_LOCALITIES = ["plain", '"Bridge, left bank', 'pipe 12"', "plain"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal", "standard input"])
def test_a_download_of_gbif_is_whole(encoder, case, tmp_path, monkeypatch, target, made):
    source: Path | str = tmp_path / "in.csv"
    (tmp_path / "in.csv").write_text(GBIF)
    if made == "case":
        source = case("gbif3.csv")
    elif made == "standard input":  # read more than once, though it cannot be
        piped = io.BufferedReader(OnlyForward(GBIF.encode()))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(piped))
        source = "-"
    result = run(encoder, source, tmp_path / f"out.{target}")
    rows = properties(tmp_path / f"out.{target}", "\t")
    assert (result.rows, result.empty) == (4, 0)
    assert [row["locality"] for row in rows] == GBIF_LOCALITIES
    check(encoder, rows, GBIF_PLACES)


class OnlyForward(io.RawIOBase):
    """A stream like a pipe."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._data.readinto(buffer)


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        (['"a\t1\t2', 'b"\t3\t4'], ['"a', 'b"']),  # swallowed rows
        (['"a" inn\t1\t2', "b\t3\t4"], ['"a" inn', "b"]),  # closed within the field
        (["a\t1\t2", '"b\t3\t4'], ["a", '"b']),  # never closed
        (['"a\t1\t2', 'b\t3\t4"'], ['"a', "b"]),
        (['""a\t1\t2', "b\t3\t4"], ['""a', "b"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tabs_with_stray_quotes_are_read_without_quoting(encoder, tmp_path, lines, notes, end):
    (tmp_path / "in.txt").write_bytes((end.join(["note\tlon\tlat", *lines]) + end).encode())
    run(encoder, tmp_path / "in.txt", tmp_path / "out.parquet")
    rows = properties(tmp_path / "out.parquet")
    assert [row["note"] for row in rows] == notes
    check(encoder, rows[:1], [(1, 2)])


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ('note\tlon\tlat\n"a\tb"\t1\t2\n', ["a\tb"]),
        ('note\tlon\tlat\n"two\nlines"\t1\t2\n', ["two\nlines"]),
        ('note\tlon\tlat\n"say ""a"""\t1\t2\n', ['say "a"']),
    ],
)
def test_tabs_with_sound_quotes_are_read_with_quoting(encoder, tmp_path, text, notes):
    (tmp_path / "in.tsv").write_text(text)
    run(encoder, tmp_path / "in.tsv", tmp_path / "out.parquet")
    assert [row["note"] for row in properties(tmp_path / "out.parquet")] == notes


SWALLOWED = 'note,lon,lat\nplain,1,2\n"Bridge,3,4\npipe 12",5,6\nplain,7,8\n'


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize("target", ["csv", "gpkg"])
def test_quotes_that_swallow_rows_are_refused_by_line(encoder, tmp_path, delimiter, target):
    source = tmp_path / "in.csv"
    source.write_text(SWALLOWED.replace(",", delimiter))
    with pytest.raises(InputError, match=r"line 3: a quote opens.*line 4.*quoting='none'"):
        run(encoder, source, tmp_path / f"out.{target}")
    assert not (tmp_path / f"out.{target}").exists()
    run(encoder, source, tmp_path / f"out.{target}", quoting="none")
    rows = properties(tmp_path / f"out.{target}", delimiter)
    assert [row["note"] for row in rows] == ["plain", '"Bridge', 'pipe 12"', "plain"]
    check(encoder, rows, [(1, 2), (3, 4), (5, 6), (7, 8)])
    run(encoder, source, tmp_path / f"held.{target}", quoting="double")
    rows = properties(tmp_path / f"held.{target}", delimiter)
    assert [row["note"] for row in rows][1] == "Bridge,3,4\npipe 12".replace(",", delimiter)
    check(encoder, rows, [(1, 2), (5, 6), (7, 8)])


def test_a_row_that_quotes_make_too_short_says_where_they_begin(encoder, tmp_path):
    (tmp_path / "in.csv").write_text('lon,lat,note\n1,2,a\n3,"4,b\n5,6,c\n7,8",d\n9,9,e\n')
    with pytest.raises(InputError, match=r"line 3: a quote opens here"):
        run(encoder, tmp_path / "in.csv", tmp_path / "out.csv")
    (tmp_path / "in.csv").write_text('lon,lat,note\n1,2,a\n3,"4,b\n5,6\n8"\n9,9,e\n')
    with pytest.raises(InputError, match=r"2 \(line 5\).*since line 3; .*quoting='none'"):
        run(encoder, tmp_path / "in.csv", tmp_path / "out.csv", quoting="double")


def test_text_of_several_lines_is_no_swallowed_row(encoder, tmp_path):
    (tmp_path / "in.csv").write_text('lon,lat,note\n1,2,"dear all,\nthis, and that,\n\nyours"\n')
    run(encoder, tmp_path / "in.csv", tmp_path / "out.parquet")
    (row,) = properties(tmp_path / "out.parquet")
    assert row["note"] == "dear all,\nthis, and that,\n\nyours"


def test_quoting_is_one_of_three():
    with pytest.raises(InputError, match="quoting 'R' is none of auto, double, none"):
        PointsRequest("in.csv", "out.csv", quoting="R")


def test_samples_are_read_without_quoting_too(tmp_path):
    rows = "".join(f'"n{i}\t{i}\t{i}\t{i}.5\n' for i in range(6))
    (tmp_path / "in.tsv").write_text("note\tlon\tlat\tv\n" + rows)
    samples = read_samples(SamplesRequest(str(tmp_path / "in.tsv"), "v"))
    assert samples.values.tolist() == [i + 0.5 for i in range(6)]
    commas = (tmp_path / "in.tsv").read_text().replace("\t", ",")
    (tmp_path / "in.csv").write_text(commas)
    with pytest.raises(InputError, match="quoting='none'"):
        read_samples(SamplesRequest(str(tmp_path / "in.csv"), "v"))
    request = SamplesRequest(str(tmp_path / "in.csv"), "v", quoting="none")
    assert len(read_samples(request)) == 6


# Other ways to write a CSV.


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal"])
def test_line_breaks_in_a_header(encoder, case, tmp_path, target, made):
    (tmp_path / "in.csv").write_text('"lon\n(deg)";"lat\n(deg)";name\n5,5;45,25;a\n')
    source = case("hdrnl.csv") if made == "case" else tmp_path / "in.csv"
    run(encoder, source, tmp_path / f"out.{target}")
    rows = properties(tmp_path / f"out.{target}", ";")
    check(encoder, rows, [(5.5, 45.25)])
    assert rows[0]["name"] == "a"
    named = {"lon_column": "lon (deg)", "lat_column": "LAT"}
    run(encoder, source, tmp_path / f"named.{target}", **named)
    check(encoder, properties(tmp_path / f"named.{target}", ";"), [(5.5, 45.25)])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal"])
def test_decimal_commas_between_commas(encoder, case, tmp_path, target, made):
    (tmp_path / "in.csv").write_text('lon,lat,name\n"5,5","45,25",a\n"6,5","46,25",b\n')
    source = case("quoted_decimal_comma.csv") if made == "case" else tmp_path / "in.csv"
    run(encoder, source, tmp_path / f"out.{target}")
    check(encoder, properties(tmp_path / f"out.{target}"), [(5.5, 45.25), (6.5, 46.25)])


@pytest.mark.parametrize(
    ("text", "crs", "lonlat"),
    [
        ('"−5,500","45,250"', None, (-5.5, 45.25)),  # no longitude has thousands
        ('"5,5","45.25"', None, (5.5, 45.25)),
        ('" 5,5 ","+45,25"', None, (5.5, 45.25)),
    ],
)
def test_what_a_decimal_comma_is(encoder, tmp_path, text, crs, lonlat):
    (tmp_path / "in.csv").write_text(f"lon,lat\n{text}\n")
    run(encoder, tmp_path / "in.csv", tmp_path / "out.csv", crs=crs)
    check(encoder, properties(tmp_path / "out.csv"), [lonlat])


@pytest.mark.parametrize("text", ['"500,000"', '"1,500,000"', '"5,5,5"', '"500,000.5"'])
def test_thousands_are_not_guessed_at(encoder, tmp_path, text):
    (tmp_path / "in.csv").write_text(f"x,y\n{text},5000000\n")
    with pytest.raises(InputError, match="none of the 1 rows"):
        run(encoder, tmp_path / "in.csv", tmp_path / "out.csv", crs="EPSG:32632")


def test_samples_with_decimal_commas_between_commas(tmp_path):
    rows = "".join(f'"{i},5","4{i},25","{i},75"\n' for i in range(6))
    (tmp_path / "in.csv").write_text("lon,lat,v\n" + rows)
    samples = read_samples(SamplesRequest(str(tmp_path / "in.csv"), "v"))
    assert samples.values.tolist() == [i + 0.75 for i in range(6)]
    assert samples.lonlat[:, 0].tolist() == [i + 0.5 for i in range(6)]


@pytest.mark.parametrize("sign", ["−", "–", "‐", "－"])
def test_signs_that_mean_minus(encoder, tmp_path, sign):
    (tmp_path / "in.csv").write_text(f"lon,lat\n{sign}5.5,{sign}45.25\n", "utf-8")
    run(encoder, tmp_path / "in.csv", tmp_path / "out.csv")
    check(encoder, properties(tmp_path / "out.csv"), [(-5.5, -45.25)])
    rows = "".join(f"{i},{i},{sign}{i}.5\n" for i in range(6))
    (tmp_path / "samples.csv").write_text("lon,lat,v\n" + rows, "utf-8")
    samples = read_samples(SamplesRequest(str(tmp_path / "samples.csv"), "v"))
    assert samples.values.tolist() == [-i - 0.5 for i in range(6)]


@pytest.mark.parametrize("said", ["sep=;\n", '"sep=;"\r\n', "SEP=|\n", "sep=\t\n"])
def test_a_first_line_that_says_the_delimiter(encoder, tmp_path, said):
    delimiter = said.strip('"\r\n ').removesuffix('"')[-1] if "\t" not in said else "\t"
    # A comma in the header would win otherwise.
    text = f"lon{delimiter}lat{delimiter}a,b,c,d\n1{delimiter}2{delimiter}x\n"
    (tmp_path / "in.csv").write_bytes((said + text).encode())
    run(encoder, tmp_path / "in.csv", tmp_path / "out.parquet")
    (row,) = properties(tmp_path / "out.parquet")
    assert row["a,b,c,d"] == "x"
    check(encoder, [row], [(1, 2)])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"","lon","lat"\n"a",1,2\n"b",3,4\n', ["a", "b"]),
        ('"lon","lat"\n"a",1,2\n"b",3,4\n', ["a", "b"]),
        ('"lon"\t"lat"\n"1"\t1\t2\n"2"\t3\t4\n', ["1", "2"]),
        ('"lon" "lat"\n"Mazda RX4" 1 2\n"b" 3 4\n', ["Mazda RX4", "b"]),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_row_names_of_r(encoder, tmp_path, text, names, target):
    (tmp_path / "in.csv").write_text(text)
    run(encoder, tmp_path / "in.csv", tmp_path / f"out.{target}")
    delimiter = next(d for d in "\t, " if d in text.splitlines()[0])
    rows = properties(tmp_path / f"out.{target}", delimiter)
    key = next(name for name in ("row_name", "column_1", "") if name in rows[0])
    assert [str(row[key]) for row in rows] == names
    check(encoder, rows, [(1, 2), (3, 4)])


def test_a_field_too_many_is_no_row_name_without_quotes(encoder, tmp_path):
    (tmp_path / "in.csv").write_text("lon,lat\n1,2,3\n")
    with pytest.raises(InputError, match="has 3 fields where the header has 2"):
        run(encoder, tmp_path / "in.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("target", ["gpkg", "parquet"])
def test_columns_of_one_name_are_numbered(encoder, tmp_path, target):
    """Formats in which a column has a name of its own; no name that is there is taken."""
    (tmp_path / "in.csv").write_text("lon,lat,h,h,h_2,h\n1,2,3,4,5,6\n")
    result = run(encoder, tmp_path / "in.csv", tmp_path / f"out.{target}")
    (row,) = properties(tmp_path / f"out.{target}")
    assert [row[name] for name in ("h", "h_3", "h_2", "h_4")] == [3, 4, 5, 6]
    assert "columns of one name were numbered: 'h_3', 'h_4'" in result.notes


def test_columns_without_names_become_columns_of_their_place(encoder, tmp_path):
    (tmp_path / "in.csv").write_text("lon,lat,,\n1,2,a,b\n")
    run(encoder, tmp_path / "in.csv", tmp_path / "out.gpkg")
    (row,) = properties(tmp_path / "out.gpkg")
    assert (row["column_3"], row["column_4"]) == ("a", "b")


# Values that a format narrows.


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal"])
def test_ids_of_64_bits_keep_their_digits(encoder, case, tmp_path, target, made):
    cells = [617700169958293503, 9926595690882924545]
    table = pa.table({"lon": [7.0, 8.0], "lat": [45.0, 46.0], "cell": pa.array(cells, pa.uint64())})
    pq.write_table(table, tmp_path / "in.parquet")
    source = case("uint64.parquet") if made == "case" else tmp_path / "in.parquet"
    result = run(encoder, source, tmp_path / f"out.{target}")
    rows = properties(tmp_path / f"out.{target}")
    assert [str(row["cell"]) for row in rows] == [str(cell) for cell in cells]
    assert any("'cell'" in note for note in result.notes) == (target in ("gpkg", "geojson"))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal"])
def test_times_stay_the_same_instants(encoder, case, tmp_path, target, made):
    utc = [dt.datetime(2024, 7, 1, 12), dt.datetime(2024, 1, 1, 12)]
    zones = {"paris": "Europe/Paris", "plus2": "+02:00", "kath": "+05:45", "utc": "UTC"}
    data = {"lon": [7.0, 8.0], "lat": [45.0, 46.0]}
    data.update({name: pa.array(utc, pa.timestamp("us", zone)) for name, zone in zones.items()})
    data["naive"] = pa.array(utc, pa.timestamp("us"))
    pq.write_table(pa.table(data), tmp_path / "in.parquet")
    source = case("named_zone.parquet") if made == "case" else tmp_path / "in.parquet"
    run(encoder, source, tmp_path / f"out.{target}")
    for row, instant in zip(properties(tmp_path / f"out.{target}"), utc):
        assert parsed(row["naive"]) == instant
        for name in zones:
            found = parsed(row[name])
            assert found.astimezone(dt.timezone.utc).replace(tzinfo=None) == instant, name
        offsets = [parsed(row[name]).utcoffset() for name in ("plus2", "kath", "utc")]
        assert offsets == [dt.timedelta(hours=2), dt.timedelta(hours=5, minutes=45), dt.timedelta()]


def parsed(value) -> dt.datetime:
    """ISO 8601, also with the Z that Python 3.9 does not read."""
    return (
        dt.datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("made", ["case", "equal"])
def test_ids_and_offsets_of_a_geojson(encoder, case, tmp_path, target, made):
    def feature(index):
        return {
            "type": "Feature",
            "id": 1000 + index,
            "properties": {"t": f"2020-01-01T{8 + index:02d}:00:00-05:00", "k": index},
            "geometry": {"type": "Point", "coordinates": [index, index]},
        }

    whole = {"type": "FeatureCollection", "features": [feature(1), feature(2)]}
    (tmp_path / "in.geojson").write_text(json.dumps(whole))
    source = case("tzone.geojson") if made == "case" else tmp_path / "in.geojson"
    run(encoder, source, tmp_path / f"out.{target}")
    rows = properties(tmp_path / f"out.{target}")
    if target == "geojson":
        features = json.loads((tmp_path / "out.geojson").read_text())["features"]
        assert [feature["id"] for feature in features] == [1001, 1002]
    else:
        assert [int(row["id"]) for row in rows] == [1001, 1002]
    times = [parsed(row["t"]) for row in rows]
    assert [time.utcoffset() for time in times] == [dt.timedelta(hours=-5)] * 2
    assert [time.replace(tzinfo=None).isoformat() for time in times] == [
        "2020-01-01T09:00:00",
        "2020-01-01T10:00:00",
    ]
    check(encoder, rows, [(1, 1), (2, 2)])


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ({"a": 1}, "id"),
        ({"id": "x"}, "fid"),
        ({"OGC_FID": 3}, "id"),
        ({"ID": 1, "fid": 2}, "feature_id"),
    ],
)
@pytest.mark.parametrize("target", ["csv", "gpkg", "parquet"])
def test_ids_take_a_free_name(encoder, tmp_path, taken, name, target):
    feature = {
        "type": "Feature",
        "id": 1001,
        "properties": taken,
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    whole = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "in.geojson").write_text(json.dumps(whole))
    run(encoder, tmp_path / "in.geojson", tmp_path / f"out.{target}")
    (row,) = properties(tmp_path / f"out.{target}")
    assert int(row[name]) == 1001
    assert {key: str(row[key]) for key in taken} == {k: str(v) for k, v in taken.items()}


@pytest.mark.parametrize("target", ["csv", "gpkg", "geojson"])
def test_times_of_a_csv_that_a_format_would_round_stay_as_they_are_written(
    encoder, tmp_path, target
):
    texts = ["2024-07-01T12:00:00.123456", "2024-07-01", "2024-07-01 12:00"]
    rows = "".join(f"{i},{i},{text}\n" for i, text in enumerate(texts))
    (tmp_path / "in.csv").write_text("lon,lat,t\n" + rows)
    run(encoder, tmp_path / "in.csv", tmp_path / f"out.{target}")
    assert [row["t"] for row in properties(tmp_path / f"out.{target}")] == texts


def test_a_second_look_decides_what_the_first_rows_cannot(encoder, tmp_path):
    """Microseconds in the last row of many: text for all, none rounded."""
    moments = [1_719_835_200_000_000 + 1000 * index for index in range(9000)] + [1]
    table = pa.table(
        {
            "lon": np.zeros(9001),
            "lat": np.zeros(9001),
            "fine": pa.array(moments, pa.timestamp("us", "UTC")),
            "whole": pa.array([m - m % 1000 for m in moments], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=4000)
    result = run(encoder, tmp_path / "in.parquet", tmp_path / "out.gpkg")
    rows = properties(tmp_path / "out.gpkg")
    assert rows[-1]["fine"] == "1970-01-01T00:00:00.000001Z"
    assert rows[-1]["whole"] == "1970-01-01T00:00:00Z"
    assert result.notes == ("kept as text, since GPKG has no such type: 'fine'",)


@pytest.mark.parametrize("target", ["gpkg", "geojson", "parquet"])
def test_unions_are_refused_by_name(target):
    from satclip_core.points.request import GEOJSON, GPKG, PARQUET
    from satclip_core.points.values import kept

    kind = {"gpkg": GPKG, "geojson": GEOJSON, "parquet": PARQUET}[target]
    column = pa.UnionArray.from_dense(
        pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
    )
    with pytest.raises(OutputError, match=r"column 'mixed' is dense_union.*several types"):
        kept(pa.field("mixed", column.type), kind, lambda name, type_: False)


def test_gdal_that_clamps_is_heard(encoder, tmp_path, caplog):
    """Whole numbers beyond 64 bits in a GeoJSON: GDAL gives others in their place."""
    feature = {
        "type": "Feature",
        "properties": {"n": 2**70},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    (tmp_path / "in.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]})
    )
    with caplog.at_level(logging.WARNING):
        run(encoder, tmp_path / "in.geojson", tmp_path / "out.csv")
    (row,) = properties(tmp_path / "out.csv")
    assert float(row["n"]) == 2**70 or "clamped" in caplog.text


# Layers and geometries.


def gpkg(folder: Path, *wkbs: bytes, layer: str = "l") -> Path:
    """A GeoPackage whose geometries are put in by SQL: nothing here writes arcs and M."""
    points = shapely.points([(float(i), 0.0) for i in range(len(wkbs))])
    gpd.GeoDataFrame({"n": range(len(wkbs))}, geometry=points, crs=4326).to_file(
        folder / "in.gpkg", layer=layer
    )
    with closing(sqlite3.connect(folder / "in.gpkg")) as base, base:
        triggers = base.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            base.execute(f'drop trigger "{trigger}"')
        for fid, wkb in enumerate(wkbs, 1):
            blob = b"GP\0\1" + struct.pack("<i", 4326) + wkb
            base.execute(f'update "{layer}" set geom = ? where fid = ?', (blob, fid))
        base.execute("update gpkg_geometry_columns set geometry_type_name = 'GEOMETRY', m = 2")
    return folder / "in.gpkg"


def point(*numbers: float, code: int = 1) -> bytes:
    return struct.pack(f"<BI{len(numbers)}d", 1, code, *numbers)


def arc(*numbers: float) -> bytes:
    return struct.pack(f"<BII{len(numbers)}d", 1, 8, len(numbers) // 2, *numbers)


def compound(*members: bytes, code: int) -> bytes:
    return struct.pack("<BII", 1, code, len(members)) + b"".join(members)


# A half circle and a whole one of radius 0.5 about (5.5, 45); the centroid of a half circle's arc
# lies 2 r / π from its middle. Lines of 4° of arc are off by less than 0.0002 of the radius.
HALF = arc(5, 45, 5.5, 45.5, 6, 45)
CIRCLE = arc(5, 45, 6, 45, 5, 45)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("curve", "centre"),
    [
        (HALF, (5.5, 45 + 1 / np.pi)),
        (compound(HALF, code=9), (5.5, 45 + 1 / np.pi)),
        (compound(CIRCLE, code=10), (5.5, 45)),
        (compound(compound(CIRCLE, code=10), code=12), (5.5, 45)),
    ],
    ids=["circular string", "compound curve", "curve polygon", "multisurface"],
)
def test_curves_are_lines_of_short_pieces(encoder, tmp_path, target, curve, centre):
    source = gpkg(tmp_path, point(1, 2), curve)
    with pytest.raises(InputError, match=r"row 2 is a \w+, not a point: centroid=True"):
        run(encoder, source, tmp_path / f"out.{target}")
    result = run(encoder, source, tmp_path / f"out.{target}", centroid=True)
    assert result.notes == ("1 geometries with arcs were made of lines, 4° of arc each",)
    rows = properties(tmp_path / f"out.{target}")
    check(encoder, rows[:1], [(1, 2)])
    if target == "csv":
        assert (float(rows[1]["lon"]), float(rows[1]["lat"])) == pytest.approx(centre, abs=2e-4)


def test_samples_say_that_curves_were_straightened(tmp_path):
    source = gpkg(tmp_path, *[point(i, i) for i in range(5)], HALF)
    samples = read_samples(SamplesRequest(str(source), "n", centroid=True))
    assert samples.account == ("1 geometries with arcs were made of lines, 4° of arc each",)
    np.testing.assert_allclose(samples.lonlat[-1], (5.5, 45 + 1 / np.pi), atol=2e-4)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["m.gpkg", "mixed_curve.gpkg", "mixline.gpkg", "styled.gpkg"])
def test_geopackages_of_the_cases(encoder, case, tmp_path, recwarn, target, name):
    source = case(name)
    layer = "sites" if name == "styled.gpkg" else "l"
    before = pyogrio.read_dataframe(source, layer=layer)
    recwarn.clear()
    run(encoder, source, tmp_path / f"out.{target}", centroid=True)
    assert not recwarn.list  # none of pyogrio's warnings about M reaches the terminal
    centres = shapely.centroid(before.geometry.to_numpy())
    rows = properties(tmp_path / f"out.{target}")
    check(encoder, rows, np.column_stack([shapely.get_x(centres), shapely.get_y(centres)]))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("wkb", "z", "m"),
    [
        (point(5, 45, 7, code=2001), None, 7),
        (point(5, 45, 300, 7, code=3001), 300, 7),
        (point(5, 45, 300, code=1001), 300, None),
    ],
    ids=["M", "ZM", "Z"],
)
def test_z_and_m_are_kept_or_said_to_be_left_out(encoder, tmp_path, recwarn, target, wkb, z, m):
    source = gpkg(tmp_path, wkb)
    recwarn.clear()
    result = run(encoder, source, tmp_path / f"out.{target}")
    assert not recwarn.list
    (row,) = properties(tmp_path / f"out.{target}")
    check(encoder, [row], [(5, 45)])
    if target == "csv":
        assert (row.get("z"), row.get("m")) == (z and f"{z}.0", m and f"{m}.0")
    elif target == "geojson":
        (feature,) = json.loads((tmp_path / "out.geojson").read_text())["features"]
        assert feature["geometry"]["coordinates"] == [5, 45, *([] if z is None else [z])]
        assert any("have an M" in note for note in result.notes) == (m is not None)
    else:
        blob = row["geom"] if target == "parquet" else row["geom"][8:]
        assert blob == wkb


def test_z_that_comes_late_in_a_csv_is_counted(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("satclip_core.points.layers.ROWS", 2)
    source = gpkg(tmp_path, point(1, 2), point(3, 4), point(5, 6, 7, code=1001))
    result = run(encoder, source, tmp_path / "out.csv")
    assert len(result.notes) == 1
    assert result.notes[0].startswith("1 points have Z")


@pytest.mark.parametrize("others", [["layer_styles"], ["qgis_projects", "notes"], []])
def test_the_only_layer_of_places_is_taken(encoder, tmp_path, others):
    source = gpkg(tmp_path, point(1, 2), layer="sites")
    with closing(sqlite3.connect(source)) as base, base:
        for name in others:
            base.execute(f'create table "{name}" (id integer primary key, t text)')
            base.execute(
                "insert into gpkg_contents (table_name, data_type, identifier) "
                "values (?, 'attributes', ?)",
                (name, name),
            )
    run(encoder, source, tmp_path / "out.csv")
    check(encoder, properties(tmp_path / "out.csv"), [(1, 2)])
    for name in others[:1]:
        with pytest.raises(InputError, match="no columns of longitude"):
            run(encoder, source, tmp_path / "named.csv", layer=name)


@pytest.mark.parametrize("made", ["case", "equal", "text"])
def test_what_is_no_table_is_one_line(encoder, case, tmp_path, made):
    """A NetCDF has subdatasets, and none of them is a table of points."""
    (tmp_path / "in.nc").write_bytes(b"CDF\x01" + bytes(60))
    (tmp_path / "in.doc").write_text("no table at all")
    made_here = tmp_path / ("in.doc" if made == "text" else "in.nc")
    source = case("two.nc") if made == "case" else made_here
    with pytest.raises(InputError, match=f"cannot read {source}: .*not recognized") as caught:
        run(encoder, source, tmp_path / "out.csv")
    assert "prefixing" not in str(caught.value)


# Parquet that says its geometry otherwise than GeoParquet.


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("geoarrow.wkb", lambda xy: pa.array(shapely.to_wkb(shapely.points(xy)))),
        ("geoarrow.wkt", lambda xy: pa.array([f"POINT ({x} {y})" for x, y in xy])),
        ("geoarrow.point", lambda xy: pa.array([{"x": x, "y": y} for x, y in xy])),
    ],
)
@pytest.mark.parametrize(
    "crs",
    [
        '{"crs": "EPSG:32632"}',
        '{"crs": "32632", "crs_type": "srid"}',
        '{"crs": {"id": {"authority": "EPSG", "code": 32632}}, "crs_type": "projjson"}',
        "wkt2",
    ],
)
def test_geoarrow_names_its_crs(encoder, tmp_path, name, encode, crs):
    pyproj = pytest.importorskip("pyproj")
    if crs == "wkt2":
        crs = json.dumps({"crs": pyproj.CRS(32632).to_wkt()})
    lonlat = np.array([(9.2, 45.4), (8.5, 47.1)])
    to_utm = pyproj.Transformer.from_crs(4326, 32632, always_xy=True)
    xy = np.column_stack(to_utm.transform(*lonlat.T))
    metadata = {"ARROW:extension:name": name, "ARROW:extension:metadata": crs}
    column = encode(xy)
    schema = pa.schema([pa.field("shape", column.type, metadata=metadata)])
    pq.write_table(pa.table([column], schema=schema), tmp_path / "in.parquet")
    run(encoder, tmp_path / "in.parquet", tmp_path / "out.parquet")
    after = gpd.read_parquet(tmp_path / "out.parquet")
    assert after.crs.to_epsg() == 32632
    found = np.array(after["embedding"].tolist(), np.float32)
    # Millimetres lost on the way through the projection.
    np.testing.assert_allclose(found, encoder.encode(lonlat), atol=1e-5)


def test_geoarrow_without_a_crs_asks_for_it(encoder, tmp_path):
    metadata = {"ARROW:extension:name": "geoarrow.wkb"}
    column = pa.array(shapely.to_wkb(shapely.points([(1, 2)])))
    schema = pa.schema([pa.field("shape", column.type, metadata=metadata)])
    pq.write_table(pa.table([column], schema=schema), tmp_path / "in.parquet")
    with pytest.raises(InputError, match="does not say its CRS"):
        run(encoder, tmp_path / "in.parquet", tmp_path / "out.csv")
    run(encoder, tmp_path / "in.parquet", tmp_path / "out.csv", crs="4326")
    check(encoder, properties(tmp_path / "out.csv"), [(1, 2)])


def test_other_encodings_of_geoarrow_are_named(encoder, tmp_path):
    column = pa.array([[{"x": 1.0, "y": 2.0}]])
    schema = pa.schema(
        [pa.field("shape", column.type, metadata={"ARROW:extension:name": "geoarrow.linestring"})]
    )
    pq.write_table(pa.table([column], schema=schema), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"'shape' is geoarrow\.linestring: write .*geoarrow\.wkb"):
        run(encoder, tmp_path / "in.parquet", tmp_path / "out.csv")


# Archives.


def test_archives_list_their_tables(encoder, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.csv", "lon,lat\n1,2\n")
        archive.writestr("b.csv", "lon,lat\n3,4\n")
        archive.writestr("readme.txt", "about a and b")
    with pytest.raises(InputError, match=r"2 tables: choose one by layer: 'a\.csv', 'b\.csv'$"):
        run(encoder, tmp_path / "in.zip", tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"no table 'c\.csv'"):
        run(encoder, tmp_path / "in.zip", tmp_path / "out.csv", layer="c.csv")
    run(encoder, tmp_path / "in.zip", tmp_path / "out.csv", layer="b.csv")
    check(encoder, properties(tmp_path / "out.csv"), [(3, 4)])
    for source in ("zip://{}!d.csv", "/vsizip/{}/d.csv", "{}!d.csv"):
        with pytest.raises(InputError, match=r"has no 'd\.csv': there are 'a\.csv'"):
            run(encoder, source.format(tmp_path / "in.zip"), tmp_path / "other.csv")
    with zipfile.ZipFile(tmp_path / "in.zip") as archive:
        assert archive.testzip() is None  # still whole


@pytest.mark.parametrize(
    "source", ["/vsizip/no.zip/a.csv", "zip://no.zip!a.gpkg", "no.zip", "no.csv.gz", "no.parquet"]
)
def test_what_is_not_there_is_said(encoder, tmp_path, source, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no\.(zip|csv|parquet)"):
        run(encoder, source, tmp_path / "out.csv")


def test_a_broken_archive_is_one_line(encoder, tmp_path):
    (tmp_path / "in.zip").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "in.csv.gz").write_bytes(b"\x1f\x8b\x08 cut short")
    for source in (f"zip://{tmp_path}/in.zip!a.csv", tmp_path / "in.csv.gz"):
        with pytest.raises(InputError, match="cannot read"):
            run(encoder, source, tmp_path / "out.csv")
