"""Two distributions over one axis of similarity: the view, and random places on land."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..compat import mouse_place
from ..styles import viridis
from ..text import tr
from .ink import faint_ink, ink

_BINS = 64


class Histogram(QWidget):
    """Bars in the colours of the map for the view, a line for random land, a threshold."""

    picked = pyqtSignal(float)  # a similarity, by clicking or dragging

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setToolTip(
            tr(
                "Coloured: the similarity of the view. Grey line: of random places on land. "
                "Click to set the threshold."
            )
        )
        self.ramp: Any = viridis()  # a QgsColorRamp
        self.range = (0.0, 1.0)
        self.colours = (0.0, 1.0)
        self.threshold: float | None = None
        self.learnt = False
        self.view_counts: np.ndarray | None = None
        self.land_counts: np.ndarray | None = None

    def sizeHint(self) -> QSize:
        """A little wider than high."""
        return QSize(260, 150)

    def set_values(
        self, view: np.ndarray | None, land: np.ndarray | None, colours: tuple[float, float]
    ) -> None:
        """Show other distributions.

        Args:
            view: (N,) similarities of the view, finite.
            land: (M,) of random places on land.
            colours: the ends of the colour ramp.
        """
        known = [values for values in (view, land) if values is not None and len(values)]
        if known:
            low = min(float(np.quantile(values, 0.001)) for values in known)
            high = max(float(values.max()) for values in known)
            self.range = (low, max(high, low + 1e-3))
        self.colours = colours
        self.view_counts, self.land_counts = self._counts(view), self._counts(land)
        self.update()

    def set_ramp(self, ramp: Any) -> None:
        """Take the colours of another QgsColorRamp."""
        self.ramp = ramp
        self.update()

    def set_learnt(self, learnt: bool) -> None:
        """Say that the values are chances of a classifier, or cosines."""
        self.learnt = learnt
        self.update()

    def set_threshold(self, threshold: float | None) -> None:
        """Mark a similarity; nothing where None."""
        self.threshold = threshold
        self.update()

    def mousePressEvent(self, event: Any) -> None:
        """Pick the similarity under the mouse."""
        self._pick(event)

    def mouseMoveEvent(self, event: Any) -> None:
        """The same while dragging."""
        self._pick(event)

    def paintEvent(self, _event: Any) -> None:
        """Draw it all."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._box()
        painter.fillRect(box, self.palette().base())
        if self.view_counts is None:
            painter.setPen(faint_ink(self))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tr("No place yet"))
            return
        top = max(
            float(counts.max())
            for counts in (self.view_counts, self.land_counts)
            if counts is not None
        )
        self._paint_bars(painter, box, top)
        if self.land_counts is not None:
            self._paint_line(painter, box, top)
        self._paint_axis(painter, box)

    def _paint_bars(self, painter: QPainter, box: QRectF, top: float) -> None:
        width = box.width() / _BINS
        low, high = self.colours
        for index, count in enumerate(self.view_counts if self.view_counts is not None else ()):
            value = self.range[0] + (index + 0.5) / _BINS * (self.range[1] - self.range[0])
            share = (value - low) / max(high - low, 1e-9)
            shade = QColor(self.ramp.color(min(max(share, 0.0), 1.0)))
            if self.threshold is not None and value < self.threshold:
                shade.setAlpha(50)
            height = box.height() * 0.95 * float(count) / top
            bar = QRectF(box.left() + index * width, box.bottom() - height, width + 0.5, height)
            painter.fillRect(bar, shade)

    def _paint_line(self, painter: QPainter, box: QRectF, top: float) -> None:
        line = QPolygonF()
        for index, count in enumerate(self.land_counts if self.land_counts is not None else ()):
            x = box.left() + (index + 0.5) / _BINS * box.width()
            line.append(QPointF(x, box.bottom() - box.height() * 0.95 * float(count) / top))
        painter.setPen(QPen(faint_ink(self), 1.6))
        painter.drawPolyline(line)

    def _paint_axis(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(ink(self))
        below = QRectF(box.left(), box.bottom() + 1, box.width(), self.height() - box.bottom() - 1)
        axis = tr("chance of being alike") if self.learnt else tr("cosine similarity")
        ends = [f"{end:.2f}" for end in self.range]
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, ends[0])
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, ends[1])
        # Between the numbers, cut short where the dock is narrow.
        size = painter.fontMetrics()
        beside = max(size.horizontalAdvance(f"{end} ") for end in ends)
        axis = size.elidedText(axis, Qt.TextElideMode.ElideRight, int(below.width()) - 2 * beside)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, axis)
        if self.threshold is None:
            return
        low, high = self.range
        x = box.left() + (self.threshold - low) / (high - low) * box.width()
        if box.left() <= x <= box.right():
            painter.setPen(QPen(QColor(200, 30, 30), 1.6, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))

    def _box(self) -> QRectF:
        return QRectF(4, 4, self.width() - 8, self.height() - 8 - self.fontMetrics().height())

    def _pick(self, event: Any) -> None:
        box = self._box()
        at = mouse_place(event)
        share = (at.x() - box.left()) / max(box.width(), 1.0)
        if self.view_counts is not None and 0 <= share <= 1:
            self.picked.emit(self.range[0] + share * (self.range[1] - self.range[0]))

    def _counts(self, values: np.ndarray | None) -> np.ndarray | None:
        if values is None or not len(values):
            return None
        counts, _ = np.histogram(values, _BINS, self.range)
        return counts / len(values)
