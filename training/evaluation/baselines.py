"""Location encoders to compare with by the same probes.

GeoCLIP with its published weights, and what needs no training: the zone that a place lies in
(OneHot) and sines of its coordinates (Sinusoid), the two of SatCLE's tables.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch

from satclip_core.encoder.encodings import EncodingSettings, grid
from satclip_core.errors import MissingDependencyError, ModelError
from satclip_core.grid.sphere import wrap_longitudes
from satclip_core.types import Float32, Floats

EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""A1..A4 of Šavrič, Patterson and Jenny 2018."""
GEOCLIP_SCALE = 66.50336
"""Vivanco Cepeda et al. 2023: divided by 180, it scales the projection to about -1..1."""
HIDDEN_LAYERS = (1, 3, 5)
ZONES, BANDS = 60, 20
"""UTM's zones of 6 degrees and bands of 8 from 80 S, the last one of 12 up to 84 N."""
POLAR_CELLS = 4
"""A, B and Y, Z: each cap beyond the bands, its western and its eastern half."""
SINES = EncodingSettings(frequency_num=32, min_radius=0.1, max_radius=360.0)
"""Frequencies of Space2Vec's grid, as CSP has them."""
WEIGHTS = Path("model", "weights", "location_encoder_weights.pth")


def geoclip_projection(lonlat: Floats) -> Floats:
    """GeoCLIP's input: (N, 2) degrees, lon first -> (N, 2) scaled Equal Earth x, y."""
    a1, a2, a3, a4 = EQUAL_EARTH
    lon, lat = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    root = math.sqrt(3)
    theta = np.arcsin(root / 2 * np.sin(lat))
    slope = 9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1
    x = 2 * root * lon * np.cos(theta) / (3 * slope)
    y = a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta
    return np.column_stack([x, y]) * GEOCLIP_SCALE / 180


def load_geoclip() -> Callable[[Floats], Float32]:
    """GeoCLIP's location encoder, a function (N, 2) degrees, lon first -> (N, 512).

    The weights come from the installed `geoclip` package, none of whose code is run.

    Raises:
        MissingDependencyError: the package is not installed.
        ModelError: it is, without the weights expected.
    """
    found = importlib.util.find_spec("geoclip")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError("scoring GeoCLIP needs its package: pip install geoclip")
    path = Path(next(iter(found.submodule_search_locations))) / WEIGHTS
    if not path.is_file():
        raise ModelError(f"the installed geoclip package has no {WEIGHTS}")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    capsules = sorted({key.split(".")[0] for key in weights if key.startswith("LocEnc")})

    def embed(lonlat: Floats) -> Float32:
        points = torch.from_numpy(geoclip_projection(np.asarray(lonlat, np.float64))).float()
        with torch.no_grad():
            total: Any = sum(_capsule(points, weights, name) for name in capsules)
            embedding: Float32 = total.numpy()
        return embedding

    return embed


def _capsule(points: torch.Tensor, weights: dict[str, Any], name: str) -> Any:
    """Random Fourier features and three ReLU layers, at one scale."""
    frequencies = next(
        v for k, v in weights.items() if k.startswith(f"{name}.") and k.endswith(".b")
    )
    phase = 2 * math.pi * points @ frequencies.T
    hidden = torch.cat([phase.cos(), phase.sin()], 1)
    for layer in HIDDEN_LAYERS:
        key = f"{name}.capsule.{layer}"
        hidden = (hidden @ weights[f"{key}.weight"].T + weights[f"{key}.bias"]).relu()
    return hidden @ weights[f"{name}.head.0.weight"].T + weights[f"{name}.head.0.bias"]


def utm_one_hot(lonlat: Floats) -> Float32:
    """One 1 for the UTM zone and band, or half of a polar cap, that a place lies in.

    Zones are all 6 degrees wide: those of Norway and Svalbard, which are not, are left as they
    would be.

    Args:
        lonlat: (N, 2) degrees.

    Returns:
        (N, 1204): 60 zones by 20 bands, south to north within a zone, then the caps A, B, Y, Z.
    """
    lon, lat = wrap_longitudes(np.asarray(lonlat[:, 0], np.float64)), lonlat[:, 1]
    zone = np.clip(np.floor((lon + 180) / 6), 0, ZONES - 1)
    band = np.clip(np.floor((lat + 80) / 8), 0, BANDS - 1)
    cap = np.where(lat < -80, 0, 2) + (lon >= 0)
    polar = (lat < -80) | (lat >= 84)
    cell = np.where(polar, ZONES * BANDS + cap, zone * BANDS + band).astype(np.int64)
    rows = np.zeros((len(cell), ZONES * BANDS + POLAR_CELLS), np.float32)
    rows[np.arange(len(cell)), cell] = 1
    return rows


def sinusoid(lonlat: Floats) -> Float32:
    """Sines and cosines of longitude and latitude at many scales (Mai et al. 2020): (N, 128)."""
    values: Float32 = np.asarray(grid(np.asarray(lonlat, np.float64), SINES), np.float32)
    return values


def identity(lonlat: Floats) -> Floats:
    """Longitude and latitude themselves: (N, 2)."""
    return lonlat


BASELINES: dict[str, Callable[[], Callable[[Floats], Any]]] = {
    "identity": lambda: identity,
    "geoclip": load_geoclip,
    "onehot": lambda: utm_one_hot,
    "sinusoid": lambda: sinusoid,
}
"""Encoders that are no model files, opened by their name."""
