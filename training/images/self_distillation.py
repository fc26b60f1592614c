"""A small vision transformer trained without labels on the chips themselves (DINO).

Caron et al., ICCV 2021, in the form of SatCLE (WWW 2025): two affine views of an image, a student
that predicts on one what its teacher says of the other, a teacher that is the student's running
average, and outputs centred by their running mean. Its attention serves imagery that no pretrained
network fits.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from satclip_core.errors import CancelledError, InputError
from satclip_core.types import Cancelled

from ..settings.config import StudentSettings

log = logging.getLogger("satclip_training")

HIDDEN = 4
"""Width of a block's hidden layer, times that of its tokens."""


class SmallTransformer(nn.Module):
    """A pre-norm vision transformer with a class token, and DINO's projection of that.

    Images are standardised by band with the sample's mean and deviation.

    Args:
        settings: sizes.
        channels: bands of an image.
        side: its rows and columns.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, settings: StudentSettings, channels: int, side: int) -> None:
        super().__init__()
        width, patch = settings.width, settings.patch
        self.columns = side // patch
        self.embed = nn.Conv2d(channels, width, patch, stride=patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, 1 + self.columns**2, width) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, settings.heads, HIDDEN * width, dropout=0.0, activation="gelu",
                batch_first=True, norm_first=True,
            )
            for _ in range(settings.depth)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.project = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, settings.outputs)
        )
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, bands, n, n) -> (N, outputs)."""
        tokens = self._tokens(images)
        for block in self.blocks:
            tokens = block(tokens)
        result: torch.Tensor = self.project(self.norm(tokens[:, 0]))
        return result

    def attend(self, images: torch.Tensor) -> torch.Tensor:
        """Attention of the last block, mean of its heads: (N, 1 + patches, 1 + patches)."""
        tokens = self._tokens(images)
        for block in list(self.blocks)[:-1]:
            tokens = block(tokens)
        last: Any = self.blocks[-1]
        tokens = last.norm1(tokens)
        weights: torch.Tensor = last.self_attn(tokens, tokens, tokens, need_weights=True)[1]
        return weights

    def _tokens(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.embed((images - self.mean) / self.deviation).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(len(patches), -1, -1), patches], 1) + self.position


def distillation_loss(
    student: torch.Tensor, teacher: torch.Tensor, centre: torch.Tensor, settings: StudentSettings
) -> torch.Tensor:
    """Cross-entropy of the student's outputs with the teacher's, which get no gradient.

    -sum_k softmax((t - c) / tau_t)_k ln softmax(s / tau_s)_k, mean over rows.

    Args:
        student: (N, outputs) s, of one view.
        teacher: (N, outputs) t, of the other view.
        centre: (outputs,) c, the running mean of the teacher's outputs.
        settings: temperatures.
    """
    wanted = ((teacher.detach() - centre) / settings.teacher_temperature).softmax(-1)
    return -(wanted * (student / settings.student_temperature).log_softmax(-1)).sum(-1).mean()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Move the teacher's parameters to momentum teacher + (1 - momentum) student."""
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.lerp_(fast, 1 - momentum)


def affine_view(
    images: torch.Tensor, settings: StudentSettings, generator: torch.Generator
) -> torch.Tensor:
    """A random affine view of each image: turned, zoomed, shifted, mirrored; borders reflected."""
    count = len(images)

    def drawn(bound: float) -> torch.Tensor:
        return bound * (2 * torch.rand(count, generator=generator) - 1)

    angle, zoom = torch.deg2rad(drawn(settings.rotation)), 1 + drawn(settings.zoom)
    mirror = torch.where(drawn(1.0) > 0, 1.0, -1.0)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    # grid_sample has the image between -1 and 1.
    east, north = 2 * drawn(settings.shift), 2 * drawn(settings.shift)
    matrix = torch.stack([mirror * cos, -sin, east, mirror * sin, cos, north], 1).view(-1, 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def train_attention(
    images: torch.Tensor,
    settings: StudentSettings,
    seed: int,
    cancelled: Cancelled | None = None,
) -> SmallTransformer:
    """Train student and teacher on images (N, bands, n, n), and return the teacher.

    Args:
        images: the sample.
        settings: sizes, views and training.
        seed: of weights, views and order; the same ones give the same teacher.
        cancelled: asked before every step.

    Raises:
        InputError: fewer than two images.
        CancelledError: stopped.
    """
    if len(images) < 2:
        raise InputError(f"attention is trained on two images at least, {len(images)} are there")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = SmallTransformer(settings, images.shape[1], images.shape[-1])
    student.mean = images.mean((0, 2, 3), keepdim=True)
    student.deviation = images.std((0, 2, 3), keepdim=True).clamp_min(1e-6)
    teacher = copy.deepcopy(student).requires_grad_(False)
    size = min(settings.batch_size, len(images))
    total = settings.epochs * (len(images) // size)
    optimizer = torch.optim.AdamW(student.parameters(), settings.learning_rate, weight_decay=0.04)
    centre, done, loss = torch.zeros(settings.outputs), 0, torch.tensor(math.nan)
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        for _ in range(settings.epochs):
            order = torch.randperm(len(images), generator=generator)
            for batch in order[: len(order) // size * size].split(size):
                if cancelled is not None and cancelled():
                    raise CancelledError("stopped; attention is trained afresh next time")
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * _rate(done, total)
                loss, outputs = _both_ways(student, teacher, images[batch], centre, settings,
                                           generator)  # fmt: skip
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                follow(teacher, student, settings.momentum)
                centre = settings.centre * centre + (1 - settings.centre) * outputs.mean(0)
                done += 1
    log.info("attention trained on %d images, loss %.3f", len(images), loss.item())
    return teacher.eval()


def _both_ways(
    student: SmallTransformer,
    teacher: SmallTransformer,
    images: torch.Tensor,
    centre: torch.Tensor,
    settings: StudentSettings,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of two views, each predicted from the other, and the teacher's outputs of both."""
    views = [affine_view(images, settings, generator) for _ in range(2)]
    with torch.no_grad():
        said = [teacher(view) for view in views]
    guessed = [student(view) for view in views]
    one = distillation_loss(guessed[0], said[1], centre, settings)
    other = distillation_loss(guessed[1], said[0], centre, settings)
    return (one + other) / 2, torch.cat(said)


def _rate(step: int, total: int) -> float:
    """A tenth of warm-up, then a cosine to nothing."""
    warm = 0.1 * total
    if step < warm:
        return (step + 1) / (warm + 1)
    return (1 + math.cos(math.pi * (step - warm) / max(1.0, total - warm))) / 2


def as_arrays(network: SmallTransformer) -> dict[str, NDArray[Any]]:
    """Its state, to be kept."""
    return {key: value.numpy() for key, value in network.state_dict().items()}


def from_arrays(
    arrays: Mapping[str, NDArray[Any]], settings: StudentSettings, channels: int, side: int
) -> SmallTransformer:
    """The network of `as_arrays`.

    Raises:
        InputError: they are those of another network.
    """
    network = SmallTransformer(settings, channels, side)
    try:
        network.load_state_dict({key: torch.from_numpy(np.array(v)) for key, v in arrays.items()})
    except RuntimeError:
        raise InputError("the cache's attention is that of another network; remove it") from None
    return network.eval().requires_grad_(False)
