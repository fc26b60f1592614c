"""Heads with seeded weights, for tests: they read nothing true, but what they read is known."""

from __future__ import annotations

from typing import Any

import numpy as np


def facts_of(heads: Any, name: str, **more: Any) -> Any:
    """Facts of a property, of the module `satclip_core.products.property_heads`."""
    known: dict[str, Any] = {
        "title": f"made {name}",
        "unit": "m",
        "source": "made up",
        "licence": "none",
        "places": 100,
        "block_degrees": 2.0,
        "scores": {"r2": 0.5, "rmse": 12.0, "mae": 8.0},
        **more,
    }
    if "legend" in more:
        known["scores"] = {"accuracy": 0.75, "kappa": 0.5}
    return heads.PropertyFacts(name, **known)


def made_heads(encoder: Any, *, water: float = -1000.0, seed: int = 3) -> Any:
    """Heads for an encoder: two numbers, one of them in logarithms, and two properties of classes.

    Args:
        encoder: of the package whose modules make them.
        water: the score of water everywhere, beside those of land of about 0.
        seed: of the weights.
    """
    package = type(encoder).__module__.partition(".encoder")[0]
    from importlib import import_module

    heads = import_module(f"{package}.products.property_heads")
    legend = import_module(f"{package}.products.legend").Legend
    rng = np.random.default_rng(seed)
    covers = legend.of(["water", "forest", "town"], [0, 4, 13])
    zones = legend.of(["hot", "cold"], [2, 7])
    facts = [
        facts_of(heads, "temperature", unit="°C", least=-20.0, most=35.0, spread=12.0,
                 interval=(-2.0, 3.0), decimals=1),
        facts_of(heads, "rain", unit="mm", transform="log1p", least=0.0, most=5000.0, spread=1.5,
                 interval=(-0.5, 0.25), decimals=-1),
        facts_of(heads, "land_cover", unit="", legend=covers),
        facts_of(heads, "koppen", unit="", legend=zones),
    ]  # fmt: skip
    offsets = [[10.0], [6.0], [water, 0.2, 0.0], [0.0, 0.1]]
    made = {}
    for one, offset in zip(facts, offsets):
        scale = {"temperature": 1.0, "rain": 0.1}.get(one.name, 0.2)
        weights = scale * rng.normal(size=(encoder.dim, len(offset)))
        if one.name == "land_cover":
            weights[:, 0] = 0.0
        made[one.name] = heads.PropertyHead(one, weights.astype(np.float16), np.array(offset))
    mean = rng.normal(0, 0.1, encoder.dim).astype(np.float32)
    deviation = rng.uniform(0.5, 2, encoder.dim).astype(np.float32)
    return heads.PropertyHeads(made, mean, deviation, encoder.name, encoder.sha256)
