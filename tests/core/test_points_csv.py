"""CSV to CSV: with the plain install, in constant memory, whatever the file is like."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, PointsResult, embed_points

PLACES = [(0, 0), (10.5, 47.25), (180, 12), (-180, 12), (77, 90), (-5, 90), (23.6, -90), (350, 5)]


@pytest.fixture(scope="module")
def encoder(small_model: Path):
    return load_encoder(small_model)


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def places(path: Path, rows: list[tuple[float, float]] = PLACES) -> Path:
    lines = [f"{index},{lon},{lat}" for index, (lon, lat) in enumerate(rows)]
    return table(path, "\n".join(["id,lon,lat", *lines]) + "\n")


def run(encoder, source, target, **options) -> PointsResult:
    return embed_points(encoder, PointsRequest(str(source), str(target), **options))


def read(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def values(rows: list[dict[str, str]], prefix: str = "e") -> np.ndarray:
    names = [f"{prefix}{index:03d}" for index in range(256)]
    return np.array([[float(row[name]) for name in names] for row in rows], np.float32)


def test_values_equal_the_encoder_to_the_last_bit(encoder, tmp_path):
    result = run(encoder, places(tmp_path / "in.csv"), tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    np.testing.assert_array_equal(values(rows), encoder.encode(PLACES))
    assert [row["id"] for row in rows] == [str(index) for index in range(len(PLACES))]
    assert result == PointsResult(len(PLACES), 0, None)


def test_dateline_and_poles_are_ordinary_places(encoder, tmp_path):
    run(encoder, places(tmp_path / "in.csv"), tmp_path / "out.csv")
    found = values(read(tmp_path / "out.csv"))
    np.testing.assert_array_equal(found[2], found[3])
    np.testing.assert_allclose(found[4], found[5], atol=1e-5)  # float32 of a pole from two sides
    assert np.isfinite(found).all()


def test_normalized_float16(encoder, tmp_path):
    run(encoder, places(tmp_path / "i.csv"), tmp_path / "o.csv", normalize=True, dtype="float16")
    found = values(read(tmp_path / "o.csv"))
    raw = encoder.encode(PLACES)
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_array_equal(found.astype(np.float16), expected.astype(np.float16))


@pytest.mark.parametrize("array", [None, "emb"])
def test_only_the_first_dimensions(array, encoder, tmp_path):
    run(encoder, places(tmp_path / "in.csv"), tmp_path / "out.csv", dims=5, array=array)
    rows = read(tmp_path / "out.csv")
    columns = [f"e{i:03d}" for i in range(5)] if array is None else ["emb"]
    assert list(rows[0]) == ["id", "lon", "lat", *columns]
    found = [json.loads(r["emb"]) if array else [r[name] for name in columns] for r in rows]
    np.testing.assert_array_equal(np.array(found, np.float32), encoder.encode(PLACES)[:, :5])
    with pytest.raises(InputError, match="give dims from 1 to"):
        run(encoder, places(tmp_path / "in.csv"), tmp_path / "no.csv", dims=encoder.dim + 1)
    assert not (tmp_path / "no.csv").exists()


def test_one_array_column_is_json(encoder, tmp_path):
    run(encoder, places(tmp_path / "in.csv"), tmp_path / "out.csv", array="emb")
    rows = read(tmp_path / "out.csv")
    assert list(rows[0]) == ["id", "lon", "lat", "emb"]
    found = np.array([json.loads(row["emb"]) for row in rows], np.float32)
    np.testing.assert_array_equal(found, encoder.encode(PLACES))


def test_other_columns_come_through_unharmed(encoder, tmp_path):
    text = 'name,lon,lat,note\n"a, ""b""",1,2,"two\nlines"\n001,3,4,\nü,5,6,"  "\n"cr\rin",7,8,x\n'
    run(encoder, table(tmp_path / "in.csv", text), tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["name"] for row in rows] == ['a, "b"', "001", "ü", "cr\rin"]
    assert [row["note"] for row in rows] == ["two\nlines", "", "  ", "x"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters_are_recognised_and_kept(encoder, tmp_path, delimiter):
    text = f"lon{delimiter}lat\n1,5{delimiter}2.5\n"
    run(encoder, table(tmp_path / "in.csv", text), tmp_path / "out.csv", array="v")
    rows = read(tmp_path / "out.csv", delimiter)
    found = np.array(json.loads(rows[0]["v"]), np.float32)
    np.testing.assert_array_equal(found, encoder.encode([(1.5, 2.5)])[0])


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "cp1252", "utf-16"], ids=["bom", "cp1252", "utf-16"]
)
def test_encodings(encoder, tmp_path, encoding):
    source = table(tmp_path / "in.csv", "naïve,lon,lat\r\né,1,2\r\n", encoding)
    given = {} if encoding == "utf-8-sig" else {"encoding": encoding}
    run(encoder, source, tmp_path / "out.csv", **given)
    assert read(tmp_path / "out.csv")[0]["naïve"] == "é"


