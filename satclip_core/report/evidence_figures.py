"""What left-out samples say of a map, as figures and tables of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from ..analysis.folds import held_out_km, nearest_km, nearest_other_km
from ..analysis.gaussian import Kernel
from ..analysis.variogram import Variogram, variogram
from ..grid.sphere import EARTH_KM, unit_vectors
from ..products.evidence import ClassEvidence, NumberEvidence, Pairing
from ..products.legend import Legend
from ..products.regression import LEVEL, coverage
from ..products.samples import Samples
from ..types import Floats, Integers
from .page import Column, code, details, table, text
from .svg import Axis, Plot, said

Evidence = Union[NumberEvidence, ClassEvidence]
# Dots in a scatter plot, and samples whose distances are looked at; more are drawn from.
MOST_DOTS = 3000
_LOOKED_AT = 1000
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
# Standard errors beyond which a sample stands out.
_FAR = 3.0
# Part of the noise's variance up to which the term of the place counts as nothing.
_NOTHING = 0.05
# Classes that are shown against each other.
_MOST_CLASSES = 20
_CONFUSED = 15
# Ratio of far to near distances above which an axis has steps of equal factors.
_WIDE = 30.0


@dataclass(frozen=True)
class Figure:
    """A figure of a page; see `Page.figure`."""

    heading: str
    picture: str
    caption: str
    below: str = ""


def some(count: int, most: int) -> Integers:
    """Rows drawn at random where there are more than `most`, the same every time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def drawn(shown: int, count: int, what: str = "samples") -> str:
    """What is said where not all are shown."""
    return "" if shown == count else f" {shown:,} of {count:,} {what}, drawn at random."


def distances(evidence: Evidence, pixels: Floats | None) -> Figure:
    """How far samples are from each other, those left out from the rest, and pixels from all.

    Args:
        evidence: of the map.
        pixels: (M, 2) degrees of places of the map; None where none is wanted.
    """
    xyz = unit_vectors(*evidence.samples.lonlat.T).T
    rows = some(len(xyz), _LOOKED_AT)
    sets = [
        ("samples to the nearest other", nearest_other_km(xyz, rows), 0),
        ("left-out samples to the nearest kept", held_out_km(xyz, evidence.folds, rows), 1),
    ]
    if pixels is not None and len(pixels):
        away = nearest_km(unit_vectors(*pixels.T).T, xyz)
        sets.append(("pixels to the nearest sample", away, 2))
    every = np.concatenate([km for _, km, _ in sets])
    known = every[every > 0]
    low, high = np.percentile(known, (2, 99)) if len(known) else (1.0, 1.0)
    log = bool(high > _WIDE * low)
    name = "distance, km (steps by factors)" if log else "distance, km"
    axis = Axis.over(name, known[known >= low] if log else every, zero=not log, log=log)
    plot = Plot(axis, Axis("share that is nearer", 0, 1, percent=True))
    for words, km, series in sets:
        plot.steps(km, series, words)
    medians = {words: float(np.median(km)) for words, km, _ in sets}
    told = "; ".join(f"{words}: {said(km)} km" for words, km in medians.items())
    rows_made = [
        [text(words), *(said(float(part)) for part in np.percentile(km, (5, 25, 50, 75, 95)))]
        for words, km, _ in sets
    ]
    columns = [
        Column("kilometres", number=False),
        *(Column(f"{part} %") for part in (5, 25, 50, 75, 95)),
    ]
    return Figure(
        "How far away the next sample is",
        plot.render("distances", f"Distributions of distances. Medians: {told}."),
        "Where the line of the left-out samples follows that of the pixels, the error stated is "
        "that of this map (kNNDM, Linnenbrink et al. 2024)." + drawn(len(rows), len(xyz)),
        details("Numbers", table(columns, rows_made)),
    )


def observed_against_predicted(evidence: NumberEvidence, name: str) -> Figure:
    """Each sample without its fold, of numbers."""
    observed, predicted = evidence.samples.values, evidence.predicted
    rows = some(len(observed), MOST_DOTS)
    both = np.concatenate([observed[rows], predicted[rows]])
    axis = Axis.over(f"{name}, predicted without its fold", both)
    plot = Plot(axis, Axis(f"{name}, observed", axis.low, axis.high), square=True)
    opacity = float(np.clip(20 / np.sqrt(len(rows)), 0.25, 0.8))
    plot.cloud(predicted[rows], observed[rows], 0, size=4.5, opacity=opacity)
    plot.rule([axis.low, axis.high], [axis.low, axis.high], "equal")
    together = float(np.corrcoef(observed, predicted)[0, 1]) if predicted.std() > 0 else 0.0
    return Figure(
        "Observed against predicted",
        plot.render(
            "observed",
            f"Observed values of {name} from {said(float(observed.min()))} to "
            f"{said(float(observed.max()))} against predictions from "
            f"{said(float(predicted.min()))} to {said(float(predicted.max()))}: "
            f"correlation {together:.2f}.",
        ),
        "Each dot is a sample, predicted by a model that had not seen its fold. Dots far from the "
        "dashed line are the errors; a cloud flatter than the line means that the map smooths."
        + drawn(len(rows), len(observed)),
    )


