"""A location encoder of two parts: a smooth one of harmonics, a fine one read from a field.

    s = Siren(SH(lon, lat))                 where on Earth
    f = field(lon, lat)                     what is there
    h = max(0, A f + B s + b)
    e = C h + D s + c

The smooth part keeps what varies slowly and is defined everywhere; the field is sparse and fine;
the layer between makes of both what imagery shows. C has rows for the leading dimensions alone, so
that the others cost next to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..compute.threads import available_threads, for_each
from ..errors import ModelError
from ..grid.sphere import check_lonlat
from ..types import Bools, Float32, Floats, Integers
from .chebyshev import CHUNK, LEAST, LEAST_ONCE, Batch, Cells
from .encoder import (
    EncoderConfig,
    GridPart,
    LocationEncoder,
    ModelInfo,
    Projection,
    check_axes,
    check_numbers,
)
from .field import RUN, Level, runs_of_rows
from .finegrid import FineGrid, LastLayer
from .smooth_lattice import SmoothLattice, lattice_steps

ENCODING = "featuregrid"
KM_PER_DEGREE = 111.195
"""Of a great circle, on the sphere of the Earth's mean radius."""

# Rows and columns of a grid that is embedded pixel by pixel.
_ROWS, _COLUMNS = 16, 128
# Share of the leading dimensions from which on so many directions cost as much as they do.
_WORTH = 0.8


@dataclass(frozen=True)
class TwoPartConfig(EncoderConfig):
    """The architecture of a two-part encoder.

    Attributes:
        encoding: of the smooth part.
        network: of the smooth part.
        settings: of the smooth part's encoding.
        network_settings: of the smooth part's network.
        levels: (rows, channels) of the field's levels, finest first.
        resolution_km: what it resolves, as measured; None where nobody has.
    """

    levels: tuple[tuple[int, int], ...] = field(default=())
    resolution_km: float | None = None

    @property
    def formula(self) -> str:
        """The encoder in one line."""
        steps = ", ".join(f"{180 / rows:.3g}° × {channels}" for rows, channels in self.levels)
        return f"{super().formula}, with a feature grid ({steps}) read by quadratic splines"


