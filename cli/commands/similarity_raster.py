"""`satclip similarity`: how alike every pixel is to one place, or several."""

from __future__ import annotations

import click

from satclip_core.errors import InputError

from ..options import Command, Numbers
from ..words import worded
from .raster_command import RasterOptions, raster_options


@click.command("similarity", cls=Command)
@click.option(
    "--to",
    "places",
    type=Numbers("two numbers, LON LAT", 2),
    metavar="LON LAT",
    multiple=True,
    required=True,
    help="A place to compare with; also LON,LAT. Repeatable.",
)
@click.option(
    "--reduce",
    type=click.Choice(["mean", "max"]),
    default="mean",
    show_default=True,
    help="With several places: the mean of the similarities, or the largest.",
)
@raster_options("similarity.tif")
def command(options: RasterOptions, places: tuple[tuple[float, float], ...], reduce: str) -> None:
    """Write a GeoTIFF of cosine similarity, -1..1, to one place or several.

    \b
    satclip similarity --to 23.6 -2.9 --bbox -180 -60 180 75 --res 0.5
    satclip similarity --to 23.6 -2.9 --to -60 -3 --reduce max --bbox -90 -35 160 20 --res 0.5
    """
    from satclip_core.products import SimilarityTo

    try:
        wanted = SimilarityTo(places, reduce)
    except InputError as error:
        raise click.UsageError(f"--to: {worded(error)}") from error
    raster = options.begin()
    raster.finish(raster.prepare(wanted))
