"""qgis_process with the plugin installed from the built zip into an empty profile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

gdal = pytest.importorskip("osgeo.gdal", reason="osgeo.gdal is not installed for this Python")
ROOT = Path(__file__).resolve().parents[2]
PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
if PROCESS is None:
    pytest.skip("qgis_process is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of an empty profile, with the zip unpacked where QGIS would."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, str(ROOT / "qgis_plugin/build.py"), "--out", str(home)]
    archive = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    config = home / "config"
    plugins = config / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    with zipfile.ZipFile(archive) as content:
        content.extractall(plugins)
    environment = {
        **os.environ,
        "HOME": str(home),
        "QGIS_CUSTOM_CONFIG_PATH": str(config),
        "QT_QPA_PLATFORM": "offscreen",
        "LANG": "C.UTF-8",
    }
    run(["plugins", "enable", "satclip_qgis"], environment)
    return environment


def run(arguments, environment):
    result = subprocess.run(
        [PROCESS, *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_installed_plugin_offers_its_algorithms(environment):
    listed = run(["list"], environment)
    for name in ("embedpoints", "embeddingraster", "similarity", "embeddingrgb", "clusters",
                 "mapfromsamples", "mapfromsaved", "predictpoints", "similarplaces",
                 "similarareas", "embedzones", "similarfeatures", "groupfeatures", "lookalikes",
                 "fillvalues"):  # fmt: skip
        assert f"satclip:{name}" in listed


def test_help_names_every_parameter(environment):
    said = run(["help", "satclip:embeddingraster"], environment)
    for name in ("EXTENT", "RESOLUTION", "CRS", "MODEL", "OUTPUT"):
        assert name in said


@cache
def satclip() -> list[str]:
    """The command line of the project: SATCLIP_PYTHON, or .venv."""
    for python in (os.environ.get("SATCLIP_PYTHON"), ROOT / ".venv" / "bin" / "python"):
        code = "import rasterio, satclip_cli"
        if not python or not Path(python).exists():
            continue
        if not subprocess.run([python, "-c", code], capture_output=True).returncode:
            return [str(python), "-m", "satclip_cli"]
    pytest.skip("no Python with the command line: SATCLIP_PYTHON names one")
    raise AssertionError


@pytest.mark.parametrize(
    ("command", "algorithm", "options", "parameters"),
    [
        ("raster", "embeddingraster", ["--bbox", "5,45,11,48", "--res", "0.25"], []),
        (
            "raster",
            "embeddingraster",
            [
                "--bbox",
                "5,45,11,48",
                "--bbox-crs",
                "EPSG:4326",
                "--crs",
                "EPSG:32632",
                "--res",
                "20000",
            ],
            ["CRS=EPSG:32632"],
        ),
        (
            "similarity",
            "similarity",
            ["--to", "7,46", "--bbox", "170,-20,-170,-10", "--res", "0.5"],
            ["POINT=7,46 [EPSG:4326]", "LAND=false"],
        ),
    ],
)
def test_qgis_process_and_the_command_line_give_equal_pixels(
    command, algorithm, options, parameters, environment, tmp_path
):
    def value(name):
        return options[options.index(name) + 1]

    west, south, east, north = value("--bbox").split(",")
    crs = "CRS=EPSG:4326" if not any(p.startswith("CRS=") for p in parameters) else parameters[0]
    more = [parameter for parameter in parameters if not parameter.startswith("CRS=")]
    run(
        ["run", f"satclip:{algorithm}", "--", f"EXTENT={west},{east},{south},{north} [EPSG:4326]",
         f"RESOLUTION={value('--res')}", crs, *more, f"OUTPUT={tmp_path / 'qgis.tif'}"],
        environment,
    )  # fmt: skip
    subprocess.run(
        [*satclip(), command, *options, "-o", str(tmp_path / "cli.tif")],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    ours, theirs = (gdal.Open(str(tmp_path / name)) for name in ("qgis.tif", "cli.tif"))
    assert ours.GetGeoTransform() == theirs.GetGeoTransform()
    assert ours.GetSpatialRef().IsSame(theirs.GetSpatialRef())
    a, b = ours.ReadAsArray(), theirs.ReadAsArray()
    assert a.shape == b.shape
    # numpy 1.24 with Debian's BLAS against numpy 2 with its own: the last bits of float32 sums.
    np.testing.assert_allclose(a, b, atol=2e-6)


def test_equal_pixels_to_the_bit_with_one_numpy(environment, tmp_path):
    """The command line's own road, by the Python of QGIS, gives the same bits."""
    target = tmp_path / "qgis.tif"
    run(
        ["run", "satclip:embeddingraster", "--", "EXTENT=5,11,45,48 [EPSG:4326]",
         "RESOLUTION=0.25", "CRS=EPSG:4326", f"OUTPUT={target}"],
        environment,
    )  # fmt: skip
    from satclip_core.grid import Grid
    from satclip_core.models.registry import load_encoder
    from satclip_core.products import Embedding
    from satclip_core.raster import raster_array

    encoder = load_encoder()
    grid = Grid.from_bounds((5, 45, 11, 48), 0.25)
    expected = raster_array(grid, Embedding.of(encoder), encoder)
    np.testing.assert_array_equal(gdal.Open(str(target)).ReadAsArray(), expected)


def test_a_wrong_parameter_is_one_line_and_a_failure(environment, tmp_path):
    result = subprocess.run(
        [PROCESS, "run", "satclip:similarity", "--", "EXTENT=5,11,45,48 [EPSG:4326]",
         "MODEL=nonsense", "POINT=7,46", f"OUTPUT={tmp_path / 'out.tif'}"],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode != 0
    assert "unknown model 'nonsense'" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
