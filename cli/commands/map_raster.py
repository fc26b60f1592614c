"""`satclip map`: a raster of what was sampled at points."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import click

from ..messages import quiet, tell
from ..options import Command, combined, quoting_option
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
    quoting_option,
)


@click.command("map", cls=Command)
@click.argument("source", metavar="SAMPLES")
@_sample_options
@click.option(
    "--probabilities",
    is_flag=True,
    help="Classes: add a band of the probability of each, in whole per cent.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Of the blocks of the cross-validation.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write scores, confusion matrix, penalty and counts as JSON.",
)
@raster_options("map.tif")
def command(
    options: RasterOptions,
    source: str,
    probabilities: bool,
    seed: int,
    report_file: Path | None,
    samples_crs: str | None,
    classes: bool,
    **columns: Any,
) -> None:
    """Write a GeoTIFF of what was sampled at the points of SAMPLES, predicted for every pixel.

    SAMPLES is a CSV (- for standard input), or any file of points that GDAL reads, in any CRS. A
    column of numbers is predicted by ridge regression, one of classes by logistic regression. How
    good that is, is tested on whole blocks of samples that are left out in turn; the score is said
    at the end, and kept in the file.

    \b
    satclip map stations.csv --column temperature --bbox 5 45 11 48 --res 0.05 -o temperature.tif
    satclip map plots.gpkg --column forest_type --probabilities --bbox 5 45 11 48 --res 0.05
    satclip map cover.csv --column code --classes --like elevation.tif --report scores.json
    """
    from satclip_core.files import written_whole
    from satclip_core.points import SamplesRequest, read_samples
    from satclip_core.products import MapOf

    report = options.beside(report_file, source)
    raster = options.begin()
    samples = read_samples(
        SamplesRequest(source, classes=classes or None, crs=samples_crs, **columns)
    )
    wanted = MapOf(samples, probabilities, seed)
    for line in samples.account:
        log.warning(line)
    job = raster.prepare(wanted, learning=samples.name)
    model = job.product.model
    if not quiet():
        tell(model.summary)
    if raster.finish(job) and report is not None:
        text = json.dumps(model.report, indent=1, ensure_ascii=False)
        with written_whole(report) as temporary:
            temporary.write_text(text + "\n", "utf-8")
