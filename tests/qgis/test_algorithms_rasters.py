"""Raster algorithms through processing.run in a real QGIS."""

from __future__ import annotations

import json
import threading
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from scaled_models import scaled_encoder

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from feedback import Feedback
from osgeo import gdal
from qgis.core import (
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

ALPS = "5,11,45,48 [EPSG:4326]"
RASTERS = ("embeddingraster", "similarity", "embeddingrgb", "clusters")


def read(path):
    dataset = gdal.Open(str(path))
    return dataset, dataset.ReadAsArray()


def parameters(name, target, **more):
    given = {"EXTENT": ALPS, "RESOLUTION": 0.5, "CRS": "EPSG:4326", "OUTPUT": str(target)}
    given["LAND"] = False  # every pixel is looked at; a test of its own leaves the sea out
    if name == "similarity":
        given["POINT"] = "7,46 [EPSG:4326]"
    if name == "clusters":
        given["COUNT"] = 3
    return {**given, **more}


@pytest.fixture
def encoder(plugin):
    from satclip_qgis.models import encoder

    return encoder("bundled")


@pytest.mark.parametrize("name", RASTERS)
def test_an_algorithm_writes_its_raster(name, run, tmp_path):
    feedback = Feedback()
    out = run(name, parameters(name, tmp_path / "out.tif"), feedback=feedback)
    dataset, values = read(out["OUTPUT"])
    assert (dataset.RasterXSize, dataset.RasterYSize) == (12, 6)
    assert dataset.GetGeoTransform() == (5.0, 0.5, 0.0, 48.0, 0.0, -0.5)
    assert dataset.GetSpatialRef().GetAuthorityCode(None) == "4326"
    assert "satclip:" + name in dataset.GetMetadata()["command"]
    assert dataset.GetMetadata()["model"] == "bundled"
    assert np.isfinite(values).all()
    assert feedback.steps[-1] == 100


def test_embeddings_are_those_of_the_encoder(run, encoder, tmp_path):
    out = run("embeddingraster", parameters("embeddingraster", tmp_path / "out.tif"))
    dataset, values = read(out["OUTPUT"])
    lons, lats = 5.25 + 0.5 * np.arange(12), 47.75 - 0.5 * np.arange(6)
    assert dataset.GetRasterBand(1).GetDescription() == "e000"
    assert np.isnan(dataset.GetRasterBand(1).GetNoDataValue())
    np.testing.assert_array_equal(values, encoder.encode_grid(lons, lats).transpose(2, 0, 1))


@pytest.mark.parametrize("name", RASTERS)
def test_a_cloud_optimised_raster_has_the_same_pixels(name, run, tmp_path, qgis_app):
    given = {"EXTENT": "0,30,40,50 [EPSG:4326]", "RESOLUTION": 0.05}
    given = given if name == "embeddingrgb" else {**given, "RESOLUTION": 0.1}
    dims = {"DIMS": 20} if name == "embeddingraster" else {}
    run(name, parameters(name, tmp_path / "plain.tif", **given, **dims))
    out = run(name, parameters(name, tmp_path / "cog.tif", FORMAT=1, **given, **dims))
    dataset, values = read(out["OUTPUT"])
    plain, wanted = read(tmp_path / "plain.tif")
    assert dataset.GetMetadata("IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert plain.GetMetadata("IMAGE_STRUCTURE").get("LAYOUT") is None
    np.testing.assert_array_equal(values, wanted)
    if dataset.RasterXSize > 512:
        assert dataset.GetRasterBand(1).GetOverviewCount() == 1
    layer = QgsRasterLayer(out["OUTPUT"], "cog")
    assert layer.isValid()
    assert layer.bandCount() == dataset.RasterCount


def test_overviews_of_a_cloud_optimised_raster_are_unit_embeddings(run, tmp_path):
    given = {"EXTENT": "0,30,40,50 [EPSG:4326]", "RESOLUTION": 0.05, "NORMALIZE": True, "DIMS": 16}
    run("embeddingraster", parameters("embeddingraster", tmp_path / "o.tif", FORMAT=1, **given))
    dataset, _ = read(tmp_path / "o.tif")
    bands = [dataset.GetRasterBand(index + 1).GetOverview(0) for index in range(16)]
    coarse = np.stack([band.ReadAsArray() for band in bands])
    assert coarse.shape == (16, 100, 300)
    np.testing.assert_allclose(np.linalg.norm(coarse, axis=0), 1, atol=1e-5)


def test_a_transformer_over_fourier_tokens_is_a_model_like_any(run, plugin, tmp_path):
    """UniGeoCLIP's encoder, in QGIS' own Python; numpy against torch is another test's."""
    from satclip_qgis.satclip_core.models.model_file import write_model

    made = scaled_encoder("satclip_qgis.satclip_core")
    write_model(tmp_path / "scaled.npz", made)
    for name in ("embeddingraster", "similarity"):
        model = {"MODEL": str(tmp_path / "scaled.npz")}
        run(name, parameters(name, tmp_path / f"{name}.tif", **model))
    _, values = read(tmp_path / "embeddingraster.tif")
    lons, lats = np.arange(5.25, 11, 0.5), np.arange(47.75, 45, -0.5)
    points = np.stack(np.meshgrid(lons, lats), -1).reshape(-1, 2)
    np.testing.assert_allclose(values, made.encode(points).T.reshape(8, 6, 12), atol=1e-4)
    _, alike = read(tmp_path / "similarity.tif")
    assert alike.max() <= 1
    assert alike.max() > alike.min()


def test_a_smooth_model_is_interpolated_within_a_tolerance(run, plugin, tmp_path):
    from satclip_qgis.satclip_core.encoder import EncoderConfig, LocationEncoder
    from satclip_qgis.satclip_core.encoder.networks import NETWORKS, Sizes
    from satclip_qgis.satclip_core.models.model_file import write_model

    rng = np.random.default_rng(0)
    weights = NETWORKS["siren"].parameters(100, 8, Sizes(16))
    weights = {p.name: rng.uniform(-1, 1, p.shape) * p.bound for p in weights}
    write_model(tmp_path / "smooth.npz", LocationEncoder(EncoderConfig(), weights))
    model = {"MODEL": str(tmp_path / "smooth.npz"), "RESOLUTION": 0.05}
    found = {}
    for tolerance in (0, 1e-4, None):
        given = parameters("similarity", tmp_path / f"{tolerance}.tif", TOLERANCE=tolerance)
        run("similarity", {**given, **model})
        dataset, found[tolerance] = read(tmp_path / f"{tolerance}.tif")
        assert ("interpolation" in dataset.GetMetadata()) == bool(tolerance)
    np.testing.assert_array_equal(found[0], found[None])
    off = np.abs(found[1e-4] - found[0]).max()
    assert 0 < off < 1e-4


@pytest.mark.parametrize("dtype", [1, 2, 3])
def test_smaller_types_keep_directions(dtype, run, encoder, tmp_path):
    target = tmp_path / "out.tif"
    out = run("embeddingraster", parameters("embeddingraster", target, DTYPE=dtype))
    dataset, values = read(out["OUTPUT"])
    band = dataset.GetRasterBand(1)
    values = values * (band.GetScale() or 1.0) + (band.GetOffset() or 0.0)
    exact = encoder.encode([(5.25, 47.75)])[0]
    pixel = values[:, 0, 0].astype(np.float64)
    assert pixel @ exact / np.linalg.norm(pixel) / np.linalg.norm(exact) > 0.999


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32632", "EPSG:3031"])
def test_any_crs_will_do(crs, run, encoder, tmp_path):
    """Pixels hold the embedding of their centre, by QGIS's own transformation."""
    from qgis.core import (
        QgsCoordinateReferenceSystem,
        QgsCoordinateTransform,
        QgsPointXY,
        QgsProject,
    )

    extent = "-2000000,2000000,-1500000,1500000 [EPSG:3031]" if crs == "EPSG:3031" else ALPS
    given = parameters("embeddingraster", tmp_path / "o.tif", CRS=crs, EXTENT=extent)
    out = run("embeddingraster", {**given, "RESOLUTION": 100000})
    dataset, values = read(out["OUTPUT"])
    back = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(crs),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsProject.instance(),
    )
    x0, dx, _, y0, _, dy = dataset.GetGeoTransform()
    row, col = values.shape[1] // 2, values.shape[2] // 2
    centre = back.transform(QgsPointXY(x0 + (col + 0.5) * dx, y0 + (row + 0.5) * dy))
    expected = encoder.encode([(centre.x(), centre.y())])[0]
    # float32 network against float64: within 1e-4 by the contract of the engine.
    np.testing.assert_allclose(values[:, row, col], expected, atol=2e-4)


@pytest.mark.parametrize("resolution", [200_000, None])
def test_the_world_in_mercator_ends_where_that_does(resolution, run, tmp_path):
    feedback = Feedback()
    given = parameters("similarity", tmp_path / "o.tif", CRS="EPSG:3857", RESOLUTION=resolution)
    out = run("similarity", {**given, "EXTENT": "-180,180,-90,90 [EPSG:4326]"}, feedback=feedback)
    dataset, values = read(out["OUTPUT"])
    x0, dx, _, y0, _, dy = dataset.GetGeoTransform()
    assert -20037508.35 - dx < x0 <= -20037508.34
    assert 20048966.1 <= y0 < 20048966.2 + dx
    assert y0 + dy * dataset.RasterYSize == pytest.approx(-y0)
    assert np.isfinite(values[1:-1]).all()
    assert sum("area of use" in line for line in feedback.said) == 1
    assert all(line.startswith("warning") for line in feedback.said if "area of use" in line)


@pytest.mark.parametrize(
    ("box", "crs"),
    [("-2000000,1500000,-1000000,1000000 [EPSG:3413]", "EPSG:4326"), ("5,11,45,48", "EPSG:4807")],
)
def test_extents_of_another_crs_are_aligned_and_the_real_one_is_said(box, crs, run, tmp_path):
    feedback = Feedback()
    given = parameters("similarity", tmp_path / "o.tif", CRS=crs, RESOLUTION=0.7)
    box = box if "[" in box else f"{box} [EPSG:4326]"
    dataset, _ = read(run("similarity", {**given, "EXTENT": box}, feedback=feedback)["OUTPUT"])
    x0, dx, _, y0, _, dy = dataset.GetGeoTransform()
    assert x0 / dx == pytest.approx(round(x0 / dx), abs=1e-6)
    assert y0 / dy == pytest.approx(round(y0 / dy), abs=1e-6)
    assert sum("the raster covers" in line for line in feedback.said) == 1
    if crs == "EPSG:4326":  # over the pole: all around, up to it
        assert (x0, y0) == pytest.approx((-180.6, 90.3))
        assert dataset.RasterXSize * dx == pytest.approx(361.2)


def test_an_extent_across_the_date_line_is_one_piece(run, encoder, tmp_path):
    given = parameters("embeddingraster", tmp_path / "out.tif", RESOLUTION=5)
    out = run("embeddingraster", {**given, "EXTENT": "170,-170,-20,-10 [EPSG:4326]"})
    dataset, values = read(out["OUTPUT"])
    assert (dataset.RasterXSize, dataset.RasterYSize) == (4, 2)
    assert dataset.GetGeoTransform()[0] == 170
    expected = encoder.encode([(-172.5, -12.5)])[0]
    np.testing.assert_allclose(values[:, 0, 3], expected, atol=2e-4)


def test_a_view_wider_than_the_world_is_cut_to_it(run, tmp_path):
    given = parameters("similarity", tmp_path / "out.tif", RESOLUTION=10)
    out = run("similarity", {**given, "EXTENT": "-250,250,-120,120 [EPSG:4326]"})
    dataset, values = read(out["OUTPUT"])
    assert (dataset.RasterXSize, dataset.RasterYSize) == (36, 18)
    assert np.isfinite(values).all()


def test_a_view_in_grads_is_cut_to_the_world_of_grads(run, tmp_path):
    given = parameters("similarity", tmp_path / "out.tif", RESOLUTION=20, CRS="EPSG:4807")
    out = run("similarity", {**given, "EXTENT": "-210,210,-120,99 [EPSG:4807]"})
    dataset, values = read(out["OUTPUT"])
    assert (dataset.RasterXSize, dataset.RasterYSize) == (20, 10)
    assert dataset.GetGeoTransform()[0] == -200
    assert np.isfinite(values[:-1]).all()


def test_resolution_and_crs_have_sensible_defaults(run, project, tmp_path):
    out = run(
        "similarity",
        {"EXTENT": "-180,180,-90,90", "POINT": "7,46", "OUTPUT": str(tmp_path / "a.tif")},
    )
    dataset, _ = read(out["OUTPUT"])
    assert (
        dataset.GetGeoTransform()[1] == 0.36
    )  # a thousand pixels: the bundled model resolves more
    small = {"EXTENT": "7,8,46,47 [EPSG:4326]", "CRS": "EPSG:3857", "POINT": "7,46 [EPSG:4326]"}
    out = run("similarity", {**small, "OUTPUT": str(tmp_path / "b.tif")})
    dataset, _ = read(out["OUTPUT"])
    assert 120 <= max(dataset.RasterXSize, dataset.RasterYSize) <= 180


def test_the_sea_has_no_data_unless_it_is_asked_for(run, tmp_path, small_model):
    from satclip_qgis.satclip_core.grid.land import land_mask

    given = parameters("similarity", tmp_path / "out.tif", EXTENT="-20,20,-40,40 [EPSG:4326]")
    given["MODEL"] = str(small_model)
    del given["LAND"]
    _, land = read(run("similarity", given)["OUTPUT"])
    lons, lats = np.meshgrid(np.arange(-19.75, 20, 0.5), np.arange(39.75, -40, -0.5))
    want = land_mask()(lons.ravel(), lats.ravel()).reshape(lons.shape)
    np.testing.assert_array_equal(np.isfinite(land), want)
    _, everywhere = read(run("similarity", {**given, "LAND": False})["OUTPUT"])
    assert np.isfinite(everywhere).all()
    np.testing.assert_allclose(everywhere[want], land[want], atol=1e-6)


def test_examples_and_counter_examples_are_learnt_as_in_python(
    run, make_points, tmp_path, small_model
):
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.products import SimilarityTo

    places, unlike = [(7, 46), (9, 47)], [(8, 45.5), (10, 47.5)]
    given = parameters(
        "similarity",
        tmp_path / "out.tif",
        POINT="7,46 [EPSG:4326]",
        POINTS=make_points(places[1:]),
        UNLIKE="8,45.5 [EPSG:4326]",
        UNLIKE_POINTS=make_points(unlike[1:]),
        MODEL=str(small_model),
    )
    dataset, found = read(run("similarity", given)["OUTPUT"])
    model = encoder(str(small_model))
    within = Grid.from_bounds((5, 45, 11, 48), 0.5)
    product = SimilarityTo.of(places, unlike=unlike, within=within).by(model)
    lons, lats = np.arange(5.25, 11, 0.5), np.arange(47.75, 45, -0.5)
    want = product(model.encode_grid(lons, lats))[0]
    np.testing.assert_allclose(found, want, atol=1e-5)
    assert dataset.GetMetadata()["unlike"] == "8 45.5; 10 47.5"
    with pytest.raises(QgsProcessingException, match="counter-examples"):
        run("similarity", {**given, "REDUCE": 1})


def test_similarity_to_a_layer_is_the_mean_or_the_largest(run, make_points, tmp_path):
    layer = make_points([(7, 46), (9, 47), None])
    given = parameters("similarity", tmp_path / "out.tif", POINT=None, POINTS=layer, REDUCE=0)
    feedback = Feedback()
    _, mean = read(run("similarity", given, feedback=feedback)["OUTPUT"])
    assert any("1 features have no usable geometry" in line for line in feedback.said)
    _, most = read(run("similarity", {**given, "REDUCE": 1})["OUTPUT"])
    single = [
        read(
            run(
                "similarity",
                parameters("similarity", tmp_path / f"{lon}.tif", POINT=f"{lon},{lat} [EPSG:4326]"),
            )["OUTPUT"]
        )[1]
        for lon, lat in ((7, 46), (9, 47))
    ]
    np.testing.assert_allclose(mean, np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_allclose(most, np.max(single, axis=0), atol=1e-6)


def test_similarity_to_selected_features_alone(run, make_points, tmp_path):
    from qgis.core import QgsProcessingFeatureSourceDefinition

    layer = make_points([(7, 46), (120, -30)])
    QgsProject.instance().addMapLayer(layer)
    layer.selectByIds([1])
    selected = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    given = parameters("similarity", tmp_path / "a.tif", POINT=None, POINTS=selected)
    _, some = read(run("similarity", given)["OUTPUT"])
    _, one = read(run("similarity", parameters("similarity", tmp_path / "b.tif"))["OUTPUT"])
    np.testing.assert_array_equal(some, one)
    QgsProject.instance().clear()


def test_colours_are_kept_for_another_extent(run, tmp_path):
    basis = tmp_path / "basis.json"
    first = parameters("embeddingrgb", tmp_path / "a.tif", SAVE_BASIS=str(basis))
    assert run("embeddingrgb", first)["SAVE_BASIS"] == str(basis)
    again = parameters("embeddingrgb", tmp_path / "b.tif", BASIS=str(basis))
    np.testing.assert_array_equal(
        read(tmp_path / "a.tif")[1], read(run("embeddingrgb", again)["OUTPUT"])[1]
    )


def test_clusters_are_kept_for_another_extent(run, tmp_path):
    saved = tmp_path / "clusters.json"
    first = parameters("clusters", tmp_path / "a.tif", SAVE_CLUSTERS=str(saved))
    run("clusters", first)
    again = parameters("clusters", tmp_path / "b.tif", CLUSTERS=str(saved))
    dataset, values = read(run("clusters", again)["OUTPUT"])
    assert set(np.unique(values)) <= {1, 2, 3}
    np.testing.assert_array_equal(read(tmp_path / "a.tif")[1], values)
    assert dataset.GetRasterBand(1).GetColorTable() is not None


def samples(make_points, kind):
    rng = np.random.default_rng(3)
    places = np.stack([rng.uniform(-120, 120, 150), rng.uniform(-50, 60, 150)], axis=1)
    values = [
        [float(abs(lat))] if kind == "double" else ["north" if lat > 0 else "south"]
        for _, lat in places
    ]
    return make_points([tuple(place) for place in places], fields=f"&field=v:{kind}", rows=values)


def test_numbers_are_mapped_from_samples(run, make_points, tmp_path):
    layer = samples(make_points, "double")
    world = parameters("map", tmp_path / "out.tif", EXTENT="-120,120,-50,60 [EPSG:4326]")
    feedback = Feedback()
    given = {**world, "RESOLUTION": 10, "INPUT": layer, "FIELD": "v"}
    out = run("mapfromsamples", given, feedback=feedback)
    dataset, values = read(out["OUTPUT"])
    lats = 55 - 10 * np.arange(11)
    # What is mapped is |latitude|: the map must follow it.
    assert np.corrcoef(values.mean(axis=1), np.abs(lats))[0, 1] > 0.9
    assert 0.3 < out["SCORE"] <= 1
    assert "REPORT" not in out  # thirty lines of JSON in the log, if nobody wants them
    ours = [line for line in feedback.said if not line.startswith("Results:")]
    assert "How good is the map of v?" in ours[-1]
    assert "of the differences between 150 samples (R² 0." in ours[-1]
    assert "as far from those it had learnt from as the pixels" in ours[-1]
    assert "\nMethod: " in ours[-1]
    assert out["SUMMARY"].startswith("v: R² 0.")
    assert dataset.GetRasterBand(1).DataType == gdal.GDT_Float32


def test_a_report_is_a_page_with_the_ids_of_features(run, make_points, tmp_path):
    layer = samples(make_points, "double")
    layer.startEditing()
    layer.changeAttributeValue(11, 0, 800.0)  # typed wrongly
    layer.commitChanges()
    page = tmp_path / "report.html"
    world = parameters("map", tmp_path / "out.tif", EXTENT="-120,120,-50,60 [EPSG:4326]")
    given = {**world, "RESOLUTION": 10, "INPUT": layer, "FIELD": "v", "REPORT": str(page)}
    out = run("mapfromsamples", {**given, "METHOD": 1})
    assert out["REPORT"] == str(page)
    made = page.read_text("utf-8")
    assert "<code>out.tif</code>" in made
    table = made[made.index('<th scope="col" class="number">row</th>') :]
    row = table[table.index("<tbody>") : table.index("</tr>", table.index("<tbody>"))]
    assert '<th scope="row" class="number">1</th><td class="number">11</td>' in row


@pytest.mark.parametrize(
    ("report", "said"),
    [("out.tif", "given twice"), ("report.txt", "neither a page nor data"), ("no/r.html", "exist")],
)
def test_a_report_that_cannot_be_written_is_refused(run, make_points, tmp_path, report, said):
    given = {**parameters("map", tmp_path / "out.tif"), "INPUT": samples(make_points, "double")}
    with pytest.raises(QgsProcessingException, match=said):
        run("mapfromsamples", {**given, "FIELD": "v", "REPORT": str(tmp_path / report)})


def test_the_error_of_numbers_is_in_bands_of_its_own(run, make_points, tmp_path):
    layer = samples(make_points, "double")
    layer.startEditing()
    feature = next(layer.getFeatures())
    layer.changeAttributeValue(feature.id(), 0, -9999.0)
    assert layer.commitChanges()
    world = parameters("map", tmp_path / "out.tif", EXTENT="-120,120,-50,60 [EPSG:4326]")
    given = {**world, "RESOLUTION": 10, "INPUT": layer, "FIELD": "v", "UNCERTAINTY": True}
    given = {**given, "METHOD": 2, "FOLDS": 2}
    feedback = Feedback()
    run("mapfromsamples", given, feedback=feedback)
    (warned,) = [line for line in feedback.said if line.startswith("warning: 1 of 150 values")]
    assert warned.endswith("leave them out with Numbers that mean no value -9999")
    feedback = Feedback()
    out = run("mapfromsamples", {**given, "MISSING": "-999 -9999"}, feedback=feedback)
    assert not any("as missing" in line for line in feedback.said)
    dataset, values = read(out["OUTPUT"])
    names = [dataset.GetRasterBand(band).GetDescription() for band in range(1, 8)]
    assert names[1] == "standard error of v"
    assert names[-1] == "distance to the nearest sample, km"
    mean, error, low, high, _, inside, away = values
    assert (error > 0).all()
    assert ((low < mean) & (mean < high)).all()
    assert set(np.unique(inside)) <= {0, 1}
    assert 0 <= away.min() < away.max() < 5000
    (words,) = [line for line in feedback.said if line.startswith("How good")]
    assert "drawn at random" in words
    assert words.endswith("Method: kriging on the place.")
    with pytest.raises(QgsProcessingException, match="'a' is not numbers"):
        run("mapfromsamples", {**given, "MISSING": "a"})


def test_places_outside_the_area_of_applicability_are_hatched(run, make_points, tmp_path):
    """Samples of one region, a map of the world: polygons of just the pixels that are outside."""
    from qgis.core import QgsPointXY
    from satclip_qgis.styles import style_hatched

    layer = samples(make_points, "double")
    layer.selectByExpression("$id % 1 = 0 and x($geometry) > 0 and y($geometry) > 0")
    assert layer.selectedFeatureCount() > 20
    few = layer.materialize(QgsFeatureRequest().setFilterFids(layer.selectedFeatureIds()))
    world = parameters("map", tmp_path / "out.tif", EXTENT="-180,180,-80,80 [EPSG:4326]")
    given = {**world, "RESOLUTION": 10, "INPUT": few, "FIELD": "v", "METHOD": 1}
    target = str(tmp_path / "outside.gpkg")
    assert "OUTSIDE" not in run("mapfromsamples", {**given, "OUTSIDE": target})
    assert not (tmp_path / "outside.gpkg").exists()
    out = run("mapfromsamples", {**given, "UNCERTAINTY": True, "OUTSIDE": target})
    inside = read(out["OUTPUT"])[1][5]
    polygons = QgsVectorLayer(out["OUTSIDE"], "outside", "ogr")
    (feature,) = polygons.getFeatures()
    geometry = feature.geometry()
    assert geometry.isGeosValid()
    assert polygons.crs().authid() == "EPSG:4326"
    assert 0 < (inside == 0).sum() < inside.size
    assert geometry.area() == pytest.approx(100 * (inside == 0).sum())
    for row, column in ((0, 0), (8, 20), (3, 19), (15, 35)):
        centre = QgsPointXY(-175 + 10 * column, 75 - 10 * row)
        assert geometry.contains(centre) == (inside[row, column] == 0)
    style_hatched(polygons)
    layers = polygons.renderer().symbol().symbolLayers()
    assert [one.layerType() for one in layers] == ["SimpleFill", *["LinePatternFill"] * 2]


def test_classes_are_mapped_from_samples(run, make_points, tmp_path):
    layer = samples(make_points, "string(10)")
    world = parameters("map", tmp_path / "out.tif", EXTENT="-120,120,-50,60 [EPSG:4326]")
    given = {**world, "RESOLUTION": 10, "INPUT": layer, "FIELD": "v", "PROBABILITIES": True}
    feedback = Feedback()
    out = run("mapfromsamples", given, feedback=feedback)
    dataset, values = read(out["OUTPUT"])
    assert dataset.RasterCount == 3
    assert values[0, 0, 0] != values[0, -1, 0]
    assert out["SCORE"] > 0.6
    assert any("names the right class for" in line for line in feedback.said)
    assert "balanced accuracy" in out["SUMMARY"]


def test_a_map_of_europe_has_the_score_of_europe(run, make_points, tmp_path):
    """Noise in the rest of the world does not count; where samples are few it is said."""
    layer = samples(make_points, "double")
    inside, total = 0, 0
    box = (-40.0, 60.0, 20.0, 75.0)
    rng = np.random.default_rng(0)
    layer.startEditing()
    for feature in layer.getFeatures():
        point = feature.geometry().asPoint()
        here = box[0] <= point.x() <= box[1] and box[2] <= point.y() <= box[3]
        inside, total = inside + here, total + 1
        if not here:
            noisy = abs(point.y()) + float(rng.normal(0, 10))
            layer.changeAttributeValue(feature.id(), 0, noisy)
    assert layer.commitChanges()
    assert 20 <= inside < total
    extent = f"{box[0]},{box[1]},{box[2]},{box[3]} [EPSG:4326]"
    given = parameters("map", tmp_path / "out.tif", EXTENT=extent, RESOLUTION=5)
    report = tmp_path / "report.json"
    given = {**given, "INPUT": layer, "FIELD": "v", "REPORT": str(report)}
    feedback = Feedback()
    out = run("mapfromsamples", given, feedback=feedback)
    assert out["REPORT"] == str(report)
    found = json.loads(report.read_text("utf-8"))
    assert found["within"]["samples"] == inside
    assert out["SCORE"] == pytest.approx(found["within"]["score"]["r2"])
    (words,) = [line for line in feedback.said if line.startswith("How good")]
    here, everywhere = found["within"]["score"]["r2"], found["score"]["r2"]
    assert here != pytest.approx(everywhere, abs=0.02)
    assert words.index(f"Within the extent ({inside} of the {total} samples):") < words.index(
        f"(R² {here:.2f}"
    )
    assert words.index(f"(R² {here:.2f}") < words.index("Of all samples:")
    assert f"R² {everywhere:.2f}" in words
    assert f"on the {inside} of them in the extent" in out["SUMMARY"]
    feedback, given["EXTENT"] = Feedback(), "0,20,40,50 [EPSG:4326]"
    run("mapfromsamples", given, feedback=feedback)
    assert any("too few to say" in line for line in feedback.said)


def test_the_field_that_is_mapped_unasked_is_no_identifier(run, make_points, tmp_path):
    rng = np.random.default_rng(0)
    places = rng.uniform((-120, -50), (120, 60), (60, 2))
    rows = [
        (index, "a note", float(lon), index, float(abs(lat)))
        for index, (lon, lat) in enumerate(places)
    ]
    fields = "&field=fid:integer&field=note:string&field=lon:double&field=station_id:integer"
    fields += "&field=heat:double"
    layer = make_points([tuple(place) for place in places], fields=fields, rows=rows)
    given = parameters("map", tmp_path / "out.tif", EXTENT="-120,120,-50,60 [EPSG:4326]")
    feedback = Feedback()
    out = run("mapfromsamples", {**given, "RESOLUTION": 10, "INPUT": layer}, feedback=feedback)
    assert "heat" in out["SUMMARY"]
    assert "Field to map: heat" in feedback.said
    nothing = make_points([tuple(place) for place in places], "EPSG:4326", "&field=fid:integer",
                          [(index,) for index in range(60)])  # fmt: skip
    with pytest.raises(QgsProcessingException, match="choose the Field to map"):
        run("mapfromsamples", {**given, "RESOLUTION": 10, "INPUT": nothing})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"EXTENT": "5,5,45,48 [EPSG:4326]"}, "empty"),
        ({"EXTENT": "abc"}, "The extent abc is none: give west, east, south, north"),
        ({"EXTENT": "5 11 45 48"}, "The extent 5 11 45 48 is none"),
        ({"EXTENT": "5,11,45"}, "The extent 5,11,45 is none"),
        ({"EXTENT": "5,11,95,98 [EPSG:4326]"}, "Earth"),
        ({"RESOLUTION": 90}, "coarser"),
        ({"MODEL": "no-such-model"}, "unknown model 'no-such-model'"),
        ({"MODEL": "/nowhere/model.npz"}, "/nowhere/model.npz"),
        ({"MODEL": "satclip-vit16-l40"}, "satclip-vit16-l40 is not here yet"),
        ({"OUTPUT": "/somewhere/out.png"}, "let it end in .tif"),
        ({"POINT": None}, "nothing to compare with"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_computed(
    change, words, plugin, tmp_path, monkeypatch
):
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "cache"))
    algorithm = plugin.provider.algorithm("similarity").create()
    given = parameters("similarity", tmp_path / "out.tif", **change)
    fine, message = algorithm.checkParameterValues(given, QgsProcessingContext())
    assert not fine
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("target", ["/proc/out.tif", "/nowhere/at/all/out.tif"])
def test_a_target_that_cannot_be_written_is_one_message(target, run):
    with pytest.raises(QgsProcessingException, match=r"permission|does not exist|0 bytes are free"):
        run("similarity", parameters("similarity", target))


