"""`satclip places`: the places that are most like some others, a distance apart."""

from __future__ import annotations

import click

from ..options import Command
from ..progress import progress
from .search_command import SearchOptions, search_options


@click.command("places", cls=Command)
@search_options("places.gpkg")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many places, the most similar first.",
)
@click.option(
    "--spacing",
    type=float,
    metavar="KM",
    help="Least distance between them; 0 for none.  [default: what the model resolves]",
)
@click.option(
    "--away",
    type=float,
    default=0.0,
    show_default=True,
    metavar="KM",
    help="Leave out what is nearer than this to the places of --to.",
)
def command(options: SearchOptions, count: int, spacing: float | None, away: float) -> None:
    """Write the places of a grid that are most like one place or several, as points.

    The fields are rank, similarity, lon and lat. GeoPackage, GeoJSON, GeoParquet or CSV by the
    extension; all but CSV need the extra `points`. All land at half a degree where no extent is
    given.

    \b
    satclip places --to 11.6 48.1 --count 10
    satclip places --to 23.6 -2.9 --bbox -180 -60 180 75 --res 0.25 --count 20 --away 1000
    satclip places --to 23.6 -2.9 --unlike 18 -1 --bbox 5 -15 35 10 --res 0.05 -o congo.geojson
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.points.found import POINT
    from satclip_core.raster.similar_places import similar_places

    search = options.begin()
    encoder = load_encoder(options.model)
    with progress(options.output.name, "px") as report:
        found = similar_places(
            search.grid,
            encoder,
            search.wanted,
            count,
            away_km=away,
            spacing_km=spacing,
            threads=options.threads,
            mask=search.mask,
            progress=report,
        )
    places = "1 place" if len(found) == 1 else f"{len(found):,} places"
    search.write(encoder, found.columns, found.wkb(search.grid), POINT, places)