class TwoPartEncoder(LocationEncoder):
    """Embeds places given as (lon, lat) in degrees, by a smooth and a fine part.

    Args:
        config: the architecture.
        weights: `smooth.NAME` of the smooth part; `hidden.field` (hidden, channels),
            `hidden.smooth` (hidden, its first components), `hidden.bias`; `out.hidden` (leading
            dimensions, hidden), `out.smooth` (dim, components), `out.bias`; for each level
            `field.ROWS.values` (channels, cells) int8, `field.ROWS.kept` packed bits of its runs,
            `field.ROWS.scale` (channels,).
        info: name, licence, training, card.
        sha256: hash of the model file; of the weights themselves where None.

    Raises:
        ModelError: the weights do not fit the architecture, or are not finite.
    """

    config: TwoPartConfig
    band_limited = False

    def __init__(
        self,
        config: TwoPartConfig,
        weights: Mapping[str, NDArray[Any]],
        *,
        info: ModelInfo | None = None,
        sha256: str | None = None,
    ) -> None:
        self._stored = {key: np.asarray(value) for key, value in weights.items()}
        counts = [rows for rows, _ in config.levels]
        made: dict[int, Level] = {}
        try:
            for_each(lambda rows: made.__setitem__(rows, self._level(rows)), counts)
            self.levels = [made[rows] for rows in counts]
        except KeyError as error:
            raise ModelError(f"the weights lack {error.args[0]!r}, which its field needs") from None
        numbers = {k: v for k, v in self._stored.items() if not k.startswith("field.")}
        smooth = EncoderConfig(
            config.encoding, config.network, config.settings, config.network_settings
        )
        self.smooth = LocationEncoder(smooth, _under("smooth.", numbers))
        super().__init__(config, numbers, info=info, sha256=sha256)

    @property
    def resolution_degrees(self) -> float | None:
        """What the encoder resolves, as measured and stored with it; of a great circle."""
        known = self.config.resolution_km
        return None if known is None else known / KM_PER_DEGREE

    @property
    def stored(self) -> Mapping[str, NDArray[Any]]:
        """The arrays of a model file, the field's in whole numbers."""
        return self._stored

    @property
    def layers(self) -> tuple[Float32, Float32, Float32, Float32]:
        """What joins the parts: (components, hidden + dim) and its bias, (channels, hidden), and
        (hidden, leading dimensions).
        """
        return self._mix, self._mix_bias, self._hidden_field, self._whole.out

    def prepare(self) -> None:
        """Make now what the first grid would have to wait for; may be called from any thread."""
        self.smooth.prepare()
        for_each(Level.prepare, self.levels)

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Embed points; see `LocationEncoder.encode`.

        With `single`, the smooth part of points that have others near is read from the series of
        a cell, as by `encode_many`.
        """
        return self._encoded(check_lonlat(lonlat), self._whole, threads, near=single, single=single)

    def encode_many(self, lonlat: ArrayLike, *, threads: int | None = None) -> Float32:
        """Embed points, the smooth part of those that have others near from the series of a cell.

        One after the other their smooth parts would each cost many times what the fine part does.
        """
        return self._encoded(check_lonlat(lonlat), self._whole, threads, near=True)

    def encode_grid(
        self,
        lons: ArrayLike,
        lats: ArrayLike,
        *,
        threads: int | None = None,
        exact: bool = False,
    ) -> Float32:
        """Embed the grid spanned by longitudes and latitudes; see `LocationEncoder.encode_grid`.

        Args:
            lons: (cols,) degrees.
            lats: (rows,) degrees, |lat| <= 90.
            threads: number of threads; all available processors where None.
            exact: whether the smooth part is evaluated at every pixel, and not on a lattice and
                interpolated.
        """
        return self._encoded_grid(*check_axes(lons, lats), self._whole, threads, exact)

    def grid_parts(
        self, lons: ArrayLike, lats: ArrayLike, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """Parts of a grid one after the other, each small enough for a core's cache."""
        yield from self._parts(*check_axes(lons, lats), self._whole, wanted)

    def projected(self, directions: Floats) -> Projection:
        """The products with some directions, which take the place of the last layer."""
        return _Folded(self, directions) if self._pays(directions) else Projection(self, directions)

    def _pays(self, directions: Floats) -> bool:
        """Whether the products are cheaper than the embedding, multiply-add by multiply-add."""
        lead: int = self._whole.out.shape[1]
        return len(directions) < _WORTH * lead

    def _encoded(
        self,
        points: Floats,
        last: LastLayer,
        threads: int | None,
        *,
        near: bool = False,
        single: bool = False,
    ) -> Float32:
        """(N, values): whether those near one another come from cells, others in float32."""
        out = np.empty((len(points), last.dim), np.float32)
        together: list[Batch] = []
        alone: Integers = np.arange(len(points))
        if near:
            together, alone = self._cells.batches(points, LEAST_ONCE if single else LEAST)

        def work(task: Batch | Integers) -> None:
            if isinstance(task, Batch):
                index = task.index
                given = np.empty((len(index), len(self._bias) + last.dim), np.float32)
                self._cells.read(points[index], task, given, last.of)
            else:
                index = task
                smooth = self.smooth.encode(points[index], threads=1, single=single)
                given = last.of(self._mixed(smooth))
            out[index] = self._joined(given, self._read(points[index]), last)

        tasks: list[Batch | Integers] = [*together]
        tasks += [alone[start : start + CHUNK] for start in range(0, len(alone), CHUNK)]
        for_each(work, tasks, threads)
        return out

    def _encoded_grid(
        self, x: Floats, y: Floats, last: LastLayer, threads: int | None, exact: bool
    ) -> Float32:
        out = np.empty((len(y), len(x), last.dim), np.float32)
        share = ceil(len(y) / (threads or available_threads()))
        step = max(1, min(_ROWS, share))

        def work(start: int) -> None:
            rows = out[start : start + step]
            for at, values in self._parts(x, y[start : start + step], last, exact=exact):
                rows[at] = values

        for_each(work, range(0, len(y), step), threads)
        return out

    def _parts(
        self,
        lons: Floats,
        lats: Floats,
        last: LastLayer,
        wanted: Bools | None = None,
        exact: bool = False,
    ) -> Iterator[GridPart]:
        """Small parts of a grid, of which a pixel is wanted; (rows, cols, dim of the layer)."""
        if not (exact or self._is_coarse(lons, lats)):
            yield from self._fine_grid.parts(lons, lats, last, wanted)
            return
        for top in range(0, len(lats), _ROWS):
            for left in range(0, len(lons), _COLUMNS):
                at = slice(top, top + _ROWS), slice(left, left + _COLUMNS)
                if wanted is None or wanted[at].any():
                    yield at, self._on_pixels(lons[at[1]], lats[at[0]], last)

    def _on_pixels(self, lons: Floats, lats: Floats, last: LastLayer) -> Float32:
        """(rows, cols, dim of the layer), the smooth part evaluated at every pixel."""
        fine = np.concatenate([level.read_grid(lons, lats) for level in self.levels], axis=2)
        given = last.of(self._evaluated(lons, lats))
        flat = self._joined(
            given.reshape(-1, given.shape[2]), fine.reshape(-1, fine.shape[2]), last
        )
        return flat.reshape(len(lats), len(lons), last.dim)

    def _is_coarse(self, lons: Floats, lats: Floats) -> bool:
        """Whether a lattice would have about as many nodes as there are pixels, or more."""
        step = 0.7 * self._lattice.step
        if len(lons) < 2 or len(lats) < 2:
            return True
        along = np.abs(np.diff(lons))
        across = float(np.abs(np.diff(lats)).max())
        return float(np.minimum(along, 360 - along).max()) > step or across > step

    def _evaluated(self, lons: Floats, lats: Floats) -> Float32:
        return self._mixed(self.smooth.encode_grid(lons, lats, threads=1))

    @cached_property
    def _lattice(self) -> SmoothLattice:
        return SmoothLattice(self._evaluated, lattice_steps(self.smooth.resolution_degrees))

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self._evaluated, self.smooth.resolution_degrees)

    @cached_property
    def _fine_grid(self) -> FineGrid:
        return FineGrid(self.levels, self._hidden_field, self._lattice)

    def _read(self, points: Floats) -> Float32:
        return np.concatenate([level.read(points) for level in self.levels], axis=1)

    def _mixed(self, smooth: Float32) -> Float32:
        """Components (..., components) to what they give: (..., hidden + dim), biases in it."""
        flat = product(smooth.reshape(-1, smooth.shape[-1]), self._mix)
        flat += self._mix_bias
        return flat.reshape(*smooth.shape[:-1], flat.shape[-1])

    def _joined(self, given: Float32, fine: Float32, last: LastLayer) -> Float32:
        """(N, hidden + dim of the layer), which is overwritten, and (N, channels).

        Returns:
            (N, dim of the layer), a view.
        """
        width = len(self._bias)
        hidden = product(fine, self._hidden_field)
        hidden += given[:, :width]
        np.maximum(hidden, self._zeros, out=hidden)
        values = given[:, width:]
        values[:, : last.out.shape[1]] += product(hidden, last.out)
        return values

    def _check_weights(self) -> int:
        check_numbers(self.weights)
        try:
            self._prepare()
            zeros = np.zeros((1, self.smooth.dim), np.float32)
            channels = sum(level.channels for level in self.levels)
            fine = np.zeros((1, channels), np.float32)
            return int(self._joined(self._mixed(zeros), fine, self._whole).shape[1])
        except KeyError as error:
            raise ModelError(f"the weights lack {error.args[0]!r}") from error
        except (ValueError, IndexError) as error:
            shapes = ", ".join(f"{key} {value.shape}" for key, value in self.weights.items())
            raise ModelError(f"the weights do not fit {self.config.formula}: {shapes}") from error

    def _prepare(self) -> None:
        """The layers in the order and type that products want them."""
        weights = {key: value.astype(np.float32) for key, value in self.weights.items()}
        hidden, out = weights["hidden.smooth"], weights["out.smooth"]
        self._bias = weights["hidden.bias"]
        self._zeros = np.zeros(len(hidden), np.float32)
        self._whole = LastLayer(np.ascontiguousarray(weights["out.hidden"].T), len(out))
        self._hidden_field = np.ascontiguousarray(weights["hidden.field"].T)
        self._mix = np.zeros((out.shape[1], len(hidden) + len(out)), np.float32)
        self._mix[: hidden.shape[1], : len(hidden)] = hidden.T
        self._mix[:, len(hidden) :] = out.T
        self._mix_bias = np.concatenate([self._bias, weights["out.bias"]])

    def _level(self, rows: int) -> Level:
        values = self._stored[f"field.{rows}.values"]
        bits = np.unpackbits(self._stored[f"field.{rows}.kept"])
        kept = bits[: int(runs_of_rows(rows)[-1])].astype(bool)
        scale = self._stored[f"field.{rows}.scale"].astype(np.float32)
        level = Level(rows, kept, np.ascontiguousarray(values.T), scale)
        self._stored[f"field.{rows}.values"] = level.values[RUN:].T  # once in memory, not twice
        return level

    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self.config).encode())
        for key in sorted(self._stored):
            digest.update(key.encode() + np.ascontiguousarray(self._stored[key]).tobytes())
        return digest.hexdigest()


class _Folded(Projection):
    """Products with directions that take the place of the last layer.

    Args:
        encoder: whose embeddings they are taken with.
        directions: (k, dim).
    """

    def __init__(self, encoder: TwoPartEncoder, directions: Floats) -> None:
        super().__init__(encoder, directions)
        whole = encoder._whole
        onto = self._onto
        out = product(whole.out, onto[: whole.out.shape[1]])
        self._parent, self._last = encoder, LastLayer(out, self.dim, onto)

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Products at points; see `Projection.encode`."""
        return self._parent._encoded(
            check_lonlat(lonlat), self._last, threads, near=single, single=single
        )

    def grid_parts(
        self, lons: ArrayLike, lats: ArrayLike, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """Products on parts of a grid; see `LocationEncoder.grid_parts`."""
        yield from self._parent._parts(*check_axes(lons, lats), self._last, wanted)


def _under(prefix: str, weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The weights whose names begin with a prefix, without it."""
    return {key[len(prefix) :]: v for key, v in weights.items() if key.startswith(prefix)}
