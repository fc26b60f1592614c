"""Tables of GeoPackages: what a file has, what a layer is read from, a further one added."""

from __future__ import annotations

import re
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProject, QgsProviderRegistry, QgsVectorLayer

from .satclip_core.errors import OutputError
from .satclip_core.files import is_same
from .text import tr


def source_of(layer: QgsVectorLayer) -> tuple[str, str]:
    """File and table that a layer is read from; the file is empty where there is none."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = str(parts.get("path") or "")
    table = str(parts.get("layerName") or "")
    if path and not table:
        names = tables(path) or [""]
        table = names[int(parts.get("layerId") or 0)] if len(names) > 1 else names[0]
    return path, table


def tables(path: str) -> list[str] | None:
    """Names of the tables of a GeoPackage, rasters too; None where the file is none."""
    flags = gdal.OF_VECTOR | gdal.OF_RASTER | gdal.OF_READONLY
    try:
        data = gdal.OpenEx(path, flags, ["GPKG"])
    except RuntimeError:  # where exceptions are on
        data = None
    if data is None:
        return None
    rows = data.ExecuteSQL("SELECT table_name FROM gpkg_contents")
    if rows is None:
        return [data.GetLayer(index).GetName() for index in range(data.GetLayerCount())]
    names = [row.GetField(0) for row in rows]
    data.ReleaseResultSet(rows)
    return names


def free_table(path: str, name: str) -> str:
    """A name for the embedded copy of a layer that no table of a GeoPackage has."""
    taken = lowered(tables(path) or [])
    base = re.sub(r"[^\w ]+", "_", name).strip() or "points"
    wanted = [f"{base} embedded", *(f"{base} embedded {n}" for n in range(2, len(taken) + 3))]
    return next(table for table in wanted if table.lower() not in taken)


def is_table(path: str, table: str, source: tuple[str, str]) -> bool:
    """Whether a table of a file is what a layer is read from (`source_of`)."""
    return in_file(path, source) and table.lower() == source[1].lower()


def in_file(path: str, source: tuple[str, str]) -> bool:
    """Whether a file is the one that a layer is read from (`source_of`)."""
    return bool(path and source[0]) and is_same(Path(path), Path(source[0]))


def lowered(names: list[str]) -> set[str]:
    """Names as SQLite compares them."""
    return {name.lower() for name in names}


def add_table(source: str, target: str, table: str) -> None:
    """Copy the only layer of a file into a GeoPackage that exists; its other tables stay.

    Args:
        source: the file.
        target: the GeoPackage.
        table: name; a table of that name is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        data = gdal.OpenEx(target, gdal.OF_VECTOR | gdal.OF_UPDATE, ["GPKG"])
        made = data and gdal.VectorTranslate(data, source, accessMode="overwrite", layerName=table)
        reason = "" if made else gdal.GetLastErrorMsg()
    except RuntimeError as error:  # where exceptions are on
        made, reason = None, str(error)
    if not made:
        text = tr("{path} cannot be written: {reason}")
        raise OutputError(text.format(path=target, reason=reason))


def table_layer(path: str, table: str) -> QgsVectorLayer:
    """A table that is new in a file from which layers may be open."""
    source = f"{path}|layername={table}"
    layer = QgsVectorLayer(source, table, "ogr")
    if not layer.isValid():  # QGIS looks for it where it opened the file before
        for other in QgsProject.instance().mapLayers().values():
            of_file = isinstance(other, QgsVectorLayer) and in_file(path, source_of(other))
            if of_file and not other.isEditable():
                other.dataProvider().reloadData()
        layer = QgsVectorLayer(source, table, "ogr")
    return layer
