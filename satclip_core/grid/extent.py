"""Boxes from one CRS to another: what a bbox covers on a map of another kind.

A box is followed as places: its outline, a lattice over it, and the lines at which a map may reach
further than the outline says, poles and the edge at which it was cut open. So a box over a pole
keeps its pole, one across the antimeridian stays narrow, and what a map has no room for is known.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import InputError, Noun
from ..types import Bools, Floats
from .crs import (
    area_of_use,
    from_lonlat,
    half_turn,
    is_lonlat,
    onto_map,
    period,
    to_lonlat,
    transform,
)
from .crs_backend import Bounds, brief

log = logging.getLogger(__name__)

# Points along each edge: every half degree of a full circle, so that the extremes of a circle of
# latitude in a polar CRS are among them.
_EDGE = 721
# Points along each side of the lattice inside.
_LATTICE = 33
# Meridians and parallels on which the edge of a map is looked for, and the halvings by which it
# is found: to rounding. The meridians begin beside the whole degrees at which maps are cut.
_EDGE_LONS, _EDGE_LATS, _HALVINGS = 180, 61, 47
_BESIDE = 0.37
# A map is torn where two neighbours lie this many times further apart than most do.
_TORN = 20
# Times the scale within its area of use at which a map is stretched out of all proportion:
# Mercator's at 88 degrees, UTM's 66 degrees from its meridian.
_STRETCHED = 2.5
# The same over what a tenth of the places have at most, where no area of use is known.
_STRETCHED_FROM_LEAST, _LEAST = 30.0, 0.1
# Degrees over which the scale is measured: at its poles Mollweide is steep, but finite.
_STEP = 0.1
# Degrees from the edge of a map, where rounding decides whether a place comes back: 1 cm on the
# ground, and what that may be on the map.
_BESIDE_EDGE, _BESIDE_METRES = 1e-7, 1.0
# Degrees by which a place may miss the area of use on whose outline it lies.
_ROUNDING = 1e-9
# Share of the size of a box, or of its distance from the origin, by which places may miss it.
_NEAR = 1e-6


def transform_bounds(bounds: Bounds, source: str, target: str) -> Bounds:
    """The smallest box in `target` around a box in `source`.

    Where `target` has no room for a part of it, a pole in Mercator's, it is cut to the area of use
    of `target`, with a warning.

    Args:
        bounds: (west, south, east, north), west < east: beyond half a turn, or the edge of a
            cylindrical map, across the antimeridian.
        source: CRS of the box.
        target: CRS of the result.

    Returns:
        (west, south, east, north); east lies beyond half a turn, or the edge of a cylindrical map,
        where the box crosses the antimeridian.

    Raises:
        InputError: a CRS is not known, or the box does not lie in the domain of `target`.
    """
    if source == target or (is_lonlat(source) and is_lonlat(target)):
        return bounds
    box = _Box(bounds, source)
    places = _join(box.places(target), _special(box, target))
    if len(places.lons) == 0:
        raise _outside(bounds, source, target)
    shown = places.select(_fits(places, target))
    if len(shown.lons) < len(places.lons):
        shown = _cut(box, places, shown, target)
    west, east = _sides(box, shown.x, target)
    return west, float(shown.y.min()), east, float(shown.y.max())


@dataclass(frozen=True)
class _Places:
    """Places of a box: lon and lat in degrees, x and y in the CRS of the result, each (N,)."""

    lons: Floats
    lats: Floats
    x: Floats
    y: Floats

    def select(self, wanted: Bools) -> _Places:
        return _Places(self.lons[wanted], self.lats[wanted], self.x[wanted], self.y[wanted])


class _Box:
    """A box in its CRS, asked about places."""

    def __init__(self, bounds: Bounds, crs: str) -> None:
        self.bounds, self.crs = bounds, crs
        self._turn = period(crs)
        self._project = onto_map(crs)
        self._area: Bounds | None = None

    def cut_to(self, area: Bounds | None) -> None:
        """Leave out what lies outside a box of longitudes and latitudes."""
        self._area = area

    def places(self, target: str) -> _Places:
        """Its outline and a lattice over it, as far as they lie on the Earth."""
        west, south, east, north = self.bounds
        x, y = (
            np.concatenate(parts)
            for parts in zip(
                _outline(self.bounds),
                _mesh(np.linspace(west, east, _LATTICE), np.linspace(south, north, _LATTICE)),
            )
        )
        lons, lats = to_lonlat(self.crs)(x, y)
        there = np.isfinite(lons) & np.isfinite(lats) & (np.abs(np.nan_to_num(lats)) <= 90)
        x, y, lons, lats = x[there], y[there], lons[there], lats[there]
        there = self._near(*from_lonlat(self.crs)(lons, lats), x, y)
        x, y, lons, lats = x[there], y[there], lons[there], lats[there]
        return _Places(lons, lats, *_normal(*transform(self.crs, target)(x, y), target))

    def contains(self, lons: Floats, lats: Floats) -> Bools:
        """Whether places (N,) lie in it, or on its outline."""
        west, south, east, north = self.bounds
        x, y = self._project(lons, lats)
        margin = _NEAR * max(east - west, north - south)
        inside = np.zeros(len(x), bool)
        for turn in (0.0,) if self._turn is None else self._turn * np.arange(-2, 3):
            inside |= (x + turn >= west - margin) & (x + turn <= east + margin)
        inside &= (y >= south - margin) & (y <= north + margin)
        return inside if self._area is None else inside & _within(self._area, lons, lats)

    def _near(self, back_x: Floats, back_y: Floats, x: Floats, y: Floats) -> Bools:
        """Whether places come back: beyond the outline of a globe they do not."""
        west, south, east, north = self.bounds
        away = back_x - x
        if self._turn is not None:
            away -= self._turn * np.round(away / self._turn)
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.hypot(x, y), np.hypot(east - west, north - south))
            near: Bools = np.hypot(away, back_y - y) <= _NEAR * size
        return near


def _normal(x: Floats, y: Floats, crs: str) -> tuple[Floats, Floats]:
    """Degrees, or grads, within half a turn and between the poles; other coordinates as they are.

    What is within already is kept bit by bit.
    """
    half = half_turn(crs)
    if half is None:
        return x, y
    within = np.abs(x) <= half
    return np.where(within, x, np.remainder(x + half, 2 * half) - half), np.clip(
        y, -half / 2, half / 2
    )


def _special(box: _Box, target: str) -> _Places:
    """Places of a box at the poles, and on both sides of the edge at which a map was cut open."""
    lons, lats = _mesh(np.linspace(-180, 180, _EDGE), np.array([-90.0, 90.0]))
    poles = _projected(lons, lats, target)
    half = half_turn(target)
    if half is None:
        edge = _projected(*_torn(target), target)
    else:
        x, y = _mesh(np.array([-half, half]), np.linspace(-half / 2, half / 2, _EDGE))
        edge = _Places(*to_lonlat(target)(x, y), x, y)
    found = _join(poles, edge)
    return found.select(box.contains(found.lons, found.lats))


@lru_cache(maxsize=16)
def _torn(crs: str) -> tuple[Floats, Floats]:
    """Places (N,) lon, (N,) lat on both sides of where a projected map is torn."""
    project = from_lonlat(crs)
    lons = np.linspace(-180, 180, _EDGE_LONS + 1) + _BESIDE
    lats = np.linspace(-89, 89, _EDGE_LATS)
    x, y = (value.reshape(len(lats), -1) for value in project(*_mesh(lons, lats)))
    with np.errstate(invalid="ignore"):
        steps = np.hypot(np.diff(x, axis=1), np.diff(y, axis=1))
        usual = np.median(np.nan_to_num(steps, nan=np.inf), axis=1, keepdims=True)
        row, col = np.nonzero(np.isfinite(steps) & (steps > _TORN * usual))
    left, right, lat = lons[col], lons[col + 1], lats[row]
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        ends = np.stack([project(lon, lat) for lon in (left, middle, right)])
        first, second = np.hypot(*np.moveaxis(np.diff(ends, axis=0), 1, 0))
        left, right = (
            np.where(first > second, left, middle),
            np.where(first > second, middle, right),
        )
    return np.concatenate([left, right]), np.concatenate([lat, lat])


def _fits(places: _Places, target: str) -> Bools:
    """Whether a CRS has room for places: an image, that comes back, at a scale of its own."""
    project = onto_map(target)
    finite = np.isfinite(places.x) & np.isfinite(places.y)
    fits = finite & np.isfinite(project(places.lons, places.lats)[0])
    edge = np.flatnonzero(finite & ~fits)
    for beside in (_BESIDE_EDGE, -_BESIDE_EDGE):
        x, y = project(places.lons[edge] + beside, places.lats[edge])
        away = np.hypot(x - places.x[edge], y - places.y[edge])
        fits[edge] |= away <= _BESIDE_METRES
    if half_turn(target) is not None or not fits.any():
        return fits
    scale = np.where(fits, _scale(places.lons, places.lats, target), np.nan)
    area = area_of_use(target)
    if area is None:
        most = _STRETCHED_FROM_LEAST * np.nanquantile(scale, _LEAST)
    else:
        most = _STRETCHED * np.nanmax(_scale(*_mesh(*_sides_of(area, _LATTICE)), target))
    with np.errstate(invalid="ignore"):
        fits &= scale <= most
    return fits


def _scale(lons: Floats, lats: Floats, crs: str) -> Floats:
    """Length of a degree of latitude or longitude on a map, the larger; NaN where there is none.

    Of longitude, not of a distance on the ground: at a pole that is a line maps are whole.
    """
    project = from_lonlat(crs)
    x, y = project(lons, lats)
    inward = lats - np.copysign(_STEP, lats)

    def away(other_lons: Floats, other_lats: Floats) -> Floats:
        other_x, other_y = project(other_lons, other_lats)
        with np.errstate(invalid="ignore"):
            step = np.hypot(other_x - x, other_y - y) / _STEP
        return np.where(np.isfinite(step), step, np.nan)

    # One of the two ways along a parallel may lead over the edge of the map.
    along = np.fmin(away(lons + _STEP, lats), away(lons - _STEP, lats))
    return np.fmax(away(lons, inward), along)


def _cut(box: _Box, places: _Places, shown: _Places, target: str) -> _Places:
    """What is left of a box for which a CRS has no room in whole."""
    area = area_of_use(target)
    if area is not None:
        whole = _within(area, places.lons, places.lats).all()
        box.cut_to(area)
        outline = _projected(*_outline(_unrolled(area)), target)
        shown = _join(places.select(_within(area, places.lons, places.lats)), outline)
        shown = shown.select(np.isfinite(shown.x) & np.isfinite(shown.y))
        shown = shown.select(box.contains(shown.lons, shown.lats))
        if whole and len(shown.lons):  # all that was asked for is meant to be shown
            return shown
    if len(shown.lons) == 0:
        raise _outside(box.bounds, box.crs, target)
    log.warning(
        "the box %s (%s) reaches beyond what %s can show: it is cut to %s",
        _text(box.bounds),
        brief(box.crs),
        brief(target),
        "what has a place there"
        if area is None
        else f"its area of use, {_text(area)} (west south east north in degrees)",
    )
    return shown


def _sides(box: _Box, x: Floats, target: str) -> tuple[float, float]:
    """West and east of places of a box, running on over the edge of a map that goes round."""
    turn = period(target)
    if turn is None:
        return float(x.min()), float(x.max())
    edge = _edge(target, turn)
    if not box.contains(*to_lonlat(target)(*_mesh(edge, _seam_rows(target)))).any():
        return float(x.min()), float(x.max())
    # The widest stretch without a place of the box is outside it, if it is empty indeed.
    ordered = np.sort(np.where(x >= edge[1], x - turn, x))
    gaps = np.diff(np.append(ordered, ordered[0] + turn))
    widest = int(gaps.argmax())
    start = ordered[widest]
    probes = start + gaps[widest] * np.linspace(0, 1, _LATTICE)[1:-1]
    if box.contains(*to_lonlat(target)(*_mesh(probes, _seam_rows(target)))).any():
        # The edge itself is known to rounding where it is a part of the outline.
        first = float(x.min() if abs(x.min() - edge[0]) <= _NEAR * turn else edge[0])
        return first, first + turn
    west = ordered[(widest + 1) % len(ordered)]
    return float(west), float(start + (turn if start < west else 0.0))


def _edge(crs: str, turn: float) -> Floats:
    """x at the left and the right edge of a map that goes round."""
    if half_turn(crs) is not None:
        return np.array([-turn / 2, turn / 2])
    x, _ = from_lonlat(crs)(*_torn(crs))
    return np.array([x.min(), x.min() + turn])


def _seam_rows(crs: str) -> Floats:
    """y at which places are looked for on a map that goes round."""
    half = half_turn(crs)
    if half is not None:
        return np.linspace(-half / 2, half / 2, _EDGE)
    lats = np.linspace(-89, 89, _EDGE)
    return from_lonlat(crs)(np.zeros_like(lats), lats)[1]


def _projected(lons: Floats, lats: Floats, target: str) -> _Places:
    return _Places(lons, lats, *_normal(*from_lonlat(target)(lons, lats), target))


def _join(*parts: _Places) -> _Places:
    fields = ("lons", "lats", "x", "y")
    return _Places(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _outline(bounds: Bounds) -> tuple[Floats, Floats]:
    """Places along the edges of a box."""
    west, south, east, north = bounds
    x, y = np.linspace(west, east, _EDGE), np.linspace(south, north, _EDGE)
    ends = np.ones(_EDGE)
    return (
        np.concatenate([x, x, west * ends, east * ends]),
        np.concatenate([south * ends, north * ends, y, y]),
    )


def _mesh(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """All pairs of an x and a y, (N,) each."""
    wide, high = np.meshgrid(x, y)
    return wide.ravel(), high.ravel()


def _unrolled(area: Bounds) -> Bounds:
    west, south, east, north = area
    return west, south, east + (360.0 if west > east else 0.0), north


def _sides_of(area: Bounds, count: int) -> tuple[Floats, Floats]:
    west, south, east, north = _unrolled(area)
    return np.linspace(west, east, count), np.linspace(south, north, count)


def _within(area: Bounds, lons: Floats, lats: Floats) -> Bools:
    west, south, east, north = _unrolled(area)
    within: Bools = (lats >= south - _ROUNDING) & (lats <= north + _ROUNDING)
    if east - west < 360:
        within &= np.remainder(lons - west + _ROUNDING, 360) <= east - west + 2 * _ROUNDING
    return within


def _outside(bounds: Bounds, source: str, target: str) -> InputError:
    area = area_of_use(target)
    known = "" if area is None else f"; {brief(target)} is for {_text(area)} (degrees)"
    return InputError(
        Noun("bounds"),
        f" {_text(bounds)} ({brief(source)}) lies outside the domain of {brief(target)}{known}",
    )


def _text(bounds: Bounds) -> str:
    return " ".join(f"{value:.10g}" for value in bounds)
