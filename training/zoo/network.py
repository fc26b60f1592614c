"""Trainable weights of the zoo's networks; the forward pass is the core's, as in inference."""

from __future__ import annotations

import math

import torch

from satclip_core.encoder.networks import NETWORKS, forward

from ..objectives.location import siren_bound

Weights = dict[str, torch.Tensor]

FCNET_BLOCKS = 4
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
    layers: list[tuple[str, int, int, float]] = []  # name, inputs, outputs, bound
    if network == "linear":
        layers = [("", width, dim_out, _bound(width))]
    elif network == "siren":
        inputs = [width] + [dim_hidden] * num_layers
        names = [f"layers.{i}." for i in range(num_layers)] + ["last_layer."]
        outputs = [dim_hidden] * num_layers + [dim_out]
        bounds = [siren_bound(fan_in, first=i == 0) for i, fan_in in enumerate(inputs)]
        layers = list(zip(names, inputs, outputs, bounds))
    else:
        inner = [f"feats.{i + 2}.{w}." for i in range(FCNET_BLOCKS) for w in ("w1", "w2")]
        layers = [("feats.0.", width, dim_hidden, _bound(width))]
        layers += [(name, dim_hidden, dim_hidden, _bound(dim_hidden)) for name in inner]
        layers += [("class_emb.", dim_hidden, dim_out, _bound(dim_hidden))]
    weights: Weights = {}
    for name, fan_in, fan_out, bound in layers:
        weights[f"{name}weight"] = _uniform((fan_out, fan_in), bound)
        if name != "class_emb.":
            weights[f"{name}bias"] = _uniform((fan_out,), bound)
    return weights


def _bound(fan_in: int) -> float:
    return 1 / math.sqrt(fan_in)


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
