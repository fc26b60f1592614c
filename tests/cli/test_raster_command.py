from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from scaled_models import scaled_encoder

from satclip_core.models.model_file import write_model
from satclip_core.models.registry import load_encoder

rasterio = pytest.importorskip("rasterio")

COMMAND = [sys.executable, "-m", "satclip_cli"]
ALPS = ("--bbox", 5, 45, 11, 48)


def embeddings(model, dataset):
    """What `encode` says at the centres of the pixels of a file in degrees."""
    rows, cols = np.indices(dataset.shape)
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    lons = a * (cols + 0.5) + b * (rows + 0.5) + c
    lats = d * (cols + 0.5) + e * (rows + 0.5) + f
    return np.moveaxis(
        load_encoder(model).encode(np.stack([lons, lats], -1).reshape(-1, 2)), -1, 0
    ).reshape(-1, *dataset.shape)


def test_a_transformer_over_fourier_tokens_is_a_model_like_any(run, tmp_path):
    """UniGeoCLIP's encoder; the pixels are what torch makes of their centres."""
    torch = pytest.importorskip("torch")
    from satclip_training import load_module

    write_model(tmp_path / "scaled.npz", scaled_encoder())
    result = run("raster", "--model", "scaled.npz", *ALPS, "--res", 0.5)
    assert result.returncode == 0, result.stderr
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.count == 8
        assert dataset.tags()["encoder"] == "transformer(scaledfourier(lon, lat))"
        lons, lats = np.arange(5.25, 11, 0.5), np.arange(47.75, 45, -0.5)
        centres = torch.tensor(np.stack(np.meshgrid(lons, lats), -1).reshape(-1, 2))
        with torch.no_grad():
            wanted = load_module(tmp_path / "scaled.npz")(centres).numpy().T.reshape(8, 6, 12)
        np.testing.assert_allclose(dataset.read(), wanted, atol=1e-4)


def test_the_first_command(run, tmp_path, small_model):
    result = run("raster", *ALPS, "--res", 1)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("embedding.tif: 6 x 3 pixels, 256 bands, ")
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.count == 256
        assert dataset.bounds == (5, 45, 11, 48)
        np.testing.assert_allclose(dataset.read(), embeddings(small_model, dataset), atol=1e-4)
        assert dataset.tags()["command"].startswith("satclip raster --bbox 5 45 11 48 --res 1")
    assert [path.name for path in tmp_path.iterdir()] == ["embedding.tif"]


@pytest.mark.parametrize(
    "bbox",
    [["--bbox", "-11,-5,-5,2"], ["--bounds", "-11 -5 -5 2"], ["--bbox", -11, -5, -5, 2]],
)
def test_a_bbox_in_many_forms(run, tmp_path, bbox):
    assert run("raster", *bbox, "--res", 1, 0.5, "-q").stderr == ""
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.bounds == (-11, -5, -5, 2)
        assert dataset.res == (1, 0.5)


def test_across_the_antimeridian(run, tmp_path, small_model):
    assert run("raster", "--bbox", 170, -20, -170, -10, "--res", 2).returncode == 0
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.bounds == (170, -20, 190, -10)
        np.testing.assert_allclose(dataset.read(), embeddings(small_model, dataset), atol=1e-4)


@pytest.mark.parametrize(
    ("words", "bounds", "said"),
    [
        (("--bbox", 6, 40, 9, 43), (6, 40, 9, 43), None),
        (("--bbox", 6, 40, 10, 43), (6, 40, 10.2, 43), "covers 6 40 10.2 43 (EPSG:4326)"),
        (("--bbox", 10, 40, 13, 43, "--tap"), (9.9, 39.9, 13.2, 43.2), "covers 9.9 39.9 13.2"),
        (
            ("--bbox", 6, 40, 7, 41, "--bbox-crs", "EPSG:4258", "--no-tap"),
            (6, 39.8, 7.2, 41),
            "covers 6 39.8 7.2 41",
        ),
        (
            ("--bbox", 6, 40, 7, 41, "--bbox-crs", "EPSG:4258"),
            (6, 39.9, 7.2, 41.1),
            "covers 6 39.9 7.2 41.1",
        ),
    ],
)
def test_the_extent_that_whole_pixels_make_is_said(run, tmp_path, words, bounds, said):
    result = run("raster", *words, "--res", 0.3)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "the raster covers" in line]
    assert len(lines) == (0 if said is None else 1)
    assert said is None or said in lines[0]
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert tuple(dataset.bounds) == pytest.approx(bounds)


def test_the_world_in_mercator_ends_where_that_does(run, tmp_path):
    world = ("--bbox", -180, -90, 180, 90, "--bbox-crs", "EPSG:4326", "--crs", "EPSG:3857")
    result = run("similarity", *world, "--res", 200_000, "--to", 7, 46)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("Warning: ") == 1
    assert "area of use, -180 -85.06 180 85.06" in result.stderr
    with rasterio.open(tmp_path / "similarity.tif") as dataset:
        assert dataset.shape == (202, 202)
        assert np.isfinite(dataset.read()[:, 1:-1]).all()


