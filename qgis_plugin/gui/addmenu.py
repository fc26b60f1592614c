"""The menu that offers the features of layers as places."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject, QgsVectorLayer, QgsWkbTypes
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QMenu

from ..text import tr

_MOST_LAYERS = 12


class AddMenu(QObject):
    """Fills a menu each time that it opens.

    Args:
        menu: the menu.
        iface: of QGIS, or anything with activeLayer().
    """

    wanted = pyqtSignal(object, bool, bool)  # layer, selected features alone, counter-examples

    def __init__(self, menu: QMenu, iface: Any) -> None:
        super().__init__(menu)
        self._menu, self._iface = menu, iface
        menu.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Offer the layers that there are now."""
        self._menu.clear()
        layers = self._layers()
        if not layers:
            nothing = self._menu.addAction(tr("No layer of points and no selected features"))
            nothing.setEnabled(False)
            return
        self._offer(self._menu, layers, unlike=False)
        self._menu.addSeparator()
        unlike = QMenu(tr("As counter-examples"), self._menu)
        self._menu.addMenu(unlike)
        self._offer(unlike, layers, unlike=True)

    def _layers(self) -> list[QgsVectorLayer]:
        """Layers of points and those with a selection, the active one first."""
        active = self._iface.activeLayer()
        layers = [
            layer
            for layer in QgsProject.instance().mapLayers().values()
            if isinstance(layer, QgsVectorLayer) and layer.isValid() and layer.isSpatial()
        ]
        usable = [layer for layer in layers if layer.selectedFeatureCount() or _is_points(layer)]
        usable.sort(key=lambda layer: (layer is not active, layer.name().casefold()))
        return usable[:_MOST_LAYERS]

    def _offer(self, menu: QMenu, layers: list[QgsVectorLayer], *, unlike: bool) -> None:
        for layer in layers:
            name = layer.name().replace("&", "&&")
            chosen, count = layer.selectedFeatureCount(), layer.featureCount()
            if chosen:
                text = tr("Selected features of {layer} ({count})")
                self._action(menu, text.format(layer=name, count=chosen), layer, True, unlike)
            if _is_points(layer) and count != chosen:
                text = tr("All points of {layer} ({count})")
                self._action(menu, text.format(layer=name, count=count), layer, False, unlike)

    def _action(
        self, menu: QMenu, text: str, layer: QgsVectorLayer, selected: bool, unlike: bool
    ) -> None:
        action = menu.addAction(text)
        action.triggered.connect(lambda: self.wanted.emit(layer, selected, unlike))


def _is_points(layer: QgsVectorLayer) -> bool:
    return bool(layer.geometryType() == QgsWkbTypes.GeometryType.PointGeometry)
