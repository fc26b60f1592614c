"""Similarity of a whole map view within a blink: few embeddings, much interpolation.

An encoder of harmonics is smooth at its own scale. A view is therefore embedded once, on a lon/lat
lattice a fraction of the effective resolution wide; the similarity to a place is then one matrix
product on the lattice and one cubic spline to the pixels. The cosines on the lattice are exact,
and it is the cosine that is interpolated: no norm is lost between the nodes.

An encoder with a fine part has something new to say at every pixel, but embeds far faster: its
lattice is as wide as one or a few pixels of the view, or its pixels are embedded themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..analysis import Chance, logistic, unit
from ..errors import CancelledError, InputError
from ..grid import Grid
from ..grid.pixels import Locator
from ..grid.sphere import check_lonlat
from ..types import Cancelled, Float32, Integers
from .lattice import Lattice, PixelLattice, PlaceLattice, Sampler, make_sampler
from .view import scattered_places

if TYPE_CHECKING:
    from ..encoder import LocationEncoder


# Shares of the effective resolution that a lattice may be wide, finest first, and the largest
# error of the cosine there: measured with the model bundled-l30 (tests/core/test_preview.py).
STEPS: tuple[tuple[float, float], ...] = (
    (1 / 6, 0.007),
    (1 / 4, 0.01),
    (1 / 3, 0.03),
    (1 / 2, 0.08),
    (2 / 3, 0.15),
    (1.0, 0.3),
    (4 / 3, 0.6),
)
# The coarsest share of a last picture, however long it takes.
_LAST_SHARE = 1 / 3
# Pixels that the lattice of an encoder with a fine part may be wide, finest first, and the share of
# its resolution below which there is nothing more to see: a sixth of the finest cells, 1/32°.
_PIXELS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16)
_FINEST_SHARE = 1 / 24
# Nodes of 256 dimensions that a view may keep: 310 MB.
_MOST_NODES = 300_000
# Effective resolution taken for encoders that state none; the error is then measured only.
_UNKNOWN_RESOLUTION = 2.0
# Seconds that the first picture's embeddings, and the last picture's, may take.
_FIRST_SECONDS, _LAST_SECONDS = 0.15, 1.5
# Nodes embedded in a second before that has been measured (two cores of 2020, hidden 1024).
_NODES_PER_SECOND = 25_000.0
_FINE_NODES_PER_SECOND = 250_000.0
# Rows, and places of their own, embedded between two questions whether to stop: 25 MB, which is
# taken from what is free already.
_ROWS, _PLACES = 32, 24_576
# Places at which a picture is held against the encoder itself.
_CHECKS = 48
REDUCTIONS = ("mean", "max")


@dataclass(frozen=True)
class Stage:
    """One lattice of a view.

    Attributes:
        step: degrees between nodes.
        error: largest error of a cosine, as measured with an encoder of harmonics; None where
            the encoder states no resolution or has a fine part.
        nodes: number of places to embed.
    """

    step: float
    error: float | None
    nodes: int


class Preview:
    """Embeds views of a map, and remembers how fast that goes.

    Args:
        encoder: what embeds.
    """

    def __init__(self, encoder: LocationEncoder) -> None:
        self.encoder = encoder
        smooth = encoder.band_limited
        self._speed = _NODES_PER_SECOND if smooth else _FINE_NODES_PER_SECOND

    def stages(self, view: Grid) -> list[Stage]:
        """The lattices to embed in turn: a coarse one at once, then the last, or that alone.

        Raises:
            InputError: the CRS is not known.
        """
        if not self.encoder.band_limited:
            return self._stages_by_pixels(view)
        known = self.encoder.resolution_degrees
        resolution = known or _UNKNOWN_RESOLUTION
        places = scattered_places(Locator(view))
        stages = [
            Stage(share * resolution, bound if known else None, lattice.nodes)
            for share, bound in STEPS
            for lattice in (Lattice.around(places.lons, places.lats, share * resolution),)
        ]
        last = self._affordable(stages, _LAST_SECONDS)
        bound_by_share = [share for share, _ in STEPS].index(_LAST_SHARE)
        last = min(last, bound_by_share)
        first = self._affordable(stages, _FIRST_SECONDS)
        return [stages[last]] if first <= last else [stages[first], stages[last]]

    def _stages_by_pixels(self, view: Grid) -> list[Stage]:
        locator = Locator(view)
        resolution = self.encoder.resolution_degrees or _UNKNOWN_RESOLUTION
        finest = resolution * _FINEST_SHARE
        pixel = locator.pixel_degrees() or finest
        places = scattered_places(locator)
        stages = []
        for pixels in _PIXELS:
            step = max(pixels * pixel, finest)
            nodes = Lattice.around(places.lons, places.lats, step).nodes
            if step <= pixel:  # its pixels themselves, see `make_sampler`
                nodes = view.pixels
            if nodes <= _MOST_NODES or pixels == _PIXELS[-1]:
                stages.append(Stage(step, None, nodes))
        # However long the last one takes: a picture that leaves towns out is none of this model.
        first = self._affordable(stages, _FIRST_SECONDS)
        return [stages[0]] if first == 0 else [stages[first], stages[0]]

    def embed(self, view: Grid, step: float, cancelled: Cancelled | None = None) -> Field:
        """Embed a view once; every similarity is then drawn from what is kept.

        Args:
            view: the pixels of the map.
            step: degrees between nodes; of `stages`.
            cancelled: asked every few rows.

        Raises:
            InputError: the CRS is not known, or nothing of the Earth is in view.
            CancelledError: `cancelled` said so.
        """
        sampler = make_sampler(view, step, at_pixels=not self.encoder.band_limited)
        start = perf_counter()
        lattice = sampler.lattice
        if isinstance(lattice, PlaceLattice):
            nodes = self._embed_places(lattice, cancelled)
        else:
            nodes = self._embed(lattice, cancelled)
        if sampler.lattice.nodes >= 2_000:
            rate = sampler.lattice.nodes / (perf_counter() - start)
            self._speed += 0.5 * (rate - self._speed)
        return Field(self.encoder, nodes, sampler)

    def _affordable(self, stages: list[Stage], seconds: float) -> int:
        for index, stage in enumerate(stages):
            if stage.nodes <= seconds * self._speed:
                return index
        return len(stages) - 1

    def _embed_places(self, lattice: PlaceLattice, cancelled: Cancelled | None) -> Float32:
        """(N, dim) of norm 1."""
        nodes = np.empty((lattice.nodes, self.encoder.dim), np.float32)
        for start in range(0, len(nodes), _PLACES):
            _go_on(cancelled)
            part = slice(start, start + _PLACES)
            _unit(self.encoder.encode(lattice.places[part], single=True), nodes[part])
        return nodes

    def _embed(self, lattice: Lattice | PixelLattice, cancelled: Cancelled | None) -> Float32:
        """(rows, cols, dim) of norm 1, each meridian embedded once however often it is in view."""
        lons = lattice.lons[: lattice.turn]
        nodes = np.empty((len(lattice.lats), len(lons), self.encoder.dim), np.float32)
        # Rows from the south: first those beyond the south pole (-1), which no encoder takes, then
        # the Earth's (0), then those beyond the north pole (1). One at 90 + d degrees is the one at
        # 90 - d, half a turn away: the spline then runs over the pole as over any other place.
        side = np.sign(lattice.lats) * (np.abs(lattice.lats) > 90)
        for beyond in (-1, 0, 1):
            numbers = np.flatnonzero(side == beyond)
            for start in range(0, len(numbers), _ROWS):
                _go_on(cancelled)
                some = numbers[start : start + _ROWS]
                lats = lattice.lats[some]
                folded = np.copysign(180.0, beyond) - lats if beyond else lats
                turned = lons + 180 if beyond else lons
                part = slice(some[0], some[-1] + 1)
                _unit(self.encoder.encode_grid(turned, folded), nodes[part])
        # A view wider than the world has meridians again: they are copied.
        repeat = np.arange(len(lattice.lons)) % len(lons)
        return nodes if len(repeat) == len(lons) else np.take(nodes, repeat, axis=1)


def _unit(embeddings: Float32, out: Float32) -> None:
    """Embeddings (..., dim) at norm 1, into out: without room for them in between."""
    squares = np.einsum("...i,...i->...", embeddings, embeddings)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.multiply(embeddings, (1 / np.sqrt(squares))[..., None], out=out)


def _go_on(cancelled: Cancelled | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("stopped on request: the view is no longer wanted")


class Field:
    """The embeddings of one view, from which similarities are drawn.

    Args:
        encoder: what embedded them.
        nodes: (rows, cols, dim) of norm 1, on the lattice; (N, dim) at places.
        sampler: from the lattice to the pixels.
    """

    def __init__(self, encoder: LocationEncoder, nodes: Float32, sampler: Sampler) -> None:
        self.encoder = encoder
        self.sampler = sampler
        self._nodes = nodes

    @property
    def step(self) -> float:
        """Degrees between nodes."""
        return self.sampler.lattice.step

    @property
    def view(self) -> Grid:
        """The pixels of the pictures."""
        return self.sampler.view

    def reference(self, lon: float, lat: float) -> Float32:
        """The embedding of a place, of norm 1, (dim,).

        Raises:
            InputError: it is no place.
        """
        embedding: Float32 = unit(self.encoder.encode([(lon, lat)]))[0]
        return embedding

    def similarity(self, reference: ArrayLike) -> Float32:
        """Cosine similarity of every pixel to one place.

        Args:
            reference: (dim,) of norm 1, as of `reference`.

        Returns:
            (rows, cols) float32 within [-1, 1], NaN off the map.
        """
        cosines = self._nodes @ np.asarray(reference, np.float32)
        picture = self.sampler.sample(cosines)
        return np.clip(picture, -1, 1, out=picture)

    def chance(self, chance: Chance) -> Float32:
        """Chance of every pixel to be like some examples.

        It is the score that is interpolated, as smooth as the embedding.

        Args:
            chance: what tells them from land.

        Returns:
            (rows, cols) float32 within [0, 1], NaN off the map.
        """
        picture: Float32 = logistic(self.sampler.sample(chance.score(self._nodes)))
        return picture

    def error(self, picture: Float32, reference: ArrayLike | Chance) -> float:
        """Largest error of a picture at places drawn at random in view, against the encoder.

        Args:
            picture: of `similarity` or `chance`.
            reference: the same as there.
        """
        rows, cols = self._check_pixels
        lons, lats, valid = Locator(self.view).at(rows, cols)
        if not valid.any():
            return 0.0
        places = np.stack([lons[valid], lats[valid]], axis=1)
        embedded = unit(self.encoder.encode(places, single=True))
        if isinstance(reference, Chance):
            exact = reference(embedded)
        else:
            exact = embedded @ np.asarray(reference, np.float32)
        off = np.abs(picture[rows, cols][valid] - exact)
        return float(np.nanmax(off)) if np.isfinite(off).any() else 0.0

    @cached_property
    def _check_pixels(self) -> tuple[Integers, Integers]:
        random = np.random.default_rng(0)
        height, width = self.view.shape
        return random.integers(0, height, _CHECKS), random.integers(0, width, _CHECKS)


def combine(pictures: Sequence[Float32], reduce: str = "mean") -> Float32:
    """Similarity to several places: the mean of the pictures, or the largest.

    Raises:
        InputError: no picture, or an unknown `reduce`.
    """
    if reduce not in REDUCTIONS:
        raise InputError(f"unknown reduce {reduce!r}: it is none of {', '.join(REDUCTIONS)}")
    if not pictures:
        raise InputError("similarity needs at least one place: give its picture")
    total = np.array(pictures[0])
    for picture in pictures[1:]:
        (np.add if reduce == "mean" else np.maximum)(total, picture, out=total)
    if reduce == "mean":
        total /= np.float32(len(pictures))
    return total


def similarity_of(
    encoder: LocationEncoder, lonlat: ArrayLike, references: ArrayLike, reduce: str = "mean"
) -> Float32:
    """Similarity of single places, e.g. of random land, to the reference places.

    Args:
        encoder: what embeds.
        lonlat: (N, 2) degrees.
        references: (k, dim) of norm 1.
        reduce: "mean" or "max".

    Returns:
        (N,) float32.
    """
    sample = unit(encoder.encode(check_lonlat(lonlat), single=True))
    return combine(list(np.asarray(references, np.float32) @ sample.T), reduce)
