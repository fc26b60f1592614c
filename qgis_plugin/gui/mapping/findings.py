"""What a trial has found, to be looked at: score, dots or confusions, samples that hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...placewords import tell
from ...satclip_core.products.evidence import ClassEvidence, NumberEvidence
from ...satclip_core.products.legend import Legend
from ...satclip_core.products.samples import Samples
from ...text import place_text, tr
from .scatter import Scatter
from .scorewords import (
    details,
    doubtful_values,
    doubts_warning,
    headline,
    in_short,
    outside_warning,
    said_number,
)
from .trial import Found

# Standard errors beyond which a sample stands out.
_FAR = 3.0
_ID = Qt.ItemDataRole.UserRole
_SHADE = (0, 114, 178)


@dataclass(frozen=True)
class Suspect:
    """A sample that hurts.

    Attributes:
        id: of its feature.
        cells: its value, what is said of it, how far that is off.
        tip: more of it.
    """

    id: int
    cells: tuple[str, str, str]
    tip: str


class Findings(QWidget):
    """Shows what was found, and says what the user wants done about it."""

    shown = pyqtSignal(list)  # ids of features to see
    dropped = pyqtSignal(tuple)  # values to leave out
    redone = pyqtSignal(list)  # ids of all features to leave out

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Found | None = None
        self._short = ""
        self._values: tuple[float, ...] = ()
        self._out: dict[int, Suspect] = {}
        self._make()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget in (self.headline, self.before, self.details, self.outside, self.doubts,
                       self.figures, self.title, self.suspects, self.redo):  # fmt: skip
            box.addWidget(widget)
        self.drop.clicked.connect(lambda: self.dropped.emit(self._values))
        self.redo.clicked.connect(lambda: self.redone.emit(self.ticked()))
        self.scatter.picked.connect(self._picked)
        self.table.cellClicked.connect(self._cell_clicked)
        self.suspects.itemClicked.connect(self._suspect_clicked)
        self.suspects.itemChanged.connect(lambda *_: self._check_redo())
        self.clear()

    def clear(self, *, forget: bool = True) -> None:
        """Show nothing.

        Args:
            forget: that anything was found before, and left out.
        """
        self._found = None
        if forget:
            self._short, self._out = "", {}
        self.hide()

    def ticked(self) -> list[int]:
        """Ids of the samples that are to be left out."""
        items = (
            self.suspects.topLevelItem(row) for row in range(self.suspects.topLevelItemCount())
        )
        ticked = [one for one in items if one.checkState(0) == Qt.CheckState.Checked]
        return [int(one.data(0, _ID)) for one in ticked]

    def show_found(self, found: Found, left_out: frozenset[int]) -> None:
        """Show what a trial has found.

        Args:
            found: by it.
            left_out: ids of the samples that were left out.
        """
        short = in_short(found)
        self.before.setText(tr("Before: {score}").format(score=self._short))
        self.before.setVisible(bool(self._short) and short != self._short)
        self._found, self._short = found, short
        self.headline.setText(headline(found))
        self.details.setText(details(found))
        self._tell(self.outside, outside_warning(found))
        self._values = doubtful_values(found)
        self._doubts_text.setText(doubts_warning(found, self._values))
        self.doubts.setVisible(bool(self._values))
        evidence = found.model.evidence
        if isinstance(evidence, NumberEvidence):
            self.figures.setCurrentWidget(self.scatter)
            far = np.abs(evidence.steps) > _FAR
            self.scatter.set_values(evidence.samples.values, evidence.predicted, far)
            suspects = _of_numbers(evidence)
        else:
            self.figures.setCurrentWidget(self.table)
            self._fill_table(evidence, found.model.legend)
            suspects = _of_classes(evidence, found.model.legend)
        self._list(suspects, left_out, found.model.legend)
        self.show()

    def _make(self) -> None:
        self.headline, self.before, self.details = QLabel(), QLabel(), QLabel()
        self.outside, self.title = QLabel(), QLabel(tr("Samples that hurt most"))
        bold = self.headline.font()
        bold.setBold(True)
        self.headline.setFont(bold)
        self.title.setFont(bold)
        self.doubts = QFrame()
        self.doubts.setFrameShape(QFrame.Shape.StyledPanel)
        self._doubts_text = QLabel()
        for label in (self.headline, self.before, self.details, self.outside, self._doubts_text):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.drop = QPushButton(tr("Leave them out"))
        line = QHBoxLayout(self.doubts)
        line.addWidget(self._doubts_text, 1)
        line.addWidget(self.drop)
        self.scatter = Scatter()
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setMinimumHeight(180)
        self.table.setToolTip(
            tr("Rows: the class of the sample. Columns: what was said. Click to see the samples.")
        )
        self.figures = QStackedWidget()
        self.figures.addWidget(self.scatter)
        self.figures.addWidget(self.table)
        self.suspects = QTreeWidget()
        self.suspects.setRootIsDecorated(False)
        self.suspects.setMinimumHeight(150)
        self.suspects.setToolTip(
            tr("Tick what to leave out. Click on a sample to see it on the map.")
        )
        self.redo = QPushButton(tr("Test again without the ticked ones"))

    def _tell(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))

    def _fill_table(self, evidence: ClassEvidence, legend: Legend) -> None:
        own, count = evidence.samples.values.astype(np.int64), len(legend.names)
        counts = np.bincount(own * count + evidence.predicted, minlength=count * count)
        counts = counts.reshape(count, count)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        table = self.table
        table.setRowCount(count)
        table.setColumnCount(count)
        table.setHorizontalHeaderLabels(list(legend.names))
        table.setVerticalHeaderLabels(list(legend.names))
        for row in range(count):
            for column in range(count):
                item = QTableWidgetItem(str(counts[row, column]))
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                shade = QColor(*_SHADE)
                shade.setAlpha(int(190 * shares[row, column]))
                item.setBackground(shade)
                text = tr("{count} of {all} samples of {own} were taken for {said}")
                item.setToolTip(
                    text.format(
                        count=counts[row, column],
                        all=counts[row].sum(),
                        own=legend.names[row],
                        said=legend.names[column],
                    )
                )
                table.setItem(row, column, item)
        table.resizeColumnsToContents()
        table.resizeRowsToContents()

    def _list(
        self, suspects: list[Suspect], left_out: frozenset[int], legend: Legend | None
    ) -> None:
        """List the samples that hurt; those that were left out first, ticked."""
        tree = self.suspects
        tree.blockSignals(True)
        tree.clear()
        headers = (
            (tr("Sample"), tr("Value"), tr("Without it"), tr("Off by"))
            if legend is None
            else (tr("Sample"), tr("Class"), tr("Said"), tr("Chance"))
        )
        tree.setHeaderLabels(list(headers))
        known = {**self._out, **{one.id: one for one in suspects}}
        gone = [known.get(id_) or Suspect(id_, ("", "", ""), "") for id_ in sorted(left_out)]
        for suspect, out in [*((one, True) for one in gone), *((one, False) for one in suspects)]:
            item = QTreeWidgetItem([str(suspect.id), *suspect.cells])
            item.setData(0, _ID, suspect.id)
            state = Qt.CheckState.Checked if out else Qt.CheckState.Unchecked
            item.setCheckState(0, state)
            for column in range(4):
                item.setToolTip(column, tr("left out") if out else suspect.tip)
                if column and legend is None:
                    item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
                if out:
                    item.setForeground(column, self.palette().mid())
            tree.addTopLevelItem(item)
        for column in range(4):
            tree.resizeColumnToContents(column)
        tree.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._out, self._left_out = known, left_out
        tree.blockSignals(False)
        self._check_redo()

    def _check_redo(self) -> None:
        self.redo.setEnabled(frozenset(self.ticked()) != self._left_out)

    def _ids(self, rows: np.ndarray) -> list[int]:
        evidence: Any = self._found.model.evidence if self._found is not None else None
        return [] if evidence is None else [int(id_) for id_ in ids_of(evidence.samples)[rows]]

    def _picked(self, number: int) -> None:
        self.shown.emit(self._ids(np.array([number])))

    def _suspect_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 0 and item.data(0, _ID) in self._left_out:
            return
        wanted = int(item.data(0, _ID))
        evidence: Any = self._found.model.evidence if self._found is not None else None
        if evidence is not None:
            numbers = np.flatnonzero(ids_of(evidence.samples) == wanted)
            self.scatter.mark(int(numbers[0]) if len(numbers) else None)
        self.shown.emit([wanted])

    def _cell_clicked(self, row: int, column: int) -> None:
        evidence: Any = self._found.model.evidence if self._found is not None else None
        if not isinstance(evidence, ClassEvidence):
            return
        own = evidence.samples.values.astype(np.int64)
        self.shown.emit(self._ids(np.flatnonzero((own == row) & (evidence.predicted == column))))


def _of_numbers(evidence: NumberEvidence) -> list[Suspect]:
    alone, samples = evidence.alone, evidence.samples
    made = []
    for at in evidence.suspects.tolist():
        row = int(alone.rows[at])
        value, without = float(samples.values[row]), float(alone.without[at])
        cells = (said_number(value), said_number(without), said_number(value - without))
        lon, lat = samples.lonlat[row].tolist()
        text = tr("{place}: off by {steps} standard errors")
        tip = text.format(place=place_text(lon, lat, 3), steps=tell(abs(alone.steps[at]), 1))
        if alone.moved is not None:
            text = tr("; moves the map by {moved} in the mean")
            tip += text.format(moved=said_number(float(alone.moved[at])))
        made.append(Suspect(int(ids_of(samples)[row]), cells, tip))
    return made


def ids_of(samples: Samples) -> NDArray[Any]:
    """(N,) ids of the features that the samples are; those of a layer always have them."""
    return np.arange(len(samples.values)) if samples.rows is None else samples.rows


def _of_classes(evidence: ClassEvidence, legend: Legend) -> list[Suspect]:
    samples, made = evidence.samples, []
    for row in evidence.suspects.tolist():
        own, said = int(samples.values[row]), int(evidence.predicted[row])
        chances = [f"{tell(100 * chance, 0)} %" for chance in evidence.chances[row].tolist()]
        lon, lat = samples.lonlat[row].tolist()
        text = tr("{place}: {chance} for its own class")
        tip = text.format(place=place_text(lon, lat, 3), chance=chances[1])
        cells = (legend.names[own], legend.names[said], chances[0])
        made.append(Suspect(int(ids_of(samples)[row]), cells, tip))
    return made
