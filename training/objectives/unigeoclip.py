"""UniGeoCLIP's objective: whatever is known of places, contrasted all with all.

EarthVision 2026. Each modality has a tower of its own that leads into the space of the location
encoder, which is one of the modalities. Nothing is thrown away after training: the towers go into
the model file beside the location encoder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import nn

from satclip_core.encoder.modal import COORDINATES, Modalities, modal_encoder
from satclip_core.encoder.towers import TOWERS, InputShape, LayersSettings, run_tower
from satclip_core.errors import InputError
from satclip_core.types import Float32

from ..distributed import ALONE, Group
from ..images.views import Views
from ..settings.config import TrainConfig, UnigeoclipSettings
from ..settings.schema import Chosen
from .all_to_all import all_to_all_loss, modality_pairs
from .base import Objective
from .location import drawn, register


class TowerModule(nn.Module):
    """A tower of the core with its weights as parameters; what it standardises by are buffers.

    Args:
        tower: its kind and settings.
        shape: of a row.
        dim: of the shared space.
        log: whether logarithms are taken first.
    """

    offset: torch.Tensor
    spread: torch.Tensor

    def __init__(self, tower: Chosen, shape: InputShape, dim: int, *, log: bool = False) -> None:
        super().__init__()
        self.kind, self.shape, self.log = tower.kind, shape, log
        register(self, drawn(TOWERS[tower.kind].parameters(shape, dim, tower.settings)))
        self.register_buffer("offset", torch.zeros(shape.bands))
        self.register_buffer("spread", torch.ones(shape.bands))

    def weights(self) -> dict[str, torch.Tensor]:
        """All arrays by the names that the core has for them."""
        found: dict[str, torch.Tensor] = dict(self.named_buffers())
        found.update(self.named_parameters())
        return found

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(N, width) numbers, none missing -> (N, dim)."""
        result: torch.Tensor = run_tower(
            self.kind, rows, self.weights(), self.shape, torch, log=self.log
        )
        return result


class Unigeoclip(Objective):
    """The location encoder, a tower for each modality, and scales of their similarities.

    Features of `sources` are modalities too, with a tower of plain layers; a row of zeros is one of
    a blank image, and missing.

    Args:
        config: the run's settings.
        widths: number of features of each source and modality, by its name.
    """

    settings: ClassVar[type[Any]] = UnigeoclipSettings
    image_heads = ("towers",)

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__(config, widths)
        self.sources = tuple(config.sources)
        self.towers = nn.ModuleList(self._tower(config, name) for name in self.widths)
        self.pairs = modality_pairs(
            [COORDINATES, *self.widths], pivot=self.options.pairs == "pivot"
        )
        start = math.log(1 / config.training.temperature)
        count = len(self.pairs) if self.options.scales == "pairs" else 1
        self.logit_scale = nn.Parameter(
            torch.full((count,), start), requires_grad=config.training.learn_temperature
        )
        self.largest = math.log(config.training.largest_scale)
        self.rows = config.training.loss_rows

    @classmethod
    def for_run(cls, config: TrainConfig) -> type[Objective]:
        """This class; the losses of SatCLIP are not its own."""
        if config.training.loss != "clip":
            raise InputError(
                f"training.loss: {config.training.loss!r} is one of satclip; leave it out"
            )
        return cls

    def _tower(self, config: TrainConfig, name: str) -> TowerModule:
        width, dim = self.widths[name], config.model.embed_dim
        if name in self.sources:
            tower = Chosen("layers", LayersSettings(tuple(self.options.hidden)))
            return TowerModule(tower, InputShape(width), dim)
        settings = config.modalities[name]
        chip = getattr(settings, "chip", None)
        pixels = chip.pixels if chip is not None else getattr(settings, "pixels", 0)
        log = getattr(settings, "scaling", "linear") == "log"
        return TowerModule(settings.tower, InputShape(width, pixels), dim, log=log)

    def meet(self, views: Mapping[str, Views]) -> None:
        """Take up what each modality's numbers are standardised by."""
        for name, tower in zip(self.widths, self._each()):
            for key in ("offset", "spread"):
                measured = getattr(views[name], key, None)
                if measured is not None:
                    getattr(tower, key).copy_(torch.from_numpy(np.array(measured)))

    def _each(self) -> list[TowerModule]:
        return [cast(TowerModule, tower) for tower in self.towers]

    def loss(
        self, features: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        """All-to-all InfoNCE of a batch: see `all_to_all`."""
        embedded, present = self._towered(self.location.nnet(features), images)
        return all_to_all_loss(
            embedded, present, self.logit_scale, self.pairs,
            by_sample=self.options.average == "samples", largest=self.largest, rows=self.rows,
            group=group,
        )  # fmt: skip

    def _towered(
        self, places: torch.Tensor, images: Mapping[str, torch.Tensor]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Embeddings (N, dim) of all modalities, zeros where one is missing, and where it is not.

        Rows that are missing go through no tower: they cost nothing and have no gradient.
        """
        embedded = {COORDINATES: places}
        present = {COORDINATES: torch.ones(len(places), dtype=torch.bool, device=places.device)}
        for name, tower in zip(self.widths, self._each()):
            there = self._present(name, images[name])
            rows = tower(images[name][there])
            embedded[name] = rows.new_zeros(len(there), rows.shape[1]).index_put((there,), rows)
            present[name] = there
        return embedded, present

    def embedded(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Every modality."""
        found, present = self._towered(self.location(lonlat), images)
        return {
            name: torch.where(present[name][:, None], rows, torch.nan)
            for name, rows in found.items()
        }

    def _present(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        there = torch.isfinite(rows).all(1)
        return there & (rows != 0).any(1) if name in self.sources else there

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the scales below `training.largest_scale`."""
        self.logit_scale.clamp_(max=self.largest)

    def measures(self) -> dict[str, float]:
        """The scale of the similarities, their mean where each pair has one."""
        return {"scale": float(self.logit_scale.detach().exp().mean())}

    @torch.no_grad()
    def modalities(self, views: Mapping[str, Views]) -> Modalities:
        """The towers as the core's encoders, for the model file.

        Args:
            views: of the run, which say what each modality is.
        """
        encoders = []
        for name, tower in zip(self.widths, self._each()):
            facts = getattr(views[name], "facts", None) or {
                "kind": "features",
                "tower": tower.kind,
                "width": tower.shape.width,
                "source": f"features of the source {name}",
            }
            weights = {key: _array(value) for key, value in tower.weights().items()}
            encoders.append(modal_encoder(name, facts, weights))
        scales = self.logit_scale.exp().expand(len(self.pairs)).tolist()
        return Modalities(encoders, dict(zip(self.pairs, scales)))

    @classmethod
    def card_origin(cls, config: TrainConfig) -> str:
        """A sentence of the model card."""
        names = ", ".join([COORDINATES, *config.sources, *config.modalities])
        return (
            f"Pretrained by contrasting what is known of places, all with all (UniGeoCLIP, "
            f"EarthVision 2026): {names}."
        )

    @classmethod
    def card_recipe(cls, config: TrainConfig) -> list[str]:
        """Clauses of the model card's recipe."""
        training, options = config.training, config.objective.settings
        pairs = "all pairs of modalities" if options.pairs == "all" else "pairs with coordinates"
        scales = "one scale" if options.scales == "one" else "a scale for each pair"
        return [
            f"InfoNCE of {pairs} on batches of {training.batch_size}, {scales}, at most "
            f"{training.largest_scale:g}, mean over {options.average}"
        ]


def _array(value: torch.Tensor) -> Float32:
    array: Float32 = value.detach().float().cpu().numpy().copy()
    return array
