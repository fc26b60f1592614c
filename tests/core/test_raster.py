from __future__ import annotations

from dataclasses import replace
from xml.sax.saxutils import escape

import numpy as np
import pytest

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.grid import Grid
from satclip_core.models.registry import load_encoder
from satclip_core.products import (
    ClusterModel,
    Clusters,
    Embedding,
    Rgb,
    RgbBasis,
    Similarity,
)
from satclip_core.raster import (
    RasterSpec,
    WriteOptions,
    grid_like,
    open_writer,
    raster_array,
    write_raster,
)
from satclip_core.raster.space import as_size, room
from satclip_core.raster.tiff import check_complete

rasterio = pytest.importorskip("rasterio")

ALPS = Grid.from_bounds((5, 45, 11, 48), 0.2)
STATISTICS = """<PAMDataset><PAMRasterBand band="1"><Metadata>
<MDI key="STATISTICS_MEAN">7</MDI></Metadata></PAMRasterBand></PAMDataset>"""


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def test_a_file_holds_what_the_array_holds(encoder, tmp_path):
    file = write_raster(tmp_path / "out.tif", ALPS, Embedding(256), encoder)
    with rasterio.open(file) as dataset:
        np.testing.assert_array_equal(dataset.read(), raster_array(ALPS, Embedding(256), encoder))
        assert dataset.descriptions[:2] == ("e000", "e001")
        assert dataset.crs.to_epsg() == 4326
        assert dataset.bounds == pytest.approx(ALPS.bounds)
        assert np.isnan(dataset.nodata)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]


def test_a_file_says_where_it_comes_from(encoder, tmp_path):
    options = WriteOptions(tags={"command": "satclip raster"})
    file = write_raster(tmp_path / "out.tif", ALPS, Embedding(256), encoder, options=options)
    with rasterio.open(file) as dataset:
        tags = dataset.tags()
    assert tags["model"] == encoder.name
    assert tags["weights_sha256"] == encoder.sha256
    assert tags["dim"] == "256"
    assert tags["legendre_polys"] == "10"
    assert tags["effective_resolution_degrees"] == "9"
    assert tags["values"] == "raw"
    assert "lon, lat" in tags["coordinates"]
    assert tags["software"].startswith("satclip-embeddings ")
    assert tags["command"] == "satclip raster"


def test_tiles_compression_and_type(encoder, tmp_path):
    grid = Grid.from_bounds((0, 0, 30, 27), 0.1)
    file = write_raster(tmp_path / "out.tif", grid, Similarity.to(encoder, [(0, 0)]), encoder)
    with rasterio.open(file) as dataset:
        assert dataset.block_shapes[0] == (256, 256)
        assert dataset.compression.name == "zstd"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
        assert dataset.dtypes == ("float32",)


@pytest.mark.parametrize("dtype", ["float16", "uint8", "int16"])
def test_smaller_types_stay_close(encoder, tmp_path, dtype):
    product = Embedding.of(encoder, dtype=dtype, normalize=True)
    file = write_raster(tmp_path / "out.tif", ALPS, product, encoder)
    exact = np.moveaxis(raster_array(ALPS, Embedding(256, normalize=True), encoder), 0, -1)
    with rasterio.open(file) as dataset:
        stored = np.moveaxis(dataset.read(), 0, -1)
        if dtype != "float16":
            assert dataset.nodata == {"uint8": 255, "int16": -32768}[dtype]
            stored = stored * np.array(dataset.scales) + np.array(dataset.offsets)
            stored /= np.linalg.norm(stored, axis=-1, keepdims=True)
        else:
            assert dataset.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "16"
    assert (1 - (stored * exact).sum(-1)).max() < 1e-3


def test_rgb_is_shown_as_colours(encoder, tmp_path):
    basis = RgbBasis.fit(encoder, np.array([[5.0, 45], [11, 48], [8, 46], [7, 47]]))
    north = lambda lons, lats: lats > 46  # noqa: E731
    file = write_raster(tmp_path / "out.tif", ALPS, Rgb(basis), encoder, mask=north)
    with rasterio.open(file) as dataset:
        assert [colour.name for colour in dataset.colorinterp] == ["red", "green", "blue", "alpha"]
        assert dataset.nodata is None
        alpha = dataset.read(4)
    assert (alpha[:10] == 255).all()
    assert (alpha[10:] == 0).all()


