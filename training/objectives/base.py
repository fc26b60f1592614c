"""What every objective is: a location encoder, heads of its own, and the loss that trains both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from satclip_core.encoder.modal import Modalities

from ..distributed import ALONE, Group
from ..images.views import Views
from ..settings.config import TrainConfig
from .location import LocationModel


@dataclass(frozen=True)
class ReleasedHeads:
    """The heads that a checkpoint of SatCLIP's release has a place for.

    Attributes:
        weight: (embed_dim, features) of the image projection.
        bias: (embed_dim,) of it.
        log_scale: logarithm of the scale of similarities, a scalar.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    log_scale: torch.Tensor


class Objective(nn.Module, ABC):
    """The location encoder of a run, and all that training puts around it.

    A subclass makes its heads and other parameters in `__init__`, after the location encoder. What
    it needs to know stands in a settings class of its own, `settings`, a frozen dataclass whose
    fields have defaults; a run's are `self.options`.

    Parameters are called in checkpoints as they are here, so names are kept.

    Args:
        config: the run's settings.
        widths: number of features of each imagery source, by its name.
    """

    settings: ClassVar[type[Any]]
    """Class of the settings that stand beside `objective.kind`."""
    image_heads: tuple[str, ...] = ()
    """Names of the modules on the image side, which learn at `training.image_learning_rate`."""

    def __init__(self, config: TrainConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.location = LocationModel(config.model)
        self.widths, self.options = dict(widths), config.objective.settings

    @classmethod
    def for_run(cls, config: TrainConfig) -> type[Objective]:
        """The class for a run's settings: this one, or a subclass that they ask for."""
        return cls

    @abstractmethod
    def loss(
        self, features: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        """The loss of a batch, in float32 or wider whatever the networks' precision.

        Args:
            features: (N, width) of the places, as `location.encode` gives them; the network behind
                them is `location.nnet`.
            images: (N, width) features of each source, row i of the place i.
            group: the processes that share the batch.

        Returns:
            A scalar, that of the whole batch in every process.
        """

    @property
    def at_places(self) -> bool:
        """Whether batches come by their places, to `loss_at`, and not by their features.

        Features are computed once for a whole run; an objective that moves places cannot do with
        these.
        """
        return False

    def loss_at(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor], group: Group = ALONE
    ) -> torch.Tensor:
        """The loss of a batch from its places (N, 2) in degrees: see `loss`."""
        return self.loss(self.location.encode(lonlat), images, group)

    def embedded(
        self, lonlat: torch.Tensor, images: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """What the loss compares, by name: embeddings of a batch's places and of what is there.

        To see what finds what after training. None as a rule: an objective need not compare
        embeddings.

        Args:
            lonlat: (N, 2) degrees.
            images: (N, width) features of each source.

        Returns:
            (N, dim) of each kind; `coordinates` is the name of the places. A row of NaN is of a
            place that lacks this kind.
        """
        return {}

    def meet(self, views: Mapping[str, Views]) -> None:
        """Take up what follows from a run's data before it is trained on; nothing as a rule.

        Args:
            views: of each source and modality, by its name.
        """
        return

    def modalities(self, views: Mapping[str, Views]) -> Modalities:
        """Encoders that go into the model file beside the location encoder; none as a rule.

        Args:
            views: as `meet` has them.
        """
        return Modalities()

    def after_step(self) -> None:
        """Put parameters back within their bounds after a step of the optimiser."""
        return

    def measures(self) -> dict[str, float]:
        """What is worth a column of the log beside the loss, by name."""
        return {}

    def released_heads(self) -> ReleasedHeads | None:
        """The heads as SatCLIP's release has them; None where it has no place for them."""
        return None

    @classmethod
    def in_release(cls, config: TrainConfig) -> bool:
        """Whether `released_heads` will be there with these settings."""
        return False

    @classmethod
    @abstractmethod
    def card_origin(cls, config: TrainConfig) -> str:
        """A sentence of the model card: how it was pretrained, with the source."""

    @classmethod
    @abstractmethod
    def card_recipe(cls, config: TrainConfig) -> list[str]:
        """Clauses of the model card's recipe: the loss, and heads that were thrown away after."""
