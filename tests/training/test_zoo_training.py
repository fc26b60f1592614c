"""Runs of the zoo: they learn, repeat, stop early, and leave torch's random state alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satclip_training.zoo.cell_settings import CellSettings
from satclip_training.zoo.cell_training import Budget, Problem, Split, fit, grade, predict
from satclip_training.zoo.problems import sphere_points

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = CellSettings(1e-2, 1e-6, dim_hidden=16, legendre_polys=4, frequency_num=4)
SHORT = Budget(epochs=40, batch_size=100)


def hemispheres(kind: str) -> Problem:
    """North or south; as classes, or the sine of latitude as a number."""
    splits = []
    for seed in range(3):
        lonlat = sphere_points(300, seed)
        height = np.sin(np.radians(lonlat[:, 1]))
        splits.append(Split(lonlat, height if kind == "numbers" else (height > 0).astype(float)))
    return Problem("hemispheres", kind, 2 if kind == "classes" else 1, *splits)


@pytest.mark.parametrize("kind", ["binary", "classes", "numbers"])
@pytest.mark.parametrize("network", ["linear", "fcnet", "siren"])
def test_a_simple_field_is_learnt(kind: str, network: str) -> None:
    task = hemispheres(kind)
    fitted = fit(task, "sphericalharmonics", network, SETTINGS, budget=SHORT)
    assert grade(task, predict(fitted, task.test.lonlat), task.test) > 0.9
    assert fitted.epochs <= 40


def test_a_seed_repeats_a_run_and_another_does_not() -> None:
    task = hemispheres("binary")
    runs = [
        predict(fit(task, "wrap", "fcnet", SETTINGS, seed=seed, budget=SHORT), task.test.lonlat)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


def test_it_stops_when_validation_gets_no_better() -> None:
    task = hemispheres("binary")
    lost = Split(task.validation.lonlat, 1 - task.validation.target)
    wrong = Problem("wrong", "binary", 1, task.train, lost, task.test)
    losses: list[float] = []
    budget = Budget(epochs=200, patience=5, batch_size=100)
    fitted = fit(
        wrong, "cartesian3d", "linear", SETTINGS, budget=budget,
        report=lambda epoch, loss: losses.append(loss),
    )  # fmt: skip
    assert fitted.epochs == len(losses) == int(np.argmin(losses)) + 1 + 5
    assert fitted.validation_loss == losses[-1] > min(losses)


def test_a_run_that_diverges_stops_at_once() -> None:
    wild = CellSettings(1e300, 0.0)
    fitted = fit(hemispheres("numbers"), "direct", "linear", wild, budget=SHORT)
    assert not np.isfinite(fitted.validation_loss)
    assert fitted.epochs < 5


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    fit(hemispheres("binary"), "wrap", "fcnet", SETTINGS, budget=Budget(epochs=2))
    assert torch.equal(before, torch.get_rng_state())


def test_grades() -> None:
    lonlat = np.zeros((4, 2))
    binary = Split(lonlat, np.array([0.0, 1.0, 1.0, 0.0]))
    task = Problem("t", "binary", 1, binary, binary, binary)
    assert grade(task, np.array([[-1.0], [2.0], [-0.1], [-5.0]]), binary) == 0.75
    numbers = Split(lonlat, np.array([0.0, 1.0, 2.0, 3.0]))
    task = Problem("t", "numbers", 1, numbers, numbers, numbers)
    assert grade(task, np.full((4, 1), 1.5), numbers) == pytest.approx(0)
    assert grade(task, numbers.target[:, None], numbers) == 1
