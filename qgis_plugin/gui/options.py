"""The page of the plugin in QGIS' own options: Settings → Options → SatCLIP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..help import open_help
from ..models import default_model, known_models, set_default_model
from ..satclip_core.compute.threads import available_threads
from ..satclip_core.models.published import cache_folder
from ..text import tr

PAGE = "SatclipOptions"
_ICON = Path(__file__).parents[1] / "icons" / "satclip.svg"


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page whenever QGIS opens its options.

    Args:
        changed: called with name or path when another model was chosen.
        models: opens the Models dialog.
    """

    def __init__(self, changed: Callable[[str], None], models: Callable[[], None]) -> None:
        super().__init__()
        self._changed, self._models = changed, models
        self.setTitle("SatCLIP")

    def icon(self) -> QIcon:
        """In the list of pages."""
        return QIcon(str(_ICON))

    def createWidget(self, parent: QWidget | None = None) -> OptionsPage:
        """The page, as QGIS asks for it."""
        return OptionsPage(self._changed, self._models, parent)


class OptionsPage(QgsOptionsPageWidget):
    """Model, land, threads, the folder of fetched models and whether any may be fetched."""

    def __init__(
        self,
        changed: Callable[[str], None],
        models: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE)
        self._changed = changed
        self.model = QComboBox()
        for name in known_models():
            self.model.addItem(name.replace("\\", "/").rpartition("/")[2], name)
        self.model.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.model.setMinimumContentsLength(24)
        self.model.setCurrentIndex(max(self.model.findData(default_model()), 0))
        self.manage = QPushButton(tr("Models…"))
        self.land = QCheckBox(tr("Similar places: only on land"))
        self.land.setChecked(settings.land_only())
        self.threads = QSpinBox()
        self.threads.setRange(0, max(available_threads(), settings.threads(), 64))
        self.threads.setSpecialValueText(tr("all processors"))
        self.threads.setValue(settings.threads())
        self.downloads = QCheckBox(tr("Published models may be fetched when I ask for it"))
        self.downloads.setChecked(settings.downloads_allowed())
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setFilePath(settings.models_folder())
        self.folder.lineEdit().setPlaceholderText(str(cache_folder()))
        self.help = QPushButton(tr("Help"))
        self.manage.clicked.connect(lambda: models())
        self.help.clicked.connect(lambda: open_help("settings"))
        self._lay_out()

    def apply(self) -> None:
        """Keep what is set, as QGIS asks for it."""
        model = self.model.currentData()
        if model != default_model():
            set_default_model(model)
            self._changed(model)
        settings.set_land_only(self.land.isChecked())
        settings.set_threads(self.threads.value())
        settings.set_models_folder(str(self.folder.filePath()).strip())
        settings.allow_downloads(self.downloads.isChecked())

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.model, 1)
        line.addWidget(self.manage)
        form = QFormLayout()
        form.addRow(tr("Model"), line)
        form.addRow("", self.land)
        form.addRow(tr("Threads at most"), self.threads)
        form.addRow("", self.downloads)
        form.addRow(tr("Folder of fetched models"), self.folder)
        note = QLabel(tr("The model that comes with the plugin needs no folder and no network."))
        note.setWordWrap(True)
        form.addRow("", note)
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self.help)
        box = QVBoxLayout(self)
        box.addLayout(form)
        box.addStretch(1)
        box.addLayout(below)