def test_projected_coordinates(encoder, tmp_path):
    pyproj = pytest.importorskip("pyproj")
    x, y = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform(10.5, 47.25)
    source = table(tmp_path / "in.csv", f"x,y\n{x!r},{y!r}\n")
    run(encoder, source, tmp_path / "out.csv", crs="32632")
    found = values(read(tmp_path / "out.csv"))
    # 1e-9 degrees of the round trip, float32 of values around 1
    np.testing.assert_allclose(found, encoder.encode([(10.5, 47.25)]), atol=1e-6)


BAD = "id,lon,lat\n1,10,50\n2,,\n3,nan,5\n4,inf,5\n5,10,90.1\n6,abc,5\n7,5e5,5\n8,-10,-50\n"


def test_unusable_rows_are_kept_empty_and_accounted_for(encoder, tmp_path):
    result = run(encoder, table(tmp_path / "in.csv", BAD), tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == list("12345678")
    assert [row["e000"] == "" == row["e255"] for row in rows] == [False, *[True] * 6, False]
    np.testing.assert_array_equal(
        values([rows[0], rows[-1]]), encoder.encode([(10, 50), (-10, -50)])
    )
    assert (result.rows, result.empty) == (8, 6)
    assert "6 of 8 rows" in result.warning
    assert "row 2 (lon '', lat '')" in result.warning
    assert "row 5 (lon '10', lat '90.1')" in result.warning
    assert result.warning.endswith("…")


def test_strict_fails_and_leaves_nothing(encoder, tmp_path):
    with pytest.raises(InputError, match="row 2"):
        run(encoder, table(tmp_path / "in.csv", BAD), tmp_path / "out.csv", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_rows_are_numbered_across_batches(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("satclip_core.points.csvtable.ROWS", 3)
    monkeypatch.setattr("satclip_core.points.csvtable.batches.__defaults__", (3,))
    result = run(encoder, table(tmp_path / "in.csv", BAD), tmp_path / "out.csv")
    assert "row 5 (lon '10', lat '90.1')" in result.warning
    assert len(read(tmp_path / "out.csv")) == 8


def test_a_table_without_a_usable_row_is_an_error(encoder, tmp_path):
    source = table(tmp_path / "in.csv", "x,y\n500000,5000000\n500010,5000010\n")
    with pytest.raises(InputError, match=r"none of the 2 rows.*projected \(crs\)"):
        run(encoder, source, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_header_without_rows_gives_a_header_and_a_warning(encoder, tmp_path):
    result = run(encoder, table(tmp_path / "in.csv", "lon,lat\n\n"), tmp_path / "out.csv")
    assert result.warning.endswith("has no rows: the result has none either")
    assert (tmp_path / "out.csv").read_text().startswith("lon,lat,e000,e001,")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"lon,lat,c\n1,2,3\n1,2", r"row 2 \(line 3\) has 2 fields where the header has 3"),
        (b"lon,lat\n1,2,3\n", "row 1 .* has 3 fields where the header has 2"),
        (b'lon,lat\n1,"2', "no CSV .*truncated or malformed"),
        (b"lon,lat\n1,2\n\xff\xfe,3\n", "no utf-8 text.*encoding='cp1252'"),
        (b"SQLite format 3\x00\xd8\xd9" * 50, "no utf-8 text"),
        (b"a,b\n1,2\n", "there are 'a', 'b'"),
        (b"lon,lat,e000\n1,2,3\n", "already has 'e000'"),
    ],
)
def test_hostile_tables_are_named_and_leave_nothing(encoder, tmp_path, content, message):
    source = tmp_path / "in.csv"
    source.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        run(encoder, source, tmp_path / "out.csv")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_targets_that_cannot_be_written_are_refused(encoder, tmp_path):
    source = places(tmp_path / "in.csv")
    (tmp_path / "out.csv").write_text("precious")
    for target, message in (
        (tmp_path / "out.csv", "exists"),
        (tmp_path / "no" / "out.csv", "does not exist"),
        (source, "is the CSV table that is read"),
        (tmp_path, "none of .csv"),
        ("/dev/null", "none of .csv"),
    ):
        with pytest.raises((OutputError, InputError), match=message):
            run(encoder, source, target)
    assert (tmp_path / "out.csv").read_text() == "precious"
    run(encoder, source, tmp_path / "out.csv", overwrite=True)
    assert len(read(tmp_path / "out.csv")) == len(PLACES)


def test_cancelling_leaves_nothing(encoder, tmp_path):
    request = PointsRequest(str(places(tmp_path / "in.csv")), str(tmp_path / "out.csv"))
    with pytest.raises(CancelledError):
        embed_points(encoder, request, cancelled=lambda: True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_progress_counts_rows(encoder, tmp_path):
    seen: list[tuple[int, int]] = []
    request = PointsRequest(str(places(tmp_path / "in.csv")), str(tmp_path / "out.csv"))
    embed_points(encoder, request, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 8)]


def test_csv_needs_numpy_alone(small_model, tmp_path):
    """What QGIS ships: no pandas, geopandas, pyarrow, pyogrio, shapely, pyproj."""
    source = places(tmp_path / "in.csv")
    code = f"""
import sys
for name in ("pandas", "geopandas", "pyarrow", "pyogrio", "shapely", "pyproj", "platformdirs"):
    sys.modules[name] = None
from satclip_core.points import PointsRequest, embed_points
from satclip_core.models.registry import load_encoder
encoder = load_encoder({str(small_model)!r})
embed_points(encoder, PointsRequest({str(source)!r}, {str(tmp_path / "out.csv")!r}))
try:
    embed_points(encoder, PointsRequest({str(source)!r}, {str(tmp_path / "out.gpkg")!r}))
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(read(tmp_path / "out.csv")) == len(PLACES)
    assert "pip install 'satclip-embeddings[points]'" in done.stdout


def test_memory_does_not_grow_with_the_table(small_model, tmp_path):
    """25,000 more rows are 25 MB of float32, 75 MB of text: they must not show in the peak."""
    pytest.importorskip("resource")
    peaks = []
    for rows in (17_000, 42_000):  # both more than two batches
        points = np.random.default_rng(rows).uniform((-180, -90), (180, 90), (rows, 2))
        source = places(tmp_path / "in.csv", points.tolist())
        code = f"""
import resource
from satclip_core.points import PointsRequest, embed_points
from satclip_core.models.registry import load_encoder
encoder = load_encoder({str(small_model)!r})
request = PointsRequest({str(source)!r}, {str(tmp_path / "out.csv")!r}, overwrite=True)
embed_points(encoder, request)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 10_000  # kB
