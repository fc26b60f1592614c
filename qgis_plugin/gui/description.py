"""What the places of the dock are like, in words: short, with the numbers under the pointer."""

from __future__ import annotations

from html import escape
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QWidget

from ..placewords import said_error, say, tell
from ..satclip_core.errors import SatclipError
from ..satclip_core.products import PropertyHeads
from ..satclip_core.products.place_words import Comparison, Difference, compare, describe
from ..text import tr

# Told at once; the others stand in the tooltip.
_SHOWN = ("temperature_january", "temperature_july", "rain")
# Of what is alike and apart, so many are told; the others stand in the tooltip too.
_TOLD = 2


class Description(QLabel):
    """A label that says what the last place is like; of two places what they share, and what not.

    It is there only with a model that has properties.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._encoder: Any = None
        self._heads: PropertyHeads | None = None
        self._told: Any = None
        self.hide()

    def show_places(self, encoder: Any, places: list[tuple[float, float]]) -> None:
        """Tell of places; of none, or without a model that has properties, nothing.

        Args:
            encoder: the model; None while it is not here.
            places: lon, lat in degrees.
        """
        if encoder is not self._encoder:
            self._encoder, self._heads, self._told = encoder, _heads_of(encoder), None
        if self._heads is None or not places:
            self._told = None
            self.hide()
            return
        told = places if len(places) == 2 else places[-1:]
        if told == self._told:
            return
        described = describe(encoder, told, heads=self._heads)
        lines = [f"<b>{escape(place.said(say, tell))}</b>" for place in described]
        if len(described) == 2:
            lines = [f"{index}: {line}" for index, line in enumerate(lines, 1)]
            lines += _compared(compare(*described))
        else:
            shown = [one for one in described[0].readings if one.facts.name in _SHOWN]
            lines += [
                f"{escape(say(one.facts.title))} {escape(one.said(say, tell))}"
                for one in shown
                if one.value is not None
            ]
        lines.append(f"<i>{escape(tr('Predicted by the model, not measured.'))}</i>")
        self.setText("<br>".join(lines))
        self.setToolTip(_table(described))
        self._told = told
        self.show()


def _heads_of(encoder: Any) -> PropertyHeads | None:
    if encoder is None:
        return None
    try:
        return PropertyHeads.of(encoder)
    except SatclipError:  # a model of one's own, or a published one: it tells nothing
        return None


def _compared(comparison: Comparison) -> list[str]:
    lines = []
    if comparison.shared:
        names = [say(one.first.facts.title) for one in comparison.shared[:_TOLD]]
        lines.append(escape(tr("Alike in {names}").format(names=", ".join(names))))
    # A class may be the same and only less probable.
    apart = [
        one for one in comparison.apart if one.first.said(say, tell) != one.second.said(say, tell)
    ]
    if apart:
        names = [_difference(one) for one in apart[:_TOLD]]
        lines.append(escape(tr("Apart in {names}").format(names="; ".join(names))))
    return lines


def _difference(one: Difference) -> str:
    first, second = one.first.said(say, tell), one.second.said(say, tell)
    return f"{say(one.first.facts.title)} ({first} | {second})"


def _table(described: list[Any]) -> str:
    """All properties with ranges and errors, as HTML."""
    rows = []
    for readings in zip(*(place.readings for place in described)):
        facts = readings[0].facts
        cells = [say(facts.title)]
        for reading in readings:
            margin = reading.margin(say, tell)
            cells.append(reading.said(say, tell) + (f" ({margin})" if margin else ""))
        cells.append(said_error(facts))
        rows.append("".join(f"<td>{escape(cell)}&nbsp;&nbsp;</td>" for cell in cells))
    note = tr(
        "In brackets the range of 8 in 10 labels, or the probability of the class; then the error "
        "at places left out."
    )
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>{table}</table><p>{escape(note)}</p>"
