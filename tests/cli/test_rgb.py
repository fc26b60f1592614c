from __future__ import annotations

import json

import numpy as np
import pytest

rasterio = pytest.importorskip("rasterio")

WORLD = ("--bbox", -180, -60, 180, 75, "--res", 3)
AFRICA = ("--bbox", -18, -36, 51, 36, "--res", 3)


def test_three_colours_and_alpha(run, tmp_path):
    result = run("rgb", *WORLD, "-v", started=True)
    assert result.returncode == 0, result.stderr
    assert "% of the variance" in result.stderr
    with rasterio.open(tmp_path / "rgb.tif") as dataset:
        assert dataset.dtypes == ("uint8",) * 4
        assert [colour.name for colour in dataset.colorinterp] == ["red", "green", "blue", "alpha"]
        bands = dataset.read()
    assert (bands[3] == 255).all()
    for band in bands[:3]:
        assert (band == 0).mean() == pytest.approx(0.02, abs=0.01)
        assert (band == 255).mean() == pytest.approx(0.02, abs=0.01)


def test_a_basis_makes_colours_match_between_extents(run, tmp_path):
    assert run("rgb", *WORLD, "--save-basis", "colours.json").returncode == 0
    result = run("rgb", *AFRICA, "--basis", "colours.json", "-o", "africa.tif")
    assert result.returncode == 0, result.stderr
    with (
        rasterio.open(tmp_path / "rgb.tif") as world,
        rasterio.open(tmp_path / "africa.tif") as africa,
    ):
        window = world.window(*africa.bounds).round_offsets().round_lengths()
        difference = world.read(window=window).astype(int) - africa.read()
    assert np.abs(difference).max() <= 1


def test_a_basis_of_another_model_is_refused(run, refused, tmp_path):
    assert run("rgb", *WORLD, "--save-basis", "colours.json").returncode == 0
    content = json.loads((tmp_path / "colours.json").read_text())
    content.update(weights_sha256="0" * 64, model="another")
    (tmp_path / "colours.json").write_text(json.dumps(content))
    args = ("rgb", *AFRICA, "-o", "africa.tif", "--basis", "colours.json")
    assert "fitted for the model another" in refused(*args, code=1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--basis", "none.json"], "none.json does not exist"),
        (["--basis", "bad.json"], "bad.json is no basis"),
        (["--basis", "a.json", "--save-basis", "b.json"], "leave out --save-basis"),
        (["--save-basis", "bad.json"], "bad.json exists"),
        (["--save-basis", "no/a.json"], "does not exist"),
    ],
)
def test_a_bad_basis_is_one_line(refused, tmp_path, args, message):
    (tmp_path / "bad.json").write_text("nonsense")
    assert message in refused("rgb", *WORLD, *args)


@pytest.mark.parametrize(
    "args",
    [
        ("rgb", "-o", "x.tif", "--save-basis", "./x.tif", *WORLD),
        ("clusters", "-k", 3, "-o", "x.tif", "--save-model", "x.tif", *WORLD),
        ("map", "samples.csv", "--column", "v", "-o", "x.tif", "--report", "samples.csv", *WORLD),
        ("map", "samples.csv", "--column", "v", "-o", "x.tif", "--report", "x.tif", *WORLD),
        ("rgb", "-o", "like.tif", "--like", "like.tif"),
        ("rgb", "-o", "like.tif", "--land-mask", "like.tif", *WORLD),
    ],
)
def test_no_file_is_written_over_what_is_read_or_written_too(run, refused, tmp_path, args):
    """Also with --overwrite, which is about what an earlier command left."""
    rows = [f"{lon},{lon / 3},{lon}" for lon in range(-90, 90, 5)]
    (tmp_path / "samples.csv").write_text("\n".join(["lon,lat,v", *rows]))
    assert run("rgb", *WORLD, "-o", "like.tif").returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert "given twice" in refused(*args, "--overwrite", code=1)
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before
