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
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..compute.threads import available_threads, for_each
from ..errors import ModelError
from ..grid.sphere import check_latitudes, check_lonlat, wrap_longitudes
from ..types import Float32, Floats
from .encoder import EncoderConfig, LocationEncoder, ModelInfo, check_axis
from .field import FieldRows, Level, runs_of_rows
from .smooth_lattice import SmoothLattice, lagrange_matrix

ENCODING = "featuregrid"
KM_PER_DEGREE = 111.195
"""Of a great circle, on the sphere of the Earth's mean radius."""

# Points at a time, and rows and columns of a grid: activations stay in a core's cache.
_CHUNK = 2048
_ROWS, _COLUMNS = 32, 256
# Nodes of the smooth part's lattice for each of its effective resolutions, 180° / 2L: at L = 30
# every 0.5°, where components of deviation 1 are off by 4e-5 at most (measured, 45° N).
_NODES_RESOLVED = 6


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
        try:
            self.levels = [self._level(rows) for rows, _ in config.levels]
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

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Embed points; see `LocationEncoder.encode`."""
        points = check_lonlat(lonlat)
        out = np.empty((len(points), self.dim), np.float32)

        def work(start: int) -> None:
            some = points[start : start + _CHUNK]
            smooth = self.smooth.encode(some, threads=1, single=single)
            fine = np.concatenate([level.read(some) for level in self.levels], axis=1)
            out[start : start + _CHUNK] = self._joined(smooth, fine)

        for_each(work, range(0, len(points), _CHUNK), threads)
        return out

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
        x = wrap_longitudes(check_axis(lons, "lons"))
        y = check_axis(lats, "lats")
        check_latitudes(y)
        out = np.empty((len(y), len(x), self.dim), np.float32)
        share = ceil(len(y) / (threads or available_threads()))
        step = max(1, min(_ROWS, share))

        def work(start: int) -> None:
            rows = slice(start, start + step)
            for left in range(0, len(x), _COLUMNS):
                cols = slice(left, left + _COLUMNS)
                self._embed_part(x[cols], y[rows], out[rows, cols], exact)

        for_each(work, range(0, len(y), step), threads)
        return out

    def _embed_part(self, lons: Floats, lats: Floats, out: Float32, exact: bool) -> None:
        """Embed a small part of a grid into out (rows, cols, dim)."""
        smooth = self._on_pixels if exact or self._is_coarse(lons, lats) else self._from_lattice
        fields = [FieldRows(level, lons) for level in self.levels]
        fine = np.concatenate([rows.read(lats) for rows in fields], axis=2)
        hidden = np.empty((len(lons), len(self._bias)), np.float32)
        lead = len(self._out)
        for target, given, numbers in zip(out, smooth(lons, lats), fine):
            product(numbers, self._hidden_field, hidden)
            hidden += given[:, : hidden.shape[1]]
            np.maximum(hidden, 0, out=hidden)
            target[:] = given[:, hidden.shape[1] :]
            target[:, :lead] += product(hidden, self._out.T)

    def _is_coarse(self, lons: Floats, lats: Floats) -> bool:
        """Whether a lattice would have about as many nodes as there are pixels, or more."""
        step = 0.7 / self._lattice.per_degree
        if len(lons) < 2 or len(lats) < 2:
            return True
        along = np.abs(np.diff(lons))
        across = float(np.abs(np.diff(lats)).max())
        return float(np.minimum(along, 360 - along).max()) > step or across > step

    def _on_pixels(self, lons: Floats, lats: Floats) -> Float32:
        return self._mixed(self.smooth.encode_grid(lons, lats, threads=1))

    def _from_lattice(self, lons: Floats, lats: Floats) -> list[Float32]:
        """What the smooth part gives to hidden layer and output: rows of (cols, hidden + dim)."""
        lattice = self._lattice
        x = lons[0] + np.remainder(lons - lons[0] + 180, 360) - 180
        across, west, east = lagrange_matrix((x + 180) * lattice.per_degree, -(10**6), 10**6)
        up, south, north = lagrange_matrix((lats + 90) * lattice.per_degree, 0, lattice.rows - 1)
        nodes = lattice.nodes(south, north, west, east)
        rows = product(up, nodes.reshape(len(nodes), -1)).reshape(-1, *nodes.shape[1:])
        return [product(across, row) for row in rows]

    @cached_property
    def _lattice(self) -> SmoothLattice:
        resolved = self.smooth.resolution_degrees or 1.0
        return SmoothLattice(self._on_pixels, max(1, round(_NODES_RESOLVED / resolved)))

    def _mixed(self, smooth: Float32) -> Float32:
        """Components (..., components) to what they give: (..., hidden + dim), biases in it."""
        flat = product(smooth.reshape(-1, smooth.shape[-1]), self._mix)
        flat += self._mix_bias
        return flat.reshape(*smooth.shape[:-1], flat.shape[-1])

    def _joined(self, smooth: Float32, fine: Float32) -> Float32:
        """(N, components), (N, channels) -> (N, dim)."""
        given = self._mixed(smooth)
        width = len(self._bias)
        hidden = product(fine, self._hidden_field)
        hidden += given[:, :width]
        np.maximum(hidden, 0, out=hidden)
        embeddings = np.array(given[:, width:])
        embeddings[:, : len(self._out)] += product(hidden, self._out.T)
        return embeddings

    def _check_weights(self) -> int:
        for key, value in self.weights.items():
            if not np.isfinite(value).all():
                raise ModelError(f"the weights {key!r} hold values that are not finite")
        try:
            self._prepare()
            zeros = np.zeros((1, self.smooth.dim), np.float32)
            channels = sum(level.channels for level in self.levels)
            return int(self._joined(zeros, np.zeros((1, channels), np.float32)).shape[1])
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
        self._out = np.ascontiguousarray(weights["out.hidden"])
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
        return Level(rows, kept, np.ascontiguousarray(values.T), scale)

    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self.config).encode())
        for key in sorted(self._stored):
            digest.update(key.encode() + np.ascontiguousarray(self._stored[key]).tobytes())
        return digest.hexdigest()


def _under(prefix: str, weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The weights whose names begin with a prefix, without it."""
    return {key[len(prefix) :]: v for key, v in weights.items() if key.startswith(prefix)}
