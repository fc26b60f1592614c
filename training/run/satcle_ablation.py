"""SatCLE's ablation: neither continuity, the spatial one, the semantic one, both.

Same data, seeds and probes for each; a run that is finished is kept, one that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence

from satclip_core.errors import InputError
from satclip_core.models.registry import load_encoder

from ..evaluation.kept_scores import KeptScores
from ..evaluation.linear_probe import Scores, run_probes
from ..evaluation.over_runs import mean_and_deviation
from ..evaluation.tasks import Task, load_tasks, tasks_digest
from ..settings.config import ProbeSettings, TrainConfig
from .pretraining import RunOptions, train

log = logging.getLogger("satclip_training")

VARIANTS = {
    "neither": (False, False),
    "spatial": (True, False),
    "semantic": (False, True),
    "both": (True, True),
}
"""Name -> whether it has spatial and semantic continuity."""


def check_ablation(config: TrainConfig) -> None:
    """Refuse a configuration that has nothing to take away, or nothing to be scored on.

    Raises:
        InputError: another objective, no spatial continuity, no smoothed source, no probe tasks.
    """
    if config.objective.kind != "satcle" or not config.objective.settings.spatial:
        raise InputError(
            f"{config.name}: an ablation of SatCLE begins with the whole of it; set objective.kind "
            "to satcle and objective.spatial to true"
        )
    if all(source.smoothing is None for source in config.sources.values()):
        raise InputError(f"{config.name}: no source is smoothed; set sources.NAME.smoothing")
    if config.probe.tasks is None:
        raise InputError(f"{config.name}: nothing to score by; set probe.tasks")


def variant_config(config: TrainConfig, variant: str, seed: int) -> TrainConfig:
    """The whole configuration without what a variant of it has not.

    Args:
        config: SatCLE with both continuities.
        variant: a key of `VARIANTS`.
        seed: of the run.
    """
    spatial, semantic = VARIANTS[variant]
    options = dataclasses.replace(config.objective.settings, spatial=spatial)
    sources = {
        name: source if semantic else dataclasses.replace(source, smoothing=None)
        for name, source in config.sources.items()
    }
    return dataclasses.replace(
        config,
        name=f"{config.name}-{variant}-{seed}",
        seed=seed,
        sources=sources,
        objective=dataclasses.replace(config.objective, settings=options),
    )


def run_ablation(
    config: TrainConfig,
    options: RunOptions,
    seeds: Sequence[int],
    variants: Sequence[str] = tuple(VARIANTS),
) -> dict[str, list[Scores]]:
    """Train and score every variant with every seed.

    Args:
        config: SatCLE with both continuities.
        options: `output` is the folder that has a folder for each run, named by what shapes it;
            `cache` is shared by them.
        seeds: of the runs.
        variants: keys of `VARIANTS`.

    Returns:
        Variant -> scores of its runs, in the order of the seeds.

    Raises:
        InputError: settings or files that cannot be used.
        CancelledError: stopped; the same call goes on from there.
    """
    check_ablation(config)
    options = dataclasses.replace(options, cache=options.features)
    assert config.probe.tasks is not None
    file = options.places.find(config.probe.tasks, "probe.tasks")
    tasks = load_tasks(file, data_root=options.data_root, names=config.probe.names)
    # Seed by seed, so that what is finished can be compared early.
    runs = {
        (variant, seed): _finished(variant_config(config, variant, seed), options, tasks)
        for seed in seeds
        for variant in variants
    }
    return {variant: [runs[variant, seed] for seed in seeds] for variant in variants}


def _finished(config: TrainConfig, options: RunOptions, tasks: Sequence[Task]) -> Scores:
    """Scores of a run: kept ones, or those of the run that is done now."""
    own = dataclasses.replace(config, probe=ProbeSettings())
    folder = options.output / f"{config.name}-{own.digest()[:8]}"

    def scores() -> Scores:
        path = train(own, dataclasses.replace(options, output=folder))
        return run_probes(load_encoder(path).encode, tasks)

    key = {"run": folder.name, "tasks": tasks_digest(tasks)}
    kept = KeptScores(options.output / "scores")
    if kept.find(key) is not None:
        log.info("%s is finished", config.name)
    return kept.get(key, scores)


def ablation_rows(scores: Mapping[str, Sequence[Scores]]) -> list[list[str]]:
    """Rows variant, task, runs, mean and standard deviation (of a sample; empty for one run)."""
    return [
        [variant, task, str(len(runs)), *mean_and_deviation(values)]
        for variant, runs in scores.items()
        for task in runs[0]
        for values in [[run[task] for run in runs]]
    ]


def ablation_table(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Markdown: a row for each task, mean ± standard deviation of each variant."""
    cells = {(row[0], row[1]): row[3:] for row in ablation_rows(scores)}
    tasks = list(next(iter(scores.values()))[0])
    lines = [f"| task | {' | '.join(scores)} |", f"|---|{'---:|' * len(scores)}"]
    for task in tasks:
        own = [cells[variant, task] for variant in scores]
        said = [mean[:-1] + (f" ± {sd[:-1]}" if sd else "") for mean, sd in own]
        lines.append(f"| {task} | {' | '.join(said)} |")
    return "\n".join(lines)
