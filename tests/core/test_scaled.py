"""UniGeoCLIP's encoder: projection, Fourier tokens, attention, against plain code and torch."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import suppress
from math import erf
from pathlib import Path

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import ENCODINGS
from satclip_core.encoder.fourier import ScaledFourierSettings, equal_earth, frequencies
from satclip_core.encoder.networks import NETWORKS, forward
from satclip_core.encoder.transformer import TransformerSettings, gelu
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model, write_model

FOURIER = ScaledFourierSettings(frequencies=6, log2_scales=(0, 4, 12), seed=5)
SHAPE = TransformerSettings(tokens=3, registers=2, depth=2, heads=3, mlp_ratio=2)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Torch's threads wait for each other while other work has the processors."""
    torch = sys.modules.get("torch")
    if torch is None:
        with suppress(ImportError):
            import torch
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(before)


def places(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)])


def weights_for(fourier: ScaledFourierSettings, shape: TransformerSettings, dim: int = 5) -> dict:
    """Seeded weights far from their start values, so that nothing is next to zero."""
    rng = np.random.default_rng(2)
    width = ENCODINGS["scaledfourier"].width(fourier)
    wanted = NETWORKS["transformer"].parameters(width, dim, shape)
    return {p.name: rng.normal(p.constant, 0.4, p.shape) for p in wanted}


def encoder(
    fourier: ScaledFourierSettings = FOURIER, shape: TransformerSettings = SHAPE
) -> LocationEncoder:
    config = EncoderConfig("scaledfourier", "transformer", fourier, shape)
    return LocationEncoder(config, weights_for(fourier, shape))


def test_the_plane_is_proj_s() -> None:
    pyproj = pytest.importorskip("pyproj")
    lonlat = np.concatenate([places(200), [(0, 90), (180, -90), (-180, 0), (180, 45)]])
    there = pyproj.Proj(proj="eqearth", R=1)(lonlat[:, 0], lonlat[:, 1])
    # PROJ's is the ellipsoid's where R is not given; of a unit sphere it is to rounding.
    np.testing.assert_allclose(equal_earth(lonlat), np.stack(there, 1), atol=1e-9)


def test_features_are_cosines_and_sines_of_each_scale() -> None:
    """One place, one frequency at a time, with the exact arithmetic of `math`."""
    matrix = frequencies(FOURIER)
    draws = np.random.RandomState(5)
    for number, scale in enumerate((1, 16, 4096)):
        wanted = scale * draws.standard_normal((6, 2))
        np.testing.assert_allclose(matrix[6 * number : 6 * number + 6], wanted, rtol=1e-15)
    given = ENCODINGS["scaledfourier"].features(places(20), FOURIER, np)
    assert given.shape == (20, ENCODINGS["scaledfourier"].width(FOURIER))
    for row, plane in zip(given, equal_earth(places(20)) * 66.50336 / 180):
        tokens = []
        for token in range(3):
            turns = [math.fsum(b * plane) for b in matrix[6 * token : 6 * token + 6]]
            tokens += [math.cos(2 * math.pi * t) for t in turns]
            tokens += [math.sin(2 * math.pi * t) for t in turns]
        np.testing.assert_allclose(row, tokens, atol=1e-9)


