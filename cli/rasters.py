"""What raster, similarity and rgb have in common: options to one call of `write_raster`."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from satclip_core.errors import InputError

from . import options
from .messages import quiet, tell
from .progress import duration, progress, quantity
from .words import worded

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.grid import Grid
    from satclip_core.grid.pixels import Mask
    from satclip_core.products import Product

# Makes the product, once grid and encoder stand.
Maker = Callable[["LocationEncoder", "Grid", "Mask | None"], "Product"]


@dataclass(frozen=True)
class RasterRequest:
    """The options that all raster commands share, as they were given."""

    bbox: tuple[float, ...] | None
    res: tuple[float, ...] | None
    crs: str | None
    bbox_crs: str | None
    like: Path | None
    output: Path
    model: str
    land_mask: Path | None
    creation_options: tuple[tuple[str, str], ...]
    overwrite: bool
    threads: int | None
    dry_run: bool

    def grid(self) -> Grid:
        """The grid asked for.

        Raises:
            click.UsageError: the options make none.
        """
        from satclip_core.grid import Grid
        from satclip_core.raster import grid_like

        if self.like is not None:
            extra = [
                name
                for name, value in (
                    ("--bbox", self.bbox),
                    ("--res", self.res),
                    ("--crs", self.crs),
                    ("--bbox-crs", self.bbox_crs),
                )
                if value is not None
            ]
            if extra:
                raise click.UsageError(f"--like gives the grid: leave out {', '.join(extra)}")
            return grid_like(self.like)
        if self.bbox is None or self.res is None:
            missing = "--bbox W S E N" if self.bbox is None else "--res"
            raise click.UsageError(f"Missing option {missing}, or give --like FILE")
        try:
            crs = self.crs or "EPSG:4326"
            return Grid.from_bounds(self.bbox, self.res, crs, bounds_crs=self.bbox_crs)
        except InputError as error:
            raise click.UsageError(worded(error)) from error


def raster_options(default_output: str) -> Callable[[Any], Any]:
    """The shared options; the command gets them as its first argument, a `RasterRequest`.

    Args:
        default_output: file that is written where none is given.
    """
    shared = options.combined(
        options.grid_options,
        options.output_option(default_output),
        options.model_option,
        click.option(
            "--land-mask",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Only where this raster is neither 0 nor nodata, or inside these polygons "
            "(GeoJSON); nodata elsewhere.",
        ),
        options.co_option,
        options.overwrite_option,
        options.dry_run_option,
        options.threads_option,
        options.verbosity_options,
    )

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def packed(**kwargs: Any) -> Any:
            names = [field.name for field in fields(RasterRequest)]
            request = RasterRequest(**{name: kwargs.pop(name) for name in names})
            return function(request, **kwargs)

        return shared(packed)

    return decorate


def carry_out(request: RasterRequest, make: Maker) -> bool:
    """Write what was asked for, or with --dry-run say what that would be.

    Returns:
        Whether it was written.

    Raises:
        SatclipError: it cannot be done; whatever can be known is refused before computing.
    """
    from satclip_core.files import check_apart, check_target
    from satclip_core.models.registry import load_encoder
    from satclip_core.raster import WriteOptions, open_mask, write_raster

    start = time.monotonic()
    grid = request.grid()
    if not request.dry_run:
        check_apart(request.output, (request.like, request.land_mask))
        check_target(request.output, overwrite=request.overwrite)
    encoder = load_encoder(request.model)
    mask = None if request.land_mask is None else open_mask(request.land_mask)
    product = make(encoder, grid, mask)
    write_options = WriteOptions(
        overwrite=request.overwrite,
        creation_options=dict(request.creation_options),
        threads=request.threads,
        tags={"command": command_line()},
    )
    if request.dry_run:
        report(grid, product, encoder, write_options, mask)
        return False
    with progress(request.output.name, "px") as reporter:
        write_raster(
            request.output,
            grid,
            product,
            encoder,
            options=write_options,
            mask=mask,
            progress=reporter,
        )
    if not quiet():
        tell(_summary(request.output, grid, product, time.monotonic() - start))
    return True


def carry_out_and_save(
    request: RasterRequest,
    make: Callable[[LocationEncoder, Grid, Mask | None], tuple[Any, Product]],
    target: Path | None,
) -> None:
    """`carry_out`, for a product of something fitted that is saved too, once the raster stands.

    Args:
        request: the options.
        make: gives what was fitted, which has a `save`, and the product.
        target: file to save it to; not saved where None.

    Raises:
        SatclipError: it cannot be done; the file is checked before anything is computed.
    """
    if target is not None and not request.dry_run:
        check_beside(request, target)
    used: list[Any] = []

    def product_alone(encoder: LocationEncoder, grid: Grid, mask: Mask | None) -> Product:
        fitted, product = make(encoder, grid, mask)
        used.append(fitted)
        return product

    if carry_out(request, product_alone) and target is not None:
        used[0].save(target, overwrite=request.overwrite)


def check_beside(request: RasterRequest, target: Path, *read: str) -> None:
    """Refuse a file beside the raster that cannot be written, or is one of the request's own.

    Args:
        request: the options.
        target: file to write.
        read: other files that the command reads.

    Raises:
        OutputError: it cannot be written, or is given twice.
    """
    from satclip_core.files import check_apart, check_target

    check_apart(target, (request.output, request.like, request.land_mask, request.model, *read))
    check_target(target, overwrite=request.overwrite)


def command_line() -> str:
    """The command as it could be typed again, for the record."""
    context = click.get_current_context(silent=True)
    args = context.find_root().obj if context is not None else None
    return shlex.join(["satclip", *(sys.argv[1:] if args is None else args)])


def report(
    grid: Grid,
    product: Product,
    encoder: LocationEncoder,
    write_options: Any,
    mask: Mask | None,
) -> None:
    """Say on standard output what a raster would be: shape, bands, size, time."""
    from satclip_core.raster.estimate import estimate
    from satclip_core.raster.space import as_size
    from satclip_core.raster.write import raster_spec

    spec = raster_spec(grid, product, encoder, write_options)
    guess = estimate(spec, encoder, mask=mask)
    height, width = grid.shape
    bounds = " ".join(f"{value:.10g}" for value in grid.bounds)
    lines = {
        "shape": f"{width} x {height} pixels, {len(product.bands)} bands, {product.dtype}",
        "extent": f"{bounds} ({grid.crs if len(grid.crs) < 40 else 'CRS of the --like file'})",
        "model": f"{encoder.name}: {encoder.config.formula}",
        "size": f"about {as_size(guess.bytes)} ({as_size(spec.bytes)} before compression)",
        "time": f"about {duration(guess.seconds)}",
    }
    for name, text in lines.items():
        click.echo(f"{name:<7}{text}")


def _summary(output: Path, grid: Grid, product: Product, seconds: float) -> str:
    height, width = grid.shape
    bands = "1 band" if len(product.bands) == 1 else f"{len(product.bands)} bands"
    size = ""
    with suppress(OSError):
        size = f", {quantity(output.stat().st_size, 'B')}"
    return f"{output}: {width} x {height} pixels, {bands}{size}, in {duration(seconds)}"
