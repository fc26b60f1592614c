"""Coordinates out of Arrow columns, and points into them."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError, require
from ..types import Bools, Floats
from .numerals import number_or_nan
from .table import PURPOSE, Table, arrow

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
    array = _geometries(table, batch)
    if arrow().types.is_struct(array.type):
        return _from_struct(array)
    return _from_wkb(table.name, array, first_row, centroid)


def zone_wkb(table: Table, batch: Any) -> list[bytes | None]:
    """The geometries of a batch as well-known bytes; None where a row has none."""
    array = _geometries(table, batch)
    if arrow().types.is_struct(array.type):
        array = struct_to_wkb(array)
    found: list[bytes | None] = array.to_pylist()
    return found


def points_wkb(x: Floats, y: Floats) -> Any:
    """An Arrow column of WKB points; null where a coordinate is not finite."""
    shapely = require("shapely", extra="points", purpose=PURPOSE)
    missing = ~(np.isfinite(x) & np.isfinite(y))
    wkb = shapely.to_wkb(shapely.points(np.where(missing, 0, x), np.where(missing, 0, y)))
    return arrow().array(wkb, arrow().binary(), mask=missing)


def struct_to_wkb(array: Any) -> Any:
    """A column of native points (GeoArrow) as WKB."""
    x, y, _ = _from_struct(getattr(array, "storage", array))
    return points_wkb(x, y)


def dimensions(table: Table, batch: Any) -> tuple[int, int]:
    """How many geometries of a batch have a Z, and how many an M."""
    array = _geometries(table, batch)
    if arrow().types.is_struct(array.type):
        names = [array.type.field(index).name for index in range(array.type.num_fields)]
        count = len(array) - array.null_count
        return count * ("z" in names), count * ("m" in names)
    _, has_z, has_m = wkb_kinds(array)
    return int(has_z.sum()), int(has_m.sum())


def ordinates(table: Table, batch: Any, axis: str) -> Floats:
    """Z or M of a batch's points, NaN where there is none.

    Args:
        table: it belongs to.
        batch: Arrow record batch.
        axis: "z" or "m".
    """
    array = _geometries(table, batch)
    if arrow().types.is_struct(array.type):
        names = [array.type.field(index).name for index in range(array.type.num_fields)]
        return _numbers(array.flatten()[names.index(axis)])
    shapely = require("shapely", extra="points", purpose=PURPOSE)
    points = shapely.from_wkb(array.to_numpy(zero_copy_only=False))
    others = (shapely.get_type_id(points) != _POINT) | shapely.is_empty(points)
    points[others] = None
    return np.asarray((shapely.get_z if axis == "z" else shapely.get_m)(points), np.float64)


def _geometries(table: Table, batch: Any) -> Any:
    array = batch.column(table.schema.get_field_index(table.geometry))
    return getattr(array, "storage", array)


def wkb_kinds(array: Any) -> tuple[NDArray[Any], Bools, Bools]:
    """What a column of WKB holds, read from the beginning of each value.

    Args:
        array: Arrow array of binary or large binary.

    Returns:
        (N,) the kind (1 point, 2 line, …, 8 circular string, …; 0 for null), whether it has a Z,
        whether it has an M; by ISO 13249-3 and by PostGIS' older way alike.
    """
    heads = [value[:5] if value else b"\x01\0\0\0\0" for value in array.to_pylist()]
    raw = np.frombuffer(b"".join(heads), np.uint8).reshape(-1, 5)
    order = np.where(raw[:, :1] == 1, raw[:, 1:], raw[:, :0:-1]).astype(np.int64)
    codes = order @ np.array([1, 1 << 8, 1 << 16, 1 << 24])
    dimensions = (codes & 0x0FFFFFFF) // 1000
    has_z = (codes & 0x80000000 != 0) | np.isin(dimensions, (1, 3))
    has_m = (codes & 0x40000000 != 0) | np.isin(dimensions, (2, 3))
    return (codes & 0x0FFFFFFF) % 1000, has_z, has_m


def _from_columns(table: Table, batch: Any) -> Coordinates:
    positions = table.columns or ()
    pair = [batch.column(index) for index in positions]
    xy = [_numbers(column, table.number) for column in pair]

    def describe(index: int) -> str:
        names = [table.schema.names[position] for position in positions]
        return ", ".join(f"{n} {c[index].as_py()!r}" for n, c in zip(names, pair))

    return xy[0], xy[1], describe


def _numbers(column: Any, number: Callable[[str], float] = number_or_nan) -> Floats:
    pa = arrow()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if "string" in str(column.type):  # of any length, or a view
        texts = column.to_pylist()
        return np.array([number(text or "") for text in texts], np.float64)
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowException:
        return np.full(len(column), np.nan)


def _from_struct(array: Any) -> Coordinates:
    flat = array.flatten()  # nulls of the struct reach its fields
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    if not {"x", "y"} <= set(names):
        raise InputError(f"a geometry column of type {array.type} holds no points: convert it")
    x, y = (_numbers(flat[names.index(axis)]) for axis in ("x", "y"))
    return (
        x,
        y,
        lambda index: f"x {x[index]:g}, y {y[index]:g}" if array[index].is_valid else "none",
    )


def _from_wkb(name: str, array: Any, first_row: int, centroid: bool) -> Coordinates:
    shapely = require("shapely", extra="points", purpose=PURPOSE)
    try:
        geometries = shapely.from_wkb(array.to_numpy(zero_copy_only=False))
    except (shapely.errors.ShapelyError, TypeError, ValueError, NotImplementedError) as error:
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
