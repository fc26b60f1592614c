"""Results of retrieval and geolocation: kept as JSON, and told as a table and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from .geolocation import GeolocationScore
from .over_runs import mean_and_deviation, plus_minus
from .retrieval import PairScore

HEADER = ["variant", "part", "what", "measure", "runs", "mean", "sd"]
"""Of the rows of `study_rows`."""
JOIN = " + "
WHOLE, CONTINENT = "whole", "continent"
"""Variants: the configuration as it is, and trained with a continent left out and asked there."""


@dataclass(frozen=True)
class GeolocationRow:
    """Geolocation by some modalities together."""

    modalities: tuple[str, ...]
    score: GeolocationScore


@dataclass(frozen=True)
class CellRow:
    """Geolocation of the queries of one geocell: west, south, east, north in degrees."""

    bounds: tuple[float, float, float, float]
    queries: int
    median_km: float


@dataclass(frozen=True)
class RunResult:
    """All that one run is scored by.

    Attributes:
        pairs: retrieval, of every ordered pair of modalities.
        geolocation: by each modality and by ensembles.
        cells: geolocation by all modalities together, by geocell.
        probes: scores of the location encoder by task.
    """

    pairs: tuple[PairScore, ...]
    geolocation: tuple[GeolocationRow, ...]
    cells: tuple[CellRow, ...]
    probes: Mapping[str, float] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RunResult:
        """From what `as_plain` gave, once through JSON, which has text for keys."""
        pairs = [
            PairScore(**{**pair, "recall": {int(k): v for k, v in pair["recall"].items()}})
            for pair in plain["pairs"]
        ]
        rows = [
            GeolocationRow(tuple(row["modalities"]), _score(row["score"]))
            for row in plain["geolocation"]
        ]
        cells = [CellRow(**{**cell, "bounds": tuple(cell["bounds"])}) for cell in plain["cells"]]
        return cls(tuple(pairs), tuple(rows), tuple(cells), dict(plain["probes"]))


def _score(plain: Mapping[str, Any]) -> GeolocationScore:
    shares = {
        key: {float(km): share for km, share in plain[key].items()} for key in ("within", "by_cell")
    }
    return GeolocationScore(**{**plain, **shares})


def measures_of(result: RunResult) -> dict[tuple[str, str, str], float]:
    """Every number of a run by (part, what, measure)."""
    found: dict[tuple[str, str, str], float] = {}
    for pair in result.pairs:
        what = f"{pair.query} > {pair.target}"
        for k, share in pair.recall.items():
            found["retrieval", what, f"recall@{k}"] = share
        found["retrieval", what, "median_rank"] = pair.median_rank
        found["retrieval", what, "candidates"] = pair.candidates
    for row in result.geolocation:
        what, score = JOIN.join(row.modalities), row.score
        found["geolocation", what, "median_km"] = score.median_km
        for km, share in score.within.items():
            found["geolocation", what, f"within_{km:g}_km"] = share
        found["geolocation", what, "same_geocell"] = score.same_cell
        found["geolocation", what, "median_km_by_geocell"] = score.median_cell_km
        for km, share in score.by_cell.items():
            found["geolocation", what, f"within_{km:g}_km_by_geocell"] = share
        found["geolocation", what, "queries"] = score.queries
    for task, value in result.probes.items():
        found["probe", task, "score"] = value
    return found


def study_rows(results: Mapping[str, Sequence[RunResult]]) -> list[list[str]]:
    """Rows of `HEADER`: mean and standard deviation over the runs (of a sample; empty for one)."""
    rows = []
    for variant, runs in results.items():
        numbers = [measures_of(run) for run in runs]
        # A measure that one run lacks, as it had no such place, is one of the others.
        for key in dict.fromkeys(key for run in numbers for key in run):
            values = [run[key] for run in numbers if key in run]
            rows.append([variant, *key, str(len(values)), *mean_and_deviation(values)])
    return rows


def study_markdown(results: Mapping[str, Sequence[RunResult]]) -> str:
    """Retrieval and geolocation of the whole and of the continent, and a line for each variant.

    The continent is scored on places of its own, and so is no ablation.
    """
    runs = results[WHOLE]
    parts = [
        f"## Retrieval, {_said_runs(runs)}",
        _retrieval_table(runs),
        "## Geolocation",
        _geolocation_table(runs),
    ]
    if CONTINENT in results:
        held = results[CONTINENT]
        parts += [
            f"## A continent held out: retrieval, {_said_runs(held)}",
            _retrieval_table(held),
            "## A continent held out: geolocation",
            _geolocation_table(held),
        ]
    parts += ["## Ablations", _ablation_table(compared(results))]
    return "\n\n".join(parts) + "\n"


def compared(results: Mapping[str, Sequence[RunResult]]) -> dict[str, Sequence[RunResult]]:
    """The variants that were asked at the same places."""
    return {variant: runs for variant, runs in results.items() if variant != CONTINENT}


def _said_runs(runs: Sequence[RunResult]) -> str:
    most = max((pair.candidates for pair in runs[0].pairs), default=0)
    return f"among {most:,} held-out places at most, {len(runs)} run{'s' * (len(runs) != 1)}"


def _retrieval_table(runs: Sequence[RunResult]) -> str:
    lines = [
        "| query | target | places | R@1 % | R@5 % | R@10 % | median rank |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    numbers = [measures_of(run) for run in runs]
    for pair in runs[0].pairs:
        what = f"{pair.query} > {pair.target}"
        own = _of(numbers, "retrieval", what)
        cells = [_percent([run[f"recall@{k}"] for run in own]) for k in pair.recall]
        rank = fmean(run["median_rank"] for run in own)
        shown = " | ".join([*cells, f"{rank:,.1f}"])
        lines.append(f"| {pair.query} | {pair.target} | {pair.candidates:,} | {shown} |")
    return "\n".join(lines)


def _geolocation_table(runs: Sequence[RunResult]) -> str:
    first = runs[0].geolocation
    limits = list(first[0].score.within) if first else []
    lines = [
        "| query | places | median km | "
        + " | ".join(f"≤ {km:g} km %" for km in limits)
        + " | own geocell % | median km by geocell |",
        "|---|---:|---:|" + "---:|" * (len(limits) + 2),
    ]
    numbers = [measures_of(run) for run in runs]
    for row in sorted(first, key=lambda row: (len(row.modalities), row.score.median_km)):
        what = JOIN.join(row.modalities)
        own = _of(numbers, "geolocation", what)
        shares = [_percent([run[f"within_{km:g}_km"] for run in own]) for km in limits]
        shares.append(_percent([run["same_geocell"] for run in own]))
        median, by_cell = (
            f"{fmean(run[key] for run in own):,.0f}"
            for key in ("median_km", "median_km_by_geocell")
        )
        shown = " | ".join([median, *shares, by_cell])
        lines.append(f"| {what} | {row.score.queries:,} | {shown} |")
    return "\n".join(lines)


def _of(
    numbers: Sequence[Mapping[tuple[str, str, str], float]], part: str, what: str
) -> list[dict[str, float]]:
    """The measures of one thing in each run that has it: a modality may be missing everywhere."""
    found = [
        {key[2]: value for key, value in run.items() if key[:2] == (part, what)} for run in numbers
    ]
    return [run for run in found if run]


def _percent(values: Sequence[float], style: str = ".1f") -> str:
    return plus_minus([100 * value for value in values], style)


@dataclass(frozen=True)
class Summary:
    """A run in a few numbers, by which variants are compared.

    Attributes:
        recall: mean recall at 10 over all ordered pairs.
        gained: by how much that is more than a reference's, over the pairs that both have.
        to_places: `gained` over the pairs that ask for coordinates.
        median_km: geolocation by all modalities together.
        within_200: share within 200 km of it.
        probe: mean score of the probes; NaN without.
    """

    recall: float
    gained: float
    to_places: float
    median_km: float
    within_200: float
    probe: float


def summary(
    result: RunResult, reference: Sequence[RunResult], target: str = "coordinates"
) -> Summary:
    """A run in a few numbers.

    Args:
        result: of the run.
        reference: runs of what it is compared with. A variant that lacks a modality lacks its
            pairs, easy or hard ones: only the same pairs tell what leaving it out does to others.
        target: the modality that `to_places` asks for.
    """
    known = [_recalls(run) for run in reference]
    gained = {
        pair: recall - fmean(run[pair] for run in known if pair in run)
        for pair, recall in _recalls(result).items()
        if any(pair in run for run in known)
    }
    together = max(result.geolocation, key=lambda row: len(row.modalities)).score
    return Summary(
        fmean(_recalls(result).values()),
        fmean(gained.values()),
        fmean(value for (_, asked), value in gained.items() if asked == target),
        together.median_km,
        together.within[200.0],
        fmean(result.probes.values()) if result.probes else float("nan"),
    )


def _recalls(result: RunResult) -> dict[tuple[str, str], float]:
    return {(pair.query, pair.target): pair.recall[10] for pair in result.pairs}


def _ablation_table(results: Mapping[str, Sequence[RunResult]]) -> str:
    lines = [
        "R@10: the mean of all pairs that a variant has. Gained: over the pairs that the whole has "
        "too, in percentage points; of them, those that ask for coordinates.",
        "",
        "| variant | R@10 % | gained | gained, to coordinates | median km, all together | "
        "≤ 200 km % | mean probe |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for variant, runs in results.items():
        sums = [summary(run, results[WHOLE]) for run in runs]
        cells = [
            _percent([one.recall for one in sums]),
            *(
                "" if variant == WHOLE else _percent(values, "+.1f")
                for values in ([one.gained for one in sums], [one.to_places for one in sums])
            ),
            _mean_sd([one.median_km for one in sums], 0),
            _percent([one.within_200 for one in sums]),
            _mean_sd([one.probe for one in sums], 3),
        ]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean_sd(values: Sequence[float], decimals: int) -> str:
    if values[0] != values[0]:
        return "–"
    return plus_minus(values, f",.{decimals}f")
