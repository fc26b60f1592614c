"""Similarity of a whole map view within a blink: few embeddings, much interpolation.

An encoder of harmonics is smooth at its own scale. A view is therefore embedded once, on a lon/lat
lattice a fraction of the effective resolution wide; the similarity to a place is then one matrix
product on the lattice and one cubic spline to the pixels. The cosines on the lattice are exact,
and it is the cosine that is interpolated: no norm is lost between the nodes.

An encoder with a fine part has something new to say at every pixel, but embeds far faster: its
lattice is as wide as one or a few pixels of the view, or its pixels are embedded themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from ..types import Bools, Cancelled, Float32, Integers
from .lattice import Lattice, PixelLattice, PlaceLattice, Sampler, among, make_sampler
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
# How much finer or coarser than wanted a lattice may be that is known already: on a map whose scale
# changes with latitude no two views want quite the same.
_ALIKE = (0.8, 1.2)
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
# Places of which each has a picture of its own where the largest similarity is wanted.
_EACH = 16


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

    def stages(self, view: Grid, known: Field | None = None) -> list[Stage]:
        """The lattices to embed in turn: a coarse one at once, then the last, or that alone.

        Args:
            view: the pixels of the map.
            known: another view, as after a pan: the last lattice is as wide as its own where that
                will do, and only what is new has to be embedded.

        Raises:
            InputError: the CRS is not known.
        """
        stages = self._stages(view)
        if known is None or known.encoder is not self.encoder:
            return stages
        last = stages[-1]
        alike = _ALIKE[0] <= known.step / last.step <= _ALIKE[1]
        step = known.step if alike else last.step
        sampler = self._sampler(view, step)
        nodes = sampler.lattice.nodes
        new = nodes - known.shared(sampler)
        # Most of the picture is there already: a coarse one in its stead would be a step back.
        seconds = _LAST_SECONDS if new <= nodes / 2 else _FIRST_SECONDS
        quick = new <= seconds * self._speed
        return [*([] if quick else stages[:-1]), Stage(step, last.error, new)]

    def _stages(self, view: Grid) -> list[Stage]:
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

    def embed(
        self,
        view: Grid,
        step: float,
        cancelled: Cancelled | None = None,
        known: Field | None = None,
    ) -> Field:
        """Embed a view once; every similarity is then drawn from what is kept.

        Args:
            view: the pixels of the map.
            step: degrees between nodes; of `stages`.
            cancelled: asked every few rows.
            known: another view: the nodes that both have are taken from there.

        Raises:
            InputError: the CRS is not known, or nothing of the Earth is in view.
            CancelledError: `cancelled` said so.
        """
        sampler = self._sampler(view, step)
        start = perf_counter()
        if known is not None and known.encoder is not self.encoder:
            known = None
        lattice = sampler.lattice
        if isinstance(lattice, PlaceLattice):
            nodes, made = self._embed_places(lattice, cancelled, known)
        else:
            nodes, made = self._embed(lattice, cancelled, known)
        if made >= 2_000:
            rate = made / (perf_counter() - start)
            self._speed += 0.5 * (rate - self._speed)
        return Field(self.encoder, nodes, sampler)

    def _sampler(self, view: Grid, step: float) -> Sampler:
        return make_sampler(view, step, at_pixels=not self.encoder.band_limited)

    def _affordable(self, stages: list[Stage], seconds: float) -> int:
        for index, stage in enumerate(stages):
            if stage.nodes <= seconds * self._speed:
                return index
        return len(stages) - 1

    def _embed_places(
        self, lattice: PlaceLattice, cancelled: Cancelled | None, known: Field | None
    ) -> tuple[Float32, int]:
        """(N, dim) of norm 1, and how many of them are new."""
        nodes = np.empty((lattice.nodes, self.encoder.dim), np.float32)
        new = np.arange(len(nodes))
        if known is not None and isinstance(known.sampler.lattice, PlaceLattice):
            at = lattice.among(known.sampler.lattice)
            for start in range(0, len(nodes), _PLACES):
                part = slice(start, start + _PLACES)
                there = np.flatnonzero(at[part] >= 0)
                nodes[part][there] = known.nodes[at[part][there]]
            new = np.flatnonzero(at < 0)
        for start in range(0, len(new), _PLACES):
            _go_on(cancelled)
            some = new[start : start + _PLACES]
            embedded = self.encoder.encode(lattice.places[some], single=True)
            _unit(embedded, embedded)
            nodes[some] = embedded
        return nodes, len(new)

    def _embed(
        self, lattice: Lattice | PixelLattice, cancelled: Cancelled | None, known: Field | None
    ) -> tuple[Float32, int]:
        """(rows, cols, dim) of norm 1, each meridian embedded once however often it is in view;
        and how many of them are new.
        """
        lons = lattice.lons[: lattice.turn]
        nodes = np.empty((len(lattice.lats), len(lons), self.encoder.dim), np.float32)
        rows, cols = np.full(len(lattice.lats), -1), np.full(len(lons), -1)
        if known is not None:
            rows, cols = among(lattice, known.sampler.lattice)
            for here in _alongside(rows):
                for part in _alongside(cols):
                    there = _moved(here, rows), _moved(part, cols)
                    nodes[here, part] = known.nodes[there]
        # Rows from the south: first those beyond the south pole (-1), which no encoder takes, then
        # the Earth's (0), then those beyond the north pole (1). One at 90 + d degrees is the one at
        # 90 - d, half a turn away: the spline then runs over the pole as over any other place.
        side = np.sign(lattice.lats) * (np.abs(lattice.lats) > 90)
        everywhere, missing = [slice(0, len(lons))], _runs(cols < 0)
        made = 0
        for beyond in (-1, 0, 1):
            for old in (True, False):
                for run in _runs((side == beyond) & ((rows >= 0) == old)):
                    for start in range(run.start, run.stop, _ROWS):
                        some = slice(start, min(start + _ROWS, run.stop))
                        lats = lattice.lats[some]
                        folded = np.copysign(180.0, beyond) - lats if beyond else lats
                        for part in missing if old else everywhere:
                            _go_on(cancelled)
                            turned = lons[part] + 180 if beyond else lons[part]
                            _unit(self.encoder.encode_grid(turned, folded), nodes[some, part])
                            made += len(lats) * len(turned)
        # A view wider than the world has meridians again: they are copied.
        repeat = np.arange(len(lattice.lons)) % len(lons)
        return nodes if len(repeat) == len(lons) else np.take(nodes, repeat, axis=1), made


def _runs(wanted: Bools) -> list[slice]:
    """Where values are True, as slices."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]])))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _alongside(numbers: Integers) -> list[slice]:
    """Where numbers are known (not -1) and count up by one, as slices."""
    apart = np.where(numbers < 0, -2, numbers)  # from -1 to 0 would be a step of one too
    cuts = np.flatnonzero(np.diff(apart) != 1) + 1
    edges = [0, *cuts.tolist(), len(numbers)]
    return [slice(start, stop) for start, stop in zip(edges, edges[1:]) if numbers[start] >= 0]


