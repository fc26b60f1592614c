"""The layer that shows the similarity of the view: a GeoTIFF in memory, styled."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from osgeo import gdal, osr
from qgis.core import (
    QgsAnnotationLayer,
    QgsColorRamp,
    QgsColorRampShader,
    QgsCoordinateReferenceSystem,
    QgsGradientFillSymbolLayer,
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProject,
    QgsRasterFillSymbolLayer,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRenderContext,
    QgsShapeburstFillSymbolLayer,
    QgsSimpleFillSymbolLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal

from ..styles import viridis
from ..text import tr

# The map shines through, its borders and names with it.
_OPACITY = 0.75
# Colours that the ramp is drawn with: as many steps as an eye tells apart.
_STEPS = 33


@dataclass
class _Aside:
    """Where the layer stood before a project was saved without it.

    Attributes:
        node: a copy of its node in the layer tree.
        group: that held it.
        index: its place there.
        order: the layers' custom order.
        active: whether it was the active layer.
        dirty: whether the project had changes that were not saved.
    """

    node: QgsLayerTreeLayer
    group: QgsLayerTreeGroup
    index: int
    order: list[QgsMapLayer]
    active: bool
    dirty: bool


class SimilarityLayer(QObject):
    """One raster layer of the project, given new pixels and colours as the dock says.

    What the user changes of it (ramp, opacity, another renderer, its place among the layers)
    stays; ramp and opacity also where the layer is taken out and added anew.

    Args:
        iface: of QGIS, or anything with mapCanvas(), activeLayer() and setActiveLayer().
    """

    removed = pyqtSignal()  # somebody else removed the layer
    recoloured = pyqtSignal()  # `ramp` may be another one
    faded = pyqtSignal()  # `opacity` may be another one

    def __init__(self, iface: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layer: QgsRasterLayer | None = None
        self.ramp: QgsColorRamp = viridis()
        self.opacity = _OPACITY
        self._iface = iface
        self._id = uuid.uuid4().hex
        self._files: list[str] = []
        self._count = 0
        self._aside: _Aside | None = None
        QgsProject.instance().writeProject.connect(self._leave_out)
        QgsProject.instance().projectSaved.connect(self._saved)

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
        if self.layer is not None:
            self.layer.setCrs(crs)  # not every CRS survives a GeoTIFF
        # A thread may still be drawing the picture before this one.
        while len(self._files) > 2:
            gdal.Unlink(self._files.pop(0))

    def style(self, low: float, high: float, threshold: float | None) -> None:
        """Colour from low to high; what lies under the threshold is not drawn.

        A renderer of another kind is the user's, and stays.
        """
        if self.layer is None:
            return
        if self._is_ours():
            made = renderer(self.layer, low, high, threshold, self.ramp)
            made.setOpacity(self.layer.renderer().opacity())
            self.layer.setRenderer(made)
        self.layer.triggerRepaint()

    def set_opacity(self, opacity: float) -> None:
        """How opaque the layer is, now and where it is added anew."""
        self.opacity = opacity
        if self.layer is not None and self.layer.renderer() is not None:
            self.layer.setOpacity(opacity)
            self.layer.triggerRepaint()

    def drop(self) -> None:
        """Take the layer out of the project, and off the map."""
        if self.layer is not None:
            layer, self.layer = self.layer, None
            QgsProject.instance().removeMapLayer(layer.id())
            # To the canvas a layer that is deleted was never there: it draws nothing anew.
            self._iface.mapCanvas().refresh()
        for path in self._files:
            gdal.Unlink(path)
        self._files = []

    def close(self) -> None:
        """Take the layer out, and no longer watch the project."""
        self.drop()
        QgsProject.instance().writeProject.disconnect(self._leave_out)
        QgsProject.instance().projectSaved.disconnect(self._saved)

    def _add(self, path: str) -> None:
        layer = QgsRasterLayer(path, tr("Similarity in view"), "gdal")
        layer.setCustomProperty("satclip/preview", True)
        layer.setRenderer(renderer(layer, 0, 1, None, self.ramp))
        layer.setOpacity(self.opacity)
        self.layer = layer
        layer.willBeDeleted.connect(self._forget)
        layer.rendererChanged.connect(self._learn)
        layer.styleChanged.connect(self._learn)
        add_over_the_map(layer)

    def _is_ours(self) -> bool:
        """Whether the renderer is of the kind that the dock sets."""
        return self.layer is not None and isinstance(
            self.layer.renderer(), QgsSingleBandPseudoColorRenderer
        )

    def _learn(self) -> None:
        """Keep the ramp and opacity that the user has given the layer."""
        if self.layer is None or self.layer.renderer() is None:
            return
        if self.opacity != self.layer.renderer().opacity():
            self.opacity = self.layer.renderer().opacity()
            self.faded.emit()
        if not self._is_ours():
            return
        function = self.layer.renderer().shader().rasterShaderFunction()
        ramp = function.sourceColorRamp() if isinstance(function, QgsColorRampShader) else None
        if ramp is not None and ramp.properties() != self.ramp.properties():
            self.ramp = ramp.clone()
            self.recoloured.emit()

    def _forget(self) -> None:
        if self.layer is not None:
            self.layer = None
            self.drop()
            self.removed.emit()

    def _leave_out(self, document: Any) -> None:
        """Leave the layer out of a project that is saved: its pixels live in memory only.

        The project is written in steps: layer tree and legend are in the document by now, and
        layers, their order and themes follow. So it goes out of both, and comes back afterwards.
        """
        if self.layer is None or self._aside is not None:
            return
        project, layer = QgsProject.instance(), self.layer
        root, dirty = project.layerTreeRoot(), project.isDirty()
        node = root.findLayer(layer.id())
        if node is None:
            return
        self._aside = _Aside(
            node.clone(),
            node.parent(),
            node.parent().children().index(node),
            root.customLayerOrder(),
            self._iface.activeLayer() == layer,
            dirty,
        )
        project.takeMapLayer(layer)
        _strike(document, layer.id())
        QTimer.singleShot(0, self._put_back)  # where saving fails nothing else is told

    def _saved(self) -> None:
        if self._aside is not None:
            self._aside.dirty = False
            self._put_back()

    def _put_back(self) -> None:
        aside, self._aside = self._aside, None
        if aside is None or self.layer is None:
            return
        project = QgsProject.instance()
        project.addMapLayer(self.layer, False)
        aside.group.insertChildNode(aside.index, aside.node)
        if project.layerTreeRoot().hasCustomLayerOrder():
            project.layerTreeRoot().setCustomLayerOrder(aside.order)
        if aside.active:
            self._iface.setActiveLayer(self.layer)
        project.setDirty(aside.dirty)


def _strike(document: Any, name: str) -> None:
    """Take what is about a layer out of a project's document: tree, custom order, legend."""
    for tag, is_it in (
        ("layer-tree-layer", lambda element: element.attribute("id") == name),
        ("item", lambda element: element.text() == name),
        ("legendlayer", lambda element: _legend_of(element) == name),
    ):
        found = document.elementsByTagName(tag)
        for element in [found.at(index).toElement() for index in range(found.count())]:
            if is_it(element):
                element.parentNode().removeChild(element)


