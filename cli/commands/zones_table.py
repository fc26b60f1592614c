"""`satclip zones`: polygons and lines in, the same with the mean embedding of each out."""

from __future__ import annotations

import time
from typing import Any

import click

from ..messages import quiet, tell
from ..options import (
    dims_option,
    model_option,
    overwrite_option,
    threads_option,
    verbosity_options,
)
from ..progress import progress
from ..tables import array_option, layer_option, output_table_option, prefix_option
from .points_table import summary


@click.command("zones")
@click.argument("source", metavar="IN")
@output_table_option("GeoPackage, GeoJSON, GeoParquet or CSV")
@model_option
@click.option(
    "--res",
    type=float,
    metavar="SIZE",
    help="Side of a pixel in units of IN's CRS.  [default: what the model resolves; smaller for "
    "small zones, larger for more than 8,192 pixels]",
)
@click.option("--land", is_flag=True, help="Leave sea out, by the mask that comes with satclip.")
@click.option("--crs", metavar="CRS", help="CRS of a file that does not say.")
@layer_option("IN")
@array_option
@prefix_option("; another one also stands before pixels, area_km2, length_km and spread.")
@dims_option
@click.option("--normalize", is_flag=True, help="Scale every mean to unit length.")
@click.option("--strict", is_flag=True, help="Fail on rows without a place; else left empty.")
@overwrite_option
@threads_option
@verbosity_options
def command(
    source: str, target: str, model: str, res: float | None, land: bool, **options: Any
) -> None:
    """Add the mean embedding of its polygon or line to each row of IN.

    A pixel weighs by its area times the part of it that the polygon covers, a piece of a line by
    its length. Beside the embedding there are pixels (how many), area_km2, length_km and spread
    (1 - the mean cosine of the pixels with their mean: 0 where a zone is alike all over). IN is any
    file that GDAL reads, in any CRS; edges are straight in it. Needs the extra `points`.

    \b
    satclip zones countries.gpkg -o embedded.gpkg --land
    satclip zones rivers.geojson -o rivers.parquet --dims 64
    satclip zones fields.shp -o fields.csv --res 100 --array embedding
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.points import PointsRequest, ZonesRequest, embed_zones

    start = time.monotonic()
    request = ZonesRequest(PointsRequest(source, target, **options), res, land)
    _ = request.table.target_format  # a wrong extension is said before a model is loaded
    encoder = load_encoder(model)
    with progress("embedding zones" if target == "-" else target, "rows") as report:
        result = embed_zones(encoder, request, progress=report)
    if target != "-" and not quiet():
        what = f"{request.table.dims or encoder.dim} dimensions"
        tell(summary(target, result, what, time.monotonic() - start))
