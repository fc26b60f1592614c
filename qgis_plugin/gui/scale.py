"""How fine the model is against what the map shows: in words, and as a circle at the pointer."""

from __future__ import annotations

from math import asin, atan2, cos, pi, sin

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtGui import QColor

from ..satclip_core.encoder.two_part import KM_PER_DEGREE
from ..text import tr
from .maptool import from_lonlat, to_lonlat

# Pixels of the view that the model's resolution may span before the view says less than it seems.
FINER = 3.0
_CORNERS = 48
_DIGITS = 2


def said_length(km: float) -> str:
    """4.29 -> "4.3 km", 0.0312 -> "31 m", with the decimal sign of the language."""
    value = km if km >= 1 else 1000 * km
    rounded = float(f"{value:.{_DIGITS}g}")
    number = QLocale().toString(rounded, "f", 0 if rounded >= 10 else 1)
    return (tr("{length} km") if km >= 1 else tr("{length} m")).format(length=number)


def pixel_km(canvas: QgsMapCanvas) -> float | None:
    """Size of a pixel in the middle of the map, of the ground; None where that is no place."""
    size = canvas.mapUnitsPerPixel()
    middle = canvas.extent().center()
    ends = [to_lonlat(canvas, QgsPointXY(middle.x(), middle.y() + up)) for up in (0, size)]
    if ends[0] is None or ends[1] is None:
        return None
    turned = (ends[1].x() - ends[0].x() + 180) % 360 - 180
    east = turned * cos(ends[0].y() * pi / 180)
    return KM_PER_DEGREE * (east**2 + (ends[1].y() - ends[0].y()) ** 2) ** 0.5


def said_scale(resolution_km: float | None, pixel: float | None) -> str:
    """What to know of a view that is finer than the model; "" where it is not.

    Args:
        resolution_km: what the model resolves; None where nobody knows.
        pixel: of the view, km; None where it is none.
    """
    if resolution_km is None or pixel is None or pixel * FINER >= resolution_km:
        return ""
    text = tr(
        "The model knows nothing finer than {resolution}; a pixel of this view is {pixel}. The "
        "circle at the pointer is of that size."
    )
    return text.format(resolution=said_length(resolution_km), pixel=said_length(pixel))


class ScaleCircle:
    """A circle on the ground, as wide as what the model resolves.

    Args:
        canvas: the map.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band: QgsRubberBand | None = None

    @property
    def shape(self) -> QgsGeometry | None:
        """What is drawn, in the CRS of the map; None where nothing is."""
        return self._band.asGeometry() if self._band is not None else None

    def show(self, point: QgsPointXY | None, km: float | None) -> None:
        """Draw it about a point of the map, so many kilometres across; nothing where None."""
        corners = [] if point is None or km is None else _circle(self._canvas, point, km / 2)
        if not corners:
            self.clear()
            return
        if self._band is None:
            self._band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
            self._band.setFillColor(QColor(Qt.GlobalColor.transparent))
            self._band.setStrokeColor(QColor("#000000"))
            self._band.setSecondaryStrokeColor(QColor(255, 255, 255, 190))
            self._band.setWidth(1)
        self._band.setToGeometry(QgsGeometry.fromPolygonXY([corners]), None)

    def clear(self) -> None:
        """Take it off the map."""
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None


def _circle(canvas: QgsMapCanvas, point: QgsPointXY, km: float) -> list[QgsPointXY]:
    """Corners of a circle on the sphere, as points of the map; none where it is off the map.

    The destination from a start, by bearing and angular distance (spherical law of sines).
    """
    middle = to_lonlat(canvas, point)
    if middle is None:
        return []
    lat, apart = middle.y() * pi / 180, km / KM_PER_DEGREE * pi / 180
    corners = []
    for number in range(_CORNERS):
        bearing = 2 * pi * number / _CORNERS
        north = asin(sin(lat) * cos(apart) + cos(lat) * sin(apart) * cos(bearing))
        east = atan2(sin(bearing) * sin(apart) * cos(lat), cos(apart) - sin(lat) * sin(north))
        # On as the map goes on: a circle is not torn at 180 degrees.
        place = QgsPointXY(middle.x() + east * 180 / pi, north * 180 / pi)
        corner = from_lonlat(canvas, place)
        if corner is None:
            return []
        corners.append(corner)
    wide = max(corner.distance(point) for corner in corners)
    across = canvas.extent().width() + canvas.extent().height()
    return corners if wide <= across else []
