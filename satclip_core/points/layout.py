"""What the result's batches are made of: the table's columns, a geometry, the embedding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, require
from ..grid.crs_backend import Transform
from ..types import Floats
from .adding import Adding, Meaning
from .columns import first_free
from .embedder import ROWS
from .geometry import dimensions, ordinates, points_wkb, struct_to_wkb, wkb_kinds
from .numerals import to_text
from .request import CSV, GEOJSON, GPKG, PARQUET, PointsRequest
from .table import Table, arrow
from .values import Kept, fits_int64, fits_milliseconds, kept, notes

# What longitude and latitude are called where CSV takes the place of a geometry.
_LONLAT = (("lon", "lat"), ("longitude", "latitude"), ("point_lon", "point_lat"))
_DIMENSIONS = ("z", "m")
_GEOMETRY = (("geometry",), ("geom",), ("point_geometry",))


@dataclass(frozen=True)
class Layout:
    """How the result is laid out.

    Attributes:
        kind: format of the target.
        schema: of the batches to write (pyarrow).
        geometry: name of the geometry column; None for a table without.
        geometry_type: as GDAL names it.
        crs: of the geometry.
        fid: name of the column of feature ids, if any.
        description: of the whole, which QGIS and ogrinfo show.
    """

    kind: str
    schema: Any
    geometry: str | None
    geometry_type: str
    crs: str
    fid: str | None
    description: str = ""


def described(facts: Mapping[str, str]) -> str:
    """Where something comes from, as the description of its file."""
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


class Composer:
    """Puts the batches of a result together.

    Args:
        table: being read.
        request: says the target's format and the new columns' names.
        adding: makes the new columns.

    Raises:
        InputError: the new columns are there already.
        OutputError: the target's format cannot name the table's CRS.
    """

    def __init__(self, table: Table, request: PointsRequest, adding: Adding) -> None:
        self.table, self.kind, self.adding = table, request.target_format, adding
        self.names = list(table.schema.names)
        self.added = adding.names(self.names)
        # A plain Parquet table stays plain; every other result is a layer with points.
        plain = self.kind == request.source_format == PARQUET
        self.make_points = table.geometry is None and not plain
        self.geometry = table.geometry
        if self.make_points:
            (self.geometry,) = first_free([*self.names, *self.added], _GEOMETRY)
        geometry = table.schema.field(table.geometry) if table.geometry else None
        self.native = geometry is not None and arrow().types.is_struct(geometry.type)
        self.parsed = table.columns if request.source_format == CSV else None
        self.kept = [self._kept(field) for field in table.schema]
        self._measured = self._infinite = 0
        self.layout = Layout(
            self.kind,
            self._schema(np.empty((0, adding.width), adding.dtype)),
            self.geometry,
            "Point" if self.make_points else table.geometry_type,
            _coded(table) if self.kind == GEOJSON else table.crs,
            table.fid,
            described(adding.facts),
        )

    @property
    def notes(self) -> list[str]:
        """What is not in the result as it was in the table, one line each."""
        said = list(notes(self.kept, self.kind))
        if self._measured:
            said.append(f"{self._measured:,} points have an M, which GeoJSON cannot: left out")
        if self._infinite:
            said.append(f"{self._infinite:,} infinite values, which JSON has not: left empty")
        return said

    def compose(self, batch: Any, values: NDArray[Any], x: Floats, y: Floats) -> Any:
        """A batch of the result.

        Args:
            batch: of the table.
            values: (N, width) the new numbers.
            x: (N,) in the table's CRS.
            y: (N,) in the table's CRS.
        """
        return joined(self.kept_columns(batch, x, y), values, self.added, self.kind, self.adding)

    def kept_columns(self, batch: Any, x: Floats, y: Floats) -> Any:
        """A batch of the result without the new columns; arguments are those of `compose`."""
        pa = arrow()
        columns = {
            name: kept.convert(column)
            for name, kept, column in zip(self.names, self.kept, batch.columns)
        }
        if self.kind == GEOJSON:
            self._count_losses(columns)
        for axis, position in zip((x, y), self.parsed or ()):
            columns[self.names[position]] = pa.array(axis, mask=np.isnan(axis))
        if self.make_points:
            columns[str(self.geometry)] = points_wkb(x, y)
        elif self.native and self.kind != PARQUET:
            columns[str(self.geometry)] = struct_to_wkb(columns[str(self.geometry)])
        fields = [self._field(name, column) for name, column in columns.items()]
        schema = pa.schema(fields, self.table.schema.metadata)
        return pa.RecordBatch.from_arrays([*columns.values()], schema=schema)

    def _schema(self, no_values: NDArray[Any]) -> Any:
        pa = arrow()
        no_rows = [column.combine_chunks() for column in self.table.schema.empty_table().columns]
        batch = pa.RecordBatch.from_arrays(no_rows, schema=self.table.schema)
        return self.compose(batch, no_values, np.empty(0), np.empty(0)).schema

    def _field(self, name: str, column: Any) -> Any:
        """A column's field: what it is kept as, where nothing else took its place."""
        if name in self.names:
            field = self.kept[self.names.index(name)].field
            if field.type == column.type:
                return field
        return arrow().field(name, column.type)

    def _kept(self, field: Any) -> Kept:
        if field.name == self.table.geometry:
            return Kept(field, lambda column: column)
        return kept(field, self.kind, self._fits)

    def _fits(self, name: str, type_: Any) -> bool:
        """Whether all values of a column can be had as whole numbers with a sign, or as times."""
        batches = self.table.second_look([name])
        if batches is None:
            return False
        fits = fits_int64 if arrow().types.is_integer(type_) else fits_milliseconds
        return all(fits(_in_place(batch.column(0))) for batch in batches)

    def _count_losses(self, columns: dict[str, Any]) -> None:
        """Keep count of what JSON has no way to write."""
        from pyarrow import compute

        for name, column in columns.items():
            if arrow().types.is_floating(column.type):
                self._infinite += compute.sum(compute.is_inf(column)).as_py() or 0
            elif name == self.table.geometry and not self.native:
                wkb = getattr(column, "storage", column)
                self._measured += int(wkb_kinds(wkb)[2].sum())


