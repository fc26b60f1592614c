"""Identify on an embedding raster, by a click of QGIS' own tool on a real canvas.

The window of Identify Results belongs to QGIS' program alone: a tree stands for it that is filled
as the program fills its own (layer, result, bands and a branch of derived numbers).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapToolIdentify
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QApplication, QTreeWidget, QTreeWidgetItem


@pytest.fixture
def window(plugin: object) -> Iterator[Window]:
    QgsProject.instance().clear()
    made = Window()
    made.show_map("EPSG:4326", (5.0, 44.0, 11.0, 48.0))
    yield made
    QgsProject.instance().clear()
    wait(lambda: not made.canvas.isDrawing())
    del made.bridge
    sip.delete(made.window)


def results(window: Window, layer: QgsRasterLayer) -> QTreeWidgetItem:
    """A tree as QGIS has it, with one result."""
    tree = QTreeWidget(window.window)
    tree.setObjectName("lstResults")
    tree.setColumnCount(2)
    tree.header().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    tree.setSortingEnabled(True)
    top = QTreeWidgetItem([layer.name(), "0"])
    result = QTreeWidgetItem([layer.name()])
    derived = QTreeWidgetItem(["(Derived)"])
    derived.addChild(QTreeWidgetItem(["(clicked coordinate X)", "8"]))
    result.addChild(derived)
    for band in range(1, layer.bandCount() + 1):
        result.addChild(QTreeWidgetItem([layer.bandName(band), "0.5"]))
    top.addChild(result)
    tree.addTopLevelItem(top)
    return result


@pytest.mark.parametrize("name", ["embeddingraster", "similarity"])
def test_a_description_stands_before_the_bands(
    window: Window, run: object, tmp_path: Path, name: str
) -> None:
    from satclip_qgis.gui.identify import IdentifyWords
    from satclip_qgis.models import encoder
    from satclip_qgis.placewords import say, tell
    from satclip_qgis.satclip_core.products.place_words import describe

    target = str(tmp_path / "raster.tif")
    given = {"EXTENT": "5,11,44,48 [EPSG:4326]", "RESOLUTION": 1, "CRS": "EPSG:4326"}
    run(name, {**given, "POINT": "8,46 [EPSG:4326]", "OUTPUT": target})
    layer = QgsRasterLayer(target, "raster")
    QgsProject.instance().addMapLayer(layer)
    tool = QgsMapToolIdentify(window.canvas)
    window.canvas.setMapTool(tool)
    words = IdentifyWords(window)
    result = results(window, layer)
    window.click(320, 200)
    QApplication.processEvents()
    rows = {result.child(row).text(0): result.child(row) for row in range(result.childCount())}
    if name == "similarity":
        assert set(rows) == {"(Derived)", layer.bandName(1)}
    else:
        place = window.canvas.getCoordinateTransform().toMapCoordinates(320, 200)
        (described,) = describe(encoder("bundled"), [(place.x(), place.y())])
        assert result.child(0).text(1) == described.said(say, tell)
        for reading in described.readings:
            assert rows[reading.facts.title].text(1).startswith(reading.said(say, tell))
        assert rows["256 bands"].childCount() == 256
        assert not rows["256 bands"].isExpanded()
        assert rows["(Derived)"].childCount() == 1
    words.close()
    window.canvas.unsetMapTool(tool)
