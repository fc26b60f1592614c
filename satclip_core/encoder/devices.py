"""Encoders on a GPU, by torch: the same mathematics over another array module.

Encodings, networks, harmonics and the reading of the field are written over an array module; here
it is torch. Harmonics are float64, all else float32, as on the grid path in numpy; results are
within 1e-4 of it. On a processor numpy is as fast and needs no torch: it is what "cpu" means.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from ..errors import Argument, InputError, MissingDependencyError, require
from ..grid.sphere import check_lonlat
from ..types import Bools, Float32, Floats
from .encoder import EncoderConfig, GridPart, LocationEncoder, Projection, check_axes
from .encodings import ENCODINGS
from .field import Level, Rows, taps
from .gridpath import bias_of, weights_by_order
from .harmonics import latitude_factors, longitude_factors
from .layers import Weights
from .networks import NETWORKS, forward
from .two_part import TwoPartEncoder

CPU, CUDA, AUTO = "cpu", "cuda", "auto"
DEVICES = (CPU, CUDA, AUTO)
"""Where an encoder computes: numpy on the processors, a GPU, or a GPU where there is one."""
EXTRA, PURPOSE = "torch", "a GPU"

# Numbers of a layer at a time on the device: 512 MB of float32, twice that of float64 features.
_NUMBERS = 2**27
_POINTS = 2**14


def on_device(encoder: LocationEncoder, device: str) -> LocationEncoder:
    """An encoder that computes on a device; the encoder itself where that is the processor.

    Args:
        encoder: what embeds.
        device: one of `DEVICES`.

    Raises:
        InputError: an unknown device, or torch finds no GPU.
        MissingDependencyError: a GPU is wanted and torch is not installed.
    """
    if device not in DEVICES:
        raise InputError(f"unknown device {device!r}: it is none of {', '.join(DEVICES)}")
    if device == CPU or encoder.device != CPU:
        return encoder
    try:
        torch = require("torch", extra=EXTRA, purpose=PURPOSE)
    except MissingDependencyError:
        if device == CUDA:
            raise
        return encoder
    if not torch.cuda.is_available():
        if device == CUDA:
            raise InputError("torch finds no GPU here: give ", Argument("device", CPU))
        return encoder
    return moved(encoder, CUDA)


def moved(encoder: LocationEncoder, device: str) -> LocationEncoder:
    """The same encoder by torch.

    Args:
        encoder: what embeds.
        device: as torch calls it.
    """
    if isinstance(encoder, TwoPartEncoder):
        return TwoPartOnDevice(encoder, device)
    return OnDevice(encoder, device)


class Networks:
    """An encoding and a network on a device.

    Args:
        config: of both.
        weights: of the network.
        device: as torch calls it.
    """

    def __init__(self, config: EncoderConfig, weights: Weights, device: str) -> None:
        self.torch = require("torch", extra=EXTRA, purpose=PURPOSE)
        self._config, self._device = config, device
        self._plain = weights
        self.weights = {key: self.single(value) for key, value in weights.items()}

    def single(self, values: Any) -> Any:
        """An array as float32 there."""
        return self.torch.tensor(np.asarray(values, np.float32), device=self._device)

    def double(self, values: Floats) -> Any:
        """An array as float64 there."""
        return self.torch.tensor(values, dtype=self.torch.float64, device=self._device)

    def points(self, lonlat: Floats) -> Any:
        """(N, 2) degrees -> (N, dim) there."""
        config = self._config
        encoding = ENCODINGS[config.encoding]
        features = encoding.features(self.double(lonlat), config.settings, self.torch).float()
        return forward(
            config.network, self.weights, features, self.torch, settings=config.network_settings
        )

    def grid(self, lons: Floats, lats: Floats) -> Any:
        """(cols,), (rows,) degrees -> (rows, cols, dim) there; the first layer folded by row."""
        network, torch = NETWORKS[self._config.network], self.torch
        if self._config.encoding != "sphericalharmonics" or network.first is None:
            lonlat = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
            return self.points(lonlat).reshape(len(lats), len(lons), -1)
        degree = self._config.settings.legendre_polys
        waves = torch.stack(longitude_factors(self.double(lons), degree, torch), dim=1).float()
        layer = torch.matmul(waves, self._folded(lats))
        rest = cast("Any", network.rest)
        made = rest(layer.reshape(-1, layer.shape[2]), self.weights, torch, None)
        return made.reshape(len(lats), len(lons), -1)

    def _folded(self, lats: Floats) -> Any:
        """The first layer for rows of latitude, (rows, 2L - 1, hidden); see `gridpath`."""
        torch, settings = self.torch, self._config.settings
        degree, basis = settings.legendre_polys, settings.harmonics_calculation
        factors = latitude_factors(self.double(lats), degree, basis, torch)
        first, hidden = self._bias, len(self._bias)
        folded = torch.empty(
            (len(lats), 2 * degree - 1, hidden), dtype=torch.float32, device=self._device
        )
        for m, weights in enumerate(self._orders):
            column = torch.stack([row[m] for row in factors[m:]], dim=1).float()
            part = column @ weights
            if m == 0:
                folded[:, 0] = part + first
            else:
                folded[:, m] = part[:, :hidden]
                folded[:, degree - 1 + m] = part[:, hidden:]
        return folded

    @cached_property
    def _bias(self) -> Any:
        return self.single(bias_of(self._plain, NETWORKS[self._config.network].first or ""))

    @cached_property
    def _orders(self) -> list[Any]:
        first = NETWORKS[self._config.network].first
        weight = np.asarray(self._plain[f"{first}.weight" if first else "weight"], np.float64)
        orders = weights_by_order(weight, self._config.settings.legendre_polys)
        return [self.single(order) for order in orders]


class OnDevice(LocationEncoder):
    """An encoder of one network, by torch.

    Args:
        encoder: the same in numpy.
        device: as torch calls it.
    """

    def __init__(self, encoder: LocationEncoder, device: str) -> None:
        super().__init__(encoder.config, encoder.weights, info=encoder.info, sha256=encoder.sha256)
        self.device = device
        self.file, self.modalities = encoder.file, encoder.modalities
        self._networks = Networks(encoder.config, encoder.weights, device)
        self._widest = max(value.shape[0] for value in self.weights.values())

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Embed points in float32; see `LocationEncoder.encode`."""
        return by_chunks(check_lonlat(lonlat), self._networks.points, self.dim)

    def encode_many(self, lonlat: ArrayLike, *, threads: int | None = None) -> Float32:
        """The same: many points are what a GPU is for."""
        return self.encode(lonlat)

    def encode_grid(
        self, lons: ArrayLike, lats: ArrayLike, *, threads: int | None = None
    ) -> Float32:
        """Embed a grid; see `LocationEncoder.encode_grid`."""
        x, y = check_axes(lons, lats)
        return by_rows(x, y, self._networks.grid, self.dim, self._widest)


