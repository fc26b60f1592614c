"""A transformer over the tokens of one place: UniGeoCLIP's location network.

UniGeoCLIP (EarthVision 2026): the features of a place are cut into tokens, register tokens
(Darcet et al. 2024) stand before them, and pre-norm blocks (Xiong et al. 2020) of attention and a
GELU layer follow; the output is the mean of the tokens that are no registers. Attention runs across
the tokens of one place, never across the places of a batch. Names of weights are the published
ones; `last_layer`, which brings the mean to the embedding's dimensions, is this project's.

One function for numpy and torch. What has no effect on the output is not computed: the registers
of the first block are the same at every place, and those of the last block's result are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..compute.blas import product
from ..errors import InputError
from .layers import Dropout, Parameter, Weights, affine, affine_parameters, numbered_layers

# Of torch.nn.LayerNorm.
_NORM_EPSILON = 1e-5
# Of UniGeoCLIP's registers, before training.
_REGISTER_DEVIATION = 0.02
_MOST_DEPTH, _MOST_HEADS, _MOST_RATIO = 48, 64, 16
# Φ(x) as 1 / (1 + e^-p), p an odd polynomial of these coefficients (least squares, reweighted
# towards the largest error, over |x| < 8): x Φ(x) is off by 3.1e-6 at most, for any x.
_PHI = (1.59565627, 0.0729375819, -0.000249723284, -0.0000611620103, 0.00000223816425)
_GELU_PART = 16_384
# Abramowitz and Stegun 1964, 7.1.26: erf to 1.5e-7.
_ERF_P = 0.3275911
_ERF_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@dataclass(frozen=True)
class TransformerSettings:
    """The shape of the transformer, as far as the weights do not say it.

    Attributes:
        tokens: how many equal parts the features are cut into; each is as wide as the network.
        registers: register tokens.
        depth: blocks; 0 takes the mean of the tokens as they are.
        heads: of attention; they divide the width of a token.
        mlp_ratio: width of a block's hidden layer, in widths of a token.
    """

    tokens: int = 4
    registers: int = 4
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("tokens", 1, 64),
            ("registers", 0, 64),
            ("depth", 0, _MOST_DEPTH),
            ("heads", 1, _MOST_HEADS),
            ("mlp_ratio", 0.01, _MOST_RATIO),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} is {value}, outside {low}..{high}")


def transformer_parameters(width: int, dim: int, settings: TransformerSettings) -> list[Parameter]:
    """The weights before training: as torch's own layers start, registers as published.

    Raises:
        InputError: the features cannot be cut into so many tokens, or these into so many heads.
    """
    each = token_width(width, settings)
    hidden = int(each * settings.mlp_ratio)
    made = [Parameter("registers", (settings.registers, each), deviation=_REGISTER_DEVIATION)]
    made = made if settings.registers else []
    for index in range(settings.depth):
        block = f"blocks.{index}"
        made += [
            Parameter(f"{block}.self_attn.in_proj_weight", (3 * each, each), sqrt(6 / (4 * each))),
            Parameter(f"{block}.self_attn.in_proj_bias", (3 * each,)),
            Parameter(f"{block}.self_attn.out_proj.weight", (each, each), 1 / sqrt(each)),
            Parameter(f"{block}.self_attn.out_proj.bias", (each,)),
            *affine_parameters(f"{block}.feed_forward.0", each, hidden, 1 / sqrt(each)),
            *affine_parameters(f"{block}.feed_forward.2", hidden, each, 1 / sqrt(hidden)),
        ]
        for norm in ("norm1", "norm2"):
            made.append(Parameter(f"{block}.{norm}.weight", (each,), constant=1.0))
            made.append(Parameter(f"{block}.{norm}.bias", (each,)))
    return made + affine_parameters("last_layer", each, dim, 1 / sqrt(each))


def token_width(width: int, settings: TransformerSettings) -> int:
    """The width of a token where the features are `width` wide.

    Raises:
        InputError: tokens or heads do not divide it.
    """
    each, rest = divmod(width, settings.tokens)
    if rest or not each:
        raise InputError(f"tokens is {settings.tokens}, which does not divide {width} features")
    if each % settings.heads:
        raise InputError(f"heads is {settings.heads}, which does not divide tokens of {each}")
    return each


def token_transformer(
    features: Any,
    weights: Weights,
    settings: TransformerSettings,
    xp: Any = np,
    dropout: Dropout | None = None,
) -> Any:
    """Tokens through the blocks, their mean, and a linear layer where there is one.

    Args:
        features: (N, tokens * width).
        weights: under the published names.
        settings: of the transformer.
        xp: numpy or torch.
        dropout: acts on what each half of a block adds.

    Returns:
        (N, dim), or (N, width) without a last layer.
    """
    count = settings.registers
    tokens = features.reshape(features.shape[0], settings.tokens, -1)
    width = tokens.shape[2]
    if count:
        registers = xp.broadcast_to(weights["registers"], (tokens.shape[0], count, width))
        tokens = xp.concatenate([registers, tokens], 1)
    depth = len(numbered_layers(weights, "blocks.{}.norm1.weight", 0))
    for index in range(depth):
        first = count if index == depth - 1 else 0
        tokens = _block(tokens, weights, f"blocks.{index}", (settings.heads, first), xp, dropout)
    mean = (tokens if depth else tokens[:, count:]).mean(1)
    return affine(mean, weights, "last_layer") if "last_layer.weight" in weights else mean


def _block(
    tokens: Any,
    weights: Weights,
    name: str,
    shape: tuple[int, int],
    xp: Any,
    dropout: Dropout | None,
) -> Any:
    """A pre-norm block for the tokens from `shape[1]` on, of `shape[0]` heads: (N, T, width)."""
    heads, first = shape
    places, _, width = tokens.shape
    normed = layer_norm(tokens, weights, f"{name}.norm1", xp)
    added = _attention(normed, weights, f"{name}.self_attn", heads, first, xp)
    if dropout is not None:
        added = dropout(added)
    tokens = tokens[:, first:] + added
    hidden = layer_norm(tokens, weights, f"{name}.norm2", xp).reshape(-1, width)
    hidden = gelu(affine(hidden, weights, f"{name}.feed_forward.0"), xp)
    added = affine(hidden, weights, f"{name}.feed_forward.2").reshape(places, -1, width)
    if dropout is not None:
        added = dropout(added)
    return tokens + added


def _attention(normed: Any, weights: Weights, name: str, heads: int, first: int, xp: Any) -> Any:
    """Attention of the tokens from `first` on to all tokens of the same place (Vaswani 2017, 3.2).

    (N, T, width) -> (N, T - first, width).
    """
    places, count, width = normed.shape
    each = width // heads
    matrix, bias = weights[f"{name}.in_proj_weight"], weights[f"{name}.in_proj_bias"]

    def split(rows: Any, part: slice) -> Any:
        """(N, parts, heads, tokens, each) of some of the three projections."""
        flat = _times(rows.reshape(-1, width), matrix[part].T) + bias[part]
        return xp.moveaxis(flat.reshape(places, -1, flat.shape[1] // width, heads, each), 1, 3)

    if first:
        both = split(normed, slice(width, None))
        query = split(normed[:, first:], slice(0, width))[:, 0]
        key, value = both[:, 0], both[:, 1]
    else:  # one product in place of three
        parts = split(normed, slice(None))
        query, key, value = parts[:, 0], parts[:, 1], parts[:, 2]
    scores = query @ key.swapaxes(2, 3) * (1 / sqrt(each))
    largest = scores.max(-1, keepdims=True) if xp is np else scores.amax(-1, keepdim=True)
    shares = xp.exp(scores - largest)
    shares = shares / shares.sum(-1)[..., None]
    joined = (shares @ value).swapaxes(1, 2).reshape(-1, width)
    return affine(joined, weights, f"{name}.out_proj").reshape(places, count - first, width)


def _times(x: Any, matrix: Any) -> Any:
    return product(x, matrix) if isinstance(x, np.ndarray) else x @ matrix


def layer_norm(x: Any, weights: Weights, name: str, xp: Any) -> Any:
    """Layer normalisation over the last axis (Ba et al. 2016), as torch has it."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    if xp is not np:
        return xp.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, _NORM_EPSILON)
    centred = x - x.mean(-1, keepdims=True)
    variance = np.einsum("...d,...d->...", centred, centred) / x.shape[-1]
    centred *= (1 / np.sqrt(variance + _NORM_EPSILON))[..., None].astype(x.dtype, copy=False)
    centred *= weight
    centred += bias
    return centred


