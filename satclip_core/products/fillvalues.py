"""Numbers that stand for none, and gross outliers: said before anything is learnt from them."""

from __future__ import annotations

import numpy as np

from ..errors import Argument, InputError
from ..types import Bools, Floats

# What tables and rasters have where there is no value (NetCDF's default among them).
_FILL = (
    *(-99.0, -99.9, -999.0, -999.9, -9999.0, -9999.9, -99999.0),
    *(99.0, 99.9, 999.0, 999.9, 9999.0, 9999.9, 99999.0),
    *(-32768.0, 32767.0, 65535.0, -1e20, 1e20, -1e30, 1e30, -1e34, 1e34, 9.969209968386869e36),
    0.0,
)  # fmt: skip
# Distance to the nearest other value, in quartile distances of the others, that makes a fill value
# of one that often is; a 0 often is a 0.
_APART, _ZERO_APART = 0.25, 1.0
# Ratio of a gap to the range of all that lies beyond it, and the share of samples before it, that
# make outliers.
_GAP, _FEW = 5.0, 0.05
# Values below which nothing is said of outliers.
_LEAST = 10


def doubts(numbers: Floats, name: str) -> tuple[InputError, ...]:
    """What may be wrong with numbers, as errors that are not raised: they may be right.

    Args:
        numbers: (N,) finite.
        name: of the column.
    """
    found = []
    rest = numbers
    for value in _FILL:
        same = is_value(rest, value)
        if not same.any() or same.all() or not _is_fill(value, rest[~same]):
            continue
        shown = float(rest[same][0])
        rest = rest[~same]
        found.append(
            InputError(
                f"{same.sum()} of {len(numbers)} values of {name!r} are {shown:.6g}, as missing "
                f"ones often are; the others lie from {rest.min():.6g} to {rest.max():.6g}: if "
                "they are missing, leave them out with ",
                _missing(shown),
            )
        )
    return (*found, *_outliers(rest, len(numbers), name))


def doubtful(numbers: Floats, name: str) -> tuple[float, ...]:
    """All values that `doubts` would have left out, one after the other, until it has none.

    Args:
        numbers: (N,) finite.
        name: of the column.
    """
    found: list[float] = []
    rest = numbers
    while True:
        named = [float(str(one.value)) for doubt in doubts(rest, name) for one in doubt.arguments]
        if not named:
            return tuple(found)
        found += named
        for value in named:
            rest = rest[~is_value(rest, value)]


def is_value(numbers: Floats, value: float) -> Bools:
    """Which numbers, (N,), are a value, as near as two ways to round it or to write it as text."""
    return np.asarray(np.isclose(numbers, value, rtol=1e-6, atol=0))


def _missing(value: float) -> Argument:
    return Argument("missing", int(value) if value.is_integer() and abs(value) < 1e9 else value)


def _is_fill(value: float, others: Floats) -> bool:
    """Whether a value that often is none lies outside all others, and apart from them."""
    gap = max(others.min() - value, value - others.max())
    low, high = np.percentile(others, (25, 75))
    apart = _APART if value else _ZERO_APART
    return bool(gap > 0 and gap > apart * (high - low))


def _outliers(numbers: Floats, count: int, name: str) -> list[InputError]:
    """A few values far beyond the range of all others, at either end."""
    if len(numbers) < _LEAST:
        return []
    found = []
    for sign in (1, -1):
        ordered = np.sort(sign * numbers)
        few = max(1, int(_FEW * len(ordered)))
        gaps = np.diff(ordered)[-few:]
        cut = len(ordered) - few + int(gaps.argmax())
        reach = ordered[cut - 1] - ordered[0]
        if reach > 0 and gaps.max() > _GAP * reach:
            far = float(sign * ordered[-1])
            ends = sorted((sign * ordered[0], sign * ordered[cut - 1]))
            found.append(
                InputError(
                    f"{len(ordered) - cut} of {count} values of {name!r} lie far beyond the others "
                    f"({ends[0]:.6g} to {ends[1]:.6g}), up to {far:.6g}: correct them, or leave "
                    "them out with ",
                    _missing(far),
                )
            )
    return found
