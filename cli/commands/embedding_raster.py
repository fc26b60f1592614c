"""`satclip raster`: embeddings as a GeoTIFF."""

from __future__ import annotations

import logging
from typing import Any

import click

from ..options import Command, dims_option, properties_option, property_names
from ..words import worded
from .raster_command import RasterOptions, raster_options

log = logging.getLogger(__name__)


class Dtype(click.Choice):  # type: ignore[type-arg]  # generic from click 8.2 on
    """The types of values; of one that is no longer written, what became of it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The type's name."""
        if value == "int8":
            from satclip_core.errors import InputError
            from satclip_core.products.embedding import check_dtype

            try:
                check_dtype(value)
            except InputError as error:
                self.fail(worded(error), param, ctx)
        return str(super().convert(value, param, ctx))


@click.command("raster", cls=Command)
@raster_options("embedding.tif")
@click.option("--normalize", is_flag=True, help="Scale embeddings to norm 1.")
@click.option(
    "--dtype",
    type=Dtype(["float32", "float16", "uint8", "int16"]),
    default="float32",
    show_default=True,
    help="Type of the values; uint8 and int16 are normalised, with one scale and offset for all "
    "bands, which GDAL and QGIS apply.",
)
@dims_option
@properties_option()
def command(
    options: RasterOptions, normalize: bool, dtype: str, dims: int | None, properties: str | None
) -> None:
    """Write a GeoTIFF of embeddings: one band for each dimension, sampled at pixel centres.

    With --properties, of what is read from them instead: one band for a number; for a class its
    code and its probability. They are predicted, not measured; errors and sources are in the tags.

    \b
    satclip raster --bbox 5 45 11 48 --res 0.1 -o alps.tif
    satclip raster --bbox 170 -20 -170 -10 --res 0.25 -o fiji.tif
    satclip raster --bbox 5 45 11 48 --bbox-crs EPSG:4326 --crs EPSG:32632 --res 5000
    satclip raster --like elevation.tif --dtype uint8 -o embedding.tif
    satclip raster --properties temperature,rain --bbox 5 45 11 48 --res 0.05 -o climate.tif
    """
    from satclip_core.products import EmbeddingOf, PropertiesOf

    if properties is not None:
        given = {"--normalize": normalize, "--dtype": dtype != "float32", "--dims": dims}
        extra = [name for name, value in given.items() if value]
        if extra:
            raise click.UsageError(f"--properties are numbers of their own: leave out {extra[0]}")
        raster = options.begin()
        raster.finish(raster.prepare(PropertiesOf(property_names(properties))))
        return
    raster = options.begin()
    job = raster.prepare(EmbeddingOf(dtype, normalize, dims))
    loss = job.product.cosine_loss
    if loss is not None:
        log.info("%s: 1 - cosine is %.2g in the mean, %.2g at most", dtype, *loss)
    raster.finish(job)
