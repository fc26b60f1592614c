"""Small encoders of two parts with seeded weights, for tests of several rooms."""

from __future__ import annotations

import numpy as np

from satclip_core.encoder import TwoPartConfig, TwoPartEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.field import RUN, Level, runs_of_rows


def make_level(rows: int = 36, channels: int = 3, *, share: float = 0.7, seed: int = 0) -> Level:
    random = np.random.default_rng(seed)
    kept = random.random(int(runs_of_rows(rows)[-1])) < share
    values = random.integers(-127, 128, (int(kept.sum()) * RUN, channels)).astype(np.int8)
    return Level(rows, kept, values, np.linspace(0.01, 0.02, channels).astype(np.float32))


def make_encoder(*, rows: int = 36, seed: int = 0, legendre: int = 6) -> TwoPartEncoder:
    """A small encoder: smooth part of 5 components, two levels, 8 dimensions, 6 of them fine."""
    random = np.random.default_rng(seed)
    weights = {
        "smooth.layers.0.weight": random.normal(size=(16, legendre**2)) * 0.03,
        "smooth.layers.0.bias": random.normal(size=16) * 0.03,
        "smooth.last_layer.weight": random.normal(size=(5, 16)),
        "smooth.last_layer.bias": random.normal(size=5),
        "hidden.field": random.normal(size=(12, 5)),
        "hidden.smooth": random.normal(size=(12, 4)),
        "hidden.bias": random.normal(size=12),
        "out.hidden": random.normal(size=(6, 12)),
        "out.smooth": random.normal(size=(8, 5)),
        "out.bias": random.normal(size=8),
    }
    levels = {rows: make_level(rows, 3), 9: make_level(9, 2, share=1.0)}
    for count, level in levels.items():
        weights |= {
            f"field.{count}.values": np.ascontiguousarray(level.values[RUN:].T),
            f"field.{count}.kept": np.packbits(level.kept),
            f"field.{count}.scale": level.scale,
        }
    config = TwoPartConfig(
        settings=EncodingSettings(legendre_polys=legendre),
        levels=tuple((count, level.channels) for count, level in levels.items()),
        resolution_km=20.0,
    )
    return TwoPartEncoder(config, weights)
