"""Identify on an embedding raster: what the place is like, before the numbers of all bands."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapToolIdentify
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtWidgets import QTreeWidget, QTreeWidgetItem

from ..compat import mouse_place
from ..crs import to_lonlat
from ..models import encoder
from ..placewords import say, tell
from ..satclip_core.products.place_words import PlaceDescription, describe
from ..text import tr

# The tree of the window's Identify Results, and the name of an embedding's first band.
_TREE = "lstResults"
_FIRST_BAND = "e000"
# Bands from which on they are put away below the description.
_MANY = 8


class IdentifyWords(QObject):
    """Adds to what QGIS' own identify tool tells of an embedding raster.

    QGIS asks no plugin what it is to say of a raster. So its clicks are watched, and when it has
    filled its tree of results, a line for each property of the place is put before the bands,
    which go into a branch of their own, closed.

    Args:
        iface: of QGIS, or anything with mapCanvas() and mainWindow().
    """

    def __init__(self, iface: Any) -> None:
        super().__init__(iface.mainWindow())
        self._canvas, self._window = iface.mapCanvas(), iface.mainWindow()
        self._canvas.viewport().installEventFilter(self)

    def close(self) -> None:
        """Watch no more."""
        self._canvas.viewport().removeEventFilter(self)
        self.deleteLater()

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """See a click of the identify tool; QGIS answers it before the timer does."""
        if (
            isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and event.button() == Qt.MouseButton.LeftButton
            and isinstance(self._canvas.mapTool(), QgsMapToolIdentify)
        ):
            pixel = mouse_place(event).toPoint()
            QTimer.singleShot(0, lambda: self._tell(pixel))
        return False

    def _tell(self, pixel: QPoint) -> None:
        tree = self._window.findChild(QTreeWidget, _TREE)
        if tree is None:
            return
        rasters = {
            layer.name()
            for layer in QgsProject.instance().mapLayers().values()
            if is_embedding(layer)
        }
        tops = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
        found = [top for top in tops if top.text(0) in rasters]
        described = self._described(pixel) if found else None
        if described is None:
            return
        for top in found:
            for row in range(top.childCount()):
                _tell_of(top.child(row), described)
        # Names of properties are longer than those of bands.
        wanted = min(tree.sizeHintForColumn(0), tree.viewport().width() // 2)
        tree.setColumnWidth(0, max(tree.columnWidth(0), wanted))

    def _described(self, pixel: QPoint) -> PlaceDescription | None:
        """What the place under a pixel of the canvas is like; None where nobody knows."""
        place = self._canvas.getCoordinateTransform().toMapCoordinates(pixel)
        crs = self._canvas.mapSettings().destinationCrs()
        transform = to_lonlat(crs, QgsProject.instance().transformContext())
        try:
            lonlat = transform.transform(place)
            return describe(encoder(), [(lonlat.x(), lonlat.y())])[0]
        except Exception:  # off the Earth, or a model that has no properties: the bands stay
            return None


def is_embedding(layer: Any) -> bool:
    """Whether a layer is a raster of embeddings, as its bands are called."""
    if not isinstance(layer, QgsRasterLayer) or layer.bandCount() < _MANY:
        return False
    return str(layer.bandName(1)).endswith(_FIRST_BAND)


def _tell_of(item: QTreeWidgetItem, described: PlaceDescription) -> None:
    """Put a description before the bands of one result."""
    branches = [item.child(row) for row in range(item.childCount())]
    bands = [one for one in branches if one is not None and one.childCount() == 0]
    if len(bands) < _MANY:
        return
    for one in bands:
        item.removeChild(one)
    rows = [QTreeWidgetItem([tr("Predicted"), described.said(say, tell)])]
    rows[0].setToolTip(1, tr("Predicted by the model, not measured."))
    for reading in described.readings:
        if reading.value is not None:
            margin = reading.margin(say, tell)
            text = reading.said(say, tell) + (f" ({margin})" if margin else "")
            rows.append(QTreeWidgetItem([say(reading.facts.title), text]))
    put_away = QTreeWidgetItem([tr("{count} bands").format(count=len(bands))])
    put_away.addChildren(bands)
    for row in reversed(rows):
        item.insertChild(0, row)
    item.addChild(put_away)
    put_away.setExpanded(False)
