"""The outline of a country on the map."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from ...satclip_core.raster.countries import Country
from ..maptool import from_lonlat

_COLOUR, _HALO, _WIDTH = "#d7301f", QColor(255, 255, 255, 190), 2


class CountryOutline:
    """Draws one country at a time, until it is told otherwise.

    Args:
        canvas: the map.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._country: Country | None = None
        self._band: QgsRubberBand | None = None

    @property
    def shape(self) -> QgsGeometry | None:
        """What is drawn, in the CRS of the map; None where nothing is."""
        return self._band.asGeometry() if self._band is not None else None

    def show(self, country: Country | None) -> bool:
        """Draw another country; none where None.

        Returns:
            Whether it is another one than before.
        """
        before, self._country = self._country, country
        new = (country and country.name) != (before and before.name)
        if new or (country is not None and self._band is None):
            self.draw()
        return new

    def draw(self) -> None:
        """Draw it anew, as where the map has another CRS."""
        self.clear()
        if self._country is None:
            return
        polygons = [_on_map(self._canvas, polygon) for polygon in self._country.polygons]
        shape = QgsGeometry.fromMultiPolygonXY([rings for rings in polygons if rings])
        if shape.isEmpty():
            return
        band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        band.setFillColor(QColor(Qt.GlobalColor.transparent))
        band.setStrokeColor(QColor(_COLOUR))
        band.setSecondaryStrokeColor(_HALO)
        band.setWidth(_WIDTH)
        band.setToGeometry(shape, None)
        self._band = band

    def bring_into_view(self) -> None:
        """Show the country where the map shows nothing of it."""
        shape = self.shape
        if shape is None:
            return
        box: QgsRectangle = shape.boundingBox()
        if not self._canvas.extent().intersects(box):
            box.scale(1.1)
            self._canvas.setExtent(box)
            self._canvas.refresh()

    def clear(self) -> None:
        """Take it off the map."""
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None


def _on_map(canvas: QgsMapCanvas, polygon: Any) -> list[list[QgsPointXY]]:
    """Rings (N, 2) lon, lat as points of the map, without those that it does not show."""
    rings = []
    for ring in polygon:
        places = (from_lonlat(canvas, QgsPointXY(lon, lat)) for lon, lat in ring.tolist())
        points = [point for point in places if point is not None]
        if len(points) > 2:
            rings.append(points)
    return rings