def _legend_of(element: Any) -> str:
    """The layer that a <legendlayer> is about."""
    files = element.elementsByTagName("legendlayerfile")
    return str(files.at(0).toElement().attribute("layerid"))


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
    layer: QgsRasterLayer, low: float, high: float, threshold: float | None, ramp: QgsColorRamp
) -> QgsSingleBandPseudoColorRenderer:
    """A ramp from low to high; under the threshold nothing."""
    high = max(high, low + 1e-6)
    start = low if threshold is None else min(max(threshold, low), high - 1e-7)
    values = np.linspace(start, high, _STEPS)
    items = [
        QgsColorRampShader.ColorRampItem(
            float(value), ramp.color((value - low) / (high - low)), f"{value:.3f}"
        )
        for value in values
    ]
    shader = QgsColorRampShader(float(start), float(high), ramp.clone())
    if threshold is not None:
        # Out of range is not drawn: nothing is above the largest cosine.
        items.append(QgsColorRampShader.ColorRampItem(1.001, ramp.color(1), "1"))
        shader.setClip(True)
    shader.setColorRampItemList(items)
    whole = QgsRasterShader(float(start), float(high))
    whole.setRasterShaderFunction(shader)
    made = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, whole)
    made.setClassificationMin(float(start))
    made.setClassificationMax(float(high))
    return made


def add_over_the_map(layer: QgsMapLayer) -> None:
    """Add a layer to the project: above what would hide it, below points, lines and borders."""
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    group, index = _place(project.layerTreeRoot())
    group.insertLayer(index, layer)


def _place(group: QgsLayerTreeGroup) -> tuple[QgsLayerTreeGroup, int]:
    """Group and index just above the topmost layer that is drawn and hides what is below it."""
    children = group.children()
    for index, node in enumerate(children):
        if not node.isVisible() or not _hides(node):
            continue
        if isinstance(node, QgsLayerTreeGroup):
            inner, place = _place(node)
            return (group, index) if inner is node and place == 0 else (inner, place)
        return group, index
    return group, len(children)


def _hides(node: Any) -> bool:
    """Whether a layer, or one of a group, hides what is drawn before it."""
    if isinstance(node, QgsLayerTreeGroup):
        return any(child.isVisible() and _hides(child) for child in node.children())
    layer = node.layer() if isinstance(node, QgsLayerTreeLayer) else None
    if layer is None:
        return False
    if not isinstance(layer, QgsVectorLayer):
        return not isinstance(layer, QgsAnnotationLayer)
    if layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry:
        return False
    symbols = layer.renderer().symbols(QgsRenderContext()) if layer.renderer() else []
    return any(_fills(part) for symbol in symbols for part in symbol.symbolLayers())


def _fills(part: Any) -> bool:
    """Whether a part of a polygon's symbol covers its inside: borders and patterns do not."""
    if isinstance(part, QgsSimpleFillSymbolLayer):
        return part.brushStyle() == Qt.BrushStyle.SolidPattern and part.fillColor().alpha() > 0
    whole = QgsGradientFillSymbolLayer, QgsShapeburstFillSymbolLayer, QgsRasterFillSymbolLayer
    return isinstance(part, whole)