def test_across_the_antimeridian_in_one_piece(encoder, tmp_path):
    grid = Grid.from_bounds((170, -20, -170, -10), 0.5)
    file = write_raster(tmp_path / "out.tif", grid, Embedding(256), encoder)
    with rasterio.open(file) as dataset:
        assert dataset.bounds == (170, -20, 190, -10)
        pixel = dataset.read(window=((0, 1), (39, 40)))[:, 0, 0]
    np.testing.assert_allclose(pixel, encoder.encode([(-170.25, -10.25)])[0], atol=1e-4)


def test_an_existing_file_is_kept_unless_told(encoder, tmp_path):
    target = tmp_path / "out.tif"
    target.write_text("mine")
    with pytest.raises(OutputError, match=r"out\.tif exists"):
        write_raster(target, ALPS, Embedding(256), encoder)
    assert target.read_text() == "mine"
    write_raster(target, ALPS, Embedding(256), encoder, options=WriteOptions(overwrite=True))
    assert grid_like(target) == ALPS


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ZeroDivisionError, SystemExit])
def test_a_failure_leaves_nothing_not_even_of_a_file_to_be_replaced(encoder, tmp_path, failure):
    target = tmp_path / "out.tif"
    target.write_text("mine")

    def progress(done, total):
        raise failure

    options = WriteOptions(overwrite=True)
    with pytest.raises(failure):
        write_raster(target, ALPS, Embedding(256), encoder, options=options, progress=progress)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]
    assert target.read_text() == "mine"


def test_cancelling_leaves_nothing(encoder, tmp_path):
    with pytest.raises(CancelledError):
        write_raster(tmp_path / "out.tif", ALPS, Embedding(256), encoder, cancelled=lambda: True)
    assert not list(tmp_path.iterdir())


def test_fine_pixels_are_warned_of_once(encoder, tmp_path, caplog):
    fine = Grid.from_bounds((5, 45, 11, 48), 0.02)
    write_raster(tmp_path / "out.tif", fine, Similarity.to(encoder, [(0, 0)]), encoder)
    assert len(caplog.records) == 1
    assert "0.02 degrees are far finer than the 9 degrees" in caplog.text
    caplog.clear()
    raster_array(Grid.from_bounds((5, 45, 11, 48), 1), Embedding(256), encoder)
    assert not caplog.records


def options_of(**creation_options):
    return RasterSpec(ALPS, Embedding(256), creation_options=creation_options).options


def test_predictor_and_level_go_with_the_compression():
    assert options_of()["PREDICTOR"] == "3"
    assert "PREDICTOR" not in options_of(COMPRESS="NONE")
    deflate = options_of(COMPRESS="DEFLATE")
    assert deflate["PREDICTOR"] == "3"
    assert "ZSTD_LEVEL" not in deflate
    assert options_of(PREDICTOR="1")["PREDICTOR"] == "1"


@pytest.mark.parametrize(
    ("creation_options", "message"),
    [
        ({"TILED": "NO"}, "TILED=NO"),
        ({"BLOCKXSIZE": "100", "BLOCKYSIZE": "100"}, "multiple of 16"),
        ({"BLOCKXSIZE": "128", "BLOCKYSIZE": "256"}, "BLOCKYSIZE=256"),
        ({"BLOCKXSIZE": "2048", "BLOCKYSIZE": "2048"}, "too much memory, give at most 352"),
        ({"BLOCKXSIZE": "many", "BLOCKYSIZE": "many"}, "BLOCKXSIZE=many"),
        ({"INTERLEAVE": "LINE"}, "INTERLEAVE=LINE: give BAND or PIXEL"),
        ({"COMPRESS": "MAGIC"}, "MAGIC"),
        ({"NOSUCHOPTION": "1"}, "NOSUCHOPTION"),
    ],
)
def test_creation_options_that_make_no_raster(encoder, tmp_path, creation_options, message):
    options = WriteOptions(creation_options=creation_options)
    with pytest.raises(InputError, match=message):
        write_raster(tmp_path / "out.tif", ALPS, Embedding(256), encoder, options=options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("side", ["64", "128", "320"])
def test_other_tiles_hold_the_same(encoder, tmp_path, side):
    grid = Grid.from_bounds((0, 0, 40, 35), 0.1)
    product = Similarity.to(encoder, [(0, 0)])
    options = WriteOptions(creation_options={"BLOCKXSIZE": side, "BLOCKYSIZE": side})
    file = write_raster(tmp_path / "out.tif", grid, product, encoder, options=options)
    with rasterio.open(file) as dataset:
        assert dataset.block_shapes[0] == (int(side), int(side))
        np.testing.assert_allclose(dataset.read(), raster_array(grid, product, encoder), atol=1e-6)


def test_pixel_interleaved_tiles_are_smaller_since_gdal_holds_several():
    spec = RasterSpec(
        Grid.from_bounds((0, 0, 80, 80), 0.1),
        Embedding(256),
        creation_options={"interleave": "pixel"},
    )
    assert spec.options["BLOCKXSIZE"] == "128"


@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
@pytest.mark.parametrize("bands", [64, 256, 400, 1024])
def test_tiles_of_any_raster_are_such_as_gdal_takes(interleave, bands):
    """Multiples of 16, of a bounded number of bytes, without a word on tiles from the user."""
    largest = {"PIXEL": 2**24, "BAND": 2**27}[interleave]
    for width in [*range(1, 700, 7), 1000, 5000]:
        spec = RasterSpec(
            Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (3, width)),
            Embedding(bands),
            creation_options={"INTERLEAVE": interleave},
        )
        side = int(spec.options["BLOCKXSIZE"])
        assert spec.options["BLOCKYSIZE"] == str(side)
        assert side % 16 == 0
        assert side <= max(16, (largest / (4 * bands)) ** 0.5)


