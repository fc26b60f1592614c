"""One of several processes that compute the gradients of a shared batch; test_distributed runs it.

python gradient_worker.py RANK SIZE MEETING_FILE RESULT.npz
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from satclip_training.distributed import Group
from satclip_training.objectives import objective_class
from satclip_training.settings.config import (
    ModelSettings,
    SourceSettings,
    TrainConfig,
    TrainingSettings,
    UnigeoclipSettings,
)
from satclip_training.settings.modality import ValueModality
from satclip_training.settings.schema import Chosen

COUNT, WIDTH = 48, 6
CASES = tuple(
    product(("clip", "siglip", "unigeoclip"), (torch.float32, torch.float64), (14.3, 900.0))
)
"""At a scale of 900 sums of exponentials leave the range of float32."""


class Losses(nn.Module):
    """A small model with its loss as the forward pass, as DistributedDataParallel wants it."""

    def __init__(self, loss: str, scale: float, group: Group) -> None:
        super().__init__()
        self.group, self.modal = group, loss == "unigeoclip"
        training = TrainingSettings(
            loss="clip" if self.modal else loss,
            temperature=1 / scale,
            largest_scale=1000.0,
            loss_rows=7,
        )  # fmt: skip
        model = ModelSettings(legendre_polys=4, capacity=16, embed_dim=8, image_hidden=10)
        config = TrainConfig("x", {"a": SourceSettings()}, model=model, training=training)
        widths = {"image": WIDTH}
        if self.modal:
            values = ValueModality(kind="values", files=("made",))
            objective = Chosen("unigeoclip", UnigeoclipSettings(scales="pairs"))
            config = replace(
                config, sources={}, modalities={"a": values, "b": values}, objective=objective
            )
            widths = {"a": WIDTH // 2, "b": WIDTH // 2}
        self.model = objective_class(config)(config, widths)

    def forward(self, lonlat: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        harmonics = self.model.location.encode(lonlat)
        both = {"image": images}
        if self.modal:
            both = {"a": images[:, : WIDTH // 2], "b": images[:, WIDTH // 2 :]}
        return self.model.loss(harmonics, both, self.group)


def gradients(loss: str, dtype: torch.dtype, scale: float, group: Group) -> dict[str, np.ndarray]:
    """Gradients of all parameters, and the loss, of a batch that the group shares."""
    torch.manual_seed(1)
    module: nn.Module = Losses(loss, scale, group).to(dtype)
    rng = np.random.default_rng(2)
    lonlat = rng.uniform((-180, -90), (180, 90), (COUNT, 2))
    images = rng.normal(size=(COUNT, WIDTH))
    if loss == "unigeoclip":  # some miss the first half, the first third of the batch the second
        images[::3, : WIDTH // 2] = np.nan
        images[: COUNT // 3, WIDTH // 2 :] = np.nan
    if group.size > 1:
        module = DistributedDataParallel(module)
    own = group.rows(COUNT)
    value = module(torch.from_numpy(lonlat[own]), torch.from_numpy(images[own]).to(dtype))
    value.backward()
    found = {n.removeprefix("module."): p.grad.numpy() for n, p in module.named_parameters()}
    return {**found, "loss": value.detach().numpy()}


def all_gradients(group: Group) -> dict[str, np.ndarray]:
    """Those of all cases, under `<case>:<parameter>`."""
    return {
        f"{number}:{name}": values
        for number, case in enumerate(CASES)
        for name, values in gradients(*case, group).items()
    }


def main() -> None:
    """Take part, and write what was found if this is process 0."""
    rank, size = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    meeting = f"file://{sys.argv[3]}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    found = all_gradients(Group(rank, size))
    if rank == 0:
        np.savez(sys.argv[4], **found)
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
