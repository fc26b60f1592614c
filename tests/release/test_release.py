"""What is released: equal bytes wherever built, whole, with a bill of materials, installable."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Downloads packages and makes environments: half a minute and the network, so only when asked for.
INSTALLS = pytest.mark.skipif(
    not os.environ.get("SATCLIP_TEST_INSTALL"),
    reason="installing from a wheelhouse needs the network once: SATCLIP_TEST_INSTALL=1 runs it",
)


def released(source: Path, out: Path, *options: str) -> list[Path]:
    command = [sys.executable, str(source / "scripts" / "release.py"), "--out", str(out), *options]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return [Path(line) for line in result.stdout.split()]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("cyclonedx")
    return released(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(files):
    return files[0]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_wheel_is_the_same_wherever_and_whenever_it_is_built(wheel, tmp_path):
    copy = tmp_path / "another place"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("satclip_core", "cli", "training", "scripts"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored, copy_function=shutil.copy)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
        (copy / name).chmod(0o600)
    (again,) = released(copy, tmp_path / "out", "--wheel-only")
    assert again.name == wheel.name
    assert digest(again) == digest(wheel)


def test_the_wheel_holds_every_module_and_its_data(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    names = {"satclip_core": "satclip_core", "cli": "satclip_cli", "training": "satclip_training"}
    for folder, package in names.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
                assert name in inside, f"{name} is missing: pyproject.toml lists what goes in"
    assert not [name for name in inside if name.startswith(("tests", "qgis_plugin", "build"))]


def test_each_file_has_a_bill_that_names_what_it_is_made_of(files):
    wheel, of_wheel, plugin, of_plugin = files
    for made, bill in ((wheel, of_wheel), (plugin, of_plugin)):
        said = json.loads(bill.read_text("utf-8"))
        assert said["bomFormat"] == "CycloneDX"
        assert said["metadata"]["component"]["hashes"][0]["content"] == digest(made)
    asked = {part["name"]: part for part in json.loads(of_wheel.read_text("utf-8"))["components"]}
    listed = re.search(
        r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S
    )
    needed = set(re.findall(r'"([a-z]+)>=', listed[1]))
    assert {name for name, part in asked.items() if part.get("scope") == "required"} == needed
    assert {"torch", "zarr", "distributed"} <= set(asked)
    inside = json.loads(of_plugin.read_text("utf-8"))["components"]
    assert {part["name"] for part in inside} == set(zipfile.ZipFile(plugin).namelist())
    licences = {part["licenses"][0]["license"]["id"] for part in inside}
    assert licences == {"MIT", "GPL-2.0-or-later"}


def test_lower_bounds_make_a_constraints_file():
    said = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bounds.py")], capture_output=True, text=True
    )
    lines = said.stdout.split()
    assert "numpy==1.24" in lines
    assert all(re.fullmatch(r"[a-z]+==[0-9.]+", line) for line in lines)


def test_bandit_finds_nothing_in_the_wheel(wheel, tmp_path):
    python = os.environ.get("SATCLIP_QA_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import bandit"], capture_output=True).returncode:
        pytest.skip("Bandit is not installed: SATCLIP_QA_PYTHON names a Python that has it")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # Training starts processes of its own and asserts for the type checker: of low severity.
    for packages, severity in ((("satclip_core", "satclip_cli"), "low"),
                               (("satclip_training",), "medium")):  # fmt: skip
        command = [python, "-m", "bandit", "-r", "-q", "-f", "json", "--severity-level", severity]
        command += [str(tmp_path / package) for package in packages]
        found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
        assert not found["errors"]
        assert not [(r["test_id"], r["filename"], r["line_number"]) for r in found["results"]]


@pytest.fixture(scope="module")
def wheelhouse(wheel, tmp_path_factory):
    """A folder of wheels with all that the package asks for, got from the network."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(folder), str(wheel)], check=True)
    return folder


def emptied(folder: Path) -> dict[str, str]:
    """An environment in which nothing can be compiled or fetched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    nowhere = "http://127.0.0.1:9"
    return {
        **kept, "CC": "/bin/false", "CXX": "/bin/false", "PIP_CONFIG_FILE": os.devnull,
        "https_proxy": nowhere, "http_proxy": nowhere, "HOME": str(folder), "PYTHONPATH": "",
    }  # fmt: skip


@INSTALLS
def test_the_wheel_installs_offline_without_a_compiler_and_makes_a_raster(wheelhouse, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    environment = emptied(tmp_path)
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--only-binary"]
    install += [":all:", "--find-links", str(wheelhouse), "satclip-embeddings"]
    subprocess.run(install, check=True, env=environment)
    checked = subprocess.run(
        [str(python), "-m", "pip", "check"], capture_output=True, text=True, env=environment
    )
    assert checked.returncode == 0, checked.stdout
    words = ["raster", "--bbox", "5", "45", "6", "46", "--res", "0.25", "-o", "a.tif"]
    made = subprocess.run(
        [str(python.with_name("satclip")), *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "a.tif").stat().st_size > 10_000
