"""Maps of ten tasks by all our methods, k nearest neighbours and random forests, in one table.

    python tests/benchmarks/maps/table.py --data shared/data

Each cell is a task, a number of samples (100 to 20,000) and where the places to predict lie: at
random, or in blocks of 2° or 10° that no sample comes from. What is finished is kept in the folder,
by model: stopped with Ctrl-C, the same command goes on; several may run beside each other. At the
end docs/maps.md has the table, docs/results/maps.csv all numbers and docs/results/maps.png the
figure. scikit-learn, rasterio, Pillow and matplotlib are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page import write_results
from tasks import SIZES, SPLITS, Draw, Task, draw, read_tasks

import satclip_core as sc
from satclip_core.analysis.calibration import reliability
from satclip_core.analysis.folds import choose_folds
from satclip_core.analysis.linear import softmax
from satclip_core.analysis.neighbours import in_a_row, nearest
from satclip_core.grid.sphere import unit_vectors
from satclip_core.products.classification import Classification
from satclip_core.products.regression import Regression
from satclip_core.products.training_set import TrainingSet

# Draws of a cell by its size: few samples, much chance.
REPEATS = {100: 6, 500: 3, 2000: 2, 20_000: 1}
METHODS = ("linear", "kriging", "gaussian")
# Neighbours tried, and trees of a forest (scikit-learn's own number).
_NEIGHBOURS = (1, 3, 5, 10, 20)
_TREES = 100
# Pixels that folds are matched to.
_PIXELS = 1000


@dataclass(frozen=True)
class Cell:
    """One draw of samples and places to predict."""

    task: str
    size: int
    split: str
    seed: int

    @property
    def file(self) -> str:
        """Name of what is kept of it."""
        words = f"{self.task} {self.size} {self.split} {self.seed}"
        return "".join(c if c.isalnum() else "-" for c in words) + ".json"


@dataclass(frozen=True)
class Data:
    """Samples and places to predict, as every method gets them."""

    embeddings: tuple[NDArray[Any], NDArray[Any]]
    lonlat: tuple[NDArray[Any], NDArray[Any]]
    values: tuple[NDArray[Any], NDArray[Any]]
    classes: int
    seed: int

    @property
    def xyz(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Unit vectors of both."""
        one, other = (unit_vectors(*places.T).T for places in self.lonlat)
        return one, other

    @cached_property
    def folds(self) -> NDArray[Any]:
        """Folds that match the places to predict, as for a map of them."""
        pixels = np.random.default_rng(self.seed).permutation(self.lonlat[1])[:_PIXELS]
        return choose_folds("knndm", self.lonlat[0], pixels, seed=self.seed).folds


def numbers(data: Data) -> dict[str, Any]:
    """R² of every method on the places to predict; cover and own estimate of the default."""
    samples, places = data.embeddings
    known, at = data.xyz
    values, truth = data.values
    regression = Regression(TrainingSet(samples, known, data.folds, seed=data.seed), values)
    fitted = regression.fit()
    bands = fitted.model.with_error(places, at)
    found: dict[str, Any] = {
        "auto": _r2(truth, bands[0]),
        "cover": float(((truth >= bands[2]) & (truth <= bands[3])).mean()),
        "estimate": _r2(values, fitted.predicted),
        "weights": fitted.report["weights"],
    }
    for name in METHODS:
        found[name] = _r2(truth, regression.predictor(name)(places, at))
    found["k-NN"] = _r2(truth, _nearest_numbers(known, values, at, data.folds))
    found["forest"] = _r2(truth, _forest(data))
    return found


def classes(data: Data) -> dict[str, Any]:
    """Accuracy of every method on the places to predict; calibration of the default."""
    samples, places = data.embeddings
    known, at = data.xyz
    values, truth = data.values
    training = TrainingSet(samples, known, data.folds, seed=data.seed)
    learning = Classification(training, values, data.classes)
    found: dict[str, Any] = {}
    for name in ("auto", *METHODS):
        fitted = learning.fit(name)
        chances = softmax(fitted.model.scores(places.astype(np.float64), at))
        found[name] = _accuracy(truth, chances)
        if name == "auto":
            found["calibration"] = reliability(chances, truth)["expected_calibration_error"]
            found["estimate"] = _accuracy(values, fitted.outputs)
            found["weights"] = {fitted.model.method: 1.0}
    shares = (values[:, None] == np.arange(data.classes)).astype(float)
    found["k-NN"] = _accuracy(truth, _nearest_numbers(known, shares, at, data.folds))
    found["forest"] = float((_forest(data) == truth).mean())
    return found


