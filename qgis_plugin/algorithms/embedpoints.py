"""Points with their embeddings as fields."""

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
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..compat import array_field, number_field, text_field
from ..geopackage import in_file, is_table, source_of
from ..satclip_core.errors import CancelledError
from ..satclip_core.products.embedding import dimension_names, first_dimensions
from ..text import tr
from .base import Algorithm
from .references import CentroidsMixin, located, tell_missing
from .results import Finish

# Features embedded at a time.
_BATCH = 2048
# What a Shapefile can hold.
_SHAPEFILE_FIELDS = 255
_COLUMNS, _ARRAY = range(2)
# How Processing writes a table of a file that may exist.
_TABLE = re.compile(r"ogr:dbname='(.+?)' table=\"(.+?)\"")
_ARRAY_NAME = "embedding"


class EmbedPoints(CentroidsMixin, Algorithm):
    """A copy of a point layer with 256 more fields, or one array."""

    NAME = "embedpoints"
    ICON = "points.svg"
    INPUT = "INPUT"
    FORMAT = "FORMAT"
    PREFIX = "PREFIX"
    DIMS = "DIMS"

    def title(self):
        """Name in the toolbox."""
        return tr("Embed points")

    def summary(self):
        """Help."""
        return tr(
            "Copies a point layer and adds the location embedding of each point: one field for "
            "each dimension, or one array field.\n\nThe layer may be in any CRS. Points without "
            "a usable geometry keep their row, with empty fields, and are counted in the log. "
            "Multipoints count by their centroid; so do lines and polygons on request, which then "
            "become points."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add(
            QgsProcessingParameterFeatureSource(
                self.INPUT, tr("Points"), [QgsProcessing.SourceType.TypeVectorAnyGeometry]
            ),
            tr("A point layer in any CRS; all features or the selected ones."),
        )
        self.add_centroids()
        self.add_model()
        self.add(
            QgsProcessingParameterEnum(
                self.FORMAT,
                tr("Embedding as"),
                [tr("one field for each dimension"), tr("one array field")],
                defaultValue=_COLUMNS,
                optional=True,
            ),
            tr("Fields can be used anywhere. An array is compact; in a file it is JSON text."),
        )
        self.add(
            QgsProcessingParameterString(
                self.PREFIX, tr("Prefix of the new fields"), "e", optional=True
            ),
            tr("Fields are called e000, e001, …; the array is called embedding."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                self.DIMS,
                tr("Dimensions"),
                QgsProcessingParameterNumber.Type.Integer,
                optional=True,
                minValue=1,
            ),
            tr("Only the first ones, where so many fields are too many; all where it is empty."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Embedded points"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            tr("A new layer; GeoPackage keeps all fields, a Shapefile holds 255 at most."),
        )

    def problems(self, parameters, context):
        """Whether the new fields can be added."""
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            yield tr("The layer of points cannot be read.")
            return
        yield from self.geometry_problems(self.INPUT, parameters, context)
        if self._is_source(parameters, context):
            yield tr("{target} is what is read: write to another file or table.").format(
                target=self._target(parameters)
            )
        new = self._new_fields(parameters, context)
        taken = {field.name().lower() for field in source.fields()}
        clashes = [field.name() for field in new if field.name().lower() in taken]
        if clashes:
            yield tr("The layer already has {names}: change Prefix of the new fields.").format(
                names=", ".join(clashes[:3]) + (" …" if len(clashes) > 3 else "")
            )
        shapefile = Path(self._target(parameters)).suffix.lower() == ".shp"
        if shapefile and len(taken) + len(new) > _SHAPEFILE_FIELDS:
            yield tr("A Shapefile holds {most} fields at most: write a GeoPackage.").format(
                most=_SHAPEFILE_FIELDS
            )

    def work(self, parameters, context, feedback):
        """Copy the features, batch by batch."""
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, self.INPUT))
        model = self.encoder(parameters, context)
        fields = QgsFields(source.fields())
        for field in self._new_fields(parameters, context):
            fields.append(field)
        centroids = self.centroids(parameters, context)
        kind = QgsWkbTypes.Type.Point if centroids else source.wkbType()
        sink, target = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, kind, source.sourceCrs()
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        pack = self._pack(parameters, context)
        writer = _Writer(sink, fields, model, pack, centroids=centroids)
        total = source.featureCount()
        try:
            features = located(source, context, feedback, centroids=centroids)
            for index, (feature, lonlat) in enumerate(features):
                writer.add(feature, lonlat)
                if total > 0 and index % _BATCH == 0:
                    feedback.setProgress(100 * index / total)
            writer.flush()
        except CancelledError:
            writer.flush()
            feedback.pushInfo(tr("Stopped on request; the layer holds what was done so far."))
        tell_missing(writer.missing, feedback)
        feedback.pushInfo(tr("{count} features embedded.").format(count=writer.embedded))
        facts = self.facts(model, None)
        Finish(lambda layer: None, facts, self.title()).attach(context, target, feedback)
        return {self.OUTPUT: target}

    def _new_fields(self, parameters, context):
        model = self.encoder(parameters, context)
        prefix = self.parameterAsString(parameters, self.PREFIX, context) or "e"
        if self.parameterAsEnum(parameters, self.FORMAT, context) == _ARRAY:
            name = _ARRAY_NAME if prefix == "e" else f"{prefix}{_ARRAY_NAME}"
            return [array_field(name) if self._holds_arrays(parameters) else text_field(name)]
        dim = self._dims(model, parameters, context)
        return [number_field(name) for name in dimension_names(dim, prefix)]

    def _pack(self, parameters, context):
        """From an embedding, or None, to the new attributes."""
        dim = self._dims(self.encoder(parameters, context), parameters, context)
        if self.parameterAsEnum(parameters, self.FORMAT, context) != _ARRAY:
            return lambda values: [None] * dim if values is None else values[:dim]
        if self._holds_arrays(parameters):
            return lambda values: [None if values is None else values[:dim]]
        # Nine digits bring a float32 back to the bit.
        return lambda values: [
            None if values is None else f"[{', '.join(f'{value:.9g}' for value in values[:dim])}]"
        ]

    def _dims(self, model, parameters, context) -> int:
        """How many dimensions are asked for.

        Raises:
            InputError: more than the model has.
        """
        given = parameters.get(self.DIMS) is not None
        dims = self.parameterAsInt(parameters, self.DIMS, context) if given else None
        return first_dimensions(model, dims)

    def _is_source(self, parameters, context) -> bool:
        """Whether what is to be written is what is read: it would be emptied first."""
        given = parameters.get(self.INPUT)
        if isinstance(given, QgsProcessingFeatureSourceDefinition):
            given = given.source
        layer = self.parameterAsVectorLayer({self.INPUT: given}, self.INPUT, context)
        if layer is None:
            return False
        target, source = self._target(parameters), source_of(layer)
        table = _TABLE.match(target)
        return is_table(table[1], table[2], source) if table else in_file(target, source)

    def _holds_arrays(self, parameters) -> bool:
        """Layers in memory hold arrays; to files QGIS would write them with six digits."""
        target = self._target(parameters)
        return target.startswith("memory:") or target == QgsProcessing.TEMPORARY_OUTPUT

    def _target(self, parameters) -> str:
        target = parameters.get(self.OUTPUT)
        target = getattr(target, "sink", target)
        return str(target.staticValue() if hasattr(target, "staticValue") else target)


