"""`satclip areas`: the areas that are like some places, as polygons."""

from __future__ import annotations

import click

from satclip_core.errors import InputError

from ..options import Command
from ..progress import progress
from ..words import worded
from .search_command import SearchOptions, search_options


@click.command("areas", cls=Command)
@search_options("areas.gpkg")
@click.option(
    "--percentile",
    type=float,
    default=95.0,
    show_default=True,
    metavar="P",
    help="More alike than so many per cent of the land of --against.",
)
@click.option(
    "--above", type=float, metavar="S", help="At least this similarity, in place of --percentile."
)
@click.option(
    "--min-area",
    type=float,
    default=0.0,
    show_default=True,
    metavar="KM2",
    help="Leave out smaller areas.",
)
def command(
    options: SearchOptions, percentile: float, above: float | None, min_area: float
) -> None:
    """Write the areas of a grid that are like one place or several, as polygons.

    An area is of pixels that touch along a side. The fields are rank, area_km2 (on the ellipsoid),
    mean_similarity (weighed by area), max_similarity, and lon and lat of the most similar pixel.
    GeoPackage, GeoJSON, GeoParquet or CSV by the extension; all but CSV need the extra `points`.
    All land at half a degree where no extent is given.

    \b
    satclip areas --to 23.6 -2.9 --bbox -180 -60 180 75 --res 0.25 --min-area 1000
    satclip areas --to 11.5 48.1 --unlike 11 47 --bbox 5 45 16 52 --res 0.02 --above 0.7
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.points.found import POLYGON
    from satclip_core.raster.similar_areas import AreaOptions, similar_areas

    try:
        wanted = AreaOptions(above, percentile, min_area)
    except InputError as error:
        raise click.UsageError(worded(error)) from error
    search = options.begin()
    encoder = load_encoder(options.model)
    with progress(options.output.name, "px") as report:
        found = similar_areas(
            search.grid,
            encoder,
            search.wanted,
            wanted,
            threads=options.threads,
            mask=search.mask,
            progress=report,
        )
    areas = "1 area" if len(found) == 1 else f"{len(found):,} areas"
    total = f"{areas} of {found.km2.sum():,.0f} km² at or above {found.above:.3f}"
    search.write(encoder, found.columns, found.wkb, POLYGON, total)
