"""Embeddings of polygons and lines: the mean over what they cover, weighed by area or length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable

import numpy as np

from ..analysis import unit
from ..errors import CancelledError, InputError, Noun
from ..grid import Grid, Window
from ..grid.crs import LONLAT, half_turn, to_lonlat
from ..grid.outlines import pixel_areas
from ..grid.shares import covered, pieces
from ..grid.sphere import EARTH_KM, great_circle_km, unit_vectors
from ..grid.wkb import Rings, Shape
from ..types import Bools, Cancelled, Float32, Floats, Integers, Mask

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

# Pixels along the longer side of a zone's largest part, at least, and those of a whole zone, at
# most: a mean over more of them is the same.
LEAST_ALONG, MOST_PIXELS = 8, 8_192
# Of a model that states no resolution, degrees.
_UNKNOWN_RESOLUTION = 2.0
# Places that are embedded together: 17 MB at 256 dimensions.
_TOGETHER = 2**14
# Part of half a turn by which rounding may carry a coordinate beyond a pole.
_BEYOND = 1e-9


@dataclass(frozen=True)
class ZoneEmbeddings:
    """Zones as the means of what they cover; NaN, and 0 pixels, where a zone has no place.

    Attributes:
        means: (N, dim) embeddings.
        pixels: (N,) pixels that a zone touches; of points their number.
        area_km2: (N,) of polygons, on the ellipsoid; NaN for others.
        length_km: (N,) of lines, on the sphere; NaN for others.
        spread: (N,) 1 - the mean cosine of the pixels with the zone's mean: 0 where all are alike.
    """

    means: Float32
    pixels: Integers
    area_km2: Floats
    length_km: Floats
    spread: Floats


@dataclass(frozen=True)
class _Sample:
    """What a zone covers: places (n, 2) degrees, their weights (n,), and how much that is."""

    lonlat: Floats
    weights: Floats
    pixels: int
    area_km2: float = np.nan
    length_km: float = np.nan


class ZoneEmbedder:
    """Embeds zones: polygons by the mean over their pixels, lines by that along them, points as
    they are.

    A pixel of a polygon weighs by its area on the ellipsoid times the part that the polygon covers,
    which is exact for edges that are straight in the CRS; it is embedded at its centre. A line is
    cut at the borders of pixels; each piece is embedded at its middle and weighs by its length on
    the sphere. Where a geometry has both, or points too, what has area counts.

    Pixels are squares of what the model resolves, smaller for small zones (eight along the longer
    side of the largest part) and larger for very large ones (8,192 in all), so that every zone is
    a mean of as many as it takes.

    Args:
        encoder: what embeds.
        crs: of the coordinates. In degrees zones may run on past 180, or be cut there.
        res: side of all pixels in units of the CRS, whatever a zone's size; as said above where
            None.
        mask: which pixels of polygons and pieces of lines count, by their centres; all where None.
        threads: to embed with; all available processors where None.

    Raises:
        InputError: the CRS is not known, or a res that is none.

    Attributes:
        across: zones so far with an edge of more than half a turn, which is taken as it is drawn.
    """

    def __init__(
        self,
        encoder: LocationEncoder,
        crs: str = LONLAT,
        *,
        res: float | None = None,
        mask: Mask | None = None,
        threads: int | None = None,
    ) -> None:
        if res is not None and not 0 < res < np.inf:
            raise InputError(Noun("res"), f" {res:g} is not above 0 and finite: give a pixel size")
        self.encoder, self.crs = encoder, crs
        self.across = 0
        self._res, self._mask, self._threads = res, mask, threads
        self._to_lonlat, self._half = to_lonlat(crs), half_turn(crs)

    def __call__(
        self,
        shapes: Sequence[Shape | None],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Cancelled | None = None,
    ) -> ZoneEmbeddings:
        """Embed zones; None is one without a geometry.

        Args:
            shapes: N of them.
            done: called now and then with the number of zones that are through.
            cancelled: asked now and then.

        Raises:
            InputError: `res` makes more pixels of a zone than can be.
            CancelledError: `cancelled` said so.
        """
        count, dim = len(shapes), self.encoder.dim
        sums, directions = np.zeros((count, dim)), np.zeros((count, dim))
        total, pixels = np.zeros(count), np.zeros(count, np.int64)
        area, length = np.full(count, np.nan), np.full(count, np.nan)

        def samples() -> Iterator[tuple[int, Floats, Floats]]:
            for zone, shape in enumerate(shapes):
                if cancelled is not None and cancelled():
                    raise CancelledError("stopped: nothing was written")
                sample = None if shape is None else self._sample(shape)
                if sample is None or not len(sample.weights):
                    continue
                pixels[zone] = sample.pixels
                area[zone], length[zone] = sample.area_km2, sample.length_km
                total[zone] = sample.weights.sum()
                for start in range(0, len(sample.weights), _TOGETHER):
                    part = slice(start, start + _TOGETHER)
                    yield zone, sample.lonlat[part], sample.weights[part] / total[zone]

        for zones, lonlat, weights, starts in _batches(samples()):
            embeddings = self.encoder.encode_many(lonlat, threads=self._threads)
            for into, values in ((sums, embeddings), (directions, unit(embeddings))):
                parts = np.add.reduceat(weights[:, None] * values, starts, axis=0)
                np.add.at(into, zones, parts)
            if done is not None:
                done(int(zones[-1]))
        means = np.where(total[:, None] > 0, sums, np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = (directions * means).sum(axis=1) / np.linalg.norm(means, axis=1)
        spread = np.maximum(1 - cosines, 0)
        return ZoneEmbeddings(means.astype(np.float32), pixels, area, length, spread)

    def _sample(self, shape: Shape) -> _Sample | None:
        """What a zone covers; None where it has no usable coordinates."""
        coordinates = shape.coordinates
        if not len(coordinates) or not np.isfinite(coordinates).all():
            return None
        if self._half is not None:
            most = np.abs(coordinates).max(axis=0)
            if most[1] > self._half / 2 * (1 + _BEYOND) or most[0] > 2 * self._half:
                return None
        if shape.polygons:
            self.across += self._goes_across(shape.polygons)
            sample = self._of_polygons(shape.polygons)
            if sample is not None:
                return sample
        flat = [ring for polygon in shape.polygons for ring in polygon]
        # What has no area is the lines along its edge, and without length the points on it.
        sample = self._of_lines([*flat, *shape.lines]) or self._of_points(coordinates)
        return replace(sample, area_km2=0.0, length_km=np.nan) if flat else sample

    def _goes_across(self, polygons: Sequence[Rings]) -> bool:
        """Whether an edge spans more than half a turn, and neither all of one nor a pole."""
        if self._half is None:
            return False
        for polygon in polygons:
            wide = np.abs(np.diff(polygon[0][:, 0]))
            at_pole = np.abs(polygon[0][:, 1]) >= self._half / 2 * (1 - _BEYOND)
            wide[at_pole[:-1] & at_pole[1:]] = 0
            if ((wide > self._half) & (wide < 2 * self._half * (1 - _BEYOND))).any():
                return True
        return False

    def _of_polygons(self, polygons: Sequence[Rings]) -> _Sample | None:
        """By pixels; None where there is no area."""
        boxes = np.array([_box(polygon[0]) for polygon in polygons])
        sides = boxes[:, 2:] - boxes[:, :2]
        if not sides.prod(axis=1).sum() > 0:
            return None
        least = np.sqrt(sides.prod(axis=1).sum() / MOST_PIXELS)
        grid = self._grid(boxes, least)
        found = [self._covered(polygon, box, grid) for polygon, box in zip(polygons, boxes)]
        rows, cols, shares, areas = (np.concatenate(column) for column in zip(*found))
        # Parts of a zone share pixels.
        cells, first, of_cell = np.unique(
            rows * grid.shape[1] + cols, return_index=True, return_inverse=True
        )
        shares = np.minimum(np.bincount(of_cell.ravel(), shares, len(cells)), 1)
        weights = shares * areas[first]
        if not weights.sum() > 0:
            return None
        lonlat = self._places(*grid.centres(rows[first], cols[first]))
        wanted = self._wanted(lonlat) & (weights > 0)
        weights = weights[wanted]
        return _Sample(lonlat[wanted], weights, int(wanted.sum()), area_km2=float(weights.sum()))

    def _covered(
        self, polygon: Rings, box: Floats, grid: Grid
    ) -> tuple[Integers, Integers, Floats, Floats]:
        """Pixels of a polygon: row, column, part that is covered, area in km² (NaN off the map)."""
        left, top = np.floor(_in_pixels(grid, box[[0, 3]][None])[0]).astype(np.int64)
        right, bottom = np.ceil(_in_pixels(grid, box[[2, 1]][None])[0]).astype(np.int64)
        shape = int(max(bottom - top, 1)), int(max(right - left, 1))
        rings = [_in_pixels(grid, ring) - (left, top) for ring in polygon if len(ring) > 2]
        found: list[tuple[Integers, Integers, Floats, Floats]] = []
        for rows, cols, shares in covered(rings, shape) if rings else ():
            if len(rows):
                first, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
                window = Window(first + int(top), int(left), height, shape[1])
                areas = pixel_areas(grid, window)[rows - first, cols]
                found.append((rows + top, cols + left, shares, np.nan_to_num(areas)))
        nothing = np.zeros(0, np.int64)
        found = found or [(nothing, nothing, np.zeros(0), np.zeros(0))]
        rows, cols, shares, areas = (np.concatenate(column) for column in zip(*found))
        return rows, cols, shares, areas

    def _of_lines(self, lines: Sequence[Floats]) -> _Sample | None:
        """By pieces; None where there is no length."""
        lines = [line for line in lines if len(line) > 1]
        if not lines:
            return None
        boxes = np.array([_box(line) for line in lines])
        along = sum(float(np.abs(np.diff(line, axis=0)).sum()) for line in lines)
        if not along > 0:
            return None
        grid = self._grid(boxes, along / MOST_PIXELS)
        found = [pieces(_in_pixels(grid, line)) for line in lines]
        rows, cols, starts, ends = (np.concatenate(column) for column in zip(*found))
        begin, end, middle = (
            self._places(*_from_pixels(grid, at)) for at in (starts, ends, (starts + ends) / 2)
        )
        lengths = great_circle_km(begin, end)
        wanted = self._wanted(middle) & (lengths > 0)
        lengths = lengths[wanted]
        pixels = len(np.unique(rows[wanted] * grid.shape[1] + cols[wanted]))
        return _Sample(middle[wanted], lengths, pixels, length_km=float(lengths.sum()))

    def _of_points(self, points: Floats) -> _Sample:
        lonlat = self._places(*np.unique(points, axis=0).T)
        lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
        return _Sample(lonlat, np.ones(len(lonlat)), len(lonlat))

    def _places(self, x: Floats, y: Floats) -> Floats:
        """Places of the CRS (N,), (N,) as (N, 2) degrees; not finite off the map."""
        lon, lat = self._to_lonlat(x, y)
        # Half a pixel may lie beyond a pole.
        return np.stack([lon, np.clip(lat, -90, 90)], axis=1)

    def _wanted(self, lonlat: Floats) -> Bools:
        """(N,) whether a place is on the map, and the mask wants it."""
        wanted: Bools = np.logical_and.reduce(np.isfinite(lonlat), axis=1)
        if self._mask is not None:
            wanted[wanted] = self._mask(*lonlat[wanted].T)
        return wanted

    def _grid(self, boxes: Floats, least: float) -> Grid:
        """The pixels of a zone.

        Args:
            boxes: (N, 4) west, south, east, north of its parts.
            least: side of a pixel, at least, where the size of pixels is free.
        """
        (west, south), (east, north) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        size = self._res
        if size is None:
            longest = float((boxes[:, 2:] - boxes[:, :2]).max())
            size = min(
                self._resolved((west + east) / 2, (south + north) / 2), longest / LEAST_ALONG
            )
            size = max(size, least)
        # By whole pixels from the origin, so that zones of equal pixels share them.
        left, top = np.floor(west / size) * size, np.ceil(north / size) * size
        rows, cols = (int(np.ceil(side / size)) + 1 for side in (top - south, east - left))
        if rows * cols >= 2**40:
            raise InputError(
                Noun("res"), f" {size:g} makes {rows} x {cols} pixels of a zone: give a coarser one"
            )
        return Grid(self.crs, (size, 0.0, left, 0.0, -size, top), (rows, cols))

    def _resolved(self, x: float, y: float) -> float:
        """What the model resolves at a place, in units of the CRS."""
        degrees = self.encoder.resolution_degrees or _UNKNOWN_RESOLUTION
        if self._half is not None:
            return degrees * self._half / 180
        step = 1.0
        around = self._places(
            x + step * np.array([-1.0, 1, 0, 0]), y + step * np.array([0.0, 0, -1, 1])
        )
        if not np.isfinite(around).all():
            return degrees * np.pi / 180 * EARTH_KM * 1000
        chords = np.linalg.norm(np.diff(unit_vectors(*around.T), axis=1)[:, [0, 2]], axis=0)
        return float(np.deg2rad(degrees) * 2 * step / np.sqrt(chords.prod()))


def _batches(
    samples: Iterator[tuple[int, Floats, Floats]],
) -> Iterator[tuple[Integers, Floats, Floats, Integers]]:
    """Samples together: zones (k,), places (n, 2), weights (n,), where each zone's begin (k,)."""
    held: list[tuple[int, Floats, Floats]] = []
    size = 0

    def joined() -> tuple[Integers, Floats, Floats, Integers]:
        sizes = np.array([len(weights) for _, _, weights in held])
        places = np.concatenate([lonlat for _, lonlat, _ in held])
        weights = np.concatenate([weights for _, _, weights in held])
        return np.array([zone for zone, _, _ in held]), places, weights, np.cumsum(sizes) - sizes

    for sample in samples:
        held.append(sample)
        size += len(sample[2])
        if size >= _TOGETHER:
            yield joined()
            held, size = [], 0
    if held:
        yield joined()


def _box(positions: Floats) -> Floats:
    """(4,) west, south, east, north."""
    return np.concatenate([positions.min(axis=0), positions.max(axis=0)])


def _in_pixels(grid: Grid, positions: Floats) -> Floats:
    """(N, 2) x, y as column and row in parts of pixels."""
    size, _, left, _, _, top = grid.transform
    return (positions - (left, top)) / (size, -size)


def _from_pixels(grid: Grid, positions: Floats) -> tuple[Floats, Floats]:
    """(N, 2) columns and rows as x (N,) and y (N,)."""
    size, _, left, _, _, top = grid.transform
    return left + size * positions[:, 0], top - size * positions[:, 1]
