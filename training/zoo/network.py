"""Trainable weights of the zoo's networks; the forward pass is the core's, as in inference."""

from __future__ import annotations

import torch

from satclip_core.encoder.networks import NETWORKS, Sizes, forward

Weights = dict[str, torch.Tensor]

# Random bits of an int64 drawn by torch; its sign is always +.
_BITS = 63
# These write every feature twice, next to each other, as published (see
# satclip_core.encoder.encodings). Twins are encoded once (`cell_training.encode`) and their weights
# added in pairs (`outputs`): w1 x + w2 x = (w1 + w2) x.
TWICE = ("spherec", "spherecplus", "spherem", "spheremplus")


def initial_weights(
    network: str, width: int, dim_out: int, *, dim_hidden: int = 64, num_layers: int = 2
) -> Weights:
    """Weights of `network` before training, under the published names, from torch's global seed.

    `linear` and `fcnet` start as torch.nn.Linear does, `siren` as in Sitzmann et al. 2020,
    section 3.2, biases as the weights.

    Args:
        network: linear, fcnet or siren.
        width: number of features.
        dim_out: number of outputs.
        dim_hidden: width of hidden layers.
        num_layers: sine layers of siren.

    Returns:
        float64 leaves that require gradients.
    """
    sizes = Sizes(dim_hidden, num_layers)
    return {
        parameter.name: _uniform(parameter.shape, parameter.bound or 0.0)
        for parameter in NETWORKS[network].parameters(width, dim_out, sizes)
    }


def _uniform(shape: tuple[int, ...], bound: float) -> torch.Tensor:
    values = torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound)
    return values.requires_grad_()


def outputs(
    network: str, weights: Weights, features: torch.Tensor, *, training: bool = False
) -> torch.Tensor:
    """The network's outputs: (N, features) -> (N, dim_out).

    Where `features` has half the columns that the first layer has, each stands for two equal
    neighbours (see `TWICE`) and the layer's weights are added in pairs: the same numbers and the
    same gradients in half the time.
    """
    first = f"{NETWORKS[network].first}.weight".lstrip(".")
    weight = weights[first]
    if weight.shape[1] == 2 * features.shape[1]:
        folded = weight.reshape(weight.shape[0], -1, 2).sum(-1)
        weights = {**weights, first: folded}
    drop = _drop if training and network == "fcnet" else None
    result: torch.Tensor = forward(network, weights, features, torch, drop)
    return result


def _drop(hidden: torch.Tensor) -> torch.Tensor:
    """Dropout with p = 1/2: one random bit for each value takes a fifth of torch's own time."""
    bits = torch.empty(-(-hidden.numel() // _BITS), dtype=torch.int64).random_()
    kept = (bits[:, None] >> torch.arange(_BITS)).bitwise_and_(1).reshape(-1)[: hidden.numel()]
    return hidden * (2 * kept.reshape(hidden.shape).to(hidden.dtype))
