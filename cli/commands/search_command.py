"""What `satclip places` and `satclip areas` share: examples, a grid, a file of what was found."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Callable

import click

from .. import options
from ..messages import quiet, tell
from ..progress import duration, quantity
from .raster_command import GridOptions, RasterOptions, origin
from .similarity_raster import Places, examples_options, held_against, similarity_to

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.files import Target
    from satclip_core.grid import Grid
    from satclip_core.products import SimilarityTo
    from satclip_core.types import Mask


# Where no extent is given: all land but Antarctica's.
_WORLD, _WORLD_RES = (-180.0, -60.0, 180.0, 84.0), (0.5,)


@dataclass(frozen=True)
class LandOptions(GridOptions):
    """The options of what looks at land only, unless `--sea` or a mask says otherwise.

    Where no extent is given they look at all of it.
    """

    sea: bool
    region: str | None

    def raster(self, **others: Any) -> RasterOptions:
        """The same as options of a raster.

        Args:
            others: what a raster has besides, or what takes the place of what was given.

        Raises:
            click.UsageError: sea too, and a mask.
        """
        if self.sea and self.land_mask is not None:
            raise click.UsageError(f"--sea takes no mask: leave it out for {self.land_mask}")
        given = {field.name: getattr(self, field.name) for field in fields(GridOptions)}
        placed = (self.bbox, self.crs, self.bbox_crs, self.tap, self.like, self.region)
        if all(value is None for value in placed):
            given.update(bbox=_WORLD, res=self.res or _WORLD_RES)
        land = not self.sea and self.land_mask is None
        return RasterOptions(**{**given, "land": land, "region": self.region, **others})


@dataclass(frozen=True)
class SearchOptions(LandOptions):
    """The options that both share, as they were given."""

    places: Places
    unlike: Places
    reduce: str
    against: str

    def begin(self) -> Search:
        """Look at everything that was asked for, before anything is read or computed.

        Raises:
            click.UsageError: the options make no grid or no similarity.
            SatclipError: the file cannot be written.
        """
        from satclip_core.files import check_apart
        from satclip_core.points.found import features_target
        from satclip_core.raster.mask import opened_mask
        from satclip_core.raster.region import both, open_region

        start, raster = time.monotonic(), self.raster(creation_options=(), dry_run=False)
        wanted = similarity_to(self.places, self.unlike, self.reduce)
        grid = raster.grid()
        check_apart(self.output, (self.like, self.land_mask, self.region, self.model))
        target = features_target(self.output, overwrite=self.overwrite)
        mask: str | Mask | None = raster.mask
        if self.region is not None:
            mask = both(opened_mask(mask), open_region(self.region))
        wanted = held_against(wanted, self.against, grid)
        return Search(wanted, grid, target, mask, raster.real_extent(grid), start)


@dataclass(frozen=True)
class Search:
    """A search at work.

    Attributes:
        wanted: what is looked for.
        grid: where.
        target: file to write.
        mask: which places are looked at.
        extent: what the grid covers, in a line, where that is not just the bbox.
        start: when it began, seconds.
    """

    wanted: SimilarityTo
    grid: Grid
    target: Target
    mask: str | Mask | None
    extent: str | None
    start: float

    def write(
        self,
        encoder: LocationEncoder,
        columns: dict[str, Any],
        shapes: list[bytes],
        kind: str,
        what: str,
    ) -> None:
        """Write what an encoder found and say so.

        Raises:
            SatclipError: it cannot be written.
        """
        from satclip_core.points.found import write_features

        write_features(
            self.target, columns, shapes, kind=kind, crs=self.grid.crs, facts=origin(encoder)
        )
        if quiet():
            return
        if self.extent is not None:
            tell(self.extent)
        size = quantity(self.target.path.stat().st_size, "B")
        seconds = duration(time.monotonic() - self.start)
        tell(f"{self.target.path}: {what}, {size}, in {seconds}")


where_options = options.combined(
    click.option(
        "--sea",
        is_flag=True,
        help="Look at sea too; else only at land, by the mask that comes with satclip.",
    ),
    click.option(
        "--land-mask",
        type=options.Source(),
        metavar="FILE",
        help="Another mask of where to look: not where this raster is 0 or nodata, or outside "
        "these polygons.",
    ),
    options.region_option,
)


def search_options(default_output: str) -> Callable[[Any], Any]:
    """The shared options; the command gets them as its first argument, `SearchOptions`.

    Args:
        default_output: file that is written where none is given.
    """
    shared = options.combined(
        examples_options,
        options.grid_options,
        options.output_option(default_output),
        options.model_option,
        where_options,
        options.overwrite_option,
        options.threads_option,
        options.verbosity_options,
    )

    return options.packed(SearchOptions, shared)
