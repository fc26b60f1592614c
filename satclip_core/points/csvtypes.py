"""Types of the columns of a CSV table: the first of each that keeps the values of all rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

UNITS = ("s", "ms", "us", "ns")
# Text that looks like a number but is a code, which a number would not keep: 007 (a leading
# zero), 0x1F, a telephone number with its plus.
_CODE = r"^\s*(-?0[0-9xX]|\+[0-9]{6})"
# Whole numbers too long for a float.
_LONG = r"^\s*[+-]?[0-9]{16,}\s*$"


def text_batches(rows: Iterator[list[str]], size: int) -> Iterator[list[Any]]:
    """Rows of text as lists of Arrow columns of text."""
    import pyarrow as pa

    while batch := list(islice(rows, size)):
        yield [pa.array(column, pa.string()) for column in zip(*batch)]


def settle_types(
    batches: Iterable[Sequence[Any]], width: int, units: Sequence[str] = UNITS
) -> list[Any]:
    """A type for each column of a table.

    Args:
        batches: the whole table, every column as text (pyarrow).
        width: how many columns there are.
        units: of times that the target keeps; finer ones stay the text that they are.

    Returns:
        The first of whole numbers, truth values, dates, times of day on a date (without and with a
        zone), numbers and text that keeps all of a column's values. Type null for a column
        without any; one of words such as "NA" alone is text: that is Namibia.
    """
    import pyarrow as pa

    possible = [_kinds(units) for _ in range(width)]
    filled, words = [False] * width, [False] * width
    for batch in batches:
        for index, column in enumerate(batch):
            values = _values(column)
            filled[index] |= len(values) > 0
            words[index] |= _any_word(column)
            if len(possible[index]) > 1:
                possible[index] = [kind for kind in possible[index] if _keeps(values, kind)]
    unfilled = [pa.string() if word else pa.null() for word in words]
    return [kinds[0] if f else u for kinds, f, u in zip(possible, filled, unfilled)]


def typed(column: Any, kind: Any) -> Any:
    """A column of text as the type that was settled on; null where it says there is no value."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_string(kind):
        return column
    if pa.types.is_null(kind):
        return pa.nulls(len(column))
    missing = compute.is_in(column, _null_values())
    return compute.if_else(missing, None, compute.utf8_trim_whitespace(column)).cast(kind)


def _kinds(units: Sequence[str]) -> list[Any]:
    import pyarrow as pa

    local = [pa.timestamp(unit) for unit in units]
    zoned = [pa.timestamp(unit, "UTC") for unit in units]
    return [pa.int64(), pa.bool_(), pa.date32(), *local, *zoned, pa.float64(), pa.string()]


def _keeps(values: Any, kind: Any) -> bool:
    """Whether text can be had as another type without loss."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_string(kind):
        return True
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        lossy = _CODE if pa.types.is_integer(kind) else f"({_CODE})|({_LONG})"
        found = compute.match_substring_regex(values, lossy)
        if compute.any(found, min_count=0).as_py():
            return False
    try:
        compute.utf8_trim_whitespace(values).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _values(column: Any) -> Any:
    """A column without what stands for no value."""
    from pyarrow import compute

    return column.filter(compute.invert(compute.is_in(column, _null_values())))


def _any_word(column: Any) -> bool:
    """Whether any text is not empty."""
    from pyarrow import compute

    return bool(compute.any(compute.not_equal(column, ""), min_count=0).as_py())


def _null_values() -> Any:
    """What stands for no value in columns that are no text, as pyarrow has it."""
    import pyarrow as pa
    from pyarrow import csv

    return pa.array(csv.ConvertOptions().null_values)
