"""Who may import whom, and what a plain embedding may not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("satclip_cli", "satclip_training", "qgis", "qgis_plugin", "torch", "lightning")
# The rooms of the core from the ground up, as satclip_core/__init__.py has them: a room imports
# only from floors below its own.
FLOORS = (
    ("version", "errors", "types"),
    ("compute", "files", "extensions"),
    ("grid", "resumable"),
    ("analysis", "encoder"),
    ("models", "products", "preview"),
    ("raster", "points"),
    ("report",),
)


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


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "satclip_core").with_suffix("").parts[0]


def test_every_room_of_the_core_has_its_floor() -> None:
    rooms = {room_of(path) for path in CORE} - {"__init__"}
    assert rooms == {room for floor in FLOORS for room in floor}


@pytest.mark.parametrize("room", [room for floor in FLOORS for room in floor])
def test_a_room_of_the_core_stands_on_those_below(room: str) -> None:
    floor = next(index for index, rooms in enumerate(FLOORS) if room in rooms)
    allowed = {room, *(other for rooms in FLOORS[:floor] for other in rooms)}
    for path in CORE:
        if room_of(path) != room:
            continue
        names = [name.split(".") for name in imported(path)]
        used = {parts[1] for parts in names if parts[0] == "satclip_core" and len(parts) > 1}
        assert used <= allowed, f"{path} imports {used - allowed}, which do not stand below it"


def test_the_floors_are_those_that_the_package_states() -> None:
    stated = ast.get_docstring(ast.parse((ROOT / "satclip_core" / "__init__.py").read_text()))
    assert stated is not None
    lines = [line for line in stated.splitlines() if line.startswith("    ")]
    assert [tuple(line.split("  ")[2].strip().split(", ")) for line in lines] == list(FLOORS)


# What the core does on its way from a request to a raster, by the name of the call.
_OF_THE_CORE = {"fit", "fit_map", "Locator", "blocks", "open_mask", "check_target"}
# Files that are no rasters.
_TARGETS = {"cli/commands/model_files.py", "cli/reproduce", "cli/long_runs.py"}


def called(path: Path) -> set[str]:
    """Names of the functions and methods that a file calls."""
    functions = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    names = {node.attr for node in functions if isinstance(node, ast.Attribute)}
    return names | {node.id for node in functions if isinstance(node, ast.Name)}


@pytest.mark.parametrize("client", ["cli", "qgis_plugin"])
def test_clients_hand_over_requests_and_fit_nothing(client: str) -> None:
    for path in (ROOT / client).rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        allowed = {"check_target"} if name.startswith(tuple(_TARGETS)) else set()
        found = called(path) & _OF_THE_CORE - allowed
        assert not found, f"{name} calls {found}, which is the core's to do"


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
