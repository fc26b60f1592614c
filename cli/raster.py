"""`satclip raster`: embeddings as a GeoTIFF."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from .options import Command
from .rasters import RasterRequest, carry_out, raster_options

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.grid import Grid
    from satclip_core.grid.pixels import Mask
    from satclip_core.products import Product

log = logging.getLogger(__name__)

# Pixels on which the loss of a smaller type is measured.
_MEASURED = 1024


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
def command(request: RasterRequest, normalize: bool, dtype: str) -> None:
    """Write a GeoTIFF of embeddings: one band for each dimension, sampled at pixel centres.

    \b
    satclip raster --bbox 5 45 11 48 --res 0.1 -o alps.tif
    satclip raster --bbox 170 -20 -170 -10 --res 0.25 -o fiji.tif
    satclip raster --bbox 5 45 11 48 --bbox-crs EPSG:4326 --crs EPSG:32632 --res 5000
    satclip raster --like elevation.tif --dtype int8 -o embedding.tif
    """

    def make(encoder: LocationEncoder, grid: Grid, mask: Mask | None) -> Product:
        from satclip_core.grid.pixels import Locator
        from satclip_core.products import Embedding

        product = Embedding.of(encoder, dtype=dtype, normalize=normalize)
        if dtype == "float32":
            return product
        sample = encoder.encode(Locator(grid, mask).sample(_MEASURED), single=True)
        measured = product.measured(sample)
        log.info("%s: 1 - cosine is %.2g in the mean, %.2g at most", dtype, *measured.cosine_loss)
        return measured

    carry_out(request, make)
