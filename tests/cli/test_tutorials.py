"""Every command of the tutorials runs, in order, with the example's data, on coarser pixels."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from forked import Run

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
# Pixels of a tutorial are so many times as large here.
COARSER = 10
# Outputs of each.
FILES = {
    "field-plots": ["greenness.tif", "greenness.html", "greenness.npz", "capitals.csv"],
    "regions": ["spain.tif", "regions.json", "portugal.tif", "countries.gpkg"],
    "similar-places": ["like-farm.tif", "like-farms.tif", "best.gpkg", "areas.gpkg"],
}


def commands(path: Path) -> list[list[str]]:
    """The commands of a tutorial, each in its words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
    return [
        shlex.split(line) for block in blocks for line in block.replace("\\\n", "").splitlines()
    ]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_commands_of_a_tutorial_run(path: Path, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pyogrio", reason="the extra points is not installed")
    shutil.copy(ROOT / "qgis_plugin" / "example" / "example.gpkg", tmp_path)
    for program, *words in commands(path):
        assert program == "satclip"
        if "--res" in words:
            here = words.index("--res") + 1
            words[here] = f"{float(words[here]) * COARSER:g}"
        result = run(*words)
        assert result.returncode == 0, result.stderr
    for name in FILES[path.stem]:
        assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_pictures_and_pages_of_a_tutorial_are_there(path: Path) -> None:
    links = re.findall(r"\]\(([\w./-]+)\)", path.read_text("utf-8"))
    assert links
    for link in links:
        assert (path.parent / link).is_file(), link
        assert not link.endswith(".png") or (path.parent / link).stat().st_size <= 400_000, link
