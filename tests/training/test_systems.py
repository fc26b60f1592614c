"""The systems side by side: what is shared, what is measured, what is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from satclip_core import load_encoder
from satclip_core.errors import CancelledError, InputError
from satclip_training.evaluation.linear_probe import run_probes
from satclip_training.evaluation.tasks import Task, load_tasks
from satclip_training.run import systems
from satclip_training.run.pretraining import RunOptions, finished_run
from satclip_training.run.systems import (
    Cell,
    check_systems,
    facts,
    held_out_embeddings,
    model_files,
    run_systems,
    system_rows,
    system_table,
)
from satclip_training.settings.config import ProbeSettings, TrainConfig, load_config
from satclip_training.settings.run_files import Locations
from satclip_training.settings.schema import build

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SOURCE = {
    "files": ["image_*.tif"],
    "nodata": 0,
    "chip": {"kilometres": 400, "pixels": 8},
    "views": 1,
    "features": {"filters": 8, "dim": 4, "samples": 60},
}
VALUES: dict[str, Any] = {
    "points": {"count": 240, "land_mask": "land.geojson"},
    "sources": {"image": SOURCE},
    "model": {"legendre_polys": 4, "capacity": 16, "embed_dim": 8},
    "training": {"epochs": 1, "batch_size": 64, "threads": 1, "validation_candidates": 12},
    "probe": {"tasks": "tasks.yaml", "every": 0},
}
STUDENT = {"patch": 2, "width": 8, "depth": 1, "heads": 2, "outputs": 8, "samples": 60,
           "epochs": 1, "batch_size": 16}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "satclip": {},
    "satcle": {
        "objective": {"kind": "satcle", "spread": 1.0},
        "sources": {"image": {**SOURCE, "smoothing": {"student": STUDENT}}},
    },
    "unigeoclip": {
        "objective": {"kind": "unigeoclip", "hidden": [8]},
        "model": {
            "encoding": {"kind": "scaledfourier", "frequencies": 4},
            "network": {"kind": "transformer", "depth": 1, "heads": 2, "registers": 0},
            "embed_dim": 8,
        },
    },
}


def config(name: str, **changed: Any) -> TrainConfig:
    return build(TrainConfig, {"name": name, **VALUES, **OWN[name], **changed}, "")


@pytest.fixture(scope="module")
def tasks(world: Path) -> list[Task]:
    return load_tasks(world / "tasks.yaml", data_root=world)


@pytest.fixture(scope="module")
def compared(
    world: Path, tmp_path_factory: pytest.TempPathFactory, tasks: list[Task]
) -> tuple[RunOptions, list[Cell], list[str]]:
    """All systems with one seed."""
    folder = tmp_path_factory.mktemp("systems")
    options = RunOptions(Locations((world,)), folder, str(world))
    said: list[str] = []
    cells = run_systems([config(name) for name in OWN], options, [3], tasks, said.append)
    return options, cells, said


def test_every_system_is_trained_and_measured(
    compared: tuple[RunOptions, list[Cell], list[str]], tasks: list[Task]
) -> None:
    options, cells, said = compared
    assert [(cell.system, cell.seed) for cell in cells] == [(name, 3) for name in OWN]
    files = model_files(options.output, [config(name) for name in OWN], 3)
    for cell in cells:
        encoder = load_encoder(files[cell.system])
        assert cell.values["probe"] == run_probes(encoder.encode, tasks)
        assert cell.values["range"] == run_probes(encoder.encode, tasks, protocol="range")
        assert cell.values["speed"]["bytes"] == files[cell.system].stat().st_size
        assert cell.values["speed"]["pixels per processor second"] > 0
        assert len(cell.values["continuity"]) == 8
        assert cell.values["cost"]["epochs"] == 1
        assert cell.values["cost"]["processor seconds"] > 0
        assert cell.values["retrieval"]["coordinates to image, candidates"] == 24
    assert len({cell.values["probe"]["field"] for cell in cells}) == 3
    assert said[0].startswith("satclip, seed 3: 1 of 3 done, about ")
    assert said[-1] == "unigeoclip, seed 3: 3 of 3 done"


def test_what_is_finished_is_not_done_again(
    compared: tuple[RunOptions, list[Cell], list[str]],
    tasks: list[Task],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options, cells, _ = compared

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("done again")

    for name in ("train", "run_probes", "finished_run", "continuity_rows", "pixels_per_second"):
        monkeypatch.setattr(systems, name, refuse)
    assert run_systems([config(name) for name in OWN], options, [3], tasks, print) == cells
    stopped = dataclasses.replace(options, cancelled=lambda: True)
    with pytest.raises(CancelledError):
        run_systems([config("satclip")], stopped, [3], tasks, print)


def test_retrieval_compares_what_the_objective_does(
    compared: tuple[RunOptions, list[Cell], list[str]],
) -> None:
    """SatCLIP's loss of the held-out places follows from its embeddings, by the plain formula."""
    options, cells, _ = compared
    (folder,) = options.output.glob("satclip-3-*")
    own = dataclasses.replace(config("satclip"), seed=3, probe=ProbeSettings())
    module = finished_run(
        own, dataclasses.replace(options, output=folder, cache=options.output / "cache")
    )
    found = held_out_embeddings(module)
    assert {name: rows.shape for name, rows in found.items()} == {
        "coordinates": (24, 8), "image": (24, 8)
    }  # fmt: skip
    places, images = (functional.normalize(torch.from_numpy(found[n])) for n in found)
    with torch.no_grad(), module.average.applied():
        scale = module.model.measures()["scale"]
        blocks = []
        for part in (slice(0, 12), slice(12, 24)):
            logits = scale * images[part] @ places[part].T
            right = torch.arange(12)
            both = (
                functional.cross_entropy(logits, right),
                functional.cross_entropy(logits.T, right),
            )
            blocks.append(float(sum(both)) / 2)
        losses = [float(module.loss(module.pairs.validation_batch(step))) for step in range(2)]
    np.testing.assert_allclose(blocks, losses, rtol=1e-5)
    similar = (places @ images.T).numpy()
    first = float((similar.argmax(1) == np.arange(24)).mean())
    assert cells[0].values["retrieval"]["coordinates to image, recall at 1"] == first


