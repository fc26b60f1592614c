"""Algorithms on polygons and lines through processing.run in a real QGIS."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from feedback import Feedback
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeatureRequest,
    QgsGraduatedSymbolRenderer,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsVectorLayer,
)

ALPS = "POLYGON((7 45,12 45,12 47,7 47,7 45))"
FIELD = "POLYGON((10 50,10.01 50,10.01 50.01,10 50.01,10 50))"
CONGO = "POLYGON((20 -3,24 -3,24 0,20 0,20 -3))"
AMAZON = (
    "MULTIPOLYGON(((-64 -6,-60 -6,-60 -3,-64 -3,-64 -6)),((-66 -8,-65 -8,-65 -7,-66 -7,-66 -8)))"
)
SAHARA = "POLYGON((0 20,10 20,10 26,0 26,0 20),(2 22,4 22,4 24,2 24,2 22))"
SEA = "POLYGON((-40 30,-39 30,-39 31,-40 31,-40 30))"
ZONES = [ALPS, FIELD, CONGO, AMAZON, SAHARA]
NAMES = ["Alps", "field", "Congo", "Amazon", "Sahara"]


@pytest.fixture
def zones(make_points):
    def make(wkt=ZONES, crs="EPSG:4326", names=NAMES):
        rows = [[name] for name in names] if len(names) == len(wkt) else [["a"]] * len(wkt)
        kind = "MultiPolygon"
        return make_points(list(wkt), crs, "&field=name:string(20)", rows, kind)

    return make


@pytest.fixture
def model(small_model):
    return {"MODEL": str(small_model), "OUTPUT": "memory:"}


def of(encoder_path, wkts, **options):
    """Zones as the core has them."""
    from qgis.core import QgsGeometry
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.grid.wkb import Shape
    from satclip_qgis.satclip_core.points.zones import ZoneEmbedder

    shapes = [Shape.of(bytes(QgsGeometry.fromWkt(wkt).asWkb())) for wkt in wkts]
    return ZoneEmbedder(encoder(str(encoder_path)), **options)(shapes)


def column(layer, name):
    return [feature[name] for feature in layer.getFeatures()]


def loaded(plugin, project, name, parameters):
    """The result of an algorithm as the map gets it: layer, name, feedback."""
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(project)
    output = QgsProcessingOutputLayerDefinition("memory:", project)
    algorithm = plugin.provider.algorithm(name).create()
    out, fine = algorithm.run({**parameters, "OUTPUT": output}, context, feedback)
    assert fine, feedback.said
    layer = QgsProcessingUtils.mapLayerFromString(out["OUTPUT"], context)
    details = context.layerToLoadOnCompletionDetails(out["OUTPUT"])
    details.postProcessor().postProcessLayer(layer, context, feedback)
    return context.takeResultLayer(layer.id()), details.name, feedback


def test_polygons_get_the_means_of_the_core(run, zones, model, small_model):
    out = run("embedzones", {**model, "INPUT": zones(), "LAND": False})["OUTPUT"]
    want = of(small_model, ZONES)
    names = out.fields().names()
    assert names[1:3] == ["e000", "e001"]
    assert names[-4:] == ["pixels", "area_km2", "length_km", "spread"]
    rows = [feature.attributes() for feature in out.getFeatures()]
    got = np.array([row[1:257] for row in rows], float)
    np.testing.assert_allclose(got, want.means, rtol=1e-6)
    assert column(out, "pixels") == want.pixels.tolist()
    np.testing.assert_allclose(column(out, "area_km2"), want.area_km2, rtol=1e-6)
    assert [f.geometry().area() for f in out.getFeatures()] == pytest.approx(
        [f.geometry().area() for f in zones().getFeatures()]
    )


def test_land_alone_counts_unless_it_is_wanted_otherwise(run, zones, model):
    feedback = Feedback()
    given = {**model, "INPUT": zones([CONGO, SEA])}
    out = run("embedzones", given, feedback=feedback)["OUTPUT"]
    assert [value > 0 if isinstance(value, int) else None for value in column(out, "pixels")] == [
        True,
        None,
    ]
    assert any("1 features have no usable geometry" in line for line in feedback.said)
    out = run("embedzones", {**given, "LAND": False})["OUTPUT"]
    assert min(column(out, "pixels")) > 0


def test_lines_points_and_arrays(run, make_points, model, small_model, tmp_path):
    line = "LINESTRING(5 45,12 48)"
    layer = make_points([line], kind="LineString")
    target = str(tmp_path / "out.gpkg")
    run("embedzones", {**model, "INPUT": layer, "FORMAT": 1, "DIMS": 5, "OUTPUT": target})
    (feature,) = QgsVectorLayer(target, "out", "ogr").getFeatures()
    want = of(small_model, [line])
    np.testing.assert_array_equal(
        np.array(json.loads(feature["embedding"]), np.float32), want.means[0, :5]
    )
    assert feature["length_km"] == pytest.approx(want.length_km[0], rel=1e-6)
    assert not isinstance(feature["area_km2"], float)
    point = run("embedzones", {**model, "INPUT": make_points([(7, 46)])})["OUTPUT"]
    assert column(point, "pixels") == [1]


def test_fields_that_exist_are_not_written_over_in_zones(run, make_points, model):
    layer = make_points([CONGO], fields="&field=Spread:double", rows=[[1.0]], kind="Polygon")
    with pytest.raises(QgsProcessingException, match=r"already has spread.*Prefix of the new"):
        run("embedzones", {**model, "INPUT": layer})
    out = run("embedzones", {**model, "INPUT": layer, "PREFIX": "s_", "DIMS": 2})["OUTPUT"]
    assert out.fields().names() == [
        *("Spread", "s_000", "s_001", "s_pixels", "s_area_km2", "s_length_km", "s_spread"),
    ]


def test_features_are_alike_to_the_selected_ones(plugin, project, zones, model, small_model):
    layer = zones()
    project.addMapLayer(layer)
    layer.selectByExpression("name = 'Congo'")
    like = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    given = {**model, "INPUT": layer.id(), "LIKE": like, "LAND": False}
    out, name, _ = loaded(plugin, project, "similarfeatures", given)
    assert name == "points, similarity to 1 of points"
    means = of(small_model, ZONES).means.astype(float)
    means /= np.linalg.norm(means, axis=1)[:, None]
    np.testing.assert_allclose(column(out, "similarity"), means @ means[2], atol=1e-5)
    assert isinstance(out.renderer(), QgsGraduatedSymbolRenderer)
    assert "references" in out.metadata().abstract()


def test_several_examples_and_a_counter_example_are_told_apart(run, zones, model):
    given = {**model, "INPUT": zones(), "LIKE": zones([CONGO, AMAZON]), "UNLIKE": zones([SAHARA])}
    chance = dict(zip(NAMES, column(run("similarfeatures", given)["OUTPUT"], "similarity")))
    assert min(chance.values()) >= 0
    assert max(chance.values()) <= 1
    assert min(chance["Congo"], chance["Amazon"]) > chance["Sahara"]


def test_groups_are_those_of_the_core(plugin, project, zones, model, small_model):
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.products import ClusterModel

    given = {**model, "INPUT": zones(), "COUNT": 2, "LAND": False}
    out, name, feedback = loaded(plugin, project, "groupfeatures", given)
    means = of(small_model, ZONES).means
    found = ClusterModel.of(encoder(str(small_model)), means, 2)
    assert column(out, "group") == found.labels(means).tolist()
    assert name == "points in 2 groups"
    renderer = out.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert [category.value() for category in renderer.categories()] == [1, 2]
    names = set(column(out, "group_name"))
    assert all(any(name in line for line in feedback.said) for name in names)
    import processing

    with pytest.raises(QgsProcessingException, match="give at most 5"):
        processing.run("satclip:groupfeatures", {**given, "COUNT": 6})


def test_lookalikes_are_joined_with_their_fields(run, zones, model, small_model):
    mine = of(small_model, [ALPS, CONGO]).means.astype(float)
    theirs = of(small_model, ZONES).means.astype(float)
    cosines = (mine @ theirs.T) / np.outer(
        np.linalg.norm(mine, axis=1), np.linalg.norm(theirs, axis=1)
    )
    given = {**model, "INPUT": zones([ALPS, CONGO]), "OTHERS": zones(), "COUNT": 2, "LAND": False}
    out = run("lookalikes", given)["OUTPUT"]
    want = [NAMES[row] for line in np.argsort(-cosines, axis=1)[:, :2] for row in line]
    assert column(out, "like_name") == want
    assert column(out, "rank") == [1, 2, 1, 2]
    np.testing.assert_allclose(
        column(out, "similarity"), np.sort(cosines)[:, :-3:-1].ravel(), atol=1e-6
    )
    assert column(out, "distance_km")[0] == pytest.approx(0, abs=1e-6)


def test_within_one_layer_none_is_its_own_lookalike(run, zones, model, project):
    layer = zones()
    project.addMapLayer(layer)
    out = run("lookalikes", {**model, "INPUT": layer, "OTHERS": layer, "COUNT": 9})["OUTPUT"]
    pairs = list(zip(column(out, "name"), column(out, "like_name")))
    assert len(pairs) == 20
    assert all(one != other for one, other in pairs)
    layer.selectByIds([3, 4])
    some = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    out = run("lookalikes", {**model, "INPUT": some, "OTHERS": layer, "COUNT": 9})["OUTPUT"]
    assert out.featureCount() == 8


def test_gaps_are_filled_in_with_their_error(run, make_points, model):
    rng = np.random.default_rng(3)
    places = rng.uniform((-10, 40), (30, 60), (60, 2))
    values = 3 * places[:, 1] + rng.normal(0, 0.1, 60)
    rows = [[value if row % 6 else None] for row, value in enumerate(values.tolist())]
    layer = make_points(places.tolist(), fields="&field=heat:double", rows=rows)
    feedback = Feedback()
    given = {**model, "INPUT": layer, "FIELD": "heat", "METHOD": 1}
    out = run("fillvalues", given, feedback=feedback)["OUTPUT"]
    names = ["heat", "heat_filled", "heat_error", "heat_low", "heat_high", "inside_area"]
    assert out.fields().names()[:6] == names
    filled = column(out, "heat_filled")
    assert filled == [int(row % 6 == 0) for row in range(60)]
    got = np.array(column(out, "heat"), float)
    known = np.array(filled) == 0
    np.testing.assert_array_equal(got[known], values[known])
    assert np.sqrt(np.mean((got[~known] - values[~known]) ** 2)) < 0.5 * values.std()
    errors = [value for value in column(out, "heat_error") if isinstance(value, float)]
    assert len(errors) == 10
    assert min(errors) > 0
    assert any("10 features filled in" in line for line in feedback.said)
    with pytest.raises(QgsProcessingException, match="No feature lacks a value of heat"):
        run("fillvalues", {**given, "INPUT": out})


def test_missing_classes_are_filled_in(run, make_points, model):
    rng = np.random.default_rng(4)
    places = rng.uniform((-10, -30), (30, 60), (80, 2))
    kinds = ["north" if lat > 15 else "south" for lat in places[:, 1]]
    rows = [[kind if row % 8 else None] for row, kind in enumerate(kinds)]
    layer = make_points(places.tolist(), fields="&field=kind:string(9)", rows=rows)
    given = {**model, "INPUT": layer, "FIELD": "kind", "METHOD": 1}
    out = run("fillvalues", given)["OUTPUT"]
    got = column(out, "kind")
    assert sum(one == other for one, other in zip(got, kinds)) >= 77
    assert "kind_probability" in out.fields().names()


def test_embedded_points_arrive_in_the_colours_of_the_world(plugin, project, make_points):
    from qgis.core import QgsExpressionContext, QgsExpressionContextUtils, QgsSymbolLayer
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.grid.land import land_places

    places = [(7.0, 46.0), (-60.0, -3.0), (23.6, -2.9)]
    for form in (0, 1):
        given = {"INPUT": make_points(places), "FORMAT": form}
        out, name, _ = loaded(plugin, project, "embedpoints", given)
        assert name == "points, embedded"
        part = out.renderer().symbol().symbolLayer(0)
        colour = part.dataDefinedProperties().property(QgsSymbolLayer.Property.PropertyFillColor)
        context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(out))
        shown = []
        for feature in out.getFeatures():
            context.setFeature(feature)
            shown.append([int(x) for x in colour.valueAsString(context)[0].split(",")[:3]])
        model = encoder()
        land = model.encode(land_places(), single=True)[:, :3]
        low, high = np.quantile(land, (0.02, 0.98), axis=0)
        want = np.clip((model.encode(places)[:, :3] - low) / (high - low), 0, 1) * 255
        np.testing.assert_allclose(shown, want, atol=1.01)


def test_a_cancel_leaves_zones_soon(run, zones, model):
    feedback = Feedback()
    feedback.cancel()
    assert run("embedzones", {**model, "INPUT": zones()}, feedback=feedback) == {}


def test_curves_are_drawn_as_lines(run, make_points, model):
    from qgis.core import QgsGeometry

    curve = "CURVEPOLYGON(CIRCULARSTRING(10 45,11 46,12 45,11 44,10 45))"
    layer = make_points([curve], kind="CurvePolygon")
    out = run("embedzones", {**model, "INPUT": layer})["OUTPUT"]
    (area,) = column(out, "area_km2")
    straight = QgsGeometry.fromWkt(curve).area()  # square degrees of a circle
    assert area == pytest.approx(straight * 111.2 * 111.2 * np.cos(np.deg2rad(45)), rel=0.01)
    request = QgsFeatureRequest().setLimit(1)
    assert "Curve" in next(out.getFeatures(request)).geometry().asWkt()[:12]
