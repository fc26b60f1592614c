"""Where the pixels of a map view lie, quickly: few transformed, the others between them.

Transforming a million pixels one by one takes a second. Here every sixteenth is, and what lies
between is interpolated on the sphere (unit vectors, so that poles and the antimeridian are places
like any other). Where the map ends or is cut, pixels are transformed one by one after all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, Noun
from ..grid import Grid, Window
from ..grid.land import land_mask
from ..grid.pixels import Locator
from ..grid.sphere import unit_vectors
from ..types import Bools, Floats, Integers

# Pixels between those transformed.
_STRIDE = 16
# Largest share by which the step between two transformed pixels may change to the next: more is
# a cut in the map, or its edge.
_SMOOTH = 0.5


@dataclass(frozen=True)
class ViewPlaces:
    """Where the pixels of a view lie that are on the map.

    Attributes:
        lons: (N,) degrees, in one piece: without a jump where the view crosses the antimeridian.
        lats: (N,) degrees.
        valid: (rows, cols), which pixels these are.
    """

    lons: Floats
    lats: Floats
    valid: Bools


def scattered_places(locator: Locator, *, every: int = _STRIDE) -> ViewPlaces:
    """Every so many pixels of a view.

    Args:
        locator: of the view.
        every: pixels from one to the next, a divisor of 16.

    Raises:
        InputError: nothing of the Earth is in view.
    """
    height, width = locator.grid.shape
    rows, cols = np.arange(0, height, every), np.arange(0, width, every)
    if every == _STRIDE:
        lons, lats, valid = locator.at(rows[:, None], cols)
    else:
        lons, lats, valid = _between(locator, rows, cols)
    if not valid.any():
        raise InputError("nothing of the Earth is in view: give another ", Noun("view"))
    return ViewPlaces(_in_one_piece(lons[valid]), lats[valid], valid)


def land_in_view(view: Grid) -> Bools:
    """Which pixels of a view lie on land, by the field that comes with the package.

    Args:
        view: the pixels of the map.

    Returns:
        (rows, cols), False off the map; where columns are no meridians each second pixel is looked
        up, and its neighbours take after it.

    Raises:
        InputError: the CRS is not known, or nothing of the Earth is in view.
    """
    height, width = view.shape
    locator = Locator(view, land_mask())
    if locator.separable:
        valid = locator.places(Window(0, 0, height, width)).valid
        return np.ones(view.shape, bool) if valid is None else valid
    places = scattered_places(Locator(view), every=2)
    half = places.valid.copy()
    half[places.valid] = land_mask()(places.lons, places.lats)
    whole: Bools = half.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return whole


def _between(locator: Locator, rows: Integers, cols: Integers) -> tuple[Floats, Floats, Bools]:
    """Pixels at rows and columns: lon, lat, valid, (rows, cols) each, from every 16th transformed.

    The places of the nodes, as unit vectors, are interpolated by a cubic along columns and along
    rows: two matrices, `y @ nodes @ x.T`, which each take four nodes for a pixel. Nodes that are
    off the map or at a cut of it count as 0 there; the pixels that they have a weight in, found by
    the same product of absolute weights, are transformed one by one.
    """
    # One node before the view and two behind it, for the cubic's four.
    down = _STRIDE * np.arange(-1, rows[-1] // _STRIDE + 3)
    across = _STRIDE * np.arange(-1, cols[-1] // _STRIDE + 3)
    lons, lats, on_map = locator.at(down[:, None], across)
    nodes = unit_vectors(lons, lats)
    nodes[:, ~on_map] = np.nan
    nodes[:, ~_smooth(nodes)] = np.nan
    y, x = _cubic(len(down), rows / _STRIDE + 1), _cubic(len(across), cols / _STRIDE + 1)
    known = np.isfinite(nodes[0])
    vectors = y @ np.where(known, nodes, 0) @ x.T
    # A pixel is certain where none of the nodes it is made of is missing.
    certain = np.abs(y) @ (~known).astype(float) @ np.abs(x).T <= 0
    lons = np.rad2deg(np.arctan2(vectors[1], vectors[0]))
    lats = np.rad2deg(np.arctan2(vectors[2], np.hypot(vectors[0], vectors[1])))
    valid = certain.copy()
    row, col = np.nonzero(~certain)
    if len(row):
        lons[row, col], lats[row, col], valid[row, col] = locator.at(rows[row], cols[col])
    return lons, lats, valid


def _smooth(nodes: Floats) -> Bools:
    """Whether the steps to the neighbours change little, along rows and along columns."""
    smooth = np.ones(nodes.shape[1:], bool)
    for axis in (1, 2):
        steps = np.moveaxis(np.diff(nodes, axis=axis), axis, 1)
        bend = np.linalg.norm(np.diff(steps, axis=1), axis=0)
        size = np.linalg.norm(steps, axis=0)
        even = bend <= _SMOOTH * np.minimum(size[1:], size[:-1]) + 1e-12
        inner = np.moveaxis(smooth, axis - 1, 0)[1:-1]
        inner &= even | np.isnan(bend)
    return smooth


def _cubic(nodes: int, at: Floats) -> Floats:
    """Lagrange interpolation from the four nearest of evenly spaced nodes, (N, nodes)."""
    first = np.clip(np.floor(at).astype(np.int64) - 1, 0, nodes - 4)
    t = at - first
    matrix = np.zeros((len(at), nodes))
    index = np.arange(len(at))
    for node, weight in enumerate(
        (
            (t - 1) * (t - 2) * (t - 3) / -6,
            t * (t - 2) * (t - 3) / 2,
            t * (t - 1) * (t - 3) / -2,
            t * (t - 1) * (t - 2) / 6,
        )
    ):
        matrix[index, first + node] = weight
    return matrix


def _in_one_piece(lons: Floats) -> Floats:
    """Longitudes cut where the widest gap is, not at the antimeridian."""
    turned = np.remainder(lons, 360)
    degrees = np.unique(np.floor(turned))
    gaps = np.diff(np.append(degrees, degrees[0] + 360))
    widest = int(gaps.argmax())
    cut = degrees[(widest + 1) % len(degrees)]
    return np.where(turned < cut, turned + 360, turned)
