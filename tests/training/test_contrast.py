"""The contrastive losses against their formulas, by hand, plainly, and by finite differences."""

from __future__ import annotations

import math
from typing import Callable

import pytest
import torch
from torch.nn import functional

from satclip_training.objectives.contrast import clip_loss, siglip_loss


def pairs(count: int = 7, dim: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    make = lambda: torch.randn(count, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=1, keepdim=True)


def similarity_logits(
    images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor, largest: float
) -> torch.Tensor:
    """exp(s) times the cosine similarity of every image (rows) with every place (columns)."""
    images = functional.normalize(images, dim=-1)
    places = functional.normalize(places, dim=-1)
    return log_scale.clamp(max=largest).exp() * images @ places.T


def plain_clip(
    images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor, largest: float
) -> torch.Tensor:
    """The whole matrix at once, differentiated by torch."""
    logits = similarity_logits(images, places, log_scale, largest)
    target = torch.arange(len(logits))
    return (
        functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    ) / 2


def plain_siglip(
    images: torch.Tensor,
    places: torch.Tensor,
    log_scale: torch.Tensor,
    bias: torch.Tensor,
    largest: float,
) -> torch.Tensor:
    """The whole matrix at once, differentiated by torch."""
    logits = similarity_logits(images, places, log_scale, largest) + bias
    signs = 2 * torch.eye(len(logits), dtype=torch.float64) - 1
    return -functional.logsigmoid(signs * logits).sum() / len(logits)


def test_equals_the_cross_entropy_formula() -> None:
    images, places = pairs()
    logits = math.exp(1.5) * unit(images) @ unit(places).T
    rows = -(logits.diagonal() - logits.logsumexp(1)).mean()
    columns = -(logits.diagonal() - logits.logsumexp(0)).mean()
    loss = clip_loss(images, places, scalar(1.5))
    assert loss.item() == pytest.approx((rows + columns).item() / 2)


def test_sigmoid_loss_of_two_pairs_by_hand() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    places = torch.tensor([[3.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    # Similarities are 1, 1/sqrt 2 | 0, 1/sqrt 2; scale 10 and bias -10 as the paper starts.
    half = math.sqrt(0.5)
    terms = [-(10 - 10), 10 * half - 10, 0 - 10, -(10 * half - 10)]
    by_hand = sum(math.log(1 + math.exp(term)) for term in terms) / 2
    loss = siglip_loss(images, places, scalar(math.log(10)), scalar(-10.0))
    assert loss.item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("loss", [clip_loss, siglip_loss])
def test_gradients_are_right(loss: Callable[..., torch.Tensor]) -> None:
    inputs = [*pairs(), scalar(1.0), *([scalar(-1.0)] if loss is siglip_loss else [])]
    for tensor in inputs:
        tensor.requires_grad_()
    for rows in (0, 3):
        assert torch.autograd.gradcheck(lambda *x, r=rows: loss(*x, rows=r), inputs)


LARGEST = math.log(1000)


@pytest.mark.parametrize("rows", [0, 1, 5, 37, 100])
@pytest.mark.parametrize(
    "log_scale",
    [math.log(14.3), math.log(99), math.log(900), 8.0],
    ids=["start", "CLIP's end", "beyond float32's exponents", "clamped"],
)
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_blocks_of_rows_change_nothing(kind: str, log_scale: float, rows: int) -> None:
    inputs = [*pairs(37), scalar(log_scale), *([scalar(-10.0)] if kind == "siglip" else [])]
    for tensor in inputs:
        tensor.requires_grad_()
    loss, plain = (clip_loss, plain_clip) if kind == "clip" else (siglip_loss, plain_siglip)
    wanted = plain(*inputs, LARGEST)
    got = loss(*inputs, LARGEST, rows=rows)
    assert abs((got - wanted).item()) < 1e-10
    # Times 3, so that what comes from above is passed on.
    both = zip(torch.autograd.grad(3 * got, inputs), torch.autograd.grad(3 * wanted, inputs))
    for mine, theirs in both:
        torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=1e-10)
    if log_scale > LARGEST:
        assert torch.autograd.grad(loss(*inputs, LARGEST, rows=rows), inputs[2])[0] == 0


@pytest.mark.parametrize("scale", [14.3, 99.0, 900.0])
def test_float32_is_as_good_in_blocks(scale: float) -> None:
    images, places = pairs(300, 64)
    places = images + places  # most pairs match, as late in a training
    inputs = [images, places, scalar(math.log(scale))]
    wanted = plain_clip(*inputs, LARGEST).item()
    got = clip_loss(*(x.float() for x in inputs), LARGEST, rows=64).item()
    # float32 keeps logits to 6e-8 times the scale.
    assert got == pytest.approx(wanted, abs=1e-6 * scale)


def test_a_row_far_below_the_others_is_not_lost_to_underflow() -> None:
    """Its similarities are all -1, so e to them less the largest logit is 0 in float32."""
    images, places = (torch.eye(3, 4)[[0, 0, 0]] for _ in range(2))
    images[2] *= -1
    wanted = plain_clip(images.double(), places.double(), scalar(math.log(100)), LARGEST).item()
    got = clip_loss(images, places, torch.tensor(math.log(100.0)), LARGEST, rows=2).item()
    assert got == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("loss", [clip_loss, siglip_loss])
def test_mixed_precision_computes_the_loss_in_float32(loss: Callable[..., torch.Tensor]) -> None:
    images, places = (x.bfloat16().requires_grad_() for x in pairs(50, 16))
    more = [torch.tensor(3.0), *([torch.tensor(-10.0)] if loss is siglip_loss else [])]
    wanted = loss(images.float(), places.float(), *more)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = loss(images, places, *more, rows=16)
    assert got.dtype is torch.float32
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-6)
    got.backward()
    assert images.grad is not None
    assert images.grad.dtype is torch.bfloat16


def test_nothing_as_large_as_the_similarities_is_held() -> None:
    """Memory grows with `rows` times N: the largest tensor made is one block."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Sizes(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                self.largest = max(self.largest, out.untyped_storage().nbytes())
            return out

    images, places = (x.float().requires_grad_() for x in pairs(512, 8))
    for loss in (clip_loss, siglip_loss):
        more = [torch.tensor(3.0), *([torch.tensor(-10.0)] if loss is siglip_loss else [])]
        with Sizes() as sizes:
            loss(images, places, *more, rows=32).backward()
        assert sizes.largest == 32 * 512 * 4


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
    shuffled = clip_loss(images[order], places[order], scalar(2.0))
    assert shuffled.item() == pytest.approx(clip_loss(images, places, scalar(2.0)).item())
