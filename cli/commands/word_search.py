"""`satclip search`: where places are what words say."""

from __future__ import annotations

import click

from ..options import Command
from .query_command import QueryOptions, query_options


@click.command("search", cls=Command)
@click.argument("words", nargs=-1, metavar="WORDS")
@query_options("search.tif")
@click.option(
    "--spacing",
    type=float,
    metavar="KM",
    help="Least distance between the places; 0 for none.  [default: what the model resolves]",
)
@click.option("--known", is_flag=True, help="List the words that the model knows, and do no more.")
def command(
    options: QueryOptions, words: tuple[str, ...], spacing: float | None, known: bool
) -> None:
    """Find places by WORDS: a GeoTIFF of the similarity to them, and the places most like them.

    It takes a model that was trained with words beside places (docs/unigeoclip.md), the one that
    comes with satclip unless told otherwise. A word that it does not know is left out with a
    warning, and the nearest that it knows are named. All land at half a degree where no extent is
    given.

    \b
    satclip search desert near a coast
    satclip search "high mountains" --bbox 60 20 110 45 --res 0.1 --places peaks.geojson
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.products import SimilarityToWords, known_words
    from satclip_core.raster.similar_places import PlaceSearch, default_spacing

    if known:
        click.echo("\n".join(known_words(load_encoder(options.model))))
        return
    if not words:
        raise click.UsageError("Missing WORDS: say what to look for; --known lists what there is")
    query = options.begin()
    job = query.raster.prepare(SimilarityToWords(" ".join(words)))
    apart = default_spacing(job.encoder) if spacing is None else spacing
    search = PlaceSearch(job.locator, options.count, apart)
    if query.raster.finish(job, search.add):
        found = search.finish()
        query.write(job.encoder, found.columns, found.wkb(query.raster.grid), options.places)
