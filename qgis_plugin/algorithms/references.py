"""Places to compare with: a point, or the points of a layer; places of features in general."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsCsException,
    QgsFeatureRequest,
    QgsProcessing,
    QgsProcessingFeatureSource,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterPoint,
)

from ..crs import to_lonlat
from ..satclip_core.errors import CancelledError, InputError
from ..satclip_core.products import REDUCTIONS
from ..text import tr

# Degrees by which a projection may miss a pole.
_POLE = 1e-6


class ReferencesMixin:
    """Parameters POINT, POINTS and REDUCE."""

    POINT = "POINT"
    POINTS = "POINTS"
    REDUCE = "REDUCE"

    def add_references(self) -> None:
        """Declare point, layer and how several places are combined."""
        self.add(
            QgsProcessingParameterPoint(self.POINT, tr("Place"), optional=True),
            tr("A place to compare with: click on the map, or type x,y [CRS]."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                self.POINTS,
                tr("Places of a layer"),
                [QgsProcessing.SourceType.TypeVectorPoint],
                optional=True,
            ),
            tr("Points to compare with, all or the selected ones; also together with the place."),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.REDUCE,
                tr("Several places"),
                [tr("mean of the similarities"), tr("largest similarity")],
                defaultValue=0,
                optional=True,
            ),
            tr("What a pixel gets where there are several places to compare with."),
        )

    def reference_problems(self, parameters, context):
        """Whether there is a place at all."""
        if parameters.get(self.POINT) in (None, "") and parameters.get(self.POINTS) in (None, ""):
            yield tr("There is nothing to compare with: give a place or a layer of places.")

    def references(self, parameters, context, feedback) -> np.ndarray:
        """The places (k, 2), lon, lat in degrees.

        Raises:
            InputError: there is none.
        """
        places = []
        if parameters.get(self.POINT) not in (None, ""):
            point = self.parameterAsPoint(parameters, self.POINT, context)
            crs = self.parameterAsPointCrs(parameters, self.POINT, context)
            lonlat = _moved(point, to_lonlat(crs, context.transformContext()))
            if lonlat is None:
                raise InputError(
                    tr("The place {x:g}, {y:g} lies off the map of its CRS.").format(
                        x=point.x(), y=point.y()
                    )
                )
            places.append(lonlat)
        source = self.parameterAsSource(parameters, self.POINTS, context)
        if source is not None:
            found = np.array([lonlat for _, lonlat in located(source, context, feedback)])
            found = found.reshape(-1, 2)
            missing = np.isnan(found).any(axis=1)
            tell_missing(int(missing.sum()), feedback)
            places.extend(found[~missing].tolist())
        if not places:
            raise InputError(tr("The layer holds no place to compare with."))
        return np.array(places, np.float64)

    def reduction(self, parameters, context) -> str:
        """ "mean" or "max"."""
        return [*REDUCTIONS][self.parameterAsEnum(parameters, self.REDUCE, context)]


def located(source, context, feedback):
    """Features of a source, each with (lon, lat) in degrees: (nan, nan) where there is none.

    Multipoints count by their centroid.

    Raises:
        CancelledError: the user asked to stop.
    """
    transform = to_lonlat(source.sourceCrs(), context.transformContext())
    flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
    for feature in source.getFeatures(QgsFeatureRequest(), flag):
        if feedback.isCanceled():
            raise CancelledError("stopped on request")
        geometry = feature.geometry()
        lonlat = None
        if not geometry.isNull() and not geometry.isEmpty():
            centre = geometry.centroid() if geometry.isMultipart() else geometry
            if not centre.isNull():
                lonlat = _moved(centre.asPoint(), transform)
        yield feature, lonlat or (np.nan, np.nan)


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
        moved = transform.transform(point)
    except QgsCsException:
        return None
    lon, lat = moved.x(), moved.y()
    if not (np.isfinite(lon) and np.isfinite(lat)) or abs(lat) > 90 + _POLE:
        return None
    return lon, min(max(lat, -90.0), 90.0)
