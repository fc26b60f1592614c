"""Settings of a cell found by Optuna, in the ranges that the published tuning searched."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_core.errors import InputError, require

from .cell_settings import MULTI_SCALE, CellSettings
from .cell_training import Budget, Problem, fit
from .records import problem_digest

STORAGE = "trials.db"
# Published: 100 trials of 100 epochs, batches of 1,000 (the tuning's own default), the loss of the
# last epoch. float32 here, for speed; final runs are float64.
SEARCH_BUDGET = Budget(epochs=100, patience=30, batch_size=1000, dtype="float32")
_REPORT_EVERY = 10
_DONE = ("COMPLETE", "PRUNED")
_STARTUP_TRIALS, _WARMUP_EPOCHS = 5, 10

Report = Callable[[int], None]


@dataclass(frozen=True)
class SearchPlan:
    """How much is searched, and where trials are kept.

    Attributes:
        folder: of the trials.
        trials: of each cell.
        budget: of each trial.
        seed: of the sampler.
        pruning: whether trials that are worse than the median half-way are ended; it saves most
            of the time, and prefers settings that learn fast to those that end well.
    """

    folder: Path
    trials: int = 100
    budget: Budget = SEARCH_BUDGET
    seed: int = 0
    pruning: bool = True


def suggest(
    trial: Any, encoding: str, network: str, legendre_polys: int | None = None
) -> CellSettings:
    """Settings drawn by an Optuna trial (the published ranges), L unless it is given."""
    sizes: dict[str, Any] = {}
    if encoding in MULTI_SCALE:
        sizes["min_radius"] = float(trial.suggest_int("min_radius", 1, 82, step=9))
        sizes["frequency_num"] = trial.suggest_int("frequency_num", 16, 64, step=16)
    elif encoding == "sphericalharmonics" and legendre_polys is not None:
        sizes["legendre_polys"] = legendre_polys
    elif encoding == "sphericalharmonics":
        sizes["legendre_polys"] = trial.suggest_int("legendre_polys", 10, 30, step=5)
    if network != "linear":
        sizes["dim_hidden"] = trial.suggest_int("dim_hidden", 32, 128, step=32)
    if network == "siren":
        sizes["num_layers"] = trial.suggest_int("num_layers", 1, 3)
    return CellSettings(
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-8, 1e-1, log=True),
        **sizes,
    )


def search(
    problem: Problem,
    encoding: str,
    network: str,
    plan: SearchPlan,
    report: Report | None = None,
    *,
    legendre_polys: int | None = None,
) -> CellSettings:
    """The settings with the lowest validation loss.

    TPE, with median pruning where the plan says so. Trials are kept in `plan.folder`; a second
    call makes those that are missing.

    Args:
        problem: what is learnt.
        encoding: positional encoding of the cell.
        network: network of the cell.
        plan: trials, their length, and where they are kept.
        report: told the number of trials done after each.
        legendre_polys: L, where it is not to be searched.

    Raises:
        MissingDependencyError: Optuna is not installed.
        InputError: no trial ended with a finite loss.
    """
    optuna = require("optuna", extra="reproduce", purpose="searching settings")
    study, done = _open(optuna, f"{encoding}-{network}", problem, plan, legendre_polys)

    def objective(trial: Any) -> float:
        settings = suggest(trial, encoding, network, legendre_polys)
        return _last_loss(optuna, trial, problem, encoding, network, settings, plan.budget)

    for count in range(done, plan.trials):
        study.optimize(objective, n_trials=1)
        if report is not None:
            report(count + 1)
    with contextlib.suppress(ValueError):  # Optuna's, where no trial is complete
        if math.isfinite(study.best_value):
            best = optuna.trial.FixedTrial(study.best_params)
            return suggest(best, encoding, network, legendre_polys)
    raise InputError(
        f"{encoding}-{network}: none of {plan.trials} trials had a finite loss at its end"
    )


def _open(
    optuna: Any, cell: str, problem: Problem, plan: SearchPlan, legendre_polys: int | None
) -> tuple[Any, int]:
    """The cell's study in the folder, and how many trials it has."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan.folder.mkdir(parents=True, exist_ok=True)
    budget = plan.budget
    how = f"{problem_digest(problem)}-{budget.epochs}x{budget.batch_size}-{budget.dtype}"
    pruners = optuna.pruners
    pruner = pruners.MedianPruner(_STARTUP_TRIALS, _WARMUP_EPOCHS)
    if not plan.pruning:
        how, pruner = f"{how}-unpruned", pruners.NopPruner()
    file = (plan.folder / STORAGE).resolve()
    try:
        study = optuna.create_study(
            study_name=f"{cell}-L{legendre_polys or 'any'}-{how}",
            storage=f"sqlite:///{file}",
            load_if_exists=True,
            pruner=pruner,
        )
    except Exception as error:  # SQLAlchemy's and SQLite's own
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{file}: cannot be used for trials ({reason}); remove it, or name another --folder"
        ) from error
    done = sum(trial.state.name in _DONE for trial in study.trials)
    # Another seed for the rest of a search that goes on: the same one would repeat its draws.
    study.sampler = optuna.samplers.TPESampler(seed=plan.seed + 1000 * done)
    return study, done


def _last_loss(
    optuna: Any,
    trial: Any,
    problem: Problem,
    encoding: str,
    network: str,
    settings: CellSettings,
    budget: Budget,
) -> float:
    """Validation loss after the last epoch (as published), unless the trial is pruned before."""

    def report(epoch: int, loss: float) -> None:
        if epoch % _REPORT_EVERY == 0:
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    fitted = fit(problem, encoding, network, settings, seed=0, budget=budget, report=report)
    loss = fitted.validation_loss
    return loss if math.isfinite(loss) else math.inf
