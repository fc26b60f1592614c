"""Where places are typed: coordinates or a name, with what is understood offered at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.PyQt.QtCore import QStringListModel, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QCompleter, QLineEdit, QWidget

from ..placenames import Named
from ..text import tr


class PlaceEntry(QLineEdit):
    """A line that takes coordinates and names; Enter takes the first of what is offered.

    Args:
        find: the places that a text may mean.
    """

    found = pyqtSignal(object)  # Named
    missed = pyqtSignal(str)  # a text that means no place

    def __init__(self, find: Callable[[str], list[Named]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._find = find
        self._offered: list[Named] = []
        self._taken = False
        self.setPlaceholderText(tr("Coordinates, country or feature"))
        self.setClearButtonEnabled(True)
        self.setToolTip(
            tr(
                "Adds a place: 47.37 8.54, or 47°22'12\"N 8°32'24\"E, or the beginning of the name "
                "of a country or of a feature of the active layer."
            )
        )
        self._texts = QStringListModel(self)
        completer = QCompleter(self._texts, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.setCompleter(completer)
        completer.activated[str].connect(self._activated)
        self.textEdited.connect(self._offer)
        self.returnPressed.connect(self._entered)

    def _offer(self, text: str) -> None:
        self._offered = self._find(text)
        self._texts.setStringList([named.label for named in self._offered])

    def _activated(self, label: str) -> None:
        """One of those that are offered was chosen."""
        self._take(next((named for named in self._offered if named.label == label), None))

    def _entered(self) -> None:
        if self._taken:  # Enter in the list is one in the line too
            return
        text = self.text().strip()
        if not text:
            return
        self._offer(text)
        if not self._offered:
            self.missed.emit(text)
            return
        self._take(self._offered[0])

    def _take(self, named: Any) -> None:
        if named is None or self._taken:
            return
        self._taken = True
        self.completer().popup().hide()
        QTimer.singleShot(0, self._empty)  # the completer writes into the line afterwards
        self.found.emit(named)

    def _empty(self) -> None:
        self._taken, self._offered = False, []
        self.clear()
        self._texts.setStringList([])
