"""Samples out of a table of points: places and one column of numbers or classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..grid.crs import LONLAT, check_crs, to_lonlat
from ..products.samples import Samples
from ..types import Floats
from .columns import find_coordinates, listing
from .csvtable import batches, open_csv
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
        )


def read_samples(request: SamplesRequest) -> Samples:
    """The samples of a table, without the rows that cannot be used.

    CSV needs nothing beyond the plain install; other formats need the extra `points`.

    Raises:
        InputError: the table cannot be used: missing, unreadable, no coordinates, no such column;
            or its values cannot (see `Samples.of`).
        MissingDependencyError: a format needs the extra `points`.
    """
    table = request.table
    reader = _from_csv if table.source_format == CSV else _from_table
    xy, values, crs, decimal_comma = reader(table, request.column)
    lon, lat = to_lonlat(crs)(xy[:, 0], xy[:, 1])
    return Samples.of(
        np.stack([lon, lat], axis=1),
        values,
        name=request.column,
        classes=request.classes,
        decimal_comma=decimal_comma,
    )


def _from_csv(request: PointsRequest, column: str) -> tuple[Floats, list[Any], str, bool]:
    with open_csv(request) as source:
        pair = find_coordinates(
            source.header,
            request.lon_column,
            request.lat_column,
            projected=request.crs is not None,
        )
        position = _position(source.header, column, source.name)
        xy: list[Floats] = [np.empty((0, 2))]
        values: list[Any] = []
        for rows in batches(source.rows()):
            x, y, _ = source.coordinates(rows, pair)
            xy.append(np.stack([x, y], axis=1))
            values += [row[position] for row in rows]
        return np.concatenate(xy), values, request.crs or LONLAT, source.decimal_comma


def _from_table(request: PointsRequest, column: str) -> tuple[Floats, list[Any], str, bool]:
    from .geometry import coordinates
    from .sources import open_table

    with open_table(request) as table:
        names = list(table.schema.names)
        position = _position([n for n in names if n != table.geometry], column, table.name)
        name = [n for n in names if n != table.geometry][position]
        xy: list[Floats] = [np.empty((0, 2))]
        values: list[Any] = []
        for batch in table.batches:
            first = len(values) + 1
            x, y, _ = coordinates(table, batch, first_row=first, centroid=request.centroid)
            xy.append(np.stack([x, y], axis=1))
            values += batch.column(names.index(name)).to_pylist()
        return np.concatenate(xy), values, table.crs, table.decimal_comma


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
