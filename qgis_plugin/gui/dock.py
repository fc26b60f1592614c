"""The Similar places dock: click on the map, see what is alike."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import Qgis, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QDockWidget, QFrame, QScrollArea

from ..crs import core_crs
from ..help import open_help
from ..models import default_model, gone_model
from ..randomland import LEAST_SHARE
from ..satclip_core.grid import Grid
from ..satclip_core.grid.land import LAND
from ..satclip_core.models.registry import BUNDLED
from ..settings import land_only, set_land_only
from ..styles import describe
from ..text import tr
from .layer import SimilarityLayer, add_over_the_map, renderer
from .maptool import Markers, PlaceTool
from .panel import Panel
from .save import SaveDialog, SaveTask, grid_to_save
from .session import Session

# Milliseconds without a change of the view before it is embedded.
_SETTLED = 200
# Every so many rows and columns of the picture are counted for the histogram.
_COUNTED = 4
_SECONDS_SHOWN = 8


def rounded_up(value: float) -> float:
    """One significant digit, never below the value: what is said to bound it does."""
    if value <= 0:
        return value
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit


class SimilarPlacesDock(QDockWidget):
    """Non-modal: shows the similarity of the view to the places that were clicked on.

    Args:
        iface: of QGIS, or anything with mapCanvas(), messageBar() and mainWindow().
    """

    drawn = pyqtSignal()  # a picture has been given to the map

    def __init__(self, iface: Any) -> None:
        super().__init__(tr("Similar places"), iface.mainWindow())
        self.setObjectName("SatclipSimilarPlaces")
        self.setAllowedAreas(
            Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea
        )
        self._iface, self._canvas = iface, iface.mapCanvas()
        self.panel = Panel(self)
        scrolled = QScrollArea(self)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setWidgetResizable(True)
        scrolled.setWidget(self.panel)
        # A small dock is scrolled down, not sideways.
        bar = scrolled.verticalScrollBar().sizeHint().width()
        scrolled.setMinimumWidth(self.panel.minimumSizeHint().width() + bar)
        self.setWidget(scrolled)
        self.session = Session(default_model(), self)
        self.session.land_only = land_only()
        self.panel.set_land_only(self.session.land_only)
        self.layer = SimilarityLayer(iface, self)
        self.tool = PlaceTool(self._canvas)
        self.markers = Markers(self._canvas)
        self._saving: SaveTask | None = None
        # Whether a picture is wanted on the map: not once the user has removed the layer.
        self._wanted = True
        self._colours: tuple[float, float, float | None] = (0.0, 1.0, None)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED)
        self._connect()
        if gone_model():
            text = tr("The model {name} is gone: the bundled one is used.")
            self._say(text.format(name=gone_model()), Qgis.MessageLevel.Warning)

    def use_model(self, model: str) -> None:
        """Another model was chosen."""
        if model != self.session.model:
            self.session.set_model(model)
            self.panel.set_model(model)

    def refresh(self) -> None:
        """Embed what the canvas shows now, if it is not what is shown."""
        if not self.isVisible():
            return
        view = self.view()
        if view is None:
            self.panel.set_status(tr("The map has no coordinate reference system."))
        elif view != self.session.view or (self.session.field is None and not self.session.busy):
            self.session.show(view)
            self.panel.set_status(tr("Embedding the view…"))

    def view(self) -> Any:
        """The pixels of the canvas as a grid; None without a CRS or extent."""
        settings = self._canvas.mapSettings()
        extent, size = settings.visibleExtent(), settings.outputSize()
        crs = settings.destinationCrs()
        if not crs.isValid() or extent.isEmpty() or size.isEmpty():
            return None
        width, height = size.width(), size.height()
        across, down = extent.width() / width, extent.height() / height
        transform = (across, 0.0, extent.xMinimum(), 0.0, -down, extent.yMaximum())
        return Grid(core_crs(crs), transform, (height, width))

    def close_down(self) -> None:
        """Leave nothing behind: tasks, layer, marks, tool, signals."""
        self._timer.stop()
        self.session.stop()
        if self._saving is not None:
            self._saving.cancel()
        self._canvas.extentsChanged.disconnect(self._timer.start)
        self._canvas.destinationCrsChanged.disconnect(self._crs_changed)
        QgsProject.instance().cleared.disconnect(self._begin_anew)
        self._canvas.unsetMapTool(self.tool)
        self.tool.deleteLater()  # else the canvas keeps it
        self.markers.clear()
        self.layer.close()

    def _connect(self) -> None:
        self._timer.timeout.connect(self.refresh)
        self._canvas.extentsChanged.connect(self._timer.start)
        self._canvas.destinationCrsChanged.connect(self._crs_changed)
        QgsProject.instance().cleared.connect(self._begin_anew)
        self.visibilityChanged.connect(self._visible)
        self.tool.picked.connect(self._picked)
        self.tool.countered.connect(self._countered)
        self.tool.missed.connect(lambda: self.panel.set_status(tr("There is no place there.")))
        self.tool.undone.connect(self.session.undo)
        self.tool.activated.connect(lambda: self.panel.set_picking(True))
        self.tool.deactivated.connect(lambda: self.panel.set_picking(False))
        self.layer.removed.connect(self._layer_removed)
        self.layer.recoloured.connect(lambda: self.panel.histogram.set_ramp(self.layer.ramp))
        session, panel = self.session, self.panel
        session.pictured.connect(self._pictured)
        session.landed.connect(self._restyle)
        session.placed.connect(self._placed)
        session.failed.connect(self._failed)
        session.told.connect(self._tell)
        panel.set_model(session.model)
        panel.picking.connect(self._picking)
        panel.undone.connect(session.undo)
        panel.removed.connect(session.remove)
        panel.cleared.connect(self._clear)
        panel.reduced.connect(session.set_reduce)
        panel.grounded.connect(self._ground)
        panel.styled.connect(self._restyle)
        panel.picked.connect(self._threshold_at)
        panel.saved.connect(self._ask_and_save)
        panel.helped.connect(lambda: open_help("similar-places"))

    def _visible(self, visible: bool) -> None:
        if visible:
            self._timer.start()
            self._picking(True)
        elif self.isHidden():  # not merely behind another tab
            self._picking(False)
            self.session.stop()

    def _picking(self, on: bool) -> None:
        if on:
            self._canvas.setMapTool(self.tool)
        else:
            self._canvas.unsetMapTool(self.tool)

    def _picked(self, lon: float, lat: float, adds: bool) -> None:
        view = self.view()
        if view is None:
            self.panel.set_status(tr("The map has no coordinate reference system."))
            return
        if adds:
            self.panel.collect.setChecked(True)
        if view != self.session.view:
            self._timer.stop()
        self.session.add(lon, lat, view, replace=not self.panel.collects)

    def _countered(self, lon: float, lat: float) -> None:
        """A place was named that is not meant."""
        view = self.view()
        if view is None:
            self.panel.set_status(tr("The map has no coordinate reference system."))
            return
        if not self.session.examples:
            self.panel.set_status(tr("Click on a place that is meant first."))
            return
        self.panel.collect.setChecked(True)
        self.session.add(lon, lat, view, unlike=True)

    def _ground(self, on: bool) -> None:
        """Leave the sea out, or draw it; remembered."""
        set_land_only(on)
        self.session.set_land_only(on)

    def _clear(self) -> None:
        self.panel.collect.setChecked(False)
        self.session.clear()

    def _begin_anew(self) -> None:
        """Another project: it begins without places, and picking goes on.

        QGIS takes up another map tool then, once it has made the project.
        """
        if self._canvas.mapTool() is self.tool:
            QTimer.singleShot(0, lambda: self._picking(self.isVisible()))
        self._clear()

    def _crs_changed(self) -> None:
        self._mark()
        self._timer.start()

    def _placed(self) -> None:
        self._wanted = True
        self._mark()

    def _mark(self) -> None:
        session = self.session
        meant, unlike = (
            [(place.lon, place.lat) for place in places]
            for places in (session.examples, session.counters)
        )
        self.markers.show(meant, unlike)
        places = [(place.lon, place.lat) for place in session.places]
        against = [place.unlike for place in session.places]
        self.panel.set_places(places, against, undoable=session.undoable)
        self._tell_of_places()

    def _tell_of_places(self) -> None:
        """Say what they are like, once the model is here."""
        places = [(place.lon, place.lat) for place in self.session.examples]
        self.panel.description.show_places(self.session.encoder, places)

    def _layer_removed(self) -> None:
        """Somebody removed the layer: the places stay, and the next change draws them again."""
        self._wanted = False
        self.panel.set_status(
            tr("The layer was removed. A click, or any change of the places, draws it again.")
        )

    def _pictured(self) -> None:
        picture = self.session.picture
        if picture is None:
            self.layer.drop()
            self.panel.set_values(None, None, (0.0, 1.0))
            self._tell()
            return
        self._tell_of_places()
        if self._wanted:
            crs = self._canvas.mapSettings().destinationCrs()
            self.layer.show(picture, self.session.view, crs)
        self._restyle()
        self.drawn.emit()

    def _restyle(self) -> None:
        """Colours, threshold and histogram for the picture that is shown."""
        picture = self.session.picture
        if picture is None or not self.session.places:
            return
        self.panel.histogram.set_learnt(self.session.learns)
        counted = picture[::_COUNTED, ::_COUNTED]
        values = counted[np.isfinite(counted)]
        land = self.session.land
        low, high = self._range(values, land)
        threshold = self.threshold()
        self.panel.set_values(values, land, (low, high))
        self.panel.set_threshold(threshold)
        self._colours = low, high, threshold
        self.layer.style(*self._colours)

    def _range(self, values: np.ndarray, land: np.ndarray | None) -> tuple[float, float]:
        if land is None or self.panel.stretches_view or not len(values):
            known = values if len(values) else np.array([0.0, 1.0])
            return float(np.quantile(known, LEAST_SHARE)), float(known.max())
        return float(np.quantile(land, LEAST_SHARE)), self.session.best

    def threshold(self) -> float | None:
        """The similarity under which nothing is drawn."""
        land = self.session.land
        percentile = self.panel.percentile
        if land is None or percentile is None:
            return None
        return float(np.percentile(land, percentile))

    def _threshold_at(self, similarity: float) -> None:
        land = self.session.land
        if land is not None:
            self.panel.set_percentile(100 * float(np.mean(land < similarity)))

    def _tell(self) -> None:
        session = self.session
        if session.counters and not session.examples:
            self.panel.set_status(tr("Click on a place that is meant first."))
            return
        if session.field is None or (session.places and not self._wanted):
            return
        text = tr("Embedded every {step:.2g}°").format(step=session.field.step)
        if session.error is not None and session.places:
            bound = rounded_up(session.error)
            text += tr(", error below {error:.1g} where checked").format(error=bound)
        if session.busy:
            text += tr(" – a finer picture is coming")
        self.panel.set_status(text if session.places else tr("Click on the map."))

    def _failed(self, text: str) -> None:
        if self.session.unusable and self.session.model != BUNDLED:
            # Go on with the model that is always there.
            told = tr("{reason}. The bundled model is used until you choose another.")
            self._say(told.format(reason=text.rstrip(".")), Qgis.MessageLevel.Warning)
            self.use_model(BUNDLED)
            return
        self.panel.set_status(text)
        self._say(text, Qgis.MessageLevel.Warning)

    def _say(self, text: str, level: Any) -> None:
        self._iface.messageBar().pushMessage("SatCLIP", text, level, _SECONDS_SHOWN)

    def _ask_and_save(self) -> None:
        if self.session.view is None:
            return
        crs = self._canvas.mapSettings().destinationCrs()
        dialog = SaveDialog(self.session.view, self.session.whole, crs, self)
        if dialog.exec():
            self.save(dialog.target(), dialog.grid())
        dialog.deleteLater()

    def save(self, path: str, grid: Grid | None = None) -> None:
        """Write the similarity as a GeoTIFF, by the encoder itself, in a task.

        Args:
            path: the file.
            grid: its pixels; those of the view where None.
        """
        session = self.session
        if session.wanted is None:
            return
        grid = grid or grid_to_save(session.view, session.whole)
        mask = LAND if session.land_only else None
        self._saving = SaveTask(path, grid, session.model, session.wanted, mask)
        self._saving.ended.connect(self._saved)
        self.panel.save.setEnabled(False)
        self._saving.start()

    def _saved(self, path: str, error: str) -> None:
        self._saving = None
        self._mark()
        if error:
            self._say(error, Qgis.MessageLevel.Warning)
            return
        self._load(path)
        self._say(tr("Saved {path}").format(path=path), Qgis.MessageLevel.Success)

    def _load(self, path: str) -> None:
        """Add what was saved to the project, in the colours of the dock."""
        known = [
            layer for layer in QgsProject.instance().mapLayers().values() if layer.source() == path
        ]
        if known:
            known[0].reload()
            known[0].triggerRepaint()
            return
        layer = QgsRasterLayer(path, Path(path).stem, "gdal")
        if not layer.isValid():
            return
        layer.setRenderer(renderer(layer, *self._colours, self.layer.ramp))
        layer.setOpacity(self.layer.opacity)
        describe(layer, gdal.Open(path).GetMetadata(), tr("Similarity to places"))
        add_over_the_map(layer)
