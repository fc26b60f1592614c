"""Types of the columns of a CSV table: pyarrow guesses from its start, all rows have to agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Text that looks like a number but is a code, which a number would not keep: 007 (a leading
# zero), 0x1F, a telephone number with its plus.
_CODE = r"^\s*(-?0[0-9xX]|\+[0-9]{6})"
# Whole numbers too long for a float.
_LONG = r"^\s*[+-]?[0-9]{16,}\s*$"
_TIME = r"^\s*[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?\s*$"


def settle_types(
    batches: Iterable[Any], guessed: Sequence[Any], null_values: Sequence[str]
) -> list[Any]:
    """The first of each column's possible types that keeps all of its values; text at the last.

    Args:
        batches: the whole table (pyarrow), every column as text.
        guessed: a type for each column.
        null_values: what stands for no value in columns that are no text.
    """
    possible = [_possible(kind) for kind in guessed]
    for batch in batches:
        for column, kinds in zip(batch.columns, possible):
            while len(kinds) > 1 and not _keeps(column, kinds[0], null_values):
                del kinds[0]
    return [kinds[0] for kinds in possible]


def _possible(kind: Any) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return [kind]
    # A float keeps what a whole number does, but for long ones, so it may come later.
    return [kind, *([pa.float64()] if pa.types.is_integer(kind) else []), pa.string()]


def _keeps(column: Any, kind: Any, null_values: Sequence[str]) -> bool:
    """Whether a column of text can be had as another type without loss."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_null(kind):  # a column of "NA" alone is no empty one: that is Namibia
        return bool(compute.all(compute.equal(column, ""), min_count=0).as_py())
    column = column.filter(compute.invert(compute.is_in(column, pa.array(null_values))))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        lossy = _CODE if pa.types.is_integer(kind) else f"({_CODE})|({_LONG})"
        if _any(compute.match_substring_regex(column, lossy)):
            return False
    if pa.types.is_time(kind):  # pyarrow casts none
        return not _any(compute.invert(compute.match_substring_regex(column, _TIME)))
    try:
        compute.utf8_trim_whitespace(column).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _any(bools: Any) -> bool:
    from pyarrow import compute

    return bool(compute.any(bools, min_count=0).as_py())
