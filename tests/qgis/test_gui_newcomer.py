"""What somebody reaches from the dock alone who has read nothing, and in how many clicks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Hand, wait
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox

MOST_CLICKS = 9  # under ten


@pytest.fixture
def gui(gui: object, fine_model: Path) -> Iterator[object]:
    from satclip_qgis.models import set_default_model

    set_default_model(str(fine_model))
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    gui.iface.window.resize(1400, 1000)  # all of the toolbar is in sight
    gui.iface.show_map("EPSG:4326", (0.0, 40.0, 20.0, 55.0))
    yield gui
    set_default_model("bundled")


def save_in_dialog(hand: Hand, path: Path) -> None:
    """Type a name into the dialog that is open, and press Save."""
    dialog = QApplication.activeModalWidget()
    if dialog is None:
        QTimer.singleShot(100, lambda: save_in_dialog(hand, path))
        return
    assert dialog.path.filePath().endswith("similar areas.gpkg")  # a name is proposed
    dialog.path.setFilePath(str(path))
    hand.press(dialog.buttons.button(QDialogButtonBox.StandardButton.Save))


def test_similar_places_become_polygons_in_a_geopackage(gui: object, tmp_path: Path) -> None:
    hand, path = Hand(), tmp_path / "alike.gpkg"
    hand.press(gui.toolbar.widgetForAction(gui.actions["similar"]))
    dock = gui.dock
    wait(lambda: dock.session.field is not None and not dock.session.busy)
    hand.at(gui.iface.canvas.viewport(), QPoint(320, 200))
    wait(lambda: dock.session.grounded and dock.layer.layer is not None)
    QTimer.singleShot(600, lambda: save_in_dialog(hand, path))
    hand.choose(dock.panel.export, dock.panel.areas_action)
    wait(lambda: path.exists() and not dock.saver.busy)
    assert hand.clicks <= MOST_CLICKS
    found = QgsVectorLayer(f"{path}|layername=similar areas", "found", "ogr")
    assert found.isValid()
    assert found.featureCount() > 0
    (shown,) = [
        layer for layer in QgsProject.instance().mapLayers().values() if "Areas" in layer.name()
    ]
    assert str(path) in shown.source()


def test_on_an_empty_map_it_is_said_how_to_begin(gui: object, make_points: object) -> None:
    gui.actions["similar"].trigger()
    dock = gui.dock
    wait(lambda: "Example project" in dock.panel.status.text())
    QgsProject.instance().addMapLayer(make_points([(7, 46)]))
    gui.iface.show_map("EPSG:4326", (0.0, 40.0, 25.0, 55.0))
    wait(lambda: dock.panel.status.text() == "Click on the map.")


def test_what_leads_on_is_in_sight_in_a_small_dock(gui: object) -> None:
    gui.actions["similar"].trigger()
    dock = gui.dock
    dock.setFloating(True)
    dock.resize(320, 420)
    QApplication.processEvents()
    shown = dock.panel.export.visibleRegion().boundingRect()
    assert shown.height() == dock.panel.export.height()
