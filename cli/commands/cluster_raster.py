"""`satclip clusters`: pixels in groups of similar embeddings."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import Command
from .raster_command import RasterOptions, raster_options

if TYPE_CHECKING:
    from satclip_core.products import Clusters, Wanted

log = logging.getLogger(__name__)


@click.command("clusters", cls=Command)
@click.option(
    "--k",
    "-k",
    "count",
    type=click.IntRange(2, 254),
    metavar="K",
    help="Number of clusters, 2 to 254.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Of the random starts; the same seed gives the same clusters.",
)
@click.option(
    "--clusters",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use the clusters of another raster, saved with --save-model, in place of --k.",
)
@click.option(
    "--save-model",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the clusters, as JSON, to use them again for another extent.",
)
@raster_options("clusters.tif")
def command(
    options: RasterOptions,
    count: int | None,
    seed: int,
    source: Path | None,
    save_model: Path | None,
) -> None:
    """Write a GeoTIFF of clusters 1..K: pixels whose embeddings are alike, by k-means.

    The clusters are found on a sample of the raster's own pixels; the first has the most of them.

    \b
    satclip clusters --k 8 --bbox -180 -60 180 80 --res 0.5 -o world.tif --save-model world.json
    satclip clusters --clusters world.json --bbox 5 45 11 48 --res 0.02 -o alps.tif
    """
    if (count is None) == (source is None):
        raise click.UsageError("give either --k, to find clusters, or --clusters, to use some")
    if source is not None and save_model is not None:
        raise click.UsageError("--clusters are saved already: leave out --save-model")

    saved = options.beside(save_model)
    raster = options.begin()
    job = raster.prepare(_wanted(count, seed, source))
    model = job.product.model
    if source is None:
        shares = ", ".join(f"{share:.0%}" for share in model.shares)
        log.info("%d clusters of %d pixels: %s", count, model.places, shares)
    if raster.finish(job) and saved is not None:
        model.save(saved)


def _wanted(count: int | None, seed: int, source: Path | None) -> Wanted[Clusters]:
    """The clusters of another raster, or those of the raster's own pixels."""
    from satclip_core.products import ClusterModel, Clusters, ClustersOf

    if source is not None:
        return Clusters(ClusterModel.load(source))
    return ClustersOf(count or 0, seed)
