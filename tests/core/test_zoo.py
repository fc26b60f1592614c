"""Encodings and networks against outputs of the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import ENCODINGS, ZOO, EncodingSettings, encoding_dim
from satclip_core.encoder.networks import forward

ZOO_NETWORKS = ("linear", "fcnet", "siren", "mlp")


@pytest.fixture(scope="module")
def zoo(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "encoder-zoo.npz") as file:
        return {key: file[key] for key in file.files}


def zoo_settings(zoo: dict[str, np.ndarray], basis: str = "analytic") -> EncodingSettings:
    min_radius, max_radius, frequencies, degree = zoo["config"][:4]
    return EncodingSettings(int(degree), basis, int(frequencies), min_radius, max_radius)


def comparable(zoo: dict[str, np.ndarray], encoding: str) -> np.ndarray:
    """Rows where the published code is sound: its harmonics lose digits at high L and latitude."""
    lats = np.abs(zoo["lonlat"][:, 1])
    high = encoding.startswith("sphericalharmonics") and zoo_settings(zoo).legendre_polys > 20
    return lats <= (45 if high else 90)


def zoo_weights(zoo: dict[str, np.ndarray], encoding: str, network: str) -> dict[str, np.ndarray]:
    prefix = f"{encoding}/{network}/weights/"
    return {key[len(prefix) :]: value for key, value in zoo.items() if key.startswith(prefix)}


@pytest.mark.parametrize("encoding", ZOO)
def test_features_match_the_published_code(zoo: dict[str, np.ndarray], encoding: str) -> None:
    settings, rows = zoo_settings(zoo), comparable(zoo, encoding)
    features = ENCODINGS[encoding](zoo["lonlat"], settings, np)
    assert features.shape[1] == encoding_dim(encoding, settings)
    np.testing.assert_allclose(
        features[rows], zoo[f"{encoding}/features"][rows], rtol=1e-9, atol=1e-11
    )


def test_closed_form_features_match_the_published_code(zoo: dict[str, np.ndarray]) -> None:
    name = "sphericalharmonics-closed-form"
    features = ENCODINGS["sphericalharmonics"](zoo["lonlat"], zoo_settings(zoo, "closed-form"), np)
    rows = comparable(zoo, name)
    np.testing.assert_allclose(features[rows], zoo[f"{name}/features"][rows], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("network", ZOO_NETWORKS)
@pytest.mark.parametrize("encoding", ZOO)
def test_embeddings_match_the_published_code(
    zoo: dict[str, np.ndarray], encoding: str, network: str
) -> None:
    features = ENCODINGS[encoding](zoo["lonlat"], zoo_settings(zoo), np)
    result = forward(network, zoo_weights(zoo, encoding, network), features)
    expected, rows = zoo[f"{encoding}/{network}/embedding"], comparable(zoo, encoding)
    # Relative to the size of an embedding: single values pass through zero.
    scale = np.abs(expected[rows]).max()
    np.testing.assert_allclose(result[rows], expected[rows], rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("network", ZOO_NETWORKS)
@pytest.mark.parametrize("encoding", ["sphericalharmonics", "wrap"])
def test_a_grid_is_its_points(zoo: dict[str, np.ndarray], encoding: str, network: str) -> None:
    """Every network has the grid path when it stands on harmonics, and works when it does not."""
    config = EncoderConfig(encoding, network, zoo_settings(zoo))
    encoder = LocationEncoder(config, zoo_weights(zoo, encoding, network))
    lons, lats = np.linspace(-180, 180, 7), np.linspace(90, -90, 19)
    points = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
    expected = encoder.encode(points).reshape(19, 7, -1)
    np.testing.assert_allclose(encoder.encode_grid(lons, lats), expected, atol=1e-4)


@pytest.mark.parametrize("network", ZOO_NETWORKS)
def test_torch_runs_the_same_networks(zoo: dict[str, np.ndarray], network: str) -> None:
    torch = pytest.importorskip("torch")
    weights = zoo_weights(zoo, "wrap", network)
    features = ENCODINGS["wrap"](zoo["lonlat"], zoo_settings(zoo), np)
    tensors = {key: torch.as_tensor(value) for key, value in weights.items()}
    result = forward(network, tensors, torch.as_tensor(features), torch)
    expected = forward(network, weights, features)
    # Relative to the size of an output: single values pass through zero, where rounding is left.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-12 * scale)


def test_one_frequency_is_the_finest() -> None:
    """F = 1 has no steps between radii: k / (F - 1) is 0 / 0."""
    assert EncodingSettings(frequency_num=1, min_radius=4.0).frequencies == [0.25]


def test_frequencies_run_from_the_smallest_radius_to_the_largest() -> None:
    settings = EncodingSettings(frequency_num=3, min_radius=1.0, max_radius=100.0)
    np.testing.assert_allclose(settings.frequencies, [1, 0.1, 0.01], rtol=1e-12)


def test_weights_of_an_encoder_are_its_own_and_cannot_be_written(
    zoo: dict[str, np.ndarray],
) -> None:
    """Its hash and what it has precomputed are of these numbers: they stay as they were."""
    given = zoo_weights(zoo, "wrap", "siren")
    encoder = LocationEncoder(EncoderConfig("wrap", "siren", zoo_settings(zoo)), given)
    before = encoder.encode([(10.0, 20.0)])
    for name, values in encoder.weights.items():
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0
        assert given[name].flags.writeable
        given[name][...] = 0
    np.testing.assert_array_equal(encoder.encode([(10.0, 20.0)]), before)
