"""Unloading and reloading the plugin, in a QGIS of its own, while it is at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

BEGIN = """
import os, sys
from qgis.core import *
sys.path[:0] = [sys.argv[1], "/usr/share/qgis/python/plugins", sys.argv[2]]
app = QgsApplication([], True)
app.initQgis()
from processing.core.Processing import Processing
Processing.initialize()
from gui_window import Window, wait
import satclip_qgis
sys.excepthook = lambda *raised: print("raised", raised)
window = Window()
plugin = satclip_qgis.classFactory(window)
plugin.initGui()
registry, manager = app.processingRegistry(), app.taskManager()
"""
EMBEDDING = """
layer = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
made = [QgsFeature() for _ in range(60_000)]
for index, feature in enumerate(made):
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(index % 300 / 3, index % 100 / 2)))
layer.dataProvider().addFeatures(made)
QgsProject.instance().addMapLayer(layer)
from satclip_qgis.gui.embed import Choice, EmbedRun
run = EmbedRun(layer, Choice("bundled", "columns", False, ""), window.bar)
run.start()
wait(lambda: run._feedback.progress() > 0)
plugin.unload()
wait(lambda: run.ended)
print("ended", run.layer, window.messages())
"""
# The provider goes while the raster is written, or before it is begun.
RASTER = """
algorithm = registry.createAlgorithmById("satclip:embeddingraster")
context, feedback, done = QgsProcessingContext(), QgsProcessingFeedback(), []
task = QgsProcessingAlgRunnerTask(algorithm, {
    "EXTENT": "-180,180,-80,80 [EPSG:4326]", "RESOLUTION": 1, "CRS": "EPSG:4326",
    "OUTPUT": sys.argv[3]}, context, feedback)
task.executed.connect(lambda *said: done.append(said))
if sys.argv[4] == "queued":
    task.hold()
manager.addTask(task)
wait(lambda: sys.argv[4] == "queued" or feedback.progress() > 0)
plugin.unload()
if sys.argv[4] == "queued":
    task.unhold()
wait(lambda: done)
print("ended", done)
"""
DOCK = """
from qgis.PyQt.QtWidgets import QDockWidget, QToolBar
from satclip_qgis.gui.maptool import PlaceTool
window.show_map("EPSG:3857", (-1.0e6, 4.2e6, 4.12e6, 7.4e6))
for _ in range(3):
    plugin.gui.actions["similar"].trigger()
    plugin.gui.actions["models"].trigger()
    wait(lambda: plugin.gui.dock.session.busy)
    window.click(320, 200)
    plugin.unload()
    wait(lambda: not manager.activeTasks())
    for _ in range(3):
        app.sendPostedEvents(None, 52)  # deferred deletions
        app.processEvents()
    left = [window.menu.actions(), QgsProject.instance().mapLayers(),
            window.window.findChildren(QDockWidget), window.canvas.findChildren(PlaceTool),
            window.window.findChildren(QToolBar), registry.providerById("satclip")]
    print("left", [thing for thing in left if thing])
    plugin.initGui()
plugin.unload()
print("ended")
"""


def play(plugin_folder: Path, text: str, *more: object) -> str:
    arguments = [plugin_folder, Path(__file__).parent, *more]
    command = [sys.executable, "-c", BEGIN + text + "\nsys.stdout.flush(); os._exit(0)"]
    command += [str(argument) for argument in arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "raised" not in result.stdout
    assert "Traceback" not in result.stderr
    return result.stdout


def test_an_embedding_of_points_is_stopped(plugin_folder: Path) -> None:
    assert "ended None []" in play(plugin_folder, EMBEDDING)


@pytest.mark.parametrize("when", ["working", "queued"])
def test_an_algorithm_is_stopped_and_writes_nothing(
    plugin_folder: Path, tmp_path: Path, when: str
) -> None:
    path = tmp_path / "embedding.tif"
    assert "ended [(" in play(plugin_folder, RASTER, path, when)
    assert list(tmp_path.iterdir()) == []


def test_dock_and_dialog_go_while_they_are_at_work(plugin_folder: Path) -> None:
    out = play(plugin_folder, DOCK)
    assert out.count("left []") == 3, out
    assert "ended" in out
