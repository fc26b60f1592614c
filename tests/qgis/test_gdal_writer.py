"""The writer by osgeo.gdal: the same files as rasterio's, and nothing left where it fails."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

gdal = pytest.importorskip("osgeo.gdal", reason="osgeo.gdal is not installed for this Python")

from satclip_core.errors import CancelledError, InputError, OutputError  # noqa: E402
from satclip_core.grid import Grid  # noqa: E402
from satclip_core.models.registry import load_encoder  # noqa: E402
from satclip_core.products import Embedding, Similarity  # noqa: E402
from satclip_core.raster import WriteOptions, write_raster  # noqa: E402
from satclip_core.raster.geotiff import library  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GRID = Grid.from_bounds((170, -20, -170, -10), 0.5)
UTM = Grid("EPSG:32632", (20000, 0, 300000, 0, -20000, 5400000), (20, 30))

# Writes the products that are compared; run by this Python and by one with rasterio.
WRITE = """
import sys
from satclip_core.products import ClusterModel, Clusters
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.products import Embedding, Rgb, Similarity
from satclip_core.raster import write_raster
from satclip_core.models.registry import load_encoder
from satclip_core.products import RgbBasis
folder = sys.argv[1]
encoder = load_encoder()
degrees = Grid.from_bounds((170, -20, -170, -10), 0.5)
utm = Grid("EPSG:32632", (20000, 0, 300000, 0, -20000, 5400000), (20, 30))
sample = Locator(degrees).sample(500)
for name, grid, product in (
    ("float32", degrees, Embedding.of(encoder)),
    ("float16", degrees, Embedding.of(encoder, dtype="float16")),
    ("uint8", degrees, Embedding.of(encoder, dtype="uint8")),
    ("int16", degrees, Embedding.of(encoder, dtype="int16")),
    ("similarity", utm, Similarity.to(encoder, [(9, 47)])),
    ("rgb", degrees, Rgb(RgbBasis.fit(encoder, sample))),
    ("clusters", degrees, Clusters(ClusterModel.fit(encoder, sample, 4))),
):
    write_raster(f"{folder}/{name}.tif", grid, product, encoder)
"""


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


@cache
def other_python() -> str:
    """A Python of the project, with rasterio: SATCLIP_PYTHON, or .venv."""
    for python in (os.environ.get("SATCLIP_PYTHON"), ROOT / ".venv" / "bin" / "python"):
        code = "import rasterio, satclip_core"
        if not python or not Path(python).exists():
            continue
        if not subprocess.run([python, "-c", code], capture_output=True).returncode:
            return str(python)
    pytest.skip("no Python with rasterio: SATCLIP_PYTHON names one")
    raise AssertionError


def test_osgeo_writes_where_it_is_loaded():
    assert library() == "osgeo"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Folders with the same rasters, by osgeo.gdal and by rasterio."""
    folders = []
    for python, name in ((sys.executable, "osgeo"), (other_python(), "rasterio")):
        folder = tmp_path_factory.mktemp(name)
        code = "from osgeo import gdal, osr\n" + WRITE if name == "osgeo" else WRITE
        command = [python, "-c", code, str(folder)]
        # From the root of the checkout: both take its satclip_core.
        subprocess.run(command, check=True, cwd=ROOT)
        folders.append(folder)
    return folders


# A number with a fraction.
FRACTION = r"-?\d+\.\d+(?:e-?\d+)?"


def numbers(text):
    return [float(number) for number in re.findall(FRACTION, text)]


def worded(tags):
    """Tags without the fractions in them."""
    return {key: re.sub(FRACTION, "?", text) for key, text in tags.items()}


