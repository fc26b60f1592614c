"""What algorithms that copy a layer of points with more fields have in common."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsWkbTypes,
)

from ..geopackage import in_file, is_table, source_of
from ..gpkgpoints import PointTable, holds
from ..satclip_core.errors import CancelledError
from ..text import tr
from .base import Algorithm
from .references import CentroidsMixin, located, tell_missing

# Features taken at a time, many of which then lie near one another; fewer where they hold so many
# attributes together. Numbers are handed on as Python's for so many of them at a time.
_BATCH, _ATTRIBUTES = 16_384, 2**18
_HANDED_ON = 128
# Features from one report of the progress to the next.
_REPORT = 2048
# What a Shapefile can hold.
_SHAPEFILE_FIELDS = 255
# New fields from which on QGIS' own way costs more than all else.
_MANY_FIELDS = 16
# How Processing writes a table of a file that may exist.
_TABLE = re.compile(r"ogr:dbname='(.+?)' table=\"(.+?)\"")


class PointsAlgorithm(CentroidsMixin, Algorithm):
    """A copy of a layer of points with more fields."""

    ICON = "embed.svg"
    INPUT = "INPUT"

    def add_input(self) -> None:
        """Declare the layer."""
        self.add(
            QgsProcessingParameterFeatureSource(
                self.INPUT, tr("Points"), [QgsProcessing.SourceType.TypeVectorAnyGeometry]
            ),
            tr("A point layer in any CRS; all features or the selected ones."),
        )

    def add_sink(self, description: str) -> None:
        """Declare the copy."""
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, description, QgsProcessing.SourceType.TypeVectorPoint
            ),
            tr("A new layer; GeoPackage keeps all fields, a Shapefile holds 255 at most."),
        )

    def points_problems(self, new, parameters, context):
        """Whether the fields can be added to a copy.

        Args:
            new: the fields.
            parameters: of the run.
            context: of the run.
        """
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            yield tr("The layer of points cannot be read.")
            return
        yield from self.geometry_problems(self.INPUT, parameters, context)
        if self._is_source(parameters, context):
            yield tr("{target} is what is read: write to another file or table.").format(
                target=self.target(parameters)
            )
        taken = {field.name().lower() for field in source.fields()}
        clashes = [field.name() for field in new if field.name().lower() in taken]
        if clashes:
            yield tr("The layer already has {names}: change Prefix of the new fields.").format(
                names=", ".join(clashes[:3]) + (" …" if len(clashes) > 3 else "")
            )
        shapefile = Path(self.target(parameters)).suffix.lower() == ".shp"
        if shapefile and len(taken) + len(new) > _SHAPEFILE_FIELDS:
            yield tr("A Shapefile holds {most} fields at most: write a GeoPackage.").format(
                most=_SHAPEFILE_FIELDS
            )

    def copied(self, new, make, pack, parameters, context, feedback, start=0):
        """Copy the features, batch by batch.

        Args:
            new: the fields that are added.
            make: from places (N, 2) to the numbers of each, (N, k).
            pack: from those of one, a list or None, to the new attributes.
            parameters: of the run.
            context: of the run.
            feedback: of the run.
            start: per cent of the progress that are done.

        Returns:
            The destination, and how many features something was made of.

        Raises:
            QgsProcessingException: the layer cannot be read or the copy not be written.
        """
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, self.INPUT))
        fields = QgsFields(source.fields())
        for field in new:
            fields.append(field)
        centroids = self.centroids(parameters, context)
        kind = QgsWkbTypes.Type.Point if centroids else source.wkbType()
        sink, target = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, kind, source.sourceCrs()
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        writer = PointsWriter(sink, fields, make, pack, centroids=centroids)
        if kind == QgsWkbTypes.Type.Point and self._fills(source.fields(), new, parameters):
            del sink, writer  # the file is whole only now
            table = PointTable(target)
            if table.fits(fields):
                writer = PointsInserter(table, fields, make, pack, centroids=centroids)
            else:
                table.close()
                sink, target = self.parameterAsSink(
                    parameters, self.OUTPUT, context, fields, kind, source.sourceCrs()
                )
                writer = PointsWriter(sink, fields, make, pack, centroids=centroids)
        total = source.featureCount()
        try:
            features = located(source, context, feedback, centroids=centroids)
            for index, (feature, lonlat) in enumerate(features):
                writer.add(feature, lonlat)
                if total > 0 and index % _REPORT == 0:
                    feedback.setProgress(start + (100 - start) * index / total)
            writer.end()
        except CancelledError:
            writer.end()
            feedback.pushInfo(tr("Stopped on request; the layer holds what was done so far."))
        tell_missing(writer.missing, feedback)
        return target, writer.made

    def _fills(self, fields, new, parameters) -> bool:
        """Whether the copy is a GeoPackage of its own whose rows are worth writing one by one."""
        path = Path(self.target(parameters))
        return (
            len(new) >= _MANY_FIELDS
            and path.suffix.lower() == ".gpkg"
            and path.is_absolute()
            and holds(fields)
        )

    def _is_source(self, parameters, context) -> bool:
        """Whether what is to be written is what is read: it would be emptied first."""
        given = parameters.get(self.INPUT)
        if isinstance(given, QgsProcessingFeatureSourceDefinition):
            given = given.source
        layer = self.parameterAsVectorLayer({self.INPUT: given}, self.INPUT, context)
        if layer is None:
            return False
        target, source = self.target(parameters), source_of(layer)
        table = _TABLE.match(target)
        return is_table(table[1], table[2], source) if table else in_file(target, source)

    def target(self, parameters) -> str:
        """Where the copy is to go."""
        target = parameters.get(self.OUTPUT)
        target = getattr(target, "sink", target)
        return str(target.staticValue() if hasattr(target, "staticValue") else target)


class PointsWriter:
    """Features in batches to a sink, with what is made of their places.

    Args:
        sink: where they go.
        fields: of the sink.
        make: from places (N, 2) to the numbers of each, (N, k).
        pack: from those of one, a list or None, to the new attributes.
        centroids: whether features become the points that they count by.
    """

    def __init__(self, sink, fields, make, pack, *, centroids=False) -> None:
        self.centroids = centroids
        self.sink = sink
        self.fields = fields
        self.make = make
        self.pack = pack
        self.missing = self.made = 0
        self._batch: list = []
        self._size = _BATCH

    def add(self, feature, lonlat) -> None:
        """Take a feature; of (nan, nan) nothing is made."""
        if not self._batch:
            self._size = min(_BATCH, 1 + _ATTRIBUTES // (1 + feature.fields().count()))
        self._batch.append((feature, lonlat))
        if len(self._batch) == self._size:
            self.flush()

    def flush(self) -> None:
        """Write what is here.

        Raises:
            QgsProcessingException: the sink refuses.
        """
        batch, self._batch = self._batch, []
        lonlat = np.array([place for _, place in batch], np.float64).reshape(-1, 2)
        valid = np.asarray(np.isfinite(lonlat).all(axis=1))
        self.write(self._rows(batch, valid, self.make(lonlat[valid])))
        self.made += int(valid.sum())
        self.missing += int((~valid).sum())

    def _rows(self, batch, valid, made):
        """Geometry, attributes and what is new of each."""
        values = _listed(made)
        for (feature, _), fine in zip(batch, valid.tolist()):
            geometry = feature.geometry()
            more = self.pack(next(values) if fine else None)
            yield geometry.centroid() if self.centroids else geometry, feature.attributes(), more

    def write(self, rows) -> None:
        """Write rows: geometry, the attributes that it had, and what is new.

        Raises:
            QgsProcessingException: the sink refuses.
        """
        for geometry, attributes, more in rows:
            copy = QgsFeature(self.fields)
            copy.setGeometry(geometry)
            copy.setAttributes([*attributes, *more])
            if not self.sink.addFeature(copy, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(
                    tr("A feature could not be written: {reason}").format(
                        reason=self.sink.lastError() or tr("the disk may be full")
                    )
                )

    def end(self) -> None:
        """Write what is left."""
        self.flush()


class PointsInserter(PointsWriter):
    """The same into the table of a GeoPackage, past QGIS' features.

    Args:
        table: empty, with the columns.
        fields: of the table.
        make: see `PointsWriter`.
        pack: see `PointsWriter`.
        centroids: see `PointsWriter`.
    """

    def __init__(self, table, fields, make, pack, *, centroids=False) -> None:
        super().__init__(table, fields, make, pack, centroids=centroids)
        table.begin(fields)

    def write(self, rows) -> None:
        """Write rows into the table."""
        self.sink.add(rows)

    def end(self) -> None:
        """Write what is left, and make it the table's."""
        self.flush()
        self.sink.end()


def _listed(values):
    """Rows of an array as lists, some at a time: Python's numbers take six times the room."""
    for start in range(0, len(values), _HANDED_ON):
        yield from values[start : start + _HANDED_ON].tolist()
