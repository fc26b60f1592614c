"""What is written beside plain GeoTIFF, read back by the tools that people read it with."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from made_stac import EMBEDDINGS_SCHEMA, validate_item

from satclip_core.analysis import mean_embeddings
from satclip_core.errors import InputError, OutputError
from satclip_core.grid import Grid
from satclip_core.models.registry import load_encoder
from satclip_core.products import (
    ClusterModel,
    Clusters,
    Embedding,
    EmbeddingOf,
    Rgb,
    RgbBasis,
    Similarity,
)
from satclip_core.raster import (
    RasterRequest,
    RasterSpec,
    WriteOptions,
    raster_array,
    raster_target,
    write_raster,
)
from satclip_core.raster.cog import cog_options
from satclip_core.raster.mosaics import write_gti
from satclip_core.raster.stac import footprint, stac_collection

rasterio = pytest.importorskip("rasterio")

ALPS = Grid.from_bounds((5, 45, 11, 48), 0.2)
WIDE = Grid.from_bounds((-20, 12, 34.1, 18.1), 0.1)  # 541 x 61: odd, with an overview
STEP = {"float32": 2e-6, "float16": 2e-3, "int16": 1e-4}
NORTH = lambda lons, lats: lats > 15  # noqa: E731


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


def embedding(encoder, dtype="float32", dims=20, **options):
    return Embedding.of(encoder, dtype=dtype, dims=dims, **options)


def plain_mean(block):
    """The mean of 2 x 2 embeddings (rows, cols, dim), pixel by pixel, in float64."""
    rows, cols = -(-block.shape[0] // 2), -(-block.shape[1] // 2)
    out = np.full((rows, cols, block.shape[2]), np.nan)
    for row in range(rows):
        for col in range(cols):
            four = block[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].reshape(-1, block.shape[2])
            four = four[np.isfinite(four).all(axis=1)].astype(np.float64)
            if len(four):
                lengths = np.linalg.norm(four, axis=1)
                mean = (four / lengths[:, None]).mean(axis=0)
                out[row, col] = mean / np.linalg.norm(mean) * lengths.mean()
    return out


def test_the_mean_of_embeddings_keeps_their_length():
    rng = np.random.default_rng(3)
    block = rng.normal(size=(7, 5, 4)).astype(np.float32)
    block[0:2, 0:2] = np.nan
    block[3, 3] = np.nan
    direction, length = mean_embeddings(block)
    np.testing.assert_allclose(direction * length, plain_mean(block), rtol=2e-6)


@pytest.mark.parametrize("options", [{}, {"normalize": True}, {"dtype": "uint8"}])
def test_overviews_of_a_cog_are_means_of_directions(encoder, tmp_path, options):
    product = embedding(encoder, **options)
    path = tmp_path / "out.tif"
    write = WriteOptions(format="cog")
    write_raster(path, WIDE, product, encoder, options=write, mask=NORTH)
    levels = []
    for level in (None, 0):
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as file:
            levels.append(np.moveaxis(file.read(), 0, -1))
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.descriptions[:2] == ("e000", "e001")
        assert file.tags()["weights_sha256"] == encoder.sha256
    np.testing.assert_array_equal(
        levels[0], np.moveaxis(raster_array(WIDE, product, encoder, mask=NORTH), 0, -1)
    )
    part = slice(0, 31), slice(200, 271)  # the mask's edge, and the odd ends
    fine = levels[0][:, 400:]
    if product.quantisation is not None:
        exact = plain_mean(product.quantisation.restore(fine))
        kept = product.quantisation.restore(levels[1][part])
        assert np.nanmax(1 - (exact * kept).sum(-1)) < 1e-3  # one step of eight bits
        np.testing.assert_array_equal(np.isnan(kept), np.isnan(exact))
    else:
        np.testing.assert_allclose(levels[1][part], plain_mean(fine), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["similarity", "clusters", "rgb", "float16", "embedding"])
def test_a_cog_is_one_by_the_book(encoder, tmp_path, kind):
    validate = pytest.importorskip("rio_cogeo").cog_validate
    places = np.random.default_rng(0).uniform((-20, 12), (34, 18), (64, 2))
    products = {
        "similarity": lambda: Similarity.to(encoder, [(0, 10)]),
        "clusters": lambda: Clusters(ClusterModel.fit(encoder, places, 5)),
        "rgb": lambda: Rgb(RgbBasis.fit(encoder, places)),
        "float16": lambda: embedding(encoder, "float16"),
        "embedding": lambda: embedding(encoder),
    }
    path = tmp_path / "out.tif"
    product = products[kind]()
    write_raster(path, WIDE, product, encoder, options=WriteOptions(format="cog"))
    whole, errors, warnings = validate(path, strict=True)
    assert whole, (errors, warnings)
    with rasterio.open(path) as file:
        held = file.read().astype(product.dtype)
        assert file.overviews(1) == [2]
    np.testing.assert_array_equal(held, raster_array(WIDE, product, encoder))
    assert sorted(file.name for file in tmp_path.iterdir() if "aux" not in file.name) == ["out.tif"]


def test_tiles_of_a_cog_lie_together_where_gdal_can(encoder):
    spec = RasterSpec(WIDE, embedding(encoder, dims=256), format="cog")
    assert "INTERLEAVE" not in cog_options(spec, (3, 10))
    options = cog_options(spec, (3, 11))
    assert options["INTERLEAVE"] == "TILE"
    assert options["BLOCKSIZE"] == "128"  # 16 MB of all bands
    few = replace(spec, product=Similarity.to(encoder, [(0, 0)]))
    assert cog_options(few, (3, 11))["BLOCKSIZE"] == "512"


def test_an_option_that_the_cog_driver_does_not_know_is_refused(encoder, tmp_path):
    options = WriteOptions(format="cog", creation_options={"TILED": "YES"})
    with pytest.raises(InputError, match="creation options"):
        write_raster(tmp_path / "out.tif", ALPS, embedding(encoder), encoder, options=options)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def xarray():
    pytest.importorskip("zarr", minversion="3", reason="zarr 3 is not installed")
    return pytest.importorskip("xarray")


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_xarray_opens_a_zarr_store(encoder, tmp_path, xarray, dtype):
    product = embedding(encoder, dtype)
    path = write_raster(tmp_path / "out.zarr", WIDE, product, encoder, mask=NORTH)
    data = xarray.open_zarr(path, consolidated=True)["embedding"]
    assert data.dims == ("band", "y", "x")
    x, y = WIDE.centres(np.arange(61)[:, None], np.arange(541))
    np.testing.assert_allclose(data.x, x[0], atol=1e-12)
    np.testing.assert_allclose(data.y, y[:, 0], atol=1e-12)
    wanted = raster_array(WIDE, product, encoder, mask=NORTH)
    if product.quantisation is not None:
        missing = wanted == product.nodata
        wanted = np.where(missing, np.nan, wanted * product.scale + (product.offset or 0))
    # Blocks of another size round differently: by one step of the type at most.
    np.testing.assert_allclose(data.values, wanted, atol=STEP[dtype])
    assert [file.name for file in tmp_path.iterdir()] == ["out.zarr"]


def test_a_zarr_store_keeps_the_conventions(encoder, tmp_path, xarray):
    import zarr

    product = embedding(encoder, "uint8", dims=70)
    path = write_raster(tmp_path / "out.zarr", ALPS, product, encoder)
    group = zarr.open_group(path, mode="r")
    said = dict(group.attrs)
    assert [one["uuid"][:8] for one in said["zarr_conventions"]] == [
        *("689b58e2", "f17cb550", "61c12cc5")
    ]
    assert said["spatial:transform"] == list(ALPS.transform)
    assert said["spatial:shape"] == [15, 30]
    assert said["proj:code"] == "EPSG:4326"
    assert (said["geoemb:type"], said["geoemb:dimensions"]) == ("pixel", 70)
    assert said["geoemb:quantization"]["scale"]["scale"] == product.scale

    assert said["weights_sha256"] == encoder.sha256
    array = group["embedding"]
    assert array.shards == (128, 64, 64)
    assert array.chunks == (64, 64, 64)
    assert array.attrs["band_names"][:2] == ["e000", "e001"]


def test_a_projected_zarr_store_says_its_crs(encoder, tmp_path, xarray):
    import zarr

    utm = Grid.from_bounds((3e5, 5e6, 4e5, 5.1e6), 10_000, "EPSG:32632")
    robinson = Grid.from_bounds((0, 0, 4e6, 4e6), 5e5, "+proj=robin +lon_0=10 +type=crs")
    product = Similarity.to(encoder, [(8, 46)])
    path = write_raster(tmp_path / "utm.zarr", utm, product, encoder)
    assert zarr.open_group(path, mode="r").attrs["proj:code"] == "EPSG:32632"
    path = write_raster(tmp_path / "robin.zarr", robinson, product, encoder)
    assert "Robinson" in zarr.open_group(path, mode="r").attrs["proj:wkt2"]


def test_geopandas_opens_a_table_of_cells(encoder, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    pytest.importorskip("pyarrow")
    grid = Grid.from_bounds((170, -20, -170, -10), 0.5)
    east = lambda lons, lats: np.remainder(lons, 360) > 180  # noqa: E731
    path = write_raster(tmp_path / "out.parquet", grid, embedding(encoder), encoder, mask=east)
    table = geopandas.read_parquet(path)
    assert table.crs.to_epsg() == 4326
    assert len(table) == 20 * 20  # the half that is wanted
    x, y = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    assert (x.min(), x.max()) == (-179.75, -170.25)
    exact = encoder.encode(np.stack([x, y], axis=1))[:, :20]
    np.testing.assert_allclose(table.drop(columns="geometry").to_numpy(), exact, atol=1e-4)


def test_a_table_of_whole_numbers_says_what_they_stand_for(encoder, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    product = embedding(encoder, "uint8")
    path = write_raster(tmp_path / "out.parquet", ALPS, product, encoder)
    schema = parquet.read_schema(path)
    assert str(schema.field("e000").type) == "uint8"
    assert float(schema.field("e000").metadata[b"scale"]) == product.scale
    assert json.loads(schema.metadata[b"satclip"])["weights_sha256"] == encoder.sha256


@pytest.mark.parametrize("dtype", ["float16", "int16", "uint8"])
@pytest.mark.parametrize("format", ["gtiff", "cog", "cogs", "zarr", "parquet"])
def test_what_a_smaller_type_costs_stands_in_the_file(small_model, tmp_path, format, dtype):
    """The tag is of pixels drawn at random; here it is measured on all that are read."""
    grid = Grid.from_bounds((5, 45, 11, 48), 0.1)
    exact = raster_array(grid, EmbeddingOf(), load_encoder(small_model)).astype(np.float64)
    options = WriteOptions(format=format)
    job = RasterRequest(grid, EmbeddingOf(dtype), small_model, options=options).prepare()
    suffix = {"cogs": "", "zarr": ".zarr", "parquet": ".parquet"}.get(format, ".tif")
    path = job.write(tmp_path / f"out{suffix}")
    tags, kept = read_back(path, format)
    kept = kept / np.linalg.norm(kept, axis=0)
    loss = 1 - (kept * exact).sum(axis=0) / np.linalg.norm(exact, axis=0)
    assert float(tags["cosine_loss_mean"]) == pytest.approx(loss.mean(), rel=0.2, abs=2e-8)
    assert float(tags["cosine_loss_largest"]) == pytest.approx(loss.max(), rel=0.3, abs=1e-7)


def read_back(path, format):
    """Tags, and embeddings (bands, rows, cols) in float64, read without this package."""
    if format == "zarr":
        xarray = pytest.importorskip("xarray")
        pytest.importorskip("zarr", minversion="3")
        data = xarray.open_zarr(path, consolidated=True)
        return data.attrs, data["embedding"].values.astype(np.float64)
    if format == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        table = parquet.read_table(path)
        tags, columns = json.loads(table.schema.metadata[b"satclip"]), []
        for field in table.schema:
            if field.name != "geometry":
                said = {k: float(v) for k, v in (field.metadata or {}).items() if b"PARQ" not in k}
                values = table[field.name].to_numpy().astype(np.float64)
                columns.append(values * said.get(b"scale", 1) + said.get(b"offset", 0))
        return tags, np.array(columns).reshape(256, 30, 60)
    path = path / f"{path.name}.vrt" if format == "cogs" else path
    with rasterio.open(path) as file:
        scale, offset = (np.array(one)[:, None, None] for one in (file.scales, file.offsets))
        return file.tags(), file.read().astype(np.float64) * scale + offset


@pytest.mark.parametrize("kind", ["embedding", "uint8", "similarity"])
def test_a_stac_item_is_valid(encoder, tmp_path, kind):
    product = (
        Similarity.to(encoder, [(0, 0)])
        if kind == "similarity"
        else embedding(encoder, "float32" if kind == "embedding" else kind)
    )
    utm = Grid.from_bounds((3e5, 5e6, 4e5, 5.1e6), 10_000, "EPSG:32632")
    write_raster(tmp_path / "a.tif", utm, product, encoder, options=WriteOptions(stac=True))
    item = json.loads((tmp_path / "a.stac.json").read_text())
    validate_item(item)
    assert (EMBEDDINGS_SCHEMA in item["stac_extensions"]) == (kind != "similarity")
    asset = item["assets"]["similarity" if kind == "similarity" else "embeddings"]
    assert asset["href"] == "./a.tif"
    if kind == "uint8":
        assert item["properties"]["emb:quantization"]["scale"] == [product.scale]
    west, _, _, north = item["bbox"]
    from rasterio.warp import transform

    lons, lats = transform("EPSG:32632", "EPSG:4326", [3e5, 4e5], [5e6, 5.1e6])
    assert west == pytest.approx(lons[0], abs=0.05)
    assert north == pytest.approx(lats[1], abs=0.05)


def test_the_footprint_is_cut_at_the_antimeridian():
    geometry, bbox = footprint(Grid.from_bounds((170, -20, -170, -10), 0.5))
    assert geometry["type"] == "MultiPolygon"
    assert bbox == [170, -20, -170, -10]
    west, east = (np.array(part[0]) for part in geometry["coordinates"])
    assert west[:, 0].max() == 180
    assert east[:, 0].min() == -180
    geometry, bbox = footprint(Grid.from_bounds((-180, -90, 180, 90), 10))
    assert (geometry["type"], bbox) == ("Polygon", [-180, -90, 180, 90])
    polar = Grid.from_bounds((-3e6, -3e6, 3e6, 3e6), 1e5, "EPSG:3031")
    _, (west, south, east, north) = footprint(polar)
    assert (west, south, east) == (-180, -90, 180)
    assert north == pytest.approx(-52.3, abs=0.1)  # a corner, 4,243 km from the pole


def test_a_collection_has_what_items_have_no_room_for(encoder):
    spec = RasterSpec(ALPS, embedding(encoder), encoder.provenance, format="cogs")
    collection = stac_collection(spec, "alps", ["./a.json"], 0.0)
    assert (collection["emb:type"], collection["emb:dimensions"]) == ("pixel", 20)
    assert {link["rel"] for link in collection["links"]} == {
        *("emb:model", "emb:source-data", "item")
    }


def test_a_folder_of_cogs_is_one_raster_by_its_vrt(encoder, tmp_path):
    product = embedding(encoder, dims=16)
    grid = Grid.from_bounds((0, 13, 120, 17), 0.1)  # 1200 x 40: two pieces
    options = WriteOptions(format="cogs", nodata=-9999)
    path = write_raster(tmp_path / "out", grid, product, encoder, options=options, mask=NORTH)
    names = sorted(file.name for file in path.iterdir())
    pieces = [f"r00c0{index}.{suffix}" for index in (0, 1) for suffix in ("json", "tif")]
    assert names == ["collection.json", "out.gti.gpkg", "out.vrt", *pieces]
    with rasterio.open(path / "out.vrt") as file:
        assert file.crs.to_epsg() == 4326
        assert file.transform[:6] == pytest.approx(grid.transform)
        assert file.nodata == -9999
        assert file.descriptions[1] == "e001"
        held = file.read()
    wanted = raster_array(grid, product, encoder, mask=NORTH)
    np.testing.assert_array_equal(held, np.where(np.isnan(wanted), np.float32(-9999), wanted))
    for name in ("r00c00.json", "r00c01.json"):
        item = json.loads((path / name).read_text())
        validate_item(item)
        assert item["collection"] == "out"
        assert (path / item["assets"]["embeddings"]["href"]).exists()


def test_a_folder_of_cogs_is_a_stac_catalogue(encoder, tmp_path):
    """As pystac walks through it, each link followed."""
    pystac = pytest.importorskip("pystac")
    grid = Grid.from_bounds((0, 13, 120, 17), 0.1)
    options = WriteOptions(format="cogs")
    path = write_raster(tmp_path / "out", grid, embedding(encoder), encoder, options=options)
    collection = pystac.Collection.from_file(str(path / "collection.json"))
    collection.stac_extensions = []  # their schemas are on the network
    collection.validate()
    items = list(collection.get_items())
    assert [item.id for item in items] == ["out-r00c00", "out-r00c01"]
    assert collection.extent.spatial.bboxes == [[0, 13, 120, 17]]
    for item in items:
        assert item.get_collection().id == collection.id
        with rasterio.open(item.assets["embeddings"].get_absolute_href()) as piece:
            assert tuple(piece.bounds) == pytest.approx(tuple(item.bbox))


_ROBINSON = "+proj=robin +lon_0=10 +type=crs"


def test_an_index_that_cannot_be_written_is_an_error_of_the_system(encoder, tmp_path):
    spec = RasterSpec(ALPS, embedding(encoder), encoder.provenance, format="cogs")
    with pytest.raises(OSError, match="its tile index: unable to open"):
        write_gti(tmp_path / "gone" / "out.gti.gpkg", spec, {}, 1)


@pytest.fixture
def gti():
    """GDAL's raster tile index, or a skip."""
    if not [int(part) for part in rasterio.__gdal_version__.split(".")[:2]] >= [3, 9]:
        pytest.skip("rasterio's GDAL knows no raster tile index before 3.9")


