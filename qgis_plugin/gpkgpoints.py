"""Points with very many numbers into a GeoPackage, row by row into its SQLite table.

QGIS makes an object of each number of a feature, and GDAL one more: with 256 of them that is most
of what embedding a layer takes. Here a table that QGIS has made, with its columns, CRS and spatial
index, is filled by SQL, as the standard lays it down (OGC 12-128r18: clause 2.1.3 the geometry's
bytes, annex F.3 the spatial index, whose triggers ask for the functions that are defined here).
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from qgis.core import QgsFields, QgsGeometry

from .compat import text_field
from .geopackage import tables
from .satclip_core.errors import OutputError
from .text import tr

# A point, its attributes, and numbers or None.
Row = tuple[QgsGeometry, Sequence[Any], Sequence[Any]]
# "GP", version 0, flags (little-endian, no envelope), number of the CRS; then the well-known bytes
# of a point: little-endian, its kind, x, y.
_BLOB = struct.Struct("<2sBBiBIdd")
_XY = struct.Struct("<dd")
_AT_X = _BLOB.size - _XY.size
_LITTLE_ENDIAN, _WKB_POINT = 1, 1


def holds(fields: QgsFields) -> bool:
    """Whether attributes of these fields are what SQLite has: numbers and text."""
    text = text_field("text").type()
    return all(field.isNumeric() or field.type() == text for field in fields)


class PointTable:
    """The only table of a GeoPackage, of points and empty, to be filled by rows.

    Args:
        path: the file; whoever made the table has closed it.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._bounds: tuple[float, float, float, float] | None = None
        self._keys: set[int] = set()
        names = tables(path)
        try:
            self._data = sqlite3.connect(path, isolation_level=None)
            self._read(names[0] if names else "")
        except sqlite3.Error as error:
            raise OutputError(self._unwritten(error)) from error

    def _read(self, table: str) -> None:
        self.table = table
        found = self._data.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (table,)
        ).fetchone()
        geometry, srs = found or ("", 0)
        self._geometry, self._srs = str(geometry), int(srs)
        rows = self._data.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
        self._columns = [name for name, _ in rows if name != self._geometry]
        self._key = next((name for name, is_key in rows if is_key), "")
        # What the triggers of the spatial index ask for.
        for name, part in (("ST_MinX", 0), ("ST_MaxX", 0), ("ST_MinY", 1), ("ST_MaxY", 1)):
            self._data.create_function(name, 1, lambda blob, at=part: _xy(blob)[at])
        self._data.create_function("ST_IsEmpty", 1, lambda blob: blob is None)

    def fits(self, fields: QgsFields) -> bool:
        """Whether its columns are these fields in their order, and its index can be filled."""
        names = [field.name() for field in fields]
        own = [name for name in self._columns if name != self._key or name in names]
        try:
            self._data.execute("CREATE VIRTUAL TABLE temp.satclip_probe USING rtree(id, a, b)")
            self._data.execute("DROP TABLE temp.satclip_probe")
        except sqlite3.Error:
            return False
        return bool(self._geometry) and own == names

    def begin(self, fields: QgsFields) -> None:
        """Begin to fill it: nothing is in it before `end`."""
        columns = [self._geometry, *(field.name() for field in fields)]
        self._at_key = columns.index(self._key) if self._key in columns else None
        marks = ", ".join("?" * len(columns))
        names = ", ".join(map(_quoted, columns))
        self._insert = "".join(
            ["INSERT INTO ", _quoted(self.table), " (", names, ") ", "VALUES (", marks, ")"]
        )
        self._data.execute("BEGIN")

    def add(self, rows: Iterable[Row]) -> None:
        """Add points with the attributes that they had, and new numbers.

        Raises:
            OutputError: the disk is full, say.
        """
        try:
            self._data.executemany(self._insert, map(self._row, rows))
        except sqlite3.Error as error:
            self._data.execute("ROLLBACK")
            raise OutputError(self._unwritten(error)) from error

    def end(self) -> None:
        """Make what was added the table's, and say how far it reaches.

        Raises:
            OutputError: the disk is full, say.
        """
        try:
            self._data.execute(
                "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?, "
                "last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE table_name = ?",
                (*(self._bounds or (None,) * 4), self.table),
            )
            self._data.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputError(self._unwritten(error)) from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file; what was not made the table's is gone."""
        self._data.close()

    def _row(self, row: Row) -> list[Any]:
        geometry, attributes, more = row
        # QGIS has an object of its own for what is missing.
        values = [one if isinstance(one, (int, float, str)) else None for one in attributes]
        blob = None
        if not geometry.isNull() and not geometry.isEmpty():
            point = geometry.asPoint()
            x, y = point.x(), point.y()
            blob = _BLOB.pack(b"GP", 0, _LITTLE_ENDIAN, self._srs, 1, _WKB_POINT, x, y)
            west, south, east, north = self._bounds or (x, y, x, y)
            self._bounds = min(west, x), min(south, y), max(east, x), max(north, y)
        made = [blob, *values, *more]
        if self._at_key is not None:  # two of a number are given new ones, as by QGIS
            key = made[self._at_key]
            made[self._at_key] = None if key in self._keys else key
            self._keys.add(key)
        return made

    def _unwritten(self, error: sqlite3.Error) -> str:
        text = tr("{path} cannot be written: {reason}")
        return text.format(path=self._path, reason=error)


def _xy(blob: bytes) -> tuple[float, float]:
    x, y = _XY.unpack_from(blob, _AT_X)
    return x, y


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
