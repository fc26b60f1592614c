"""Features that were found, points or polygons, as a file of their own (the extra `points`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..files import Target, written_whole
from .layout import Layout, described
from .request import CSV, format_to_write
from .table import arrow
from .writers import write_table

# By name, as GDAL has them.
POINT, POLYGON = "Point", "Polygon"
_ROWS = 4096


def features_target(path: Path, *, overwrite: bool = False) -> Target:
    """A file to write features to, looked at before anything is computed for them.

    Raises:
        InputError: the extension says no format.
        OutputError: it cannot be written.
        MissingDependencyError: its format needs packages that are not installed.
    """
    if format_to_write(str(path)) != CSV:
        arrow()
    return Target(path, overwrite)


def write_features(
    target: Target,
    columns: Mapping[str, ArrayLike],
    shapes: Sequence[bytes],
    *,
    kind: str,
    crs: str,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write features as GeoPackage, GeoJSON, GeoParquet or CSV (without shapes), by extension.

    Args:
        target: of `features_target`.
        columns: (n,) values of each, by name.
        shapes: n of them as well-known bytes.
        kind: POINT or POLYGON.
        crs: of the shapes.
        facts: where they come from, as the file's description; CSV has no room for one.

    Raises:
        OutputError: it cannot be written.
    """
    table = {name: np.asarray(values) for name, values in columns.items()}
    form = format_to_write(str(target.path))
    with written_whole(target) as temporary:
        if form == CSV:
            rows = [",".join(table), *(_line(row) for row in zip(*table.values()))]
            temporary.write_text("\n".join(rows) + "\n", "utf-8")
            return
        pa = arrow()
        types = {name: pa.from_numpy_dtype(values.dtype) for name, values in table.items()}
        schema = pa.schema([*types.items(), ("geometry", pa.binary())])
        layout = Layout(form, schema, "geometry", kind, crs, None, described(facts or {}))

        def batches() -> Any:
            for start in range(0, max(len(shapes), 1), _ROWS):
                part = slice(start, start + _ROWS)
                arrays = [pa.array(values[part]) for values in table.values()]
                shaped = pa.array(list(shapes[part]), pa.binary())
                yield pa.RecordBatch.from_arrays([*arrays, shaped], schema=schema)

        write_table(temporary, layout, batches())


def _line(row: tuple[Any, ...]) -> str:
    return ",".join(f"{value:.10g}" for value in row)
