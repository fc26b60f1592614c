"""What other programs read in our rasters: GDAL's own tools, QGIS, GRASS, R's terra.

Whole numbers that stand for others, nodata and the names of classes; held to the encoder itself.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

gdal = pytest.importorskip("osgeo.gdal", reason="osgeo.gdal is not installed for this Python")

from satclip_core.grid import Grid  # noqa: E402
from satclip_core.models.registry import load_encoder  # noqa: E402
from satclip_core.products import ClusterModel, Clusters, Embedding, EmbeddingOf  # noqa: E402
from satclip_core.raster import WriteOptions, write_raster  # noqa: E402

GRID = Grid.from_bounds((6, 43, 14, 48), 0.5)
BAND = 5
DTYPES = ["uint8", "int16"]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


@pytest.fixture(scope="module")
def truth(encoder):
    """(rows, cols) of one band of the unit embedding, NaN in the west where the mask is."""
    lons, lats = 6.25 + 0.5 * np.arange(16), 47.75 - 0.5 * np.arange(10)
    embeddings = encoder.encode_grid(lons, lats).astype(np.float64)
    values = (embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True))[..., BAND - 1]
    values[:, :4] = np.nan
    return values


@pytest.fixture(scope="module")
def rasters(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rasters")
    files = {}
    for dtype in DTYPES:
        product = Embedding.of(encoder, dtype=dtype)
        mask = lambda lons, lats: lons >= 8  # noqa: E731
        files[dtype] = write_raster(folder / f"{dtype}.tif", GRID, product, encoder, mask=mask)
    return files


@pytest.fixture(scope="module")
def clusters(encoder, tmp_path_factory):
    model = ClusterModel.fit(encoder, [(x, y) for x in range(6, 14) for y in range(43, 48)], 5)
    target = tmp_path_factory.mktemp("clusters") / "clusters.tif"
    return write_raster(target, GRID, Clusters(model), encoder), list(Clusters(model).legend.names)


def step(file: Path) -> float:
    dataset = gdal.Open(str(file))
    return dataset.GetRasterBand(BAND).GetScale()


def off(file: Path) -> float:
    """Half a step, and what float32 leaves uncertain of a value."""
    return 0.5 * step(file) + 1e-6


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def unscaled(file: Path) -> np.ndarray:
    """What GDAL's own translation to values gives, nodata as NaN."""
    values = gdal.Translate("", str(file), format="MEM", unscale=True, outputType=gdal.GDT_Float64)
    source = gdal.Open(str(file))
    stored = source.GetRasterBand(BAND)
    read = values.GetRasterBand(BAND).ReadAsArray()
    read[stored.ReadAsArray() == stored.GetNoDataValue()] = np.nan
    return read


@pytest.fixture(scope="module")
def formats(encoder, tmp_path_factory):
    """One raster in each format that GDAL opens, and the file to open."""
    folder = tmp_path_factory.mktemp("formats")
    product, files = EmbeddingOf("uint8"), {}
    for name, target in (("gtiff", "plain.tif"), ("cog", "cog.tif"), ("cogs", "pieces")):
        options = WriteOptions(format=name)
        files[name] = write_raster(folder / target, GRID, product, encoder, options=options)
    files["cogs"] /= "pieces.vrt"
    files["gti"] = files["cogs"].with_name("pieces.gti.gpkg")
    return files


def opened_by(name: str) -> None:
    """Skip what this GDAL does not know yet."""
    if name == "gti" and int(gdal.VersionInfo()) < 3090000:
        pytest.skip("GDAL knows no raster tile index before 3.9")


FORMATS = ["gtiff", "cog", "cogs", "gti"]


@pytest.mark.parametrize("name", FORMATS)
def test_gdalinfo_tells_of_each_format(name, formats):
    opened_by(name)
    if shutil.which("gdalinfo") is None:
        pytest.skip("gdalinfo is not installed")
    info = json.loads(run("gdalinfo", "-json", str(formats[name])))
    assert info["size"] == [16, 10]
    assert info["geoTransform"] == [6, 0.5, 0, 48, 0, -0.5]
    assert info["stac"]["proj:epsg"] == 4326
    assert len(info["bands"]) == 256
    band = info["bands"][BAND - 1]
    assert (band["type"], band["description"], band["noDataValue"]) == ("Byte", "e004", 255)
    assert band["scale"] == pytest.approx(step(formats["gtiff"]))
    assert info["metadata"][""]["model"] == "bundled"
    assert float(info["metadata"][""]["cosine_loss_mean"]) < 1e-3


