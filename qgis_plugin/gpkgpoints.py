"""Points with very many numbers into a GeoPackage, row by row into its SQLite table.

QGIS makes an object of each number of a feature, and GDAL one more: with 256 of them that is most
of what embedding a layer takes. Here a table that QGIS has made, with its columns, CRS and spatial
index, is filled by SQL, as the standard lays it down (OGC 12-128r18: clause 2.1.3 the geometry's
bytes, annex F.3 the spatial index). Its triggers, which would take longer than the rows, are away
until all rows are in; the index is filled at the end, in the order of a curve through all points.
"""

from __future__ import annotations

import sqlite3
import struct
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from qgis.core import QgsFields, QgsGeometry

from .compat import text_field
from .geopackage import tables
from .satclip_core.errors import OutputError
from .satclip_core.types import Floats, Integers
from .text import tr

# A point, its attributes, and numbers or None.
Row = tuple[QgsGeometry, Sequence[Any], Sequence[Any]]
# "GP", version 0, flags (little-endian, no envelope), number of the CRS; then the well-known bytes
# of a point: little-endian, its kind, x, y.
_BLOB = struct.Struct("<2sBBiBIdd")
_LITTLE_ENDIAN, _WKB_POINT = 1, 1
# Bytes of a page: with GDAL's 4096 a row of 256 numbers, 2.3 kB, fills one by itself.
_PAGE = 16384
# Squares along each side of all points, for the order in which the index is filled.
_SQUARES_LOG2 = 10


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
        # Keys of all rows, and as a set from the first on that is not larger than all before it.
        self._keys = array("q")
        self._known: set[int] | None = None
        self._most = 0
        # Of the points: their keys, and where they are.
        self._ids, self._x, self._y = array("q"), array("d"), array("d")
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

    def fits(self, fields: QgsFields) -> bool:
        """Whether its columns are these fields in their order, and its index can be filled."""
        names = [field.name() for field in fields]
        own = [name for name in self._columns if name != self._key or name in names]
        try:
            self._data.execute("CREATE VIRTUAL TABLE temp.satclip_probe USING rtree(id, a, b)")
            self._data.execute("DROP TABLE temp.satclip_probe")
        except sqlite3.Error:
            return False
        return bool(self._geometry and self._key) and own == names

    def begin(self, fields: QgsFields) -> None:
        """Begin to fill it: nothing is in it before `end`.

        Raises:
            OutputError: the file cannot be written.
        """
        names = [field.name() for field in fields]
        # The key is the last of a row's values where no field is.
        self._at_key = names.index(self._key) + 1 if self._key in names else None
        columns = [self._geometry, *names, *([self._key] if self._at_key is None else [])]
        marks = ", ".join("?" * len(columns))
        wanted = ", ".join(map(_quoted, columns))
        self._insert = "".join(
            ["INSERT INTO ", _quoted(self.table), " (", wanted, ") ", "VALUES (", marks, ")"]
        )
        try:
            self._data.execute(f"PRAGMA page_size = {_PAGE}")
            self._data.execute("VACUUM")
            self._data.execute("BEGIN")
            self._triggers = self._data.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
                (self.table,),
            ).fetchall()
            for name, _ in self._triggers:
                self._data.execute(f"DROP TRIGGER {_quoted(name)}")
        except sqlite3.Error as error:
            raise OutputError(self._unwritten(error)) from error

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
        run = self._data.execute
        x, y = np.frombuffer(self._x), np.frombuffer(self._y)
        bounds = (x.min(), y.min(), x.max(), y.max()) if len(x) else (None,) * 4
        try:
            self._fill_index(x, y)
            for _, sql in self._triggers:
                run(sql)
            run(
                "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?, "
                "last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE table_name = ?",
                (*bounds, self.table),
            )
            if self._has("gpkg_ogr_contents"):
                count = "UPDATE gpkg_ogr_contents SET feature_count = ? WHERE table_name = ?"
                run(count, (len(self._keys), self.table))
            run("COMMIT")
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
        made = [None, *values, *more]
        key = None if self._at_key is None else made[self._at_key]
        if not isinstance(key, int) or self._is_taken(key):  # two of a number, as by QGIS
            key = self._most + 1
        self._keys.append(key)
        if self._known is not None:
            self._known.add(key)
        self._most = max(self._most, key)
        if self._at_key is None:
            made.append(key)
        else:
            made[self._at_key] = key
        if not geometry.isEmpty():  # as one that is null is too
            point = geometry.asPoint()
            x, y = point.x(), point.y()
            made[0] = _BLOB.pack(b"GP", 0, _LITTLE_ENDIAN, self._srs, 1, _WKB_POINT, x, y)
            self._ids.append(key)
            self._x.append(x)
            self._y.append(y)
        return made

    def _is_taken(self, key: int) -> bool:
        if key > self._most:
            return False
        if self._known is None:
            self._known = set(self._keys)
        return key in self._known

    def _fill_index(self, x: Floats, y: Floats) -> None:
        """The spatial index, where the table has one."""
        index = f"rtree_{self.table}_{self._geometry}"
        if not self._has(index):
            return
        order = np.argsort(_along_curve(x, y), kind="stable")
        rows = zip(
            np.frombuffer(self._ids, np.int64)[order].tolist(),
            *(axis[order].tolist() for axis in (x, x, y, y)),
        )
        insert = "".join(["INSERT INTO ", _quoted(index), " VALUES (?, ?, ?, ?, ?)"])
        self._data.executemany(insert, rows)

    def _has(self, name: str) -> bool:
        """Whether the file has a table of that name."""
        found = self._data.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", (name,)
        )
        return found.fetchone() is not None

    def _unwritten(self, error: sqlite3.Error) -> str:
        text = tr("{path} cannot be written: {reason}")
        return text.format(path=self._path, reason=error)


def _along_curve(x: Floats, y: Floats) -> Integers:
    """Where points lie on the curve of Morton (1966) through all squares, (N,)."""
    place = np.zeros(len(x), np.int64)
    for shift, axis in enumerate((x, y)):
        if len(axis):
            size = float(np.ptp(axis)) or 1.0
            square = ((axis - axis.min()) / size * (2**_SQUARES_LOG2 - 1)).astype(np.int64)
            for bit in range(_SQUARES_LOG2):
                place |= (square >> bit & 1) << (2 * bit + shift)
    return place


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
