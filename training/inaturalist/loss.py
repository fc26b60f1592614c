"""The presence-only loss: where a species was seen is known, where it is absent is not."""

from __future__ import annotations

import torch
from torch.nn.functional import softplus


def presence_only_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    background: torch.Tensor,
    positive_weight: float | None = None,
) -> torch.Tensor:
    """Presence-only loss of the locations (Mac Aodha et al. 2019, eq. 5, the term L_loc).

    With s the sigmoid, z(x) the C logits at a place x where species y was seen, and r a place
    drawn uniformly on the sphere, one observation costs

        -λ log s(z_y(x)) - Σ_{i ≠ y} log(1 - s(z_i(x))) - Σ_i log(1 - s(z_i(r)))

    divided by C, as the published code does, and the loss is the mean over the observations. The
    published code has 1e-5 added to what the logarithm is taken of; here -log s(z) =
    log(1 + exp(-z)) and -log(1 - s(z)) = log(1 + exp(z)) are taken of the logits, without
    overflow and without a floor.

    Args:
        logits: (N, C), at the places of the observations.
        labels: (N,), index of the species seen.
        background: (M, C) logits at random places, usually M = N; averaged over M.
        positive_weight: λ, against the C - 1 negatives that each positive comes with; C where
            None, as in Mac Aodha et al. (Rußwurm et al. 2024 take 2048).

    Returns:
        The scalar loss.
    """
    weight = logits.shape[1] if positive_weight is None else positive_weight
    own = labels[:, None]
    positives = weight * softplus(-logits.gather(1, own))
    costs = softplus(logits).scatter(1, own, positives)
    return costs.mean() + softplus(background).mean()
