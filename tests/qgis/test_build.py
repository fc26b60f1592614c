"""The zip that QGIS installs: what is in it, equal bytes, nothing that a reviewer would refuse."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "qgis_plugin" / "build.py"
REQUIRED = {
    "name", "description", "about", "version", "qgisMinimumVersion", "qgisMaximumVersion",
    "author", "email", "tracker", "repository", "homepage", "icon", "tags", "category",
    "hasProcessingProvider", "changelog",
}  # fmt: skip


def build(out: Path, plugin: Path = BUILD) -> Path:
    command = [sys.executable, str(plugin), "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return build(tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    return folder / "satclip_qgis"


def test_the_zip_is_the_same_wherever_it_is_built(archive, tmp_path):
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in ("qgis_plugin", "satclip_core", "docs/images"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored, copy_function=shutil.copy)
    for file in ("metadata.txt", "LICENSE"):
        shutil.copy(ROOT / file, copy / file)
    again = build(tmp_path / "out", copy / "qgis_plugin" / "build.py")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (archive, again)]
    assert digests[0] == digests[1]


def test_one_folder_without_caches_and_not_too_large(archive):
    assert archive.stat().st_size <= 20_000_000
    names = zipfile.ZipFile(archive).namelist()
    assert {name.partition("/")[0] for name in names} == {"satclip_qgis"}
    for wanted in ("__init__.py", "metadata.txt", "LICENSE", "icons/satclip.svg",
                   "satclip_core/LICENSE", "satclip_core/models/bundled.npz",
                   "satclip_core/models/words.npz",
                   "i18n/satclip_de.qm", "i18n/satclip_fr.qm", "help/index.html",
                   "help/index_de.html", "help/index_fr.html", "example/satclip-example.qgs",
                   "example/example.gpkg", "example/README.txt"):  # fmt: skip
        assert f"satclip_qgis/{wanted}" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in names if "/." in name]


def test_pictures_of_the_help_are_beside_it(unpacked):
    pages = sorted((unpacked / "help").glob("*.html"))
    assert pages
    for page in pages:
        for picture in re.findall(r'<img src="(.*?)"', page.read_text("utf-8")):
            assert (page.parent / picture).is_file(), picture


def test_metadata_says_all_that_the_repository_asks_for(unpacked):
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.optionxform = str
    metadata.read(unpacked / "metadata.txt", "utf-8")
    general = metadata["general"]
    assert set(general) >= REQUIRED
    assert (general["qgisMinimumVersion"], general["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert general["hasProcessingProvider"] == "yes"
    assert (unpacked / general["icon"]).is_file()
    assert "GNU GENERAL PUBLIC LICENSE" in (unpacked / "LICENSE").read_text()


def test_a_version_that_differs_is_refused(tmp_path):
    for folder in ("qgis_plugin", "satclip_core", "docs/images"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    text = (ROOT / "metadata.txt").read_text("utf-8")
    (tmp_path / "metadata.txt").write_text(text.replace("\nversion=", "\nversion=9"), "utf-8")
    command = [sys.executable, str(tmp_path / "qgis_plugin/build.py"), "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "metadata.txt says version 9" in result.stderr


def tool(name: str) -> list[str]:
    """A tool beside this Python, or of the one that SATCLIP_QA_PYTHON names."""
    import os

    python = os.environ.get("SATCLIP_QA_PYTHON") or sys.executable
    command = [python, "-m", name]
    if subprocess.run([*command, "--version"], capture_output=True).returncode:
        pytest.skip(f"{name} is not installed: pip install {name.replace('_', '-')}")
    return command


def test_bandit_finds_nothing(unpacked):
    command = [*tool("bandit"), "-r", "-q", "-f", "json", str(unpacked)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert not found["errors"]
    assert not [(r["test_id"], r["filename"], r["line_number"]) for r in found["results"]]


def test_detect_secrets_finds_nothing(unpacked):
    command = [*tool("detect_secrets"), "scan", "--all-files", str(unpacked)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert not found["results"]
