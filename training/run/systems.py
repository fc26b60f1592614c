"""The systems side by side: each trained on the same data with the same budget, then measured.

Every run and every measure of it is kept, so that a comparison that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from satclip_core.encoder import LocationEncoder
from satclip_core.errors import CancelledError, InputError
from satclip_core.files import written_whole
from satclip_core.models.registry import load_encoder
from satclip_core.types import Float32, Floats

from ..evaluation.continuity import continuity_rows, probed_places
from ..evaluation.kept_scores import KeptScores, Values
from ..evaluation.linear_probe import LEAK_NOTE, LEAKED, run_probes
from ..evaluation.over_runs import mean_and_deviation
from ..evaluation.retrieval import score_pairs
from ..evaluation.tasks import Task, leaked, tasks_digest
from ..places.gathering import PLACES
from ..places.reading import read_places
from ..settings.config import ProbeSettings, TrainConfig
from .callbacks import duration, read_log
from .loop import Pretraining, to_device
from .pretraining import RunOptions, finished_run, image_files, train

log = logging.getLogger("satclip_training")

PROBES = ("probe", "range")
"""Measures that are linear probes, by this project's protocol and by RANGE's."""
MEASURES = (*PROBES, "retrieval", "continuity", "speed", "cost")
FINISHED = "finished.txt"
CONTINUITY_PLACES = 1000
GRID_SIDE, GRID_STEP = 256, 0.02
"""Rows and columns of the grid that speed is measured on, and its cells in degrees."""
SPEED_TIMES = 3
RECALLS = (1, 5, 10)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run: a system with a seed.

    Attributes:
        system: name of its configuration.
        seed: of the run.
        values: by measure, then by what was measured.
        leaks: tasks whose labels were among its imagery.
    """

    system: str
    seed: int
    values: dict[str, Values]
    leaks: tuple[str, ...]


def check_systems(configs: Sequence[TrainConfig]) -> None:
    """Refuse configurations that do not share a budget.

    Raises:
        InputError: names that occur twice, other places, or another number of samples seen.
    """
    first = configs[0]
    if len({config.name for config in configs}) < len(configs):
        raise InputError(
            f"systems {', '.join(c.name for c in configs)}: each needs a name of its own"
        )
    for config in configs[1:]:
        if config.points != first.points:
            raise InputError(
                f"{config.name}: points differ from those of {first.name}: systems are compared on "
                "the same places; set them alike"
            )
        if _budget(config) != _budget(first):
            raise InputError(
                f"{config.name}: training.epochs {config.training.epochs}, validation_fraction "
                f"{config.training.validation_fraction:g} and patience {config.training.patience}, "
                f"{first.name} has {', '.join(f'{value:g}' for value in _budget(first))}: systems "
                "are compared after equally many samples; set them alike"
            )


def _budget(config: TrainConfig) -> tuple[float, ...]:
    training = config.training
    return training.epochs, training.validation_fraction, training.patience


def run_systems(
    configs: Sequence[TrainConfig],
    options: RunOptions,
    seeds: Sequence[int],
    tasks: Sequence[Task],
    report: Callable[[str], None] = log.info,
) -> list[Cell]:
    """Train every system with every seed, and measure each.

    Args:
        configs: of the systems.
        options: `output` is the folder that has a folder for each run; features are shared.
        seeds: of the runs.
        tasks: of the probes.
        report: told a line after each cell, with the time left.

    Raises:
        InputError: settings or files that cannot be used.
        CancelledError: stopped; the same call goes on from there.
    """
    check_systems(configs)
    shared = dataclasses.replace(options, cache=options.features)
    kept = KeptScores(options.output / "measures")
    started, done = time.monotonic(), 0
    # Seed by seed, so that systems can be compared early.
    order = [(config, seed) for seed in seeds for config in configs]
    cells = []
    for number, (config, seed) in enumerate(order, 1):
        cell, anew = _cell(config, seed, shared, tasks, kept)
        cells.append(cell)
        done += anew
        left = (time.monotonic() - started) / max(1, done) * (len(order) - number)
        report(
            f"{config.name}, seed {seed}: {number} of {len(order)} done"
            + (f", about {duration(left)} left" if done and number < len(order) else "")
        )
    return sorted(cells, key=lambda cell: [config.name for config in configs].index(cell.system))


