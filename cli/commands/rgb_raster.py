"""`satclip rgb`: the first three principal components as colours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import Command
from .raster_command import RasterOptions, raster_options

if TYPE_CHECKING:
    from satclip_core.products import Rgb, Wanted

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
def command(options: RasterOptions, basis: Path | None, save_basis: Path | None) -> None:
    """Write an RGB GeoTIFF, with alpha, of the first three principal components.

    The components are fitted on a sample of the raster's own pixels, and stretched from the
    2nd to the 98th percentile.

    \b
    satclip rgb --bbox -180 -60 180 80 --res 0.5 -o world.tif --save-basis colours.json
    satclip rgb --bbox 5 45 11 48 --res 0.02 -o alps.tif --basis colours.json
    """
    if basis is not None and save_basis is not None:
        raise click.UsageError("--basis is saved already: leave out --save-basis")

    saved = options.beside(save_basis)
    raster = options.begin()
    job = raster.prepare(_wanted(basis))
    if basis is None:
        log.info("the colours show %.0f%% of the variance", 100 * job.product.basis.explained.sum())
    if raster.finish(job) and saved is not None:
        job.product.basis.save(saved)


def _wanted(basis: Path | None) -> Wanted[Rgb]:
    """The colours of another picture, or those of the raster's own pixels."""
    from satclip_core.products import Rgb, RgbBasis, RgbOf

    return RgbOf() if basis is None else Rgb(RgbBasis.load(basis))
