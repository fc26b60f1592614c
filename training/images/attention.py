"""Causal patch localisation: how much attention each patch of an image gets from a frozen network.

The network is one of timm (DINO's ViT-S/16, torchgeo's SENTINEL2_ALL_DINO weights by path), or the
teacher that `self_distillation` trains on the images themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from satclip_core.errors import InputError

from ..settings.config import TIMM, FeatureSettings, SmoothingSettings
from .timm_encoder import ENCODED_VALUES, Weights, open_timm

Attend = Callable[[torch.Tensor], torch.Tensor]
"""Images (N, bands, n, n) -> (N, 1 + patches, 1 + patches), rows sum to one; the mean of heads."""


def patch_attention(weights: torch.Tensor, kind: str, columns: int) -> torch.Tensor:
    """Attention of each patch of an image.

    Args:
        weights: (N, 1 + patches, 1 + patches) of the last block, the class token first; a row is
            what one token pays to all.
        kind: `cls`, what the class token pays to a patch (the paper); `patches`, what a patch pays
            to all patches (the released code), which is what it does not pay to the class token.
        columns: patches in a row.

    Returns:
        (N, rows, columns).
    """
    paid = weights[:, 0, 1:] if kind == "cls" else weights[:, 1:, 1:].sum(-1)
    result: torch.Tensor = paid.unflatten(1, (-1, columns))
    return result


class PatchAttention:
    """Attention of images' patches, a few images at a time.

    Args:
        attend: the last block's attention weights.
        kind: see `patch_attention`.
        columns: patches in a row.
        device: where the network is.
    """

    def __init__(
        self, attend: Attend, kind: str, columns: int, device: torch.device | None = None
    ) -> None:
        self._attend, self._kind, self._columns = attend, kind, columns
        self._device = device or torch.device("cpu")

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, bands, n, n) float32 -> (N, rows, columns), in main memory."""
        values = ENCODED_VALUES.get(self._device.type, ENCODED_VALUES["cpu"])
        # Attention takes memory by the square of the patches.
        tokens = images[0].numel() + 8 * (1 + self._columns**2) ** 2
        with torch.no_grad():
            parts = [
                patch_attention(
                    self._attend(part.to(self._device)).cpu(), self._kind, self._columns
                )
                for part in images.split(max(1, values // tokens))
            ]
        return torch.cat(parts)


def open_timm_attention(
    settings: SmoothingSettings,
    weights: Weights,
    *,
    channels: int,
    side: int,
    seed: int,
    where: str,
    device: torch.device | None = None,
) -> PatchAttention:
    """The attention of a frozen vision transformer of timm.

    Raises:
        MissingDependencyError: timm is not installed.
        InputError: bands or size do not fit, the weights are not this network's, or it is no
            vision transformer with a class token.
    """
    features = FeatureSettings(
        kind=TIMM, model=settings.model, weights=settings.weights, in_channels=channels, dim=0
    )
    encoder = open_timm(
        features, weights, channels=channels, side=side, seed=seed, where=where, device=device
    )
    network: Any = encoder.network
    prefix = getattr(network, "num_prefix_tokens", 0)
    if not prefix or not hasattr(getattr(network, "blocks", [None])[-1], "attn"):
        raise InputError(
            f"{where}.model: {settings.model!r} is no vision transformer with a class token; take "
            "vit_small_patch16_224"
        )
    columns: int = network.patch_embed.grid_size[1]
    return PatchAttention(
        lambda images: _of_last_block(network, images), settings.attention, columns, device
    )


def _of_last_block(network: Any, images: torch.Tensor) -> torch.Tensor:
    """Attention of the last block of timm's VisionTransformer, written out: it keeps none.

    Tokens between the class token and the patches (registers) are left out.
    """
    tokens = network._pos_embed(network.patch_embed(images))
    tokens = network.norm_pre(network.patch_drop(tokens))
    for block in network.blocks[:-1]:
        tokens = block(tokens)
    last = network.blocks[-1]
    attention, tokens = last.attn, last.norm1(tokens)
    made = attention.qkv(tokens).unflatten(2, (3, attention.num_heads, -1))
    query, key, _ = made.permute(2, 0, 3, 1, 4)
    query, key = attention.q_norm(query), attention.k_norm(key)
    weights = (attention.scale * query @ key.transpose(-2, -1)).softmax(-1).mean(1)
    patches = torch.arange(network.num_prefix_tokens, weights.shape[1])
    kept = torch.cat([torch.zeros(1, dtype=patches.dtype), patches]).to(weights.device)
    result: torch.Tensor = weights[:, kept][:, :, kept]
    return result
