"""A table of polygons and lines in, the same table with the mean embedding of each out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..grid.crs import LONLAT, check_crs
from ..grid.land import land_mask
from ..grid.wkb import Shape
from ..types import Cancelled, Floats, Progress
from .adding import Zones
from .embed import check_request, say, written
from .embedder import Embedder
from .geometry import coordinates, zone_wkb
from .locate import brought
from .request import CSV, STANDARD_STREAM, PointsRequest, PointsResult
from .zones import ZoneEmbedder, ZoneEmbeddings

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .table import Table


@dataclass(frozen=True)
class ZonesRequest:
    """A table of polygons and lines to embed.

    Attributes:
        table: source, target and the form of the embeddings; what it says of coordinate columns
            and the dtype is not looked at.
        res: side of the pixels in units of the table's CRS; what `ZoneEmbedder` takes where None.
        land: whether pixels on land alone count, by the field that comes with the package.
    """

    table: PointsRequest
    res: float | None = None
    land: bool = False


def embed_zones(
    encoder: LocationEncoder,
    request: ZonesRequest,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> PointsResult:
    """Add the mean embedding of its polygon or line to each row of a table, and how it varies.

    Beside the embedding rows get `pixels`, `area_km2` of polygons, `length_km` of lines, and
    `spread`, see `ZoneEmbeddings`. Rows, columns, geometries and CRS are kept; the target appears
    whole or not at all. Needs the extra `points`.

    Args:
        encoder: the model.
        request: source, target and how.
        progress: called with (rows done, rows in all; 0 where unknown).
        cancelled: asked now and then.

    Raises:
        InputError: the table cannot be used: missing, unreadable, no geometries, columns that are
            there already, no usable row (`strict`: any unusable row).
        OutputError: the target exists or cannot be written.
        CancelledError: `cancelled` said so; nothing was written.
        MissingDependencyError: the extra `points` is missing.
    """
    from .sources import open_table

    table = replace(request.table, centroid=True, dtype="float32", lon_column=None, lat_column=None)
    check_request(table)
    if table.crs is not None:
        table = replace(table, crs=check_crs(table.crs))
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    if table.source_format == CSV:  # before columns of coordinates are looked for
        raise _shapeless("standard input" if table.source == STANDARD_STREAM else table.source)
    with brought(table) as here, open_table(here, ids=True) as opened:
        if opened.geometry is None:
            raise _shapeless(opened.name)
        zones = ZoneEmbedder(
            encoder,
            opened.crs or LONLAT,
            res=request.res,
            mask=land_mask() if request.land else None,
            threads=table.threads,
        )
        result = written(opened, _ZoneRows(zones, Zones(encoder, here), opened, here, hooks))
    say(result)
    return result


def _shapeless(name: str) -> InputError:
    return InputError(
        f"{name} has no geometries: give a layer of polygons or lines, such as a GeoPackage"
    )


class _ZoneRows(Embedder):
    """Embeds rows of a table by what their geometries cover.

    Args:
        zones: embeds geometries.
        adding: makes columns of that.
        table: being read.
        request: whether a bad row is an error.
        hooks: `progress` and `cancelled` of `embed_zones`.
    """

    lacking = "place to embed"
    _REMEDY = (
        "; degrees must lie within -360..360 and -90..90: are the geometries projected (",
        Argument("crs"),
        "), or all at sea?",
    )

    def __init__(
        self,
        zones: ZoneEmbedder,
        adding: Zones,
        table: Table,
        request: PointsRequest,
        hooks: dict[str, Any],
    ) -> None:
        super().__init__(adding, request, crs=table.crs, total=table.total, **hooks)
        self._zones, self._columns = zones, adding

    def batch(self, table: Table, batch: Any) -> tuple[Floats, Floats, NDArray[Any]]:
        """The next rows: centroids in the table's CRS, and the new columns."""
        x, y, describe = coordinates(table, batch, first_row=self.rows + 1, centroid=True)
        shapes = [None if wkb is None else Shape.of(wkb) for wkb in zone_wkb(table, batch)]
        zones = self._zones(shapes, done=self.report, cancelled=self.cancelled)
        empty = np.flatnonzero(zones.pixels == 0)
        self.account(empty, lambda index: _why(shapes[index], describe(index)))
        self.rows += len(shapes)
        self.report(0)
        return x, y, self._made(zones).astype(np.float32)

    def result(self) -> PointsResult:
        """The account, with what is doubtful of the zones."""
        result, across = super().result(), self._zones.across
        if not across:
            return result
        zones = "1 zone has" if across == 1 else f"{across:,} zones have"
        note = (
            f"{zones} an edge across more than half of the Earth, which is taken as it is drawn: "
            "if it is to cross 180°, cut it there, or let it run on past"
        )
        return replace(result, notes=(*result.notes, note))

    def _made(self, zones: ZoneEmbeddings) -> NDArray[Any]:
        values = self._columns.of(zones)
        # A zone without a place is told nothing of.
        values[zones.pixels == 0] = np.nan
        return values


def _why(shape: Shape | None, described: str) -> str:
    """What a row has instead of a place."""
    if shape is None or not len(shape.coordinates):
        return described if shape is None else "an empty geometry"
    return f"about {described}"