def _cell(
    config: TrainConfig,
    seed: int,
    options: RunOptions,
    tasks: Sequence[Task],
    kept: KeptScores,
) -> tuple[Cell, bool]:
    """A cell, and whether anything of it had to be done now."""
    own = dataclasses.replace(config, seed=seed, probe=ProbeSettings())
    folder = options.output / f"{config.name}-{seed}-{own.digest()[:8]}"
    run = dataclasses.replace(options, output=folder)
    anew = not (folder / FINISHED).exists()
    if anew:
        train(own, run)
        with written_whole(folder / FINISHED) as partial:
            partial.write_text("", encoding="utf-8")
    measuring = _Measuring(own, run, tasks)
    values: dict[str, Values] = {}
    for measure in MEASURES:
        if options.cancelled is not None and options.cancelled():
            raise CancelledError("stopped; the same command goes on from here")
        asked = tasks_digest(tasks) if measure in PROBES else None
        key = {"run": folder.name, "measure": measure, "tasks": asked}
        anew = anew or kept.find(key) is None
        values[measure] = kept.get(key, getattr(measuring, measure))
    leaks = leaked(tasks, image_files(config))
    return Cell(config.name, seed, values, tuple(leaks)), anew


class _Measuring:
    """The measures of one finished run, each by its name.

    Args:
        config: of the run.
        options: of the run.
        tasks: of the probes.
    """

    def __init__(self, config: TrainConfig, options: RunOptions, tasks: Sequence[Task]) -> None:
        self._config, self._options, self._tasks = config, options, tasks
        self.model = options.output / f"{config.name}.npz"
        self._embeddings: dict[int, Float32] = {}

    def _encoder(self) -> LocationEncoder:
        return load_encoder(self.model)

    def _embed(self, lonlat: Floats) -> Float32:
        """Embeddings of a task's places, kept for the other protocol."""
        if id(lonlat) not in self._embeddings:
            self._embeddings[id(lonlat)] = self._encoder().encode(lonlat)
        return self._embeddings[id(lonlat)]

    def probe(self) -> Values:
        """Linear probes by this project's protocol."""
        return run_probes(self._embed, self._tasks)

    def range(self) -> Values:
        """Linear probes by the protocol of RANGE."""
        return run_probes(self._embed, self._tasks, protocol="range")

    def retrieval(self) -> Values:
        """Recall and median rank between all that the objective compares, at held-out places."""
        found = held_out_embeddings(finished_run(self._config, self._options))
        values: Values = {}
        for score in score_pairs(found, RECALLS):
            pair = f"{score.query} to {score.target}"
            values |= {f"{pair}, recall at {k}": share for k, share in score.recall.items()}
            values[f"{pair}, median rank"] = score.median_rank
            values[f"{pair}, candidates"] = float(score.candidates)
        return values

    def continuity(self) -> Values:
        """Change of the unit embedding per kilometre."""
        probed = probed_places(
            read_places(self._options.output / PLACES), CONTINUITY_PLACES, seed=0
        )
        rows = continuity_rows(self._config.name, self._encoder().encode, probed)
        return {f"{where}, {km:g} km": change for _, where, km, change in rows}

    def speed(self) -> Values:
        """Pixels a second of the grid path, and the size of the file in bytes and weights."""
        encoder = self._encoder()
        return {
            "pixels per processor second": pixels_per_second(encoder),
            "bytes": float(self.model.stat().st_size),
            "parameters": float(sum(np.size(value) for value in encoder.weights.values())),
        }

    def cost(self) -> Values:
        """What training took, without features of imagery and probes."""
        rows = read_log(self._options.output)
        return {
            "epochs": float(rows[-1]["epoch"]),
            "processor seconds": sum(float(row["processor_seconds"]) for row in rows),
            "seconds": sum(float(row["seconds"]) for row in rows),
        }


@torch.no_grad()
def held_out_embeddings(module: Pretraining) -> dict[str, Floats]:
    """What the objective compares, at the places that were held out: (N, dim) by name.

    Raises:
        InputError: nothing was held out, or the objective compares no embeddings.
    """
    module.model.eval()
    parts: list[dict[str, torch.Tensor]] = []
    with module.average.applied():
        for step in range(module.pairs.validation_steps):
            batch = module.pairs.validation_batch(step)
            images = {
                name: to_device(values, module.device).to(module.precise)
                for name, values in batch.images.items()
            }
            parts.append(module.model.embedded(batch.lonlat, images))
    if not parts or not parts[0]:
        raise InputError(
            f"{module.config.name}: nothing to retrieve: set training.validation_fraction, and "
            "take an objective that says what it compares (Objective.embedded)"
        )
    return {
        name: torch.cat([part[name] for part in parts]).double().cpu().numpy() for name in parts[0]
    }