def gelu(x: Any, xp: Any = np) -> Any:
    """x Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016); numpy's x is overwritten.

    numpy has no erf: in float64 one of Abramowitz and Stegun, in float32 a logistic function of a
    polynomial, which is as near and takes half the time.
    """
    if xp is not np:
        return xp.nn.functional.gelu(x)
    if x.dtype == np.float32:
        return _gelu32(x)
    t = 1 / (1 + _ERF_P / sqrt(2) * np.abs(x))
    series = np.polyval([*_ERF_A[::-1], 0.0], t)
    tail = 0.5 * series * np.exp(-0.5 * x * x)
    x *= np.where(x < 0, tail, 1 - tail)
    return x


def _gelu32(x: Any) -> Any:
    """In place, for float32 arrays that lie in one piece; a part at a time that the cache holds."""
    flat = x.reshape(-1)
    square, power = np.empty((2, min(_GELU_PART, flat.size)), np.float32)
    with np.errstate(over="ignore"):
        for start in range(0, flat.size, _GELU_PART):
            part = flat[start : start + _GELU_PART]
            s, p = square[: part.size], power[: part.size]
            np.multiply(part, part, out=s)
            np.multiply(s, _PHI[-1], out=p)
            for coefficient in _PHI[-2:0:-1]:
                p += coefficient
                p *= s
            p += _PHI[0]
            p *= part
            np.exp(np.negative(p, out=p), out=p)
            p += 1
            part /= p
    return x
