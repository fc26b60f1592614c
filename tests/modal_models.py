"""A model of several modalities whose answers are known by geometry; needs numpy alone.

The embedding of a place is its unit vector. So similarity to a word is the cosine of an angle on
the sphere, and the probability map of an image a von Mises-Fisher distribution.
"""

from __future__ import annotations

from typing import Any

import numpy as np

KAPPA = 20.0
WORDS = {
    "north": (0.0, 90.0),
    "south": (0.0, -90.0),
    "congo": (23.5, -2.5),
    "desert": (10.5, 24.5),
    "mountains": (87.5, 28.5),
}
"""The place that each word is the direction of."""
PIXELS, KILOMETRES = 4, 80.0


def direction(lon: float, lat: float) -> np.ndarray:
    """The unit vector of a place."""
    x, y = np.deg2rad([lon, lat])
    return np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


def modal_model(core: str = "satclip_core") -> Any:
    """The encoder, 3 dimensions, made by the core that lies in a package of this name.

    Its images are `image` (three bands: what the mean of a chip is, is the direction it comes
    from), `grey` and `relief` (one band, the direction of the Congo).
    """
    from importlib import import_module

    encoder = import_module(f"{core}.encoder")
    modal = import_module(f"{core}.encoder.modal")
    encodings = import_module(f"{core}.encoder.encodings")
    config = encoder.EncoderConfig("cartesian3d", "linear", encodings.EncodingSettings())
    weights = {"weight": np.eye(3), "bias": np.zeros(3)}
    made = encoder.LocationEncoder(config, weights, info=encoder.ModelInfo("geometry"))
    three, one = ("red", "green", "blue"), ("height",)
    congo = direction(*WORDS["congo"])[:, None]
    chips = {"pixels": PIXELS, "kilometres": KILOMETRES, "least_valid": 0.5}
    made.modalities = modal.Modalities(
        [
            modal.TextEncoder(
                "words",
                "bag",
                {
                    "offset": np.zeros(len(WORDS)),
                    "spread": np.ones(len(WORDS)),
                    "vectors.weight": np.array([direction(*at) for at in WORDS.values()]).T,
                    "last.weight": np.eye(3),
                    "last.bias": np.zeros(3),
                },
                len(WORDS),
                vocabulary=tuple(WORDS),
            ),
            modal.ChipEncoder(
                "image", "layers", _mean_of(np.eye(3)), PIXELS**2 * 3, bands=three, **chips
            ),
            modal.ChipEncoder("grey", "layers", _mean_of(congo), PIXELS**2, bands=one, **chips),
            modal.ChipEncoder("relief", "layers", _mean_of(congo), PIXELS**2, bands=one, **chips),
        ],
        {(name, "coordinates"): KAPPA for name in ("words", "image", "grey", "relief")},
    )
    return made


def _mean_of(onto: np.ndarray) -> dict[str, np.ndarray]:
    """A linear tower: the mean of each band over the pixels, then a matrix (3, bands)."""
    bands = onto.shape[1]
    return {
        "offset": np.zeros(bands),
        "spread": np.ones(bands),
        "last.weight": np.tile(onto, PIXELS**2) / PIXELS**2,
        "last.bias": np.zeros(3),
    }