def test_rows_and_table_have_means_deviations_and_marks(tasks: list[Task]) -> None:
    def cell(system: str, seed: int, value: float) -> Cell:
        values: dict[str, dict[str, float]] = {name: {} for name in systems.MEASURES}
        values |= {"probe": {"field": value}, "continuity": {"near, 1 km": value / 1000}}
        values |= {"speed": {"bytes": 1_234_567.0}}
        return Cell(system, seed, values, ("field",) if system == "b" else ())

    cells = [cell("a", 0, 0.1), cell("a", 1, 0.3), cell("b", 0, 0.5)]
    rows = list(system_rows(cells))
    assert rows[0] == ["a", "probe", "field", "2", "0.2", f"{np.std([0.1, 0.3], ddof=1):.6g}"]
    assert ["b", "probe", "field", "1", "0.5", ""] in rows
    lines = system_table(cells, tasks).splitlines()
    assert lines[2] == "| field, R² | 0.200 ± 0.141 | 0.500 † |"
    assert lines[3] == "| change per km, near, 1 km, 10⁻³ | 0.200 ± 0.141 | 0.500 |"
    assert lines[4] == "| bytes | 1,234,567 ± 0 | 1,234,567 |"
    assert "not comparable" in lines[-1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"points": {"count": 99}}, r"satcle: points differ from those of satclip"),
        (
            {"training": {**VALUES["training"], "epochs": 7}},
            r"satcle: training\.epochs 7.*equally many samples",
        ),
    ],
)
def test_another_budget_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_systems([config("satclip"), config("satcle", **changed)])


def test_a_system_is_named_once() -> None:
    with pytest.raises(InputError, match="satclip, satclip: each needs a name of its own"):
        check_systems([config("satclip"), config("satclip")])


def test_the_shipped_configurations_share_data_and_budget() -> None:
    shipped = [load_config(CONFIGS / f"systems-{name}.yaml") for name in OWN]
    check_systems(shipped)
    assert [config.name for config in shipped] == list(OWN)
    assert [config.objective.kind for config in shipped] == list(OWN)
    plain = [dataclasses.replace(c.sources["image"], smoothing=None) for c in shipped]
    assert plain[0] == plain[1] == plain[2]
    assert len({c.model.embed_dim for c in shipped}) == 1
    lines = facts(shipped)
    assert "30,000 places, 10% of them held out" in lines[0]
    assert "satcle: the objective satcle with image" in lines[2]
