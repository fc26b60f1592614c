"""One source for Qt 5 and Qt 6: scoped enums, `qgis.PyQt`, nothing that QGIS 4 has removed."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "qgis_plugin"
SOURCES = sorted(PLUGIN.rglob("*.py"))
# What Qt 6 has moved, and qgis.PyQt still offers in its old place.
MOVED = {"QAction": "QtGui", "QActionGroup": "QtGui", "QShortcut": "QtGui"}


def qt_names(tree: ast.AST) -> dict[str, str]:
    """Names imported from qgis.PyQt and their modules."""
    return {
        alias.asname or alias.name: node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt")
        for alias in node.names
    }


def chains(tree: ast.AST) -> set[tuple[str, ...]]:
    """Dotted names, whole: ("Qt", "DockWidgetArea", "RightDockWidgetArea")."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            parts, here = [], node
            while isinstance(here, ast.Attribute):
                parts.append(here.attr)
                here = here.value
            if isinstance(here, ast.Name):
                found.add((here.id, *reversed(parts)))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_qt_is_imported_through_qgis_and_nothing_removed_is_used(path):
    text = path.read_text("utf-8")
    assert not re.search(r"^\s*(from|import) PyQt[56]", text, re.M)
    assert not re.search(
        r"\.exec_\(|QRegExp\b|QDesktopWidget|\bQVariant\.(Int|Double|String)\b", text
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_every_name_of_qt_exists_in_pyqt6(path):
    """Unscoped enums (`Qt.RightDockWidgetArea`) do not exist there, and so would fail."""
    pytest.importorskip("PyQt6.QtCore", reason="PyQt6 is not installed: pip install PyQt6")
    tree = ast.parse(path.read_text("utf-8"))
    names = qt_names(tree)
    used = chains(tree)
    for name, module in names.items():
        if name == "QVariant":  # of PyQt5 alone: compat.py asks for it where QMetaType fails
            assert path.name == "compat.py"
            continue
        if module == "PyQt":  # a module itself: `from qgis.PyQt import sip`
            owner = importlib.import_module(f"PyQt6.{name}")
        else:
            owner = getattr(importlib.import_module(f"PyQt6.{MOVED.get(name, module)}"), name)
        for chain in sorted(chain for chain in used if chain[0] == name):
            here = owner
            for part in chain[1:]:
                assert hasattr(here, part), ".".join(chain)
                here = getattr(here, part)


# What mypy says of PyQt6 where qgis.PyQt is it: names of classes and objects that are not there,
# and arguments that do not fit. (Not that Qt may answer None: what is asked for is there.)
CODES = "attr-defined|call-arg|call-overload|arg-type|override|method-assign"


def test_every_method_of_qt_is_called_as_pyqt6_has_it(tmp_path):
    """The plugin is type-checked against the stubs of PyQt6, QGIS itself being unknown."""
    pytest.importorskip("PyQt6.QtCore", reason="PyQt6 is not installed: pip install PyQt6")
    pytest.importorskip("mypy", reason="mypy is not installed: pip install mypy")
    stubs = tmp_path / "stubs" / "qgis"
    (stubs / "PyQt").mkdir(parents=True)
    for name in ("__init__", "PyQt/__init__"):
        (stubs / f"{name}.pyi").touch()
    for module in ("QtCore", "QtGui", "QtWidgets", "QtTest", "sip"):
        text = f"from PyQt6.{module} import *\n"
        if module == "QtWidgets":
            text += "".join(
                f"from PyQt6.{there} import {moved} as {moved}\n" for moved, there in MOVED.items()
            )
        (stubs / "PyQt" / f"{module}.pyi").write_text(text)
    for name in ("core", "gui", "utils", "analysis"):
        text = "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n"
        (stubs / f"{name}.pyi").write_text(text)
    build = [sys.executable, str(PLUGIN / "build.py"), "--link", str(tmp_path / "plugin")]
    subprocess.run(build, check=True, capture_output=True)
    command = [
        *(sys.executable, "-m", "mypy", "--config-file=", "--ignore-missing-imports"),
        *("--check-untyped-defs", "--follow-imports", "silent", "--no-error-summary"),
        *(part for name in ("gui", "help", "algorithms", "plugin", "provider", "styles", "text")
          for part in ("-p", f"satclip_qgis.{name}")),
    ]  # fmt: skip
    environment = {**os.environ, "MYPYPATH": str(tmp_path / "stubs")}
    said = subprocess.run(
        command, cwd=tmp_path / "plugin", env=environment, capture_output=True, text=True
    )
    assert "error: Cannot find" not in said.stdout
    assert not said.stderr
    found = [line for line in said.stdout.splitlines() if re.search(rf"\[({CODES})\]$", line)]
    assert not found, "\n".join(found)


# What Qt 6 has taken from QMouseEvent: position() and globalPosition() stand for it.
MOUSE = {"pos", "localPos", "globalPos", "screenPos", "windowPos", "x", "y", "globalX", "globalY"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_no_mouse_event_is_asked_for_what_qt6_has_removed(path):
    """But where it is asked whether it has the new name."""
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        of_event = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if of_event and node.value.id == "event" and node.attr in MOUSE:
            line = text.splitlines()[node.lineno - 1]
            assert 'hasattr(event, "position")' in line, f"{path.name}:{node.lineno}: {line}"


def test_the_histogram_takes_mouse_events_of_either_qt(plugin_folder):
    core = pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
    from qgis.PyQt.QtCore import QPointF

    app = core.QgsApplication.instance() or core.QgsApplication([], True)
    sys.path.insert(0, str(plugin_folder))
    try:
        from satclip_qgis.gui.histogram import Histogram
    finally:
        sys.path.remove(str(plugin_folder))
    histogram = Histogram()
    histogram.resize(208, 150)
    histogram.set_values(np.linspace(0, 1, 99), None, (0.0, 1.0))
    picked = []
    histogram.picked.connect(picked.append)
    low, high = histogram.range
    for name in ("position", "localPos"):
        event = SimpleNamespace(**{name: lambda: QPointF(4 + 50, 20)})
        histogram.mousePressEvent(event)
        assert picked.pop() == pytest.approx(low + (high - low) / 4)
    assert app is not None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_enums_of_qgis_are_scoped(path):
    """`QgsTask.Flag.CanCancel`, not `QgsTask.CanCancel`: PyQGIS on Qt 6 has the first alone."""
    core = pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
    gui = importlib.import_module("qgis.gui")
    for chain in chains(ast.parse(path.read_text("utf-8"))):
        owner = getattr(core, chain[0], None) or getattr(gui, chain[0], None)
        if owner is None or not isinstance(owner, type) or len(chain) < 2:
            continue
        member = getattr(owner, chain[1], None)
        unscoped = isinstance(member, int) and type(member) not in (int, bool)
        assert not unscoped, ".".join(chain)
