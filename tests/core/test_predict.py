"""Predictions at the points of tables."""

from __future__ import annotations

import csv
import io
import logging
import sys

import numpy as np
import pytest

from satclip_core.errors import InputError, OutputError
from satclip_core.grid.sphere import unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, PredictRequest, predict_points
from satclip_core.products import MapOf, MapOptions, Samples, SavedMap, fit_map

POINTS = [(0.5, 50.25), (180, 10), (-180, 10), (12, 90), (100, -40)]


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).uniform((-10, 35), (30, 60), (150, 2))


@pytest.fixture(scope="module")
def numbers(places):
    values = 40 - 0.6 * places[:, 1] + np.random.default_rng(1).normal(0, 0.5, 150)
    return Samples.of(places, values, name="t")


@pytest.fixture(scope="module")
def classes(places):
    names = np.array(['the "south"', "middle, wet", "north"])[np.digitize(places[:, 1], [43, 52])]
    return Samples.of(places, names, name="zone")


@pytest.fixture
def table(tmp_path):
    rows = "".join(f"{index:03d},{lon},{lat}\n" for index, (lon, lat) in enumerate(POINTS))
    (tmp_path / "points.csv").write_text(f"id,lon,lat\n{rows}")
    return tmp_path / "points.csv"


def predicted(encoder, learnt, source, target, **options):
    prefix = options.pop("prefix", "")
    request = PredictRequest(PointsRequest(str(source), str(target), **options), learnt, prefix)
    return predict_points(encoder, request)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_numbers_with_their_error(encoder, numbers, table, caplog):
    model = fit_map(encoder, numbers, MapOptions("gaussian", "random"))
    with caplog.at_level(logging.WARNING):
        result = predicted(encoder, SavedMap(model), table, table.with_name("out.csv"))
    rows = read(table.with_name("out.csv"))
    lonlat = np.array(POINTS, float)
    wanted = model.learnt.with_error(
        encoder.encode(lonlat).astype(float), unit_vectors(*lonlat.T).T
    )
    names = ["t_predicted", "t_error", "t_low", "t_high", "dissimilarity", "inside_area",
             "nearest_sample_km"]  # fmt: skip
    assert list(rows[0]) == ["id", "lon", "lat", *names]
    assert [row["id"] for row in rows] == ["000", "001", "002", "003", "004"]
    found = np.array([[float(row[name]) for name in names] for row in rows])
    np.testing.assert_array_equal(found.astype(np.float32), wanted.T)
    assert [row["inside_area"] for row in rows] == ["1", "0", "0", "0", "0"]
    # The dateline is one place, whichever way it is written.
    assert rows[1]["t_predicted"] == rows[2]["t_predicted"]
    assert result.outside == 0.8
    assert result.table.rows == 5
    (record,) = caplog.records
    assert record.getMessage().startswith("80 % of the points lie outside the area of applicab")


@pytest.mark.parametrize("probabilities", [False, True])
def test_classes_with_their_probability(encoder, classes, table, probabilities):
    model = fit_map(encoder, classes, MapOptions(folds="random"))
    learnt = SavedMap(model, probabilities=probabilities)
    predicted(encoder, learnt, table, table.with_name("out.csv"), prefix="my_")
    rows = read(table.with_name("out.csv"))
    lonlat = np.array(POINTS, float)
    product = model.product(probabilities=True)
    chances = product.chances(encoder.encode(lonlat).astype(float), unit_vectors(*lonlat.T).T)
    best = [model.legend.names[index] for index in chances.argmax(axis=1)]
    assert [row["my_zone_predicted"] for row in rows] == best
    assert best[0] == "middle, wet"
    said = [float(row["my_zone_probability"]) for row in rows]
    np.testing.assert_allclose(said, chances.max(axis=1), rtol=1e-6)
    each = [name for name in rows[0] if name.startswith("my_zone_probability_")]
    assert each == [f"my_zone_probability_{name}" for name in model.legend.names] * probabilities
    for name, chance in zip(each, chances.T):
        np.testing.assert_allclose([float(row[name]) for row in rows], chance, atol=1e-6)
    assert rows[0]["my_inside_area"] == "1"
    km = float(rows[0]["my_nearest_sample_km"])
    chords = np.linalg.norm(
        unit_vectors(*classes.lonlat.T).T - unit_vectors(*lonlat[:1].T).T, axis=1
    )
    assert km == pytest.approx(2 * 6371 * np.arcsin(chords.min() / 2), rel=2e-3)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
def test_other_formats(encoder, numbers, classes, table, suffix):
    geopandas = pytest.importorskip("geopandas")
    predicted(encoder, MapOf(numbers, method="linear"), table, table.with_name("plain.csv"))
    predicted(encoder, MapOf(classes), table, table.with_name("zones.csv"))
    plain, zones = read(table.with_name("plain.csv")), read(table.with_name("zones.csv"))
    for learnt, name, wanted in (
        (MapOf(numbers, method="linear"), "t", plain),
        (MapOf(classes), "zone", zones),
    ):
        target = table.with_name(f"{name}.{suffix}")
        predicted(encoder, learnt, table, target)
        reader = geopandas.read_parquet if suffix == "parquet" else geopandas.read_file
        frame = reader(target)
        assert frame.geometry.x.tolist() == [lon for lon, _ in POINTS]
        inside = [int(row["inside_area"]) for row in wanted]
        assert frame["inside_area"].tolist() == inside
        assert frame["inside_area"].dtype.kind == "i"
        if name == "zone":
            assert frame["zone_predicted"].tolist() == [row["zone_predicted"] for row in wanted]
        else:
            got = frame["t_predicted"].to_numpy(np.float32)
            np.testing.assert_array_equal(
                got, np.array([float(r["t_predicted"]) for r in wanted], np.float32)
            )
        # And from there to CSV.
        predicted(encoder, learnt, target, table.with_name(f"{name}-again.csv"), prefix="b_")
        again = read(table.with_name(f"{name}-again.csv"))
        assert [row[f"b_{name}_predicted"] for row in again] == [
            row[f"{name}_predicted"] for row in wanted
        ]


