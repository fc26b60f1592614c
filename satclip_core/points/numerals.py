"""Numbers as the text of tables, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..products.samples import number


def number_or_nan(text: str, decimal_comma: bool = False) -> float:
    """A coordinate from text; NaN where it is none."""
    found = number(text, decimal_comma)
    return np.nan if found is None else found


def digits(dtype: str) -> str:
    """The format that brings a float32 (9 digits) or float16 (5) back exactly."""
    return "%.9g" if dtype == "float32" else "%.5g"


def to_text(values: NDArray[Any], separator: str = ",") -> Iterator[str]:
    """Rows of numbers as text that reads back exactly; "" for a row of NaN.

    Args:
        values: (N, dim) float32 or float16.
        separator: between the numbers.
    """
    pattern = separator.join([digits(values.dtype.name)] * values.shape[1])
    for row in values:
        yield "" if np.isnan(row[0]) else pattern % tuple(row.tolist())
