"""Functions of expressions in a real QGIS."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsField,
)

PLACES = [(7.0, 46.0), (-60.0, -3.0), (23.6, -2.9), (10.0, 51.0)]


@pytest.fixture
def layer(plugin, project, make_points, small_model):
    """A layer of points, and the small model as the default one."""
    from satclip_qgis.expressions import _HEADS, _MEMORY
    from satclip_qgis.models import BUNDLED, set_default_model

    _MEMORY.clear()
    _HEADS.clear()
    set_default_model(str(small_model))
    points = make_points(PLACES)
    project.addMapLayer(points)
    yield points
    set_default_model(BUNDLED)


@pytest.fixture
def encoder(layer, small_model):
    from satclip_qgis.models import encoder

    return encoder(str(small_model))


def evaluated(text, layer, row=0):
    """The value of an expression for a feature of a layer."""
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(list(layer.getFeatures())[row])
    expression = QgsExpression(text)
    assert not expression.hasParserError(), expression.parserErrorString()
    expression.prepare(context)
    value = expression.evaluate(context)
    return value, expression.evalErrorString()


def test_the_embedding_of_the_feature_and_of_another_place(layer, encoder):
    own, error = evaluated("satclip_embedding()", layer, 1)
    assert error == ""
    np.testing.assert_allclose(own, encoder.encode(PLACES)[1], atol=2e-6)
    other, _ = evaluated("satclip_embedding(make_point(23.6, -2.9))", layer)
    np.testing.assert_allclose(other, encoder.encode(PLACES)[2], atol=2e-6)
    metres = "satclip_embedding(make_point(1113194.9079, 6621293.7227), 'EPSG:3857')"
    np.testing.assert_allclose(
        evaluated(metres, layer)[0], encoder.encode([(10, 51)])[0], atol=2e-5
    )


def test_geometries_are_in_the_crs_of_the_layer(plugin, project, make_points, layer, encoder):
    metres = make_points([(1113194.9079, 6621293.7227)], crs="EPSG:3857")
    project.addMapLayer(metres)
    value, error = evaluated("satclip_embedding()", metres)
    assert error == ""
    np.testing.assert_allclose(value, encoder.encode([(10, 51)])[0], atol=2e-5)


def test_similarity_of_geometries_and_of_embeddings(layer, encoder):
    one, other = encoder.encode(PLACES)[[0, 2]].astype(float)
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    for text in (
        "satclip_similarity($geometry, make_point(23.6, -2.9))",
        "satclip_similarity(make_point(23.6, -2.9))",
        "satclip_similarity(satclip_embedding(), satclip_embedding(make_point(23.6, -2.9)))",
    ):
        assert evaluated(text, layer)[0] == pytest.approx(cosine, abs=1e-5)
    assert evaluated("satclip_similarity($geometry)", layer)[0] == pytest.approx(1, abs=1e-6)


def test_properties_are_those_of_the_heads(layer, encoder):
    from satclip_qgis.satclip_core.products import PropertyHeads

    heads = PropertyHeads.of(encoder)
    read = heads.read(encoder.encode(PLACES))
    told = 0
    for name, head in heads.heads.items():
        for row in range(len(PLACES)):
            value, error = evaluated(f"satclip_property('{name}')", layer, row)
            want = float(read[name].values[row])
            assert error == ""
            if want != want:
                assert value is None or not isinstance(value, (int, float, str))
            elif head.facts.legend is None:
                assert value == pytest.approx(want, rel=1e-4)
                told += 1
            else:
                assert value == head.facts.legend.names[head.facts.legend.codes.index(int(want))]
    assert told > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("satclip_property('wealth')", "unknown property 'wealth'"),
        ("satclip_similarity(3)", "3 is neither a geometry nor an embedding"),
        ("satclip_similarity(array(1, 2), satclip_embedding())", "cannot be compared"),
        ("satclip_embedding($geometry, 'EPSG:0')", "EPSG:0 is no CRS"),
        ("satclip_similarity()", "0 arguments: give 1 to 3"),
    ],
)
def test_what_makes_no_sense_is_one_line(text, message, layer):
    value, error = evaluated(text, layer)
    assert value is None
    assert message in error
    assert "\n" not in error


def test_no_geometry_gives_no_value(plugin, project, make_points, layer):
    points = make_points([None, "POINT EMPTY"])
    project.addMapLayer(points)
    for row in range(2):
        value, error = evaluated("satclip_embedding()", points, row)
        assert error == ""
        assert not isinstance(value, list)


def test_the_first_feature_has_all_others_embedded(layer, encoder, monkeypatch):
    from satclip_qgis import expressions

    calls = []
    made = expressions._embedded
    monkeypatch.setattr(
        expressions, "_embedded", lambda *given: calls.append(len(given[2])) or made(*given)
    )
    for row in range(len(PLACES)):
        evaluated("satclip_embedding()", layer, row)
    assert calls == [len(PLACES)]
    evaluated("satclip_embedding(make_point(1, 2))", layer)
    evaluated("satclip_embedding(make_point(1, 2))", layer)
    assert calls == [len(PLACES), 1]


def test_other_threads_touch_no_layer(layer, encoder, monkeypatch):
    from satclip_qgis import expressions

    monkeypatch.setattr(expressions._Memory, "_look_ahead", lambda *_: pytest.fail("touched"))
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(next(layer.getFeatures()))
    found = []

    def work():
        found.append(QgsExpression("satclip_embedding()").evaluate(context))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    np.testing.assert_allclose(found[0], encoder.encode(PLACES)[0], atol=2e-6)


def test_a_virtual_field_follows_the_places(layer, encoder):
    from satclip_qgis.compat import number_field

    field: QgsField = number_field("like_congo")
    layer.addExpressionField("satclip_similarity(make_point(23.6, -2.9))", field)
    values = [feature["like_congo"] for feature in layer.getFeatures()]
    directions = encoder.encode(PLACES).astype(float)
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    np.testing.assert_allclose(values, directions @ directions[2], atol=1e-5)


def test_functions_come_and_go_with_the_plugin(qgis_app):
    from satclip_qgis.expressions import Functions

    names = ("satclip_embedding", "satclip_similarity", "satclip_property")
    functions = Functions()
    functions.register()
    assert all(QgsExpression.isFunctionName(name) for name in names)
    assert all(name in QgsExpression.helpText(name) for name in names)
    functions.unregister()
    assert not any(QgsExpression.isFunctionName(name) for name in names)
