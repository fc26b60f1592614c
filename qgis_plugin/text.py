"""Texts that users read, in their language."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

CONTEXT = "satclip"


def tr(text: str) -> str:
    """A text in the language of QGIS; placeholders are filled in afterwards, by `.format`.

    Only literals can be found by i18n/update.py: `tr("…").format(name=name)`, never `tr(f"…")`.
    """
    return QCoreApplication.translate(CONTEXT, text)


def place_text(lon: float, lat: float, decimals: int = 1) -> str:
    """23.6, -2.9 -> "2.9° S, 23.6° E"."""
    north = tr("N") if lat >= 0 else tr("S")
    east = tr("E") if lon >= 0 else tr("W")
    return f"{abs(lat):.{decimals}f}° {north}, {abs(lon):.{decimals}f}° {east}"
