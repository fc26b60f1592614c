"""What a trial has found, in the words of the panel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...algorithms.mapfromsamples import method_in_words, telling_score
from ...placewords import tell
from ...satclip_core.products.fillvalues import doubtful, is_value
from ...satclip_core.products.maps import OUTSIDE
from ...text import tr
from .trial import Found

_DIGITS = 3
# Values named in a warning.
_NAMED = 3


def said_number(value: float) -> str:
    """Three digits of a number, as the user's language writes it."""
    if value == 0 or not math.isfinite(value):
        return tell(value, 0)
    decimals = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    return tell(value, min(decimals, 12))


def headline(found: Found) -> str:
    """The score in a sentence."""
    model = found.model
    score = telling_score(model.report)
    if model.legend is not None:
        sizes = {one["name"]: one["samples"] for one in model.report["classes"]}
        common = max(sizes, key=lambda name: sizes[name])
        text = tr(
            "Right in {right} of 10 places it has not seen. Always saying {common} would be right "
            "in {often}."
        )
        return text.format(
            right=tell(10 * score["accuracy"], 0),
            common=common,
            often=tell(10 * sizes[common] / sum(sizes.values()), 0),
        )
    error = said_number(score["mae"])
    if not score["r2"] > 0:
        text = tr(
            "No better than the mean of all samples at places it has not seen (typical error ± "
            "{error}): do not trust the map."
        )
        return text.format(error=error)
    text = tr(
        "Explains {share} % of the differences at places it has not seen; typical error ± {error}."
    )
    return text.format(share=tell(100 * score["r2"], 0), error=error)


def in_short(found: Found) -> str:
    """The same in a few signs, to compare with."""
    score = telling_score(found.model.report)
    if found.model.legend is not None:
        return f"{tell(100 * score['accuracy'], 0)} %"
    return f"{tell(100 * score['r2'], 0)} %, ± {said_number(score['mae'])}"


def details(found: Found) -> str:
    """How it was found, in a few sentences."""
    model, report = found.model, found.model.report
    text = tr("Method: {method}.")
    lines = [
        text.format(method=method_in_words(report["method"], classes=model.legend is not None))
    ]
    lines.append(_tested(report["validation"]["kind"]).format(count=report["samples"]))
    if report["samples"] < len(found.samples):
        text = tr("Tried on that many of {count} samples; the map learns from all.")
        lines.append(text.format(count=len(found.samples)))
    within = report.get("within")
    if within is not None and within["samples"] < report["samples"]:
        text = (
            tr("Only {count} lie in the area, too few to score it alone.")
            if within["score"] is None
            else tr("The score is that of the {count} in the area.")
        )
        lines.append(text.format(count=within["samples"]))
    return " ".join(lines)


def _tested(folds: str) -> str:
    """How samples were left out, with a place for their number."""
    if folds == "knndm":
        return tr(
            "Tested on {count} samples, left out in turn, as far from the others as the map's "
            "pixels are from samples."
        )
    return tr("Tested on {count} samples, whole neighbourhoods left out in turn.")


def outside_warning(found: Found) -> str:
    """Where the score says nothing; "" where that is hardly anywhere."""
    share = found.model.report.get("pixels_outside") or 0.0
    if share <= OUTSIDE:
        return ""
    text = tr(
        "{share} % of the map is unlike all samples: there the score says nothing (hatched on the "
        "map)."
    )
    return text.format(share=tell(100 * share, 0))


def doubtful_values(found: Found) -> tuple[float, ...]:
    """Numbers that look like missing values or gross errors."""
    samples = found.samples
    return () if samples.legend is not None else doubtful(samples.values, samples.name)


def doubts_warning(found: Found, values: tuple[float, ...]) -> str:
    """What looks wrong with the values; "" where nothing does."""
    if not values:
        return ""
    numbers = found.samples.values
    count = int(np.sum([is_value(numbers, value) for value in values]))
    named = "; ".join(f"{value:.6g}" for value in values[:_NAMED])  # as they stand in the table
    if len(values) > _NAMED:
        named += "; …"
    text = tr(
        "{count} of {all} values look like missing ones or gross errors: {values}. They bend the "
        "whole map."
    )
    return text.format(count=count, all=len(numbers), values=named)


def size_in_words(job: Any, unit: str) -> str:
    """Pixels of the map, and their size."""
    grid = job.request.grid
    height, width = grid.shape
    text = tr("{width} × {height} pixels of {size} {unit}")
    size = said_number(grid.transform[0])
    return text.format(width=width, height=height, size=size, unit=unit)
