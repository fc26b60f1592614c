"""The contrastive objective: symmetric cross-entropy over the pairs of a batch."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

LARGEST_LOG_SCALE = math.log(100.0)
"""Radford et al. 2021: the logits are never scaled by more than 100."""


def clip_loss(
    images: torch.Tensor,
    locations: torch.Tensor,
    log_scale: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
) -> torch.Tensor:
    """CLIP loss of matching rows (Radford et al. 2021; SatCLIP, Klemmer et al. 2025, eq. 1).

    Both sides are L2-normalised; logits = exp(s) <image_i, location_j>; the loss is half the sum
    of the cross-entropies of rows and of columns, the diagonal being right.

    Args:
        images: (N, dim).
        locations: (N, dim), row i belongs to row i of `images`.
        log_scale: s, a scalar, clamped from above at `largest`.
        largest: highest s; ln 100 as in CLIP.

    Returns:
        The scalar loss; ln N is chance.
    """
    logits = similarity_logits(images, locations, log_scale, largest)
    target = torch.arange(len(logits), device=logits.device)
    rows = functional.cross_entropy(logits, target)
    columns = functional.cross_entropy(logits.T, target)
    return (rows + columns) / 2


def similarity_logits(
    images: torch.Tensor,
    locations: torch.Tensor,
    log_scale: torch.Tensor,
    largest: float = LARGEST_LOG_SCALE,
) -> torch.Tensor:
    """exp(s) times the cosine similarity of every image (rows) with every location (columns)."""
    images = functional.normalize(images, dim=-1)
    locations = functional.normalize(locations, dim=-1)
    return log_scale.clamp(max=largest).exp() * images @ locations.T
