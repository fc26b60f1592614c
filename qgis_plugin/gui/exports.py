"""What leaves the dock as a file: the similarity as a raster, what is alike as polygons, places."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalLayerSettings,
    QgsPointXY,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
    QgsWkbTypes,
)

from ..compat import integer_field, number_field, text_field
from ..crs import lonlat_crs
from ..geopackage import add_table, lowered, table_layer, tables
from ..models import encoder as load_encoder
from ..satclip_core.errors import OutputError
from ..satclip_core.files import written_whole
from ..satclip_core.grid import Grid
from ..satclip_core.products import SimilarityTo
from ..satclip_core.raster import RasterRequest, WriteOptions, raster_target
from ..satclip_core.raster.similar_areas import AreaOptions, similar_areas
from ..satclip_core.types import Cancelled, Progress
from ..satclip_core.version import __version__
from ..styles import describe, style_areas
from ..text import tr
from .layer import add_over_the_map
from .maptool import LIKE_COLOUR, UNLIKE_COLOUR
from .places import Place, title_of
from .placesources import COUNTER_EXAMPLE, EXAMPLE, KIND

GEOPACKAGE = ".gpkg"


@dataclass(frozen=True)
class Asked:
    """What the dock shows, as the command line and Processing would be asked for it.

    Attributes:
        model: name or path.
        wanted: examples, counter-examples and how they are joined.
        places: the same with their names.
        mask: which places are wanted; None for all.
    """

    model: str
    wanted: SimilarityTo
    places: tuple[Place, ...]
    mask: str | None

    @property
    def title(self) -> str:
        """What the examples are called."""
        return title_of([place for place in self.places if not place.unlike])

    @property
    def facts(self) -> dict[str, str]:
        """Provenance, for the metadata of a layer."""
        encoder = load_encoder(self.model)
        software = f"satclip-embeddings {__version__} (QGIS)"
        return {**encoder.provenance, **self.wanted.by(encoder).tags, "software": software}


def write_raster(
    path: str, grid: Grid, asked: Asked, progress: Progress, cancelled: Cancelled
) -> None:
    """Write the similarity as a GeoTIFF, each pixel by the encoder itself.

    Raises:
        SatclipError: it cannot be computed or written.
    """
    options = WriteOptions(overwrite=True)
    target = raster_target(path, overwrite=True)
    request = RasterRequest(grid, asked.wanted, asked.model, mask=asked.mask, options=options)
    job = request.prepare(encoder=load_encoder(asked.model), cancelled=cancelled)
    job.write(target, progress=progress, cancelled=cancelled)


def raster_layer(path: str, asked: Asked) -> QgsRasterLayer:
    """The layer of what `write_raster` has written."""
    layer = QgsRasterLayer(path, tr("Similarity to {places}").format(places=asked.title), "gdal")
    if layer.isValid():
        describe(layer, gdal.Open(path).GetMetadata(), layer.name())
    return layer


def write_areas(
    path: str,
    table: str,
    grid: Grid,
    asked: Asked,
    options: AreaOptions,
    crs: QgsCoordinateReferenceSystem,
    progress: Progress,
    cancelled: Cancelled,
) -> None:
    """Write the areas that are alike enough as polygons into a GeoPackage.

    Args:
        path: the GeoPackage; one that exists gets a further table.
        table: its name.
        grid: what is looked at.
        asked: what they are to be like.
        options: what counts as an area.
        crs: of the grid.
        progress: told how far it is.
        cancelled: asked before each block.

    Raises:
        SatclipError: they cannot be computed or written.
    """
    encoder = load_encoder(asked.model)
    found = similar_areas(
        grid,
        encoder,
        asked.wanted,
        options,
        mask=asked.mask,
        progress=progress,
        cancelled=cancelled,
    )
    fields = QgsFields()
    for name, values in found.columns.items():
        fields.append((integer_field if values.dtype.kind == "i" else number_field)(name))
    attributes = zip(*(values.tolist() for values in found.columns.values()))
    features = []
    for wkb, row in zip(found.wkb, attributes):
        geometry = QgsGeometry()
        geometry.fromWkb(wkb)
        features.append(_feature(fields, geometry, row))
    _write(path, table, fields, QgsWkbTypes.Type.Polygon, crs, features)


def areas_layer(path: str, table: str, asked: Asked) -> QgsVectorLayer:
    """The layer of what `write_areas` has written."""
    layer = table_layer(path, table)
    layer.setName(tr("Areas like {places}").format(places=asked.title))
    if layer.isValid():
        style_areas(layer, "mean_similarity")
        describe(layer, asked.facts, layer.name())
    return layer


def write_places(path: str, table: str, places: Sequence[Place]) -> None:
    """Write places as points into a GeoPackage; one that exists gets a further table.

    Raises:
        OutputError: it cannot be written.
    """
    fields = QgsFields()
    for field in (
        integer_field("number"),
        text_field("name"),
        text_field(KIND),
        number_field("lon"),
        number_field("lat"),
    ):
        fields.append(field)
    features = [
        _feature(
            fields,
            QgsGeometry.fromPointXY(QgsPointXY(*place.lonlat)),
            (
                number,
                place.title,
                COUNTER_EXAMPLE if place.unlike else EXAMPLE,
                *place.lonlat,
            ),
        )
        for number, place in enumerate(places, 1)
    ]
    _write(path, table, fields, QgsWkbTypes.Type.Point, lonlat_crs(), features)


def places_layer(path: str, table: str) -> QgsVectorLayer:
    """The layer of what `write_places` has written, in the colours of the dock's marks."""
    layer = table_layer(path, table)
    layer.setName(table)
    if not layer.isValid():
        return layer
    layer.setDisplayExpression('"name"')
    categories = [
        QgsRendererCategory(
            value, QgsMarkerSymbol.createSimple({"color": colour, "size": "3"}), text
        )
        for value, colour, text in (
            (EXAMPLE, LIKE_COLOUR, tr("Example")),
            (COUNTER_EXAMPLE, UNLIKE_COLOUR, tr("Counter-example")),
        )
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer(KIND, categories))
    labels = QgsPalLayerSettings()
    labels.fieldName = "name"
    layer.setLabeling(QgsVectorLayerSimpleLabeling(labels))
    layer.setLabelsEnabled(True)
    return layer