def interval_coverage(evidence: NumberEvidence) -> Figure:
    """Whether prediction intervals hold as many samples as they promise."""
    ratios = np.abs(evidence.steps)
    shares = coverage(ratios, evidence.folds, _LEVELS)
    plot = Plot(
        Axis("share that intervals promise", 0.4, 1.0, percent=True),
        Axis("share of samples that they held", min(0.4, *shares) - 0.02, 1.02, percent=True),
    )
    plot.rule([0.4, 1], [0.4, 1], "as promised")
    plot.line(_LEVELS, shares, 0).dots(_LEVELS, shares, 0, "held")
    told = ", ".join(
        f"{100 * level:.0f} % promised, {100 * share:.1f} % held"
        for level, share in zip(_LEVELS, shares)
    )
    columns = [Column("promised"), Column("held")]
    rows = [[f"{100 * one:.0f} %", f"{100 * other:.1f} %"] for one, other in zip(_LEVELS, shares)]
    return Figure(
        "Do prediction intervals hold?",
        plot.render("coverage", f"Coverage of intervals: {told}."),
        f"Intervals are calibrated on the other folds. The {100 * LEVEL:.0f} % interval of the "
        f"map held {100 * shares[_LEVELS.index(LEVEL)]:.1f} % of the samples that were left out.",
        details("Numbers", table(columns, rows)),
    )


def reliability_diagram(report: dict[str, Any]) -> Figure:
    """Whether the most probable class is right as often as its probability says."""
    steps = np.array(report["reliability"], np.float64)
    error = float(report["expected_calibration_error"])
    low = max(0.0, float(np.floor(10 * steps[:, :2].min()) / 10) - 0.05)
    plot = Plot(
        Axis("probability of the class that is said", low, 1, percent=True),
        Axis("share that was right", min(low, float(steps[:, 1].min()) - 0.03), 1, percent=True),
    )
    # Two standard errors of a share of so many samples.
    spread = 2 * np.sqrt(np.maximum(steps[:, 0] * (1 - steps[:, 0]), 0) / steps[:, 2])
    plot.rule([low, 1], [low, 1], "as promised")
    lower, upper = np.clip(steps[:, 1] - spread, 0, 1), np.clip(steps[:, 1] + spread, 0, 1)
    plot.whiskers(steps[:, 0], np.maximum(lower, plot.y.low), upper, 0)
    plot.line(steps[:, 0], steps[:, 1], 0).dots(steps[:, 0], steps[:, 1], 0, "found")
    columns = [Column("probability"), Column("right"), Column("samples")]
    rows = [[f"{100 * p:.1f} %", f"{100 * r:.1f} %", f"{count:.0f}"] for p, r, count in steps]
    return Figure(
        "Do the probabilities mean what they say?",
        plot.render(
            "reliability",
            f"Reliability of probabilities: expected calibration error {error:.3f}. "
            + "; ".join(f"{100 * p:.0f} % said, {100 * r:.0f} % right" for p, r, _ in steps)
            + ".",
        ),
        f"Expected calibration error {error:.3f}: probabilities are off by "
        f"{100 * error:.1f} percentage points in the mean. Upright lines are what chance would do "
        "to so many samples (two standard errors).",
        details("Numbers", table(columns, rows)),
    )


