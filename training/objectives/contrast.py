"""The contrastive objectives, exact for any batch in bounded memory.

The similarity matrix of N images and N locations is never held: `rows` of it at a time are
multiplied out, once for the value and once more for the gradients, which are computed along
with the value. Everything runs in float32 at least, whatever the precision of the networks.

With several processes each holds the images and locations of its own rows of the batch. It
gathers all locations, works on its rows of the matrix, and the value is that of the whole
batch. Gradients are multiplied by the number of processes, so that the mean over processes, as
DistributedDataParallel takes it, is the gradient that one process would have computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..distributed import ALONE, Group

LARGEST_LOG_SCALE = math.log(100.0)
"""Radford et al. 2021: the logits are never scaled by more than 100."""
SIGLIP_BIAS = -10.0
"""Zhai et al. 2023, section 3.2: where the bias starts, for mostly negative pairs."""
ROOM = 60.0
"""Exponents in ±60 leave room in float32 (±87) for sums over millions of pairs."""
LEAST_SUM = math.exp(-50.0)
"""A smaller sum may have lost terms to underflow: then maxima are subtracted instead."""
LINEAR = 40.0
"""ln(1 + e^z) is z beyond this, in float64 too."""

Gradients = tuple[torch.Tensor, ...]
Solve = Callable[..., tuple[torch.Tensor, Gradients]]


def clip_loss(
    images: torch.Tensor,
    locations: torch.Tensor,
    log_scale: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
    *,
    rows: int = 0,
    group: Group = ALONE,
) -> torch.Tensor:
    """CLIP loss of matching rows (Radford et al. 2021; SatCLIP, Klemmer et al. 2025, eq. 1).

    Both sides are L2-normalised; logits = exp(s) <image_i, location_j>; the loss is half the sum
    of the cross-entropies of rows and of columns, the diagonal being right.

    Args:
        images: (N, dim); with several processes, this one's rows of the batch.
        locations: (N, dim), row i belongs to row i of `images`.
        log_scale: s, a scalar, clamped from above at `largest`.
        largest: highest s; ln 100 as in CLIP.
        rows: similarity rows held at a time; 0 for all.
        group: the processes that share the batch, all with equally many rows.

    Returns:
        The scalar loss of the whole batch; ln N is chance.
    """
    sides = _sides(images, locations, group)
    scale = log_scale.clamp(max=largest).exp().to(sides[0].dtype)
    return _solved(partial(_solve_clip, rows=rows, group=group), *sides, scale)


def weighted_clip_loss(
    images: torch.Tensor,
    locations: torch.Tensor,
    log_scale: torch.Tensor,
    weights: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
    *,
    rows: int = 0,
    group: Group = ALONE,
) -> torch.Tensor:
    """CLIP's loss with a weight for each pair, among the pairs that have one.

    The sum over i of w_i times half the cross-entropies of row i and of column i. Pairs of weight 0
    are not there: they are no candidates of others either. With w = 1 / N it is `clip_loss`.

    Args:
        images: (n, dim) unit rows, this process's of the batch.
        locations: (N, dim) unit rows, those of all processes (`Group.gathered`).
        log_scale: s, a scalar, clamped from above at `largest`.
        weights: (N,) not negative, those of all processes.
        largest: highest s.
        rows: similarity rows held at a time; 0 for all.
        group: the processes that share the batch, all with equally many rows.

    Returns:
        The scalar loss of the whole batch.
    """
    there, own = weights > 0, group.rows(len(weights))
    # Compressed: this process's pairs that are there still stand together among everybody's.
    images, locations = images[there[own]], locations[there]
    solve = partial(
        _solve_clip,
        rows=rows,
        group=group,
        weights=weights[there].to(images.dtype),
        first=int(there[: own.start].sum()),
    )
    scale = log_scale.clamp(max=largest).exp().to(images.dtype)
    return _solved(solve, images, locations, scale)


def one_way_loss(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    log_scale: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
    *,
    rows: int = 0,
    group: Group = ALONE,
) -> torch.Tensor:
    """Cross-entropy of each query among all candidates (InfoNCE; SatCLE, WWW 2025, eq. 7).

    Both sides are L2-normalised; the loss is the mean over i of
    -ln(exp(z_ii) / sum_j exp(z_ij)), z_ij = exp(s) <query_i, candidate_j>.

    Args:
        queries: (N, dim); with several processes, this one's rows of the batch.
        candidates: (N, dim), row i belongs to row i of `queries`.
        log_scale: s, a scalar, clamped from above at `largest`.
        largest: highest s.
        rows: similarity rows held at a time; 0 for all.
        group: the processes that share the batch, all with equally many rows.

    Returns:
        The scalar loss of the whole batch; ln N is chance.
    """
    sides = _sides(queries, candidates, group)
    scale = log_scale.clamp(max=largest).exp().to(sides[0].dtype)
    return _solved(partial(_solve_one_way, rows=rows, group=group), *sides, scale)


def siglip_loss(
    images: torch.Tensor,
    locations: torch.Tensor,
    log_scale: torch.Tensor,
    bias: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
    *,
    rows: int = 0,
    group: Group = ALONE,
) -> torch.Tensor:
    """Pairwise sigmoid loss of matching rows (SigLIP, Zhai et al. 2023, eq. 1).

    Both sides are L2-normalised; the loss is the sum over all pairs of
    ln(1 + exp(-z_ij (exp(s) <image_i, location_j> + b))), divided by N; z is 1 for the pairs that
    match and -1 for all others.

    Args:
        images: (N, dim); with several processes, this one's rows of the batch.
        locations: (N, dim), row i belongs to row i of `images`.
        log_scale: s, a scalar, clamped from above at `largest`; the paper's t'.
        bias: b, a scalar; the paper starts it at `SIGLIP_BIAS`.
        largest: highest s.
        rows: similarity rows held at a time; 0 for all.
        group: the processes that share the batch, all with equally many rows.

    Returns:
        The scalar loss of the whole batch.
    """
    sides = _sides(images, locations, group)
    scale = log_scale.clamp(max=largest).exp().to(sides[0].dtype)
    solve = partial(_solve_siglip, rows=rows, group=group)
    return _solved(solve, *sides, scale, bias.to(sides[0].dtype))


def _sides(
    images: torch.Tensor, locations: torch.Tensor, group: Group
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit rows in float32 or wider: this process's images, everybody's locations."""
    exact = torch.promote_types(images.dtype, torch.float32)
    images = functional.normalize(images.to(exact), dim=-1)
    locations = functional.normalize(locations.to(exact), dim=-1)
    return images, group.gathered(locations)


