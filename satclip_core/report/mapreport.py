"""The report of a map from samples: how good it is, where, and by which samples, on one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, ClassVar, Union

import numpy as np
from numpy.typing import NDArray

from ..analysis.folds import KNNDM, RANDOM
from ..analysis.transforms import NONE
from ..errors import InputError, OutputError, SatclipError
from ..files import Target, check_apart, written_whole
from ..grid.crs_backend import brief
from ..grid.pixels import Locator
from ..products.classification import CLASS_WORDS
from ..products.covariates import with_covariates
from ..products.evidence import ClassEvidence, NumberEvidence
from ..products.legend import Legend
from ..products.maps import MapModel, MappedClasses, MappedValue
from ..products.product import Ready
from ..products.regression import LEVEL, WORDS
from ..raster.blocks import blocks
from ..raster.request import RasterJob
from ..types import Bools, Cancelled, Float32, Floats
from ..version import __version__
from . import cartography
from .cartography import MapFrame, classes_png, coarse_grid, hatch_legend, ramp_legend
from .evidence_figures import (
    Figure,
    Suspects,
    confusion,
    distances,
    drawn,
    influential,
    interval_coverage,
    observed_against_predicted,
    reliability_diagram,
    residual_variogram,
    some,
    surely_wrong,
)
from .page import SUFFIXES as PAGES
from .page import Column, Page, code, key, table, text
from .pictures import EARTH, VIRIDIS, Ramp
from .svg import said

MapJob = Union["RasterJob[MappedValue]", "RasterJob[MappedClasses]"]
Worded = Callable[[SatclipError], str]
_DATA = ".json"
# Samples drawn on the map of the folds, pixels whose distances are looked at, classes in a key.
_MOST_ON_MAP, _PIXELS, _MOST_KEYS = 2000, 1000, 24
# Share of pixels outside the area of applicability that is worth a warning.
_OUTSIDE = 0.1


def is_page(path: str | os.PathLike[str]) -> bool:
    """Whether a report of that name is a page; else it is JSON.

    Raises:
        OutputError: the name ends in neither .html nor .json.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (*PAGES, _DATA):
        raise OutputError(
            f"the report {Path(path)} is neither a page nor data by its name: let it end in "
            ".html or .json"
        )
    return suffix in PAGES


def report_target(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    apart: Iterable[str | os.PathLike[str] | None] = (),
) -> Target:
    """A report to write, looked at before anything is computed for it.

    Args:
        path: the file.
        overwrite: whether an existing file may be replaced.
        apart: files that the same request reads or writes; None where there is none.

    Raises:
        OutputError: it cannot be written, is one of the others, or is no report by its name.
    """
    check_apart(Path(path), apart)
    target = Target.of(path, overwrite=overwrite)
    is_page(target)
    return target


def write_map_report(
    path: str | os.PathLike[str],
    job: MapJob,
    *,
    raster: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    worded: Worded = str,
    cancelled: Cancelled | None = None,
) -> Path:
    """Write what is known of a map: a page to read (.html), or its numbers (.json).

    Args:
        path: of the report; what `report_target` gave is not looked at again.
        job: of the map; for a page fitted from `MapOf(…, evidence=True)`.
        raster: the map's own file, to be named.
        overwrite: whether an existing file may be replaced.
        worded: says what is doubtful in a client's words.
        cancelled: asked now and then.

    Raises:
        OutputError: it cannot be written, or is no report by its name.
        InputError: a page is wanted of a map that was fitted without keeping what it shows.
        CancelledError: `cancelled` said so.
    """
    target = report_target(path, overwrite=overwrite)
    if is_page(target):
        page = map_page(job, raster=raster, worded=worded, cancelled=cancelled)
        return page.write(target)
    content = json.dumps(job.product.model.report, indent=1, ensure_ascii=False)
    with written_whole(target) as temporary:
        temporary.write_text(content + "\n", "utf-8")
    return target.path