def _moved(part: slice, numbers: Integers) -> slice:
    """Where what is known of a part of `_alongside` stands."""
    return slice(int(numbers[part.start]), int(numbers[part.stop - 1]) + 1)


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
        self.nodes = nodes

    @property
    def step(self) -> float:
        """Degrees between nodes."""
        return self.sampler.lattice.step

    @property
    def view(self) -> Grid:
        """The pixels of the pictures."""
        return self.sampler.view

    def shared(self, sampler: Sampler) -> int:
        """How many nodes of another lattice are among these."""
        lattice, own = sampler.lattice, self.sampler.lattice
        if isinstance(lattice, PlaceLattice):
            return int((lattice.among(own) >= 0).sum()) if isinstance(own, PlaceLattice) else 0
        rows, cols = among(lattice, own)
        return int((rows >= 0).sum() * (cols >= 0).sum())

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
        cosines = self.nodes @ np.asarray(reference, np.float32)
        picture = self.sampler.sample(cosines)
        return np.clip(picture, -1, 1, out=picture)

    def joined(self, references: ArrayLike, reduce: str) -> Float32:
        """Cosine similarity of every pixel to several places: their mean, or the largest.

        Args:
            references: (k, dim) of norm 1.
            reduce: "mean" or "max".

        Raises:
            InputError: no place, or an unknown `reduce`.
        """
        several = np.asarray(references, np.float32)
        check_reduce(reduce, len(several))
        if reduce == "mean":  # the mean of cosines is the cosine with the mean
            return self.similarity(several.mean(axis=0))
        if len(several) <= _EACH:
            return combine([self.similarity(one) for one in several], reduce)
        # A picture of each would take seconds: the largest on the lattice, then interpolated.
        most = np.full(self.nodes.shape[:-1], -1, np.float32)
        for start in range(0, len(several), _EACH):
            some = self.nodes @ several[start : start + _EACH].T
            np.maximum(most, some.max(axis=-1), out=most)
        picture = self.sampler.sample(most)
        return np.clip(picture, -1, 1, out=picture)

    def chance(self, chance: Chance) -> Float32:
        """Chance of every pixel to be like some examples.

        It is the score that is interpolated, as smooth as the embedding.

        Args:
            chance: what tells them from land.

        Returns:
            (rows, cols) float32 within [0, 1], NaN off the map.
        """
        picture: Float32 = logistic(self.sampler.sample(chance.score(self.nodes)))
        return picture

    def error(self, picture: Float32, exact: Callable[[Float32], Float32]) -> float:
        """Largest error of a picture at places drawn at random in view, against the encoder.

        Args:
            picture: of `similarity`, `joined` or `chance`.
            exact: what it is of: from embeddings (N, dim) of norm 1 to (N,).
        """
        rows, cols = self._check_pixels
        lons, lats, valid = Locator(self.view).at(rows, cols)
        if not valid.any():
            return 0.0
        places = np.stack([lons[valid], lats[valid]], axis=1)
        embedded = unit(self.encoder.encode(places, single=True))
        off = np.abs(picture[rows, cols][valid] - exact(embedded))
        return float(np.nanmax(off)) if np.isfinite(off).any() else 0.0

    @cached_property
    def _check_pixels(self) -> tuple[Integers, Integers]:
        random = np.random.default_rng(0)
        height, width = self.view.shape
        return random.integers(0, height, _CHECKS), random.integers(0, width, _CHECKS)


def check_reduce(reduce: str, count: int) -> None:
    """Whether so many places can be joined.

    Raises:
        InputError: none, or an unknown `reduce`.
    """
    if reduce not in REDUCTIONS:
        raise InputError(f"unknown reduce {reduce!r}: it is none of {', '.join(REDUCTIONS)}")
    if not count:
        raise InputError("similarity needs at least one place: give its picture")


def combine(pictures: Sequence[Float32], reduce: str = "mean") -> Float32:
    """Similarity to several places: the mean of the pictures, or the largest.

    Raises:
        InputError: no picture, or an unknown `reduce`.
    """
    check_reduce(reduce, len(pictures))
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
