"""All-to-all InfoNCE against a plain transcription of its formula, and CLIP's loss as one case."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch

from satclip_core.encoder.modal import COORDINATES
from satclip_training.objectives.all_to_all import all_to_all_loss, modality_pairs, pair_weights
from satclip_training.objectives.contrast import clip_loss

COUNT, DIM = 9, 5
NAMES = [COORDINATES, "image", "relief", "words"]


def made(seed: int = 0, names: list[str] = NAMES) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(COUNT, DIM, generator=generator, dtype=torch.float64) for name in names
    }


def everywhere(names: list[str] = NAMES) -> dict[str, torch.Tensor]:
    return {name: torch.ones(COUNT, dtype=torch.bool) for name in names}


def some_missing(seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    present = {name: torch.rand(COUNT, generator=generator) < 0.6 for name in NAMES}
    present[COORDINATES][:] = True
    present["words"][:] = False
    present["words"][2] = True  # one alone
    return present


def transcribed(
    embeddings: dict[str, torch.Tensor],
    present: dict[str, torch.Tensor],
    scales: dict[tuple[str, str], float],
    *,
    by_sample: bool,
) -> float:
    """The docstring's formula, number by number, over ordered pairs."""
    values = {name: rows.tolist() for name, rows in embeddings.items()}

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b)) / math.sqrt(
            sum(x * x for x in a) * sum(y * y for y in b)
        )

    def single(i: int, m: str, n: str, scale: float) -> float:
        both = [j for j in range(COUNT) if present[m][j] and present[n][j]]
        logits = {j: scale * cosine(values[m][i], values[n][j]) for j in both}
        return -math.log(math.exp(logits[i]) / sum(math.exp(z) for z in logits.values()))

    terms = {
        (i, m, n): single(i, m, n, scales.get((m, n)) or scales[n, m])
        for m, n in permutations(values, 2)
        if (m, n) in scales or (n, m) in scales
        for i in range(COUNT)
        if present[m][i] and present[n][i]
    }
    groups: dict[object, list[float]] = {}
    for (i, m, n), value in terms.items():
        groups.setdefault(i if by_sample else (m, n), []).append(value)
    means = [sum(group) / len(group) for group in groups.values()]
    return sum(means) / len(means)


@pytest.mark.parametrize("by_sample", [True, False])
@pytest.mark.parametrize("pivot", [False, True])
@pytest.mark.parametrize("present", [everywhere(), some_missing()], ids=["all there", "missing"])
@pytest.mark.parametrize("each", [False, True], ids=["one scale", "a scale a pair"])
def test_equals_the_formula(
    present: dict[str, torch.Tensor], by_sample: bool, pivot: bool, each: bool
) -> None:
    embeddings, pairs = made(), modality_pairs(NAMES, pivot=pivot)
    assert len(pairs) == (3 if pivot else 6)
    log_scales = torch.linspace(0.5, 2, len(pairs) if each else 1, dtype=torch.float64)
    scales = dict(zip(pairs, log_scales.exp().expand(len(pairs)).tolist()))
    wanted = transcribed(embeddings, present, scales, by_sample=by_sample)
    for rows in (0, 2):
        got = all_to_all_loss(
            embeddings, present, log_scales, pairs, by_sample=by_sample, rows=rows
        )
        assert got.item() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("log_scale", [1.0, 6.5], ids=["start", "clamped, careful"])
def test_two_modalities_are_clip(log_scale: float) -> None:
    names = [COORDINATES, "image"]
    mine, theirs = made(names=names), made(names=names)
    scale = [torch.tensor([log_scale], dtype=torch.float64) for _ in range(2)]
    for tensor in [*mine.values(), *theirs.values(), *scale]:
        tensor.requires_grad_()
    loss = all_to_all_loss(mine, everywhere(names), scale[0], modality_pairs(names), largest=6.0)
    clip = clip_loss(theirs["image"], theirs[COORDINATES], scale[1][0], 6.0)
    assert loss.item() == pytest.approx(clip.item(), abs=1e-12)
    loss.backward()
    clip.backward()
    for name in names:
        torch.testing.assert_close(mine[name].grad, theirs[name].grad, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(scale[0].grad, scale[1].grad, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("rows", [0, 4])
@pytest.mark.parametrize("by_sample", [True, False])
def test_gradients_are_right_with_missing_rows(rows: int, by_sample: bool) -> None:
    embeddings, present, pairs = made(), some_missing(), modality_pairs(NAMES)
    log_scales = torch.linspace(0.2, 1, len(pairs), dtype=torch.float64)
    inputs = [*embeddings.values(), log_scales]
    for tensor in inputs:
        tensor.requires_grad_()

    def loss(*given: torch.Tensor) -> torch.Tensor:
        return all_to_all_loss(
            dict(zip(NAMES, given)), present, given[-1], pairs, by_sample=by_sample, rows=rows
        )

    assert torch.autograd.gradcheck(loss, inputs)
    gradients = torch.autograd.grad(loss(*inputs), inputs)
    for name, gradient in zip(NAMES, gradients):
        assert (gradient[~present[name]] == 0).all()


def test_large_scales_are_solved_with_maxima_subtracted() -> None:
    """Where the shifted sums would underflow (opposite rows at a scale of 900)."""
    embeddings, present = made(), some_missing()
    embeddings["image"] = -embeddings[COORDINATES]
    single = {name: rows.float() for name, rows in embeddings.items()}
    pairs, log_scale = modality_pairs(NAMES), torch.tensor([math.log(900.0)])
    wanted = all_to_all_loss(embeddings, present, log_scale.double(), pairs, largest=8.0, rows=1)
    got = all_to_all_loss(single, present, log_scale, pairs, largest=8.0)
    assert wanted.item() > 100
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_what_a_missing_row_holds_changes_nothing() -> None:
    present, pairs, scale = some_missing(), modality_pairs(NAMES), torch.ones(1).double()
    embeddings, others = made(0), made(5)
    mixed = {
        name: torch.where(present[name][:, None], embeddings[name], others[name]) for name in NAMES
    }
    first = all_to_all_loss(embeddings, present, scale, pairs)
    assert all_to_all_loss(mixed, present, scale, pairs).item() == first.item()


def test_without_any_pair_the_loss_is_zero_and_so_are_its_gradients() -> None:
    embeddings, pairs = made(), modality_pairs(NAMES)
    present = {name: torch.zeros(COUNT, dtype=torch.bool) for name in NAMES}
    embeddings["image"].requires_grad_()
    loss = all_to_all_loss(embeddings, present, torch.ones(1).double(), pairs)
    loss.backward()
    assert loss.item() == 0
    assert (embeddings["image"].grad == 0).all()


@pytest.mark.parametrize("by_sample", [True, False])
def test_weights_add_up_to_one(by_sample: bool) -> None:
    weights = pair_weights(some_missing(), modality_pairs(NAMES), by_sample=by_sample)
    assert weights.sum().item() == pytest.approx(1)