def test_like_gives_the_grid_alone(refused, tmp_path):
    assert "leave out --tap" in refused("raster", "--like", "a.tif", "--tap", code=2)
    assert "leave out --no-tap" in refused("raster", "--like", "a.tif", "--no-tap", code=2)


def test_another_crs_and_like(run, tmp_path):
    bbox = (*ALPS, "--bbox-crs", "EPSG:4326")
    assert run("raster", *bbox, "--crs", "EPSG:32632", "--res", 50_000).returncode == 0
    result = run("similarity", "--like", "embedding.tif", "--to", 7, 46)
    assert result.returncode == 0, result.stderr
    with (
        rasterio.open(tmp_path / "embedding.tif") as one,
        rasterio.open(tmp_path / "similarity.tif") as other,
    ):
        assert one.crs.to_epsg() == 32632
        assert (one.crs, one.transform, one.shape) == (other.crs, other.transform, other.shape)


def test_whole_numbers_report_their_error(run, tmp_path):
    result = run("raster", *ALPS, "--res", 1, "--dtype", "uint8", "-v")
    assert result.returncode == 0
    assert "uint8: 1 - cosine is " in result.stderr
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.dtypes[0] == "uint8"
        assert float(dataset.tags()["cosine_loss_mean"]) < 1e-3


def test_a_land_mask_of_polygons(run, tmp_path):
    ring = "[[5,45],[8,45],[8,48],[5,48],[5,45]]"
    (tmp_path / "land.geojson").write_text(f'{{"type":"Polygon","coordinates":[{ring}]}}')
    assert run("raster", *ALPS, "--res", 1, "--land-mask", "land.geojson").returncode == 0
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        land = np.isfinite(dataset.read())
    assert land[:, :, :3].all()
    assert not land[:, :, 3:].any()


def test_creation_options_and_quiet(run, tmp_path):
    co = ("--co", "COMPRESS=DEFLATE", "--co", "bigtiff=YES")
    result = run("raster", *ALPS, "--res", 0.1, *co, "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with rasterio.open(tmp_path / "embedding.tif") as dataset:
        assert dataset.compression.name == "deflate"
    assert (tmp_path / "embedding.tif").read_bytes()[2] == 43  # BigTIFF's version


def test_fine_pixels_are_warned_of_once(run):
    result = run("raster", *ALPS, "--res", 0.1)
    assert result.returncode == 0
    assert result.stderr.count("Warning: pixels of 0.1 degrees are far finer") == 1


def test_dry_run_says_shape_size_and_time_and_writes_nothing(run, tmp_path):
    result = run("raster", *ALPS, "--res", 0.01, "--dry-run")
    assert result.returncode == 0
    assert "600 x 300 pixels, 256 bands, float32" in result.stdout
    assert "184 MB before compression" in result.stdout
    assert "time " in result.stdout
    assert result.stderr == ""
    assert not list(tmp_path.iterdir())


def test_an_existing_output_is_refused_then_replaced(run, refused, tmp_path):
    (tmp_path / "embedding.tif").write_text("mine")
    assert "embedding.tif exists" in refused("raster", *ALPS, "--res", 1)
    assert (tmp_path / "embedding.tif").read_text() == "mine"
    assert run("raster", *ALPS, "--res", 1, "--overwrite").returncode == 0
    assert (tmp_path / "embedding.tif").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--bbox", 5, 48, 11, 45, "--res", 0.1], "south (48) lies above north (45)"),
        (["--bbox", 5, 45, 5, 48, "--res", 0.1], "empty"),
        (["--bbox", 5, 45, 11, 45, "--res", 0.1], "empty"),
        (["--bbox", "nan", 45, 11, 48, "--res", 0.1], "not finite"),
        (["--bbox", 5, 45, "inf", 48, "--res", 0.1], "not finite"),
        (["--bbox", 5, 45, 11, 95, "--res", 0.1], "latitude 95"),
        (["--bbox", 5, -95, 11, 45, "--res", 0.1], "latitude -95"),
        (["--bbox", 5, 45, 11, "--res", 0.1], "'5,45,11' is 3 numbers"),
        (["--bbox", 5, "north", 11, 48, "--res", 0.1], "'north' is not a number"),
        ([*ALPS, "--res", 0], "res 0 is not above 0"),
        ([*ALPS, "--res", -0.1], "res -0.1 is not above 0"),
        ([*ALPS, "--res", "nan"], "res nan"),
        ([*ALPS, "--res", "inf"], "res inf"),
        (
            [*ALPS, "--res", 5],
            "res 5 is coarser than the height of the bbox (3, unit degree)",
        ),
        ([*ALPS, "--res", "fine"], "'fine' is not a number"),
        ([*ALPS, "--res", 1e-12], "more than a raster can have"),
        ([*ALPS, "--res", 0.00001], "are free there: give a coarser --res"),
        ([*ALPS, "--res", 1, "--crs", "EPSG:999999"], "unknown CRS 'EPSG:999999'"),
        ([*ALPS, "--res", 1, "--crs", "nonsense"], "unknown CRS 'nonsense'"),
        ([*ALPS, "--res", 1, "--bbox-crs", "EPSG:0"], "unknown CRS 'EPSG:0'"),
        ([*ALPS, "--res", 1000, "--crs", "EPSG:32632"], "--bbox-crs EPSG:4326"),
        ([*ALPS, "--res", 1, "--like", "x.tif"], "leave out --bbox, --res"),
        (["--like", "none.tif"], "none.tif does not exist"),
        ([*ALPS, "--res", 1, "--model", "none.npz"], "there is no model file none.npz"),
        ([*ALPS, "--res", 1, "--model", "nonesuch"], "unknown model 'nonesuch'"),
        ([*ALPS, "--res", 1, "--land-mask", "none.tif"], "none.tif does not exist"),
        ([*ALPS, "--res", 1, "-o", "out.png"], "let it end in .tif"),
        ([*ALPS, "--res", 1, "-o", "no/out.tif"], "does not exist"),
        ([*ALPS, "--res", 1, "-o", "."], "folder"),
        ([*ALPS, "--res", 1, "--co", "COMPRESS"], "not KEY=VALUE"),
        ([*ALPS, "--res", 1, "--co", "COMPRESS=MAGIC"], "MAGIC"),
        ([*ALPS, "--res", 1, "--co", "NONSENSE=1"], "NONSENSE"),
    ],
)
def test_bad_input_is_one_line(refused, args, message):
    assert message in refused("raster", *args)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 truncated", b"PK" * 5000])
