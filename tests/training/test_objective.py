"""The contrastive loss against its formula, by hand and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from satclip_training.objective import clip_loss


def pairs(count: int = 7, dim: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    make = lambda: torch.randn(count, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def test_equals_the_cross_entropy_formula() -> None:
    images, places = pairs()
    scale = torch.tensor(1.5, dtype=torch.float64)
    unit = lambda x: x / x.norm(dim=1, keepdim=True)  # noqa: E731
    logits = math.exp(1.5) * unit(images) @ unit(places).T
    rows = -(logits.diagonal() - logits.logsumexp(1)).mean()
    columns = -(logits.diagonal() - logits.logsumexp(0)).mean()
    assert clip_loss(images, places, scale).item() == pytest.approx((rows + columns).item() / 2)


def test_gradients_are_right() -> None:
    images, places = pairs()
    scale = torch.tensor(1.0, dtype=torch.float64)
    for tensor in (images, places, scale):
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(clip_loss, (images, places, scale))


def test_scale_is_clamped_at_a_hundred() -> None:
    images, places = pairs()
    at_limit = clip_loss(images, places, torch.tensor(math.log(100.0)))
    assert clip_loss(images, places, torch.tensor(9.0)) == at_limit
    assert clip_loss(images, places, torch.tensor(4.0)) != at_limit


def test_chance_is_the_logarithm_of_the_batch() -> None:
    same = torch.ones(11, 4)
    assert clip_loss(same, same, torch.tensor(2.0)).item() == pytest.approx(math.log(11))


def test_matching_pairs_in_any_order_lose_the_same() -> None:
    images, places = pairs()
    order = torch.randperm(len(images))
    scale = torch.tensor(2.0, dtype=torch.float64)
    shuffled = clip_loss(images[order], places[order], scale)
    assert shuffled.item() == pytest.approx(clip_loss(images, places, scale).item())
