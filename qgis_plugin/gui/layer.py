"""The layer that shows the similarity of the view: a GeoTIFF in memory, styled."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
from osgeo import gdal, osr
from qgis.core import (
    QgsColorRampShader,
    QgsCoordinateReferenceSystem,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor

from ..styles import viridis
from ..text import tr

_RAMP = viridis()
# The map shines through.
_OPACITY = 0.85


def colour(share: float) -> QColor:
    """The colour at a share of the ramp; its ends beyond 0 and 1."""
    return QColor(_RAMP.color(min(max(share, 0.0), 1.0)))


class SimilarityLayer(QObject):
    """One raster layer of the project, given new pixels and colours as the dock says."""

    removed = pyqtSignal()  # the user removed the layer

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layer: QgsRasterLayer | None = None
        self._id = uuid.uuid4().hex
        self._files: list[str] = []
        self._count = 0
        QgsProject.instance().writeMapLayer.connect(self._leave_out_layer)
        QgsProject.instance().writeProject.connect(self._leave_out_node)

    def show(self, picture: np.ndarray, grid: Any, crs: QgsCoordinateReferenceSystem) -> None:
        """Draw new pixels, adding the layer where there is none."""
        self._count += 1
        path = f"/vsimem/satclip_{self._id}_{self._count}.tif"
        write_memory(path, picture, grid)
        self._files.append(path)
        if self.layer is None:
            self._add(path)
        else:
            options = self.layer.dataProvider().ProviderOptions()
            self.layer.setDataSource(path, self.layer.name(), "gdal", options)
        self.layer.setCrs(crs)  # not every CRS survives a GeoTIFF
        # A thread may still be drawing the picture before this one.
        while len(self._files) > 2:
            gdal.Unlink(self._files.pop(0))

    def style(self, low: float, high: float, threshold: float | None) -> None:
        """Colour from low to high; what lies under the threshold is not drawn."""
        if self.layer is None:
            return
        self.layer.setRenderer(renderer(self.layer, low, high, threshold))
        self.layer.triggerRepaint()

    def drop(self) -> None:
        """Take the layer out of the project."""
        if self.layer is not None:
            layer, self.layer = self.layer, None
            QgsProject.instance().removeMapLayer(layer.id())
        for path in self._files:
            gdal.Unlink(path)
        self._files = []

    def close(self) -> None:
        """Take the layer out, and no longer watch the project."""
        self.drop()
        QgsProject.instance().writeMapLayer.disconnect(self._leave_out_layer)
        QgsProject.instance().writeProject.disconnect(self._leave_out_node)

    def _add(self, path: str) -> None:
        layer = QgsRasterLayer(path, tr("Similarity in view"), "gdal")
        layer.setCustomProperty("satclip/preview", True)
        layer.setOpacity(_OPACITY)
        self.layer = layer
        layer.willBeDeleted.connect(self._forget)
        project = QgsProject.instance()
        project.addMapLayer(layer, False)
        root = project.layerTreeRoot()
        root.insertLayer(_position(root), layer)

    def _forget(self) -> None:
        if self.layer is not None:
            self.layer = None
            self.drop()
            self.removed.emit()

    def _leave_out_layer(self, layer: QgsMapLayer, element: Any, _document: Any) -> None:
        """Leave the layer out of a project that is saved: its pixels live in memory only.

        QGIS appends the element whatever happens here, and reads those called maplayer alone.
        """
        if self.layer is not None and layer.id() == self.layer.id():
            element.setTagName("satclip-left-out")
            while element.hasChildNodes():
                element.removeChild(element.firstChild())

    def _leave_out_node(self, document: Any) -> None:
        """The same for its node in the layer tree."""
        if self.layer is None:
            return
        found = document.elementsByTagName("layer-tree-layer")
        for element in [found.at(index).toElement() for index in range(found.count())]:
            if element.attribute("id") == self.layer.id():
                element.parentNode().removeChild(element)


def write_memory(path: str, picture: np.ndarray, grid: Any) -> None:
    """Write a picture, NaN as nodata, as a GeoTIFF that GDAL can open by its path."""
    rows, cols = picture.shape
    data = gdal.GetDriverByName("GTiff").Create(path, cols, rows, 1, gdal.GDT_Float32)
    a, b, c, d, e, f = grid.transform
    data.SetGeoTransform((c, a, b, f, d, e))
    reference = osr.SpatialReference()
    reference.SetFromUserInput(grid.crs)
    data.SetProjection(reference.ExportToWkt())
    band = data.GetRasterBand(1)
    band.SetNoDataValue(float("nan"))
    band.SetDescription("similarity")
    band.WriteRaster(0, 0, cols, rows, np.ascontiguousarray(picture, np.float32).tobytes())
    band = None
    data = None  # closes the file


def renderer(
    layer: QgsRasterLayer, low: float, high: float, threshold: float | None
) -> QgsSingleBandPseudoColorRenderer:
    """Viridis from low to high; under the threshold nothing."""
    high = max(high, low + 1e-6)
    start = low if threshold is None else min(max(threshold, low), high - 1e-7)
    values = np.linspace(start, high, 33)
    items = [
        QgsColorRampShader.ColorRampItem(
            float(value), colour((value - low) / (high - low)), f"{value:.3f}"
        )
        for value in values
    ]
    shader = QgsColorRampShader(float(start), float(high))
    if threshold is not None:
        # Out of range is not drawn: nothing is above the largest cosine.
        items.append(QgsColorRampShader.ColorRampItem(1.001, colour(1), "1"))
        shader.setClip(True)
    shader.setColorRampItemList(items)
    whole = QgsRasterShader(float(start), float(high))
    whole.setRasterShaderFunction(shader)
    made = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, whole)
    made.setClassificationMin(float(start))
    made.setClassificationMax(float(high))
    return made


def _position(root: Any) -> int:
    """Above the topmost raster or polygon layer: points, lines and labels stay readable."""
    children = root.children()
    for index, node in enumerate(children):
        if not isinstance(node, QgsLayerTreeLayer):
            return index
        if _covers(node.layer()):
            return index
    return len(children)


def _covers(layer: QgsMapLayer | None) -> bool:
    if not isinstance(layer, QgsVectorLayer):
        return True
    return layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
