"""Places to compare with: a point, or the points of a layer; places of features in general."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsCsException,
    QgsFeatureRequest,
    QgsProcessing,
    QgsProcessingFeatureSource,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterPoint,
    QgsWkbTypes,
)

from ..crs import to_lonlat
from ..satclip_core.errors import CancelledError, InputError
from ..satclip_core.products import JOINS, SimilarityTo
from ..satclip_core.raster.similar_places import MOST_PLACES
from ..text import tr

_POINTS = QgsWkbTypes.GeometryType.PointGeometry
# Degrees by which a projection may miss a pole.
_POLE = 1e-6


if TYPE_CHECKING:  # what the mixins are mixed into
    from .base import Algorithm as _Mixed
else:
    _Mixed = object


class CentroidsMixin(_Mixed):
    """Parameter CENTROIDS, of algorithms that take a layer of places."""

    CENTROIDS = "CENTROIDS"

    def add_centroids(self) -> None:
        """Declare it."""
        self.add(
            QgsProcessingParameterBoolean(
                self.CENTROIDS, tr("Centroids of lines and polygons"), False
            ),
            tr(
                "Lines and polygons count by their centroids. Not set: a layer with any is refused."
            ),
            advanced=True,
        )

    def centroids(self, parameters, context) -> bool:
        """Whether lines and polygons count by their centroids."""
        return self.parameterAsBoolean(parameters, self.CENTROIDS, context)

    def geometry_problems(self, name, parameters, context):
        """Whether a layer is of lines or polygons, as far as its type says."""
        source = self.parameterAsSource(parameters, name, context)
        if source is None or self.centroids(parameters, context):
            return
        kind = QgsWkbTypes.geometryType(source.wkbType())
        kinds = QgsWkbTypes.GeometryType
        if kind in (kinds.LineGeometry, kinds.PolygonGeometry):
            yield _no_points(QgsWkbTypes.displayString(source.wkbType()))


def joining_parameter(name: str, title: str) -> QgsProcessingParameterEnum:
    """How several examples are joined, in the order of `JOINS`."""
    return QgsProcessingParameterEnum(
        name,
        title,
        [
            tr("mean of the similarities"),
            tr("largest similarity"),
            tr("classifier (against random land)"),
        ],
        defaultValue=2,
        optional=True,
    )


class FoundPlacesMixin(_Mixed):
    """Parameters COUNT and SPACING, of algorithms that find places."""

    COUNT = "COUNT"
    SPACING = "SPACING"

    def add_count(self, usual: int, text: str) -> None:
        """Declare how many places are wanted."""
        self.add(
            QgsProcessingParameterNumber(
                self.COUNT,
                tr("Number of places"),
                QgsProcessingParameterNumber.Type.Integer,
                usual,
                minValue=1,
                maxValue=MOST_PLACES,
            ),
            text,
        )

    def add_spacing(self, *, advanced: bool = False) -> None:
        """Declare how far apart they lie."""
        self.add(
            QgsProcessingParameterNumber(
                self.SPACING,
                tr("At least so far apart (kilometres)"),
                QgsProcessingParameterNumber.Type.Double,
                None,
                minValue=0,
                optional=True,
            ),
            tr(
                "Least distance between the places found. Not set: what the model resolves, for "
                "nearer places are hardly two to it. 0: none."
            ),
            advanced=advanced,
        )

    def count(self, parameters, context) -> int:
        """How many places are wanted."""
        return self.parameterAsInt(parameters, self.COUNT, context)

    def spacing(self, parameters, context) -> float | None:
        """Kilometres; None where it is left to the model."""
        if not self._given(parameters, self.SPACING):
            return None
        return self.parameterAsDouble(parameters, self.SPACING, context)


class ReferencesMixin(CentroidsMixin):
    """Parameters POINT, POINTS, UNLIKE, UNLIKE_POINTS, CENTROIDS, REDUCE and AGAINST."""

    POINT = "POINT"
    POINTS = "POINTS"
    UNLIKE = "UNLIKE"
    UNLIKE_POINTS = "UNLIKE_POINTS"
    REDUCE = "REDUCE"
    AGAINST = "AGAINST"

    def add_references(self) -> None:
        """Declare points, layers and how several places are combined."""
        self.add(
            QgsProcessingParameterPoint(self.POINT, tr("Place"), optional=True),
            tr("A place to compare with: click on the map, or type x,y [CRS]."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                self.POINTS,
                tr("Places of a layer"),
                [QgsProcessing.SourceType.TypeVectorAnyGeometry],
                optional=True,
            ),
            tr("Points to compare with, all or the selected ones; also together with the place."),
        )
        self.add(
            QgsProcessingParameterPoint(self.UNLIKE, tr("Counter-example"), optional=True),
            tr("A place that is not meant, though the result may take it for alike."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                self.UNLIKE_POINTS,
                tr("Counter-examples of a layer"),
                [QgsProcessing.SourceType.TypeVectorAnyGeometry],
                optional=True,
            ),
            tr("Points that are not meant, all or the selected ones."),
            advanced=True,
        )
        self.add_centroids()
        self.add(
            joining_parameter(self.REDUCE, tr("Several places")),
            tr(
                "What a pixel gets where there are several places to compare with: the chance of "
                "being like them and not like random land, or the mean or largest cosine."
            ),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.AGAINST,
                tr("Compared with"),
                [tr("land of the extent"), tr("all land")],
                defaultValue=0,
                optional=True,
            ),
            tr(
                "The random land that it is held against. That of the extent shows contrasts "
                "within it; against all land a place has the same chance in any extent, so that "
                "tiles of one map agree."
            ),
            advanced=True,
        )

    def reference_problems(self, parameters, context):
        """Whether there is a place at all."""
        if parameters.get(self.POINT) in (None, "") and parameters.get(self.POINTS) in (None, ""):
            yield tr("There is nothing to compare with: give a place or a layer of places.")
        for name in (self.POINTS, self.UNLIKE_POINTS):
            yield from self.geometry_problems(name, parameters, context)

    def placed(self, wanted, grid, parameters, context):
        """What is asked for on a grid: held against its land, or all land."""
        everywhere = self.parameterAsEnum(parameters, self.AGAINST, context)
        return replace(wanted, within=None if everywhere else grid)

    def similarity_to(self, parameters, context, feedback) -> SimilarityTo:
        """What is asked for: examples, counter-examples and how several are joined.

        Raises:
            InputError: there is no example, or it is a counter-example too.
        """
        places = self._places(self.POINT, self.POINTS, parameters, context, feedback)
        if not places:
            raise InputError(tr("The layer holds no place to compare with."))
        unlike = self._places(self.UNLIKE, self.UNLIKE_POINTS, parameters, context, feedback)
        reduce = JOINS[self.parameterAsEnum(parameters, self.REDUCE, context)]
        return SimilarityTo.of(places, reduce=reduce, unlike=unlike)

    def _places(self, point_name, points_name, parameters, context, feedback):
        """Lon, lat in degrees of a point and of the points of a layer, as far as they are given."""
        places = []
        if parameters.get(point_name) not in (None, ""):
            point = self.parameterAsPoint(parameters, point_name, context)
            crs = self.parameterAsPointCrs(parameters, point_name, context)
            lonlat = _moved(point, to_lonlat(crs, context.transformContext()))
            if lonlat is None:
                raise InputError(
                    tr("The place {x:g}, {y:g} lies off the map of its CRS.").format(
                        x=point.x(), y=point.y()
                    )
                )
            places.append(lonlat)
        source = self.parameterAsSource(parameters, points_name, context)
        if source is not None:
            centroids = self.centroids(parameters, context)
            features = located(source, context, feedback, centroids=centroids)
            found = np.array([lonlat for _, lonlat in features])
            found = found.reshape(-1, 2)
            missing = np.isnan(found).any(axis=1)
            tell_missing(int(missing.sum()), feedback)
            places.extend(found[~missing].tolist())
        return places


def located(source, context, feedback, *, centroids=False):
    """Features of a source, each with (lon, lat) in degrees: (nan, nan) where there is none.

    Multipoints count by their centroid, and lines and polygons too where `centroids` says so.

    Raises:
        CancelledError: the user asked to stop.
        InputError: a line or polygon that has not been allowed.
    """
    transform = to_lonlat(source.sourceCrs(), context.transformContext())
    flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
    single: dict = {}  # by kind of geometry: whether it is one point
    for feature in source.getFeatures(QgsFeatureRequest(), flag):
        if feedback.isCanceled():
            raise CancelledError("stopped on request")
        geometry = feature.geometry()
        lonlat = None
        if not geometry.isEmpty():  # as one that is null is too
            kind = geometry.wkbType()
            if kind not in single:
                if not (centroids or QgsWkbTypes.geometryType(kind) == _POINTS):
                    raise InputError(_no_points(QgsWkbTypes.displayString(kind)))
                single[kind] = QgsWkbTypes.flatType(kind) == QgsWkbTypes.Type.Point
            centre = geometry if single[kind] else geometry.centroid()
            if not centre.isNull():
                lonlat = _moved(centre.asPoint(), transform)
        yield feature, lonlat or (np.nan, np.nan)


def _no_points(kind: str) -> str:
    text = tr(
        "The layer holds geometries that are no points ({kind}): choose Centroids of lines and "
        "polygons, or give a layer of points."
    )
    return text.format(kind=kind)


def tell_missing(count: int, feedback) -> None:
    """Say how many features have no place."""
    if count:
        feedback.pushWarning(
            tr("{count} features have no usable geometry (null, empty, or off the map).").format(
                count=count
            )
        )


def _moved(point, transform) -> tuple[float, float] | None:
    try:
        moved = point if transform.isShortCircuited() else transform.transform(point)
    except QgsCsException:
        return None
    lon, lat = moved.x(), moved.y()
    if not (isfinite(lon) and isfinite(lat)) or abs(lat) > 90 + _POLE:
        return None
    return lon, min(max(lat, -90.0), 90.0)
