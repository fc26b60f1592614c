"""The documentation's site builds, with every link and every documented name found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="the site needs the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_settings_are_those_that_are_read(site: Path) -> None:
    page = (site / "reference/settings/index.html").read_text(encoding="utf-8")
    for words in ("learning_rate", "validation_candidates", "size_weight", "least_places"):
        assert words in page
    assert "a whole number, 1 to 64" in page


def test_commands_and_functions_are_there(site: Path) -> None:
    commands = (site / "reference/commands/index.html").read_text(encoding="utf-8")
    assert "similarity" in commands
    assert "--unlike" in commands
    core = (site / "reference/core/index.html").read_text(encoding="utf-8")
    assert "encode_grid" in core


def test_links_out_of_the_pages_lead_to_the_repository(site: Path) -> None:
    page = (site / "systems/index.html").read_text(encoding="utf-8")
    assert "/blob/main/training/configs/systems-satcle.yaml" in page
