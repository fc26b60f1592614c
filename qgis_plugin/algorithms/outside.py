"""Where a map's error does not hold, as a hatched layer above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from osgeo import gdal, ogr
from qgis.core import (
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProject,
    QgsRasterLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QTimer

from ..compat import number_field
from ..styles import style_hatched
from ..text import tr
from .results import Finish

if TYPE_CHECKING:  # what the mixin is mixed into
    from .rasters import RasterAlgorithm as _Mixed
else:
    _Mixed = object

# The band that says what is inside.
_INSIDE = "area of applicability"


class OutsideMixin(_Mixed):
    """Output OUTSIDE, of maps that know where they hold."""

    OUTSIDE = "OUTSIDE"

    def add_outside(self) -> None:
        """Declare it."""
        sink = QgsProcessingParameterFeatureSink(
            self.OUTSIDE,
            tr("Outside the area of applicability"),
            QgsProcessing.SourceType.TypeVectorPolygon,
            optional=True,
            createByDefault=True,
        )
        self.add(
            sink,
            tr(
                "With the uncertainty: where the map is of places unlike all samples, so that its "
                "error says nothing, as hatched polygons."
            ),
        )

    def beside(self, path, product, parameters, context, feedback) -> dict:
        """Write the polygons of a map with its uncertainty, and have them hatched.

        Raises:
            QgsProcessingException: they cannot be written.
        """
        if not parameters.get(self.OUTSIDE) or _INSIDE not in product.bands:
            return {}
        geometry, crs = outside_of(str(path), product.bands.index(_INSIDE) + 1)
        fields = QgsFields()
        fields.append(number_field("parts"))
        rows = []
        if not geometry.isEmpty():
            rows.append((geometry, [float(geometry.constGet().numGeometries())]))
        kind = QgsWkbTypes.Type.MultiPolygon
        target = self.written(self.OUTSIDE, fields, kind, crs, rows, parameters, context)
        facts = {"values": tr("Places unlike all samples: the error of the map says nothing there")}
        title = tr("Outside the area of applicability")
        Finish(_hatch_above, facts, title).attach(context, target, feedback, title)
        return {self.OUTSIDE: target}


def outside_of(raster: str, number: int):
    """The pixels outside the area of applicability of a map.

    Args:
        raster: file of a map with its uncertainty.
        number: of the band that says what is inside, counted from 1.

    Returns:
        One multipolygon, empty where there are none, and its CRS.
    """
    source = gdal.Open(raster)
    band = source.GetRasterBand(number)
    outside = gdal.GetDriverByName("MEM").Create("", band.XSize, band.YSize, 1, gdal.GDT_Byte)
    outside.SetGeoTransform(source.GetGeoTransform())
    mask = outside.GetRasterBand(1)
    _, rows = band.GetBlockSize()
    for top in range(0, band.YSize, rows):
        height = min(rows, band.YSize - top)
        # Where there is no data NaN equals nothing.
        part = band.ReadAsArray(0, top, band.XSize, height) == 0
        mask.WriteArray(part.astype(np.uint8), 0, top)
    # A layer lives no longer than Python's name of its source.
    store = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = store.CreateLayer("outside")
    gdal.Polygonize(mask, mask, layer, -1)
    together = ogr.Geometry(ogr.wkbMultiPolygon)
    for feature in layer:
        together.AddGeometry(feature.GetGeometryRef())
    geometry = QgsGeometry()
    if together.GetGeometryCount():
        geometry.fromWkb(bytes(together.ExportToIsoWkb()))
    return geometry, QgsRasterLayer(raster, "", "gdal").crs()


def _hatch_above(layer) -> None:
    """Hatch a layer, and put it above the map, which may arrive after it."""
    style_hatched(layer)
    name = layer.id()
    _to_the_top(name)
    QTimer.singleShot(0, lambda: _to_the_top(name))


def _to_the_top(name: str) -> None:
    """Put a layer above those beside it, if it is in the project."""
    node = QgsProject.instance().layerTreeRoot().findLayer(name)
    if node is None or node.parent().children()[0] == node:
        return
    parent = node.parent()
    parent.insertChildNode(0, node.clone())
    parent.removeChildNode(node)
