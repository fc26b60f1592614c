"""The dock Map from samples: asks, tries while the user looks, makes the map on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsVectorLayer
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...help import open_help
from ...models import default_model
from ...satclip_core.errors import InputError
from ...text import tr
from ...words import worded
from ..ink import alarm_ink
from ..scroll import Downwards
from .findings import Findings
from .making import Making, outside_path
from .questions import Questions
from .scorewords import size_in_words
from .trial import Found, Question, Trial

# Milliseconds without a change before a map is tried.
_SETTLED = 500
_SUFFIXES = (".tif", ".tiff")


class MapFromSamplesDock(QDockWidget):
    """Non-modal: from a layer of points to a map of one of its fields, with its error.

    Args:
        iface: of QGIS, or anything with mapCanvas(), activeLayer() and mainWindow().
    """

    made = pyqtSignal()  # the layers of a map were added

    def __init__(self, iface: Any) -> None:
        super().__init__(tr("Map from samples"), iface.mainWindow())
        self.setObjectName("SatclipMapFromSamples")
        self.setAllowedAreas(
            Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea
        )
        self._iface, self._canvas = iface, iface.mapCanvas()
        self.model = default_model()
        self._missing: tuple[float, ...] = ()
        self._left_out: frozenset[int] = frozenset()
        self._question: Question | None = None  # the one that findings are of
        self._watched: QgsVectorLayer | None = None
        self.making: Making | None = None
        self.trial = Trial(self)
        self.questions = Questions(self._canvas)
        self.findings = Findings()
        self._make()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED)
        self._connect()
        if isinstance(iface.activeLayer(), QgsVectorLayer):
            self.questions.choose(iface.activeLayer())
        self._changed()

    def use_model(self, model: str) -> None:
        """Another model was chosen."""
        if model != self.model:
            self.model = model
            self._changed()

    @property
    def found(self) -> bool:
        """Whether what is asked has been tried."""
        return not (self.trial.busy or self._timer.isActive()) and self._question is not None

    def close_down(self) -> None:
        """Leave nothing behind: tasks and signals."""
        self._timer.stop()
        self.trial.stop()
        if self.making is not None:
            self.making.cancel()
        self._canvas.extentsChanged.disconnect(self._view_changed)
        QgsProject.instance().crsChanged.disconnect(self._changed)
        self._watch(None)
        self.questions.close_down()

    def _make(self) -> None:
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(6)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.path = QgsFileWidget()
        self.path.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.path.setFilter(tr("GeoTIFF (*.tif *.tiff)"))
        self.path.setConfirmOverwrite(False)  # what is replaced stands below
        self.path.lineEdit().setPlaceholderText(tr("Temporary file"))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.make_map = QPushButton(tr("Make the map"))
        self.cancel = QPushButton(tr("Cancel"))
        self.more = QPushButton(tr("More options…"))
        self.more.setToolTip(
            tr("The same in the dialog of the algorithm: covariates, weights, groups, a report.")
        )
        self.help = QToolButton()
        self.help.setText("?")
        self.help.setToolTip(tr("Help"))
        inner = QWidget()
        box = QVBoxLayout(inner)
        for widget in (self.questions, self.progress, self.status, self.findings):
            box.addWidget(widget)
        box.addStretch(1)
        file = QHBoxLayout()
        file.addWidget(QLabel(tr("Save as")))
        file.addWidget(self.path, 1)
        buttons = QHBoxLayout()
        for button in (self.make_map, self.cancel, self.more, self.help):
            buttons.addWidget(button)
        buttons.insertStretch(2, 1)
        # The button is always in sight, however small the dock.
        whole = QWidget(self)
        lines = QVBoxLayout(whole)
        lines.setContentsMargins(0, 0, 0, 6)
        lines.addWidget(Downwards(inner), 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(9, 0, 9, 0)
        foot.addLayout(file)
        foot.addWidget(self.note)
        foot.addLayout(buttons)
        lines.addLayout(foot)
        self.setWidget(whole)
        self.cancel.hide()
        self.note.hide()

    def _connect(self) -> None:
        self._timer.timeout.connect(self._try)
        self.questions.begun_anew.connect(self._begin_anew)
        self.questions.changed.connect(self._changed)
        self._canvas.extentsChanged.connect(self._view_changed)
        QgsProject.instance().crsChanged.connect(self._changed)
        self.visibilityChanged.connect(self._visible)
        self.trial.progressed.connect(self._progressed)
        self.trial.found.connect(self._found)
        self.trial.failed.connect(self._failed)
        self.findings.shown.connect(self._show_samples)
        self.findings.dropped.connect(self._drop)
        self.findings.redone.connect(self._redo)
        self.path.fileChanged.connect(self._check_path)
        self.make_map.clicked.connect(self._run)
        self.cancel.clicked.connect(self._stop)
        self.more.clicked.connect(self._more)
        self.help.clicked.connect(lambda: open_help("mapfromsamples"))

    def _visible(self, visible: bool) -> None:
        self.questions.set_shown(not self.isHidden())  # also behind another tab
        if visible and self._question is None:
            self._timer.start()
        elif self.isHidden():  # not merely behind another tab
            self._timer.stop()
            self.trial.stop()

    def _begin_anew(self) -> None:
        """Another layer or field: what was left out was of the one before."""
        self._missing, self._left_out = (), frozenset()
        self.findings.clear()
        self._watch(self.questions.samples_layer())

    def _watch(self, layer: QgsVectorLayer | None) -> None:
        """Try anew when the features of a layer change."""
        if self._watched is not None:
            try:
                self._watched.afterCommitChanges.disconnect(self._changed)
                self._watched.willBeDeleted.disconnect(self._layer_goes)
            except (RuntimeError, TypeError):  # it is gone already
                pass
        self._watched = layer
        if layer is not None:
            layer.afterCommitChanges.connect(self._changed)
            layer.willBeDeleted.connect(self._layer_goes)

    def _layer_goes(self) -> None:
        self._watched = None
        self._changed()

    def _view_changed(self) -> None:
        if self.questions.area.currentData() == "view":
            self._changed()

    def _changed(self, *_: Any) -> None:
        """Something else is wanted: what is under way is no use any more."""
        self.trial.stop()
        self._question = None
        self.questions.set_size("")
        self.findings.setEnabled(False)
        self.make_map.setEnabled(False)
        self.progress.hide()
        self._timer.start()

    def _ask(self) -> Question | None:
        """What is wanted now; None where it is not said yet, which the status says."""
        try:
            question = self.questions.question(
                self.model, missing=self._missing, left_out=self._left_out
            )
        except InputError as error:
            self._failed(worded(error))
            return None
        if question is None:
            self.findings.clear()
            if self.questions.samples_layer() is None:
                self._say(tr("Add a layer of points where a value is known."))
            elif not self.questions.field.currentField():
                self._say(tr("Choose the field to map."))
            else:
                self._say(tr("Choose the area to map."))
        return question

    def _try(self) -> None:
        if not self.isVisible() or self.making is not None:
            return
        question = self._ask()
        layer = self.questions.samples_layer()
        if question is None or layer is None:
            return
        self._say(tr("Testing how well {field} can be mapped…").format(field=question.field))
        self.make_map.setEnabled(True)
        self.progress.setValue(0)
        self.progress.show()
        self.trial.start(question, layer)

    def _progressed(self, percent: float) -> None:
        self.progress.setValue(round(percent))

    def _found(self, found: Found) -> None:
        self._question = self._ask()
        self.progress.hide()
        self._say("")
        self.questions.set_size(size_in_words(found.job, self.questions.unit()))
        self.findings.setEnabled(True)
        self.findings.show_found(found, self._left_out)
        self.make_map.setEnabled(True)

    def _failed(self, text: str) -> None:
        self.progress.hide()
        self.findings.clear(forget=False)
        self.make_map.setEnabled(False)
        self._say(text, error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        self.status.setText(text)
        shade = alarm_ink(self.status).name()
        self.status.setStyleSheet(f"color: {shade}" if error else "")
        self.status.setVisible(bool(text))

    def _show_samples(self, ids: list[int]) -> None:
        """Select features, and show them on the map."""
        layer = self.questions.samples_layer()
        if layer is None or not ids:
            return
        layer.selectByIds(ids)
        self._canvas.zoomToFeatureIds(layer, ids)
        self._canvas.flashFeatureIds(layer, ids)

    def _drop(self, values: tuple[float, ...]) -> None:
        self._missing = (*self._missing, *values)
        self._changed()

    def _redo(self, ids: list[int]) -> None:
        self._left_out = frozenset(ids)
        self._changed()

    def target(self) -> str:
        """The file of the map; "" for a temporary one."""
        path = str(self.path.filePath()).strip()
        return path if not path or path.lower().endswith(_SUFFIXES) else path + ".tif"

    def _check_path(self, *_: Any) -> None:
        path = self.target()
        there = [one for one in (path, outside_path(path) if path else "") if Path(one).is_file()]
        names = ", ".join(Path(one).name for one in there)
        text = tr("{names}: will be replaced.").format(names=names)
        self.note.setText(text if there else "")
        self.note.setVisible(bool(there))

    def _run(self) -> None:
        """Make the map, from all samples."""
        question, layer = self._ask(), self.questions.samples_layer()
        if question is None or layer is None:
            return
        self._timer.stop()
        self.trial.stop()
        group = tr("{field}, mapped from {layer}").format(field=question.field, layer=layer.name())
        self.making = Making(question, self.target(), group, self)
        self.making.progressed.connect(self._progressed)
        self.making.ended.connect(self._ended)
        self._set_making(True)
        self._say(tr("Making the map…"))
        self.making.start()

    def _set_making(self, on: bool) -> None:
        self.questions.setEnabled(not on)
        self.findings.setEnabled(not on and self._question is not None)
        self.make_map.setVisible(not on)
        self.cancel.setVisible(on)
        self.progress.setValue(0)
        self.progress.setVisible(on)

    def _stop(self) -> None:
        if self.making is not None:
            self.making.cancel()

    def _ended(self, error: str) -> None:
        making, self.making = self.making, None
        self._set_making(False)
        if error:
            self._say(error, error=True)
        else:
            self._say(tr("The map is there, with its error and where that does not hold."))
            self.made.emit()
        self._check_path()
        if making is not None:
            making.deleteLater()
        if self._question is None:  # it was made before the trial had ended
            self._timer.start()

    def _more(self) -> None:
        """The algorithm's own dialog, filled in."""
        question = self._ask()
        if question is None:
            return
        import processing

        parameters = {**question.parameters(), "UNCERTAINTY": not question.classes}
        self.dialog = processing.createAlgorithmDialog("satclip:mapfromsamples", parameters)
        self.dialog.show()
