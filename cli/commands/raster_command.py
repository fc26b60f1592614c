"""What all raster commands share: options to a request, its words, and the files beside it."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from satclip_core.errors import InputError

from .. import options
from ..messages import quiet, tell
from ..progress import duration, progress, quantity, size_of
from ..words import worded

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.files import Target
    from satclip_core.grid import Grid
    from satclip_core.products.product import P, Product, Wanted
    from satclip_core.raster import RasterJob, RasterRequest

Seen = Callable[[Any, Any], None]
"""Takes a window and its bands."""


# US dollars: about what the large clouds ask for a core on demand, with its memory.
_CORE_HOUR = 0.05


@dataclass(frozen=True)
class GridOptions:
    """The options of whatever looks at a grid, as they were given."""

    bbox: tuple[float, ...] | None
    res: tuple[float, ...] | None
    crs: str | None
    bbox_crs: str | None
    tap: bool | None
    like: str | None
    output: Path
    model: str
    land_mask: str | None
    overwrite: bool
    threads: int | None


@dataclass(frozen=True)
class RasterOptions(GridOptions):
    """The options that all raster commands share, as they were given."""

    land: bool
    creation_options: tuple[tuple[str, str], ...]
    dry_run: bool
    # What commands that search leave out.
    region: str | None = None
    format: str | None = None
    nodata: float | None = None
    stac: bool = False
    resume: bool = False
    scheduler: str | None = None
    tolerance: float | None = None
    device: str = "cpu"

    def grid(self) -> Grid:
        """The grid asked for.

        Raises:
            click.UsageError: the options make none.
        """
        from satclip_core.grid import Grid
        from satclip_core.raster import grid_like, open_region

        if self.like is not None:
            extra = [
                name
                for name, value in (
                    ("--bbox", self.bbox),
                    ("--res", self.res),
                    ("--crs", self.crs),
                    ("--bbox-crs", self.bbox_crs),
                    ("--tap" if self.tap else "--no-tap", self.tap),
                )
                if value is not None
            ]
            if extra:
                raise click.UsageError(f"--like gives the grid: leave out {', '.join(extra)}")
            return grid_like(self.like)
        bbox, bbox_crs = self.bbox, self.bbox_crs
        if bbox is None and self.region is not None:
            if bbox_crs is not None:
                raise click.UsageError("--region has a CRS of its own: leave out --bbox-crs")
            region = open_region(self.region)
            bbox, bbox_crs = region.bounds, region.crs
        if bbox is None or self.res is None:
            missing = "--bbox W S E N" if bbox is None else "--res, the side of a pixel"
            other = "--region or --like FILE" if bbox is None else "--like FILE"
            raise click.UsageError(f"Missing option {missing}, or give {other}")
        # The edges of a region mean nothing to a grid: they are rounded to whole pixels.
        tap = True if self.tap is None and self.bbox is None else self.tap
        try:
            return Grid.from_bounds(
                bbox, self.res, self.crs or "EPSG:4326", bounds_crs=bbox_crs, tap=tap
            )
        except InputError as error:
            raise click.UsageError(worded(error)) from error

    @property
    def format_of_output(self) -> str:
        """The format that is written."""
        from satclip_core.raster.formats import format_of

        return format_of(self.output, self.format)

    @property
    def mask(self) -> str | None:
        """Which places are wanted: a file, or the field of land; None for all.

        Raises:
            click.UsageError: both were asked for.
        """
        from satclip_core.grid.land import LAND

        if self.land and self.land_mask is not None:
            raise click.UsageError(
                f"--land is the mask that comes with satclip: leave it out for {self.land_mask}"
            )
        return LAND if self.land else self.land_mask

    def real_extent(self, grid: Grid) -> str | None:
        """What the grid covers, in a line, where that is not just the bbox."""
        from satclip_core.grid import said_extent

        return None if self.bbox is None else said_extent(grid, self.bbox, self.bbox_crs)

    def beside(self, path: Path | None, *read: str | Path) -> Target | None:
        """A file to write beside the raster, looked at before anything is computed.

        Args:
            path: the file; None where it was not asked for.
            read: other files that the command reads.

        Returns:
            The target; None where none is to be written.

        Raises:
            OutputError: it cannot be written, or is one of the command's own files.
        """
        from satclip_core.files import Target, check_apart

        if path is None or self.dry_run:
            return None
        own = (self.output, self.like, self.land_mask, self.region, self.model)
        check_apart(path, (*own, *read))
        return Target(path, self.overwrite)

    def begin(self, *read: str | Path) -> RasterCommand:
        """Look at grid and output, before anything is read or computed for them.

        Args:
            read: further files that the command reads.

        Raises:
            click.UsageError: the options make no grid.
            SatclipError: the raster cannot be written there.
        """
        from satclip_core.raster import raster_target
        from satclip_core.raster.dask_tasks import check_cluster

        start, grid, target = time.monotonic(), self.grid(), None
        if self.scheduler is not None:
            check_cluster(self.format_of_output)
        _ = self.mask  # asked for wrongly, it is said before anything is read
        if not self.dry_run:
            apart = (self.like, self.land_mask, self.region, *read)
            target = raster_target(
                self.output, format=self.format, overwrite=self.overwrite, apart=apart
            )
        return RasterCommand(self, grid, target, start)


land_option = click.option(
    "--land",
    is_flag=True,
    help="Only on land, by the mask that comes with satclip (1/40 degree; lakes are land); "
    "nodata at sea.",
)


def raster_options(default_output: str) -> Callable[[Any], Any]:
    """The shared options; the command gets them as its first argument, `RasterOptions`.

    Args:
        default_output: file that is written where none is given.
    """
    shared = options.combined(
        options.grid_options,
        options.output_option(default_output),
        options.model_option,
        land_option,
        click.option(
            "--land-mask",
            type=options.Source(),
            metavar="FILE",
            help="Only where this raster is neither 0 nor nodata, or inside these polygons "
            "(GeoJSON, or what GDAL opens); nodata elsewhere.",
        ),
        options.region_option,
        options.tolerance_option,
        options.device_option,
        options.format_options,
        options.co_option,
        options.overwrite_option,
        options.dry_run_option,
        options.threads_option,
        options.verbosity_options,
    )

    return options.packed(RasterOptions, shared)


@dataclass(frozen=True)
class RasterCommand:
    """A raster command at work: `prepare` what is wanted, then `finish`.

    Attributes:
        options: as they were given.
        grid: what they make.
        target: file to write; None with --dry-run.
        start: when it began, seconds.
    """

    options: RasterOptions
    grid: Grid
    target: Target | None
    start: float

    def request(self, product: Wanted[P]) -> RasterRequest[P]:
        """What is asked of the core."""
        from satclip_core.raster import RasterRequest, WriteOptions

        given = self.options
        write_options = WriteOptions(
            overwrite=given.overwrite,
            creation_options=dict(given.creation_options),
            threads=given.threads,
            tags={"command": command_line()},
            format=given.format,
            nodata=given.nodata,
            stac=given.stac,
            resume=given.resume,
        )
        return RasterRequest(
            self.grid,
            product,
            given.model,
            mask=given.mask,
            region=given.region,
            options=write_options,
            tolerance=given.tolerance,
            device=given.device,
        )

    def prepare(
        self, product: Wanted[P], *, learning: str | None = None, unit: str = "fits"
    ) -> RasterJob[P]:
        """Open what the request names, and fit the product.

        Args:
            product: what is wanted.
            learning: what is learnt in many steps, for the progress; None where it is no matter.
            unit: of these steps.

        Raises:
            SatclipError: it cannot be done.
        """
        request = self.request(product)
        if learning is None:
            return request.prepare()
        with progress(f"learning {learning}", unit) as report:
            return request.prepare(progress=report)

    def finish(self, job: RasterJob[Any], seen: Seen | None = None) -> bool:
        """Write the raster and say so, or with --dry-run say what it would be.

        Args:
            job: what is to be written.
            seen: called with each block that is written.

        Returns:
            Whether it was written.

        Raises:
            SatclipError: it cannot be written.
        """
        if self.target is None:
            click.echo("\n".join(_forecast(job, self.options.format_of_output)))
            return False
        covered = self.options.real_extent(self.grid)
        if covered is not None and not quiet():
            tell(covered)
        with progress(self.options.output.name, "px") as report:
            job.write(self.target, progress=report, seen=seen, scheduler=self.options.scheduler)
        if not quiet():
            tell(_summary(self.options.output, job, time.monotonic() - self.start))
        return True


def command_line() -> str:
    """The command as it could be typed again, for the record."""
    context = click.get_current_context(silent=True)
    args = context.find_root().obj if context is not None else None
    return shlex.join(["satclip", *(sys.argv[1:] if args is None else args)])


def origin(encoder: LocationEncoder) -> dict[str, str]:
    """Where features come from, for the description of their file: a raster's tags, in short."""
    return {"command": command_line(), **encoder.origin}


