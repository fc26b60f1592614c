"""The processes of a run and what they exchange; a run of one process exchanges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed

from satclip_core.errors import SatclipError

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """One process among those of a run.

    Attributes:
        rank: its number among all.
        size: how many there are.
        local_rank: its number on its machine, which is that of its device.
        node: number of its machine.
        method: where they meet, as `torch.distributed.init_process_group` takes it.
    """

    rank: int
    size: int
    local_rank: int
    node: int
    method: str


@dataclass(frozen=True)
class Group:
    """The processes that share every batch, and which of them this is.

    Attributes:
        rank: number of this process; 0 writes files and lines.
        size: number of processes.
        waiting: a process group for waits of any length (features of a new cache, probes);
            None for the one that gradients go through.
        place: where this process is, where there are several.
    """

    rank: int = 0
    size: int = 1
    waiting: Any = None
    place: Place | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's files and lines."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """This process's rows of a batch of `count`, a multiple of `size`."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def least(self, tensor: torch.Tensor) -> torch.Tensor:
        """Smallest values over the processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor, distributed.ReduceOp.MIN)
        return tensor

    def gathered(self, tensor: torch.Tensor) -> torch.Tensor:
        """Rows of all processes in order, (n, dim) -> (size n, dim); gradients flow back."""
        if self.size == 1:
            return tensor
        result: torch.Tensor = _Gather.apply(tensor, self)  # type: ignore[no-untyped-call]
        return result

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        if self.size == 1:
            return flag
        up = torch.tensor([int(flag)])
        distributed.all_reduce(up, distributed.ReduceOp.MAX)
        return bool(up)

    def wait(self) -> None:
        """Wait until every process is here, however long one of them works."""
        if self.size > 1:
            distributed.all_reduce(torch.zeros(1), group=self.waiting)

    def in_turn(self, work: Callable[[], T]) -> T:
        """Result of `work`, called by the first process, then by the others.

        Raises:
            PeerError: in the other processes, where the first one failed.
        """
        if self.size == 1:
            return work()
        done = torch.zeros(1)
        try:
            result = work() if self.leads else None
            done += self.leads
        finally:
            distributed.all_reduce(done, group=self.waiting)
        if not self.leads:
            if not bool(done):
                raise PeerError("stopped: the first process of the run could not go on")
            result = work()
        return result  # type: ignore[return-value]


ALONE = Group()


class PeerError(SatclipError):
    """Another process of the run failed, and says itself why."""


class _Gather(torch.autograd.Function):
    """All processes' rows; backwards, the sum of what all of them found for one's own rows."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, group: Group) -> torch.Tensor:
        ctx.group = group
        parts = [torch.empty_like(tensor) for _ in range(group.size)]
        distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        # Not reduce_scatter, which gloo has not; N x dim is small beside the similarities.
        total = ctx.group.sum(upstream.contiguous().clone())
        return total[ctx.group.rows(len(total))], None
