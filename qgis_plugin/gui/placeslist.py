"""The list of places: number, kind and name of each, with the buttons beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEvent, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..text import place_text, tr
from .maptool import UNLIKE_COLOUR
from .places import Place

_NUMBER, _KIND, _NAME = range(3)
_ROWS_SHOWN = 4
_DECIMALS = 5
_KEYS = QKeySequence.StandardKey


class PlacesList(QWidget):
    """Shows places, and says what the user wants of them."""

    chosen = pyqtSignal(int)  # the place that is selected; -1 for none
    renamed = pyqtSignal(int, str)
    turned = pyqtSignal(int)  # from example to counter-example, or back
    zoomed = pyqtSignal(int)
    removed = pyqtSignal(object)  # list of indices
    cleared = pyqtSignal()
    undone = pyqtSignal()
    redone = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = _Tree()
        self.undo = _button("/mActionUndo.svg", tr("Undo"), tr("Take back the last change"))
        self.redo = _button("/mActionRedo.svg", tr("Redo"), tr("Do again what was taken back"))
        self.zoom = _button("/mActionZoomToSelected.svg", tr("Zoom to"), tr("Zoom to the place"))
        self.turn = _button(
            "/mActionInvertSelection.svg",
            tr("Change kind"),
            tr("Make it a counter-example, or an example again"),
        )
        self.remove = _button(
            "/mActionDeleteSelected.svg", tr("Remove"), tr("Remove the selected places (Del)")
        )
        self.clear = _button("/mActionDeselectAll.svg", tr("Clear"), tr("Remove all places"))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.tree)
        line = QHBoxLayout()
        line.setSpacing(2)
        for button in (self.undo, self.redo, self.zoom, self.turn, self.remove):
            line.addWidget(button)
        line.addStretch(1)
        line.addWidget(self.clear)
        box.addLayout(line)
        self._connect()
        self.show_places([])

    def show_places(
        self, places: Sequence[Place], *, undoable: bool = False, redoable: bool = False
    ) -> None:
        """List places; what was selected stays so where it is still there.

        Args:
            places: in order.
            undoable: whether there is a step to take back.
            redoable: whether there is one that was taken back.
        """
        self.undo.setEnabled(undoable)
        self.redo.setEnabled(redoable)
        self.clear.setEnabled(bool(places))
        selected = self.selected
        self.tree.blockSignals(True)
        grown = len(places) > self.count()
        self.tree.clear()
        self.tree.addTopLevelItems([_item(at, place) for at, place in enumerate(places)])
        for index in selected:
            if index < len(places) and not grown:
                self.tree.topLevelItem(index).setSelected(True)
        self.tree.blockSignals(False)
        if places and grown:
            self.tree.scrollToBottom()
        self._selection_changed()

    def count(self) -> int:
        """How many places are listed."""
        return int(self.tree.topLevelItemCount())

    def name(self, index: int) -> str:
        """What a place is called."""
        return str(self.tree.topLevelItem(index).text(_NAME))

    @property
    def selected(self) -> list[int]:
        """Indices of those that are selected, in order."""
        chosen = self.tree.selectedItems()
        return sorted(self.tree.indexOfTopLevelItem(item) for item in chosen)

    def select(self, index: int) -> None:
        """Select one."""
        self.tree.setCurrentItem(self.tree.topLevelItem(index))

    def _connect(self) -> None:
        tree = self.tree
        tree.itemSelectionChanged.connect(self._selection_changed)
        tree.itemChanged.connect(self._item_changed)
        tree.itemDoubleClicked.connect(self._double_clicked)
        tree.deleted.connect(self.remove_selected)
        tree.undone.connect(self.undone)
        tree.redone.connect(self.redone)
        tree.customContextMenuRequested.connect(self._menu)
        self.undo.clicked.connect(lambda: self.undone.emit())
        self.redo.clicked.connect(lambda: self.redone.emit())
        self.zoom.clicked.connect(lambda: self._each(self.zoomed))
        self.turn.clicked.connect(lambda: self._each(self.turned))
        self.remove.clicked.connect(lambda: self.remove_selected())
        self.clear.clicked.connect(lambda: self.cleared.emit())

    def remove_selected(self) -> None:
        """Ask for the selected places to go."""
        if self.selected:
            self.removed.emit(self.selected)

    def _each(self, signal: Any) -> None:
        """Say it of the place that is selected."""
        if self.selected:
            signal.emit(self.selected[0])

    def _selection_changed(self) -> None:
        selected = self.selected
        self.remove.setEnabled(bool(selected))
        for button in (self.zoom, self.turn):
            button.setEnabled(len(selected) == 1)
        self.chosen.emit(selected[0] if len(selected) == 1 else -1)

    def _item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        if column == _NAME:
            self.renamed.emit(self.tree.indexOfTopLevelItem(item), item.text(_NAME))

    def _double_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        index = self.tree.indexOfTopLevelItem(item)
        if column == _NAME:
            self.tree.editItem(item, _NAME)
        else:
            (self.turned if column == _KIND else self.zoomed).emit(index)

    def _menu(self, at: Any) -> None:
        item = self.tree.itemAt(at)
        if item is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Zoom to"), lambda: self._each(self.zoomed))
        menu.addAction(tr("Rename"), lambda: self.tree.editItem(item, _NAME))
        menu.addAction(self.turn.toolTip(), lambda: self._each(self.turned))
        menu.addAction(tr("Remove"), self.remove_selected)
        menu.popup(self.tree.viewport().mapToGlobal(at))


class _Tree(QTreeWidget):
    """The rows; keys that would else be the window's are its own while it has the focus."""

    deleted = pyqtSignal()
    undone = pyqtSignal()
    redone = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(3)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.header().setStretchLastSection(True)
        self.header().setMinimumSectionSize(10)
        self.header().setSectionResizeMode(_NUMBER, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(_KIND, QHeaderView.ResizeMode.ResizeToContents)
        row = self.fontMetrics().height() + 6
        self.setMinimumHeight(3 * row)
        self.setMaximumHeight(_ROWS_SHOWN * row)

    def event(self, event: Any) -> bool:
        """Keep Delete and Undo from the actions of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and self._signal(event) is not None:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:
        """Delete, undo, redo; F2 renames."""
        signal = self._signal(event)
        if signal is not None:
            signal.emit()
        elif event.key() == Qt.Key.Key_F2 and self.currentItem() is not None:
            self.editItem(self.currentItem(), _NAME)
        else:
            super().keyPressEvent(event)

    def _signal(self, event: Any) -> Any:
        for keys, signal in (
            (_KEYS.Delete, self.deleted),
            (_KEYS.Undo, self.undone),
            (_KEYS.Redo, self.redone),
        ):
            if event.matches(keys):
                return signal
        return None


def _item(index: int, place: Place) -> QTreeWidgetItem:
    item = QTreeWidgetItem([str(index + 1), "−" if place.unlike else "+", place.title])
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    item.setTextAlignment(_NUMBER, Qt.AlignmentFlag.AlignRight)
    kind = (
        tr("A counter-example: what is like it is not meant.")
        if place.unlike
        else tr("An example: what is like it is meant.")
    )
    where = place_text(place.lon, place.lat, _DECIMALS)
    item.setToolTip(_NUMBER, tr("Double-click: zoom to the place"))
    item.setToolTip(_KIND, tr("{kind} Double-click changes it.").format(kind=kind))
    item.setToolTip(_NAME, tr("{place}. Double-click or F2: rename").format(place=where))
    if place.unlike:
        for column in range(3):
            item.setForeground(column, QColor(UNLIKE_COLOUR))
    return item


def _button(icon: str, text: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(QgsApplication.getThemeIcon(icon))
    button.setText(text)
    button.setAccessibleName(text)
    button.setToolTip(tooltip)
    button.setAutoRaise(True)
    return button