class TwoPartOnDevice(TwoPartEncoder):
    """An encoder of two parts, by torch; both are evaluated at every place.

    Args:
        encoder: the same in numpy.
        device: as torch calls it.
    """

    def __init__(self, encoder: TwoPartEncoder, device: str) -> None:
        super().__init__(encoder.config, encoder.stored, info=encoder.info, sha256=encoder.sha256)
        self.device = device
        self.file, self.modalities = encoder.file, encoder.modalities
        self._networks = Networks(self.smooth.config, self.smooth.weights, device)
        single = self._networks.single
        self._layers = [single(layer) for layer in self.layers]
        self._there = [self._moved(level) for level in self.levels]
        widths = [value.shape[0] for value in self.smooth.weights.values()]
        self._widest = max(*widths, self._mix.shape[1])

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Embed points in float32; see `LocationEncoder.encode`."""
        return by_chunks(check_lonlat(lonlat), self._points, self.dim)

    def encode_many(self, lonlat: ArrayLike, *, threads: int | None = None) -> Float32:
        """The same: many points are what a GPU is for."""
        return self.encode(lonlat)

    def encode_grid(
        self,
        lons: ArrayLike,
        lats: ArrayLike,
        *,
        threads: int | None = None,
        exact: bool = False,
    ) -> Float32:
        """Embed a grid, the smooth part evaluated at every pixel; see `TwoPartEncoder`."""
        x, y = check_axes(lons, lats)
        return by_rows(x, y, self._grid, self.dim, self._widest)

    def grid_parts(
        self, lons: ArrayLike, lats: ArrayLike, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """A grid as one part; see `LocationEncoder.grid_parts`."""
        return LocationEncoder.grid_parts(self, lons, lats, wanted)

    def projected(self, directions: Floats) -> Projection:
        """The products with some directions, of the whole embedding."""
        return Projection(self, directions)

    def _points(self, lonlat: Floats) -> Any:
        return self._joined_there(self._networks.points(lonlat), lonlat)

    def _grid(self, lons: Floats, lats: Floats) -> Any:
        smooth = self._networks.grid(lons, lats)
        lonlat = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
        joined = self._joined_there(smooth.reshape(len(lonlat), -1), lonlat)
        return joined.reshape(len(lats), len(lons), -1)

    def _joined_there(self, smooth: Any, lonlat: Floats) -> Any:
        """(N, components) of the smooth part and (N, 2) degrees -> (N, dim)."""
        torch = self._networks.torch
        mix, bias, field, out = self._layers
        given = smooth @ mix + bias
        fine = torch.cat([self._read_there(lonlat, *level) for level in self._there], dim=1)
        width = field.shape[1]
        hidden = torch.relu(fine @ field + given[:, :width])
        values = given[:, width:].clone()
        values[:, : out.shape[1]] += hidden @ out
        return values

    def _read_there(self, lonlat: Floats, rows: Rows, values: Any, scale: Any) -> Any:
        """A level at places, (N, channels)."""
        places = self._networks.double(lonlat)
        cells, weights = taps(places[:, 0], places[:, 1], rows, self._networks.torch)
        read = (values[cells].float() * weights.float()[..., None]).sum(dim=1)
        return read * scale

    def _moved(self, level: Level) -> tuple[Rows, Any, Any]:
        torch = self._networks.torch
        rows, single = level.rows, self._networks.single
        cells, first, slots = (
            torch.tensor(part, device=self.device) for part in (rows.cells, rows.first, rows.slots)
        )
        values = torch.tensor(level.values, device=self.device)
        return Rows(rows.count, cells, first, slots), values, single(level.scale)


def by_chunks(points: Floats, embed: Any, dim: int) -> Float32:
    """Embed points so many at a time: (N, 2) degrees -> (N, dim)."""
    out = np.empty((len(points), dim), np.float32)
    for start in range(0, len(points), _POINTS):
        part = slice(start, start + _POINTS)
        out[part] = embed(points[part]).cpu().numpy()
    return out


def by_rows(lons: Floats, lats: Floats, embed: Any, dim: int, widest: int) -> Float32:
    """Embed a grid some rows at a time: (cols,), (rows,) degrees -> (rows, cols, dim)."""
    out = np.empty((len(lats), len(lons), dim), np.float32)
    step = max(1, _NUMBERS // max(1, len(lons) * widest))
    for start in range(0, len(lats), step):
        rows = slice(start, start + step)
        out[rows] = embed(lons, lats[rows]).cpu().numpy()
    return out
