"""A table being read, whatever it comes from, and what its readers share (the extra `points`)."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable

from ..errors import Argument, InputError, require
from ..grid.crs import LONLAT
from .numerals import number_or_nan
from .request import PointsRequest

PURPOSE = "a table of points that is not CSV"

# GDAL, of values that it could not take as they stand.
_CHANGED = re.compile(r"clamp|truncat|alter|rounded|loss|lost", re.IGNORECASE)

_log = logging.getLogger(__name__)


def _no_second_look(names: Sequence[str]) -> Iterator[Any] | None:
    return None


@dataclass
class Table:
    """A table being read.

    Attributes:
        name: for messages.
        schema: of its batches (pyarrow).
        batches: of at most a few thousand rows.
        geometry: name of the geometry column; None where columns hold the coordinates.
        geometry_type: as GDAL names it.
        columns: positions of longitude and latitude, where there is no geometry.
        crs: of the coordinates.
        total: rows to come, 0 where unknown.
        fid: name of the column of feature ids, where the source has ids of its own.
        number: from its text to a coordinate, NaN where it is none.
        second_look: the values of some columns, read apart from `batches`; None where their types
            already say all there is to know.
        notes: what was not taken as it stands, one line each; complete once all batches are read.
    """

    name: str
    schema: Any
    batches: Iterator[Any]
    geometry: str | None = None
    geometry_type: str = "Point"
    columns: tuple[int, int] | None = None
    crs: str = LONLAT
    total: int = 0
    fid: str | None = None
    number: Callable[[str], float] = number_or_nan
    second_look: Callable[[Sequence[str]], Iterator[Any] | None] = _no_second_look
    notes: list[str] = field(default_factory=list)


def arrow() -> Any:
    """pyarrow, or what to install."""
    return require("pyarrow", extra="points", purpose=PURPOSE)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what pyarrow and GDAL raise into one line, and what they warn of into log records."""
    pa = arrow()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except (pa.ArrowException, OSError, RuntimeError) as error:
        # GDAL goes on to advice for programmers.
        reason = one_line(error).partition("; It might help")[0].rstrip(".")
        raise InputError(f"cannot read {name}: {reason}") from error
    log_warnings(caught)


def log_warnings(caught: Sequence[warnings.WarningMessage]) -> None:
    """What libraries warned of, each once: changed values for all, the rest for who asks."""
    for text in dict.fromkeys(one_line(warning.message) for warning in caught):
        _log.log(logging.WARNING if _CHANGED.search(text) else logging.INFO, text)


def guarded(batches: Any, name: str) -> Iterator[Any]:
    """Batches with rows in them; what goes wrong while reading them is one line."""
    iterator = iter(batches)
    while True:
        with reading(name):
            batch = next(iterator, None)
        if batch is None:
            return
        if batch.num_rows:
            yield batch


def crs_of(request: PointsRequest, own: str | None, has_geometry: bool) -> str:
    """The CRS of a geometry, or of columns of coordinates.

    Args:
        request: may give one.
        own: what the file says of its geometry; None where it says nothing.
        has_geometry: whether it has any.

    Raises:
        InputError: nobody says it, or both do.
    """
    if not has_geometry:
        return request.crs or LONLAT
    if own is None and request.crs is None:
        raise InputError(
            f"{request.source} does not say its CRS: give it, e.g. ", Argument("crs", LONLAT)
        )
    if own is not None and request.crs not in (None, own):
        raise InputError(
            f"{request.source} has a CRS of its own: leave ", Argument("crs", request.crs), " out"
        )
    return own or request.crs or LONLAT


def one_line(error: object) -> str:
    """The text of an error or warning, cut where it begins to go on."""
    return " ".join(str(error).split())[:300]
