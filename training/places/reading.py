"""Tables, polygons and arrays of other people, read; whatever is wrong with a file is one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import InputError, Term, require
from satclip_core.grid.sphere import check_lonlat
from satclip_core.points.columns import find_coordinates
from satclip_core.types import Floats, Integers

# Readers raise whatever their libraries do (pandas', GDAL's and zip's own errors among it), and
# numpy's an EOFError for an empty file: all of it says that the file is not what it should be.


def read_table(path: Path, what: str) -> Any:
    """A CSV as a pandas data frame; InputError where it is none, `what` says what it is for."""
    pandas = require("pandas", extra="train", purpose="reading a table")
    try:
        return pandas.read_csv(path)
    except Exception as error:
        raise _unreadable(path, what, "a table (CSV)", error) from None


def check_columns(table: Any, columns: Iterable[Any], where: str) -> None:
    """Refuse a table that lacks one of the columns; `where` is how the message begins."""
    for column in columns:
        if column not in table:
            raise InputError(f"{where} has no column {column!r}; it has {', '.join(table.columns)}")


def coordinates(table: Any, where: str, lon: str | None = None, lat: str | None = None) -> Any:
    """The columns of longitude and latitude, by the names given or those that are usual.

    Args:
        table: a pandas data frame.
        where: how the message begins.
        lon: name of the first column; lon, lng, long, longitude (or x, easting) where None.
        lat: name of the second one; lat, latitude (or y, northing) where None.

    Raises:
        InputError: not there, or several that could be meant.
    """
    names = [str(name) for name in table.columns]
    try:
        x, y = find_coordinates(names, lon, lat)
    except InputError as error:
        raise InputError(f"{where}: {error.worded(_column_words)}") from None
    return table.iloc[:, [x, y]]


def _column_words(term: Term) -> str:
    """The core's arguments in the words of a YAML file: the columns, and the settings for them."""
    return {"lon_column": "lon", "lat_column": "lat"}.get(getattr(term, "name", ""), str(term))


def read_shapes(path: Path, what: str) -> Any:
    """A vector file as a geopandas data frame in longitudes and latitudes; InputError likewise."""
    geopandas = require("geopandas", extra="train", purpose="reading a vector file")
    try:
        return geopandas.read_file(path).to_crs(4326)
    except Exception as error:
        raise _unreadable(path, what, "a vector file", error) from None


def read_arrays(path: Path, what: str) -> Mapping[str, NDArray[Any]]:
    """The arrays of an `.npz` by name, read when asked for, or that of an `.npy` as `array`."""
    try:
        opened = np.load(path, allow_pickle=False)
    except Exception as error:
        raise _unreadable(path, what, "a file of numpy arrays", error) from None
    arrays: Mapping[str, NDArray[Any]] = opened if hasattr(opened, "files") else {"array": opened}
    return arrays


def read_places(path: Path) -> Floats:
    """Places (N, 2) in degrees: the array of a run (`places.npy`), or a CSV with lon and lat.

    Raises:
        InputError: the file is neither.
    """
    if path.suffix.lower() != ".npy":
        table = read_table(path, "places")
        places: Floats = np.asarray(coordinates(table, f"places {path}"), np.float64)
        return check_lonlat(places)
    try:
        return check_lonlat(np.load(path, allow_pickle=False))
    except InputError as error:
        raise InputError(f"places {path}: ", error) from error
    except Exception as error:
        raise _unreadable(path, "places", "an array (.npy)", error) from None


def numbers(values: Any, where: str) -> Floats:
    """Values as float64; InputError names the first that is no number."""
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def _unreadable(path: Path, what: str, kind: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return InputError(f"{what} {path}: cannot be read as {kind} ({reason})")


def read_cells(
    path: Path,
    lonlat: Floats,
    what: str,
    *,
    array: str | None = None,
    bounds: tuple[float, ...] | None = None,
    months: int | str | None = None,
) -> NDArray[Any]:
    """The cells that places lie in, of a raster or of an npz with lon, lat.

    Args:
        path: a raster, or an `.npz` of arrays lon (cols,), lat (rows,) and a grid.
        lonlat: (N, 2) degrees.
        what: it is for, as messages begin: "tasks.elevation:".
        array: the grid in an npz; the first of two dimensions where None.
        bounds: west, south, east, north of a raster that does not say where it lies.
        months: of a grid (12, rows, cols): 1 to 12, or "mean" or "sum" of them.

    Returns:
        (N,) values; NaN where a raster has no data.

    Raises:
        InputError: not readable, or without such arrays.
    """
    if path.suffix == ".npz":
        return _from_arrays(path, lonlat, what, array, months)
    from ..images.decoding import DecodeRequest, open_raster

    raster = open_raster(DecodeRequest(path, bounds, bands=(1,)), path.parent)
    row, col = (np.asarray(v)[:, None, None] for v in raster.place(lonlat[:, 0], lonlat[:, 1]))
    pixels, valid = raster.gather(row, col, bilinear=False)
    values: Floats = pixels[:, 0, 0, 0].astype(np.float64)
    values[~valid[:, 0, 0]] = np.nan
    return values


def _from_arrays(
    path: Path, lonlat: Floats, what: str, array: str | None, months: int | str | None
) -> NDArray[Any]:
    arrays = read_arrays(path, what)
    key = array or next((k for k in arrays if arrays[k].ndim == 2), None)
    if key is None or not {key, "lon", "lat"} <= set(arrays):
        raise InputError(f"{what} {path} needs arrays lon, lat and {key or 'a grid'}")
    lon, lat = arrays["lon"], arrays["lat"]
    cells = arrays[key]
    wanted = (len(lat), len(lon)) if months is None else (12, len(lat), len(lon))
    if cells.shape != wanted:
        raise InputError(f"{what} {path}, {key} has shape {cells.shape}, not {wanted}")
    row, col = _nearest(lat, lonlat[:, 1]), _nearest(lon, lonlat[:, 0])
    if months is None:
        found: NDArray[Any] = cells[row, col]
        return found
    by_month: Floats = cells[:, row, col].astype(np.float64)
    if isinstance(months, int):
        one: Floats = by_month[months - 1]
        return one
    total: Floats = by_month.sum(axis=0)
    return total / 12 if months == "mean" else total


def _nearest(axis: Floats, values: Floats) -> Integers:
    order = np.argsort(axis)
    line = axis[order].astype(np.float64)
    middles = (line[1:] + line[:-1]) / 2
    return order[np.searchsorted(middles, values)]
