"""Heads that read named properties from a model's embeddings: fitted, scored, written, tabled.

One fifth of the blocks chooses the penalty of ridge regressions, another is left out to score
them; what is written is fitted to all places. Classes are read by logistic regression, with one
penalty for all; of rare ones more places are looked at than lie in the sample, which is made up for
in the offsets.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable, cast

import numpy as np

from satclip_core.analysis.linear import Linear, Logistic, Ridge
from satclip_core.encoder import LocationEncoder
from satclip_core.errors import InputError
from satclip_core.products.property_heads import (
    TRANSFORMS,
    PropertyFacts,
    PropertyHead,
    PropertyHeads,
)
from satclip_core.types import Floats, Integers, Progress

from ..evaluation.labels import LabelledPlaces, Labels, load_labels

if TYPE_CHECKING:
    from satclip_core.products.legend import Legend

DEFINITIONS = Path(__file__).parents[1] / "configs" / "properties.yaml"
TABLE_BEGINS, TABLE_ENDS = "<!-- properties: table -->", "<!-- properties: end -->"
PENALTIES = np.logspace(-6, 0, 13)
CLASS_PENALTY = 2e-3
# Of the largest part of the gradient: probabilities are then the same to a thousandth.
_CLASS_TOLERANCE = 1e-3
_PARTS = 5
# Shares of the labels outside the range of a number, and of residuals outside 8 of 10.
_RANGE = (0.0005, 0.9995)
_INTERVAL = (0.1, 0.9)


def fit_heads(
    encoder: LocationEncoder, places: LabelledPlaces, progress: Progress | None = None
) -> PropertyHeads:
    """Fit a head for each property to an encoder's embeddings.

    Args:
        encoder: what embeds.
        places: with their labels.
        progress: called with (properties done, in all).

    Raises:
        InputError: a property whose labels are all alike.
    """
    embeddings = encoder.encode(places.lonlat, single=True).astype(np.float64)
    part_of = _parts(places)
    land = embeddings[: places.land]
    mean, deviation = land.mean(axis=0), land.std(axis=0)
    deviation[deviation <= 1e-7 * (np.abs(mean) + deviation.max())] = 1.0
    standard = (embeddings - mean) / deviation
    parts = part_of(places.lonlat)
    heads = {}
    for done, labels in enumerate(places.labels):
        if progress is not None:
            progress(done, len(places.labels))
        if labels.legend is None:
            heads[labels.name] = _fit_number(labels, standard, parts, places.block_degrees)
            continue
        extra = (encoder.encode(labels.extra, single=True) - mean) / deviation
        known = _Known(
            standard, parts, labels.extra_values.astype(np.int64), extra, part_of(labels.extra)
        )
        heads[labels.name] = _fit_classes(labels, known, places.block_degrees)
    if progress is not None:
        progress(len(places.labels), len(places.labels))
    return PropertyHeads(
        heads,
        mean.astype(np.float32),
        deviation.astype(np.float32),
        encoder.name,
        encoder.sha256,
    )


def _named(labels: Labels) -> tuple[str, str, str, str, str]:
    """Name, title, unit, source and licence."""
    settings = labels.settings
    return labels.name, settings.title, settings.unit, settings.source, settings.licence


def _fit_number(labels: Labels, data: Floats, parts: Integers, side: float) -> PropertyHead:
    settings = labels.settings
    there, back = TRANSFORMS[settings.transform]
    known = np.isfinite(labels.values)
    values, data, parts = labels.values[known], data[known], parts[known]
    if values.std() == 0:
        raise InputError(f"properties.{labels.name}: all labels are {values[0]:g}")
    least, most = np.quantile(values, _RANGE)
    fitted = there(values)
    checked, tested = parts == 1, parts == 0
    trial = Ridge(data[parts > 1], fitted[parts > 1])
    penalty = min(
        PENALTIES,
        key=lambda one: float(
            np.square(trial.solve(one)(data[checked])[:, 0] - fitted[checked]).mean()
        ),
    )
    guess = Ridge(data[~tested], fitted[~tested]).solve(penalty)(data[tested])[:, 0]
    guess = np.clip(guess, there(least), there(most))
    off = fitted[tested] - guess
    missed = values[tested] - back(guess)
    facts = PropertyFacts(
        *_named(labels),
        int(tested.sum()),
        side,
        {
            "r2": float(1 - np.square(off).mean() / fitted[tested].var()),
            "rmse": float(np.sqrt(np.square(missed).mean())),
            "mae": float(np.abs(missed).mean()),
        },
        settings.transform,
        float(least),
        float(most),
        float(fitted.std()),
        (float(np.quantile(off, _INTERVAL[0])), float(np.quantile(off, _INTERVAL[1]))),
        settings.decimals,
    )
    return _head(facts, Ridge(data, fitted).solve(penalty))


@dataclass(frozen=True)
class _Known:
    """What classes are learnt from: standardised embeddings of places, and which part they are of.

    Attributes:
        data: (N, dim) of the places of the sample.
        parts: (N,) of `_PARTS`.
        rare: (M,) classes of more places, of rare classes.
        rare_data: (M, dim) of these.
        rare_parts: (M,) of these.
    """

    data: Floats
    parts: Integers
    rare: Integers
    rare_data: Floats
    rare_parts: Integers


def _parts(places: LabelledPlaces) -> Callable[[Floats], Integers]:
    """Which of `_PARTS` places lie in: whole blocks, drawn at random."""
    everywhere = [places.lonlat, *(labels.extra for labels in places.labels)]
    blocks = np.unique(places.blocks(np.concatenate(everywhere)))
    drawn = np.random.default_rng(0).permutation(len(blocks)) % _PARTS

    def part_of(lonlat: Floats) -> Integers:
        found: Integers = drawn[np.searchsorted(blocks, places.blocks(lonlat))]
        return found

    return part_of


def _fit_classes(labels: Labels, known: _Known, side: float) -> PropertyHead:
    legend = cast("Legend", labels.legend)
    there = np.isfinite(labels.values)
    classes, data = labels.values[there].astype(np.int64), known.data[there]
    tested, count = known.parts[there] == 0, len(legend.codes)
    left, more = ~tested, known.rare_parts != 0
    trial = _logistic(classes[left], data[left], known.rare[more], known.rare_data[more], count)
    guess = trial(data[tested]).argmax(axis=1)
    facts = PropertyFacts(
        *_named(labels),
        int(tested.sum()),
        side,
        {
            "accuracy": float((guess == classes[tested]).mean()),
            "kappa": _kappa(guess, classes[tested], count),
        },
        legend=legend,
    )
    return _head(facts, _logistic(classes, data, known.rare, known.rare_data, count))


def _logistic(
    classes: Integers, data: Floats, rare: Integers, rare_data: Floats, count: int
) -> Linear:
    """Logistic regression on places of a sample and more of rare classes.

    The latter make their classes seem more common than they are: offsets are lowered by the
    logarithm of how much (prior correction: King & Zeng 2001, Political Analysis 9: 137-163).
    """
    all_data, all_classes = np.concatenate([data, rare_data]), np.concatenate([classes, rare])
    fitted = Logistic(all_data, all_classes, count).solve(CLASS_PENALTY, _CLASS_TOLERANCE)
    sampled, seen = (np.bincount(one, minlength=count) for one in (classes, all_classes))
    # A class that the sample lacks, but for a block left out, counts as half a place.
    more_common = seen / np.maximum(sampled, 0.5)
    offsets = fitted.offsets - np.log(np.maximum(more_common, 1))
    return replace(fitted, offsets=offsets)


def _kappa(guess: Integers, truth: Integers, count: int) -> float:
    """Cohen's kappa: agreement beyond chance."""
    agree = float((guess == truth).mean())
    shares = [np.bincount(one, minlength=count) / len(one) for one in (guess, truth)]
    chance = float((shares[0] * shares[1]).sum())
    return (agree - chance) / (1 - chance) if chance < 1 else 1.0


