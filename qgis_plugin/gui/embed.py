"""Embed layer points: a dialog of four questions, then the algorithm in a task."""

from __future__ import annotations

from dataclasses import dataclass
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
    QSizePolicy,
    QWidget,
)

from ..models import default_model, known_models
from ..text import tr
from .background import launch

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
    """

    model: str
    kind: str
    selected: bool
    path: str = ""


class EmbedDialog(QDialog):
    """Asks for model, features and form of the result.

    Args:
        layer: the point layer.
    """

    def __init__(self, layer: QgsVectorLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
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
        form.addRow(tr("File"), self.path)
        form.addRow(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.kind.currentIndexChanged.connect(self._check)
        self.path.fileChanged.connect(self._check)
        self._check()

    def choice(self) -> Choice:
        """What was chosen."""
        path = self.path.filePath().strip()
        if path and not path.lower().endswith(".gpkg"):
            path += ".gpkg"
        kind = self.kind.currentData()
        return Choice(
            str(self.model.currentData()),
            kind,
            self.selected.isChecked(),
            path if kind == COPY else "",
        )

    def _check(self) -> None:
        copies = self.kind.currentData() == COPY
        self.path.setEnabled(copies)
        ready = not copies or bool(self.path.filePath().strip())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


class EmbedRun:
    """Runs the algorithm in a task, adds its layer, and says what was left out.

    Args:
        layer: the point layer.
        choice: of the dialog.
        bar: the message bar.
    """

    def __init__(self, layer: QgsVectorLayer, choice: Choice, bar: Any) -> None:
        self._name, self._choice, self._bar = layer.name(), choice, bar
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._feedback = Notes()
        self._parameters = {
            "INPUT": QgsProcessingFeatureSourceDefinition(layer.id(), choice.selected),
            "MODEL": choice.model,
            "FORMAT": 1 if choice.kind == ARRAY else 0,
            "OUTPUT": choice.path or "TEMPORARY_OUTPUT",
        }
        self.layer: QgsVectorLayer | None = None
        self.ended = False
        self._task: Any = None

    def start(self) -> None:
        """Begin."""
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
        usable, reason = algorithm.checkParameterValues(self._parameters, self._context)
        if not usable:
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
        self.ended = True
        if not succeeded:
            if not self._feedback.isCanceled():
                reason = "; ".join(self._feedback.errors) or tr("it failed")
                self._say(reason, Qgis.MessageLevel.Critical)
            return
        found = QgsProcessingUtils.mapLayerFromString(results["OUTPUT"], self._context)
        if found is None:
            return
        layer = self._context.takeResultLayer(found.id()) or found.clone()
        layer.setName(tr("{name}, embedded").format(name=self._name))
        QgsProject.instance().addMapLayer(layer)
        self.layer = layer
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
