"""The training loop on Lightning: steps, schedule, averaging, checkpoints, resume.

A checkpoint has the published layout: `hyper_parameters` is a plain dict and `state_dict` holds
what inference needs under `model.location.nnet.*` (averaged, and folded for plain features), and
the image encoder where it is a published one (see `published`). What only training needs to go on
lies apart, under `satclip_training`; what is frozen is not among it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.encoder.modal import Modalities
from satclip_core.errors import InputError
from satclip_core.types import Float32

from ..distributed import ALONE, Group
from ..export.release_checkpoint import (
    STATE,
    hyper_parameters,
    located,
    published_layout,
    vision_layers,
)
from ..objectives import objective_class
from ..places.batches import Ahead, Batch, Pairs
from ..settings.config import TrainConfig
from .average import RunningAverage
from .folder import epochs_before

log = logging.getLogger("satclip_training")

ENCODE_ROWS = 8192
DEVICE_SHARE = 0.5
"""The features of all points lie on a GPU where they take no more of its free memory."""


class Pretraining(lightning.LightningModule):
    """Pretraining of a location encoder on pairs (place, image features), whatever the objective.

    What is random in a step (dropout, noise) follows from seed, epoch, step and process, so a run
    that was stopped goes on to the same numbers, whatever it drew in between.
    """

    def __init__(
        self,
        config: TrainConfig,
        pairs: Pairs,
        data: str = "",
        start: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        super().__init__()
        self.config, self.pairs, self._data = config, pairs, data
        # Called so in checkpoints: `model.location` is the published name.
        self.model = objective_class(config)(config, pairs.widths)
        self.model.meet(pairs.views)
        if start is not None:
            weights = {key: torch.tensor(value) for key, value in start.items()}
            self.model.location.take(weights)
        self.average = RunningAverage(self.model, config.training.average_decay)
        self._table: torch.Tensor | None = None
        self._swapped: Any = None
        self._ahead = Ahead(pairs)
        self._lengthened = False

    @property
    def precise(self) -> torch.dtype:
        """Type of the parameters."""
        return next(self.model.parameters()).dtype

    # Batches are functions of (epoch, step); the loaders only count.
    def train_dataloader(self) -> range:
        """The steps of an epoch."""
        return range(self.pairs.steps)

    def val_dataloader(self) -> range:
        """The blocks of validation candidates."""
        return range(self.pairs.validation_steps)

    def on_fit_start(self) -> None:
        """Compute the features of all points once, where they are few enough."""
        settings = self.config.training
        size = len(self.pairs.lonlat) * self.model.location.config.width
        size *= torch.finfo(self.precise).bits // 8
        wanted = not (settings.jitter_degrees or self.model.at_places)
        if wanted and size <= settings.harmonics_memory_gb * 1e9:
            self._table = self._all_features(
                self.device if _fits(size, self.device) else torch.device("cpu")
            )

    def _all_features(self, home: torch.device) -> torch.Tensor:
        lonlat = torch.from_numpy(self.pairs.lonlat)
        width = self.model.location.config.width
        table = torch.empty(len(lonlat), width, dtype=self.precise, device=home)
        for part, rows in zip(lonlat.split(ENCODE_ROWS), table.split(ENCODE_ROWS)):
            rows.copy_(self.model.location.encode(part))
        return table

    def _say_rates(self, before: int, step: int) -> None:
        """What the rate does where a run that was planned shorter goes on."""
        settings, steps = self.config.training, self.pairs.steps
        rates = [
            settings.learning_rate * rate_factor(step, epochs * steps, self.config)
            for epochs in (before, settings.epochs)
        ]
        log.info(
            "lengthened from %d to %d epochs: the rate, %.2g where the shorter run stands, goes on "
            "at %.2g as in a run of %d epochs from the start",
            before, settings.epochs, *rates, settings.epochs,
        )  # fmt: skip

    def on_train_start(self) -> None:
        """Put the rates of a lengthened run where its longer schedule has them."""
        if not self._lengthened:
            return
        total = self.config.training.epochs * self.pairs.steps
        factor = rate_factor(self.global_step, total, self.config)
        optimizer = self.optimizers()
        for group in optimizer.param_groups:  # type: ignore[union-attr]
            group["lr"] = group["initial_lr"] * factor

    def loss(self, batch: Batch, group: Group = ALONE) -> torch.Tensor:
        """The objective's loss of a batch."""
        images = {
            name: to_device(values, self.device).to(self.precise)
            for name, values in batch.images.items()
        }
        if self.model.at_places:
            return self.model.loss_at(batch.lonlat, images, group)
        return self.model.loss(self._features(batch), images, group)

    def _features(self, batch: Batch) -> torch.Tensor:
        if self._table is None:
            return self.model.location.encode(batch.lonlat)
        if self._table.device == self.device:
            return self._table[to_device(batch.points, self.device)]
        return to_device(self._table[batch.points], self.device)

    def training_step(self, batch: int, batch_idx: int) -> torch.Tensor:
        """One step; the batch is drawn by its number."""
        epoch, group = self.current_epoch, self.pairs.group
        seed = np.random.SeedSequence([self.config.seed, 13, epoch, batch_idx, group.rank])
        torch.manual_seed(int(seed.generate_state(1)[0]))
        return self.loss(self._ahead.batch(epoch, batch_idx), group)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, keep parameters within their bounds, take the step into the average."""
        super().optimizer_step(*args, **kwargs)
        self.model.after_step()
        if self.config.training.average_decay:
            self.average.update()

    def on_validation_start(self) -> None:
        """Validate the averaged weights."""
        self._swapped = self.average.applied()
        self._swapped.__enter__()

    def validation_step(self, batch: int, batch_idx: int) -> torch.Tensor:
        """Loss among a block of validation candidates, the same in every process."""
        value = self.loss(self.pairs.validation_batch(batch_idx))
        self.log("val_loss", value, batch_size=1)
        return value

    def on_validation_end(self) -> None:
        """Go back to the weights in training."""
        self._swapped.__exit__(None, None, None)

    def configure_optimizers(self) -> Any:
        """AdamW without decay for biases and temperature; warm-up, then cosine."""
        settings = self.config.training
        rates = {
            "first": settings.learning_rate * settings.first_layer_rate,
            "image": settings.image_learning_rate or settings.learning_rate,
            "other": settings.learning_rate,
        }
        groups: dict[tuple[str, bool], dict[str, Any]] = {}
        for name, parameter in self.model.named_parameters():
            part = "image" if name.partition(".")[0] in self.model.image_heads else "other"
            part = "first" if self._is_first(name) else part
            decayed = parameter.ndim > 1
            fresh = {
                "params": [],
                "lr": rates[part],
                "weight_decay": settings.weight_decay if decayed else 0.0,
            }
            groups.setdefault((part, decayed), fresh)["params"].append(parameter)
        optimizer = torch.optim.AdamW(list(groups.values()), betas=(0.9, settings.beta2))
        total = settings.epochs * self.pairs.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(step, total, self.config)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _is_first(self, name: str) -> bool:
        """Whether a parameter is of the location encoder's first layer."""
        first = self.model.location.first_layer
        return first is not None and name.startswith(f"location.nnet.{first}")

    def inference_weights(self) -> dict[str, Float32]:
        """Averaged weights of the location encoder for plain features, names within `nnet`."""
        with self.average.applied():
            weights = self.model.location.inference_weights()
        return {key: value.cpu().numpy() for key, value in weights.items()}

    def modalities(self) -> Modalities:
        """Averaged encoders of the other modalities that belong to the location encoder."""
        with self.average.applied():
            return self.model.modalities(self.pairs.views)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write the published layout, and apart from it what training needs to go on."""
        checkpoint[STATE] = {
            "settings": self.config.training_digest(),
            "data": self._data,
            "config": self.config.as_plain(),
            "state_dict": {key: value.clone() for key, value in self.state_dict().items()},
            "average": self.average.state(),
        }
        with self.average.applied():
            checkpoint["hyper_parameters"], checkpoint["state_dict"] = self._layout()

    def _layout(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Settings and weights for inference, with the image encoder where others can open it."""
        location = self.model.location.inference_weights()
        if vision_layers(self.config) is not None:
            (views,) = self.pairs.views.values()
            backbone = views.backbone()
            heads = self.model.released_heads()
            if backbone is not None and heads is not None:
                return published_layout(self.config, location, heads, backbone)
        state = {key: value.detach().clone() for key, value in self.state_dict().items()}
        for key, value in location.items():
            state |= located(key, value)
        return hyper_parameters(self.config), state

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the state of training; a checkpoint of other settings is refused."""
        kept = checkpoint.get(STATE)
        before = None if kept is None else epochs_before(kept, self.config)
        if kept is None or before is None:
            raise InputError("the checkpoint is of a run with other settings; start afresh")
        self._lengthened = before < self.config.training.epochs
        if self._lengthened and self.pairs.group.leads:
            self._say_rates(before, int(checkpoint["global_step"]))
        checkpoint["state_dict"] = kept["state_dict"]
        self.average.restore(kept["average"])


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a device; on its way to a GPU nothing waits for it."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes are a small enough part of what the device has free."""
    if device.type == "cpu":
        return True
    if device.type != "cuda":
        return False
    return size <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]


def rate_factor(step: int, total: int, config: TrainConfig) -> float:
    """Learning rate at a step as a share of the highest: linear warm-up, then cosine or none."""
    settings = config.training
    warm = settings.warmup * total
    if step < warm:
        return (step + 1) / (warm + 1)
    if settings.schedule == "constant":
        return 1.0
    share = min(1.0, (step - warm) / max(1.0, total - warm))
    return settings.final_rate + (1 - settings.final_rate) * (1 + math.cos(math.pi * share)) / 2
