"""Pieces of a raster as one: GDAL's VRT, which all versions open, and its raster tile index (GTI).

A VRT names every piece in every band; a GTI (GDAL 3.9 on) names each once, in a layer,
and has the overviews of the pieces for its own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

# Written here, never parsed.
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405

from ..grid import Window
from ..grid.crs import is_lonlat, to_wkt
from .spec import RasterSpec

Pieces = Mapping[str, Window]
"""File name -> the pixels of a piece."""

# The tables of a GeoPackage of one layer: OGC 12-128r19, annex C.
_GEOPACKAGE = """
pragma application_id = 0x47504B47;
pragma user_version = 10300;
create table gpkg_spatial_ref_sys (
  srs_name text not null, srs_id integer not null primary key, organization text not null,
  organization_coordsys_id integer not null, definition text not null, description text);
create table gpkg_contents (
  table_name text not null primary key, data_type text not null, identifier text unique,
  description text default '', last_change datetime not null, min_x double, min_y double,
  max_x double, max_y double, srs_id integer);
create table gpkg_geometry_columns (
  table_name text not null, column_name text not null, geometry_type_name text not null,
  srs_id integer not null, z tinyint not null, m tinyint not null,
  primary key (table_name, column_name));
create table gpkg_extensions (
  table_name text, column_name text, extension_name text not null, definition text not null,
  scope text not null);
create table gpkg_metadata (
  id integer not null primary key, md_scope text not null, md_standard_uri text not null,
  mime_type text not null, metadata text not null);
create table gpkg_metadata_reference (
  reference_scope text not null, table_name text, column_name text, row_id_value integer,
  timestamp datetime not null, md_file_id integer not null, md_parent_id integer);
insert into gpkg_extensions values
  ('gpkg_metadata', null, 'gpkg_metadata',
   'http://www.geopackage.org/spec120/#extension_metadata', 'read-write'),
  ('gpkg_metadata_reference', null, 'gpkg_metadata',
   'http://www.geopackage.org/spec120/#extension_metadata', 'read-write');
