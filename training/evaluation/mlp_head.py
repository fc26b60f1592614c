"""A small network on frozen embeddings, as SatCLE's downstream tasks are scored with one.

The notebook of its release (predict_population_satcle.ipynb) has three hidden layers of 64 ReLUs,
the second and third of which are one and the same layer applied twice, Adam at 0.001 over all
samples at once, at most 50,000 steps, and ends 100 steps after the lowest training loss. Here the
validation part decides instead of the training loss, and the weights are those of its best step.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional

from satclip_core.types import Integers


@dataclass(frozen=True)
class HeadSettings:
    """The network and how it is fitted; defaults are the published ones.

    Attributes:
        hidden: width of its layers.
        repeats: how often the second layer is applied.
        rate: of Adam.
        steps: at most.
        patience: steps without a lower validation loss that end it.
    """

    hidden: int = 64
    repeats: int = 2
    rate: float = 1e-3
    steps: int = 50_000
    patience: int = 100


class MlpHead(nn.Module):
    """Linear, ReLU, then one layer with ReLU applied several times, then linear.

    Args:
        width: of a row of embeddings.
        outputs: numbers for each.
        settings: sizes.
    """

    def __init__(self, width: int, outputs: int, settings: HeadSettings) -> None:
        super().__init__()
        self.repeats = settings.repeats
        self.first = nn.Linear(width, settings.hidden)
        self.again = nn.Linear(settings.hidden, settings.hidden)
        self.last = nn.Linear(settings.hidden, outputs)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(N, width) -> (N, outputs)."""
        hidden = self.first(rows).relu()
        for _ in range(self.repeats):
            hidden = self.again(hidden).relu()
        result: torch.Tensor = self.last(hidden)
        return result


@dataclass(frozen=True)
class Parts:
    """Numbers of the samples that are fitted to, chosen by and tested on."""

    training: Integers
    validation: Integers
    test: Integers


def predicted(
    embeddings: ArrayLike,
    target: NDArray[Any],
    parts: Parts,
    settings: HeadSettings,
    *,
    classes: bool,
    seed: int,
) -> NDArray[Any]:
    """What a head says of all samples after it was fitted to those of training.

    Embeddings are divided by one number, the root of their mean square in training: models differ
    in the length of their embeddings, and Adam's rate is one.

    Args:
        embeddings: (N, width).
        target: (N,) numbers, of mean 0 and deviation 1, or class codes.
        parts: of the samples.
        settings: of the head.
        classes: fit logits of classes by cross-entropy, instead of numbers by squared error.
        seed: of the initial weights.

    Returns:
        (N,) numbers, or the most likely class codes.
    """
    rows = torch.from_numpy(np.asarray(embeddings, np.float32))
    rows = rows / rows[parts.training].square().mean().sqrt().clamp_min(1e-12)
    codes, wanted = _wanted(target, classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = MlpHead(rows.shape[1], len(codes) if classes else 1, settings)
    _fit(head, rows, wanted, parts, settings, classes)
    with torch.no_grad():
        said = head(rows)
    if classes:
        named: NDArray[Any] = codes[said.argmax(1).numpy()]
        return named
    numbers: NDArray[Any] = said[:, 0].numpy()
    return numbers


def _wanted(target: NDArray[Any], classes: bool) -> tuple[NDArray[Any], torch.Tensor]:
    """Codes of the classes and the number of each sample's; of numbers, the target as it is."""
    if not classes:
        return np.empty(0), torch.from_numpy(target.astype(np.float32))
    codes, numbers = np.unique(target, return_inverse=True)
    return codes, torch.from_numpy(numbers.reshape(-1).astype(np.int64))


def _fit(
    head: MlpHead,
    rows: torch.Tensor,
    wanted: torch.Tensor,
    parts: Parts,
    settings: HeadSettings,
    classes: bool,
) -> None:
    """Fit a head and leave it with the weights of its lowest validation loss."""

    def loss(part: Integers) -> torch.Tensor:
        said = head(given[id(part)][0])
        right = given[id(part)][1]
        if classes:
            return functional.cross_entropy(said, right)
        return functional.mse_loss(said[:, 0], right)

    given = {id(p): (rows[p], wanted[p]) for p in (parts.training, parts.validation)}
    optimizer = torch.optim.Adam(head.parameters(), lr=settings.rate)
    best, waited, kept = math.inf, 0, copy.deepcopy(head.state_dict())
    for _ in range(settings.steps):
        optimizer.zero_grad()
        loss(parts.training).backward()
        optimizer.step()
        with torch.no_grad():
            value = float(loss(parts.validation))
        waited += 1
        if value < best:
            best, waited = value, 0
            kept = {key: tensor.clone() for key, tensor in head.state_dict().items()}
        if waited >= settings.patience:
            break
    head.load_state_dict(kept)
