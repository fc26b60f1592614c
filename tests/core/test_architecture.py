"""Who may import whom, and what a plain embedding may not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("satclip_cli", "satclip_training", "qgis", "qgis_plugin", "torch", "lightning")
# Core modules from the ground up: a module imports only what stands before it.
ORDER = ("errors", "harmonics", "encodings", "networks", "grid", "encoder", "blocks", "raster")


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """Modules imported by a file of satclip_core, absolute names."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


CORE = sorted((ROOT / "satclip_core").rglob("*.py"))


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_imports_none_of_its_clients(path: Path) -> None:
    found = {name.partition(".")[0] for name in imported(path)} & set(CLIENTS)
    assert not found, f"{path.name} imports {found}"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python keeps no list of its library")
@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_needs_numpy_and_the_standard_library_at_import(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "satclip_core"}
    found = {name.partition(".")[0] for name in imported(path, True)} - allowed
    assert not found, f"{path.name} imports {found} at the top"


@pytest.mark.parametrize("name", ORDER)
def test_core_modules_stand_on_those_below(name: str) -> None:
    file = ROOT / "satclip_core" / f"{name}.py"
    files = [file] if file.exists() else sorted((ROOT / "satclip_core" / name).glob("*.py"))
    above = {f"satclip_core.{other}" for other in ORDER[ORDER.index(name) + 1 :]}
    for path in files:
        found = imported(path) & above
        assert not found, f"{path.name} imports {found}, which stands above it"


def test_a_place_is_embedded_without_any_optional_package() -> None:
    """Only numpy is there: every other package that any part of the project uses is blocked."""
    code = """
import sys
class Blocked:
    names = {"torch", "rasterio", "pyproj", "click", "rich", "scipy", "sklearn", "platformdirs",
             "threadpoolctl", "pandas", "geopandas", "osgeo", "lightning"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import satclip_core
encoder = satclip_core.load_encoder()
print(encoder.encode([(23.6, -2.9)]).shape, encoder.encode_grid([0, 1, 2], [5, 4]).shape)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["(1,", "256)", "(2,", "3,", "256)"]