def pixels_per_second(encoder: LocationEncoder) -> float:
    """Of `encode_grid` on a grid in Europe, for each second of a processor; the best of some times.

    Seconds of all cores, not of a clock: other work on the machine changes these little.
    """
    lons = 5 + GRID_STEP * np.arange(GRID_SIDE)
    lats = 52 - GRID_STEP * np.arange(GRID_SIDE)
    seconds = []
    for _ in range(SPEED_TIMES):
        started = time.process_time()
        encoder.encode_grid(lons, lats)
        seconds.append(time.process_time() - started)
    return GRID_SIDE**2 / max(min(seconds), 1e-9)


def model_files(folder: Path, configs: Sequence[TrainConfig], seed: int) -> dict[str, Path]:
    """The model file of each system's run with a seed."""
    found = {}
    for config in configs:
        own = dataclasses.replace(config, seed=seed, probe=ProbeSettings())
        run = folder / f"{config.name}-{seed}-{own.digest()[:8]}"
        found[config.name] = run / f"{config.name}.npz"
    return found


def system_rows(cells: Sequence[Cell]) -> Iterator[list[str]]:
    """Rows system, measure, item, runs, mean, sd (of a sample; empty for one run)."""
    for system in dict.fromkeys(cell.system for cell in cells):
        own = [cell for cell in cells if cell.system == system]
        for measure in MEASURES:
            for item in own[0].values[measure]:
                numbers = [cell.values[measure][item] for cell in own]
                mean, _ = mean_and_deviation(numbers, ".10g")
                _, deviation = mean_and_deviation(numbers, ".6g")
                yield [system, measure, item, str(len(numbers)), mean, deviation]


def system_table(cells: Sequence[Cell], tasks: Sequence[Task]) -> str:
    """Markdown: a row for each thing that was measured, mean ± deviation of each system."""
    systems = list(dict.fromkeys(cell.system for cell in cells))
    found = {(row[1], row[2], row[0]): row[4:] for row in system_rows(cells)}
    leaks = {cell.system: cell.leaks for cell in cells}
    grades = {task.name: "accuracy" if task.classes else "R²" for task in tasks}
    lines = [f"| | {' | '.join(systems)} |", f"|---|{'---:|' * len(systems)}"]
    for measure, item in dict.fromkeys(key[:2] for key in found):
        row = []
        for system in systems:
            mean, deviation = found.get((measure, item, system), ("", ""))
            leaky = measure in PROBES and item in leaks[system]
            row.append(_said(measure, item, mean, deviation) + LEAKED * leaky)
        lines.append(f"| {_title(measure, item, grades)} | {' | '.join(row)} |")
    if any(LEAKED in line for line in lines):
        lines += ["", LEAK_NOTE]
    return "\n".join(lines)


def _title(measure: str, item: str, grades: Mapping[str, str]) -> str:
    if measure in PROBES:
        return f"{item}, {grades.get(item, '')}" + (", RANGE" if measure == "range" else "")
    if measure == "continuity":
        return f"change per km, {item}, 10⁻³"
    return f"{item} of the run" if measure == "cost" else item


def _said(measure: str, item: str, mean: str, deviation: str) -> str:
    """A number in the digits that it deserves; nothing where a system has none."""
    if not mean:
        return "–"
    factor, digits = 1.0, 3
    if measure == "continuity":
        factor = 1000.0
    elif float(mean) >= 20:
        digits = 0
    said = f"{factor * float(mean):,.{digits}f}"
    return said + (f" ± {factor * float(deviation):,.{digits}f}" if deviation else "")


def facts(configs: Sequence[TrainConfig]) -> list[str]:
    """Lines on what is shared, and on what each system is trained against."""
    first = configs[0]
    held = first.training.validation_fraction
    seen = first.training.epochs * round(first.points.count * (1 - held))
    lines = [
        f"{first.points.count:,} places, {held:.0%} of them held out; {first.training.epochs} "
        f"epochs, so {seen:,} samples seen by each system."
    ]
    for config in configs:
        lines.append(
            f"{config.name}: the objective {config.objective.kind} with "
            f"{', '.join([*config.sources, *config.modalities])}; batches of "
            f"{config.training.batch_size}, rate {config.training.learning_rate:g}."
        )
    return lines