def test_messages_name_parameters_not_options_of_the_command_line(run):
    with pytest.raises(QgsProcessingException) as raised:
        run("similarity", parameters("similarity", "/proc/out.tif"))
    assert "--" not in str(raised.value)


def test_a_file_that_is_no_basis_is_named(run, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(QgsProcessingException, match=r"wrong\.json"):
        run("embeddingrgb", parameters("embeddingrgb", tmp_path / "o.tif", BASIS=str(wrong)))


@pytest.mark.parametrize("name", ["embeddingraster", "similarity", "clusters"])
def test_a_cancel_in_the_middle_is_heard_within_a_block(name, run, tmp_path):
    feedback = Feedback()
    stopped = []

    def stop():
        stopped.append((time.monotonic(), len(feedback.steps)))
        feedback.cancel()

    world = parameters(name, tmp_path / "out.tif", EXTENT="-180,180,-90,90 [EPSG:4326]")
    # 7200 x 3600 pixels, one band: hundreds of blocks, minutes of work.
    res = 0.5 if name == "embeddingraster" else 0.05
    timer = threading.Timer(0.5, stop)
    timer.start()
    out = run(name, {**world, "RESOLUTION": res}, feedback=feedback)
    timer.join()
    assert "OUTPUT" not in out
    when, steps = stopped[0]
    assert len(feedback.steps) <= steps + 1
    assert time.monotonic() - when < 30  # on a busy machine; the whole takes minutes there
    assert not list(tmp_path.iterdir())
    assert any("Stopped" in line for line in feedback.said)


@pytest.mark.parametrize("name", [*RASTERS, "mapfromsamples"])
def test_results_arrive_styled_and_with_their_origin(
    name, plugin, project, make_points, tmp_path, encoder
):
    """As QGIS does it: run, load the layer, post-process it."""
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.grid.land import land_places, land_within

    context = QgsProcessingContext()
    context.setProject(project)
    target = str(tmp_path / "out.tif")
    given = parameters(name, target)
    if name == "mapfromsamples":
        given.update(INPUT=samples(make_points, "double"), FIELD="v")
        project.addMapLayer(given["INPUT"])
    context.addLayerToLoadOnCompletion(
        target, QgsProcessingContext.LayerDetails("result", project, "OUTPUT")
    )
    algorithm = plugin.provider.algorithm(name).create()
    out, fine = algorithm.run(given, context, Feedback())
    assert fine
    layer = QgsProcessingUtils.mapLayerFromString(out["OUTPUT"], context)
    details = context.layerToLoadOnCompletionDetails(target)
    feedback = Feedback()
    details.postProcessor().postProcessLayer(layer, context, feedback)
    # In words, at the very end of the log, below what QGIS says of the results.
    said = "\n".join(feedback.said)
    assert said.startswith("How good is the map of v?" if name == "mapfromsamples" else "")
    assert bool(said) == (name == "mapfromsamples")
    names = {
        "mapfromsamples": "v, mapped",
        "similarity": "Similarity to 46.0° N, 7.0° E",
        "clusters": "3 clusters, names predicted",
    }
    assert details.name == names.get(name, "result")
    assert QgsRasterLayer(target, "again").renderer().type() == layer.renderer().type()
    assert (tmp_path / "out.qml").is_file()
    kinds = {
        "embeddingraster": "multibandcolor",
        "embeddingrgb": "multibandcolor",
        "similarity": "singlebandpseudocolor",
        "mapfromsamples": "singlebandpseudocolor",
        "clusters": "paletted",
    }
    assert layer.renderer().type() == kinds[name]
    about = layer.metadata()
    assert "weights_sha256" in about.abstract()
    assert f"satclip:{name}" in about.abstract()
    assert about.licenses()
    if name == "similarity":
        low, high = layer.renderer().classificationMin(), layer.renderer().classificationMax()
        land = encoder.encode(land_within(Grid.from_bounds((5, 45, 11, 48), 0.5)))
        land = land.astype(np.float64)
        place = encoder.encode([(7, 46)])[0].astype(np.float64)
        cosines = land @ place / np.linalg.norm(land, axis=1) / np.linalg.norm(place)
        assert low == pytest.approx(np.quantile(cosines, 0.02), abs=1e-5)
        assert high == pytest.approx(1, abs=1e-5)
        # What is moderately alike is neither the lowest colour nor the highest.
        shader = layer.renderer().shader()
        assert len({shader.shade(value) for value in (0.2, 0.4, 0.6, 0.8, 1.0)}) == 5
    if name == "embeddingraster":
        land = encoder.encode(land_places())[:, :3]
        for band, part in enumerate(("red", "green", "blue")):
            stretch = getattr(layer.renderer(), f"{part}ContrastEnhancement")()
            ends = stretch.minimumValue(), stretch.maximumValue()
            assert ends == pytest.approx(np.quantile(land[:, band], (0.02, 0.98)), abs=1e-4)
    if name == "clusters":
        labels = [item.label for item in layer.renderer().classes()]
        assert len(set(labels)) == 3
        assert any("climate" in label for label in labels)
        # For other programs they stand beside the file: as categories, and in a table.
        beside = ElementTree.parse(f"{target}.aux.xml")
        assert [one.text for one in beside.iter("Category")][1:] == labels
        assert [row.findall("F")[1].text for row in beside.iter("Row")] == labels
        assert "predicted" in about.abstract()


@pytest.mark.parametrize("target", ["TEMPORARY_OUTPUT", "named.tif"])
def test_its_dialog_loads_one_layer_that_is_there(plugin, project, tmp_path, target):
    """The dialog checks and runs in one context, which must not hold a second, missing file."""
    from qgis.core import QgsApplication, QgsProcessingOutputLayerDefinition

    if target.endswith(".tif"):
        target = str(tmp_path / target)
    context = QgsProcessingContext()
    context.setProject(project)
    output = QgsProcessingOutputLayerDefinition(target, project)
    given = {**parameters("similarity", target), "OUTPUT": output}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("satclip:similarity")
    assert algorithm.checkParameterValues(given, context) == (True, "")
    results, succeeded = algorithm.run(given, context, Feedback())
    assert succeeded
    assert list(context.layersToLoadOnCompletion()) == [results["OUTPUT"]]
    output = QgsProcessingOutputLayerDefinition("no.png", project)
    fine, message = algorithm.checkParameterValues({**given, "OUTPUT": output}, context)
    assert not fine
    assert "no.png" in message


def test_a_model_of_algorithms_runs_it(run, plugin, tmp_path):
    """Two of ours chained in QGIS's modeler: similar places, then their embeddings."""
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
    )

    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("both", "both")
    first = QgsProcessingModelChildAlgorithm("satclip:similarplaces")
    first.setChildId("places")
    for name, value in (
        ("EXTENT", ALPS),
        ("RESOLUTION", 0.5),
        ("POINT", "7,46 [EPSG:4326]"),
        ("COUNT", 5),
        ("CRS", "EPSG:4326"),
    ):
        first.addParameterSources(name, [source.fromStaticValue(value)])
    model.addChildAlgorithm(first)
    second = QgsProcessingModelChildAlgorithm("satclip:embedpoints")
    second.setChildId("embed")
    second.addParameterSources("INPUT", [source.fromChildOutput("places", "OUTPUT")])
    output = QgsProcessingModelOutput("result", "result")
    output.setChildId("embed")
    output.setChildOutputName("OUTPUT")
    second.setModelOutputs({"result": output})
    model.addChildAlgorithm(second)
    model.initAlgorithm()
    import processing

    name = next(p.name() for p in model.parameterDefinitions() if p.isDestination())
    out = processing.run(model, {name: "memory:"})
    layer = out[name]
    assert layer.featureCount() == 5
    assert layer.fields().count() == 4 + 256


