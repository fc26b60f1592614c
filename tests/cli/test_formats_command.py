"""Formats, regions and parts on the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

rasterio = pytest.importorskip("rasterio")


def test_a_country_as_a_cog_with_its_stac_item(run, tmp_path):
    words = ("--region", "Swiss confederation")
    result = run("similarity", "--to", 7.4, 46.9, *words, "--res", 0.1, "-o", "a.tif")
    assert result.returncode == 0, result.stderr
    result = run(
        *("similarity", "--to", 7.4, 46.9, "--region", "CH", "--res", 0.1, "--format", "cog"),
        *("--nodata", -9999, "--stac", "-o", "ch.tif"),
    )
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "ch.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.nodata == -9999
        # Whole multiples of the resolution, around the country's bounds.
        assert file.bounds == pytest.approx((5.9, 45.8, 10.5, 47.8))
        values = file.read(1)
    assert values[0, 0] == -9999
    assert values[9, 15] != -9999  # Bern
    with rasterio.open(tmp_path / "a.tif") as file:
        plain = file.read(1)
    np.testing.assert_array_equal(values, np.where(np.isnan(plain), np.float32(-9999), plain))
    item = json.loads((tmp_path / "ch.stac.json").read_text())
    assert item["assets"]["similarity"]["href"] == "./ch.tif"
    assert item["properties"]["processing:lineage"].startswith("satclip similarity --to 7.4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--region", "Swizerland", "--res", 1), "did you mean Switzerland"),
        (("--region", "CH", "--bbox-crs", "EPSG:4326", "--res", 1), "leave out --bbox-crs"),
        (("--res", 1), "Missing option --bbox W S E N, or give --region or --like FILE"),
        (("--region", "CH", "--res", 1, "--nodata", 1e60), "nodata 1e+60 is no number that"),
        (
            ("--region", "CH", "--res", 1, "--format", "zarr"),
            "is no Zarr store by its name: let it end in .zarr, or give another --format",
        ),
        (("--region", "CH", "--res", 1, "-o", "a.png"), "let it end in .tif"),
        (
            ("--region", "CH", "--res", 1, "--scheduler", "local"),
            "a GeoTIFF is written by one process: for a scheduler give --format zarr or",
        ),
    ],
)
def test_what_cannot_be_is_one_line(refused, words, message):
    assert message in refused("raster", *words)


def test_a_dry_run_plans_the_world(run, tmp_path):
    pytest.importorskip("zarr", minversion="3")
    result = run(
        *("raster", "--bbox", -180, -90, 180, 90, "--res", 0.01, "--dtype", "uint8"),
        *("-o", "world.zarr", "--dry-run"),
        timeout=400,  # zarr takes its time to be imported on a busy machine
    )
    assert result.returncode == 0, result.stderr
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["shape"] == "36000 x 18000 pixels, 256 bands, uint8"
    assert lines["parts"].startswith("2,556 of up to 512 x 512 pixels")  # 71 x 36
    assert "core hours" in lines["cost"]
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_parts_of_a_folder(small_model, tmp_path):
    words = [
        *(sys.executable, "-m", "satclip_cli", "raster", "--model", str(small_model)),
        *("--bbox", "-180", "-60", "180", "80", "--res", "0.05", "--dims", "16"),
        *("--format", "cogs", "-o", "world"),
    ]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    done = tmp_path / "world.part" / "done"
    while not (done.is_dir() and any(done.iterdir())):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "parts are kept in world.part: the same request goes on from there" in said
    assert said.endswith("Interrupted: the same command goes on from there\n")
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["world.part"]
