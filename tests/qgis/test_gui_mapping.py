"""The panel Map from samples, by clicks in real QGIS: from a layer of points to a map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Hand, Window, wait
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton
COUNT = 80


@pytest.fixture
def gui(plugin: object, fine_model: Path) -> Iterator[object]:
    from satclip_qgis.gui import Gui
    from satclip_qgis.models import set_default_model

    project = QgsProject.instance()
    project.clear()
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    set_default_model(str(fine_model))
    made = Gui(Window())
    made.iface.window.resize(1400, 1000)  # all of the toolbar is in sight
    made.load()
    made.iface.show_map("EPSG:4326", (0.0, 40.0, 20.0, 55.0))
    yield made
    if made.mapping is not None and made.mapping.making is not None:
        made.mapping.making.cancel()
        wait(lambda: made.mapping.making is None)
    made.unload()
    set_default_model("bundled")
    project.clear()
    wait(lambda: not made.iface.canvas.isDrawing())
    # What is to be deleted goes while there is a map, as in QGIS.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del made.iface.bridge
    sip.delete(made.iface.window)  # before QGIS, which pytest lets go first


@pytest.fixture
def samples(make_points: object) -> QgsVectorLayer:
    """Points over Europe with a number and a class that go with the place."""
    random = np.random.default_rng(4)
    places = random.uniform((4, 43), (18, 52), (COUNT, 2))
    heights = 100 * (places[:, 1] - 43) + 20 * np.sin(places[:, 0]) + random.normal(0, 5, COUNT)
    rows = [
        (number, float(height), "north" if lat > 47 else "south")
        for number, (height, (_, lat)) in enumerate(zip(heights, places))
    ]
    fields = "&field=id:integer&field=height:double&field=side:string"
    layer = make_points([tuple(place) for place in places], fields=fields, rows=rows)
    layer.setName("stations")
    QgsProject.instance().addMapLayer(layer)
    return layer


def opened(gui: object, layer: QgsVectorLayer, hand: Hand | None = None) -> object:
    """The panel, once the map has been tried."""
    gui.iface.setActiveLayer(layer)
    button = gui.toolbar.widgetForAction(gui.actions["map"])
    (hand or Hand()).press(button)
    dock = gui.mapping
    wait(lambda: dock.found)
    return dock


def scores(dock: object) -> str:
    return dock.findings.headline.text()


def attribute(layer: QgsVectorLayer, feature: int, name: str) -> object:
    return layer.getFeature(feature)[name]


def test_a_point_layer_becomes_a_map_with_its_error_in_under_ten_clicks(
    gui: object, samples: QgsVectorLayer
) -> None:
    hand = Hand()
    dock = opened(gui, samples, hand)
    assert dock.questions.field.currentField() == "height"
    assert scores(dock).startswith("Explains ")
    assert "± " in scores(dock)
    hand.press(dock.make_map)
    wait(lambda: dock.making is None)
    assert dock.status.text().startswith("The map is there")
    assert hand.clicks < 10
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    assert group.name() == "height, mapped from stations"
    layers = [node.layer() for node in group.findLayers()]
    QApplication.processEvents()
    assert [layer.name() for layer in layers] == [
        "Outside the area of applicability", "height, mapped", "height, standard error",
    ]  # fmt: skip
    assert all(layer.isValid() for layer in layers)
    mapped, error = layers[1:]
    assert isinstance(mapped, QgsRasterLayer)
    assert mapped.renderer().band() == 1
    assert error.renderer().band() == 2
    assert error.bandName(2).endswith("standard error of height")
    # What the panel has promised is what the file says.
    assert "cross_validated_r2" in mapped.metadata().abstract()
    assert mapped.isTemporary()


def test_the_score_is_that_of_the_algorithm(
    gui: object, samples: QgsVectorLayer, run: object
) -> None:
    dock = opened(gui, samples)
    parameters = dock._question.parameters()
    score = run("mapfromsamples", {**parameters, "OUTPUT": "TEMPORARY_OUTPUT"})["SCORE"]
    assert f"Explains {100 * score:.0f} %" in scores(dock)


def test_a_dot_shows_its_sample(gui: object, samples: QgsVectorLayer) -> None:
    dock = opened(gui, samples)
    scatter = dock.findings.scatter
    number = int(np.argmax(dock.findings._found.samples.values))
    Hand().at(scatter, scatter.position(number).toPoint())
    (chosen,) = samples.selectedFeatures()
    heights = [feature["height"] for feature in samples.getFeatures()]
    assert chosen["height"] == max(heights)
    assert gui.iface.canvas.extent().contains(chosen.geometry().asPoint())
    assert gui.iface.canvas.extent().width() < 8


def test_gross_errors_are_left_out_by_one_click(gui: object, samples: QgsVectorLayer) -> None:
    ids = samples.allFeatureIds()
    index = samples.fields().indexOf("height")
    assert samples.dataProvider().changeAttributeValues(
        {ids[3]: {index: -9999}, ids[9]: {index: -9999}}
    )
    dock = opened(gui, samples)
    before = scores(dock)
    assert dock.findings.doubts.isVisible()
    assert "2 of 80 values" in dock.findings._doubts_text.text()
    Hand().press(dock.findings.drop)
    wait(lambda: dock.found)
    assert not dock.findings.doubts.isVisible()
    assert scores(dock) != before
    assert dock.findings.before.text().startswith("Before: ")
    assert dock._question.parameters()["MISSING"] == "-9999"
    assert len(dock.findings._found.samples) == COUNT - 2


def test_the_sample_that_hurts_most_is_left_out(gui: object, samples: QgsVectorLayer) -> None:
    wrong = samples.allFeatureIds()[20]
    index = samples.fields().indexOf("height")
    value = attribute(samples, wrong, "height")
    assert samples.dataProvider().changeAttributeValues({wrong: {index: value + 1500}})
    dock = opened(gui, samples)
    tree, redo = dock.findings.suspects, dock.findings.redo
    first = tree.topLevelItem(0)
    assert first.text(0) == str(wrong)
    assert not redo.isEnabled()
    first.setCheckState(0, Qt.CheckState.Checked)
    Hand().press(redo)
    wait(lambda: dock.found)
    assert len(dock.findings._found.samples) == COUNT - 1
    # It stays in the list, to be taken back.
    assert dock.findings.ticked() == [wrong]
    tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    Hand().press(redo)
    wait(lambda: dock.found)
    assert len(dock.findings._found.samples) == COUNT


def test_classes_have_a_table_of_confusions(gui: object, samples: QgsVectorLayer) -> None:
    dock = opened(gui, samples)
    dock.questions.field.setField("side")
    wait(lambda: dock.found)
    assert "of 10 places" in scores(dock)
    table = dock.findings.table
    assert table.isVisible()
    counts = np.array([[int(table.item(r, c).text()) for c in range(2)] for r in range(2)])
    assert counts.sum() == COUNT
    rectangle = table.visualItemRect(table.item(0, 0))
    Hand().at(table.viewport(), rectangle.center())
    assert samples.selectedFeatureCount() == counts[0, 0]
    assert {feature["side"] for feature in samples.selectedFeatures()} == {"north"}
    Hand().press(dock.make_map)
    wait(lambda: dock.making is None)
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    names = [node.layer().name() for node in group.findLayers()]
    assert names[1:] == ["side, mapped", "side, chance of another class (%)"]


def test_what_cannot_be_mapped_is_one_line(gui: object, samples: QgsVectorLayer) -> None:
    index = samples.fields().indexOf("height")
    changes = {feature: {index: 7.0} for feature in samples.allFeatureIds()}
    assert samples.dataProvider().changeAttributeValues(changes)
    gui.iface.setActiveLayer(samples)
    gui.actions["map"].trigger()
    dock = gui.mapping
    wait(lambda: "have the value 7" in dock.status.text())
    assert not dock.make_map.isEnabled()
    assert not dock.findings.isVisible()
    assert gui.iface.messages() == []


def test_without_points_it_says_what_is_missing(gui: object) -> None:
    gui.actions["map"].trigger()
    wait(lambda: gui.mapping.status.text() == "Add a layer of points where a value is known.")
    assert not gui.mapping.make_map.isEnabled()


def test_a_change_puts_an_end_to_the_trial(gui: object, samples: QgsVectorLayer) -> None:
    gui.iface.setActiveLayer(samples)
    gui.actions["map"].trigger()
    dock = gui.mapping
    wait(lambda: dock.trial.busy)
    task = dock.trial._task
    dock.questions.land.setChecked(False)
    assert task.isCanceled()
    assert not dock.trial.busy
    wait(lambda: dock.found)
    assert dock._question.land is False


@pytest.mark.parametrize("name", ["Switzerland", "CH"])
def test_a_country_is_an_area(gui: object, samples: QgsVectorLayer, name: str) -> None:
    dock = opened(gui, samples)
    dock.questions.area.setCurrentIndex(dock.questions.area.findData("country"))
    wait(lambda: dock.status.text() == "Choose the area to map.")
    dock.questions.country.setFocus()
    QTest.keyClicks(dock.questions.country.lineEdit(), name)
    QTest.keyClick(dock.questions.country.lineEdit(), Qt.Key.Key_Return)
    wait(lambda: dock.found)
    west, south, east, north = dock.findings._found.job.request.grid.bounds
    assert (west, south) == pytest.approx((5.9, 45.8), abs=0.3)
    assert (east, north) == pytest.approx((10.5, 47.8), abs=0.3)


def choose_country(dock: object, name: str) -> None:
    questions = dock.questions
    questions.area.setCurrentIndex(questions.area.findData("country"))
    questions.country.setFocus()
    questions.country.lineEdit().selectAll()
    QTest.keyClicks(questions.country.lineEdit(), name)
    QTest.keyClick(questions.country.lineEdit(), Qt.Key.Key_Return)
    wait(lambda: dock.found)


def country_shape(name: str) -> QgsGeometry:
    """A country as QGIS' own polygons."""
    from satclip_qgis.satclip_core.raster.countries import find_country

    polygons = [
        [[QgsPointXY(*place) for place in ring.tolist()] for ring in polygon]
        for polygon in find_country(name).polygons
    ]
    return QgsGeometry.fromMultiPolygonXY(polygons)