def neighbours(bbox_crs):
    """Two boxes side by side, and both as one, with what the grids are made of."""
    if bbox_crs is None:
        options = {"res": 0.3, "crs": "EPSG:4326", "tap": True}
    else:
        options = {"res": 30_000, "crs": "EPSG:3035", "bounds_crs": bbox_crs}
    boxes = (6, 40, 10, 44), (10, 40, 14, 44), (6, 40, 14, 44)
    return [Grid.from_bounds(box, **options) for box in boxes]


@pytest.mark.parametrize("bbox_crs", [None, "EPSG:4326", "EPSG:4258"])
def test_neighbours_make_one_mosaic_without_resampling(encoder, tmp_path, bbox_crs):
    """As gdalbuildvrt and rasterio.merge lay them: pixels lie on pixels, and are the same."""
    from rasterio.merge import merge

    *parts, whole = neighbours(bbox_crs)
    product = Embedding(encoder.dim)
    files = [
        write_raster(tmp_path / f"{index}.tif", part, product, encoder)
        for index, part in enumerate(parts)
    ]
    for file in files:
        with rasterio.open(file) as dataset:
            a, b, c, d, e, f = tuple(~rasterio.Affine(*whole.transform) * dataset.transform)[:6]
            assert (a, b, d, e) == pytest.approx((1, 0, 0, 1), abs=1e-12)
            assert c == pytest.approx(round(c), abs=1e-6)
            assert f == pytest.approx(round(f), abs=1e-6)
    mosaic, transform = merge(files)
    assert tuple(transform)[:6] == pytest.approx(whole.transform, rel=1e-12)
    expected = raster_array(whole, product, encoder)
    assert mosaic.shape == expected.shape
    filled = np.isfinite(mosaic) & (mosaic != 0)
    assert filled.mean() > (0.999 if bbox_crs is None else 0.8)  # a map's boxes are not its rows
    np.testing.assert_allclose(mosaic[filled], expected[filled], atol=1e-5)


def test_many_dimensions_get_smaller_tiles():
    spec = RasterSpec(Grid.from_bounds((0, 0, 80, 80), 0.1), Embedding(4096))
    assert spec.pixel_bytes * int(spec.options["BLOCKXSIZE"]) ** 2 <= 2**27


def test_overviews_and_statistics_of_a_raster_go_when_it_is_replaced(encoder, tmp_path):
    """GDAL keeps them beside the file and would take them for the new one's."""
    path, ours = tmp_path / "out.tif", tmp_path / "out.tif.txt"
    for place in ((9, 47), (-60, -3)):
        product = Similarity.to(encoder, [place])
        write_raster(path, ALPS, product, encoder, options=WriteOptions(overwrite=True))
        with rasterio.open(path) as dataset:
            assert dataset.overviews(1) == []
            assert "STATISTICS_MEAN" not in dataset.tags(1)
        (tmp_path / "out.tif.aux.xml").write_text(STATISTICS)
        with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
            dataset.build_overviews([2, 4])
        ours.write_text("notes of the user's own")
        with rasterio.open(path) as dataset:
            assert dataset.overviews(1) == [2, 4]
            assert dataset.tags(1)["STATISTICS_MEAN"] == "7"
    assert ours.exists()


