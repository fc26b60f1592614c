"""The Similar places dock: click on the map, see what is alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsMapLayer,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from ..crs import core_crs
from ..help import open_help
from ..models import default_model, gone_model
from ..placenames import Named, places_named
from ..randomland import LEAST_SHARE
from ..satclip_core.grid import Grid
from ..satclip_core.grid.land import LAND
from ..satclip_core.models.registry import BUNDLED
from ..satclip_core.raster.similar_areas import AreaOptions
from ..settings import land_only, set_land_only
from ..text import tr
from . import state
from .addmenu import AddMenu
from .exports import Asked
from .layer import SimilarityLayer, renderer
from .maptool import Markers, PlaceTool, from_lonlat
from .panel import Panel
from .places import Place
from .placesources import places_of
from .save import grid_to_save
from .saver import Saver
from .scale import ScaleCircle, pixel_km, said_scale
from .scroll import Downwards
from .session import Session
from .state import State

# Milliseconds without a change of the view before it is embedded.
_SETTLED = 200
# Every so many rows and columns of the picture are counted for the histogram.
_COUNTED = 4
_SECONDS_SHOWN = 8


# Widths of what the model resolves that are in view where a place is zoomed to.
_SEEN_ABOUT = 40


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
        self.panel = Panel(self._named, self)
        self.sources = AddMenu(self.panel.add_menu, iface)
        # What leads on is always in sight, however small the dock.
        whole = QWidget(self)
        lines = QVBoxLayout(whole)
        lines.setContentsMargins(0, 0, 0, 6)
        lines.addWidget(Downwards(self.panel), 1)
        lines.addWidget(self.panel.foot)
        self.setWidget(whole)
        self.session = Session(default_model(), self)
        self.session.land_only = land_only()
        self.panel.set_land_only(self.session.land_only)
        self.layer = SimilarityLayer(iface, self)
        self.tool = PlaceTool(self._canvas)
        self.markers = Markers(self._canvas)
        self.circle = ScaleCircle(self._canvas)
        self._circle_km: float | None = None
        self.saver = Saver(self)
        self._restoring = False
        # Whether a picture is wanted on the map: not once the user has removed the layer.
        self._wanted = True
        self._colours: tuple[float, float, float | None] = (0.0, 1.0, None)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED)
        self._connect()
        self._read_project()
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
        self.saver.cancel()
        self._canvas.extentsChanged.disconnect(self._timer.start)
        self._canvas.extentsChanged.disconnect(self._tell_scale)
        self._canvas.destinationCrsChanged.disconnect(self._crs_changed)
        QgsProject.instance().cleared.disconnect(self._begin_anew)
        QgsProject.instance().readProject.disconnect(self._read_project)
        QgsProject.instance().writeProject.disconnect(self._write_project)
        self._canvas.unsetMapTool(self.tool)
        self.tool.deleteLater()  # else the canvas keeps it
        self.markers.clear()
        self.circle.clear()
        self.layer.close()

    def _connect(self) -> None:
        self._timer.timeout.connect(self.refresh)
        self._canvas.extentsChanged.connect(self._timer.start)
        self._canvas.destinationCrsChanged.connect(self._crs_changed)
        self._canvas.extentsChanged.connect(self._tell_scale)
        QgsProject.instance().cleared.connect(self._begin_anew)
        QgsProject.instance().readProject.connect(self._read_project)
        QgsProject.instance().writeProject.connect(self._write_project)
        self.visibilityChanged.connect(self._visible)
        self.tool.picked.connect(self._picked)
        self.tool.countered.connect(self._countered)
        self.tool.missed.connect(lambda: self.panel.set_status(tr("There is no place there.")))
        self.tool.pointed.connect(lambda point: self.circle.show(point, self._circle_km))
        self.tool.undone.connect(self.session.undo)
        self.tool.redone.connect(self.session.redo)
        self.tool.deleted.connect(self.panel.places.remove_selected)
        self.tool.activated.connect(lambda: self.panel.set_picking(True))
        self.tool.deactivated.connect(lambda: self.panel.set_picking(False))
        self.layer.removed.connect(self._layer_removed)
        self.layer.recoloured.connect(lambda: self.panel.histogram.set_ramp(self.layer.ramp))
        self.layer.faded.connect(lambda: self.panel.set_opacity(self.layer.opacity))
        self.sources.wanted.connect(self.add_layer)
        self.saver.said.connect(self._say)
        self.saver.began.connect(lambda: self.panel.export.setEnabled(False))
        self.saver.ended.connect(lambda: self.panel.export.setEnabled(True))
        self._connect_panel()

    def _connect_panel(self) -> None:
        session, panel, places = self.session, self.panel, self.panel.places
        session.pictured.connect(self._pictured)
        session.landed.connect(self._restyle)
        session.placed.connect(self._placed)
        session.failed.connect(self._failed)
        session.told.connect(self._tell)
        panel.set_model(session.model)
        panel.picking.connect(self._picking)
        panel.entry.found.connect(self._typed)
        panel.entry.missed.connect(self._not_understood)
        places.undone.connect(session.undo)
        places.redone.connect(session.redo)
        places.removed.connect(lambda indices: session.remove(*indices))
        places.renamed.connect(session.rename)
        places.turned.connect(session.turn)
        places.zoomed.connect(self.zoom_to)
        places.chosen.connect(self._chosen)
        places.cleared.connect(self._clear)
        panel.reduced.connect(session.set_reduce)
        panel.compared.connect(session.set_against)
        panel.grounded.connect(self._ground)
        panel.styled.connect(self._restyle)
        panel.picked.connect(self._threshold_at)
        panel.faded.connect(self.layer.set_opacity)
        panel.set_opacity(self.layer.opacity)
        panel.raster_wanted.connect(self._ask_raster)
        panel.areas_wanted.connect(self._ask_areas)
        panel.places_wanted.connect(self._ask_places)
        panel.helped.connect(lambda: open_help("similar-places"))

    def _visible(self, visible: bool) -> None:
        # The marks are the dock's, and go and come with it; the layer is one of the project's.
        self.markers.set_shown(not self.isHidden())
        if visible:
            self._timer.start()
            self._picking(True)
        elif self.isHidden():  # not merely behind another tab
            self._picking(False)
            self.circle.clear()
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

    def _named(self, text: str) -> list[Named]:
        """The places that a typed text may mean."""
        crs = self._canvas.mapSettings().destinationCrs()
        layer = self._iface.activeLayer()
        return places_named(text, crs, layer if isinstance(layer, QgsVectorLayer) else None)

    def _typed(self, named: Named) -> None:
        """A place was typed: it is added to the others, and brought into view."""
        self._add([Place(named.lon, named.lat, name=named.name)])
        point = from_lonlat(self._canvas, QgsPointXY(named.lon, named.lat))
        if point is not None and not self._canvas.extent().contains(point):
            self._canvas.setCenter(point)
            self._canvas.refresh()

    def _not_understood(self, text: str) -> None:
        told = tr("{text} is no place that is known here: give coordinates such as 47.37 8.54.")
        self.panel.set_status(told.format(text=text))

    def add_layer(self, layer: QgsVectorLayer, selected: bool, unlike: bool) -> None:
        """Add the features of a layer, all or the selected ones."""
        taken = places_of(layer, selected=selected, unlike=unlike)
        if unlike and not self.session.examples:
            self.panel.set_status(tr("Click on a place that is meant first."))
            return
        self._add(taken.places)
        if len(taken.places) + taken.missing < taken.count:
            text = tr("{taken} of {count} places are taken, drawn at random.")
            text = text.format(taken=len(taken.places), count=taken.count)
            self._say(text, Qgis.MessageLevel.Info)
        if taken.missing:
            text = tr("{count} features have no usable geometry (null, empty, or off the map).")
            self._say(text.format(count=taken.missing), Qgis.MessageLevel.Warning)

    def _add(self, places: list[Place]) -> None:
        view = self.view()
        if view is None:
            self.panel.set_status(tr("The map has no coordinate reference system."))
            return
        self.panel.collect.setChecked(True)
        self.session.add_all(places, view)

    def zoom_to(self, index: int) -> None:
        """Show a place, near enough to see what the model sees about it."""
        point = from_lonlat(self._canvas, QgsPointXY(*self.session.places[index].lonlat))
        if point is None:
            self.panel.set_status(tr("The map does not show this place."))
            return
        self._canvas.setCenter(point)
        pixel, seen = pixel_km(self._canvas), self.session.resolution_km
        width = self._canvas.mapSettings().outputSize().width()
        if pixel is not None and seen is not None and pixel * width > _SEEN_ABOUT * seen:
            self._canvas.zoomByFactor(_SEEN_ABOUT * seen / (pixel * width))
        self._canvas.refresh()

    def _chosen(self, index: int) -> None:
        """Another place is selected in the list."""
        self.markers.choose(index)
        self._tell_of_places()

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
        self.restore(State(default_model(), land_only=land_only(), opacity=self.layer.opacity))

    def _read_project(self, *_: Any) -> None:
        """Take up what a project keeps."""
        try:
            kept = state.read(QgsProject.instance())
        except ValueError as error:
            text = tr("The places that the project keeps cannot be read ({reason}).")
            self._say(text.format(reason=error), Qgis.MessageLevel.Warning)
            return
        if kept is not None:
            self.restore(kept)

    def _write_project(self, *_: Any) -> None:
        """Have the project keep what the dock shows, if there is anything."""
        if self.session.places:
            state.write(QgsProject.instance(), self.state())
        else:
            state.forget(QgsProject.instance())

    def state(self) -> State:
        """What the dock shows."""
        session, panel = self.session, self.panel
        return State(
            session.model,
            tuple(session.places),
            session.reduce,
            session.land_only,
            panel.limit,
            panel.percentile is not None,
            session.against,
            self.layer.opacity,
            panel.collects,
        )

    def restore(self, kept: State) -> None:
        """Show what was shown before, with nothing to take back."""
        panel = self.panel
        if self.isHidden():  # what a project keeps is drawn when the dock is opened
            self.session.rest()
        self._restoring = True
        panel.blockSignals(True)  # each change would draw
        panel.set_reduce(kept.reduce)
        panel.set_land_only(kept.land_only)
        panel.set_threshold_at(kept.percentile, kept.limited)
        panel.set_against(kept.against)
        panel.set_opacity(kept.opacity)
        panel.collect.setChecked(kept.collect)
        panel.blockSignals(False)
        self.layer.set_opacity(kept.opacity)
        self.session.against = kept.against
        self.session.begin(kept.places, kept.reduce)
        self.session.set_land_only(kept.land_only)
        self.use_model(kept.model)
        self._restoring = False
        if kept.places and self.isVisible():
            self._timer.start()

    def _crs_changed(self) -> None:
        self._mark()
        self._tell_scale()
        self._timer.start()

    def _placed(self) -> None:
        self._wanted = True
        self._mark()
        if not self._restoring:
            QgsProject.instance().setDirty(True)

    def _mark(self) -> None:
        session = self.session
        places = session.places
        self.markers.show(places)
        self.panel.set_places(places, undoable=session.undoable, redoable=session.redoable)
        self._tell_of_places()

    def _tell_of_places(self) -> None:
        """Say what the selected place is like, or the examples, once the model is here."""
        selected = self.panel.places.selected
        places = [self.session.places[at] for at in selected] or self.session.examples
        self.panel.description.show_places(self.session.encoder, [place.lonlat for place in places])

    def _tell_scale(self) -> None:
        """Say where the view is finer than the model, and name what it resolves."""
        resolution = self.session.resolution_km
        text = said_scale(resolution, pixel_km(self._canvas))
        self._circle_km = resolution if text else None
        self.circle.clear()
        self.panel.set_scale(text)
        self.panel.set_model(self.session.model, resolution)

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
        if land is None:
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
        self._tell_scale()
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
        self.panel.set_status(text if session.places else _first_step())

    def _failed(self, text: str) -> None:
        if self.session.unusable and self.session.model != BUNDLED:
            # Go on with the user's own, or with the one that is always there.
            other = default_model() if self.session.model != default_model() else BUNDLED
            told = tr("{reason}. The model {name} is used until you choose another.")
            told = told.format(reason=text.rstrip("."), name=other)
            self._say(told, Qgis.MessageLevel.Warning)
            self.use_model(other)
            return
        self.panel.set_status(text)
        self._say(text, Qgis.MessageLevel.Warning)

    def _say(self, text: str, level: Any) -> None:
        self._iface.messageBar().pushMessage("SatCLIP", text, level, _SECONDS_SHOWN)

    def _asked(self) -> Asked | None:
        session = self.session
        if session.wanted is None:
            return None
        mask = LAND if session.land_only else None
        return Asked(session.model, session.wanted, tuple(session.places), mask)

    def _ask_raster(self) -> None:
        session = self.session
        if session.view is not None:
            crs = self._canvas.mapSettings().destinationCrs()
            asked = self.saver.ask_raster(session.view, session.whole, crs)
            if asked is not None:
                self.save(*asked)

    def _ask_areas(self) -> None:
        """The threshold is what makes areas: it is shown, and on from now."""
        session = self.session
        if session.view is None or session.encoder is None:
            return
        self.panel.set_threshold_at(self.panel.limit, True)
        crs = self._canvas.mapSettings().destinationCrs()
        asked = self.saver.ask_areas(session.view, session.whole, crs, session.resolution_km)
        if asked is not None:
            self.save_areas(*asked)

    def _ask_places(self) -> None:
        path = self.saver.ask_places()
        if path:
            self.save_places(path)

    def save(self, path: str, grid: Grid | None = None) -> None:
        """Write the similarity as a GeoTIFF, by the encoder itself, in a task.

        Args:
            path: the file.
            grid: its pixels; those of the view where None.
        """
        asked = self._asked()
        if asked is not None:
            grid = grid or grid_to_save(self.session.view, self.session.whole)
            self.saver.raster(path, grid, asked, self._style)

    def save_areas(self, path: str, grid: Grid | None = None) -> None:
        """Write what is above the threshold as polygons into a GeoPackage, in a task.

        Args:
            path: the file; one that exists gets a further table.
            grid: what is looked at; the pixels of the view where None.
        """
        asked = self._asked()
        if asked is not None:
            grid = grid or grid_to_save(self.session.view, self.session.whole)
            crs = self._canvas.mapSettings().destinationCrs()
            options = AreaOptions(percentile=self.panel.limit)
            self.saver.areas(path, grid, asked, options, crs)

    def save_places(self, path: str) -> None:
        """Write the places as points into a GeoPackage; one that exists gets a further table."""
        if self.session.places:
            self.saver.places(path, self.session.places)

    def _style(self, layer: QgsMapLayer) -> None:
        """In the colours of the dock."""
        layer.setRenderer(renderer(layer, *self._colours, self.layer.ramp))
        layer.setOpacity(self.layer.opacity)


def _first_step() -> str:
    """What to do where there is no place yet."""
    if QgsProject.instance().count():
        return tr("Click on the map.")
    return tr(
        "The map is empty. Add a layer to see where you click, or begin with Raster → SatCLIP → "
        "Example project."
    )