def slowly(tokens: np.ndarray, w: dict, shape: TransformerSettings) -> np.ndarray:
    """The published encoder for one place, token by token and head by head."""

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean()) / math.sqrt(x.var() + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = [*w["registers"], *tokens]
    width = tokens.shape[1]
    each = width // shape.heads
    for block in (f"blocks.{i}" for i in range(shape.depth)):
        normed = [norm(t, f"{block}.norm1") for t in x]
        matrix, bias = w[f"{block}.self_attn.in_proj_weight"], w[f"{block}.self_attn.in_proj_bias"]
        projected = [matrix @ t + bias for t in normed]
        queries, keys, values = (
            [p[i * width : (i + 1) * width] for p in projected] for i in (0, 1, 2)
        )
        for number, query in enumerate(queries):
            heads = []
            for part in (slice(h * each, (h + 1) * each) for h in range(shape.heads)):
                scores = [math.exp(query[part] @ key[part] / math.sqrt(each)) for key in keys]
                mixed = sum(s * value[part] for s, value in zip(scores, values))
                heads.append(mixed / sum(scores))
            out = w[f"{block}.self_attn.out_proj.weight"] @ np.concatenate(heads)
            x[number] = x[number] + out + w[f"{block}.self_attn.out_proj.bias"]
        first, second = (f"{block}.feed_forward.{i}" for i in (0, 2))
        for number, token in enumerate(x):
            hidden = w[f"{first}.weight"] @ norm(token, f"{block}.norm2") + w[f"{first}.bias"]
            hidden = [v * 0.5 * (1 + erf(v / math.sqrt(2))) for v in hidden]
            x[number] = token + w[f"{second}.weight"] @ hidden + w[f"{second}.bias"]
    mean = np.mean(x[shape.registers :], axis=0)
    return w["last_layer.weight"] @ mean + w["last_layer.bias"]


def test_the_transformer_is_the_plain_one() -> None:
    w = weights_for(FOURIER, SHAPE)
    features = ENCODINGS["scaledfourier"].features(places(6), FOURIER, np)
    given = forward("transformer", w, features, settings=SHAPE)
    for row, feature in zip(given, features):
        # erf of Abramowitz and Stegun is off by 1.5e-7.
        np.testing.assert_allclose(row, slowly(feature.reshape(3, -1), w, SHAPE), atol=1e-5)


@pytest.mark.parametrize("module", ["numpy", "torch"])
def test_a_place_does_not_depend_on_its_batch(module: str) -> None:
    """Attention across the batch, as in one published revision, would fail this."""
    xp = pytest.importorskip(module)
    w = {k: xp.asarray(v) for k, v in weights_for(FOURIER, SHAPE).items()}
    features = xp.asarray(ENCODINGS["scaledfourier"].features(places(16), FOURIER, np))
    whole = np.asarray(forward("transformer", w, features, xp, settings=SHAPE))
    order = np.random.default_rng(0).permutation(16)
    turned = forward("transformer", w, features[xp.asarray(order)], xp, settings=SHAPE)
    np.testing.assert_allclose(np.asarray(turned), whole[order], atol=1e-12)
    alone = forward("transformer", w, features[3:4], xp, settings=SHAPE)
    np.testing.assert_allclose(np.asarray(alone)[0], whole[3], atol=1e-12)


@pytest.mark.parametrize("depth", [0, 1, 4, 12])
def test_numpy_is_torch(depth: int) -> None:
    """As published but narrower, from degrees on; in single precision too."""
    torch = pytest.importorskip("torch")
    fourier = ScaledFourierSettings(frequencies=24)
    shape = TransformerSettings(depth=depth)
    rng = np.random.default_rng(3)
    wanted = NETWORKS["transformer"].parameters(192, 32, shape)
    w = {
        p.name: rng.uniform(-1, 1, p.shape) * (p.bound or 0.02) + p.constant for p in wanted
    }  # as they start
    made = LocationEncoder(EncoderConfig("scaledfourier", "transformer", fourier, shape), w)
    lonlat = places(100)
    features = ENCODINGS["scaledfourier"].features(torch.from_numpy(lonlat), fourier, torch)
    tensors = {k: torch.tensor(v) for k, v in w.items()}
    there = forward("transformer", tensors, features, torch, settings=shape).numpy()
    np.testing.assert_allclose(made.encode(lonlat), there, atol=1e-5)
    np.testing.assert_allclose(made.encode(lonlat, single=True), there, atol=1e-4)
    single = {k: v.float() for k, v in tensors.items()}
    torch32 = forward("transformer", single, features.float(), torch, settings=shape).numpy()
    np.testing.assert_allclose(made.encode(lonlat, single=True), torch32, atol=1e-4)
    if not depth:
        tokens = features.numpy().reshape(100, 4, 48).mean(1)
        np.testing.assert_allclose(there, tokens @ w["last_layer.weight"].T + w["last_layer.bias"])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 4e-6)])
def test_gelu_is_the_exact_one(dtype: type, tolerance: float) -> None:
    x = np.concatenate([np.linspace(-40, 40, 4001), [-1e30, 1e30, 0.0]]).astype(dtype)
    wanted = [v * 0.5 * (1 + erf(v / math.sqrt(2))) for v in x.astype(float)]
    np.testing.assert_allclose(gelu(x.copy()), wanted, atol=tolerance, rtol=1e-6)


def test_a_grid_is_its_points() -> None:
    made = encoder()
    lons, lats = np.linspace(-180, 180, 9), np.linspace(90, -90, 7)
    points = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
    grid = made.encode_grid(lons, lats)
    np.testing.assert_allclose(grid.reshape(-1, 5), made.encode(points), atol=1e-4)
    # Longitudes 180 and -180 are one meridian; products of other rows round otherwise.
    np.testing.assert_allclose(grid[:, 0], grid[:, -1], atol=1e-4)


def test_a_model_file_holds_all_of_it(tmp_path: Path) -> None:
    before = encoder()
    write_model(tmp_path / "m.npz", before, dtype="float64")
    after = read_model(tmp_path / "m.npz")
    assert after.config == before.config
    assert after.config.network_settings == SHAPE
    np.testing.assert_array_equal(after.encode(places(9)), before.encode(places(9)))
    assert "transformer(" in after.config.formula


def test_without_a_last_layer_it_is_the_mean() -> None:
    w = weights_for(FOURIER, SHAPE)
    bare = {k: v for k, v in w.items() if not k.startswith("last_layer")}
    features = ENCODINGS["scaledfourier"].features(places(4), FOURIER, np)
    mean = forward("transformer", bare, features, settings=SHAPE)
    assert mean.shape == (4, 12)
    whole = forward("transformer", w, features, settings=SHAPE)
    np.testing.assert_allclose(mean @ w["last_layer.weight"].T + w["last_layer.bias"], whole)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScaledFourierSettings(log2_scales=()), "log2_scales is"),
        (lambda: ScaledFourierSettings(log2_scales=(99,)), "within ±24"),
        (lambda: ScaledFourierSettings(frequencies=0), "frequencies is 0, outside 1"),
        (lambda: ScaledFourierSettings(seed=-1), "seed is -1"),
        (lambda: TransformerSettings(heads=0), "heads is 0, outside 1"),
        (
            lambda: NETWORKS["transformer"].parameters(30, 4, TransformerSettings(tokens=4)),
            "tokens is 4, which does not divide 30 features",
        ),
        (
            lambda: NETWORKS["transformer"].parameters(40, 4, TransformerSettings(heads=3)),
            "heads is 3, which does not divide tokens of 10",
        ),
    ],
)  # fmt: skip
def test_bad_settings_are_named(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


def test_settings_of_another_class_are_refused() -> None:
    with pytest.raises(ModelError, match="the encoding 'scaledfourier' has settings of the class"):
        EncoderConfig("scaledfourier", "transformer")