@pytest.mark.parametrize(
    "name", ["float32", "float16", "uint8", "int16", "similarity", "rgb", "clusters"]
)
def test_both_writers_make_the_same_raster(name, pairs):
    ours, theirs = (gdal.Open(str(folder / f"{name}.tif")) for folder in pairs)
    assert ours.GetGeoTransform() == theirs.GetGeoTransform()
    assert ours.GetSpatialRef().IsSame(theirs.GetSpatialRef())
    tags, others = ours.GetMetadata(), theirs.GetMetadata()
    assert [worded(tags), worded(others)] == [worded(tags)] * 2
    for key in tags:  # measured numbers, in the sixth digit a matter of the BLAS
        assert numbers(tags[key]) == pytest.approx(numbers(others[key]), rel=2e-5, abs=2e-6), key
    for domain in ("COMPRESSION", "INTERLEAVE", "PREDICTOR"):
        one, other = (d.GetMetadata("IMAGE_STRUCTURE").get(domain) for d in (ours, theirs))
        assert one == other, domain
    assert ours.RasterCount == theirs.RasterCount
    for index in range(1, ours.RasterCount + 1):
        one, other = ours.GetRasterBand(index), theirs.GetRasterBand(index)
        assert one.GetDescription() == other.GetDescription()
        assert one.DataType == other.DataType
        assert repr(one.GetNoDataValue()) == repr(other.GetNoDataValue())
        assert one.GetScale() == pytest.approx(other.GetScale(), rel=1e-6)
        assert one.GetOffset() == pytest.approx(other.GetOffset(), rel=1e-6)
        assert one.GetColorInterpretation() == other.GetColorInterpretation()
        assert one.GetBlockSize() == other.GetBlockSize()
        tables = [band.GetColorTable() for band in (one, other)]
        assert (tables[0] is None) == (tables[1] is None)
        if tables[0] is not None:
            for code in range(5):
                assert tables[0].GetColorEntry(code) == tables[1].GetColorEntry(code)
    # Two builds of numpy: sums may end in another last bit, which rounding can turn into a step.
    atol = {
        "float32": 1e-5,
        "float16": 1e-3,
        "similarity": 1e-5,
        "uint8": 1,
        "int16": 2,
        "rgb": 1,
        "clusters": 0,
    }
    a, b = (dataset.ReadAsArray().astype(np.float64) for dataset in (ours, theirs))
    np.testing.assert_allclose(a, b, atol=atol[name])


@pytest.mark.parametrize("raising", [False, True])
def test_gdal_may_be_set_to_raise_or_not(raising, encoder, tmp_path):
    before = gdal.GetUseExceptions()
    (gdal.UseExceptions if raising else gdal.DontUseExceptions)()
    try:
        write_raster(tmp_path / "a.tif", UTM, Similarity.to(encoder, [(9, 47)]), encoder)
        wrong = WriteOptions(creation_options={"COMPRESS": "NONSENSE"})
        with pytest.raises(InputError, match="NONSENSE"):
            write_raster(tmp_path / "b.tif", GRID, Embedding.of(encoder), encoder, options=wrong)
        unknown = WriteOptions(creation_options={"NO_SUCH_OPTION": "1"})
        with pytest.raises(InputError, match="NO_SUCH_OPTION"):
            write_raster(tmp_path / "c.tif", GRID, Embedding.of(encoder), encoder, options=unknown)
    finally:
        (gdal.UseExceptions if before else gdal.DontUseExceptions)()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_target_that_exists_is_kept_until_the_new_one_is_whole(encoder, tmp_path):
    target = tmp_path / "out.tif"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists"):
        write_raster(target, GRID, Embedding.of(encoder), encoder)
    with pytest.raises(CancelledError):
        write_raster(
            target,
            GRID,
            Embedding.of(encoder),
            encoder,
            options=WriteOptions(overwrite=True),
            cancelled=lambda: True,
        )
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]


def test_a_full_disk_leaves_nothing(encoder, tmp_path):
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
from osgeo import gdal
from satclip_core.errors import OutputError
from satclip_core.grid import Grid
from satclip_core.products import Embedding
from satclip_core.raster import write_raster
from satclip_core.models.registry import load_encoder
encoder = load_encoder()
try:
    write_raster({str(tmp_path / "out.tif")!r}, Grid.from_bounds((0, 0, 40, 30), 0.5),
                 Embedding.of(encoder), encoder)
except OutputError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "out.tif" in result.stdout, result.stderr
    assert not list(tmp_path.iterdir())


