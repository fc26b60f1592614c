"""From the coordinates of a batch of rows to new columns, with an account of unusable rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, CancelledError, InputError
from ..grid.crs import LONLAT, to_lonlat
from ..types import Cancelled, Floats, Progress
from .request import PointsRequest, PointsResult

if TYPE_CHECKING:
    from .adding import Adding
    from .table import Table


# Rows at a time: 34 MB of float32 embeddings at 256 dimensions, and enough of a country for many to
# lie near one another.
ROWS = 32_768
# A longitude beyond a full turn is a projected coordinate or a slip, not a place.
_TURN = 360.0
_EXAMPLES = 5


class Embedder:
    """Embeds rows, or predicts for them, batch by batch; keeps count of those that cannot be.

    Args:
        adding: what makes the new columns.
        request: whether a bad row is an error.
        crs: of the coordinates.
        total: rows to come, 0 where unknown.
        progress: called with (rows done, total) after each batch.
        cancelled: asked before each batch.

    Raises:
        InputError: an unknown CRS, more dimensions than the encoder has.
    """

    lacking = "usable coordinates"
    """What a row has not that stays empty."""
    _REMEDY: tuple[str | Argument, ...] = (
        "; longitude must lie within -360..360 and latitude within -90..90: are they swapped, or "
        "projected (",
        Argument("crs"),
        ")?",
    )

    def __init__(
        self,
        adding: Adding,
        request: PointsRequest,
        *,
        crs: str = LONLAT,
        total: int = 0,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> None:
        self.adding, self.request = adding, request
        self._transform, self.total = to_lonlat(crs), total
        self.progress, self.cancelled = progress, cancelled
        self.rows = self.empty = 0
        self._examples: list[str] = []

    def batch(self, table: Table, batch: Any) -> tuple[Floats, Floats, NDArray[Any]]:
        """The next rows of a table: x and y (N,) in its CRS, and the new columns (N, width).

        Raises:
            InputError: a geometry that is no point, without `centroid`; else as `embed`.
        """
        x, y, lonlat = self.batch_places(table, batch)
        values = values_at(self.adding, lonlat)
        self.report(0)
        return x, y, values

    def batch_places(self, table: Table, batch: Any) -> tuple[Floats, Floats, Floats]:
        """The same without the new columns: x, y, and `places` (N, 2) in degrees."""
        from .geometry import coordinates

        centroid = self.request.centroid
        x, y, describe = coordinates(table, batch, first_row=self.rows + 1, centroid=centroid)
        return x, y, self.places(x, y, describe)

    def embed(self, x: Floats, y: Floats, describe: Callable[[int], str]) -> NDArray[Any]:
        """The new columns of the next rows.

        Args:
            x: (N,) longitudes, or eastings of the table's CRS; NaN where there is none.
            y: (N,) latitudes or northings.
            describe: what a row of the batch has for coordinates, for the account.

        Returns:
            (N, width) of the dtype asked for, NaN in rows without usable coordinates.

        Raises:
            InputError: such a row, where the request is strict.
            CancelledError: the caller asked to stop.
        """
        lonlat = self.places(x, y, describe)
        values = values_at(self.adding, lonlat)
        self.report(0)
        return values

    def places(self, x: Floats, y: Floats, describe: Callable[[int], str]) -> Floats:
        """Where the next rows are, which count as seen; arguments and errors as of `embed`.

        Returns:
            (N, 2) degrees, NaN in rows without usable coordinates.
        """
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("stopped: nothing was written")
        lon, lat = self.lonlat(x, y)
        with np.errstate(invalid="ignore"):
            usable = (np.abs(lon) <= _TURN) & (np.abs(lat) <= 90)
        self.account(np.flatnonzero(~usable), describe)
        self.rows += len(lon)
        return np.where(usable[:, None], np.column_stack([lon, lat]), np.nan)

    def report(self, more: int) -> None:
        """Say that all rows so far are through, and some more of the next batch."""
        done = self.rows + more
        if self.progress is not None:
            self.progress(done, max(self.total, done) if self.total else 0)

    def result(self) -> PointsResult:
        """The account, once all rows are through.

        Raises:
            InputError: there were rows, and none of them could be used.
        """
        if self.rows and self.empty == self.rows:
            raise InputError(
                f"none of the {self.rows:,} rows has {self.lacking}: {self._shown()}",
                *self._REMEDY,
            )
        warning = None
        if not self.rows:
            warning = f"{self.request.source} has no rows: the result has none either"
        elif self.empty:
            warning = (
                f"{self.empty:,} of {self.rows:,} rows have no {self.lacking} and got empty "
                f"values: {self._shown()}"
            )
        return PointsResult(self.rows, self.empty, warning, self.adding.notes)

    def lonlat(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Coordinates of the table as longitude and latitude in degrees, not checked."""
        return self._transform(x, y)

    def account(self, bad: NDArray[np.intp], describe: Callable[[int], str]) -> None:
        """Count rows that stay empty, by their numbers in the batch.

        Raises:
            InputError: there are any, where the request is strict.
        """
        for index in bad[: _EXAMPLES - len(self._examples)].tolist():
            self._examples.append(f"row {self.rows + index + 1} ({describe(index)})")
        self.empty += len(bad)
        if self.empty and self.request.strict:
            raise InputError(
                f"no {self.lacking} in {self._shown()}; without ",
                Argument("strict", True),
                " such rows are kept with empty values",
            )

    def _shown(self) -> str:
        more = ", …" if self.empty > len(self._examples) else ""
        return ", ".join(self._examples) + more


def values_at(adding: Adding, lonlat: Floats) -> NDArray[Any]:
    """The new columns of rows.

    Args:
        adding: what makes them.
        lonlat: (N, 2) degrees, NaN in rows that stay empty.

    Returns:
        (N, width) of the adding's dtype.
    """
    usable = ~np.isnan(lonlat[:, 0])
    values = np.full((len(lonlat), adding.width), np.nan, np.float32)
    if usable.any():
        values[usable] = adding(lonlat[usable])
    return values.astype(adding.dtype, copy=False)
