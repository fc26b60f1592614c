"""Texts that users read, in their language."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

CONTEXT = "satclip"


def tr(text: str) -> str:
    """A text in the language of QGIS; placeholders are filled in afterwards, by `.format`.

    Only literals can be found by i18n/update.py: `tr("…").format(name=name)`, never `tr(f"…")`.
    """
    return QCoreApplication.translate(CONTEXT, text)
