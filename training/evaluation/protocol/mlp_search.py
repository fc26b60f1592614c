"""Small networks on frozen embeddings, many at once: random search, then several runs.

SatCLIP's downstream protocol (Klemmer et al. 2025, section 4): a frozen embedding, an MLP, squared
error or cross-entropy, learning rate, layers and width chosen on a validation set at random.
Networks of one shape are one batched computation, each with its own rate, decay, dropout, samples
and early stopping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..mlp_head import Parts

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
EACH, WHOLE = "each", "whole"
# Steps between looks at the validation part.
_LOOK = 10


@dataclass(frozen=True)
class MlpSettings:
    """One network and how it is fitted.

    Attributes:
        layers: hidden ones, of ReLUs.
        width: of each.
        rate: of Adam at first; it falls to 0 with the steps, by a cosine.
        decay: of the weights, decoupled (AdamW).
        dropout: share of hidden numbers left out while fitting.
        scaling: embeddings have mean 0, and deviation 1 in `each` dimension, or as a `whole`: then
            what varies little stays little.
    """

    layers: int
    width: int
    rate: float
    decay: float
    dropout: float
    scaling: str


@dataclass(frozen=True)
class SearchSpace:
    """Where settings are drawn from: each number of a tuple alike, ranges by their logarithm.

    Attributes:
        layers: numbers of hidden layers.
        widths: of them.
        rates: least and largest.
        decays: least and largest.
        dropouts: shares.
        scalings: of the embeddings.
    """

    layers: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = (32, 64)
    rates: tuple[float, float] = (1e-3, 2e-2)
    decays: tuple[float, float] = (1e-5, 1e-1)
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.3)
    scalings: tuple[str, ...] = (EACH, WHOLE)

    def draw(self, rng: np.random.Generator) -> MlpSettings:
        """One of them."""
        return MlpSettings(
            int(rng.choice(self.layers)),
            int(rng.choice(self.widths)),
            float(np.exp(rng.uniform(*np.log(self.rates)))),
            float(np.exp(rng.uniform(*np.log(self.decays)))),
            float(rng.choice(self.dropouts)),
            str(rng.choice(self.scalings)),
        )


@dataclass(frozen=True)
class SearchPlan:
    """How much is tried.

    Attributes:
        space: where settings are drawn from.
        trials: settings tried on the first run's validation part.
        steps: of a network at most.
        batch: samples of a step, drawn at random.
        patience: steps without a lower validation loss that end it.
        pruning: steps after which the worse half of the trials is given up.
        seed: of the draw.
    """

    space: SearchSpace = field(default_factory=SearchSpace)
    trials: int = 6
    steps: int = 240
    batch: int = 256
    patience: int = 60
    pruning: int = 60
    seed: int = 0


@dataclass(frozen=True)
class Member:
    """One network of a batch: which run's samples it sees, its settings, its first weights."""

    run: int
    settings: MlpSettings
    seed: int


class Runs:
    """The samples of several runs: embeddings scaled by each one's training part.

    Args:
        embeddings: (N, width).
        target: (N,) numbers, or class codes 0..k-1.
        runs: parts of the samples.
        classes: whether it is classes.
    """

    def __init__(
        self,
        embeddings: ArrayLike,
        target: NDArray[Any],
        runs: Sequence[Parts],
        *,
        classes: bool,
    ) -> None:
        values = np.asarray(embeddings, np.float32)
        self.classes, self.runs = classes, runs
        self.outputs = int(target.max()) + 1 if classes else 1
        self._values, self._target = values, target
        self._offsets, self._units = [], []
        self._scales: list[dict[str, NDArray[Any]]] = []
        for one in runs:
            part = values[one.training].astype(np.float64)
            self._offsets.append(part.mean(0).astype(np.float32))
            deviation = part.std(0)
            # What does not vary in training says nothing elsewhere.
            each = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0)
            whole = (deviation > 1e-9) / max(float(np.sqrt((deviation**2).mean())), 1e-12)
            both = {EACH: each.astype(np.float32), WHOLE: whole.astype(np.float32)}
            self._scales.append(both)
            own = target[one.training].astype(np.float64)
            self._units.append((0.0, 1.0) if classes else (own.mean(), max(own.std(), 1e-12)))

    def rows(self, member: Member, part: Any) -> torch.Tensor:
        """(n, width) scaled embeddings."""
        scale = self._scales[member.run][member.settings.scaling]
        return torch.from_numpy((self._values[part] - self._offsets[member.run]) * scale)

    def wanted(self, run: int, part: Any) -> torch.Tensor:
        """(n,) standardised numbers, or codes."""
        own = self._target[part]
        if self.classes:
            return torch.from_numpy(own.astype(np.int64))
        mean, deviation = self._units[run]
        return torch.from_numpy(((own - mean) / deviation).astype(np.float32))

    def named(self, run: int, outputs: torch.Tensor) -> NDArray[Any]:
        """Outputs (n, k) in the target's own terms, (n,)."""
        if self.classes:
            codes: NDArray[Any] = outputs.argmax(1).numpy()
            return codes
        mean, deviation = self._units[run]
        return np.asarray(outputs[:, 0].double().numpy() * deviation + mean)


