"""The exponential moving average of weights that a run exports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class RunningAverage:
    """Exponential moving average of a module's parameters, quick to follow in the first steps."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay, self.steps = module, decay, 0
        self.values = {key: p.detach().clone() for key, p in module.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Take one step's parameters in."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for key, parameter in self.module.named_parameters():
            # Made before the module went to its device, and to its precision.
            self.values[key] = self.values[key].to(parameter).lerp_(parameter, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages in the module's place for a while (nothing happens without decay)."""
        if not self.decay or not self.steps:
            yield
            return
        kept = {key: p.detach().clone() for key, p in self.module.named_parameters()}
        self._copy(self.values)
        try:
            yield
        finally:
            self._copy(kept)

    @torch.no_grad()
    def _copy(self, values: dict[str, torch.Tensor]) -> None:
        for key, parameter in self.module.named_parameters():
            parameter.copy_(values[key])

    def state(self) -> dict[str, object]:
        """What a checkpoint keeps."""
        return {"steps": self.steps, "values": self.values}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a checkpoint."""
        self.steps = int(state["steps"])  # type: ignore[call-overload]
        self.values = {k: v.clone() for k, v in state["values"].items()}  # type: ignore[attr-defined]