def _forecast(job: RasterJob[Any], format: str) -> list[str]:
    """What a raster would be: shape, bands, size, time."""
    from satclip_core.compute.threads import available_threads
    from satclip_core.raster.formats import FORMATS
    from satclip_core.raster.parts import part_windows
    from satclip_core.raster.space import as_size

    grid, product, encoder = job.request.grid, job.product, job.encoder
    guess = job.estimate(format)
    height, width = grid.shape
    bounds = " ".join(f"{value:.10g}" for value in grid.bounds)
    lines = {
        "shape": f"{width} x {height} pixels, {_bands(product)}, {product.dtype}",
        "extent": f"{bounds} ({grid.crs if len(grid.crs) < 40 else 'CRS of the --like file'})",
        "model": f"{encoder.name}: {encoder.config.formula}",
        "size": f"about {as_size(guess.bytes)} ({as_size(job.spec.bytes)} before compression)",
        "time": f"about {duration(guess.seconds)}",
    }
    if guess.wanted < 1:
        lines["wanted"] = f"{guess.wanted:.0%} of the pixels, the others have no data"
    if FORMATS[format].is_folder:
        parts = part_windows(job, format)
        side = max(parts[0].height, parts[0].width)
        hours = guess.seconds * (job.request.options.threads or available_threads()) / 3600
        lines["parts"] = f"{len(parts):,} of up to {side} x {side} pixels, each a task of its own"
        lines["cost"] = (
            f"about {hours:.3g} core hours: {hours * _CORE_HOUR:.2g} at {_CORE_HOUR} a core hour"
        )
    return [f"{name:<7}{text}" for name, text in lines.items()]


def _bands(product: Product) -> str:
    count = len(product.bands)
    return "1 band" if count == 1 else f"{count} bands"


def _summary(output: Path, job: RasterJob[Any], seconds: float) -> str:
    height, width = job.request.grid.shape
    bands = _bands(job.product)
    size = ""
    with suppress(OSError):
        size = f", {quantity(size_of(output), 'B')}"
    return f"{output}: {width} x {height} pixels, {bands}{size}, in {duration(seconds)}"
