"""`satclip raster`: embeddings as a GeoTIFF."""

from __future__ import annotations

import logging

import click

from ..options import Command
from .raster_command import RasterOptions, raster_options

log = logging.getLogger(__name__)


@click.command("raster", cls=Command)
@raster_options("embedding.tif")
@click.option("--normalize", is_flag=True, help="Scale embeddings to norm 1.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Type of the values; int8 is normalised, with one linear scale for all bands.",
)
def command(options: RasterOptions, normalize: bool, dtype: str) -> None:
    """Write a GeoTIFF of embeddings: one band for each dimension, sampled at pixel centres.

    \b
    satclip raster --bbox 5 45 11 48 --res 0.1 -o alps.tif
    satclip raster --bbox 170 -20 -170 -10 --res 0.25 -o fiji.tif
    satclip raster --bbox 5 45 11 48 --bbox-crs EPSG:4326 --crs EPSG:32632 --res 5000
    satclip raster --like elevation.tif --dtype int8 -o embedding.tif
    """
    from satclip_core.products import EmbeddingOf

    raster = options.begin()
    job = raster.prepare(EmbeddingOf(dtype, normalize))
    loss = job.product.cosine_loss
    if loss is not None:
        log.info("%s: 1 - cosine is %.2g in the mean, %.2g at most", dtype, *loss)
    raster.finish(job)
