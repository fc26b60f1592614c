"""The two sides that training brings together: a location encoder and an image projection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from .config import TrainConfig
from .location import LocationModel
from .objective import SIGLIP_BIAS


class ContrastiveModel(nn.Module):
    """Location encoder, image projection and temperature, under the published names.

    The sigmoid loss has a bias too, `logit_bias`; the scale starts at 1 / `training.temperature`
    for either loss (Zhai et al. 2023 start at 10: a temperature of 0.1).

    Args:
        config: the run's settings.
        widths: number of features of each imagery source.
    """

    def __init__(self, config: TrainConfig, widths: Sequence[int]) -> None:
        super().__init__()
        settings = config.model
        self.widths, self.settings = list(widths), settings
        self.location = LocationModel(settings)
        total, dim, hidden = sum(widths), settings.embed_dim, settings.image_hidden
        self.visual: nn.Module = nn.Linear(total, dim)
        if hidden:
            self.visual = nn.Sequential(nn.Linear(total, hidden), nn.GELU(), nn.Linear(hidden, dim))
        # A head of the contrastive loss alone, thrown away after training (Chen et al. 2020).
        head = settings.location_head
        self.head: nn.Module = nn.Identity()
        if head:
            self.head = nn.Sequential(nn.Linear(dim, head), nn.GELU(), nn.Linear(head, dim))
        start = math.log(1 / config.training.temperature)
        self.logit_scale = nn.Parameter(
            torch.tensor(start), requires_grad=config.training.learn_temperature
        )
        if config.training.loss == "siglip":
            self.logit_bias = nn.Parameter(torch.tensor(SIGLIP_BIAS))

    def project(self, images: torch.Tensor) -> torch.Tensor:
        """Cached features (N, sum of widths) -> (N, embed_dim), augmented while training."""
        if self.training and self.settings.source_dropout:
            images = self._drop_sources(images)
        if self.training and self.settings.image_noise:
            images = images + self.settings.image_noise * torch.randn_like(images)
        result: torch.Tensor = self.visual(images)
        return result

    def _drop_sources(self, images: torch.Tensor) -> torch.Tensor:
        """Blank one source, drawn at random, in a share of the rows."""
        if len(self.widths) < 2:
            return images
        rows = len(images)
        hit = torch.rand(rows, device=images.device) < self.settings.source_dropout
        drawn = torch.randint(len(self.widths), (rows,), device=images.device)
        chosen = torch.where(hit, drawn, -1)
        source = torch.repeat_interleave(torch.arange(len(self.widths)), torch.tensor(self.widths))
        source = source.to(images.device)
        keep = chosen[:, None] != source[None, :]
        return images * keep.to(images)


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
