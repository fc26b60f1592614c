"""Observed against predicted: a dot for each sample, to be clicked on."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPainter, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ...compat import mouse_place
from ...text import tr
from ..ink import faint_ink, ink
from .scorewords import said_number

# Pixels from the pointer within which a dot is meant; radius of a dot, and of the ring round one.
_REACH, _DOT, _RING = 9.0, 2.6, 6.0
_BLUE, _RED = (0, 114, 178), (213, 94, 0)
# Above so many dots they are drawn paler.
_CROWD = 300


class Scatter(QWidget):
    """Dots of samples, observed across and predicted upwards, with the line of equal values."""

    picked = pyqtSignal(int)  # the number of a dot

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMouseTracking(True)
        self._values = np.empty((0, 2))
        self._stand_out = np.empty(0, bool)
        self._marked: int | None = None

    def sizeHint(self) -> QSize:
        """About square, as wide as a dock."""
        return QSize(300, 230)

    def set_values(
        self, observed: np.ndarray, predicted: np.ndarray, stand_out: np.ndarray
    ) -> None:
        """Show other samples.

        Args:
            observed: (N,) values.
            predicted: (N,) of models that had not seen them.
            stand_out: (N,) whether a dot is drawn in another colour.
        """
        self._values = np.stack([observed, predicted], axis=1).astype(np.float64)
        self._stand_out = np.asarray(stand_out, bool)
        self._marked = None
        self.update()

    def mark(self, number: int | None) -> None:
        """Draw a ring round one dot; round none where None."""
        self._marked = number
        self.update()

    def position(self, number: int) -> QPointF:
        """Where a dot is drawn."""
        x, y = self._positions()[number].tolist()
        return QPointF(x, y)

    def mousePressEvent(self, event: Any) -> None:
        """Pick the dot under the pointer."""
        number = self._near(event)
        if number is not None:
            self.mark(number)
            self.picked.emit(number)

    def mouseMoveEvent(self, event: Any) -> None:
        """Say what the dot under the pointer is."""
        number = self._near(event)
        self.setCursor(
            Qt.CursorShape.ArrowCursor if number is None else Qt.CursorShape.PointingHandCursor
        )
        if number is None:
            QToolTip.hideText()
            return
        observed, predicted = (said_number(value) for value in self._values[number].tolist())
        text = tr("observed {observed}, predicted {predicted}; click to see the sample")
        told = text.format(observed=observed, predicted=predicted)
        QToolTip.showText(self.mapToGlobal(mouse_place(event).toPoint()), told, self)

    def paintEvent(self, _event: Any) -> None:
        """Draw it all."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._box()
        painter.fillRect(box, self.palette().base())
        if not len(self._values):
            return
        self._paint_axes(painter, box)
        painter.setClipRect(box.adjusted(-_RING, -_RING, _RING, _RING))
        positions = self._positions()
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, chosen in ((_BLUE, ~self._stand_out), (_RED, self._stand_out)):
            shade = QColor(*colour)
            if colour is _BLUE:
                shade.setAlpha(170 if len(positions) < _CROWD else 90)
            painter.setBrush(shade)
            for x, y in positions[chosen].tolist():
                painter.drawEllipse(QPointF(x, y), _DOT, _DOT)
        if self._marked is not None and self._marked < len(positions):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink(self), 1.6))
            painter.drawEllipse(self.position(self._marked), _RING, _RING)

    def _paint_axes(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(QPen(faint_ink(self), 1, Qt.PenStyle.DashLine))
        painter.drawLine(box.bottomLeft(), box.topRight())
        painter.setPen(ink(self))
        height = self.fontMetrics().height()
        below = QRectF(box.left(), box.bottom() + 2, box.width(), height)
        self._paint_axis(painter, below, tr("observed"))
        painter.save()
        painter.translate(box.left() - 3, box.bottom())
        painter.rotate(-90)
        self._paint_axis(painter, QRectF(0, -height, box.height(), height), tr("predicted"))
        painter.restore()

    def _paint_axis(self, painter: QPainter, line: QRectF, name: str) -> None:
        """The ends of the axis, and between them its name, cut short where there is no room."""
        ends = [said_number(end) for end in self._range()]
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, ends[0])
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, ends[1])
        size = self.fontMetrics()
        beside = max(size.horizontalAdvance(f"{end} ") for end in ends)
        room = int(line.width()) - 2 * beside
        name = size.elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, name)

    def _box(self) -> QRectF:
        """Where dots may lie; the axes' words are beside and below."""
        edge = self.fontMetrics().height() + 4
        return QRectF(edge, _RING, self.width() - edge - _RING, self.height() - edge - _RING)

    def _range(self) -> tuple[float, float]:
        low, high = float(self._values.min()), float(self._values.max())
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def _positions(self) -> np.ndarray:
        """(N, 2) pixels of the widget."""
        box, (low, high) = self._box(), self._range()
        across, up = ((self._values - low) / (high - low)).T
        x = box.left() + across * box.width()
        return np.stack([x, box.bottom() - up * box.height()], axis=1)

    def _near(self, event: Any) -> int | None:
        """The dot that is nearest to the pointer; None where none is near."""
        if not len(self._values):
            return None
        at = mouse_place(event)
        place = np.array([at.x(), at.y()])
        away = np.hypot(*(self._positions() - place).T)
        number = int(away.argmin())
        return number if away[number] <= _REACH else None
