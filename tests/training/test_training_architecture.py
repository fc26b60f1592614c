"""Who may import whom in the training package, and that names stand once."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINING = ROOT / "training"
FILES = sorted(TRAINING.rglob("*.py"))
# The rooms from the ground up, as training/__init__.py has them.
FLOORS = (
    ("distributed", "settings"),
    ("images",),
    ("places",),
    ("objectives", "evaluation"),
    ("export", "zoo", "modalities"),
    ("run", "inaturalist"),
    ("probe", "fine"),
)
ROOMS = [room for floor in FLOORS for room in floor]
MOST_ROOMS, MOST_FLOORS = 13, 7


def parts_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(TRAINING).with_suffix("").parts


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports from, at its top or within a function."""
    package = parts_of(path)[:-1]
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        if not node.level:
            assert not (node.module or "").startswith("satclip_training"), f"{path}: absolute"
            continue
        base = package[: len(package) - node.level + 1]
        target = [*base, *(node.module.split(".") if node.module else [])]
        rooms |= {target[0]} if target else {alias.name for alias in node.names}
    return rooms


def test_the_house_stays_small() -> None:
    assert {parts_of(path)[0] for path in FILES} - {"__init__"} == set(ROOMS)
    assert len(ROOMS) <= MOST_ROOMS
    assert len(FLOORS) <= MOST_FLOORS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_stands_on_those_below(room: str) -> None:
    floor = next(index for index, rooms in enumerate(FLOORS) if room in rooms)
    allowed = {room, *(other for rooms in FLOORS[:floor] for other in rooms)}
    for path in FILES:
        if parts_of(path)[0] == room:
            used = imported_rooms(path)
            assert used <= allowed, f"{path} imports {used - allowed}, which do not stand below it"


def test_modules_of_a_room_import_each_other_without_a_circle() -> None:
    for room in ROOMS:
        uses: dict[str, set[str]] = {}
        for path in FILES:
            if parts_of(path)[:-1] != (room,) or path.name == "__init__.py":
                continue
            nodes = [n for n in ast.walk(ast.parse(path.read_text())) if _sibling(n)]
            uses[path.stem] = {
                name
                for node in nodes
                for name in ([node.module] if node.module else [a.name for a in node.names])
            }
        while uses:
            ready = {name for name, used in uses.items() if not used & set(uses)}
            assert ready, f"{room}: {sorted(uses)} import each other in a circle"
            uses = {name: used for name, used in uses.items() if name not in ready}


def _sibling(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level == 1


def test_the_floors_are_those_that_the_package_states() -> None:
    stated = ast.get_docstring(ast.parse((TRAINING / "__init__.py").read_text()))
    assert stated is not None
    lines = [line for line in stated.splitlines() if line.startswith("    ")]
    assert [tuple(line.split("  ")[2].strip().split(", ")) for line in lines] == list(FLOORS)


def test_the_core_and_qgis_know_nothing_of_training() -> None:
    for folder in ("satclip_core", "qgis_plugin"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "satclip_training" not in path.read_text(), path


def test_the_command_line_imports_training_only_within_commands() -> None:
    for path in (ROOT / "cli").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            name = getattr(node, "module", None) or ""
            assert not name.startswith("satclip_training"), f"{path} imports {name} at the top"


def test_a_module_s_name_stands_once() -> None:
    """Within training, and against the core: `samples`, `published`, `land` say nothing twice."""
    names = Counter(path.stem for path in FILES if path.name != "__init__.py")
    names.update(ROOMS_THAT_ARE_FOLDERS)
    assert [name for name, count in names.items() if count > 1] == []
    core = {path.stem for path in (ROOT / "satclip_core").rglob("*.py")} - {"__init__"}
    assert set(names) & core == set()


ROOMS_THAT_ARE_FOLDERS = [room for room in ROOMS if (TRAINING / room).is_dir()]


def test_one_class_is_called_task() -> None:
    found = [
        path
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Task"
    ]
    assert [parts_of(path) for path in found] == [("evaluation", "tasks")]


def test_array_types_have_their_names_from_the_core() -> None:
    """No module makes `Floats` and the like anew, nor writes them out."""
    spelled = (
        "NDArray[np.float64]",
        "NDArray[np.float32]",
        "NDArray[np.int64]",
        "NDArray[np.bool_]",
    )
    for path in FILES:
        text = path.read_text()
        assert not any(name in text for name in spelled), path
        assert "\nProgress = " not in text, path


def test_every_folder_is_a_package_that_is_installed() -> None:
    stated = (ROOT / "pyproject.toml").read_text()
    for room in ROOMS_THAT_ARE_FOLDERS:
        assert f'"satclip_training.{room}",' in stated
