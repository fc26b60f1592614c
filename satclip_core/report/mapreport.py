"""The report of a map from samples: how good it is, where, and by which samples, on one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from ..analysis.folds import KNNDM, RANDOM
from ..errors import Argument, InputError, OutputError
from ..files import Target, written_whole
from ..grid.crs_backend import brief
from ..grid.pixels import Locator
from ..products.evidence import Evidence
from ..products.legend import Legend
from ..products.maps import MapModel, MappedClasses, MappedValue
from ..products.regression import LEVEL, WORDS
from ..raster.blocks import blocks
from ..raster.request import RasterJob
from ..types import Cancelled, Floats
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
            f"the report {path} is neither a page nor data by its name: let it end in .html or "
            ".json"
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
    from ..files import check_apart

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
    cancelled: Cancelled | None = None,
) -> Path:
    """Write what is known of a map: a page to read (.html), or its numbers (.json).

    Args:
        path: of the report; what `report_target` gave is not looked at again.
        job: of the map; for a page fitted from `MapOf(…, evidence=True)`.
        raster: the map's own file, to be named.
        overwrite: whether an existing file may be replaced.
        cancelled: asked now and then.

    Raises:
        OutputError: it cannot be written, or is no report by its name.
        InputError: a page is wanted of a map that was fitted without keeping what it shows.
        CancelledError: `cancelled` said so.
    """
    target = report_target(path, overwrite=overwrite)
    if is_page(target):
        page = map_page(job, raster=raster, cancelled=cancelled)
        return page.write(target)
    content = json.dumps(job.product.model.report, indent=1, ensure_ascii=False)
    with written_whole(target) as temporary:
        temporary.write_text(content + "\n", "utf-8")
    return target.path


def map_page(
    job: MapJob,
    *,
    raster: str | os.PathLike[str] | None = None,
    cancelled: Cancelled | None = None,
) -> Page:
    """The page of `write_map_report`."""
    model = job.product.model
    if model.evidence is None:
        raise InputError(
            f"the map of {model.name!r} was fitted without keeping what a page shows: fit it "
            "with ",
            Argument("evidence", True),
        )
    written = _MapReport(job, model.evidence, _Drawn.of(job, cancelled), raster)
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
        product: MappedValue | MappedClasses
        if isinstance(job.product, MappedValue):
            product = replace(job.product, uncertainty=True)
        else:
            product = replace(job.product, probabilities=True)
        out = np.empty((len(product.bands), *locator.grid.shape), product.dtype)
        threads = job.request.options.threads
        for window, bands in blocks(
            locator, job.encoder, product, threads=threads, cancelled=cancelled
        ):
            rows = slice(window.row, window.row + window.height)
            out[:, rows, window.col : window.col + window.width] = bands
        try:
            pixels = job.locator.sample(_PIXELS)
        except InputError:  # a mask leaves none
            pixels = None
        return cls(locator, out, pixels)


class _MapReport:
    """What a page says of a map, section by section."""

    def __init__(
        self,
        job: MapJob,
        evidence: Evidence,
        drawn_map: _Drawn,
        raster: str | os.PathLike[str] | None,
    ) -> None:
        self._job, self._evidence, self._drawn = job, evidence, drawn_map
        self._model: MapModel = job.product.model
        self._report = self._model.report
        self._raster = raster
        within = self._report.get("within") or {}
        self._local = within.get("score") is not None
        self._score: dict[str, Any] = within.get("score") or self._report["score"]

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
        if legend is None:
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
        words = f"Tested on {count:,} samples, each left out with its fold: {folds}."
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
        return [*warnings, *(str(doubt) for doubt in self._evidence.samples.doubts)]

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
        outside = bands[5] == 0
        hatched = float(outside.sum() / max(int(np.isfinite(bands[0]).sum()), 1))
        told = f" Hatched, outside the area of applicability: {100 * hatched:.0f} % of it."
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
            below = ramp_legend(ramp, title, key_name)
            if outside.any():
                below += hatch_legend("outside the area of applicability", key_name)
            page.figure(heading, frame.render(key_name, alt) + below, caption)

    def _class_maps(self, page: Page, legend: Legend) -> None:
        bands, name = self._drawn.bands, self._model.name
        codes = bands[0]
        known = codes != legend.nodata
        sizes = [int((codes == code_).sum()) for code_ in legend.codes]
        order = [int(i) for i in np.argsort(sizes)[::-1] if sizes[i] > 0]
        total = max(int(known.sum()), 1)
        png = classes_png(codes, legend.codes, legend.colours)
        told = ", ".join(f"{legend.names[i]} {100 * sizes[i] / total:.0f} %" for i in order[:6])
        entries = [
            ("#{:02x}{:02x}{:02x}".format(*legend.colours[i]),
             f"{legend.names[i]} ({_part(sizes[i] / total)})")
            for i in order[:_MOST_KEYS]
        ]  # fmt: skip
        more = len(order) - len(entries)
        page.figure(
            "The map",
            MapFrame(self._drawn.locator).pixels(png).render("map", f"Map of {name}: {told}."),
            f"The most probable class of {name}, with its share of the pixels"
            + (f"; {more} more classes are rarer." if more else "."),
            key(entries),
        )
        doubt = 100.0 - bands[1:].max(axis=0).astype(np.float64)
        doubt[~known] = np.nan
        ramp = Ramp.over(EARTH, doubt, zero=True)
        frame = MapFrame(self._drawn.locator).pixels(ramp.png(doubt.copy()))
        title = "chance that the class is wrong, %"
        middle = said(float(np.nanmedian(doubt))) if known.any() else "unknown"
        alt = f"Chance that the class of the map is wrong: {middle} % in the middle of the pixels."
        caption = "What the probabilities leave to all other classes."
        below = ramp_legend(ramp, title, "error")
        page.figure("Where it is in doubt", frame.render("error", alt) + below, caption)

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
            + drawn(len(rows), len(on_map), "samples on the map") + elsewhere,
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
        name = self._model.name
        found = residual_variogram(evidence, report, name)
        return [
            observed_against_predicted(evidence, name),
            interval_coverage(evidence),
            *([] if found is None else [found]),
        ]

    def _suspects(self, legend: Legend | None) -> Suspects | None:
        if legend is not None:
            return surely_wrong(self._evidence, legend)
        return influential(self._evidence, self._model.name)

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
        for line in report["account"][: len(self._evidence.samples.account)]:
            rows.append(("", text(line)))
        rows.append(("Folds", text(self._said_folds())))
        if self._model.legend is not None:
            method = "multinomial logistic regression on the embedding"
            rows.append(("Method", text(f"{method}, penalty {said(report['penalty'])}")))
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
        """What was tried, and what was chosen."""
        report = self._report
        tried = report["methods"]
        columns = [Column("method", number=False), Column("R²"), Column("RMSE"), Column("MAE")]
        columns.append(Column("bias"))
        rows = [
            [text(f"{name}: {WORDS[name]}"), f"{score['r2']:.3f}", said(score["rmse"], 4),
             said(score["mae"], 4), said(score["bias"], 2)]
            for name, score in tried.items()
        ]  # fmt: skip
        chosen = list(tried).index(report["method"])
        caption = f"Method: {report['method']}"
        if len(tried) > 1:
            caption += ", the simplest within 0.5 % of the least error of left-out samples"
        return table(columns, rows, caption=caption, marked=[chosen] if len(tried) > 1 else [])


def _part(share: float) -> str:
    """A share of the pixels that is not nothing."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


_READING = (
    "R² compares squared errors with those of the mean of all samples: 1 is perfect, 0 no better. "
    "Dissimilarity and area of applicability: Meyer &amp; Pebesma 2021. Folds (kNNDM): "
    "Linnenbrink et al. 2024. Intervals: split conformal prediction, Lei et al. 2018. Influence: "
    "Cook 1977. Predictions and errors are a model's, not measurements."
)
