"""`satclip points`: a table of points in, the same table with embeddings out."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..messages import quiet, tell
from ..options import (
    device_option,
    dims_option,
    model_option,
    overwrite_option,
    properties_option,
    property_names,
    resume_option,
    scheduler_option,
    threads_option,
    verbosity_options,
)
from ..progress import duration, progress, quantity, size_of
from ..tables import array_option, output_table_option, place_options, prefix_option, text_options

if TYPE_CHECKING:
    from satclip_core.points import PointsResult


@click.command("points")
@click.argument("source", metavar="IN")
@output_table_option(
    "CSV, GeoJSON, GeoPackage or GeoParquet", "NAME/ for a folder of GeoParquet files"
)
@model_option
@place_options("IN")
@array_option
@prefix_option()
@dims_option
@properties_option()
@click.option("--normalize", is_flag=True, help="Scale every embedding to unit length.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Precision of the values.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Evaluate every place by itself in float64: many near one another else share what "
    "varies slowly, within 0.0001 and many times as fast.",
)
@click.option(
    "--strict", is_flag=True, help="Fail on rows without usable coordinates; else left empty."
)
@click.option("--centroid", is_flag=True, help="Embed the centroids of lines and polygons.")
@text_options
@overwrite_option
@resume_option("a folder always does")
@scheduler_option("any format but standard output")
@threads_option
@device_option
@verbosity_options
def command(
    source: str, target: str, model: str, device: str, scheduler: str | None, **options: Any
) -> None:
    """Add the embedding of its place to each row of IN, a table of points; or its properties.

    IN is a CSV (- for standard input), or any file of points that GDAL reads, in any CRS, also in
    a zip archive (zip://a.zip!b.csv) or on the web. Rows, columns and CRS are kept. In a CSV,
    columns called lon, lng, longitude or x, and lat, latitude or y are found by themselves. Other
    formats than CSV need the extra `points`.

    \b
    satclip points cities.csv -o cities.parquet
    satclip points plots.gpkg -o plots.csv --dims 64 --normalize
    satclip points cities.csv --properties temperature,rain -o cities.gpkg
    satclip points survey.csv --crs EPSG:32632 --lon-column E --lat-column N -o survey.gpkg
    satclip points observations.parquet -o embedded/ --scheduler tcp://10.0.0.1:8786
    """
    from satclip_core.encoder import on_device
    from satclip_core.models.registry import load_encoder
    from satclip_core.points import PointsRequest, embed_points

    start = time.monotonic()
    given = options.pop("properties")
    properties = None if given is None else property_names(given)
    request = PointsRequest(source, target, properties=properties, **options)
    _ = request.target_format  # a wrong extension is said before a model is loaded
    encoder = on_device(load_encoder(model), device)
    with progress("embedding points" if target == "-" else target, "rows") as report:
        result = embed_points(encoder, request, progress=report, scheduler=scheduler)
    if target != "-" and not quiet():
        count = request.dims or encoder.dim
        what = f"{count} dimensions" if properties is None else "properties"
        tell(summary(target, result, what, time.monotonic() - start))


def summary(target: str, result: PointsResult, what: str, seconds: float) -> str:
    """One line on a table that was written."""
    rows = "1 row" if result.rows == 1 else f"{result.rows:,} rows"
    size = ""
    with suppress(OSError):
        size = f", {quantity(size_of(Path(target)), 'B')}"
    return f"{target}: {rows} with {what}{size}, in {duration(seconds)}"
