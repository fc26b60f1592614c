"""Tasks that outlive whoever started them."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from qgis.core import QgsProject


def test_a_task_that_nobody_holds_is_finished_and_then_forgotten(qgis_app: object) -> None:
    from satclip_qgis.gui import background

    told: list[object] = []
    task = background.WorkTask("one", lambda _cancelled: "done", lambda *said: told.append(said))
    background.launch(task)
    held = weakref.ref(task)
    del task
    gc.collect()
    wait(lambda: told)
    assert told == [("done", None)]
    wait(lambda: held() is None)


def test_a_task_whose_owner_is_deleted_meanwhile_tells_nobody(qgis_app: object) -> None:
    from qgis.PyQt import sip
    from qgis.PyQt.QtCore import QObject
    from satclip_qgis.gui import background

    owner, told, ended = QObject(), [], []
    task = background.WorkTask("one", lambda _cancelled: 1, lambda *said: told.append(said), owner)
    task.taskCompleted.connect(lambda: ended.append(True))
    sip.delete(owner)
    background.launch(task)
    wait(lambda: ended)
    assert not told


def test_an_embedding_that_nobody_holds_is_not_cut_short(
    qgis_app: object, plugin: object, make_points: object
) -> None:
    from satclip_qgis.gui.embed import Choice, EmbedRun

    QgsProject.instance().clear()
    layer = make_points([(11.5, 48.1), (-60.0, -3.0)])
    QgsProject.instance().addMapLayer(layer)
    run = EmbedRun(layer, Choice("bundled", "columns", False, ""), Window().bar)
    run.start()
    held = weakref.ref(run)
    del run
    gc.collect()
    assert held() is not None  # QGIS works with its context and feedback
    wait(lambda: held() is None)
    QgsProject.instance().clear()


def test_a_dialog_that_was_closed_is_told_nothing(qgis_app: object, small_model: Path) -> None:
    from satclip_qgis.gui.models_dialog import ModelsDialog

    dialog = ModelsDialog()
    dialog.show()
    dialog.open_file(str(small_model))
    task = dialog._task
    before = dialog.facts.toPlainText()
    dialog.close()
    task.waitForFinished(20_000)
    dialog._read(task, str(small_model), None, ValueError("nobody listens"))
    assert dialog.facts.toPlainText() == before
