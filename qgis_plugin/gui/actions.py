"""Toolbar and menu: what the plugin adds to the window of QGIS, and takes away again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsMapLayer,
    QgsProcessingFeatureSourceDefinition,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon

from ..help import open_help
from ..models import default_model
from ..text import tr
from .dock import SimilarPlacesDock
from .embed import EmbedDialog, EmbedRun
from .identify import IdentifyWords
from .mapping import MapFromSamplesDock
from .models_dialog import ModelsDialog

try:  # Qt 6 has moved it
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction

ICONS = Path(__file__).parents[1] / "icons"
_SECONDS_SHOWN = 8


class Gui:
    """Toolbar, Raster menu, dock and dialogs.

    Args:
        iface: the window of QGIS.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.actions: dict[str, QAction] = {}
        self.toolbar: Any = None
        self.dock: SimilarPlacesDock | None = None
        self.mapping: MapFromSamplesDock | None = None
        self.models: ModelsDialog | None = None
        self.embedding: EmbedRun | None = None
        self.dialogs: list[Any] = []
        self.identify: IdentifyWords | None = None

    def load(self) -> None:
        """Add everything; the dock is made when it is first wanted."""
        self.toolbar = self.iface.addToolBar("SatCLIP")
        self.toolbar.setObjectName("SatclipToolbar")
        for name, icon, text, called in (
            ("embed", "points.svg", tr("Embed layer points…"), self.embed_points),
            ("raster", "raster.svg", tr("Embedding raster…"), self.embedding_raster),
            ("similar", "similar.svg", tr("Similar places"), self.similar_places),
            ("alike", "", tr("Similar to the selected features…"), self.similar_features),
            ("map", "map.svg", tr("Map from samples…"), self.map_from_samples),
            ("models", "models.svg", tr("Models…"), self.show_models),
            ("help", "", tr("Help"), lambda: open_help()),
        ):
            image = QIcon(str(ICONS / icon)) if icon else QIcon()
            action = QAction(image, text, self.iface.mainWindow())
            action.setObjectName(f"satclip_{name}")
            action.setCheckable(name == "similar")
            action.triggered.connect(called)
            if icon:
                self.toolbar.addAction(action)
            self.iface.addPluginToRasterMenu("SatCLIP", action)
            self.actions[name] = action
        self.identify = IdentifyWords(self.iface)
        self.iface.currentLayerChanged.connect(self._layer_changed)
        self._layer_changed(self.iface.activeLayer())

    def unload(self) -> None:
        """Take everything away again."""
        self.iface.currentLayerChanged.disconnect(self._layer_changed)
        if self.identify is not None:
            self.identify.close()
            self.identify = None
        if self.embedding is not None:
            self.embedding.cancel()
        if self.models is not None:
            self.models.close()
            self.models.deleteLater()
        if self.dock is not None:
            self.dock.close_down()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
        if self.mapping is not None:
            self.mapping.close_down()
            self.iface.removeDockWidget(self.mapping)
            self.mapping.deleteLater()
        for action in self.actions.values():
            self.iface.removePluginRasterMenu("SatCLIP", action)
            self.toolbar.removeAction(action)
            action.deleteLater()
        self.toolbar.deleteLater()
        self.actions, self.toolbar = {}, None
        for dialog in self.dialogs:
            with suppress(RuntimeError):  # closed, and deleted by Qt
                dialog.close()
        self.dialogs = []
        self.dock = self.mapping = self.models = self.embedding = None

    def similar_places(self, shown: bool) -> None:
        """Show the dock, or hide it."""
        if self.dock is None:
            self.dock = SimilarPlacesDock(self.iface)
            self.dock.visibilityChanged.connect(self._dock_changed)
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.setVisible(shown)
        if shown:
            self.dock.raise_()

    def map_from_samples(self) -> None:
        """Show the panel that leads from a layer of points to a map."""
        if self.mapping is None:
            self.mapping = MapFromSamplesDock(self.iface)
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.mapping)
            if self.dock is not None and not self.dock.isHidden():
                self.iface.mainWindow().tabifyDockWidget(self.dock, self.mapping)
        elif self.mapping.isHidden() and isinstance(self.iface.activeLayer(), QgsVectorLayer):
            self.mapping.questions.choose(self.iface.activeLayer())
        self.mapping.show()
        self.mapping.raise_()

    def show_models(self) -> None:
        """Open the Models dialog, beside which QGIS stays usable."""
        if self.models is None:
            self.models = ModelsDialog(self.iface.mainWindow())
            self.models.chosen.connect(self._model_chosen)
        self.models.reload()
        self.models.show()
        self.models.raise_()

    def embedding_raster(self) -> None:
        """Open the algorithm's dialog, with the model of the settings."""
        import processing

        parameters = {"MODEL": default_model()}
        dialog = processing.createAlgorithmDialog("satclip:embeddingraster", parameters)
        self.dialogs.append(dialog)
        dialog.show()

    def similar_features(self) -> None:
        """Open the algorithm's dialog for the active layer and its selected features."""
        layer = self.iface.activeLayer()
        if not isinstance(layer, QgsVectorLayer) or not layer.selectedFeatureCount():
            text = tr("Select features of a layer first, by which the others are judged.")
            self._say(text, Qgis.MessageLevel.Info)
            return
        import processing

        like = QgsProcessingFeatureSourceDefinition(layer.id(), True)
        parameters = {"INPUT": layer.id(), "LIKE": like, "MODEL": default_model()}
        dialog = processing.createAlgorithmDialog("satclip:similarfeatures", parameters)
        self.dialogs.append(dialog)
        dialog.show()

    def embed_points(self) -> None:
        """Ask how to embed the active point layer, and do it in a task."""
        layer = self.iface.activeLayer()
        if not is_points(layer):
            self._say(tr("Select a point layer in the Layers panel first."), Qgis.MessageLevel.Info)
            return
        dialog = EmbedDialog(layer, self.iface.mainWindow())
        if dialog.exec():
            self.embedding = EmbedRun(layer, dialog.choice(), self.iface.messageBar())
            self.embedding.start()
        dialog.deleteLater()

    def _layer_changed(self, layer: QgsMapLayer | None) -> None:
        action = self.actions["embed"]
        action.setEnabled(is_points(layer))
        text = tr("Embed layer points…")
        action.setToolTip(
            text if is_points(layer) else tr("Embed layer points: select a point layer first")
        )

    def _dock_changed(self, _visible: bool) -> None:
        # Hidden behind another tab it is not closed.
        if self.dock is not None:
            self.actions["similar"].setChecked(not self.dock.isHidden())

    def _model_chosen(self, model: str) -> None:
        if self.dock is not None:
            self.dock.use_model(model)
        if self.mapping is not None:
            self.mapping.use_model(model)
        self._say(tr("From now on: {model}").format(model=model), Qgis.MessageLevel.Success)

    def _say(self, text: str, level: Any) -> None:
        self.iface.messageBar().pushMessage("SatCLIP", text, level, _SECONDS_SHOWN)


def is_points(layer: QgsMapLayer | None) -> bool:
    """Whether a layer has point features."""
    return (
        isinstance(layer, QgsVectorLayer)
        and layer.geometryType() == QgsWkbTypes.GeometryType.PointGeometry
    )