def map_page(
    job: MapJob,
    *,
    raster: str | os.PathLike[str] | None = None,
    worded: Worded = str,
    cancelled: Cancelled | None = None,
) -> Page:
    """The page of `write_map_report`."""
    model = job.product.model
    if model.evidence is None:
        raise InputError(
            f"the map of {model.name!r} was fitted without keeping what a page shows: fit it from "
            "its samples, with their evidence kept"
        )
    written = _MapReport(job, model.evidence, _Drawn.of(job, cancelled), raster, worded)
    return written.page()


@dataclass(frozen=True)
class _Drawn:
    """The map at a size for a page.

    Attributes:
        locator: of its pixels.
        bands: (bands, rows, cols) of numbers with their error, or of classes with probabilities.
        pixels: (M, 2) degrees of pixels drawn at random; None where there are none.
    """

    locator: Locator
    bands: NDArray[Any]
    pixels: Floats | None

    @classmethod
    def of(cls, job: MapJob, cancelled: Cancelled | None) -> _Drawn:
        locator = Locator(coarse_grid(job.request.grid), job.locator.mask)
        product: MappedValue | _Classes
        if isinstance(job.product, MappedValue):
            product = replace(job.product, uncertainty=True)
        else:
            product = _Classes(replace(job.product, probabilities=True, uncertainty=False))
        out = np.empty((len(product.bands), *locator.grid.shape), product.dtype)
        threads = job.request.options.threads
        for window, bands in blocks(
            locator, job.encoder, product, threads=threads, cancelled=cancelled
        ):
            rows = slice(window.row, window.row + window.height)
            out[:, rows, window.col : window.col + window.width] = bands
        try:
            pixels = with_covariates(job.locator.sample(_PIXELS), job.product.covariates)
        except InputError:  # a mask leaves none
            pixels = None
        return cls(locator, out, pixels)


class _Classes(Ready):
    """Classes with probabilities and, at last, whether they hold: 1 inside their area, else 0."""

    dtype, nodata, scale, legend = "float32", float("nan"), None, None
    colours: tuple[str, ...] = ()
    tags: ClassVar[dict[str, str]] = {}

    def __init__(self, product: MappedClasses) -> None:
        self._product = product

    @property
    def bands(self) -> tuple[str, ...]:
        return (*self._product.bands, "area of applicability")

    def __call__(self, embeddings: Float32) -> Float32:
        raise InputError("where classes hold depends on the place: give that too, with `at`")

    def at(self, embeddings: Float32, lons: Floats, lats: Floats) -> Float32:
        """(rows, cols, dim) and (rows, cols) degrees -> (bands, rows, cols)."""
        out = np.full((len(self.bands), *lons.shape), np.nan, np.float32)
        predictors, known = self._product.known(embeddings, lons, lats)
        if known.any():
            out[:-1, known] = self._product.at(embeddings, lons, lats)[:, known]
            area = self._product.model.area
            out[-1, known] = 1
            if area is not None:
                out[-1, known] = area.unlike(predictors) <= area.applicability.threshold
        return out


