"""What is asked before a file is written, and the task that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsUnitTypes
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QMessageBox,
    QWidget,
)

from ..satclip_core.grid import Grid
from ..satclip_core.grid.crs import half_turn
from ..satclip_core.types import Cancelled, Progress
from ..text import tr
from ..words import worded
from .background import WorkTask, launch

# Part of a pixel by which rounding may carry an edge.
_ROUNDING = 1e-6
# What can be asked for in the dialog: GDAL writes more, but nobody waits for it.
_MOST_PIXELS = 4_000_000_000
_DIGITS = 6
_BYTES = 4


def grid_to_save(view: Grid, picture: np.ndarray | None, res: float | None = None) -> Grid:
    """The part of a view that lies on the Earth, once, at a resolution.

    Args:
        view: pixels of the canvas, which may show space beside the Earth, or the Earth twice.
        picture: (rows, cols) of the view, NaN off the Earth; None where it is not known.
        res: pixel size in units of the CRS; None keeps the pixels of the view.

    Returns:
        A grid within 90 degrees of latitude and a turn of longitude where the CRS has those.
    """
    across, _, west, _, down, north = view.transform
    top, bottom, left, right = _drawn(view, picture)
    half = half_turn(view.crs)
    if res is None:
        if half is not None:  # no pixel that a pole cuts
            top = max(top, ceil((half / 2 - north) / down - _ROUNDING))
            bottom = min(bottom, floor((-half / 2 - north) / down + _ROUNDING))
            right = min(right, left + floor(2 * half / across + _ROUNDING))
        transform = (across, 0.0, west + left * across, 0.0, down, north + top * down)
        return Grid(view.crs, transform, (max(bottom - top, 1), max(right - left, 1)))
    west, east = west + left * across, west + right * across
    north, south = north + top * down, north + bottom * down
    if half is not None:
        north, south = min(north, half / 2), max(south, -half / 2)
        if east - west > 2 * half:
            west, east = -half, half
    rows, cols = (ceil(span / res - _ROUNDING) for span in (north - south, east - west))
    if half is not None:
        rows = min(rows, floor((north + half / 2) / res + _ROUNDING))
        cols = min(cols, floor(2 * half / res + _ROUNDING))
    return Grid(view.crs, (res, 0.0, west, 0.0, -res, north), (max(rows, 1), max(cols, 1)))


def _drawn(view: Grid, picture: np.ndarray | None) -> tuple[int, int, int, int]:
    """First and last but one rows and columns with anything of the Earth."""
    height, width = view.shape
    if picture is None or not np.isfinite(picture).any():
        return 0, height, 0, width
    finite = np.isfinite(picture)
    rows, cols = (np.flatnonzero(finite.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1


@dataclass(frozen=True)
class Wanted:
    """What a dialog asks a file for.

    Attributes:
        title: of the window.
        filter: of the file dialog.
        suffixes: that a file may have; the first is added to one that has none.
        adds: whether a file that exists gets a further table, instead of being replaced.
        most_pixels: more cannot be asked for.
        least_size: of pixels at first, in units of the CRS.
    """

    title: str
    filter: str
    suffixes: tuple[str, ...]
    adds: bool = False
    most_pixels: int = _MOST_PIXELS
    least_size: float = 0.0


def raster_wanted() -> Wanted:
    """The similarity as a raster."""
    return Wanted(tr("Save the similarity"), tr("GeoTIFF (*.tif *.tiff)"), (".tif", ".tiff"))


class SaveDialog(QDialog):
    """Asks for a file and a resolution, and says how large the raster becomes.

    Args:
        view: pixels of the canvas.
        picture: (rows, cols) of the view; see `grid_to_save`.
        crs: of the view.
        wanted: what is written; the similarity as a raster where None.
    """

    def __init__(
        self,
        view: Grid,
        picture: np.ndarray | None,
        crs: QgsCoordinateReferenceSystem,
        parent: QWidget | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        super().__init__(parent)
        self._wanted = wanted or raster_wanted()
        self.setWindowTitle(self._wanted.title)
        self.setMinimumWidth(440)
        self._view, self._picture = view, picture
        self.path = QgsFileWidget()
        self.path.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.path.setFilter(self._wanted.filter)
        self.path.setConfirmOverwrite(False)  # asked when all is said
        self.path.setDefaultRoot(QgsProject.instance().homePath())
        self.resolution = _pixel_size(max(view.transform[0], self._wanted.least_size), crs)
        coarser = self._wanted.least_size > view.transform[0]
        self._default = None if coarser else self.resolution.value()
        self.size_told = QLabel()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        form = QFormLayout(self)
        form.addRow(tr("File"), self.path)
        form.addRow(tr("Resolution"), self.resolution)
        form.addRow(tr("Size"), self.size_told)
        form.addRow(self.buttons)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.path.fileChanged.connect(self._check)
        self.resolution.valueChanged.connect(self._check)
        self._check()

    def grid(self) -> Grid:
        """What is to be written."""
        value = self.resolution.value()
        return grid_to_save(self._view, self._picture, None if value == self._default else value)

    def target(self) -> str:
        """The file, by its whole name."""
        path = self.path.filePath().strip()
        suffixes = self._wanted.suffixes
        return path if path.lower().endswith(suffixes) or not path else path + suffixes[0]

    def _check(self) -> None:
        height, width = self.grid().shape
        fits = height * width <= self._wanted.most_pixels
        if self._wanted.adds:
            size = tr("{width} × {height} pixels are looked at").format(width=width, height=height)
        else:
            size = tr("{width} × {height} pixels, {size:.3g} MB at most").format(
                width=width, height=height, size=_BYTES * width * height / 1e6
            )
        self.size_told.setText(size if fits else tr("{size}: too large").format(size=size))
        save = self.buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setEnabled(fits and bool(self.target()))

    def _accept(self) -> None:
        if (
            self._wanted.adds
            or not Path(self.target()).exists()
            or confirmed(self, tr("{path} exists. Replace it?").format(path=self.target()))
        ):
            self.accept()


def confirmed(parent: QWidget, question: str) -> bool:
    """Whether the user says yes; no is the button that Enter presses."""
    buttons = QMessageBox.StandardButton
    answer = QMessageBox.question(parent, "SatCLIP", question, buttons.Yes | buttons.No, buttons.No)
    return bool(answer == buttons.Yes)


def _pixel_size(size: float, crs: QgsCoordinateReferenceSystem) -> QDoubleSpinBox:
    """A field for a pixel size, at first one of the view, in units of a CRS."""
    digits = _DIGITS - floor(log10(size)) - 1
    field = QDoubleSpinBox()
    field.setDecimals(max(digits, 0))
    field.setRange(10.0 ** -max(digits, 0), 1e9)
    field.setSingleStep(size / 10)
    field.setSuffix(" " + QgsUnitTypes.toAbbreviatedString(crs.mapUnits()))
    field.setValue(size)
    return field


class SaveTask(QObject):
    """Writes one file in a task.

    Args:
        title: what the task manager shows.
        path: the file; the user has agreed to replace it.
        write: called in a thread with what is told (done, total) and what is asked whether to
            stop; a SatclipError says what went wrong, in a line.
    """

    ended = pyqtSignal(str, str)  # path, error or ""

    def __init__(self, title: str, path: str, write: Callable[[Progress, Cancelled], None]) -> None:
        super().__init__()
        self._title, self._path, self._write = title, path, write
        self._task: WorkTask | None = None

    def start(self) -> None:
        """Begin."""
        self._task = WorkTask(self._title, self._work, self._done, self)
        launch(self._task)

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        if self._task is not None:
            self._task.cancel()

    def _work(self, cancelled: Cancelled) -> None:
        task = self._task

        def progress(done: int, total: int) -> None:
            if task is not None:
                task.setProgress(100 * done / total)

        self._write(progress, cancelled)

    def _done(self, _result: Any, error: Exception | None) -> None:
        self.ended.emit(self._path, "" if error is None else worded(error))