def _solved(solve: Solve, *inputs: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _Solved.apply(solve, *inputs)  # type: ignore[no-untyped-call]
    return result


class _Solved(torch.autograd.Function):
    """A scalar whose gradients are computed along with it, where any are wanted."""

    @staticmethod
    def forward(ctx: Any, solve: Solve, *inputs: torch.Tensor) -> torch.Tensor:
        wanted = any(ctx.needs_input_grad)
        with torch.autocast(inputs[0].device.type, enabled=False):
            value, gradients = solve(*inputs, wanted=wanted)
        ctx.save_for_backward(*gradients)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (None, *(upstream * gradient for gradient in ctx.saved_tensors))


class _Blocks:
    """This process's rows of the logits, a block at a time in one buffer, and what they lead to.

    Args:
        images: (n, dim) unit rows, those from `group.rank * n` on of the batch.
        locations: (N, dim) unit rows.
        scale: factor on the similarities.
        rows: of a block; 0 for all.
        weights: (N,) of pairs; all count the same where None.
        first: number of the first image in the batch, where processes have not equally many.
    """

    def __init__(
        self,
        images: torch.Tensor,
        locations: torch.Tensor,
        scale: float,
        rows: int,
        group: Group,
        weights: torch.Tensor | None = None,
        first: int | None = None,
    ) -> None:
        self.images, self.locations, self.scale, self.group = images, locations, scale, group
        self.first = group.rank * len(images) if first is None else first
        self.total, self.weights = len(locations), weights
        self.size = max(1, min(rows or len(images), len(images)))
        self.buffer = images.new_empty(self.size, self.total)

    def __iter__(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Slices of the rows, and their logits; the next block overwrites them."""
        for start in range(0, len(self.images), self.size):
            part = self.images[start : start + self.size]
            rows = slice(start, start + len(part))
            out = self.buffer[: len(part)]
            yield rows, torch.mm(part * self.scale, self.locations.T, out=out)

    def diagonal(self, rows: slice, block: torch.Tensor) -> torch.Tensor:
        """The entries of matching pairs, as a view."""
        return block.diagonal(self.first + rows.start)[: len(block)]

    @property
    def own(self) -> slice:
        """The rows of this process among all."""
        return slice(self.first, self.first + len(self.images))

    def matching(self) -> torch.Tensor:
        """Logits (n,) of the matching pairs."""
        return (self.images * self.locations[self.own]).sum(1) * self.scale

    def own_weights(self, rows: slice | None = None) -> torch.Tensor | float:
        """Weights of this process's pairs, or of some of them; 1 where all count the same."""
        if self.weights is None:
            return 1.0
        own = self.weights[self.own]
        return own if rows is None else own[rows]

    def gradients(
        self, by_logits: Iterator[tuple[slice, torch.Tensor]], divisor: float
    ) -> Gradients:
        """Gradients of images, locations and scale from those of the logits, times `divisor`."""
        images, locations = torch.empty_like(self.images), torch.zeros_like(self.locations)
        for rows, block in by_logits:
            torch.mm(block, self.locations, out=images[rows])
            locations.addmm_(block.T, self.images[rows])
        factor = self.group.size / divisor
        scale = (images * self.images).sum() * factor
        return images.mul_(self.scale * factor), locations.mul_(self.scale * factor), scale


def _solve_clip(
    images: torch.Tensor,
    locations: torch.Tensor,
    scale: torch.Tensor,
    *,
    wanted: bool,
    rows: int,
    group: Group,
    weights: torch.Tensor | None = None,
    first: int | None = None,
) -> tuple[torch.Tensor, Gradients]:
    blocks = _Blocks(images, locations, float(scale), rows, group, weights, first)
    softmaxes: _ShiftedSoftmaxes | _CarefulSoftmaxes = _ShiftedSoftmaxes(blocks)
    if not softmaxes.sound:
        softmaxes = _CarefulSoftmaxes(blocks)
    divisor = 2 if weights is not None else 2 * blocks.total
    each = softmaxes.row_logs + softmaxes.column_logs[blocks.own] - 2 * blocks.matching()
    loss = group.sum((each * blocks.own_weights()).sum()) / divisor
    if not wanted:
        return loss, ()
    return loss, blocks.gradients(softmaxes.gradients(), divisor)


def _solve_one_way(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    scale: torch.Tensor,
    *,
    wanted: bool,
    rows: int,
    group: Group,
) -> tuple[torch.Tensor, Gradients]:
    blocks = _Blocks(queries, candidates, float(scale), rows, group)
    logs = torch.cat([block.logsumexp(1) for _, block in blocks])
    loss = group.sum((logs - blocks.matching()).sum()) / blocks.total
    if not wanted:
        return loss, ()

    def softmaxes() -> Iterator[tuple[slice, torch.Tensor]]:
        for part, block in blocks:
            block.sub_(logs[part, None]).exp_()
            blocks.diagonal(part, block).sub_(1)
            yield part, block

    return loss, blocks.gradients(softmaxes(), blocks.total)


class _ShiftedSoftmaxes:
    """Softmaxes of rows and of columns from one exponential of each logit.

    Logits of unit rows are no larger than the scale, so one shift serves all of them. `sound` is
    false where a sum came so close to underflow that terms may be missing.
    """

    def __init__(self, blocks: _Blocks) -> None:
        self.blocks, self.shift = blocks, max(0.0, blocks.scale - ROOM)
        self.rows = blocks.images.new_empty(len(blocks.images))
        self.columns = blocks.images.new_zeros(blocks.total)
        for rows, block in self._exponentials():
            torch.sum(block, 1, out=self.rows[rows])
            self.columns += block.sum(0)
        self.columns = blocks.group.sum(self.columns)
        self.row_logs = self.rows.log() + self.shift
        self.column_logs = self.columns.log() + self.shift
        least = blocks.group.least(torch.cat([self.rows, self.columns]).min())
        # The scale alone cannot make sums too large: e^60 of them stay finite for e^28 columns.
        self.sound = not bool(least < LEAST_SUM)

    def _exponentials(self) -> Iterator[tuple[slice, torch.Tensor]]:
        for rows, block in self.blocks:
            yield rows, (block.sub_(self.shift) if self.shift else block).exp_()

    def gradients(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Both softmaxes less 1 each where pairs match, block by block."""
        by_row, by_column = self.rows.reciprocal(), self.columns.reciprocal()
        if self.blocks.weights is not None:
            by_row, by_column = by_row * self.blocks.own_weights(), by_column * self.blocks.weights
        both = torch.empty_like(self.blocks.buffer)
        for rows, block in self._exponentials():
            weights = torch.add(by_row[rows, None], by_column, out=both[: len(block)])
            block.mul_(weights)
            self.blocks.diagonal(rows, block).sub_(2 * self.blocks.own_weights(rows))
            yield rows, block


class _CarefulSoftmaxes:
    """Softmaxes of rows and of columns with maxima subtracted, for logits of any range."""

    sound = True

    def __init__(self, blocks: _Blocks) -> None:
        self.blocks = blocks
        self.row_logs = blocks.images.new_empty(len(blocks.images))
        columns = blocks.images.new_full((blocks.total,), -math.inf)
        for rows, block in blocks:
            self.row_logs[rows] = block.logsumexp(1)
            columns = torch.logaddexp(columns, block.logsumexp(0))
        highest = -blocks.group.least(-columns)
        self.column_logs = blocks.group.sum((columns - highest).exp()).log() + highest

    def gradients(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Both softmaxes less 1 each where pairs match, block by block."""
        weights = self.blocks.weights
        for rows, block in self.blocks:
            by_row = (block - self.row_logs[rows, None]).exp_()
            block.sub_(self.column_logs).exp_()
            own = self.blocks.own_weights(rows)
            if isinstance(own, torch.Tensor) and weights is not None:
                by_row.mul_(own[:, None])
                block.mul_(weights)
            block.add_(by_row)
            self.blocks.diagonal(rows, block).sub_(2 * own)
            yield rows, block


def _solve_siglip(
    images: torch.Tensor,
    locations: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    *,
    wanted: bool,
    rows: int,
    group: Group,
) -> tuple[torch.Tensor, Gradients]:
    blocks = _Blocks(images, locations, float(scale), rows, group)
    losses: list[torch.Tensor] = []
    by_bias: list[torch.Tensor] = []

    def by_logits() -> Iterator[tuple[slice, torch.Tensor]]:
        for own, block in blocks:
            diagonal = blocks.diagonal(own, block.add_(bias))
            diagonal.neg_()
            losses.append(functional.softplus(block, threshold=LINEAR).sum())
            if wanted:
                block.sigmoid_()
                diagonal.neg_()
                by_bias.append(block.sum())
            yield own, block

    gradients: Gradients = ()
    if wanted:
        gradients = blocks.gradients(by_logits(), blocks.total)
        gradients = (*gradients, torch.stack(by_bias).sum() * (group.size / blocks.total))
    else:
        for _ in by_logits():
            pass
    return group.sum(torch.stack(losses).sum()) / blocks.total, gradients
