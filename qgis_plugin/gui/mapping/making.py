"""The map made: the algorithm in a task, its layers in a group of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...algorithms.mapfromsamples import error_layer
from ...text import tr
from ..background import launch
from ..embed import Notes
from .trial import Question

ALGORITHM = "satclip:mapfromsamples"
_MAP, _OUTSIDE = "OUTPUT", "OUTSIDE"
_TEMPORARY = "TEMPORARY_OUTPUT"


def outside_path(path: str) -> str:
    """The file of the hatched polygons beside that of a map."""
    file = Path(path)
    return str(file.with_name(f"{file.stem}_outside.gpkg"))


class Making(QObject):
    """Runs the algorithm once, and adds what it made to the project.

    Args:
        question: what is to be mapped.
        path: of the GeoTIFF; a temporary file where empty.
        group: name of the group of layers.
    """

    progressed = pyqtSignal(float)  # per cent
    ended = pyqtSignal(str)  # an error, or ""

    def __init__(
        self, question: Question, path: str, group: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._group = group
        self._project = QgsProject.instance()
        self._context = QgsProcessingContext()
        self._context.setProject(self._project)
        self._feedback = Notes()
        self._parameters = {
            **question.parameters(),
            "UNCERTAINTY": True,
            _MAP: self._output(path),
            _OUTSIDE: self._output(outside_path(path) if path else ""),
        }
        self.layers: list[Any] = []
        self._task: Any = None

    @property
    def warnings(self) -> list[str]:
        """What the algorithm warned of."""
        return self._feedback.warnings

    def start(self) -> None:
        """Begin."""
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
        usable, reason = algorithm.checkParameterValues(self._parameters, self._context)
        if not usable:
            self.ended.emit(reason)
            return
        self._task = QgsProcessingAlgRunnerTask(
            algorithm, self._parameters, self._context, self._feedback
        )
        self._task.progressChanged.connect(self.progressed)
        self._task.executed.connect(self._executed)
        launch(self._task, self)  # the context and the feedback

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        self._feedback.cancel()

    def _output(self, path: str) -> QgsProcessingOutputLayerDefinition:
        return QgsProcessingOutputLayerDefinition(path or _TEMPORARY, self._project)

    def _executed(self, succeeded: bool, _results: dict[str, Any]) -> None:
        if self._feedback.isCanceled():
            self.ended.emit(tr("Stopped on request; nothing was written."))
            return
        if not succeeded:
            self.ended.emit("; ".join(self._feedback.errors) or tr("it failed"))
            return
        loading = self._context.layersToLoadOnCompletion()
        made = {details.outputName: (target, details) for target, details in loading.items()}
        group = self._project.layerTreeRoot().insertGroup(0, self._group)
        for name in (_OUTSIDE, _MAP):
            if name in made:
                self._add(group, *made[name])
        mapped = next((one for one in self.layers if isinstance(one, QgsRasterLayer)), None)
        if mapped is not None:
            self._add_error(group, mapped)
        self.ended.emit("")

    def _add(self, group: Any, target: str, details: Any) -> None:
        """Add one result to the group, styled and described as the algorithm wants it."""
        kind = details.layerTypeHint
        found = QgsProcessingUtils.mapLayerFromString(target, self._context, typeHint=kind)
        if found is None:
            return
        layer = self._context.takeResultLayer(found.id()) or found.clone()
        details.setOutputLayerName(layer)
        self._project.addMapLayer(layer, False)
        group.addLayer(layer)
        if details.postProcessor() is not None:
            details.postProcessor().postProcessLayer(layer, self._context, self._feedback)
        self.layers.append(layer)

    def _add_error(self, group: Any, mapped: QgsRasterLayer) -> None:
        """Add what is known of the map's error below it, not shown at first."""
        layer = error_layer(mapped)
        if layer is None:
            return
        self._project.addMapLayer(layer, False)
        group.addLayer(layer).setItemVisibilityChecked(False)
        self.layers.append(layer)
