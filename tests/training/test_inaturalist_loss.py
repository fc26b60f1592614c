"""The presence-only loss against the formula written out, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satclip_training.inaturalist.loss import presence_only_loss


def by_hand(logits: np.ndarray, labels: np.ndarray, background: np.ndarray, weight: float) -> float:
    """The sum of the equation, term by term."""

    def probability(value: float) -> float:
        return 1 / (1 + np.exp(-value))

    classes = logits.shape[1]
    total = 0.0
    for row, label in zip(logits, labels):
        for species, value in enumerate(row):
            seen = species == label
            total -= weight * np.log(probability(value)) if seen else np.log(1 - probability(value))
    total /= len(logits) * classes
    absent = [np.log(1 - probability(value)) for value in background.ravel()]
    return total - float(np.sum(absent)) / background.size


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(0, 2, (5, 4)), np.array([0, 3, 1, 1, 2]), rng.normal(0, 2, (7, 4))


@pytest.mark.parametrize("weight", [None, 1.0, 2048.0])
def test_value_is_that_of_the_equation(
    batch: tuple[np.ndarray, np.ndarray, np.ndarray], weight: float | None
) -> None:
    logits, labels, background = map(torch.from_numpy, batch)
    got = presence_only_loss(logits, labels, background, weight)
    # λ is the number of species where nothing is said.
    assert float(got) == pytest.approx(by_hand(*batch, 4.0 if weight is None else weight))


def test_even_odds_cost_what_can_be_counted() -> None:
    """All logits 0: (λ + C - 1 + C) log 2 / C."""
    loss = presence_only_loss(torch.zeros(6, 10), torch.arange(6), torch.zeros(6, 10))
    assert float(loss) == pytest.approx((10 + 9 + 10) * np.log(2) / 10)


def test_certain_logits_neither_overflow_nor_lose_their_gradient() -> None:
    logits = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    loss = presence_only_loss(logits, torch.tensor([0]), torch.full((1, 2), -200.0))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx((2 * 200 + 200) / 2)
    torch.testing.assert_close(logits.grad, torch.tensor([[-1.0, 0.5]]))


def test_gradient_raises_the_species_seen_and_lowers_all_others(
    batch: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    logits, labels, background = map(torch.from_numpy, batch)
    logits.requires_grad_(), background.requires_grad_()
    presence_only_loss(logits, labels, background).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert background.grad is not None
    seen = torch.nn.functional.one_hot(labels, 4).bool()
    assert (logits.grad[seen] < 0).all()
    assert (logits.grad[~seen] > 0).all()
    assert (background.grad > 0).all()
    assert torch.autograd.gradcheck(
        lambda a, b: presence_only_loss(a, labels, b), (logits, background)
    )
