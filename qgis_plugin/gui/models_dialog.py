"""The Models dialog: which model is used, what it is, and where others come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QFont
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ..help import open_help
from ..models import default_model, encoder, gone_model, set_default_model
from ..placewords import tell
from ..satclip_core.encoder.two_part import KM_PER_DEGREE
from ..satclip_core.models.published import PUBLISHED
from ..satclip_core.models.registry import BUNDLED, ModelEntry, list_models, published_info
from ..settings import downloads_allowed
from ..text import tr
from ..words import worded
from .background import WorkTask, launch
from .fetch import Fetch
from .scale import said_length


class ModelsDialog(QDialog):
    """Non-modal: a table of models, the facts of the chosen one, and what can be done with it."""

    chosen = pyqtSignal(str)  # name or path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("SatCLIP models"))
        self.resize(760, 560)
        self._fetch: Fetch | None = None
        self._task: WorkTask | None = None
        self._files: list[str] = []
        self._entries: list[ModelEntry] = []
        self._make()
        self._lay_out()
        self._connect()
        self.reload()

    def reload(self) -> None:
        """List the models anew; the row stays where it was."""
        row = max(self.table.currentRow(), 0)
        # A package for this Python is nothing to fetch here: it is listed once it is installed.
        self._entries = [one for one in list_models() if one.state != "not installed"]
        current = default_model()
        if gone_model():
            text = tr("The model {name} is gone: the bundled one is used.")
            self.status.setText(text.format(name=gone_model()))
        self._files = [path for path in self._files if Path(path).is_file()]
        names = [entry.name for entry in self._entries]
        if current not in names and current not in self._files:
            self._files.append(current)
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for entry in self._entries:
            self._add_row(entry.name, _cells(entry), current)
        for path in self._files:
            self._add_row(path, (tr("file"), "", "", "", ""), current)
        self.table.setCurrentCell(-1, -1)
        self.table.blockSignals(False)
        self.table.selectRow(min(row, self.table.rowCount() - 1))

    def select(self, name: str) -> None:
        """Go to the row of a model."""
        for row in range(self.table.rowCount()):
            if self._name(row) == name:
                self.table.selectRow(row)

    def selected(self) -> str:
        """Name or path in the current row."""
        return self._name(max(self.table.currentRow(), 0))

    def use(self) -> None:
        """Use the selected model from now on."""
        name = self.selected()
        set_default_model(name)
        self.reload()
        self.chosen.emit(name)

    def fetch(self) -> None:
        """Fetch the selected model."""
        self._fetch = Fetch(self.selected(), self)
        self._fetch.progressed.connect(self._progress)
        self._fetch.ended.connect(self._fetched)
        self.progress.setRange(0, 0)
        self._busy(True)
        self.fetch_button.setEnabled(False)  # two would write the same file
        self.status.setText(tr("Fetching {name}…").format(name=self._fetch.name))
        self._fetch.start()

    def open_file(self, path: str) -> None:
        """Offer a model file."""
        if path not in self._files:
            self._files.append(path)
        self.status.clear()
        self.reload()
        self.select(path)

    def done(self, result: int) -> None:
        """Closing stops a download, and no longer waits for the facts of a model."""
        if self._fetch is not None:
            self._fetch.cancel()
        self._task = None
        super().done(result)

    def _make(self) -> None:
        heads = (
            tr("Model"),
            tr("State"),
            tr("L"),
            tr("Effective resolution"),
            tr("Licence"),
            tr("Size"),
        )
        self.table = QTableWidget(0, len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.facts = QTextBrowser()
        self.facts.setOpenExternalLinks(True)
        self.use_button = QPushButton(tr("Use this model"))
        self.fetch_button = QPushButton(tr("Fetch"))
        self.file_button = QPushButton(tr("Open a file…"))
        self.help_button = QPushButton(tr("Help"))
        self.close_button = QPushButton(tr("Close"))
        self.progress = QProgressBar()
        self.cancel_button = QPushButton(tr("Cancel"))
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._busy(False)

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.addWidget(self.table, 4)
        box.addWidget(self.facts, 5)
        box.addWidget(self.status)
        for row in (
            (self.progress, self.cancel_button),
            (
                self.use_button,
                self.fetch_button,
                self.file_button,
                None,
                self.help_button,
                self.close_button,
            ),
        ):
            line = QHBoxLayout()
            for widget in row:
                if widget is None:
                    line.addStretch(1)
                else:
                    line.addWidget(widget)
            box.addLayout(line)

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._show)
        self.use_button.clicked.connect(self.use)
        self.fetch_button.clicked.connect(self.fetch)
        self.file_button.clicked.connect(self._ask_file)
        self.help_button.clicked.connect(lambda: open_help("models"))
        self.close_button.clicked.connect(self.accept)
        self.cancel_button.clicked.connect(self._stop_fetching)

    def _stop_fetching(self) -> None:
        if self._fetch:
            self._fetch.cancel()

    def _add_row(self, name: str, cells: tuple[str, ...], current: str) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        shown = name.replace("\\", "/").rpartition("/")[2]
        for column, text in enumerate((shown, *cells)):
            item = QTableWidgetItem(text)
            item.setToolTip(name if column == 0 else text)
            if column == 0:
                item.setData(Qt.ItemDataRole.UserRole, name)
            if name == current:
                font = QFont(item.font())
                font.setBold(True)
                item.setFont(font)
            self.table.setItem(row, column, item)

    def _name(self, row: int) -> str:
        return str(self.table.item(row, 0).data(Qt.ItemDataRole.UserRole))

    def _show(self) -> None:
        """The facts of the selected model, read in a task."""
        name = self.selected()
        self._offer_fetching(self._fetch is None and self._missing(name))
        self.use_button.setEnabled(not self._missing(name))
        self._task = None
        if self._missing(name):
            self.facts.setMarkdown(_published_facts(name))
            return
        self.facts.setMarkdown(tr("Reading the model…"))
        task: WorkTask = WorkTask(
            tr("Reading a model"),
            lambda _cancelled: encoder(name),
            lambda made, error: self._read(task, name, made, error),
            self,
        )
        self._task = task
        launch(task)

    def _read(self, task: WorkTask, name: str, made: Any, error: Exception | None) -> None:
        """Show the facts; a file that is no model leaves the list."""
        if task is not self._task:  # another row was chosen meanwhile
            return
        if error is not None and name in self._files:
            self._files.remove(name)
            if name == default_model():
                set_default_model(BUNDLED)
                self.chosen.emit(BUNDLED)
            self.reload()
            self.status.setText(worded(error))
            return
        self.use_button.setEnabled(error is None)
        if error is not None and self.selected() in PUBLISHED:  # what is wrong with it says so
            self._offer_fetching(self._fetch is None)
        self.facts.setMarkdown(worded(error) if error is not None else model_facts(made))

    def _offer_fetching(self, useful: bool) -> None:
        allowed = downloads_allowed()
        self.fetch_button.setEnabled(useful and allowed)
        self.fetch_button.setToolTip(
            tr("Download from the Hugging Face hub, with QGIS' proxy.")
            if allowed
            else tr("Settings → Options → SatCLIP says that nothing may be fetched.")
        )

    def _missing(self, name: str) -> bool:
        return name in PUBLISHED and not PUBLISHED[name].path.is_file()

    def _busy(self, busy: bool) -> None:
        self.progress.setVisible(busy)
        self.cancel_button.setVisible(busy)

    def _progress(self, received: float, total: float) -> None:
        self.progress.setRange(0, 1000 if total else 0)
        if total:
            self.progress.setValue(round(1000 * received / total))
        self.progress.setFormat(f"{tell(received / 1e6, 1)} / {_megabytes(total)}")

    def _fetched(self, name: str, error: str) -> None:
        self._fetch = None
        self._busy(False)
        if error:
            self.status.setText(error)
        elif name:
            self.status.setText(tr("{name} is here, and checked.").format(name=name))
        else:
            self.status.setText(tr("Stopped."))
        self.reload()
        if name:
            self.select(name)

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Open a model"), "", tr("Models (*.npz *.ckpt *.pth.tar)")
        )
        if path:
            self.open_file(path)


def _said(degrees: float) -> str:
    """A resolution on the ground, as the dock says it."""
    return said_length(degrees * KM_PER_DEGREE)


def _megabytes(size: float) -> str:
    return f"{tell(size / 1e6, 1)} MB"


def _cells(entry: ModelEntry) -> tuple[str, ...]:
    states = {
        "bundled": tr("comes with the plugin"),
        "fetched": tr("fetched"),
        "installed": tr("installed"),
        "not fetched": tr("not fetched"),
    }
    degree = "" if entry.legendre_polys is None else str(entry.legendre_polys)
    resolution = "" if entry.resolution_degrees is None else _said(entry.resolution_degrees)
    size = "" if entry.size is None else _megabytes(entry.size)
    return states[entry.state], degree, resolution, "MIT", size


def model_facts(made: Any) -> str:
    """What a model is, as Markdown: the facts first, then its card."""
    resolution = made.resolution_degrees
    rows = [
        (tr("Encoder"), made.config.formula),
        (tr("Dimensions"), str(made.dim)),
        (tr("Effective resolution"), "–" if resolution is None else _said(resolution)),
        (tr("Licence"), made.info.licence),
        (tr("SHA-256"), f"`{made.sha256}`"),
    ]
    lines = [f"- **{name}**: {value}" for name, value in rows]
    return "\n".join(lines) + "\n\n" + (made.card or "")


def _published_facts(name: str) -> str:
    model = PUBLISHED[name]
    info = published_info(model)
    rows = [
        (tr("From"), model.url),
        (tr("Effective resolution"), _said(180 / (2 * model.legendre_polys))),
        (tr("Licence"), info.licence),
        (tr("SHA-256"), f"`{model.sha256}`" if model.sha256 else tr("noted on the first fetch")),
    ]
    return "\n".join(f"- **{label}**: {value}" for label, value in rows) + "\n\n" + info.card