@pytest.mark.parametrize("name", FORMATS)
def test_qgis_opens_each_format(name, formats, qgis_app):
    from qgis.core import QgsRasterLayer

    opened_by(name)
    layer = QgsRasterLayer(str(formats[name]), name)
    assert layer.isValid()
    assert (layer.bandCount(), layer.width(), layer.height()) == (256, 16, 10)
    assert layer.crs().authid() == "EPSG:4326"
    plain = QgsRasterLayer(str(formats["gtiff"]), "plain")
    found, wanted = (
        one.dataProvider().block(BAND, layer.extent(), 16, 10) for one in (layer, plain)
    )
    for row, col in ((0, 0), (0, 15), (9, 0), (9, 15)):
        assert found.value(row, col) == wanted.value(row, col)


def test_the_pieces_of_a_folder_are_a_layer_in_qgis(formats, qgis_app):
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(f"{formats['gti']}|layername=pieces", "pieces", "ogr")
    assert layer.isValid()
    assert layer.crs().authid() == "EPSG:4326"
    (piece,) = layer.getFeatures()
    assert piece["location"] == "r00c00.tif"
    assert piece.geometry().boundingBox().toString(1) == "6.0,43.0 : 14.0,48.0"


@pytest.mark.parametrize("dtype", DTYPES)
def test_gdal_reads_the_values(dtype, rasters, truth):
    np.testing.assert_allclose(unscaled(rasters[dtype]), truth, atol=off(rasters[dtype]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_warped_raster_with_overviews_keeps_them(dtype, rasters, truth, tmp_path):
    """gdalwarp and gdaladdo, which made signed bytes wrong for every reader after them."""
    if shutil.which("gdalwarp") is None:
        pytest.skip("gdalwarp is not installed: apt-get install gdal-bin")
    warped = tmp_path / "warped.tif"
    run("gdalwarp", "-q", "-te", "8", "43", "14", "48", "-tr", "1", "1", "-r", "near",
        str(rasters[dtype]), str(warped))  # fmt: skip
    run("gdaladdo", "-q", "-r", "nearest", str(warped), "2")
    read = unscaled(warped)
    blocks = truth[:, 4:].reshape(5, 2, 6, 2).transpose(0, 2, 1, 3).reshape(5, 6, 4)
    nearest = np.abs(read[..., None] - blocks).min(axis=-1)  # one of the four is the nearest
    assert nearest.max() <= off(rasters[dtype])
    dataset = gdal.Open(str(warped))
    band = dataset.GetRasterBand(BAND)
    assert set(band.GetOverview(0).ReadAsArray().ravel()) <= set(band.ReadAsArray().ravel())


@pytest.mark.parametrize("dtype", DTYPES)
def test_qgis_reads_the_values(dtype, rasters, truth, qgis_app):
    from qgis.core import QgsRasterBandStats, QgsRasterLayer

    layer = QgsRasterLayer(str(rasters[dtype]), "embedding")
    provider = layer.dataProvider()
    block = provider.block(BAND, layer.extent(), 16, 10)
    read = [
        [np.nan if block.isNoData(r, c) else block.value(r, c) for c in range(16)]
        for r in range(10)
    ]
    np.testing.assert_allclose(np.array(read), truth, atol=off(rasters[dtype]))
    stats = provider.bandStatistics(BAND, QgsRasterBandStats.Stats.All)
    assert stats.mean == pytest.approx(np.nanmean(truth), abs=step(rasters[dtype]))
    assert stats.minimumValue == pytest.approx(np.nanmin(truth), abs=step(rasters[dtype]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_grass_reads_the_stored_numbers(dtype, rasters, truth, tmp_path):
    """GRASS applies no scale, but nodata and sign are right: value = scale · stored + offset."""
    if shutil.which("grass") is None:
        pytest.skip("GRASS is not installed: apt-get install grass-core")
    dataset = gdal.Open(str(rasters[dtype]))
    band = dataset.GetRasterBand(BAND)
    script = tmp_path / "read.sh"
    script.write_text(
        f"r.in.gdal --quiet --overwrite input={rasters[dtype]} band={BAND} output=e\n"
        "g.region -p raster=e >/dev/null\n"
        "r.univar -g map=e\n"
    )
    said = run("grass", "--tmp-location", "EPSG:4326", "--exec", "bash", str(script))
    facts = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    assert int(facts["n"]) == np.isfinite(truth).sum()
    mean = float(facts["mean"]) * band.GetScale() + (band.GetOffset() or 0.0)
    assert mean == pytest.approx(np.nanmean(truth), abs=band.GetScale())


TERRA = """
suppressPackageStartupMessages(library(terra))
r <- rast(commandArgs(TRUE)[1])
cat(values(r[[{band}]]), "\\n")
"""


def terra() -> str:
    found = shutil.which("Rscript")
    if (
        found is None
        or subprocess.run([found, "-e", "library(terra)"], capture_output=True).returncode
    ):
        pytest.skip("R's terra is not installed: apt-get install r-cran-terra")
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_terra_reads_the_values(dtype, rasters, truth):
    said = run(terra(), "-e", TERRA.format(band=BAND), str(rasters[dtype]))
    read = np.array([float(word) for word in said.split()]).reshape(truth.shape)
    np.testing.assert_allclose(read, truth, atol=off(rasters[dtype]))


def categories(dataset) -> dict[int, str]:
    """By `gdalinfo`: the Python of GDAL 3.6 gives no list that begins with an empty name."""
    lines = gdal.Info(dataset).partition("  Categories:\n")[2].splitlines()
    pairs = (line.split(":", 1) for line in lines if line.startswith("      "))
    return {int(code): name[1:] for code, name in pairs}


def test_classes_have_names_in_gdal(clusters):
    file, names = clusters
    dataset = gdal.Open(str(file))
    band = dataset.GetRasterBand(1)
    assert categories(dataset) == dict(enumerate(["", *names]))
    table = band.GetDefaultRAT()
    assert [table.GetValueAsString(row, 1) for row in range(table.GetRowCount())] == names
    assert table.GetColOfUsage(gdal.GFU_Name) == 1
    assert [table.GetValueAsInt(row, 0) for row in range(5)] == [1, 2, 3, 4, 5]
    assert table.GetValueAsInt(0, 2) == band.GetColorTable().GetColorEntry(1)[0]


def test_classes_have_names_in_qgis(clusters, qgis_app):
    """Loaded by hand, without the style that our algorithms give."""
    from qgis.core import QgsPalettedRasterRenderer, QgsRasterLayer

    file, names = clusters
    layer = QgsRasterLayer(str(file), "clusters")
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    labels = {entry.value: entry.label for entry in layer.renderer().classes()}
    assert [labels[code] for code in range(1, 6)] == names


def test_classes_have_names_in_grass(clusters, tmp_path):
    if shutil.which("grass") is None:
        pytest.skip("GRASS is not installed: apt-get install grass-core")
    file, names = clusters
    script = tmp_path / "read.sh"
    script.write_text(
        f"r.in.gdal --quiet --overwrite input={file} output=c\nr.category map=c separator=pipe\n"
    )
    said = run("grass", "--tmp-location", "EPSG:4326", "--exec", "bash", str(script))
    for code, name in enumerate(names, 1):
        assert f"{code}|{name}" in said


def test_classes_have_names_in_terra(clusters):
    code = "suppressPackageStartupMessages(library(terra)); r <- rast(commandArgs(TRUE)[1]); "
    code += 'cat(paste(cats(r)[[1]][[2]], collapse="|"))'
    file, names = clusters
    said = run(terra(), "-e", code, str(file))
    assert [name for name in said.split("|") if name] == names


@pytest.mark.parametrize("name", ["Wald & Wiese", "<no>", "a\x07b", "Ж中"])
def test_any_name_of_a_class_is_kept(name, tmp_path):
    from satclip_core.products.legend import Legend, attribute_tables

    target = tmp_path / "classes.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(target), 2, 2)
    dataset = None
    (tmp_path / "classes.tif.aux.xml").write_text(attribute_tables({1: Legend.of([name])}), "utf-8")
    dataset = gdal.Open(str(target))
    assert categories(dataset) == {0: "", 1: name.replace("\x07", " ")}


def test_codes_beyond_a_byte_have_a_table_alone():
    from satclip_core.products.legend import Legend, attribute_tables

    text = attribute_tables({1: Legend.of(["a", "b"], [7, 60000])})
    assert "CategoryNames" not in text
    assert "<F>60000</F><F>b</F>" in text
