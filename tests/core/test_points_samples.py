from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.points import SamplesRequest, read_samples

LONLAT = np.array([[10.0, 50.0], [11, 51], [-170, -20], [179.5, 0], [0, 89], [20, 30]])
NUMBERS = [1.5, 2.5, None, 4.5, 5.5, 6.5]
NAMES = ["wood", "bog", "wood", None, "bog", "fen"]
CSV = "\n".join(
    ["lon,lat,t,Kind"]
    + [
        f"{lon},{lat},{'' if t is None else t},{kind or ''}"
        for (lon, lat), t, kind in zip(LONLAT, NUMBERS, NAMES)
    ]
)


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text(CSV + "\n")
    return str(path)


def frame(crs="EPSG:4326"):
    geopandas = pytest.importorskip("geopandas")
    points = geopandas.points_from_xy(*LONLAT.T)
    table = geopandas.GeoDataFrame({"t": NUMBERS, "Kind": NAMES}, geometry=points, crs="EPSG:4326")
    return table.to_crs(crs)


def check(request, kind):
    samples = read_samples(request)
    kept = [0, 1, 3, 4, 5] if kind == "t" else [0, 1, 2, 4, 5]
    # EPSG:3395 stores metres, of which float64 keeps 1e-9: 1e-9 degrees and more come back.
    np.testing.assert_allclose(samples.lonlat, LONLAT[kept], atol=1e-7)
    if kind == "t":
        assert samples.values.tolist() == [NUMBERS[row] for row in kept]
    else:
        names = [samples.legend.names[int(index)] for index in samples.values]
        assert names == [NAMES[row] for row in kept]
    assert "1 of 6 samples left out, without a value" in samples.account[0]


@pytest.mark.parametrize("column", ["t", "Kind", "kind"])
def test_csv(csv, column):
    check(SamplesRequest(csv, column), column)


@pytest.mark.parametrize("column", ["t", "Kind"])
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3395"])
def test_other_formats(tmp_path, column, suffix, crs):
    path = tmp_path / f"samples{suffix}"
    table = frame("EPSG:4326" if suffix == ".geojson" else crs)
    table.to_parquet(path) if suffix == ".parquet" else table.to_file(path)
    check(SamplesRequest(str(path), column), column)


def test_csv_in_another_crs(tmp_path):
    pytest.importorskip("pyproj")
    table = frame("EPSG:3395")
    lines = [f"{p.x!r};{p.y!r};{t}" for p, t in zip(table.geometry, "abcabc")]
    path = tmp_path / "samples.csv"
    path.write_text("\n".join(["E;N;letter", *lines]))
    request = SamplesRequest(str(path), "letter", None, "E", "N", "EPSG:3395")
    np.testing.assert_allclose(read_samples(request).lonlat, LONLAT, atol=1e-7)


def test_semicolons_and_decimal_commas(tmp_path):
    lines = [f"{lon};{lat};{t}".replace(".", ",") for (lon, lat), t in zip(LONLAT, range(6))]
    path = tmp_path / "samples.csv"
    path.write_text("\n".join(["lon;lat;t", *[line + ",25" for line in lines]]))
    assert read_samples(SamplesRequest(str(path), "t")).values[1] == 1.25


def test_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(CSV.encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert len(read_samples(SamplesRequest("-", "t"))) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "temp"}, "has no column 'temp'; there are 'lon', 'lat', 't', 'Kind'"),
        ({"column": "geometry"}, "has no column 'geometry'"),
        ({"source": "none.csv"}, "cannot read none.csv"),
        ({"source": "none.gpkg"}, "there is no none.gpkg"),
        ({"lon_column": "east"}, "no column 'east'"),
        ({"crs": "EPSG:1"}, "EPSG:1"),
        ({"encoding": "utf-99"}, "unknown encoding"),
        ({"encoding": "base64"}, "unknown encoding"),
    ],
)
def test_what_is_not_there_is_named(csv, changes, message):
    if changes.get("source", "").endswith("gpkg"):
        pytest.importorskip("pyogrio")
    with pytest.raises(InputError, match=message):
        read_samples(SamplesRequest(**{"source": csv, "column": "t", **changes}))


def test_a_geometry_is_no_column_and_its_crs_argument_is_named(tmp_path):
    path = tmp_path / "samples.gpkg"
    frame().to_file(path)
    with pytest.raises(InputError, match="no column 'geom'; there are 't', 'Kind'"):
        read_samples(SamplesRequest(str(path), "geom"))
    with pytest.raises(InputError, match="leave crs='EPSG:3857' out"):
        read_samples(SamplesRequest(str(path), "t", crs="EPSG:3857"))
