"""The few places where QGIS 3.22 and QGIS 4 need different words."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis, QgsField
from qgis.PyQt.QtCore import QMetaType, QPointF

_NUMBER, _INTEGER, _TEXT, _LIST = "Double", "Int", "QString", "QVariantList"
# What QVariant calls them where its name is another.
_OLD_NAMES = {_TEXT: "String", _LIST: "List"}


def number_field(name: str) -> QgsField:
    """A field of floating-point numbers."""
    return _field(name, _NUMBER)


def integer_field(name: str) -> QgsField:
    """A field of whole numbers."""
    return _field(name, _INTEGER)


def text_field(name: str) -> QgsField:
    """A field of text of any length."""
    return _field(name, _TEXT)


def array_field(name: str) -> QgsField:
    """A field of arrays of numbers."""
    return _field(name, _LIST, _NUMBER)


def mouse_place(event: Any) -> QPointF:
    """Where in its widget a mouse event is: Qt 6 knows position() alone, Qt 5 localPos()."""
    return event.position() if hasattr(event, "position") else event.localPos()


def keeps_styles(provider: Any) -> bool:
    """Whether a file of a layer holds styles: asked in other words from QGIS 3.36 on."""
    if not hasattr(provider, "isSaveAndLoadStyleToDatabaseSupported"):
        wanted = Qgis.ProviderStyleStorageCapability.SaveToDatabase
        return bool(provider.styleStorageCapabilities() & wanted)
    return bool(provider.isSaveAndLoadStyleToDatabaseSupported())


def _field(name: str, kind: str, of: str | None = None) -> QgsField:
    """QgsField takes QMetaType from QGIS 3.38 on, QVariant's types before."""
    try:
        return _made(QMetaType.Type, name, kind, of)
    except TypeError:
        from qgis.PyQt.QtCore import QVariant

        return _made(QVariant.Type, name, _OLD_NAMES.get(kind, kind), of)


def _made(types, name, kind, of):
    field = QgsField(name, getattr(types, kind))
    if of is not None:
        field.setSubType(getattr(types, of))
    return field
