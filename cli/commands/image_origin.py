"""`satclip locate`: where an image comes from."""

from __future__ import annotations

import re

import click

from ..options import Command, Numbers
from .query_command import QueryOptions, query_options

_NAMED = re.compile(r"^(\w[\w-]*)=(.+)$", re.DOTALL)


@click.command("locate", cls=Command)
@click.argument("images", nargs=-1, metavar="IMAGE…")
@query_options("origin.tif")
@click.option(
    "--words", default="", metavar="TEXT", help="Words that are said of the place, as evidence too."
)
@click.option(
    "--kilometres",
    type=float,
    metavar="KM",
    help="Ground that the width of an image spans, where it is not georeferenced.",
)
@click.option(
    "--bands",
    type=Numbers("numbers of bands, N,…", 1, 64),
    metavar="N,…",
    help="Bands of the image to take, in the order of the model's; all by default.",
)
@click.option(
    "--near",
    type=float,
    default=250.0,
    show_default=True,
    metavar="KM",
    help="Least distance between the places, and the radius that their probability is told for.",
)
def command(
    options: QueryOptions,
    images: tuple[str, ...],
    words: str,
    kilometres: float | None,
    bands: tuple[float, ...] | None,
    near: float,
) -> None:
    """Write a probability map of where IMAGE comes from, and print its most probable places.

    It takes a model that was trained with images beside places (docs/unigeoclip.md), the one that
    comes with satclip unless told otherwise. The softmax of the learned scale over all land, each
    pixel by its area: the values are probabilities per million square kilometres, and sum to 1
    over the raster. Several images of one place, one of each kind (NAME=FILE), and words add to
    one another. All land at half a degree where no extent is given.

    \b
    satclip locate chip.tif
    satclip locate image=chip.tif relief=dem.tif --words desert --places origins.geojson
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.raster.origins import OriginSearch, origin_of

    if not images and not words:
        raise click.UsageError("Missing IMAGE: give a file, or --words")
    given = [_named(image) for image in images]
    query = options.begin(*(one if isinstance(one, str) else one[1] for one in given))
    encoder = load_encoder(options.model)
    wanted = origin_of(encoder, given, words=words, kilometres=kilometres, bands=bands)
    job = query.raster.prepare(wanted, learning="the sum over the map", unit="px")
    search = OriginSearch(job.locator, options.count, near)
    if query.raster.finish(job, search.add):
        found = search.finish()
        query.write(job.encoder, found.columns, found.places.wkb(query.raster.grid), options.places)


def _named(image: str) -> str | tuple[str, str]:
    """NAME=FILE as (name, file); a file otherwise."""
    from pathlib import Path

    named = _NAMED.match(image)
    if named is None or Path(image).exists():
        return image
    return named[1], named[2]
