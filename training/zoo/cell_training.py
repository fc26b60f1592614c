"""One run of the zoo: features once, full-batch tensors, Adam, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.encoder.encodings import ENCODINGS, encoding_dim
from satclip_core.types import Floats

from .cell_settings import CellSettings
from .network import TWICE, Weights, initial_weights, outputs

Report = Callable[[int, float], None]
"""(epoch, validation loss) after each epoch; may raise to stop."""

BANDS = 9
"""Equal steps of latitude, 20 degrees each, as published."""

# Points that are encoded and predicted together: 8,192 x 1,024 float64 features take 67 MB.
_CHUNK = 8192


@dataclass(frozen=True)
class Split:
    """Places (N, 2) degrees and what is known of them (N,): 0 or 1, a class, or a number."""

    lonlat: Floats
    target: Floats

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Problem:
    """What is learnt: `binary` (one logit), `classes` (a logit each) or `numbers` (one output)."""

    name: str
    kind: str
    dim_out: int
    train: Split
    validation: Split
    test: Split


@dataclass(frozen=True)
class Budget:
    """How long and how precisely a run trains; the published settings of the land-ocean task."""

    epochs: int = 500
    patience: int = 30
    batch_size: int = 2000
    dtype: str = "float64"


@dataclass(frozen=True)
class Fitted:
    """A trained cell, with the weights of its last epoch (as published), not of its best."""

    encoding: str
    network: str
    settings: CellSettings
    weights: Weights
    epochs: int
    validation_loss: float
    seconds: float


def fit(
    problem: Problem,
    encoding: str,
    network: str,
    settings: CellSettings,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    report: Report | None = None,
) -> Fitted:
    """Train one cell on `problem` with one seed.

    Adam with coupled L2 (Rußwurm et al., published code); stops when the validation loss has not
    improved for `budget.patience` epochs, or is no number.
    """
    budget = budget or Budget()
    started = time.perf_counter()
    dtype = getattr(torch, budget.dtype)
    train = _tensors(problem, problem.train, encoding, settings, dtype)
    x, y = _tensors(problem, problem.validation, encoding, settings, dtype)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = _start(problem, encoding, network, settings, dtype)
        optimizer = torch.optim.Adam(
            list(weights.values()), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        best, since, epoch, loss = math.inf, 0, 0, math.inf
        for epoch in range(1, budget.epochs + 1):
            _pass(problem, network, weights, train, optimizer, budget.batch_size)
            with torch.no_grad():
                loss = float(_loss(problem, outputs(network, weights, x), y))
            if report is not None:
                report(epoch, loss)
            since = 0 if loss < best else since + 1
            best = min(best, loss)
            if since >= budget.patience or not math.isfinite(loss):
                break
    weights = {name: value.detach() for name, value in weights.items()}
    seconds = time.perf_counter() - started
    return Fitted(encoding, network, settings, weights, epoch, loss, seconds)


def _start(
    problem: Problem, encoding: str, network: str, settings: CellSettings, dtype: torch.dtype
) -> Weights:
    weights = initial_weights(
        network,
        encoding_dim(encoding, settings.encoding),
        problem.dim_out,
        dim_hidden=settings.dim_hidden,
        num_layers=settings.num_layers,
    )
    return {name: w.detach().to(dtype).requires_grad_() for name, w in weights.items()}


def _pass(
    problem: Problem,
    network: str,
    weights: Weights,
    train: tuple[torch.Tensor, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    batch_size: int,
) -> None:
    """Train on every place once, in random batches."""
    x, y = train
    for rows in torch.randperm(len(y)).split(batch_size):
        optimizer.zero_grad()
        _loss(problem, outputs(network, weights, x[rows], training=True), y[rows]).backward()
        optimizer.step()


def _tensors(
    problem: Problem, split: Split, encoding: str, settings: CellSettings, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    features = encode(split.lonlat, encoding, settings).to(dtype)
    target = torch.from_numpy(np.asarray(split.target, np.float64))
    return features, target.long() if problem.kind == "classes" else target.to(dtype)


def encode(lonlat: Floats, encoding: str, settings: CellSettings) -> torch.Tensor:
    """Features of places, in float64: (N, 2) degrees -> (N, features), twins left out."""
    places = torch.from_numpy(np.ascontiguousarray(lonlat, np.float64))
    features: torch.Tensor = ENCODINGS[encoding](places, settings.encoding, torch)
    return features[:, ::2].contiguous() if encoding in TWICE else features.contiguous()


def _loss(problem: Problem, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if problem.kind == "classes":
        return torch.nn.functional.cross_entropy(predicted, target)
    if problem.kind == "binary":
        return torch.nn.functional.binary_cross_entropy_with_logits(predicted[:, 0], target)
    return torch.nn.functional.mse_loss(predicted[:, 0], target)


def predict(fitted: Fitted, lonlat: Floats) -> Floats:
    """Outputs (logits or numbers) at places: (N, 2) degrees -> (N, dim_out) float64."""
    dtype = next(iter(fitted.weights.values())).dtype
    parts = []
    with torch.no_grad():
        for start in range(0, len(lonlat), _CHUNK):
            part = lonlat[start : start + _CHUNK]
            features = encode(part, fitted.encoding, fitted.settings).to(dtype)
            parts.append(outputs(fitted.network, fitted.weights, features).double())
    return torch.cat(parts).numpy()


def grade(problem: Problem, predicted: Floats, split: Split) -> float:
    """Share of right answers, or R² for numbers."""
    if problem.kind == "classes":
        return float((predicted.argmax(1) == split.target).mean())
    if problem.kind == "binary":
        return float(((predicted[:, 0] > 0) == (split.target > 0.5)).mean())
    rest = ((predicted[:, 0] - split.target) ** 2).sum()
    return float(1 - rest / ((split.target - split.target.mean()) ** 2).sum())


def band_edges(bands: int = BANDS) -> Floats:
    """Edges of the latitude bands, south to north: (bands + 1,) degrees."""
    return np.linspace(-90, 90, bands + 1)


def band_accuracy(predicted: NDArray[np.floating], split: Split, bands: int = BANDS) -> Floats:
    """Share of right classes in each latitude band, south to north: (bands,); NaN where empty.

    Args:
        predicted: (N, classes) logits.
        split: the places and their classes.
        bands: number of bands.
    """
    right = (predicted.argmax(1) == split.target).astype(float)
    edges = band_edges(bands)
    total, _ = np.histogram(split.lonlat[:, 1], edges)
    hits, _ = np.histogram(split.lonlat[:, 1], edges, weights=right)
    shares: Floats = np.divide(hits, total, out=np.full(bands, np.nan), where=total > 0)
    return shares