create table pieces (fid integer primary key autoincrement, geom polygon, location text);
"""
# Of a CRS without a number that is known; and a time, so that the bytes are always the same.
_LAYER, _OWN_CRS, _NO_TIME = "pieces", 100_000, "1970-01-01T00:00:00.000Z"
_TYPES = {"float32": "Float32", "float16": "Float32", "uint8": "Byte"}
_TYPES.update(int16="Int16", uint16="UInt16")


def vrt(spec: RasterSpec, pieces: Pieces) -> str:
    """The XML of a VRT.

    Args:
        spec: of the whole raster.
        pieces: in the folder of the VRT.
    """
    rows, cols = map(str, spec.grid.shape)
    root = Element("VRTDataset", rasterXSize=cols, rasterYSize=rows)
    # Without a mapping of axes, data are east, then north, whatever the CRS has.
    SubElement(root, "SRS").text = _crs(spec)
    SubElement(root, "GeoTransform").text = _geotransform(spec, ", ")
    _tags(root, spec)
    for number, band in enumerate(_bands(root, "VRTRasterBand", spec), 1):
        for name, window in pieces.items():
            source = SubElement(band, "SimpleSource")
            SubElement(source, "SourceFilename", relativeToVRT="1").text = name
            SubElement(source, "SourceBand").text = str(number)
            width, height = str(window.width), str(window.height)
            SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=width, ySize=height)
            col, row = str(window.col), str(window.row)
            SubElement(source, "DstRect", xOff=col, yOff=row, xSize=width, ySize=height)
    return f"{tostring(root, 'unicode')}\n"


def write_gti(path: Path, spec: RasterSpec, pieces: Pieces, levels: int) -> None:
    """Write a raster tile index: a GeoPackage whose one layer says what raster its pieces are.

    Args:
        path: the file, NAME.gti.gpkg.
        spec: of the whole raster.
        pieces: in the folder of the file.
        levels: how many overviews the pieces have.

    Raises:
        OSError: it cannot be written.
    """
    import sqlite3

    about = '<GDALMultiDomainMetadata><Metadata domain="xml:GTI" format="xml">'
    about += f"{_gti(spec, levels)}</Metadata></GDALMultiDomainMetadata>"
    try:
        with closing(sqlite3.connect(path)) as base, base:
            base.executescript(_GEOPACKAGE)
            code = _crs_rows(base, spec)
            place = _NO_TIME, *spec.grid.bounds, code
            base.execute(
                "insert into gpkg_contents values (?, 'features', ?, '', ?, ?, ?, ?, ?, ?)",
                (_LAYER, _LAYER, *place),
            )
            base.execute(
                "insert into gpkg_geometry_columns values (?, 'geom', 'POLYGON', ?, 0, 0)",
                (_LAYER, code),
            )
            base.execute(
                "insert into gpkg_metadata values (1, 'dataset', ?, 'text/xml', ?)",
                ("http://gdal.org", about),
            )
            base.execute(
                "insert into gpkg_metadata_reference values ('table', ?, null, null, ?, 1, null)",
                (_LAYER, _NO_TIME),
            )
            rows = ((_outline(spec, window, code), name) for name, window in pieces.items())
            base.executemany("insert into pieces (geom, location) values (?, ?)", rows)
    except sqlite3.Error as error:  # the disk is full, the folder has gone
        raise OSError(f"its tile index: {error}") from error


def _gti(spec: RasterSpec, levels: int) -> str:
    """The XML of a raster tile index."""
    height, width = spec.grid.shape
    root = Element("GDALTileIndexDataset")
    SubElement(root, "GeoTransform").text = _geotransform(spec, ",")
    SubElement(root, "XSize").text = str(width)
    SubElement(root, "YSize").text = str(height)
    _bands(root, "Band", spec)
    _tags(root, spec)
    for level in range(levels):
        SubElement(SubElement(root, "Overview"), "Factor").text = str(2 ** (level + 1))
    return tostring(root, "unicode")


def _crs_rows(base: Any, spec: RasterSpec) -> int:
    """Put down the CRS, beside those that each GeoPackage has; gives its number."""
    code = 4326 if is_lonlat(spec.grid.crs) else _OWN_CRS
    rows = [("Undefined", -1, "NONE", -1, "undefined"), ("Undefined", 0, "NONE", 0, "undefined")]
    rows.append(("WGS 84", 4326, "EPSG", 4326, to_wkt("EPSG:4326")))
    if code == _OWN_CRS:
        rows.append(("CRS of the raster", code, "NONE", code, to_wkt(spec.grid.crs)))
    base.executemany("insert into gpkg_spatial_ref_sys values (?, ?, ?, ?, ?, null)", rows)
    return code


def _outline(spec: RasterSpec, window: Window, code: int) -> bytes:
    """The rectangle of a piece, as a GeoPackage holds it: a header before WKB."""
    a, b, c, d, e, f = spec.grid.transform
    cols = window.col, window.col + window.width
    rows = window.row, window.row + window.height
    corners = [(cols[i], rows[j]) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))]
    ring = [value for x, y in corners for value in (a * x + b * y + c, d * x + e * y + f)]
    header = struct.pack("<2sBBi", b"GP", 0, 1, code)
    return header + struct.pack("<BIII10d", 1, 3, 1, 5, *ring)


def _crs(spec: RasterSpec) -> str:
    return "EPSG:4326" if is_lonlat(spec.grid.crs) else to_wkt(spec.grid.crs)


def _geotransform(spec: RasterSpec, separator: str) -> str:
    a, b, c, d, e, f = spec.grid.transform
    return separator.join(f"{number:.17g}" for number in (c, a, b, f, d, e))


def _tags(root: Element, spec: RasterSpec) -> None:
    about = SubElement(root, "Metadata")
    for key, value in {**spec.tags, **spec.product.tags}.items():
        SubElement(about, "MDI", key=key).text = value


def _bands(root: Element, kind: str, spec: RasterSpec) -> Sequence[Element]:
    """An element for each band, with all that a file says of it."""
    product, bands = spec.product, []
    for number, name in enumerate(product.bands, 1):
        band = SubElement(root, kind, dataType=_TYPES[product.dtype], band=str(number))
        SubElement(band, "Description").text = name
        if spec.nodata is not None:
            SubElement(band, "NoDataValue").text = f"{spec.nodata:.17g}"
        if product.units:
            SubElement(band, "UnitType").text = product.units[number - 1]
        if product.colours:
            SubElement(band, "ColorInterp").text = product.colours[number - 1].capitalize()
        if product.scale is not None:
            SubElement(band, "Offset").text = f"{product.offset or 0.0:.17g}"
            SubElement(band, "Scale").text = f"{product.scale:.17g}"
        legend = product.legends.get(number)
        if legend is not None:
            SubElement(band, "ColorInterp").text = "Palette"
            _colour_table(band, legend)
        bands.append(band)
    return bands


def _colour_table(band: Element, legend: Any) -> None:
    """Colours of classes, by code from 0."""
    table = SubElement(band, "ColorTable")
    colours = legend.colour_table
    for code in range(max(colours) + 1):
        red, green, blue, alpha = colours.get(code, (0, 0, 0, 0))
        SubElement(table, "Entry", c1=str(red), c2=str(green), c3=str(blue), c4=str(alpha))
