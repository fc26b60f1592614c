"""What docs/workflows.md shows is run, block by block, in the order of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "workflows.md"
BLOCK = re.compile(
    r"^## (?P<heading>[^\n]+)$|"
    r"(?:^<!-- run: (?P<how>\w+) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
QGIS = """
import sys
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
sys.path.append(QgsApplication.pkgDataPath() + "/python/plugins")
from processing.core.Processing import Processing
Processing.initialize()
"""


def sections() -> dict[str, list[tuple[str, str]]]:
    """Heading -> (how, code) of its blocks; those before the first heading make the files."""
    found: dict[str, list[tuple[str, str]]] = {"files": []}
    heading = "files"
    for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if match["heading"]:
            heading = match["heading"]
            found[heading] = []
        else:
            found[heading].append((match["how"] or match["language"], match["code"]))
    return found


def run(command: list[str], folder: Path, **more: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "QT_QPA_PLATFORM": "offscreen", **more}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def run_qgis(code: str, folder: Path) -> None:
    run(["/usr/bin/python3", "-c", QGIS + code], folder)


def run_grass(code: str, folder: Path) -> None:
    script = folder / "session.sh"
    script.write_text(f"set -e\n{code}")
    run(["grass", "--tmp-location", "EPSG:4326", "--exec", "bash", str(script)], folder)


HOW: dict[str, Callable[[str, Path], None]] = {
    "sh": lambda code, folder: run(["bash", "-e", "-c", code], folder),
    "python": lambda code, folder: run([sys.executable, "-c", code], folder),
    "r": lambda code, folder: run(["Rscript", "-e", code], folder),
    "qgis": run_qgis,
    "grass": run_grass,
}


def has_qgis() -> bool:
    code = "import qgis.core, processing"
    where = {**os.environ, "PYTHONPATH": "/usr/share/qgis/python/plugins"}
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code], env=where, capture_output=True, check=False
    )
    return done.returncode == 0


def has_terra() -> bool:
    if shutil.which("Rscript") is None:
        return False
    done = subprocess.run(["Rscript", "-e", "library(terra)"], capture_output=True, check=False)
    return done.returncode == 0


NEEDED: dict[str, Callable[[], bool]] = {
    "GDAL": lambda: shutil.which("gdalwarp") is not None,
    "QGIS": has_qgis,
    "rioxarray": lambda: find_spec("rioxarray") is not None,
    "scikit-learn": lambda: find_spec("sklearn") is not None,
    "exactextract": lambda: find_spec("exactextract") is not None,
    "R, terra": has_terra,
    "GRASS": lambda: shutil.which("grass") is not None,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the page begins with."""
    folder = tmp_path_factory.mktemp("workflows")
    for how, code in sections()["files"]:
        HOW[how](code, folder)
    return folder


def test_every_section_is_run() -> None:
    assert set(sections()) == {"files", *NEEDED}


@pytest.mark.parametrize("tool", NEEDED)
def test_lines_run(tool: str, files: Path) -> None:
    if not NEEDED[tool]():
        pytest.skip(f"{tool} is not installed")
    for how, code in sections()[tool]:
        HOW[how](code, files)
