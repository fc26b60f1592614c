"""Areas of a raster: pixels that touch, the outlines of each, and how large a pixel is."""

from __future__ import annotations

import numpy as np

from ..types import Bools, Floats, Integers
from .crs import to_lonlat
from .grid import Grid, Window

# WGS 84 (NIMA 2000): half the major axis in kilometres, and the square of the eccentricity.
_MAJOR_KM, _FLATTENING = 6378.137, 1 / 298.257223563
_ECCENTRICITY = np.sqrt(_FLATTENING * (2 - _FLATTENING))
# Directions of an edge that is walked with its area on the right: rows count southwards.
_EAST, _SOUTH, _WEST, _NORTH = range(4)
_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)], np.int64)


def areas_of(wanted: Bools) -> tuple[Integers, int]:
    """Number the areas of a raster: pixels that touch along a side.

    Args:
        wanted: (rows, cols).

    Returns:
        (rows, cols), from 1 in the order of their first pixels, 0 where not wanted; and how many.
    """
    height, width = wanted.shape
    ends = np.zeros((height, width + 2), np.int8)
    ends[:, 1:-1] = wanted
    steps = np.diff(ends, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, stops = np.nonzero(steps == -1)
    # A run of one row touches those of the next whose columns overlap with its own.
    wide = width + 1
    first = np.searchsorted(rows * wide + stops, (rows + 1) * wide + starts, side="right")
    last = np.searchsorted(rows * wide + starts, (rows + 1) * wide + stops, side="left")
    counts = np.maximum(last - first, 0)
    one = np.repeat(np.arange(len(rows)), counts)
    other = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    roots = _joined(len(rows), one, other)
    _, numbers = np.unique(roots, return_inverse=True)
    lengths = stops - starts
    labels = np.zeros((height, width), np.int64)
    labels[wanted] = np.repeat(numbers + 1, lengths)
    return labels, int(numbers.max(initial=-1)) + 1


def _joined(count: int, one: Integers, other: Integers) -> Integers:
    """The smallest member of each member's group, of pairs that belong together."""
    roots = np.arange(count)
    while True:
        low, high = roots[one], roots[other]
        apart = low != high
        if not apart.any():
            return roots
        low, high = low[apart], high[apart]
        np.minimum.at(roots, np.maximum(low, high), np.minimum(low, high))
        while (roots[roots] != roots).any():
            roots = roots[roots]


def outlines(labels: Integers) -> list[list[Integers]]:
    """The outlines of areas, along the sides of pixels.

    Args:
        labels: (rows, cols), 1..n, each number an area whose pixels touch along sides; 0 is none.

    Returns:
        For each area its rings, the outer one first: (N, 2) corners as row and column, the first
        again at the end, only where they turn. A ring touches itself nowhere, and has the area on
        its right where rows count southwards.
    """
    starts, directions, of_area, width = _edges(labels)
    keys = starts * 4 + directions
    order = np.argsort(keys)
    keys, starts, directions, of_area = (a[order] for a in (keys, starts, directions, of_area))
    step = _STEPS[directions]
    ends = starts + step[:, 0] * width + step[:, 1]
    following = np.full(len(keys), -1)
    # Where two pixels of an area touch at a corner alone, the left turn keeps rings apart there.
    for turn in (1, 0, -1):
        wanted = ends * 4 + (directions + turn) % 4
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = (keys[at] == wanted) & (of_area[at] == of_area)
        following = np.where(found, at, following)
    turns = np.ones(len(keys), bool)
    turns[following] = directions[following] != directions
    rings: list[list[Integers]] = [[] for _ in range(int(labels.max(initial=0)))]
    for ring in _cycles(following):
        kept = starts[ring[turns[ring]]]
        corners = np.stack(np.divmod(np.append(kept, kept[0]), width), axis=1)
        rings[int(of_area[ring[0]]) - 1].append(corners)
    for found_rings in rings:
        found_rings.sort(key=_signed, reverse=True)
    return rings


def _edges(labels: Integers) -> tuple[Integers, Integers, Integers, int]:
    """Sides of pixels where an area ends: corner at the start, direction, area; corners a row."""
    height, width = labels.shape
    padded = np.zeros((height + 2, width + 2), np.int64)
    padded[1:-1, 1:-1] = labels
    parts = []
    # Each side lies between two pixels; which is north of it or west of it is walked against the
    # other, from the corner at the side's end or its beginning.
    upper, lower = padded[:-1, 1:-1], padded[1:, 1:-1]
    left, right = padded[1:-1, :-1], padded[1:-1, 1:]
    for area, other, direction, (down, along) in (
        (upper, lower, _WEST, (0, 1)),
        (lower, upper, _EAST, (0, 0)),
        (left, right, _SOUTH, (0, 0)),
        (right, left, _NORTH, (1, 0)),
    ):
        rows, cols = np.nonzero((area != other) & (area > 0))
        starts = (rows + down) * (width + 1) + cols + along
        parts.append((starts, np.full(len(rows), direction), area[rows, cols]))
    starts, directions, of_area = (np.concatenate(part) for part in zip(*parts))
    return starts, directions, of_area, width + 1


def _cycles(following: Integers) -> list[Integers]:
    """Members of each cycle of a permutation, in order."""
    ahead = following.tolist()
    seen = bytearray(len(ahead))
    cycles = []
    for start in range(len(ahead)):
        if seen[start]:
            continue
        cycle, at = [], start
        while not seen[at]:
            seen[at] = 1
            cycle.append(at)
            at = ahead[at]
        cycles.append(np.array(cycle, np.int64))
    return cycles


def _signed(ring: Integers) -> float:
    """Pixels within a ring, negative for a hole."""
    rows, cols = ring[:, 0].astype(float), ring[:, 1].astype(float)
    return float((cols[:-1] * rows[1:] - cols[1:] * rows[:-1]).sum() / 2)


def pixel_areas(grid: Grid, window: Window) -> Floats:
    """Area of pixels on the WGS 84 ellipsoid.

    The cylindrical equal-area projection keeps areas: the corners of a pixel there, as a polygon.
    For pixels between meridians and parallels that is exact; for others it is off by the square of
    the angle that a pixel spans, of longitude too: by some per cent right at a pole.

    Args:
        grid: the pixels.
        window: of them.

    Returns:
        (rows, cols) square kilometres; NaN where a corner is off the map.
    """
    rows = window.row + np.arange(window.height + 1)
    cols = window.col + np.arange(window.width + 1)
    lons, lats = to_lonlat(grid.crs)(*grid.corners(rows[:, None], cols))
    lons, heights = np.deg2rad(lons), _height(np.deg2rad(np.clip(lats, -90, 90)))
    # Round a pixel, against the pole that is nearer: one that holds the pole is then right too.
    pole = np.sign(heights[:-1, :-1])
    total = np.zeros((window.height, window.width))
    corners = ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))
    height, width = window.height, window.width
    for (row, col), (next_row, next_col) in zip(corners, corners[1:]):
        here = slice(row, row + height), slice(col, col + width)
        there = slice(next_row, next_row + height), slice(next_col, next_col + width)
        turned = np.remainder(lons[there] - lons[here] + np.pi, 2 * np.pi) - np.pi
        total += turned * (pole * _height_of_pole() - (heights[here] + heights[there]) / 2)
    areas: Floats = np.abs(total) * _MAJOR_KM**2
    return areas


def _height(lats: Floats) -> Floats:
    """Height of parallels in the cylindrical equal-area projection, in major half axes.

    Snyder 1987, "Map projections: a working manual", equation 3-12, halved.
    """
    sine, e = np.sin(lats), _ECCENTRICITY
    curved = sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e
    height: Floats = (1 - e**2) / 2 * curved
    return height


def _height_of_pole() -> float:
    return float(_height(np.array(np.pi / 2)))