class PlaceColumns:
    """What stands for a geometry in a CSV: longitude, latitude, and Z and M where there are any.

    Whether there are is seen in the first batch, since the header comes before the others; what
    comes later is counted.

    Args:
        table: with geometries; its first batch is looked at.
        lonlat: from the table's CRS to degrees.
    """

    def __init__(self, table: Table, lonlat: Transform) -> None:
        self._table, self._lonlat = table, lonlat
        first = next(table.batches, None)
        table.batches = chain([] if first is None else [first], table.batches)
        has = {} if first is None else self._dimensions(first)
        self.extra = [axis for axis in _DIMENSIONS if has.get(axis, False)]
        self._left_out = dict.fromkeys(_DIMENSIONS, 0)

    def names(self, taken: list[str]) -> list[str]:
        """Names of the columns, none of them taken."""
        pair = first_free(taken, _LONLAT)
        return [
            *pair,
            *(first_free(taken, ((axis,), (f"point_{axis}",)))[0] for axis in self.extra),
        ]

    def columns(self, batch: Any, x: Floats, y: Floats) -> list[Any]:
        """The columns of a batch (Arrow)."""
        pa = arrow()
        columns = [*self._lonlat(x, y)]
        for axis, has in self._dimensions(batch).items():
            if axis in self.extra:
                columns.append(ordinates(self._table, batch, axis))
            else:
                self._left_out[axis] += has
        return [pa.array(values, mask=~np.isfinite(values)) for values in columns]

    @property
    def notes(self) -> list[str]:
        """How much was left out, once all batches are through."""
        return [
            f"{count:,} points have {axis.upper()}, which the first {ROWS:,} have not: left out"
            for axis, count in self._left_out.items()
            if count
        ]

    def _dimensions(self, batch: Any) -> dict[str, int]:
        """How many of a batch's geometries have a Z, and an M."""
        has_z, has_m = dimensions(self._table, batch)
        return {"z": has_z, "m": has_m}


def joined(batch: Any, values: NDArray[Any], names: list[str], kind: str, adding: Adding) -> Any:
    """A batch with the new columns after its own; arguments as of `value_columns`."""
    pa, new = arrow(), value_columns(values, names, kind, adding)
    return pa.RecordBatch.from_arrays(
        [*batch.columns, *(column for _, column in new)],
        schema=pa.schema([*batch.schema, *(field for field, _ in new)], batch.schema.metadata),
    )