def residual_variogram(evidence: NumberEvidence, report: dict[str, Any]) -> Figure | None:
    """What of the values, and of the errors, is alike at near places.

    Returns:
        The figure; None where samples are too few for it.
    """
    pairing = evidence.pairing
    xyz = unit_vectors(*evidence.samples.lonlat[pairing.rows].T).T
    wholly, left = variogram(xyz, pairing.values), variogram(xyz, pairing.errors)
    if len(left.km) < 2:
        return None
    place = None if pairing.remainder is None else variogram(xyz, pairing.remainder)
    model = None if place is None else _matern(report["kernel"], place)
    series = [one.semivariance for one in (wholly, left, place) if one is not None]
    plot = Plot(
        Axis("distance, km", 0, left.reach),
        Axis.over("semivariance", np.concatenate(series), zero=True),
    )
    plot.dots(wholly.km, wholly.semivariance, 3, "values", hollow=True)
    caption = (
        "Half the mean squared difference of two samples so far apart. Where the errors rise with "
        "the distance, near samples err alike: more samples there, or another predictor, would "
        "help."
    )
    if place is not None and model is not None:
        if not _same(pairing):
            plot.dots(place.km, place.semivariance, 0, "values less what predictors explain")
        plot.line(*model, 0, "Matérn and noise, as fitted")
        caption += f" {_kernel_words(report['kernel'], left.reach)}"
    plot.dots(left.km, left.semivariance, 1, "errors without the fold")
    if report.get("transform", "none") != "none":
        caption += f" All on the scale of {report['transform']}."
    columns = [Column("km"), Column("pairs"), Column("values"), Column("errors")]
    rows = [
        [said(km), f"{pairs:,.0f}", said(one, 4), said(other, 4)]
        for km, pairs, one, other in zip(
            left.km, left.pairs, wholly.semivariance, left.semivariance
        )
    ]
    told = f"from {said(float(left.semivariance[0]))} at {said(float(left.km[0]))} km to "
    told += f"{said(float(left.semivariance[-1]))} at {said(float(left.km[-1]))} km"
    return Figure(
        "Variogram of the errors",
        plot.render("variogram", f"Variogram: the semivariance of the errors goes {told}."),
        caption + drawn(len(pairing.rows), len(evidence.samples)),
        details("Numbers", table(columns, rows)),
    )


def _same(pairing: Pairing) -> bool:
    """Whether predictors explain nothing, as in kriging: what is left are the values."""
    left = pairing.remainder
    return left is not None and bool(np.ptp(pairing.values - left) < 1e-6 * np.ptp(pairing.values))


def _matern(values: dict[str, float], place: Variogram) -> tuple[Floats, Floats]:
    """Noise and the Matérn term by distance, at the height that fits the dots best."""
    kernel = Kernel(**values)

    def shape(km: Floats) -> Floats:
        chords = 2 * np.sin(km / (2 * EARTH_KM))
        return np.asarray(1 + kernel.matern - kernel.of_chords(chords))

    own = shape(place.km)
    height = (place.pairs * own * place.semivariance).sum() / (place.pairs * own**2).sum()
    km = np.linspace(0, place.reach, 200)
    return km, height * shape(km)


def _kernel_words(values: dict[str, float], reach: float) -> str:
    """The term of the place, in words."""
    kernel = Kernel(**values)
    far = 2 * np.sin(reach / (2 * EARTH_KM))
    if kernel.matern - float(kernel.of_chords(np.array([far]))[0]) < _NOTHING:
        return "The model found next to nothing to learn from the place beside its predictors."
    kind = "1/2" if kernel.smoothness == 0.5 else "3/2"
    return (
        f"The line is that of the fitted model, scaled to the dots: Matérn's function of "
        f"smoothness {kind} and length {said(kernel.matern_length * EARTH_KM)} km, with "
        f"{said(kernel.matern)} times the variance of the noise."
    )


@dataclass(frozen=True)
class Suspects:
    """Samples to look at again.

    Attributes:
        rows: which they are.
        table: of them, HTML.
        words: what is said of them.
    """

    rows: Integers
    table: str
    words: str


def influential(evidence: NumberEvidence, name: str) -> Suspects:
    """The samples that disagree most with all others, and those that change the map most."""
    alone, samples = evidence.alone, evidence.samples
    chosen = evidence.suspects
    columns = [Column("no."), *_where_columns(samples.rows is not None), Column(name)]
    columns += [Column("without it"), Column("off by"), Column("in standard errors")]
    columns += [] if alone.moved is None else [Column("moves the map by")]
    made = []
    for number, index in enumerate(chosen, 1):
        row = int(alone.rows[index])
        value, without = float(samples.values[row]), float(alone.without[index])
        cells = [str(number), *_where(samples, row)]
        cells += [said(one, 4) for one in (value, without, value - without)]
        cells += [f"{alone.steps[index]:+.1f}".replace("-", "\N{MINUS SIGN}")]
        cells += [] if alone.moved is None else [said(float(alone.moved[index]), 2)]
        made.append(cells)
    far = np.flatnonzero(np.abs(alone.steps[chosen]) > _FAR).tolist()
    return Suspects(alone.rows[chosen], table(columns, made, marked=far), _suspicion(evidence))


def _suspicion(evidence: NumberEvidence) -> str:
    alone, count = evidence.alone, len(evidence.samples)
    far = int((np.abs(alone.steps) > _FAR).sum())
    if alone.moved is None:
        words = (
            "What the model says of a sample without its fold; without the sample alone there is "
            "no closed form for this model."
        )
    else:
        words = (
            "What the model says of a sample without it, from all others (leave-one-out, in closed "
            "form), and how far leaving it out moves the map at other samples (root mean square)."
        )
    words += (
        f" {far:,} of {len(alone.rows):,} samples are off by more than {_FAR:.0f} standard errors "
        "(bold): a typing error, a missing sign, swapped coordinates, or a place that is special "
        "indeed."
    )
    if len(alone.rows) < count:
        words += (
            f" Looked at: the {len(alone.rows):,} of {count:,} samples that are furthest from "
            "what their fold predicts."
        )
    return words


