"""A raster as a GeoParquet table: a row for each pixel that has data, a point at its centre."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, require
from ..grid import Window
from ..grid.crs import is_lonlat
from ..grid.sphere import wrap_longitudes
from ..types import Bools, Floats
from .space import no_room, room
from .spec import RasterSpec

_PURPOSE = "writing a GeoParquet table"
_GEOMETRY = "geometry"
# A point as WKB (OGC 06-103r4): order of bytes, kind of geometry, x and y.
_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
_LITTLE_ENDIAN, _IS_POINT = 1, 1
# Bytes that a file needs at its end, beside the block at hand.
_FOOTER = 2**20


@contextmanager
def create_table(path: Path, target: Path, spec: RasterSpec) -> Iterator[TableWriter]:
    """A new GeoParquet table at `path`, known to the user as `target`.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        OutputError: it cannot be written.
    """
    pa = require("pyarrow", extra="points", purpose=_PURPOSE)
    parquet = require("pyarrow.parquet", extra="points", purpose=_PURPOSE)
    schema = _schema(pa, spec)
    try:
        with parquet.ParquetWriter(path, schema, compression="zstd") as file:
            yield TableWriter(pa, file, schema, path, target, spec)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    with open(path, "rb+") as written:
        os.fsync(written.fileno())


class TableWriter:
    """An open GeoParquet table that takes blocks."""

    def __init__(
        self, pa: Any, file: Any, schema: Any, path: Path, target: Path, spec: RasterSpec
    ) -> None:
        self._pa, self._file, self._schema = pa, file, schema
        self._path, self._target, self._spec = path, target, spec
        self._turns = is_lonlat(spec.grid.crs)

    def write(self, window: Window, bands: NDArray[Any]) -> None:
        """Append the pixels of a window that have data, row by row: a group of rows of its own.

        Raises:
            OutputError: there is no room for it.
        """
        if room(self._path) < bands.nbytes + _FOOTER:
            raise no_room(self._target, "needs more")
        wanted = with_data(bands, self._spec)
        if not wanted.any():
            return
        rows = window.row + np.arange(window.height)[:, None]
        x, y = self._spec.grid.centres(rows, window.col + np.arange(window.width))
        if self._turns:
            x = wrap_longitudes(x)
        columns = [self._points(x[wanted], y[wanted])]
        columns += [self._pa.array(band[wanted]) for band in bands]
        self._file.write_batch(self._pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _points(self, x: Floats, y: Floats) -> Any:
        """Points as Arrow's binary."""
        points = np.empty(len(x), _POINT)
        points["order"], points["kind"], points["x"], points["y"] = _LITTLE_ENDIAN, _IS_POINT, x, y
        ends = np.arange(len(x) + 1, dtype=np.int32) * _POINT.itemsize
        buffers = [None, self._pa.py_buffer(ends), self._pa.py_buffer(points.tobytes())]
        return self._pa.Array.from_buffers(self._pa.binary(), len(x), buffers)


def with_data(bands: NDArray[Any], spec: RasterSpec) -> Bools:
    """Which pixels have data in some band.

    Args:
        bands: (bands, rows, cols).
        spec: what they are.

    Returns:
        (rows, cols); by the alpha band where there is no value for nodata.
    """
    nodata = spec.nodata
    if nodata is None:
        opaque: Bools = bands[-1] > 0
        return opaque
    found: Bools = (~np.isnan(bands) if np.isnan(nodata) else bands != nodata).any(axis=0)
    return found


def _schema(pa: Any, spec: RasterSpec) -> Any:
    """A column of points and one for each band, which says how its numbers are meant."""
    product = spec.product
    about = {}
    if product.scale is not None:
        about = {"scale": repr(product.scale), "offset": repr(product.offset or 0.0)}
    units = product.units or [""] * len(product.bands)
    kind = pa.from_numpy_dtype(np.dtype(product.dtype))
    fields = [pa.field(_GEOMETRY, pa.binary())]
    for name, unit in zip(product.bands, units):
        said = {**about, **({"unit": unit} if unit else {})}
        fields.append(pa.field(name, kind, metadata=said or None))
    metadata = {"geo": json.dumps(_geo(spec)), "satclip": json.dumps({**spec.tags, **product.tags})}
    return pa.schema(fields, metadata=metadata)


def _geo(spec: RasterSpec) -> dict[str, Any]:
    """GeoParquet 1.0 metadata."""
    pyproj = require("pyproj", purpose=_PURPOSE)
    column = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "crs": pyproj.CRS.from_user_input(spec.grid.crs).to_json_dict(),
    }
    return {"version": "1.0.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