def test_like_takes_the_grid_of_a_file(encoder, tmp_path):
    grid = Grid.from_bounds((5e5, 5e6, 6e5, 5.1e6), (5000, 2500), "EPSG:32632")
    file = write_raster(tmp_path / "out.tif", grid, Similarity.to(encoder, [(0, 0)]), encoder)
    assert grid_like(file) == grid


def test_like_takes_a_crs_without_a_code(encoder, tmp_path):
    grid = Grid.from_bounds((-1e6, -1e6, 1e6, 1e6), 1e5, "+proj=laea +lat_0=7 +lon_0=21 +type=crs")
    file = write_raster(tmp_path / "out.tif", grid, Similarity.to(encoder, [(0, 0)]), encoder)
    again = grid_like(file)
    assert replace(again, crs=grid.crs) == grid
    np.testing.assert_allclose(
        raster_array(again, Similarity.to(encoder, [(0, 0)]), encoder),
        raster_array(grid, Similarity.to(encoder, [(0, 0)]), encoder),
        atol=1e-6,
    )


# Rotated poles, as of climate models, and projections that GeoTIFF has no code for.
@pytest.mark.parametrize(
    "crs",
    [
        "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180",
        "+proj=hammer",
        pytest.param(
            "+proj=igh_o",
            marks=pytest.mark.skipif(
                rasterio.__gdal_version__.startswith(("3.4.", "3.5.")), reason="this GDAL holds it"
            ),
        ),
    ],
)
def test_a_crs_that_geotiff_cannot_hold_is_refused(encoder, tmp_path, crs):
    """GDAL leaves it out and says nothing: the raster would lie nowhere."""
    grid = Grid(crs, (0.5, 0, -2, 0, -0.5, 2), (8, 8))
    with pytest.raises(InputError, match="a GeoTIFF cannot hold the CRS"):
        write_raster(tmp_path / "out.tif", grid, Similarity.to(encoder, [(0, 0)]), encoder)
    assert not list(tmp_path.iterdir())


def plain_tiff(path, **profile):
    base = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **base, **profile) as dataset:
        dataset.write(np.ones((1, 2, 2), np.uint8))
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_like_needs_a_georeferenced_raster(tmp_path):
    with pytest.raises(InputError, match=r"none\.tif does not exist"):
        grid_like(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match=r"cannot read .*text\.tif as a raster"):
        grid_like(tmp_path / "text.tif")
    with pytest.raises(InputError, match="has no CRS"):
        grid_like(plain_tiff(tmp_path / "plain.tif"))
    with pytest.raises(InputError, match="not georeferenced"):
        grid_like(plain_tiff(tmp_path / "nowhere.tif", crs="EPSG:4326"))
    corners = [(0, 0, 5, 48), (0, 2, 8, 48), (2, 0, 5, 45), (2, 2, 8, 45)]
    points = [rasterio.control.GroundControlPoint(*corner) for corner in corners]
    with pytest.raises(InputError, match=r"4 ground control points .* warp it first"):
        grid_like(plain_tiff(tmp_path / "scan.tif", gcps=points, crs="EPSG:4326"))


def test_a_raster_larger_than_the_disk_is_refused_at_once(encoder, tmp_path):
    huge = Grid.from_bounds((-180, -90, 180, 90), 0.0002)
    with pytest.raises(OutputError, match=r"would hold 1\.66 PB .* coarser res"):
        write_raster(tmp_path / "out.tif", huge, Embedding(256), encoder)


@pytest.mark.parametrize(
    ("name", "message"), [("out.png", "let it end in .tif"), ("no/out.tif", "does not exist")]
)
def test_a_target_that_cannot_be_is_refused(encoder, tmp_path, name, message):
    with pytest.raises(OutputError, match=message):
        write_raster(tmp_path / name, ALPS, Embedding(256), encoder)


def tiff(encoder, tmp_path, **creation_options):
    options = WriteOptions(creation_options=creation_options)
    return write_raster(tmp_path / "out.tif", ALPS, Embedding(256), encoder, options=options)


@pytest.mark.parametrize(
    "creation_options",
    [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}, {"BIGTIFF": "YES", "ENDIANNESS": "BIG"}],
)
def test_a_whole_file_passes_and_one_cut_off_does_not(encoder, tmp_path, creation_options):
    file = tiff(encoder, tmp_path, **creation_options)
    check_complete(file, file)
    whole = file.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(OutputError, match="incomplete"):
            check_complete(file, file)


