"""From predictions and smooth components to an embedding whose first dimensions say most.

The leading dimensions are principal components over land of the predictions together with a few
smooth components: the first ones as they are, so that they make a picture, the others rotated
within cuts, so that no dimension is mere noise. What is smooth alone follows, rotated too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from satclip_core.encoder import LocationEncoder
from satclip_core.types import Floats

from .fine_settings import EmbeddingSettings

_MANTISSA_BITS = 10


@dataclass(frozen=True)
class Composition:
    """Matrices from predictions and smooth components to the embedding, and its offset.

    Attributes:
        predictions: (predictions, lead), of the leading dimensions alone.
        smooth: (components, dim).
        offset: (dim,).
    """

    predictions: Floats
    smooth: Floats
    offset: Floats


def compose(
    predictions: Floats, smooth: Floats, settings: EmbeddingSettings, seed: int
) -> Composition:
    """The embedding of a fitted encoder.

    Args:
        predictions: (N, predictions) at places on land.
        smooth: (N, components) there, of mean 0; their variances are kept.
        settings: how many lead, where they are cut, what share the smooth part has.
        seed: of the rotations.
    """
    random = np.random.default_rng(seed)
    count, components = predictions.shape[1], smooth.shape[1]
    few = settings.leading_smooth
    mean = predictions.mean(axis=0)
    centred = predictions - mean
    share = settings.smooth_share
    fine = np.sqrt((1 - share) / np.square(centred).sum(axis=1).mean())
    slow = np.sqrt(share / np.square(smooth).sum(axis=1).mean())
    parts = np.concatenate([np.full(count, fine), np.full(few, slow * settings.leading_weight)])
    mixed = np.concatenate([centred, smooth[:, :few]], axis=1) * parts
    _, axes = np.linalg.eigh(mixed.T @ mixed / len(mixed))
    lead = count + few
    turned = _rotated_in_cuts(axes[:, ::-1], settings.lengths, random) * parts[:, None]
    slowly = np.zeros((components, lead + components - few))
    slowly[:few, :lead] = turned[count:]
    slowly[few:, lead:] = slow * _rotation(components - few, random)
    offset = np.zeros(slowly.shape[1])
    offset[:lead] = -mean @ turned[:count]
    return Composition(turned[:count], slowly, offset)


def _rotated_in_cuts(axes: Floats, lengths: tuple[int, ...], random: np.random.Generator) -> Floats:
    """Components (n, n) in order; those of each cut but the first are rotated among themselves."""
    out: Floats = axes.copy()
    # Signs of eigenvectors are an accident of the library: the largest part is to be positive.
    out *= np.sign(out[np.abs(out).argmax(axis=0), np.arange(out.shape[1])])
    edges = [*(length for length in lengths if length < len(axes)), len(axes)]
    for start, stop in zip(edges, edges[1:]):
        out[:, start:stop] = out[:, start:stop] @ _rotation(stop - start, random)
    return out


def _rotation(size: int, random: np.random.Generator) -> Floats:
    rotation: Floats = np.linalg.qr(random.normal(size=(size, size)))[0]
    return rotation


def components_encoder(encoder: LocationEncoder, land: Floats, count: int) -> LocationEncoder:
    """The same encoder with its `count` leading principal components over land, of variance 1.

    Args:
        encoder: a network whose last layer is linear.
        land: (N, 2) degrees.
        count: how many components.
    """
    found = encoder.encode(land).astype(np.float64)
    mean = found.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(found.T))
    matrix = axes[:, ::-1][:, :count] / np.sqrt(variances[::-1][:count])
    weights = dict(encoder.weights)
    weights["last_layer.weight"] = matrix.T @ weights["last_layer.weight"]
    weights["last_layer.bias"] = (weights["last_layer.bias"] - mean) @ matrix
    return LocationEncoder(encoder.config, weights, info=encoder.info)


def trimmed(weights: Floats, bits: int) -> Floats:
    """Weights as float16 whose mantissas are rounded to so many bits of ten."""
    dropped = _MANTISSA_BITS - bits
    if not dropped:
        return weights
    whole = weights.astype(np.float16).view(np.uint16).astype(np.uint32)
    rounded = (whole + (1 << (dropped - 1))) >> dropped << dropped
    kept: Floats = rounded.astype(np.uint16).view(np.float16).astype(np.float64)
    return kept


def component_deviations(encoder: LocationEncoder, land: Floats, count: int) -> Floats:
    """(count,) deviations over land of an encoder's leading principal components."""
    found = encoder.encode(land).astype(np.float64)
    variances = np.linalg.eigvalsh(np.cov(found.T))
    deviations: Floats = np.sqrt(variances[::-1][:count])
    return deviations