def table_for(path: str, wanted: str) -> str:
    """A name for a table that a GeoPackage does not have yet, or the file's own if it is new.

    Raises:
        OutputError: the file exists and is no GeoPackage.
    """
    if not Path(path).exists():
        return wanted
    names = tables(path)
    if names is None:
        text = tr("{path} exists and is no GeoPackage: give another name.")
        raise OutputError(text.format(path=path))
    taken = lowered(names)
    names = [wanted, *(f"{wanted} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name.lower() not in taken)


def add_to_project(layer: QgsMapLayer) -> bool:
    """Add a layer above what would hide it; one of the same source is drawn anew instead."""
    if not layer.isValid():
        return False
    for other in QgsProject.instance().mapLayers().values():
        if other.source() == layer.source():
            other.reload()
            other.triggerRepaint()
            return True
    if isinstance(layer, QgsRasterLayer):
        add_over_the_map(layer)
    else:
        QgsProject.instance().addMapLayer(layer)
    return True


def _feature(fields: QgsFields, geometry: QgsGeometry, values: Sequence[object]) -> QgsFeature:
    feature = QgsFeature(fields)
    feature.setGeometry(geometry)
    feature.setAttributes(list(values))
    return feature


def _write(
    path: str,
    table: str,
    fields: QgsFields,
    kind: QgsWkbTypes.Type,
    crs: QgsCoordinateReferenceSystem,
    features: Sequence[QgsFeature],
) -> None:
    """Write a table into a new GeoPackage, whole or not at all, or a further one into another's.

    Raises:
        OutputError: it cannot be written.
    """
    if not Path(path).exists():
        with written_whole(path) as beside:
            _write_file(str(beside), path, table, fields, kind, crs, features)
        return
    beside = QgsProcessingUtils.generateTempFilename("table.gpkg")
    try:
        _write_file(beside, path, table, fields, kind, crs, features)
        add_table(beside, path, table)
    finally:
        with suppress(OSError):
            Path(beside).unlink()


def _write_file(
    beside: str,
    path: str,
    table: str,
    fields: QgsFields,
    kind: QgsWkbTypes.Type,
    crs: QgsCoordinateReferenceSystem,
    features: Sequence[QgsFeature],
) -> None:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", table
    context = QgsCoordinateTransformContext()
    writer = QgsVectorFileWriter.create(beside, fields, kind, crs, context, options)
    fine = writer.hasError() == QgsVectorFileWriter.WriterError.NoError
    fine = fine and all(writer.addFeature(feature) for feature in features)
    reason = writer.errorMessage()
    del writer  # what is written is complete only now
    if not fine:
        text = tr("{path} cannot be written: {reason}")
        raise OutputError(text.format(path=path, reason=reason))
