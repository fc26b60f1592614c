"""A real QGIS without a screen, in a profile of its own, with the plugin as it is built.

These tests run with the Python that QGIS ships (`scripts/test-qgis`); with any other one those
that need QGIS are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Where QGIS keeps the Python plugins that come with it, Processing among them.
QGIS_PLUGINS = (Path("/usr/share/qgis/python/plugins"),)

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the tests ended, for `pytest_unconfigure`."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without taking Python apart: now and then QGIS crashes when its objects go last.

    All is said and done by then, and the exit status stays the tests' own.
    """
    if "qgis.core" in sys.modules and _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


_STATUS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `satclip_qgis` in it, linked to this checkout."""
    os.environ["QGIS_CUSTOM_CONFIG_PATH"] = str(tmp_path_factory.mktemp("profile"))
    folder = tmp_path_factory.mktemp("plugins")
    command = [sys.executable, str(ROOT / "qgis_plugin" / "build.py"), "--link", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def qgis_app(plugin_folder: Path):
    """QGIS itself, with Processing and `satclip_qgis` importable."""
    core = pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
    sys.path[:0] = [str(plugin_folder), *(str(path) for path in QGIS_PLUGINS if path.is_dir())]
    app = core.QgsApplication.instance()
    if app is None:
        app = core.QgsApplication([], True)
        app.initQgis()
    from processing.core.Processing import Processing

    Processing.initialize()
    yield app
    core.QgsProject.instance().clear()
    app.taskManager().cancelAll()


@pytest.fixture(scope="session")
def plugin(qgis_app):
    """The plugin, loaded as qgis_process does: its provider only."""
    import satclip_qgis

    made = satclip_qgis.classFactory(None)
    made.initProcessing()
    yield made
    made.unload()


@pytest.fixture
def run(plugin):
    """processing.run for an algorithm of the plugin, with its name alone."""
    import processing

    def call(name, parameters, **more):
        return processing.run(f"satclip:{name}", parameters, **more)

    return call


@pytest.fixture
def project(qgis_app):
    """An empty project, in EPSG:4326."""
    from qgis.core import QgsCoordinateReferenceSystem, QgsProject

    project = QgsProject.instance()
    project.clear()
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    yield project
    project.clear()


@pytest.fixture
def make_points(qgis_app):
    """Makes a memory layer: points (x, y) or None for a null geometry, with fields if wanted."""
    from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer

    def make(points, crs="EPSG:4326", fields="", rows=None, kind="Point"):
        layer = QgsVectorLayer(f"{kind}?crs={crs}{fields}", "points", "memory")
        assert layer.isValid()
        features = []
        for index, point in enumerate(points):
            feature = QgsFeature(layer.fields())
            if isinstance(point, str):
                feature.setGeometry(QgsGeometry.fromWkt(point))
            elif point is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*point)))
            if rows is not None:
                feature.setAttributes(list(rows[index]))
            features.append(feature)
        assert layer.dataProvider().addFeatures(features)[0]
        layer.updateExtents()
        return layer

    return make


@pytest.fixture
def window(qgis_app):
    """A window with a canvas, and an empty project."""
    from gui_window import Window
    from qgis.core import QgsProject

    QgsProject.instance().clear()
    made = Window()
    yield made
    QgsProject.instance().clear()
    made.window.close()


@pytest.fixture
def gui(plugin):
    """The plugin's toolbar, menu and docks in such a window, and an empty project."""
    from gui_window import Window
    from qgis.core import QgsProject
    from satclip_qgis.gui import Gui

    QgsProject.instance().clear()
    made = Gui(Window())
    made.load()
    yield made
    if made.toolbar is not None:  # a test has unloaded it
        made.unload()
    QgsProject.instance().clear()