def test_a_file_that_lacks_a_tile_does_not_pass(tmp_path):
    file = tmp_path / "out.tif"
    profile = {"driver": "GTiff", "width": 512, "height": 512, "count": 1, "dtype": "uint8"}
    profile.update(tiled=True, blockxsize=256, blockysize=256, sparse_ok=True, crs="EPSG:4326")
    with rasterio.open(file, "w", **profile) as dataset:
        dataset.write(np.ones((256, 256), np.uint8), 1, window=((0, 256), (0, 256)))
    with pytest.raises(OutputError, match="incomplete"):
        check_complete(file, file)


def test_writing_block_after_block(tmp_path):
    grid = Grid.from_bounds((0, 0, 40, 35), 0.1)
    spec = RasterSpec(grid, Embedding(3), tags={"a": "b"})
    with open_writer(tmp_path / "out.tif", spec) as writer:
        for number, window in enumerate(grid.windows(spec.block)):
            writer.write(window, np.full((3, window.height, window.width), number, np.float32))
        assert not (tmp_path / "out.tif").exists()
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.read(1)[0, [0, 399]].tolist() == [0, 1]
        assert dataset.tags()["a"] == "b"


def test_room_is_less_under_a_limit_on_files(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000, 1000))
    (tmp_path / "file").write_bytes(b"x" * 300)
    assert room(tmp_path / "file") == 700
    assert room(tmp_path / "other") == 1000


@pytest.mark.parametrize(
    ("size", "text"), [(12, "12 bytes"), (1536000, "1.54 MB"), (3.2e15, "3.2 PB")]
)
def test_sizes_are_readable(size, text):
    assert as_size(size) == text


def test_rasters_of_one_band_have_overviews(encoder, tmp_path):
    grid = Grid.from_bounds((0, 30, 14, 44), 0.01)  # 1400 pixels: factors 2 and 4
    mask = lambda lons, lats: lons > 3  # noqa: E731
    file = write_raster(
        tmp_path / "out.tif", grid, Similarity.to(encoder, [(9, 40)]), encoder, mask=mask
    )
    with rasterio.open(file) as dataset:
        assert dataset.overviews(1) == [2, 4]
        values = dataset.read(1)
    with rasterio.open(file, overview_level=0) as overview:
        half = overview.read(1)
    means = np.nanmean(values.reshape(700, 2, 700, 2)[:, :, 160:], axis=(1, 3))
    assert np.isnan(half[:, :149]).all()
    np.testing.assert_allclose(half[:, 160:], means, atol=1e-6)


def test_embeddings_have_no_overviews(encoder, tmp_path):
    """A mean of embeddings is shorter than they are."""
    grid = Grid.from_bounds((0, 30, 6, 36), 0.01)
    spec = RasterSpec(grid, Embedding.of(encoder))
    assert spec.overviews == ()
    assert RasterSpec(grid, Similarity.to(encoder, [(9, 40)])).overviews == (2,)


def test_an_overview_that_lacks_a_tile_does_not_pass(encoder, tmp_path):
    grid = Grid.from_bounds((0, 30, 6, 36), 0.01)
    file = write_raster(tmp_path / "o.tif", grid, Similarity.to(encoder, [(9, 40)]), encoder)
    check_complete(file, file)
    with open(file, "rb+") as whole:  # overviews are written last
        whole.truncate(file.stat().st_size - 100)
    with pytest.raises(OutputError, match="incomplete"):
        check_complete(file, file)


def test_many_bands_are_written_in_small_tiles(encoder):
    grid = Grid.from_bounds((0, 30, 6, 36), 0.01)
    assert RasterSpec(grid, Embedding(256)).options["BLOCKXSIZE"] == "128"
    assert RasterSpec(grid, Embedding(3)).options["BLOCKXSIZE"] == "256"


def test_names_of_classes_stand_beside_the_raster(encoder, tmp_path):
    grid = Grid.from_bounds((0, 40, 8, 48), 1)
    target, beside = tmp_path / "c.tif", tmp_path / "c.tif.aux.xml"
    beside.write_text("of an older raster")
    for count in (3, 5):
        model = ClusterModel.fit(encoder, [(x, y) for x in range(8) for y in range(40, 48)], count)
        options = WriteOptions(overwrite=True)
        write_raster(target, grid, Clusters(model), encoder, options=options)
        text = beside.read_text("utf-8")
        assert text.count("<Row ") == count
        names = Clusters(model).legend.names
        assert len(set(names)) == count
        assert all(f"<Category>{escape(name)}</Category>" in text for name in names)
    write_raster(target, grid, Similarity.to(encoder, [(9, 40)]), encoder, options=options)
    assert not beside.exists()
