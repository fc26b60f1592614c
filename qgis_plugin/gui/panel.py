"""The widgets of the Similar places dock: they show, and say what the user wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from qgis.gui import QgsOpacityWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..placenames import Named
from ..text import tr
from .description import Description
from .histogram import Histogram
from .placeentry import PlaceEntry
from .places import Place
from .placeslist import PlacesList
from .scale import said_length
from .session import ALL_LAND, VIEW

# Of a choice, that a narrow dock shows at least.
_LETTERS = 7
# Pixels that the frame and the buttons of a spin box take.
_SPIN = 36


class Panel(QWidget):
    """What the dock shows.

    Args:
        find: the places that a typed text may mean.
    """

    picking = pyqtSignal(bool)
    reduced = pyqtSignal(str)
    compared = pyqtSignal(str)  # with which land, one of `AGAINST`
    grounded = pyqtSignal(bool)  # whether the sea is left out
    styled = pyqtSignal()
    picked = pyqtSignal(float)  # a similarity, on the histogram
    faded = pyqtSignal(float)  # opacity of the layer
    raster_wanted = pyqtSignal()
    areas_wanted = pyqtSignal()
    places_wanted = pyqtSignal()
    helped = pyqtSignal()

    def __init__(self, find: Callable[[str], list[Named]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = PlaceEntry(find)
        self.foot = QWidget(parent)  # laid out by whoever shows the panel, outside of what scrolls
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
    def limit(self) -> float:
        """The threshold, percent of land, also where it is off."""
        return float(self._percent.value())

    @property
    def collects(self) -> bool:
        """Whether each click adds a place, instead of beginning anew."""
        return self.collect.isChecked()

    def set_model(self, model: str, resolution_km: float | None = None) -> None:
        """Name the model, and what it resolves where that is known."""
        name = model.replace("\\", "/").rpartition("/")[2]
        text = tr("Model: {name}").format(name=name)
        if resolution_km is not None:
            size = said_length(resolution_km)
            text = tr("Model: {name}, resolves {size}").format(name=name, size=size)
        self._model.setText(text)
        self._model.setToolTip(model)

    def set_scale(self, text: str) -> None:
        """Say how fine the model is, where the view is finer; nothing where empty."""
        self.scale.setText(text)
        self.scale.setVisible(bool(text))

    def set_opacity(self, opacity: float) -> None:
        """Show how opaque the layer is."""
        self._opacity.blockSignals(True)
        self._opacity.setOpacity(opacity)
        self._opacity.blockSignals(False)

    def set_reduce(self, reduce: str) -> None:
        """Show how several places are joined."""
        self._reduce.setCurrentIndex(self._reduce.findData(reduce))

    def set_threshold_at(self, percentile: float, on: bool) -> None:
        """Show a threshold in percent of land, switched on or off."""
        self._percent.setValue(percentile)
        self._limit.setChecked(on)

    def set_against(self, against: str) -> None:
        """Show which land similarities are held against, one of `AGAINST`."""
        self._against.setCurrentIndex(self._against.findData(against))

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
        self, places: Sequence[Place], *, undoable: bool = False, redoable: bool = False
    ) -> None:
        """List places, and say whether there are steps to take back or to do again."""
        self.places.show_places(places, undoable=undoable, redoable=redoable)
        some = any(not place.unlike for place in places)
        self._limit.setEnabled(some)
        for action in (self.raster_action, self.areas_action):
            action.setEnabled(some)
        self.places_action.setEnabled(bool(places))
        against = any(place.unlike for place in places)
        # Of one place there is nothing to join, and against counter-examples it is always learnt.
        self._reduce.setVisible(len(places) > 1 and not against)

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
        self.add = QToolButton()
        self.add.setText(tr("Add"))
        self.add.setToolTip(tr("Places from the features of a layer"))
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add_menu = QMenu(self.add)  # filled when it opens
        self.add_menu.setToolTipsVisible(True)
        self.add.setMenu(self.add_menu)
        self.places = PlacesList()
        self.description = Description()
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
        self._limit.setToolTip(tr("Draw only what is more similar than that share of the land."))
        self._percent = QDoubleSpinBox()
        self._percent.setRange(0, 99.9)
        self._percent.setDecimals(1)
        self._percent.setValue(95)
        self._percent.setSuffix(tr(" % of land"))
        self._cosine = QLabel()
        self._cosine.setMinimumWidth(self.fontMetrics().horizontalAdvance("≥ -0.000"))
        self._against = QComboBox()
        self._against.addItem(tr("Against this view"), VIEW)
        self._against.addItem(tr("Against all land"), ALL_LAND)
        self._against.setToolTip(
            tr(
                "The land that similarity is held against: colours, threshold, and what is learnt "
                "from several places go by it. That of this view shows contrasts within it; "
                "against all land, colours mean the same in every view."
            )
        )
        self._opacity = QgsOpacityWidget()
        self._opacity.setToolTip(tr("How opaque the layer is"))
        self._opacity.setAccessibleName(tr("Opacity"))
        self.export = QToolButton()
        self.export.setText(tr("Export"))
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        menu = QMenu(self.export)
        self.areas_action = menu.addAction(tr("Similar areas as polygons…"))
        self.raster_action = menu.addAction(tr("Similarity as GeoTIFF…"))
        self.places_action = menu.addAction(tr("Places as points…"))
        self.export.setMenu(menu)
        self._model, self.status, self.scale = QLabel(), QLabel(), QLabel()
        self.status.setWordWrap(True)
        self.scale.setWordWrap(True)
        self.scale.hide()
        # What is long is cut short in a narrow dock, and does not widen it.
        for combo in (self._reduce, self._against):
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(_LETTERS)
            combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._percent.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        longest = self.fontMetrics().horizontalAdvance(f"00.0{self._percent.suffix()}")
        self._percent.setMinimumWidth(longest + _SPIN)
        # A name or path without a space must not widen the dock.
        for label in (self._model, self.status, self.scale):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        for row in (
            (self.pick, self.add, self.help),
            (self.hint,),
            (self.entry,),
            (self.places,),
            (self.collect,),
            (self.description,),
            (self._reduce,),
            (self._against,),
            (self._land,),
            (self.histogram,),
            (self._limit, self._cosine),
            (self._percent,),
            (self._opacity,),
            (self._model,),
            (self.scale,),
        ):
            box.addLayout(_row(*row))
        box.addStretch(1)
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(6, 0, 6, 0)
        for widget in (self.export, self.status):
            foot.addLayout(_row(widget))

    def _connect(self) -> None:
        self.pick.clicked.connect(self.picking)
        self.collect.toggled.connect(lambda: self.set_picking(self.pick.isChecked()))
        self.help.clicked.connect(lambda: self.helped.emit())
        self._reduce.currentIndexChanged.connect(
            lambda: self.reduced.emit(self._reduce.currentData())
        )
        self._land.toggled.connect(lambda on: self.grounded.emit(on))
        self._limit.toggled.connect(lambda: self.styled.emit())
        self._percent.valueChanged.connect(lambda: self.styled.emit())
        self._against.currentIndexChanged.connect(
            lambda: self.compared.emit(self._against.currentData())
        )
        self.histogram.picked.connect(self.picked)
        self._opacity.opacityChanged.connect(self.faded)
        self.raster_action.triggered.connect(lambda: self.raster_wanted.emit())
        self.areas_action.triggered.connect(lambda: self.areas_wanted.emit())
        self.places_action.triggered.connect(lambda: self.places_wanted.emit())


def _row(*widgets: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget)
    return line
