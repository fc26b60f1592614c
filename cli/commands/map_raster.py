"""`satclip map`: a raster of what was sampled at points."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..messages import quiet, tell
from ..options import Command, combined, quoting_option
from ..words import worded
from .raster_command import RasterOptions, raster_options

log = logging.getLogger(__name__)

_sample_options = combined(
    click.option(
        "--column",
        metavar="NAME",
        required=True,
        help="Column to map: numbers are predicted as numbers, text as classes.",
    ),
    click.option(
        "--classes",
        is_flag=True,
        help="The column holds classes even if they are whole numbers, which stay their codes.",
    ),
    click.option("--lon-column", metavar="NAME", help="Column of longitudes, or of x."),
    click.option("--lat-column", metavar="NAME", help="Column of latitudes, or of y."),
    click.option(
        "--samples-crs",
        metavar="CRS",
        help="CRS of coordinate columns, or of a file that does not say.  [default: EPSG:4326]",
    ),
    click.option("--layer", metavar="NAME", help="Layer to read, where SAMPLES has several."),
    click.option("--centroid", is_flag=True, help="Take the centroids of lines and polygons."),
    click.option("--encoding", default="utf-8", show_default=True, help="Of CSV text."),
    click.option(
        "--missing",
        type=float,
        multiple=True,
        metavar="VALUE",
        help="A number that stands for no value, such as -9999; repeat it for several.",
    ),
    quoting_option,
)

_learning_options = combined(
    click.option(
        "--method",
        type=click.Choice(("auto", "linear", "kriging", "gaussian")),
        default="auto",
        show_default=True,
        help="Numbers: ridge regression on the embedding, kriging on the place, a Gaussian process "
        "on both, or the best of them in cross-validation.",
    ),
    click.option(
        "--folds",
        type=click.Choice(("knndm", "blocks", "random")),
        default="knndm",
        show_default=True,
        help="Samples left out together: as far from the others as the pixels are from the "
        "samples (kNNDM), whole blocks, or at random.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Of the folds of the cross-validation.",
    ),
    click.option(
        "--uncertainty",
        is_flag=True,
        help="Numbers: add bands of the standard error, the ends of the 90 % interval, the "
        "dissimilarity index, the area of applicability (1 inside), and the distance to the "
        "nearest sample in km.",
    ),
)


@click.command("map", cls=Command)
@click.argument("source", metavar="SAMPLES")
@_sample_options
@click.option(
    "--probabilities",
    is_flag=True,
    help="Classes: add a band of the probability of each, in whole per cent.",
)
@_learning_options
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
    source: str,
    probabilities: bool,
    seed: int,
    method: str,
    folds: str,
    uncertainty: bool,
    report_file: Path | None,
    samples_crs: str | None,
    classes: bool,
    **columns: Any,
) -> None:
    """Write a GeoTIFF of what was sampled at the points of SAMPLES, predicted for every pixel.

    SAMPLES is a CSV (- for standard input), or any file of points that GDAL reads, in any CRS. A
    column of numbers is predicted by the best of ridge regression, kriging and a Gaussian process
    on place and embedding, one of classes by logistic regression. How good that is, is tested on
    samples that are left out in turn, as far from the others as the pixels are from the samples;
    the score is said at the end, and kept in the file; --report shows where it comes from.

    \b
    satclip map stations.csv --column temperature --bbox 5 45 11 48 --res 0.05 -o temperature.tif
    satclip map stations.csv --column rain --uncertainty --missing -9999 --like dem.tif
    satclip map plots.gpkg --column forest_type --probabilities --bbox 5 45 11 48 --res 0.05
    satclip map cover.csv --column code --classes --like elevation.tif --report cover.html
    """
    from satclip_core.points import SamplesRequest, read_samples
    from satclip_core.products import MapOf
    from satclip_core.report import is_page, write_map_report

    report = options.beside(report_file, source)
    page = report is not None and is_page(report)
    raster = options.begin()
    samples = read_samples(
        SamplesRequest(source, classes=classes or None, crs=samples_crs, **columns)
    )
    wanted = MapOf(samples, probabilities, seed, method, folds, uncertainty, evidence=page)
    for line in (*samples.account, *(worded(doubt, "map") for doubt in samples.doubts)):
        log.warning(line)
    job = raster.prepare(wanted, learning=samples.name)
    model = job.product.model
    if not quiet():
        tell(model.summary)
    if raster.finish(job) and report is not None:
        said = partial(worded, command="map")
        write_map_report(report, job, raster=options.output, worded=said)
        if page and not quiet():
            tell(f"{report.path}: the report")