@pytest.mark.parametrize("kind", ["uint8", "similarity", "rgb", "clusters"])
@pytest.mark.parametrize(
    "grid",
    [
        Grid.from_bounds((3e5, 5e6, 1.6e6, 5.1e6), 1000, "EPSG:32632"),
        Grid.from_bounds((0, 0, 1.3e7, 1e6), 10_000, _ROBINSON),
        Grid.from_bounds((170, -20, 235, -15), 0.05),
    ],
    ids=["EPSG", "no code", "antimeridian"],
)
def test_a_folder_of_cogs_is_the_same_by_its_tile_index(
    encoder, tmp_path, grid, kind, gti, monkeypatch
):
    monkeypatch.setattr("satclip_core.raster.cog_folder._SIDE_OF_MANY", 512)
    monkeypatch.setattr("satclip_core.raster.cog_folder._SIDE", 512)
    places = np.random.default_rng(0).uniform((5, 45), (11, 48), (64, 2))
    product = {
        "uint8": lambda: embedding(encoder, "uint8"),
        "similarity": lambda: Similarity.to(encoder, [(0, 10)]),
        "rgb": lambda: Rgb(RgbBasis.fit(encoder, places)),
        "clusters": lambda: Clusters(ClusterModel.fit(encoder, places, 5)),
    }[kind]()
    south = lambda lons, lats: lats < 46  # noqa: E731
    options = WriteOptions(format="cogs")
    path = write_raster(tmp_path / "out", grid, product, encoder, options=options, mask=south)
    moved = path.rename(tmp_path / "moved")  # names of files in it are relative
    assert len(list(moved.glob("*.tif"))) > 1
    with rasterio.open(moved / "out.vrt") as vrt, rasterio.open(moved / "out.gti.gpkg") as index:
        assert index.driver == "GTI"
        np.testing.assert_array_equal(index.read(), vrt.read())
        for name in ("crs", "transform", "shape", "descriptions", "scales", "offsets", "units"):
            assert getattr(index, name) == getattr(vrt, name), name
        assert repr(index.nodatavals) == repr(vrt.nodatavals)
        assert index.tags()["weights_sha256"] == encoder.sha256
        assert index.colorinterp == vrt.colorinterp
        if kind == "clusters":
            assert index.colormap(1) == vrt.colormap(1)