class _Writer:
    """Features in batches to a sink, with their embeddings.

    Args:
        sink: where they go.
        fields: of the sink.
        model: what embeds.
        pack: from an embedding, a list or None, to the new attributes.
        centroids: whether features become the points that they count by.
    """

    def __init__(self, sink, fields, model, pack, *, centroids=False) -> None:
        self.centroids = centroids
        self.sink = sink
        self.fields = fields
        self.model = model
        self.pack = pack
        self.missing = self.embedded = 0
        self._batch: list = []

    def add(self, feature, lonlat) -> None:
        """Take a feature; (nan, nan) has no embedding."""
        self._batch.append((feature, lonlat))
        if len(self._batch) == _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is here.

        Raises:
            QgsProcessingException: the sink refuses.
        """
        batch, self._batch = self._batch, []
        lonlat = np.array([place for _, place in batch], np.float64).reshape(-1, 2)
        valid = np.asarray(np.isfinite(lonlat).all(axis=1))
        values = iter(self.model.encode(lonlat[valid]).tolist())
        for (feature, _), fine in zip(batch, valid.tolist()):
            more = self.pack(next(values) if fine else None)
            copy = QgsFeature(self.fields)
            geometry = feature.geometry()
            copy.setGeometry(geometry.centroid() if self.centroids else geometry)
            copy.setAttributes([*feature.attributes(), *more])
            if not self.sink.addFeature(copy, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(
                    tr("A feature could not be written: {reason}").format(
                        reason=self.sink.lastError() or tr("the disk may be full")
                    )
                )
        self.embedded += int(valid.sum())
        self.missing += int((~valid).sum())