def _head(facts: PropertyFacts, linear: Linear) -> PropertyHead:
    """The weights of a model of standardised embeddings, which standardises them once more."""
    weights = linear.weights / linear.deviation[:, None]
    offsets = linear.offsets - linear.mean @ weights
    return PropertyHead(facts, weights.astype(np.float16), offsets)


def fit_properties(
    model: str,
    *,
    definitions: str | os.PathLike[str] = DEFINITIONS,
    data_root: str | os.PathLike[str] | None = None,
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[PropertyHeads, Path]:
    """Fit the heads of a model and write them beside it.

    Args:
        model: name or path.
        definitions: YAML of properties.
        data_root: folder of their labels.
        output: file to write; beside the model, where it is found by itself, where None.
        overwrite: whether that may be replaced.
        progress: called with (properties done, in all).

    Returns:
        The heads, and their file.

    Raises:
        SatclipError: a model, a definition or labels that cannot be read; a file not to be written.
    """
    from satclip_core.files import check_target
    from satclip_core.models.registry import find_model, load_encoder
    from satclip_core.products.property_heads import heads_file

    path = output or heads_file(find_model(model))
    check_target(path, overwrite=overwrite)
    encoder = load_encoder(model)
    heads = fit_heads(encoder, load_labels(definitions, data_root=data_root), progress)
    heads.save(path, overwrite=overwrite)
    return heads, path


def heads_table(facts: Sequence[PropertyFacts]) -> str:
    """Markdown: one row for each property, with its error at places left out, and its source."""
    lines = [
        "| property | what | at places left out | 8 of 10 within | labels |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in facts:
        unit = f", {one.unit}" if one.unit else ""
        lines.append(
            f"| `{one.name}` | {one.title}{unit} | {_scores(one)} | {_within(one)} | "
            f"{one.source} ({one.licence}) |"
        )
    return "\n".join(lines)


def _scores(facts: PropertyFacts) -> str:
    scores = facts.scores
    if facts.legend is not None:
        count = len(facts.legend.codes)
        return f"accuracy {scores['accuracy']:.3f}, κ {scores['kappa']:.3f}, {count} classes"
    of = " (of log1p)" if facts.transform == "log1p" else ""
    unit = f" {facts.unit}" if facts.unit else ""
    return f"R² {scores['r2']:.3f}{of}, RMSE {scores['rmse']:.3g}{unit}"


def _within(facts: PropertyFacts) -> str:
    if facts.legend is not None:
        return "–"
    low, high = facts.interval
    if facts.transform == "log1p":
        return f"× {np.exp(low):.2g} to × {np.exp(high):.2g}"
    return f"{low:+.3g} to {high:+.3g}"


def put_table(path: Path, table: str) -> None:
    """Replace the table between its marks in a text.

    Raises:
        InputError: no such file, or no marks in it.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    before, begins, rest = text.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not begins or not ends:
        raise InputError(f"{path} has no {TABLE_BEGINS} … {TABLE_ENDS} to put the table between")
    path.write_text(f"{before}{begins}\n{table}\n{ends}{after}", "utf-8")
