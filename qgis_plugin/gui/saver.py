"""Asks where to, writes in a task, and adds what was written to the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsMapLayer, QgsProject
from qgis.PyQt.QtCore import QObject, QStandardPaths, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from ..crs import units_per_degree
from ..satclip_core.encoder.two_part import KM_PER_DEGREE
from ..satclip_core.errors import SatclipError
from ..satclip_core.grid import Grid
from ..satclip_core.raster.similar_areas import MOST_PIXELS, AreaOptions
from ..satclip_core.types import Cancelled, Progress
from ..text import tr
from ..words import worded
from .exports import (
    GEOPACKAGE,
    Asked,
    add_to_project,
    areas_layer,
    places_layer,
    raster_layer,
    table_for,
    write_areas,
    write_places,
    write_raster,
)
from .save import SaveDialog, SaveTask, Wanted

# Pixels over what the model resolves that outlines are drawn by.
_PIXELS_RESOLVED = 4


class Saver(QObject):
    """Writes one file at a time.

    Args:
        parent: of the dialogs.
    """

    said = pyqtSignal(str, object)  # a line for the user, Qgis.MessageLevel
    began = pyqtSignal()
    ended = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self._task: SaveTask | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._task is not None

    def cancel(self) -> None:
        """Give up what is being written."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def ask_raster(
        self, view: Grid, picture: np.ndarray | None, crs: QgsCoordinateReferenceSystem
    ) -> tuple[str, Grid] | None:
        """File and pixels of the similarity; None where the user thinks better of it."""
        return self._ask(SaveDialog(view, picture, crs, self._parent))

    def ask_areas(
        self,
        view: Grid,
        picture: np.ndarray | None,
        crs: QgsCoordinateReferenceSystem,
        resolution_km: float | None,
    ) -> tuple[str, Grid] | None:
        """File of the similar areas, and the pixels that are looked at; None for none.

        Pixels are those of the view, but not much finer than what the model resolves: outlines
        would be drawn out of thin air.
        """
        degrees = (resolution_km or 0.0) / KM_PER_DEGREE
        wanted = Wanted(
            tr("Save similar areas"),
            _filter(),
            (GEOPACKAGE,),
            adds=True,
            most_pixels=MOST_PIXELS,
            least_size=degrees / _PIXELS_RESOLVED * units_per_degree(crs),
        )
        dialog = SaveDialog(view, picture, crs, self._parent, wanted)
        dialog.path.setFilePath(str(_folder() / (tr("similar areas") + GEOPACKAGE)))
        return self._ask(dialog)

    def ask_places(self) -> str:
        """File of the places; "" for none."""
        start = str(_folder() / (tr("places") + GEOPACKAGE))
        options = QFileDialog.Option.DontConfirmOverwrite  # a file gets a further table
        path, _ = QFileDialog.getSaveFileName(
            self._parent, tr("Save places"), start, _filter(), options=options
        )
        return path if not path or path.lower().endswith(GEOPACKAGE) else path + GEOPACKAGE

    def raster(
        self, path: str, grid: Grid, asked: Asked, style: Callable[[QgsMapLayer], None]
    ) -> None:
        """Write the similarity as a GeoTIFF; the layer is styled as it is added."""

        def show() -> QgsMapLayer:
            layer = raster_layer(path, asked)
            if layer.isValid():
                style(layer)
            return layer

        def write(progress: Progress, cancelled: Cancelled) -> None:
            write_raster(path, grid, asked, progress, cancelled)

        self._begin(tr("Saving the similarity"), path, write, show)

    def areas(
        self,
        path: str,
        grid: Grid,
        asked: Asked,
        options: AreaOptions,
        crs: QgsCoordinateReferenceSystem,
    ) -> None:
        """Write the areas that are alike enough as polygons."""
        try:
            table = table_for(path, tr("similar areas"))
        except SatclipError as error:
            self._fail(worded(error))
            return

        def write(progress: Progress, cancelled: Cancelled) -> None:
            write_areas(path, table, grid, asked, options, crs, progress, cancelled)

        self._begin(
            tr("Saving similar areas"), path, write, lambda: areas_layer(path, table, asked)
        )

    def places(self, path: str, places: list[Any]) -> None:
        """Write places as points; quick enough for the GUI."""
        try:
            table = table_for(path, tr("places"))
            write_places(path, table, places)
        except SatclipError as error:
            self._fail(worded(error))
            return
        self._show(path, places_layer(path, table))

    def _ask(self, dialog: SaveDialog) -> tuple[str, Grid] | None:
        asked = (dialog.target(), dialog.grid()) if dialog.exec() else None
        dialog.deleteLater()
        return asked

    def _begin(
        self,
        title: str,
        path: str,
        write: Callable[[Progress, Cancelled], None],
        show: Callable[[], QgsMapLayer],
    ) -> None:
        def ended(_path: str, error: str) -> None:
            self._task = None
            self.ended.emit()
            if error:
                self._fail(error)
            else:
                self._show(path, show())

        self._task = SaveTask(title, path, write)
        self._task.ended.connect(ended)
        self.began.emit()
        self._task.start()

    def _show(self, path: str, layer: QgsMapLayer) -> None:
        if add_to_project(layer):
            self.said.emit(tr("Saved {path}").format(path=path), Qgis.MessageLevel.Success)
        else:
            text = tr("{path} was written but cannot be opened.")
            self.said.emit(text.format(path=path), Qgis.MessageLevel.Warning)

    def _fail(self, text: str) -> None:
        self.said.emit(text, Qgis.MessageLevel.Warning)


def _filter() -> str:
    return tr("GeoPackage (*.gpkg)")


def _folder() -> Path:
    """Where a file is proposed: beside the project, else among the user's documents."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    known = (QgsProject.instance().homePath(), documents)
    return next((Path(one) for one in known if one and Path(one).is_dir()), Path.home())
