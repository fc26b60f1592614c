"""Scores over the runs of one thing: their mean, and their standard deviation as of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample (n - 1); 0 for one value."""
    return stdev(values) if len(values) > 1 else 0.0


def mean_and_deviation(values: Sequence[float], style: str = ".4f") -> tuple[str, str]:
    """Both as text, the deviation empty for one value.

    Args:
        values: of the runs, one at least.
        style: of the numbers, as `format` takes it.
    """
    return f"{fmean(values):{style}}", f"{stdev(values):{style}}" if len(values) > 1 else ""


def plus_minus(values: Sequence[float], style: str) -> str:
    """`mean ± deviation`, or the value alone where there is one; a sign is the mean's alone."""
    mean, sd = mean_and_deviation(values, style)
    return f"{mean} ± {sd.lstrip('+')}" if sd else mean
