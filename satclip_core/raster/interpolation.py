"""Blocks of a raster by interpolation, within an error that is measured in every block.

What a network makes of spherical harmonics is smooth at its own scale. A block that is small
beside that scale is therefore known from its values at few places: here Chebyshev nodes along both
sides of the block, in pixels, between which a polynomial is exact to many digits as soon as there
are some more nodes than half waves (Trefethen, Approximation Theory and Approximation Practice,
chapters 5 and 8). The nodes lie inside the block: poles, the antimeridian and projections are no
matter, and what a block holds depends on the raster and the block alone, not on who computes it and
when.

The polynomial is held against the encoder itself at pixels drawn at random. Where it is off by more
than is allowed there are more nodes, and then none: the caller evaluates every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, log10
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..grid import Window
from ..grid.pixels import Locator, Positions
from ..grid.sphere import unit_vectors
from ..products.product import LinearProduct, Product, SmoothProduct
from ..types import Float32, Floats, Integers

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

# Nodes along a side for so many half waves of the highest harmonic that fit in half the side, and
# at the least. The sines of a network make several times the frequencies of its harmonics: measured
# with trained encoders of L 10, 30 and 40, for errors of 1e-5 deviations. Ten times the error takes
# some nodes less.
_NODES_A_WAVE, _LEAST_NODES, _NODES_A_DECADE, _DECADE = 5.0, 7, 2, -4.0
_FEWEST = 4
# Attempts, as multiples of these nodes, and the share of a block's pixels that nodes may be.
_ATTEMPTS = (1.0, 1.5)
_WORTH = 0.4
# Pixels of a block below which checking it costs as much as evaluating it.
_SMALL = 2048
# Rows and columns whose crossings are looked at; as many pixels on other grids. Random pixels miss
# the largest error by some: they may show a half of what is allowed.
_CHECKED = 6
_SHOWN = 0.5
# Places along each side by which the size of a block on the ground is reckoned.
_ALONG = 5

Values = Callable[[Float32], Float32]
"""(N, dim) embeddings -> (N, k) values that are as smooth."""


def smooth_values(made: Product) -> tuple[Values | None, Callable[[Float32], NDArray[Any]]]:
    """What of a product is interpolated, and what makes the product of it.

    Returns:
        A function, None where it is the embedding itself; and one of what is interpolated,
        (rows, cols, k) with NaN where there is no data, to (bands, rows, cols).
    """
    if isinstance(made, SmoothProduct):
        return made.smooth, made.of_smooth
    if isinstance(made, LinearProduct) and made.directions is not None:
        onto = np.ascontiguousarray(made.directions.T, np.float32)
        return lambda embeddings: product(embeddings, onto), made.of_projections
    return None, made


@dataclass(frozen=True)
class Axis:
    """Nodes along a side of a block.

    Attributes:
        at: (nodes,) in pixels from the first.
        weights: (pixels, nodes), from values at the nodes to those at pixels.
    """

    at: Floats
    weights: Float32


@lru_cache(maxsize=256)
def chebyshev_axis(pixels: int, nodes: int) -> Axis:
    """Chebyshev nodes of the first kind, or each pixel where there are no more.

    Weights are those of the barycentric formula (Berrut and Trefethen 2004, eq. 4.2 and 5.3).
    """
    if nodes >= pixels:
        return Axis(np.arange(pixels, dtype=np.float64), np.eye(pixels, dtype=np.float32))
    angles = (np.arange(nodes) + 0.5) * np.pi / nodes
    at: Floats = (1 - np.cos(angles)) / 2 * (pixels - 1)
    factors = (-1.0) ** np.arange(nodes) * np.sin(angles)
    apart = np.arange(pixels)[:, None] - at
    hits = np.abs(apart) < 1e-9
    shares = factors / np.where(hits, 1.0, apart)
    weights = shares / shares.sum(axis=1, keepdims=True)
    on_node = hits.any(axis=1)
    weights[on_node] = hits[on_node]
    return Axis(at, weights.astype(np.float32))


class Surface:
    """Values of a block, known at nodes.

    Args:
        values: (nodes down, nodes across, k).
        down: of the rows.
        across: of the columns.
    """

    def __init__(self, values: Float32, down: Axis, across: Axis) -> None:
        flat = product(down.weights, values.reshape(len(values), -1))
        self._rows = flat.reshape(len(down.weights), *values.shape[1:])
        self._across = across.weights
        self.count = values.shape[2]

    def rows(self, rows: slice) -> Float32:
        """The values of some rows of pixels, (rows, cols, k)."""
        nodes = self._rows[rows]
        out = np.empty((len(nodes), len(self._across), self.count), np.float32)
        if self.count == 1:
            product(nodes[..., 0], self._across.T, out[..., 0])
            return out
        for row, values in zip(nodes, out):
            product(self._across, row, values)
        return out

    def at(self, rows: Integers, cols: Integers) -> Float32:
        """The values of single pixels, (N, k)."""
        found: Float32 = np.einsum("nj,njk->nk", self._across[cols], self._rows[rows])
        return found


class Interpolation:
    """Finds the surfaces of blocks.

    Args:
        locator: of the pixels.
        encoder: what embeds; `is_smooth` of it.
        values: what is interpolated, of `smooth_values`; the embedding itself where None.
        tolerance: error allowed, in standard deviations of each value over the globe; of the
            embedding in those of all its dimensions together.
    """

    def __init__(
        self, locator: Locator, encoder: LocationEncoder, values: Values | None, tolerance: float
    ) -> None:
        self._locator, self._encoder = locator, encoder
        self._values, self._tolerance = values, tolerance
        resolved = encoder.resolution_degrees or 180.0
        self._waves_a_radian = 180 / resolved / 2 / 2  # 180° / 2L resolved: L / 2 for half a side

    def surface(self, window: Window) -> Surface | None:
        """A block's values; None where each pixel has to be evaluated."""
        sides = self._radians(window) if window.height * window.width >= _SMALL else None
        if sides is None:
            return None
        checked: tuple[Integers, Integers, Float32] | None = None
        for attempt in _ATTEMPTS:
            down, across = (
                chebyshev_axis(pixels, ceil(attempt * self._nodes(side)))
                for pixels, side in zip(window[2:], sides)
            )
            if len(down.at) * len(across.at) > _WORTH * window.height * window.width:
                return None
            nodes = self._evaluated(window, down.at, across.at)
            if nodes is None:
                return None
            surface = Surface(nodes, down, across)
            checked = checked or self._checked(window)
            if checked is None:
                return None
            rows, cols, exact = checked
            if (np.abs(surface.at(rows, cols) - exact) <= self._bounds).all():
                return surface
        return None

    def _nodes(self, side: float) -> int:
        """Nodes along a side of so many radians."""
        decades = log10(self._tolerance) - _DECADE
        wanted = _NODES_A_WAVE * self._waves_a_radian * side + _LEAST_NODES
        return max(_FEWEST, ceil(wanted - _NODES_A_DECADE * decades))

    def _radians(self, window: Window) -> tuple[float, float] | None:
        """How long the sides of a block are on the ground; None where it is not all on the map."""
        rows = window.row + np.linspace(0, window.height - 1, _ALONG)
        cols = window.col + np.linspace(0, window.width - 1, _ALONG)
        lons, lats = self._locator.lonlat(rows[:, None], cols)
        if not np.isfinite(lons + lats).all():
            return None
        xyz = unit_vectors(lons, lats)
        down, across = (
            float(
                (2 * np.arcsin(np.clip(np.linalg.norm(np.diff(xyz, axis=axis), axis=0) / 2, 0, 1)))
                .sum(axis=axis - 1)
                .max()
            )
            for axis in (1, 2)
        )
        return down, across

    def _evaluated(self, window: Window, rows: Floats, cols: Floats) -> Float32 | None:
        """What is interpolated where rows and columns of a block cross, (rows, cols, k).

        None where one of these places is not on the map.
        """
        rows, cols = rows + window.row, cols + window.col
        if self._locator.separable:
            lons, lats = self._locator.axes(rows, cols)
            if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
                return None
            embedded = self._encoder.encode_grid(lons, lats, threads=1)
            return self._of(embedded.reshape(-1, self._encoder.dim)).reshape(
                len(rows), len(cols), -1
            )
        found = self._at(rows[:, None], cols)
        return None if found is None else found.reshape(len(rows), len(cols), -1)

    def _at(self, rows: Positions, cols: Positions) -> Float32 | None:
        """The same at places one by one, (N, k)."""
        lons, lats = self._locator.lonlat(rows, cols)
        points = np.stack([lons.ravel(), lats.ravel()], axis=1)
        if not np.isfinite(points).all():
            return None
        return self._of(self._encoder.encode(points, threads=1, single=True))

    def _of(self, embeddings: Float32) -> Float32:
        return embeddings if self._values is None else self._values(embeddings)

    def _checked(self, window: Window) -> tuple[Integers, Integers, Float32] | None:
        """Random pixels of a block, rows and columns, and what they hold; None off the map.

        Blocks side by side have theirs in the same rows, where harmonics are then known already.
        """
        count = _CHECKED if self._locator.separable else _CHECKED**2
        random = np.random.default_rng((window.row, window.height))
        rows = random.integers(0, window.height, count)
        random = np.random.default_rng((window.row, window.col, window.width))
        cols = random.integers(0, window.width, count)
        if not self._locator.separable:
            exact = self._at(rows + window.row, cols + window.col)
            return None if exact is None else (rows, cols, exact)
        found = self._evaluated(window, rows.astype(np.float64), cols.astype(np.float64))
        if found is None:
            return None
        down, across = (part.ravel() for part in np.meshgrid(rows, cols, indexing="ij"))
        return down, across, found.reshape(-1, found.shape[2])

    @cached_property
    def _bounds(self) -> Floats:
        """What a random pixel may be off, of each value or of all."""
        deviations = self._of(self._encoder.everywhere).astype(np.float64).std(axis=0)
        if self._values is None:
            deviations = np.sqrt((deviations**2).mean(keepdims=True))
        bounds: Floats = _SHOWN * self._tolerance * deviations
        return bounds


def is_smooth(encoder: LocationEncoder) -> bool:
    """Whether an encoder may be smooth: of harmonics, and nothing else."""
    return encoder.band_limited and encoder.resolution_degrees is not None