def value_columns(
    values: NDArray[Any], names: list[str], kind: str, adding: Adding
) -> list[tuple[Any, Any]]:
    """Embeddings or predictions as Arrow fields and columns; null where they are NaN.

    An array column is a list in GeoParquet and GeoJSON; a GeoPackage has no lists, there it is
    JSON text.

    Args:
        values: (N, width) float32 or float16.
        names: of the columns.
        kind: format of the target.
        adding: says what the values are, and which of them are one column.
    """
    dim, others = adding.dimensions, len(adding.meanings)
    embedding = _embedding_columns(values[:, :dim], names, kind, adding.array) if dim else []
    values, names = values[:, dim:], names[len(names) - others :]
    if kind == GEOJSON and others:
        values = _short_decimals(values)
    made = [_column(column, meaning) for column, meaning in zip(values.T, adding.meanings)]
    pa = arrow()
    return embedding + [(pa.field(name, column.type), column) for name, column in zip(names, made)]


def _embedding_columns(
    values: NDArray[Any], names: list[str], kind: str, array: bool
) -> list[tuple[Any, Any]]:
    """Embeddings (N, dim) as one column or as many; null where the first number is NaN."""
    pa = arrow()
    empty = np.isnan(values[:, 0]) if len(values) else np.zeros(0, bool)
    if array and kind == GPKG:
        texts = [f"[{text}]" if text else None for text in to_text(values)]
        return [(pa.field(names[0], pa.string()), pa.array(texts, pa.string()))]
    if kind == GEOJSON:
        values = _short_decimals(values)
    if array:
        # A null starts where the next list does, so that its neighbour ends there too.
        offsets = np.append(0, np.cumsum(np.where(empty, 0, values.shape[1])))
        starts = pa.array(offsets.astype(np.int32), mask=np.append(empty, False))
        column = pa.ListArray.from_arrays(starts, pa.array(values[~empty].ravel()))
        return [(pa.field(names[0], column.type), column)]
    columns = [pa.array(np.ascontiguousarray(column), mask=empty) for column in values.T]
    return [(pa.field(name, column.type), column) for name, column in zip(names, columns)]


def _column(values: NDArray[Any], meaning: Meaning) -> Any:
    """A column of predictions (N,), null where they are NaN."""
    pa, empty = arrow(), np.isnan(values)
    if meaning.texts is None and not meaning.whole:
        return pa.array(np.ascontiguousarray(values), mask=empty)
    index = np.where(empty, 0, values).astype(np.int32)
    if meaning.texts is None:
        return pa.array(index, mask=empty)
    texts = [None if gone else meaning.texts[i] for i, gone in zip(index.tolist(), empty)]
    return pa.array(texts, pa.string())


def _in_place(column: Any) -> Any:
    return column.dictionary_decode() if arrow().types.is_dictionary(column.type) else column


def _coded(table: Table) -> str:
    """The CRS as AUTHORITY:CODE, the only thing that GeoJSON can say about one."""
    if re.fullmatch(r"[A-Za-z]+:\w+", table.crs):
        return table.crs
    pyproj = require("pyproj", purpose="a table in another CRS")
    authority = pyproj.CRS.from_user_input(table.crs).to_authority(min_confidence=100)
    if authority is None:
        raise OutputError(
            f"the CRS of {table.name} has no code, and GeoJSON names a CRS by its code: write a "
            "GeoPackage or GeoParquet"
        )
    return ":".join(authority)


def _short_decimals(values: NDArray[Any]) -> Floats:
    """The nearest doubles to 9 (float16: 5) significant digits, which GeoJSON then writes short.

    Both count and power of ten are exact in float64, so the quotient is the decimal's own double.
    """
    precision = 9 if values.dtype == np.float32 else 5
    exact = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = precision - 1 - np.floor(np.log10(np.abs(exact)))
    usable = np.isfinite(exponent) & (exponent >= 0) & (exponent <= 22)
    power = np.power(10.0, np.where(usable, exponent, 0))
    return np.where(usable, np.rint(exact * power) / power, exact)
