"""Coordinates out of Arrow columns, and points into them."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ..errors import Argument, InputError, require
from ..types import Floats
from .embedder import number_or_nan
from .sources import Table, arrow

_PURPOSE = "a table of points with geometries"
_POINT, _MULTIPOINT = 0, 4

Coordinates = tuple[Floats, Floats, Callable[[int], str]]


def coordinates(table: Table, batch: Any, *, first_row: int, centroid: bool) -> Coordinates:
    """Coordinates of a batch.

    Args:
        table: it belongs to.
        batch: Arrow record batch.
        first_row: number of its first row, from 1, for messages.
        centroid: take the centroids of what are no points.

    Returns:
        x, y (N,) in the table's CRS, NaN where there is none; what a row has instead, as text.

    Raises:
        InputError: a geometry that is no point, without `centroid`.
    """
    if table.geometry is None:
        return _from_columns(table, batch)
    array = batch.column(table.schema.get_field_index(table.geometry))
    array = getattr(array, "storage", array)
    if arrow().types.is_struct(array.type):
        return _from_struct(array)
    return _from_wkb(table.name, array, first_row, centroid)


def points_wkb(x: Floats, y: Floats) -> Any:
    """An Arrow column of WKB points; null where a coordinate is not finite."""
    shapely = require("shapely", extra="points", purpose=_PURPOSE)
    missing = ~(np.isfinite(x) & np.isfinite(y))
    wkb = shapely.to_wkb(shapely.points(np.where(missing, 0, x), np.where(missing, 0, y)))
    return arrow().array(wkb, arrow().binary(), mask=missing)


def struct_to_wkb(array: Any) -> Any:
    """A column of native points (GeoArrow) as WKB."""
    x, y, _ = _from_struct(getattr(array, "storage", array))
    return points_wkb(x, y)


def _from_columns(table: Table, batch: Any) -> Coordinates:
    positions = table.columns or ()
    pair = [batch.column(index) for index in positions]
    xy = [_numbers(column, table.decimal_comma) for column in pair]

    def describe(index: int) -> str:
        names = [table.schema.names[position] for position in positions]
        return ", ".join(f"{n} {c[index].as_py()!r}" for n, c in zip(names, pair))

    return xy[0], xy[1], describe


def _numbers(column: Any, decimal_comma: bool) -> Floats:
    pa = arrow()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.to_pylist()
        return np.array([number_or_nan(text or "", decimal_comma) for text in texts], np.float64)
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowException:
        return np.full(len(column), np.nan)


def _from_struct(array: Any) -> Coordinates:
    flat = array.flatten()  # nulls of the struct reach its fields
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    if not {"x", "y"} <= set(names):
        raise InputError(f"a geometry column of type {array.type} holds no points: convert it")
    x, y = (_numbers(flat[names.index(axis)], False) for axis in ("x", "y"))
    return (
        x,
        y,
        lambda index: f"x {x[index]:g}, y {y[index]:g}" if array[index].is_valid else "none",
    )


def _from_wkb(name: str, array: Any, first_row: int, centroid: bool) -> Coordinates:
    shapely = require("shapely", extra="points", purpose=_PURPOSE)
    try:
        geometries = shapely.from_wkb(array.to_numpy(zero_copy_only=False))
    except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: a geometry cannot be read ({error})") from error
    kinds = shapely.get_type_id(geometries)
    single = (kinds == _MULTIPOINT) & (shapely.get_num_geometries(geometries) == 1)
    other = np.flatnonzero((kinds != _POINT) & ~single & ~shapely.is_missing(geometries))
    if len(other) and not centroid:
        kind = geometries[other[0]].geom_type
        raise InputError(
            f"{name}: row {first_row + other[0]} is a {kind}, not a point: ",
            Argument("centroid", True),
            " takes the centroids of such geometries",
        )
    points = np.where(kinds == _POINT, geometries, shapely.centroid(geometries))
    # GEOS 3.14 refuses to say where an empty point is; earlier ones say NaN.
    points = np.where(shapely.is_empty(points), None, points)
    x, y = shapely.get_x(points), shapely.get_y(points)

    def describe(index: int) -> str:
        if geometries[index] is None:
            return "no geometry"
        if geometries[index].is_empty:
            return "an empty geometry"
        return f"x {x[index]:g}, y {y[index]:g}"

    return x, y, describe
