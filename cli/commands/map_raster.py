"""`satclip map`: a raster of what was sampled at points."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..learning import Learning, learning_options, value_options
from ..messages import quiet, tell
from ..options import Command
from ..tables import place_options, samples_options
from ..words import worded
from .raster_command import RasterOptions, raster_options

if TYPE_CHECKING:
    from satclip_core.raster import RasterJob

# Options that say how is learnt and what is drawn, as `MapOf` calls them.
_HOW = ("probabilities", "seed", "method", "folds", "uncertainty", "transform")


@click.command("map", cls=Command)
@click.argument("source", metavar="SAMPLES", required=False)
@value_options
@place_options("SAMPLES", "--samples-crs")
@samples_options
@click.option(
    "--probabilities",
    is_flag=True,
    help="Classes: add a band of the probability of each, in whole per cent.",
)
@learning_options
@click.option(
    "--uncertainty",
    is_flag=True,
    help="Numbers: add bands of the standard error, the ends of the 90 % interval, the "
    "dissimilarity index, the area of applicability (1 inside), and the distance to the "
    "nearest sample in km. Classes: the chance that it is another one, in per cent, and the area.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write how good the map is: a page to read (.html: maps of error and folds, plots, the "
    "samples that hurt most), or all scores and counts as JSON (.json).",
)
@raster_options("map.tif")
def command(
    options: RasterOptions,
    source: str | None,
    report_file: Path | None,
    save_model: Path | None,
    model_file: Path | None,
    covariates: tuple[Any, ...],
    samples_crs: str | None,
    **given: Any,
) -> None:
    """Write a GeoTIFF of what was sampled at the points of SAMPLES, predicted for every pixel.

    SAMPLES is a CSV (- for standard input), or any file of points that GDAL reads, in any CRS. A
    column of numbers is predicted by the mean of ridge regression, kriging and a Gaussian process
    on place and embedding, weighed by how well each does; one of classes by logistic regression,
    linear or on a kernel of both. How good that is, is tested on samples that are left out in turn,
    as far from the others as the pixels are from the samples; the score is said at the end, and
    kept in the file; --report shows where it comes from. What was learnt can be saved, and drawn
    elsewhere without the samples.

    \b
    satclip map stations.csv --column temperature --bbox 5 45 11 48 --res 0.05 -o temperature.tif
    satclip map stations.csv --column rain --uncertainty --missing -9999 --like dem.tif
    satclip map stations.csv --column temperature --covariate dem.tif --like dem.tif
    satclip map rain.csv --column mm --transform log1p --like dem.tif --save-model m.npz
    satclip map --model-file m.npz --bbox 11 45 17 48 --res 0.05 -o east.tif
    satclip map plots.gpkg --column forest_type --probabilities --bbox 5 45 11 48 --res 0.05
    satclip map cover.csv --column code --classes --like elevation.tif --report cover.html
    """
    from satclip_core.products import MapOf, save_map
    from satclip_core.report import is_page, write_map_report

    how = {name: given.pop(name) for name in _HOW}
    learning = Learning(source, {**given, "crs": samples_crs}, covariates, model_file, how)
    learning.check("argument 'SAMPLES'")
    report = options.beside(report_file, *learning.files)
    saved = options.beside(save_model, *learning.files)
    page = report is not None and is_page(report)
    if page and model_file is not None:
        raise click.UsageError(
            "--report FILE.html shows the samples that a map is learnt from: with --model-file "
            "give FILE.json"
        )
    raster = options.begin(*learning.files)
    wanted = learning.wanted("map", evidence=page)
    name = wanted.samples.name if isinstance(wanted, MapOf) else None
    job: RasterJob[Any] = raster.prepare(wanted, learning=name)
    model = job.product.model
    if not quiet():
        tell(model.summary)
    if not raster.finish(job):
        return
    if report is not None:
        said = partial(worded, command="map")
        write_map_report(report, job, raster=options.output, worded=said)
        if page and not quiet():
            tell(f"{report.path}: the report")
    if saved is not None:
        save_map(model, saved)
