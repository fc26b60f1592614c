"""Graph propagation fusion: what an encoder says of a place's copies, made into one vector.

SatCLE (WWW 2025), the second part of its spatial continuity. The copies of a place are a graph of
their own; all graphs of a batch have equally many nodes, so they are dense batched products.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from satclip_core.grid.sphere import EARTH_KM, unit_vectors

SLOPE = 0.2
"""Of LeakyReLU below zero, as the released code has it."""
RELEASED_DEVIATION = 10.0
"""Of the released code's Gaussian, which is one of minus the logarithm of degrees."""
LAYERS = 2


def great_circles(lonlat: torch.Tensor) -> torch.Tensor:
    """Distances on the sphere: (..., K, 2) degrees -> (..., K, K) kilometres.

    By chords: an arc cosine says nothing of distances of metres.
    """
    vectors = torch.movedim(unit_vectors(lonlat[..., 0], lonlat[..., 1], torch), 0, -1)
    # Not by torch.cdist, whose products lose what is left of nearby places.
    chords = (vectors[..., :, None, :] - vectors[..., None, :, :]).norm(dim=-1)
    return 2 * EARTH_KM * torch.asin((chords / 2).clamp(max=1))


def gaussian_adjacency(lonlat: torch.Tensor, scale: float) -> torch.Tensor:
    """A_ij = exp(-d_ij² / 2 scale²), d great-circle distances (the paper's adjacency).

    Args:
        lonlat: (..., K, 2) degrees.
        scale: kilometres; the paper's sigma.

    Returns:
        (..., K, K).
    """
    return torch.exp(-great_circles(lonlat).square() / (2 * scale**2))


def released_adjacency(lonlat: torch.Tensor) -> torch.Tensor:
    """The released code's: exp(-ln(d_ij)² / 2 · 10²), d in degrees as if these were a plane's.

    Nothing is linked less for being farther: pairs nearer and farther than a degree are alike.
    Longitudes are compared as they are: the neighbour across the dateline is far.
    """
    degrees = (lonlat[..., :, None, :] - lonlat[..., None, :, :]).norm(dim=-1)
    logarithms = torch.where(degrees > 0, degrees, torch.ones_like(degrees)).log()
    return torch.exp(-logarithms.square() / (2 * RELEASED_DEVIATION**2))


class GraphFusion(nn.Module):
    """Two layers h <- LeakyReLU(A h W) over the copies of each place; the first node is read out.

    It is a head of training alone: the encoder is used without it.

    Args:
        dim: of the embeddings and of what they are fused to.
        released: order and bias of the released code instead, LeakyReLU(LeakyReLU(A h) W + b).
    """

    def __init__(self, dim: int, *, released: bool = False) -> None:
        super().__init__()
        self.released = released
        self.layers = nn.ModuleList(nn.Linear(dim, dim, bias=released) for _ in range(LAYERS))

    def forward(self, nodes: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """(N, K, dim) embeddings and (N, K, K) adjacency -> (N, dim)."""
        adjacency = adjacency.to(nodes)
        for layer in self.layers:
            nodes = adjacency @ nodes
            if self.released:
                nodes = functional.leaky_relu(nodes, SLOPE)
            nodes = functional.leaky_relu(layer(nodes), SLOPE)
        return nodes[:, 0]
