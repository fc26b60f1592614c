"""The widgets of the Similar places dock: they show, and say what the user wants."""

from __future__ import annotations

import numpy as np
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..text import place_text, tr
from .description import Description
from .histogram import Histogram
from .maptool import UNLIKE_COLOUR


class Panel(QWidget):
    """What the dock shows."""

    picking = pyqtSignal(bool)
    undone = pyqtSignal()
    removed = pyqtSignal(int)
    cleared = pyqtSignal()
    reduced = pyqtSignal(str)
    grounded = pyqtSignal(bool)  # whether the sea is left out
    styled = pyqtSignal()
    picked = pyqtSignal(float)  # a similarity, on the histogram
    saved = pyqtSignal()
    helped = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make()
        self._lay_out()
        self._connect()
        self.set_places([])
        self.set_picking(False)

    @property
    def percentile(self) -> float | None:
        """The threshold, percent of land; None where it is off."""
        return self._percent.value() if self._limit.isChecked() else None

    @property
    def collects(self) -> bool:
        """Whether each click adds a place, instead of beginning anew."""
        return self.collect.isChecked()

    @property
    def stretches_view(self) -> bool:
        """Whether colours are stretched over the view, not over all land."""
        return self._stretch.currentData() == "view"

    def set_model(self, model: str) -> None:
        """Name the model."""
        name = model.replace("\\", "/").rpartition("/")[2]
        self._model.setText(tr("Model: {name}").format(name=name))
        self._model.setToolTip(model)

    def set_land_only(self, on: bool) -> None:
        """Show whether the sea is left out."""
        self._land.setChecked(on)

    def set_picking(self, picking: bool) -> None:
        """Say whether clicks on the map pick places, and what they do."""
        self.pick.setChecked(picking)
        if not picking:
            text = tr("Press Pick places, then click on the map.")
        elif self.collects:
            text = tr(
                "Each click adds a place, Ctrl-click one that is not meant. Clear begins anew."
            )
        else:
            text = tr("Click: what is like this? Shift-click: and like this. Ctrl-click: not this.")
        self.hint.setText(text)

    def set_places(
        self,
        places: list[tuple[float, float]],
        unlike: list[bool] | None = None,
        *,
        undoable: bool = False,
    ) -> None:
        """List places, and say whether there is a step to take back.

        Args:
            places: lon and lat in degrees.
            unlike: whether each is a counter-example; none is where None.
            undoable: whether there is such a step.
        """
        self.undo.setEnabled(undoable)
        self.places.clear()
        against = unlike or [False] * len(places)
        for (lon, lat), is_unlike in zip(places, against):
            item = QListWidgetItem(place_text(lon, lat, 3))
            if is_unlike:
                item.setText(tr("not {place}").format(place=item.text()))
                item.setForeground(QColor(UNLIKE_COLOUR))
                item.setToolTip(tr("A counter-example: what is like it is not meant."))
            self.places.addItem(item)
        some = not all(against)
        for widget in (self.clear, self.save, self._limit):
            widget.setEnabled(some)
        self.clear.setEnabled(bool(places))
        self._reduce.setEnabled(len(places) > 1 and not any(against))
        self.remove.setEnabled(False)

    def set_values(
        self, view: np.ndarray | None, land: np.ndarray | None, colours: tuple[float, float]
    ) -> None:
        """Show distributions of similarity; see `Histogram.set_values`."""
        self.histogram.set_values(view, land, colours)

    def set_threshold(self, threshold: float | None) -> None:
        """Show the similarity that the percentile stands for."""
        self.histogram.set_threshold(threshold)
        self._cosine.setText("" if threshold is None else f"≥ {threshold:.3f}")

    def set_percentile(self, percentile: float) -> None:
        """Switch the threshold on, at a percentile of land."""
        self._percent.setValue(percentile)
        self._limit.setChecked(True)

    def set_status(self, text: str) -> None:
        """One line at the bottom."""
        self.status.setText(text)

    def _make(self) -> None:
        self.pick = QToolButton()
        self.pick.setText(tr("Pick places"))
        self.pick.setCheckable(True)
        self.pick.setToolTip(tr("Whether clicks on the map pick places."))
        self.pick.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.help = QToolButton()
        self.help.setText("?")
        self.help.setToolTip(tr("Help"))
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.collect = QCheckBox(tr("Collect: each click adds a place"))
        self.collect.setToolTip(
            tr("Otherwise a click begins anew. Shift-click or Ctrl-click switches this on.")
        )
        self.places = QListWidget()
        self.places.setMaximumHeight(90)
        self.places.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.description = Description()
        self.undo = QPushButton(tr("Undo"))
        self.undo.setToolTip(tr("Take back the last change of the places (Backspace on the map)."))
        self.remove = QPushButton(tr("Remove"))
        self.clear = QPushButton(tr("Clear"))
        self._reduce = QComboBox()
        self._reduce.addItem(tr("Learnt from the places"), "classifier")
        self._reduce.addItem(tr("Mean of the places"), "mean")
        self._reduce.addItem(tr("Most similar place"), "max")
        self._reduce.setToolTip(
            tr(
                "With several places: what a pixel's similarity is. Learnt: the chance of being "
                "like them and not like random land. With counter-examples it is always learnt."
            )
        )
        self._land = QCheckBox(tr("Only on land"))
        self._land.setToolTip(tr("Leave out the sea, where the models have learnt nothing."))
        self.histogram = Histogram()
        self._limit = QCheckBox(tr("More similar than"))
        self._limit.setToolTip(tr("Draw only what is more similar than that share of all land."))
        self._percent = QDoubleSpinBox()
        self._percent.setRange(0, 99.9)
        self._percent.setDecimals(1)
        self._percent.setValue(95)
        self._percent.setSuffix(tr(" % of land"))
        self._cosine = QLabel()
        self._cosine.setMinimumWidth(self.fontMetrics().horizontalAdvance("≥ -0.000"))
        self._stretch = QComboBox()
        self._stretch.addItem(tr("Colours: all land"), "land")
        self._stretch.addItem(tr("Colours: this view"), "view")
        self._stretch.setToolTip(tr("The range of similarity that the colours are spread over."))
        self.save = QPushButton(tr("Save as GeoTIFF…"))
        self._model, self.status = QLabel(), QLabel()
        self.status.setWordWrap(True)
        # A name or path without a space must not widen the dock.
        for label in (self._model, self.status):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        for row in (
            (self.pick, self.help),
            (self.hint,),
            (self.collect,),
            (self.places,),
            (self.description,),
            (self.undo, self.remove, self.clear),
            (self._reduce, self._land),
            (self.histogram,),
            (self._limit, self._percent, self._cosine),
            (self._stretch, self.save),
            (self._model,),
            (self.status,),
        ):
            line = QHBoxLayout()
            for widget in row:
                line.addWidget(widget)
            if row[0] is self._limit:
                line.addStretch(1)
            box.addLayout(line)
        box.addStretch(1)

    def _connect(self) -> None:
        self.pick.clicked.connect(self.picking)
        self.places.itemSelectionChanged.connect(
            lambda: self.remove.setEnabled(bool(self.places.selectedItems()))
        )
        self.collect.toggled.connect(lambda: self.set_picking(self.pick.isChecked()))
        self.help.clicked.connect(lambda: self.helped.emit())
        self.undo.clicked.connect(lambda: self.undone.emit())
        self.remove.clicked.connect(lambda: self.removed.emit(self.places.currentRow()))
        self.clear.clicked.connect(lambda: self.cleared.emit())
        self._reduce.currentIndexChanged.connect(
            lambda: self.reduced.emit(self._reduce.currentData())
        )
        self._land.toggled.connect(lambda on: self.grounded.emit(on))
        self._limit.toggled.connect(lambda: self.styled.emit())
        self._percent.valueChanged.connect(lambda: self.styled.emit())
        self._stretch.currentIndexChanged.connect(lambda: self.styled.emit())
        self.histogram.picked.connect(self.picked)
        self.save.clicked.connect(lambda: self.saved.emit())
