"""SatCLE's objective: places and their neighbourhoods contrasted with what is causal in an image.

Building Continuous Location Embeddings with Satellite Imagery from the Web, WWW 2025. Spatial
continuity is here (perturbed copies of each place, fused by a graph), semantic continuity in the
images (`images.smoothing`). Where the released code does otherwise, the paper is followed, and what
the code does is a setting.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from satclip_core.encoder.modal import COORDINATES
from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM

from ..distributed import ALONE, Group
from ..settings.config import SatcleSettings, TrainConfig
from .base import Objective
from .contrast import clip_loss, one_way_loss
from .perturbation import expanded
from .propagation import GraphFusion, gaussian_adjacency, released_adjacency
from .satclip import Satclip

VALIDATION_SEED = 20250428
"""Of the copies of validation places, which are the same in every epoch."""
DEGREE_KM = EARTH_KM * torch.pi / 180


class Satcle(Satclip):
    """SatCLIP's heads, and a graph over the copies of each place; the loss may go one way.

    Args:
        config: the run's settings.
        widths: number of features of each imagery source, by its name.
    """

    settings = SatcleSettings

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__(config, widths)
        self.fusion: nn.Module | None = None
        options, dim = self.options, config.model.embed_dim
        if options.spatial and options.fusion != "mean":
            self.fusion = GraphFusion(dim, released=options.fusion == "released-graph")

    @classmethod
    def for_run(cls, config: TrainConfig) -> type[Objective]:
        """This class; the losses of SatCLIP are not its own."""
        if config.training.loss != "clip":
            raise InputError(
                f"training.loss: {config.training.loss!r} is one of satclip; satcle has its own, "
                "objective.loss"
            )
        return cls

    @property
    def at_places(self) -> bool:
        """Where copies are drawn around them."""
        return bool(self.options.spatial)

    def loss_at(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        """The loss of a batch whose places (N, 2) are expanded and fused."""
        generator = None
        if not self.training:
            generator = torch.Generator().manual_seed(VALIDATION_SEED)
        return self.contrasted(
            self.project(images), self.head(self.embed_around(lonlat, generator)), group
        )

    def embedded(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Places by their copies, fused, as they were contrasted; the encoder alone was not."""
        found = super().embedded(lonlat, images)
        if self.at_places:
            generator = torch.Generator().manual_seed(VALIDATION_SEED)
            found[COORDINATES] = self.head(self.embed_around(lonlat, generator))
        return found

    def embed_around(
        self, lonlat: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Embeddings of places (N, 2) by their copies, fused: (N, embed_dim)."""
        copies = expanded(lonlat.cpu(), self.options, generator)
        nodes = self.location(copies.flatten(0, 1)).unflatten(0, copies.shape[:2])
        if self.fusion is None:
            mean: torch.Tensor = nodes.mean(1)
            return mean
        result: torch.Tensor = self.fusion(nodes, self._adjacency(copies).to(nodes.device))
        return result

    def _adjacency(self, copies: torch.Tensor) -> torch.Tensor:
        if self.options.fusion == "released-graph":
            return released_adjacency(copies)
        scale = self.options.graph_scale or self.options.spread
        return gaussian_adjacency(
            copies, scale * (DEGREE_KM if self.options.unit == "degrees" else 1)
        )

    def contrasted(self, images: torch.Tensor, places: torch.Tensor, group: Group) -> torch.Tensor:
        """Loss of matching rows (N, embed_dim) of both sides, the paper's equation 7.

        The paper sums over one softmax for each pair; that it is each place's, among the images of
        the batch, is our reading. The released code takes both.
        """
        limits = (self.logit_scale, self.largest)
        if self.options.loss == "symmetric":
            return clip_loss(images, places, *limits, rows=self.rows, group=group)
        sides = (places, images) if self.options.loss == "place-to-image" else (images, places)
        return one_way_loss(*sides, *limits, rows=self.rows, group=group)

    @classmethod
    def card_origin(cls, config: TrainConfig) -> str:
        """A sentence of the model card."""
        return (
            "Pretrained by contrasting places with satellite imagery, spatially and semantically "
            "continuous (SatCLE, WWW 2025)."
        )

    @classmethod
    def card_recipe(cls, config: TrainConfig) -> list[str]:
        """Clauses of the model card's recipe."""
        training, options = config.training, config.objective.settings
        parts = [
            f"contrastive loss ({options.loss}) on batches of {training.batch_size}, scale at most "
            f"{training.largest_scale:g}"
        ]
        if options.spatial:
            kept = "beside the place itself" if options.keep_original else "without the place"
            parts.append(
                f"{options.copies} copies a place ({options.distribution}, {options.spread:g} "
                f"{options.unit}) {kept}, fused by {options.fusion}, which was thrown away after"
            )
        if config.model.location_head:
            parts.append(f"a head of {config.model.location_head} GELUs, thrown away after")
        return parts
