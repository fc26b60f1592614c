"""SatCLIP's objective: places contrasted with the images of what lies there.

Klemmer et al., AAAI 2025, eq. 1, with the loss of CLIP (Radford et al. 2021) or of SigLIP (Zhai et
al. 2023). All sources are concatenated and go through one projection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from satclip_core.encoder.modal import COORDINATES

from ..distributed import ALONE, Group
from ..settings.config import SatclipSettings, TrainConfig
from .base import Objective, ReleasedHeads
from .contrast import SIGLIP_BIAS, clip_loss, siglip_loss

IMAGE = "image"
"""Name of all imagery of a place together, where embeddings are told apart by what they are of."""


class Satclip(Objective):
    """Location encoder, image projection and temperature, under the published names.

    The scale starts at 1 / `training.temperature` (Zhai et al. 2023 start at 10: 0.1).

    Args:
        config: the run's settings.
        widths: number of features of each imagery source, by its name.
    """

    settings: ClassVar[type[Any]] = SatclipSettings
    image_heads = ("visual",)
    loss_name = "CLIP"

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__(config, widths)
        settings = self.model = config.model
        total, dim, hidden = sum(widths.values()), settings.embed_dim, settings.image_hidden
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
        self.largest = math.log(config.training.largest_scale)
        self.rows = config.training.loss_rows

    @classmethod
    def for_run(cls, config: TrainConfig) -> type[Objective]:
        """The class with the run's loss."""
        return LOSSES[config.training.loss]

    def loss(
        self, features: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        """Contrastive loss of a batch: see `contrast`."""
        places = self.head(self.location.nnet(features))
        return self.contrasted(self.project(images), places, group)

    def embedded(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Places behind the head, and the projection of all sources."""
        return {COORDINATES: self.head(self.location(lonlat)), IMAGE: self.project(images)}

    def contrasted(self, images: torch.Tensor, places: torch.Tensor, group: Group) -> torch.Tensor:
        """Loss of matching rows (N, embed_dim) of both sides."""
        return clip_loss(
            images, places, self.logit_scale, self.largest, rows=self.rows, group=group
        )

    def project(self, images: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Features of all sources -> (N, embed_dim), augmented while training."""
        joined = torch.cat([images[name] for name in self.widths], 1)
        if self.training and self.model.source_dropout:
            joined = self._drop_sources(joined)
        if self.training and self.model.image_noise:
            joined = joined + self.model.image_noise * torch.randn_like(joined)
        result: torch.Tensor = self.visual(joined)
        return result

    def _drop_sources(self, images: torch.Tensor) -> torch.Tensor:
        """Blank one source, drawn at random, in a share of the rows."""
        if len(self.widths) < 2:
            return images
        rows = len(images)
        hit = torch.rand(rows, device=images.device) < self.model.source_dropout
        drawn = torch.randint(len(self.widths), (rows,), device=images.device)
        chosen = torch.where(hit, drawn, -1)
        widths = torch.tensor(list(self.widths.values()))
        source = torch.repeat_interleave(torch.arange(len(widths)), widths).to(images.device)
        keep = chosen[:, None] != source[None, :]
        return images * keep.to(images)

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the scale below `training.largest_scale`."""
        self.logit_scale.clamp_(max=self.largest)

    def measures(self) -> dict[str, float]:
        """The scale of the similarities."""
        return {"scale": float(self.logit_scale.detach().exp())}

    def released_heads(self) -> ReleasedHeads | None:
        """Projection and scale, where the projection is linear and nothing lies behind it."""
        if not isinstance(self.visual, nn.Linear) or not isinstance(self.head, nn.Identity):
            return None
        return ReleasedHeads(self.visual.weight, self.visual.bias, self.logit_scale)

    @classmethod
    def in_release(cls, config: TrainConfig) -> bool:
        """A linear projection, no head behind the location encoder, and the CLIP loss."""
        return not (config.model.image_hidden or config.model.location_head)

    @classmethod
    def card_origin(cls, config: TrainConfig) -> str:
        """A sentence of the model card."""
        return (
            "Pretrained by contrasting places with satellite imagery (SatCLIP, Klemmer et al., "
            "AAAI 2025)."
        )

    @classmethod
    def card_recipe(cls, config: TrainConfig) -> list[str]:
        """Clauses of the model card's recipe."""
        training, head = config.training, config.model.location_head
        parts = [
            f"{cls.loss_name} loss on batches of {training.batch_size}, scale at most "
            f"{training.largest_scale:g}"
        ]
        if head:
            parts.append(f"contrasted behind a head of {head} GELUs, thrown away after")
        return parts


class SigmoidSatclip(Satclip):
    """The same with the pairwise sigmoid loss, which has a bias too."""

    loss_name = "pairwise sigmoid (SigLIP)"

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__(config, widths)
        self.logit_bias = nn.Parameter(torch.tensor(SIGLIP_BIAS))

    def contrasted(self, images: torch.Tensor, places: torch.Tensor, group: Group) -> torch.Tensor:
        """Loss of matching rows (N, embed_dim) of both sides."""
        scale, bias = self.logit_scale, self.logit_bias
        return siglip_loss(images, places, scale, bias, self.largest, rows=self.rows, group=group)

    def released_heads(self) -> ReleasedHeads | None:
        """None: the release knows no bias."""
        return None

    @classmethod
    def in_release(cls, config: TrainConfig) -> bool:
        """Never: see `released_heads`."""
        return False


LOSSES: dict[str, type[Satclip]] = {"clip": Satclip, "siglip": SigmoidSatclip}
"""By `training.loss`."""
