"""Which columns hold the coordinates, and what the new columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import Argument, InputError
from ..products.embedding import dimension_names

# Looked for in this order; the first pair of groups that is there wins.
# GBIF and Darwin Core have decimalLongitude.
_DEGREES = (
    ("lon", "lng", "long", "longitude", "decimallongitude"),
    ("lat", "latitude", "decimallatitude"),
)
_PLANE = (("x", "easting"), ("y", "northing"))
_SHOWN = 30


def find_coordinates(
    names: Sequence[str],
    lon_column: str | None = None,
    lat_column: str | None = None,
    *,
    projected: bool = False,
) -> tuple[int, int]:
    """Positions of the columns of longitude (x) and latitude (y).

    Args:
        names: of all columns.
        lon_column: name given for the first; found among the usual names where None.
        lat_column: name given for the second; found among the usual names where None.
        projected: a CRS was given, so x and y are looked for before lon and lat.

    Raises:
        InputError: missing, or more than one candidate; the columns are listed.
    """
    pairs = (_PLANE, _DEGREES) if projected else (_DEGREES, _PLANE)
    lon_argument, lat_argument = Argument("lon_column"), Argument("lat_column")
    lon = _given(names, lon_column, lon_argument)
    lat = _given(names, lat_column, lat_argument)
    for lons, lats in pairs:
        x = [lon] if lon is not None else _matching(names, lons)
        y = [lat] if lat is not None else _matching(names, lats)
        for found, argument in ((x, lon_argument), (y, lat_argument)):
            if x and y and len(found) > 1:
                choices = ", ".join(repr(names[index]) for index in found)
                raise InputError(f"several columns could be meant: {choices}; choose by ", argument)
        if x and y:
            return x[0], y[0]
    raise InputError(
        "no columns of longitude and latitude found: name them by ",
        lon_argument,
        " and ",
        lat_argument,
        f"; there are {listing(names)}",
    )


def new_columns(existing: Sequence[str], dim: int, *, array: str | None, prefix: str) -> list[str]:
    """Names of the columns to add: one for each dimension, or the array column alone.

    Raises:
        InputError: the table has some of them already (upper and lower case count as the same,
            as they do in a GeoPackage).
    """
    if array is not None:
        return free_names([array], existing, Argument("array", f"new_{array}"))
    return free_names(dimension_names(dim, prefix), existing, Argument("prefix", "satclip_"))


def free_names(wanted: Sequence[str], existing: Sequence[str], other: Argument) -> list[str]:
    """Names that a table does not have, whatever their case.

    Args:
        wanted: the names.
        existing: those of the table.
        other: what gives other names.

    Raises:
        InputError: it has some of them.
    """
    taken = {name.lower() for name in existing}
    clashes = [name for name in wanted if name.lower() in taken]
    if clashes:
        raise InputError(
            f"the table already has {listing(clashes, 3)}: give other names, e.g. by ", other
        )
    return list(wanted)


def first_free(names: Sequence[str], choices: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The first choice of names that are not taken; the last one if all are."""
    taken = {name.lower() for name in names}
    return next((choice for choice in choices if not taken & set(choice)), choices[-1])


def listing(names: Sequence[str], shown: int = _SHOWN) -> str:
    """Names in a row, cut short after `shown`."""
    rest = len(names) - shown
    text = ", ".join(repr(name) for name in names[:shown])
    return (text or "none") + (f" and {rest} more" if rest > 0 else "")


def _given(names: Sequence[str], wanted: str | None, argument: Argument) -> int | None:
    if wanted is None:
        return None
    plain = _plain(wanted)
    choices = (
        [name == wanted for name in names],
        [_plain(name) == plain for name in names],
        [_without_unit(name) == plain for name in names],
    )
    found = [index for index, is_meant in enumerate(next(filter(any, choices), [])) if is_meant]
    if not found:
        raise InputError(f"no column {wanted!r} (", argument, f"); there are {listing(names)}")
    if len(found) > 1:
        raise InputError(f"{len(found)} columns are called {wanted!r} (", argument, "): rename one")
    return found[0]


def _matching(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [index for index, name in enumerate(names) if _without_unit(name) in wanted]


def _plain(name: str) -> str:
    """A name in lower case, in one line."""
    return " ".join(name.split()).lower()


def _without_unit(name: str) -> str:
    """`_plain`, without a unit in brackets at its end: "Longitude (deg)"."""
    return re.sub(r" ?(\([^()]*\)|\[[^\[\]]*\])$", "", _plain(name))
