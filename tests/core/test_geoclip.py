"""GeoCLIP as a model: equal to its package's own, on every road, and named where it is missing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.capsules import CapsuleSettings, capsule_parameters
from satclip_core.encoder.encodings import ENCODINGS, EncodingSettings
from satclip_core.errors import InputError, ModelError
from satclip_core.models.geoclip import find_geoclip
from satclip_core.models.registry import fetch, find_model, list_models, load_encoder

# 180 degrees themselves are taken for -180, as for every model; GeoCLIP's plane has a seam there.
PLACES = np.array(
    [[0, 0], [23.6, -2.9], [-180, 45], [179.99, 45], [-77, 38.9], [10, 90], [10, -90], [-70, -33]],
    np.float64,
)


def test_the_plane_keeps_areas() -> None:
    def plane(lonlat: np.ndarray) -> np.ndarray:
        return ENCODINGS["equalearth"].features(lonlat, EncodingSettings(), np)

    step = 1e-4
    lonlat = np.array([[10.0, lat] for lat in (0.0, 30.0, 60.0, 80.0)])
    east = plane(lonlat + np.array([step, 0])) - plane(lonlat)
    north = plane(lonlat + np.array([0, step])) - plane(lonlat)
    area = (east[:, 0] * north[:, 1] - east[:, 1] * north[:, 0]) / np.cos(np.radians(lonlat[:, 1]))
    np.testing.assert_allclose(area, area[0], rtol=1e-3)


def test_capsules_are_the_sum_of_what_each_says() -> None:
    rng = np.random.default_rng(0)
    settings = CapsuleSettings((0, 2), frequencies=3, hidden=4, layers=2)
    weights = {p.name: rng.normal(size=p.shape) for p in capsule_parameters(2, 5, settings)}
    encoder = LocationEncoder(EncoderConfig("equalearth", "capsules"), weights)
    plane = ENCODINGS["equalearth"].features(PLACES, EncodingSettings(), np)
    wanted = np.zeros((len(PLACES), 5))
    for capsule in range(2):
        phases = 2 * np.pi * plane @ weights[f"{capsule}.frequencies"].T
        h = np.hstack([np.cos(phases), np.sin(phases)])
        for layer in ("layers.0", "layers.1"):
            name = f"{capsule}.{layer}"
            h = np.maximum(h @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], 0)
        wanted += h @ weights[f"{capsule}.head.weight"].T + weights[f"{capsule}.head.bias"]
    np.testing.assert_allclose(encoder.encode(PLACES), wanted, rtol=1e-5, atol=1e-5)


def test_capsules_stand_on_their_own_encoding_alone() -> None:
    with pytest.raises(InputError, match="equalearth"):
        capsule_parameters(9, 5, CapsuleSettings())


def _of_the_package(folder: Path) -> ModuleType:
    """The package's module of location encoders, without what its `__init__` imports."""
    for name, path in (("geoclip", folder), ("geoclip.model", folder / "model")):
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module
    return importlib.import_module("geoclip.model.location_encoder")


def test_embeddings_are_those_of_the_package(
    geoclip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("pandas")
    ours = load_encoder("geoclip")
    before = set(sys.modules)
    try:
        encoder = _of_the_package(geoclip).LocationEncoder().double().eval()
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "geoclip":
                del sys.modules[name]
    rng = np.random.default_rng(1)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))
    places = np.vstack([PLACES, np.column_stack([rng.uniform(-180, 180, 200), lat])])
    with torch.no_grad():  # latitude first
        theirs = encoder(torch.from_numpy(places[:, ::-1].copy())).numpy()
    np.testing.assert_allclose(ours.encode(places), theirs, rtol=0, atol=1e-5)
    # In single precision phases of 2^8 cycles are off by some 1e-4 of a turn, theirs as ours.
    np.testing.assert_allclose(ours.encode(places, single=True), theirs, rtol=0, atol=1e-4)


def test_it_is_a_model_like_others(geoclip: Path) -> None:
    entry = next(one for one in list_models() if one.name == "geoclip")
    assert (entry.state, entry.dim, entry.legendre_polys) == ("installed", 512, None)
    encoder = load_encoder("GeoCLIP")
    assert encoder.file == find_model("geoclip") == geoclip / "model/weights" / encoder.file.name
    assert encoder.provenance["model"] == "geoclip"
    assert encoder.provenance["licence"] == "MIT"
    assert encoder.encode_grid([0, 1], [45]).shape == (1, 2, 512)


def test_where_it_is_not_installed_it_is_listed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert next(one for one in list_models() if one.name == "geoclip").state == "not installed"
    for ask in (find_geoclip, lambda: load_encoder("geoclip"), lambda: fetch("geoclip")):
        with pytest.raises(ModelError, match="pip install 'geoclip'"):
            ask()