def _r2(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    return float(1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def _accuracy(truth: NDArray[Any], chances: NDArray[Any]) -> float:
    return float((chances.argmax(axis=1) == truth).mean())


def _nearest_numbers(
    known: NDArray[Any], values: NDArray[Any], at: NDArray[Any], folds: NDArray[Any]
) -> NDArray[Any]:
    """k nearest neighbours by inverse distance; k by cross-validation on the folds of all."""
    order = in_a_row(known)  # neighbours are found fastest where they follow each other
    known, values, folds = known[order], values[order], folds[order]
    errors = dict.fromkeys(_NEIGHBOURS, 0.0)
    for one in range(folds.max() + 1):
        test = folds == one
        found = nearest(known[test], known[~test], min(max(_NEIGHBOURS), int((~test).sum())))
        for count in errors:
            off = _inverse(values[~test], *found, count) - values[test]
            errors[count] += float((off**2).sum())
    best = min(errors, key=lambda count: errors[count])
    return _inverse(values, *nearest(at, known, min(best, len(known))), best)


def _inverse(
    values: NDArray[Any], rows: NDArray[Any], chords: NDArray[Any], count: int
) -> NDArray[Any]:
    weights = 1 / np.maximum(chords[:, :count], 1e-9)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("ij,ij...->i...", weights, values[rows[:, :count]]))


def _forest(data: Data) -> NDArray[Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if data.classes else RandomForestRegressor
    forest = kind(_TREES, random_state=data.seed)
    return np.asarray(forest.fit(data.lonlat[0], data.values[0]).predict(data.lonlat[1]))


def prepared(task: Task, embeddings: NDArray[Any], rows: Draw, seed: int) -> Data:
    """What methods get of a draw."""
    train, test = rows.train, rows.test
    return Data(
        (embeddings[train].astype(np.float64), embeddings[test]),
        (task.lonlat[train], task.lonlat[test]),
        (task.values[train], task.values[test]),
        task.classes,
        seed,
    )


def compute(cells: list[Cell], tasks: dict[str, Task], encoder: Any, folder: Path) -> None:
    """Every cell that nobody has finished or begun."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(cells):
        with _claimed(folder / cell.file) as mine:
            if not mine:
                continue
            start, used = time.perf_counter(), time.process_time()
            task = tasks[cell.task]
            rows = draw(task, cell.size, cell.split, cell.seed)
            if rows is None:
                found: dict[str, Any] = {}
            else:
                data = prepared(task, _embedded(task, encoder, folder), rows, cell.seed)
                found = (classes if task.classes else numbers)(data)
                found["samples"] = len(rows.train)
                found["seconds"] = time.process_time() - used
            temporary = folder / f"{cell.file}.{os.getpid()}"
            temporary.write_text(json.dumps({**vars(cell), **found}))
            temporary.replace(folder / cell.file)
            said = f"{found['auto']:.3f}" if found else "not so many places"
            taken = time.perf_counter() - start
            print(
                f"{number + 1}/{len(cells)} {cell.task}, {cell.size}, {cell.split}: {said}, "
                f"{taken:.0f} s",
                flush=True,
            )


def _embedded(task: Task, encoder: Any, folder: Path) -> NDArray[Any]:
    """Embeddings of all places of a task, (N, dim), from the folder once they are there."""
    kept = folder / f"{''.join(c if c.isalnum() else '-' for c in task.name)}.npy"
    if not kept.exists():
        temporary = folder / f"{kept.stem}-{os.getpid()}.npy"
        np.save(temporary, encoder.encode(task.lonlat))
        temporary.replace(kept)
    return np.asarray(np.load(kept, mmap_mode="r"))


class _claimed:
    """Whether a cell is ours to compute; a claim of a process that is gone counts for nothing."""

    def __init__(self, file: Path) -> None:
        self._file, self._claim = file, file.with_suffix(".claim")

    def __enter__(self) -> bool:
        if self._file.exists():
            return False
        try:
            descriptor = os.open(self._claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            if _alive(self._claim):
                return False
            descriptor = os.open(self._claim, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "w") as file:
            file.write(str(os.getpid()))
        self._mine = True
        return True

    def __exit__(self, *_: object) -> None:
        if getattr(self, "_mine", False):
            self._claim.unlink(missing_ok=True)


def _alive(claim: Path) -> bool:
    try:
        os.kill(int(claim.read_text() or 0) or os.getpid(), 0)
    except (ProcessLookupError, FileNotFoundError):
        return False
    return True


def kept(cells: list[Cell], folder: Path) -> Iterator[dict[str, Any]]:
    """Mean numbers of the draws of each task, size and split, as far as they are there."""
    together: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        if (folder / cell.file).exists():
            found = json.loads((folder / cell.file).read_text())
            if "auto" in found:
                together[cell.task, cell.size, cell.split].append(found)
    for (task, size, split), several in together.items():
        names = [name for name, value in several[0].items() if isinstance(value, float)]
        row = {name: float(np.mean([one[name] for one in several])) for name in names}
        shares = [one["weights"] for one in several]
        for name in METHODS:
            row[f"weight of {name}"] = float(np.mean([one.get(name, 0) for one in shares]))
        draws = {"draws": len(several), "samples": several[0]["samples"]}
        yield {"task": task, "size": size, "split": split, **draws, **row}


def main() -> None:
    """All cells, or some of them, and what is written of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("SATCLIP_DATA", "shared/data"))
    parser.add_argument("--model", help="a model or a file of one; the bundled one by default")
    parser.add_argument("--folder", type=Path, default=Path("runs/maps"))
    parser.add_argument("--task", action="append", help="some tasks, by name")
    parser.add_argument("--size", action="append", type=int, choices=SIZES)
    parser.add_argument("--split", action="append", choices=tuple(SPLITS))
    parser.add_argument("--repeats", type=int, help="draws of each cell; more of small ones else")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--draw-only", action="store_true", help="write what is there already")
    options = parser.parse_args()
    encoder = sc.load_encoder(*([options.model] if options.model else []))
    folder = options.folder / encoder.sha256[:12]
    tasks = read_tasks(Path(options.data))
    cells = [
        Cell(task, size, split, seed)
        for size in options.size or SIZES
        for seed in range(options.repeats or REPEATS[size])
        for task in options.task or tasks
        for split in options.split or SPLITS
    ]
    if not options.draw_only:
        compute(cells, tasks, encoder, folder)
    rows = list(kept(cells, folder))
    print(write_results(rows, f"{encoder.name} ({encoder.sha256[:12]})", options.docs))


if __name__ == "__main__":
    main()
