"""Places by what is typed: coordinates of any kind, countries, features of a layer. Offline."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QLocale

from .coordinates import read_coordinates
from .crs import to_lonlat
from .satclip_core.errors import InputError
from .satclip_core.raster.countries import country_names, find_country
from .text import place_text, tr

# Suggestions of each kind, and features of a layer that are looked through for a name.
_MOST = 5
_LOOKED_AT = 20_000
_LEAST_LETTERS = 2
_DECIMALS = 5
# Degrees within which the point deepest inside a country is found.
_TOLERANCE = 0.1
# East is no E in German, west no W in French, Spanish and Italian.
_EAST, _WEST = {"de": "EO"}, {"fr": "WO", "es": "WO", "it": "WO"}


@dataclass(frozen=True)
class Named:
    """A place that a text may mean.

    Attributes:
        lon: degrees.
        lat: degrees.
        label: what is offered.
        name: of the place; "" where it is known by its coordinates alone.
    """

    lon: float
    lat: float
    label: str
    name: str = ""


def places_named(
    text: str, map_crs: QgsCoordinateReferenceSystem, layer: QgsVectorLayer | None = None
) -> list[Named]:
    """The places that a text may mean, the likelier first.

    Args:
        text: coordinates, or the beginning of a name.
        map_crs: of the map, for numbers that are no degrees.
        layer: whose features are looked through by their display name.
    """
    if len(text.strip()) < _LEAST_LETTERS:
        return []
    found = _at_coordinates(text, map_crs)
    return found or [*_features(text.strip(), layer), *_countries(text.strip())]


def _at_coordinates(text: str, map_crs: QgsCoordinateReferenceSystem) -> list[Named]:
    language = QgsApplication.instance().locale()[:2]
    known = read_coordinates(text, east=_EAST.get(language, "E"), west=_WEST.get(language, "W"))
    if known is None:
        return []
    found = [Named(lon, lat, place_text(lon, lat, _DECIMALS)) for lon, lat in known.places]
    if not found and known.plain and map_crs.isValid() and not map_crs.isGeographic():
        place = _moved(QgsPointXY(*known.plain), map_crs)
        if place is not None:
            x, y = known.plain
            label = tr("{x:.10g}, {y:.10g} of the map ({crs})")
            label = label.format(x=x, y=y, crs=map_crs.authid() or map_crs.description())
            found.append(Named(*place, label))
    return found


def _features(text: str, layer: QgsVectorLayer | None) -> list[Named]:
    """Features of a layer whose display name begins with a text."""
    if not isinstance(layer, QgsVectorLayer) or not layer.isSpatial():
        return []
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    shown = name_of(layer)
    if not shown.prepare(context):
        return []
    request = QgsFeatureRequest().setLimit(_LOOKED_AT)
    found: list[Named] = []
    for feature in layer.getFeatures(request):
        context.setFeature(feature)
        name = str(shown.evaluate(context) or "")
        if not name.casefold().startswith(text.casefold()):
            continue
        place = place_of(feature, layer.crs())
        if place is not None:
            label = tr("{name} ({layer})").format(name=name, layer=layer.name())
            found.append(Named(*place, label, name))
        if len(found) == _MOST:
            break
    return found


def name_of(layer: QgsVectorLayer) -> QgsExpression:
    """What features of a layer are called: its display name, or the field "name".

    Left alone QGIS takes for a display name whatever field comes first that sounds like one.
    """
    shown = QgsExpression(layer.displayExpression())
    names = [name for name in layer.fields().names() if name.casefold() == "name"]
    if names and (shown.isField() or not layer.displayExpression()):
        return QgsExpression(QgsExpression.quotedColumnRef(names[0]))
    return shown


def place_of(feature: QgsFeature, crs: QgsCoordinateReferenceSystem) -> tuple[float, float] | None:
    """Lon, lat in degrees of a feature, of lines and polygons of a point on them; None without."""
    geometry = feature.geometry()
    if geometry.isNull() or geometry.isEmpty():
        return None
    # Of several points the middle, as in the algorithms; of what has an extent a point of its own.
    points = geometry.type() == QgsWkbTypes.GeometryType.PointGeometry
    inside = geometry.centroid() if points else geometry.pointOnSurface()
    if inside.isNull() or inside.isEmpty():
        return None
    return _moved(inside.asPoint(), crs)


def _moved(point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> tuple[float, float] | None:
    try:
        moved = to_lonlat(crs, QgsProject.instance().transformContext()).transform(point)
    except QgsCsException:
        return None
    lon, lat = moved.x(), moved.y()
    if not (abs(lon) < float("inf") and abs(lat) <= 90):
        return None
    return lon if abs(lon) <= 180 else (lon + 180) % 360 - 180, lat


def _countries(text: str) -> list[Named]:
    """Countries whose name begins with a text, or is one of its codes or its own name."""
    wanted = text.casefold()
    native = [code for own, code in _native().items() if own.startswith(wanted)]
    names = []
    for alias in [text, *native[:_MOST]]:  # a code of two letters first
        with suppress(InputError):
            names.append(find_country(alias).name)
    names += [name for name in country_names() if name.casefold().startswith(wanted)]
    found = []
    for name in list(dict.fromkeys(names))[:_MOST]:
        lon, lat = _middle(name)
        found.append(Named(lon, lat, name, name))
    return found


@lru_cache(maxsize=256)
def _middle(name: str) -> tuple[float, float]:
    """The point deepest inside the largest part of a country."""
    parts = [
        QgsGeometry.fromPolygonXY([[QgsPointXY(*at) for at in ring.tolist()] for ring in rings])
        for rings in find_country(name).polygons
    ]
    largest = max(parts, key=lambda part: part.area())
    point = largest.poleOfInaccessibility(_TOLERANCE)[0].asPoint()
    return point.x(), point.y()


@lru_cache(maxsize=1)
def _native() -> dict[str, str]:
    """ISO codes of countries by what they call themselves, in lower case."""
    names: dict[str, str] = {}
    every = QLocale.matchingLocales(
        QLocale.Language.AnyLanguage, QLocale.Script.AnyScript, QLocale.Country.AnyCountry
    )
    for locale in every:
        code = locale.name().rpartition("_")[2]
        if len(code) == 2 and code.isalpha():
            names.setdefault(locale.nativeCountryName().casefold(), code)
    names.pop("", None)
    return names
