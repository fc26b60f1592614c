"""Clicks on the map, and the marks of the places clicked on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapTool
from qgis.PyQt.QtCore import QPointF, QRectF, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QKeySequence, QPainter, QPen

from .places import Place

# Of examples and counter-examples, on the map and in the list, and of what is selected.
LIKE_COLOUR, UNLIKE_COLOUR, CHOSEN_COLOUR = "#ffffff", "#d7301f", "#ffd400"
# Pixels from a place to the ends of its cross.
_ARM = 8
# Above rubber bands and vertex markers of other tools.
_OVER_THE_MAP = 50


class PlaceTool(QgsMapTool):
    """A click picks a place; with Shift it adds one to those picked before, with Ctrl one that
    is not meant.

    Backspace, or the keys of Undo, take the last step back; those of Redo do it again; Delete
    removes what is selected in the list.
    """

    picked = pyqtSignal(float, float, bool)  # lon, lat in degrees, whether to add
    countered = pyqtSignal(float, float)  # lon, lat of a counter-example
    missed = pyqtSignal()  # a click beside the map of the Earth
    pointed = pyqtSignal(object)  # the point of the map under the pointer; None where it has left
    undone = pyqtSignal()
    redone = pyqtSignal()
    deleted = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasMoveEvent(self, event: Any) -> None:
        """The pointer moved."""
        self.pointed.emit(event.originalMapPoint())

    def deactivate(self) -> None:
        """Another tool was taken up."""
        self.pointed.emit(None)
        super().deactivate()

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
        """Undo and redo, as where features are digitised."""
        if event.matches(QKeySequence.StandardKey.Redo):
            signal = self.redone
        elif event.matches(QKeySequence.StandardKey.Undo) or event.key() == Qt.Key.Key_Backspace:
            signal = self.undone
        elif event.matches(QKeySequence.StandardKey.Delete):
            signal = self.deleted
        else:
            super().keyPressEvent(event)
            return
        event.accept()
        signal.emit()


class Marker(QgsMapCanvasItem):
    """A cross where a place is, slanted for a counter-example, and its number beside.

    Args:
        canvas: the map.
        point: of the map.
        number: in the list.
        unlike: whether it is a counter-example.
    """

    def __init__(self, canvas: QgsMapCanvas, point: QgsPointXY, number: int, unlike: bool) -> None:
        super().__init__(canvas)
        self.number, self.unlike, self.chosen = number, unlike, False
        self._point = point
        self.setZValue(_OVER_THE_MAP)
        self.updatePosition()

    @property
    def colour(self) -> QColor:
        """Of the cross, and of the badge behind the number."""
        return QColor(UNLIKE_COLOUR if self.unlike else LIKE_COLOUR)

    def choose(self, chosen: bool) -> None:
        """Whether it is the one selected in the list."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.update()

    def updatePosition(self) -> None:
        """Go where the place is after a pan or zoom; QGIS calls this."""
        self.setPos(self.toCanvasCoordinates(self._point))

    def boundingRect(self) -> QRectF:
        """What is painted on."""
        return QRectF(-_ARM - 3, -_ARM - 24, 2 * _ARM + 60, 2 * _ARM + 30)

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw cross and number; QGIS calls this."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        if self.unlike:
            painter.rotate(45)
        for colour, width in ((QColor("#000000"), 5), (self.colour, 3)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(-_ARM, 0), QPointF(_ARM, 0))
            painter.drawLine(QPointF(0, -_ARM), QPointF(0, _ARM))
        painter.restore()
        text = str(self.number)
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        size = painter.fontMetrics()
        badge = QRectF(0, 0, max(size.horizontalAdvance(text) + 8, size.height()), size.height())
        badge.moveBottomLeft(QPointF(_ARM - 1, -_ARM + 1))
        painter.setPen(QPen(QColor("#000000"), 2.4 if self.chosen else 1))
        painter.setBrush(QColor(CHOSEN_COLOUR) if self.chosen else self.colour)
        painter.drawRoundedRect(badge, 4, 4)
        white = self.unlike and not self.chosen
        painter.setPen(QColor("#ffffff" if white else "#000000"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)


class Markers:
    """A mark on the canvas for each place."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._marks: dict[int, Marker] = {}
        self._shown = True

    @property
    def marks(self) -> list[Marker]:
        """Those on the map, in the order of the list."""
        return list(self._marks.values())

    def show(self, places: Sequence[Place]) -> None:
        """Mark places by their numbers, in place of the former ones."""
        self.clear()
        for index, place in enumerate(places):
            point = from_lonlat(self._canvas, QgsPointXY(*place.lonlat))
            if point is not None:
                mark = Marker(self._canvas, point, index + 1, place.unlike)
                mark.setVisible(self._shown)
                self._marks[index] = mark

    def set_shown(self, shown: bool) -> None:
        """Take the marks off the map for a while, or back onto it."""
        self._shown = shown
        for mark in self._marks.values():
            mark.setVisible(shown)

    def choose(self, index: int) -> None:
        """Mark the place that is selected in the list; none where it is negative."""
        for at, mark in self._marks.items():
            mark.choose(at == index)

    def clear(self) -> None:
        """Take all marks off."""
        for mark in self._marks.values():
            self._canvas.scene().removeItem(mark)
        self._marks = {}


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
