"""A grid, an encoder and a product to a raster: in a file, or in memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..grid import Grid
from ..grid.pixels import Locator
from ..products.product import Product
from ..types import Cancelled, Mask, Progress
from .blocks import blocks
from .estimate import estimate
from .space import as_size, no_room, room
from .spec import RasterSpec
from .writer import check_output, open_writer

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

log = logging.getLogger(__name__)

# Times by which pixels may be finer than what the model resolves before that is worth a warning.
_FINE = 20
# Share of the expected size that a raster takes at least.
_CERTAIN = 0.8


@dataclass(frozen=True)
class WriteOptions:
    """How a raster is written.

    Attributes:
        overwrite: whether an existing file may be replaced.
        creation_options: of GDAL's GeoTIFF driver, in place of ours.
        threads: number of threads; all available processors where None.
        tags: for the file, beside the provenance of the model, e.g. the command.
    """

    overwrite: bool = False
    creation_options: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def write_raster(
    path: str | os.PathLike[str],
    grid: Grid,
    product: Product,
    encoder: LocationEncoder,
    *,
    options: WriteOptions | None = None,
    mask: Mask | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Path:
    """Write a product over a grid as a GeoTIFF, in memory that does not grow with its size.

    Pixels hold the value at their centres. The file appears whole or not at all.

    Args:
        path: the GeoTIFF.
        grid: where.
        product: what is made of the embeddings.
        encoder: what embeds.
        options: how it is written.
        mask: which places are wanted; the others become nodata.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block.

    Returns:
        The path.

    Raises:
        OutputError: it cannot be written.
        InputError: creation options that make no raster, or an unknown CRS.
        CancelledError: `cancelled` said so; nothing was left behind.
    """
    options = options or WriteOptions()
    spec = raster_spec(grid, product, encoder, options)
    target = check_output(path, spec, overwrite=options.overwrite)
    if mask is None and spec.bytes > room(target):
        _check_estimate(target, spec, encoder)
    with open_writer(path, spec, overwrite=options.overwrite) as writer:
        _warn_if_fine(grid, encoder)
        made = blocks(
            grid,
            encoder,
            product,
            size=spec.block,
            threads=options.threads,
            mask=mask,
            progress=progress,
            cancelled=cancelled,
        )
        with closing(made):
            for window, bands in made:
                writer.write(window, bands)
                del bands  # before the next is made: two blocks at a time, not three
    return target


def _check_estimate(target: Path, spec: RasterSpec, encoder: LocationEncoder) -> None:
    """Refuse what does not fit even compressed, by compressing a small part of it."""
    expected = estimate(spec, encoder).bytes
    if expected * _CERTAIN > room(target):
        raise no_room(target, f"would take about {as_size(expected)}")


def raster_spec(
    grid: Grid, product: Product, encoder: LocationEncoder, options: WriteOptions
) -> RasterSpec:
    """What the file of a product is to be, with all that a reader should know."""
    tags = {
        **encoder.provenance,
        "software": f"satclip-embeddings {__version__}",
        "sampling": "pixel centres",
        **options.tags,
    }
    return RasterSpec(grid, product, tags, options.creation_options, options.threads)


def raster_array(
    grid: Grid,
    product: Product,
    encoder: LocationEncoder,
    *,
    threads: int | None = None,
    mask: Mask | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> NDArray[Any]:
    """The same raster as an array, (bands, rows, cols), by the same road.

    Args:
        grid: where.
        product: what is made of the embeddings.
        encoder: what embeds.
        threads: number of threads; all available processors where None.
        mask: which places are wanted; the others become nodata.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block.

    Raises:
        CancelledError: `cancelled` said so.
    """
    _warn_if_fine(grid, encoder)
    out = np.empty((len(product.bands), *grid.shape), product.dtype)
    made = blocks(
        grid,
        encoder,
        product,
        threads=threads,
        mask=mask,
        progress=progress,
        cancelled=cancelled,
    )
    with closing(made):
        for window, bands in made:
            rows = slice(window.row, window.row + window.height)
            out[:, rows, window.col : window.col + window.width] = bands
    return out


def _warn_if_fine(grid: Grid, encoder: LocationEncoder) -> None:
    """Say once where pixels are far finer than what the model can tell apart."""
    pixel = Locator(grid).pixel_degrees()
    resolved = encoder.resolution_degrees
    if resolved is not None and pixel is not None and pixel * _FINE < resolved:
        log.warning(
            "pixels of %.3g degrees are far finer than the %.3g degrees that the model %s "
            "resolves: between them the raster is smooth interpolation",
            pixel,
            resolved,
            encoder.name,
        )
