"""Algorithms on point layers through processing.run in a real QGIS."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from feedback import Feedback
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

PLACES = [(7.0, 46.0), (-60.0, -3.0), (23.6, -2.9)]


@pytest.fixture
def encoder(plugin):
    from satclip_qgis.models import encoder

    return encoder("bundled")


def embeddings(layer, first=0):
    """(features, 256), NaN for null."""
    rows = [feature.attributes()[first:] for feature in layer.getFeatures()]
    number = (int, float)
    return np.array([[v if isinstance(v, number) else np.nan for v in row] for row in rows])


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32632"])
def test_points_of_any_crs_are_embedded(crs, run, encoder, make_points):
    places = [(7.0, 46.0), (9.5, 47.5), (11.9, 44.0)]
    forth = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsCoordinateReferenceSystem(crs),
        QgsProject.instance(),
    )
    moved = [forth.transform(QgsPointXY(*place)) for place in places]
    layer = make_points([(point.x(), point.y()) for point in moved], crs=crs)
    out = run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})["OUTPUT"]
    assert out.crs().authid() == crs
    assert out.fields().names()[:2] == ["e000", "e001"]
    # There and back again the projection is off by nanometres.
    np.testing.assert_allclose(embeddings(out), encoder.encode(places), atol=1e-5)


@pytest.mark.parametrize("form", [0, 1])
def test_only_the_first_dimensions(form, run, encoder, make_points):
    wanted = {"INPUT": make_points(PLACES), "OUTPUT": "memory:", "FORMAT": form, "DIMS": 7}
    out = run("embedpoints", wanted)["OUTPUT"]
    new = [field.name() for field in out.fields()][make_points(PLACES).fields().count() :]
    assert new == (["embedding"] if form else [f"e{i:03d}" for i in range(7)])
    rows = [f.attributes()[-len(new) :] for f in out.getFeatures()]
    found = [row[0] for row in rows] if form else rows
    np.testing.assert_allclose(np.array(found), encoder.encode(PLACES)[:, :7], rtol=1e-6)
    with pytest.raises(QgsProcessingException, match="257 dimensions"):
        run("embedpoints", {**wanted, "DIMS": 257})


def test_poles_and_the_date_line_are_ordinary_places(run, encoder, make_points):
    layer = make_points([(0, 90), (77, 90), (13, -90), (180, -17), (-180, -17), (190, -17)])
    values = embeddings(run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})["OUTPUT"])
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values[0], values[1], atol=1e-6)
    np.testing.assert_allclose(values[3], values[4], atol=1e-6)
    np.testing.assert_allclose(values[5], encoder.encode([(-170, -17)])[0], atol=1e-6)


def test_the_pole_of_a_polar_crs(run, encoder, make_points):
    layer = make_points([(0, 0)], crs="EPSG:3031")
    values = embeddings(run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})["OUTPUT"])
    np.testing.assert_allclose(values[0], encoder.encode([(0, -90)])[0], atol=1e-5)


def test_null_empty_and_impossible_geometries_keep_their_row(run, make_points):
    layer = make_points([PLACES[0], None, "POINT EMPTY", (10, 95), (float("nan"), 4)])
    feedback = Feedback()
    out = run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"}, feedback=feedback)["OUTPUT"]
    finite = np.isfinite(embeddings(out)).all(axis=1)
    assert finite.tolist() == [True, False, False, False, False]
    assert any("4 features have no usable geometry" in line for line in feedback.said)


def test_multipoints_count_by_their_centroid(run, encoder, make_points):
    layer = make_points(["MULTIPOINT((4 46),(10 46))"], kind="MultiPoint")
    values = embeddings(run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})["OUTPUT"])
    np.testing.assert_allclose(values[0], encoder.encode([(7, 46)])[0], atol=1e-5)


def test_an_empty_layer_gives_an_empty_layer(run, make_points):
    out = run("embedpoints", {"INPUT": make_points([]), "OUTPUT": "memory:"})["OUTPUT"]
    assert out.featureCount() == 0
    assert out.fields().count() == 256


@pytest.mark.parametrize("name", ["similarity", "similarplaces", "mapfromsamples"])
def test_an_empty_layer_of_places_is_one_message(name, run, make_points, tmp_path):
    layer = make_points([], fields="&field=v:double")
    given = {"EXTENT": "5,11,45,48 [EPSG:4326]", "RESOLUTION": 1, "CRS": "EPSG:4326"}
    given["OUTPUT"] = "memory:" if name == "similarplaces" else str(tmp_path / "out.tif")
    given.update({"INPUT": layer, "FIELD": "v"} if name == "mapfromsamples" else {"POINTS": layer})
    with pytest.raises(QgsProcessingException) as raised:
        run(name, given)
    assert "\n" not in str(raised.value).strip()
    assert not list(tmp_path.iterdir())


def test_fields_stay_and_one_array_is_an_alternative(run, encoder, make_points):
    layer = make_points(PLACES, fields="&field=name:string(20)", rows=[["a"], ["b"], ["c"]])
    given = {"INPUT": layer, "FORMAT": 1, "OUTPUT": "memory:"}
    out = run("embedpoints", given)["OUTPUT"]
    assert out.fields().names() == ["name", "embedding"]
    rows = [feature.attributes() for feature in out.getFeatures()]
    assert [row[0] for row in rows] == ["a", "b", "c"]
    np.testing.assert_allclose([row[1] for row in rows], encoder.encode(PLACES), atol=1e-6)


def test_an_array_and_fields_can_be_kept_in_a_geopackage(run, encoder, make_points, tmp_path):
    layer = make_points(PLACES)
    target = str(tmp_path / "columns.gpkg")
    run("embedpoints", {"INPUT": layer, "OUTPUT": target})
    kept = QgsVectorLayer(target, "kept", "ogr")
    np.testing.assert_allclose(embeddings(kept, first=1), encoder.encode(PLACES), atol=1e-6)
    target = str(tmp_path / "array.gpkg")
    run("embedpoints", {"INPUT": layer, "FORMAT": 1, "OUTPUT": target})
    kept = QgsVectorLayer(target, "kept", "ogr")
    value = next(kept.getFeatures()).attributes()[-1]
    np.testing.assert_array_equal(
        np.array(json.loads(value), np.float32), encoder.encode(PLACES)[0]
    )


def test_a_geopackage_holds_what_a_layer_in_memory_does(run, make_points, tmp_path):
    """Rows of many numbers go past QGIS into the file: names, gaps, index and extent as by QGIS."""
    at = [(2600000 + 900 * n, 1200000 - 700 * n) if n != 7 else None for n in range(40)]
    rows = [(f'"{n}\'s"' if n % 3 else None, n, n / 7) for n in range(40)]
    fields = "&field=name:string&field=id:integer&field=size:double"
    layer = make_points(at, crs="EPSG:2056", fields=fields, rows=rows)
    source = str(tmp_path / "source.gpkg")
    run("embedpoints", {"INPUT": layer, "DIMS": 3, "OUTPUT": source})  # too few for that way
    asked = {"INPUT": source, "PREFIX": "x", "DIMS": 32}
    plain = run("embedpoints", {**asked, "OUTPUT": "memory:"})["OUTPUT"]
    target = str(tmp_path / "embedded.gpkg")
    made = QgsVectorLayer(run("embedpoints", {**asked, "OUTPUT": target})["OUTPUT"], "made", "ogr")
    assert made.fields().names() == plain.fields().names()
    assert made.featureCount() == 40
    assert made.crs().authid() == "EPSG:2056"
    assert made.wkbType() == plain.wkbType()
    for one, other in zip(made.getFeatures(), plain.getFeatures()):
        shapes = [each.geometry() for each in (one, other)]
        here, there = [None if shape.isEmpty() else shape.asWkt(3) for shape in shapes]
        assert here == there
        assert [str(value) for value in one.attributes()] == [
            str(value) for value in other.attributes()
        ]
    box = made.extent()
    assert (box.xMinimum(), box.yMaximum()) == (2600000, 1200000)
    near = QgsRectangle(2600000, 1195000, 2605000, 1200000)
    found = {feature["id"] for feature in made.getFeatures(near)}
    assert found == set(range(6))
    data = gdal.OpenEx(target)
    index = data.ExecuteSQL("SELECT count(*) FROM rtree_embedded_geom")
    assert index.GetNextFeature().GetField(0) == 39
    data.ReleaseResultSet(index)
    del index, data
    # It can go on being edited.
    assert made.startEditing()
    made.deleteFeature(1)
    assert made.commitChanges()
    assert made.featureCount() == 39


def test_a_number_given_anew_is_not_one_that_comes_later(run, make_points, tmp_path):
    layer = make_points(PLACES, fields="&field=fid:integer", rows=[[1], [1], [2]])
    target = str(tmp_path / "embedded.gpkg")
    made = QgsVectorLayer(run("embedpoints", {"INPUT": layer, "OUTPUT": target})["OUTPUT"])
    assert sorted(feature.id() for feature in made.getFeatures()) == [1, 2, 3]


def test_fields_that_exist_are_not_written_over(run, make_points):
    layer = make_points(PLACES, fields="&field=E001:double", rows=[[1.0]] * 3)
    with pytest.raises(QgsProcessingException, match=r"already has e001.*Prefix of the new fields"):
        run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})
    out = run("embedpoints", {"INPUT": layer, "PREFIX": "s_", "OUTPUT": "memory:"})["OUTPUT"]
    assert out.fields().names()[:2] == ["E001", "s_000"]


def test_a_shapefile_has_no_room_and_says_so(run, make_points, tmp_path):
    with pytest.raises(QgsProcessingException, match="255"):
        run("embedpoints", {"INPUT": make_points(PLACES), "OUTPUT": str(tmp_path / "a.shp")})


def test_a_read_only_target_is_one_message(run, make_points):
    with pytest.raises(QgsProcessingException, match=r"out\.gpkg"):
        run("embedpoints", {"INPUT": make_points(PLACES), "OUTPUT": "/proc/out.gpkg"})


def test_a_cancel_in_the_middle_ends_soon(run, make_points, project):
    rng = np.random.default_rng(0)
    layer = QgsVectorLayer("Point?crs=EPSG:4326", "many", "memory")
    features = []
    for lon, lat in rng.uniform(-80, 80, (40000, 2)):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(lon, lat)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    feedback = Feedback()
    feedback.progressChanged.connect(lambda percent: percent > 30 and feedback.cancel())
    given = {"INPUT": layer, "OUTPUT": "memory:"}
    out = run("embedpoints", given, feedback=feedback)["OUTPUT"]
    assert 0.3 * 40000 < out.featureCount() < 0.4 * 40000


def test_the_most_similar_places_come_first(run, encoder):
    given = {
        "EXTENT": "-10,30,35,60 [EPSG:4326]",
        "RESOLUTION": 1,
        "CRS": "EPSG:4326",
        "POINT": "7.5,46.5 [EPSG:4326]",
        "COUNT": 20,
        "SPACING": 0,
        "OUTPUT": "memory:",
    }
    out = run("similarplaces", given)["OUTPUT"]
    rows = [feature.attributes() for feature in out.getFeatures()]
    assert [row[0] for row in rows] == list(range(1, 21))
    assert rows[0][2:] == [7.5, 46.5]
    assert rows[0][1] == pytest.approx(1, abs=1e-5)
    similarities = [row[1] for row in rows]
    assert similarities == sorted(similarities, reverse=True)
    far = run("similarplaces", {**given, "AWAY": 500})["OUTPUT"]
    nearest = min(
        abs(feature["lon"] - 7.5) + abs(feature["lat"] - 46.5) for feature in far.getFeatures()
    )
    assert nearest > 4


def test_similar_places_in_a_projected_crs_lie_where_they_say(run):
    given = {
        "EXTENT": "5,11,45,48 [EPSG:4326]",
        "RESOLUTION": 50000,
        "CRS": "EPSG:32632",
        "POINT": "7,46 [EPSG:4326]",
        "COUNT": 3,
        "OUTPUT": "memory:",
    }
    out = run("similarplaces", given)["OUTPUT"]
    assert out.crs().authid() == "EPSG:32632"
    back = QgsCoordinateTransform(
        out.crs(), QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance()
    )
    for feature in out.getFeatures():
        point = back.transform(feature.geometry().asPoint())
        assert (point.x(), point.y()) == pytest.approx((feature["lon"], feature["lat"]), abs=1e-7)


@pytest.mark.parametrize("name", ["similarplaces", "embedpoints"])
def test_point_results_arrive_with_their_origin(name, plugin, project, make_points):
    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = plugin.provider.algorithm(name).create()
    given = {
        "EXTENT": "5,11,45,48 [EPSG:4326]",
        "RESOLUTION": 0.5,
        "POINT": "7,46 [EPSG:4326]",
        "INPUT": make_points(PLACES),
    }
    given = {k: v for k, v in given.items() if algorithm.parameterDefinition(k)}
    if name == "embedpoints":
        project.addMapLayer(given["INPUT"])
    from qgis.core import QgsProcessingOutputLayerDefinition

    given["OUTPUT"] = QgsProcessingOutputLayerDefinition("memory:", project)
    out, fine = algorithm.run(given, context, Feedback())
    assert fine
    layer = QgsProcessingUtils.mapLayerFromString(out["OUTPUT"], context)
    details = context.layerToLoadOnCompletionDetails(out["OUTPUT"])
    details.postProcessor().postProcessLayer(layer, context, Feedback())
    assert "weights_sha256" in layer.metadata().abstract()
    if name == "similarplaces":
        assert layer.renderer().type() == "graduatedSymbol"
        assert layer.renderer().ranges()


@pytest.mark.parametrize("spacing", [None, 700, 0])
def test_similar_places_lie_apart(spacing, run, encoder):
    given = {
        "EXTENT": "-20,60,-35,35 [EPSG:4326]",
        "RESOLUTION": 1,
        "CRS": "EPSG:4326",
        "POINT": "23.6,-2.9 [EPSG:4326]",
        "COUNT": 30,
        "OUTPUT": "memory:",
    }
    if spacing is not None:
        given["SPACING"] = spacing
    out = run("similarplaces", given)["OUTPUT"]
    lons, lats = np.deg2rad([(f["lon"], f["lat"]) for f in out.getFeatures()]).T
    cosines = np.sin(lats) * np.sin(lats[:, None])
    cosines += np.cos(lats) * np.cos(lats[:, None]) * np.cos(lons - lons[:, None])
    apart = 6371.0088 * np.arccos(np.clip(cosines, -1, 1)) + 1e6 * np.eye(len(lons))
    assert len(lons) == 30
    if spacing == 0:
        assert apart.min() < 120
    else:
        wanted = spacing or encoder.resolution_degrees * 111.195
        assert apart.min() >= wanted - 0.1
        assert apart.min() < 1.7 * max(wanted, 111.195)  # a pixel is a degree wide


TRIANGLE, LINE = "POLYGON((0 40,6 40,0 43,0 40))", "LINESTRING(10 45,12 45,12 47)"
# Of a triangle the mean of its corners; of a line the mean of its middles, weighted by length.
CENTROIDS = [(2.0, 41.0), (11.5, 45.5), (7.0, 46.0)]


@pytest.fixture
def shapes(make_points, tmp_path):
    """Layers of polygons, of lines, and of all that among points, each with values."""
    from osgeo import ogr, osr

    lonlat = osr.SpatialReference()
    lonlat.ImportFromEPSG(4326)
    data = ogr.GetDriverByName("GPKG").CreateDataSource(str(tmp_path / "mixed.gpkg"))
    table = data.CreateLayer("mixed", lonlat, ogr.wkbUnknown)
    table.CreateField(ogr.FieldDefn("v", ogr.OFTReal))
    for index, wkt in enumerate([TRIANGLE, LINE, "POINT(7 46)"] * 4):
        feature = ogr.Feature(table.GetLayerDefn())
        feature.SetField("v", float(index))
        feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
        table.CreateFeature(feature)
    table = data = None
    field, rows = "&field=v:double", [(float(index),) for index in range(6)]
    return {
        "polygons": make_points([TRIANGLE] * 6, fields=field, rows=rows, kind="Polygon"),
        "lines": make_points([LINE] * 6, fields=field, rows=rows, kind="LineString"),
        "mixed": QgsVectorLayer(str(tmp_path / "mixed.gpkg"), "mixed", "ogr"),
    }


def of_shapes(name, layer, tmp_path):
    given = {"OUTPUT": "memory:", "INPUT": layer, "POINTS": layer}
    if name != "embedpoints":
        given.update(EXTENT="0,12,40,47 [EPSG:4326]", RESOLUTION=1, CRS="EPSG:4326")
    if name in ("similarity", "mapfromsamples"):
        given["OUTPUT"] = str(tmp_path / "out.tif")
    return given


@pytest.mark.parametrize("name", ["embedpoints", "similarity", "similarplaces", "mapfromsamples"])
@pytest.mark.parametrize("kind", ["polygons", "lines", "mixed"])
def test_lines_and_polygons_are_refused_in_words(name, kind, run, shapes, tmp_path):
    with pytest.raises(QgsProcessingException) as raised:
        run(name, of_shapes(name, shapes[kind], tmp_path))
    said = str(raised.value).strip().splitlines()[-1]  # after processing.run's own words
    assert "no points (" in said
    assert "choose Centroids of lines and polygons" in said


@pytest.mark.parametrize("kind", ["polygons", "lines", "mixed"])
def test_lines_and_polygons_count_by_their_centroids_on_request(
    kind, run, encoder, shapes, tmp_path
):
    given = {**of_shapes("embedpoints", shapes[kind], tmp_path), "CENTROIDS": True}
    out = run("embedpoints", given)["OUTPUT"]
    values = embeddings(out)[:, -256:]
    wanted = {"polygons": CENTROIDS[:1] * 6, "lines": CENTROIDS[1:2] * 6, "mixed": CENTROIDS * 4}
    np.testing.assert_allclose(values, encoder.encode(wanted[kind]), atol=1e-5)
    points = [feature.geometry().asPoint() for feature in out.getFeatures()]
    np.testing.assert_allclose([(p.x(), p.y()) for p in points], wanted[kind], atol=1e-9)
    given = {**of_shapes("similarity", shapes[kind], tmp_path), "CENTROIDS": True, "REDUCE": 1}
    out = gdal.Open(run("similarity", given)["OUTPUT"])
    references = [float(x) for x in out.GetMetadata()["references"].replace(";", " ").split()]
    np.testing.assert_allclose(np.reshape(references, (-1, 2)), wanted[kind], atol=1e-9)


def test_points_with_a_line_among_them(run, shared_cases):
    layer = QgsVectorLayer(str(shared_cases / "mixline.gpkg"), "mixline", "ogr")
    assert layer.featureCount() > 1
    with pytest.raises(QgsProcessingException, match="choose Centroids of lines and polygons"):
        run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:"})
    out = run("embedpoints", {"INPUT": layer, "OUTPUT": "memory:", "CENTROIDS": True})["OUTPUT"]
    assert out.featureCount() == layer.featureCount()
    values = embeddings(out, first=layer.fields().count())
    assert np.isfinite(values).all()


@pytest.mark.parametrize("form", ["{path}", "ogr:dbname='{path}' table=\"wells\" (geom)"])
@pytest.mark.parametrize("selected", [False, True])
def test_what_is_read_is_not_written_over(form, selected, run, project, make_points, tmp_path):
    from qgis.core import QgsProcessingFeatureSourceDefinition, QgsVectorFileWriter

    path = str(tmp_path / "wells.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    context = project.transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(make_points(PLACES), path, context, options)
    layer = QgsVectorLayer(path, "wells", "ogr")
    project.addMapLayer(layer)
    layer.selectAll()
    given = QgsProcessingFeatureSourceDefinition(layer.id(), True) if selected else layer
    with pytest.raises(QgsProcessingException, match="is what is read"):
        run("embedpoints", {"INPUT": given, "OUTPUT": form.format(path=path)})
    assert QgsVectorLayer(path, "wells", "ogr").featureCount() == 3


def test_similar_areas_are_those_of_the_core(run, small_model, tmp_path):
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.products import SimilarityTo
    from satclip_qgis.satclip_core.raster.similar_areas import AreaOptions, similar_areas

    given = {
        "EXTENT": "-20,52,-35,37 [EPSG:4326]",
        "RESOLUTION": 1,
        "CRS": "EPSG:4326",
        "POINT": "23.6,-2.9 [EPSG:4326]",
        "UNLIKE": "10,20 [EPSG:4326]",
        "PERCENTILE": 80,
        "LEAST_AREA": 50_000,
        "AGAINST": 1,  # all land
        "MODEL": str(small_model),
        "OUTPUT": str(tmp_path / "areas.gpkg"),
    }
    out = QgsVectorLayer(run("similarareas", given)["OUTPUT"], "areas", "ogr")
    grid = Grid.from_bounds((-20, -35, 52, 37), 1)
    wanted = SimilarityTo(((23.6, -2.9),), unlike=((10, 20),))
    want = similar_areas(
        grid,
        encoder(str(small_model)),
        wanted,
        AreaOptions(percentile=80, least_km2=50_000),
        mask="land",
    )
    features = list(out.getFeatures())
    assert len(features) == len(want) > 1
    assert out.fields().names()[1:] == list(want.columns)
    for feature, shape, km2, mean in zip(features, want.wkb, want.km2, want.mean):
        geometry = feature.geometry()
        assert geometry.isGeosValid()
        assert feature["area_km2"] == pytest.approx(km2)
        assert feature["mean_similarity"] == pytest.approx(mean)
        known = QgsGeometry()
        known.fromWkb(shape)
        assert geometry.area() == pytest.approx(known.area())
    everywhere = run("similarareas", {**given, "LAND": False, "OUTPUT": "memory:"})["OUTPUT"]
    total = sum(feature["area_km2"] for feature in everywhere.getFeatures())
    assert total > 1.05 * want.km2.sum()
