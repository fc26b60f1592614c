"""`satclip similarity`: how alike every pixel is to one place, or several."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import click
import numpy as np

from satclip_core.errors import InputError

from ..options import Command, Numbers, combined
from ..words import worded
from .raster_command import RasterOptions, raster_options

if TYPE_CHECKING:
    from satclip_core.grid import Grid
    from satclip_core.products import SimilarityTo

log = logging.getLogger(__name__)

Places = tuple[tuple[float, float], ...]
EXTENT = "extent"

examples_options = combined(
    click.option(
        "--to",
        "places",
        type=Numbers("two numbers, LON LAT", 2),
        metavar="LON LAT",
        multiple=True,
        required=True,
        help="A place to compare with; also LON,LAT. Repeatable.",
    ),
    click.option(
        "--unlike",
        type=Numbers("two numbers, LON LAT", 2),
        metavar="LON LAT",
        multiple=True,
        help="A place that is not meant: a counter-example. Repeatable.",
    ),
    click.option(
        "--reduce",
        type=click.Choice(["classifier", "mean", "max"]),
        default="classifier",
        show_default=True,
        help="With several places: the chance of being like them and not like random land, 0..1, "
        "or the mean or the largest of the cosines. With one place it is the cosine.",
    ),
    click.option(
        "--against",
        type=click.Choice([EXTENT, "land"]),
        default=EXTENT,
        show_default=True,
        help="The random land that it is held against: that of the extent, so that contrasts "
        "within it show, or all land, so that a place has the same chance in any extent.",
    ),
)


def similarity_to(places: Places, unlike: Places, reduce: str) -> SimilarityTo:
    """What --to, --unlike and --reduce ask for; a place whose lon and lat look swapped is told.

    Raises:
        click.UsageError: they make no similarity.
    """
    from satclip_core.grid.land import land_mask
    from satclip_core.products import SimilarityTo

    try:
        wanted = SimilarityTo(places, reduce, unlike)
    except InputError as error:
        raise click.UsageError(f"--to: {worded(error)}") from error
    given = np.array([*places, *unlike], np.float64)
    land = land_mask()
    swapped = ~land(*given.T) & (np.abs(given[:, 0]) <= 90) & land(*given[:, ::-1].T)
    for lon, lat in given[swapped]:
        log.warning(
            "%g %g lies at sea, and %g %g on land: coordinates are lon, lat", lon, lat, lat, lon
        )
    return wanted


def held_against(wanted: SimilarityTo, against: str, grid: Grid) -> SimilarityTo:
    """The same against the land that --against names."""
    return replace(wanted, within=grid) if against == EXTENT else wanted


@click.command("similarity", cls=Command)
@examples_options
@raster_options("similarity.tif")
def command(
    options: RasterOptions, places: Places, unlike: Places, reduce: str, against: str
) -> None:
    """Write a GeoTIFF of the similarity to one place or several.

    To one place it is the cosine, -1..1. With several, and with counter-examples, a classifier
    tells them from random land of the extent: 0..1, where 0.5 is as likely a place like the
    examples as any. Tiles of one map agree with --against land.

    \b
    satclip similarity --to 23.6 -2.9 --bbox -180 -60 180 75 --res 0.5 --land
    satclip similarity --to 23.6 -2.9 --to -60 -3 --unlike 18 -1 --bbox -90 -35 160 20 --res 0.5
    """
    wanted = similarity_to(places, unlike, reduce)
    raster = options.begin()
    raster.finish(raster.prepare(held_against(wanted, against, raster.grid)))
