"""`satclip rgb`: the first three principal components as colours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Command
from .rasters import RasterRequest, carry_out_and_save, raster_options

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.grid import Grid
    from satclip_core.grid.pixels import Mask
    from satclip_core.products import Product, RgbBasis

log = logging.getLogger(__name__)


@click.command("rgb", cls=Command)
@raster_options("rgb.tif")
@click.option(
    "--basis",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use the colours of another picture, saved with --save-basis.",
)
@click.option(
    "--save-basis",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save what the colours mean, as JSON, to use them again for another extent.",
)
def command(request: RasterRequest, basis: Path | None, save_basis: Path | None) -> None:
    """Write an RGB GeoTIFF, with alpha, of the first three principal components.

    The components are fitted on a sample of the raster's own pixels, and stretched from the
    2nd to the 98th percentile.

    \b
    satclip rgb --bbox -180 -60 180 80 --res 0.5 -o world.tif --save-basis colours.json
    satclip rgb --bbox 5 45 11 48 --res 0.02 -o alps.tif --basis colours.json
    """
    if basis is not None and save_basis is not None:
        raise click.UsageError("--basis is saved already: leave out --save-basis")

    def make(encoder: LocationEncoder, grid: Grid, mask: Mask | None) -> tuple[RgbBasis, Product]:
        from satclip_core.grid.pixels import Locator
        from satclip_core.products import Rgb, RgbBasis
        from satclip_core.products.rgb import SAMPLE

        if basis is not None:
            fitted = RgbBasis.load(basis)
            fitted.check(encoder)
        else:
            sample = Locator(grid, mask).sample(SAMPLE)
            fitted = RgbBasis.fit(encoder, sample, threads=request.threads)
            log.info("the colours show %.0f%% of the variance", 100 * fitted.explained.sum())
        return fitted, Rgb(fitted)

    carry_out_and_save(request, make, save_basis)
