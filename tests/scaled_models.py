"""A small encoder of UniGeoCLIP's kind with seeded weights; needs numpy alone, as in QGIS."""

from __future__ import annotations

from typing import Any

import numpy as np


def scaled_encoder(core: str = "satclip_core") -> Any:
    """The encoder, 8 dimensions, made by the core that lies in a package of this name."""
    from importlib import import_module

    encoder = import_module(f"{core}.encoder")
    fourier = import_module(f"{core}.encoder.fourier").ScaledFourierSettings(frequencies=8)
    transformer = import_module(f"{core}.encoder.transformer")
    shape = transformer.TransformerSettings(registers=2, depth=2, heads=2)
    rng = np.random.default_rng(4)
    weights = {
        p.name: rng.normal(p.constant, 0.2, p.shape)
        for p in transformer.transformer_parameters(64, 8, shape)
    }
    config = encoder.EncoderConfig("scaledfourier", "transformer", fourier, shape)
    return encoder.LocationEncoder(config, weights, info=encoder.ModelInfo("scaled"))