def search(runs: Runs, plan: SearchPlan) -> MlpSettings:
    """The settings with the lowest validation loss on the first run, of those drawn."""
    rng = np.random.default_rng([plan.seed, 17])
    members = [Member(0, plan.space.draw(rng), plan.seed) for _ in range(plan.trials)]
    fitted = fit_many(runs, members, plan, prune=True)
    return members[min(range(len(members)), key=lambda index: fitted[index][0])].settings


def final_predictions(
    runs: Runs, settings: MlpSettings, plan: SearchPlan, seeds: Sequence[int]
) -> list[NDArray[Any]]:
    """What a network of these settings says of all samples, fitted anew for each run: (N,) each."""
    members = [Member(run, settings, seed) for run, seed in enumerate(seeds)]
    fitted = fit_many(runs, members, plan)
    return [
        runs.named(member.run, _outputs(weights, runs.rows(member, slice(None))))
        for member, (_, weights) in zip(members, fitted)
    ]


Layers = list[torch.Tensor]
Fitted = tuple[float, Layers]


def fit_many(
    runs: Runs, members: Sequence[Member], plan: SearchPlan, *, prune: bool = False
) -> list[Fitted]:
    """Fit networks, those of one shape together.

    Args:
        runs: the samples.
        members: the networks.
        plan: steps and patience.
        prune: give up the worse half after `plan.pruning` steps.

    Returns:
        For each the lowest validation loss and the weights at which it was reached: of each layer
        (in, out), then (1, out).
    """
    found: dict[int, Fitted] = {}
    shapes = sorted({(m.settings.layers, m.settings.width) for m in members})
    batches = []
    for shape in shapes:
        own = [
            index
            for index, member in enumerate(members)
            if (member.settings.layers, member.settings.width) == shape
        ]
        batches.append(_Batch(runs, [members[index] for index in own], own, plan))
    looks = math.ceil(plan.pruning / _LOOK) if prune else 0
    for batch in batches:
        batch.go(looks or math.ceil(plan.steps / _LOOK), plan.patience)
    if prune:
        losses = sorted(float(loss) for batch in batches for loss in batch.best.values())
        limit = losses[max((len(losses) + 1) // 2 - 1, 0)]
        for batch in batches:
            batch.drop(limit)
            batch.go(math.ceil(plan.steps / _LOOK) - looks, plan.patience)
    for batch in batches:
        for index, loss in batch.best.items():
            found[index] = (loss, batch.kept[index])
    return [found[index] for index in range(len(members))]


class _Batch:
    """Networks of one shape, fitted side by side.

    Args:
        runs: the samples.
        members: the networks.
        names: a number for each, by which `best` and `kept` have it.
        plan: steps, and samples of each.
    """

    def __init__(
        self, runs: Runs, members: Sequence[Member], names: Sequence[int], plan: SearchPlan
    ) -> None:
        self._runs, self._members, self._names = runs, list(members), list(names)
        self._size, self._most = plan.batch, plan.steps
        self.best: dict[int, float] = dict.fromkeys(names, math.inf)
        self.kept: dict[int, Layers] = {}
        self._waited = dict.fromkeys(names, 0)
        self._train = self._stacked("training")
        self._check = self._stacked("validation")
        made = [self._start(member) for member in members]
        self._layers = [torch.stack(group).requires_grad_() for group in zip(*made)]
        self._first = [torch.zeros_like(layer) for layer in self._layers]
        self._second = [torch.zeros_like(layer) for layer in self._layers]
        self._steps = 0
        self._noise = torch.Generator().manual_seed(members[0].seed)

    def go(self, looks: int, patience: int) -> None:
        """Fit until each has waited long enough, or so many looks at validation."""
        for _ in range(looks):
            if not self._names:
                return
            for _ in range(_LOOK):
                self._step()
            self._look(patience)

    def drop(self, limit: float) -> None:
        """Give up networks whose best validation loss is above a limit."""
        self._keep([i for i, name in enumerate(self._names) if self.best[name] <= limit])

    def _stacked(self, part: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows (M, n, width), wanted (M, n), and the share of each sample in the loss (M, n)."""
        rows, wanted, shares = [], [], []
        longest = max(len(getattr(self._runs.runs[m.run], part)) for m in self._members)
        for member in self._members:
            own = getattr(self._runs.runs[member.run], part)
            room = longest - len(own)
            x, y = self._runs.rows(member, own), self._runs.wanted(member.run, own)
            rows.append(torch.nn.functional.pad(x, (0, 0, 0, room)))
            wanted.append(torch.nn.functional.pad(y, (0, room)))
            share = torch.full((len(own),), 1 / len(own))
            shares.append(torch.nn.functional.pad(share, (0, room)))
        return torch.stack(rows), torch.stack(wanted), torch.stack(shares)

    def _start(self, member: Member) -> Layers:
        """First weights: uniform within the root of 6 / inputs for layers before a ReLU (He)."""
        draw = torch.Generator().manual_seed(member.seed)
        sizes = [
            self._train[0].shape[2],
            *[member.settings.width] * member.settings.layers,
            self._runs.outputs,
        ]
        made = []
        for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            bound = math.sqrt((6 if index < len(sizes) - 2 else 3) / inputs)
            made.append((2 * torch.rand(inputs, outputs, generator=draw) - 1) * bound)
            made.append(torch.zeros(1, outputs))
        return made

    def _of_members(self, name: str) -> torch.Tensor:
        return torch.tensor([getattr(m.settings, name) for m in self._members])[:, None, None]

    def _loss(
        self, part: tuple[torch.Tensor, torch.Tensor, torch.Tensor], layers: Layers, drop: Any
    ) -> torch.Tensor:
        """(M,) losses."""
        rows, wanted, shares = part
        said = _forward(rows, layers, drop)
        if self._runs.classes:
            flat = torch.nn.functional.cross_entropy(
                said.flatten(0, 1), wanted.flatten(), reduction="none"
            ).view(wanted.shape)
        else:
            flat = (said[..., 0] - wanted).square()
        return (flat * shares).sum(1)

    def _step(self) -> None:
        self._steps += 1
        dropout = self._of_members("dropout")

        def drop(hidden: torch.Tensor) -> torch.Tensor:
            drawn = torch.rand(hidden.shape, generator=self._noise)
            return hidden * (drawn >= dropout) / (1 - dropout)

        loss = self._loss(self._drawn(), self._layers, drop if bool(dropout.any()) else None)
        gradients = torch.autograd.grad(loss.sum(), self._layers)
        rate, decay = self._of_members("rate"), self._of_members("decay")
        rate = rate * (0.5 + 0.5 * math.cos(math.pi * min(self._steps / self._most, 1)))
        one, two = (1 - beta**self._steps for beta in _BETAS)
        with torch.no_grad():
            for index, (layer, gradient) in enumerate(zip(self._layers, gradients)):
                first, second = self._first[index], self._second[index]
                first.lerp_(gradient, 1 - _BETAS[0])
                second.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
                change = (first / one) / ((second / two).sqrt_() + _EPSILON)
                if index % 2 == 0:  # biases do not decay
                    change += decay * layer
                layer -= rate * change

    def _drawn(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A part of each network's training samples, as `_stacked` has them."""
        rows, wanted, _ = self._train
        sizes = torch.tensor([len(self._runs.runs[m.run].training) for m in self._members])
        uniform = torch.rand((len(rows), self._size), generator=self._noise)
        index = (uniform * sizes[:, None]).long()
        some = [part.index_select(0, own) for part, own in zip(rows, index)]
        return torch.stack(some), wanted.gather(1, index), torch.full(index.shape, 1 / self._size)

    def _look(self, patience: int) -> None:
        with torch.no_grad():
            losses = self._loss(self._check, self._layers, None).tolist()
        going = []
        for index, (name, loss) in enumerate(zip(self._names, losses)):
            if loss < self.best[name] or name not in self.kept:
                self.best[name], self._waited[name] = loss, 0
                self.kept[name] = [layer[index].detach().clone() for layer in self._layers]
            else:
                self._waited[name] += _LOOK
            if self._waited[name] < patience and math.isfinite(loss):
                going.append(index)
        if len(going) < len(self._names):
            self._keep(going)

    def _keep(self, going: list[int]) -> None:
        """Go on with some of the networks only."""
        if len(going) == len(self._names):
            return
        self._names = [self._names[i] for i in going]
        self._members = [self._members[i] for i in going]
        which = torch.tensor(going, dtype=torch.int64)
        self._layers = [layer.detach()[which].requires_grad_() for layer in self._layers]
        self._first = [layer[which] for layer in self._first]
        self._second = [layer[which] for layer in self._second]
        self._train = (self._train[0][which], self._train[1][which], self._train[2][which])
        self._check = (self._check[0][which], self._check[1][which], self._check[2][which])


def _forward(rows: torch.Tensor, layers: Layers, drop: Any = None) -> torch.Tensor:
    """(M, n, width) by layers (M, in, out), (M, 1, out), … -> (M, n, k)."""
    hidden = rows
    for index in range(0, len(layers) - 2, 2):
        hidden = torch.baddbmm(layers[index + 1], hidden, layers[index]).relu()
        if drop is not None:
            hidden = drop(hidden)
    return torch.baddbmm(layers[-1], hidden, layers[-2])


def _outputs(layers: Layers, rows: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return _forward(rows[None], [layer[None] for layer in layers])[0]