def test_a_country_is_outlined_while_the_panel_is_there(
    gui: object, samples: QgsVectorLayer
) -> None:
    dock = opened(gui, samples)
    outline = dock.questions.outline
    assert outline.shape is None
    choose_country(dock, "Switzerland")
    assert outline.shape.area() == pytest.approx(country_shape("Switzerland").area(), rel=1e-6)
    dock.close()
    assert outline.shape is None
    dock.show()
    assert outline.shape is not None
    # The map in another CRS.
    gui.iface.show_map("EPSG:3035", (2.5e6, 1.5e6, 6e6, 4e6))
    box = outline.shape.boundingBox()
    assert box.intersects(QgsRectangle(4.0e6, 2.5e6, 4.4e6, 2.8e6))
    # One that is out of sight is brought into view, and another area has no outline.
    choose_country(dock, "Kenya")
    assert gui.iface.canvas.extent().intersects(outline.shape.boundingBox())
    dock.questions.area.setCurrentIndex(dock.questions.area.findData("view"))
    assert outline.shape is None


def test_outside_of_the_country_there_is_no_data(gui: object, samples: QgsVectorLayer) -> None:
    dock = opened(gui, samples)
    choose_country(dock, "Switzerland")
    dock.questions.resolution.setValue(0.1)
    wait(lambda: dock.found)
    Hand().press(dock.make_map)
    wait(lambda: dock.making is None)
    (mapped,) = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if layer.name() == "height, mapped"
    ]
    provider, extent = mapped.dataProvider(), mapped.extent()
    inside = country_shape("Switzerland")
    told = []
    for row in range(mapped.height()):
        for col in range(mapped.width()):
            place = QgsPointXY(
                extent.xMinimum() + (col + 0.5) * extent.width() / mapped.width(),
                extent.yMaximum() - (row + 0.5) * extent.height() / mapped.height(),
            )
            _, known = provider.sample(place, 1)
            told.append(known == inside.contains(place))
    assert np.mean(told) > 0.995  # but for centres that lie on the border
    assert len(told) > 500


