"""The zoo's networks: sizes, start, dropout, and the twins that are left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satclip_core.encoder.encodings import ENCODINGS, EncodingSettings
from satclip_core.encoder.networks import forward
from satclip_training.zoo.cell_settings import CellSettings
from satclip_training.zoo.cell_training import encode
from satclip_training.zoo.network import TWICE, _drop, initial_weights, outputs

SETTINGS = CellSettings(1e-3, 0.0, frequency_num=4, min_radius=10.0)


@pytest.mark.parametrize("network", ["linear", "fcnet", "siren"])
def test_the_forward_pass_is_the_one_of_inference(network: str) -> None:
    torch.manual_seed(0)
    weights = initial_weights(network, 7, 3, dim_hidden=8, num_layers=2)
    features = torch.randn(5, 7, dtype=torch.float64)
    plain = {name: value.detach().numpy() for name, value in weights.items()}
    ours = outputs(network, weights, features).detach().numpy()
    np.testing.assert_allclose(ours, forward(network, plain, features.numpy()), atol=1e-12)
    assert ours.shape == (5, 3)


def test_fcnet_is_the_published_one() -> None:
    weights = initial_weights("fcnet", 7, 3, dim_hidden=8)
    assert "class_emb.bias" not in weights
    assert sum(name.endswith("w1.weight") for name in weights) == 4


@pytest.mark.parametrize("layers", [1, 3])
def test_siren_starts_as_sitzmann_says(layers: int) -> None:
    weights = initial_weights("siren", 50, 1, dim_hidden=24, num_layers=layers)
    assert sum(name.startswith("layers.") for name in weights) == 2 * layers
    assert 0.9 / 50 < weights["layers.0.weight"].abs().max() <= 1 / 50
    bound = (6 / 24) ** 0.5
    assert weights["last_layer.weight"].abs().max() <= bound
    assert weights["last_layer.weight"].abs().max() > 0.5 * bound


@pytest.mark.parametrize("encoding", TWICE)
@pytest.mark.parametrize("network", ["linear", "fcnet", "siren"])
def test_features_without_twins_give_the_same_outputs_and_gradients(
    encoding: str, network: str
) -> None:
    lonlat = np.random.default_rng(0).uniform((-180, -90), (180, 90), (20, 2))
    settings = EncodingSettings(frequency_num=4, min_radius=10.0)
    full = ENCODINGS[encoding](torch.from_numpy(lonlat), settings, torch)
    half = encode(lonlat, encoding, SETTINGS)
    assert half.shape[1] * 2 == full.shape[1]
    torch.manual_seed(0)
    weights = initial_weights(network, full.shape[1], 1, dim_hidden=8)
    found = []
    for features in (full, half):
        result = outputs(network, weights, features)
        gradients = torch.autograd.grad(result.square().sum(), list(weights.values()))
        found.append([result.detach(), *gradients])
    for one, other in zip(*found):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


def test_dropout_leaves_out_half_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = _drop(torch.ones(300, 101, dtype=torch.float64))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    # Columns and rows are independent: no bit is used twice.
    assert np.corrcoef(dropped[:, 0], dropped[:, 63])[0, 1] == pytest.approx(0, abs=0.2)


def test_only_fcnet_drops_out_and_only_in_training() -> None:
    torch.manual_seed(0)
    features = torch.randn(30, 7, dtype=torch.float64)
    for network in ("linear", "siren", "fcnet"):
        weights = initial_weights(network, 7, 1, dim_hidden=16)
        first, second = (outputs(network, weights, features, training=True) for _ in range(2))
        assert torch.equal(first, second) == (network != "fcnet")
        first, second = (outputs(network, weights, features) for _ in range(2))
        assert torch.equal(first, second)
