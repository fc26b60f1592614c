"""The page of an evaluation, which holds all it shows, with a CSV and a JSON beside it."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError
from satclip_core.files import written_whole
from satclip_core.grid.land import land_mask
from satclip_core.report.cartography import STYLE as MAP_STYLE
from satclip_core.report.page import Column, Page, code, details, table, text
from satclip_core.report.svg import said
from satclip_core.types import Bools, Cancelled, Floats, Progress
from satclip_core.version import __version__

from ...settings.run_files import locations
from ..kept_scores import KeptScores, stopped
from ..over_runs import deviation
from ..resolution import Reading, resolved, shown_by_images
from .globes import STYLE as GLOBE_STYLE
from .globes import Globes
from .intrinsic import look_into
from .predictors import GAUSSIAN, KNN, MLP, RANGE, RIDGE, WORDS
from .splits import RANDOM, Split
from .suite import Asked, Embedded
from .suite_figures import (
    CONGO,
    EAST_COAST,
    World,
    bars_by_continent,
    chosen,
    learning_curve,
    similarity_map,
    spectrum,
    value_maps,
)
from .suite_tables import CSV_HEADER, NOTE, OURS, Entry, Row, Tables, published_tables

_STYLE = """
td.best { font-weight: 700; } td small { color: var(--soft); }
.wide { display: block; min-width: 14rem; }
td.number small { display: block; font-size: 0.78rem; }
"""
# Places that are fitted to, and compared at each distance, where an encoder's resolution is read.
_FITTED, _COMPARED = 4_000, 800
_MOST_CURVES, _MOST_BARS = 6, 4
_LEAST_ON_A_MAP = 300


def look_closer(
    asked: Asked,
    results: dict[str, Any],
    folder: Path,
    *,
    data_root: Path | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> None:
    """Add to results what is known of each encoder without labels, and embed the world for maps.

    Args:
        asked: the encoders; `settings.imagery` is what their resolution is read from.
        results: of `suite.evaluate`; gets `intrinsic`.
        folder: keeps it.
        data_root: folder of the imagery.
        progress: told (encoders done, encoders in all).
        cancelled: asked between encoders.

    Raises:
        CancelledError: stopped; the same call goes on from there.
    """
    kept, globes = KeptScores(folder / "intrinsic"), Globes.of()
    places = _with_references(World.of())
    found: dict[str, Any] = {}
    shown = [*asked.candidates, *asked.drawn]
    for number, one in enumerate(shown):
        if cancelled is not None and cancelled():
            raise stopped()
        embedded = Embedded(one, folder / "embeddings")
        embedded(globes.lonlat)
        if one in asked.candidates:
            embedded(places)
            key = {"encoder": one.identity, "of": "intrinsic"}
            found[one.name] = kept.get(key, partial(_intrinsic, embedded))
            if asked.settings.imagery:
                of = {"encoder": one.identity, "imagery": list(asked.settings.imagery)}
                read = kept.get(of, partial(_resolution, embedded, asked, data_root))
                found[one.name] = {**found[one.name], **read}
        if progress is not None:
            progress(number + 1, len(shown))
    results["intrinsic"] = found


def _intrinsic(embedded: Embedded) -> dict[str, Any]:
    return look_into(embedded.values).plain()


def _resolution(embedded: Embedded, asked: Asked, data_root: Path | None) -> dict[str, Any]:
    """What it resolves of imagery, as `resolution` measures it; {} where there is no imagery."""
    places = locations(asked.source, data_root)
    try:
        images = [places.find(name, "imagery") for name in asked.settings.imagery]
    except InputError:
        return {}
    mask = land_mask()

    def land(lonlat: Floats) -> Bools:
        return mask(lonlat[:, 0], lonlat[:, 1])

    with tempfile.TemporaryDirectory() as scratch:
        show = shown_by_images(images, Path(scratch))
        reading = Reading(embedded.values, show, land, fitted=_FITTED, compared=_COMPARED)
        shares = reading.explained_by_distance()
    return {
        "explained": {f"{km:g}": share for km, share in shares.items()},
        "resolves_km": resolved(shares),
    }


def _with_references(world: World) -> Floats:
    return np.concatenate([world.lonlat, np.array([CONGO, EAST_COAST])])


def write_report(asked: Asked, results: Mapping[str, Any], folder: Path, path: Path) -> None:
    """Write the page, and a CSV and a JSON of its name beside it, in place of what is there.

    Args:
        asked: what was evaluated.
        results: of `suite.evaluate`, with what `look_closer` added.
        folder: of the run, which has predictions and embeddings.
        path: of the page.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tables = Tables(results)
    _Report(asked, results, tables, folder).page().write(path, overwrite=True)
    with (
        written_whole(path.with_suffix(".csv"), overwrite=True) as partly,
        open(partly, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_HEADER)
        writer.writerows(tables.csv_rows())
    with written_whole(path.with_suffix(".json"), overwrite=True) as partly:
        partly.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


class _Report:
    """A page, section by section."""

    def __init__(
        self, asked: Asked, results: Mapping[str, Any], tables: Tables, folder: Path
    ) -> None:
        self._asked, self._results, self._tables, self._folder = asked, results, tables, folder
        self._page = Page("What location embeddings are worth", MAP_STYLE + GLOBE_STYLE + _STYLE)
        self._shown = chosen(tables.encoders)

    def page(self) -> Page:
        self._opening()
        self._scores()
        self._published()
        self._continents()
        self._adaptation()
        self._curves()
        self._maps()
        self._world()
        self._without_labels()
        self._protocol()
        return self._page

    def _opening(self) -> None:
        tables, settings = self._tables, self._asked.settings
        first, rows = tables.encoders[0], tables.rows(RANDOM, self._head(RANDOM))
        best = _wins(rows)
        self._page.paragraph(
            f"{_count(len(tables.encoders), 'encoder')}, {_count(len(tables.tasks), 'task')}, "
            f"{settings.seeds} runs each: frozen embeddings, read by {WORDS[self._head(RANDOM)]}. "
            f"On random splits {_most(best, len(rows))}.",
            "lead",
        )
        self._page.paragraph(
            "Random splits flatter whatever is smooth in space: test samples have neighbours that "
            f"were fitted to. {self._shows_that()} how much of a score that is. Differences are "
            f"tested against {first}."
        )
        unfinished = self._unfinished()
        if unfinished:
            self._page.paragraph(unfinished, "warn")

    def _shows_that(self) -> str:
        """What was evaluated beside random splits, as the beginning of a sentence."""
        settings = self._asked.settings
        controls = [name for name in ("identity", "untrained") if name in self._tables.encoders]
        parts = ["blocks" if any(s != RANDOM for s in settings.splits) else "",
                 "held-out continents" if settings.adaptation.continents else "",
                 f"the controls ({', '.join(controls)})" if controls else ""]  # fmt: skip
        said = [part for part in parts if part] or ["other splits and encoders"]
        words = ", ".join(said[:-1]) + (" and " if said[1:] else "") + said[-1]
        return f"{words[0].upper()}{words[1:]} show"

    def _unfinished(self) -> str:
        """Says so where some scores were not computed yet."""
        names, gaps = self._tables.encoders, []
        for split in self._asked.settings.splits:
            for head in self._asked.settings.heads:
                own = self._tables.rows(RANDOM if head == RANGE else split, head)
                wanted = sum(
                    len(names)
                    for task in self._results["tasks"]
                    if split in task["splits"] and not (head == GAUSSIAN and task["classes"])
                )
                if sum(len(row) for row in own.values()) < wanted and (
                    head != RANGE or split == RANDOM
                ):
                    gaps.append(f"{WORDS[head]} ({Split.named(split).words})")
        return f"Not all scores were computed: {', '.join(gaps)}." if gaps else ""

    def _head(self, split: str) -> str:
        """The head that stands first: the MLP, where it was asked for."""
        heads = self._asked.settings.heads
        return next(head for head in (MLP, RIDGE, KNN, GAUSSIAN, RANGE, heads[0]) if head in heads)

    def _scores(self) -> None:
        self._page.heading("Scores")
        self._page.paragraph(
            "Mean over the runs, standard deviation below it: R² of numbers, accuracy of classes. "
            "The best of a row that has not seen its label is bold."
        )
        for split in self._asked.settings.splits:
            heads = [h for h in (MLP, RIDGE, KNN, GAUSSIAN) if self._tables.rows(split, h)]
            for number, head in enumerate(heads):
                caption = f"{WORDS[head]}, {Split.named(split).words} split"
                made = self._score_table(self._tables.rows(split, head), caption)
                self._page.html(made if number == 0 else details(caption, made))
        if rows := self._tables.rows(RANDOM, RANGE):
            caption = "RANGE's protocol: ridge regression, 80/20, embeddings scaled to 0..1"
            self._page.html(details(caption, self._score_table(rows, caption)))
        self._page.paragraph(NOTE)

    def _score_table(self, rows: Mapping[str, Row], caption: str) -> str:
        names = self._tables.encoders
        columns = [Column("task", number=False), *(Column(name) for name in names)]
        body = []
        for task, row in rows.items():
            fair = [row[name].mean for name in names if name in row and not row[name].leaked]
            best = max(fair, default=np.inf)
            cells = [_score_cell(row.get(name), best) for name in names]
            body.append([text(task.replace("_", " ")), *cells])
        return table(columns, body, caption=caption)

    def _published(self) -> None:
        made = []
        for one in published_tables():
            rows = self._tables.rows(RANDOM, one.head)
            known = {task: said for task, said in one.tasks.items() if task in rows}
            if not known:
                continue
            names = list(dict.fromkeys(name for said in known.values() for name in said["scores"]))
            ours = [name for name in OURS if name in self._tables.encoders]
            columns = [
                Column("task", number=False), *(Column(name) for name in names),
                *(Column(f"ours: {name}") for name in ours), Column("data", number=False),
            ]  # fmt: skip
            body = [
                [
                    text(task.replace("_", " ")),
                    *(_number(said["scores"].get(name)) for name in names),
                    *(_score_cell(rows[task].get(name), np.inf) for name in ours),
                    f'<span class="wide">{text(said["data"])}</span>',
                ]
                for task, said in known.items()
            ]
            made.append(table(columns, body, caption=f"{one.title}: {one.source}"))
        if made:
            self._page.heading("Beside published scores")
            self._page.html("".join(made))

    def _continents(self) -> None:
        head = self._head(RANDOM)
        tasks = [
            (task, row)
            for task, row in self._tables.rows(RANDOM, head).items()
            if any(run.get("continents") for entry in row.values() for run in entry.record["runs"])
        ]
        if not tasks:
            return
        self._page.heading("By continent")
        for number, (task, row) in enumerate(_varied(tasks, self._tables.classes)[:_MOST_BARS]):
            classes = self._tables.classes[task]
            key = "accuracy" if classes else "error"
            scores = _by_continent(row, self._shown, key)
            unit = "accuracy" if classes else "mean absolute error, in standard deviations"
            title = task.replace("_", " ")
            self._page.figure(
                f"{title}: {unit}",
                bars_by_continent(
                    f"continent-{number}", scores, unit, share=classes,
                    alt=f"{title} by continent: {unit} of {', '.join(self._shown)}",
                ),
                f"{WORDS[head]}, random split; means over the runs with their standard deviation. "
                f"{'More' if classes else 'Less'} is better.",
            )  # fmt: skip

    def _adaptation(self) -> None:
        head = self._head(RANDOM)
        splits = [s for s in self._tables.splits(head) if Split.named(s).continent is not None]
        if not splits:
            return
        self._page.heading("Continents held out")
        share = self._asked.settings.adaptation.few_share
        self._page.paragraph(
            "Fitted to samples elsewhere and tested on the continent, with no sample of it "
            f"(zero-shot) or {share:.0%} of its samples (few-shot). R² below 0 is worse than the "
            "continent's own mean."
        )
        for split in splits:
            rows = self._tables.rows(split, head)
            self._page.html(self._score_table(rows, f"{Split.named(split).words}; {WORDS[head]}"))
            if other := self._tables.rows(split, RIDGE if head != RIDGE else KNN):
                caption = f"{Split.named(split).words}; {WORDS[RIDGE]}"
                self._page.html(details(caption, self._score_table(other, caption)))

    def _curves(self) -> None:
        curves = self._tables.curves
        if not curves:
            return
        self._page.heading("How many labels")
        for number, (task, own) in enumerate(list(curves.items())[:_MOST_CURVES]):
            lines = {name: own[name] for name in self._shown if name in own}
            measure = "accuracy" if self._tables.classes[task] else "R²"
            title = task.replace("_", " ")
            alt = f"{measure} of {title} by the number of labels, for {', '.join(lines)}"
            self._page.figure(
                title, learning_curve(f"curve-{number}", lines, measure, alt),
                "Ridge regression, random split; three in four labels are fitted to, one in four "
                "chooses the penalty.",
            )  # fmt: skip

    def _maps(self) -> None:
        """Predicted against true, of tasks all over the globe (SatCLIP's figure 5)."""
        head = self._head(RANDOM)
        rows = self._tables.rows(RANDOM, head)
        for task in self._asked.tasks:
            spread = np.ptp(task.lonlat[:, 0]) > 180
            if (
                task.classes
                or not spread
                or len(task.target) < _LEAST_ON_A_MAP
                or task.name not in rows
            ):
                continue
            columns = {"true": task.target.astype(np.float64)}
            for name in dict.fromkeys((self._tables.encoders[0], "geoclip", "identity")):
                if name not in rows[task.name]:
                    continue
                said = self._predictions(name, task.name, head)
                if said is not None:
                    columns[f"predicted by {name}"] = said
            if len(columns) < 2:
                continue
            test = self._test_rows(task.name)
            columns = {heading: values[test] for heading, values in columns.items()}
            self._page.heading(f"Predicted and true: {task.name.replace('_', ' ')}")
            title = task.name.replace("_", " ")
            for heading, made in value_maps("true", task.lonlat[test], columns, title):
                caption = f"Test samples of the first run, means in cells of 3°; {WORDS[head]}."
                self._page.figure(heading, made, caption)
            return

    def _predictions(self, encoder: str, task: str, head: str) -> Floats | None:
        words = f"{encoder}--{task}--{RANDOM}--{head}"
        safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in words)
        path = self._folder / "predictions" / f"{safe}.npy"
        return np.load(path).astype(np.float64) if path.is_file() else None

    def _test_rows(self, task: str) -> Any:
        found = next((self._folder / "splits").glob(f"{task}--{RANDOM}--*.npz"))
        with np.load(found) as file:
            return file["0/test"]

    def _world(self) -> None:
        if "intrinsic" not in self._results:
            return
        globes, shown = Globes.of(), [*self._asked.candidates, *self._asked.drawn]
        self._page.heading("The world in three components")
        self._page.paragraph(
            "The first three principal components over land as red, green, blue: places of one "
            "colour are alike to the encoder. Colours of two encoders do not compare."
        )
        for number, one in enumerate(shown):
            values = np.load(Embedded(one, self._folder / "embeddings")(globes.lonlat))
            drawn = globes.render(f"globes-{number}", values, f"Three globes of {one.name}")
            self._page.figure(one.name, drawn, one.words)
        self._similar()

    def _similar(self) -> None:
        """The world compared with two places (SatCLIP's figure 6b)."""
        world = World.of()
        places = _with_references(world)
        self._page.heading("Like the Congo Basin, like the US East Coast")
        for number, one in enumerate(self._asked.candidates):
            if one.name not in self._shown:
                continue
            values = np.load(Embedded(one, self._folder / "embeddings")(places))
            for row, (place, at) in enumerate(
                (("Congo Basin", CONGO), ("US East Coast", EAST_COAST))
            ):
                picture, legend = similarity_map(
                    f"like-{number}-{row}", world, values[:-2], values[len(world.lonlat) + row], at,
                    f"World map of the similarity to the {place} by {one.name}",
                )  # fmt: skip
                self._page.figure(f"{one.name}: {place}", picture + legend, "Dot: the place.")

    def _without_labels(self) -> None:
        looked: Mapping[str, Mapping[str, Any]] = self._results.get("intrinsic", {})
        if not looked:
            return
        self._page.heading("Without labels")
        self._page.paragraph(
            "Intrinsic dimension by TwoNN over land, effective rank, the distance at which places "
            "differ by half of all there is, and the distance that is resolved: where half of the "
            "squared difference of Blue Marble's pixels is read from the embedding."
        )
        names = ("numbers", "effective rank", "intrinsic dimension", "half at", "resolves")
        columns = [Column("encoder", number=False), *map(Column, names)]
        body = [
            [
                text(name),
                str(found["dim"]),
                said(found["effective_rank"]),
                _or_dash(found["dimension"]),
                _or_dash(found["half_km"], " km"),
                _or_dash(found.get("resolves_km"), " km"),
            ]
            for name, found in looked.items()
        ]
        self._page.html(table(columns, body))
        shown = {name: looked[name] for name in self._shown if name in looked}
        self._page.figure(
            "Smoothness",
            spectrum("spectrum", shown, "Share of the variance by distance"),
            "Half the mean squared difference of two places by the distance between them, as a "
            "share of the variance over land: how much varies at which scale.",
        )
        for number, (name, found) in enumerate(list(shown.items())[:2]):
            local = np.array([np.nan if v is None else v for v in found["local"]], float)
            known = np.isfinite(local)
            if known.any():
                maps = value_maps(
                    f"local-{number}", np.array(found["lonlat"])[known],
                    {f"intrinsic dimension around places: {name}": local[known]}, "dimension",
                )  # fmt: skip
                for heading, picture in maps:
                    self._page.figure(heading, picture, "TwoNN of the 150 nearest of 4,000 places.")

    def _protocol(self) -> None:
        self._page.heading("How it was measured")
        results, settings = self._results, self._asked.settings
        plan = asdict(self._asked.plan)
        space = plan.pop("space")
        columns = [Column("task", number=False), Column("samples"), Column("classes"),
                   Column("source", number=False), Column("licence", number=False)]  # fmt: skip
        body = [
            [text(one["name"]), f"{one['count']:,}", str(one["classes"] or "–"),
             text(one["source"]), text(one["licence"] or "–")]
            for one in results["tasks"]
        ]  # fmt: skip
        self._page.html(table(columns, body, caption="Tasks"))
        columns = [Column("encoder", number=False), Column("what it is", number=False),
                   Column("labels seen", number=False)]  # fmt: skip
        body = [
            [text(one["name"]), text(one["words"]), text(", ".join(one["leaks"]) or "–")]
            for one in results["encoders"]
        ]
        self._page.html(table(columns, body, caption="Encoders"))
        seconds = sum(record["seconds"] for record in results["records"])
        searched = (
            f"random search: {plan['trials']} settings on the first run's validation part; layers "
            f"{_list(space['layers'])}, width {_list(space['widths'])}, rate "
            f"{_list(space['rates'])} (log), decay {_list(space['decays'])} (log), dropout "
            f"{_list(space['dropouts'])}, scaling of the embeddings {_list(space['scalings'])}; "
            f"AdamW, at most {plan['steps']} steps of {plan['batch']} samples, early stopping "
            f"after {plan['patience']}; then {settings.seeds} runs, each with a split and weights "
            "of its own; with a continent held out the settings found at random"
        )
        facts = {
            "splits": "30 % fitted to, 10 % chosen by, 60 % tested on; of blocks as of points. "
            "Continents: 30 and 10 % of the samples elsewhere",
            "MLP": searched,
            "ridge": "embeddings standardised, penalty by validation; classes by indicators",
            "neighbours": "of standardised embeddings, how many by validation",
            "Gaussian process": "on place and embedding, fitted to training and validation "
            "samples, as it chooses nothing by the latter; numbers alone",
            "test": "corrected resampled t-test (Nadeau & Bengio 2003), Holm over a row",
            "computing": f"{seconds / 60:.0f} minutes of a processor, without embedding",
            "made": f"satclip-embeddings {__version__}, {date.today().isoformat()}",
        }
        rows = [(name, text(words)) for name, words in facts.items()]
        self._page.facts([*rows, ("again", code(self._asked.command))])


