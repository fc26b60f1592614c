"""What `satclip search` and `satclip locate` share: a raster of land, and its best places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from .. import options
from ..messages import quiet, tell
from .raster_command import RasterCommand, origin
from .search_command import LandOptions, where_options

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.files import Target


@dataclass(frozen=True)
class QueryOptions(LandOptions):
    """The options that both share, as they were given."""

    creation_options: tuple[tuple[str, str], ...]
    dry_run: bool
    places: Path | None
    count: int

    def begin(self, *read: str | Path) -> Query:
        """Look at everything that was asked for, before anything is read or computed.

        Args:
            read: further files that the command reads.

        Raises:
            click.UsageError: the options make no grid.
            SatclipError: a file cannot be written.
        """
        from satclip_core.files import check_apart
        from satclip_core.points.found import features_target

        raster = self.raster(creation_options=self.creation_options, dry_run=self.dry_run)
        target = None
        if self.places is not None and not self.dry_run:
            check_apart(
                self.places,
                (self.output, self.like, self.land_mask, self.region, self.model, *read),
            )
            target = features_target(self.places, overwrite=self.overwrite)
        return Query(raster.begin(*read), target)


@dataclass(frozen=True)
class Query:
    """A query at work.

    Attributes:
        raster: the raster that it makes.
        places: file for the best places; None where none is wanted.
    """

    raster: RasterCommand
    places: Target | None

    def write(
        self,
        encoder: LocationEncoder,
        columns: dict[str, Any],
        shapes: list[bytes],
        path: Path | None,
    ) -> None:
        """Print the places and write their file.

        Args:
            encoder: that found them.
            columns: what is told of each, by name.
            shapes: of them, as well-known bytes.
            path: of the file, for the message.

        Raises:
            SatclipError: it cannot be written.
        """
        from satclip_core.points.found import POINT, write_features

        click.echo(_as_text(columns))
        if self.places is None:
            return
        crs = self.raster.grid.crs
        write_features(self.places, columns, shapes, kind=POINT, crs=crs, facts=origin(encoder))
        if not quiet():
            tell(f"{path}: {len(shapes)} place{'s' * (len(shapes) != 1)}")


def query_options(default_output: str) -> Callable[[Any], Any]:
    """The shared options; the command gets them as its first argument, `QueryOptions`.

    Args:
        default_output: raster that is written where none is given.
    """
    shared = options.combined(
        options.grid_options,
        options.output_option(default_output),
        click.option(
            "--places",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Write the best places as points, too: GeoPackage, GeoJSON, GeoParquet or CSV by "
            "the extension.",
        ),
        click.option(
            "--count",
            type=click.IntRange(min=1),
            default=10,
            show_default=True,
            metavar="N",
            help="How many places, the best first.",
        ),
        options.model_option_of("words"),
        where_options,
        options.co_option,
        options.overwrite_option,
        options.dry_run_option,
        options.threads_option,
        options.verbosity_options,
    )
    return options.packed(QueryOptions, shared)


def _as_text(columns: dict[str, Any]) -> str:
    """A line for each place, numbers right-aligned under the names of their columns."""
    rows = [[name.upper() for name in columns]]
    rows += [
        [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row]
        for row in zip(*(values.tolist() for values in columns.values()))
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths)) for row in rows)
