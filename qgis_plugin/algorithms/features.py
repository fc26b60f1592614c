"""What algorithms that look at features of any kind have in common: points, lines and polygons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..crs import core_crs
from ..satclip_core.errors import InputError
from ..satclip_core.grid.crs import LONLAT
from ..satclip_core.grid.land import land_mask
from ..satclip_core.grid.wkb import Shape
from ..satclip_core.points.zones import ZoneEmbedder, ZoneEmbeddings
from ..text import tr
from .points import PointsAlgorithm
from .references import located, tell_missing

# Features taken at a time: 4 MB of means, and their pixels.
_BATCH = 4096
_ANY = [QgsProcessing.SourceType.TypeVectorAnyGeometry]


@dataclass(frozen=True)
class Embedded:
    """Features with their embeddings; those without a place are left out.

    Attributes:
        features: N of them.
        lonlat: (N, 2) degrees, of their centroids.
        zones: what they cover.
        missing: how many have no place.
    """

    features: list[QgsFeature]
    lonlat: np.ndarray
    zones: ZoneEmbeddings
    missing: int

    @property
    def means(self):
        """(N, dim)."""
        return self.zones.means


class FeaturesAlgorithm(PointsAlgorithm):
    """An algorithm on features of any kind: a polygon counts by all that it covers."""

    RES = "RES"
    LAND = "LAND"
    PREFIX = "PREFIX"

    def geometry_problems(self, name, parameters, context):
        """None: all kinds will do."""
        yield from ()

    def add_layer(self, name: str, description: str, tooltip: str, *, optional=False) -> None:
        """Declare a layer."""
        parameter = QgsProcessingParameterFeatureSource(name, description, _ANY, optional=optional)
        self.add(parameter, tooltip)

    def add_features(self) -> None:
        """Declare the layer that is copied."""
        self.add_layer(
            self.INPUT,
            tr("Layer"),
            tr(
                "Polygons count by the mean over their area, lines by that along them, points as "
                "they are; in any CRS, all features or the selected ones."
            ),
        )

    def add_sampling(self) -> None:
        """Declare how polygons and lines are looked at."""
        self.add(
            QgsProcessingParameterBoolean(self.LAND, tr("Land only"), True),
            tr("What a polygon or a line has of the sea does not count. Points always do."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                self.RES,
                tr("Size of pixels (units of the layer)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0,
            ),
            tr(
                "Not set: what the model resolves, smaller in small polygons and larger in very "
                "large ones."
            ),
            advanced=True,
        )

    def add_prefix(self, default: str = "") -> None:
        """Declare what the names of new fields begin with."""
        self.add(
            QgsProcessingParameterString(
                self.PREFIX, tr("Prefix of the new fields"), default, optional=True
            ),
            tr("Where the layer has fields of these names already."),
            advanced=True,
        )

    def prefix(self, parameters, context) -> str:
        """What the names of new fields begin with."""
        return self.parameterAsString(parameters, self.PREFIX, context)

    def add_copy(self, description: str) -> None:
        """Declare the copy."""
        kind = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.add(
            QgsProcessingParameterFeatureSink(self.OUTPUT, description, kind),
            tr("A new layer; GeoPackage keeps all fields, a Shapefile holds 255 at most."),
        )

    def source(self, name, parameters, context):
        """A layer.

        Raises:
            QgsProcessingException: it cannot be read.
        """
        source = self.parameterAsSource(parameters, name, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        return source

    def layer_name(self, name, parameters, context) -> str:
        """What a layer is called."""
        return self.source(name, parameters, context).sourceName()

    def embedder(self, source, parameters, context) -> ZoneEmbedder:
        """What embeds the features of a layer."""
        size = parameters.get(self.RES)
        res = self.parameterAsDouble(parameters, self.RES, context) if size is not None else 0.0
        on_land = self.parameterAsBoolean(parameters, self.LAND, context)
        crs = source.sourceCrs()
        return ZoneEmbedder(
            self.encoder(parameters, context),
            core_crs(crs) if crs.isValid() else LONLAT,
            res=res or None,
            mask=land_mask() if on_land else None,
        )

    def batches(self, source, parameters, context, feedback, start=0, stop=100) -> Iterator:
        """Features of a layer, a few thousand at a time.

        Args:
            source: the layer.
            parameters: of the run.
            context: of the run.
            feedback: of the run.
            start: per cent of the progress that are done.
            stop: per cent that are done in the end.

        Returns:
            Of each batch the features, their centroids (n, 2) in degrees, and `ZoneEmbeddings`.
        """
        embedder = self.embedder(source, parameters, context)
        total, through = max(source.featureCount(), 1), 0
        held: list = []

        def embedded():
            def done(count):
                feedback.setProgress(start + (stop - start) * min(1, (through + count) / total))

            shapes = [shape_of(feature.geometry()) for feature, _ in held]
            zones = embedder(shapes, done=done, cancelled=feedback.isCanceled)
            lonlat = np.array([place for _, place in held]).reshape(-1, 2)
            return [feature for feature, _ in held], lonlat, zones

        for one in located(source, context, feedback, centroids=True):
            held.append(one)
            if len(held) == _BATCH:
                yield embedded()
                through += len(held)
                held.clear()
        if held:
            yield embedded()
        if embedder.across:
            text = tr(
                "{count} features have an edge across more than half of the Earth, which is taken "
                "as it is drawn: cut at 180° what is to cross it."
            )
            feedback.pushWarning(text.format(count=embedder.across))

    def embedded(self, source, parameters, context, feedback, start=0, stop=100) -> Embedded:
        """All features of a layer that have a place.

        Raises:
            InputError: none has.
        """
        features, places, parts, missing = [], [], [], 0
        for found, lonlat, zones in self.batches(
            source, parameters, context, feedback, start, stop
        ):
            usable = np.flatnonzero(zones.pixels > 0)
            features += [found[row] for row in usable]
            places.append(lonlat[usable])
            parts.append([column[usable] for column in vars(zones).values()])
            missing += len(found) - len(usable)
        tell_missing(missing, feedback)
        if not features:
            text = tr("The layer {layer} has no feature with a place to look at.")
            raise InputError(text.format(layer=source.sourceName()))
        columns = [np.concatenate(column) for column in zip(*parts)]
        return Embedded(features, np.concatenate(places), ZoneEmbeddings(*columns), missing)

    def copy(self, source, new, rows, parameters, context) -> str:
        """Write features of a layer with more fields.

        Args:
            source: the layer.
            new: the fields that are added.
            rows: a feature and its new attributes, of each.
            parameters: of the run.
            context: of the run.

        Returns:
            The destination.
        """
        fields = QgsFields(source.fields())
        for field in new:
            fields.append(field)
        made = (
            (feature.geometry(), [*feature.attributes(), *attributes])
            for feature, attributes in rows
        )
        kind, crs = source.wkbType(), source.sourceCrs()
        return self.written(self.OUTPUT, fields, kind, crs, made, parameters, context)


def shape_of(geometry: QgsGeometry) -> Shape | None:
    """A geometry for the core, arcs made of lines; None where there is none."""
    if geometry.isNull() or geometry.isEmpty():
        return None
    drawn = geometry.constGet()
    if drawn.hasCurvedSegments():
        geometry = QgsGeometry(drawn.segmentize())
    return Shape.of(bytes(geometry.asWkb()))


def number(value: float) -> float | None:
    """A single-precision number in as few digits as bring it back; None for NaN."""
    return None if value != value else float(str(np.float32(value)))