def _score_cell(entry: Entry | None, best: float) -> str:
    if entry is None:
        return "–"
    number = f"{entry.mean:.3f}".replace("-", "\N{MINUS SIGN}")
    if not entry.leaked and entry.mean >= best:
        number = f"<strong>{number}</strong>"
    return f"{number}{escape(entry.mark)}<small>±{entry.deviation:.3f}</small>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def _or_dash(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{said(value)}{unit}"


def _list(values: Sequence[Any]) -> str:
    return ", ".join(
        f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in values
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wins(rows: Mapping[str, Row]) -> dict[str, int]:
    """How many rows each encoder is best in, of those that have not seen the label."""
    found: dict[str, int] = {}
    for row in rows.values():
        fair = {name: entry.mean for name, entry in row.items() if not entry.leaked}
        if fair:
            name = max(fair, key=lambda one: fair[one])
            found[name] = found.get(name, 0) + 1
    return found


def _most(wins: Mapping[str, int], rows: int) -> str:
    ordered = sorted(wins.items(), key=lambda one: -one[1])
    if rows == 1 and ordered:
        return f"{ordered[0][0]} is best, among those that have not seen the label"
    said_of = [f"{name} is best in {count}" for name, count in ordered[:3]]
    return f"{', '.join(said_of)} of {rows}, among those that have not seen the label"


def _varied(tasks: list[tuple[str, Row]], classes: Mapping[str, bool]) -> list[tuple[str, Row]]:
    """Tasks of classes and of numbers by turns."""
    kinds = [[one for one in tasks if classes[one[0]] == kind] for kind in (True, False)]
    longest = max(len(kind) for kind in kinds)
    return [kind[index] for index in range(longest) for kind in kinds if index < len(kind)]


def _by_continent(
    row: Row, names: Sequence[str], key: str
) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and deviation over the runs, by continent and encoder."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name in (one for one in names if one in row):
        runs = [run["continents"] for run in row[name].record["runs"]]
        for continent in sorted({continent for run in runs for continent in run}):
            values = [run[continent][key] for run in runs if continent in run]
            own = found.setdefault(continent, {})
            own[name] = float(np.mean(values)), deviation(values)
    return dict(sorted(found.items()))
