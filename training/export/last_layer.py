"""The last layer remade after training: which directions of the hidden layer an embedding keeps.

Everything here is linear in the last hidden layer, so it folds into `last_layer` of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.types import Floats

from ..settings.config import ExportSettings

PREDICTION_RIDGE = 1e-4
"""Of the mean variance of a hidden unit: keeps directions that hardly vary out of a prediction."""

Weights = Mapping[str, NDArray[Any]]


def component_layer(
    hidden: Floats,
    layer: Floats,
    dim: int,
    settings: ExportSettings,
    images: Floats | None = None,
) -> tuple[Floats, Floats]:
    """A last layer of contrastive directions and principal components of the rest.

    What the contrastive loss sees is fitted to telling places apart, and what it is computed from
    probes better (as in SimCLR, Chen et al. 2020, section 4.2, where the projection head is
    thrown away). Yet the first says what a place looks like, and the second, by its variance,
    mostly where it is. So the leading components of the contrastive output come first and get
    most of the variance, so that similarities and colours follow them; the components of what
    they leave over come after, for whoever fits a model on the embedding.

    With `leading: imagery` the directions that lead are not those of the contrastive output but
    those from which the image features are best predicted (`_predictors`).

    Args:
        hidden: (N, H) values of the last hidden layer at places uniform over land.
        layer: (D, H) weights of the last layer as trained.
        dim: dimensions to keep, at most H.
        settings: `contrastive_components`, the number of directions that lead, and
            `contrastive_share`, theirs of the variance; `component_power` p divides a component
            of the rest by its variance to the power p / 2 (0 keeps the variances, 1 makes them
            equal).
        images: (N, features) image features of the same places, for `leading: imagery`; nothing
            leads where they are missing, as in an encoder that has seen no imagery.

    Returns:
        Weights (dim, H) and bias (dim,); the embedding has mean zero over `hidden`.
    """
    mean = hidden.mean(0)
    rest = hidden - mean
    directions = _leading(rest, layer, images, min(settings.contrastive_components, dim), settings)
    lead = directions.shape[1]
    parts = []
    remove = np.eye(hidden.shape[1])
    if lead:
        values = rest @ directions
        remove = remove - directions @ np.linalg.lstsq(values, rest, rcond=None)[0]
        parts.append(_of_variance(directions, values, settings.contrastive_share))
        rest = rest @ remove
    if dim > lead:
        axes, variances = _components(rest, dim - lead)
        axes = axes * variances.clip(1e-12) ** (-0.5 * settings.component_power)
        share = 1 - settings.contrastive_share
        parts.append(_of_variance(remove @ axes, rest @ axes, share) if lead else axes)
    matrix = np.concatenate(parts, axis=1).T
    return matrix, -matrix @ mean


def _leading(
    hidden: Floats, layer: Floats, images: Floats | None, count: int, settings: ExportSettings
) -> Floats:
    """The directions (H, count) of the centred hidden layer that lead an embedding."""
    if settings.leading == "contrastive":
        leading: Floats = layer.T @ _components(hidden @ layer.T, count)[0]
        return leading
    return _predictors(hidden, images, count) if images is not None else np.empty((len(layer.T), 0))


def _predictors(hidden: Floats, images: Floats, count: int) -> Floats:
    """Directions (H, count) that linearly predict most of the variance of image features.

    Reduced-rank regression (Izenman 1975, Journal of Multivariate Analysis 5): the principal
    components of what a ridge regression of the features on the hidden layer predicts. Features
    are scaled to norm 1 at every place, as in the contrastive loss: those of bare ground and ice,
    which are extreme, would lead alone.
    """
    looks = images - images.mean(0)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True).clip(1e-12)
    gram = hidden.T @ hidden
    ridge = PREDICTION_RIDGE * np.trace(gram) / len(gram)
    response = hidden.T @ (looks - looks.mean(0))
    coefficients = np.linalg.solve(gram + ridge * np.eye(len(gram)), response)
    return coefficients @ _components(hidden @ coefficients, count)[0]


def _components(values: Floats, count: int) -> tuple[Floats, Floats]:
    """Principal axes (D, at most count), largest variance first, and the variances."""
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(values.T)))
    keep = slice(None, -count - 1, -1)
    return axes[:, keep], variances[keep]


def _of_variance(directions: Floats, values: Floats, total: float) -> Floats:
    """Directions scaled so that the variances of their values add up to `total`."""
    scaled: Floats = directions * np.sqrt(total / max(values.var(0).sum(), 1e-12))
    return scaled


def layer_names(layer: str) -> tuple[str, str]:
    """Names of the weight and the bias of a layer; "" is that of the network itself."""
    prefix = f"{layer}." if layer else ""
    return f"{prefix}weight", f"{prefix}bias"


def postprocess(
    weights: Weights, embeddings: Floats, settings: ExportSettings, layer: str = "last_layer"
) -> dict[str, NDArray[Any]]:
    """Fold an affine map of the embedding into the last layer.

    Args:
        weights: of a network that ends with an affine layer.
        embeddings: (N, dim) of places uniform over land, for mean and covariance.
        settings: `centre` takes the mean away; `standardise` also divides by the deviations;
            `whiten` multiplies by the inverse root of the covariance, drawn towards a multiple
            of the identity by `shrinkage` (ZCA: as near as possible to the embedding itself).
        layer: name of that layer; without a bias it gets one.

    Returns:
        Weights of the network whose embeddings are mapped so.
    """
    out = {key: np.array(value, np.float64) for key, value in weights.items()}
    mean, covariance = embeddings.mean(0), np.atleast_2d(np.cov(embeddings.T))
    if settings.postprocess == "whiten":
        values, axes = np.linalg.eigh(covariance)
        # Without shrinkage, directions that hold nothing but rounding would be blown up.
        floor = values.max() * len(values) * np.finfo(np.float32).eps
        values = (1 - settings.shrinkage) * values.clip(floor) + settings.shrinkage * values.mean()
        matrix = (axes / np.sqrt(values)) @ axes.T
    elif settings.postprocess == "standardise":
        matrix = np.diag(1 / np.sqrt(np.diag(covariance).clip(1e-12)))
    else:
        matrix = np.eye(len(mean))
    weight, bias = layer_names(layer)
    out[weight] = matrix @ out[weight]
    out[bias] = matrix @ (out.get(bias, 0.0) - mean)
    return out


def rotated(weights: Weights, seed: int, layer: str = "last_layer") -> dict[str, NDArray[Any]]:
    """Turn the embedding by a random rotation: similarities stay, variance is spread evenly.

    Components of very unequal variance quantise badly, and a probe that standardises every
    dimension would blow the smallest up.
    """
    out = {key: np.array(value, np.float64) for key, value in weights.items()}
    weight, bias = layer_names(layer)
    dim = len(out[weight])
    rotation = np.linalg.qr(np.random.RandomState(seed).randn(dim, dim))[0].T
    out[weight] = rotation @ out[weight]
    if bias in out:
        out[bias] = rotation @ out[bias]
    return out