def test_codes_stay_whole_numbers(encoder, places, table):
    codes = np.array([10, 20, 95])[np.digitize(places[:, 1], [43, 52])]
    learnt = MapOf(Samples.of(places, codes, name="code", classes=True))
    predicted(encoder, learnt, table, table.with_name("out.csv"))
    assert read(table.with_name("out.csv"))[0]["code_predicted"] == "20"


def test_folds_match_the_points(encoder, places, tmp_path):
    """What is learnt is tested at the distances of the points that are asked for."""
    values = 40 - 0.6 * places[:, 1]
    scores = []
    for name, box in (("near", (0, 40, 20, 55)), ("far", (60, -30, 110, 10))):
        at = np.random.default_rng(2).uniform(box[:2], box[2:], (300, 2))
        np.savetxt(tmp_path / f"{name}.csv", at, delimiter=",", header="lon,lat", comments="")
        learnt = MapOf(Samples.of(places, values, name="t"), method="linear")
        result = predicted(encoder, learnt, tmp_path / f"{name}.csv", tmp_path / f"{name}o.csv")
        report = result.model.report
        scores.append(report["validation"]["pixels_to_nearest_km"][1])
        assert report["places"] == "points"
        assert report["pixels_outside"] == pytest.approx(result.outside)
    assert scores[0] < 150 < 2000 < scores[1]
    assert "% of the points are more unlike" in result.model.summary


def test_standard_input_is_read_twice(encoder, numbers, table, tmp_path, monkeypatch):
    class Stream:
        buffer = io.BufferedReader(io.BytesIO(table.read_bytes()))

    monkeypatch.setattr(sys, "stdin", Stream)
    learnt = MapOf(numbers, method="linear")
    predicted(encoder, learnt, "-", tmp_path / "a.csv")
    predicted(encoder, learnt, table, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_rows_without_a_place_stay_empty(encoder, numbers, table, tmp_path):
    table.write_text(table.read_text() + "x,,\ny,999,3\n")
    result = predicted(encoder, MapOf(numbers, method="linear"), table, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["t_predicted"] != "" for row in rows] == [True] * 5 + [False] * 2
    assert rows[5]["inside_area"] == ""
    assert "2 of 7 rows have no usable coordinates" in result.table.warning


class East:
    """A covariate that there is only in the east."""

    names, sources = ("east",), ("made.tif",)

    def __call__(self, lons, lats):
        lons = np.asarray(lons, float)
        return np.where(lons >= 0, lons, np.nan)[..., None]


def test_points_without_a_covariate_stay_empty(encoder, numbers, table, tmp_path):
    samples = numbers.only(np.flatnonzero(numbers.lonlat[:, 0] >= 0))
    learnt = MapOf(samples, method="gaussian", covariates=East())
    result = predicted(encoder, learnt, table, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["t_predicted"] != "" for row in rows] == [True, True, False, True, True]
    assert result.table.notes[0].startswith("1 of 5 points have no value of a covariate")
    saved = SavedMap(result.model, covariates=East())
    predicted(encoder, saved, table, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
    with pytest.raises(InputError, match="fitted with the covariates 'east', given are none"):
        SavedMap(result.model)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("id,lon,lat\n1,500000,5000000\n", {}, "none of the 1 rows of .* has usable coordinates"),
        ("id,t_predicted,lon,lat\n1,2,3,4\n", {}, "already has 't_predicted': give other names"),
        ("id,a\n1,2\n", {}, "no columns of longitude and latitude found"),
    ],
)
def test_tables_of_no_use_are_one_line(encoder, numbers, tmp_path, text, options, said):
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        predicted(encoder, MapOf(numbers, method="linear"), tmp_path / "in.csv",
                  tmp_path / "out.csv", **options)  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


def test_an_existing_target_is_kept(encoder, numbers, table):
    with pytest.raises(OutputError, match=r"points.csv is the CSV table that is read"):
        predicted(encoder, MapOf(numbers), table, table, overwrite=True)


def test_an_empty_table_gives_an_empty_one(encoder, numbers, tmp_path):
    (tmp_path / "in.csv").write_text("id,lon,lat\n")
    learnt = MapOf(numbers, method="linear")
    result = predicted(encoder, learnt, tmp_path / "in.csv", tmp_path / "out.csv")
    assert result.table.rows == 0
    assert (tmp_path / "out.csv").read_text().startswith("id,lon,lat,t_predicted,")


def test_many_rows_in_batches(encoder, numbers, tmp_path):
    lonlat = np.random.default_rng(3).uniform((-180, -90), (180, 90), (9000, 2)).round(3)
    np.savetxt(tmp_path / "in.csv", lonlat, "%.3f", ",", header="lon,lat", comments="")
    model = fit_map(encoder, numbers, MapOptions("linear", "random"))
    result = predicted(encoder, SavedMap(model), tmp_path / "in.csv", tmp_path / "out.csv")
    assert result.table.rows == 9000
    rows = read(tmp_path / "out.csv")[8999]
    last = model.learnt.mean(encoder.encode(lonlat[-1:]).astype(float), np.zeros((1, 3)))
    assert float(rows["t_predicted"]) == pytest.approx(last[0], rel=1e-5)
