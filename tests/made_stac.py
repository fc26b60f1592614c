"""Validating STAC without the network: pystac's own schemas, and the extension's where it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EMBEDDINGS_SCHEMA = "https://stac-extensions.github.io/embeddings/v0.0.1/schema.json"
_SHARED = Path(__file__).resolve().parents[2] / "shared/schemas/stac-embeddings-v0.0.1.json"
# What the extension's schema, v0.0.1, says of items, where the file is not beside the repository.
_ITEM_KEYS = {
    *("emb:runtime_parameters", "emb:preprocessing", "emb:postprocessing", "emb:fit_for_use"),
    *("emb:spatial_coverage", "emb:uncertainty", "emb:quantization", "emb:energy"),
}
_QUANTIZATION = {"method", "original_dtype", "scale", "offset", "quantized_dtype", "link"}


def validate_item(item: dict[str, Any]) -> None:
    """Fail where an item is none of STAC 1.0.0, or of the extension for embeddings."""
    pystac = pytest.importorskip("pystac")
    jsonschema = pytest.importorskip("jsonschema")
    # Extensions' schemas lie on the network; that of the core comes with pystac.
    core = {**item, "stac_extensions": []}
    pystac.Item.from_dict(core).validate()
    if EMBEDDINGS_SCHEMA not in item["stac_extensions"]:
        return
    properties = item["properties"]
    emb = {key for key in properties if key.startswith("emb:")}
    assert emb <= _ITEM_KEYS
    assert "embeddings" in item["assets"]
    assert set(properties.get("emb:quantization", {})) <= _QUANTIZATION
    if _SHARED.is_file():
        schema = json.loads(_SHARED.read_text())
        # Parts that are elsewhere on the network say nothing here.
        own = {**schema["oneOf"][0], "definitions": _offline(schema["definitions"])}
        own["allOf"] = [part for part in own["allOf"] if "item.json" not in part.get("$ref", "")]
        jsonschema.validate(item, own)


def _offline(value: Any) -> Any:
    """A schema with references to the network as what anything meets."""
    if isinstance(value, dict):
        if str(value.get("$ref", "")).startswith("http"):
            return {}
        return {key: _offline(inside) for key, inside in value.items()}
    return [_offline(inside) for inside in value] if isinstance(value, list) else value
