"""The example project that comes with the plugin: copied, so that it may be changed, and opened."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProject
from qgis.PyQt.QtCore import QStandardPaths
from qgis.PyQt.QtWidgets import QFileDialog

from ..text import tr

EXAMPLE = Path(__file__).parents[1] / "example"
PROJECT = "satclip-example.qgs"
_NAME = "satclip-example"
_SECONDS_SHOWN = 12


def copied(folder: Path) -> Path:
    """Copy the example into a new folder within another one; the path of the project there.

    Raises:
        OSError: it cannot be written.
    """
    names = (_NAME if number == 1 else f"{_NAME}-{number}" for number in count(1))
    target = next(folder / name for name in names if not (folder / name).exists())
    target.mkdir(parents=True)
    for path in sorted(EXAMPLE.iterdir()):
        if path.is_file() and path.suffix != ".py":
            shutil.copyfile(path, target / path.name)
    return target / PROJECT


def open_example(iface: Any) -> Path | None:
    """Ask where the example shall lie, copy it there and open it; None where the user says no.

    A present project with changes is first offered to be saved, as QGIS itself does.
    """
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    folder = QFileDialog.getExistingDirectory(
        iface.mainWindow(), tr("Where shall the example project lie?"), documents
    )
    if not folder:
        return None
    if QgsProject.instance().isDirty():
        iface.newProject(True)
        if QgsProject.instance().isDirty():  # cancelled
            return None
    try:
        path = copied(Path(folder))
    except OSError as error:
        text = tr("Cannot write to {folder}: {reason}").format(
            folder=folder, reason=error.strerror or str(error)
        )
        iface.messageBar().pushMessage("SatCLIP", text, Qgis.MessageLevel.Critical, _SECONDS_SHOWN)
        return None
    iface.addProject(str(path))
    text = tr("The example lies in {folder}. Help → First steps says what to try.")
    iface.messageBar().pushMessage(
        "SatCLIP", text.format(folder=path.parent), Qgis.MessageLevel.Info, _SECONDS_SHOWN
    )
    return path
