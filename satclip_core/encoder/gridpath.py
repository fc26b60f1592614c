"""The grid fast path: a Siren(SH) encoder on a lon/lat grid, its first layer folded by row.

On a grid a harmonic is a latitude factor times a longitude factor. For one row of latitude
the first layer therefore collapses from L² to 2L - 1 inputs: at L = 40 a pixel costs 79
multiply-rows there instead of 1,600. Harmonics are computed in float64, products in float32.

This is the one place where the network is written again for speed; a test holds it to
`LocationEncoder.encode`.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from threading import Lock
from typing import Any, cast

import numpy as np

from ..compute.blas import product
from ..compute.threads import available_threads, for_each
from ..types import Float32, Floats
from .encodings import EncodingSettings
from .harmonics import feature_index, latitude_factors, longitude_factors
from .layers import Weights, numbered_layers
from .networks import FIRST_OMEGA, NETWORKS, Rest

# Columns at a time: enough for BLAS, few enough for the activations (1 MB at hidden 512) to stay
# in a core's cache.
_COLUMNS = 512
# Rows folded in one product, at most.
_ROWS = 32
# Folded rows that are remembered: blocks side by side have the same. 5 MB each at L 40, hidden 512.
_REMEMBERED = 4


class GridPath:
    """A network on spherical harmonics, prepared for grids.

    Args:
        network: a key of `networks.NETWORKS` that begins with an affine layer.
        weights: its weights, float arrays.
        settings: L and basis of the harmonics.
    """

    def __init__(self, network: str, weights: Weights, settings: EncodingSettings) -> None:
        self._network = network
        self._settings = settings
        first = NETWORKS[network].first or ""
        self._after = cast("Rest", NETWORKS[network].rest)  # there is one where there is a first
        omega = FIRST_OMEGA if network == "siren" else 1.0
        self._bias = bias_of(weights, first) * omega
        self._orders = weights_by_order(
            np.asarray(weights[f"{first}.weight" if first else "weight"], np.float64) * omega,
            settings.legendre_polys,
        )
        self._weights32 = {
            key: np.ascontiguousarray(value, dtype=np.float32) for key, value in weights.items()
        }
        self._later = numbered_layers(weights, "layers.{}.weight", 1)
        self._folded: OrderedDict[bytes, Float32] = OrderedDict()
        self._lock = Lock()
        self._rest = self._siren_rest if network == "siren" else self._any_rest

    def encode(self, lons: Floats, lats: Floats, dim: int, threads: int | None) -> Float32:
        """Embed the grid: (cols,), (rows,) degrees -> (rows, cols, dim) float32."""
        degree = self._settings.legendre_polys
        waves = np.stack(longitude_factors(lons, degree), axis=1).astype(np.float32)
        out = np.empty((len(lats), len(lons), dim), np.float32)
        share = ceil(len(lats) / (threads or available_threads()))
        step = max(1, min(_ROWS, share))

        together = max(1, _COLUMNS // len(lons)) if len(lons) else 1  # short rows

        def work(start: int) -> None:
            layers, rows = self.fold(lats[start : start + step]), out[start : start + step]
            scratch = self._scratch(min(_COLUMNS, together * len(lons)))
            for top in range(0, len(rows), together):
                for left in range(0, len(lons), _COLUMNS):
                    part = waves[left : left + _COLUMNS]
                    values = rows[top : top + together, left : left + _COLUMNS]
                    for number, layer in enumerate(layers[top : top + together]):
                        begin = number * len(part)
                        product(part, layer, scratch[0][begin : begin + len(part)])
                    self._rest(scratch, values.reshape(-1, dim))

        for_each(work, range(0, len(lats), step), threads)
        return out

    def fold(self, lats: Floats) -> Float32:
        """First layer for rows of latitude, bias in the constant: (rows, 2L - 1, hidden)."""
        key = lats.tobytes()
        with self._lock:
            known = self._folded.get(key)
            if known is not None:
                self._folded.move_to_end(key)
                return known
        made = self._fold(lats)
        with self._lock:
            self._folded[key] = made
            while len(self._folded) > _REMEMBERED:
                self._folded.popitem(last=False)
        return made

    def _fold(self, lats: Floats) -> Float32:
        degree = self._settings.legendre_polys
        hidden = len(self._bias)
        rows = latitude_factors(lats, degree, self._settings.harmonics_calculation)
        folded = np.empty((len(lats), 2 * degree - 1, hidden), np.float32)
        for m, weights in enumerate(self._orders):
            column = np.stack([row[m] for row in rows[m:]]).astype(np.float32)
            hidden_part = product(column.T, weights)
            if m == 0:
                folded[:, 0] = hidden_part + self._bias
            else:
                folded[:, m] = hidden_part[:, :hidden]
                folded[:, degree - 1 + m] = hidden_part[:, hidden:]
        return folded

    def _scratch(self, columns: int) -> list[Float32]:
        """Room for the activations of each hidden layer: allocating anew costs page faults."""
        widths = [len(self._bias)]
        if self._network == "siren":
            widths += [len(self._weights32[f"layers.{index}.bias"]) for index in self._later]
        return [np.empty((columns, width), np.float32) for width in widths]

    def _any_rest(self, scratch: list[Float32], out: Float32) -> None:
        h = scratch[0][: len(out)]
        out[:] = self._after(h, self._weights32, np, None)

    def _siren_rest(self, scratch: list[Float32], out: Float32) -> None:
        """`networks.NETWORKS["siren"].rest`, in place; omega is already folded in."""
        weights = self._weights32
        h = scratch[0][: len(out)]
        np.sin(h, out=h)
        for index, room in zip(self._later, scratch[1:]):
            h = product(h, weights[f"layers.{index}.weight"].T, room[: len(out)])
            h += weights[f"layers.{index}.bias"]
            np.sin(h, out=h)
        product(h, weights["last_layer.weight"].T, out)
        out += weights["last_layer.bias"]


def bias_of(weights: Weights, first: str) -> Floats:
    """The bias of the layer of that name, (hidden,), zeros where it has none; "" is no name."""
    rows = len(weights[f"{first}.weight" if first else "weight"])
    bias: Any = weights.get(f"{first}.bias" if first else "bias")
    return np.zeros(rows) if bias is None else np.asarray(bias, np.float64)


def weights_by_order(weight: Floats, degree: int) -> list[Float32]:
    """For each order m, (L - m, hidden) for m = 0 and (L - m, 2 hidden), cos | sin, above."""
    orders = []
    for m in range(degree):
        cosines = weight[:, [feature_index(l, m) for l in range(m, degree)]]
        parts = [cosines]
        if m > 0:
            parts.append(weight[:, [feature_index(l, -m) for l in range(m, degree)]])
        orders.append(np.ascontiguousarray(np.concatenate(parts).T, dtype=np.float32))
    return orders