def test_a_file_keeps_map_style_and_polygons(
    gui: object, samples: QgsVectorLayer, tmp_path: Path
) -> None:
    dock = opened(gui, samples)
    dock.path.setFilePath(str(tmp_path / "heights"))
    Hand().press(dock.make_map)
    wait(lambda: dock.making is None)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "heights.tif" in names
    assert "heights.qml" in names
    assert "heights_outside.gpkg" in names
    assert dock.note.text() == "heights.tif, heights_outside.gpkg: will be replaced."
    again = QgsRasterLayer(str(tmp_path / "heights.tif"), "again", "gdal")
    assert again.renderer().type() == "singlebandpseudocolor"
    hatched = QgsVectorLayer(str(tmp_path / "heights_outside.gpkg"), "again", "ogr")
    assert hatched.renderer().symbol().symbolLayerCount() > 1


def test_stopped_nothing_is_left(gui: object, samples: QgsVectorLayer, tmp_path: Path) -> None:
    dock = opened(gui, samples)
    dock.path.setFilePath(str(tmp_path / "heights.tif"))
    Hand().press(dock.make_map)
    Hand().press(dock.cancel)
    wait(lambda: dock.making is None)
    assert "Stopped" in dock.status.text()
    assert list(tmp_path.iterdir()) == []
    assert QgsProject.instance().layerTreeRoot().findGroups() == []
