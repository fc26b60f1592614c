"""`satclip clusters`: pixels in groups of similar embeddings."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..messages import quiet
from ..options import Command
from .raster_command import RasterOptions, raster_options

if TYPE_CHECKING:
    from satclip_core.products import ClusterModel, Clusters, Wanted
    from satclip_core.raster.class_areas import ClassAreas

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
@click.option("--json", "as_json", is_flag=True, help="Tell the clusters as JSON, for programs.")
@raster_options("clusters.tif")
def command(
    options: RasterOptions,
    count: int | None,
    seed: int,
    source: Path | None,
    save_model: Path | None,
    as_json: bool,
) -> None:
    """Write a GeoTIFF of clusters 1..K: pixels whose embeddings are alike, by k-means.

    The clusters are found on a sample of the raster's own pixels; the first has the most of them.
    Each is named by what most of its places are predicted to be, and told with its share of the
    area.

    \b
    satclip clusters --k 8 --bbox -180 -60 180 80 --res 0.5 -o world.tif --save-model world.json
    satclip clusters --clusters world.json --bbox 5 45 11 48 --res 0.02 -o alps.tif
    """
    if (count is None) == (source is None):
        raise click.UsageError("give either --k, to find clusters, or --clusters, to use some")
    if source is not None and save_model is not None:
        raise click.UsageError("--clusters are saved already: leave out --save-model")

    from satclip_core.raster.class_areas import ClassAreas

    saved = options.beside(save_model)
    raster = options.begin()
    job = raster.prepare(_wanted(count, seed, source))
    model = job.product.model
    if source is None:
        shares = ", ".join(f"{share:.0%}" for share in model.shares)
        log.info("%d clusters of %d pixels: %s", count, model.places, shares)
    grid = job.request.grid
    areas = None if _in_parts(options) else ClassAreas(grid, model.legend.codes)
    if not raster.finish(job, None if areas is None else areas.add):
        return
    if saved is not None:
        model.save(saved)
    if as_json:
        click.echo(json.dumps(_as_json(model, areas), ensure_ascii=False, indent=1))
    elif not quiet():
        click.echo("\n".join(_in_words(model, areas)))


def _in_parts(options: RasterOptions) -> bool:
    """Whether the raster is made in parts, perhaps elsewhere: to look at all would take as long."""
    from satclip_core.raster.formats import FORMATS

    folder = FORMATS[options.format_of_output].is_folder
    return folder or options.resume or options.scheduler is not None


def _in_words(model: ClusterModel, areas: ClassAreas | None) -> list[str]:
    """A line for each cluster."""
    shares = model.shares if areas is None else areas.shares
    rows = [
        f"{number:>3}  {share:>6.1%}  {name}"
        for number, (share, name) in enumerate(zip(shares, model.said()), 1)
    ]
    of = "of the sample" if areas is None else "of the area"
    named = [] if model.names is None else ["Names are predicted from the embedding, not measured."]
    return [f"  k  {of}", *rows, *named]


def _as_json(model: ClusterModel, areas: ClassAreas | None) -> dict[str, Any]:
    """The same for programs."""
    colours = model.legend.colours
    clusters = [
        {
            "code": number,
            "name": name,
            "colour": "#{:02x}{:02x}{:02x}".format(*colours[number - 1]),
            "share_of_sample": float(model.shares[number - 1]),
            "share_of_area": None if areas is None else float(areas.shares[number - 1]),
            "area_km2": None if areas is None else float(areas.km2[number - 1]),
        }
        for number, name in enumerate(model.said(), 1)
    ]
    return {"model": model.model, "names_predicted": model.names is not None, "clusters": clusters}


def _wanted(count: int | None, seed: int, source: Path | None) -> Wanted[Clusters]:
    """The clusters of another raster, or those of the raster's own pixels."""
    from satclip_core.products import ClusterModel, Clusters, ClustersOf

    if source is not None:
        return Clusters(ClusterModel.load(source))
    return ClustersOf(count or 0, seed)
