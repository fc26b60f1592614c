from __future__ import annotations

import numpy as np
import pytest

from satclip_core.models.registry import load_encoder

rasterio = pytest.importorskip("rasterio")

CONGO = (23.6, -2.9)
BBOX = ("--bbox", -180, -60, 180, 75, "--res", 5)


def cosine(model, places, references):
    encoder = load_encoder(model)
    one, other = (encoder.encode(lonlat).astype(float) for lonlat in (places, references))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    return one @ other.T


def test_one_band_of_cosines(run, tmp_path, small_model):
    result = run("similarity", "--to", *CONGO, *BBOX, started=True)
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        band = dataset.read()
        assert dataset.count == 1
        assert dataset.descriptions == ("similarity",)
        tags = dataset.tags()
    assert tags["references"] == "23.6 -2.9"
    lons, lats = np.meshgrid(np.arange(-177.5, 180, 5), np.arange(72.5, -60, -5))
    want = cosine(small_model, np.stack([lons, lats], -1).reshape(-1, 2), [CONGO])
    np.testing.assert_allclose(band[0].ravel(), want[:, 0], atol=1e-4)


def test_a_tolerance_is_kept_and_said(run, tmp_path, small_model):
    fine = ("--bbox", 20, -5, 25, 0, "--res", 0.05)
    result = run("similarity", "--to", *CONGO, *fine, "--tolerance", "1e-4")
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        band, tags = dataset.read(1), dataset.tags()
    assert "0.0001 standard deviations" in tags["interpolation"]
    lons, lats = np.meshgrid(20.025 + 0.05 * np.arange(100), -0.025 - 0.05 * np.arange(100))
    want = cosine(small_model, np.stack([lons, lats], -1).reshape(-1, 2), [CONGO])
    np.testing.assert_allclose(band.ravel(), want[:, 0], atol=1e-4)


def test_a_tolerance_that_is_none_is_one_line(run):
    result = run("similarity", "--to", *CONGO, *BBOX, "--tolerance", "2")
    assert result.returncode == 1
    assert "tolerance is 2.0" in result.stderr
    assert "--tolerance 0.0001" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_several_places(run, tmp_path, small_model, reduce):
    places = [CONGO, (-60, -3), (113.5, -0.5)]
    to = ("--to", *CONGO, "--to", "-60,-3", "--to", 113.5, -0.5)
    result = run("similarity", *to, "--reduce", reduce, *BBOX)
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        pixel = dataset.read(1)[0, 0]
    want = getattr(np, reduce)(cosine(small_model, [(-177.5, 72.5)], places))
    assert pixel == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--to", 23.6, 95], "latitude 95"),
        (["--to", "nan", 5], "not finite"),
        (["--to", 23.6], "'23.6' is 1 numbers"),
        (["--to", "Congo", "Basin"], "'Congo' is not a number"),
        (["--to", 1, 2, "--reduce", "sum"], "'sum'"),
        ([], "Missing option '--to'"),
    ],
)
def test_bad_places_are_one_line(refused, args, message):
    assert message in refused("similarity", *args, *BBOX, code=2)