def test_a_damaged_model_is_one_line(refused, tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    assert "bad.npz" in refused("raster", *ALPS, "--res", 1, "--model", "bad.npz", code=1)


def test_a_truncated_model_is_one_line(refused, tmp_path, small_model):
    data = small_model.read_bytes()
    (tmp_path / "bad.npz").write_bytes(data[: len(data) // 2])
    assert "bad.npz" in refused("raster", *ALPS, "--res", 1, "--model", "bad.npz", code=1)


@pytest.mark.parametrize("name", ["bad.tif", "bad.geojson"])
def test_a_mask_that_cannot_be_read_is_one_line(refused, tmp_path, name):
    (tmp_path / name).write_text("nonsense")
    assert name in refused("raster", *ALPS, "--res", 1, "--land-mask", name)


def test_a_mask_without_land_here_is_one_line(refused, tmp_path):
    ring = "[[50,5],[60,5],[60,8],[50,8],[50,5]]"
    (tmp_path / "land.geojson").write_text(f'{{"type":"Polygon","coordinates":[{ring}]}}')
    args = ("rgb", *ALPS, "--res", 1, "--land-mask", "land.geojson")
    assert "no pixel of the raster is valid" in refused(*args)


def mounted(folder: Path, options: str) -> None:
    """Mount a disk in memory, or skip where that is not allowed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a disk needs root")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")


@pytest.fixture
def disk():
    """A folder to mount something on."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)
    folder.chmod(0o755)
    folder.rmdir()


def test_no_permission_is_one_line(refused, disk):
    """A folder without the right to write; root has it everywhere but on a read-only disk."""
    disk.chmod(0o555)
    if os.access(disk, os.W_OK):
        mounted(disk, "ro,size=1m")
    line = refused("raster", *ALPS, "--res", 1, "-o", disk / "out.tif", code=1)
    assert "no permission to write" in line
    assert not list(disk.iterdir())


@pytest.mark.parametrize(
    ("size", "args", "message"),
    [
        (1, ["raster", "--res", 0.02], "would hold 46.1 MB before compression"),
        (8, ["raster", "--res", 0.02], "would take about"),
        (4, ["raster", "--res", 0.06], "no space left"),
        (4, ["similarity", "--to", "7,46", "--res", 0.002], "no space left"),
    ],
    ids=["never", "not-compressed", "first-block", "later"],
)
def test_no_space_is_one_line(refused, disk, size, args, message):
    mounted(disk, f"size={size}m")
    line = refused(*args, *ALPS, "-o", disk / "out.tif", "-q", code=1)
    assert message in line
    assert "free" in line
    assert not list(disk.iterdir())


def test_what_fits_compressed_is_written(run, disk):
    mounted(disk, "size=9m")
    args = ("similarity", "--to", "7,46", *ALPS, "--res", 0.002, "-o", disk / "out.tif")
    assert run(*args).returncode == 0  # 18 MB before compression
    assert [path.name for path in disk.iterdir()] == ["out.tif"]


def test_a_limit_on_files_is_one_line(refused, tmp_path):
    resource = pytest.importorskip("resource")
    limit = 4_000_000
    line = refused(
        *("raster", *ALPS, "--res", 0.05, "-q"),
        code=1,
        started=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert "free" in line


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_an_interrupt_leaves_nothing(begun, tmp_path, small_model, number, code):
    args = ["raster", "--bbox", "0,0,90,60", "--res", "0.05", "--model", str(small_model), "-q"]
    process = subprocess.Popen([*COMMAND, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    begun(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert err == ("Interrupted: nothing was written\n" if number == signal.SIGINT else "")
    assert not list(tmp_path.iterdir())
