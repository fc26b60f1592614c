"""The areas of a grid where all is like some places, as polygons."""

from __future__ import annotations

import os
import struct
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..encoder import LocationEncoder
from ..errors import Argument, InputError, Noun
from ..grid import Grid, Window
from ..grid.outlines import areas_of, outlines, pixel_areas
from ..grid.pixels import Locator
from ..grid.sphere import wrap_longitudes
from ..products import AnySimilarity, SimilarityTo, compared_land
from ..types import Bools, Cancelled, Float32, Floats, Integers, Mask, Progress
from .blocks import blocks
from .mask import opened_mask

# Pixels whose similarity and number are held in memory together: 1.2 GB.
MOST_PIXELS = 100_000_000
# Share of random land, in per cent, that is less alike than what is drawn.
PERCENTILE = 95.0
_ROWS = 256
_WKB_POLYGON = 3


@dataclass(frozen=True)
class SimilarAreas:
    """Areas of a grid that are alike enough, the one with the most similar pixel first.

    Attributes:
        outlines: of each its rings, (N, 2) x and y in the CRS of the grid, closed; the outer one
            first and counter-clockwise, its holes clockwise, where the grid is north-up.
        km2: (n,) area on the ellipsoid.
        mean: (n,) similarity, each pixel weighed by its area.
        most: (n,) similarity of the most similar pixel.
        lonlat: (n, 2) lon, lat in degrees of its centre.
        above: the least similarity of a pixel that counts.
    """

    outlines: tuple[tuple[Floats, ...], ...]
    km2: Floats
    mean: Floats
    most: Floats
    lonlat: Floats
    above: float

    def __len__(self) -> int:
        return len(self.km2)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What is told of each, by the name of its field; lon, lat are of its best pixel."""
        return {
            "rank": np.arange(1, len(self) + 1),
            "area_km2": self.km2,
            "mean_similarity": self.mean,
            "max_similarity": self.most,
            "lon": self.lonlat[:, 0],
            "lat": self.lonlat[:, 1],
        }

    @property
    def wkb(self) -> list[bytes]:
        """The areas as well-known bytes of polygons."""
        return [_wkb(rings) for rings in self.outlines]


@dataclass(frozen=True)
class AreaOptions:
    """What counts as an area.

    Attributes:
        above: least similarity; None takes `percentile`.
        percentile: of the land that is compared with (`SimilarityTo.within`), in per cent, that
            is less alike.
        least_km2: areas smaller than that are left out.

    Raises:
        InputError: a number that is none of these.
    """

    above: float | None = None
    percentile: float = PERCENTILE
    least_km2: float = 0.0

    def __post_init__(self) -> None:
        if self.above is not None and not -1 <= self.above <= 1:
            raise InputError(
                f"a similarity above {self.above:g}: cosines lie in -1..1, chances in 0..1; give ",
                Argument("above"),
                " within",
            )
        if not 0 <= self.percentile < 100:
            raise InputError(
                f"more alike than {self.percentile:g} % of land: give 0 or more, below 100, as ",
                Argument("percentile"),
            )
        if not 0 <= self.least_km2 < np.inf:
            raise InputError(
                f"areas of at least {self.least_km2:g} km²: give 0 or more as ",
                Argument("least_km2"),
            )


DEFAULTS = AreaOptions()


def similar_areas(
    grid: Grid,
    encoder: LocationEncoder,
    wanted: SimilarityTo | ArrayLike,
    options: AreaOptions = DEFAULTS,
    *,
    threads: int | None = None,
    mask: str | os.PathLike[str] | Mask | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SimilarAreas:
    """The areas of a grid whose pixels are all like some places, those that touch along a side.

    Args:
        grid: where to look; its pixel centres are compared.
        encoder: what embeds.
        wanted: what they are to be like; (k, 2) lon, lat in degrees will do.
        options: what counts as an area.
        threads: number of threads; all available processors where None.
        mask: which places are wanted: a function, a file, or "land" as in a `RasterRequest`.
        progress: called with (pixels done, pixels in all) after each block.
        cancelled: asked before each block.

    Raises:
        InputError: a grid of too many pixels, a place that is none, a mask that cannot be read.
        CancelledError: `cancelled` said so.
    """
    if grid.pixels > MOST_PIXELS:
        raise InputError(
            f"{grid.pixels:,} pixels are more than the {MOST_PIXELS:,} that areas are looked for "
            "in: give a coarser ",
            Noun("res"),
            " or smaller ",
            Noun("bounds"),
        )
    wanted = wanted if isinstance(wanted, SimilarityTo) else SimilarityTo.of(wanted)
    locator = Locator(grid, opened_mask(mask))
    product = wanted.by(encoder)
    above = options.above
    if above is None:
        above = land_percentile(product, encoder, options.percentile)
    similarity = np.empty(grid.shape, np.float32)
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    with closing(blocks(locator, encoder, product, threads=threads, **hooks)) as made:
        for window, bands in made:
            rows = slice(window.row, window.row + window.height)
            similarity[rows, window.col : window.col + window.width] = bands[0]
    with np.errstate(invalid="ignore"):
        alike: Bools = similarity >= np.float32(above)
    labels, count = areas_of(alike)
    return _measured(locator, similarity, labels, count, above, options.least_km2)


def land_percentile(product: AnySimilarity, encoder: LocationEncoder, percentile: float) -> float:
    """The similarity that so many per cent of the land that it is compared with have less of."""
    land = product(encoder.encode(compared_land(product.within), single=True)[None])
    return float(np.percentile(land, percentile))


def _measured(
    locator: Locator,
    similarity: Float32,
    labels: Integers,
    count: int,
    above: float,
    least_km2: float,
) -> SimilarAreas:
    """Size, similarity and outline of each area, in order."""
    grid = locator.grid
    km2, weighed = np.zeros(count + 1), np.zeros(count + 1)
    height, width = grid.shape
    for row in range(0, height, _ROWS):
        window = Window(row, 0, min(_ROWS, height - row), width)
        part = slice(row, row + window.height)
        some = labels[part] > 0
        if not some.any():
            continue
        numbers, areas = labels[part][some], np.nan_to_num(pixel_areas(grid, window)[some])
        km2 += np.bincount(numbers, areas, count + 1)
        weighed += np.bincount(numbers, areas * similarity[part][some], count + 1)
    inside = np.flatnonzero(labels)
    numbers, values = labels.ravel()[inside], similarity.ravel()[inside]
    order = np.lexsort((inside, -values, numbers))  # of each area its best pixel first
    best = inside[order[np.searchsorted(numbers[order], np.arange(1, count + 1))]]
    most = similarity.ravel()[best].astype(np.float64)
    kept = np.flatnonzero(km2[1:] >= least_km2)
    kept = kept[np.argsort(-most[kept], kind="stable")]
    lons, lats, _ = locator.at(*np.divmod(best[kept], width))
    rings = outlines(np.where(np.isin(labels, kept + 1), labels, 0)) if len(kept) else []
    with np.errstate(invalid="ignore"):
        mean = (weighed / km2)[1:][kept]
    return SimilarAreas(
        tuple(tuple(_placed(grid, ring) for ring in rings[index]) for index in kept),
        km2[1:][kept],
        mean,
        most[kept],
        np.stack([wrap_longitudes(lons), lats], axis=1),
        above,
    )


def _wkb(rings: tuple[Floats, ...]) -> bytes:
    head = struct.pack("<BII", 1, _WKB_POLYGON, len(rings))
    parts = [struct.pack("<I", len(ring)) + ring.astype("<f8").tobytes() for ring in rings]
    return head + b"".join(parts)


def _placed(grid: Grid, ring: Integers) -> Floats:
    """Corners (N, 2) row, col as (N, 2) x, y, the other way round: rows count southwards."""
    x, y = grid.corners(ring[::-1, 0], ring[::-1, 1])
    return np.stack([x, y], axis=1)
