"""Toolbar and menu: what the plugin adds to the window of QGIS, and takes away again."""

from __future__ import annotations

from collections.abc import Callable
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
from .about import AboutDialog
from .dock import SimilarPlacesDock
from .embed import EmbedDialog, EmbedRun
from .example import open_example
from .identify import IdentifyWords
from .mapping import MapFromSamplesDock
from .models_dialog import ModelsDialog
from .options import PAGE as OPTIONS_PAGE
from .options import OptionsFactory

try:  # Qt 6 has moved it
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction

ICONS = Path(__file__).parents[1] / "icons"
_SECONDS_SHOWN = 8


class Gui:
    """Toolbar, Raster menu, page of options, dock and dialogs.

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
        self.about: AboutDialog | None = None
        self.options: OptionsFactory | None = None
        self.embedding: EmbedRun | None = None
        self.dialogs: list[Any] = []
        self.identify: IdentifyWords | None = None

    def load(self) -> None:
        """Add everything; the dock and the dialogs are made when they are first wanted."""
        self.toolbar = self.iface.addToolBar("SatCLIP")
        self.toolbar.setObjectName("SatclipToolbar")
        for name, on_toolbar, text, called in self._offered():
            action = QAction(self.iface.mainWindow())
            action.setObjectName(f"satclip_{name}")
            if called is None:
                action.setSeparator(True)
            else:
                action.setText(text)
                action.setIcon(QIcon(str(ICONS / f"{name}.svg")))
                action.setCheckable(name == "similar")
                action.triggered.connect(called)
            if on_toolbar:
                self.toolbar.addAction(action)
            self.iface.addPluginToRasterMenu("SatCLIP", action)
            self.actions[name] = action
        self.options = OptionsFactory(self._model_chosen, self.show_models)
        self.iface.registerOptionsWidgetFactory(self.options)
        self.identify = IdentifyWords(self.iface)
        self.iface.currentLayerChanged.connect(self._layer_changed)
        self._layer_changed(self.iface.activeLayer())

    def _offered(self) -> tuple[tuple[str, bool, str, Callable[..., Any] | None], ...]:
        """Names, which are those of icons too, whether on the toolbar, texts, what is called."""

        def opens(algorithm: str) -> Callable[[], None]:
            return lambda: self.open_algorithm(algorithm)

        return (
            ("similar", True, tr("Similar places"), self.similar_places),
            ("embed", True, tr("Embed layer points…"), self.embed_points),
            ("raster", True, tr("Embedding raster…"), opens("embeddingraster")),
            ("colours", False, tr("Embedding colours…"), opens("embeddingrgb")),
            ("clusters", False, tr("Groups of places…"), opens("clusters")),
            ("properties", False, tr("Properties of places…"), opens("placeproperties")),
            ("alike", False, tr("Similar to the selected features…"), self.similar_features),
            ("map", True, tr("Map from samples…"), self.map_from_samples),
            ("separator", False, "", None),
            ("models", True, tr("Models…"), self.show_models),
            ("settings", False, tr("Settings…"), self.show_settings),
            ("example", False, tr("Example project…"), lambda: open_example(self.iface)),
            ("help", True, tr("Help"), lambda: open_help()),
            ("about", False, tr("About…"), self.show_about),
        )

    def unload(self) -> None:
        """Take everything away again."""
        self.iface.currentLayerChanged.disconnect(self._layer_changed)
        self.iface.unregisterOptionsWidgetFactory(self.options)
        if self.identify is not None:
            self.identify.close()
            self.identify = None
        if self.embedding is not None:
            self.embedding.cancel()
        for window in (self.models, self.about):
            if window is not None:
                window.close()
                window.deleteLater()
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
        self.dock = self.mapping = self.models = self.about = None
        self.embedding = self.options = None

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

    def show_about(self) -> None:
        """Tell what this is; beside it QGIS stays usable."""
        if self.about is None:
            self.about = AboutDialog(self.iface.mainWindow())
        self.about.reload()
        self.about.show()
        self.about.raise_()

    def show_settings(self) -> None:
        """Open QGIS' options at the page of the plugin."""
        self.iface.showOptionsDialog(self.iface.mainWindow(), OPTIONS_PAGE)

    def open_algorithm(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        """Open the dialog of an algorithm, with the model of the settings."""
        import processing

        given = {"MODEL": default_model(), **(parameters or {})}
        dialog = processing.createAlgorithmDialog(f"satclip:{name}", given)
        self.dialogs.append(dialog)
        dialog.show()

    def similar_features(self) -> None:
        """Open the algorithm's dialog for the active layer and its selected features."""
        layer = self.iface.activeLayer()
        if not isinstance(layer, QgsVectorLayer) or not layer.selectedFeatureCount():
            text = tr("Select features of a layer first, by which the others are judged.")
            self._say(text, Qgis.MessageLevel.Info)
            return
        like = QgsProcessingFeatureSourceDefinition(layer.id(), True)
        self.open_algorithm("similarfeatures", {"INPUT": layer.id(), "LIKE": like})

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
