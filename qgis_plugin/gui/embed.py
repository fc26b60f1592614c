"""Embed layer points: a dialog of a few questions, then the algorithm in a task."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from ..geopackage import (
    add_table,
    free_table,
    is_table,
    lowered,
    source_of,
    table_layer,
    tables,
)
from ..help import open_help
from ..models import default_model, known_models
from ..text import tr
from ..words import worded
from .background import WorkTask, launch
from .save import confirmed

ALGORITHM = "satclip:embedpoints"
COLUMNS, ARRAY, COPY = "columns", "array", "copy"
_SECONDS_SHOWN = 12


@dataclass(frozen=True)
class Choice:
    """What the user wants.

    Attributes:
        model: name or path.
        kind: COLUMNS, ARRAY or COPY.
        selected: whether selected features alone are taken.
        path: of the GeoPackage, for COPY.
        table: in a GeoPackage that exists; one that it has is replaced.
        prefix: of the new fields.
    """

    model: str
    kind: str
    selected: bool
    path: str = ""
    table: str = ""
    prefix: str = "e"


class EmbedDialog(QDialog):
    """Asks for model, features and form of the result.

    Args:
        layer: the point layer.
    """

    def __init__(self, layer: QgsVectorLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source, self._name = source_of(layer), layer.name()
        self._asked = ""  # the path that `table` was filled in for
        self.setWindowTitle(tr("Embed layer points"))
        self.setMinimumWidth(440)
        count = layer.featureCount()
        self.selected = QCheckBox(
            tr("Selected features only ({count})").format(count=layer.selectedFeatureCount())
        )
        self.selected.setEnabled(layer.selectedFeatureCount() > 0)
        self.selected.setChecked(layer.selectedFeatureCount() > 0)
        self.model = QComboBox()
        for name in known_models():
            self.model.addItem(name.replace("\\", "/").rpartition("/")[2], name)
        # Else a long name would make the dialog wider than the screen.
        self.model.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.model.setCurrentIndex(max(self.model.findData(default_model()), 0))
        self.kind = QComboBox()
        self.kind.addItem(tr("New layer, a column for each dimension"), COLUMNS)
        self.kind.addItem(tr("New layer, one array field"), ARRAY)
        self.kind.addItem(tr("Copy as GeoPackage"), COPY)
        self.path = QgsFileWidget()
        self.path.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.path.setFilter(tr("GeoPackage (*.gpkg)"))
        self.path.setConfirmOverwrite(False)  # a file that exists gets a further table
        self.table = QLineEdit()
        self.prefix = QLineEdit(free_prefix(layer))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.Help
        )
        title = tr("{name} ({count} features)").format(name=layer.name(), count=count)
        form = QFormLayout(self)
        named = QLabel(title)
        named.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        named.setToolTip(title)
        form.addRow(tr("Layer"), named)
        form.addRow("", self.selected)
        form.addRow(tr("Model"), self.model)
        form.addRow(tr("Result"), self.kind)
        form.addRow(tr("Prefix of the new fields"), self.prefix)
        form.addRow(tr("File"), self.path)
        form.addRow(tr("Table"), self.table)
        form.addRow("", self.note)
        form.addRow(self.buttons)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.buttons.helpRequested.connect(lambda: open_help("embed-points"))
        self.kind.currentIndexChanged.connect(self._check)
        self.path.fileChanged.connect(self._check)
        self.table.textChanged.connect(self._check)
        self._check()

    def choice(self) -> Choice:
        """What was chosen."""
        kind = self.kind.currentData()
        path = self._path() if kind == COPY else ""
        return Choice(
            str(self.model.currentData()),
            kind,
            self.selected.isChecked(),
            path,
            self.table.text().strip() if path and Path(path).exists() else "",
            self.prefix.text().strip() or "e",
        )

    def _path(self) -> str:
        path = str(self.path.filePath()).strip()
        return path if not path or path.lower().endswith(".gpkg") else path + ".gpkg"

    def _check(self) -> None:
        copies, path = self.kind.currentData() == COPY, self._path()
        self.path.setEnabled(copies)
        exists = copies and bool(path) and Path(path).exists()
        if exists and path != self._asked:
            self._asked = path
            self.table.setText(free_table(path, self._name))
        self.table.setEnabled(exists)
        problem = copies_problem(self.choice(), self._source) if exists else ""
        self.note.setText(problem or (self._consequence() if exists else ""))
        ready = not copies or (bool(path) and not problem)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    def _consequence(self) -> str:
        if self._replaces():
            return tr("The file has a table of this name: it would be replaced.")
        return tr("The file exists: it gets a further table.")

    def _replaces(self) -> bool:
        choice = self.choice()
        return bool(choice.table) and choice.table.lower() in lowered(tables(choice.path) or [])

    def _accept(self) -> None:
        question = tr("{path} has a table {table}. Replace it?")
        choice = self.choice()
        if not self._replaces() or confirmed(
            self, question.format(path=choice.path, table=choice.table)
        ):
            self.accept()


def free_prefix(layer: QgsVectorLayer) -> str:
    """A prefix under which the layer has no embedding yet: e, e2_, e3_, …"""
    taken = lowered(layer.fields().names())
    prefixes = ["e", *(f"e{n}_" for n in range(2, len(taken) + 3))]

    def free(prefix: str) -> bool:
        array = "embedding" if prefix == "e" else f"{prefix}embedding"
        return f"{prefix}000" not in taken and array not in taken

    return next(prefix for prefix in prefixes if free(prefix))


def copies_problem(choice: Choice, source: tuple[str, str]) -> str:
    """Why a copy cannot be written into a GeoPackage that exists; "" where it can."""
    if tables(choice.path) is None:
        return tr("{path} exists and is no GeoPackage: give another name.").format(path=choice.path)
    if not choice.table or set(choice.table) & set("\"'()"):
        return tr("Give the table a name, without quotes and brackets.")
    if is_table(choice.path, choice.table, source):
        return tr("{table} is the layer that is read: give the table another name.").format(
            table=choice.table
        )
    return ""


class EmbedRun:
    """Runs the algorithm in a task, adds its layer, and says what was left out.

    Args:
        layer: the point layer.
        choice: of the dialog.
        bar: the message bar.
    """

    def __init__(self, layer: QgsVectorLayer, choice: Choice, bar: Any) -> None:
        if choice.path and not choice.table and Path(choice.path).exists():
            choice = replace(choice, table=free_table(choice.path, layer.name()))
        self._name, self._choice, self._bar = layer.name(), choice, bar
        self._source = source_of(layer)
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._feedback = Notes()
        # Into a file that exists the table is copied when it is whole. (To QGIS 3.22 a table that
        # is new in a file from which a layer is open is not there: a sink cannot write it.)
        self._written = choice.path or "TEMPORARY_OUTPUT"
        if choice.table:
            self._written = QgsProcessingUtils.generateTempFilename("embedded.gpkg")
        self._parameters = {
            "INPUT": QgsProcessingFeatureSourceDefinition(layer.id(), choice.selected),
            "MODEL": choice.model,
            "FORMAT": 1 if choice.kind == ARRAY else 0,
            "PREFIX": choice.prefix,
            "OUTPUT": self._written,
        }
        self.layer: QgsVectorLayer | None = None
        self.ended = False
        self._task: Any = None

    def start(self) -> None:
        """Begin."""
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
        usable, reason = algorithm.checkParameterValues(self._parameters, self._context)
        if usable and self._choice.table:
            reason = copies_problem(self._choice, self._source)
        if reason or not usable:
            self.ended = True
            self._say(reason, Qgis.MessageLevel.Warning)
            return
        self._task = QgsProcessingAlgRunnerTask(
            algorithm, self._parameters, self._context, self._feedback
        )
        self._task.executed.connect(self._executed)
        launch(self._task, self)  # the context and the feedback

    def cancel(self) -> None:
        """Stop."""
        self._feedback.cancel()

    def _executed(self, succeeded: bool, results: dict[str, Any]) -> None:
        if not succeeded:
            self.ended = True
            if not self._feedback.isCanceled():
                reason = "; ".join(self._feedback.errors) or tr("it failed")
                self._say(reason, Qgis.MessageLevel.Critical)
            return
        found = QgsProcessingUtils.mapLayerFromString(results["OUTPUT"], self._context)
        if found is None:
            self.ended = True
            return
        if self._choice.table:
            self._copy()
            return
        self._show(self._context.takeResultLayer(found.id()) or found.clone())

    def _copy(self) -> None:
        """Add the table that was written to the GeoPackage that exists, in a task."""
        choice, written = self._choice, self._written

        def work(_cancelled: Any) -> None:
            add_table(written, choice.path, choice.table)

        def done(_result: Any, error: Exception | None) -> None:
            with suppress(OSError):
                Path(written).unlink()
            if error is not None:
                self.ended = True
                self._say(worded(error), Qgis.MessageLevel.Critical)
            elif not self._feedback.isCanceled():
                self._show(table_layer(choice.path, choice.table))

        launch(WorkTask(tr("Adding a table to a GeoPackage"), work, done), self)

    def _show(self, layer: QgsVectorLayer) -> None:
        layer.setName(tr("{name}, embedded").format(name=self._name))
        QgsProject.instance().addMapLayer(layer)
        self.layer, self.ended = layer, True
        notes = "; ".join([*self._feedback.warnings, *self._feedback.errors])
        if notes:
            self._say(notes, Qgis.MessageLevel.Warning)
            return
        text = tr("{count} points embedded").format(count=layer.featureCount())
        self._say(text, Qgis.MessageLevel.Success)

    def _say(self, text: str, level: Any) -> None:
        self._bar.pushMessage("SatCLIP", text, level, _SECONDS_SHOWN)


class Notes(QgsProcessingFeedback):
    """Keeps what an algorithm warns of."""

    def __init__(self) -> None:
        super().__init__(False)
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def pushWarning(self, warning: str) -> None:
        """A remark."""
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        """An error."""
        self.errors.append(error)
