"""About: which version this is, what its model is and how good, and where to read more."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

from qgis.core import Qgis
from qgis.PyQt.QtCore import QT_VERSION_STR
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ..help import open_help
from ..models import default_model, encoder
from ..satclip_core.version import __version__
from ..text import tr
from ..words import worded
from .background import WorkTask, launch
from .models_dialog import model_facts

_FOLDER = Path(__file__).parents[1]
_ICON_SIZE = 64


class AboutDialog(QDialog):
    """Non-modal: the plugin, and the card of the model in use."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About SatCLIP embeddings"))
        size = self.fontMetrics().height()
        self.resize(42 * size, 34 * size)
        self._task: WorkTask | None = None
        icon = QLabel()
        icon.setPixmap(QIcon(str(_FOLDER / "icons" / "satclip.svg")).pixmap(_ICON_SIZE, _ICON_SIZE))
        title = QLabel(
            "<h2>SatCLIP embeddings</h2>"
            + tr("Version {version}, in QGIS {qgis} with Qt {qt}").format(
                version=__version__, qgis=Qgis.QGIS_VERSION, qt=QT_VERSION_STR
            )
        )
        head = QHBoxLayout()
        head.addWidget(icon)
        head.addWidget(title, 1)
        self.about, self.card = QTextBrowser(), QTextBrowser()
        for text in (self.about, self.card):
            text.setOpenExternalLinks(True)
        self.about.setHtml(_about())
        self.tabs = QTabWidget()
        self.tabs.addTab(self.about, tr("Plugin"))
        self.tabs.addTab(self.card, tr("Model"))
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Close | QDialogButtonBox.StandardButton.Help
        )
        self.buttons.rejected.connect(self.reject)
        self.buttons.helpRequested.connect(lambda: open_help())
        box = QVBoxLayout(self)
        box.addLayout(head)
        box.addWidget(self.tabs, 1)
        box.addWidget(self.buttons)

    def reload(self) -> None:
        """Show the card of the model that is in use now; it is read in a task."""
        name = default_model()
        self.card.setMarkdown(tr("Reading the model…"))
        task: WorkTask = WorkTask(
            tr("Reading a model"),
            lambda _cancelled: encoder(name),
            lambda made, error: self._read(task, made, error),
            self,
        )
        self._task = task
        launch(task)

    def done(self, result: int) -> None:
        """Closing no longer waits for the model."""
        self._task = None
        super().done(result)

    def _read(self, task: WorkTask, made: Any, error: Exception | None) -> None:
        if task is self._task:
            self.card.setMarkdown(worded(error) if error is not None else model_facts(made))


def _about() -> str:
    """What it is, whose data stand behind it, under which licence, as HTML."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(_FOLDER / "metadata.txt", "utf-8")
    general = metadata["general"]
    links = (
        (general["homepage"], tr("Home page")),
        (general["repository"], tr("Source code")),
        (general["tracker"], tr("Report a fault")),
    )
    paragraphs = (
        tr(
            "A location encoder turns a longitude and a latitude into numbers that say what the "
            "place looks like from above. This plugin puts them on the map: similar places, groups "
            "of places, maps of what was sampled, in words what a place is like."
        ),
        tr("Nothing is sent anywhere: the model is on this computer."),
        " · ".join(f'<a href="{address}">{label}</a>' for address, label in links),
        tr(
            "The plugin is free software under the GNU General Public License, version 2 or later; "
            "the library inside (satclip_core) and its model are under the MIT licence."
        ),
        tr(
            "The method is SatCLIP's: Klemmer, Rolf, Robinson, Mackey, Rußwurm: Satellite "
            "contrastive location-image pretraining, AAAI 2025."
        ),
        tr(
            "Blue Marble, Black Marble, land cover and greenness: courtesy of NASA. Relief and "
            "sea: NOAA and GEBCO. Countries and capitals: Natural Earth."
        ),
    )
    return "".join(f"<p>{text}</p>" for text in paragraphs)