@pytest.mark.parametrize("name", ["groups.gpkg", "groups.geojson"])
def test_the_style_of_a_vector_result_stays_with_its_file(
    plugin, project, make_points, tmp_path, name
):
    """Twice, since QGIS would ask before it replaces a style of the same name."""
    layer = make_points([(6.5, 46.5), (7, 46), (30, 25), (31, 25), (-60, -3), (-61, -4)])
    project.addMapLayer(layer)
    target = str(tmp_path / name)
    for _ in range(2):
        context = QgsProcessingContext()
        context.setProject(project)
        context.addLayerToLoadOnCompletion(
            target, QgsProcessingContext.LayerDetails("result", project, "OUTPUT")
        )
        algorithm = plugin.provider.algorithm("groupfeatures").create()
        out, fine = algorithm.run(
            {"INPUT": layer, "COUNT": 3, "OUTPUT": target}, context, Feedback()
        )
        assert fine
        made = QgsProcessingUtils.mapLayerFromString(out["OUTPUT"], context)
        details = context.layerToLoadOnCompletionDetails(target)
        details.postProcessor().postProcessLayer(made, context, Feedback())
    again = QgsVectorLayer(target, "again")
    assert [one.label() for one in again.renderer().categories()] == [
        one.label() for one in made.renderer().categories()
    ]
    assert (tmp_path / "groups.qml").is_file() == name.endswith(".geojson")