def surely_wrong(evidence: ClassEvidence, legend: Legend) -> Suspects | None:
    """The samples whose class the model thinks least likely; None where all are right."""
    samples, chances = evidence.samples, evidence.chances
    own = samples.values.astype(np.int64)
    rows = evidence.suspects
    if len(rows) == 0:
        return None
    columns = [Column("no."), *_where_columns(samples.rows is not None)]
    columns += [Column("class", number=False), Column("said", number=False)]
    columns += [Column("probability of that"), Column("of its own class")]
    made = [
        [
            str(number),
            *_where(samples, int(row)),
            text(legend.names[own[row]]),
            text(legend.names[int(evidence.predicted[row])]),
            *(_per_cent(float(chance)) for chance in chances[row]),
        ]
        for number, row in enumerate(rows, 1)
    ]
    words = (
        "The samples whose own class a model that had not seen their fold thinks least likely: "
        "typing errors and swapped coordinates stand out here, beside places that are special "
        "indeed. There is no closed form for what the map of classes would be without a sample."
    )
    return Suspects(rows, table(columns, made), words)


def confusion(score: dict[str, Any], legend: Legend) -> Figure:
    """True classes against those that were said, and how well each is told."""
    counts = np.array(score["confusion"], np.int64)
    true, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    columns = [Column("class", number=False), Column("samples"), Column("said")]
    columns += [Column("recall"), Column("precision"), Column("F1")]
    rows = [
        [text(name), f"{true[i]:,}", f"{predicted[i]:,}", _ratio(right[i], true[i]),
         _ratio(right[i], predicted[i]), _ratio(2 * right[i], true[i] + predicted[i], share=True)]
        for i, name in enumerate(legend.names)
    ]  # fmt: skip
    each = table(columns, rows, caption="How well each class is told, without its fold")
    heading = "Which classes are taken for which"
    if len(legend.names) <= _MOST_CLASSES:
        caption = (
            "Confusion matrix: rows are the true classes, columns what was said without the fold; "
            "the darker, the larger the share of the row."
        )
        return Figure(heading, _matrix(counts, legend), caption, each)
    caption = "The commonest confusions; the report as JSON has all of them."
    below = details(f"All {len(rows)} classes", each)
    return Figure(heading, _most_confused(counts, legend), caption, below)


def _matrix(counts: Integers, legend: Legend) -> str:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = "".join(f'<th scope="col" class="number">{text(name)}</th>' for name in legend.names)
    rows = []
    for name, numbers, parts in zip(legend.names, counts, shares):
        cells = "".join(
            f'<td class="cell" style="background:rgba(0,114,178,{0.75 * part:.2f})">{count:,}</td>'
            for count, part in zip(numbers, parts)
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    return (
        '<div class="scroll" tabindex="0"><table><thead><tr>'
        f'<th scope="col">true \N{RIGHTWARDS ARROW} said</th>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _most_confused(counts: Integers, legend: Legend) -> str:
    """The commonest confusions, where a matrix would fill the wall."""
    apart = counts.copy()
    np.fill_diagonal(apart, 0)
    order = np.argsort(-apart, axis=None, kind="stable")[:_CONFUSED]
    pairs = [divmod(int(index), len(counts)) for index in order if apart.flat[index] > 0]
    columns = [Column("true", number=False), Column("said", number=False), Column("samples")]
    columns += [Column("of its samples")]
    rows = [
        [text(legend.names[i]), text(legend.names[j]), f"{apart[i, j]:,}",
         _ratio(apart[i, j], counts[i].sum())]
        for i, j in pairs
    ]  # fmt: skip
    return table(columns, rows)


def _ratio(part: int, whole: int, *, share: bool = False) -> str:
    if whole == 0:
        return "–"
    return f"{part / whole:.2f}" if share else f"{100 * part / whole:.0f} %"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"


def _where_columns(numbered: bool) -> list[Column]:
    return [*([Column("row")] if numbered else []), Column("lon, lat", number=False)]


def _where(samples: Samples, row: int) -> list[str]:
    """The row in the table that samples came from, and the place to copy."""
    lon, lat = samples.lonlat[row]
    numbered = [] if samples.rows is None else [str(int(samples.rows[row]))]
    return [*numbered, code(f"{lon:.6g}, {lat:.6g}")]
