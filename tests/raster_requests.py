"""Rasters that can be asked for on the command line, in QGIS and in Python: three words for one."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Callable

import numpy as np

BOUNDS, RES = (5.0, 45.0, 11.0, 48.0), 0.5
_rng = np.random.default_rng(5)
# Places with a number and a class each, of a few digits, as a table or a layer has them.
SAMPLES = [
    (round(lon, 3), round(lat, 3), round(20 - 0.5 * (lat - 45), 2), "ab"[int(lon) % 2])
    for lon, lat in zip(_rng.uniform(5, 11, 60).tolist(), _rng.uniform(45, 48, 60).tolist())
]
PLACES = ((7.5, 46.25), (9.0, 47.5))


@dataclass(frozen=True)
class Asked:
    """One raster, as each client is asked for it.

    Attributes:
        words: on the command line, beside extent and output; {samples} is a CSV of `SAMPLES`.
        algorithm: of QGIS.
        parameters: its own, where a layer is a list of (x, y, …) rows of `SAMPLES`.
        product: what it is in Python, of the module `satclip_core.products`.
        mask: which places are wanted.
    """

    words: tuple[str, ...]
    algorithm: str
    parameters: dict[str, Any]
    product: Callable[[Any], Any]
    mask: str | None = None


def _samples(products: Any, column: int, name: str) -> Any:
    lonlat = [(lon, lat) for lon, lat, *_ in SAMPLES]
    return products.Samples.of(lonlat, [row[column] for row in SAMPLES], name=name)


ASKED = {
    "embedding": Asked(
        ("raster", "--dtype", "uint8", "--normalize", "--dims", "64"),
        "embeddingraster",
        {"DTYPE": 2, "NORMALIZE": True, "DIMS": 64},
        lambda products: products.EmbeddingOf("uint8", normalize=True, dims=64),
    ),
    "plain": Asked(
        ("raster",), "embeddingraster", {}, lambda products: products.EmbeddingOf("float32")
    ),
    "properties": Asked(
        ("raster", "--properties", "temperature, land_cover"),
        "placeproperties",
        {"PROPERTIES": [0, 6]},
        lambda products: products.PropertiesOf(("temperature", "land_cover")),
    ),
    "similarity": Asked(
        ("similarity", "--to", "7.5", "46.25", "--to", "9,47.5", "--reduce", "max"),
        "similarity",
        {"POINTS": PLACES, "REDUCE": 1},
        lambda products: products.SimilarityTo(PLACES, "max"),
    ),
    "examples": Asked(
        ("similarity", "--to", "7.5", "46.25", "--to", "9,47.5", "--unlike", "8", "45.5", "--land"),
        "similarity",
        {"POINTS": PLACES, "UNLIKE": "8,45.5 [EPSG:4326]", "LAND": True},
        lambda products: products.SimilarityTo(PLACES, unlike=((8.0, 45.5),)),
        "land",
    ),
    "rgb": Asked(("rgb",), "embeddingrgb", {}, lambda products: products.RgbOf()),
    "clusters": Asked(
        ("clusters", "--k", "5"),
        "clusters",
        {"COUNT": 5},
        lambda products: products.ClustersOf(5),
    ),
    "map of numbers": Asked(
        ("map", "{samples}", "--column", "t"),
        "mapfromsamples",
        {"INPUT": SAMPLES, "FIELD": "t"},
        lambda products: products.MapOf(_samples(products, 2, "t")),
    ),
    "map of classes": Asked(
        ("map", "{samples}", "--column", "k", "--probabilities"),
        "mapfromsamples",
        {"INPUT": SAMPLES, "FIELD": "k", "PROBABILITIES": True},
        lambda products: products.MapOf(_samples(products, 3, "k"), probabilities=True),
    ),
}


def expected(name: str, model: str, core: Any) -> Any:
    """The request in Python, of the package `core`, whose modules are imported."""
    grid = core.Grid.from_bounds(BOUNDS, RES)
    asked = ASKED[name]
    product = asked.product(core.products)
    if isinstance(product, core.products.SimilarityTo):  # held against the extent's land
        product = replace(product, within=grid)
    return core.RasterRequest(grid, product, model, mask=asked.mask)


def plain(value: Any) -> Any:
    """A request as names and numbers, to be compared whichever package it is of."""
    if is_dataclass(value):
        inside = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return type(value).__name__, inside
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def stripped(request: Any) -> Any:
    """A request without what differs from client to client: overwriting and the command's words."""
    name, inside = plain(request)
    inside["options"][1].update(overwrite=None, tags=None)
    return name, inside