def test_the_overviews_of_a_tile_index_are_those_of_the_pieces(encoder, tmp_path, gti):
    grid = Grid.from_bounds((0, 13, 120, 17), 0.1)  # 1200 x 40: pieces of 1024 and 176
    options = WriteOptions(format="cogs")
    path = write_raster(tmp_path / "out", grid, embedding(encoder), encoder, options=options)
    with rasterio.open(path / "out.gti.gpkg") as index:
        assert index.overviews(1) == [2]
    with (
        rasterio.open(path / "out.gti.gpkg", overview_level=0) as index,
        rasterio.open(path / "r00c00.tif", overview_level=0) as piece,
    ):
        np.testing.assert_array_equal(index.read()[:, :, : piece.width], piece.read())


def test_the_outlines_of_pieces_are_a_layer(encoder, tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    grid = Grid.from_bounds((0, 13, 120, 17), 0.1)
    options = WriteOptions(format="cogs")
    path = write_raster(tmp_path / "out", grid, embedding(encoder), encoder, options=options)
    layer = pyogrio.read_dataframe(path / "out.gti.gpkg", layer="pieces")
    assert layer["location"].tolist() == ["r00c00.tif", "r00c01.tif"]
    outlines = [(0, 13, 102.4, 17), (102.4, 13, 120, 17)]
    np.testing.assert_allclose([one.bounds for one in layer.geometry], outlines)
    assert layer.crs.to_epsg() == 4326


@pytest.mark.parametrize(
    ("path", "format", "message"),
    [
        ("a.txt", None, r"is no GeoTIFF by its name: let it end in \.tif"),
        ("a.tif", "zarr", r"is no Zarr store by its name: let it end in \.zarr"),
        ("a.zarr", "cog", "is no cloud-optimised GeoTIFF by its name"),
        ("a.tif", "netcdf", "unknown format 'netcdf': it is none of gtiff, cog"),
    ],
)
def test_a_name_and_a_format_that_do_not_go_together(tmp_path, path, format, message):
    with pytest.raises((InputError, OutputError), match=message):
        raster_target(tmp_path / path, format=format)


def test_a_folder_that_is_no_raster_is_never_replaced(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="mine is not replaced: nothing of this format"):
        raster_target(mine, format="cogs", overwrite=True)
    with pytest.raises(OutputError, match="exists"):
        raster_target(mine, format="cogs")


@pytest.mark.parametrize("format", ["gtiff", "cog"])
def test_nodata_of_ones_own(encoder, tmp_path, format):
    options = WriteOptions(format=format, nodata=-9999)
    product = embedding(encoder)
    write_raster(tmp_path / "a.tif", WIDE, product, encoder, options=options, mask=NORTH)
    wanted = raster_array(WIDE, product, encoder, mask=NORTH)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.nodata == -9999
        held = file.read()
    np.testing.assert_array_equal(held, np.where(np.isnan(wanted), np.float32(-9999), wanted))
    if format == "cog":
        with rasterio.open(tmp_path / "a.tif", overview_level=0) as file:
            coarse = file.read(1)
        assert (coarse[-14:] == -9999).all()
        assert np.abs(coarse[:14]).max() < 100


@pytest.mark.parametrize(
    ("dtype", "nodata", "message"),
    [
        ("float32", 1e60, "is no number that float32 holds"),
        ("float16", -99999, "is no number that float16 holds"),
        ("uint8", 0, "every other whole number stands for a value"),
    ],
)
def test_nodata_that_cannot_be(encoder, tmp_path, dtype, nodata, message):
    options = WriteOptions(nodata=nodata)
    with pytest.raises(InputError, match=message):
        write_raster(tmp_path / "a.tif", ALPS, embedding(encoder, dtype), encoder, options=options)
    assert list(tmp_path.iterdir()) == []


def test_nodata_that_is_a_value_or_has_an_alpha_band(encoder, tmp_path):
    places = np.random.default_rng(0).uniform((5, 45), (11, 48), (64, 2))
    clusters = Clusters(ClusterModel.fit(encoder, places, 5))
    with pytest.raises(InputError, match="nodata 3 is the code of a class"):
        write_raster(tmp_path / "a.tif", ALPS, clusters, encoder, options=WriteOptions(nodata=3))
    rgb = Rgb(RgbBasis.fit(encoder, places))
    with pytest.raises(InputError, match="has an alpha band in place of nodata"):
        write_raster(tmp_path / "a.tif", ALPS, rgb, encoder, options=WriteOptions(nodata=3))

    class Ones:
        """A product whose every pixel is 1."""

        bands, dtype, nodata, scale, offset = ("one",), "float32", float("nan"), None, None
        colours, legend, legends, units, tags = (), None, {}, (), {}

        def fit(self, fitting):
            return self

        def __call__(self, embeddings):
            return np.ones((1, *embeddings.shape[:2]), np.float32)

    with pytest.raises(InputError, match="nodata 1 is the value of a pixel too"):
        write_raster(tmp_path / "a.tif", ALPS, Ones(), encoder, options=WriteOptions(nodata=1))
