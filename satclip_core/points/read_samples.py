"""Samples out of a table of points: places and one column of numbers or classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..grid.crs import LONLAT, check_crs, to_lonlat
from ..products.samples import Samples
from ..types import Floats
from .columns import find_coordinates, listing
from .csvtable import batches, open_csv
from .locate import brought
from .request import CSV, STANDARD_STREAM, PointsRequest


@dataclass(frozen=True)
class SamplesRequest:
    """A table of points with a column to learn from.

    Attributes:
        source: path, or "-" for CSV on standard input.
        column: of numbers or classes.
        classes: whether they are classes; None takes text for classes, numbers for numbers.
        lon_column: column of longitudes (x); found by its name where None.
        lat_column: column of latitudes (y); found by its name where None.
        crs: of the coordinates where the table does not say; lon/lat where None.
        layer: of a file with several.
        centroid: take the centroids of lines and polygons instead of refusing them.
        encoding: of CSV text.
        missing: numbers of the column that stand for no value.
        quoting: of CSV text, as in `PointsRequest`.
        weights: column of weights of the samples; None where all weigh the same.
        groups: column of groups, which are not parted when the map is tested; None without.
    """

    source: str
    column: str
    classes: bool | None = None
    lon_column: str | None = None
    lat_column: str | None = None
    crs: str | None = None
    layer: str | None = None
    centroid: bool = False
    encoding: str = "utf-8"
    missing: tuple[float, ...] = ()
    quoting: str = "auto"
    weights: str | None = None
    groups: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns to read: of values, then of weights and groups where wanted."""
        return (self.column, *(name for name in (self.weights, self.groups) if name is not None))

    @property
    def table(self) -> PointsRequest:
        """The same as the request that tables are opened by.

        Raises:
            InputError: an unknown encoding or CRS.
        """
        return PointsRequest(
            self.source,
            STANDARD_STREAM,
            lon_column=self.lon_column,
            lat_column=self.lat_column,
            crs=None if self.crs is None else check_crs(self.crs),
            layer=self.layer,
            centroid=self.centroid,
            encoding=self.encoding,
            quoting=self.quoting,
        )


def read_samples(request: SamplesRequest) -> Samples:
    """The samples of a table, without the rows that cannot be used.

    CSV needs nothing beyond the plain install; other formats need the extra `points`.

    Raises:
        InputError: the table cannot be used: missing, unreadable, no coordinates, no such column;
            or its values cannot (see `Samples.of`).
        MissingDependencyError: a format needs the extra `points`.
    """
    with brought(request.table) as table:
        reader = _from_csv if table.source_format == CSV else _from_table
        read = reader(table, request.columns)
    lon, lat = to_lonlat(read.crs)(read.xy[:, 0], read.xy[:, 1])
    further = iter(read.values[1:])
    samples = Samples.of(
        np.stack([lon, lat], axis=1),
        read.values[0],
        name=request.column,
        classes=request.classes,
        missing=request.missing,
        decimal_comma=read.decimal_comma,
        weights=None if request.weights is None else next(further),
        groups=None if request.groups is None else next(further),
    )
    return replace(samples, account=(*read.notes, *samples.account))


def read_places(request: PointsRequest) -> tuple[Floats, str]:
    """The coordinates of a table: (N, 2) in units of its CRS, NaN where a row has none; the CRS.

    Args:
        request: of a table on disk.

    Raises:
        InputError: the table cannot be used.
        MissingDependencyError: a format needs the extra `points`.
    """
    read = (_from_csv if request.source_format == CSV else _from_table)(request, ())
    return read.xy, read.crs


class _Columns(NamedTuple):
    """What is read of a table.

    Attributes:
        xy: (N, 2) in units of the CRS; NaN where a row has no place.
        values: N of each column, as the table has them.
        crs: of the coordinates.
        decimal_comma: whether "12,5" among the values is 12.5.
        notes: what was not taken as it stands.
    """

    xy: Floats
    values: list[list[Any]]
    crs: str
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def _from_csv(request: PointsRequest, columns: tuple[str, ...]) -> _Columns:
    with open_csv(request) as source:
        pair = find_coordinates(
            source.header,
            request.lon_column,
            request.lat_column,
            projected=request.crs is not None,
        )
        positions = [_position(source.header, column, source.name) for column in columns]
        xy: list[Floats] = [np.empty((0, 2))]
        values: list[list[Any]] = [[] for _ in columns]
        for rows in batches(source.rows()):
            x, y, _ = source.coordinates(rows, pair)
            xy.append(np.stack([x, y], axis=1))
            for found, position in zip(values, positions):
                found += [row[position] for row in rows]
        crs = request.crs or LONLAT
        return _Columns(np.concatenate(xy), values, crs, source.decimal_comma)


def _from_table(request: PointsRequest, columns: tuple[str, ...]) -> _Columns:
    from .geometry import coordinates
    from .sources import open_table

    with open_table(request) as table:
        names = list(table.schema.names)
        plain = [n for n in names if n != table.geometry]
        wanted = [plain[_position(plain, column, table.name)] for column in columns]
        xy: list[Floats] = [np.empty((0, 2))]
        values: list[list[Any]] = [[] for _ in columns]
        for batch in table.batches:
            first = sum(map(len, xy)) + 1
            x, y, _ = coordinates(table, batch, first_row=first, centroid=request.centroid)
            xy.append(np.stack([x, y], axis=1))
            for found, name in zip(values, wanted):
                found += batch.column(names.index(name)).to_pylist()
        return _Columns(np.concatenate(xy), values, table.crs, notes=tuple(table.notes))


def _position(names: list[str], column: str, source: str) -> int:
    """The position of a column, by its exact name or else in any case."""
    found = [i for i, name in enumerate(names) if name == column]
    wanted = column.strip().lower()
    found = found or [i for i, name in enumerate(names) if name.strip().lower() == wanted]
    if not found:
        raise InputError(f"{source} has no column {column!r}; there are {listing(names)}")
    if len(found) > 1:
        raise InputError(f"{source} has {len(found)} columns called {column!r}: rename one")
    return found[0]