class _MapReport:
    """What a page says of a map, section by section."""

    def __init__(
        self,
        job: MapJob,
        evidence: NumberEvidence | ClassEvidence,
        drawn_map: _Drawn,
        raster: str | os.PathLike[str] | None,
        worded: Worded,
    ) -> None:
        self._worded = worded
        self._job, self._evidence, self._drawn = job, evidence, drawn_map
        self._model: MapModel = job.product.model
        self._report = self._model.report
        self._raster = raster
        within = self._report.get("within") or {}
        self._local = within.get("score") is not None
        self._score: dict[str, Any] = within.get("score") or self._report["score"]

    @property
    def _called(self) -> dict[str, str]:
        """What methods are called."""
        return WORDS if self._model.legend is None else CLASS_WORDS

    def page(self) -> Page:
        """The whole of it."""
        title = f"Map of {self._model.name}: how good it is, and where"
        page = Page(title, cartography.STYLE)
        page.paragraph(self._headline(), "lead")
        page.paragraph(self._tested())
        for warning in self._warnings():
            page.paragraph(warning, "warn")
        page.cards(self._cards())
        legend = self._model.legend
        suspects = self._suspects(legend)
        self._maps(page, legend)
        page.heading("How it was tested")
        self._add(page, self._folds())
        self._add(page, distances(self._evidence, self._drawn.pixels))
        page.heading("What left-out samples say")
        for figure in self._tests(legend):
            self._add(page, figure)
        if suspects is not None:
            page.heading("Samples to look at again")
            page.paragraph(suspects.words)
            page.html(suspects.table)
            self._add(page, self._where(suspects))
        page.heading("What was mapped, and how")
        page.facts(self._facts())
        page.html(self._methods())
        page.html(f"<footer>satclip-embeddings {text(__version__)}. {_READING}</footer>")
        return page

    def _add(self, page: Page, figure: Figure) -> None:
        page.figure(figure.heading, figure.picture, figure.caption, figure.below)

    # --- in words ---------------------------------------------------------------------------

    def _headline(self) -> str:
        """The score as a sentence."""
        score = self._score
        where = {
            KNNDM: "at places as far from the samples as those of this map are",
            RANDOM: "at places near other samples",
        }.get(self._report["validation"]["kind"], "in areas that it has not seen")
        if self._model.legend is not None:
            sizes = [one["samples"] for one in self._report["classes"]]
            common = 100 * max(sizes) / sum(sizes)
            return (
                f"The map names the right class for {100 * score['accuracy']:.0f} % of the samples "
                f"{where}. To name the commonest class everywhere would be right for "
                f"{common:.0f} %."
            )
        if not score["r2"] > 0:
            return (
                f"Do not trust this map: {where}, it is no better than the mean of all samples "
                f"(R² {score['r2']:.2f}, errors of ± {said(score['rmse'])})."
            )
        return (
            f"The map explains {100 * score['r2']:.0f} % of the differences of "
            f"{self._model.name} {where}, ± {said(score['rmse'])}."
        )

    def _tested(self) -> str:
        report = self._report
        folds, count = report["validation"]["words"], report["samples"]
        words = (
            f"Predicted by {self._called[report['method']]}. Tested on {count:,} samples, each "
            f"left out with its fold: {folds}."
        )
        within = report.get("within")
        if within is None or within["samples"] == count:
            return words
        on_map = within["samples"]
        if self._local:
            return (
                f"{words} The scores here are those of the {on_map:,} samples on the map; the "
                "figures below show all."
            )
        return (
            f"{words} Only {on_map:,} of them lie on the map, too few for a score of their own: "
            "the scores here are those of all."
        )

    def _warnings(self) -> list[str]:
        warnings = []
        share = self._report.get("pixels_outside") or 0.0
        if share > _OUTSIDE:
            warnings.append(
                f"{100 * share:.0f} % of the map is more unlike all samples than these are each "
                "other (outside the area of applicability, hatched): the errors stated here do "
                "not hold there."
            )
        if self._report["validation"]["kind"] == RANDOM:
            warnings.append(
                "Folds were drawn at random: samples had near neighbours among those learnt from, "
                "which flatters a map of places that have none."
            )
        return [*warnings, *(self._worded(doubt) for doubt in self._evidence.samples.doubts)]

    def _cards(self) -> list[tuple[str, str, str]]:
        score, report = self._score, self._report
        if self._model.legend is not None:
            return [
                ("Accuracy", f"{100 * score['accuracy']:.1f} %", "of samples named rightly"),
                ("Balanced accuracy", f"{100 * score['balanced_accuracy']:.1f} %",
                 "mean of the classes"),
                ("Macro F1", f"{score['macro_f1']:.3f}", "mean of the classes"),
                ("Calibration error", f"{report['expected_calibration_error']:.3f}",
                 "of the probabilities"),
                ("Samples", f"{report['samples']:,}", f"of {len(report['classes'])} classes"),
            ]  # fmt: skip
        cards = [
            ("R²", f"{score['r2']:.3f}", "share explained"),
            ("RMSE", said(score["rmse"], 4), "root mean squared error"),
            ("MAE", said(score["mae"], 4), "mean absolute error"),
            ("Bias", said(score["bias"], 2), "predicted less observed"),
            (f"{100 * LEVEL:.0f} % interval", f"{100 * report['interval']['cover']:.1f} %",
             "of samples it held"),
        ]  # fmt: skip
        if report.get("pixels_outside") is not None:
            share = 100 * report["pixels_outside"]
            cards.append(("Outside", f"{share:.0f} %", "of the map, beyond what samples tell"))
        return [*cards, ("Samples", f"{report['samples']:,}", "learnt from")]

    # --- maps -------------------------------------------------------------------------------

    def _maps(self, page: Page, legend: Legend | None) -> None:
        page.heading("The map, and its error")
        if legend is None:
            self._number_maps(page)
        else:
            self._class_maps(page, legend)

    def _number_maps(self, page: Page) -> None:
        bands, name = self._drawn.bands.astype(np.float64), self._model.name
        outside, told = self._outside(5)
        layers = (
            ("map", "The map", f"{name}, predicted", VIRIDIS, bands[0],
             f"The map of {name}."),
            ("error", "Its standard error", f"standard error of {name}", EARTH, bands[1],
             "How far a new sample would be off, as one standard error."),
        )  # fmt: skip
        for key_name, heading, title, stops, band, caption in layers:
            ramp = Ramp.over(stops, band, zero=False)
            frame = MapFrame(self._drawn.locator).pixels(ramp.png(band.copy()))
            frame.hatched(outside, key_name)
            alt = f"{heading}: {title} from {said(ramp.low)} to {said(ramp.high)}.{told}"
            if any(ramp.beyond):
                caption += " Colours end at the 2nd and 98th percentile of the pixels."
            below = ramp_legend(ramp, title, key_name) + _hatch_key(outside, key_name)
            page.figure(heading, frame.render(key_name, alt) + below, caption)

    def _outside(self, band: int) -> tuple[Bools, str]:
        """Pixels (rows, cols) outside the area of applicability, and what is said of them."""
        bands = self._drawn.bands
        outside: Bools = bands[band] == 0
        share = float(outside.sum() / max(int(np.isfinite(bands[0]).sum()), 1))
        return outside, f" Hatched, outside the area of applicability: {100 * share:.0f} % of it."

    def _class_maps(self, page: Page, legend: Legend) -> None:
        bands, name = self._drawn.bands, self._model.name
        outside, told = self._outside(-1)
        entries, shares = self._class_key(legend)
        frame = MapFrame(self._drawn.locator)
        frame.pixels(classes_png(bands[0], legend.codes, legend.colours)).hatched(outside, "map")
        more = len(np.unique(bands[0][np.isfinite(bands[0])])) - len(entries)
        page.figure(
            "The map",
            frame.render("map", f"Map of {name}: {shares}.{told}") + _hatch_key(outside, "map"),
            f"The most probable class of {name}, with its share of the pixels"
            + (f"; {more} more classes are rarer." if more > 0 else "."),
            key(entries),
        )
        doubt = 100.0 - bands[1:-1].max(axis=0).astype(np.float64)
        ramp = Ramp.over(EARTH, doubt, zero=True)
        frame = MapFrame(self._drawn.locator).pixels(ramp.png(doubt.copy()))
        frame.hatched(outside, "error")
        title = "chance that the class is wrong, %"
        middle = said(float(np.nanmedian(doubt))) if np.isfinite(doubt).any() else "unknown"
        alt = f"Chance that the class of the map is wrong: median {middle} %.{told}"
        caption = "What the probabilities leave to all other classes."
        below = ramp_legend(ramp, title, "error") + _hatch_key(outside, "error")
        page.figure("Where it is in doubt", frame.render("error", alt) + below, caption)

    def _class_key(self, legend: Legend) -> tuple[list[tuple[str, str]], str]:
        """Colours with names and shares, the commonest class first, and the first in words."""
        codes = self._drawn.bands[0]
        sizes = [int((codes == code_).sum()) for code_ in legend.codes]
        order = [int(i) for i in np.argsort(sizes)[::-1] if sizes[i] > 0]
        names = [f"{legend.names[i]} ({_part(sizes[i] / sum(sizes))})" for i in order]
        colours = ["#{:02x}{:02x}{:02x}".format(*legend.colours[i]) for i in order]
        return list(zip(colours, names))[:_MOST_KEYS], ", ".join(names[:6])

    def _folds(self) -> Figure:
        samples, folds = self._evidence.samples, self._evidence.folds
        on_map = np.flatnonzero(self._drawn.locator.holds(samples.lonlat))
        rows = on_map[some(len(on_map), _MOST_ON_MAP)]
        frame = self._backdrop()
        size = 4.0 if len(rows) <= 400 else 2.8
        for fold in range(int(folds.max()) + 1):
            own = rows[folds[rows] == fold]
            frame.shapes(samples.lonlat[own], fold % 5, size=size)
        off = len(samples) - len(on_map)
        elsewhere = f" {off:,} samples lie off the map." if off else ""
        count = int(folds.max()) + 1
        return Figure(
            "Samples by fold",
            frame.render("folds", f"{len(rows):,} samples on the map in {count} folds."),
            f"{count} folds, a colour and shape each: all of one are left out together."
            + drawn(len(rows), len(on_map), "samples on the map")
            + elsewhere,
        )

    def _backdrop(self) -> MapFrame:
        """The map, faint, to draw on."""
        bands, legend = self._drawn.bands, self._model.legend
        if legend is None:
            band = bands[0].astype(np.float64)
            grey = ("#50575f", "#f2f4f6")
            png = Ramp.over(grey, band).png(band.copy())
        else:
            greys = [(round(0.3 * r + 0.59 * g + 0.11 * b),) * 3 for r, g, b in legend.colours]
            png = classes_png(bands[0], legend.codes, tuple(greys))
        return MapFrame(self._drawn.locator).pixels(png, faint=True)

    def _where(self, suspects: Suspects) -> Figure:
        places = self._evidence.samples.lonlat[suspects.rows]
        on_map = int(self._drawn.locator.holds(places).sum())
        frame = self._backdrop().numbered(places)
        off = len(places) - on_map
        return Figure(
            "Where they lie",
            frame.render("suspects", f"{on_map} of these samples, numbered as in the table."),
            "Numbers are those of the table."
            + (f" {off} of these samples lie off the map." if off else ""),
        )

    # --- tests ------------------------------------------------------------------------------

    def _tests(self, legend: Legend | None) -> list[Figure]:
        evidence, report = self._evidence, self._report
        if legend is not None:
            return [reliability_diagram(report), confusion(report["score"], legend)]
        if not isinstance(evidence, NumberEvidence):
            return []
        found = residual_variogram(evidence, report)
        return [
            observed_against_predicted(evidence, self._model.name),
            interval_coverage(evidence),
            *([] if found is None else [found]),
        ]

    def _suspects(self, legend: Legend | None) -> Suspects | None:
        if isinstance(self._evidence, NumberEvidence):
            return influential(self._evidence, self._model.name)
        return None if legend is None else surely_wrong(self._evidence, legend)

    # --- facts ------------------------------------------------------------------------------

    def _facts(self) -> list[tuple[str, str]]:
        report, grid = self._report, self._job.request.grid
        rows = [("Field", text(self._model.name))]
        if self._raster is not None:
            rows.append(("Raster", code(Path(self._raster).name)))
        height, width = grid.shape
        bounds = " ".join(f"{value:.10g}" for value in grid.bounds)
        rows.append(("Pixels", text(f"{width:,} × {height:,} in {brief(grid.crs)}")))
        rows.append(("Extent", f"{code(bounds)} (west south east north)"))
        rows.append(("Samples", text(self._said_samples())))
        rows += [("", text(line)) for line in self._evidence.samples.account]
        rows.append(("Folds", text(self._said_folds())))
        if report.get("groups") is not None:
            rows.append(("Groups", text(f"{report['groups']}, each left out whole")))
        if report.get("weighted"):
            rows.append(("Weights", text("samples count by their weights, in scores too")))
        for one in report.get("covariates") or []:
            rows.append(("Covariate", text(f"{one['name']} ({one['source']})")))
        if report.get("transform", NONE) != NONE:
            words = f"{report['transform']}: learnt on that scale and taken back, as medians"
            rows.append(("Transform", text(words)))
        model = f"{self._model.model}, weights SHA-256 "
        rows.append(("Embedding", text(model) + code(self._model.sha256[:16])))
        command = self._job.request.options.tags.get("command")
        return [*rows, *([("Command", code(command))] if command else [])]

    def _said_samples(self) -> str:
        report = self._report
        if self._model.legend is not None:
            classes = report["classes"]
            return f"{report['samples']:,} of {len(classes)} classes"
        values = report["values"]
        return (
            f"{report['samples']:,}, from {said(values['least'], 4)} to "
            f"{said(values['largest'], 4)}, mean {said(values['mean'], 4)}"
        )

    def _said_folds(self) -> str:
        validation = self._report["validation"]
        if "mismatch_km" not in validation:
            return str(validation["words"])
        return (
            f"{validation['words']}: the distances of left-out samples and of pixels differ by "
            f"{said(validation['mismatch_km'])} km in the mean (Wasserstein), with random folds by "
            f"{said(validation['mismatch_of_random_folds_km'])} km"
        )

    def _methods(self) -> str:
        """What was tried, what was chosen, and how."""
        report, columns, rows = self._report, [Column("method", number=False)], []
        tried: dict[str, dict[str, float]] = report["methods"]
        names = [name for name in _SCORES if all(name in score for score in tried.values())]
        columns += [Column(_SCORES[name]) for name in names]
        for name, score in tried.items():
            numbers = [said(score[one], 3 if one in _SHARES else 4) for one in names]
            rows.append([text(f"{name}: {self._called[name]}"), *numbers])
        method = report["method"]
        chosen = [index for index, name in enumerate(tried) if name == method]
        caption = f"Method: {method} ({self._called[method]})"
        shares = report.get("weights") or {}
        if len(shares) > 1:
            parts = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items())
            caption += f": {parts}, weights that err least on left-out samples"
        elif len(tried) > 1:
            caption += ", which errs least on left-out samples, or is simpler and as good"
        return table(columns, rows, caption=caption, marked=chosen if len(tried) > 1 else [])


def _hatch_key(outside: Bools, name: str) -> str:
    return hatch_legend("outside the area of applicability", name) if outside.any() else ""


_SHARES = ("r2", "bias", "accuracy", "macro_f1")
# Scores of a method that are shown beside each other, with what they are called.
_SCORES = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "bias": "bias", "accuracy": "accuracy",
           "macro_f1": "macro F1", "log_loss": "log-loss"}  # fmt: skip


def _part(share: float) -> str:
    """A share of the pixels that is not nothing."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


_READING = (
    "R² compares squared errors with those of the mean of all samples: 1 is perfect, 0 no better. "
    "Dissimilarity and area of applicability: Meyer &amp; Pebesma 2021. Folds (kNNDM): "
    "Linnenbrink et al. 2024. Intervals: split conformal prediction, Lei et al. 2018. Influence: "
    "Cook 1977. Predictions and errors are a model's, not measurements."
)
