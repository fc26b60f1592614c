"""Colours of what is drawn on a widget by hand, to be read in any theme."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QWidget

# Of lightness, 0 to 255.
_LEAST_CONTRAST, _MIDDLE = 80, 128
# Of 255, how opaque what is faint is.
_FAINT = 165


def ink(widget: QWidget) -> QColor:
    """What can be read on the background: themes of QGIS darken that, and leave the text."""
    ground, text = widget.palette().base().color(), widget.palette().text().color()
    if abs(ground.lightness() - text.lightness()) > _LEAST_CONTRAST:
        return text
    return QColor(Qt.GlobalColor.white if _is_dark(widget) else Qt.GlobalColor.black)


def faint_ink(widget: QWidget) -> QColor:
    """Between text and background."""
    shade = QColor(ink(widget))
    shade.setAlpha(_FAINT)
    return shade


def alarm_ink(widget: QWidget) -> QColor:
    """Of what went wrong: a red that stands out from the background."""
    return QColor("#ff8070" if _is_dark(widget) else "#c03020")


def _is_dark(widget: QWidget) -> bool:
    return bool(widget.palette().base().color().lightness() < _MIDDLE)