# Boxes, over poles and across the antimeridian among them, as (box, its CRS).
BOXES = [
    ((5, 45, 11, 48), "EPSG:4326"),
    ((-180, -90, 180, 90), "EPSG:4326"),
    ((170, -80, 190, -60), "EPSG:4326"),
    ((-2e6, -1e6, 1.5e6, 1e6), "EPSG:3413"),
    ((1.9e7, -2e6, 2.1e7, 2e6), "EPSG:3857"),
]


def extents(crs):
    """What each of the boxes is in a CRS; None where it is refused."""
    from satclip_core.grid.extent import transform_bounds

    found = []
    for box, source in BOXES:
        try:
            found.append(transform_bounds(box, source, crs))
        except InputError:
            found.append(None)
    return found


@cache
def by_pyproj(crs):
    """Coordinates, half a turn, unit, boxes, area of use and name, by the project's Python."""
    code = f"""
import json, numpy as np
from satclip_core.errors import InputError
from satclip_core.grid.crs_pyproj import Pyproj
BOXES = {BOXES!r}
{inspect.getsource(extents)}
p = Pyproj()
x, y = p.transform("EPSG:4326", {crs!r})(np.linspace(-180, 180, 9), np.linspace(-90, 90, 9))
back = p.transform({crs!r}, "EPSG:4326")(x, y)
print(json.dumps([np.array([x, y]).tolist(), p.half_turn({crs!r}), p.unit({crs!r}),
                  extents({crs!r}), p.area({crs!r}), p.code(p.wkt({crs!r}))]))
"""
    command = [other_python(), "-c", code]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return json.loads(said)


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32632", "EPSG:3031", "EPSG:4807", "ESRI:54030"])
@pytest.mark.parametrize("raising", [False, True])
def test_osr_and_pyproj_agree(crs, raising, monkeypatch):
    """Against coordinates that the project's Python computes with pyproj."""
    from osgeo import osr

    from satclip_core.grid import crs as crs_module
    from satclip_core.grid import extent
    from satclip_core.grid.crs_osr import Osr

    xy, half, unit, boxes, area, name = by_pyproj(crs)
    (osr.UseExceptions if raising else osr.DontUseExceptions)()
    try:
        backend = Osr()
        mine = backend.transform("EPSG:4326", crs)(
            np.linspace(-180, 180, 9), np.linspace(-90, 90, 9)
        )
        # Two releases of PROJ: a micrometre.
        finite = np.isfinite(xy)
        assert (np.isfinite(mine) == finite).all()
        np.testing.assert_allclose(np.array(mine)[finite], np.array(xy)[finite], atol=1e-6)
        assert backend.half_turn(crs) == (half if half is None else pytest.approx(half))
        assert backend.unit(crs) == unit
        assert backend.area(crs) == pytest.approx(area)
        assert backend.code(backend.wkt(crs)) == name
        monkeypatch.setattr(crs_module, "_first_backend", lambda: backend)
        for cached in (crs_module.period, extent._torn):
            cached.cache_clear()
        for mine, theirs in zip(extents(crs), boxes):
            assert mine == (theirs if theirs is None else pytest.approx(tuple(theirs), rel=1e-6))
    finally:
        osr.DontUseExceptions()


@pytest.mark.parametrize("crs", ["EPSG:999999", "nonsense", "/etc/passwd", "EPSG:5773"])
def test_osr_names_a_crs_that_is_none(crs):
    from satclip_core.grid.crs_osr import Osr

    with pytest.raises(InputError, match=crs):
        Osr().half_turn(crs)


def test_a_crs_that_geotiff_cannot_hold_is_refused(encoder, tmp_path):
    """GDAL leaves it out and says nothing: the raster would lie nowhere."""
    grid = Grid("+proj=hammer", (1e5, 0, 0, 0, -1e5, 1e6), (8, 8))
    with pytest.raises(InputError, match="a GeoTIFF cannot hold the CRS"):
        write_raster(tmp_path / "out.tif", grid, Similarity.to(encoder, [(0, 0)]), encoder)
    assert not list(tmp_path.iterdir())
    assert not [name for name in gdal.ReadDir("/vsimem") or [] if name.startswith("satclip-")]
