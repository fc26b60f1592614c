"""The two sides that training brings together: a location encoder and an image projection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from ..location import LocationModel
from ..settings.config import TrainConfig
from .contrast import SIGLIP_BIAS


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
