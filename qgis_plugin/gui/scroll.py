"""What is scrolled down in a small dock, and never sideways."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QEvent, QSize, Qt
from qgis.PyQt.QtWidgets import QFrame, QScrollArea, QWidget


class Downwards(QScrollArea):
    """Holds a widget, and is as wide as that has to be: also once a theme or a text widens it.

    Args:
        inner: what is scrolled.
    """

    def __init__(self, inner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)

    def minimumSizeHint(self) -> QSize:
        """As wide as what is inside, beside the bar."""
        hint, inner = super().minimumSizeHint(), self.widget()
        if inner is None:
            return hint
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(inner.minimumSizeHint().width() + bar, hint.height())

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Tell whoever lays this out that what is inside has changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))
