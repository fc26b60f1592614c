"""Clicks on the map, and the marks of the places clicked on."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsVertexMarker
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeySequence

# Of counter-examples, on the map and in the list.
UNLIKE_COLOUR = "#d7301f"


class PlaceTool(QgsMapTool):
    """A click picks a place; with Shift it adds one to those picked before, with Ctrl one that
    is not meant.

    Backspace, or the keys of Undo, take the last step back.
    """

    picked = pyqtSignal(float, float, bool)  # lon, lat in degrees, whether to add
    countered = pyqtSignal(float, float)  # lon, lat of a counter-example
    missed = pyqtSignal()  # a click beside the map of the Earth
    undone = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasReleaseEvent(self, event: Any) -> None:
        """The left button was let go."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place = to_lonlat(self.canvas(), event.originalMapPoint())
        if place is None:
            self.missed.emit()
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.countered.emit(place.x(), place.y())
            return
        adds = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.picked.emit(place.x(), place.y(), adds)

    def keyPressEvent(self, event: Any) -> None:
        """Undo, as where features are digitised."""
        undoes = event.matches(QKeySequence.StandardKey.Undo)
        if undoes or event.key() == Qt.Key.Key_Backspace:
            event.accept()
            self.undone.emit()
        else:
            super().keyPressEvent(event)


class Markers:
    """A mark on the canvas for each place."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._marks: list[QgsVertexMarker] = []

    def show(
        self, places: list[tuple[float, float]], unlike: list[tuple[float, float]] | None = None
    ) -> None:
        """Mark places and counter-examples, lon and lat in degrees, in place of the former ones."""
        self.clear()
        cross, slanted = QgsVertexMarker.IconType.ICON_CROSS, QgsVertexMarker.IconType.ICON_X
        self._mark(places, cross, "#ffffff")
        self._mark(unlike or [], slanted, UNLIKE_COLOUR)

    def _mark(self, places: list[tuple[float, float]], icon: Any, shade: str) -> None:
        for place in places:
            point = from_lonlat(self._canvas, QgsPointXY(*place))
            if point is None:
                continue
            for colour, width, size in (("#000000", 5, 17), (shade, 3, 15)):
                mark = QgsVertexMarker(self._canvas)
                mark.setIconType(icon)
                mark.setColor(QColor(colour))
                mark.setPenWidth(width)
                mark.setIconSize(size)
                mark.setCenter(point)
                self._marks.append(mark)

    def clear(self) -> None:
        """Take all marks off."""
        for mark in self._marks:
            self._canvas.scene().removeItem(mark)
        self._marks = []


def to_lonlat(canvas: QgsMapCanvas, point: QgsPointXY) -> QgsPointXY | None:
    """A point of the map as lon, lat in degrees; None where it is no place on Earth."""
    place = _transformed(canvas, point, forward=True)
    if place is None or abs(place.y()) > 90:
        return None
    if canvas.mapSettings().destinationCrs().isGeographic():
        return place
    # Outside the outline of a world map there are coordinates too, of places elsewhere.
    back = from_lonlat(canvas, place)
    world = abs(point.x()) + abs(point.y())
    near = back is not None and back.distance(point) <= max(canvas.mapUnitsPerPixel(), 1e-6 * world)
    return place if near or _repeats(canvas, back, point) else None


def from_lonlat(canvas: QgsMapCanvas, place: QgsPointXY) -> QgsPointXY | None:
    """A place as a point of the map; None where the map does not show it."""
    return _transformed(canvas, place, forward=False)


def _repeats(canvas: QgsMapCanvas, back: QgsPointXY | None, point: QgsPointXY) -> bool:
    """Whether a cylindrical map goes on past the antimeridian there: same row, a turn away."""
    if back is None or abs(back.y() - point.y()) > canvas.mapUnitsPerPixel():
        return False
    ends = [from_lonlat(canvas, QgsPointXY(lon, 0)) for lon in (-90, 90)]
    west, east = ends
    if west is None or east is None:
        return False
    turn = 2 * abs(east.x() - west.x())
    turns = (back.x() - point.x()) / turn if turn else 0.5
    return abs(turns - round(turns)) * turn <= canvas.mapUnitsPerPixel()


def _transformed(canvas: QgsMapCanvas, point: QgsPointXY, *, forward: bool) -> QgsPointXY | None:
    settings = canvas.mapSettings()
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    ends = (settings.destinationCrs(), lonlat)
    context = QgsProject.instance().transformContext()
    transform = QgsCoordinateTransform(*(ends if forward else ends[::-1]), context)
    try:
        there = transform.transform(point)
    except QgsCsException:
        return None
    return there if abs(there.x()) < float("inf") and abs(there.y()) < float("inf") else None
