"""The notebooks of the documentation run from their first cell to their last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra `docs`")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra `docs`")
pytest.importorskip("ipykernel", reason="notebooks need the extra `docs`")


def run(name: str) -> Any:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    resources = {"metadata": {"path": str(FOLDER)}}
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources=resources
    ).execute()
    return notebook


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output["text"] for output in outputs if output.output_type == "stream")


def test_places_like_yours_finds_lake_chad_first() -> None:
    pytest.importorskip("matplotlib")
    lines = printed(run("places-like-yours")).splitlines()
    _, lon, _, lat, _ = lines[0].split()
    assert abs(float(lon) - 14) < 1.5
    assert abs(float(lat) - 13) < 1.5


def test_plots_to_map_says_how_good_it_is() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("geopandas")
    assert "plots lie within their interval" in printed(run("plots-to-map"))


def test_pretraining_tells_its_epochs_below_the_cell() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("lightning")
    said = printed(run("pretrain-and-compare"))
    assert "epoch 8/8, loss" in said
    assert "| sunlight | R²" in said
