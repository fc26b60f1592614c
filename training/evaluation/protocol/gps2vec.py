"""GPS2Vec: a network for each UTM zone, from a folder of its published weights.

Yin et al. 2019 (SIGSPATIAL) and 2021 (GPS2Vec+, ACM Multimedia); github.com/yifangyin/GPS2Vec. Its
archives `models_tag` and `models_visual` hold `model_ZONE BAND.h5`, Keras' weights of layers
`layer1`, `layer2`, … (ReLU) and of one or two outputs (softmax). A place is seen by its distances
to the middles of 20 × 20 cells of its zone and band, as exp(-d / 20 km). Where no network is,
beyond 80 S and 84 N and in zones without photographs, the embedding is zeros.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.errors import ModelError, Package
from satclip_core.grid.sphere import wrap_longitudes
from satclip_core.types import Float32, Floats

CELLS, SIGMA = 20, 20_000.0
"""Cells of a zone along each side, and the length over which they are seen, metres."""
BANDS = "CDEFGHJKLMNPQRSTUVWX"
SOUTH, NORTH = -80.0, 84.0
_FILE = re.compile(r"model_(\d{1,2}) ([C-HJ-NP-X])\.h5")
# Zones of Norway and Svalbard that are wider: band, from, up to, zone.
_WIDER = (("V", 3.0, 12.0, 32), ("X", 0.0, 9.0, 31), ("X", 9.0, 21.0, 33), ("X", 21.0, 33.0, 35),
          ("X", 33.0, 42.0, 37))  # fmt: skip
_STEP, _BELOW = 0.1, 1e-8
_MOST_ROWS = 4096

Layers = Mapping[str, tuple[NDArray[Any], NDArray[Any]]]


def zone_files(folder: Path) -> dict[tuple[int, str], Path]:
    """Files of a folder by zone and band; none where it is no folder of GPS2Vec."""
    if not folder.is_dir():
        return {}
    found = {path: _FILE.fullmatch(path.name) for path in sorted(folder.iterdir())}
    return {(int(one[1]), one[2]): path for path, one in found.items() if one is not None}


def open_gps2vec(folder: Path) -> Callable[[Floats], Float32]:
    """The function (N, 2) degrees -> (N, dim).

    Raises:
        ModelError: h5py is missing, the folder holds no network, or one of another kind.
    """
    files = zone_files(folder)
    if not files:
        raise ModelError(f"{folder} holds no 'model_ZONE BAND.h5' of GPS2Vec")
    dim = sum(len(bias) for _, bias in _outputs(_read(next(iter(files.values())))).values())

    def embed(lonlat: Floats) -> Float32:
        made = np.zeros((len(lonlat), dim), np.float32)
        zones = zones_of(lonlat)
        for key in sorted(set(zones)):
            if key in files:
                layers, rows = _read(files[key]), np.flatnonzero([zone == key for zone in zones])
                for start in range(0, len(rows), _MOST_ROWS):
                    part = rows[start : start + _MOST_ROWS]
                    made[part] = _forward(layers, seen_cells(lonlat[part], *key))
        return made

    return embed


def zones_of(lonlat: Floats) -> list[tuple[int, str]]:
    """UTM zone and band of places (N, 2); (0, "") beyond the bands."""
    lons, found = wrap_longitudes(np.asarray(lonlat[:, 0], np.float64)), []
    for lon, lat in zip(lons, lonlat[:, 1]):
        if not SOUTH <= lat <= NORTH:
            found.append((0, ""))
            continue
        band = BANDS[min(int((lat - SOUTH) // 8), len(BANDS) - 1)]
        wider = (zone for name, low, high, zone in _WIDER if band == name and low <= lon < high)
        found.append((next(wider, int((lon + 180) // 6) + 1), band))
    return found


def seen_cells(lonlat: Floats, zone: int, band: str) -> Floats:
    """(N, 400) exp(-d / 20 km) of the cells of a zone and band, column by column from the west."""
    (west, east), (south, north) = _cells(zone, band)
    x, y = _utm(lonlat[:, 0], lonlat[:, 1], zone, band)
    across = west + (east - west) / CELLS * (np.arange(CELLS) + 0.5)
    up = south + (north - south) / CELLS * (np.arange(CELLS) + 0.5)
    apart = np.hypot(x[:, None, None] - across[:, None], y[:, None, None] - up)
    return np.asarray(np.exp(-apart / SIGMA).reshape(len(lonlat), -1))


@lru_cache(maxsize=2048)
def _cells(zone: int, band: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Eastings and northings between which the cells of a zone and band lie."""
    index = BANDS.index(band)
    south = SOUTH + 8 * index
    north = NORTH if band == "X" else south + 8
    limits = (-180.0 + 6 * (zone - 1), -180.0 + 6 * zone)
    low, high = next(((w, e) for name, w, e, number in _WIDER if (name, number) == (band, zone)),
                     limits)  # fmt: skip
    lons = np.arange(low, high - 1e-9, _STEP)
    x0, bottom = _utm(lons, np.full_like(lons, south), zone, band)
    x1, top = _utm(lons, np.full_like(lons, north - _BELOW), zone, band)
    west = float(min(x0[0], x1[0]))
    return (west, 1_000_000 - west), (float(bottom.min()), float(top.max()))


def _utm(lons: Floats, lats: Floats, zone: int, band: str) -> tuple[Floats, Floats]:
    x, y = _projection(zone, band < "N")(lons, lats)
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


@lru_cache(maxsize=128)
def _projection(zone: int, south: bool) -> Any:
    from pyproj import Proj

    return Proj(proj="utm", zone=zone, south=south, ellps="WGS84")


def _read(path: Path) -> Layers:
    """Kernels and biases by layer, in the file's order."""
    try:
        import h5py
    except ImportError:
        raise ModelError("GPS2Vec's weights are read by h5py: ", Package("h5py", "h5py")) from None
    layers: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            for name in (_text(one) for one in root.attrs["layer_names"]):
                arrays = [
                    np.asarray(root[name][_text(one)], np.float64)
                    for one in root[name].attrs["weight_names"]
                ]
                if arrays:
                    kernel, bias = arrays
                    layers[name] = kernel, bias
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as weights of Keras ({error})") from error
    if not _outputs(layers) or len(_outputs(layers)) == len(layers):
        raise ModelError(f"{path} has the layers {', '.join(layers)}, which are not GPS2Vec's")
    return layers


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _outputs(layers: Layers) -> Layers:
    return {name: one for name, one in layers.items() if not name.startswith("layer")}


def _forward(layers: Layers, cells: Floats) -> Floats:
    h = cells
    for name, (kernel, bias) in layers.items():
        if name.startswith("layer"):
            h = np.maximum(h @ kernel + bias, 0)
    made = []
    for kernel, bias in _outputs(layers).values():
        scores = h @ kernel + bias
        shares = np.exp(scores - scores.max(1, keepdims=True))
        made.append(shares / shares.sum(1, keepdims=True))
    return np.concatenate(made, axis=1)
